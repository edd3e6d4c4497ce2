//! Evaluations: every metric recomputed from rows, with its interval, overall and for each slice.

mod aggregate;
mod binary;
mod comparison;
mod interval;
pub mod metric;
pub mod reference;
mod scan;
mod scores;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::metric::{Metric, MetricId, Metrics};
use self::scan::{Cell, DataFile, Scan};
use self::scores::BinaryScores;
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
    /// The column.
    pub column: String,
    /// The group's value as text; the empty string when `missing`.
    pub value: String,
    /// Whether this is the group of rows that have no value in the column.
    pub missing: bool,
    /// Whether the column is a protected attribute.
    pub protected: bool,
    /// Rows of the group, invalid ones included.
    pub rows: u64,
    /// Metrics over the group's rows.
    pub metrics: Metrics,
}

/// A comparison between the groups of one column.
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

/// Recomputes one evaluation from its rows. `data` is the file at `path`, already hashed; `location`
/// is where the manifest names it.
///
/// # Errors
/// Every problem that keeps the rows from being evaluated at all. Rows that are merely invalid are
/// counted in the facts, for policies to judge.
pub async fn measure(
    task: raw::Task,
    declared: &RawEvaluation,
    data: FileFacts,
    path: &Path,
    location: &Location,
) -> Result<EvaluationFacts, Vec<Problem>> {
    match task {
        raw::Task::BinaryClassification => {
            let scan = scan::scan(DataFile { path, shown_as: &data.path, location }, declared).await?;
            Ok(binary_facts(declared, data, scan))
        }
    }
}

fn binary_facts(declared: &RawEvaluation, data: FileFacts, scan: Scan) -> EvaluationFacts {
    let rule = binary::DecisionRule { threshold: declared.threshold, favourable: declared.classes.favourable };
    let whole = union(scan.cells.iter());
    let metrics = binary::metrics(&whole, rule);
    let mut rows = whole.row_counts();
    if let Some(ids) = scan.ids {
        rows.id_missing = Some(ids.missing);
        rows.id_duplicates = Some(ids.duplicates);
    }
    let mut slices = Vec::new();
    let mut comparisons = Vec::new();
    let mut columns: Vec<_> = declared.slices.iter().enumerate().collect();
    columns.sort_by(|left, right| left.1.column.cmp(&right.1.column));
    for (index, column) in columns {
        let groups = groups_of(&scan.cells, index, column, rule);
        if column.protected {
            let pairs: Vec<_> = groups.iter().map(|(slice, scores)| comparison::Group { slice, scores }).collect();
            comparisons.extend(comparison::compare(&column.column, &pairs));
        }
        slices.extend(groups.into_iter().map(|(slice, _)| slice));
    }
    let claims = declared.claims.iter().map(|claim| check_claim(claim, &metrics)).collect();
    EvaluationFacts {
        name: declared.name.clone(),
        task: raw::Task::BinaryClassification,
        data,
        columns: declared.columns.clone(),
        classes: declared.classes.clone(),
        threshold: declared.threshold,
        rows,
        metrics,
        slices,
        comparisons,
        claims,
        period: declared.period.clone(),
        holdout: declared.holdout.clone(),
        leakage: None,
        drift: None,
        champion: None,
    }
}

/// The groups of one slice column, sorted by value, the rows without a value first.
fn groups_of(
    cells: &[Cell],
    index: usize,
    column: &raw::SliceColumn,
    rule: binary::DecisionRule,
) -> Vec<(Slice, BinaryScores)> {
    let mut by_value: BTreeMap<Option<&str>, Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        let value = cell.values.get(index).and_then(Option::as_deref);
        by_value.entry(value).or_default().push(cell);
    }
    by_value
        .into_iter()
        .map(|(value, cells)| {
            let scores = union(cells.into_iter());
            let slice = Slice {
                column: column.column.clone(),
                value: value.unwrap_or_default().to_owned(),
                missing: value.is_none(),
                protected: column.protected,
                rows: scores.row_counts().total,
                metrics: binary::metrics(&scores, rule),
            };
            (slice, scores)
        })
        .collect()
}

/// The rows of all `cells`, sorted.
fn union<'a>(cells: impl Iterator<Item = &'a Cell>) -> BinaryScores {
    let mut union = BinaryScores::default();
    cells.for_each(|cell| union.merge(&cell.scores));
    union.sort();
    union
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
