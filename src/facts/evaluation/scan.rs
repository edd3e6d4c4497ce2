//! The rows of one evaluation: which columns play which part, and what is read of them.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};

use super::Resources;
use super::cells::CELLS_MAX;
use super::columns::{self, ColumnError};
use super::ids::Ids;
use super::source::{Content, Format, Sink, Source, SourceError};
use super::table::BinaryTable;
use crate::manifest::raw::{ClassLabel, Classes, RawEvaluation};
use crate::problem::{Location, Problem, nearest};

/// A file of an evaluation: where it is, what to call it, and where the manifest names it.
#[derive(Clone, Copy)]
pub(crate) struct DataFile<'a> {
    pub(crate) path: &'a std::path::Path,
    pub(crate) shown_as: &'a str,
    pub(crate) location: Option<&'a Location>,
}

impl DataFile<'_> {
    pub(crate) fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        self.placed(Problem::new(code, message))
    }

    fn placed(&self, problem: Problem) -> Problem {
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

/// What was read of a binary classification.
pub(crate) struct BinaryRows {
    /// What the file is.
    pub(crate) content: Content,
    /// Its rows, as read by each thread.
    pub(crate) tables: Vec<BinaryTable>,
    /// The ids of rows, if a column of them is declared.
    pub(crate) ids: Option<Vec<Ids>>,
}

/// Reads the rows that `evaluation` declares.
///
/// # Errors
/// Every problem of the file: not readable, a column that is absent or of a type that cannot play its part,
/// too many groups.
pub(crate) fn binary(
    file: DataFile<'_>,
    evaluation: &RawEvaluation,
    resources: Resources,
) -> Result<BinaryRows, Vec<Problem>> {
    let refused = |error: SourceError| vec![file.refused(&error)];
    let source = Source::open(file.path).map_err(refused)?;
    let parts = Parts::new(file, evaluation, source.schema(), source.format())?;
    let sink = || BinarySink {
        parts: &parts,
        classes: &evaluation.classes,
        format: source.format(),
        table: BinaryTable::new(parts.slices.len(), resources.rows_bytes() / resources.threads.get() as u64),
        ids: Ids::default(),
    };
    let mut sinks: Vec<_> = (0..resources.threads.get()).map(|_| sink()).collect();
    let content = source.read(&parts.columns(), &parts.groups(), &mut sinks).map_err(refused)?;
    let (tables, ids) = sinks.into_iter().map(|sink| (sink.table, sink.ids)).unzip();
    Ok(BinaryRows { content, tables, ids: parts.id.is_some().then_some(ids) })
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
    let source = Source::open(file.path).map_err(|error| file.refused(&error))?;
    let schema = source.schema();
    let data_type = match columns::position(schema, label) {
        Some(position) => schema.field(position).data_type(),
        None => return Err(absent(file, schema, "the label", label)),
    };
    let class = |text: &str| match text.parse() {
        Ok(number) if data_type.is_integer() => Some(ClassLabel::Integer(number)),
        _ if *data_type == DataType::Boolean => text.parse().ok().map(ClassLabel::Boolean),
        _ if columns::is_text(data_type) => Some(ClassLabel::Text(text.to_owned())),
        _ => None,
    };
    let defaults = match data_type {
        DataType::Boolean => Some(("true", "false")),
        data_type if data_type.is_integer() || source.format().is_untyped() => Some(("1", "0")),
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

/// Where in the file's schema the columns are that play a part.
struct Parts {
    label: usize,
    score: usize,
    id: Option<usize>,
    slices: Vec<usize>,
}

impl Parts {
    fn new(
        file: DataFile<'_>,
        evaluation: &RawEvaluation,
        schema: &Schema,
        format: Format,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut find = |part: &str, name: &str| match columns::position(schema, name) {
            Some(position) => Some((position, schema.field(position).data_type())),
            None => {
                problems.push(absent(file, schema, part, name));
                None
            }
        };
        let names = &evaluation.columns;
        let label = find("the label", &names.label);
        let score = find("the score", &names.score);
        let id = names.id.as_deref().and_then(|name| find("the id", name));
        let slices: Vec<_> =
            evaluation.slices.iter().filter_map(|slice| find("a slice", &slice.column).zip(Some(slice))).collect();
        let untyped = format.is_untyped();
        let classes = [&evaluation.classes.positive, &evaluation.classes.negative];
        if let Some((_, data_type)) = label
            && !classes.iter().all(|class| columns::can_hold(data_type, class, untyped))
        {
            problems.push(label_type_problem(file, evaluation, data_type));
        }
        let mut wrong = |part: &str, name: &str, data_type: &DataType, hint: &str| {
            let message = format!("the {part} column `{name}` of `{}` is {data_type}", file.shown_as);
            problems.push(file.problem("wrong-column-type", message).hint(hint));
        };
        if let Some((_, data_type)) = score
            && !columns::is_score(data_type, untyped)
        {
            let hint = "a score is a floating-point number in [0, 1]: the probability of the positive class";
            wrong("score", &names.score, data_type, hint);
        }
        for ((_, data_type), slice) in &slices {
            if !columns::is_group(data_type) {
                let hint = "slices are strings, Booleans or integers; put numbers into bands first";
                wrong("slice", &slice.column, data_type, hint);
            }
        }
        match (label, score) {
            (Some((label, _)), Some((score, _))) if problems.is_empty() => Ok(Self {
                label,
                score,
                id: id.map(|(position, _)| position),
                slices: slices.into_iter().map(|((position, _), _)| position).collect(),
            }),
            _ => Err(problems),
        }
    }

    /// The columns that are read, in the order of the file.
    fn columns(&self) -> Vec<usize> {
        let mut columns: Vec<_> =
            [self.label, self.score].into_iter().chain(self.id).chain(self.slices.clone()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Those of few distinct values.
    fn groups(&self) -> Vec<usize> {
        std::iter::once(self.label).chain(self.slices.clone()).collect()
    }
}

fn absent(file: DataFile<'_>, schema: &Schema, part: &str, name: &str) -> Problem {
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

fn label_type_problem(file: DataFile<'_>, evaluation: &RawEvaluation, data_type: &DataType) -> Problem {
    let name = &evaluation.columns.label;
    let message = format!("the label column `{name}` of `{}` is {data_type}", file.shown_as);
    let kind = |class: &ClassLabel| match class {
        ClassLabel::Boolean(class) => format!("the Boolean `{class}`"),
        ClassLabel::Integer(class) => format!("the integer `{class}`"),
        ClassLabel::Text(class) => format!("the string `{class}`"),
    };
    let (positive, negative) = (kind(&evaluation.classes.positive), kind(&evaluation.classes.negative));
    file.problem("wrong-column-type", message).hint(format!(
        "the manifest declares its classes as {positive} and {negative}; write them as they stand in the data"
    ))
}

/// Takes rows of a binary classification.
struct BinarySink<'a> {
    parts: &'a Parts,
    classes: &'a Classes,
    format: Format,
    table: BinaryTable,
    ids: Ids,
}

impl Sink for BinarySink<'_> {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        let columns = self.parts.columns();
        let column = |position: usize| {
            let place = columns.iter().position(|column| *column == position);
            place.and_then(|place| rows.columns().get(place)).ok_or(SourceError::Stopped)
        };
        let unreadable = |name: &str, error: ColumnError| match error {
            ColumnError::TooManyCells(error) => SourceError::TooManyCells(error),
            error => self.format.malformed(format!("column `{name}`: {error}")),
        };
        let name = |position: usize| {
            let place = columns.iter().position(|column| *column == position);
            place.map_or_else(String::new, |place| rows.schema_ref().field(place).name().clone())
        };
        let labels = columns::labels(column(self.parts.label)?, self.classes)
            .map_err(|error| unreadable(&name(self.parts.label), error))?;
        let scores =
            columns::numbers(column(self.parts.score)?).map_err(|error| unreadable(&name(self.parts.score), error))?;
        let mut values = Vec::with_capacity(self.parts.slices.len());
        for (index, position) in self.parts.slices.iter().enumerate() {
            let Some(known) = self.table.cells.values_mut(index) else { continue };
            values
                .push(columns::groups(column(*position)?, known).map_err(|error| unreadable(&name(*position), error))?);
        }
        if let Some(id) = self.parts.id {
            self.ids.add(column(id)?).map_err(|error| unreadable(&name(id), error.into()))?;
        }
        self.table.add(&labels, &scores, &values)?;
        Ok(())
    }
}
