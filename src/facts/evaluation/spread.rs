//! Sorting of what is spread evenly: into as many ranges as there are items, which leaves little to do.

/// Items of a range that are put in order one by one.
const RANGE_ITEMS_MAX: usize = 16;

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
