//! Rows kept column by column, for metrics that are computed from a slice's rows and not from sums over them.

use super::cells::Cells;
use super::source::SourceError;
use super::table::InvalidRows;

/// Valid rows of some part of the data: their cells, numbers and keys, column by column.
#[derive(Debug, Clone)]
pub(crate) struct RowTable {
    pub(crate) cells: Cells,
    /// Invalid rows of each cell; cells of valid rows only may be beyond its end.
    pub(crate) invalid: Vec<InvalidRows>,
    pub(crate) cell: Vec<u32>,
    /// Columns of numbers, such as scores.
    pub(crate) numbers: Vec<Vec<f64>>,
    /// Columns of keys, such as labels by number or clusters.
    pub(crate) keys: Vec<Vec<u64>>,
    /// Rows that may be kept.
    rows_max: usize,
}

impl RowTable {
    /// No rows yet, of so many slice columns, columns of numbers and columns of keys. `memory_bytes` is what rows
    /// may take in memory.
    pub(crate) fn new(slices: usize, numbers: usize, keys: usize, memory_bytes: u64) -> Self {
        let row_bytes = size_of::<u32>() + 8 * (numbers + keys);
        let rows_max = memory_bytes / row_bytes as u64;
        Self {
            cells: Cells::new(slices),
            invalid: Vec::new(),
            cell: Vec::new(),
            numbers: vec![Vec::new(); numbers],
            keys: vec![Vec::new(); keys],
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX),
        }
    }

    /// The cells of rows, from the numbers that [`Cells::values_mut`] gave their values in each slice column.
    pub(crate) fn cells_of(&mut self, rows: usize, values: &[Vec<u32>]) -> Result<Vec<u32>, SourceError> {
        let mut cells = vec![0_u32; rows];
        for (column, numbers) in values.iter().enumerate() {
            self.cells.combine(column, &mut cells, numbers)?;
        }
        Ok(cells)
    }

    /// The positions of all rows.
    pub(crate) fn all_rows(&self) -> Vec<u32> {
        (0..self.cell.len() as u32).collect()
    }

    /// Keeps a row.
    pub(crate) fn push(&mut self, cell: u32, numbers: &[f64], keys: &[u64]) -> Result<(), SourceError> {
        if self.cell.len() >= self.rows_max {
            return Err(SourceError::TooManyRows(self.rows_max));
        }
        self.cell.push(cell);
        self.numbers.iter_mut().zip(numbers).for_each(|(column, number)| column.push(*number));
        self.keys.iter_mut().zip(keys).for_each(|(column, key)| column.push(*key));
        Ok(())
    }

    /// The counts of invalid rows of a cell.
    pub(crate) fn invalid_mut(&mut self, cell: u32) -> Option<&mut InvalidRows> {
        let cell = cell as usize;
        if cell >= self.invalid.len() {
            self.invalid.resize(cell + 1, InvalidRows::default());
        }
        self.invalid.get_mut(cell)
    }

    /// All rows of several tables, whose cells are renumbered.
    pub(crate) fn joined(tables: Vec<Self>, renumbered: &[Vec<u32>]) -> Option<Self> {
        let mut tables = tables.into_iter().zip(renumbered).map(|(mut table, numbers)| {
            for cell in &mut table.cell {
                *cell = numbers.get(*cell as usize).copied().unwrap_or_default();
            }
            table
        });
        let mut whole = tables.next()?;
        for table in tables {
            whole.cell.extend(table.cell);
            whole.numbers.iter_mut().zip(table.numbers).for_each(|(column, more)| column.extend(more));
            whole.keys.iter_mut().zip(table.keys).for_each(|(column, more)| column.extend(more));
        }
        Some(whole)
    }

    /// The positions of the rows of each slice: `slices_of_cells` has for each cell the slices that it is part of.
    pub(crate) fn rows_of_slices(&self, slices: usize, slices_of_cells: &[u32], width: usize) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); slices];
        for (position, cell) in self.cell.iter().enumerate() {
            let start = *cell as usize * width;
            for slice in slices_of_cells.get(start..start + width).unwrap_or_default() {
                if let Some(rows) = rows.get_mut(*slice as usize) {
                    rows.push(position as u32);
                }
            }
        }
        rows
    }
}

/// The entries of a column at `positions`.
pub(crate) fn gather<T: Copy>(column: &[T], positions: &[u32]) -> Vec<T> {
    positions.iter().filter_map(|position| column.get(*position as usize)).copied().collect()
}
