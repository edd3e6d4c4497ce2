//! Sums of non-negative doubles as whole numbers: the same bits for any order and any grouping of the terms.

use serde::{Deserialize, Serialize};

/// Bits behind the binary point in each of the two halves of a sum. What is left of the first, 47 bits, holds
/// the sum of 10¹² log losses.
const HALF_BITS: u32 = 80;

/// A sum of doubles as a whole number of units of 2⁻¹⁶⁰. A term of at least 2⁻¹⁰⁸ (3·10⁻³³) is taken as it is,
/// a smaller one is rounded to that unit; adding and merging are exact.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct FixedSum {
    /// In units of 2⁻⁸⁰.
    high: i128,
    /// In units of 2⁻¹⁶⁰.
    low: i128,
}

impl PartialEq for FixedSum {
    /// Whether both are the same number, however it is divided between the halves.
    fn eq(&self, other: &Self) -> bool {
        self.halves() == other.halves()
    }
}

impl Eq for FixedSum {}

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

    /// Adds `count` times 2^−`bits`, where `bits` are at most 160.
    fn add_units(&mut self, count: i64, bits: u32) {
        let count = i128::from(count);
        self.merge(match bits.checked_sub(HALF_BITS) {
            None | Some(0) => Self { high: count << (HALF_BITS - bits), low: 0 },
            Some(below) => Self { high: count >> below, low: (count & ((1 << below) - 1)) << (HALF_BITS - below) },
        });
    }

    /// The number with a lower half in [0, 2⁸⁰); none if it left the range of this type.
    fn halves(self) -> Option<(i128, i128)> {
        if self.low.unsigned_abs() > 1 << 126 {
            return None;
        }
        Some((self.high.checked_add(self.low >> HALF_BITS)?, self.low & ((1 << HALF_BITS) - 1)))
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
        let Some((high, low)) = self.halves() else { return f64::NAN };
        // As many bits of the lower half as there is room for, and a last one that says whether any is cut off.
        let room = high.unsigned_abs().leading_zeros().saturating_sub(1).min(HALF_BITS);
        let cut = HALF_BITS - room;
        let sticky = i128::from(low & ((1 << cut) - 1) != 0);
        let head = (high << room) | (low >> cut) | sticky;
        libm::ldexp(head as f64, -(HALF_BITS + room).cast_signed())
    }
}

/// Bits of a word below those of the word above it.
const WORD_BITS: u32 = 43;
/// Exponents of the constants that bring a number to the unit of a word: half of their unit is the last bit of a double.
const FRACTION_BITS: u32 = 52;

/// 1.5 · 2^(52 − bits): what is added to it is rounded to a whole number of 2^−bits, which is then in its last bits.
const fn constant(bits: u32) -> f64 {
    f64::from_bits((((1023 + FRACTION_BITS - bits) as u64) << FRACTION_BITS) | (1 << (FRACTION_BITS - 1)))
}

/// How large the terms of a window are: the bits behind the binary point of its first words. A term is at most 2⁹ where
/// they are 42, at most 2¹⁰ where they are 41, and so on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale<const N: usize> {
    bits: [u32; N],
    first: [f64; N],
    second: [f64; N],
}

impl<const N: usize> Scale<N> {
    /// For terms whose first words have these bits behind the binary point, at most 42.
    #[expect(
        clippy::indexing_slicing,
        reason = "a constant has no iterators, and an index beyond the end does not compile"
    )]
    pub(crate) const fn new(bits: [u32; N]) -> Self {
        let (mut first, mut second, mut place) = ([0.0; N], [0.0; N], 0);
        while place < N {
            first[place] = constant(bits[place]);
            second[place] = constant(bits[place] + WORD_BITS);
            place += 1;
        }
        Self { bits, first, second }
    }
}

/// Sums of doubles as whole numbers in two words each: [`WINDOW_TERMS`] terms at most, and then it is folded into
/// [`FixedSum`]s. A term costs it a few additions, in which compilers take several sums at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<const N: usize> {
    first: [u64; N],
    second: [u64; N],
    /// Terms of each sum.
    terms: u64,
}

/// Terms that a window takes before it is folded. With as many as large as its scale allows, as sums of terms of at most
/// one are, words of 64 bits are full.
pub(crate) const WINDOW_TERMS: u64 = 1 << 20;

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self { first: [0; N], second: [0; N], terms: 0 }
    }
}

impl<const N: usize> Window<N> {
    /// Adds a term to each sum; false, and nothing is added, if one has bits below the second word.
    #[inline(always)]
    pub(crate) fn add(&mut self, terms: &[f64; N], scale: &Scale<N>) -> bool {
        let (mut first, mut second, mut below) = ([0; N], [0; N], 0);
        let words = first.iter_mut().zip(&mut second).zip(terms).zip(&scale.first).zip(&scale.second);
        for ((((first, second), term), of_first), of_second) in words {
            let head = term + of_first;
            let rest = term - (head - of_first);
            let next = rest + of_second;
            below |= (rest - (next - of_second)).to_bits();
            (*first, *second) = (head.to_bits(), next.to_bits());
        }
        // Zero may have either sign.
        if below << 1 != 0 {
            return false;
        }
        self.first.iter_mut().zip(first).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
        self.second.iter_mut().zip(second).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
        self.terms = self.terms.wrapping_add(1);
        true
    }

    /// Adds the terms `times` times, which count as so many.
    pub(crate) fn add_times(&mut self, terms: &[f64; N], times: u64, scale: &Scale<N>) -> bool {
        let mut once = Self::default();
        let fits = once.add(terms, scale);
        if fits {
            let add = |sum: &mut u64, word: u64| *sum = sum.wrapping_add(word.wrapping_mul(times));
            self.first.iter_mut().zip(once.first).for_each(|(sum, word)| add(sum, word));
            self.second.iter_mut().zip(once.second).for_each(|(sum, word)| add(sum, word));
            self.terms = self.terms.wrapping_add(times);
        }
        fits
    }

    /// Adds the words of so many terms of each sum, which have the window's scale; false, and nothing is added, if one has
    /// bits below the second word.
    pub(crate) fn add_words<const BITS: u32>(&mut self, words: [Words<BITS>; N], terms: u64) -> bool {
        let fits = words.iter().all(|words| words.below << 1 == 0);
        if fits {
            let sums = self.first.iter_mut().zip(&mut self.second);
            for ((first, second), words) in sums.zip(words) {
                *first = first.wrapping_add(words.first);
                *second = second.wrapping_add(words.second);
            }
            self.terms = self.terms.wrapping_add(terms);
        }
        fits
    }

    /// Moves what was added to `sums`.
    pub(crate) fn fold<'a>(&mut self, scale: &Scale<N>, sums: impl IntoIterator<Item = &'a mut FixedSum>) {
        let Self { first, second, terms } = std::mem::take(self);
        // Each term came with the bits of the constant that it was added to.
        let count = |word: u64, constant: f64| word.wrapping_sub(terms.wrapping_mul(constant.to_bits())).cast_signed();
        let words = first.into_iter().zip(second).zip(scale.bits).zip(scale.first).zip(scale.second);
        for (sum, ((((first, second), bits), of_first), of_second)) in sums.into_iter().zip(words) {
            sum.add_units(count(first, of_first), bits);
            sum.add_units(count(second, of_second), bits + WORD_BITS);
        }
    }
}

/// The words of one sum, for a loop over its terms: compilers take several terms at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words<const BITS: u32> {
    first: u64,
    second: u64,
    /// Not zero, apart from the sign, once a term had bits below the second word.
    below: u64,
}

impl<const BITS: u32> Words<BITS> {
    const FIRST: f64 = constant(BITS);
    const SECOND: f64 = constant(BITS + WORD_BITS);

    #[inline(always)]
    pub(crate) fn add(&mut self, term: f64) {
        let head = term + Self::FIRST;
        let rest = term - (head - Self::FIRST);
        let next = rest + Self::SECOND;
        self.below |= (rest - (next - Self::SECOND)).to_bits();
        self.first = self.first.wrapping_add(head.to_bits());
        self.second = self.second.wrapping_add(next.to_bits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCALE: Scale<2> = Scale::new([42, 36]);

    /// The sums of some terms in a window, with what has no place in it added as it is.
    fn windowed(terms: &[f64]) -> [FixedSum; 2] {
        let (mut window, mut sums) = (Window::default(), [FixedSum::default(); 2]);
        for term in terms {
            if !window.add(&[*term, 36.0 * *term], &SCALE) {
                sums[0].add(*term);
                sums[1].add(36.0 * *term);
            }
        }
        window.fold(&SCALE, &mut sums);
        sums
    }

    #[test]
    fn a_full_window_holds_its_largest_terms() {
        for term in [1.0, -1.0, 1.0 - f64::EPSILON, 1.0 / 3.0, -2.0 / 3.0] {
            let (mut window, mut sums) = (Window::default(), [FixedSum::default(); 2]);
            for _ in 0..WINDOW_TERMS {
                assert!(window.add(&[term, 36.0 * term], &SCALE));
            }
            window.fold(&SCALE, &mut sums);
            let mut expected = [FixedSum::default(); 2];
            expected[0].add_times(term, WINDOW_TERMS);
            expected[1].add_times(36.0 * term, WINDOW_TERMS);
            assert_eq!(sums, expected);
            let mut window = Window::default();
            assert!(window.add_times(&[term, 36.0 * term], WINDOW_TERMS, &SCALE));
            let mut sums = [FixedSum::default(); 2];
            window.fold(&SCALE, &mut sums);
            assert_eq!(sums, expected);
        }
    }

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
        fn a_window_sums_as_a_sum_does(
            terms in prop::collection::vec(prop_oneof![-1.0_f64..1.0, 0.0_f64..1e-9, Just(0.0), Just(1e-300)], 0..60),
        ) {
            let mut expected = [FixedSum::default(); 2];
            for term in &terms {
                expected[0].add(*term);
                expected[1].add(36.0 * *term);
            }
            prop_assert_eq!(windowed(&terms), expected);
        }

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
