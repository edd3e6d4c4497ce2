//! Random numbers by counter: the draw with a given index does not depend on which were drawn before it.

/// Seed of every simulation: the bits of the golden ratio, in which nothing is hidden.
pub(crate) const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at position `index`, as a uniform number in the open
/// interval (0, 1).
pub(crate) fn uniform(index: u64) -> f64 {
    let mut bits = SEED.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // 52 bits and a half: with one more the half would be rounded away, and 1 could come out.
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// Φ(x), the standard normal distribution function.
pub(crate) fn normal_distribution(x: f64) -> f64 {
    libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Φ⁻¹(probability) for a probability in (0, 1), good to 1e-16 relative: algorithm AS 241, PPND16 (Wichura,
/// Applied Statistics 37, 1988).
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let centred = probability - 0.5;
    if centred.abs() <= 0.425 {
        let argument = 0.180_625 - centred * centred;
        return centred * ratio(argument, &CENTRE);
    }
    let tail = libm::log(if centred < 0.0 { probability } else { 1.0 - probability });
    let root = (-tail).sqrt();
    let magnitude = if root <= 5.0 { ratio(root - 1.6, &MIDDLE) } else { ratio(root - 5.0, &TAIL) };
    if centred < 0.0 { -magnitude } else { magnitude }
}

/// Coefficients of a numerator and a denominator, constant first.
type Rational = [[f64; 8]; 2];

fn ratio(argument: f64, [numerator, denominator]: &Rational) -> f64 {
    let polynomial = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |value, term| value * argument + term);
    polynomial(numerator) / polynomial(denominator)
}

const CENTRE: Rational = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];
const MIDDLE: Rational = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const TAIL: Rational = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

/// A Poisson distribution that is drawn from with one uniform number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poisson {
    mean: f64,
    /// e^−mean where the draw is by inversion, √mean where it is by expansion.
    constant: f64,
}

/// Means up to this are drawn by exact inversion. Above it, Cornish and Fisher's expansion of the quantile
/// is within one of the exact one.
const INVERSION_MEAN_MAX: f64 = 16.0;

impl Poisson {
    pub(crate) fn new(mean: f64) -> Self {
        let constant = if mean <= INVERSION_MEAN_MAX { libm::exp(-mean) } else { mean.sqrt() };
        Self { mean, constant }
    }

    /// The quantile of `uniform`.
    pub(crate) fn draw(&self, uniform: f64) -> f64 {
        if self.mean > INVERSION_MEAN_MAX {
            let z = normal_quantile(uniform);
            let cubic = (z - z * z * z) / (72.0 * self.constant);
            return (self.mean + self.constant * z + (z * z - 1.0) / 6.0 + cubic).round().max(0.0);
        }
        let (mut count, mut probability, mut below) = (0.0, self.constant, self.constant);
        // The limit is out of reach for a uniform number up to 1 − 2⁻⁵³: it only bounds the loop.
        while uniform > below && count < 100.0 {
            count += 1.0;
            probability *= self.mean / count;
            below += probability;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::super::interval::Z;
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_paper() {
        // Wichura's check values, and Z, which was computed elsewhere.
        assert!((normal_quantile(0.25) + 0.674_489_750_196_081_7).abs() < 1e-15);
        assert!((normal_quantile(0.001) + 3.090_232_306_167_813_5).abs() < 1e-14);
        assert!((normal_quantile(1e-20) + 9.262_340_089_798_408).abs() < 1e-14);
        assert!((normal_quantile(0.975) - Z).abs() < 1e-15);
        for step in 1..400 {
            let z = f64::from(step - 200) / 25.0;
            let back = normal_quantile(normal_distribution(z));
            // Close to 1 the probability itself is rounded.
            assert!((back - z).abs() < 1e-13 * (1.0 + libm::exp(z.max(0.0) * z / 2.0)), "{z} {back}");
        }
    }

    #[test]
    fn poisson_draws_have_the_mean_and_variance() {
        for mean in [0.0, 0.3, 1.0, 7.5, 16.0, 16.1, 40.0, 2500.0] {
            let poisson = Poisson::new(mean);
            let draws: Vec<f64> = (0..40_000).map(|index| poisson.draw(uniform(index))).collect();
            let average = draws.iter().sum::<f64>() / 40_000.0;
            let variance = draws.iter().map(|draw| (draw - average) * (draw - average)).sum::<f64>() / 40_000.0;
            assert!((average - mean).abs() <= 4.0 * (mean / 40_000.0).sqrt(), "{mean} {average}");
            assert!((variance - mean).abs() <= 0.04 * mean + 0.002, "{mean} {variance}");
        }
    }

    #[test]
    fn the_generator_never_changes() {
        // SplitMix64 seeded with 0x9e3779b97f4a7c15, the first three outputs without their lowest 12 bits.
        let first: Vec<u64> = (0..3).map(|index| (uniform(index) * (1_u64 << 52) as f64) as u64).collect();
        assert_eq!(first, [1_943_429_326_707_606, 119_047_123_894_420, 4_372_463_715_034_312]);
    }
}
