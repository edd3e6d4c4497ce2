//! CloudWatch alarms: CloudFormation templates, and what the AWS command line gives and takes.
//!
//! A composite alarm looks at other alarms, and is no signal beside them: what it does is what they do through it. It is
//! one of its own where none of its alarms stands in the file.

use std::collections::{BTreeMap, BTreeSet};

use super::alarm_rule::Rule;
use super::cursor::Cursor;
use super::kinds::classified;
use super::{Alert, Found, Signal, listed};
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
    rule: "AlarmRule",
    suppressor: "ActionsSuppressor",
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
    rule: "alarm_rule",
    suppressor: "actions_suppressor",
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
    rule: &'static str,
    suppressor: &'static str,
}

/// The alarms of a file, in its order.
///
/// # Errors
/// Every problem: no alarms, an operator that is not known, a number or a rule that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let mut alarms = Alarms::new(&API);
    for (name, resource) in root.get("Resources").map(|resources| resources.entries()).unwrap_or_default() {
        let kind = resource.text_of("Type");
        if let (Some("AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm"), Some(alarm)) =
            (kind.as_deref(), resource.get("Properties"))
        {
            alarms.add(Some(name), &alarm);
        }
    }
    let listed = ["MetricAlarms", "CompositeAlarms"].iter().flat_map(|key| root.items_of(key));
    listed.for_each(|alarm| alarms.add(None, &alarm));
    let items = if root.value().is_array() { root.items() } else { vec![root.clone()] };
    let is_alarm = |item: &&Cursor<'_>| item.first(&[API.operator, API.rule]).is_some();
    items.iter().filter(is_alarm).for_each(|alarm| alarms.add(None, alarm));
    if alarms.is_empty() {
        let message = "there are no alarms";
        let hint = "name a CloudFormation template with alarms, or what `aws cloudwatch describe-alarms` prints";
        return Err(vec![root.problem("not-alerts", message, hint)]);
    }
    let mut found = Found::default();
    alarms.finish(&mut found)?;
    Ok(found)
}

/// Composite alarms that the alarms of a file pass. AWS lets one alarm stand in 150 of them.
const STEPS_MAX: usize = 1_000_000;

/// Alarms that are being read, and the composite alarms over them.
pub(super) struct Alarms {
    names: &'static Names,
    metric: Vec<(Alert, Vec<String>)>,
    composite: Vec<Composite>,
    problems: Vec<Problem>,
}

struct Composite {
    /// As a signal of its own.
    alert: Alert,
    /// What it may be called by other composite alarms.
    called: Vec<String>,
    /// What those alarms are called that raise it.
    raised: BTreeSet<String>,
    /// Whether its actions are enabled.
    acts: bool,
    /// The alarm that holds its actions back.
    suppressor: Option<String>,
}

impl Alarms {
    pub(super) const fn new(names: &'static Names) -> Self {
        Self { names, metric: Vec::new(), composite: Vec::new(), problems: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.metric.is_empty() && self.composite.is_empty() && self.problems.is_empty()
    }

    /// Takes an alarm of either kind, which the template calls `logical`.
    pub(super) fn add(&mut self, logical: Option<&str>, alarm: &Cursor<'_>) {
        let mut called: Vec<_> = alarm.get(self.names.name).and_then(|name| rendered(&name)).into_iter().collect();
        called.extend(logical.map(|logical| format!("${{{logical}}}")));
        if let Some(rule) = alarm.get(self.names.rule) {
            self.composite.extend(composite(logical, alarm, &rule, called, self.names, &mut self.problems));
            return;
        }
        let (signal, inactive) = signal(logical, alarm, self.names, &mut self.problems);
        self.metric.extend(signal.map(|signal| (Alert { signal, inactive, address: None }, called)));
    }

    /// The signals, with what composite alarms do for them.
    ///
    /// # Errors
    /// Every problem of every alarm.
    pub(super) fn finish(self, found: &mut Found) -> Result<(), Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let Self { metric, composite, .. } = self;
        let tree = Tree::new(&composite);
        let mut passed = BTreeSet::new();
        let mut steps = 0_usize;
        for (mut alert, called) in metric {
            let mut actions = tree.actions(&called, &mut passed, &mut steps);
            if steps > STEPS_MAX {
                let message = format!("alarms pass more than {STEPS_MAX} composite alarms");
                return Err(vec![Problem::new("too-many-routes", message).hint("split the file")]);
            }
            if !actions.is_empty() {
                // An alarm may leave telling to its composites.
                let own = alert.signal.route.take().filter(|_| alert.inactive.is_none());
                alert.inactive = None;
                actions.extend(own);
                alert.signal.route = listed(actions);
            }
            found.alerts.push(alert);
        }
        let alone = composite.into_iter().enumerate().filter(|(index, _)| !passed.contains(index));
        found.alerts.extend(alone.map(|(_, composite)| composite.alert));
        Ok(())
    }
}

/// Composite alarms, and by the name of an alarm those that it raises.
struct Tree<'a> {
    composites: &'a [Composite],
    raised_by: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn new(composites: &'a [Composite]) -> Self {
        let mut raised_by: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, composite) in composites.iter().enumerate() {
            composite.raised.iter().for_each(|name| raised_by.entry(name).or_default().push(index));
        }
        Self { composites, raised_by }
    }

    /// Where the actions go of the composite alarms that an alarm raises, and of those that these raise. One whose
    /// actions are held back by the very alarm that raises it does nothing. Adds those that were `passed`.
    fn actions(&self, called: &[String], passed: &mut BTreeSet<usize>, steps: &mut usize) -> BTreeSet<String> {
        let mut actions = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![called];
        while let Some(names) = open.pop() {
            for index in names.iter().filter_map(|name| self.raised_by.get(name.as_str())).flatten() {
                *steps = steps.saturating_add(1);
                let Some(composite) = self.composites.get(*index).filter(|_| seen.insert(*index)) else { continue };
                let suppressor = composite.suppressor.as_ref();
                if !suppressor.is_some_and(|name| names.contains(name) || called.contains(name)) {
                    actions.extend(composite.alert.signal.route.iter().filter(|_| composite.acts).cloned());
                }
                open.push(&composite.called);
            }
        }
        passed.extend(seen);
        actions
    }
}

/// The name that a rule means: it may say an ARN, which ends with the name, or in a template ask for one.
fn meant(named: &str) -> String {
    match named.split_once(":alarm:") {
        Some((arn, name)) if arn.starts_with("arn:") => name.to_owned(),
        _ => named.strip_suffix(".Arn}").map_or_else(|| named.to_owned(), |name| format!("{name}}}")),
    }
}

/// A text of a template with what it puts together: what it refers to is written as `${name}`.
fn rendered(cursor: &Cursor<'_>) -> Option<String> {
    // Blanks between other parts count.
    if let Some(text) = cursor.value().as_str() {
        return Some(text.to_owned());
    }
    let (key, inner) = cursor.entries().into_iter().next()?;
    match key.trim_start_matches('!').trim_start_matches("Fn::") {
        "Ref" => Some(format!("${{{}}}", inner.text()?)),
        "GetAtt" => {
            let parts: Vec<_> = inner.items().iter().filter_map(Cursor::text).collect();
            Some(format!("${{{}}}", inner.text().unwrap_or_else(|| parts.join("."))))
        }
        "Sub" => inner.text().or_else(|| inner.items().first()?.text()),
        "Join" => {
            let parts = inner.items();
            let (separator, texts) = parts.first().zip(parts.get(1))?;
            Some(texts.items().iter().filter_map(rendered).collect::<Vec<_>>().join(separator.value().as_str()?))
        }
        _ => None,
    }
}

fn composite(
    logical: Option<&str>,
    alarm: &Cursor<'_>,
    rule: &Cursor<'_>,
    called: Vec<String>,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<Composite> {
    let name = alarm.get(names.name).and_then(|name| name.named()).or_else(|| logical.map(str::to_owned));
    let text = rendered(rule).unwrap_or_default();
    let parsed = Rule::parse(&text);
    let (Some(name), Ok(parsed)) = (name, &parsed) else {
        let message =
            parsed.err().map_or_else(|| "an alarm has no name".to_owned(), |error| format!("no alarm rule: {error}"));
        problems.push(rule.problem("alarm-rule", message, "write one such as `ALARM(\"name\")`"));
        return None;
    };
    let (raised, constant) = match parsed {
        Rule::Alarms { raised, .. } => (raised.iter().map(|name| meant(name)).collect(), None),
        Rule::Constant(truth) => (BTreeSet::new(), Some(*truth)),
    };
    let disabled = alarm.is_true(names.enabled) == Some(false);
    let suppressor = alarm.get(names.suppressor);
    // Terraform has a block of it.
    let suppressor = suppressor.and_then(|alarm| match alarm.items().first() {
        Some(block) => block.text_of("alarm"),
        None => rendered(&alarm),
    });
    let common = common(alarm, &name, std::iter::once(name.as_str()), names, problems);
    let signal = Signal { expression: text, ..common };
    let inactive = match (disabled, constant) {
        (true, _) => Some("its actions are not enabled"),
        (_, Some(false)) => Some("its rule is never true"),
        (_, Some(true)) => Some("its rule is always true"),
        _ => None,
    };
    let alert = Alert { signal, inactive, address: None };
    Some(Composite { alert, called, raised, acts: !disabled, suppressor: suppressor.map(|name| meant(&name)) })
}

/// What alarms of both kinds have.
fn common<'a>(
    alarm: &Cursor<'_>,
    name: &str,
    texts: impl Iterator<Item = &'a str>,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Signal {
    let tags = alarm.get(names.tags);
    let tag = |wanted: &str| tags.as_ref().and_then(|tags| tag(tags, wanted));
    let declared = tags.as_ref().and_then(|tags| tag_cursor(tags, "modelgate_signal"));
    let actions = alarm.texts_of(names.actions);
    let description = alarm.text_of(names.description);
    Signal {
        severity: tag("severity"),
        route: listed(actions),
        owner: tag("owner").or_else(|| tag("team")),
        runbook: tag("runbook").or_else(|| description.as_deref().and_then(super::link_in)),
        ..Signal::new(name.to_owned(), classified(declared, texts, problems), alarm.source())
    }
}

/// The signal that an alarm is, and why it tells nobody, if it does not.
fn signal(
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
    let texts = std::iter::once(name.as_str()).chain(metrics.iter().map(String::as_str));
    let common = common(alarm, &name, texts, names, problems);
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
        ..common
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
