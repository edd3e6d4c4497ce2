//! Deviances of one row, without the cancellation that their textbook forms suffer when the prediction is close.
//!
//! With v = (y − μ)/(y + μ), ln(y/μ) = 2(v + v³/3 + v⁵/5 + …) (after Loader, "Fast and accurate computation of
//! binomial probabilities", 2000).

/// Below this |v| the series is used; its 17th term is then below 2⁻⁵³ of the first.
const CLOSE: f64 = 0.1;
const TERMS: u32 = 17;

/// ln(y/μ) − 2v.
fn series(v: f64) -> f64 {
    let square = v * v;
    // Horner's scheme for 1/3 + v²/5 + v⁴/7 + …
    let sum = (1..=TERMS).rev().fold(0.0, |sum, term| sum * square + 1.0 / f64::from(2 * term + 1));
    2.0 * v * square * sum
}

/// v.
fn relative_difference(y: f64, mu: f64) -> f64 {
    let sum = y + mu;
    // Halves of numbers whose sum leaves the range are exact.
    if sum.is_finite() { (y - mu) / sum } else { (y / 2.0 - mu / 2.0) / (y / 2.0 + mu / 2.0) }
}

/// ln(y/μ) of positive numbers, also where the quotient is no normal number.
fn log_ratio(y: f64, mu: f64) -> f64 {
    let ratio = y / mu;
    if ratio.is_normal() { libm::log(ratio) } else { libm::log(y) - libm::log(mu) }
}

/// Poisson: 2(y ln(y/μ) − y + μ) for y ≥ 0 and μ > 0; 2μ where y is 0.
pub(crate) fn poisson(y: f64, mu: f64) -> f64 {
    if y == 0.0 {
        return 2.0 * mu;
    }
    let v = relative_difference(y, mu);
    if v.abs() < CLOSE { 2.0 * (v * (y - mu) + y * series(v)) } else { 2.0 * (y * log_ratio(y, mu) - (y - mu)) }
}

/// Gamma: 2(ln(μ/y) + y/μ − 1) for y > 0 and μ > 0.
pub(crate) fn gamma(y: f64, mu: f64) -> f64 {
    let v = relative_difference(y, mu);
    let excess = (y - mu) / mu;
    if v.abs() < CLOSE { 2.0 * (v * excess - series(v)) } else { 2.0 * (excess - log_ratio(y, mu)) }
}

/// ln(1 + predicted) − ln(1 + actual) for numbers above −1. Close values share most digits of their logarithms, so
/// that the logarithm of the quotient is taken instead.
pub(crate) fn log_error(actual: f64, predicted: f64) -> f64 {
    let relative = (predicted - actual) / (1.0 + actual);
    if (-0.5..1.0).contains(&relative) { libm::log1p(relative) } else { libm::log1p(predicted) - libm::log1p(actual) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-14 * expected.abs(), "{value:e}, expected {expected:e}");
    }

    #[test]
    fn close_values_keep_their_digits() {
        // From 60-digit arithmetic with the exact doubles.
        assert_close(poisson(1.0, 1.0 + 1e-9), 1.000000164814082e-18);
        assert_close(gamma(3.0, 3.0 - 3e-7), 1.0000001330207852e-14);
        assert_close(log_error(1e6, 1e6 + 1.0), 9.999985000023334e-07);
    }

    #[test]
    fn both_branches_meet() {
        // v = ±0.1 at y/μ = 11/9 and 9/11.
        for mu in [9.0, 11.0] {
            let y = 20.0 - mu;
            for y in [y - 1e-9, y + 1e-9] {
                let log = libm::log(y / mu);
                assert!((poisson(y, mu) - 2.0 * (y * log - y + mu)).abs() < 1e-13);
                assert!((gamma(y, mu) - 2.0 * (y / mu - 1.0 - log)).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn extremes_are_right() {
        assert_close(poisson(0.0, 2.5), 5.0);
        assert_eq!(poisson(7.0, 7.0), 0.0);
        assert_eq!(gamma(7.0, 7.0), 0.0);
        assert_close(gamma(1e-300, 1e300), 2.0 * (1_381.551_055_796_427_4 - 1.0));
        assert_close(poisson(1.7e308, 1.0e308), 4.0413605361137927e+307);
        assert_close(gamma(1.0e308, 1.01e308), 9.868150831636246e-05);
    }
}
