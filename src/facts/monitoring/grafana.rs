//! Grafana's alert rules: provisioning files and exports, in YAML or JSON.

use super::cursor::Cursor;
use super::prometheus::{self, duration_seconds};
use super::{Found, Signal, classified};
use crate::document::Document;
use crate::problem::Problem;

/// Where the result of another query is compared, in the model of a query of the kind `__expr__`.
const EXPRESSIONS: [&str; 2] = ["__expr__", "-100"];

/// The rules of a file, in its order.
///
/// # Errors
/// Every problem: no groups of rules, a rule without a condition, a duration or a threshold that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let groups = root.items_of("groups");
    // The API gives single rules and lists of them.
    let single = if root.value().is_array() { root.items() } else { vec![root.clone()] };
    let single: Vec<_> = single.into_iter().filter(|rule| rule.get("condition").is_some()).collect();
    if groups.is_empty() && single.is_empty() {
        let message = "there are no groups of alert rules";
        return Err(vec![root.problem(
            "not-alerts",
            message,
            "name a file that Grafana exported or is provisioned with",
        )]);
    }
    let (mut found, mut problems) = (Found::default(), Vec::new());
    for group in &groups {
        let interval = seconds(group, "interval", &mut problems);
        for rule in group.items_of("rules") {
            found.push(rule_signal(&rule, interval, &mut problems));
        }
    }
    for rule in &single {
        found.push(rule_signal(rule, None, &mut problems));
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The signal that a rule is, and why it raises no alarm, if it does not.
fn rule_signal(
    rule: &Cursor<'_>,
    interval: Option<u64>,
    problems: &mut Vec<Problem>,
) -> (Option<Signal>, Option<&'static str>) {
    let Some(name) = rule.first_text(&["title", "name"]) else {
        problems.push(rule.problem("missing-name", "a rule has no `title`", "give each rule a title"));
        return (None, None);
    };
    let Some(condition) = rule.text_of("condition") else {
        problems.push(rule.problem(
            "missing-condition",
            format!("`{name}` has no `condition`"),
            "name a query's refId",
        ));
        return (None, None);
    };
    let queries = rule.items_of("data");
    let Some(query) = queries.iter().find(|query| query.text_of("refId").as_ref() == Some(&condition)) else {
        let message = format!("the condition `{condition}` of `{name}` is no query of it");
        problems.push(rule.problem("missing-condition", message, "name the refId of one of its queries"));
        return (None, None);
    };
    let mut reading = Reading::default();
    for query in queries.iter().filter(|query| !is_expression(query)) {
        reading.take(query, problems);
    }
    let (operator, threshold, expression) = compared(query, problems);
    let labels = rule.get("labels");
    let names = std::iter::once(name.as_str()).chain(reading.metrics.iter().map(String::as_str));
    let (kind, kind_basis) =
        classified(labels.as_ref().and_then(|labels| labels.get("modelgate_signal")), names, problems);
    let annotations = rule.get("annotations");
    let receiver = rule.path(&["notification_settings", "receiver"]).and_then(|receiver| receiver.text());
    let signal = Signal {
        metrics: reading.metrics,
        expression: reading.expressions.into_iter().chain(expression).collect::<Vec<_>>().join("; "),
        operator,
        threshold,
        window_seconds: reading.window,
        for_seconds: seconds(rule, "for", problems).unwrap_or_default(),
        interval_seconds: interval,
        severity: labels.as_ref().and_then(|labels| labels.text_of("severity")),
        route: receiver
            .or_else(|| labels.as_ref().and_then(|labels| labels.first_text(&["team", "receiver", "channel"]))),
        owner: labels.as_ref().and_then(|labels| labels.text_of("owner")),
        runbook: annotations.as_ref().and_then(|notes| notes.first_text(&["runbook_url", "runbook"])),
        ..Signal::new(name, (kind, kind_basis), rule.source())
    };
    let paused = rule.is_true("isPaused").unwrap_or_default();
    (Some(signal), paused.then_some("the rule is paused"))
}

fn is_expression(query: &Cursor<'_>) -> bool {
    let uid = query.first_text(&["datasourceUid", "datasourceUID"]);
    uid.is_some_and(|uid| EXPRESSIONS.contains(&uid.as_str()))
}

/// What the queries of a rule read.
#[derive(Default)]
struct Reading {
    metrics: Vec<String>,
    expressions: Vec<String>,
    window: Option<u64>,
}

impl Reading {
    fn take(&mut self, query: &Cursor<'_>, problems: &mut Vec<Problem>) {
        if let Some(range) = query.get("relativeTimeRange") {
            let from = range.seconds_of("from", problems);
            let to = range.seconds_of("to", problems).unwrap_or_default();
            self.window = self.window.max(from.map(|from| from.saturating_sub(to)).filter(|window| *window > 0));
        }
        let Some(model) = query.get("model") else { return };
        // Prometheus and Loki have `expr`, Graphite `target`, SQL `rawSql`, CloudWatch `metricName`, others `query`.
        let Some(text) = model.first_text(&["expr", "target", "rawSql", "metricName", "query"]) else { return };
        match prometheus::metrics_of(&text) {
            Some(metrics) if model.get("expr").is_some() => self.metrics.extend(metrics),
            _ if model.get("metricName").is_some() => self.metrics.push(text.clone()),
            _ => {}
        }
        self.metrics.sort();
        self.metrics.dedup();
        self.expressions.push(text);
    }
}

/// Operator, threshold and text of the query that decides.
fn compared(query: &Cursor<'_>, problems: &mut Vec<Problem>) -> (Option<String>, Option<f64>, Option<String>) {
    let Some(model) = query.get("model") else { return (None, None, None) };
    let conditions = model.items_of("conditions");
    let evaluator = conditions.first().and_then(|condition| condition.get("evaluator"));
    if let Some(evaluator) = evaluator {
        let kind = evaluator.text_of("type").unwrap_or_default();
        let operator = match kind.as_str() {
            "gt" | "outside_range" => ">",
            "lt" => "<",
            "gte" => ">=",
            "lte" => "<=",
            "eq" => "==",
            "ne" => "!=",
            // Inside a range neither direction is the bad one.
            _ => return (None, None, Some(kind)),
        };
        let parameters = evaluator.items_of("params");
        // Outside a range what is above its upper end raises the alarm, as does what is below the lower.
        let parameter = if kind == "outside_range" { parameters.last() } else { parameters.first() };
        let threshold = parameter.and_then(Cursor::number);
        if threshold.is_none() {
            problems.push(evaluator.problem("not-a-number", "a condition compares with no number", "give it one"));
        }
        let text = threshold.map(|threshold| format!("{operator} {threshold}"));
        return (Some(operator.to_owned()), threshold, text);
    }
    // A formula such as `$B > 0.2`, or a query that compares by itself.
    let text = model.first_text(&["expression", "expr"]);
    let formula = text.as_deref().map(|text| text.replace(['$', '{', '}'], ""));
    let (operator, threshold) = formula.and_then(|formula| prometheus::comparison_of(&formula)).unzip();
    (operator, threshold, text.filter(|_| is_expression(query)))
}

/// Seconds of a duration, which is a problem if it is none.
fn seconds(cursor: &Cursor<'_>, key: &str, problems: &mut Vec<Problem>) -> Option<u64> {
    let found = cursor.get(key)?;
    let text = found.text().unwrap_or_default();
    // Exports of the API have seconds as numbers.
    let seconds = found.value().as_u64().or_else(|| duration_seconds(&text));
    if seconds.is_none() {
        problems.push(found.problem("duration", format!("`{text}` is no duration"), "write one such as `30m`"));
    }
    seconds
}
