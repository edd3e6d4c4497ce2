//! Parts of an evaluation that are facts of their own: what the rows were compared with.
//!
//! Each is null where nothing was compared. A control that needs one says so; none of them is ever taken
//! to be good because it is not there.

mod choice;
pub(crate) mod compare;
pub(crate) mod kind;
mod rows;
mod single_column;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Metric;
pub use super::drift::ColumnDrift;
use crate::facts::FileFacts;

/// Rows of the evaluation that the model may have seen before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeakageFacts {
    /// What the rows were compared with, such as the name of the training data.
    pub reference: String,
    /// Its file.
    #[serde(default)]
    pub data: Option<FileFacts>,
    /// Its rows.
    #[serde(default)]
    pub rows: u64,
    /// Whether it is, byte for byte, the file of the evaluation.
    #[serde(default)]
    pub identical_files: bool,
    /// The columns by which rows are alike.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Share of rows whose id is also in the reference.
    pub id_overlap: Metric,
    /// Share of rows that are also in the reference, column by column.
    pub row_overlap: Metric,
    /// Share of rows whose entity (a customer, a patient) is also in the reference.
    pub entity_overlap: Metric,
    /// Share of rows that come before the last row of the reference, embargo included.
    pub before_reference: Metric,
    /// Share of rows that repeat another row of the evaluation.
    pub duplicate_rows: Metric,
    /// Share of rows whose like has another label.
    pub conflicting_labels: Metric,
    /// Of binary classification, the ROC AUC of each column alone, in the order of columns: by its values, and by
    /// whether it has one where some rows have none. Categories are ordered by their share of positives in the
    /// reference.
    pub single_columns: Vec<ColumnMetric>,
}

/// A metric of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnMetric {
    /// The column.
    pub column: String,
    /// Its metric.
    pub metric: Metric,
}

/// How far the rows are from those of a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftFacts {
    /// What the rows were compared with.
    pub reference: String,
    /// Its file: rows, or a baseline.
    #[serde(default)]
    pub data: Option<FileFacts>,
    /// Its rows.
    #[serde(default)]
    pub rows: u64,
    /// Each column that is compared, in the order of columns.
    pub columns: Vec<ColumnDrift>,
    /// The scores.
    pub score: Option<ColumnDrift>,
    /// The labels.
    pub label: Option<ColumnDrift>,
    /// Columns that the reference does not have. Empty where the manifest says which are compared.
    #[serde(default)]
    pub only_in_evaluation: Vec<String>,
    /// Columns that only the reference has. Empty where the manifest says which are compared.
    #[serde(default)]
    pub only_in_reference: Vec<String>,
    /// Columns of both that hold nothing that can be compared, such as lists.
    #[serde(default)]
    pub not_compared: Vec<String>,
}

/// The challenger beside the champion, over the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChampionFacts {
    /// Version of the champion.
    pub version: String,
    /// Rows that both judged.
    pub rows: u64,
    /// Rows that the champion did not judge. While there are any, no difference has a value.
    #[serde(default)]
    pub rows_without: u64,
    /// The champion's file of scores; null where they are a column of the evaluation's.
    #[serde(default)]
    pub data: Option<crate::facts::FileFacts>,
    /// Cases of that file that are not among the rows of the evaluation; null without a file.
    #[serde(default)]
    pub rows_beyond: Option<u64>,
    /// Challenger less champion, for each metric that both have.
    pub differences: Vec<MetricDifference>,
    /// Of binary classification, the rows that they decide differently, over all rows and by protected group; empty
    /// for other tasks.
    #[serde(default)]
    pub swaps: Vec<SwapSet>,
    /// Of binary classification, McNemar's test that as many decisions become positive as negative; null for other
    /// tasks.
    #[serde(default)]
    pub decisions: Option<McNemarTest>,
    /// Of binary classification, McNemar's test that as many rows become right as become wrong; null for other tasks.
    #[serde(default)]
    pub correctness: Option<McNemarTest>,
}

/// One metric of the challenger less that of the champion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricDifference {
    /// The metric.
    pub metric: crate::metric_id::MetricId,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// The paired difference with its interval.
    pub difference: Metric,
    /// Two-sided probability of a difference as large if there were none; null where there is no value or no variance.
    #[serde(default)]
    pub p_value: Option<f64>,
}

/// Rows of a group that the champion and the challenger decide differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SwapSet {
    /// The column, or null for all rows.
    pub column: Option<String>,
    /// The group's value as text; the empty string for all rows and for rows without a value.
    pub value: String,
    /// Rows of the group.
    pub rows: u64,
    /// Negative by the champion, positive by the challenger.
    pub to_positive: Swap,
    /// Positive by the champion, negative by the challenger.
    pub to_negative: Swap,
}

/// Rows whose decision changes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Swap {
    /// How many.
    pub rows: u64,
    /// Those where the champion was right.
    pub right_before: u64,
    /// Those where the challenger is right.
    pub right_after: u64,
}

/// McNemar's test of paired decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct McNemarTest {
    /// Rows that only the challenger decides so, or has right.
    pub only_challenger: u64,
    /// Rows that only the champion decides so, or has right.
    pub only_champion: u64,
    /// Two-sided; null without rows, or with fewer than two clusters.
    pub p_value: Option<f64>,
    /// How it was computed.
    pub test: String,
}
