//! The names of metrics: manifests claim them, facts hold them, policies ask for them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A metric that is recomputed from rows. Its definition id names the exact formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricId {
    /// Share of positive labels.
    Prevalence,
    /// Share of rows that are predicted positive.
    SelectionRate,
    /// Share of rows that are predicted the favourable outcome.
    FavourableRate,
    /// Share of correct predictions.
    Accuracy,
    /// Correct among predicted positives (positive predictive value).
    Precision,
    /// Found among positives (true positive rate, sensitivity).
    Recall,
    /// Found among negatives (true negative rate).
    Specificity,
    /// Harmonic mean of precision and recall.
    F1,
    /// Mean of recall and specificity.
    BalancedAccuracy,
    /// Area under the receiver operating characteristic curve, ties counted half.
    RocAuc,
    /// Average precision: sum of precision times the step in recall over distinct scores.
    AveragePrecision,
    /// Mean negative natural logarithm of the probability given to what happened.
    LogLoss,
    /// Mean squared difference between score and outcome.
    Brier,
    /// Expected calibration error of the positive class, ten bins of equal width.
    ExpectedCalibrationError,
}

impl MetricId {
    /// Every metric, in the order of reports.
    pub const ALL: [Self; 14] = [
        Self::Prevalence,
        Self::SelectionRate,
        Self::FavourableRate,
        Self::Accuracy,
        Self::Precision,
        Self::Recall,
        Self::Specificity,
        Self::F1,
        Self::BalancedAccuracy,
        Self::RocAuc,
        Self::AveragePrecision,
        Self::LogLoss,
        Self::Brier,
        Self::ExpectedCalibrationError,
    ];

    /// Key in facts and manifests.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Prevalence => "prevalence",
            Self::SelectionRate => "selection_rate",
            Self::FavourableRate => "favourable_rate",
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Specificity => "specificity",
            Self::F1 => "f1",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::RocAuc => "roc_auc",
            Self::AveragePrecision => "average_precision",
            Self::LogLoss => "log_loss",
            Self::Brier => "brier",
            Self::ExpectedCalibrationError => "expected_calibration_error",
        }
    }
}
