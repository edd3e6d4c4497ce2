//! WhyLabs' monitoring configuration (analyzers that find anomalies, and monitors that tell of them), and the constraints
//! of whylogs 0. Those of whylogs 1 are written in Python, and have no file.

use std::collections::{BTreeMap, BTreeSet};

use super::cron;
use super::cursor::{Cursor, short};
use super::kinds::guessed;
use super::{Found, KindBasis, Signal, SignalKind, listed};
use crate::document::Document;
use crate::problem::Problem;

/// Metrics of the distribution of a column: compared with what they were, they show a drift.
const DISTRIBUTION: [&str; 7] = ["max", "mean", "median", "min", "quantile_", "stddev", "variance"];

/// Metrics of whether there is data, and of which kind.
const QUALITY: [&str; 10] = [
    "column_list",
    "column_row_count_sum",
    "count",
    "frequent_items",
    "inferred_data_type",
    "input.count",
    "missingDatapoint",
    "output.count",
    "secondsSinceLastUpload",
    "shape_",
];

/// Comparisons of a constraint, and the one that raises the alarm when it does not hold.
const OPERATORS: [(&str, &str); 6] = [("LT", ">="), ("LE", ">"), ("EQ", "!="), ("NE", "=="), ("GE", "<"), ("GT", "<=")];

/// Comparisons of a constraint with something else than a number.
const OTHERS: [&str; 10] =
    ["MATCH", "NOMATCH", "IN_SET", "CONTAIN_SET", "EQ_SET", "APPLY_FUNC", "IN", "CONTAIN", "NOT_IN", "SUM"];

/// The signals of a file.
///
/// # Errors
/// Every problem: neither analyzers nor constraints, a threshold that is no number, a comparison that is not known.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let (mut found, mut problems) = (Found::default(), Vec::new());
    if let Some(analyzers) = root.get("analyzers") {
        let configuration = Configuration::new(&root, &analyzers);
        for analyzer in analyzers.items() {
            configuration.signals(&analyzer, &mut found, &mut problems);
        }
    }
    for key in ["valueConstraints", "summaryConstraints"] {
        for (column, of_column) in root.get(key).map(|all| all.entries()).unwrap_or_default() {
            for constraint in of_column.items_of("constraints") {
                constrained(&short(column), &constraint, &mut found, &mut problems);
            }
        }
    }
    for constraint in root.get("tableShapeConstraints").map(|all| all.items_of("constraints")).unwrap_or_default() {
        constrained("table", &constraint, &mut found, &mut problems);
    }
    if found.is_empty() && problems.is_empty() {
        let message = "there are neither analyzers nor constraints";
        let hint = "name a monitoring configuration of WhyLabs, or the constraints of whylogs 0 in JSON";
        problems.push(root.problem("not-alerts", message, hint));
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// What tells of anomalies.
#[derive(Default)]
struct Monitor {
    route: Option<String>,
    severity: Option<String>,
    disabled: bool,
}

/// What all analyzers of a file have in common.
struct Configuration {
    /// Seconds of a batch of data.
    batch: Option<u64>,
    /// Columns that are predictions.
    outputs: BTreeSet<String>,
    monitors: Vec<Monitor>,
    /// Monitors of each analyzer, by their place.
    monitored: BTreeMap<String, Vec<usize>>,
    /// Analyzers that join others, by the others.
    joined: BTreeMap<String, Vec<String>>,
}

impl Configuration {
    fn new(root: &Cursor<'_>, analyzers: &Cursor<'_>) -> Self {
        let columns = root.path(&["entitySchema", "columns"]).map(|columns| columns.entries()).unwrap_or_default();
        let is_output = |column: &Cursor<'_>| column.text_of("classifier").as_deref() == Some("output");
        let mut configuration = Self {
            batch: root.text_of("granularity").as_deref().and_then(cadence),
            outputs: columns
                .iter()
                .filter(|(_, column)| is_output(column))
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            monitors: Vec::new(),
            monitored: BTreeMap::new(),
            joined: BTreeMap::new(),
        };
        for monitor in root.items_of("monitors") {
            for analyzer in monitor.texts_of("analyzerIds") {
                configuration.monitored.entry(analyzer).or_default().push(configuration.monitors.len());
            }
            let actions = monitor.items_of("actions");
            configuration.monitors.push(Monitor {
                route: listed(actions.iter().filter_map(|action| action.text_of("target"))),
                severity: monitor.short_of("severity"),
                disabled: monitor.is_true("disabled").unwrap_or_default(),
            });
        }
        for analyzer in analyzers.items().iter().filter(|analyzer| why_disabled(analyzer).is_none()) {
            let Some(config) = analyzer.get("config").filter(joins) else { continue };
            for member in config.texts_of("analyzerIds") {
                configuration.joined.entry(member).or_default().extend(analyzer.text_of("id"));
            }
        }
        configuration
    }

    /// The monitors of an analyzer, and of those that join it with others.
    fn monitors(&self, id: &str) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::from([id]), vec![id]);
        let mut monitors = BTreeSet::new();
        while let Some(id) = open.pop() {
            monitors.extend(self.monitored.get(id).into_iter().flatten().copied());
            let above = self.joined.get(id).into_iter().flatten();
            open.extend(above.map(String::as_str).filter(|above| seen.insert(above)));
        }
        monitors
    }

    /// The signals of an analyzer. One that joins others has none of its own: its members tell through it.
    fn signals(&self, analyzer: &Cursor<'_>, found: &mut Found, problems: &mut Vec<Problem>) {
        let (Some(id), Some(config)) = (analyzer.text_of("id"), analyzer.get("config")) else {
            problems.push(analyzer.problem("missing-name", "an analyzer lacks its `id` or `config`", "give it both"));
            return;
        };
        if joins(&config) {
            return;
        }
        let monitors: Vec<_> = self.monitors(&id).iter().filter_map(|index| self.monitors.get(*index)).collect();
        let active: Vec<_> = monitors.iter().filter(|monitor| !monitor.disabled).collect();
        let told: BTreeSet<_> = active.iter().filter_map(|monitor| monitor.route.clone()).collect();
        let severities: BTreeSet<_> = active.iter().filter_map(|monitor| monitor.severity.clone()).collect();
        let silent = (!monitors.is_empty() && active.is_empty()).then_some("its monitor is not enabled");
        let inactive = why_disabled(analyzer).or(silent);
        let metric = config.short_of("metric").unwrap_or_default();
        let matrix = analyzer.get("targetMatrix");
        let columns = matrix.map(|matrix| matrix.texts_of("include")).unwrap_or_default();
        let metrics: Vec<_> = if columns.is_empty() {
            vec![metric.clone()]
        } else {
            columns.iter().map(|column| format!("{column}.{metric}")).collect()
        };
        let common = Signal {
            metrics,
            window_seconds: self.window(&config),
            interval_seconds: analyzer.get("schedule").and_then(|schedule| interval(&schedule)),
            severity: listed(severities),
            route: listed(told),
            ..Signal::new(id, self.kind(&config, &metric, &columns), analyzer.source())
        };
        for (operator, threshold, expression) in bounds(&config, &metric, problems) {
            let operator = operator.map(str::to_owned);
            found.push((Some(Signal { operator, threshold, expression, ..common.clone() }), inactive));
        }
    }

    /// Seconds that a condition looks back over: one batch, or those that it is compared with.
    fn window(&self, config: &Cursor<'_>) -> Option<u64> {
        let baseline = config.get("baseline");
        let size = baseline.and_then(|baseline| baseline.get("size")?.value().as_u64()).unwrap_or(1);
        self.batch.map(|batch| batch.saturating_mul(size))
    }

    fn kind(&self, config: &Cursor<'_>, metric: &str, columns: &[String]) -> (SignalKind, KindBasis) {
        let way = config.text_of("type").unwrap_or_default();
        let starts = |names: &[&str]| names.iter().any(|name| metric.starts_with(name));
        let is_output = |column: &String| column == "group:output" || self.outputs.contains(column);
        if let (SignalKind::Safety, basis) = guessed(columns.iter().map(String::as_str)) {
            return (SignalKind::Safety, basis);
        }
        let compares = matches!(way.as_str(), "stddev" | "seasonal" | "diff");
        if way == "drift" || (compares && starts(&DISTRIBUTION)) {
            let is_output = !columns.is_empty() && columns.iter().all(is_output);
            let kind = if is_output { SignalKind::PredictionDrift } else { SignalKind::DataDrift };
            return (kind, KindBasis::Declared);
        }
        if starts(&["classification.", "regression."]) {
            return (SignalKind::Performance, KindBasis::Declared);
        }
        if starts(&QUALITY) || starts(&DISTRIBUTION) || starts(&["unique_"]) {
            return (SignalKind::DataQuality, KindBasis::Declared);
        }
        guessed(std::iter::once(metric))
    }
}

/// Whether an analyzer joins others, so that it finds something when all or any of them do.
fn joins(config: &Cursor<'_>) -> bool {
    matches!(config.text_of("type").as_deref(), Some("conjunction" | "disjunction"))
}

/// Why an analyzer does not run, if it does not.
fn why_disabled(analyzer: &Cursor<'_>) -> Option<&'static str> {
    match (analyzer.is_true("disabled"), analyzer.get("schedule")) {
        (Some(true), _) => Some("the analyzer is not enabled"),
        (_, None) => Some("the analyzer has no schedule"),
        _ => None,
    }
}

/// What a condition compares with: an operator, a number, and the condition in words.
type Bound = (Option<&'static str>, Option<f64>, String);

/// The bounds of an analyzer. Those that WhyLabs works out of a baseline are null.
fn bounds(config: &Cursor<'_>, metric: &str, problems: &mut Vec<Problem>) -> Vec<Bound> {
    let way = config.text_of("type").unwrap_or_default();
    let side = config.text_of("thresholdType").map(|side| format!(" ({side})")).unwrap_or_default();
    match way.as_str() {
        "fixed" => {
            let ends = [("<", config.number_of("lower", problems)), (">", config.number_of("upper", problems))];
            let bound = |(operator, end): (&'static str, Option<f64>)| {
                let end = end?;
                Some((Some(operator), Some(end), format!("{metric} {operator} {end}")))
            };
            let bounds: Vec<_> = ends.into_iter().filter_map(bound).collect();
            if bounds.is_empty() {
                let message = "a fixed threshold has neither `upper` nor `lower`";
                problems.push(config.problem("missing-threshold", message, "write one of them"));
            }
            bounds
        }
        "drift" => {
            let threshold = config.number_of("threshold", problems).unwrap_or(0.7);
            let algorithm = config.text_of("algorithm").unwrap_or_else(|| "hellinger".to_owned());
            vec![(Some(">"), Some(threshold), format!("{algorithm} distance of {metric} > {threshold}"))]
        }
        "diff" => {
            let threshold = config.number_of("threshold", problems);
            let unit = if config.text_of("mode").as_deref() == Some("pct") { " %" } else { "" };
            let text = threshold.map(|threshold| threshold.to_string()).unwrap_or_default();
            vec![(Some(">"), threshold, format!("difference of {metric} from the baseline{side} > {text}{unit}"))]
        }
        "stddev" => {
            let factor = config.text_of("factor").unwrap_or_else(|| "3".to_owned());
            vec![(None, None, format!("{metric} beyond {factor} standard deviations of the baseline{side}"))]
        }
        other => {
            let operator = config.text_of("operator").map(|operator| format!(" ({operator})")).unwrap_or_default();
            vec![(None, None, format!("{metric} beyond what {other}{operator}{side} expects"))]
        }
    }
}

/// Seconds between two runs.
fn interval(schedule: &Cursor<'_>) -> Option<u64> {
    match schedule.text_of("cadence") {
        Some(name) => cadence(&name),
        None => cron::seconds_between(&schedule.text_of("cron")?),
    }
}

fn cadence(name: &str) -> Option<u64> {
    match name {
        "hourly" => Some(3_600),
        "daily" => Some(86_400),
        "weekly" => Some(604_800),
        "monthly" => Some(2_592_000),
        _ => None,
    }
}

/// The signals of a constraint: of what it says the opposite.
fn constrained(column: &str, constraint: &Cursor<'_>, found: &mut Found, problems: &mut Vec<Problem>) {
    let field = constraint.text_of("firstField");
    let metric = field.as_ref().map_or_else(|| column.to_owned(), |field| format!("{column}.{field}"));
    let text = constraint.text_of("op").unwrap_or_default();
    let operator = OPERATORS.iter().find(|(known, _)| *known == text).map(|(_, operator)| *operator);
    let bounds: Vec<Bound> = match (operator, text.as_str()) {
        (Some(operator), _) => {
            let threshold = constraint.number_of("value", problems);
            let other = constraint.first_text(&["secondField", "valueStr"]);
            let text = threshold.map(|threshold| threshold.to_string()).or(other).unwrap_or_default();
            vec![(Some(operator), threshold, format!("{metric} {operator} {text}"))]
        }
        (None, "BTWN") => {
            let between = constraint.get("between");
            let between = between.as_ref();
            let mut end = |key: &str, operator: &'static str| {
                let threshold = between.and_then(|between| between.number_of(key, problems));
                let text = threshold.map(|threshold| threshold.to_string()).unwrap_or_default();
                (Some(operator), threshold, format!("{metric} {operator} {text}"))
            };
            vec![end("lowerValue", "<"), end("upperValue", ">")]
        }
        (None, other) if OTHERS.contains(&other) => vec![(None, None, format!("{metric} does not pass {other}"))],
        (None, other) => {
            let message = format!("the comparison `{other}` is not known");
            problems.push(constraint.problem("unknown-operator", message, "write one such as `GE`"));
            return;
        }
    };
    // Tests of whether two distributions are the same.
    let is_drift =
        field.is_some_and(|field| ["ks_test", "kl_divergence", "chi_squared_test"].contains(&field.as_str()));
    let kind = if is_drift { SignalKind::DataDrift } else { SignalKind::DataQuality };
    for (operator, threshold, expression) in bounds {
        let signal = Signal {
            metrics: vec![metric.clone()],
            expression,
            operator: operator.map(str::to_owned),
            threshold,
            ..Signal::new(
                constraint.text_of("name").unwrap_or_else(|| metric.clone()),
                (kind, KindBasis::Declared),
                constraint.source(),
            )
        };
        found.push((Some(signal), None));
    }
}
