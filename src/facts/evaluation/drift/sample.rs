//! Values of one column, ready to be compared.

use std::collections::BTreeMap;

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ColumnSample {
    /// Numbers, dates as numbers included.
    Numeric(NumericSample),
    /// Categories.
    Categorical(CategorySample),
    /// Truth values.
    Boolean(BooleanSample),
}

impl ColumnSample {
    /// Rows, missing values included.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::Numeric(sample) => sample.rows(),
            Self::Categorical(sample) => sample.rows(),
            Self::Boolean(sample) => sample.no.saturating_add(sample.yes).saturating_add(sample.missing),
        }
    }

    /// Rows without a value.
    pub(crate) fn missing(&self) -> u64 {
        match self {
            Self::Numeric(sample) => sample.missing,
            Self::Categorical(sample) => sample.missing,
            Self::Boolean(sample) => sample.missing,
        }
    }
}

/// Numbers in ascending order. −0 is 0, and NaN is a missing value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct NumericSample {
    sorted: Vec<f64>,
    missing: u64,
    infinite: u64,
    rounded: u64,
}

impl NumericSample {
    /// Takes `values` in any order, and beside them `missing` rows without one. It takes no longer than a look at each
    /// if they are in order already.
    pub(crate) fn new(mut values: Vec<f64>, missing: u64) -> Self {
        let rows = values.len();
        values.retain(|value| !value.is_nan());
        let missing = missing.saturating_add((rows - values.len()) as u64);
        let rows = values.len();
        values.retain(|value| value.is_finite());
        let infinite = (rows - values.len()) as u64;
        values.iter_mut().for_each(|value| *value += 0.0);
        values.sort_unstable_by(f64::total_cmp);
        Self { sorted: values, missing, infinite, rounded: 0 }
    }

    /// Says how many of its values are integers that were rounded to a double.
    pub(crate) const fn with_rounded(mut self, rounded: u64) -> Self {
        self.rounded = rounded;
        self
    }

    /// The finite values in ascending order.
    pub(crate) fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// Rows without a value.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    /// Rows whose value is infinite: such a column has no mean, and is not compared.
    pub(crate) fn infinite(&self) -> u64 {
        self.infinite
    }

    /// Rows whose integer was rounded to a double.
    pub(crate) fn rounded(&self) -> u64 {
        self.rounded
    }

    /// Rows with a finite value.
    pub(crate) fn values(&self) -> u64 {
        self.sorted.len() as u64
    }

    /// Rows, missing values included.
    pub(crate) fn rows(&self) -> u64 {
        self.values().saturating_add(self.missing).saturating_add(self.infinite)
    }

    /// Each distinct value with its place in the distribution.
    pub(crate) fn points(&self) -> impl Iterator<Item = Point> {
        let mut below = 0;
        self.sorted.chunk_by(|left, right| left == right).filter_map(move |run| {
            let through = below + run.len() as u64;
            let point = Point { value: *run.first()?, below, through };
            below = through;
            Some(point)
        })
    }
}

/// A point of a distribution function, in rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) value: f64,
    /// Rows whose value is less.
    pub(crate) below: u64,
    /// Rows whose value is less or the same.
    pub(crate) through: u64,
}

/// Rows of each category.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CategorySample {
    counts: BTreeMap<String, u64>,
    missing: u64,
}

impl CategorySample {
    /// Adds `rows` of one category; none is rows without a value.
    pub(crate) fn add_rows(&mut self, category: Option<&str>, rows: u64) {
        match category {
            _ if rows == 0 => {}
            None => self.missing = self.missing.saturating_add(rows),
            // Most rows have a category that is there already: no copy of its name for them.
            Some(category) => match self.counts.get_mut(category) {
                Some(count) => *count = count.saturating_add(rows),
                None => drop(self.counts.insert(category.to_owned(), rows)),
            },
        }
    }

    /// Rows of each category, none of which is 0.
    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// Rows without a value.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    /// Rows, missing values included.
    pub(crate) fn rows(&self) -> u64 {
        self.counts.values().fold(self.missing, |rows, count| rows.saturating_add(*count))
    }
}

/// Rows of each truth value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BooleanSample {
    /// Rows that are false.
    pub(crate) no: u64,
    /// Rows that are true.
    pub(crate) yes: u64,
    /// Rows without a value.
    pub(crate) missing: u64,
}

impl BooleanSample {
    /// As the categories `false` and `true`.
    pub(crate) fn categories(self) -> CategorySample {
        let mut sample = CategorySample::default();
        sample.add_rows(Some("false"), self.no);
        sample.add_rows(Some("true"), self.yes);
        sample.add_rows(None, self.missing);
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_numbers_are_told_apart() {
        let sample = NumericSample::new(vec![2.0, f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, -1.0], 3);
        assert_eq!(
            sample.sorted().iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
            [(-1.0_f64).to_bits(), 0, 0, 2.0_f64.to_bits()]
        );
        assert_eq!((sample.missing(), sample.infinite(), sample.rows()), (4, 2, 10));
        let points: Vec<_> = sample.points().map(|point| (point.value, point.below, point.through)).collect();
        assert_eq!(points, [(-1.0, 0, 1), (0.0, 1, 3), (2.0, 3, 4)]);
    }

    #[test]
    fn counts_do_not_overflow() {
        let mut sample = CategorySample::default();
        sample.add_rows(Some("a"), u64::MAX);
        sample.add_rows(Some("a"), 1);
        sample.add_rows(Some("b"), 1);
        sample.add_rows(Some("c"), 0);
        sample.add_rows(None, 1);
        assert_eq!((sample.rows(), sample.counts().len(), sample.missing()), (u64::MAX, 2, 1));
    }
}
