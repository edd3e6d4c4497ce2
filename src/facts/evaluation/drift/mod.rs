//! How far the rows of an evaluation are from those of a reference, column by column.
//!
//! The reference is another sample or a frozen [`Baseline`]; distances over bins and categories are the same with
//! either. A test's probability says whether anything has moved at all, which with many rows it always has: decide by
//! distances.

pub mod baseline;
pub mod cells;
mod chi_squared;
mod ordered;
pub mod representativeness;
mod sample;
mod smirnov;
#[cfg(test)]
mod tests;

use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use baseline::Baseline;
use baseline::{BaselineColumn, BaselineValues, CategoricalBaseline, NumericBaseline, bin_counts};
use cells::{Cell, Cells, NO_TEST_INTERVAL};
pub use cells::{CellKind, ReplacedCell, Side};
use ordered::Distance;
pub use representativeness::Representativeness;
pub(crate) use sample::{BooleanSample, CategorySample, ColumnSample, NumericSample};

use super::interval::{Proportion, interval, newcombe, wilson};
use super::metric::{Metric, MetricStatus};
use smirnov::PValue;

/// Keys of what only one kind of column has.
const KOLMOGOROV_SMIRNOV: &str = "two_sample_kolmogorov_smirnov";
const EXACT_P_VALUE: &str = "two_sample_kolmogorov_smirnov_exact_p_value";
const ASYMPTOTIC_P_VALUE: &str = "two_sample_kolmogorov_smirnov_asymptotic_p_value";
const WASSERSTEIN: &str = "wasserstein_1";
const NORMALISED_WASSERSTEIN: &str = "wasserstein_1_over_reference_deviation";
const OUTSIDE_RANGE: &str = "outside_reference_range";
const NEW_CATEGORIES: &str = "new_categories";
const MISSING_SHARE_DIFFERENCE: &str = "missing_share_difference";

/// Keys of what is computed from cells.
const OF_CELLS: [&str; 8] = [
    "population_stability_index",
    "population_stability_bound",
    "jensen_shannon_divergence_base_2",
    "jensen_shannon_distance_base_2",
    "total_variation",
    "two_sample_chi_squared",
    "two_sample_chi_squared_p_value",
    "cramers_v_bias_corrected",
];

/// How far one column is from that of the reference. `n` of each metric is the rows of the
/// evaluation that it rests on.
///
/// Cells are what both sides are counted in. Of numbers they are the bins between the unique deciles of the
/// reference, (−∞, q₁], …, (q₉, ∞), or between its values where these are ten at most; of categories they are those of the reference, the 1000 most frequent ones and the
/// rest together if there are more, and all new ones together. Rows without a value are a cell. Cells that are
/// empty on both sides do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnDrift {
    /// The column.
    pub column: String,
    /// Rows of the reference.
    pub reference_rows: u64,
    /// Rows of the reference without a value.
    pub reference_missing: u64,
    /// Population stability index over the cells.
    pub population_stability_index: Metric,
    /// What that index exceeds with a probability of 5 % though nothing has moved: between samples of these sizes an
    /// index below it says nothing.
    pub population_stability_bound: Metric,
    /// The cells that are empty on one side, for which the index takes a share of 0.0001.
    pub replaced_cells: Vec<ReplacedCell>,
    /// Jensen-Shannon divergence over the cells, in bits.
    pub jensen_shannon_divergence: Metric,
    /// Its square root, the Jensen-Shannon distance.
    pub jensen_shannon_distance: Metric,
    /// Total variation distance over the cells.
    pub total_variation: Metric,
    /// Pearson's χ² of homogeneity over the cells, both sides being samples.
    pub chi_squared: Metric,
    /// Its degrees of freedom: cells less one.
    pub chi_squared_degrees_of_freedom: u64,
    /// The probability of a statistic as large if nothing has moved. Not to be relied on where expected counts are
    /// below 5.
    pub chi_squared_p_value: Metric,
    /// The smallest expected count of the test; null without cells.
    pub smallest_expected_count: Option<f64>,
    /// Cramér's V over the cells, corrected for bias.
    pub cramers_v: Metric,
    /// Of numbers, the largest distance between the two distribution functions, without missing values.
    pub kolmogorov_smirnov: Metric,
    /// How much larger that distance can be at most, since a baseline keeps a grid of quantiles; 0 where it is exact.
    pub kolmogorov_smirnov_error: Option<f64>,
    /// The probability of such a distance if nothing has moved: exact up to 10 million pairs of values, then
    /// asymptotic, as the definition says. Ties make it conservative.
    pub kolmogorov_smirnov_p_value: Metric,
    /// Of numbers, the area between the two distribution functions (Wasserstein-1, earth mover's distance), in the unit of
    /// the column, without missing values.
    pub wasserstein: Metric,
    /// How far that area can be from the exact one, since a baseline keeps a grid of quantiles; 0 where it is exact.
    pub wasserstein_error: Option<f64>,
    /// That area in standard deviations of the reference.
    pub normalised_wasserstein: Metric,
    /// Of numbers, the share of rows below the smallest or above the largest value of the reference.
    pub outside_reference_range: Metric,
    /// Of categories, the share of rows with one that the reference does not have.
    pub new_categories: Metric,
    /// Share of missing values less that of the reference.
    pub missing_share_difference: Metric,
    /// Rows of both sides whose integer no double holds, and was rounded to the nearest one.
    pub rounded_values: u64,
}

/// What a column is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ColumnReference<'a> {
    /// All values of the reference.
    Sample(&'a ColumnSample),
    /// What was frozen of them.
    Frozen(&'a BaselineColumn),
}

/// How far `current` is from `reference`. Columns of different kinds are an error, in every metric.
pub(crate) fn column_drift(column: &str, reference: ColumnReference<'_>, current: &ColumnSample) -> ColumnDrift {
    let drift = match (reference, current) {
        (ColumnReference::Sample(ColumnSample::Numeric(reference)), ColumnSample::Numeric(current)) => {
            // Each is a walk over all values.
            let (frozen, distance) = thread::scope(|scope| {
                let rows = (reference.values(), current.values());
                let walk = move || ordered::distance((reference.points(), rows.0), (current.points(), rows.1));
                let distance = scope.spawn(walk);
                let frozen = NumericBaseline::freeze(reference);
                (frozen, distance.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            });
            frozen.map(|frozen| numeric_drift(column, &frozen, reference.missing(), Some(distance), current))
        }
        (ColumnReference::Frozen(frozen), ColumnSample::Numeric(current)) => match &frozen.values {
            BaselineValues::Numeric(numbers) => Ok(numeric_drift(column, numbers, frozen.missing, None, current)),
            BaselineValues::Categorical(_) | BaselineValues::Boolean(_) => Err(OTHER_KIND.to_owned()),
        },
        (ColumnReference::Sample(ColumnSample::Categorical(reference)), ColumnSample::Categorical(current)) => {
            Ok(categorical_sample_drift(column, reference, current))
        }
        (ColumnReference::Frozen(frozen), ColumnSample::Categorical(current)) => match &frozen.values {
            BaselineValues::Categorical(categories) => {
                Ok(categorical_drift(column, categories, frozen.missing, None, current))
            }
            BaselineValues::Numeric(_) | BaselineValues::Boolean(_) => Err(OTHER_KIND.to_owned()),
        },
        (ColumnReference::Sample(ColumnSample::Boolean(reference)), ColumnSample::Boolean(current)) => {
            Ok(categorical_sample_drift(column, &reference.categories(), &current.categories()))
        }
        (ColumnReference::Frozen(frozen), ColumnSample::Boolean(current)) => match frozen.values {
            BaselineValues::Boolean(values) => {
                let reference = BooleanSample { no: values.no, yes: values.yes, missing: frozen.missing };
                Ok(categorical_sample_drift(column, &reference.categories(), &current.categories()))
            }
            BaselineValues::Numeric(_) | BaselineValues::Categorical(_) => Err(OTHER_KIND.to_owned()),
        },
        (ColumnReference::Sample(_), _) => Err(OTHER_KIND.to_owned()),
    };
    drift.unwrap_or_else(|reason| {
        let (rows, missing) = match reference {
            ColumnReference::Sample(sample) => (sample.rows(), sample.missing()),
            ColumnReference::Frozen(frozen) => (frozen.rows(), frozen.missing),
        };
        ColumnDrift::without(column, (rows, missing), current.rows(), MetricStatus::Error, &reason)
    })
}

const OTHER_KIND: &str = "the column is of another kind than that of the reference";
const NO_ROWS: &str = "there are no rows";
const NO_REFERENCE_ROWS: &str = "the reference has no rows";
const NO_VALUES: &str = "all values of one side are missing";
const NOT_NUMBERS: &str = "the column holds categories, which have no order";
const NOT_CATEGORIES: &str = "the column holds numbers";

/// How far numbers are from the reference: from all of its values where their `distance` is known, or from its grid.
fn numeric_drift(
    column: &str,
    reference: &NumericBaseline,
    reference_missing: u64,
    distance: Option<Distance>,
    current: &NumericSample,
) -> ColumnDrift {
    let rows = (reference.values().saturating_add(reference_missing), reference_missing);
    if current.infinite() > 0 {
        let reason = format!("{} values are infinite", current.infinite());
        return ColumnDrift::without(column, rows, current.rows(), MetricStatus::Error, &reason);
    }
    let counts = bin_counts(&reference.edges, current.sorted());
    let bin = |(place, (reference_rows, rows)): (usize, (&u64, &u64))| Cell {
        kind: CellKind::Bin,
        name: bin_name(&reference.edges, place),
        reference: *reference_rows,
        current: *rows,
    };
    let mut cells: Vec<Cell> = reference.counts.iter().zip(&counts).enumerate().map(bin).collect();
    cells.push(Cell::unnamed(CellKind::Missing, reference_missing, current.missing()));
    let mut drift = ColumnDrift::of_cells(column, rows, (current.rows(), current.missing()), cells);
    drift.rounded_values = reference.rounded.saturating_add(current.rounded());
    drift.new_categories = undefined(NEW_CATEGORIES, current.rows(), NOT_CATEGORIES);
    drift.measure_ordered(reference, distance, current);
    drift
}

/// `(lower, upper]`
fn bin_name(edges: &[f64], place: usize) -> String {
    let edge =
        |place: Option<usize>, infinity: f64| place.and_then(|place| edges.get(place)).copied().unwrap_or(infinity);
    let (lower, upper) = (edge(place.checked_sub(1), f64::NEG_INFINITY), edge(Some(place), f64::INFINITY));
    if upper.is_finite() { format!("({lower:?}, {upper:?}]") } else { format!("({lower:?}, {upper:?})") }
}

fn categorical_sample_drift(column: &str, reference: &CategorySample, current: &CategorySample) -> ColumnDrift {
    let frozen = CategoricalBaseline::freeze(reference);
    categorical_drift(column, &frozen, reference.missing(), Some(reference), current)
}

/// How far categories are from the reference. `sample` says of categories that are not listed whether they are new.
fn categorical_drift(
    column: &str,
    reference: &CategoricalBaseline,
    reference_missing: u64,
    sample: Option<&CategorySample>,
    current: &CategorySample,
) -> ColumnDrift {
    let listed = reference.listed();
    let values = listed.values().fold(reference.other, |rows, count| rows.saturating_add(*count));
    let rows = (values.saturating_add(reference_missing), reference_missing);
    let mut cells: Vec<Cell> = (listed.iter())
        .map(|(category, count)| Cell {
            kind: CellKind::Category,
            name: (*category).to_owned(),
            reference: *count,
            current: current.counts().get(*category).copied().unwrap_or(0),
        })
        .collect();
    let total = |is_counted: &dyn Fn(&str) -> bool| {
        let counted = current.counts().iter().filter(|(category, _)| is_counted(category));
        counted.fold(0_u64, |rows, (_, count)| rows.saturating_add(*count))
    };
    let unlisted = total(&|category| !listed.contains_key(category));
    let new = match sample {
        Some(sample) => Some(total(&|category| !sample.counts().contains_key(category))),
        None => (reference.other_categories == 0 || unlisted == 0).then_some(unlisted),
    };
    let kind = if reference.other_categories == 0 { CellKind::New } else { CellKind::Other };
    cells.push(Cell::unnamed(kind, reference.other, unlisted));
    cells.push(Cell::unnamed(CellKind::Missing, reference_missing, current.missing()));
    let mut drift = ColumnDrift::of_cells(column, rows, (current.rows(), current.missing()), cells);
    drift.new_categories = match new {
        Some(new) => share(NEW_CATEGORIES, new, current.rows()),
        // An error and not undefined: a column may well have new categories, and is not to pass for one that has none.
        None => Metric::keyed_without(
            NEW_CATEGORIES,
            MetricStatus::Error,
            current.rows(),
            format!(
                "the baseline does not list all categories of the reference, and {unlisted} rows have one that is not \
                 listed"
            ),
        ),
    };
    drift
}

fn undefined(key: &str, n: u64, reason: &str) -> Metric {
    Metric::keyed_without(key, MetricStatus::Undefined, n, reason)
}

/// A share of rows with Wilson's interval.
fn share(key: &str, numerator: u64, rows: u64) -> Metric {
    let Some(ends) = wilson(numerator, rows) else {
        return undefined(key, rows, NO_ROWS);
    };
    let metric = Metric::keyed(key, numerator as f64 / rows as f64, rows, Ok(ends));
    Metric { numerator: Some(numerator), ..metric }
}

/// The share of missing rows less that of the reference, each given as rows and missing ones, with Newcombe's
/// interval.
fn missing_share_difference(reference: (u64, u64), current: (u64, u64)) -> Metric {
    let (Some(ours), Some(theirs)) = (Proportion::new(current.1, current.0), Proportion::new(reference.1, reference.0))
    else {
        return undefined(
            MISSING_SHARE_DIFFERENCE,
            current.0,
            if current.0 == 0 { NO_ROWS } else { NO_REFERENCE_ROWS },
        );
    };
    let ends = newcombe(&ours, &theirs).ok_or_else(|| "the interval leaves the range of numbers".to_owned());
    Metric::keyed(MISSING_SHARE_DIFFERENCE, ours.share - theirs.share, current.0, ends)
}

impl ColumnDrift {
    /// No metric has a value, for the same reason.
    fn without(column: &str, reference: (u64, u64), n: u64, status: MetricStatus, reason: &str) -> Self {
        let metric = |key: &str| Metric::keyed_without(key, status, n, reason);
        let [index, bound, divergence, distance, variation, statistic, p_value, cramers_v] = OF_CELLS.map(metric);
        Self {
            column: column.to_owned(),
            reference_rows: reference.0,
            reference_missing: reference.1,
            population_stability_index: index,
            population_stability_bound: bound,
            replaced_cells: Vec::new(),
            jensen_shannon_divergence: divergence,
            jensen_shannon_distance: distance,
            total_variation: variation,
            chi_squared: statistic,
            chi_squared_degrees_of_freedom: 0,
            chi_squared_p_value: p_value,
            smallest_expected_count: None,
            cramers_v,
            kolmogorov_smirnov: metric(KOLMOGOROV_SMIRNOV),
            kolmogorov_smirnov_error: None,
            kolmogorov_smirnov_p_value: metric(EXACT_P_VALUE),
            wasserstein: metric(WASSERSTEIN),
            wasserstein_error: None,
            normalised_wasserstein: metric(NORMALISED_WASSERSTEIN),
            outside_reference_range: metric(OUTSIDE_RANGE),
            new_categories: metric(NEW_CATEGORIES),
            missing_share_difference: metric(MISSING_SHARE_DIFFERENCE),
            rounded_values: 0,
        }
    }

    /// What the cells say. `reference` and `current` are rows, and those without a value. What only numbers have is
    /// undefined.
    fn of_cells(column: &str, reference: (u64, u64), current: (u64, u64), cells: Vec<Cell>) -> Self {
        let reason = if current.0 == 0 { NO_ROWS } else { NO_REFERENCE_ROWS };
        let mut drift = Self::without(column, reference, current.0, MetricStatus::Undefined, reason);
        drift.missing_share_difference = missing_share_difference(reference, current);
        for (metric, key) in [
            (&mut drift.kolmogorov_smirnov, KOLMOGOROV_SMIRNOV),
            (&mut drift.kolmogorov_smirnov_p_value, EXACT_P_VALUE),
            (&mut drift.wasserstein, WASSERSTEIN),
            (&mut drift.normalised_wasserstein, NORMALISED_WASSERSTEIN),
            (&mut drift.outside_reference_range, OUTSIDE_RANGE),
        ] {
            *metric = undefined(key, current.0, NOT_NUMBERS);
        }
        let Some(cells) = Cells::new(cells) else { return drift };
        let test = cells.chi_squared();
        let (divergence, distance) = cells.jensen_shannon();
        Self {
            population_stability_index: cells.population_stability_index(),
            population_stability_bound: cells.population_stability_bound(),
            replaced_cells: cells.replaced(),
            jensen_shannon_divergence: divergence,
            jensen_shannon_distance: distance,
            total_variation: cells.total_variation(),
            chi_squared: test.statistic,
            chi_squared_degrees_of_freedom: test.degrees_of_freedom,
            chi_squared_p_value: test.p_value,
            smallest_expected_count: Some(test.smallest_expected),
            cramers_v: test.cramers_v,
            ..drift
        }
    }

    /// Fills in what rests on the order of numbers.
    fn measure_ordered(&mut self, reference: &NumericBaseline, distance: Option<Distance>, current: &NumericSample) {
        let (n, m) = (current.values(), reference.values());
        self.outside_reference_range = match reference.minimum.zip(reference.maximum) {
            Some((minimum, maximum)) => {
                let below = current.sorted().partition_point(|value| *value < minimum) as u64;
                let through = current.sorted().partition_point(|value| *value <= maximum) as u64;
                share(OUTSIDE_RANGE, n - through + below, current.rows())
            }
            None => undefined(OUTSIDE_RANGE, current.rows(), "the reference has no values"),
        };
        if n == 0 || m == 0 {
            self.kolmogorov_smirnov = undefined(KOLMOGOROV_SMIRNOV, n, NO_VALUES);
            self.kolmogorov_smirnov_p_value = undefined(EXACT_P_VALUE, n, NO_VALUES);
            self.wasserstein = undefined(WASSERSTEIN, n, NO_VALUES);
            self.normalised_wasserstein = undefined(NORMALISED_WASSERSTEIN, n, NO_VALUES);
            return;
        }
        let distance = distance.unwrap_or_else(|| ordered::distance((reference.points(), m), (current.points(), n)));
        let pairs = (u128::from(n) * u128::from(m)) as f64;
        let value = distance.steps as f64 / pairs;
        let error = (distance.steps_max - distance.steps.min(distance.steps_max)) as f64 / pairs;
        // Both functions are within their band with a probability of 0.975 each (Massart, Annals of Probability 18, 1990).
        let band = |rows: u64| (libm::log(2.0 / 0.025) / 2.0 / rows as f64).sqrt();
        let half = band(n) + band(m);
        let ends = interval((value - half).max(0.0), (value + error + half).min(1.0), "dvoretzky-kiefer-wolfowitz");
        let ends = ends.ok_or_else(|| "the interval leaves the range of numbers".to_owned());
        self.kolmogorov_smirnov = Metric::keyed(KOLMOGOROV_SMIRNOV, value, n, ends);
        self.kolmogorov_smirnov_error = Some(error);
        let (key, p_value) = match smirnov::p_value(distance.steps, n, m) {
            PValue::Exact(p_value) => (EXACT_P_VALUE, p_value),
            PValue::Asymptotic(p_value) => (ASYMPTOTIC_P_VALUE, p_value),
        };
        self.kolmogorov_smirnov_p_value = Metric::keyed(key, p_value, n, Err(NO_TEST_INTERVAL.to_owned()));
        let no_interval = || Err("the area has no smooth variance where the distributions are the same".to_owned());
        self.wasserstein = Metric::keyed(WASSERSTEIN, distance.area, n, no_interval());
        self.wasserstein_error = Some(distance.area_error).filter(|error| error.is_finite());
        self.normalised_wasserstein = match reference.standard_deviation {
            Some(deviation) if deviation > 0.0 => {
                Metric::keyed(NORMALISED_WASSERSTEIN, distance.area / deviation, n, no_interval())
            }
            _ => undefined(NORMALISED_WASSERSTEIN, n, "all values of the reference are the same"),
        };
    }
}
