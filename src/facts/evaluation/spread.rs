//! Sorting of what is spread evenly: into as many ranges as there are items, which leaves little to do.

/// Sorts. It keeps its room for the next time.
#[derive(Debug)]
pub(crate) struct Spread<T> {
    items: Vec<T>,
    /// Where the items of each range end.
    ends: Vec<usize>,
}

/// With fewer items, ranges cost more than they help.
const ITEMS_MIN: usize = 64;
/// Ranges at most, as a power of two: their ends stay in the processor's cache.
const RANGES_BITS_MAX: u32 = 16;
/// Items of a range that are put in order one by one.
const RANGE_ITEMS_MAX: usize = 16;

impl<T> Default for Spread<T> {
    fn default() -> Self {
        Self { items: Vec::new(), ends: Vec::new() }
    }
}

impl<T: Copy + Ord> Spread<T> {
    /// Sorts items by what they are, if `place` does not decrease as they increase. Most places are from `first` to `last`,
    /// and the more evenly, the faster it is.
    pub(crate) fn sort(&mut self, items: &mut [T], place: impl Fn(&T) -> u64, (first, last): (u64, u64)) {
        if items.len() < ITEMS_MIN {
            items.sort_unstable();
            return;
        }
        let width = last.saturating_sub(first).max(1);
        let bits = (items.len().ilog2() + 1).min(RANGES_BITS_MAX);
        let shift = (u64::BITS - width.leading_zeros()).saturating_sub(bits);
        let last_range = (width >> shift) as usize;
        let range = |item: &T| ((place(item).saturating_sub(first) >> shift) as usize).min(last_range);
        self.ends.clear();
        self.ends.resize(last_range + 2, 0);
        for item in items.iter() {
            if let Some(count) = self.ends.get_mut(range(item) + 1) {
                *count += 1;
            }
        }
        let mut total = 0;
        for end in &mut self.ends {
            total += *end;
            *end = total;
        }
        self.items.clear();
        self.items.extend_from_slice(items);
        for item in &self.items {
            let Some(end) = self.ends.get_mut(range(item)) else { continue };
            if let Some(place) = items.get_mut(*end) {
                *place = *item;
            }
            *end += 1;
        }
        sort_ranges(items, &self.ends, T::cmp);
    }
}

/// Ranges that many items are put into before each is sorted in the processor's cache, as a power of two.
const PARTS_BITS: u32 = 11;

/// Sorts many numbers, without room for them a second time.
pub(crate) fn sort_many(items: &mut [u64]) {
    let ends = items.iter().fold((u64::MAX, 0), |(low, high), item| (low.min(*item), high.max(*item)));
    let mut spread = Spread::default();
    if items.len() < ITEMS_MIN << PARTS_BITS || ends.0 == ends.1 {
        items.sort_unstable();
        return;
    }
    let shift = (u64::BITS - (ends.1 - ends.0).leading_zeros()).saturating_sub(PARTS_BITS);
    let part = |item: u64| ((item - ends.0) >> shift) as usize;
    let mut next = vec![0; (1 << PARTS_BITS) + 1];
    for item in items.iter() {
        if let Some(count) = next.get_mut(part(*item) + 1) {
            *count += 1;
        }
    }
    let mut total = 0;
    for start in &mut next {
        total += *start;
        *start = total;
    }
    let starts = next.clone();
    // Each item that is not where it belongs takes the place of another one, which goes on in the same way.
    for (number, end) in starts.iter().skip(1).enumerate() {
        while let Some(place) = next.get(number).copied().filter(|place| place < end) {
            let Some(mut item) = items.get(place).copied() else { break };
            while part(item) != number {
                let Some(other) = next.get_mut(part(item)) else { break };
                let Some(there) = items.get_mut(*other) else { break };
                std::mem::swap(there, &mut item);
                *other += 1;
            }
            if let (Some(there), Some(next)) = (items.get_mut(place), next.get_mut(number)) {
                *there = item;
                *next += 1;
            }
        }
    }
    for ((number, start), end) in (0_u64..).zip(&starts).zip(starts.iter().skip(1)) {
        if let Some(items) = items.get_mut(*start..*end) {
            let first = ends.0.saturating_add(number << shift);
            spread.sort(items, |item| *item, (first, first.saturating_add((1 << shift) - 1)));
        }
    }
}

/// Sorts items that are sorted by their ranges, of which `ends` has the ends.
pub(crate) fn sort_ranges<T: Copy>(items: &mut [T], ends: &[usize], order: impl Fn(&T, &T) -> std::cmp::Ordering) {
    let mut start = 0;
    for end in ends {
        if *end - start > RANGE_ITEMS_MAX
            && let Some(items) = items.get_mut(start..*end)
        {
            items.sort_unstable_by(&order);
        }
        start = *end;
    }
    for place in 1..items.len() {
        let Some([left, right]) = items.get(place - 1..=place) else { continue };
        if order(left, right).is_le() {
            continue;
        }
        // It goes behind the last before it that is not greater, which is in the same range.
        let before = items.get(..place).unwrap_or_default();
        let to = before.iter().rposition(|item| order(item, right).is_le()).map_or(0, |last| last + 1);
        if let Some(moved) = items.get_mut(to..=place) {
            moved.rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_whatever_comes(
            items in prop::collection::vec(
                prop_oneof![any::<u64>(), 0_u64..100, Just(7), (0_u64..50).prop_map(|item| u64::MAX - item)], 0..2_000,
            ),
            (first, last) in any::<(u64, u64)>(),
        ) {
            let mut sorted = items.clone();
            Spread::default().sort(&mut sorted, |item| *item, (first, last));
            let mut expected = items;
            expected.sort_unstable();
            prop_assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn many_numbers_are_sorted_however_they_are_spread() {
        let mixed = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let few = |number: u64| mixed(number) >> 62;
        let skewed = |number: u64| mixed(number) >> (mixed(mixed(number)) >> 58);
        let shapes: [&dyn Fn(u64) -> u64; 5] = [&mixed, &few, &skewed, &|number| number, &|_| u64::MAX];
        for shape in shapes {
            let mut sorted: Vec<u64> = (0..300_000).map(shape).collect();
            let mut expected = sorted.clone();
            expected.sort_unstable();
            sort_many(&mut sorted);
            assert!(sorted == expected);
        }
    }
}
