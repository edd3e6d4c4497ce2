//! Grafana's alerts: rules, contact points, notification policies and mute timings, in provisioning files and exports
//! (YAML or JSON), together or each in a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cursor::Cursor;
use super::kinds::classified;
use super::prometheus::{self, duration_seconds};
use super::routing::{Address, Route, Routes, is_always};
use super::{Alert, Found, Signal};
use crate::document::Document;
use crate::problem::Problem;

/// Where the result of another query is compared, in the model of a query of the kind `__expr__`.
const EXPRESSIONS: [&str; 2] = ["__expr__", "-100"];

/// What a contact point has before anybody sets it up.
const PLACEHOLDER: &str = "<example@email.com>";

/// The rules of a file, in its order, and its routes.
///
/// # Errors
/// Every problem: nothing of Grafana's alerting, a rule without a condition, a duration, threshold or matcher that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let (mut found, mut problems) = (Found::default(), Vec::new());
    let mut routes = Routes::default();
    // The API gives single parts and lists of them.
    let single = if root.value().is_array() { root.items() } else { vec![root.clone()] };
    for part in &single {
        if part.get("condition").is_some() {
            found.alerts.extend(alert(part, &Group::default(), &mut problems));
        } else if part.get("settings").is_some() && part.get("type").is_some() {
            contact_point(part, std::slice::from_ref(part), &mut routes);
        } else if part.get("receiver").is_some() {
            policies(part, &mut routes, &mut problems);
        } else if part.get("time_intervals").is_some() {
            mute_timing(part, &mut routes);
        }
    }
    let mut groups = root.items_of("groups");
    // The API gives single groups.
    groups.extend(root.get("rules").map(|_| root.clone()));
    for group in &groups {
        let common = Group {
            interval: seconds(group, "interval", &mut problems),
            organisation: organisation(group),
            labels: Arc::new(
                group.text_of("folder").map(|folder| ("grafana_folder".to_owned(), folder)).into_iter().collect(),
            ),
        };
        for rule in group.items_of("rules") {
            found.alerts.extend(alert(&rule, &common, &mut problems));
        }
    }
    for point in root.items_of("contactPoints") {
        contact_point(&point, &point.items_of("receivers"), &mut routes);
    }
    for tree in root.items_of("policies") {
        policies(&tree, &mut routes, &mut problems);
    }
    for key in ["muteTimes", "muteTimings"] {
        root.items_of(key).iter().for_each(|timing| mute_timing(timing, &mut routes));
    }
    let has_routes = routes != Routes::default();
    if groups.is_empty() && found.is_empty() && !has_routes && problems.is_empty() {
        let message = "there are no groups of alert rules, and no contact points or notification policies";
        let hint = "name a file that Grafana exported or is provisioned with";
        problems.push(root.problem("not-alerts", message, hint));
    }
    found.routes = has_routes.then_some(routes);
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Whose a part is; the first organisation, where it does not say.
fn organisation(cursor: &Cursor<'_>) -> String {
    cursor.short_of("orgId").or_else(|| cursor.short_of("orgID")).unwrap_or_else(|| "1".to_owned())
}

/// Settings of a contact point that say how it tells, and not whom.
const MANNERS: [&str; 7] = ["description", "httpMethod", "message", "subject", "text", "title", "username"];

/// A contact point tells somebody if one of its integrations is set up.
fn contact_point(point: &Cursor<'_>, integrations: &[Cursor<'_>], routes: &mut Routes) {
    let is_set = |settings: Cursor<'_>| {
        settings.entries().iter().any(|(key, value)| match value.value().as_str() {
            Some(text) => !text.trim().is_empty() && text != PLACEHOLDER && !MANNERS.contains(key),
            None => !value.items().is_empty(),
        })
    };
    let tells = integrations
        .iter()
        .any(|integration| ["settings", "secureSettings"].iter().filter_map(|key| integration.get(key)).any(is_set));
    if let Some(name) = point.text_of("name") {
        // The API lists the integrations of a contact point one by one.
        *routes.receivers.entry((organisation(point), name)).or_default() |= tells;
    }
}

fn policies(tree: &Cursor<'_>, routes: &mut Routes, problems: &mut Vec<Problem>) {
    let route = Route::read(tree, problems);
    if route.receiver.is_none() {
        let message = "a tree of notification policies has no `receiver`";
        problems.push(tree.problem("missing-receiver", message, "name the contact point of whatever no policy takes"));
    }
    let organisation = organisation(tree);
    let location = tree.location();
    if routes.trees.insert(organisation.clone(), (route, location.clone())).is_some() {
        let message = format!("the organisation {organisation} has two trees of notification policies");
        problems.push(Problem::new("two-routes", message).at(location).hint("name one: only one can be in force"));
    }
}

fn mute_timing(timing: &Cursor<'_>, routes: &mut Routes) {
    if let Some(name) = timing.text_of("name") {
        routes.mutes.insert((organisation(timing), name), is_always(&timing.items_of("time_intervals")));
    }
}

/// What the rules of a group have in common.
#[derive(Default)]
struct Group {
    interval: Option<u64>,
    organisation: String,
    labels: Arc<BTreeMap<String, String>>,
}

/// A rule with what its routes are chosen by.
fn alert(rule: &Cursor<'_>, group: &Group, problems: &mut Vec<Problem>) -> Option<Alert> {
    let (signal, inactive) = rule_signal(rule, group.interval, problems);
    let signal = signal?;
    let own = rule.get("labels").map(|labels| labels.entries()).unwrap_or_default();
    let mut labels: BTreeMap<_, _> =
        own.into_iter().map(|(name, value)| (name.to_owned(), value.text().unwrap_or_default())).collect();
    // Grafana adds it by itself, as it adds the folder.
    labels.insert("alertname".to_owned(), signal.name.clone());
    let settings = rule.get("notification_settings");
    let organisation = if group.organisation.is_empty() { organisation(rule) } else { group.organisation.clone() };
    let address = Address {
        organisation,
        labels,
        group_labels: Arc::clone(&group.labels),
        receiver: settings.as_ref().and_then(|settings| settings.text_of("receiver")),
        mutes: settings.map(|settings| settings.texts_of("mute_time_intervals")).unwrap_or_default(),
    };
    Some(Alert { signal, inactive, address: Some(address) })
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
