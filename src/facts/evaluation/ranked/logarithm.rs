//! The natural logarithm, without a branch: in a loop, compilers take several numbers at a time.

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Coefficients of (ln((1 + s) / (1 − s)) − 2s) / s in powers of s², on [0, 0.1716].
const C1: f64 = 6.666_666_666_666_735e-1;
const C2: f64 = 3.999_999_999_940_942e-1;
const C3: f64 = 2.857_142_874_366_239e-1;
const C4: f64 = 2.222_219_843_214_978_4e-1;
const C5: f64 = 1.818_357_216_161_805e-1;
const C6: f64 = 1.531_383_769_920_937_3e-1;
const C7: f64 = 1.479_819_860_511_658_6e-1;
/// The first half of the bits of one half's square root, and how far it is below those of 1.
const ROOT_HALF: u64 = 0x3fe6_a09e << 32;
const BELOW_ONE: u64 = (0x3ff0_0000 << 32) - ROOT_HALF;
const FRACTION_BITS: u32 = 52;
/// 2⁵², whose last bits count from 0.
const COUNTING: u64 = 0x4330_0000_0000_0000;
/// The same with the exponent's bias.
const COUNTING_BIASED: f64 = 4_503_599_627_371_519.0;

/// ln `x` of a positive normal double: the same bits as `libm::log` gives, by the same steps in the same order (fdlibm's
/// `e_log.c`, Sun Microsystems 1993).
#[inline(always)]
pub(super) fn log(x: f64) -> f64 {
    // x is 2^k (1 + f) with 1 + f between the square roots of 1/2 and of 2.
    let shifted = x.to_bits().wrapping_add(BELOW_ONE);
    let k = f64::from_bits((shifted >> FRACTION_BITS) | COUNTING) - COUNTING_BIASED;
    let f = f64::from_bits((shifted & ((1 << FRACTION_BITS) - 1)).wrapping_add(ROOT_HALF)) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (C2 + w * (C4 + w * C6));
    let odd = z * (C1 + w * (C3 + w * (C5 + w * C7)));
    s * (half_square + (odd + even)) + k * LN2_LOW - half_square + f + k * LN2_HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::random;
    use super::*;

    #[track_caller]
    fn assert_same(x: f64) {
        assert_eq!(log(x).to_bits(), libm::log(x).to_bits(), "{x:e}");
    }

    #[test]
    fn it_is_that_of_libm_for_millions_of_numbers() {
        for place in 0..3_000_000_u64 {
            let uniform = random::uniform(place);
            // As probabilities come, as their complements, and with every exponent that a probability can have.
            assert_same(uniform);
            assert_same(1.0 - uniform);
            assert_same(uniform * libm::ldexp(1.0, -((place % 60) as i32)));
        }
    }

    #[test]
    fn it_is_that_of_libm_where_a_step_begins() {
        let half_root = f64::from_bits(ROOT_HALF);
        for exponent in -1021..1000 {
            let scale = libm::ldexp(1.0, exponent);
            for start in [half_root * scale, scale, 1.5 * scale] {
                for step in 0..64 {
                    assert_same(f64::from_bits(start.to_bits() + step));
                    assert_same(f64::from_bits(start.to_bits() - step));
                }
            }
        }
        for step in 1..1000 {
            assert_same(1.0 - f64::from(step) * f64::EPSILON / 2.0);
            assert_same(f64::from(step) * f64::EPSILON);
        }
        assert_eq!(log(1.0).to_bits(), 0.0_f64.to_bits());
    }

    proptest! {
        #[test]
        fn it_is_that_of_libm_for_any_normal_number(x in prop::num::f64::POSITIVE | prop::num::f64::NORMAL) {
            assert_same(x);
        }
    }
}
