//! Distances of two distributions of numbers: the largest and the total one between their distribution functions.

use super::super::exact_sum::ExactSum;
use super::sample::Point;

/// How far two distribution functions F and G are apart. F may be known at some points only: between two of them it is
/// anywhere from its value at the one to its limit at the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distance {
    /// The largest |F − G| where F is known, times both numbers of rows.
    pub(crate) steps: u128,
    /// What the largest |F − G| anywhere can be at most, times both numbers of rows.
    pub(crate) steps_max: u128,
    /// ∫|F − G| dx in the unit of the values (Wasserstein-1), with F half-way where it is not known.
    pub(crate) area: f64,
    /// How far the area can be at most from that of the whole of F.
    pub(crate) area_error: f64,
}

/// The distance of `current`, whose points are all of its values, from `reference`, in one walk over both. Each counts
/// its own number of rows, as said beside it.
pub(crate) fn distance(
    (reference, reference_rows): (impl Iterator<Item = Point>, u64),
    (current, current_rows): (impl Iterator<Item = Point>, u64),
) -> Distance {
    let (mut reference, mut current) = (reference.peekable(), current.peekable());
    let mut walk = Walk { rows: (reference_rows, current_rows), ..Walk::default() };
    // Rows up to and including where the walk is.
    let (mut here, mut current_here) = (0, 0);
    let mut start: Option<(f64, bool)> = None;
    loop {
        let value = match (reference.peek(), current.peek()) {
            (Some(left), Some(right)) => left.value.min(right.value),
            (Some(point), None) | (None, Some(point)) => point.value,
            (None, None) => break,
        };
        // F just before the next of its points.
        let next = reference.peek().map_or(reference_rows, |point| point.below);
        let ends_known = reference.peek().is_some_and(|point| point.value <= value);
        if let Some((start, starts_known)) = start {
            let width = value - start;
            walk.step(Stretch { here, next, current: current_here, width, starts_known, ends_known });
        }
        if let Some(point) = reference.next_if(|point| point.value <= value) {
            here = point.through;
        }
        if let Some(point) = current.next_if(|point| point.value <= value) {
            current_here = point.through;
        }
        start = Some((value, ends_known));
    }
    Distance {
        steps: walk.steps,
        steps_max: walk.steps_max,
        area: walk.area.value(),
        area_error: walk.area_error.value(),
    }
}

/// A stretch between two neighbouring values, of either side, in which G is constant.
struct Stretch {
    /// Rows of the reference through the start, if it is a point of F, or through the last one before it.
    here: u64,
    /// Rows of the reference below the next point of F.
    next: u64,
    current: u64,
    width: f64,
    /// Whether F is known at the start, and just before the end.
    starts_known: bool,
    ends_known: bool,
}

#[derive(Default)]
struct Walk {
    rows: (u64, u64),
    steps: u128,
    steps_max: u128,
    area: ExactSum,
    area_error: ExactSum,
}

impl Walk {
    fn step(&mut self, stretch: Stretch) {
        let Stretch { here, next, current, width, starts_known, ends_known } = stretch;
        let (reference_rows, current_rows) = self.rows;
        let scaled = |count: u64, rows: u64| u128::from(count) * u128::from(rows);
        let other = scaled(current, reference_rows);
        let (first, last) = (scaled(here, current_rows), scaled(next, current_rows));
        let (at_start, at_end) = (first.abs_diff(other), last.abs_diff(other));
        let exact = here == next;
        if exact || starts_known {
            self.steps = self.steps.max(at_start);
        }
        if exact || ends_known {
            self.steps = self.steps.max(at_end);
        }
        self.steps_max = self.steps_max.max(at_start).max(at_end);
        let product = rounded(scaled(reference_rows, current_rows));
        if exact {
            self.area.add(rounded(at_start) / product * width);
            return;
        }
        let middle = first.saturating_add(last).abs_diff(other.saturating_mul(2));
        self.area.add(rounded(middle) / 2.0 / product * width);
        self.area_error.add(next.saturating_sub(here) as f64 / 2.0 / reference_rows as f64 * width);
    }
}

/// The nearest double. Half as many bits are converted in a tenth of the time.
fn rounded(number: u128) -> f64 {
    u64::try_from(number).map_or(number as f64, |number| number as f64)
}

#[cfg(test)]
mod tests {
    use super::super::sample::NumericSample;
    use super::*;

    fn of(reference: &[f64], current: &[f64]) -> (f64, f64) {
        let (reference, current) = (NumericSample::new(reference.into(), 0), NumericSample::new(current.into(), 0));
        let rows = (reference.values(), current.values());
        let distance = distance((reference.points(), rows.0), (current.points(), rows.1));
        assert_eq!((distance.steps, distance.area_error), (distance.steps_max, 0.0), "all points are known");
        (distance.steps as f64 / (rows.0 * rows.1) as f64, distance.area)
    }

    #[test]
    fn the_examples_of_scipy() {
        // scipy.stats.wasserstein_distance, documentation of version 1.17.
        assert_eq!(of(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0]), (1.0, 5.0));
    }

    #[test]
    fn ties_are_passed_on_both_sides_before_the_distance_is_taken() {
        assert_eq!(of(&[1.0, 1.0, 2.0], &[1.0, 1.0, 2.0]), (0.0, 0.0));
        assert_eq!(of(&[0.0, 0.0, 1.0, 1.0], &[-0.0, 1.0]), (0.0, 0.0));
        assert_eq!(of(&[0.0, 1.0], &[0.0, 0.0]), (0.5, 0.5));
    }

    #[test]
    fn what_is_not_known_of_the_reference_is_bounded() {
        // Values at 0 and 10, and two somewhere between.
        let reference = [Point { value: 0.0, below: 0, through: 1 }, Point { value: 10.0, below: 3, through: 4 }];
        let current = [Point { value: 4.0, below: 0, through: 2 }];
        let distance = distance((reference.into_iter(), 4), (current.into_iter(), 2));
        // Known are 1/4 − 0 at 0 and 3/4 − 1 before 10; at the most it is 3/4 just before 4.
        assert_eq!(distance.steps, 2);
        assert_eq!(distance.steps_max, 6);
        assert_eq!(distance.area, 0.5 * 4.0 + 0.5 * 6.0);
        assert_eq!(distance.area_error, 0.25 * 10.0);
    }
}
