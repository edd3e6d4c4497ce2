//! One evaluation: its metrics, groups, comparisons and charts.

use serde::Serialize;

use super::chart::{Length, Plot, Scale, Strip};
use super::{Bounded, metric_name, words};
use crate::facts::evaluation::metric::MetricStatus;
use crate::facts::evaluation::reference::{ColumnDrift, DriftFacts};
use crate::facts::evaluation::{
    ClaimCheck, ClaimResult, EvaluationFacts, GroupComparison, Metric, MetricId, Metrics, RowCounts, Slice,
};
use crate::report::{compared, groups, number};

/// Groups that are listed.
const GROUPS_MAX: usize = 60;

/// Metrics of groups that are drawn beside each other.
const GROUP_METRICS_MAX: usize = 3;

/// Comparisons between groups that are listed.
const COMPARISONS_MAX: usize = 60;

/// Claims that are listed.
const CLAIMS_MAX: usize = 60;

/// Columns whose drift is drawn.
const DRIFT_MAX: usize = 20;

/// Rows of other tables.
const TABLE_ROWS_MAX: usize = 20;

/// Where drift by the population stability index is held to be moderate, and where large (Siddiqi, Credit Risk
/// Scorecards, 2006).
const DRIFT_MARKS: [f64; 2] = [0.1, 0.25];

/// One evaluation, for a page.
#[derive(Debug, Serialize)]
pub(in crate::report) struct EvaluationView {
    /// Unique in the page.
    id: String,
    name: String,
    task: String,
    rows_total: String,
    rows_valid: String,
    /// Rows that cannot be evaluated, by reason.
    invalid: Vec<InvalidView>,
    data_path: String,
    data_sha256: String,
    threshold: Option<String>,
    period: Option<String>,
    holdout: Option<String>,
    plots: Vec<Plot>,
    metrics: Vec<MetricView>,
    /// The few that are said where there is no room for all.
    headline: Vec<MetricView>,
    groups: Option<GroupsView>,
    comparisons: Bounded<ComparisonView>,
    claims: Bounded<ClaimView>,
    drift: Option<DriftView>,
    tables: Vec<TableView>,
}

#[derive(Debug, Serialize)]
struct InvalidView {
    reason: &'static str,
    rows: String,
}

/// A metric over all rows.
#[derive(Debug, Serialize)]
struct MetricView {
    name: String,
    key: &'static str,
    direction: Option<&'static str>,
    meaning: Option<&'static str>,
    value: String,
    interval: String,
    n: String,
    /// How the interval was computed, or why there is no value.
    note: String,
    strip: Option<Strip>,
}

/// Groups beside each other.
#[derive(Debug, Serialize)]
struct GroupsView {
    columns: Vec<GroupColumnView>,
    rows: Bounded<GroupView>,
}

#[derive(Debug, Serialize)]
struct GroupColumnView {
    name: String,
    /// Both ends of the strips' scale; none where nothing can be drawn.
    ends: Option<[String; 2]>,
}

#[derive(Debug, Serialize)]
struct GroupView {
    name: String,
    protected: bool,
    rows: String,
    cells: Vec<CellView>,
}

#[derive(Debug, Serialize)]
struct CellView {
    value: String,
    interval: String,
    strip: Option<Strip>,
}

#[derive(Debug, Serialize)]
struct ComparisonView {
    name: String,
    column: String,
    value: String,
    interval: String,
    lowest: String,
    highest: String,
    p_value: String,
}

#[derive(Debug, Serialize)]
struct ClaimView {
    metric: String,
    stated: String,
    recomputed: String,
    tolerance: String,
    mark: &'static str,
    word: &'static str,
    kind: &'static str,
    source: Option<String>,
}

#[derive(Debug, Serialize)]
struct DriftView {
    reference: String,
    reference_rows: String,
    columns: Bounded<DriftColumnView>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DriftColumnView {
    name: String,
    index: String,
    bound: String,
    kolmogorov_smirnov: String,
    new: String,
    missing: String,
    /// How far it has moved, in words.
    word: &'static str,
    bar: Option<Length>,
}

#[derive(Debug, Serialize)]
struct TableView {
    title: String,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl EvaluationView {
    /// The evaluation at this position of the page.
    pub(in crate::report) fn numbered((position, facts): (usize, &EvaluationFacts)) -> Self {
        let id = format!("evaluation-{}", position.saturating_add(1));
        let area = facts.metrics.get(MetricId::RocAuc);
        let tables = compared::tables_but_drift(facts, TABLE_ROWS_MAX).into_iter();
        Self {
            name: facts.name.clone(),
            task: words(&facts.task),
            rows_total: number::count(facts.rows.total),
            rows_valid: number::count(facts.rows.valid),
            invalid: invalid(&facts.rows),
            data_path: facts.data.path.clone(),
            data_sha256: facts.data.sha256.to_hex(),
            threshold: facts.threshold.map(|threshold| threshold.to_string()),
            period: facts.period.as_ref().map(|period| format!("{} to {}", period.from, period.to)),
            holdout: facts.holdout.as_ref().map(|holdout| {
                let tuned = if holdout.used_for_tuning { "used" } else { "not used" };
                format!("{} split, kept by {}, {tuned} for tuning", words(&holdout.split), holdout.custodian)
            }),
            plots: facts.curves.as_ref().map(|curves| Plot::all(curves, area, &id)).unwrap_or_default(),
            metrics: metrics(facts, groups::overall_metrics(facts.task)),
            headline: metrics(facts, groups::group_metrics(facts.task).to_vec()),
            groups: GroupsView::of(facts),
            comparisons: Bounded::first(facts.comparisons.iter().map(ComparisonView::of), COMPARISONS_MAX),
            claims: Bounded::first(facts.claims.iter().map(ClaimView::of), CLAIMS_MAX),
            drift: facts.drift.as_ref().map(DriftView::of),
            tables: tables
                .map(|compared::Table { title, header, rows, notes }| TableView { title, header, rows, notes })
                .collect(),
            id,
        }
    }
}

fn invalid(rows: &RowCounts) -> Vec<InvalidView> {
    let reasons = [
        ("without a label", Some(rows.label_missing)),
        ("with a label that is none of the declared ones", Some(rows.label_unknown)),
        ("without a score", Some(rows.score_missing)),
        ("with a score that is no number", Some(rows.score_not_finite)),
        ("with a score outside its range", Some(rows.score_out_of_range)),
        ("with an invalid weight", rows.weight_invalid),
        ("without a cluster or series", rows.cluster_missing),
        ("without an id", rows.id_missing),
        ("with an id that is there before", rows.id_duplicates),
    ];
    let counted = reasons.into_iter().filter_map(|(reason, rows)| Some((reason, rows.filter(|rows| *rows > 0)?)));
    counted.map(|(reason, rows)| InvalidView { reason, rows: number::count(rows) }).collect()
}

fn metrics(facts: &EvaluationFacts, ids: Vec<MetricId>) -> Vec<MetricView> {
    let found = ids.into_iter().filter_map(|id| Some((id, facts.metrics.get(id)?)));
    found
        .map(|(id, metric)| MetricView {
            name: metric_name::name(id),
            key: id.key(),
            direction: metric_name::direction(id),
            meaning: metric_name::meaning(id),
            value: groups::metric(metric),
            interval: groups::interval(metric),
            n: number::count(metric.n),
            note: note(metric),
            strip: Scale::UNIT.strip(metric, None),
        })
        .collect()
}

/// How the interval was computed, or why there is none.
fn note(metric: &Metric) -> String {
    match (metric.status, &metric.interval, &metric.reason) {
        (MetricStatus::Ok, Some(interval), _) => {
            format!(
                "{} %, {}",
                number::metric(interval.level * 100.0).trim_end_matches('0').trim_end_matches('.'),
                interval.method
            )
        }
        (_, _, Some(reason)) => reason.clone(),
        (_, _, None) => String::new(),
    }
}

impl GroupsView {
    fn of(facts: &EvaluationFacts) -> Option<Self> {
        // Protected groups are what people ask about first.
        let mut slices: Vec<&Slice> = facts.slices.iter().collect();
        slices.sort_by_key(|slice| !slice.protected);
        let has_value = |id: &MetricId| {
            slices.iter().any(|slice| slice.metrics.get(*id).is_some_and(|metric| metric.value.is_some()))
        };
        let ids: Vec<MetricId> =
            groups::group_metrics(facts.task).into_iter().filter(has_value).take(GROUP_METRICS_MAX).collect();
        let shown = || slices.iter().take(GROUPS_MAX);
        let scales: Vec<Option<Scale>> = ids
            .iter()
            .map(|id| {
                let metrics = shown().filter_map(|slice| slice.metrics.get(*id));
                Scale::around(metrics.chain(facts.metrics.get(*id)))
            })
            .collect();
        let cells = |metrics: &Metrics, is_whole: bool| {
            let drawn = ids.iter().zip(&scales);
            drawn
                .map(|(id, scale)| CellView::of(metrics.get(*id), *scale, facts.metrics.get(*id).filter(|_| !is_whole)))
                .collect()
        };
        let whole = GroupView {
            name: "All rows".to_owned(),
            protected: false,
            rows: number::count(facts.rows.total),
            cells: cells(&facts.metrics, true),
        };
        let group = |slice: &&Slice| GroupView {
            name: format!("{}: {}", slice.column, groups::group(slice)),
            protected: slice.protected,
            rows: number::count(slice.rows),
            cells: cells(&slice.metrics, false),
        };
        let rows = std::iter::once(whole).chain(slices.iter().map(group));
        let columns = ids.iter().zip(&scales);
        let columns =
            columns.map(|(id, scale)| GroupColumnView { name: metric_name::name(*id), ends: scale.map(Scale::ends) });
        (!slices.is_empty())
            .then(|| Self { columns: columns.collect(), rows: Bounded::first(rows, GROUPS_MAX.saturating_add(1)) })
    }
}

impl CellView {
    fn of(metric: Option<&Metric>, scale: Option<Scale>, reference: Option<&Metric>) -> Self {
        Self {
            value: metric.map(groups::metric).unwrap_or_default(),
            interval: metric.map(groups::interval).unwrap_or_default(),
            strip: metric.zip(scale).and_then(|(metric, scale)| scale.strip(metric, reference)),
        }
    }
}

impl ComparisonView {
    fn of(comparison: &GroupComparison) -> Self {
        let group = |name: &Option<String>| name.as_deref().map(groups::value).unwrap_or_default().to_owned();
        Self {
            name: comparison.comparison.key().replace('_', " "),
            column: comparison.column.clone(),
            value: groups::metric(&comparison.metric),
            interval: groups::interval(&comparison.metric),
            lowest: group(&comparison.lowest_group),
            highest: group(&comparison.highest_group),
            p_value: comparison.adjusted_p_value.map(number::metric).unwrap_or_default(),
        }
    }
}

impl ClaimView {
    fn of(claim: &ClaimCheck) -> Self {
        let (stated, recomputed) = groups::claim_values(claim);
        let (mark, word, kind) = match claim.result {
            ClaimResult::Confirmed => ("✓", "confirmed", "good"),
            ClaimResult::Contradicted => ("✗", "contradicted", "bad"),
            ClaimResult::Unverifiable => ("?", "cannot be verified", "caution"),
        };
        Self {
            metric: metric_name::name(claim.metric),
            stated,
            recomputed,
            tolerance: claim.tolerance.to_string(),
            mark,
            word,
            kind,
            source: claim.source.clone(),
        }
    }
}

impl DriftView {
    fn of(drift: &DriftFacts) -> Self {
        let columns = compared::drifted(drift);
        let index = |column: &ColumnDrift| column.population_stability_index.value;
        let values = columns.iter().filter_map(|(_, column)| index(column));
        let [moderate, large] = DRIFT_MARKS;
        // Both marks are always on the scale, so that a short bar reads as one.
        let most = values.fold(large * 1.2, f64::max);
        let column = |(name, column): &(&str, &ColumnDrift)| DriftColumnView {
            name: (*name).to_owned(),
            index: groups::metric(&column.population_stability_index),
            bound: groups::metric(&column.population_stability_bound),
            kolmogorov_smirnov: groups::metric(&column.kolmogorov_smirnov),
            new: groups::metric(&column.new_categories),
            missing: groups::metric(&column.missing_share_difference),
            word: match (index(column), column.population_stability_bound.value) {
                (None, _) => "not known",
                (Some(index), Some(bound)) if index <= bound => "within chance",
                (Some(index), _) if index >= large => "large",
                (Some(index), _) if index >= moderate => "moderate",
                (Some(_), _) => "small",
            },
            bar: Length::of(index(column), most, &DRIFT_MARKS),
        };
        Self {
            reference: drift.reference.clone(),
            reference_rows: number::count(drift.rows),
            columns: Bounded::first(columns.iter().map(column), DRIFT_MAX),
            notes: compared::not_drifted(drift),
        }
    }
}
