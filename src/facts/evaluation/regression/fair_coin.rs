//! The symmetric binomial distribution, from a ratio of gamma functions.
//!
//! With the logarithms of `libm`, so that the bits are the same on every platform.

use std::f64::consts::PI;

/// From here on the asymptotic series of the gamma ratio is good to the last digits.
const LARGE: f64 = 32.0;

/// Γ(a + ½)/Γ(a) for a > 0: the asymptotic series (Tricomi and Erdélyi, Pacific Journal of Mathematics 1, 1951),
/// reached from small a by the recurrence of the gamma function.
fn half_step(a: f64) -> f64 {
    let mut large = a;
    let mut product = 1.0;
    while large < LARGE {
        product *= large / (large + 0.5);
        large += 1.0;
    }
    let coefficients = [
        -1.0 / 8.0,
        1.0 / 128.0,
        5.0 / 1024.0,
        -21.0 / 32768.0,
        -399.0 / 262_144.0,
        869.0 / 4_194_304.0,
        39325.0 / 33_554_432.0,
    ];
    let series = coefficients.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) / large);
    product * large.sqrt() * (1.0 + series)
}

/// The largest k ≥ 1 with P(B < k) ≤ `tail`, where B counts heads of `n` fair coins, or none if there is none.
/// It takes about √n steps.
pub(crate) fn fair_coin_rank(n: u64, tail: f64) -> Option<u64> {
    // The most probable count below or at the middle, its probability, and that of fewer heads.
    let mut k = n / 2;
    // C(2m, m)/4^m = Γ(m + ½)/(√π Γ(m + 1)), and C(2m + 1, m)/2^(2m + 1) is the same of m + 1.
    let m = n.div_ceil(2) as f64;
    let mut probability = if n == 0 { 1.0 } else { half_step(m) / (m * PI.sqrt()) };
    let mut below = if n.is_multiple_of(2) { (1.0 - probability) / 2.0 } else { 0.5 - probability };
    while k > 0 && below > tail {
        probability *= k as f64 / (n - k + 1) as f64;
        k -= 1;
        below -= probability;
    }
    (k > 0).then_some(k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-13 * expected.abs(), "{value:e}, expected {expected:e}");
    }

    #[test]
    fn the_gamma_ratio_has_its_known_values() {
        assert_close(half_step(0.5), 1.0 / PI.sqrt());
        assert_close(half_step(1.0), PI.sqrt() / 2.0);
        assert_close(half_step(2.0), 0.75 * PI.sqrt());
    }

    #[test]
    fn ranks_of_fair_coins() {
        // Conover, Practical Nonparametric Statistics, table A3: P(B ≤ 5 of 20) = 0.0207, P(B ≤ 6 of 20) = 0.0577.
        assert_eq!(fair_coin_rank(20, 0.025), Some(6));
        // 2⁻⁵ > 0.025 ≥ 2⁻⁶.
        assert_eq!(fair_coin_rank(5, 0.025), None);
        assert_eq!(fair_coin_rank(6, 0.025), Some(1));
        assert_eq!(fair_coin_rank(0, 0.025), None);
        // Exact sums of binomial coefficients.
        for n in 1_u32..=60 {
            let mut choose = 1_u128;
            let mut sum = 0_u128;
            let mut rank = None;
            for k in 1..=n {
                sum += choose;
                choose = choose * u128::from(n - k + 1) / u128::from(k);
                // sum/2ⁿ ≤ 1/40
                if 40 * sum <= 1 << n {
                    rank = Some(u64::from(k));
                }
            }
            assert_eq!(fair_coin_rank(u64::from(n), 0.025), rank, "{n}");
        }
    }
}
