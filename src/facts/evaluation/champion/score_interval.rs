//! Intervals by inversion of score tests, and from the intervals of the parts. Two-sided, at 95 %.

use super::super::interval::{Z, interval};
use super::super::metric::Interval;

/// Halvings of a search, after which its ends are neighbouring doubles.
const HALVINGS_MAX: u32 = 1100;

/// Where `holds` stops to hold between `inside`, where it does, and `outside`, where it does not.
fn boundary(mut inside: f64, mut outside: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS_MAX {
        let middle = f64::midpoint(inside, outside);
        if middle == inside || middle == outside {
            break;
        }
        if holds(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}

/// Ends of the score interval of Tango (Statistics in Medicine 17, 1998, 891) for the difference (b − c)/n of two
/// paired proportions: of n pairs, b have only the first and c only the second.
///
/// It is preferred to Newcombe's method 10 (1998, 2635), which shrinks to a point where no pair differs and half
/// of them have both: two models that agree on a hundred rows would be known to agree everywhere. This one is then
/// ±z²/(n + z²). It inverts the very test of a margin that a non-inferiority decision asks for.
pub(crate) fn tango(b: f64, c: f64, n: f64, method: &str) -> Option<Interval> {
    if !(n > 0.0 && b >= 0.0 && c >= 0.0 && b + c <= n) {
        return None;
    }
    interval(-tango_upper(c, b, n), tango_upper(b, c, n), method)
}

fn tango_upper(b: f64, c: f64, n: f64) -> f64 {
    let difference = (b - c) / n;
    // Whether a true difference δ at or above the observed one is accepted.
    let accepted = |delta: f64| {
        // The probability of c given δ by maximum likelihood: the larger root of 2n q² + linear q = c δ(1 − δ).
        let linear = (2.0 * n - b + c) * delta - b - c;
        let root = (linear * linear + 8.0 * n * c * delta * (1.0 - delta)).max(0.0).sqrt();
        let q =
            if linear > 0.0 { 2.0 * c * delta * (1.0 - delta) / (root + linear) } else { (root - linear) / (4.0 * n) };
        let distance = n * delta - (b - c);
        distance * distance <= Z * Z * n * (2.0 * q + delta * (1.0 - delta)).max(0.0)
    };
    if accepted(1.0) { 1.0 } else { boundary(difference, 1.0, accepted) }
}

/// Score interval of Koopman (Biometrics 40, 1984, 513) for the ratio of two independent proportions, `left` over
/// `right`, each as successes and trials. Like Wilson's it holds at counts of 0 and of all. None where `right` has no
/// success: then the ratio has no upper end.
pub(crate) fn koopman(left: [u64; 2], right: [u64; 2]) -> Option<Interval> {
    let [[x1, n1], [x0, n0]] = [left, right].map(|counts| counts.map(|count| count as f64));
    if x0 == 0.0 || n1 == 0.0 || x1 > n1 || x0 > n0 {
        return None;
    }
    let (share, reference) = (x1 / n1, x0 / n0);
    // Whether a true ratio is accepted, by the score statistic of Miettinen and Nurminen without their n/(n − 1).
    let accepted = |ratio: f64| {
        let [at_share, at_reference] = proportions_given(ratio, [x1, n1], [x0, n0]).map(|[p, q]| p * q);
        let distance = share - ratio * reference;
        distance * distance <= Z * Z * (at_share / n1 + ratio * ratio * at_reference / n0)
    };
    let value = share / reference;
    let low = if x1 == 0.0 { 0.0 } else { boundary(value, 0.0, accepted) };
    let mut outside = 2.0 * value.max(1.0 / n1);
    while accepted(outside) && outside < 1e300 {
        outside *= 2.0;
    }
    interval(low, boundary(value, outside, accepted), "koopman")
}

/// Two proportions p₁ = θ p₀ and p₀ by maximum likelihood given their ratio θ, each with its complement.
///
/// p₀ is the smaller root of θ(n₁ + n₀) p² − (θ(n₁ + x₀) + n₀ + x₁) p + x₁ + x₀ = 0. With f = n − x the discriminant is
/// (θ(n₁ + x₀) − n₀ − x₁)² + 4θ f₁ f₀, and complements are products too: nothing cancels where proportions are near 1.
fn proportions_given(ratio: f64, [x1, n1]: [f64; 2], [x0, n0]: [f64; 2]) -> [[f64; 2]; 2] {
    let (f1, f0, both) = (n1 - x1, n0 - x0, x1 + x0);
    let difference = ratio * (n1 + x0) - (n0 + x1);
    let root = (difference * difference + 4.0 * ratio * f1 * f0).sqrt();
    let sum = ratio * (n1 + x0) + (n0 + x1) + root;
    let (p1, p0) = (2.0 * ratio * both / sum, 2.0 * both / sum);
    // 1 − p is (root + rest)/sum, and the product of that with (root − rest)/sum is known.
    let complement =
        |rest: f64, product: f64| if rest > 0.0 { root + rest } else { product.max(0.0) / (root - rest) } / sum;
    let q1 = complement(ratio * (n1 - x1 - both) + n0 + x1, 4.0 * ratio * both * f1 * (ratio - 1.0));
    let q0 = complement(ratio * (n1 + x0) + f0 - both, 4.0 * both * f0 * (1.0 - ratio));
    [[p1, if q1.is_nan() { 0.0 } else { q1 }], [p0, if q0.is_nan() { 0.0 } else { q0 }]]
}

/// An estimate between the ends of its own interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Recovered {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Interval for the difference of two estimates with a `correlation` from their own intervals, as variance estimates
/// recovered from the ends (MOVER; Zou and Donner, Statistics in Medicine 27, 2008, 1693). For independent proportions
/// with Wilson's interval it is Newcombe's method 10.
pub(crate) fn mover(left: Recovered, right: Recovered, correlation: f64, method: &str) -> Option<Interval> {
    let half = |left: f64, right: f64| (left * left + right * right - 2.0 * correlation * left * right).max(0.0).sqrt();
    let difference = left.value - right.value;
    interval(
        difference - half(left.value - left.low, right.high - right.value),
        difference + half(left.high - left.value, right.value - right.low),
        method,
    )
}

/// `interval` with both ends brought into [low, high].
pub(crate) fn within(interval: Interval, low: f64, high: f64) -> Interval {
    Interval { low: interval.low.clamp(low, high), high: interval.high.clamp(low, high), ..interval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_close(interval: Option<Interval>, low: f64, high: f64, tolerance: f64) {
        let interval = interval.unwrap();
        assert!((interval.low - low).abs() < tolerance, "{interval:?}, expected low {low}");
        assert!((interval.high - high).abs() < tolerance, "{interval:?}, expected high {high}");
    }

    #[test]
    fn tango_gives_the_published_example() {
        // Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014) 2850, airway hyper-responsiveness:
        // b = 1 and c = 7 of 21 pairs.
        assert_close(tango(1.0, 7.0, 21.0, "tango"), -0.517, -0.026, 5e-4);
    }

    #[test]
    fn tango_at_the_ends() {
        let z2 = Z * Z;
        assert_close(tango(0.0, 0.0, 50.0, "tango"), -z2 / (50.0 + z2), z2 / (50.0 + z2), 1e-15);
        assert_eq!(tango(9.0, 0.0, 9.0, "tango").unwrap().high, 1.0);
        assert_eq!(tango(0.0, 9.0, 9.0, "tango").unwrap().low, -1.0);
        assert_eq!(tango(0.0, 0.0, 0.0, "tango"), None);
        assert_eq!(tango(2.0, 2.0, 3.0, "tango"), None);
    }

    #[test]
    fn koopman_gives_the_published_example() {
        // Koopman (1984), section 5: 36 of 40 against 16 of 80; ratio 4.5, interval 2.94 to 7.15.
        assert_close(koopman([36, 40], [16, 80]), 2.94, 7.15, 5e-3);
        assert_eq!(koopman([0, 10], [3, 10]).unwrap().low, 0.0);
        assert_eq!(koopman([3, 10], [0, 10]), None);
        assert_eq!(koopman([0, 0], [3, 10]), None);
        assert_close(koopman([10, 10], [10, 10]), 1.0 / (1.0 + Z * Z / 10.0), 1.0 + Z * Z / 10.0, 1e-12);
    }

    proptest! {
        #[test]
        fn tango_holds_the_difference_and_zero_as_mcnemar_does(b in 0_u32..60, c in 0_u32..60, same in 1_u32..500) {
            let n = f64::from(b + c + same);
            let (b, c) = (f64::from(b), f64::from(c));
            let interval = tango(b, c, n, "tango").unwrap();
            let difference = (b - c) / n;
            prop_assert!(interval.low <= difference && difference <= interval.high);
            // At δ = 0 the statistic is McNemar's without correction.
            let accepted = (b - c) * (b - c) <= Z * Z * (b + c);
            prop_assert_eq!(accepted, interval.low <= 0.0 && 0.0 <= interval.high);
            let mirrored = tango(c, b, n, "tango").unwrap();
            prop_assert_eq!((mirrored.low, mirrored.high), (-interval.high, -interval.low));
        }

        #[test]
        fn koopman_turns_with_the_ratio(x1 in 1_u64..40, more1 in 0_u64..40, x0 in 1_u64..40, more0 in 0_u64..40) {
            let (left, right) = ([x1, x1 + more1], [x0, x0 + more0]);
            let (there, back) = (koopman(left, right).unwrap(), koopman(right, left).unwrap());
            prop_assert!((there.low * back.high - 1.0).abs() < 1e-9 && (there.high * back.low - 1.0).abs() < 1e-9);
        }
    }
}
