//! CloudWatch alarms: CloudFormation templates, and what the AWS command line gives and takes.

use super::cursor::Cursor;
use super::{Found, Signal, classified};
use crate::document::Document;
use crate::problem::Problem;

/// Names of the parts of an alarm, which CloudFormation and the API share.
pub(super) const API: Names = Names {
    name: "AlarmName",
    description: "AlarmDescription",
    metric: "MetricName",
    namespace: "Namespace",
    metrics: "Metrics",
    operator: "ComparisonOperator",
    threshold: "Threshold",
    period: "Period",
    periods: "EvaluationPeriods",
    enabled: "ActionsEnabled",
    actions: "AlarmActions",
    tags: "Tags",
};

/// The same as Terraform calls them.
pub(super) const TERRAFORM: Names = Names {
    name: "alarm_name",
    description: "alarm_description",
    metric: "metric_name",
    namespace: "namespace",
    metrics: "metric_query",
    operator: "comparison_operator",
    threshold: "threshold",
    period: "period",
    periods: "evaluation_periods",
    enabled: "actions_enabled",
    actions: "alarm_actions",
    tags: "tags",
};

/// What the parts of an alarm are called.
pub(super) struct Names {
    name: &'static str,
    description: &'static str,
    metric: &'static str,
    namespace: &'static str,
    metrics: &'static str,
    operator: &'static str,
    threshold: &'static str,
    period: &'static str,
    periods: &'static str,
    enabled: &'static str,
    actions: &'static str,
    tags: &'static str,
}

/// The alarms of a file, in its order.
///
/// # Errors
/// Every problem: no alarms, an operator that is not known, a number that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let mut alarms: Vec<(Option<&str>, Cursor<'_>)> = Vec::new();
    if let Some(resources) = root.get("Resources") {
        let resources = resources.entries().into_iter();
        let of_alarms =
            resources.filter(|(_, resource)| resource.text_of("Type").as_deref() == Some("AWS::CloudWatch::Alarm"));
        alarms.extend(of_alarms.filter_map(|(name, resource)| Some((Some(name), resource.get("Properties")?))));
    }
    alarms.extend(root.items_of("MetricAlarms").into_iter().map(|alarm| (None, alarm)));
    let items = if root.value().is_array() { root.items() } else { vec![root.clone()] };
    alarms.extend(items.into_iter().filter(|item| item.get(API.operator).is_some()).map(|alarm| (None, alarm)));
    if alarms.is_empty() {
        let message = "there are no metric alarms";
        let hint = "name a CloudFormation template with alarms, or what `aws cloudwatch describe-alarms` prints";
        return Err(vec![root.problem("not-alerts", message, hint)]);
    }
    let (mut found, mut problems) = (Found::default(), Vec::new());
    for (name, alarm) in alarms {
        found.push(signal(name, &alarm, &API, &mut problems));
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The signal that an alarm is, and why it tells nobody, if it does not.
pub(super) fn signal(
    logical: Option<&str>,
    alarm: &Cursor<'_>,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> (Option<Signal>, Option<&'static str>) {
    let name = alarm.get(names.name).and_then(|name| name.named()).or_else(|| logical.map(str::to_owned));
    let Some(name) = name else {
        problems.push(alarm.problem("missing-name", "an alarm has no name", "give it one"));
        return (None, None);
    };
    let text = alarm.text_of(names.operator).unwrap_or_default();
    let operator = match text.as_str() {
        "GreaterThanThreshold" | "GreaterThanUpperThreshold" => Some(">"),
        "GreaterThanOrEqualToThreshold" => Some(">="),
        "LessThanThreshold" | "LessThanLowerThreshold" => Some("<"),
        "LessThanOrEqualToThreshold" => Some("<="),
        // A band has two ends, which move.
        "LessThanLowerOrGreaterThanUpperThreshold" => None,
        other => {
            let message = format!("the comparison `{other}` of `{name}` is not known");
            problems.push(alarm.problem("unknown-operator", message, "write one such as `LessThanThreshold`"));
            return (None, None);
        }
    };
    let threshold = alarm.number_of(names.threshold, problems);
    let queries = alarm.items_of(names.metrics);
    let mut metrics: Vec<String> = queries.iter().filter_map(|query| metric_of(query, names)).collect();
    metrics.extend(alarm.get(names.metric).and_then(|metric| metric.named()));
    metrics.sort();
    metrics.dedup();
    let of_query = || queries.iter().rev().find_map(|query| stat_of(query)?.first(&["Period", "period"])?.number());
    let period = alarm.seconds_of(names.period, problems).or_else(|| of_query().map(|period| period as u64));
    let periods = alarm.seconds_of(names.periods, problems).unwrap_or(1);
    let tags = alarm.get(names.tags);
    let tag = |wanted: &str| tags.as_ref().and_then(|tags| tag(tags, wanted));
    let declared = tags.as_ref().and_then(|tags| tag_cursor(tags, "modelgate_signal"));
    let texts = std::iter::once(name.as_str()).chain(metrics.iter().map(String::as_str));
    let (kind, kind_basis) = classified(declared, texts, problems);
    let actions = alarm.texts_of(names.actions);
    let description = alarm.text_of(names.description);
    let namespace = alarm.text_of(names.namespace).map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let compared = match (operator, threshold) {
        (Some(operator), Some(threshold)) => format!("{operator} {threshold}"),
        _ => text,
    };
    let signal = Signal {
        expression: format!("{namespace}{} {compared}", metrics.join(", ")),
        metrics: metrics.clone(),
        operator: operator.map(str::to_owned),
        threshold,
        window_seconds: period.map(|period| period.saturating_mul(periods)),
        interval_seconds: period,
        severity: tag("severity"),
        route: (!actions.is_empty()).then(|| actions.join(", ")),
        owner: tag("owner").or_else(|| tag("team")),
        runbook: tag("runbook").or_else(|| description.as_deref().and_then(super::link_in)),
        ..Signal::new(name.clone(), (kind, kind_basis), alarm.source())
    };
    let disabled = alarm.is_true(names.enabled) == Some(false);
    (Some(signal), disabled.then_some("its actions are not enabled"))
}

fn stat_of<'a>(query: &Cursor<'a>) -> Option<Cursor<'a>> {
    let stat = query.first(&["MetricStat", "metric"])?;
    Some(stat.items().into_iter().next().unwrap_or(stat))
}

/// The metric of a query of several.
fn metric_of(query: &Cursor<'_>, names: &Names) -> Option<String> {
    let stat = stat_of(query)?;
    let metric = stat.get("Metric").unwrap_or_else(|| stat.clone());
    metric.get(names.metric)?.named()
}

/// A tag, in a list of keys and values or in a mapping.
fn tag_cursor<'a>(tags: &Cursor<'a>, wanted: &str) -> Option<Cursor<'a>> {
    let listed = tags.items().into_iter().find(|tag| tag.text_of("Key").as_deref() == Some(wanted));
    listed.and_then(|tag| tag.get("Value")).or_else(|| tags.get(wanted))
}

fn tag(tags: &Cursor<'_>, wanted: &str) -> Option<String> {
    tag_cursor(tags, wanted)?.text()
}
