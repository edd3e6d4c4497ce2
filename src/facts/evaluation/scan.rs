//! The rows of one evaluation: which columns play which part, and what is read of them.

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Schema};

use super::Resources;
use super::cells::{CELLS_MAX, Cells};
use super::columns::{self, ClassOf, ColumnError};
use super::ids::{self, Ids};
use super::joined::JoinedScores;
use super::rows::RowTable;
use super::source::{Content, Format, RowsFile, Sink, Source, SourceError};
use super::table::{BinaryTable, InvalidRows, Label};
use crate::facts::FileFacts;
use crate::manifest::raw::{ClassLabel, Classes, Columns, RawEvaluation};
use crate::problem::{Location, Problem, nearest};

/// Rows of an evaluation: where they are, what to call them, and where the manifest names them.
#[derive(Debug, Clone, Copy)]
pub struct DataFile<'a> {
    /// The file, or the files that are read as one.
    pub files: &'a [RowsFile],
    /// What messages and facts call them.
    pub shown_as: &'a str,
    /// Where the manifest names it, if one does.
    pub location: Option<&'a Location>,
}

impl DataFile<'_> {
    pub(crate) fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        self.placed(Problem::new(code, message))
    }

    /// What the facts say of it.
    pub(crate) fn facts(&self, content: &Content) -> FileFacts {
        FileFacts { path: self.shown_as.to_owned(), sha256: content.sha256, size_bytes: content.size_bytes }
    }

    /// A problem at the place where the manifest names the rows.
    pub(crate) fn placed(&self, problem: Problem) -> Problem {
        match self.location {
            Some(location) => problem.at(location.clone()),
            None => problem,
        }
    }

    pub(crate) fn refused(&self, error: &SourceError) -> Problem {
        match error {
            SourceError::Io(error) => self.placed(crate::document::unreadable(self.shown_as, error)),
            SourceError::TooManyCells(_) => {
                let message =
                    format!("the slice columns of `{}` have over {CELLS_MAX} combinations of values", self.shown_as);
                self.problem("too-many-groups", message).hint("slice by columns with few values, such as bands")
            }
            SourceError::TooManyCategories(..) => self
                .problem("too-many-categories", format!("`{}`: {error}", self.shown_as))
                .hint("names and remarks are no categories: list the columns to be compared as `features`"),
            SourceError::NoRoomToCompare => self
                .problem("no-room", format!("the rows of `{}` do not fit: {error}", self.shown_as))
                .hint("give more memory with --memory"),
            SourceError::TooManyRows(_) => self
                .problem("no-room", format!("the rows of `{}` do not fit: {error}", self.shown_as))
                .hint("give more memory with --memory"),
            SourceError::Spill(_) => self
                .problem("no-room", format!("the rows of `{}` do not fit: {error}", self.shown_as))
                .hint("give more memory with --memory, or make room in the directory for temporary files (TMPDIR)"),
            SourceError::Malformed { .. } | SourceError::Stopped => {
                let message = format!("`{}` {error}", self.shown_as);
                self.problem("unreadable-rows", message)
                    .hint("write the file again, and check that the upload or checkout that brought it was complete")
            }
        }
    }
}

/// What was read of a file.
pub(crate) struct Scan<Table> {
    /// What the file is.
    pub(crate) content: Content,
    /// Its rows, as read by each thread.
    pub(crate) tables: Vec<Table>,
    /// The ids of rows, if a column of them is declared.
    pub(crate) ids: Option<Vec<Ids>>,
}

/// What a column of horizons is called in a sentence. It has whole numbers.
pub(crate) const HORIZON: &str = "the horizon";

/// What a column is to be.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    /// One of two classes.
    Label(&'a Classes),
    /// One of several classes.
    Class(&'a [&'a ClassLabel]),
    /// Whether a row has a label.
    Flag,
    /// A number with a fraction.
    Score,
    /// A number.
    Number,
    /// Few values that make groups.
    Group,
    /// Any value.
    Key,
}

/// The columns that are read of a file.
pub(super) struct Parts {
    format: Format,
    /// All of them, in the order of the file.
    pub(super) columns: Vec<usize>,
    names: Vec<String>,
    /// Those of few distinct values.
    groups: Vec<usize>,
}

/// Finds columns in a file's schema and says what is wrong with each.
pub(super) struct Finder<'a> {
    file: DataFile<'a>,
    schema: &'a Schema,
    parts: Parts,
    problems: Vec<Problem>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(file: DataFile<'a>, source: &'a Source) -> Self {
        let parts = Parts { format: source.format(), columns: Vec::new(), names: Vec::new(), groups: Vec::new() };
        Self { file, schema: source.schema(), parts, problems: Vec::new() }
    }

    /// The position of a column in the file; a wrong one, and a problem, if there is none that can be what it is to be.
    pub(super) fn find(&mut self, part: &str, name: &str, kind: Kind<'_>) -> usize {
        let Some(position) = columns::position(self.schema, name) else {
            self.problems.push(absent(self.file, self.schema, part, name));
            return 0;
        };
        let data_type = self.schema.field(position).data_type();
        let untyped = self.parts.format.is_untyped();
        let mut wrong = |hint: String| {
            let of = part.trim_start_matches("the ").trim_start_matches("a ");
            let message = format!("the {of} column `{name}` of `{}` is {data_type}", self.file.shown_as);
            self.problems.push(self.file.problem("wrong-column-type", message).hint(hint));
        };
        match kind {
            Kind::Label(classes) => {
                if ![&classes.positive, &classes.negative]
                    .iter()
                    .all(|class| columns::can_hold(data_type, class, untyped))
                {
                    wrong(label_hint(classes));
                }
                self.parts.groups.push(position);
            }
            Kind::Class(classes) => {
                if !classes.iter().all(|class| columns::can_hold(data_type, class, untyped)) {
                    wrong(
                        "the manifest declares the classes as another type; write them as they stand in the data"
                            .to_owned(),
                    );
                }
                self.parts.groups.push(position);
            }
            Kind::Flag if !columns::is_flag(data_type, untyped) => {
                wrong("write it as a Boolean, or as 1 and 0".to_owned());
            }
            Kind::Score if !columns::is_score(data_type, untyped) => {
                wrong("a score is a floating-point number in [0, 1]: the probability of the positive class".to_owned())
            }
            Kind::Number if !columns::is_number(data_type, untyped) => wrong("write it as a number".to_owned()),
            Kind::Key if part == HORIZON && !data_type.is_integer() => wrong("write it as a whole number".to_owned()),
            Kind::Group => {
                if !columns::is_group(data_type) {
                    wrong("slices are strings, Booleans or integers; put numbers into bands first".to_owned());
                }
                self.parts.groups.push(position);
            }
            Kind::Flag | Kind::Score | Kind::Number | Kind::Key => {}
        }
        self.parts.columns.push(position);
        position
    }

    fn slices(&mut self, evaluation: &RawEvaluation) -> Vec<usize> {
        evaluation.slices.iter().map(|slice| self.find("a slice", &slice.column, Kind::Group)).collect()
    }

    pub(super) fn finish(self) -> Result<Parts, Vec<Problem>> {
        let Self { mut parts, problems, schema, .. } = self;
        if !problems.is_empty() {
            return Err(problems);
        }
        parts.columns.sort_unstable();
        parts.columns.dedup();
        parts.names = parts.columns.iter().map(|column| schema.field(*column).name().clone()).collect();
        Ok(parts)
    }
}

impl Parts {
    /// A column of rows that were read, and its name.
    fn column<'b>(&'b self, rows: &'b RecordBatch, position: usize) -> Result<(&'b ArrayRef, &'b str), SourceError> {
        let place = self.columns.iter().position(|column| *column == position);
        let found = place.and_then(|place| rows.columns().get(place).zip(self.names.get(place)));
        found.map(|(column, name)| (column, name.as_str())).ok_or(SourceError::Stopped)
    }

    /// What `of` makes of a column; its error says which column it is.
    pub(super) fn read<T, E: Into<ColumnError>>(
        &self,
        rows: &RecordBatch,
        position: usize,
        of: impl FnOnce(&ArrayRef) -> Result<T, E>,
    ) -> Result<T, SourceError> {
        let (column, name) = self.column(rows, position)?;
        of(column).map_err(|error| match error.into() {
            ColumnError::TooManyCells(error) => SourceError::TooManyCells(error),
            error => self.format.malformed(format!("column `{name}`: {error}")),
        })
    }

    /// The groups of rows in each slice column, by the numbers of their values.
    fn slices(&self, rows: &RecordBatch, slices: &[usize], cells: &mut Cells) -> Result<Vec<Vec<u32>>, SourceError> {
        let mut values = Vec::with_capacity(slices.len());
        for (index, position) in slices.iter().enumerate() {
            let Some(known) = cells.values_mut(index) else { continue };
            values.push(self.read(rows, *position, |column| columns::groups(column, known))?);
        }
        Ok(values)
    }
}

/// Reads the rows of a binary classification without weights and clusters. Rows are kept `beside` that where what is
/// compared needs them.
///
/// # Errors
/// Every problem of the file: not readable, a column that is absent or of a type that cannot play its part,
/// too many groups.
pub(crate) fn binary(
    file: DataFile<'_>,
    evaluation: &RawEvaluation,
    (classes, score): (&Classes, &str),
    beside: Option<&RowParts<'_>>,
    resources: Resources,
) -> Result<Scan<(BinaryTable, Option<RowTable>)>, Vec<Problem>> {
    let source = Source::open(file.files).map_err(|error| vec![file.refused(&error)])?;
    binary_of(source, file, evaluation, (classes, score), beside, resources)
}

/// The same for files that are open.
pub(crate) fn binary_of(
    source: Source,
    file: DataFile<'_>,
    evaluation: &RawEvaluation,
    (classes, score): (&Classes, &str),
    beside: Option<&RowParts<'_>>,
    resources: Resources,
) -> Result<Scan<(BinaryTable, Option<RowTable>)>, Vec<Problem>> {
    let refused = |error: SourceError| vec![file.refused(&error)];
    let mut finder = Finder::new(file, &source);
    let names = &evaluation.columns;
    let label = finder.find("the label", &names.label, Kind::Label(classes));
    let score = finder.find("the score", score, Kind::Score);
    let id = names.id.as_deref().map(|name| finder.find("the id", name, Kind::Key));
    let slices = finder.slices(evaluation);
    let found = beside.map(|wanted| Found::new(&mut finder, names, wanted));
    let parts = finder.finish()?;
    let memory_bytes = resources.rows_bytes() / resources.threads.get() as u64;
    let beside = beside.zip(found.as_ref());
    let sink = || BinarySink {
        beside: beside.map(|(wanted, found)| RowSink::new(&parts, wanted, found, (None, &slices), memory_bytes)),
        parts: &parts,
        classes,
        label,
        score,
        id,
        slices: &slices,
        table: BinaryTable::new(slices.len(), memory_bytes),
        ids: Ids::default(),
    };
    let mut sinks: Vec<_> = (0..resources.threads.get()).map(|_| sink()).collect();
    let content = source.read(&parts.columns, &parts.groups, &mut sinks).map_err(refused)?;
    let of_sink = |sink: BinarySink<'_>| ((sink.table, sink.beside.map(|beside| beside.table)), sink.ids);
    let (tables, ids) = sinks.into_iter().map(of_sink).unzip();
    Ok(Scan { content, tables, ids: id.is_some().then_some(ids) })
}

/// The ids of files that are open.
#[cfg(feature = "cluster")]
pub(crate) fn ids_of(source: Source, file: DataFile<'_>, id: &str) -> Result<Ids, Vec<Problem>> {
    struct IdSink<'a>(&'a Parts, usize, Ids);

    impl Sink for IdSink<'_> {
        fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
            self.0.read(rows, self.1, |column| self.2.add(column))
        }
    }

    let mut finder = Finder::new(file, &source);
    let id = finder.find("the id", id, Kind::Key);
    let parts = finder.finish()?;
    let mut sinks = [IdSink(&parts, id, Ids::default())];
    source.read(&parts.columns, &parts.groups, &mut sinks).map_err(|error| vec![file.refused(&error)])?;
    let [sink] = sinks;
    Ok(sink.2)
}

/// What the label of a row is, where rows are kept.
#[derive(Clone, Copy)]
pub(crate) enum LabelPart<'a> {
    /// One of two classes, which is the first key: 1 for the positive one.
    Class(&'a Classes),
    /// A number, which is the first number.
    Number,
    /// A number of at least 0, which is the first number.
    Relevance,
    /// One of several classes, whose number is the first key.
    ClassNumber(&'a [&'a ClassLabel]),
    /// None: each label is a number of its own.
    Flags,
}

/// Which values a column of numbers may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberPart {
    /// A score in [0, 1].
    Probability,
    /// Whether the row has a label: 1 or 0.
    Flag,
    /// Any finite number.
    Finite,
    /// A finite number of at least 0.
    Weight,
    /// The champion's score in [0, 1]; NaN is kept for any other and for none.
    OtherProbability,
    /// The champion's number; NaN is kept for any that is not finite and for none.
    Other,
}

/// Rows that are kept: the columns beside the label, in the order in which they are wanted.
pub(crate) struct RowParts<'a> {
    pub(crate) label: LabelPart<'a>,
    /// What it is called in a sentence, the column, and what it may hold.
    pub(crate) numbers: Vec<(&'static str, &'a str, NumberPart)>,
    /// What it is called in a sentence, and the column.
    pub(crate) keys: Vec<(&'static str, &'a str)>,
    /// The champion's scores by the id of a row, if they are in a file of their own, and what they may be: the last number.
    pub(crate) joined: Option<(&'a JoinedScores, NumberPart)>,
    /// The column of the predicted class, whose number is the last key.
    pub(crate) predicted: Option<(&'a str, &'a [&'a ClassLabel])>,
    /// The column of the class that the champion predicts, whose number is the last number; NaN for any other and for none.
    pub(crate) champion: Option<(&'a str, &'a [&'a ClassLabel])>,
}

/// Reads rows and keeps them. Rows whose label, number or key is missing or out of range are counted and left out.
///
/// # Errors
/// As [`binary`]; and the rows do not fit into memory.
pub(crate) fn rows(
    file: DataFile<'_>,
    evaluation: &RawEvaluation,
    wanted: &RowParts<'_>,
    resources: Resources,
) -> Result<Scan<RowTable>, Vec<Problem>> {
    let refused = |error: SourceError| vec![file.refused(&error)];
    let source = Source::open(file.files).map_err(refused)?;
    let mut finder = Finder::new(file, &source);
    let names = &evaluation.columns;
    let found = Found::new(&mut finder, names, wanted);
    let id = names.id.as_deref().map(|name| finder.find("the id", name, Kind::Key));
    let slices = finder.slices(evaluation);
    let parts = finder.finish()?;
    let memory_bytes = resources.rows_bytes() / resources.threads.get() as u64;
    let sink = || RowSink::new(&parts, wanted, &found, (id, &slices), memory_bytes);
    let mut sinks: Vec<_> = (0..resources.threads.get()).map(|_| sink()).collect();
    let content = source.read(&parts.columns, &parts.groups, &mut sinks).map_err(refused)?;
    let (tables, ids) = sinks.into_iter().map(|sink| (sink.table, sink.ids)).unzip();
    Ok(Scan { content, tables, ids: id.is_some().then_some(ids) })
}

/// Where the columns of kept rows are.
struct Found {
    label: usize,
    numbers: Vec<(usize, NumberPart)>,
    keys: Vec<usize>,
    joined: Option<usize>,
    predicted: Option<usize>,
    champion: Option<usize>,
}

impl Found {
    fn new(finder: &mut Finder<'_>, names: &Columns, wanted: &RowParts<'_>) -> Self {
        let label = names.label.as_str();
        let id = names.id.as_deref().unwrap_or_default();
        let joined = wanted.joined.map(|_| finder.find("the id", id, Kind::Key));
        let label = match wanted.label {
            LabelPart::Class(classes) => finder.find("the label", label, Kind::Label(classes)),
            LabelPart::Number | LabelPart::Relevance => finder.find("the label", label, Kind::Number),
            LabelPart::ClassNumber(classes) => finder.find("the label", label, Kind::Class(classes)),
            LabelPart::Flags => 0,
        };
        let kind = |part| match part {
            NumberPart::Probability | NumberPart::OtherProbability => Kind::Score,
            NumberPart::Finite | NumberPart::Weight | NumberPart::Other => Kind::Number,
            NumberPart::Flag => Kind::Flag,
        };
        let number =
            |(part, name, values): &(&str, &str, NumberPart)| (finder.find(part, name, kind(*values)), *values);
        let numbers = wanted.numbers.iter().map(number).collect();
        let keys = wanted.keys.iter().map(|(part, name)| finder.find(part, name, Kind::Key)).collect();
        let predicted = wanted.predicted;
        let predicted = predicted.map(|(name, classes)| finder.find("the predicted class", name, Kind::Class(classes)));
        let champion = wanted.champion;
        let champion = champion.map(|(name, classes)| finder.find("the champion's class", name, Kind::Class(classes)));
        Self { label, numbers, keys, joined, predicted, champion }
    }
}

/// Classes as the column `label` of a file has them.
///
/// # Errors
/// The file cannot be read, has no such column, or one that cannot hold one of them.
pub(crate) fn class_labels(file: DataFile<'_>, label: &str, classes: &[&str]) -> Result<Vec<ClassLabel>, Problem> {
    let source = Source::open(file.files).map_err(|error| file.refused(&error))?;
    let schema = source.schema();
    let data_type = match columns::position(schema, label) {
        Some(position) => schema.field(position).data_type(),
        None => return Err(absent(file, schema, "the label", label)),
    };
    let untyped = source.format().is_untyped();
    let whole = data_type.is_integer() || (untyped && classes.iter().all(|class| class.parse::<i64>().is_ok()));
    let class = |text: &&str| match *data_type {
        _ if whole => text.parse().ok().map(ClassLabel::Integer),
        DataType::Boolean => text.parse().ok().map(ClassLabel::Boolean),
        _ if columns::is_text(data_type) => Some(ClassLabel::Text((*text).to_owned())),
        _ => None,
    };
    classes.iter().map(class).collect::<Option<_>>().ok_or_else(|| {
        let message = format!("the label column `{label}` of `{}` is {data_type}", file.shown_as);
        file.problem("wrong-column-type", message).hint("give the classes as they stand in it")
    })
}

/// The classes of the column `label` of a file: as given, written as the column's type has them, or else true and
/// false, or 1 and 0.
///
/// # Errors
/// The file cannot be read, or has no such column, or one of text or of other numbers whose classes were not given.
pub(crate) fn classes(
    file: DataFile<'_>,
    label: &str,
    positive: Option<&str>,
    negative: Option<&str>,
) -> Result<(ClassLabel, ClassLabel), Problem> {
    let source = Source::open(file.files).map_err(|error| file.refused(&error))?;
    let schema = source.schema();
    let data_type = match columns::position(schema, label) {
        Some(position) => schema.field(position).data_type(),
        None => return Err(absent(file, schema, "the label", label)),
    };
    let untyped = source.format().is_untyped();
    let class = |text: &str| match text.parse() {
        Ok(number) if data_type.is_integer() || untyped => Some(ClassLabel::Integer(number)),
        _ if *data_type == DataType::Boolean => text.parse().ok().map(ClassLabel::Boolean),
        _ if columns::is_text(data_type) => Some(ClassLabel::Text(text.to_owned())),
        _ => None,
    };
    let defaults = match data_type {
        DataType::Boolean => Some(("true", "false")),
        data_type if data_type.is_integer() || untyped => Some(("1", "0")),
        _ => None,
    };
    let chosen = |given: Option<&str>, default: Option<&str>| given.or(default).and_then(class);
    let (default_positive, default_negative) = defaults.unzip();
    chosen(positive, default_positive).zip(chosen(negative, default_negative)).ok_or_else(|| {
        let message = format!("the label column `{label}` of `{}` is {data_type}", file.shown_as);
        file.problem("wrong-column-type", message)
            .hint("say which of its values are the classes with --positive and --negative")
    })
}

pub(crate) fn absent(file: DataFile<'_>, schema: &Schema, part: &str, name: &str) -> Problem {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    if names().any(|other| other == name) {
        let message = format!("`{}` has several columns `{name}`, which is declared as {part}", file.shown_as);
        return file.problem("ambiguous-column", message).hint("give each column a name of its own");
    }
    let message = format!("`{}` has no column `{name}`, which is declared as {part}", file.shown_as);
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let listed: Vec<_> = names().take(20).map(|name| format!("`{name}`")).collect();
            format!("its columns are {}", listed.join(", "))
        }
    };
    file.problem("absent-column", message).hint(hint)
}

pub(crate) fn label_hint(classes: &Classes) -> String {
    let kind = |class: &ClassLabel| match class {
        ClassLabel::Boolean(class) => format!("the Boolean `{class}`"),
        ClassLabel::Integer(class) => format!("the integer `{class}`"),
        ClassLabel::Text(class) => format!("the string `{class}`"),
    };
    let (positive, negative) = (kind(&classes.positive), kind(&classes.negative));
    format!("the manifest declares its classes as {positive} and {negative}; write them as they stand in the data")
}

/// Takes rows of a binary classification.
struct BinarySink<'a> {
    parts: &'a Parts,
    classes: &'a Classes,
    label: usize,
    score: usize,
    id: Option<usize>,
    slices: &'a [usize],
    table: BinaryTable,
    ids: Ids,
    beside: Option<RowSink<'a>>,
}

impl Sink for BinarySink<'_> {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        let labels = self.parts.read(rows, self.label, |column| columns::labels(column, self.classes))?;
        let scores = self.parts.read(rows, self.score, columns::numbers)?;
        let values = self.parts.slices(rows, self.slices, &mut self.table.cells)?;
        if let Some(id) = self.id {
            self.parts.read(rows, id, |column| self.ids.add(column))?;
        }
        self.table.add(&labels, &scores, &values)?;
        match &mut self.beside {
            Some(beside) => beside.take(rows),
            None => Ok(()),
        }
    }
}

/// Takes rows to be kept.
struct RowSink<'a> {
    parts: &'a Parts,
    wanted: &'a RowParts<'a>,
    found: &'a Found,
    id: Option<usize>,
    slices: &'a [usize],
    table: RowTable,
    ids: Ids,
}

impl<'a> RowSink<'a> {
    fn new(
        parts: &'a Parts,
        wanted: &'a RowParts<'a>,
        found: &'a Found,
        (id, slices): (Option<usize>, &'a [usize]),
        memory_bytes: u64,
    ) -> Self {
        let (keys, numbers) = match wanted.label {
            LabelPart::Class(_) | LabelPart::ClassNumber(_) => (1, 0),
            LabelPart::Number | LabelPart::Relevance => (0, 1),
            LabelPart::Flags => (0, 0),
        };
        let keys = keys + usize::from(found.predicted.is_some());
        let numbers = numbers + usize::from(found.joined.is_some()) + usize::from(found.champion.is_some());
        let (numbers, keys) = (found.numbers.len() + numbers, found.keys.len() + keys);
        let table = RowTable::new(slices.len(), numbers, keys, memory_bytes);
        Self { parts, wanted, found, id, slices, table, ids: Ids::default() }
    }
}

/// The labels of rows, as they are kept.
enum Labels {
    Classes(Vec<Label>),
    Numbers(Float64Array),
    ClassNumbers(Vec<ClassOf>),
    None,
}

impl Sink for RowSink<'_> {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        let labels = match self.wanted.label {
            LabelPart::Class(classes) => {
                Labels::Classes(self.parts.read(rows, self.found.label, |column| columns::labels(column, classes))?)
            }
            LabelPart::Number | LabelPart::Relevance => {
                Labels::Numbers(self.parts.read(rows, self.found.label, columns::numbers)?)
            }
            LabelPart::ClassNumber(classes) => {
                let of = |column: &ArrayRef| columns::class_numbers(column, classes);
                Labels::ClassNumbers(self.parts.read(rows, self.found.label, of)?)
            }
            LabelPart::Flags => Labels::None,
        };
        let mut numbers = Vec::with_capacity(self.found.numbers.len());
        for (position, values) in &self.found.numbers {
            let of = if *values == NumberPart::Flag { columns::flags } else { columns::numbers };
            numbers.push((self.parts.read(rows, *position, of)?, *values));
        }
        let predicted = self.classes(rows, self.wanted.predicted, self.found.predicted)?;
        let champion = self.classes(rows, self.wanted.champion, self.found.champion)?;
        let joined = self.wanted.joined.zip(self.found.joined);
        let joined = joined.map(|((scores, values), id)| {
            self.parts.read(rows, id, |column| scores.of(column)).map(|scores| (scores, values))
        });
        let joined = joined.transpose()?;
        let mut keys = Vec::with_capacity(self.found.keys.len());
        for position in &self.found.keys {
            keys.push(self.parts.read(rows, *position, ids::keys)?);
        }
        let values = self.parts.slices(rows, self.slices, &mut self.table.cells)?;
        if let Some(id) = self.id {
            self.parts.read(rows, id, |column| self.ids.add(column))?;
        }
        let cells = self.table.cells_of(rows.num_rows(), &values)?;
        for (row, cell) in cells.into_iter().enumerate() {
            let mut invalid = InvalidRows::default();
            let mut row_numbers = Vec::with_capacity(numbers.len() + 1);
            let mut row_keys = Vec::with_capacity(keys.len() + 1);
            match &labels {
                Labels::Classes(labels) => row_keys.extend(class(labels.get(row).copied(), &mut invalid)),
                Labels::Numbers(labels) => {
                    row_numbers.extend(actual(number(labels, row), self.wanted.label, &mut invalid))
                }
                Labels::ClassNumbers(labels) => row_keys.extend(class_number(labels.get(row).copied(), &mut invalid)),
                Labels::None => {}
            }
            for (column, values) in &numbers {
                row_numbers.extend(value(number(column, row), *values, &mut invalid));
            }
            if let Some((scores, values)) = &joined {
                row_numbers.extend(value(scores.get(row).copied(), *values, &mut invalid));
            }
            row_numbers.extend(champion.as_ref().map(|champion| champion_class(champion.get(row).copied())));
            for column in &keys {
                match column.get(row).copied().flatten() {
                    Some(key) => row_keys.push(ids::folded(key)),
                    None => invalid.cluster_missing += 1,
                }
            }
            if let Some(predicted) = &predicted {
                row_keys.extend(predicted_class(predicted.get(row).copied(), &mut invalid));
            }
            if invalid.total() == 0 {
                self.table.push(cell, &row_numbers, &row_keys)?;
            } else if let Some(counts) = self.table.invalid_mut(cell) {
                counts.merge(invalid.first());
            }
        }
        Ok(())
    }
}

impl RowSink<'_> {
    /// The numbers of the classes in a column, if there is one.
    fn classes(
        &self,
        rows: &RecordBatch,
        wanted: Option<(&str, &[&ClassLabel])>,
        position: Option<usize>,
    ) -> Result<Option<Vec<ClassOf>>, SourceError> {
        let found = wanted.zip(position).map(|((_, classes), position)| {
            self.parts.read(rows, position, |column| columns::class_numbers(column, classes))
        });
        found.transpose()
    }
}

/// The number of the class that the champion predicts; not a number for any other and for none.
fn champion_class(class: Option<ClassOf>) -> f64 {
    match class {
        Some(ClassOf::Declared(number)) => number as f64,
        Some(ClassOf::Unknown | ClassOf::Missing) | None => f64::NAN,
    }
}

fn number(column: &Float64Array, row: usize) -> Option<f64> {
    (row < column.len() && column.is_valid(row)).then(|| column.value(row))
}

fn class(label: Option<Label>, invalid: &mut InvalidRows) -> Option<u64> {
    match label {
        Some(Label::Positive) => Some(1),
        Some(Label::Negative) => Some(0),
        Some(Label::Unknown) => {
            invalid.label_unknown += 1;
            None
        }
        Some(Label::Missing) | None => {
            invalid.label_missing += 1;
            None
        }
    }
}

fn class_number(class: Option<ClassOf>, invalid: &mut InvalidRows) -> Option<u64> {
    match class {
        Some(ClassOf::Declared(number)) => return Some(number),
        Some(ClassOf::Unknown) => invalid.label_unknown += 1,
        Some(ClassOf::Missing) | None => invalid.label_missing += 1,
    }
    None
}

fn predicted_class(class: Option<ClassOf>, invalid: &mut InvalidRows) -> Option<u64> {
    match class {
        Some(ClassOf::Declared(number)) => return Some(number),
        Some(ClassOf::Unknown) => invalid.score_out_of_range += 1,
        Some(ClassOf::Missing) | None => invalid.score_missing += 1,
    }
    None
}

fn actual(value: Option<f64>, part: LabelPart<'_>, invalid: &mut InvalidRows) -> Option<f64> {
    match value {
        None => invalid.label_missing += 1,
        Some(value) if !value.is_finite() => invalid.label_unknown += 1,
        Some(value) if matches!(part, LabelPart::Relevance) && value < 0.0 => invalid.label_unknown += 1,
        Some(value) => return Some(value + 0.0),
    }
    None
}

fn value(value: Option<f64>, values: NumberPart, invalid: &mut InvalidRows) -> Option<f64> {
    match (value, values) {
        (value, NumberPart::OtherProbability) => {
            return Some(value.filter(|value| (0.0..=1.0).contains(value)).map_or(f64::NAN, |value| value + 0.0));
        }
        (value, NumberPart::Other) => {
            return Some(value.filter(|value| value.is_finite()).map_or(f64::NAN, |value| value + 0.0));
        }
        (None, NumberPart::Flag) => invalid.label_missing += 1,
        (Some(value), NumberPart::Flag) if value.is_nan() => invalid.label_unknown += 1,
        (Some(value), NumberPart::Weight) if value.is_finite() && value >= 0.0 => return Some(value + 0.0),
        (_, NumberPart::Weight) => invalid.weight_invalid += 1,
        (None, _) => invalid.score_missing += 1,
        (Some(value), _) if !value.is_finite() => invalid.score_not_finite += 1,
        (Some(value), NumberPart::Probability) if !(0.0..=1.0).contains(&value) => invalid.score_out_of_range += 1,
        (Some(value), _) => return Some(value + 0.0),
    }
    None
}
