//! Datadog's monitors: what its API gives and takes, and the `DatadogMonitor` resource.

use super::cursor::Cursor;
use super::kinds::classified;
use super::{Found, Signal};
use crate::document::Document;
use crate::problem::Problem;

/// The monitors of a file, in its order.
///
/// # Errors
/// Every problem: no monitors, one without a name or a query, a threshold that is no number.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let mut monitors = root.items_of("monitors");
    monitors.extend(root.items());
    monitors.extend(root.get("spec").filter(|_| root.text_of("kind").as_deref() == Some("DatadogMonitor")));
    if monitors.is_empty() && root.get("query").is_some() {
        monitors.push(root.clone());
    }
    if monitors.is_empty() {
        let hint = "name what Datadog's monitor API gives, or a `DatadogMonitor` resource";
        return Err(vec![root.problem("not-alerts", "there are no monitors", hint)]);
    }
    let (mut found, mut problems) = (Found::default(), Vec::new());
    for monitor in &monitors {
        found.push(signal(monitor, &mut problems));
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The signal that a monitor is, and why it tells nobody, if it does not.
pub(super) fn signal(monitor: &Cursor<'_>, problems: &mut Vec<Problem>) -> (Option<Signal>, Option<&'static str>) {
    let (Some(name), Some(query)) = (monitor.text_of("name"), monitor.text_of("query")) else {
        problems.push(monitor.problem("missing-name", "a monitor lacks its `name` or `query`", "give it both"));
        return (None, None);
    };
    let parsed = Query::parse(&query);
    let options = monitor.get("options");
    let options = options.as_ref();
    // Terraform has a block of them beside the options.
    let thresholds = options.and_then(|options| options.get("thresholds"));
    let blocks = monitor.items_of("monitor_thresholds").into_iter().next();
    let declared = thresholds.or(blocks).and_then(|thresholds| thresholds.number_of("critical", problems));
    if let (Some(declared), Some(written)) = (declared, parsed.threshold)
        && declared != written
    {
        let message = format!("`{name}` compares with {written}, and its critical threshold is {declared}");
        problems.push(monitor.problem("two-thresholds", message, "Datadog refuses this: write the same number twice"));
    }
    let tags = monitor.texts_of("tags");
    let tag = |wanted: &str| {
        tags.iter()
            .find_map(|tag| tag.split_once(':').filter(|(key, _)| *key == wanted))
            .map(|(_, value)| value.to_owned())
    };
    let names = std::iter::once(name.as_str()).chain(parsed.metric.as_deref());
    let of_tags = monitor
        .items_of("tags")
        .into_iter()
        .find(|item| item.text().is_some_and(|text| text.starts_with("modelgate_signal:")));
    let (kind, kind_basis) = classified(of_tags, names, problems);
    let message = monitor.text_of("message").unwrap_or_default();
    let handles = handles(&alerting(&message));
    let priority = monitor.text_of("priority").map(|priority| format!("P{}", priority.trim_start_matches(['P', 'p'])));
    let signal = Signal {
        metrics: parsed.metric.iter().cloned().collect(),
        expression: query.clone(),
        operator: parsed.operator,
        threshold: declared.or(parsed.threshold),
        window_seconds: parsed.window,
        severity: tag("severity").or(priority),
        route: super::listed(handles),
        owner: tag("owner").or_else(|| tag("team")),
        runbook: super::link_in(&message),
        ..Signal::new(name.clone(), (kind, kind_basis), monitor.source())
    };
    let silenced = options.and_then(|options| options.get("silenced")).is_some_and(|scopes| {
        // All of it, be it until some time: a release begins in silence.
        scopes.entries().iter().any(|(scope, _)| *scope == "*") || scopes.value().get("*").is_some()
    });
    let draft = monitor.text_of("draft_status").as_deref() == Some("draft");
    let inactive = match (silenced, draft) {
        (true, _) => Some("it is silenced"),
        (_, true) => Some("it is a draft"),
        _ => None,
    };
    (Some(signal), inactive)
}

/// Sections of a message that are left out when the monitor raises its alarm.
const QUIET: [(&str, &str); 7] = [
    ("{{#is_recovery}}", "{{/is_recovery}}"),
    ("{{#is_alert_recovery}}", "{{/is_alert_recovery}}"),
    ("{{#is_warning_recovery}}", "{{/is_warning_recovery}}"),
    ("{{#is_warning}}", "{{/is_warning}}"),
    ("{{#is_no_data}}", "{{/is_no_data}}"),
    ("{{#is_no_data_recovery}}", "{{/is_no_data_recovery}}"),
    ("{{^is_alert}}", "{{/is_alert}}"),
];

/// A message as the alarm has it.
fn alerting(message: &str) -> String {
    QUIET.iter().fold(message.to_owned(), |message, (start, end)| {
        let mut parts = message.split(start);
        let mut left = parts.next().unwrap_or_default().to_owned();
        // A section without an end goes to the end of the message.
        parts.filter_map(|part| part.split_once(end)).for_each(|(_, after)| left.push_str(after));
        left
    })
}

/// Who is told: `@slack-credit`. Marks of a section may stand right beside a handle, and those of a sentence behind it.
fn handles(message: &str) -> Vec<String> {
    let apart = message.replace("{{", " {{").replace("}}", "}} ");
    let words = apart.split_whitespace().map(|word| word.trim_end_matches([',', '.', ';', ':', '!', ')']));
    words.filter(|word| word.starts_with('@') && word.len() > 1).map(str::to_owned).collect()
}

/// What a monitor's query says: `avg(last_5m):avg:model.auc{env:prod} by {host} < 0.7`.
#[derive(Default)]
struct Query {
    metric: Option<String>,
    operator: Option<String>,
    threshold: Option<f64>,
    window: Option<u64>,
}

impl Query {
    fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let (rest, compared) = match text.rfind(['<', '>', '=']) {
            Some(end) => {
                let (before, threshold) = text.split_at(end + 1);
                let start = before.trim_end_matches(['<', '>', '=', '!']).len();
                (before.get(..start).unwrap_or_default(), before.get(start..).zip(threshold.trim().parse().ok()))
            }
            None => (text, None),
        };
        if let Some((operator, threshold)) = compared.filter(|(_, threshold): &(&str, f64)| threshold.is_finite()) {
            query.operator = Some(operator.trim().to_owned());
            query.threshold = Some(threshold);
        }
        let window = rest.find("last_").and_then(|start| rest.get(start + 5..));
        query.window = window.and_then(|window| {
            let digits = window.len() - window.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
            let (number, unit) = window.split_at_checked(digits)?;
            let unit = match unit.chars().next()? {
                's' => 1,
                'm' if unit.starts_with("mo") => 2_592_000,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return None,
            };
            number.parse::<u64>().ok()?.checked_mul(unit)
        });
        // The metric stands before the braces of its tags, behind the last colon or bracket.
        let before = rest.split('{').next().filter(|_| rest.contains('{'));
        query.metric = before.and_then(|before| {
            let metric = before.rsplit([':', '(', ' ']).next()?;
            (!metric.is_empty()).then(|| metric.to_owned())
        });
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_at_other_times_is_left_out() {
        let message = "a @x {{#is_recovery}}@y{{/is_recovery}} b {{#is_recovery}}@z{{/is_recovery}}{{^is_alert}}@w";
        assert_eq!(alerting(message), "a @x  b ");
        assert_eq!(alerting("{{#is_alert}}@x{{/is_alert}}"), "{{#is_alert}}@x{{/is_alert}}");
        assert_eq!(handles("{{#is_alert}}@x{{/is_alert}} @a@example.com, @ x@y @z."), ["@x", "@a@example.com", "@z"]);
    }

    #[test]
    fn queries_give_their_parts() {
        let query = Query::parse("avg(last_4h):avg:model.auc{env:prod} by {region} <= 0.7");
        assert_eq!(
            (query.metric.as_deref(), query.operator.as_deref(), query.threshold, query.window),
            (Some("model.auc"), Some("<="), Some(0.7), Some(14_400))
        );
        let query = Query::parse("sum(last_1mo):( min:lambda.errors{a:b}.as_count() ) >= 1");
        assert_eq!(
            (query.metric.as_deref(), query.threshold, query.window),
            (Some("lambda.errors"), Some(1.0), Some(2_592_000))
        );
        let query = Query::parse("\"datadog.agent.up\".over(\"*\").last(2).count_by_status()");
        assert_eq!((query.metric, query.operator, query.threshold, query.window), (None, None, None, None));
    }
}
