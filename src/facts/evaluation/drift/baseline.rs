//! What is frozen of reference data, so that later data can be compared with it when it is no longer there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::exact_sum::exact_sum;
use super::sample::{CategorySample, ColumnSample, NumericSample, Point};

/// Version of the format.
pub(crate) const VERSION: u32 = 1;
/// Bins of the population stability index: tenths of the reference, or as many distinct values with one each.
const BINS: u64 = 10;
/// Parts of the reference between the quantiles of the grid.
const GRID_PARTS: u64 = 1000;
/// Categories that are listed one by one.
const CATEGORIES_MAX: usize = 1000;
/// The largest whole number up to which every one can be written in any reader's JSON (RFC 7493, section 2.2).
const ROWS_MAX: u64 = 1 << 53;
/// 2⁶⁴, more than there are values.
const TWO_64: f64 = 18_446_744_073_709_551_616.0;
/// Columns of a baseline.
const COLUMNS_MAX: usize = 10_000;

/// Reference data, frozen: what later data is compared with.
///
/// It holds counts and quantiles but no rows. The smallest and the largest value, the quantiles and the names of
/// categories are values of single rows, though: keep it as confidential as those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "modelgate baseline, version 1")]
pub struct Baseline {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Rows of the reference data, at most 2⁵³.
    #[schemars(range(min = 1, max = 9_007_199_254_740_992_u64))]
    pub rows: u64,
    /// Its columns, in the order of their names, each once.
    #[schemars(length(max = 10_000))]
    pub columns: Vec<BaselineColumn>,
}

/// A column of the reference data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineColumn {
    /// Its name.
    pub name: String,
    /// Rows without a value, a number that is NaN included.
    pub missing: u64,
    /// The values of the other rows.
    pub values: BaselineValues,
}

/// The values of a column, by its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineValues {
    /// Numbers.
    Numeric(NumericBaseline),
    /// Categories.
    Categorical(CategoricalBaseline),
    /// Truth values.
    Boolean(BooleanBaseline),
}

/// The distribution of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumericBaseline {
    /// Edges of the bins: the deciles, each once, ascending. The k-th decile is the smallest value that at least k
    /// tenths of the values do not exceed (no interpolation). With at most ten distinct values it is all of these,
    /// such as 0 and 1, of which the deciles may be one. Empty without values.
    #[schemars(length(max = 10))]
    pub edges: Vec<f64>,
    /// Rows in each bin: up to and including the first edge, up to and including the next, and so on; last those
    /// above all edges. One more than edges.
    #[schemars(length(min = 1, max = 11))]
    pub counts: Vec<u64>,
    /// Points of the distribution function, ascending. With at most 1000 distinct values it is all of them, and
    /// nothing is lost; with more it is the smallest value and the quantiles of each thousandth, defined as the
    /// deciles are. Strictly between two neighbours then lies less than a thousandth of the values, so that a distance of
    /// Kolmogorov and Smirnov computed from these points is at most 0.001 too small.
    #[schemars(length(max = 1001))]
    pub grid: Vec<GridPoint>,
    /// Mean; null without values.
    pub mean: Option<f64>,
    /// Standard deviation, with the number of values as the divisor; null without values.
    pub standard_deviation: Option<f64>,
    /// Smallest value; null without values.
    pub minimum: Option<f64>,
    /// Largest value; null without values.
    pub maximum: Option<f64>,
    /// Rows whose value is an integer that no double holds, such as 2⁵³ + 1; it was rounded to the nearest one.
    pub rounded: u64,
}

/// A point of a distribution function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridPoint {
    /// A value of the column.
    pub value: f64,
    /// Rows whose value is less.
    pub below: u64,
    /// Rows whose value is less or the same.
    pub through: u64,
}

/// The distribution of categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoricalBaseline {
    /// The categories, in the order of their names. Of more than 1000 it is the most frequent ones, and of equally
    /// frequent ones the first by name.
    #[schemars(length(max = 1000))]
    pub categories: Vec<CategoryCount>,
    /// Categories beyond those. While there are any, no category that is not listed is known to be new.
    pub other_categories: u64,
    /// Rows of those.
    pub other: u64,
}

/// Rows of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryCount {
    /// The category.
    pub category: String,
    /// Its rows, at least one.
    #[schemars(range(min = 1))]
    pub count: u64,
}

/// The distribution of truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BooleanBaseline {
    /// Rows that are false.
    #[serde(rename = "false")]
    pub no: u64,
    /// Rows that are true.
    #[serde(rename = "true")]
    pub yes: u64,
}

impl Baseline {
    /// The columns of `rows` rows each, in any order.
    ///
    /// # Errors
    /// Every problem: no rows, a name twice, a column with another number of rows.
    pub(crate) fn of(rows: u64, mut columns: Vec<BaselineColumn>) -> Result<Self, Vec<String>> {
        columns.sort_by(|left, right| left.name.cmp(&right.name));
        let baseline = Self { version: VERSION, rows, columns };
        let problems = baseline.problems();
        if problems.is_empty() { Ok(baseline) } else { Err(problems) }
    }

    /// Reads a baseline and checks it.
    ///
    /// # Errors
    /// What is wrong with the document, or every contradiction in it.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, Vec<String>> {
        let baseline: Self = serde_json::from_slice(bytes).map_err(|error| vec![error.to_string()])?;
        let problems = baseline.problems();
        if problems.is_empty() { Ok(baseline) } else { Err(problems) }
    }

    /// The document: the same bytes for the same rows in any order.
    ///
    /// # Errors
    /// Never for a baseline that was frozen or read.
    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Option<&BaselineColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Every contradiction. Counts, edges and extremes follow from the grid and are compared with it, so that a change
    /// of one of them is found; mean, deviation and the points between can only be held to be possible.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.version != VERSION {
            problems.push(format!("version {} is not {VERSION}", self.version));
        }
        if !(1..=ROWS_MAX).contains(&self.rows) {
            problems.push(format!("{} rows are not between 1 and 2^53", self.rows));
        }
        if self.columns.len() > COLUMNS_MAX {
            problems.push(format!("there are more than {COLUMNS_MAX} columns"));
        }
        let out_of_order = |(left, right): &(&BaselineColumn, &BaselineColumn)| left.name >= right.name;
        for (left, right) in self.columns.iter().zip(self.columns.iter().skip(1)).filter(out_of_order) {
            problems.push(format!("column {:?} comes after {:?}: not in order, or twice", right.name, left.name));
        }
        for column in &self.columns {
            if let Err(problem) = column.check(self.rows) {
                problems.push(format!("column {:?}: {problem}", column.name));
            }
        }
        problems
    }
}

impl BaselineColumn {
    /// Freezes a column.
    ///
    /// # Errors
    /// Numbers that are infinite, or so large that their mean or deviation is.
    pub(crate) fn freeze(name: &str, sample: &ColumnSample) -> Result<Self, String> {
        let values = match sample {
            ColumnSample::Numeric(sample) => BaselineValues::Numeric(NumericBaseline::freeze(sample)?),
            ColumnSample::Categorical(sample) => BaselineValues::Categorical(CategoricalBaseline::freeze(sample)),
            ColumnSample::Boolean(sample) => {
                BaselineValues::Boolean(BooleanBaseline { no: sample.no, yes: sample.yes })
            }
        };
        Ok(Self { name: name.to_owned(), missing: sample.missing(), values })
    }

    fn check(&self, rows: u64) -> Result<(), String> {
        let values = match &self.values {
            BaselineValues::Numeric(numbers) => numbers.check()?,
            BaselineValues::Categorical(categories) => categories.check()?,
            BaselineValues::Boolean(BooleanBaseline { no, yes }) => total([*no, *yes])?,
        };
        let counted = total([values, self.missing])?;
        if counted != rows {
            return Err(format!("{counted} rows are counted, not {rows}"));
        }
        Ok(())
    }
}

/// The sum of counts.
fn total(counts: impl IntoIterator<Item = u64>) -> Result<u64, String> {
    let sum = counts.into_iter().try_fold(0_u64, u64::checked_add);
    sum.ok_or_else(|| "the counts leave the range of numbers".to_owned())
}

/// The smallest value that at least `numerator`/`denominator` of the values do not exceed (definition 1 of Hyndman and
/// Fan, The American Statistician 50, 1996); the smallest of all for a numerator of 0.
fn quantile(sorted: &[f64], numerator: u64, denominator: u64) -> Option<f64> {
    let rank = (u128::from(numerator) * sorted.len() as u128).div_ceil(u128::from(denominator));
    sorted.get(usize::try_from(rank.max(1) - 1).ok()?).copied()
}

impl NumericBaseline {
    /// Freezes the distribution of numbers.
    ///
    /// # Errors
    /// Some are infinite, or so large that their mean or deviation is.
    pub(crate) fn freeze(sample: &NumericSample) -> Result<Self, String> {
        if sample.infinite() > 0 {
            return Err(format!("{} values are infinite", sample.infinite()));
        }
        let sorted = sample.sorted();
        let mut edges: Vec<f64> = sample.points().map(|point| point.value).take(BINS as usize + 1).collect();
        if edges.len() as u64 > BINS {
            edges = (1..BINS).filter_map(|k| quantile(sorted, k, BINS)).collect();
            edges.dedup();
        }
        let (mean, standard_deviation) = moments(sorted).unzip();
        if ![mean, standard_deviation].into_iter().flatten().all(f64::is_finite) {
            return Err("the values are so large that their mean or deviation leaves the range of numbers".to_owned());
        }
        Ok(Self {
            counts: bin_counts(&edges, sorted),
            edges,
            grid: grid(sample),
            mean,
            standard_deviation,
            minimum: sorted.first().copied(),
            maximum: sorted.last().copied(),
            rounded: sample.rounded(),
        })
    }

    /// Rows with a value.
    pub(crate) fn values(&self) -> u64 {
        self.grid.last().map_or(0, |point| point.through)
    }

    /// The points of the grid.
    pub(crate) fn points(&self) -> impl Iterator<Item = Point> {
        self.grid.iter().map(|point| Point { value: point.value, below: point.below, through: point.through })
    }

    /// The number of values, if all that can be derived from the grid agrees with it.
    fn check(&self) -> Result<u64, String> {
        let values = self.values();
        let wrong = |what: &str| Err(format!("{what} do not agree with the grid"));
        let numbers = self.edges.iter().copied().chain(self.grid.iter().map(|point| point.value));
        if !numbers.chain(self.mean).chain(self.standard_deviation).all(f64::is_finite) {
            return Err("a number is not finite".to_owned());
        }
        let mut previous = GridPoint { value: f64::NEG_INFINITY, below: 0, through: 0 };
        for point in &self.grid {
            let ascends =
                point.value > previous.value && point.through > point.below && point.below >= previous.through;
            if !ascends {
                return Err(format!("the grid does not ascend at {:?}", point.value));
            }
            let between = u128::from(point.below - previous.through);
            if between > 0 && (previous.through == 0 || between * u128::from(GRID_PARTS) >= u128::from(values)) {
                return Err(format!("the grid is too coarse below {:?}", point.value));
            }
            previous = *point;
        }
        if self.grid.len() as u64 > GRID_PARTS + 1 {
            return Err("the grid has too many points".to_owned());
        }
        let (edges, counts) = self.derived();
        if self.edges != edges {
            return wrong("the edges");
        }
        if self.counts != counts {
            return wrong("the counts");
        }
        let ends = (self.grid.first().map(|point| point.value), self.grid.last().map(|point| point.value));
        if (self.minimum, self.maximum) != ends {
            return wrong("the extremes");
        }
        let within = |(low, high): (f64, f64), mean: f64| low <= mean && mean <= high;
        let moments_agree = match (self.minimum.zip(self.maximum), self.mean.zip(self.standard_deviation)) {
            (Some(ends), Some((mean, deviation))) => {
                within(ends, mean) && deviation >= 0.0 && (deviation == 0.0 || self.grid.len() > 1)
            }
            (None, None) => self.mean.is_none() && self.standard_deviation.is_none(),
            _ => false,
        };
        if !moments_agree {
            return wrong("mean and deviation");
        }
        if self.rounded > values {
            return wrong("the rounded values");
        }
        Ok(values)
    }

    /// The edges and the counts by the grid, which holds every decile.
    fn derived(&self) -> (Vec<f64>, Vec<u64>) {
        let values = u128::from(self.values());
        let decile = |k: u64| {
            let enough = |point: &&GridPoint| u128::from(point.through) * u128::from(BINS) >= u128::from(k) * values;
            self.grid.iter().find(enough)
        };
        let holds_all = self.grid.windows(2).all(|pair| matches!(pair, [left, right] if left.through == right.below));
        let mut points: Vec<&GridPoint> = if self.grid.len() as u64 <= BINS && holds_all {
            self.grid.iter().collect()
        } else {
            (1..BINS).filter_map(decile).collect()
        };
        points.dedup();
        let through = points.iter().map(|point| point.through).chain([self.values()]);
        let mut before = 0;
        let counts = through.map(|through| through - std::mem::replace(&mut before, through)).collect();
        (points.iter().map(|point| point.value).collect(), counts)
    }
}

/// Rows in (−∞, first edge], …, (last edge, ∞).
pub(crate) fn bin_counts(edges: &[f64], sorted: &[f64]) -> Vec<u64> {
    let through = edges.iter().map(|edge| sorted.partition_point(|value| value <= edge));
    let mut before = 0;
    through.chain([sorted.len()]).map(|through| (through - std::mem::replace(&mut before, through)) as u64).collect()
}

/// All points, or those of the quantiles.
fn grid(sample: &NumericSample) -> Vec<GridPoint> {
    let of = |point: Point| GridPoint { value: point.value, below: point.below, through: point.through };
    let all: Vec<GridPoint> = sample.points().take(GRID_PARTS as usize + 1).map(of).collect();
    if all.len() as u64 <= GRID_PARTS {
        return all;
    }
    let sorted = sample.sorted();
    let mut values: Vec<f64> = (0..=GRID_PARTS).filter_map(|k| quantile(sorted, k, GRID_PARTS)).collect();
    values.dedup();
    let point = |value: f64| GridPoint {
        value,
        below: sorted.partition_point(|other| *other < value) as u64,
        through: sorted.partition_point(|other| *other <= value) as u64,
    };
    values.into_iter().map(point).collect()
}

/// Mean and standard deviation, the latter with the number of values as the divisor; none without values.
///
/// In two passes with exact sums (Chan, Golub and LeVeque, The American Statistician 37, 1983), the squares in units of
/// the largest deviation, so that they neither overflow nor vanish.
fn moments(sorted: &[f64]) -> Option<(f64, f64)> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    if first.to_bits() == last.to_bits() {
        return Some((first, 0.0));
    }
    let n = sorted.len() as f64;
    let sum = exact_sum(sorted.iter().copied());
    // A sum can be too large where the mean is not: then in units of 2⁶⁴.
    let scaled = || exact_sum(sorted.iter().map(|value| value / TWO_64)) / n * TWO_64;
    let mean = if sum.is_finite() { sum / n } else { scaled() };
    // Rounded twice, it could end up beyond an extreme.
    let mean = mean.clamp(first, last);
    let shift = exact_sum(sorted.iter().map(|value| value - mean)) / n;
    let deviation = |value: f64| (value - mean) - shift;
    let unit = deviation(first).abs().max(deviation(last).abs());
    let squares = sorted.iter().map(|value| deviation(*value) / unit).map(|share| share * share);
    Some((mean, unit * (exact_sum(squares) / n).sqrt()))
}

impl CategoricalBaseline {
    /// Freezes the distribution of categories.
    pub(crate) fn freeze(sample: &CategorySample) -> Self {
        let mut order: Vec<(&String, u64)> =
            sample.counts().iter().map(|(category, count)| (category, *count)).collect();
        order.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
        let rest = order.split_off(order.len().min(CATEGORIES_MAX));
        order.sort_by(|left, right| left.0.cmp(right.0));
        let listed = |(category, count): (&String, u64)| CategoryCount { category: category.clone(), count };
        Self {
            categories: order.into_iter().map(listed).collect(),
            other_categories: rest.len() as u64,
            other: rest.iter().fold(0, |rows, (_, count)| rows.saturating_add(*count)),
        }
    }

    /// The categories that are listed, with their rows.
    pub(crate) fn listed(&self) -> BTreeMap<&str, u64> {
        self.categories.iter().map(|entry| (entry.category.as_str(), entry.count)).collect()
    }

    fn check(&self) -> Result<u64, String> {
        let next = self.categories.iter().skip(1);
        if self.categories.iter().zip(next).any(|(left, right)| left.category >= right.category) {
            return Err("the categories are not in order, or one is there twice".to_owned());
        }
        let fewest = self.categories.iter().map(|entry| entry.count).min();
        if fewest == Some(0) {
            return Err("a category has no rows".to_owned());
        }
        if self.categories.len() > CATEGORIES_MAX {
            return Err(format!("more than {CATEGORIES_MAX} categories are listed"));
        }
        let most_of_others = u128::from(fewest.unwrap_or(0)) * u128::from(self.other_categories);
        let others_agree = self.other >= self.other_categories && u128::from(self.other) <= most_of_others;
        if !others_agree || (self.other_categories > 0 && self.categories.len() < CATEGORIES_MAX) {
            return Err("the other categories do not agree with those that are listed".to_owned());
        }
        total(self.categories.iter().map(|entry| entry.count).chain([self.other]))
    }
}

impl BaselineColumn {
    /// Rows of the column, missing values included.
    pub(crate) fn rows(&self) -> u64 {
        let values = match &self.values {
            BaselineValues::Numeric(numbers) => numbers.values(),
            BaselineValues::Categorical(categories) => {
                categories.categories.iter().fold(categories.other, |rows, entry| rows.saturating_add(entry.count))
            }
            BaselineValues::Boolean(values) => values.no.saturating_add(values.yes),
        };
        values.saturating_add(self.missing)
    }
}
