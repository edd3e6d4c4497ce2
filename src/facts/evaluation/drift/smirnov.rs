//! Significance of the two-sample distance of Kolmogorov and Smirnov.

use std::f64::consts::PI;

/// The largest product of the two sample sizes for which the exact probability is computed, in lattice points.
/// It takes about 4 ns for each that lies between the lines.
const LATTICE_POINTS_MAX: u128 = 10_000_000;

/// The probability of a distance at least as large if both samples come from one distribution, and how it was computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PValue {
    /// By counting lattice paths. Conservative where values are tied.
    Exact(f64),
    /// From the limit distribution.
    Asymptotic(f64),
}

/// The p-value of the distance `steps`/(n·m) of two samples of n and m values, both positive.
pub(crate) fn p_value(steps: u128, n: u64, m: u64) -> PValue {
    if u128::from(n) * u128::from(m) <= LATTICE_POINTS_MAX {
        return PValue::Exact(outside(steps, n, m));
    }
    let (n, m) = (n as f64, m as f64);
    let distance = steps as f64 / (n * m);
    PValue::Asymptotic(limit((n / (n + m) * m).sqrt() * distance))
}

/// The share of lattice paths from (0, 0) to (n, m) on which some point (i, j) has |i·m − j·n| ≥ `steps`.
///
/// By the recurrence for the share itself, which keeps small ones to full precision (Viehmann, arXiv 2102.08037,
/// 2021): a path reaches (i, j) from (i − 1, j) with probability i/(i + j).
fn outside(steps: u128, n: u64, m: u64) -> f64 {
    if steps == 0 {
        return 1.0;
    }
    let (long, short) = (i128::from(n.max(m)), i128::from(n.min(m)));
    let steps = i128::try_from(steps).unwrap_or(i128::MAX).min(long * short + 1);
    // Points of the column that lie strictly between the lines.
    let inside = |i: i128| {
        let first = ((i * short - steps).div_euclid(long) + 1).clamp(0, short + 1);
        let last = (-(-(i * short + steps)).div_euclid(long)).clamp(0, short + 1);
        (first as usize, last as usize)
    };
    // The share for each point of the column; those that were never inside keep their 1.
    let mut column = vec![1.0; short as usize + 1];
    let (first, last) = inside(0);
    column.iter_mut().take(last).skip(first).for_each(|share| *share = 0.0);
    for i in 1..=long {
        let (first, last) = inside(i);
        let mut below = if first == 0 { 0.0 } else { 1.0 };
        let i = i as f64;
        for (j, share) in column.iter_mut().enumerate().take(last).skip(first) {
            let j = j as f64;
            below = (*share * i + below * j) / (i + j);
            *share = below;
        }
    }
    // All paths end here, on the diagonal and hence between the lines.
    column.last().copied().unwrap_or(1.0)
}

/// P(K > x) of the limit distribution (Kolmogorov 1933; Feller, Annals of Mathematical Statistics 19, 1948): the
/// series in e^(−2k²x²), or for small x its transform, which converges faster there.
fn limit(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        let sum: f64 = (0..4)
            .rev()
            .map(|k| {
                let odd = f64::from(2 * k + 1) * PI / x;
                libm::exp(-odd * odd / 8.0)
            })
            .sum();
        return 1.0 - (2.0 * PI).sqrt() / x * sum;
    }
    let terms = (1..=5).rev().map(|k| {
        let term = libm::exp(-2.0 * f64::from(k * k) * x * x);
        if k % 2 == 1 { term } else { -term }
    });
    2.0 * terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The share by listing every path.
    fn listed(steps: u128, n: u64, m: u64) -> f64 {
        fn count(i: u64, j: u64, (n, m): (u64, u64), steps: u128, seen: bool) -> (u64, u64) {
            let distance = u128::from(i * m).abs_diff(u128::from(j * n));
            let seen = seen || distance >= steps;
            if (i, j) == (n, m) {
                return (u64::from(seen), 1);
            }
            let right = if i < n { count(i + 1, j, (n, m), steps, seen) } else { (0, 0) };
            let up = if j < m { count(i, j + 1, (n, m), steps, seen) } else { (0, 0) };
            (right.0 + up.0, right.1 + up.1)
        }
        let (outside, all) = count(0, 0, (n, m), steps, false);
        outside as f64 / all as f64
    }

    #[test]
    fn samples_that_do_not_overlap() {
        // Two of all C(10, 5) = 252 orders.
        let PValue::Exact(p) = p_value(25, 5, 5) else { panic!("not exact") };
        assert!((p - 2.0 / 252.0).abs() < 1e-17);
    }

    #[test]
    fn the_limit_has_its_known_values() {
        // From 40-digit arithmetic; 1.36 is the textbook's bound for 0.05.
        let expected =
            [(0.5, 0.036_054_756), (0.83, 0.503_809), (1.0, 0.730_000_33), (1.36, 0.950_514_12), (2.0, 0.999_329_07)];
        for (x, below) in expected {
            assert!((1.0 - limit(x) - below).abs() < 6e-7, "{x}: {}", 1.0 - limit(x));
        }
        assert_eq!(limit(0.0), 1.0);
        assert_eq!(limit(1e-3), 1.0);
        assert!((limit(1.0 - 1e-12) - limit(1.0)).abs() < 1e-11, "the two series meet");
    }

    #[test]
    fn sizes_beyond_the_bound_are_asymptotic() {
        assert!(matches!(p_value(1, u64::MAX, u64::MAX), PValue::Asymptotic(1.0)));
        assert!(matches!(p_value(u128::MAX, u64::MAX, u64::MAX), PValue::Asymptotic(0.0)));
        assert_eq!(p_value(u128::MAX, 3, 4), PValue::Exact(0.0), "no path gets that far");
    }

    proptest! {
        #[test]
        fn the_recurrence_counts_paths(n in 1_u64..8, m in 1_u64..8, share in 0.0_f64..=1.0) {
            let steps = (share * (n * m) as f64) as u128;
            let expected = listed(steps, n, m);
            let PValue::Exact(p) = p_value(steps, n, m) else { panic!("not exact") };
            prop_assert!((p - expected).abs() <= 1e-14 * expected, "{p} {expected}");
            prop_assert_eq!(p_value(steps, n, m), p_value(steps, m, n));
        }
    }
}
