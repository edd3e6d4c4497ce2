//! The rows of one of two files that are compared: keys by which they are matched, and the values of their columns.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::row::{RowConverter, SortField};

use super::super::columns::{self, ColumnError};
use super::super::drift::{BooleanSample, CategorySample, ColumnSample, NumericSample};
use super::super::ids;
use super::super::overlap::{Key, Overlap, OverlapCounter, SpillLimit};
use super::super::source::{Content, Format, Sink, Source, SourceError};
use super::super::spread::sort_many;
use super::super::table::Label;
use super::kind::{self, Kind};
use crate::manifest::raw::Classes;

/// Rows by their class: negative, positive, none of the two.
pub(crate) type ByClass = [u64; 3];
/// The place of the negative class.
pub(crate) const NEGATIVE: usize = 0;
/// The place of the positive class.
pub(crate) const POSITIVE: usize = 1;
/// The place of rows with no class of the two.
const CLASSLESS: usize = 2;

/// Different texts of a column. One with more is a name or a remark, and no category.
const CATEGORIES_MAX: usize = 1_000_000;

/// A column and what it is compared as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its place in the file.
    pub(crate) position: usize,
    pub(crate) kind: Kind,
    /// Whether an empty text is a missing value, because the other file cannot tell them apart.
    pub(crate) empty_is_missing: bool,
}

/// What is read of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan<'a> {
    /// Columns whose values are kept.
    pub(crate) samples: Vec<Column>,
    /// Columns by which rows are alike.
    pub(crate) like: Vec<Column>,
    pub(crate) id: Option<Column>,
    pub(crate) entity: Option<Column>,
    pub(crate) time: Option<Column>,
    /// The label as a value, where rows that are alike and have another one are searched for.
    pub(crate) label: Option<Column>,
    /// Where the label is one of two classes.
    pub(crate) classes: Option<(usize, &'a Classes)>,
}

impl Plan<'_> {
    /// Every column that is read, in the order of the file, and those of text.
    fn positions(&self) -> (Vec<usize>, Vec<usize>) {
        let single = [&self.id, &self.entity, &self.time, &self.label].into_iter().flatten();
        let columns: Vec<&Column> = self.samples.iter().chain(&self.like).chain(single).collect();
        let sorted = |positions: Vec<usize>| {
            let mut positions = positions;
            positions.sort_unstable();
            positions.dedup();
            positions
        };
        let classes = self.classes.map(|(position, _)| position);
        let all = columns.iter().map(|column| column.position).chain(classes).collect();
        let texts = columns.iter().filter(|column| column.kind == Kind::Text).map(|column| column.position);
        // Ids are text that is hardly ever repeated.
        let texts = texts.filter(|position| self.id.as_ref().is_none_or(|id| id.position != *position));
        (sorted(all), sorted(texts.collect()))
    }
}

/// What two sets of rows have in common, in keys of as many bits as they need.
#[derive(Debug)]
pub(crate) enum Counter {
    /// Whole numbers and other values of 64 bits.
    Narrow(OverlapCounter<u64>),
    /// The beginning of a hash.
    Wide(OverlapCounter<u128>),
}

impl Counter {
    /// For keys of this kind, or of whole rows if there is none.
    pub(crate) fn new(kind: Option<Kind>, memory_bytes: u64) -> Self {
        let memory_bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        let limit = Some(SpillLimit { memory_bytes, directory: None });
        match kind {
            Some(Kind::Integer | Kind::Number { .. } | Kind::Boolean | Kind::Time) => {
                Self::Narrow(OverlapCounter::new(limit))
            }
            Some(Kind::Text) | None => Self::Wide(OverlapCounter::new(limit)),
        }
    }

    fn add(&mut self, side: Side, keys: &[Option<u128>]) -> io::Result<()> {
        let mut keys = keys.iter().flatten().copied();
        match self {
            Self::Narrow(counter) => keys.try_for_each(|key| add_key(counter, side, key as u64)),
            Self::Wide(counter) => keys.try_for_each(|key| add_key(counter, side, key)),
        }
    }

    /// Adds the keys of a column in its one form, if it holds whole numbers and this is for such; returns how many rows
    /// have none.
    fn add_integers(&mut self, side: Side, column: &ArrayRef) -> Option<io::Result<u64>> {
        let (Self::Narrow(counter), Some(column)) = (self, column.as_primitive_opt::<Int64Type>()) else { return None };
        let missing = column.null_count() as u64;
        let added = column.iter().flatten().try_for_each(|key| add_key(counter, side, key.cast_unsigned()));
        Some(added.map(|()| missing))
    }

    /// An empty one for keys of the same width.
    fn like(&self, memory_bytes: u64) -> Self {
        match self {
            Self::Narrow(_) => Self::new(Some(Kind::Integer), memory_bytes),
            Self::Wide(_) => Self::new(None, memory_bytes),
        }
    }

    /// Takes in the keys of another one of the same width.
    fn absorb(&mut self, other: Self) {
        match (self, other) {
            (Self::Narrow(counter), Self::Narrow(other)) => counter.absorb(other),
            (Self::Wide(counter), Self::Wide(other)) => counter.absorb(other),
            (Self::Narrow(_), Self::Wide(_)) | (Self::Wide(_), Self::Narrow(_)) => {}
        }
    }

    pub(crate) fn finish(self, threads: NonZeroUsize) -> io::Result<Overlap> {
        match self {
            Self::Narrow(counter) => counter.finish(threads),
            Self::Wide(counter) => counter.finish(threads),
        }
    }
}

fn add_key<K: Key>(counter: &mut OverlapCounter<K>, side: Side, key: K) -> io::Result<()> {
    match side {
        Side::Reference => counter.add_reference(key),
        Side::Evaluation => counter.add_evaluation(key),
    }
}

/// Whose rows they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is compared with.
    Reference,
    /// What is judged.
    Evaluation,
}

/// Where the keys of both files meet.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) id: Option<Counter>,
    pub(crate) row: Option<Counter>,
    pub(crate) entity: Option<Counter>,
}

impl Counters {
    fn each(&mut self) -> [&mut Option<Counter>; 3] {
        [&mut self.id, &mut self.row, &mut self.entity]
    }

    /// Empty ones of the same widths, which may hold so much in memory each.
    fn like(&self, memory_bytes: u64) -> Self {
        let of = |counter: &Option<Counter>| counter.as_ref().map(|counter| counter.like(memory_bytes));
        Self { id: of(&self.id), row: of(&self.row), entity: of(&self.entity) }
    }

    /// Takes in the keys of others of the same widths.
    fn absorb(&mut self, mut other: Self) {
        for (own, other) in self.each().into_iter().zip(other.each()) {
            if let Some((own, other)) = own.as_mut().zip(other.take()) {
                own.absorb(other);
            }
        }
    }
}

/// Points in time of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// The latest, in microseconds since 1970.
    pub(crate) last: i64,
    /// Rows up to the moment that was asked about.
    pub(crate) until: u64,
    pub(crate) missing: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { last: i64::MIN, until: 0, missing: 0 }
    }
}

/// A row by what it is like, and its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Like {
    pub(crate) key: [u64; 2],
    pub(crate) label: u64,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: u64,
    /// In the order of the plan.
    pub(crate) samples: Vec<Values>,
    pub(crate) times: Times,
    pub(crate) ids_missing: u64,
    pub(crate) entities_missing: u64,
    pub(crate) likes: Vec<Like>,
    /// Rows of each class.
    pub(crate) by_class: ByClass,
}

/// The values of a column, apart by class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values {
    /// Rows without a value.
    pub(crate) missing: ByClass,
    pub(crate) present: Present,
}

/// The values that are there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Present {
    /// Numbers, and points in time.
    Numbers {
        by_class: [Vec<f64>; 3],
        /// Whole numbers that no double holds.
        rounded: u64,
    },
    /// Rows of each text.
    Categories(BTreeMap<String, ByClass>),
    /// Rows that are false, and that are true.
    Flags([ByClass; 2]),
}

impl Values {
    fn new(kind: Kind) -> Self {
        let present = match kind {
            Kind::Integer | Kind::Number { .. } | Kind::Time => {
                Present::Numbers { by_class: Default::default(), rounded: 0 }
            }
            Kind::Text => Present::Categories(BTreeMap::new()),
            Kind::Boolean => Present::Flags(Default::default()),
        };
        Self { missing: ByClass::default(), present }
    }

    /// Takes a column in its one form; `classes` are the places of its rows' classes.
    fn take(&mut self, column: &ArrayRef, classes: &[usize]) -> Result<(), ColumnError> {
        let missing = &mut self.missing;
        let count = |rows: &mut ByClass, class: usize| {
            if let Some(count) = rows.get_mut(class) {
                *count += 1;
            }
        };
        let classes = classes.iter().copied();
        match &mut self.present {
            Present::Numbers { by_class, rounded } => {
                let mut push = |number: Option<f64>, class: usize| match (number, by_class.get_mut(class)) {
                    (Some(number), Some(numbers)) if !number.is_nan() => numbers.push(number),
                    _ => count(missing, class),
                };
                if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
                    if numbers.null_count() == 0 {
                        numbers.values().iter().zip(classes).for_each(|(number, class)| push(Some(*number), class));
                        return Ok(());
                    }
                    numbers.iter().zip(classes).for_each(|(number, class)| push(number, class));
                    return Ok(());
                }
                for (value, class) in kind::integers(column)?.iter().zip(classes) {
                    *rounded += u64::from(value.is_some_and(is_rounded));
                    push(value.map(|value| value as f64), class);
                }
            }
            Present::Categories(categories) => {
                // Numbered first: a batch has few different texts, and each is looked up once.
                let mut texts: Vec<(String, ByClass)> = Vec::new();
                let numbers = columns::by_text(column, usize::MAX, |text| {
                    texts.push((text.to_owned(), ByClass::default()));
                    Ok::<_, ColumnError>(texts.len() - 1)
                })?;
                for (number, class) in numbers.into_iter().zip(classes) {
                    match texts.get_mut(number) {
                        Some((_, rows)) => count(rows, class),
                        None => count(missing, class),
                    }
                }
                texts.into_iter().for_each(|(text, rows)| add(categories.entry(text).or_default(), rows));
            }
            Present::Flags(flags) => {
                let column = column.as_boolean_opt();
                for (flag, class) in column.into_iter().flatten().zip(classes) {
                    match flag.and_then(|flag| flags.get_mut(usize::from(flag))) {
                        Some(rows) => count(rows, class),
                        None => count(missing, class),
                    }
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        add(&mut self.missing, other.missing);
        match (&mut self.present, other.present) {
            (Present::Numbers { by_class, rounded }, Present::Numbers { by_class: more, rounded: also }) => {
                by_class.iter_mut().zip(more).for_each(|(numbers, more)| numbers.extend(more));
                *rounded += also;
            }
            (Present::Categories(categories), Present::Categories(more)) => {
                more.into_iter().for_each(|(text, rows)| add(categories.entry(text).or_default(), rows));
            }
            (Present::Flags(flags), Present::Flags(more)) => {
                flags.iter_mut().zip(more).for_each(|(rows, more)| add(rows, more));
            }
            // Both are of the plan's kind.
            _ => {}
        }
    }

    /// The column as what is compared, whatever the class.
    pub(crate) fn sample(self) -> ColumnSample {
        let missing = self.missing.iter().sum();
        match self.present {
            Present::Numbers { by_class, rounded } => {
                let numbers = by_class.into_iter().reduce(|mut all, more| {
                    all.extend(more);
                    all
                });
                let numbers = in_order(numbers.unwrap_or_default());
                ColumnSample::Numeric(NumericSample::new(numbers, missing).with_rounded(rounded))
            }
            Present::Categories(categories) => {
                let mut sample = CategorySample::default();
                categories.iter().for_each(|(text, rows)| sample.add_rows(Some(text), rows.iter().sum()));
                sample.add_rows(None, missing);
                ColumnSample::Categorical(sample)
            }
            Present::Flags([no, yes]) => {
                ColumnSample::Boolean(BooleanSample { no: no.iter().sum(), yes: yes.iter().sum(), missing })
            }
        }
    }

    /// Rows of each category by class, those without a value included; none of numbers.
    pub(crate) fn categories(&self) -> Option<BTreeMap<Option<&str>, ByClass>> {
        let mut categories: BTreeMap<Option<&str>, ByClass> = match &self.present {
            Present::Numbers { .. } => return None,
            Present::Categories(categories) => {
                categories.iter().map(|(text, rows)| (Some(text.as_str()), *rows)).collect()
            }
            Present::Flags([no, yes]) => BTreeMap::from([(Some("false"), *no), (Some("true"), *yes)]),
        };
        categories.insert(None, self.missing);
        Some(categories)
    }
}

/// Numbers in ascending order, as `f64::total_cmp` has it.
fn in_order(numbers: Vec<f64>) -> Vec<f64> {
    const SIGN: u64 = 1 << 63;
    // The bits of a negative number are turned around, and it is below all others.
    let of = |number: f64| {
        let bits = number.to_bits();
        if bits & SIGN == 0 { bits | SIGN } else { !bits }
    };
    let back = |place: u64| f64::from_bits(if place & SIGN == 0 { !place } else { place & !SIGN });
    let mut places: Vec<u64> = numbers.into_iter().map(of).collect();
    sort_many(&mut places);
    places.into_iter().map(back).collect()
}

/// Whether no double holds a whole number.
const fn is_rounded(value: i64) -> bool {
    let magnitude = value.unsigned_abs();
    let zeros = magnitude.leading_zeros() + magnitude.trailing_zeros();
    magnitude != 0 && u64::BITS - zeros > f64::MANTISSA_DIGITS
}

fn add(rows: &mut ByClass, more: ByClass) {
    rows.iter_mut().zip(more).for_each(|(count, more)| *count += more);
}

/// How much memory is left for values, in all threads together.
#[derive(Debug)]
pub(crate) struct Room(AtomicU64);

impl Room {
    pub(crate) const fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    fn take(&self, bytes: u64) -> Result<(), SourceError> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| SourceError::NoRoomToCompare)
    }
}

/// What a file is read with.
pub(crate) struct Reading<'a> {
    pub(crate) side: Side,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) room: &'a Room,
    /// Rows up to this moment are counted, in microseconds since 1970.
    pub(crate) until: i64,
    pub(crate) threads: NonZeroUsize,
    /// Bytes of memory for the keys of each counter.
    pub(crate) keys_bytes: u64,
}

impl Reading<'_> {
    /// Reads a file once; its keys go into `counters`.
    ///
    /// # Errors
    /// It cannot be read; a value is none of its column's kind; there is no room.
    pub(crate) fn read(&self, source: Source, counters: &mut Counters) -> Result<(Content, Rows), SourceError> {
        let (positions, texts) = self.plan.positions();
        let format = source.format();
        let fields: Vec<_> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
        let names: Vec<_> = positions.iter().filter_map(|position| fields.get(*position).cloned()).collect();
        let sink = || ReferenceSink {
            reading: self,
            format,
            positions: &positions,
            names: &names,
            converter: None,
            counters: counters.like(self.keys_bytes / self.threads.get() as u64),
            rows: Rows {
                samples: self.plan.samples.iter().map(|column| Values::new(column.kind)).collect(),
                ..Rows::default()
            },
        };
        let mut sinks: Vec<_> = (0..self.threads.get()).map(|_| sink()).collect();
        let content = source.read(&positions, &texts, &mut sinks)?;
        let (rows, keys): (Vec<_>, Vec<_>) = sinks.into_iter().map(|sink| (sink.rows, sink.counters)).unzip();
        keys.into_iter().for_each(|keys| counters.absorb(keys));
        Ok((content, rows.into_iter().reduce(Rows::joined).unwrap_or_default()))
    }
}

impl Rows {
    fn joined(mut self, other: Self) -> Self {
        self.rows += other.rows;
        self.samples.iter_mut().zip(other.samples).for_each(|(values, more)| values.merge(more));
        self.times = Times {
            last: self.times.last.max(other.times.last),
            until: self.times.until + other.times.until,
            missing: self.times.missing + other.times.missing,
        };
        self.ids_missing += other.ids_missing;
        self.entities_missing += other.entities_missing;
        self.likes.extend(other.likes);
        add(&mut self.by_class, other.by_class);
        self
    }
}

struct ReferenceSink<'a> {
    reading: &'a Reading<'a>,
    format: Format,
    positions: &'a [usize],
    names: &'a [String],
    converter: Option<RowConverter>,
    counters: Counters,
    rows: Rows,
}

impl ReferenceSink<'_> {
    /// What `of` makes of a column; its error says which column it is.
    fn read<T>(
        &self,
        batch: &RecordBatch,
        position: usize,
        of: impl FnOnce(&ArrayRef) -> Result<T, ColumnError>,
    ) -> Result<T, SourceError> {
        let place = self.positions.iter().position(|column| *column == position);
        let found = place.and_then(|place| batch.columns().get(place).zip(self.names.get(place)));
        let (column, name) = found.ok_or(SourceError::Stopped)?;
        of(column).map_err(|error| self.format.malformed(format!("column `{name}`: {error}")))
    }

    fn canonical(&self, batch: &RecordBatch, column: &Column) -> Result<ArrayRef, SourceError> {
        let of = |array: &ArrayRef| kind::canonical(array, column.kind, column.empty_is_missing);
        self.read(batch, column.position, of)
    }

    /// Adds the keys of a column, if there is one, to a counter; returns how many rows have none.
    fn add_keys(
        &self,
        batch: &RecordBatch,
        column: &Option<Column>,
        counter: &mut Option<Counter>,
    ) -> Result<u64, SourceError> {
        let (Some(column), Some(counter)) = (column, counter) else { return Ok(0) };
        let side = self.reading.side;
        let array = self.canonical(batch, column)?;
        if let Some(missing) = counter.add_integers(side, &array) {
            return missing.map_err(SourceError::Spill);
        }
        let keys = self.read(batch, column.position, |_| kind::keys(&array))?;
        counter.add(side, &keys).map_err(SourceError::Spill)?;
        Ok(keys.iter().filter(|key| key.is_none()).count() as u64)
    }

    fn keys(&self, batch: &RecordBatch, column: &Column) -> Result<Vec<Option<u128>>, SourceError> {
        let of = |array: &ArrayRef| kind::keys(&kind::canonical(array, column.kind, column.empty_is_missing)?);
        self.read(batch, column.position, of)
    }

    /// The places of the rows' classes.
    fn classes(&self, batch: &RecordBatch) -> Result<Vec<usize>, SourceError> {
        let Some((position, classes)) = self.reading.plan.classes else {
            return Ok(vec![CLASSLESS; batch.num_rows()]);
        };
        let labels = self.read(batch, position, |column| columns::labels(column, classes))?;
        let place = |label| match label {
            Label::Negative => NEGATIVE,
            Label::Positive => POSITIVE,
            Label::Unknown | Label::Missing => CLASSLESS,
        };
        Ok(labels.into_iter().map(place).collect())
    }

    /// A key for each row, the same for rows with the same values in all columns by which they are alike.
    fn row_keys(&mut self, batch: &RecordBatch) -> Result<Vec<Option<u128>>, SourceError> {
        let like = &self.reading.plan.like;
        let columns: Vec<ArrayRef> =
            like.iter().map(|column| self.canonical(batch, column)).collect::<Result<_, _>>()?;
        let malformed = |error: arrow::error::ArrowError| self.format.malformed(error.to_string());
        let converter = match &mut self.converter {
            Some(converter) => converter,
            None => {
                let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
                self.converter.insert(RowConverter::new(fields).map_err(malformed)?)
            }
        };
        let rows = converter.convert_columns(&columns).map_err(malformed)?;
        Ok(rows.iter().map(|row| Some(ids::hash(row.as_ref()))).collect())
    }

    fn times(&mut self, batch: &RecordBatch, column: &Column) -> Result<(), SourceError> {
        let column = self.canonical(batch, column)?;
        let of_kind = |error: ColumnError| self.format.malformed(error.to_string());
        let times = &mut self.rows.times;
        for time in kind::integers(&column).map_err(of_kind)? {
            match time {
                None => times.missing += 1,
                Some(time) => {
                    times.last = times.last.max(time);
                    times.until += u64::from(time <= self.reading.until);
                }
            }
        }
        Ok(())
    }
}

impl Sink for ReferenceSink<'_> {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), SourceError> {
        let (plan, side) = (self.reading.plan, self.reading.side);
        let rows = batch.num_rows() as u64;
        let classes = self.classes(batch)?;
        for class in &classes {
            if let Some(count) = self.rows.by_class.get_mut(*class) {
                *count += 1;
            }
        }
        let mut samples = std::mem::take(&mut self.rows.samples);
        for (values, column) in samples.iter_mut().zip(&plan.samples) {
            if matches!(values.present, Present::Numbers { .. }) {
                self.reading.room.take(rows * size_of::<f64>() as u64)?;
            }
            let array = self.canonical(batch, column)?;
            self.read(batch, column.position, |_| values.take(&array, &classes))?;
            if matches!(&values.present, Present::Categories(categories) if categories.len() > CATEGORIES_MAX) {
                return Err(SourceError::TooManyCategories(column.name.clone(), CATEGORIES_MAX));
            }
        }
        self.rows.samples = samples;
        let mut counters = std::mem::take(&mut self.counters);
        self.rows.ids_missing += self.add_keys(batch, &plan.id, &mut counters.id)?;
        self.rows.entities_missing += self.add_keys(batch, &plan.entity, &mut counters.entity)?;
        let row = if plan.like.is_empty() { None } else { Some(self.row_keys(batch)?) };
        if let Some((counter, keys)) = counters.row.as_mut().zip(row.as_deref()) {
            counter.add(side, keys).map_err(SourceError::Spill)?;
        }
        self.counters = counters;
        if let Some(time) = &plan.time {
            self.times(batch, time)?;
        }
        if let (Some(column), Some(keys)) = (&plan.label, &row) {
            self.reading.room.take(rows * size_of::<Like>() as u64)?;
            // A label that is missing is another than any that is there.
            let label = |label: Option<u128>| label.map_or(u64::MAX, ids::folded);
            let labels = self.keys(batch, column)?;
            let like = |(key, of_row): (u128, Option<u128>)| Like {
                key: [(key >> 64) as u64, key as u64],
                label: label(of_row),
            };
            self.rows.likes.extend(keys.iter().flatten().copied().zip(labels).map(like));
        }
        self.rows.rows += rows;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_no_double_holds_are_counted() {
        let limit = 1_i64 << 53;
        let rounded = [limit, limit + 1, -limit - 1, limit + 2, 0, 1, -1, i64::MAX, i64::MIN].map(is_rounded);
        assert_eq!(rounded, [false, true, true, false, false, false, false, true, false]);
    }
}
