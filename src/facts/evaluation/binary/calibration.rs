//! How far scores are from probabilities, beside the calibration error.

use super::super::exact_sum::exact_sum;
use super::super::interval::{self, Z};
use super::super::metric::{Interval, Metric, MetricId, MetricStatus};
use super::confusion::{NO_VARIANCE, ONE_CLASS};
use super::logistic::{self, LogisticFit, LogitGroups, NoFit};

/// Slope and intercept of the logistic regression of the outcome on the score's logit (Cox, Biometrika 45, 1958), with
/// Wald's intervals from the information.
pub(crate) fn slope_and_intercept(groups: &LogitGroups, n: u64) -> [Metric; 2] {
    const IDS: [MetricId; 2] = [MetricId::CalibrationSlope, MetricId::CalibrationIntercept];
    match LogisticFit::slope_and_intercept(groups) {
        Err(no_fit) => IDS.map(|id| without_fit(id, n, no_fit)),
        Ok(fit) => [
            Metric::of(MetricId::CalibrationSlope, fit.slope, n, logistic::wald(fit.slope, fit.slope_error, "wald")),
            Metric::of(
                MetricId::CalibrationIntercept,
                fit.intercept,
                n,
                logistic::wald(fit.intercept, fit.intercept_error, "wald"),
            ),
        ],
    }
}

/// The intercept with the slope held at one (Cox 1958; Steyerberg 2009).
pub(crate) fn in_the_large(groups: &LogitGroups, n: u64) -> Metric {
    const ID: MetricId = MetricId::CalibrationInTheLarge;
    match LogisticFit::in_the_large(groups) {
        Err(no_fit) => without_fit(ID, n, no_fit),
        Ok(fit) => Metric::of(ID, fit.intercept, n, logistic::wald(fit.intercept, fit.intercept_error, "wald")),
    }
}

pub(crate) fn without_fit(id: MetricId, n: u64, no_fit: NoFit) -> Metric {
    match no_fit {
        NoFit::Undefined(reason) => Metric::without(id, MetricStatus::Undefined, n, reason),
        NoFit::NotConverged => Metric::without(id, MetricStatus::Error, n, "Newton's method did not converge"),
    }
}

pub(crate) const NO_EXPECTED: &str = "every score is 0, so that none is expected";
pub(crate) const NO_POSITIVE_FOR_LOGARITHM: &str = "no row is positive, and the interval is on a logarithmic scale";

/// Positives over the sum of scores. The interval takes the scores as given, on the logarithmic scale: the variance of
/// ln(O/E) is 1/O − 1/n (Debray et al., BMJ 356, 2017, i6460, appendix).
pub(crate) fn observed_expected(positives: u64, score_sum: f64, n: u64) -> Metric {
    const ID: MetricId = MetricId::ObservedExpectedRatio;
    if n == 0 {
        return Metric::without(ID, MetricStatus::Undefined, 0, "there are no rows");
    }
    if score_sum <= 0.0 {
        return Metric::without(ID, MetricStatus::Undefined, n, NO_EXPECTED);
    }
    let observed = positives as f64;
    let ratio = observed / score_sum;
    let error = (1.0 / observed - 1.0 / n as f64).sqrt();
    Metric::of(ID, ratio, n, log_interval(ratio, error, NO_POSITIVE_FOR_LOGARITHM, "debray-log"))
}

/// Interval of a ratio on the logarithmic scale; `none` says why there is none for a ratio of 0.
pub(crate) fn log_interval(ratio: f64, log_error: f64, none: &str, method: &str) -> Result<Interval, String> {
    if ratio <= 0.0 {
        return Err(none.to_owned());
    }
    // What rounding leaves of a variance of zero is none.
    if log_error <= 1e-12 {
        return Err(NO_VARIANCE.to_owned());
    }
    let factor = libm::exp(Z * log_error);
    interval::interval(ratio / factor, ratio * factor, method)
        .ok_or_else(|| "the interval left the range of numbers".to_owned())
}

/// A row's part in Spiegelhalter's z: (y − p)(1 − 2p) above, and (1 − 2p)² p(1 − p) below under the root.
pub(crate) fn spiegelhalter_terms(positive: bool, score: f64) -> (f64, f64) {
    let lean = 1.0 - 2.0 * score;
    let excess = if positive { 1.0 - score } else { -score };
    (excess * lean, lean * lean * score * (1.0 - score))
}

/// Spiegelhalter's z (Statistics in Medicine 5, 1986) = Σ (y − p)(1 − 2p) / √Σ (1 − 2p)² p(1 − p), from the two sums.
/// The two-sided p-value is in the reason for which there is no interval.
pub(crate) fn spiegelhalter(excess: f64, variance: f64, n: u64) -> Metric {
    const ID: MetricId = MetricId::SpiegelhalterZ;
    if n == 0 {
        return Metric::without(ID, MetricStatus::Undefined, 0, "there are no rows");
    }
    if variance <= 0.0 {
        let reason = "every score is 0, 1/2 or 1, where the statistic has no variance";
        return Metric::without(ID, MetricStatus::Undefined, n, reason);
    }
    let z = excess / variance.sqrt();
    let reason = format!("a test statistic has no interval; its two-sided p-value is {:.4e}", p_value(z));
    Metric::of(ID, z, n, Err(reason))
}

/// Two-sided p-value of a standard normal statistic.
pub(crate) fn p_value(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Exact sums of the squared errors of one class, and of their squares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct SquaredErrors {
    pub(crate) rows: u64,
    /// Σ (score − label)².
    pub(crate) sum: f64,
    /// Σ (score − label)⁴.
    pub(crate) sum_of_squares: f64,
}

/// One less the Brier score B over that of always saying the prevalence π, U = π(1 − π). The interval is by the delta
/// method on ln(B/U): a row's influence on B/U is (loss − B)/U − B(1 − 2π)(label − π)/U².
pub(crate) fn brier_skill(positives: SquaredErrors, negatives: SquaredErrors) -> Metric {
    const ID: MetricId = MetricId::BrierSkill;
    let n = positives.rows + negatives.rows;
    if positives.rows == 0 || negatives.rows == 0 {
        let reason = if n == 0 { "there are no rows" } else { ONE_CLASS };
        return Metric::without(ID, MetricStatus::Undefined, n, reason);
    }
    let rows = n as f64;
    let brier = exact_sum([positives.sum, negatives.sum]) / rows;
    let skill = BrierSkill::new(brier, positives.rows as f64 / rows, negatives.rows as f64 / rows);
    // Σ (a·loss + c)² by class, with c the part of the influence that the loss has no part in.
    let squares = [(positives, true), (negatives, false)].map(|(class, positive)| {
        let constant = skill.influence(0.0, positive);
        let slope = 1.0 / skill.uncertainty;
        let both = 2.0 * slope * constant * class.sum;
        slope * slope * class.sum_of_squares + both + constant * constant * class.rows as f64
    });
    // The linearised variance Σ influence² / n², with n/(n − 1) for the mean that was estimated.
    let variance = squares.iter().sum::<f64>().max(0.0) / rows / (rows - 1.0);
    skill.metric(n, variance.sqrt(), "delta-log")
}

/// Brier skill as a function of two means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BrierSkill {
    brier: f64,
    positives: f64,
    negatives: f64,
    uncertainty: f64,
}

impl BrierSkill {
    /// From the Brier score and the shares of positives and negatives, which add up to one.
    pub(crate) fn new(brier: f64, positives: f64, negatives: f64) -> Self {
        Self { brier, positives, negatives, uncertainty: positives * negatives }
    }

    /// What a row adds to the ratio of the two Brier scores.
    pub(crate) fn influence(&self, loss: f64, positive: bool) -> f64 {
        let label = if positive { self.negatives } else { -self.positives };
        let lean = (self.negatives - self.positives) * label;
        ((loss - self.brier) - self.brier * lean / self.uncertainty) / self.uncertainty
    }

    pub(crate) fn metric(&self, n: u64, ratio_error: f64, method: &str) -> Metric {
        const ID: MetricId = MetricId::BrierSkill;
        let ratio = self.brier / self.uncertainty;
        let interval = log_interval(ratio, ratio_error / ratio, NO_VARIANCE, method);
        let mirrored = interval.and_then(|ratio| {
            interval::interval(1.0 - ratio.high, 1.0 - ratio.low, method).ok_or_else(|| NO_VARIANCE.to_owned())
        });
        Metric::of(ID, 1.0 - ratio, n, mirrored)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::random;
    use super::logistic::{Compressor, LogitGroup};
    use super::*;
    use proptest::prelude::*;

    fn group(logit: f64, rows: f64, positives: f64) -> LogitGroup {
        LogitGroup { logit, rows, positives }
    }

    #[test]
    fn two_groups_are_fitted_through_both() {
        // A saturated model: the fitted shares are those of the groups, 1/4 at 0 and 3/4 at 1.
        let groups = LogitGroups::exact(vec![group(0.0, 40.0, 10.0), group(1.0, 40.0, 30.0)]);
        let [slope, intercept] = slope_and_intercept(&groups, 80);
        let logit = libm::log(3.0);
        assert!((intercept.value.unwrap() + logit).abs() < 1e-14);
        assert!((slope.value.unwrap() - 2.0 * logit).abs() < 1e-14);
        // The variance of a difference of two empirical logits: Σ 1/count.
        let half = Z * (2.0 / 10.0 + 2.0 / 30.0_f64).sqrt();
        assert!((slope.interval.unwrap().high - (2.0 * logit + half)).abs() < 1e-13);
        let half = Z * (1.0 / 10.0 + 1.0 / 30.0_f64).sqrt();
        assert!((intercept.interval.unwrap().low - (-logit - half)).abs() < 1e-13);
    }

    #[test]
    fn what_has_no_maximum_is_undefined() {
        let reason = |groups: Vec<LogitGroup>| {
            let [slope, _] = slope_and_intercept(&LogitGroups::exact(groups), 4);
            assert!(slope.value.is_none_or(|_| slope.reason.is_none()));
            slope.reason.unwrap_or_default()
        };
        assert_eq!(reason(vec![]), "there are no rows");
        assert_eq!(reason(vec![group(0.0, 3.0, 3.0)]), ONE_CLASS);
        assert_eq!(reason(vec![group(0.0, 3.0, 1.0)]), "the scores are constant");
        let separated = "the scores separate the classes: the slope has no finite estimate";
        assert_eq!(reason(vec![group(0.0, 3.0, 0.0), group(1.0, 2.0, 2.0)]), separated);
        // They touch in one point: separated all the same.
        assert_eq!(reason(vec![group(0.0, 3.0, 0.0), group(1.0, 2.0, 1.0), group(2.0, 2.0, 2.0)]), separated);
        assert_eq!(reason(vec![group(0.0, 3.0, 3.0), group(1.0, 2.0, 1.0)]), separated);
        // Positives in the middle only: there is a maximum, with a slope of nothing.
        assert_eq!(reason(vec![group(0.0, 2.0, 0.0), group(1.0, 2.0, 2.0), group(2.0, 2.0, 0.0)]), "");
        let large = in_the_large(&LogitGroups::exact(vec![group(0.0, 3.0, 1.0)]), 3);
        assert!((large.value.unwrap() + libm::log(2.0)).abs() < 1e-14);
        let one = in_the_large(&LogitGroups::exact(vec![group(0.0, 3.0, 0.0)]), 3);
        assert_eq!(one.reason.as_deref(), Some(ONE_CLASS));
    }

    #[test]
    fn extreme_scores_still_converge() {
        let far = logistic::logit(0.0);
        assert_eq!(far, -logistic::logit(1.0));
        // Certain and wrong in one row of each class, of a hundred.
        let groups = LogitGroups::exact(vec![group(far, 100.0, 1.0), group(-far, 100.0, 99.0)]);
        let [slope, intercept] = slope_and_intercept(&groups, 200);
        assert!((slope.value.unwrap() - libm::log(99.0) / -far).abs() < 1e-14);
        assert!(intercept.value.unwrap().abs() < 1e-14);
        assert!(in_the_large(&groups, 200).value.unwrap().abs() < 1e-12);
        let lopsided =
            LogitGroups::exact(vec![group(far, 1e8, 1.0), group(far + 1.0, 2.0, 1.0), group(-far, 1.0, 0.0)]);
        assert_eq!(in_the_large(&lopsided, 100_000_003).status, MetricStatus::Ok);
        assert_eq!(slope_and_intercept(&lopsided, 100_000_003)[0].status, MetricStatus::Ok);
    }

    #[test]
    fn the_ratio_and_the_statistic_have_their_formulas() {
        let ratio = observed_expected(90, 100.0, 1000);
        let factor = libm::exp(Z * (1.0 / 90.0 - 1.0 / 1000.0_f64).sqrt());
        assert_eq!(ratio.value, Some(0.9));
        assert!((ratio.interval.unwrap().high - 0.9 * factor).abs() < 1e-15);
        assert_eq!(observed_expected(0, 0.0, 5).reason.as_deref(), Some(NO_EXPECTED));
        assert_eq!(observed_expected(0, 2.0, 5).reason.as_deref(), Some(NO_POSITIVE_FOR_LOGARITHM));
        let z = spiegelhalter(-3.0, 2.25, 5);
        assert_eq!(z.value, Some(-2.0));
        assert!(z.reason.unwrap().ends_with("4.5500e-2"));
        assert_eq!(spiegelhalter(0.0, 0.0, 5).status, MetricStatus::Undefined);
    }

    #[test]
    fn skill_is_one_for_certainty_and_nothing_for_the_prevalence() {
        let class = |rows, sum, sum_of_squares| SquaredErrors { rows, sum, sum_of_squares };
        let perfect = brier_skill(class(3, 0.0, 0.0), class(4, 0.0, 0.0));
        assert_eq!((perfect.value, perfect.reason.as_deref()), (Some(1.0), Some(NO_VARIANCE)));
        // Always the prevalence of one half: a loss of a quarter in every row.
        let none = brier_skill(class(10, 2.5, 0.625), class(10, 2.5, 0.625));
        assert_eq!(none.value, Some(0.0));
        assert_eq!(brier_skill(class(0, 0.0, 0.0), class(4, 1.0, 1.0)).reason.as_deref(), Some(ONE_CLASS));
    }

    #[test]
    fn compression_keeps_the_fit() {
        // Scores of a model whose slope is off by a factor, over the middle of the scale and out to both ends.
        for (spread, slope) in [(0.05, 1.0), (1.5, 0.8), (3.0, 1.3), (8.0, 0.4)] {
            let rows = 30_000_u32;
            let groups: Vec<_> = (0..rows)
                .map(|row| {
                    let normal = random::normal_quantile((f64::from(row) + 0.5) / f64::from(rows));
                    let logit = (spread * normal - 1.0).clamp(-36.0, 36.0);
                    let positive = random::uniform(u64::from(row)) < logistic::expit(slope * logit + 0.2);
                    group(logit, 1.0, f64::from(u8::from(positive)))
                })
                .collect();
            let mut compressor = Compressor::new(groups[0].logit, groups[groups.len() - 1].logit);
            groups.iter().for_each(|group| compressor.add(*group));
            let small = compressor.finish();
            assert!(small.len() <= 8192);
            let (exact, small) = (LogitGroups::exact(groups), small);
            let fit = LogisticFit::slope_and_intercept(&exact).unwrap();
            let near = LogisticFit::slope_and_intercept(&small).unwrap();
            for (exact, near) in [(fit.slope, near.slope), (fit.intercept, near.intercept)] {
                assert!((exact - near).abs() < 1e-10 * exact.abs().max(1.0), "{spread}: {exact} {near}");
            }
            assert!((fit.slope_error / near.slope_error - 1.0).abs() < 1e-9);
        }
    }

    proptest! {
        #[test]
        fn few_distinct_logits_are_compressed_without_loss(
            counts in prop::collection::vec((1_u32..20, 0.0..1.0_f64), 3..40),
        ) {
            let groups: Vec<_> = counts.iter().enumerate()
                .map(|(place, (rows, share))| {
                    group(place as f64 * 0.3, f64::from(*rows), (f64::from(*rows) * share).floor())
                })
                .collect();
            let mut compressor = Compressor::new(0.0, groups[groups.len() - 1].logit);
            groups.iter().for_each(|group| compressor.add(*group));
            let small = compressor.finish();
            prop_assert_eq!(small.len(), groups.len());
            let [exact, near] = [LogitGroups::exact(groups), small].map(|groups| LogisticFit::slope_and_intercept(&groups));
            match (exact, near) {
                (Ok(exact), Ok(near)) => prop_assert!((exact.slope - near.slope).abs() < 1e-9 * exact.slope.abs().max(1.0)),
                (exact, near) => prop_assert_eq!(exact.is_err(), near.is_err()),
            }
        }
    }
}
