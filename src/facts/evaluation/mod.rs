//! Evaluations: every metric recomputed from rows, with its interval, overall and for each slice.

mod binary;
mod cells;
mod columns;
mod comparison;
#[cfg(test)]
mod exact_sum;
mod fixed;
mod ids;
mod interval;
pub mod metric;
mod ranked;
pub mod reference;
mod scan;
mod slices;
mod source;
mod spill;
mod table;

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::binary::BinaryState;
use self::ids::Ids;
pub use self::metric::{Metric, MetricId, Metrics};
use self::ranked::Question;
use self::scan::{BinaryRows, DataFile};
use self::slices::{CommonCells, Groups};
use self::source::SourceError;
pub use self::source::silence_decoders;
use super::FileFacts;
use crate::manifest::raw::{self, RawEvaluation};
use crate::problem::{Location, Problem};

/// One evaluation, recomputed from its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluationFacts {
    /// Name in the manifest.
    pub name: String,
    /// What the model predicts.
    pub task: raw::Task,
    /// The rows' file.
    pub data: FileFacts,
    /// Which column plays which part.
    pub columns: raw::Columns,
    /// The two classes.
    pub classes: raw::Classes,
    /// Decision threshold: predicted positive if the score is at least this.
    pub threshold: f64,
    /// What was counted in the rows before anything was computed.
    pub rows: RowCounts,
    /// Metrics over all rows.
    pub metrics: Metrics,
    /// Metrics for each group of each slice column, sorted by column and then value.
    pub slices: Vec<Slice>,
    /// Comparisons between the groups of each protected column.
    pub comparisons: Vec<GroupComparison>,
    /// What the team states beside what was recomputed, in the order of the manifest.
    pub claims: Vec<ClaimCheck>,
    /// The time that the rows are from, as declared, or null.
    pub period: Option<raw::Period>,
    /// How the rows were kept apart from training, as declared, or null.
    pub holdout: Option<raw::Holdout>,
    /// Rows that the model may have seen before; null where they were not compared with any.
    pub leakage: Option<reference::LeakageFacts>,
    /// How far the rows are from those of a reference; null where they were not compared with any.
    pub drift: Option<reference::DriftFacts>,
    /// The challenger beside the champion; null where there were no scores of the champion.
    pub champion: Option<reference::ChampionFacts>,
}

/// Rows, and those that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RowCounts {
    /// Rows in the file.
    pub total: u64,
    /// Rows with a label of one of the two classes and a score in [0, 1].
    pub valid: u64,
    /// Rows whose label is null.
    pub label_missing: u64,
    /// Rows whose label is neither class.
    pub label_unknown: u64,
    /// Rows whose score is null.
    pub score_missing: u64,
    /// Rows whose score is NaN or infinite.
    pub score_not_finite: u64,
    /// Rows whose score is finite and outside [0, 1].
    pub score_out_of_range: u64,
    /// Rows whose id is null, or null when no id column is declared.
    pub id_missing: Option<u64>,
    /// Rows beyond the first with the same id, or null when no id column is declared.
    pub id_duplicates: Option<u64>,
}

/// Metrics of one subgroup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// The column; those of an intersection with ` × ` between them.
    pub column: String,
    /// The group's value as text; the empty string when `missing`. Those of an intersection with ` × ` between
    /// them.
    pub value: String,
    /// Whether rows of this group have no value in the column, or in one of them.
    pub missing: bool,
    /// Whether the column is a protected attribute; of an intersection, whether all of them are.
    pub protected: bool,
    /// The columns one by one, with the group's values.
    pub parts: Vec<SlicePart>,
    /// Rows of the group, invalid ones included.
    pub rows: u64,
    /// Metrics over the group's rows.
    pub metrics: Metrics,
}

/// A column of a slice, and the value that its rows have there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlicePart {
    /// The column.
    pub column: String,
    /// The value as text, or null where rows have none.
    pub value: Option<String>,
}

/// A comparison between the groups of one column, or of one intersection of columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupComparison {
    /// The column.
    pub column: String,
    /// What is compared.
    pub comparison: ComparisonId,
    /// The value, with its interval. Undefined if it is so for any group.
    #[serde(flatten)]
    pub metric: Metric,
    /// The group with the lowest value.
    pub lowest_group: Option<String>,
    /// The group with the highest value.
    pub highest_group: Option<String>,
    /// The smallest denominator of the compared rate in any group.
    pub smallest_denominator: u64,
    /// Probability of a difference as large if there were none, corrected for the number of comparisons in
    /// this evaluation; null where no test was made.
    pub adjusted_p_value: Option<f64>,
    /// How it was corrected, such as `holm`; null where no test was made.
    pub adjustment: Option<String>,
}

/// A comparison between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonId {
    /// Lowest favourable rate over the highest (the four-fifths rule's quotient).
    ImpactRatio,
    /// Highest recall minus the lowest.
    RecallDifference,
    /// Highest specificity minus the lowest.
    SpecificityDifference,
    /// Highest ROC AUC minus the lowest.
    RocAucDifference,
}

/// A stated metric value beside the recomputed one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimCheck {
    /// The metric.
    pub metric: MetricId,
    /// What the team states.
    pub claimed: f64,
    /// What was recomputed, or null when that came to no number.
    pub recomputed: Option<f64>,
    /// Absolute difference that the claim allows.
    pub tolerance: f64,
    /// What the comparison came to.
    pub result: ClaimResult,
}

/// What the comparison of a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimResult {
    /// Within the tolerance.
    Confirmed,
    /// Outside the tolerance.
    Contradicted,
    /// There is no recomputed value to compare with.
    Unverifiable,
}

/// What an evaluation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Threads that work at a time. They change no result.
    pub threads: NonZeroUsize,
    /// Bytes of memory that rows may take; what is beyond goes to temporary files.
    pub memory_bytes: u64,
}

impl Resources {
    /// Bytes of rows that may be in memory: while they are sorted there are two copies of some.
    const fn rows_bytes(self) -> u64 {
        self.memory_bytes / 2
    }
}

/// Recomputes one evaluation from the rows of the file at `path`, which is called `shown_as`; `location` is
/// where the manifest names it, if one does.
///
/// # Errors
/// Every problem that keeps the rows from being evaluated at all. Rows that are merely invalid are counted in
/// the facts, for policies to judge.
pub fn measure(
    task: raw::Task,
    declared: &RawEvaluation,
    path: &Path,
    shown_as: &str,
    location: Option<&Location>,
    resources: Resources,
) -> Result<EvaluationFacts, Vec<Problem>> {
    let file = DataFile { path, shown_as, location };
    match task {
        raw::Task::BinaryClassification => {
            let rows = scan::binary(file, declared, resources)?;
            let facts = binary_facts(declared, file, rows, resources).map_err(|problem| vec![problem])?;
            if facts.rows.total == 0 {
                let problem = file.problem("no-rows", format!("`{shown_as}` has no rows"));
                return Err(vec![problem.hint("an evaluation needs at least one case")]);
            }
            Ok(facts)
        }
    }
}

/// The classes of the label column of the file at `path`: as given, or true and false, or 1 and 0.
///
/// # Errors
/// The file cannot be read, has no such column, or one whose classes have to be given.
pub fn classes(
    path: &Path,
    label: &str,
    positive: Option<&str>,
    negative: Option<&str>,
) -> Result<(raw::ClassLabel, raw::ClassLabel), Problem> {
    let shown_as = path.display().to_string();
    scan::classes(DataFile { path, shown_as: &shown_as, location: None }, label, positive, negative)
}

/// Columns whose values make groups.
struct Grouping<'a> {
    /// Positions among the manifest's slice columns.
    columns: Vec<usize>,
    names: Vec<&'a str>,
    protected: bool,
}

impl<'a> Grouping<'a> {
    /// Those of the manifest: all rows, each slice column, each intersection, sorted by column names.
    fn declared(evaluation: &'a RawEvaluation) -> Vec<Self> {
        let of = |columns: Vec<usize>| {
            let declared: Vec<_> = columns.iter().filter_map(|column| evaluation.slices.get(*column)).collect();
            Self {
                names: declared.iter().map(|slice| slice.column.as_str()).collect(),
                protected: declared.iter().all(|slice| slice.protected),
                columns,
            }
        };
        let position = |name: &String| evaluation.slices.iter().position(|slice| slice.column == *name);
        let mut groupings: Vec<_> = (0..evaluation.slices.len()).map(|column| of(vec![column])).collect();
        let intersections = evaluation.intersections.iter();
        groupings.extend(intersections.map(|names| of(names.iter().filter_map(position).collect())));
        groupings.sort_by(|left, right| (left.names.len(), &left.names).cmp(&(right.names.len(), &right.names)));
        groupings.insert(0, of(Vec::new()));
        groupings
    }
}

fn binary_facts(
    declared: &RawEvaluation,
    file: DataFile<'_>,
    rows: BinaryRows,
    resources: Resources,
) -> Result<EvaluationFacts, Problem> {
    let groupings = Grouping::declared(declared);
    let common = CommonCells::of(&rows.tables, declared.slices.len()).map_err(|error| file.refused(&error.into()))?;
    let columns: Vec<_> = groupings.iter().map(|grouping| grouping.columns.clone()).collect();
    let groups = Groups::of(&common.cells, &columns);
    let question = Question {
        threshold: declared.threshold,
        slices_of_a_cell: groupings.len(),
        slices: groups.groups.len(),
        slices_of_cells: groups.of_cells,
        threads: resources.threads,
        memory_bytes: resources.rows_bytes(),
    };
    let states = states(rows.tables, &common, &question).map_err(|error| file.refused(&SourceError::Spill(error)))?;
    let whole = states.first().copied().unwrap_or_default();
    let metrics = binary::metrics(&whole, declared.classes.favourable);
    let mut counts = whole.row_counts();
    if let Some(ids) = rows.ids.map(Ids::count) {
        counts.id_missing = Some(ids.missing);
        counts.id_duplicates = Some(ids.duplicates);
    }
    let mut slices = Vec::new();
    let mut comparisons = Vec::new();
    let all: Vec<_> = groups.groups.into_iter().zip(&states).collect();
    for of_grouping in all.chunk_by(|left, right| left.0.grouping == right.0.grouping) {
        let Some(grouping) = of_grouping.first().and_then(|(group, _)| groupings.get(group.grouping)) else { continue };
        if grouping.columns.is_empty() {
            continue;
        }
        let of_grouping: Vec<_> = of_grouping
            .iter()
            .map(|(group, state)| (slice(grouping, &group.values, state, declared.classes.favourable), *state))
            .collect();
        if grouping.protected {
            let pairs: Vec<_> = of_grouping.iter().map(|(slice, state)| comparison::Group { slice, state }).collect();
            comparisons.extend(comparison::compare(&grouping.names.join(BETWEEN), &pairs));
        }
        slices.extend(of_grouping.into_iter().map(|(slice, _)| slice));
    }
    let claims = declared.claims.iter().map(|claim| check_claim(claim, &metrics)).collect();
    Ok(EvaluationFacts {
        name: declared.name.clone(),
        task: raw::Task::BinaryClassification,
        data: FileFacts {
            path: file.shown_as.to_owned(),
            sha256: rows.content.sha256,
            size_bytes: rows.content.size_bytes,
        },
        columns: declared.columns.clone(),
        classes: declared.classes.clone(),
        threshold: declared.threshold,
        rows: counts,
        metrics,
        slices,
        comparisons,
        claims,
        period: declared.period.clone(),
        holdout: declared.holdout.clone(),
        leakage: None,
        drift: None,
        champion: None,
    })
}

/// Between the columns of an intersection, and between their values.
const BETWEEN: &str = " × ";

/// What is known of the rows of each group.
fn states(tables: Vec<table::BinaryTable>, common: &CommonCells, question: &Question) -> io::Result<Vec<BinaryState>> {
    let (sums, ranks) = ranked::rank(tables, &common.renumbered, common.cells.len(), question)?;
    let mut states: Vec<_> = ranks.into_iter().map(|ranks| BinaryState { ranks, ..Default::default() }).collect();
    let lines = question.slices_of_cells.chunks(question.slices_of_a_cell.max(1));
    for (line, (sums, invalid)) in lines.zip(sums.iter().zip(&common.invalid)) {
        for slice in line {
            if let Some(state) = states.get_mut(*slice as usize) {
                state.sums.merge(sums);
                state.invalid.merge(*invalid);
            }
        }
    }
    Ok(states)
}

fn slice(
    grouping: &Grouping<'_>,
    values: &[Option<String>],
    state: &BinaryState,
    favourable: Option<raw::Favourable>,
) -> Slice {
    let missing = values.iter().any(Option::is_none);
    let shown = |value: &Option<String>| match value {
        Some(value) => value.clone(),
        None if values.len() == 1 => String::new(),
        None => "(missing)".to_owned(),
    };
    let parts = grouping.names.iter().zip(values);
    Slice {
        column: grouping.names.join(BETWEEN),
        value: values.iter().map(shown).collect::<Vec<_>>().join(BETWEEN),
        missing,
        protected: grouping.protected,
        parts: parts.map(|(column, value)| SlicePart { column: (*column).to_owned(), value: value.clone() }).collect(),
        rows: state.row_counts().total,
        metrics: binary::metrics(state, favourable),
    }
}

fn check_claim(claim: &raw::Claim, metrics: &Metrics) -> ClaimCheck {
    // A claim that was rounded to the tolerance's digits may lie exactly on its edge, where the
    // difference of two doubles is off by a few units in the last place.
    const EDGE: f64 = 1e-12;
    let recomputed = metrics.get(claim.metric).and_then(|metric| metric.value);
    let result = match recomputed {
        None => ClaimResult::Unverifiable,
        Some(value) if (value - claim.value).abs() <= claim.tolerance + EDGE => ClaimResult::Confirmed,
        Some(_) => ClaimResult::Contradicted,
    };
    ClaimCheck { metric: claim.metric, claimed: claim.value, recomputed, tolerance: claim.tolerance, result }
}
