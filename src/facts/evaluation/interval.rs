//! Confidence intervals, two-sided, at 95 %.

use super::metric::Interval;

/// Confidence level of every interval.
pub(crate) const LEVEL: f64 = 0.95;

/// The 0.975 quantile of the standard normal distribution.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// Makes an interval, or none if an end is not a number.
pub(crate) fn interval(low: f64, high: f64, method: &str) -> Option<Interval> {
    (low.is_finite() && high.is_finite() && low <= high).then(|| Interval {
        low: low + 0.0,
        high: high + 0.0,
        level: LEVEL,
        method: method.to_owned(),
    })
}

/// Score interval for a proportion (Wilson 1927). It keeps its coverage near 0 and 1, where the
/// normal approximation collapses to a point.
pub(crate) fn wilson(successes: u64, trials: u64) -> Option<Interval> {
    if trials == 0 || successes > trials {
        return None;
    }
    let n = trials as f64;
    let share = successes as f64 / n;
    let z2 = Z * Z;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // At 0 and n successes the closed form's rounding leaves a residue of 1e-17 where the end is exact.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half).min(1.0) };
    interval(low, high, "wilson")
}

/// Interval for an area under the ROC curve from its DeLong standard error, on the logit scale
/// (Pepe 2003, section 5.2.5): it stays inside (0, 1). There is none at 0 and 1, where the
/// variance estimate is zero and says nothing.
pub(crate) fn delong_logit(area: f64, standard_error: f64) -> Option<Interval> {
    if !(area > 0.0 && area < 1.0 && standard_error > 0.0) {
        return None;
    }
    let logit = libm::log(area / (1.0 - area));
    let half = Z * standard_error / (area * (1.0 - area));
    interval(expit(logit - half), expit(logit + half), "delong-logit")
}

fn expit(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Interval for the mean of losses by the central limit theorem, from the sample's standard deviation.
/// Losses cannot be negative, so the lower end is not either.
pub(crate) fn mean_of_losses(mean: f64, standard_deviation: f64, n: u64) -> Option<Interval> {
    if n < 2 {
        return None;
    }
    let half = Z * standard_deviation / (n as f64).sqrt();
    interval((mean - half).max(0.0), mean + half, "clt")
}

/// Interval for `left − right` of two independent proportions from their own intervals: Newcombe's
/// hybrid score method 10 (1998).
pub(crate) fn newcombe(left: &Proportion, right: &Proportion) -> Option<Interval> {
    let difference = left.share - right.share;
    let low = difference - (left.share - left.low).hypot(right.high - right.share);
    let high = difference + (left.high - left.share).hypot(right.share - right.low);
    interval(low.max(-1.0), high.min(1.0), "newcombe")
}

/// Interval for the mean of two independent proportions, recovered from their own intervals
/// (MOVER, Zou and Donner 2008).
pub(crate) fn mean_of_two(left: &Proportion, right: &Proportion) -> Option<Interval> {
    let mean = f64::midpoint(left.share, right.share);
    let low = mean - (left.share - left.low).hypot(right.share - right.low) / 2.0;
    let high = mean + (left.high - left.share).hypot(right.high - right.share) / 2.0;
    interval(low.max(0.0), high.min(1.0), "mover-wilson")
}

/// Interval for the ratio of two independent proportions on the log scale (Katz et al. 1978).
/// There is none when either has no success.
pub(crate) fn katz(left: &Proportion, right: &Proportion) -> Option<Interval> {
    if left.successes == 0 || right.successes == 0 {
        return None;
    }
    let variance = |part: &Proportion| 1.0 / part.successes as f64 - 1.0 / part.trials as f64;
    let logarithm = libm::log(left.share / right.share);
    let half = Z * (variance(left) + variance(right)).sqrt();
    interval(libm::exp(logarithm - half), libm::exp(logarithm + half), "katz-log")
}

/// A proportion with its Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Proportion {
    pub(crate) successes: u64,
    pub(crate) trials: u64,
    pub(crate) share: f64,
    low: f64,
    high: f64,
}

impl Proportion {
    /// `successes` of `trials`, or none if there are no trials.
    pub(crate) fn new(successes: u64, trials: u64) -> Option<Self> {
        let interval = wilson(successes, trials)?;
        let share = successes as f64 / trials as f64;
        Some(Self { successes, trials, share, low: interval.low, high: interval.high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(interval: Option<Interval>, low: f64, high: f64, tolerance: f64) {
        let interval = interval.unwrap();
        assert!((interval.low - low).abs() < tolerance, "{interval:?}, expected low {low}");
        assert!((interval.high - high).abs() < tolerance, "{interval:?}, expected high {high}");
    }

    #[test]
    fn wilson_gives_the_published_example() {
        // Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3: 81 of 263, and 0 of 20.
        assert_close(wilson(81, 263), 0.2553, 0.3662, 5e-5);
        assert_close(wilson(0, 20), 0.0, 0.1611, 5e-5);
        assert_eq!(wilson(29, 29).unwrap().high, 1.0);
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(2, 1), None);
    }

    #[test]
    fn newcombe_gives_the_published_example() {
        // Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10: 56/70 − 48/80.
        let (left, right) = (Proportion::new(56, 70).unwrap(), Proportion::new(48, 80).unwrap());
        assert_close(newcombe(&left, &right), 0.0524, 0.3339, 5e-5);
    }

    #[test]
    fn katz_has_no_interval_without_successes() {
        let none = Proportion::new(0, 10).unwrap();
        let some = Proportion::new(5, 10).unwrap();
        assert_eq!(katz(&none, &some), None);
        let itself = katz(&some, &some).unwrap();
        assert!((itself.low * itself.high - 1.0).abs() < 1e-12, "symmetric on the log scale: {itself:?}");
    }

    #[test]
    fn a_perfect_ranking_has_no_delong_interval() {
        assert_eq!(delong_logit(1.0, 0.0), None);
        assert_eq!(delong_logit(0.0, 0.0), None);
        assert!(delong_logit(0.9, 0.05).is_some());
    }
}
