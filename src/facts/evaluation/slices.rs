//! Slices: groups of rows by the values of one column or of several, as sets of cells.

use std::collections::BTreeMap;

use super::cells::{Cells, TooManyCells};
use super::table::InvalidRows;

/// The cells of all parts of the data under common numbers.
pub(crate) struct CommonCells {
    /// The combinations.
    pub(crate) cells: Cells,
    /// Of each part, what its cells are called here.
    pub(crate) renumbered: Vec<Vec<u32>>,
    /// Invalid rows of each cell.
    pub(crate) invalid: Vec<InvalidRows>,
}

impl CommonCells {
    /// Gives the cells of the parts, each with its invalid rows, common numbers.
    pub(crate) fn of<'a>(
        parts: impl IntoIterator<Item = (&'a Cells, &'a [InvalidRows])>,
        columns: usize,
    ) -> Result<Self, TooManyCells> {
        Self::of_texts(parts.into_iter().map(|(own, invalid)| (own.all_texts(), invalid)), columns)
    }

    /// The same, where of each part the values of its cells are known.
    pub(crate) fn of_texts<'a>(
        parts: impl IntoIterator<Item = (impl AsRef<[Vec<Option<String>>]>, &'a [InvalidRows])>,
        columns: usize,
    ) -> Result<Self, TooManyCells> {
        let mut cells = Cells::new(columns);
        let mut renumbered = Vec::new();
        let mut invalid = Vec::new();
        for (own, own_invalid) in parts {
            let numbers: Vec<u32> = own.as_ref().iter().map(|texts| cells.number(texts)).collect::<Result<_, _>>()?;
            invalid.resize(cells.len(), InvalidRows::default());
            for (number, counts) in numbers.iter().zip(own_invalid) {
                if let Some(invalid) = invalid.get_mut(*number as usize) {
                    invalid.merge(*counts);
                }
            }
            renumbered.push(numbers);
        }
        invalid.resize(cells.len(), InvalidRows::default());
        Ok(Self { cells, renumbered, invalid })
    }
}

/// A group of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Which of the groupings it belongs to.
    pub(crate) grouping: usize,
    /// Its value in each column of the grouping.
    pub(crate) values: Vec<Option<String>>,
}

/// All groups of all groupings, and which of them each cell is part of.
pub(crate) struct Groups {
    /// By grouping, and within one by value, those without a value first.
    pub(crate) groups: Vec<Group>,
    /// Of each cell, one group for each grouping, in their order.
    pub(crate) of_cells: Vec<u32>,
    /// Cells there are.
    pub(crate) cells: usize,
}

impl Groups {
    /// The groups of `groupings`, each of which is the columns whose values make a group. No column makes one
    /// group of all rows.
    pub(crate) fn of(cells: &Cells, groupings: &[Vec<usize>]) -> Self {
        Self::of_texts(&cells.all_texts(), groupings)
    }

    /// The same, where the values of each cell are known.
    pub(crate) fn of_texts(texts: &[Vec<Option<String>>], groupings: &[Vec<usize>]) -> Self {
        let values = |cell: &[Option<String>], columns: &[usize]| -> Vec<Option<String>> {
            columns.iter().map(|column| cell.get(*column).cloned().flatten()).collect()
        };
        let mut groups = Vec::new();
        let mut of_cells = vec![0_u32; texts.len() * groupings.len()];
        for (grouping, columns) in groupings.iter().enumerate() {
            let mut numbers = BTreeMap::new();
            if columns.is_empty() {
                numbers.insert(Vec::new(), 0);
            }
            for cell in texts {
                numbers.insert(values(cell, columns), 0);
            }
            for (values, number) in &mut numbers {
                *number = groups.len() as u32;
                groups.push(Group { grouping, values: values.clone() });
            }
            for (cell, line) in texts.iter().zip(of_cells.chunks_mut(groupings.len())) {
                if let (Some(place), Some(number)) = (line.get_mut(grouping), numbers.get(&values(cell, columns))) {
                    *place = *number;
                }
            }
        }
        Self { groups, of_cells, cells: texts.len() }
    }
}
