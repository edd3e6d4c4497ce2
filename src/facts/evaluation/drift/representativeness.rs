//! Whether the segments of a population are in the rows as they were declared.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::exact_sum::exact_sum;
use super::super::interval::{Z, interval};
use super::super::metric::{Interval, Metric, MetricStatus};
use super::cells::{ALPHA, CellKind, EMPTY_SHARE, ReplacedCell, Side, variance_of_mean};
use super::sample::CategorySample;
use super::{chi_squared, share, undefined};

const INDEX: &str = "segment_stability_index";
const BOUND: &str = "segment_stability_bound";
const COVERED: &str = "covered_segments";
const UNDECLARED: &str = "undeclared_segments";
/// How far the declared shares may be from one in all: they are written in decimals.
const TOLERANCE: f64 = 1e-6;

/// The rows beside the population that was declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Representativeness {
    /// The column of segments.
    pub column: String,
    /// Population stability index of the rows' segments against the declared shares. Rows of a segment that was not
    /// declared are a cell, and so are rows without one; both were declared to be empty.
    pub population_stability_index: Metric,
    /// What that index exceeds with a probability of 5 % though the rows are drawn from the declared population.
    pub population_stability_bound: Metric,
    /// The cells that are empty on one side, for which the index takes a share of 0.0001. The reference is what was
    /// declared.
    pub replaced_cells: Vec<ReplacedCell>,
    /// Share of the segments with a declared share above 0 that have rows.
    pub covered_segments: Metric,
    /// Share of rows in no declared segment, those without a segment included.
    pub undeclared_segments: Metric,
    /// Each declared segment, in the order of names.
    pub segments: Vec<SegmentShare>,
}

/// A segment of the population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentShare {
    /// The segment.
    pub segment: String,
    /// The share of it that was declared.
    pub target: f64,
    /// Its share of the rows.
    pub share: Metric,
}

/// A cell with its rows and the share that was declared.
struct Cell<'a> {
    kind: CellKind,
    name: &'a str,
    rows: u64,
    target: f64,
}

/// Compares the segments of rows with the declared shares of the population, which are in [0, 1] and add up to 1 within
/// 1e-6; they are taken as they are. Other shares are an error.
pub(crate) fn representativeness(
    column: &str,
    rows: &CategorySample,
    targets: &BTreeMap<String, f64>,
) -> Representativeness {
    let n = rows.rows();
    let declared = |segment: &str| rows.counts().get(segment).copied().unwrap_or(0);
    let segments = targets.iter().map(|(segment, target)| SegmentShare {
        segment: segment.clone(),
        target: *target,
        share: share("segment_share", declared(segment), n),
    });
    let in_segments = targets.keys().fold(0_u64, |sum, segment| sum.saturating_add(declared(segment)));
    let expected: Vec<&String> = targets.iter().filter(|(_, target)| **target > 0.0).map(|(name, _)| name).collect();
    let covered = expected.iter().filter(|segment| declared(segment) > 0).count() as u64;
    let mut result = Representativeness {
        column: column.to_owned(),
        population_stability_index: undefined(INDEX, n, "there are no rows"),
        population_stability_bound: undefined(BOUND, n, "there are no rows"),
        replaced_cells: Vec::new(),
        covered_segments: covered_share(covered, expected.len() as u64),
        undeclared_segments: share(UNDECLARED, n - in_segments.min(n), n),
        segments: segments.collect(),
    };
    if let Err(reason) = check(targets) {
        let error = |key: &str| Metric::keyed_without(key, MetricStatus::Error, n, reason.clone());
        return Representativeness {
            population_stability_index: error(INDEX),
            population_stability_bound: error(BOUND),
            covered_segments: error(COVERED),
            segments: Vec::new(),
            ..result
        };
    }
    if n == 0 {
        return result;
    }
    let missing = rows.missing();
    let new = n.saturating_sub(in_segments).saturating_sub(missing);
    let named = targets.iter().map(|(segment, target)| Cell {
        kind: CellKind::Category,
        name: segment,
        rows: declared(segment),
        target: *target,
    });
    let unnamed = [(CellKind::New, new), (CellKind::Missing, missing)];
    let unnamed = unnamed.map(|(kind, rows)| Cell { kind, name: "", rows, target: 0.0 });
    let cells: Vec<Cell<'_>> = named.chain(unnamed).filter(|cell| cell.rows > 0 || cell.target > 0.0).collect();
    result.replaced_cells = cells.iter().filter_map(replaced).collect();
    result.population_stability_index = index(&cells, n);
    result.population_stability_bound = bound(&cells, n);
    result
}

fn check(targets: &BTreeMap<String, f64>) -> Result<(), String> {
    if targets.is_empty() {
        return Err("no segments are declared".to_owned());
    }
    if let Some((segment, target)) = targets.iter().find(|(_, target)| !(0.0..=1.0).contains(*target)) {
        return Err(format!("the share of the segment {segment:?}, {target:?}, is not between 0 and 1"));
    }
    let sum = exact_sum(targets.values().copied());
    if (sum - 1.0).abs() > TOLERANCE {
        return Err(format!("the declared shares add up to {sum:?} instead of 1"));
    }
    Ok(())
}

fn covered_share(covered: u64, segments: u64) -> Metric {
    if segments == 0 {
        return undefined(COVERED, 0, "no segment has a declared share above 0");
    }
    let reason = "the segments are all there are, and no sample".to_owned();
    let metric = Metric::keyed(COVERED, covered as f64 / segments as f64, segments, Err(reason));
    Metric { numerator: Some(covered), ..metric }
}

fn replaced(cell: &Cell<'_>) -> Option<ReplacedCell> {
    let empty = match (cell.rows > 0, cell.target > 0.0) {
        (true, false) => Side::Reference,
        (false, true) => Side::Current,
        _ => return None,
    };
    Some(ReplacedCell { kind: cell.kind, name: cell.name.to_owned(), empty })
}

/// Σ(a − e)·ln(a/e), with an interval as for the index between two samples; the declared shares have no variance.
fn index(cells: &[Cell<'_>], n: u64) -> Metric {
    let shares = |cell: &Cell<'_>| {
        let a = if cell.rows == 0 { EMPTY_SHARE } else { cell.rows as f64 / n as f64 };
        let e = if cell.target > 0.0 { cell.target } else { EMPTY_SHARE };
        (a, e)
    };
    let term = |cell: &Cell<'_>| {
        let (a, e) = shares(cell);
        let difference = a - e;
        let logarithm = if difference.abs() < e / 2.0 { libm::log1p(difference / e) } else { libm::log(a / e) };
        difference * logarithm
    };
    let value = exact_sum(cells.iter().map(term));
    let slope = |cell: &Cell<'_>| {
        let (a, e) = shares(cell);
        (cell.rows, libm::log(a / e) - e / a)
    };
    let ends = || -> Result<Interval, String> {
        if cells.iter().any(|cell| replaced(cell).is_some()) {
            return Err("a cell is empty on one side, and its share was replaced".to_owned());
        }
        let variance = variance_of_mean(cells.iter().map(slope), n);
        let bias = (cells.len() as f64 - 1.0) / n as f64;
        let half = Z * variance.sqrt();
        let ends = interval((value - bias - half).max(0.0), value + half, "delta").filter(|_| variance > 1e-30);
        ends.ok_or_else(|| "the estimate of its variance is 0, which says nothing".to_owned())
    };
    Metric::keyed(INDEX, value, n, ends())
}

/// χ²(B − 1; 1 − α)/N
fn bound(cells: &[Cell<'_>], n: u64) -> Metric {
    match (cells.len() as u64).saturating_sub(1) {
        0 => undefined(BOUND, n, "there is one segment"),
        freedom => {
            let value = chi_squared::upper_quantile(ALPHA, freedom) / n as f64;
            Metric::keyed(BOUND, value, n, Err("a critical value has no interval".to_owned()))
        }
    }
}
