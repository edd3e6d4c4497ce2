//! Azure Machine Learning's monitor schedules (CLI version 2, `Schedule.json`).

use super::cursor::{Cursor, short};
use super::{Found, KindBasis, Signal, SignalKind, listed};
use crate::document::Document;
use crate::problem::Problem;

/// What each type of signal watches.
const TYPES: [(&str, SignalKind); 8] = [
    ("data_drift", SignalKind::DataDrift),
    ("prediction_drift", SignalKind::PredictionDrift),
    ("data_quality", SignalKind::DataQuality),
    ("feature_attribution_drift", SignalKind::DataDrift),
    ("model_performance", SignalKind::Performance),
    ("generation_safety_quality", SignalKind::Safety),
    ("generation_token_statistics", SignalKind::Operational),
    ("custom", SignalKind::Unclassified),
];

/// What a monitor watches that declares no signals, with thresholds that Azure chooses.
const DEFAULTS: [&str; 3] = ["data_drift", "prediction_drift", "data_quality"];

/// Metrics of which less is worse; of all others more is.
const LOWER_IS_WORSE: [&str; 10] = [
    "accuracy",
    "precision",
    "recall",
    "f1_score",
    "normalized_discounted_cumulative_gain",
    "groundedness",
    "relevance",
    "coherence",
    "fluency",
    "similarity",
];

/// A test of equality is lost where its p-value is small.
const P_VALUES: [&str; 2] = ["pearsons_chi_squared_test", "two_sample_kolmogorov_smirnov_test"];

/// The signals of a monitor: one for each metric that has a threshold.
///
/// # Errors
/// Every problem: no monitor, a type of signal that is not known, a threshold that is no number.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let Some(monitor) = root.get("create_monitor") else {
        let message = "there is no `create_monitor`";
        return Err(vec![root.problem(
            "not-alerts",
            message,
            "name the schedule of a monitor, as `az ml schedule create` reads it",
        )]);
    };
    let mut problems = Vec::new();
    let notified = monitor.get("alert_notification");
    let route = notified.as_ref().and_then(|notified| match notified.text() {
        // `azmonitoring`: Azure Monitor tells whoever its own rules say.
        Some(text) => listed([text]),
        None => listed(notified.texts_of("emails")),
    });
    let whole = Whole {
        interval: root.get("trigger").and_then(|trigger| interval(&trigger, &mut problems)),
        route,
        disabled: root.is_true("is_enabled") == Some(false),
    };
    let mut found = Found::default();
    match monitor.get("monitoring_signals") {
        None => DEFAULTS.iter().for_each(|name| found.push(whole.default(name, &monitor))),
        Some(signals) => {
            for (name, signal) in signals.entries() {
                whole.signals(&short(name), &signal, &mut found, &mut problems);
            }
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Seconds between two runs.
fn interval(trigger: &Cursor<'_>, problems: &mut Vec<Problem>) -> Option<u64> {
    let unit = match trigger.text_of("frequency")?.as_str() {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        "month" => 30 * 86_400,
        other => {
            let message = format!("the frequency `{other}` is none");
            problems.push(trigger.problem("duration", message, "write minute, hour, day, week or month"));
            return None;
        }
    };
    Some(trigger.seconds_of("interval", problems).unwrap_or(1).saturating_mul(unit))
}

/// What all signals of a monitor have in common.
struct Whole {
    interval: Option<u64>,
    route: Option<String>,
    disabled: bool,
}

impl Whole {
    fn default(&self, name: &str, monitor: &Cursor<'_>) -> (Option<Signal>, Option<&'static str>) {
        let kind = TYPES.iter().find(|(known, _)| *known == name).map_or(SignalKind::Unclassified, |(_, kind)| *kind);
        let signal = Signal {
            expression: "the threshold that Azure chooses".to_owned(),
            window_seconds: self.interval,
            interval_seconds: self.interval,
            route: self.route.clone(),
            ..Signal::new(name.to_owned(), (kind, KindBasis::Declared), monitor.source())
        };
        (Some(signal), self.inactive(None))
    }

    fn inactive(&self, alert_enabled: Option<bool>) -> Option<&'static str> {
        match alert_enabled {
            _ if self.disabled => Some("the schedule is not enabled"),
            Some(false) => Some("its alert is not enabled"),
            _ => None,
        }
    }

    fn signals(&self, name: &str, signal: &Cursor<'_>, found: &mut Found, problems: &mut Vec<Problem>) {
        let kind_text = signal.text_of("type").unwrap_or_default();
        let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == kind_text) else {
            let message = format!("the type `{kind_text}` of the signal `{name}` is not known");
            problems.push(signal.problem(
                "unknown-signal",
                message,
                "write one that Azure documents, such as `data_drift`",
            ));
            return;
        };
        let window = signal
            .path(&["production_data", "data_window", "lookback_window_size"])
            .and_then(|window| window.text())
            .and_then(|text| iso_8601_seconds(&text));
        let basis = if *kind == SignalKind::Unclassified { KindBasis::None } else { KindBasis::Declared };
        let inactive = self.inactive(signal.is_true("alert_enabled"));
        let mut thresholds = Vec::new();
        if let Some(declared) = signal.get("metric_thresholds") {
            collect(&declared, &mut thresholds);
        }
        for threshold in &thresholds {
            let metric = threshold.metric.as_str();
            let operator = if LOWER_IS_WORSE.contains(&metric) || P_VALUES.contains(&metric) { "<" } else { ">" };
            let number = threshold.cursor.number();
            if number.is_none() {
                let message = format!("the threshold of `{metric}` is no number");
                problems.push(threshold.cursor.problem("not-a-number", message, "write a number"));
            }
            let read = Signal {
                expression: format!("{metric} {operator} {}", number.unwrap_or_default()),
                metrics: vec![metric.to_owned()],
                operator: Some(operator.to_owned()),
                threshold: number,
                window_seconds: window.or(self.interval),
                interval_seconds: self.interval,
                route: self.route.clone(),
                ..Signal::new(format!("{name}.{metric}"), (*kind, basis), threshold.cursor.source())
            };
            found.push((Some(read), inactive));
        }
        if thresholds.is_empty() {
            let read = Signal {
                expression: "the threshold that Azure chooses".to_owned(),
                window_seconds: window.or(self.interval),
                interval_seconds: self.interval,
                route: self.route.clone(),
                ..Signal::new(name.to_owned(), (*kind, basis), signal.source())
            };
            found.push((Some(read), inactive));
        }
    }
}

/// A metric and where its threshold stands.
struct Threshold<'a> {
    metric: String,
    cursor: Cursor<'a>,
}

/// Thresholds stand by data type (`numerical: {metric: 0.1}`), in a list (`{metric_name, threshold}`), or below the metric
/// itself.
fn collect<'a>(thresholds: &Cursor<'a>, into: &mut Vec<Threshold<'a>>) {
    for item in thresholds.items() {
        match (item.text_of("metric_name"), item.get("threshold")) {
            (Some(metric), Some(cursor)) => into.push(Threshold { metric, cursor }),
            _ => collect(&item, into),
        }
    }
    for (key, value) in thresholds.entries() {
        if value.value().is_object() || value.value().is_array() {
            collect(&value, into);
        } else {
            into.push(Threshold { metric: key.to_owned(), cursor: value });
        }
    }
}

/// Seconds of a duration such as `P7D` or `PT12H` (ISO 8601).
fn iso_8601_seconds(text: &str) -> Option<u64> {
    let (days, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.get(1..)?, ""));
    let mut seconds = 0_u64;
    for (part, units) in [
        (days, &[('Y', 31_536_000), ('M', 2_592_000), ('W', 604_800), ('D', 86_400)][..]),
        (time, &[('H', 3600), ('M', 60), ('S', 1)][..]),
    ] {
        let mut digits = String::new();
        for character in part.chars() {
            match units.iter().find(|(unit, _)| *unit == character) {
                Some((_, unit)) => {
                    seconds = seconds.checked_add(digits.parse::<u64>().ok()?.checked_mul(*unit)?)?;
                    digits.clear();
                }
                None => digits.push(character),
            }
        }
        if !digits.is_empty() {
            return None;
        }
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_iso_8601() {
        for (text, seconds) in
            [("P7D", Some(604_800)), ("PT12H30M", Some(45_000)), ("P1DT1S", Some(86_401)), ("7D", None), ("P7", None)]
        {
            assert_eq!(iso_8601_seconds(text), seconds, "{text}");
        }
    }
}
