//! Compares the rows of an evaluation with those that the model was trained on, or with a baseline of them.

use std::thread;

use super::super::columns;
use super::super::drift::baseline::BaselineColumn;
use super::super::drift::{Baseline, ColumnDrift, ColumnReference, ColumnSample, column_drift};
use super::super::metric::{Metric, MetricStatus};
use super::super::overlap::Overlap;
use super::super::scan::{DataFile, absent};
use super::super::source::{Content, Source, SourceError};
use super::choice::{Against, Choice, Chooser, Frozen, Opened, Pair};
use super::kind::Kind;
use super::rows::{Column, Counter, Counters, Like, Plan, Present, Reading, Room, Rows, Side, Times, Values};
use super::single_column;
use super::{ColumnMetric, DriftFacts, LeakageFacts};
use crate::digest::Sha256Digest;
use crate::facts::FileFacts;
use crate::facts::evaluation::Resources;
use crate::manifest::raw::{Classes, RawEvaluation, Reference, Task};
use crate::problem::Problem;

/// The file of an evaluation's reference.
#[derive(Debug, Clone, Copy)]
pub enum ReferenceFile<'a> {
    /// Rows.
    Rows(DataFile<'a>),
    /// What was frozen of them.
    Baseline(DataFile<'a>),
}

/// What came of the comparison.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) leakage: Option<LeakageFacts>,
    pub(crate) drift: Option<DriftFacts>,
}

/// Bytes of a baseline's file at most.
const BASELINE_BYTES_MAX: u64 = 256 << 20;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// Compares the rows of `evaluation`, which were read before as `known`, with the reference.
///
/// # Errors
/// Every problem of a file or a column.
pub(crate) fn compare(
    task: Task,
    declared: &RawEvaluation,
    (evaluation, known): (DataFile<'_>, &FileFacts),
    file: ReferenceFile<'_>,
    resources: Resources,
) -> Result<Compared, Vec<Problem>> {
    let Some(reference) = &declared.reference else { return Ok(Compared::default()) };
    let opened = Opened::new(evaluation)?;
    let (of_rows, of_baseline);
    let against = match file {
        ReferenceFile::Rows(file) => {
            of_rows = Opened::new(file)?;
            Against::Rows(&of_rows)
        }
        ReferenceFile::Baseline(file) => {
            of_baseline = read_baseline(file)?;
            Against::Baseline(file, &of_baseline)
        }
    };
    let choice = Chooser::new(&opened, &against).choose(declared, reference)?;
    let comparison = Comparison { task, declared, reference, evaluation: &opened, known, resources };
    match &against {
        Against::Rows(other) => comparison.with_rows(other, &choice),
        Against::Baseline(file, frozen) => comparison.with_baseline(*file, frozen, &choice),
    }
}

fn read_baseline(file: DataFile<'_>) -> Result<Frozen, Vec<Problem>> {
    let unreadable = |error: std::io::Error| vec![file.refused(&error.into())];
    let wrong = |reasons: Vec<String>| {
        let of = |reason: String| {
            let message = format!("`{}` is no baseline: {reason}", file.shown_as);
            file.problem("invalid-baseline", message).hint("write it again with `modelgate baseline`")
        };
        reasons.into_iter().take(20).map(of).collect::<Vec<_>>()
    };
    let Some(path) = file.files.first().map(|file| &file.path) else {
        return Err(wrong(vec!["there is no file".to_owned()]));
    };
    let size_bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if size_bytes > BASELINE_BYTES_MAX {
        return Err(wrong(vec![format!("it has {size_bytes} bytes")]));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let content = Content { sha256: Sha256Digest::of(&bytes), size_bytes: bytes.len() as u64, files: Vec::new() };
    Ok(Frozen { baseline: Baseline::from_json(&bytes).map_err(wrong)?, data: file.facts(&content) })
}

/// One evaluation and what its rows are compared for.
struct Comparison<'a> {
    task: Task,
    declared: &'a RawEvaluation,
    reference: &'a Reference,
    evaluation: &'a Opened<'a>,
    known: &'a FileFacts,
    resources: Resources,
}

/// Columns that are read together: a range of the features, and whether score and label are with them.
struct Pass<'a> {
    pairs: Vec<&'a Pair>,
}

/// What one pass over a file takes and leaves.
#[derive(Default)]
struct Taken {
    content: Option<Content>,
    rows: Rows,
}

impl Comparison<'_> {
    fn name(&self, file: DataFile<'_>) -> String {
        self.reference.name.clone().unwrap_or_else(|| file.shown_as.to_owned())
    }

    /// Features, score and label, in as many passes as memory asks for: all of a pass' numbers are in it at a time.
    fn passes<'b>(&self, choice: &'b Choice, reference_rows: u64) -> Vec<Pass<'b>> {
        let room = self.resources.rows_bytes() / 2;
        let rows = self.evaluation.rows_max.saturating_add(reference_rows);
        let needed = |pair: &Pair| match pair.evaluation.kind {
            Kind::Integer | Kind::Number { .. } | Kind::Time => rows.saturating_mul(size_of::<f64>() as u64),
            Kind::Boolean | Kind::Text => 0,
        };
        let mut passes = vec![Pass { pairs: Vec::new() }];
        let mut taken: u64 = 0;
        for pair in choice.features.iter().chain(&choice.score).chain(&choice.label) {
            taken = taken.saturating_add(needed(pair));
            match passes.last_mut().filter(|pass| taken <= room || pass.pairs.is_empty()) {
                Some(pass) => pass.pairs.push(pair),
                None => {
                    taken = needed(pair);
                    passes.push(Pass { pairs: vec![pair] });
                }
            }
        }
        passes
    }

    fn read(
        &self,
        file: DataFile<'_>,
        side: Side,
        plan: &Plan<'_>,
        counters: &mut Counters,
        until: i64,
    ) -> Result<Taken, Vec<Problem>> {
        let refused = |error: SourceError| vec![file.refused(&error)];
        let room = Room::new(self.resources.rows_bytes());
        let reading =
            Reading { side, plan, room: &room, until, threads: self.resources.threads, keys_bytes: self.keys_bytes() };
        let (content, rows) = reading.read(Source::open(file.files).map_err(refused)?, counters).map_err(refused)?;
        Ok(Taken { content: Some(content), rows })
    }

    /// The evaluation's file is the one whose metrics were computed.
    fn is_known(&self, taken: &Taken) -> Result<(), Vec<Problem>> {
        let same = |content: &Content| content.sha256 == self.known.sha256;
        if taken.content.as_ref().is_some_and(same) { Ok(()) } else { Err(vec![changed(self.evaluation.file)]) }
    }

    fn classes(&self, opened: &Opened<'_>) -> Option<(usize, &Classes)> {
        let classes = self.declared.classes.as_ref()?;
        let position = columns::position(&opened.schema, &self.declared.columns.label)?;
        Some((position, classes))
    }

    fn with_baseline(&self, file: DataFile<'_>, frozen: &Frozen, choice: &Choice) -> Result<Compared, Vec<Problem>> {
        let mut drifts = Drifts::default();
        for pass in self.passes(choice, 0) {
            let plan = Plan { samples: samples(&pass, |pair| Some(&pair.evaluation)), ..Plan::default() };
            let mut none = Counters::default();
            let taken = self.read(self.evaluation.file, Side::Evaluation, &plan, &mut none, i64::MIN)?;
            self.is_known(&taken)?;
            for (pair, values) in pass.pairs.iter().zip(taken.rows.samples) {
                let name = pair.evaluation.name.as_str();
                let Some(column) = frozen.baseline.column(name) else { continue };
                drifts.push(choice, pair, column_drift(name, ColumnReference::Frozen(column), &values.sample()));
            }
        }
        let drift = drifts.facts(self.name(file), frozen.data.clone(), frozen.baseline.rows, choice);
        Ok(Compared { leakage: None, drift: Some(drift) })
    }

    fn with_rows(&self, other: &Opened<'_>, choice: &Choice) -> Result<Compared, Vec<Problem>> {
        let mut counters = self.counters(choice);
        let binary = self.task == Task::BinaryClassification;
        let mut drifts = Drifts::default();
        let mut single = Vec::new();
        let mut first: Option<(Rows, Rows, FileFacts)> = None;
        for pass in self.passes(choice, other.rows_max) {
            let mut ours = Plan { samples: samples(&pass, |pair| Some(&pair.evaluation)), ..Plan::default() };
            let mut theirs = Plan { samples: samples(&pass, |pair| pair.reference.as_ref()), ..Plan::default() };
            if first.is_none() {
                self.with_keys(choice, &mut ours, &mut theirs);
            }
            ours.classes = self.classes(self.evaluation).filter(|_| binary);
            theirs.classes = self.classes(other).filter(|_| binary);
            let mut of_reference = self.read(other.file, Side::Reference, &theirs, &mut counters, i64::MIN)?;
            let embargo = i64::from(self.reference.embargo_days).saturating_mul(MICROSECONDS_A_DAY);
            let until = of_reference.rows.times.last.saturating_add(embargo);
            let mut of_evaluation = self.read(self.evaluation.file, Side::Evaluation, &ours, &mut counters, until)?;
            self.is_known(&of_evaluation)?;
            let data = of_reference.content.map(|content| other.file.facts(&content));
            if first.as_ref().is_some_and(|(.., known)| data.as_ref() != Some(known)) {
                return Err(vec![changed(other.file)]);
            }
            let (current, before) =
                (std::mem::take(&mut of_evaluation.rows.samples), std::mem::take(&mut of_reference.rows.samples));
            for ((pair, current), before) in pass.pairs.iter().zip(current).zip(before) {
                if binary && choice.features.iter().any(|feature| std::ptr::eq(feature, *pair)) {
                    single.extend(single_columns(
                        &pair.evaluation.name,
                        &before,
                        &current,
                        of_evaluation.rows.by_class,
                    ));
                }
                let (before, current) = samples_of(before, current);
                drifts.push(
                    choice,
                    pair,
                    column_drift(&pair.evaluation.name, ColumnReference::Sample(&before), &current),
                );
            }
            if let (None, Some(data)) = (&first, data) {
                first = Some((of_reference.rows, of_evaluation.rows, data));
            }
        }
        let Some((before, rows, data)) = first else { return Err(vec![changed(other.file)]) };
        if before.rows == 0 {
            let problem = other.file.problem("no-rows", format!("`{}` has no rows", other.file.shown_as));
            return Err(vec![problem.hint("a reference needs at least one row")]);
        }
        single.sort_by(|left: &ColumnMetric, right| left.column.cmp(&right.column));
        let reference_rows = before.rows;
        let leakage = self.leakage(choice, counters, (before, rows), data.clone(), single)?;
        let drift = drifts.facts(self.name(other.file), data, reference_rows, choice);
        Ok(Compared { leakage: Some(leakage), drift: Some(drift) })
    }

    fn counters(&self, choice: &Choice) -> Counters {
        let memory_bytes = self.keys_bytes();
        let of = |pair: &Option<Pair>| pair.as_ref().map(|pair| Counter::new(Some(pair.evaluation.kind), memory_bytes));
        Counters {
            id: of(&choice.id),
            row: (!choice.features.is_empty()).then(|| Counter::new(None, memory_bytes)),
            entity: of(&choice.entity),
        }
    }

    /// Memory for the keys that are compared in one of three ways.
    const fn keys_bytes(&self) -> u64 {
        self.resources.rows_bytes() / 8
    }

    /// What the first pass reads beside the values of columns.
    fn with_keys(&self, choice: &Choice, ours: &mut Plan<'_>, theirs: &mut Plan<'_>) {
        let evaluation = |pair: &Pair| Some(pair.evaluation.clone());
        let reference = |pair: &Pair| pair.reference.clone();
        ours.like = choice.features.iter().filter_map(evaluation).collect();
        theirs.like = choice.features.iter().filter_map(reference).collect();
        for (pair, ours, theirs) in [
            (&choice.id, &mut ours.id, &mut theirs.id),
            (&choice.entity, &mut ours.entity, &mut theirs.entity),
            (&choice.time, &mut ours.time, &mut theirs.time),
        ] {
            *ours = pair.as_ref().and_then(evaluation);
            *theirs = pair.as_ref().and_then(reference);
        }
        if has_classes(self.task) {
            let schema = &self.evaluation.schema;
            let position = columns::position(schema, &self.declared.columns.label);
            ours.label = position.and_then(|position| self.evaluation.column(position));
        }
    }

    fn leakage(
        &self,
        choice: &Choice,
        counters: Counters,
        (before, mut rows): (Rows, Rows),
        data: FileFacts,
        single_columns: Vec<ColumnMetric>,
    ) -> Result<LeakageFacts, Vec<Problem>> {
        let finish = |counter: Option<Counter>| {
            let overlap = counter.map(|counter| counter.finish(self.resources.threads)).transpose();
            overlap.map_err(|error| vec![self.evaluation.file.refused(&SourceError::Spill(error))])
        };
        let n = rows.rows;
        let of_id = finish(counters.id)?;
        let of_row = finish(counters.row)?;
        let of_entity = finish(counters.entity)?;
        let no_id = match &self.declared.columns.id {
            Some(id) => format!("the reference has no column `{id}`"),
            None => "no column of ids is declared".to_owned(),
        };
        let no_likes = "no column that is compared is on both sides";
        let without = |key: &str, reason: &str| Metric::keyed_without(key, MetricStatus::Undefined, n, reason);
        let ids_missing = before.ids_missing + rows.ids_missing;
        let entities_missing = before.entities_missing + rows.entities_missing;
        let duplicate_rows = match &of_row {
            Some(overlap) => share("duplicate_rows", overlap.evaluation_duplicates, n),
            None => without("duplicate_rows", no_likes),
        };
        let conflicting_labels = if !has_classes(self.task) {
            without("conflicting_labels", "labels are not classes")
        } else if choice.features.is_empty() {
            without("conflicting_labels", no_likes)
        } else {
            share("conflicting_labels", conflicting(&mut rows.likes), n)
        };
        Ok(LeakageFacts {
            reference: self.name(DataFile { shown_as: &data.path, ..self.evaluation.file }),
            identical_files: data.sha256 == self.known.sha256,
            data: Some(data),
            rows: before.rows,
            columns: choice.features.iter().map(|pair| pair.evaluation.name.clone()).collect(),
            id_overlap: overlap("id_overlap", of_id, (ids_missing, "id"), n, &no_id),
            row_overlap: overlap("row_overlap", of_row, (0, ""), n, no_likes),
            entity_overlap: overlap(
                "entity_overlap",
                of_entity,
                (entities_missing, "entity"),
                n,
                "no entity is declared",
            ),
            before_reference: before_reference(choice.time.is_some(), before.times, rows.times, n),
            duplicate_rows,
            conflicting_labels,
            single_columns,
        })
    }
}

/// Both sides of a column, sorted at the same time.
fn samples_of(before: Values, current: Values) -> (ColumnSample, ColumnSample) {
    thread::scope(|scope| {
        let current = scope.spawn(|| current.sample());
        let before = before.sample();
        (before, current.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Whether a label is one of some classes.
const fn has_classes(task: Task) -> bool {
    matches!(task, Task::BinaryClassification | Task::MulticlassClassification)
}

/// Columns of a pass on one side.
fn samples<'a>(pass: &Pass<'a>, of: impl Fn(&'a Pair) -> Option<&'a Column>) -> Vec<Column> {
    pass.pairs.iter().filter_map(|pair| of(pair)).cloned().collect()
}

fn changed(file: DataFile<'_>) -> Problem {
    let message = format!("`{}` changed while it was read", file.shown_as);
    file.problem("file-changed", message).hint("run again when nothing writes to it")
}

/// The drift of columns as it comes.
#[derive(Default)]
struct Drifts {
    columns: Vec<ColumnDrift>,
    score: Option<ColumnDrift>,
    label: Option<ColumnDrift>,
}

impl Drifts {
    fn push(&mut self, choice: &Choice, pair: &Pair, drift: ColumnDrift) {
        let is = |other: &Option<Pair>| other.as_ref().is_some_and(|other| std::ptr::eq(other, pair));
        if is(&choice.score) {
            self.score = Some(drift);
        } else if is(&choice.label) {
            self.label = Some(drift);
        } else {
            self.columns.push(drift);
        }
    }

    fn facts(self, reference: String, data: FileFacts, rows: u64, choice: &Choice) -> DriftFacts {
        DriftFacts {
            reference,
            data: Some(data),
            rows,
            columns: self.columns,
            score: self.score,
            label: self.label,
            only_in_evaluation: choice.only_in_evaluation.clone(),
            only_in_reference: choice.only_in_reference.clone(),
            not_compared: choice.not_compared.clone(),
        }
    }
}

/// What a column alone says of the label: by its values, and by whether it has one.
fn single_columns(name: &str, reference: &Values, current: &Values, by_class: [u64; 3]) -> Vec<ColumnMetric> {
    let of = |metric| ColumnMetric { column: name.to_owned(), metric };
    if let (Some(reference), Some(current)) = (reference.categories(), current.categories()) {
        return vec![of(single_column::of_categories(&reference, &current))];
    }
    let Present::Numbers { by_class: [negatives, positives, _], .. } = &current.present else { return Vec::new() };
    let mut metrics = vec![of(single_column::of_numbers(negatives.clone(), positives.clone()))];
    if current.missing.iter().any(|rows| *rows > 0) {
        metrics.push(of(single_column::of_missing(current.missing, by_class)));
    }
    metrics
}

/// A share of all rows, each of which was looked at.
fn share(key: &str, numerator: u64, rows: u64) -> Metric {
    if rows == 0 {
        return Metric::keyed_without(key, MetricStatus::Undefined, rows, "there are no rows");
    }
    let reason = "every row was looked at: there is no sample".to_owned();
    let metric = Metric::keyed(key, numerator as f64 / rows as f64, rows, Err(reason));
    Metric { numerator: Some(numerator), ..metric }
}

/// The share of rows whose key is on both sides. Rows without a key were not compared, and are an error.
fn overlap(key: &str, found: Option<Overlap>, (missing, what): (u64, &str), rows: u64, undeclared: &str) -> Metric {
    match found {
        None => Metric::keyed_without(key, MetricStatus::Undefined, rows, undeclared),
        Some(_) if missing > 0 => {
            let reason = format!("{missing} rows of both sides have no {what}");
            Metric::keyed_without(key, MetricStatus::Error, rows, reason)
        }
        Some(overlap) => share(key, overlap.shared, rows),
    }
}

fn before_reference(declared: bool, before: Times, times: Times, rows: u64) -> Metric {
    let key = "before_reference";
    let missing = before.missing + times.missing;
    if !declared {
        return Metric::keyed_without(key, MetricStatus::Undefined, rows, "no time is declared");
    }
    if missing > 0 {
        let reason = format!("{missing} rows of both sides have no time");
        return Metric::keyed_without(key, MetricStatus::Error, rows, reason);
    }
    share(key, times.until, rows)
}

/// Rows whose like has another label.
fn conflicting(likes: &mut [Like]) -> u64 {
    likes.sort_unstable();
    let alike = likes.chunk_by(|left, right| left.key == right.key);
    let differ = |rows: &&[Like]| rows.first().map(|row| row.label) != rows.last().map(|row| row.label);
    alike.filter(differ).map(|rows| rows.len() as u64).sum()
}

/// Freezes the columns of a file: those of `names`, or all that can be compared. Returns the baseline, what the file is
/// and which columns were left out.
///
/// # Errors
/// Every problem of the file or a column.
pub(crate) fn freeze(
    file: DataFile<'_>,
    names: &[String],
    resources: Resources,
) -> Result<(Baseline, FileFacts, Vec<String>), Vec<Problem>> {
    let opened = Opened::new(file)?;
    let mut left_out = Vec::new();
    let mut problems = Vec::new();
    let mut chosen = Vec::new();
    let all: Vec<&String> = opened.schema.fields().iter().map(|field| field.name()).collect();
    let wanted: Vec<&String> = if names.is_empty() { all } else { names.iter().collect() };
    for name in wanted {
        let position = columns::position(&opened.schema, name);
        match position.map(|position| opened.column(position)) {
            Some(Some(column)) => chosen.push(column),
            Some(None) if names.is_empty() => left_out.push(name.clone()),
            Some(None) => {
                let message = format!("the column `{name}` of `{}` cannot be compared", file.shown_as);
                let problem = file.problem("wrong-column-type", message);
                problems.push(problem.hint("compared are numbers, text, truth values, dates and timestamps"));
            }
            None => problems.push(absent(file, &opened.schema, "a column", name)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let each = (resources.rows_bytes() / 2 / size_of::<f64>() as u64).checked_div(opened.rows_max).unwrap_or(1).max(1);
    let (mut frozen, mut rows, mut known) = (Vec::new(), 0, None);
    for columns in chosen.chunks(usize::try_from(each).unwrap_or(usize::MAX)) {
        let refused = |error: SourceError| vec![file.refused(&error)];
        let plan = Plan { samples: columns.to_vec(), ..Plan::default() };
        let (mut none, room) = (Counters::default(), Room::new(resources.rows_bytes()));
        let threads = resources.threads;
        let reading =
            Reading { side: Side::Reference, plan: &plan, room: &room, until: i64::MIN, threads, keys_bytes: 0 };
        let (content, taken) = reading.read(Source::open(file.files).map_err(refused)?, &mut none).map_err(refused)?;
        if known.replace(content.clone()).is_some_and(|known| known != content) {
            return Err(vec![changed(file)]);
        }
        rows = taken.rows;
        for (column, values) in columns.iter().zip(taken.samples) {
            frozen.push(BaselineColumn::freeze(&column.name, &values.sample()).map_err(|reason| {
                let message = format!("the column `{}` of `{}`: {reason}", column.name, file.shown_as);
                vec![file.problem("unfit-column", message).hint("leave the column out with --columns")]
            })?);
        }
    }
    let unfit = |reasons: Vec<String>| {
        let of = |reason: String| file.problem("unfit-rows", format!("`{}`: {reason}", file.shown_as));
        reasons.into_iter().map(of).collect::<Vec<_>>()
    };
    let baseline = Baseline::of(rows, frozen).map_err(unfit)?;
    let Some(content) = known else { return Err(unfit(vec!["there is no column that can be compared".to_owned()])) };
    Ok((baseline, file.facts(&content), left_out))
}
