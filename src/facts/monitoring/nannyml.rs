//! NannyML's configuration, as `nml run` reads it (0.9 and later).
//!
//! Its outputs are files and tables: nothing in it says who is told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cron;
use super::cursor::{Cursor, short};
use super::{Found, KindBasis, Signal, SignalKind};
use crate::document::Document;
use crate::problem::Problem;

/// Calculators, what they watch, and what they are given: metrics, methods, columns, or nothing.
const CALCULATORS: [(&str, SignalKind, Watched); 15] = [
    ("univariate_drift", SignalKind::DataDrift, Watched::Methods),
    ("reconstruction_error", SignalKind::DataDrift, Watched::Whole),
    ("domain_classifier", SignalKind::DataDrift, Watched::Whole),
    ("performance", SignalKind::Performance, Watched::Metrics),
    ("cbpe", SignalKind::Performance, Watched::Metrics),
    ("dle", SignalKind::Performance, Watched::Metrics),
    ("missing_values", SignalKind::DataQuality, Watched::Columns),
    ("unseen_values", SignalKind::DataQuality, Watched::Columns),
    ("summary_stats_avg", SignalKind::DataQuality, Watched::Columns),
    ("summary_stats_median", SignalKind::DataQuality, Watched::Columns),
    ("summary_stats_std", SignalKind::DataQuality, Watched::Columns),
    ("summary_stats_sum", SignalKind::DataQuality, Watched::Columns),
    ("summary_stats_row_count", SignalKind::DataQuality, Watched::Whole),
    // These draw, and have no thresholds.
    ("continuous_distribution", SignalKind::Unclassified, Watched::Nothing),
    ("categorical_distribution", SignalKind::Unclassified, Watched::Nothing),
];

#[derive(Clone, Copy, PartialEq)]
enum Watched {
    Methods,
    Metrics,
    Columns,
    Whole,
    Nothing,
}

/// Methods of drift of single columns.
const METHODS: [&str; 6] = ["jensen_shannon", "kolmogorov_smirnov", "hellinger", "wasserstein", "l_infinity", "chi2"];

/// Thresholds of calculators that NannyML does not take from the reference data.
const DEFAULTS: [(&str, Option<f64>, Option<f64>); 2] =
    [("domain_classifier", Some(0.45), Some(0.65)), ("unseen_values", None, Some(0.0))];

/// Signals of one file. Columns times methods may be more than anybody reads.
const SIGNALS_MAX: usize = 10_000;

/// The signals of a configuration: one for each bound of each column, method or metric.
///
/// # Errors
/// Every problem: no calculators, one that is not known, a threshold that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let Some(calculators) = root.get("calculators") else {
        let hint =
            "name a configuration of NannyML 0.9 or later: older ones say neither what is run nor its thresholds";
        return Err(vec![root.problem("not-alerts", "there are no `calculators`", hint)]);
    };
    let calculators = calculators.items();
    let mut reader = Reader {
        found: Found::default(),
        problems: Vec::new(),
        interval: None,
        predictions: calculators.iter().flat_map(predictions).collect(),
    };
    reader.interval = root.get("scheduling").and_then(|scheduling| reader.interval(&scheduling));
    calculators.iter().for_each(|calculator| reader.calculator(calculator));
    if reader.found.is_empty() && reader.problems.is_empty() {
        let message = "no calculator has a threshold, so that nothing raises an alarm";
        reader.problems.push(root.problem("not-alerts", message, "name what runs in production"));
    }
    if reader.problems.is_empty() { Ok(reader.found) } else { Err(reader.problems) }
}

/// Columns that a calculator is told to be predictions.
fn predictions(calculator: &Cursor<'_>) -> Vec<String> {
    let Some(parameters) = calculator.get("params") else { return Vec::new() };
    let keys = ["y_pred", "y_pred_proba", "y_pred_column_name"];
    let of = |found: Cursor<'_>| {
        let mut names: Vec<_> = found.text().into_iter().collect();
        names.extend(found.entries().iter().filter_map(|(_, name)| name.text()));
        names
    };
    keys.iter().filter_map(|key| parameters.get(key)).flat_map(of).collect()
}

struct Reader {
    found: Found,
    problems: Vec<Problem>,
    interval: Option<u64>,
    /// Columns that are predictions.
    predictions: BTreeSet<String>,
}

impl Reader {
    /// Seconds between two runs.
    fn interval(&mut self, scheduling: &Cursor<'_>) -> Option<u64> {
        if let Some(line) = scheduling.path(&["cron", "crontab"]) {
            return cron::seconds_between(&line.text()?);
        }
        let interval = scheduling.get("interval")?;
        let units = [("weeks", 604_800), ("days", 86_400), ("hours", 3_600), ("minutes", 60)];
        units.into_iter().find_map(|(unit, seconds)| {
            interval.seconds_of(unit, &mut self.problems).map(|number| number.saturating_mul(seconds))
        })
    }

    fn calculator(&mut self, calculator: &Cursor<'_>) {
        let text = calculator.text_of("type").unwrap_or_default();
        let Some((_, kind, watched)) = CALCULATORS.iter().find(|(known, ..)| *known == text) else {
            let message = format!("the calculator `{text}` is not known");
            let hint = "write one that NannyML documents, such as `univariate_drift`";
            self.problems.push(calculator.problem("unknown-signal", message, hint));
            return;
        };
        let Some(parameters) = calculator.get("params").filter(|_| *watched != Watched::Nothing) else { return };
        let name = calculator.short_of("name").unwrap_or_else(|| text.clone());
        let whole = Calculator {
            kind: *kind,
            window: parameters.text_of("chunk_period").as_deref().and_then(period_seconds),
            inactive: (calculator.is_true("enabled") == Some(false)).then_some("the calculator is not enabled"),
        };
        let columns = parameters.texts_of("column_names");
        let thresholds = parameters.get("thresholds");
        let single = parameters.get("threshold");
        let default = DEFAULTS.iter().find(|(known, ..)| *known == text).map(|(_, lower, upper)| (*lower, *upper));
        match watched {
            Watched::Methods => {
                let methods = self.methods(&parameters);
                for (column, method) in
                    columns.iter().flat_map(|column| methods.iter().map(move |method| (column, method)))
                {
                    let threshold = thresholds.as_ref().and_then(|thresholds| thresholds.get(method));
                    let is_prediction = self.predictions.contains(column);
                    let kind = if is_prediction { SignalKind::PredictionDrift } else { whole.kind };
                    let whole = Calculator { kind, ..whole };
                    self.watch(calculator, &whole, &name, &format!("{}.{method}", short(column)), threshold, None);
                }
            }
            Watched::Metrics => {
                for metric in parameters.texts_of("metrics") {
                    let threshold = thresholds.as_ref().and_then(|thresholds| thresholds.get(&metric));
                    self.watch(calculator, &whole, &name, &metric, threshold, None);
                }
            }
            Watched::Columns => {
                for column in columns {
                    self.watch(calculator, &whole, &name, &format!("{column}.{text}"), single.clone(), default);
                }
            }
            Watched::Whole => self.watch(calculator, &whole, &name, &text, single, default),
            Watched::Nothing => {}
        }
    }

    /// The methods of drift that are run. Which of them a column gets depends on its type, which the file does not say:
    /// where both kinds are written down, columns have those of both.
    fn methods(&mut self, parameters: &Cursor<'_>) -> BTreeSet<String> {
        let mut methods = BTreeSet::new();
        for key in ["continuous_methods", "categorical_methods"] {
            for method in parameters.texts_of(key) {
                if METHODS.contains(&method.as_str()) {
                    methods.insert(method);
                } else {
                    let message = format!("the method `{method}` is not known");
                    let hint = "write one that NannyML documents, such as `jensen_shannon`";
                    self.problems.push(parameters.problem("unknown-signal", message, hint));
                }
            }
        }
        if methods.is_empty() {
            methods.insert("jensen_shannon".to_owned());
        }
        methods
    }

    /// The signals of one thing that is watched: one for each bound.
    fn watch(
        &mut self,
        calculator: &Cursor<'_>,
        whole: &Calculator,
        name: &str,
        metric: &str,
        threshold: Option<Cursor<'_>>,
        default: Option<(Option<f64>, Option<f64>)>,
    ) {
        if self.found.len() > SIGNALS_MAX {
            return;
        }
        let place = threshold.as_ref().unwrap_or(calculator);
        let (lower, upper, text) = match &threshold {
            None => {
                let (lower, upper) = default.unwrap_or_default();
                (lower, upper, "the threshold that NannyML takes from the reference data".to_owned())
            }
            Some(threshold) => match threshold.text_of("type").as_deref() {
                Some("constant") => (
                    threshold.number_of("lower", &mut self.problems),
                    threshold.number_of("upper", &mut self.problems),
                    "no threshold".to_owned(),
                ),
                Some("standard_deviation") => (None, None, deviations(threshold)),
                other => {
                    let message = format!("the type of threshold `{}` is not known", other.unwrap_or_default());
                    let hint = "write `constant` or `standard_deviation`";
                    self.problems.push(threshold.problem("unknown-threshold", message, hint));
                    return;
                }
            },
        };
        let bounds = [("<", lower), (">", upper)];
        let mut signals: Vec<_> = bounds
            .into_iter()
            .filter_map(|(operator, bound)| {
                let bound = bound?;
                Some((Some(operator), Some(bound), format!("{metric} {operator} {bound}")))
            })
            .collect();
        let mut inactive = whole.inactive;
        if signals.is_empty() {
            let is_constant =
                threshold.as_ref().is_some_and(|threshold| threshold.text_of("type").as_deref() == Some("constant"));
            inactive = inactive.or(is_constant.then_some("its threshold has neither end"));
            signals.push((None, None, format!("{metric}: {text}")));
        }
        for (operator, threshold, expression) in signals {
            if self.found.len() == SIGNALS_MAX {
                let message = format!("there are more than {SIGNALS_MAX} signals");
                self.problems.push(calculator.problem("document-too-large", message, "name fewer columns"));
            }
            let signal = Signal {
                expression,
                metrics: vec![metric.to_owned()],
                operator: operator.map(str::to_owned),
                threshold,
                window_seconds: whole.window,
                interval_seconds: self.interval,
                ..Signal::new(format!("{name}.{metric}"), (whole.kind, KindBasis::Declared), place.source())
            };
            self.found.push((Some(signal), inactive));
        }
    }
}

/// A threshold that NannyML takes from the reference data: three standard deviations to either side, if nothing else is
/// said; null leaves a side out.
fn deviations(threshold: &Cursor<'_>) -> String {
    let side = |key: &str, side: &str| match threshold.value().get(key) {
        None => Some(format!("3 {side}")),
        Some(Value::Null) => None,
        Some(times) => Some(format!("{times} {side}")),
    };
    let sides = [side("std_lower_multiplier", "below"), side("std_upper_multiplier", "above")];
    let sides: Vec<_> = sides.into_iter().flatten().collect();
    format!("standard deviations from the mean of the reference data: {}", sides.join(", "))
}

/// What all signals of a calculator have.
#[derive(Clone, Copy)]
struct Calculator {
    kind: SignalKind,
    /// Seconds of the chunks that data is cut into.
    window: Option<u64>,
    inactive: Option<&'static str>,
}

/// Seconds of a period of pandas, such as `W` or `6h`.
fn period_seconds(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit.split('-').next()? {
        "min" | "T" => 60,
        "h" | "H" => 3_600,
        "d" | "D" | "B" => 86_400,
        "w" | "W" => 604_800,
        "m" | "M" | "ME" | "MS" => 2_592_000,
        "q" | "Q" | "QE" | "QS" => 7_776_000,
        "y" | "Y" | "YE" | "YS" | "A" => 31_536_000,
        _ => return None,
    };
    let number = if number.is_empty() { 1 } else { number.parse::<u64>().ok()? };
    number.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_of_pandas() {
        for (text, seconds) in [
            ("W", Some(604_800)),
            ("W-MON", Some(604_800)),
            ("6h", Some(21_600)),
            ("M", Some(2_592_000)),
            ("", None),
            ("5", None),
            ("99999999999999999999D", None),
        ] {
            assert_eq!(period_seconds(text), seconds, "{text}");
        }
    }
}
