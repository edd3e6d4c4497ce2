//! Evaluations: every metric recomputed from rows, with its interval, overall and for each slice.

mod binary;
mod cells;
mod challenge;
mod champion;
pub mod claims;
#[cfg(feature = "cluster")]
pub mod cluster;
mod columns;
mod comparison;
pub mod drift;
pub mod engine;
mod exact_sum;
mod fixed;
mod groups;
mod ids;
mod interval;
mod joined;
pub mod metric;
mod multiclass;
mod multiplicity;
mod overlap;
mod partitions;
pub mod plots;
mod power;
pub mod progress;
mod random;
mod ranked;
mod ranking;
pub mod reference;
mod regression;
mod rows;
mod sample;
mod scan;
mod several;
mod slices;
mod source;
mod spill;
mod spread;
pub mod sql;
pub mod sufficiency;
mod table;
mod tasks;
pub mod weakest;

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::drift::Baseline;
pub use self::metric::{Metric, MetricId, Metrics};
use self::plots::Plots;
pub use self::reference::compare::ReferenceFile;
pub use self::scan::DataFile;
pub use self::source::{RowsFile, RowsFiles, silence_decoders};
use super::FileFacts;
use crate::manifest::raw::{self, RawEvaluation};
use crate::problem::Problem;

/// One evaluation, recomputed from its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluationFacts {
    /// Name in the manifest.
    pub name: String,
    /// What the model predicts.
    pub task: raw::Task,
    /// The rows' file. Of several files the path is what the manifest names them by, and the digest that of the canonical
    /// JSON of `data_files`.
    pub data: FileFacts,
    /// The files of rows, in the order of their paths, if they are several.
    #[serde(default)]
    pub data_files: Vec<FileFacts>,
    /// Which column plays which part.
    pub columns: raw::Columns,
    /// The two classes of binary classification; null for other tasks.
    pub classes: Option<raw::Classes>,
    /// Decision threshold of binary classification, predicted positive if the score is at least this; null for other
    /// tasks.
    pub threshold: Option<f64>,
    /// The share of actual values that the predicted intervals are to hold, as declared, or null.
    #[serde(default)]
    pub interval_level: Option<f64>,
    /// What was counted in the rows before anything was computed.
    pub rows: RowCounts,
    /// Metrics over all rows.
    pub metrics: Metrics,
    /// Metrics for each group of each slice column, sorted by column and then value.
    pub slices: Vec<Slice>,
    /// Comparisons between the groups of each protected column.
    pub comparisons: Vec<GroupComparison>,
    /// Metrics of each forecast horizon, in ascending order; empty for other tasks and where none is declared.
    #[serde(default)]
    pub horizons: Vec<Horizon>,
    /// The classes or labels with their columns, as declared; empty for other tasks.
    #[serde(default)]
    pub labels: Vec<raw::LabelColumns>,
    /// Metrics of each class against all others, or of each label, in the declared order; empty for other tasks.
    #[serde(default)]
    pub class_metrics: Vec<ClassMetrics>,
    /// Of several classes, rows by the number of their class and then by that of the predicted one; empty for other tasks.
    #[serde(default)]
    pub confusion: Vec<Vec<u64>>,
    /// What the team states beside what was recomputed, in the order of the manifest, and then what its files state.
    pub claims: Vec<ClaimCheck>,
    /// The files that state metrics.
    #[serde(default)]
    pub claim_files: Vec<FileFacts>,
    /// What they state beside metrics that are recomputed, as `file: name`.
    #[serde(default)]
    pub other_claims: Vec<String>,
    /// The time that the rows are from, as declared, or null.
    pub period: Option<raw::Period>,
    /// How the rows were kept apart from training, as declared, or null.
    pub holdout: Option<raw::Holdout>,
    /// Rows that the model may have seen before; null where they were not compared with any.
    pub leakage: Option<reference::LeakageFacts>,
    /// How far the rows are from those of a reference; null where they were not compared with any.
    pub drift: Option<reference::DriftFacts>,
    /// Answers to the queries of the manifest and of the policy bundle.
    #[serde(default)]
    pub sql_checks: Vec<sql::SqlCheckFacts>,
    /// Whether the rows stand for the population, for each slice column whose shares are declared, in the order of the
    /// manifest.
    #[serde(default)]
    pub representativeness: Vec<drift::Representativeness>,
    /// What so many rows can show, for each declared margin.
    #[serde(default)]
    pub sufficiency: Vec<sufficiency::Sufficiency>,
    /// The groups that the model serves worst, among all combinations of slice columns; null without slices, where rows have
    /// weights or are not independent of each other, and for rankings.
    #[serde(default)]
    pub weakest_groups: Option<weakest::WeakestGroups>,
    /// The challenger beside the champion; null where there were no scores of the champion.
    pub champion: Option<reference::ChampionFacts>,
    /// Curves to look at; absent but for binary classification without weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curves: Option<Plots>,
}

/// Rows, and those that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RowCounts {
    /// Rows in the file.
    pub total: u64,
    /// Rows with a label that the task has and a score in its range.
    pub valid: u64,
    /// Rows whose label is null.
    pub label_missing: u64,
    /// Rows whose label is none of the classes, or no finite number where it is to be one.
    pub label_unknown: u64,
    /// Rows whose score or prediction is null.
    pub score_missing: u64,
    /// Rows whose score or prediction is NaN or infinite.
    pub score_not_finite: u64,
    /// Rows whose score is finite and outside its range.
    pub score_out_of_range: u64,
    /// Rows whose weight is null, negative or not finite, or null when no weight is declared.
    pub weight_invalid: Option<u64>,
    /// Rows without a cluster or series, or null when none is declared.
    pub cluster_missing: Option<u64>,
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
    #[serde(default)]
    pub parts: Vec<SlicePart>,
    /// Rows of the group, invalid ones included.
    pub rows: u64,
    /// Metrics over the group's rows.
    pub metrics: Metrics,
}

/// Metrics of the rows of one forecast horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Horizon {
    /// Steps from the forecast's origin.
    pub horizon: u64,
    /// Metrics over these rows.
    pub metrics: Metrics,
}

/// Metrics of one of several classes against all others, or of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassMetrics {
    /// The class, as text.
    pub class: String,
    /// Its metrics.
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
    /// The smallest denominator of the compared rate in any group that is compared.
    pub smallest_denominator: u64,
    /// Groups of fewer than ten rows, which are not compared.
    #[serde(default)]
    pub left_out: Vec<LeftOutGroup>,
    /// Probability of a difference as large if there were none, corrected for the number of comparisons in
    /// this evaluation; null where no test was made.
    pub adjusted_p_value: Option<f64>,
    /// How it was corrected, such as `bonferroni-holm`: for the pairs of groups, then for the comparisons; null where no
    /// test was made.
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
    /// The larger of the differences in recall and in the false positive rate.
    EqualisedOddsDifference,
    /// Lowest favourable rate of the other groups over that of the declared reference group, which is named as the highest
    /// one.
    ReferenceImpactRatio,
}

impl ComparisonId {
    /// Its name in documents.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::ImpactRatio => "impact_ratio",
            Self::RecallDifference => "recall_difference",
            Self::SpecificityDifference => "specificity_difference",
            Self::RocAucDifference => "roc_auc_difference",
            Self::EqualisedOddsDifference => "equalised_odds_difference",
            Self::ReferenceImpactRatio => "reference_impact_ratio",
        }
    }
}

/// A group that is too small to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutGroup {
    /// Its value as text.
    pub value: String,
    /// Its rows.
    pub rows: u64,
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
    /// The file or run that states it; null for the manifest.
    #[serde(default)]
    pub source: Option<String>,
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

/// The files of an evaluation.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationFiles<'a> {
    /// Its rows.
    pub rows: DataFile<'a>,
    /// What they are compared with.
    pub reference: Option<ReferenceFile<'a>>,
    /// The champion's scores, where these are in a file of their own.
    pub champion: Option<DataFile<'a>>,
    /// The cluster that reads the rows of two classes without weights, clusters and champion, if it is not this machine that
    /// does. All else is read here.
    pub cluster: Option<&'a engine::ClusterAddress>,
}

/// Recomputes one evaluation from its file of rows, compares these with those of the `reference` that it declares, and
/// with what the team's files state, and asks them the queries of the manifest and of the policies.
///
/// # Errors
/// Every problem that keeps the rows from being evaluated at all. Rows that are merely invalid are counted in
/// the facts, for policies to judge.
pub fn measure(
    task: raw::Task,
    declared: &RawEvaluation,
    files: EvaluationFiles<'_>,
    stated: &[claims::Stated],
    sql: sql::SqlContext<'_>,
    resources: Resources,
) -> Result<EvaluationFacts, Vec<Problem>> {
    let mut facts = measure_rows(task, declared, files, resources)?;
    for stated in stated {
        facts.claims.extend(stated.checks(&facts.metrics));
        facts.claim_files.extend(stated.files.iter().cloned());
        facts.other_claims.extend(stated.others());
    }
    facts.sql_checks = sql::answers(task, declared, files, &facts, sql, resources);
    Ok(facts)
}

/// The same without queries and without what the team's files state.
///
/// # Errors
/// As [`measure`].
pub fn measure_rows(
    task: raw::Task,
    declared: &RawEvaluation,
    files: EvaluationFiles<'_>,
    resources: Resources,
) -> Result<EvaluationFacts, Vec<Problem>> {
    let joined = match (&declared.champion, files.champion) {
        (Some(champion), Some(file)) => {
            Some(joined::JoinedScores::read(declared, champion, files.rows, file, resources)?)
        }
        _ => None,
    };
    let mut facts = tasks::measure(task, declared, (files.rows, files.cluster), joined.as_ref(), resources)?;
    if let (Some(joined), Some(champion)) = (joined, &mut facts.champion) {
        champion.rows_beyond = Some(joined.beyond());
        champion.data = Some(joined.data);
    }
    if let Some(reference) = files.reference {
        let compared = reference::compare::compare(task, declared, (files.rows, &facts.data), reference, resources)?;
        (facts.leakage, facts.drift) = (compared.leakage, compared.drift);
    }
    Ok(facts)
}

/// Freezes the columns of a file of rows, so that later rows can be compared with them: those named `columns`, or all that
/// can be. Returns the baseline, its file's facts and the names of columns that were left out.
///
/// # Errors
/// Every problem of the file or of a column.
pub fn freeze(
    file: DataFile<'_>,
    columns: &[String],
    resources: Resources,
) -> Result<(Baseline, FileFacts, Vec<String>), Vec<Problem>> {
    reference::compare::freeze(file, columns, resources)
}

/// The classes of the label column of the file at `path`: as given, or true and false, or 1 and 0.
///
/// # Errors
/// The file cannot be read, has no such column, or one whose classes have to be given.
pub fn classes(
    file: DataFile<'_>,
    label: &str,
    positive: Option<&str>,
    negative: Option<&str>,
) -> Result<(raw::ClassLabel, raw::ClassLabel), Problem> {
    scan::classes(file, label, positive, negative)
}

/// Classes as the label column of a file has them.
///
/// # Errors
/// The file cannot be read, has no such column, or one that cannot hold one of them.
pub fn class_labels(file: DataFile<'_>, label: &str, classes: &[&str]) -> Result<Vec<raw::ClassLabel>, Problem> {
    scan::class_labels(file, label, classes)
}
