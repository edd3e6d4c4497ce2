//! The names of metrics: manifests claim them, facts hold them, policies ask for them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident = $key:literal, $better:ident;)+) => {
        /// A metric that is recomputed from rows. Its definition id names the exact formula.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum MetricId {
            $($(#[doc = $doc])+ #[serde(rename = $key)] $name,)+
        }

        impl MetricId {
            /// Every metric, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Key in facts and manifests.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key),+ }
            }

            /// What more of it means.
            #[must_use]
            pub const fn better(self) -> Better {
                match self { $(Self::$name => Better::$better),+ }
            }
        }
    };
}

/// Which values of a metric are the good ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Nearest to a value of its own, such as 0 for a bias or 1 for a calibration slope; or neither.
    Neither,
}

metrics! {
    // Classification with two classes.
    /// Share of positive labels.
    Prevalence = "prevalence", Neither;
    /// Share of rows that are predicted positive.
    SelectionRate = "selection_rate", Neither;
    /// Share of rows that are predicted the favourable outcome.
    FavourableRate = "favourable_rate", Neither;
    /// Share of correct predictions.
    Accuracy = "accuracy", Higher;
    /// Correct among predicted positives (positive predictive value).
    Precision = "precision", Higher;
    /// Found among positives (true positive rate, sensitivity).
    Recall = "recall", Higher;
    /// Found among negatives (true negative rate).
    Specificity = "specificity", Higher;
    /// Correct among predicted negatives.
    NegativePredictiveValue = "negative_predictive_value", Higher;
    /// Predicted positive among negatives.
    FalsePositiveRate = "false_positive_rate", Lower;
    /// Predicted negative among positives.
    FalseNegativeRate = "false_negative_rate", Lower;
    /// Wrong among predicted positives.
    FalseDiscoveryRate = "false_discovery_rate", Lower;
    /// Wrong among predicted negatives.
    FalseOmissionRate = "false_omission_rate", Lower;
    /// Harmonic mean of precision and recall.
    F1 = "f1", Higher;
    /// Mean of recall and specificity; mean recall of the classes where there are more than two.
    BalancedAccuracy = "balanced_accuracy", Higher;
    /// Correlation of prediction and label (phi; R_K with more than two classes).
    MatthewsCorrelation = "matthews_correlation", Higher;
    /// Agreement of prediction and label beyond chance (Cohen).
    CohenKappa = "cohen_kappa", Higher;
    /// Recall plus specificity less one.
    YoudenJ = "youden_j", Higher;
    /// Area under the receiver operating characteristic curve, ties counted half.
    RocAuc = "roc_auc", Higher;
    /// Twice the area under the receiver operating characteristic curve, less one.
    Gini = "gini", Higher;
    /// Largest distance between the score distributions of the two classes.
    KolmogorovSmirnov = "kolmogorov_smirnov", Higher;
    /// Average precision: sum of precision times the step in recall over distinct scores.
    AveragePrecision = "average_precision", Higher;
    /// Positives among the tenth with the highest scores, over those in a tenth at random.
    TopDecileLift = "top_decile_lift", Higher;
    /// Share of the positives in the tenth with the highest scores.
    TopDecileCapture = "top_decile_capture", Higher;
    /// Mean negative natural logarithm of the probability given to what happened.
    LogLoss = "log_loss", Lower;
    /// Mean squared difference between score and outcome, summed over the classes where there are more than two.
    Brier = "brier", Lower;
    /// One less the Brier score over that of always saying the prevalence.
    BrierSkill = "brier_skill", Higher;
    /// Expected calibration error, ten bins of equal width: of the positive class, or of the top label.
    ExpectedCalibrationError = "expected_calibration_error", Lower;
    /// Slope of the logistic regression of the outcome on the score's logit.
    CalibrationSlope = "calibration_slope", Neither;
    /// Intercept of the logistic regression of the outcome on the score's logit.
    CalibrationIntercept = "calibration_intercept", Neither;
    /// That intercept with the slope held at one (calibration in the large).
    CalibrationInTheLarge = "calibration_in_the_large", Neither;
    /// Positives over the sum of scores.
    ObservedExpectedRatio = "observed_expected_ratio", Neither;
    /// Spiegelhalter's z: standard normal if the scores are calibrated.
    SpiegelhalterZ = "spiegelhalter_z", Neither;
    /// Distinct scores over rows.
    ScoreResolution = "score_resolution", Higher;
    /// Share of rows whose score is within 0.01 of the threshold.
    NearThreshold = "near_threshold", Lower;
    /// Share of rows whose probability is 0 or 1 to the machine's precision and was clipped in the log loss.
    ClippedProbabilities = "clipped_probabilities", Lower;
    // More than two classes, and several labels a row.
    /// Mean precision of the classes.
    MacroPrecision = "macro_precision", Higher;
    /// Mean recall of the classes.
    MacroRecall = "macro_recall", Higher;
    /// Mean F1 of the classes.
    MacroF1 = "macro_f1", Higher;
    /// Precision over all decisions of all classes.
    MicroPrecision = "micro_precision", Higher;
    /// Recall over all decisions of all classes.
    MicroRecall = "micro_recall", Higher;
    /// F1 over all decisions of all classes.
    MicroF1 = "micro_f1", Higher;
    /// Mean precision of the classes by their support.
    WeightedPrecision = "weighted_precision", Higher;
    /// Mean recall of the classes by their support.
    WeightedRecall = "weighted_recall", Higher;
    /// Mean F1 of the classes by their support.
    WeightedF1 = "weighted_f1", Higher;
    /// Mean area of each class against the rest.
    MacroRocAucOvr = "macro_roc_auc_ovr", Higher;
    /// Mean area of each class against the rest, by support.
    WeightedRocAucOvr = "weighted_roc_auc_ovr", Higher;
    /// Mean area of each pair of classes (Hand and Till).
    MacroRocAucOvo = "macro_roc_auc_ovo", Higher;
    /// Mean average precision of the classes.
    MacroAveragePrecision = "macro_average_precision", Higher;
    /// Share of rows whose label is among the most probable classes, as many as declared.
    TopKAccuracy = "top_k_accuracy", Higher;
    /// Mean over the classes of each one's expected calibration error.
    ClasswiseCalibrationError = "classwise_calibration_error", Lower;
    /// Share of rows with every label right.
    SubsetAccuracy = "subset_accuracy", Higher;
    /// Share of wrong decisions among all rows and labels.
    HammingLoss = "hamming_loss", Lower;
    /// Mean over rows of the F1 of their labels.
    SamplesF1 = "samples_f1", Higher;
    // Numbers.
    /// Mean of the actual values.
    ActualMean = "actual_mean", Neither;
    /// Mean of the predicted values.
    PredictedMean = "predicted_mean", Neither;
    /// Mean of prediction less actual (bias).
    MeanError = "mean_error", Neither;
    /// Mean absolute error.
    MeanAbsoluteError = "mean_absolute_error", Lower;
    /// Mean squared error.
    MeanSquaredError = "mean_squared_error", Lower;
    /// Root of the mean squared error.
    RootMeanSquaredError = "root_mean_squared_error", Lower;
    /// Median absolute error.
    MedianAbsoluteError = "median_absolute_error", Lower;
    /// Coefficient of determination.
    RSquared = "r_squared", Higher;
    /// Mean of absolute error over absolute actual value.
    MeanAbsolutePercentageError = "mean_absolute_percentage_error", Lower;
    /// Sum of absolute errors over the sum of absolute actual values.
    WeightedAbsolutePercentageError = "weighted_absolute_percentage_error", Lower;
    /// Mean of 2|error| / (|actual| + |predicted|), between 0 and 2.
    SymmetricPercentageError = "symmetric_percentage_error", Lower;
    /// Root of the mean squared difference of ln(1 + value).
    RootMeanSquaredLogError = "root_mean_squared_log_error", Lower;
    /// Mean Poisson deviance.
    PoissonDeviance = "poisson_deviance", Lower;
    /// Mean gamma deviance.
    GammaDeviance = "gamma_deviance", Lower;
    /// Gini coefficient of the actual values ranked by prediction, over that of a perfect ranking.
    NormalizedGini = "normalized_gini", Higher;
    /// Share of actual values inside the predicted interval.
    IntervalCoverage = "interval_coverage", Neither;
    /// Mean width of the predicted interval.
    IntervalWidth = "interval_width", Lower;
    /// Mean quantile (pinball) loss over the declared quantiles.
    PinballLoss = "pinball_loss", Lower;
    // Rankings.
    /// Normalised discounted cumulative gain at k.
    Ndcg = "ndcg", Higher;
    /// Mean average precision at k.
    MeanAveragePrecision = "mean_average_precision", Higher;
    /// Mean reciprocal rank of the first relevant item, at k.
    MeanReciprocalRank = "mean_reciprocal_rank", Higher;
    /// Relevant among the first k.
    PrecisionAtK = "precision_at_k", Higher;
    /// Among the relevant, those in the first k.
    RecallAtK = "recall_at_k", Higher;
    /// Share of queries with a relevant item among the first k.
    HitRateAtK = "hit_rate_at_k", Higher;
    /// Distinct items that some query has among its first k, over distinct items.
    CatalogueCoverage = "catalogue_coverage", Higher;
    // Forecasts.
    /// Mean absolute error over that of the seasonal naive forecast in the series' history.
    MeanAbsoluteScaledError = "mean_absolute_scaled_error", Lower;
    /// Root of the mean squared error over that of the seasonal naive forecast in the series' history.
    RootMeanSquaredScaledError = "root_mean_squared_scaled_error", Lower;
    /// Twice the sum of quantile losses over the sum of absolute actual values, averaged over the quantiles.
    WeightedQuantileLoss = "weighted_quantile_loss", Lower;
    /// Continuous ranked probability score, from the declared quantiles.
    ContinuousRankedProbability = "continuous_ranked_probability", Lower;
}
