//! The χ² distribution with whole degrees of freedom, from its closed forms.
//!
//! Every term of them is positive, so nothing cancels; with the functions of `libm`, so that the bits are the
//! same on every platform.

use std::f64::consts::PI;

/// Where the sum is scaled down, well inside the range of doubles.
const LARGE: f64 = 1e200;
/// The power of e that it is scaled by.
const STEP: f64 = 400.0;

/// P(X > x) for X of the χ² distribution with `freedom` > 0 degrees of freedom.
///
/// With y = x/2 and k degrees of freedom it is e⁻ʸ Σ yʲ/j! over j < k/2 for even k, and
/// erfc(√y) + e⁻ʸ Σ yʲ⁻¹ᐟ²/Γ(j + ½) over 1 ≤ j ≤ (k − 1)/2 for odd k (Abramowitz and Stegun, 26.4.4 and 26.4.5).
/// It takes k/2 steps and is good to 13 digits for up to a few thousand degrees of freedom.
pub(crate) fn survival(x: f64, freedom: u64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let y = x / 2.0;
    // Chernoff's bound there is below the smallest double; the sum would leave the range of numbers.
    if y > freedom as f64 + 1500.0 {
        return 0.0;
    }
    let odd = freedom % 2 == 1;
    let terms = freedom / 2;
    let (mut term, offset, tail) =
        if odd { (2.0 * (y / PI).sqrt(), 0.5, libm::erfc(y.sqrt())) } else { (1.0, 0.0, 0.0) };
    // What is still to be multiplied by e to the power of −`pending`.
    let (mut sum, mut pending) = (0.0, y);
    for j in 1..=terms {
        sum += term;
        term *= y / (j as f64 + offset);
        if sum + term > LARGE && pending > STEP {
            let scale = libm::exp(-STEP);
            (sum, term, pending) = (sum * scale, term * scale, pending - STEP);
        }
    }
    // In halves: e⁻ᵖ alone would underflow while the product does not.
    let half = libm::exp(-pending / 2.0);
    (sum * half * half + tail).min(1.0)
}

/// The x with P(X > x) = `tail`, for a tail in (0, 1), by bisection to the last digit.
pub(crate) fn upper_quantile(tail: f64, freedom: u64) -> f64 {
    let (mut low, mut high) = (0.0, freedom as f64 + 1.0);
    while survival(high, freedom) > tail && high < f64::MAX / 2.0 {
        (low, high) = (high, high * 2.0);
    }
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return high;
        }
        if survival(middle, freedom) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-13 * expected.abs(), "{value:e}, expected {expected:e}");
    }

    #[test]
    fn tables_are_met() {
        // Pearson and Hartley, Biometrika Tables for Statisticians 1, table 8.
        for (freedom, tail, quantile) in
            [(1, 0.05, 3.84146), (9, 0.05, 16.9190), (10, 0.05, 18.3070), (9, 0.01, 21.6660), (100, 0.05, 124.342)]
        {
            assert!((upper_quantile(tail, freedom) - quantile).abs() < 5e-6 * quantile, "{freedom} {tail}");
        }
    }

    #[test]
    fn tails_are_good_where_they_are_tiny() {
        assert_close(survival(1400.0, 2), libm::exp(-700.0));
        assert_close(survival(4.0, 1), libm::erfc(2.0_f64.sqrt()));
        // From 40-digit arithmetic.
        assert_close(survival(2000.0, 1000), 4.143_678_591_454_992e-69);
        assert_close(survival(1000.0, 1000), 0.494_052_853_829_239_64);
        assert_eq!(survival(0.0, 5), 1.0);
        for freedom in [1, 2, 3, 998, 999, 100_000] {
            assert_eq!(survival(1e300, freedom), 0.0);
            assert_eq!(survival(f64::INFINITY, freedom), 0.0);
            let edge = 2.0 * (freedom as f64 + 1500.0);
            assert!(survival(edge, freedom) < 1e-320, "{freedom}");
        }
    }

    #[test]
    fn a_quantile_has_its_tail() {
        for freedom in [1, 2, 3, 8, 9, 37, 1002] {
            assert_close(survival(upper_quantile(0.05, freedom), freedom), 0.05);
        }
    }
}
