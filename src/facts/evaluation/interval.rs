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
    let (low, high) = score_ends(successes as f64 / n, n);
    // At 0 and n successes the closed form's rounding leaves a residue of 1e-17 where the end is exact.
    let low = if successes == 0 { 0.0 } else { low };
    let high = if successes == trials { 1.0 } else { high };
    interval(low, high, "wilson")
}

/// Wilson's interval for a share of weighted or clustered rows. It is that of as many independent rows as
/// would give the share its standard error, share·(1 − share)/error² (Kish's effective sample size; Korn and
/// Graubard, Survey Methodology 24, 1998). There is none at 0 and 1, where that error is zero and says nothing.
pub(crate) fn wilson_effective(share: f64, standard_error: f64, method: &str) -> Option<Interval> {
    if !(share > 0.0 && share < 1.0 && standard_error > 0.0) {
        return None;
    }
    let (low, high) = score_ends(share, share * (1.0 - share) / (standard_error * standard_error));
    interval(low, high, method)
}

/// The ends of the score interval of a share of `n` rows.
fn score_ends(share: f64, n: f64) -> (f64, f64) {
    let z2 = Z * Z;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Normal interval, cut off at the ends of the metric's range.
pub(crate) fn wald(value: f64, standard_error: f64, range: (f64, f64), method: &str) -> Option<Interval> {
    let half = Z * standard_error;
    interval((value - half).max(range.0), (value + half).min(range.1), method)
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

/// Interval of a value in (0, 1) on the logit scale: it stays inside. There is none at 0 and 1, nor where the
/// standard error is what rounding leaves of zero.
pub(crate) fn logit(value: f64, standard_error: f64, method: &str) -> Option<Interval> {
    let half = Z * standard_error / (value * (1.0 - value));
    if !(value > 0.0 && 1.0 - value > 1e-12 && half > 1e-12) {
        return None;
    }
    let centre = libm::log(value / (1.0 - value));
    interval(expit(centre - half), expit(centre + half), method)
}

/// Interval of a correlation on Fisher's scale, artanh: it stays inside (−1, 1). There is none at the ends, nor where
/// the standard error is what rounding leaves of zero.
pub(crate) fn fisher(value: f64, standard_error: f64, method: &str) -> Option<Interval> {
    let scale = 1.0 - value * value;
    let half = Z * standard_error / scale;
    if !(scale > 1e-12 && half > 1e-12) {
        return None;
    }
    let centre = libm::atanh(value);
    interval(libm::tanh(centre - half), libm::tanh(centre + half), method)
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

/// Interval for `left − right` of two independent estimates of values in [0, 1], recovered from their own intervals
/// (MOVER, Zou and Donner 2008).
pub(crate) fn difference(left: (f64, &Interval), right: (f64, &Interval)) -> Option<Interval> {
    let value = left.0 - right.0;
    let low = value - (left.0 - left.1.low).hypot(right.1.high - right.0);
    let high = value + (left.1.high - left.0).hypot(right.0 - right.1.low);
    interval(low.max(-1.0), high.min(1.0), "mover")
}

/// Interval for `left / right` of two independent positive estimates, recovered from their own intervals on the log
/// scale (MOVER, Zou and Donner 2008). There is none where an end is 0.
pub(crate) fn ratio(left: (f64, &Interval), right: (f64, &Interval)) -> Option<Interval> {
    if left.1.low <= 0.0 || right.1.low <= 0.0 {
        return None;
    }
    let distance = |from: f64, to: f64| libm::log(to / from);
    let value = distance(right.0, left.0);
    let low = value - distance(left.1.low, left.0).hypot(distance(right.0, right.1.high));
    let high = value + distance(left.0, left.1.high).hypot(distance(right.1.low, right.0));
    interval(libm::exp(low), libm::exp(high), "mover-log")
}

/// Interval for the mean of two independent proportions, recovered from their own intervals
/// (MOVER, Zou and Donner 2008).
pub(crate) fn mean_of_two(left: &Proportion, right: &Proportion) -> Option<Interval> {
    let mean = f64::midpoint(left.share, right.share);
    let low = mean - (left.share - left.low).hypot(right.share - right.low) / 2.0;
    let high = mean + (left.high - left.share).hypot(right.high - right.share) / 2.0;
    interval(low.max(0.0), high.min(1.0), "mover-wilson")
}

/// Interval for the mean of independent proportions, recovered from their own intervals (MOVER, Zou and Donner 2008).
pub(crate) fn mean_of(parts: &[Proportion]) -> Option<Interval> {
    if parts.is_empty() {
        return None;
    }
    let count = parts.len() as f64;
    let mean = parts.iter().map(|part| part.share).sum::<f64>() / count;
    let below = parts.iter().fold(0.0, |far: f64, part| far.hypot(part.share - part.low));
    let above = parts.iter().fold(0.0, |far: f64, part| far.hypot(part.high - part.share));
    interval((mean - below / count).max(0.0), (mean + above / count).min(1.0), "mover-wilson")
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
    fn as_many_effective_rows_as_there_are_give_the_same_interval() {
        let error = (0.3_f64 * 0.7 / 40.0).sqrt();
        let plain = wilson(12, 40).unwrap();
        assert_close(wilson_effective(0.3, error, "wilson-clustered"), plain.low, plain.high, 1e-14);
        assert_eq!(wilson_effective(1.0, 0.0, "wilson-clustered"), None);
    }

    #[test]
    fn newcombe_gives_the_published_example() {
        // Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10: 56/70 − 48/80.
        let (left, right) = (Proportion::new(56, 70).unwrap(), Proportion::new(48, 80).unwrap());
        assert_close(newcombe(&left, &right), 0.0524, 0.3339, 5e-5);
    }

    #[test]
    fn the_mean_of_many_is_that_of_two() {
        let parts = [Proportion::new(3, 10).unwrap(), Proportion::new(40, 41).unwrap()];
        let of_two = mean_of_two(&parts[0], &parts[1]).unwrap();
        assert_close(mean_of(&parts), of_two.low, of_two.high, 1e-15);
        assert_eq!(mean_of(&[]), None);
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
