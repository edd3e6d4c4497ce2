//! Power and sample size for a declared margin, before the rows are looked at.
//!
//! A gate passes if the unfavourable end of a two-sided 95 % interval meets the bound: a one-sided test at 2.5 %. Its power
//! is the probability that it passes, given how far on the good side of the bound the truth lies. All by the normal
//! approximation, with the variance of the statistic at the bound for the test, and at the truth for what happens.

use super::interval::Z;
use super::random::{normal_distribution, normal_quantile};

/// What is measured, and on how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Design {
    /// A share of `trials` that has to be above `bound`. For one that has to be below, ask for the share of failures.
    Proportion { bound: f64, trials: f64 },
    /// A share of `trials` that has to be above that of an independent group, `reference` of `reference_trials`.
    TwoProportions { reference: f64, trials: f64, reference_trials: f64 },
    /// An area under the ROC curve that has to be above `bound`, in (0, 1).
    Area { bound: f64, positives: f64, negatives: f64 },
    /// A mean of `n` numbers with a standard deviation; of paired differences for a challenger and a champion. For
    /// decisions, of which a share ψ differs and δ is the gain, the deviation is √(ψ − δ²).
    Mean { standard_deviation: f64, n: f64 },
}

/// Standard errors at the bound and at the truth.
struct Errors {
    at_bound: f64,
    at_truth: f64,
}

/// Variance of an estimated area (Hanley and McNeil, Radiology 143, 1982), by exponential scores: with Q₁ = A/(2 − A) and
/// Q₂ = 2A²/(1 + A), [A(1 − A) + (m − 1)(Q₁ − A²) + (n − 1)(Q₂ − A²)]/(mn).
pub(crate) fn hanley_mcneil(area: f64, positives: f64, negatives: f64) -> f64 {
    let (first, second) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let square = area * area;
    let sum = area * (1.0 - area) + (positives - 1.0) * (first - square) + (negatives - 1.0) * (second - square);
    sum / (positives * negatives)
}

impl Design {
    /// Whether the truth is possible that is better than the bound by the effect.
    fn holds(self, effect: f64) -> bool {
        match self {
            Self::Proportion { bound, .. } | Self::Area { bound, .. } => bound + effect <= 1.0,
            Self::TwoProportions { reference, .. } => reference + effect <= 1.0,
            Self::Mean { .. } => true,
        }
    }

    /// The largest such effect.
    fn effect_max(self) -> f64 {
        match self {
            Self::Proportion { bound, .. } | Self::Area { bound, .. } => 1.0 - bound,
            Self::TwoProportions { reference, .. } => 1.0 - reference,
            Self::Mean { .. } => f64::INFINITY,
        }
    }

    fn is_valid(self) -> bool {
        let share = |share: f64| (0.0..1.0).contains(&share);
        let count = |count: f64| count >= 1.0 && count.is_finite();
        match self {
            Self::Proportion { bound, trials } => share(bound) && count(trials),
            Self::TwoProportions { reference, trials, reference_trials } => {
                share(reference) && count(trials) && count(reference_trials)
            }
            Self::Area { bound, positives, negatives } => {
                share(bound) && bound > 0.0 && count(positives) && count(negatives)
            }
            Self::Mean { standard_deviation, n } => {
                standard_deviation > 0.0 && standard_deviation.is_finite() && count(n)
            }
        }
    }

    /// The same design with another number of trials (of the group, of positives, of numbers), the others in proportion.
    fn sized(self, count: f64) -> Self {
        match self {
            Self::Proportion { bound, .. } => Self::Proportion { bound, trials: count },
            Self::TwoProportions { reference, trials, reference_trials } => {
                Self::TwoProportions { reference, trials: count, reference_trials: reference_trials * (count / trials) }
            }
            Self::Area { bound, positives, negatives } => {
                Self::Area { bound, positives: count, negatives: negatives * (count / positives) }
            }
            Self::Mean { standard_deviation, .. } => Self::Mean { standard_deviation, n: count },
        }
    }

    fn errors(self, effect: f64) -> Errors {
        let binomial = |share: f64, trials: f64| share * (1.0 - share) / trials;
        let (at_bound, at_truth) = match self {
            Self::Proportion { bound, trials } => (binomial(bound, trials), binomial(bound + effect, trials)),
            Self::TwoProportions { reference, trials, reference_trials } => {
                let share = reference + effect;
                let pooled = (share * trials + reference * reference_trials) / (trials + reference_trials);
                let null = binomial(pooled, trials) + binomial(pooled, reference_trials);
                (null, binomial(share, trials) + binomial(reference, reference_trials))
            }
            Self::Area { bound, positives, negatives } => {
                (hanley_mcneil(bound, positives, negatives), hanley_mcneil(bound + effect, positives, negatives))
            }
            Self::Mean { standard_deviation, n } => (standard_deviation * (standard_deviation / n), f64::NAN),
        };
        let at_truth = if at_truth.is_nan() { at_bound } else { at_truth };
        // Rounding may leave less than zero at an area of one.
        Errors { at_bound: at_bound.max(0.0).sqrt(), at_truth: at_truth.max(0.0).sqrt() }
    }
}

/// Probability that the gate passes if the truth is better than the bound by `effect` ≥ 0, in the units of the metric:
/// Φ((effect − z · error at the bound)/error at the truth). None for a design or an effect out of range.
pub(crate) fn power(design: Design, effect: f64) -> Option<f64> {
    if !(design.is_valid() && effect >= 0.0 && effect.is_finite() && design.holds(effect)) {
        return None;
    }
    let errors = design.errors(effect);
    let distance = effect - Z * errors.at_bound;
    if errors.at_truth > 0.0 {
        return Some(normal_distribution(distance / errors.at_truth));
    }
    // Nothing varies at the truth: the gate passes always, or never.
    Some(if distance >= 0.0 { 1.0 } else { 0.0 })
}

/// Halvings of a search, after which its ends are neighbouring doubles.
const HALVINGS_MAX: u32 = 1100;

/// The smallest effect with the `wanted` power, in (0.025, 1). None for a design out of range, and where not even the
/// largest effect has it.
pub(crate) fn minimal_detectable(design: Design, wanted: f64) -> Option<f64> {
    if !(design.is_valid() && wanted > power_at_the_bound() && wanted < 1.0) {
        return None;
    }
    if let Design::Mean { .. } = design {
        return Some((Z + normal_quantile(wanted)) * design.errors(0.0).at_bound);
    }
    let most = design.effect_max();
    smallest(0.0, most, |effect| power(design, effect.min(most)).is_some_and(|power| power >= wanted))
}

/// The smallest number of trials (of the group, of positives, of numbers) with the `wanted` power at this `effect`, the
/// others in the proportion of the design and at least one. None for a design out of range, and where more than 2⁵³ would be needed.
pub(crate) fn sample_size(design: Design, effect: f64, wanted: f64) -> Option<u64> {
    power(design, effect).filter(|_| effect > 0.0 && wanted > power_at_the_bound() && wanted < 1.0)?;
    let enough = |count: u64| power(design.sized(count as f64), effect).is_some_and(|power| power >= wanted);
    let (mut low, mut high) = (0_u64, 1_u64 << 53);
    if !enough(high) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// What a gate passes by chance with the truth at the bound.
fn power_at_the_bound() -> f64 {
    normal_distribution(-Z)
}

/// The smallest number above `low` and up to `high` for which `holds`, if it holds at `high`.
fn smallest(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if !holds(high) {
        return None;
    }
    for _ in 0..HALVINGS_MAX {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hanley_and_mcneil_give_their_example() {
        // Hanley and McNeil (1982), p. 32: area 0.893, 51 abnormal and 58 normal images; 0.032 with Q₁ and Q₂ from the
        // ratings, and a little more with those of exponential scores.
        let error = hanley_mcneil(0.893, 51.0, 58.0).sqrt();
        assert!((error - 0.032).abs() < 1e-3, "{error}");
        // At one half it is that of the Mann-Whitney statistic, (m + n + 1)/(12mn).
        assert!((hanley_mcneil(0.5, 20.0, 30.0) - 51.0 / 7200.0).abs() < 1e-16);
    }

    #[test]
    fn textbook_sample_sizes() {
        // Two independent proportions 0.6 and 0.5, 80 % power, 5 % two-sided, pooled under equality: 388 in each group
        // (Fleiss, Statistical Methods for Rates and Proportions, without correction).
        let design = Design::TwoProportions { reference: 0.5, trials: 1.0, reference_trials: 1.0 };
        assert_eq!(sample_size(design, 0.1, 0.8), Some(388));
        // A mean half a standard deviation off: (1.96 + 0.8416)²/0.25 = 31.4.
        let design = Design::Mean { standard_deviation: 2.0, n: 1.0 };
        assert_eq!(sample_size(design, 1.0, 0.8), Some(32));
    }

    #[test]
    fn what_has_no_answer() {
        let design = Design::Proportion { bound: 0.9, trials: 10.0 };
        assert_eq!(power(design, 0.2), None);
        assert_eq!(power(design, -0.1), None);
        assert_eq!(power(design, f64::NAN), None);
        // Ten of ten: the lower end of Wilson's interval is 0.72.
        assert_eq!(power(design, 0.1), Some(0.0));
        assert_eq!(minimal_detectable(design, 0.8), None);
        assert_eq!(minimal_detectable(Design::Proportion { bound: 1.0, trials: 10.0 }, 0.8), None);
        assert_eq!(sample_size(design, 0.0, 0.8), None);
        assert_eq!(sample_size(design, 0.05, 1.0), None);
        assert_eq!(power(Design::Mean { standard_deviation: 0.0, n: 5.0 }, 1.0), None);
        assert_eq!(power(Design::Area { bound: 0.0, positives: 5.0, negatives: 5.0 }, 0.1), None);
    }

    proptest! {
        #[test]
        fn at_the_bound_chance_alone_passes(bound in 0.05..0.95, trials in 5.0..1e6) {
            for design in [
                Design::Proportion { bound, trials },
                Design::TwoProportions { reference: bound, trials, reference_trials: 3.0 * trials },
                Design::Area { bound, positives: trials, negatives: 2.0 * trials },
                Design::Mean { standard_deviation: bound, n: trials },
            ] {
                prop_assert!((power(design, 0.0).unwrap() - 0.025).abs() < 1e-12);
                let Some(effect) = minimal_detectable(design, 0.8) else { continue };
                prop_assert!((power(design, effect).unwrap() - 0.8).abs() < 1e-6, "{design:?} {effect}");
            }
        }
    }
}
