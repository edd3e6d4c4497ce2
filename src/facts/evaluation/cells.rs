//! *Cells*: combinations of slice values, by number. Rows are given their cell once; a slice is a set of cells
//! and costs no further pass.

use std::collections::HashMap;

/// Combinations of slice values that an evaluation may have. Past this the groups are too small to mean
/// anything, and a column of free text or ids was probably meant for something else.
pub(crate) const CELLS_MAX: usize = 100_000;

/// Places that a table has; combinations beyond are looked up by hash, so that two columns of many values that
/// seldom meet do not take the room of all their pairs.
const TABLE_MAX: u64 = 1 << 21;

/// There are more than [`CELLS_MAX`] combinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the slice columns have over {CELLS_MAX} combinations of values")]
pub(crate) struct TooManyCells;

/// The values of one slice column, by number. Number 0 is the absence of a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Values {
    /// The number of `value`.
    pub(crate) fn number(&mut self, value: Option<&str>) -> Result<u32, TooManyCells> {
        let Some(value) = value else { return Ok(0) };
        if let Some(number) = self.numbers.get(value) {
            return Ok(*number);
        }
        if self.texts.len() >= CELLS_MAX {
            return Err(TooManyCells);
        }
        self.texts.push(value.to_owned());
        let number = self.texts.len() as u32;
        self.numbers.insert(value.to_owned(), number);
        Ok(number)
    }

    fn text(&self, number: u32) -> Option<&str> {
        (number as usize).checked_sub(1).and_then(|index| self.texts.get(index)).map(String::as_str)
    }
}

/// One more column: from the combination of the columns before it and a value's number to a combination.
#[derive(Debug, Clone, Default)]
struct Step {
    /// Values that a line of `table` has room for, as a power of two.
    width_bits: u32,
    /// Combination plus one, at `(before << width_bits) + value`; 0 where there is none yet.
    table: Vec<u32>,
    /// The same for places that `table` does not reach.
    beyond: HashMap<u64, u32>,
    /// Of each combination: that of the columns before, and the value.
    origins: Vec<(u32, u32)>,
}

impl Step {
    fn combine(&mut self, before: u32, value: u32) -> Result<u32, TooManyCells> {
        if u64::from(value) >> self.width_bits > 0 {
            self.widen(32 - value.leading_zeros());
        }
        let place = self.place(before, value);
        let known = match self.table.get(place as usize) {
            Some(entry) => *entry,
            None => self.beyond.get(&place).copied().unwrap_or_default(),
        };
        if let Some(found) = known.checked_sub(1) {
            return Ok(found);
        }
        if self.origins.len() >= CELLS_MAX {
            return Err(TooManyCells);
        }
        let number = self.origins.len() as u32;
        self.origins.push((before, value));
        self.enter(place, number);
        Ok(number)
    }

    fn place(&self, before: u32, value: u32) -> u64 {
        (u64::from(before) << self.width_bits) + u64::from(value)
    }

    fn enter(&mut self, place: u64, number: u32) {
        if place >= TABLE_MAX {
            self.beyond.insert(place, number + 1);
            return;
        }
        if place >= self.table.len() as u64 {
            self.table.resize((place as usize + 1).next_power_of_two(), 0);
        }
        if let Some(entry) = self.table.get_mut(place as usize) {
            *entry = number + 1;
        }
    }

    /// Makes room for more values; the lines move.
    fn widen(&mut self, width_bits: u32) {
        self.width_bits = width_bits;
        self.table.clear();
        self.beyond.clear();
        for (number, (before, value)) in std::mem::take(&mut self.origins).into_iter().enumerate() {
            let place = self.place(before, value);
            self.enter(place, number as u32);
            self.origins.push((before, value));
        }
    }
}

/// The combinations that were met, by number.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    values: Vec<Values>,
    steps: Vec<Step>,
}

impl Cells {
    /// No combination of `columns` columns yet. Without columns there is one, which all rows have.
    pub(crate) fn new(columns: usize) -> Self {
        Self { values: vec![Values::default(); columns], steps: vec![Step::default(); columns] }
    }

    /// How many combinations there are.
    pub(crate) fn len(&self) -> usize {
        self.steps.last().map_or(1, |step| step.origins.len())
    }

    /// The values of a column, to number them.
    pub(crate) fn values_mut(&mut self, column: usize) -> Option<&mut Values> {
        self.values.get_mut(column)
    }

    /// Adds a column's values, by their numbers, to the combinations of the columns before it.
    pub(crate) fn combine(&mut self, column: usize, before: &mut [u32], values: &[u32]) -> Result<(), TooManyCells> {
        let Some(step) = self.steps.get_mut(column) else { return Ok(()) };
        for (combination, value) in before.iter_mut().zip(values) {
            *combination = step.combine(*combination, *value)?;
        }
        Ok(())
    }

    /// The values of combination `number`, one for each column.
    pub(crate) fn texts(&self, number: u32) -> Vec<Option<String>> {
        let mut texts = Vec::with_capacity(self.steps.len());
        let mut current = number;
        for (step, values) in self.steps.iter().zip(&self.values).rev() {
            let (before, value) = step.origins.get(current as usize).copied().unwrap_or_default();
            texts.push(values.text(value).map(str::to_owned));
            current = before;
        }
        texts.reverse();
        texts
    }

    /// The values of all combinations, by number.
    pub(crate) fn all_texts(&self) -> Vec<Vec<Option<String>>> {
        (0..self.len() as u32).map(|number| self.texts(number)).collect()
    }

    /// The number of the combination of `texts`, which is met now if it was not before.
    pub(crate) fn number(&mut self, texts: &[Option<String>]) -> Result<u32, TooManyCells> {
        let mut combination = [0];
        for (column, text) in texts.iter().enumerate() {
            let value = match self.values.get_mut(column) {
                Some(values) => values.number(text.as_deref())?,
                None => 0,
            };
            self.combine(column, &mut combination, &[value])?;
        }
        Ok(combination.first().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(values: &[Option<u16>]) -> Vec<Option<String>> {
        values.iter().map(|value| value.map(|value| value.to_string())).collect()
    }

    proptest! {
        #[test]
        fn a_combination_keeps_its_number_and_its_values(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(0_u16..40), 3), 1..200),
        ) {
            let mut cells = Cells::new(3);
            let mut numbers = HashMap::new();
            for row in &rows {
                let number = cells.number(&texts(row)).unwrap();
                prop_assert_eq!(*numbers.entry(row.clone()).or_insert(number), number);
                prop_assert_eq!(cells.texts(number), texts(row));
            }
            prop_assert_eq!(cells.len(), numbers.len());
        }
    }

    #[test]
    fn without_columns_there_is_one_cell() {
        let mut cells = Cells::new(0);
        assert_eq!((cells.len(), cells.number(&[]), cells.texts(0)), (1, Ok(0), Vec::new()));
    }

    #[test]
    fn columns_of_many_values_that_seldom_meet_take_little_room() {
        let mut cells = Cells::new(2);
        let row = |value: usize| [Some(value.to_string()), Some((99_999 - value).to_string())];
        let numbers: Vec<_> = (0..99_999).map(|value| cells.number(&row(value)).unwrap()).collect();
        assert_eq!(numbers, (0..99_999).collect::<Vec<_>>());
        assert!(cells.steps.iter().all(|step| step.table.len() as u64 <= TABLE_MAX));
        assert_eq!(cells.texts(54_321), row(54_321));
        assert_eq!(cells.number(&row(54_321)), Ok(54_321));
    }

    #[test]
    fn a_column_of_ids_is_refused() {
        let mut cells = Cells::new(1);
        let mut number = |value: usize| cells.number(&[Some(value.to_string())]);
        assert!((0..CELLS_MAX).all(|value| number(value).is_ok()));
        assert_eq!(number(CELLS_MAX), Err(TooManyCells));
        assert!(number(7).is_ok(), "what was met before is still known");
    }
}
