//! Evidently's tests: the configuration that `evidently report` runs (0.7), that of the collector service (0.4 to 0.6),
//! and snapshots of runs of both, which hold the tests that were run.
//!
//! A test says what has to hold; the alarm is its opposite. Nothing in these files says who is told.

use super::cursor::{Cursor, short};
use super::kinds::guessed;
use super::{Found, KindBasis, Signal, SignalKind};
use crate::document::Document;
use crate::problem::Problem;

/// What a metric or an older test watches, by words in the name of its type. The first that is contained counts.
const TYPES: [(&[&str], SignalKind); 4] = [
    (&["Drift"], SignalKind::DataDrift),
    // A model that always answers the same, and traits of recommendations that are neither good nor bad.
    (
        &["Dummy", "Bias", "Diversity", "Novelty", "Personalization", "Serendipity", "ScoreDistribution"],
        SignalKind::Unclassified,
    ),
    (
        &[
            "Accuracy",
            "Precision",
            "Recall",
            "F1",
            "FBeta",
            "RocAuc",
            "LogLoss",
            "TPR",
            "TNR",
            "FPR",
            "FNR",
            "MAE",
            "MAPE",
            "RMSE",
            "R2Score",
            "MeanError",
            "AbsMaxError",
            "NDCG",
            "MRR",
            "MAP",
            "MARK",
            "HitRate",
        ],
        SignalKind::Performance,
    ),
    (
        &[
            "Missing",
            "Empty",
            "Constant",
            "Duplicated",
            "Row",
            "Column",
            "Value",
            "Range",
            "List",
            "Unique",
            "Category",
            "Correlation",
            "Conflict",
            "Type",
            "Sigmas",
        ],
        SignalKind::DataQuality,
    ),
];

/// Statistical tests of drift whose result is a p-value, which drift makes small. Those that measure a distance grow.
const P_VALUES: [&str; 13] = [
    "anderson",
    "chisquare",
    "cramer_von_mises",
    "empirical_mmd",
    "es",
    "fisher_exact",
    "g_test",
    "ks",
    "mannw",
    "t_test",
    "TVD",
    "z",
    "perc_text_content_drift",
];

/// Tests of version 0.7, and the comparison that raises the alarm.
const TESTS: [(&str, &str); 6] = [
    ("GreaterOrEqualMetricTest", "<"),
    ("GreaterThanMetricTest", "<="),
    ("LessOrEqualMetricTest", ">"),
    ("LessThanMetricTest", ">="),
    ("EqualMetricTest", "!="),
    ("NotEqualMetricTest", "=="),
];

/// Conditions on columns of each row, and the comparison that raises the alarm.
const ROW_CONDITIONS: [(&str, &str); 6] = [
    ("GreaterEqualColumnCondition", "<"),
    ("GreaterColumnCondition", "<="),
    ("LessEqualColumnCondition", ">"),
    ("LessColumnCondition", ">="),
    ("EqualsColumnCondition", "!="),
    ("NotEqualsColumnCondition", "=="),
];

/// Conditions of older tests, and the comparison that raises the alarm.
const CONDITIONS: [(&str, &str); 6] =
    [("gte", "<"), ("gt", "<="), ("lte", ">"), ("lt", ">="), ("eq", "!="), ("not_eq", "==")];

/// The tests of a file.
///
/// # Errors
/// Every problem: no configuration or snapshot, one without a test, a threshold that is no number.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let mut reader =
        Reader { found: Found::default(), problems: Vec::new(), interval: None, owner: None, runbook: None };
    let is_known = if let Some(results) = root.get("metric_results") {
        reader.snapshot(&results);
        true
    } else if let Some(tests) = root.path(&["suite", "tests"]) {
        tests.items().iter().for_each(|test| reader.older(test));
        true
    } else if let Some(collectors) = root.get("collectors") {
        collectors.entries().iter().for_each(|(_, collector)| reader.collector(collector));
        true
    } else if root.get("report_config").is_some() {
        reader.collector(&root);
        true
    } else {
        reader.report(&root)
    };
    if !is_known {
        let hint = "name what `evidently report` or the collector service reads, or a snapshot";
        reader.problems.push(root.problem("not-alerts", "this is no configuration of Evidently", hint));
    } else if reader.found.is_empty() && reader.problems.is_empty() {
        let message = "no metric has a test, so that nothing raises an alarm";
        reader.problems.push(root.problem("not-alerts", message, "give metrics `tests`"));
    }
    if reader.problems.is_empty() { Ok(reader.found) } else { Err(reader.problems) }
}

struct Reader {
    found: Found,
    problems: Vec<Problem>,
    interval: Option<u64>,
    owner: Option<String>,
    runbook: Option<String>,
}

/// What a metric is called, and what of it is watched.
struct Subject {
    kind: (SignalKind, KindBasis),
    name: String,
}

impl Subject {
    /// Of a metric or an older test, with its column.
    fn new(metric: &Cursor<'_>) -> Self {
        let kind_text = type_of(metric);
        let kind_text = kind_text.strip_prefix("Test").unwrap_or(&kind_text);
        let column = ["column", "column_name", "metric"].iter().find_map(|key| {
            let column = metric.get(key)?;
            column.text().or_else(|| column.text_of("name")).map(|column| short(&column))
        });
        let known = TYPES.iter().find(|(words, _)| words.iter().any(|word| kind_text.contains(word)));
        let kind = match known {
            Some((_, SignalKind::Unclassified)) => (SignalKind::Unclassified, KindBasis::None),
            // Columns that judge texts are columns like others.
            Some((_, SignalKind::DataQuality)) => match guessed(column.as_deref().into_iter()) {
                (SignalKind::Safety, basis) => (SignalKind::Safety, basis),
                _ => (SignalKind::DataQuality, KindBasis::Declared),
            },
            Some((_, kind)) => (*kind, KindBasis::Declared),
            None => guessed(std::iter::once(kind_text)),
        };
        let name = column.map_or_else(|| kind_text.to_owned(), |column| format!("{column}.{kind_text}"));
        Self { kind, name }
    }

    fn of(&self, part: &str) -> String {
        if part.is_empty() { self.name.clone() } else { format!("{}.{part}", self.name) }
    }
}

/// The last part of a type: of `evidently:metric_v2:RocAuc`, or of a class with its module.
fn type_of(cursor: &Cursor<'_>) -> String {
    let text = cursor.short_of("type").unwrap_or_default();
    text.rsplit([':', '.']).next().unwrap_or_default().to_owned()
}

/// What raises an alarm: a comparison with a number, or something else.
struct Condition {
    operator: Option<&'static str>,
    threshold: Option<f64>,
    text: String,
}

impl Reader {
    fn push(&mut self, subject: &Subject, metric: &str, name: Option<String>, condition: Condition, test: &Cursor<'_>) {
        let is_critical = test.is_true("is_critical").unwrap_or(true);
        let signal = Signal {
            metrics: vec![metric.to_owned()],
            expression: format!("{metric} {}", condition.text),
            operator: condition.operator.map(str::to_owned),
            threshold: condition.threshold,
            interval_seconds: self.interval,
            severity: Some(if is_critical { "critical" } else { "warning" }.to_owned()),
            owner: self.owner.clone(),
            runbook: self.runbook.clone(),
            ..Signal::new(name.unwrap_or_else(|| metric.to_owned()), subject.kind, test.source())
        };
        self.found.push((Some(signal), None));
    }

    /// What a report runs; false where it is none.
    fn report(&mut self, root: &Cursor<'_>) -> bool {
        let (metrics, descriptors) = (root.get("metrics"), root.get("descriptors"));
        if metrics.is_none() && descriptors.is_none() {
            return false;
        }
        self.owned(root);
        let includes = root.is_true("include_tests").unwrap_or_default();
        for metric in metrics.map(|metrics| metrics.items()).unwrap_or_default() {
            let before = self.found.len();
            let subject = Subject::new(&metric);
            for (key, tests) in metric.entries() {
                if let Some(part) = key.strip_suffix("tests").filter(|_| key != "include_tests") {
                    self.tests(&subject, &metric, &subject.of(part.trim_end_matches('_')), &tests);
                }
            }
            if includes && self.found.len() == before && metric.is_true("include_tests").unwrap_or(true) {
                self.default(&subject, &metric);
            }
        }
        for descriptor in descriptors.map(|descriptors| descriptors.items()).unwrap_or_default() {
            let column = descriptor.short_of("alias").or_else(|| descriptor.short_of("column_name"));
            let column = column.unwrap_or_else(|| type_of(&descriptor));
            descriptor.items_of("tests").iter().for_each(|test| self.row_test(&column, test));
        }
        true
    }

    /// Tests of a metric: a list, or one for each label or part.
    fn tests(&mut self, subject: &Subject, metric: &Cursor<'_>, name: &str, tests: &Cursor<'_>) {
        if tests.get("type").is_some() {
            return self.test(subject, metric, name, tests);
        }
        tests.items().iter().for_each(|test| self.tests(subject, metric, name, test));
        for (label, tests) in tests.entries() {
            self.tests(subject, metric, &short(&format!("{name}.{label}")), &tests);
        }
    }

    fn test(&mut self, subject: &Subject, metric: &Cursor<'_>, name: &str, test: &Cursor<'_>) {
        let kind = type_of(test);
        let operator = TESTS.iter().find(|(known, _)| *known == kind).map(|(_, operator)| *operator);
        let condition = match (operator, kind.as_str()) {
            (Some(operator), _) => self.compared(operator, test),
            (None, "ValueDriftTest") => drifted(metric),
            (None, _) => {
                let values = test.get("values").map(|values| values.value().to_string()).unwrap_or_default();
                let text = format!("does not pass {kind} {values}");
                Some(Condition { operator: None, threshold: None, text: text.trim_end().to_owned() })
            }
        };
        if let Some(condition) = condition {
            self.push(subject, name, test.text_of("alias"), condition, test);
        }
    }

    /// A comparison with a number, or with what the reference has.
    fn compared(&mut self, operator: &'static str, test: &Cursor<'_>) -> Option<Condition> {
        let Some(bound) = test.first(&["threshold", "expected"]) else {
            self.problems.push(test.problem("not-a-number", "a test compares with nothing", "give it a `threshold`"));
            return None;
        };
        // Values of a column may be texts.
        let is_equality = matches!(operator, "!=" | "==");
        // `{value, relative, absolute}` is a number with a tolerance.
        let number = bound.number().or_else(|| bound.get("value")?.number());
        if number.is_none() && !bound.value().is_object() && !(bound.value().is_string() && is_equality) {
            self.problems.push(bound.problem("not-a-number", "the threshold of a test is no number", "write a number"));
            return None;
        }
        let text = match number {
            Some(number) => format!("{operator} {number}"),
            None => {
                format!("{operator} {}", bound.text().map_or_else(|| reference(&bound), |text| format!("{text:?}")))
            }
        };
        Some(Condition { operator: Some(operator), threshold: number, text })
    }

    /// The tests of drift that Evidently runs where none are written down. It has some for other metrics, but only for
    /// some of them and with a reference: they are not counted.
    fn default(&mut self, subject: &Subject, metric: &Cursor<'_>) {
        match type_of(metric).as_str() {
            "DataDriftPreset" | "DriftedColumnsCount" => {
                let threshold = metric.number_of("drift_share", &mut self.problems).unwrap_or(0.5);
                let condition =
                    Condition { operator: Some(">="), threshold: Some(threshold), text: format!(">= {threshold}") };
                self.push(subject, &subject.of("share"), None, condition, metric);
            }
            "ValueDrift" => {
                if let Some(condition) = drifted(metric) {
                    self.push(subject, &subject.name, None, condition, metric);
                }
            }
            _ => {}
        }
    }

    /// A test of each row.
    fn row_test(&mut self, column: &str, test: &Cursor<'_>) {
        let Some(condition) = test.get("condition") else { return };
        let kind = type_of(&condition);
        let operator = ROW_CONDITIONS.iter().find(|(known, _)| *known == kind).map(|(_, operator)| *operator);
        let column = test.text_of("column").unwrap_or_else(|| column.to_owned());
        let kind_of = match guessed(std::iter::once(column.as_str())) {
            (SignalKind::Safety, basis) => (SignalKind::Safety, basis),
            _ => (SignalKind::DataQuality, KindBasis::Declared),
        };
        let read = match operator {
            Some(operator) => self.compared(operator, &condition),
            None => Some(Condition { operator: None, threshold: None, text: format!("does not pass {kind}") }),
        };
        if let Some(read) = read {
            let subject = Subject { kind: kind_of, name: column.clone() };
            self.push(&subject, &column, test.text_of("alias"), read, test);
        }
    }

    /// The tests that a run of version 0.7 made.
    fn snapshot(&mut self, results: &Cursor<'_>) {
        for (_, result) in results.entries() {
            for made in result.items_of("tests") {
                let Some(metric) = made.path(&["metric_config", "params"]) else { continue };
                let subject = Subject::new(&metric);
                let bound = made.get("bound_test");
                let bound = bound.as_ref();
                let is = |key: &str, yes: &'static str, no: &'static str| {
                    Some(if bound?.is_true(key)? { yes } else { no }.to_owned())
                };
                let of = |key: &str| bound.and_then(|bound| bound.short_of(key));
                let part = is("is_count", "", "share").or_else(|| is("is_mean", "mean", "std"));
                let parts = [of("label"), part, of("slot"), of("column")];
                let part = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
                if let Some(test) = bound.and_then(|bound| bound.get("test")) {
                    self.test(&subject, &metric, &subject.of(&part), &test);
                }
            }
        }
    }

    /// What the collector service runs again and again.
    fn collector(&mut self, collector: &Cursor<'_>) {
        let trigger = collector.get("trigger");
        // Either alone, or beside a number of rows that makes it run earlier.
        let trigger = trigger.map(|trigger| trigger.get("interval_trigger").unwrap_or(trigger));
        self.interval = trigger.and_then(|trigger| trigger.seconds_of("interval", &mut self.problems));
        let Some(config) = collector.get("report_config") else { return };
        self.owned(&config);
        config.items_of("tests").iter().for_each(|test| self.older(test));
    }

    /// Who answers for a report, where its own words say so.
    fn owned(&mut self, report: &Cursor<'_>) {
        let words = report.get("metadata");
        let words = words.as_ref();
        self.owner = words.and_then(|words| words.short_of("owner").or_else(|| words.short_of("team")));
        self.runbook = words.and_then(|words| words.short_of("runbook_url").or_else(|| words.short_of("runbook")));
    }

    /// A test as versions before 0.7 have it: with its conditions in itself.
    fn older(&mut self, test: &Cursor<'_>) {
        let subject = Subject::new(test);
        let before = self.found.len() + self.problems.len();
        for (key, operator) in CONDITIONS {
            if let Some(bound) = test.get(key) {
                let number = bound.number().or_else(|| bound.get("value")?.number());
                let Some(number) = number else {
                    let message = format!("`{key}` is no number");
                    self.problems.push(bound.problem("not-a-number", message, "write a number"));
                    continue;
                };
                let condition = Condition {
                    operator: Some(operator),
                    threshold: Some(number),
                    text: format!("{operator} {number}"),
                };
                self.push(&subject, &subject.name, None, condition, test);
            }
        }
        for key in ["is_in", "not_in"] {
            if let Some(values) = test.get(key) {
                let text = format!("does not pass {key} {}", values.value());
                let condition = Condition { operator: None, threshold: None, text };
                self.push(&subject, &subject.name, None, condition, test);
            }
        }
        if self.found.len() + self.problems.len() == before {
            let condition = drifted(test).unwrap_or_else(|| Condition {
                operator: None,
                threshold: None,
                text: "is not what Evidently expects".to_owned(),
            });
            self.push(&subject, &subject.name, None, condition, test);
        }
    }
}

/// Where a drift is found, if the method and its bound are written down: a bound that Evidently chooses is null.
fn drifted(metric: &Cursor<'_>) -> Option<Condition> {
    let method = metric.short_of("method").or_else(|| metric.short_of("stattest"));
    let threshold = metric.first(&["threshold", "stattest_threshold"]).and_then(|bound| bound.number());
    if !type_of(metric).contains("Drift") {
        return None;
    }
    let operator = method.as_deref().map(|method| if P_VALUES.contains(&method) { "<" } else { ">=" });
    let text = match (method, operator, threshold) {
        (Some(method), Some(operator), Some(threshold)) => format!("by {method} {operator} {threshold}"),
        (Some(method), ..) => format!("by {method} beyond the threshold that Evidently chooses"),
        (None, _, Some(threshold)) => format!("by the method that Evidently chooses beyond {threshold}"),
        (None, _, None) => "by the method and beyond the threshold that Evidently chooses".to_owned(),
    };
    Some(Condition { operator, threshold, text })
}

/// A bound that is taken from the reference, with its tolerance.
fn reference(bound: &Cursor<'_>) -> String {
    let of = |key: &str| bound.get(key).and_then(|tolerance| tolerance.number());
    match (of("relative"), of("absolute")) {
        (Some(relative), _) => format!("the reference's (tolerance {relative} of it)"),
        (None, Some(absolute)) => format!("the reference's (tolerance {absolute})"),
        (None, None) => "the reference's".to_owned(),
    }
}
