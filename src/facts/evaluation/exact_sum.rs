//! Sums of doubles without rounding: the same bits for any order and any grouping of the terms.

/// Bits of a limb.
const LIMB_BITS: u32 = 32;
/// Limbs that hold every finite double, 2⁶⁴ of them added up, in units of 2⁻¹⁰⁷⁴.
const LIMBS: usize = 68;
/// Additions after which a limb of 63 bits could overflow: each adds less than 2³² to it.
const CARRY_AFTER: u32 = 1 << 29;
/// The exponent of the unit.
const UNIT: i32 = -1074;

/// Exponents of terms that are added up before they go into limbs: a term takes 53 bits, and 2¹⁰ of them ten more.
const NEAR_EXPONENTS: u32 = 64;
const NEAR_TERMS: u32 = 1 << 10;

/// The exact sum of doubles (a superaccumulator after Kulisch 1971 and Neal 2015), rounded once, when it
/// is read. A term that is not finite makes it NaN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExactSum {
    /// Signed digits in base 2³², least significant first.
    limbs: [i64; LIMBS],
    additions: u32,
    not_finite: bool,
    /// The sum of the last terms, whose exponents are near each other, in units of 2^(`near_shift` − 1074).
    near: i128,
    near_shift: u32,
    near_terms: u32,
}

impl Default for ExactSum {
    fn default() -> Self {
        Self { limbs: [0; LIMBS], additions: 0, not_finite: false, near: 0, near_shift: 0, near_terms: 0 }
    }
}

impl ExactSum {
    /// Adds `term`.
    pub(crate) fn add(&mut self, term: f64) {
        let bits = term.to_bits();
        let exponent = (bits >> 52) & 0x7ff;
        if exponent == 0x7ff {
            self.not_finite = true;
            return;
        }
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, shift) = if exponent == 0 { (fraction, 0) } else { (fraction | (1 << 52), exponent as u32 - 1) };
        let sign = i128::from(bits.cast_signed() >> 63);
        // All ones for a negative term: the two's complement without a branch.
        let term = (i128::from(mantissa) ^ sign).wrapping_sub(sign);
        let place = shift.wrapping_sub(self.near_shift);
        if place < NEAR_EXPONENTS && self.near_terms < NEAR_TERMS {
            self.near = self.near.wrapping_add(term << place);
            self.near_terms += 1;
            return;
        }
        self.settle();
        self.near_shift = shift.saturating_sub(NEAR_EXPONENTS / 2);
        self.near = term << (shift - self.near_shift);
        self.near_terms = 1;
    }

    /// Moves the sum of the last terms to the limbs.
    fn settle(&mut self) {
        let (magnitude, is_negative) = (self.near.unsigned_abs(), self.near < 0);
        let start = (self.near_shift / LIMB_BITS) as usize;
        let mut carried = 0;
        for (place, limb) in (0..5).zip(self.limbs.iter_mut().skip(start)) {
            let digit = magnitude.checked_shr(LIMB_BITS * place).unwrap_or(0) as u64 & 0xffff_ffff;
            let moved = (digit << (self.near_shift % LIMB_BITS)) | carried;
            carried = moved >> LIMB_BITS;
            let digit = (moved & 0xffff_ffff).cast_signed();
            *limb += if is_negative { -digit } else { digit };
        }
        (self.near, self.near_terms) = (0, 0);
        self.additions += 1;
        if self.additions >= CARRY_AFTER {
            self.carry();
        }
    }

    /// Adds every term of another sum.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.settle();
        other.carry();
        self.settle();
        self.carry();
        for (limb, more) in self.limbs.iter_mut().zip(other.limbs) {
            *limb += more;
        }
        self.additions = 2;
        self.not_finite |= other.not_finite;
    }

    /// Brings every limb but the last into [0, 2³²).
    fn carry(&mut self) {
        let mut carry = 0_i64;
        let (last, limbs) = match self.limbs.split_last_mut() {
            Some(parts) => parts,
            None => return,
        };
        for limb in limbs {
            let total = *limb + carry;
            *limb = total & 0xffff_ffff;
            carry = total >> LIMB_BITS;
        }
        *last += carry;
        self.additions = 1;
    }

    /// The sum, rounded to the nearest double, ties to even.
    pub(crate) fn value(&self) -> f64 {
        if self.not_finite {
            return f64::NAN;
        }
        let mut normal = self.clone();
        normal.settle();
        normal.carry();
        let negative = normal.limbs.last().is_some_and(|limb| *limb < 0);
        if negative {
            normal.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            normal.carry();
        }
        let magnitude = round(&normal.limbs);
        if negative { -magnitude } else { magnitude }
    }

    /// The sum as `value()` and what that leaves out: together they are good to 2⁻¹⁰⁶.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> (f64, f64) {
        let high = self.value();
        let mut rest = self.clone();
        rest.add(-high);
        (high, rest.value())
    }
}

/// The nearest double to a number of non-negative limbs.
fn round(limbs: &[i64; LIMBS]) -> f64 {
    let digit = |place: usize| limbs.get(place).copied().unwrap_or(0) as u128;
    let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
    // The upper limbs as one number of 65 to 127 bits, of which the last says whether anything was cut off.
    let lowest = top.saturating_sub(3);
    let mut head = (lowest..=top).rev().fold(0_u128, |head, place| (head << LIMB_BITS) | digit(place));
    let mut exponent = UNIT + (LIMB_BITS as usize * lowest) as i32;
    let cut = limbs.iter().take(lowest).any(|limb| *limb != 0);
    // Keep 53 bits, or down to the unit, whichever is the larger.
    let excess = (128 - head.leading_zeros()).saturating_sub(53).max((UNIT - exponent).max(0) as u32);
    if excess > 0 {
        let below = head & ((1_u128 << excess) - 1);
        let half = 1_u128 << (excess - 1);
        head >>= excess;
        exponent += excess as i32;
        if below > half || (below == half && (cut || head & 1 == 1)) {
            head += 1;
        }
    }
    // Now `head` is at most 2⁵³, and the product is exact, or too large for a double.
    libm::ldexp(head as f64, exponent)
}

/// The exact sum of `terms`, rounded once.
pub(crate) fn exact_sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = ExactSum::default();
    terms.into_iter().for_each(|term| sum.add(term));
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_lost() {
        assert_eq!(exact_sum([1e308, 1.0, -1e308]), 1.0);
        assert_eq!(exact_sum([f64::MIN_POSITIVE / 4.0, 1.0, -1.0]), f64::MIN_POSITIVE / 4.0);
        assert_eq!(exact_sum([0.1; 10]), 1.0);
        assert_eq!(exact_sum([-5e-324, -5e-324]), -1e-323);
        assert_eq!(exact_sum([f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(exact_sum([f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
        assert_eq!(exact_sum([]).to_bits(), 0);
        assert!(exact_sum([1.0, f64::INFINITY]).is_nan());
        // Halfway between two doubles: to the even one, unless a bit far below says otherwise.
        assert_eq!(exact_sum([1.0, f64::EPSILON / 2.0]), 1.0);
        assert_eq!(exact_sum([1.0, f64::EPSILON / 2.0, 1e-300]), 1.0 + f64::EPSILON);
    }

    #[test]
    fn the_parts_are_twice_as_good() {
        let mut sum = ExactSum::default();
        [1.0, 1e-20, 1e-40].into_iter().for_each(|term| sum.add(term));
        assert_eq!(sum.parts(), (1.0, 1e-20));
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter(
            terms in prop::collection::vec(any::<f64>().prop_filter("finite", |term| term.is_finite()), 0..50),
            split in 0_usize..50,
        ) {
            let (left, right) = terms.split_at(split.min(terms.len()));
            let (mut first, mut second) = (ExactSum::default(), ExactSum::default());
            right.iter().rev().for_each(|term| first.add(*term));
            left.iter().for_each(|term| second.add(*term));
            first.merge(&second);
            prop_assert_eq!(first.value().to_bits(), exact_sum(terms.iter().copied()).to_bits());
        }

        #[test]
        fn whole_numbers_add_up(terms in prop::collection::vec(-1_i64 << 40..1_i64 << 40, 0..200)) {
            prop_assert_eq!(exact_sum(terms.iter().map(|term| *term as f64)), terms.iter().sum::<i64>() as f64);
        }
    }
}
