//! A search for groups of rows that the model serves worst, among all combinations of the declared slice columns.
//!
//! Nobody has named these groups before, so that each is one of many that were looked at: p-values are corrected for
//! their number. A group of a group that is served as badly is not named again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SlicePart;
use super::cells::Cells;
use super::exact_sum::ExactSum;
use super::interval::{Z, interval};
use super::metric::Interval;
use super::multiplicity::{PValue, benjamini_hochberg};
use super::random::normal_distribution;
use super::slices::{Group, Groups};

/// Rows that a group and the rest have at least, for means to be nearly normal.
const ROWS_MIN: u64 = 100;
/// Of how many rows a group has to have one at least.
const ROWS_OF_ALL: u64 = 200;
/// Columns that are combined at most.
const COLUMNS_MAX: usize = 3;
/// Cells that are looked at for all combinations together, beyond which fewer columns are combined.
const CELLS_MAX: usize = 4_000_000;
/// Groups that are named.
const GROUPS_MAX: usize = 10;

/// What is lost on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// (p − y)² of the positive class; of several classes the sum over them.
    SquaredError,
    /// |prediction − actual value|.
    AbsoluteError,
    /// 1 for a wrong class, 0 for the right one.
    ZeroOne,
    /// The share of labels that are wrong.
    Hamming,
}

/// Groups with a larger loss than the rest of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeakestGroups {
    /// What is lost on a row.
    pub loss: Loss,
    /// Its mean over all rows.
    pub mean: Option<f64>,
    /// Columns that were combined at most.
    pub columns_at_most: u32,
    /// Rows of a group that was looked at, at least.
    pub rows_at_least: u64,
    /// Groups that were looked at.
    pub searched: u64,
    /// Those whose loss is certainly larger before correction, the worst first, by the lower end of the difference; at
    /// most ten.
    pub groups: Vec<WeakGroup>,
}

/// A group with a larger loss than the rest of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeakGroup {
    /// The columns, with the group's values.
    pub parts: Vec<SlicePart>,
    /// Its rows.
    pub rows: u64,
    /// Mean loss of the group.
    pub mean: f64,
    /// Mean loss of all other rows.
    pub mean_of_others: f64,
    /// How much larger it is, with Welch's standard error: √(s₁²/n₁ + s₂²/n₂).
    pub difference: Interval,
    /// Probability of as large a difference if there were none, one-sided, corrected for all groups that were looked at
    /// (Benjamini and Hochberg).
    pub adjusted_p_value: f64,
}

/// Losses of the rows of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct CellLoss {
    pub(crate) rows: u64,
    pub(crate) sum: f64,
    pub(crate) squares: f64,
}

/// Losses of several cells. The sums do not depend on their order.
#[derive(Debug, Clone, Default)]
struct GroupLoss {
    rows: u64,
    sum: ExactSum,
    squares: ExactSum,
}

impl GroupLoss {
    fn add(&mut self, cell: &CellLoss) {
        self.rows += cell.rows;
        self.sum.add(cell.sum);
        self.squares.add(cell.squares);
    }

    fn without(&self, part: &Self) -> Self {
        let mut rest = self.clone();
        rest.rows -= part.rows;
        rest.sum.add(-part.sum.value());
        rest.squares.add(-part.squares.value());
        rest
    }

    fn mean(&self) -> f64 {
        self.sum.value() / self.rows as f64
    }

    /// Square of the mean's standard error.
    fn error_square(&self) -> f64 {
        let (rows, sum) = (self.rows as f64, self.sum.value());
        let around_mean = (self.squares.value() - sum * (sum / rows)).max(0.0);
        around_mean / (rows - 1.0) / rows
    }
}

/// Losses of rows, of which the cell is known.
pub(crate) fn by_cell(rows: impl Iterator<Item = (u32, f64)>, cells: usize) -> Vec<CellLoss> {
    let mut of_cells = vec![GroupLoss::default(); cells];
    for (cell, loss) in rows {
        if let Some(of_cell) = of_cells.get_mut(cell as usize) {
            of_cell.add(&CellLoss { rows: 1, sum: loss, squares: loss * loss });
        }
    }
    let losses = |of_cell: &GroupLoss| CellLoss {
        rows: of_cell.rows,
        sum: of_cell.sum.value(),
        squares: of_cell.squares.value(),
    };
    of_cells.iter().map(losses).collect()
}

/// The weakest groups among the combinations of `columns`; `losses` are those of each cell.
pub(crate) fn search(columns: &[&str], cells: &Cells, losses: &[CellLoss], loss: Loss) -> WeakestGroups {
    let mut all = GroupLoss::default();
    losses.iter().for_each(|cell| all.add(cell));
    let combinations = combinations(columns.len(), cells.len());
    let rows_min = ROWS_MIN.max(all.rows.div_ceil(ROWS_OF_ALL));
    let texts = cells.all_texts();
    let mut found = Vec::new();
    for combination in &combinations {
        let groups = Groups::of_texts(&texts, std::slice::from_ref(combination));
        let mut of_groups = vec![GroupLoss::default(); groups.groups.len()];
        for (group, cell) in groups.of_cells.iter().zip(losses) {
            if let Some(group) = of_groups.get_mut(*group as usize) {
                group.add(cell);
            }
        }
        for (group, own) in groups.groups.iter().zip(of_groups) {
            if own.rows >= rows_min && all.rows - own.rows >= ROWS_MIN {
                found.push(weigh(columns, combination, group, &own, &all.without(&own)));
            }
        }
    }
    let p_values: Vec<PValue> = found.iter().filter_map(|(_, p_value)| PValue::new(*p_value)).collect();
    let adjusted = benjamini_hochberg(&p_values);
    let groups = found.into_iter().map(|(group, _)| group).zip(adjusted);
    let groups = groups.filter_map(|(group, adjusted)| Some(WeakGroup { adjusted_p_value: adjusted.get(), ..group? }));
    WeakestGroups {
        loss,
        mean: (all.rows > 0).then(|| all.mean()),
        columns_at_most: combinations.iter().map(Vec::len).max().unwrap_or_default() as u32,
        rows_at_least: rows_min,
        searched: p_values.len() as u64,
        groups: worst(groups.collect()),
    }
}

/// A group beside the rest, if its loss is larger beyond doubt but for the number of groups, and its p-value.
fn weigh(
    columns: &[&str],
    combination: &[usize],
    group: &Group,
    own: &GroupLoss,
    rest: &GroupLoss,
) -> (Option<WeakGroup>, f64) {
    let (mean, mean_of_others) = (own.mean(), rest.mean());
    let (difference, error) = (mean - mean_of_others, (own.error_square() + rest.error_square()).sqrt());
    // Where nothing varies on either side, there is no chance in a difference.
    let p_value =
        if error > 0.0 { normal_distribution(-difference / error) } else { f64::from(u8::from(difference <= 0.0)) };
    let ends = interval(difference - Z * error, difference + Z * error, "welch-normal").filter(|ends| ends.low > 0.0);
    let part = |(column, value): (&usize, &Option<String>)| SlicePart {
        column: columns.get(*column).copied().unwrap_or_default().to_owned(),
        value: value.clone(),
    };
    let weak = |ends| WeakGroup {
        parts: combination.iter().zip(&group.values).map(part).collect(),
        rows: own.rows,
        mean,
        mean_of_others,
        difference: ends,
        adjusted_p_value: 1.0,
    };
    (ends.map(weak), p_value)
}

/// The first by the lower end, and of equals those of fewer columns; without those that are part of one that is as bad.
fn worst(mut groups: Vec<WeakGroup>) -> Vec<WeakGroup> {
    groups.sort_by(|left, right| {
        right.difference.low.total_cmp(&left.difference.low).then(left.parts.len().cmp(&right.parts.len()))
    });
    let is_within = |group: &WeakGroup, other: &WeakGroup| other.parts.iter().all(|part| group.parts.contains(part));
    let mut kept: Vec<WeakGroup> = Vec::new();
    for group in groups {
        let is_known = kept.iter().any(|other| is_within(&group, other) && other.mean >= group.mean);
        if !is_known && kept.len() < GROUPS_MAX {
            kept.push(group);
        }
    }
    kept
}

/// Sets of one column or more, those of fewer columns first: as many columns as can be looked at in the bound.
fn combinations(columns: usize, cells: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = (0..columns).map(|column| vec![column]).collect();
    let mut last = all.clone();
    for _ in 1..COLUMNS_MAX {
        let longer = |set: &Vec<usize>| {
            let next = set.last().map_or(0, |column| column + 1);
            let set = set.clone();
            (next..columns).map(move |column| [set.as_slice(), &[column]].concat())
        };
        last = last.iter().flat_map(longer).collect();
        if last.is_empty() || (all.len() + last.len()).saturating_mul(cells) > CELLS_MAX {
            break;
        }
        all.extend(last.iter().cloned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cells of two columns with values a to c and x to z, and the loss of each row by its position.
    fn searched(rows: impl IntoIterator<Item = (usize, usize, f64)>) -> WeakestGroups {
        let mut cells = Cells::new(2);
        let mut losses: Vec<CellLoss> = Vec::new();
        for (left, right, loss) in rows {
            let texts = [Some(["a", "b", "c"][left].to_owned()), Some(["x", "y", "z"][right].to_owned())];
            let cell = cells.number(&texts).unwrap() as usize;
            losses.resize(losses.len().max(cell + 1), CellLoss::default());
            losses[cell].rows += 1;
            losses[cell].sum += loss;
            losses[cell].squares += loss * loss;
        }
        search(&["left", "right"], &cells, &losses, Loss::SquaredError)
    }

    fn names(found: &WeakestGroups) -> Vec<String> {
        let part = |part: &SlicePart| format!("{}={}", part.column, part.value.as_deref().unwrap_or_default());
        found.groups.iter().map(|group| group.parts.iter().map(part).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_hidden_group_is_found_and_its_parents_come_behind() {
        let row = |index: usize| {
            let (left, right) = (index % 3, index / 3 % 3);
            let noise = (index / 9 % 7) as f64 / 100.0;
            (left, right, if (left, right) == (1, 2) { 0.5 + noise } else { 0.1 + noise })
        };
        let found = searched((0..9000).map(row));
        assert_eq!((found.searched, found.columns_at_most, found.rows_at_least), (15, 2, 100));
        assert_eq!(names(&found), ["left=b right=z", "left=b", "right=z"]);
        let worst = &found.groups[0];
        assert_eq!(worst.rows, 1000);
        assert!((worst.mean - 0.53).abs() < 1e-3 && (worst.mean_of_others - 0.13).abs() < 1e-3, "{worst:?}");
        assert!(worst.adjusted_p_value < 1e-12, "{worst:?}");
    }

    #[test]
    fn groups_of_a_group_that_is_as_bad_are_not_named_again() {
        let row = |index: usize| (index % 3, index / 3 % 3, f64::from(u8::from(index % 3 == 1)) + (index % 5) as f64);
        assert_eq!(names(&searched((0..9000).map(row)))[0], "left=b");
        assert_eq!(searched((0..9000).map(row)).groups.len(), 1);
    }

    #[test]
    fn small_groups_and_constant_losses_are_not_judged() {
        let small = searched((0..150).map(|index| (index % 3, 0, 1.0)));
        assert_eq!((small.searched, small.groups.len(), small.mean), (0, 0, Some(1.0)));
        let constant = searched((0..900).map(|index| (index % 3, 0, 0.25)));
        assert_eq!((constant.searched, constant.groups.len()), (6, 0));
        let none = search(&[], &Cells::new(0), &[], Loss::ZeroOne);
        assert_eq!((none.searched, none.mean, none.columns_at_most), (0, None, 0));
    }

    #[test]
    fn as_many_columns_are_combined_as_the_bound_allows() {
        assert_eq!(combinations(3, 10).len(), 7);
        assert_eq!(combinations(16, 1000).len(), 16 + 120 + 560);
        assert_eq!(combinations(16, 10_000).len(), 16 + 120);
        assert_eq!(combinations(16, 100_000).len(), 16);
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_matter(
            rows in prop::collection::vec((0_usize..3, 0_usize..3, 0_u8..3), 300..600),
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(left, right, loss)| (left, right, f64::from(loss))).collect();
            let backwards: Vec<_> = rows.iter().rev().copied().collect();
            prop_assert_eq!(searched(rows), searched(backwards));
        }
    }
}
