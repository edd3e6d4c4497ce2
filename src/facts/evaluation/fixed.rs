//! Sums of non-negative doubles as whole numbers: the same bits for any order and any grouping of the terms.

use serde::{Deserialize, Serialize};

/// Bits behind the binary point in each of the two halves of a sum. What is left of the first, 47 bits, holds
/// the sum of 10¹² log losses.
const HALF_BITS: u32 = 80;

/// A sum of doubles as a whole number of units of 2⁻¹⁶⁰. A term of at least 2⁻¹⁰⁸ (3·10⁻³³) is taken as it is,
/// a smaller one is rounded to that unit; adding and merging are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FixedSum {
    /// In units of 2⁻⁸⁰.
    high: i128,
    /// In units of 2⁻¹⁶⁰.
    low: i128,
}

impl FixedSum {
    /// Adds `term`, a finite number. Sums stay in range for fewer than 2⁴⁰ terms of less than 2⁷.
    pub(crate) fn add(&mut self, term: f64) {
        let bits = term.to_bits();
        // The exponent less what it is where the last bit of the mantissa is 2⁻⁸⁰: most terms need no second half.
        let shift = ((bits >> 52) & 0x7ff).wrapping_sub(1075 - u64::from(HALF_BITS));
        if shift < 60 {
            let mantissa = i128::from((bits & ((1 << 52) - 1)) | (1 << 52)) << shift;
            // All ones for a negative term: the two's complement without a branch.
            let sign = i128::from(bits.cast_signed() >> 63);
            self.high = self.high.wrapping_add((mantissa ^ sign).wrapping_sub(sign));
        } else {
            self.merge(Self::of(term));
        }
    }

    /// Adds `term` as often as `times` says, at most 2⁴⁷.
    pub(crate) fn add_times(&mut self, term: f64, times: u64) {
        if times == 1 {
            return self.add(term);
        }
        let Self { high, low } = Self::of(term);
        let times = i128::from(times);
        self.merge(Self { high: high.saturating_mul(times), low: low.saturating_mul(times) });
    }

    /// Adds another sum.
    pub(crate) fn merge(&mut self, other: Self) {
        self.high = self.high.saturating_add(other.high);
        self.low = self.low.saturating_add(other.low);
    }

    /// The sum less `subtrahend`.
    pub(crate) fn less(mut self, subtrahend: f64) -> Self {
        self.add(-subtrahend);
        self
    }

    fn of(number: f64) -> Self {
        let bits = number.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as i32;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, exponent) = if exponent == 0 { (fraction, 1) } else { (fraction | (1 << 52), exponent) };
        let mantissa = i128::from(mantissa);
        // The number is mantissa · 2^shift in units of 2⁻⁸⁰.
        let shift = exponent - 1075 + HALF_BITS.cast_signed();
        let (high, low) = match shift {
            // What has no place here spoils the sum for good: nothing takes the lower half back from there.
            75.. => (0, i128::MAX),
            0.. => (mantissa << shift, 0),
            -80..0 => (mantissa >> -shift, (mantissa & ((1 << -shift) - 1)) << (HALF_BITS.cast_signed() + shift)),
            -134..-80 => (0, (mantissa + (1 << (-shift - 81))) >> (-shift - 80)),
            ..-134 => (0, 0),
        };
        if bits >> 63 == 1 { Self { high: -high, low: -low } } else { Self { high, low } }
    }

    /// The sum as the nearest double; NaN if it left the range of this type.
    pub(crate) fn value(self) -> f64 {
        if self.low.unsigned_abs() > 1 << 126 {
            return f64::NAN;
        }
        let low = self.low & ((1 << HALF_BITS) - 1);
        let Some(high) = self.high.checked_add(self.low >> HALF_BITS) else { return f64::NAN };
        // As many bits of the lower half as there is room for, and a last one that says whether any is cut off.
        let room = high.unsigned_abs().leading_zeros().saturating_sub(1).min(HALF_BITS);
        let cut = HALF_BITS - room;
        let sticky = i128::from(low & ((1 << cut) - 1) != 0);
        let head = (high << room) | (low >> cut) | sticky;
        libm::ldexp(head as f64, -(HALF_BITS + room).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_and_large_terms_are_what_they_are() {
        let sum = |terms: &[f64]| {
            let mut sum = FixedSum::default();
            terms.iter().for_each(|term| sum.add(*term));
            sum.value()
        };
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[36.0, 0.5, 1e-20]), 36.5);
        assert_eq!(sum(&[1e-20]), 1e-20);
        assert_eq!(sum(&[1e-30]), 1e-30);
        assert_eq!(sum(&[1.0, -1e-30, -1.0]), -1e-30);
        assert_eq!(sum(&[5e-324, 1e-300]), 0.0, "half a unit is 3e-49");
        assert_eq!(sum(&[-0.25, 1.0]), 0.75);
        assert!(sum(&[1e30, 1.0]).is_nan());
        let mut many = FixedSum::default();
        many.add_times(0.3, 1_000_000_000_000);
        assert_eq!(many.value(), 0.3 * 1e12);
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter(terms in prop::collection::vec(prop_oneof![0.0_f64..40.0, 0.0_f64..1e-9, -1.0_f64..1.0], 0..60), split in 0_usize..60) {
            let (left, right) = terms.split_at(split.min(terms.len()));
            let (mut whole, mut first, mut second) = (FixedSum::default(), FixedSum::default(), FixedSum::default());
            terms.iter().for_each(|term| whole.add(*term));
            right.iter().rev().for_each(|term| first.add(*term));
            left.iter().for_each(|term| second.add(*term));
            first.merge(second);
            prop_assert_eq!(first, whole);
            let exact = super::super::exact_sum::exact_sum(terms.iter().copied());
            prop_assert_eq!(whole.value(), exact);
        }
    }
}
