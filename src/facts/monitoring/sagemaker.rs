//! SageMaker Model Monitor: constraints of data and model quality, and monitoring schedules.

use super::cursor::Cursor;
use super::{Found, KindBasis, Signal, SignalKind};
use crate::document::Document;
use crate::problem::Problem;

/// Constraints of model quality, by the problem's type.
const QUALITY: [&str; 3] =
    ["binary_classification_constraints", "multiclass_classification_constraints", "regression_constraints"];

/// What each type of monitoring watches.
const TYPES: [(&str, SignalKind); 4] = [
    ("DataQuality", SignalKind::DataQuality),
    ("ModelQuality", SignalKind::Performance),
    ("ModelBias", SignalKind::Fairness),
    ("ModelExplainability", SignalKind::DataDrift),
];

/// What the parts of a schedule are called in the API and in CloudFormation.
const API: Names = Names {
    name: "MonitoringScheduleName",
    config: "MonitoringScheduleConfig",
    kind: "MonitoringType",
    schedule: "ScheduleConfig",
    expression: "ScheduleExpression",
    status: "MonitoringScheduleStatus",
};

/// The same as Terraform calls them.
pub(super) const TERRAFORM: Names = Names {
    name: "name",
    config: "monitoring_schedule_config",
    kind: "monitoring_type",
    schedule: "schedule_config",
    expression: "schedule_expression",
    status: "monitoring_schedule_status",
};

/// What the parts of a schedule are called.
pub(super) struct Names {
    name: &'static str,
    config: &'static str,
    kind: &'static str,
    schedule: &'static str,
    expression: &'static str,
    status: &'static str,
}

/// The signals of a file of constraints, or of a schedule, or of a CloudFormation template with schedules.
///
/// # Errors
/// Every problem: neither constraints nor a schedule, a threshold that is no number, an operator that is not known.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let (mut found, mut problems) = (Found::default(), Vec::new());
    for constraints in QUALITY.iter().filter_map(|key| root.get(key)) {
        quality(&constraints, &mut found, &mut problems);
    }
    if root.get("features").is_some() || root.get("monitoring_config").is_some() {
        constraints(&root, &mut found, &mut problems);
    }
    for (name, schedule) in schedules(&root) {
        found.push(schedule_signal(name, &schedule, &API, &mut problems));
    }
    if found.is_empty() && problems.is_empty() {
        let message = "there are neither constraints nor a monitoring schedule";
        let hint = "name a constraints.json, a schedule as `aws sagemaker describe-monitoring-schedule` prints it, or a template";
        problems.push(root.problem("not-alerts", message, hint));
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn declared(name: String, kind: SignalKind, cursor: &Cursor<'_>) -> Signal {
    Signal::new(name, (kind, KindBasis::Declared), cursor.source())
}

/// Bounds of metrics of model quality: `{recall: {threshold: 0.57, comparison_operator: LessThanThreshold}}`.
fn quality(constraints: &Cursor<'_>, found: &mut Found, problems: &mut Vec<Problem>) {
    for (metric, bound) in constraints.entries() {
        let text = bound.text_of("comparison_operator").unwrap_or_default();
        let operator = match text.as_str() {
            "LessThanThreshold" => "<",
            "GreaterThanThreshold" => ">",
            "LessThanOrEqualToThreshold" => "<=",
            "GreaterThanOrEqualToThreshold" => ">=",
            other => {
                let message = format!("the comparison `{other}` of `{metric}` is not known");
                problems.push(bound.problem("unknown-operator", message, "write one such as `LessThanThreshold`"));
                continue;
            }
        };
        let threshold = bound.number_of("threshold", problems);
        let signal = Signal {
            metrics: vec![metric.to_owned()],
            expression: format!("{metric} {operator} {}", threshold.unwrap_or_default()),
            operator: Some(operator.to_owned()),
            threshold,
            ..declared(format!("model-quality.{metric}"), SignalKind::Performance, &bound)
        };
        found.push((Some(signal), None));
    }
}

/// Constraints of the data: how complete features are, their types and values, and how far their distributions may move.
fn constraints(root: &Cursor<'_>, found: &mut Found, problems: &mut Vec<Problem>) {
    let config = root.get("monitoring_config");
    let config = config.as_ref();
    let is = |key: &str, wanted: &str| config.and_then(|config| config.text_of(key)).as_deref() == Some(wanted);
    let unevaluated = is("evaluate_constraints", "Disabled").then_some("its constraints are not evaluated");
    let mut share = |name: &str, cursor: &Cursor<'_>, threshold: Option<f64>, kind, operator: &str, inactive| {
        let signal = Signal {
            metrics: vec![name.to_owned()],
            expression: format!("{name} {operator} {}", threshold.unwrap_or_default()),
            operator: Some(operator.to_owned()),
            threshold,
            ..declared(name.to_owned(), kind, cursor)
        };
        found.push((Some(signal), inactive));
    };
    for feature in root.items_of("features") {
        let Some(name) = feature.text_of("name") else { continue };
        if let Some(completeness) = feature.get("completeness") {
            let threshold = feature.number_of("completeness", problems);
            share(&format!("{name}.completeness"), &completeness, threshold, SignalKind::DataQuality, "<", unevaluated);
        }
    }
    let Some(config) = config else { return };
    for key in ["datatype_check_threshold", "domain_content_threshold"] {
        if let Some(cursor) = config.get(key) {
            let threshold = config.number_of(key, problems);
            share(key.trim_end_matches("_threshold"), &cursor, threshold, SignalKind::DataQuality, "<", unevaluated);
        }
    }
    if let Some(distribution) = config.get("distribution_constraints") {
        let threshold = distribution.number_of("comparison_threshold", problems);
        let is_compared = distribution.text_of("perform_comparison").as_deref() == Some("Enabled");
        let inactive = unevaluated.or((!is_compared).then_some("distributions are not compared"));
        share("distribution_distance", &distribution, threshold, SignalKind::DataDrift, ">", inactive);
    }
}

/// Schedules of a file or of a template.
fn schedules<'a>(root: &Cursor<'a>) -> Vec<(Option<&'a str>, Cursor<'a>)> {
    let resources = root.get("Resources").map(|resources| resources.entries()).unwrap_or_default();
    let of_schedules = resources
        .into_iter()
        .filter(|(_, resource)| resource.text_of("Type").as_deref() == Some("AWS::SageMaker::MonitoringSchedule"))
        .filter_map(|(name, resource)| Some((Some(name), resource.get("Properties")?)));
    let single = root.get("MonitoringScheduleConfig").map(|_| (None, root.clone()));
    of_schedules.chain(single).collect()
}

/// A part of a schedule. Terraform has lists of one.
fn block<'a>(cursor: &Cursor<'a>, key: &str) -> Option<Cursor<'a>> {
    let found = cursor.get(key)?;
    Some(found.items().into_iter().next().unwrap_or(found))
}

/// The signal that a schedule is, and why it raises no alarm, if it does not.
pub(super) fn schedule_signal(
    logical: Option<&str>,
    schedule: &Cursor<'_>,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> (Option<Signal>, Option<&'static str>) {
    let name = schedule.get(names.name).and_then(|name| name.named());
    let Some(name) = name.or_else(|| logical.map(str::to_owned)) else {
        problems.push(schedule.problem("missing-name", "a schedule has no name", "give it one"));
        return (None, None);
    };
    let config = block(schedule, names.config);
    let config = config.as_ref();
    let kind_text = config.and_then(|config| config.text_of(names.kind));
    // Older schedules are of data quality, and do not say so.
    let kind_text = kind_text.as_deref().unwrap_or("DataQuality");
    let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == kind_text) else {
        let message = format!("the type `{kind_text}` of `{name}` is not known");
        problems.push(schedule.problem(
            "unknown-signal",
            message,
            "write DataQuality, ModelQuality, ModelBias or ModelExplainability",
        ));
        return (None, None);
    };
    let expression = config.and_then(|config| block(config, names.schedule)?.get(names.expression));
    let text = expression.as_ref().and_then(Cursor::text).unwrap_or_default();
    let interval = every(&text);
    let signal = Signal {
        expression: format!("{kind_text} on the schedule {text}"),
        window_seconds: interval,
        interval_seconds: interval,
        ..declared(name, *kind, schedule)
    };
    let status = schedule.text_of(names.status);
    let inactive = match status.as_deref() {
        Some("Stopped") => Some("the schedule is stopped"),
        Some("Failed") => Some("the schedule failed"),
        _ => None,
    };
    (Some(signal), inactive)
}

/// Seconds between two runs of a schedule that SageMaker takes: `NOW`, hourly, daily, or each so many hours.
fn every(expression: &str) -> Option<u64> {
    let fields = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let [minute, hour, ..] = fields.split_whitespace().collect::<Vec<_>>().try_into().map(|all: [&str; 6]| all).ok()?;
    minute.parse::<u32>().ok()?;
    match hour {
        "*" => Some(3600),
        hour if hour.parse::<u32>().is_ok() => Some(86_400),
        hour => hour.split_once('/')?.1.parse::<u64>().ok()?.checked_mul(3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_come_again_in_seconds() {
        for (expression, seconds) in [
            ("cron(0 * ? * * *)", Some(3600)),
            ("cron(0 3 ? * * *)", Some(86_400)),
            ("cron(0 17/6 ? * * *)", Some(21_600)),
            ("NOW", None),
            ("cron(0 3)", None),
        ] {
            assert_eq!(every(expression), seconds, "{expression}");
        }
    }
}
