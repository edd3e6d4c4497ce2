//! Which columns of two files are compared, and as what.

use arrow::datatypes::{DataType, SchemaRef};

use super::super::columns;
use super::super::drift::Baseline;
use super::super::drift::baseline::BaselineValues;
use super::super::scan::{DataFile, absent, label_hint};
use super::super::source::{Source, SourceError};
use super::kind::Kind;
use super::rows::Column;
use crate::facts::FileFacts;
use crate::manifest::raw::{RawEvaluation, Reference};
use crate::problem::Problem;

/// A file whose columns are known.
pub(super) struct Opened<'a> {
    pub(super) file: DataFile<'a>,
    pub(super) schema: SchemaRef,
    /// The types that the values of a file without types look like.
    inferred: SchemaRef,
    untyped: bool,
    pub(super) rows_max: u64,
}

impl<'a> Opened<'a> {
    pub(super) fn new(file: DataFile<'a>) -> Result<Self, Vec<Problem>> {
        let refused = |error: SourceError| vec![file.refused(&error)];
        let source = Source::open(file.files).map_err(refused)?;
        Ok(Self {
            file,
            schema: source.schema().clone(),
            inferred: source.inferred().map_err(refused)?,
            untyped: source.format().is_untyped(),
            rows_max: source.rows_max(),
        })
    }

    fn written(&self, position: usize) -> Written {
        match self.schema.field(position).data_type() {
            DataType::Null => Written::Text(Kind::Text),
            _ if self.untyped => {
                Written::Text(Kind::of(self.inferred.field(position).data_type()).unwrap_or(Kind::Text))
            }
            data_type => Kind::of(data_type).map_or(Written::Other, Written::Typed),
        }
    }

    /// A column as what it holds by itself; none if it is nothing that is compared.
    pub(super) fn column(&self, position: usize) -> Option<Column> {
        let (Written::Typed(kind) | Written::Text(kind)) = self.written(position) else { return None };
        Some(self.column_as(position, kind, false))
    }

    fn column_as(&self, position: usize, kind: Kind, empty_is_missing: bool) -> Column {
        Column { name: self.schema.field(position).name().clone(), position, kind, empty_is_missing }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.schema.fields().iter().map(|field| field.name())
    }
}

/// What a column's values are, as far as the file says so.
#[derive(Clone, Copy)]
enum Written {
    Typed(Kind),
    /// Text that looks like it.
    Text(Kind),
    /// Nothing that is compared.
    Other,
}

/// A column of the evaluation, and the one of the reference that it is compared with.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) evaluation: Column,
    /// None where the reference is a baseline.
    pub(super) reference: Option<Column>,
}

/// The columns that are compared.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) features: Vec<Pair>,
    pub(super) score: Option<Pair>,
    pub(super) label: Option<Pair>,
    pub(super) id: Option<Pair>,
    pub(super) entity: Option<Pair>,
    pub(super) time: Option<Pair>,
    pub(super) only_in_evaluation: Vec<String>,
    pub(super) only_in_reference: Vec<String>,
    pub(super) not_compared: Vec<String>,
}

/// A baseline, and the file that it is from.
pub(super) struct Frozen {
    pub(super) baseline: Baseline,
    pub(super) data: FileFacts,
}

/// What the evaluation is compared with.
pub(super) enum Against<'a> {
    Rows(&'a Opened<'a>),
    Baseline(DataFile<'a>, &'a Frozen),
}

impl Against<'_> {
    fn file(&self) -> DataFile<'_> {
        match self {
            Self::Rows(opened) => opened.file,
            Self::Baseline(file, _) => *file,
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Rows(opened) => columns::position(&opened.schema, name).is_some(),
            Self::Baseline(_, frozen) => frozen.baseline.column(name).is_some(),
        }
    }

    fn names(&self) -> Vec<&String> {
        match self {
            Self::Rows(opened) => opened.names().collect(),
            Self::Baseline(_, frozen) => frozen.baseline.columns.iter().map(|column| &column.name).collect(),
        }
    }
}

/// Chooses columns and says what is wrong with each.
pub(super) struct Chooser<'a> {
    pub(super) evaluation: &'a Opened<'a>,
    pub(super) against: &'a Against<'a>,
    problems: Vec<Problem>,
}

impl<'a> Chooser<'a> {
    pub(super) const fn new(evaluation: &'a Opened<'a>, against: &'a Against<'a>) -> Self {
        Self { evaluation, against, problems: Vec::new() }
    }

    /// The columns that the manifest's `reference` is about.
    pub(super) fn choose(mut self, declared: &RawEvaluation, reference: &Reference) -> Result<Choice, Vec<Problem>> {
        let parts = &declared.columns;
        let mut choice = Choice::default();
        let other = |name: &str| {
            let beside = [reference.entity.as_deref(), reference.time.as_deref()].into_iter().flatten();
            declared.parts().iter().map(|(.., column)| *column).chain(beside).any(|part| part == name)
        };
        if reference.features.is_empty() {
            for name in self.evaluation.names().filter(|name| !other(name)) {
                if !self.against.has(name) {
                    choice.only_in_evaluation.push(name.clone());
                } else if let Some(pair) = self.pair(name, "a feature", false) {
                    choice.features.push(pair);
                } else {
                    choice.not_compared.push(name.clone());
                }
            }
            let evaluation = &self.evaluation.schema;
            let lacks = |name: &&&String| columns::position(evaluation, name).is_none() && !other(name);
            choice.only_in_reference = self.against.names().iter().filter(lacks).map(|name| (*name).clone()).collect();
        } else {
            choice.features = reference.features.iter().filter_map(|name| self.demanded(name, "a feature")).collect();
        }
        let prediction = parts.score.as_deref().or(parts.prediction.as_deref());
        choice.score = prediction.and_then(|name| self.offered(name, "the score"));
        choice.label = self.offered(&parts.label, "the label");
        if matches!(self.against, Against::Rows(_)) {
            choice.id = parts.id.as_deref().and_then(|name| self.offered(name, "the id"));
            choice.entity = reference.entity.as_deref().and_then(|name| self.demanded(name, "the entity"));
            choice.time = reference.time.as_deref().and_then(|name| self.demanded(name, "the time"));
            // JSON has no other way to write a day.
            if let Some(Pair { evaluation, reference }) =
                choice.time.as_mut().filter(|pair| pair.evaluation.kind == Kind::Text)
            {
                evaluation.kind = Kind::Time;
                reference.iter_mut().for_each(|column| column.kind = Kind::Time);
            }
            self.time_is_time(choice.time.as_ref());
        }
        self.label_has_classes(declared);
        for names in [&mut choice.only_in_evaluation, &mut choice.only_in_reference, &mut choice.not_compared] {
            names.sort();
        }
        choice.features.sort_by(|left, right| left.evaluation.name.cmp(&right.evaluation.name));
        if self.problems.is_empty() { Ok(choice) } else { Err(self.problems) }
    }

    fn time_is_time(&mut self, time: Option<&Pair>) {
        let Some(column) = time.map(|pair| &pair.evaluation).filter(|column| column.kind != Kind::Time) else { return };
        let (file, name) = (self.evaluation.file, &column.name);
        let message = format!("the time column `{name}` of `{}` has {}", file.shown_as, column.kind.name());
        let problem = file.problem("wrong-column-type", message);
        self.problems.push(problem.hint("write it as a date or a timestamp (in text: as RFC 3339 has it)"));
    }

    /// The classes of the reference are read as those of the evaluation.
    fn label_has_classes(&mut self, declared: &RawEvaluation) {
        let (Against::Rows(opened), Some(classes)) = (self.against, &declared.classes) else { return };
        let name = &declared.columns.label;
        let Some(position) = columns::position(&opened.schema, name) else { return };
        let data_type = opened.schema.field(position).data_type();
        let holds = |class| columns::can_hold(data_type, class, opened.untyped);
        if !holds(&classes.positive) || !holds(&classes.negative) {
            let message = format!("the label column `{name}` of `{}` is {data_type}", opened.file.shown_as);
            self.problems.push(opened.file.problem("wrong-column-type", message).hint(label_hint(classes)));
        }
    }

    /// A column that both sides must have.
    fn demanded(&mut self, name: &str, part: &str) -> Option<Pair> {
        let before = self.problems.len();
        if columns::position(&self.evaluation.schema, name).is_none() {
            self.problems.push(absent(self.evaluation.file, &self.evaluation.schema, part, name));
        }
        if !self.against.has(name) {
            let file = self.against.file();
            self.problems.push(match self.against {
                Against::Rows(opened) => absent(file, &opened.schema, part, name),
                Against::Baseline(..) => {
                    let message =
                        format!("the baseline `{}` has no column `{name}`, which is declared as {part}", file.shown_as);
                    file.problem("absent-column", message).hint("write the baseline again, with that column")
                }
            });
        }
        if self.problems.len() > before {
            return None;
        }
        let pair = self.pair(name, part, part == "the entity");
        if pair.is_none() && self.problems.len() == before {
            let message = format!("the column `{name}`, which is declared as {part}, cannot be compared");
            let problem = self.evaluation.file.problem("wrong-column-type", message);
            self.problems.push(problem.hint("compared are numbers, text, truth values, dates and timestamps"));
        }
        pair
    }

    /// A column that is compared if the reference has it.
    fn offered(&mut self, name: &str, part: &str) -> Option<Pair> {
        let known = columns::position(&self.evaluation.schema, name).is_some() && self.against.has(name);
        if known { self.pair(name, part, part == "the id") } else { None }
    }

    /// A column of both sides, and what they are compared as; none if they are nothing that is compared. Two that are
    /// of different kinds are a problem.
    fn pair(&mut self, name: &str, part: &str, as_name: bool) -> Option<Pair> {
        let position = columns::position(&self.evaluation.schema, name)?;
        let ours = self.evaluation.written(position);
        let (opened, other) = match self.against {
            Against::Rows(opened) => (opened, columns::position(&opened.schema, name)?),
            Against::Baseline(_, frozen) => {
                let kind = match (ours, &frozen.baseline.column(name)?.values) {
                    (Written::Typed(kind), _) => kind,
                    // Points in time are frozen as numbers.
                    (Written::Text(Kind::Time), BaselineValues::Numeric(_)) => Kind::Time,
                    (Written::Text(_), BaselineValues::Numeric(_)) => Kind::Number { single: false },
                    (Written::Text(_), BaselineValues::Categorical(_)) => Kind::Text,
                    (Written::Text(_), BaselineValues::Boolean(_)) => Kind::Boolean,
                    (Written::Other, _) => return None,
                };
                return Some(Pair { evaluation: self.evaluation.column_as(position, kind, false), reference: None });
            }
        };
        let kind = match (ours, opened.written(other)) {
            (Written::Other, _) | (_, Written::Other) => return None,
            (Written::Typed(left), Written::Typed(right)) => left.common(right),
            (Written::Typed(kind), Written::Text(_)) | (Written::Text(_), Written::Typed(kind)) => Some(kind),
            // What names something stays as it is written: 007 is not 7.
            (Written::Text(_), Written::Text(_)) if as_name => Some(Kind::Text),
            (Written::Text(left), Written::Text(right)) => Some(left.common(right).unwrap_or(Kind::Text)),
        };
        let Some(kind) = kind else {
            let data_type = |schema: &SchemaRef, position: usize| schema.field(position).data_type().clone();
            let message = format!(
                "the column `{name}`, {part}, is {} in `{}` and {} in `{}`",
                data_type(&self.evaluation.schema, position),
                self.evaluation.file.shown_as,
                data_type(&opened.schema, other),
                opened.file.shown_as,
            );
            let problem = opened.file.problem("different-column-types", message);
            self.problems.push(problem.hint("write both files with the same types"));
            return None;
        };
        let empty_is_missing = self.evaluation.untyped || opened.untyped;
        Some(Pair {
            evaluation: self.evaluation.column_as(position, kind, empty_is_missing),
            reference: Some(opened.column_as(other, kind, empty_is_missing)),
        })
    }
}
