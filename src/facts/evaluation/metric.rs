//! A metric as evidence: its value with a status, a definition, an interval and a reason.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::metric_id::MetricId;

/// What became of a computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetricStatus {
    /// There is a value.
    Ok,
    /// The formula has no value here, such as a rate of nothing.
    Undefined,
    /// There are too few rows for the value to mean anything.
    Insufficient,
    /// The rows cannot be evaluated.
    Error,
}

/// One number, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Formula and its version, such as `roc_auc/1`.
    pub definition: String,
    /// What became of it.
    pub status: MetricStatus,
    /// The value; null unless the status is `ok`.
    pub value: Option<f64>,
    /// Rows that the value rests on: the denominator for a rate.
    pub n: u64,
    /// Numerator of a rate; null for what is none.
    pub numerator: Option<u64>,
    /// Where the true value may lie; null when there is none, for the reason in `reason`.
    pub interval: Option<Interval>,
    /// Why there is no value, or no interval; null when both are there.
    pub reason: Option<String>,
}

/// A confidence interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level, two-sided, in (0, 1).
    pub level: f64,
    /// How it was computed, such as `wilson` or `delong-logit`.
    pub method: String,
}

/// Metrics by their keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metrics(pub BTreeMap<MetricId, Metric>);

impl Metrics {
    /// The metric, if this task has it.
    #[must_use]
    pub fn get(&self, id: MetricId) -> Option<&Metric> {
        self.0.get(&id)
    }
}

impl JsonSchema for Metrics {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metrics".into()
    }

    // Named keys rather than a free map, so that a policy that asks for a metric which does not
    // exist is refused when it is loaded.
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let metric = generator.subschema_for::<Metric>();
        let properties: serde_json::Map<_, _> =
            MetricId::ALL.iter().map(|id| (id.key().to_owned(), metric.clone().to_value())).collect();
        schemars::json_schema!({
            "type": "object",
            "description": "Metrics by their keys; which are there depends on the task",
            "properties": properties,
            "additionalProperties": false
        })
    }
}

impl Metric {
    /// A metric without a value, and why.
    pub(crate) fn without(id: MetricId, status: MetricStatus, n: u64, reason: impl Into<String>) -> Self {
        Self::keyed_without(id.key(), status, n, reason)
    }

    /// A metric with a value. `interval` is the interval, or why there is none. A value that is not finite
    /// is an error.
    pub(crate) fn of(id: MetricId, value: f64, n: u64, interval: Result<Interval, String>) -> Self {
        Self::keyed(id.key(), value, n, interval)
    }

    /// [`Metric::without`] for what has a definition but is no metric of a model, such as the drift of a column.
    pub(crate) fn keyed_without(key: &str, status: MetricStatus, n: u64, reason: impl Into<String>) -> Self {
        Self {
            definition: definition(key),
            status,
            value: None,
            n,
            numerator: None,
            interval: None,
            reason: Some(reason.into()),
        }
    }

    /// [`Metric::of`] for what has a definition but is no metric of a model, such as the drift of a column.
    pub(crate) fn keyed(key: &str, value: f64, n: u64, interval: Result<Interval, String>) -> Self {
        if !value.is_finite() {
            return Self::keyed_without(key, MetricStatus::Error, n, "the computation left the range of numbers");
        }
        let (interval, reason) = match interval {
            Ok(interval) => (Some(interval), None),
            Err(reason) => (None, Some(reason)),
        };
        // Adding zero turns −0 into 0, which JSON would tell apart.
        let value = Some(value + 0.0);
        Self { definition: definition(key), status: MetricStatus::Ok, value, n, numerator: None, interval, reason }
    }
}

/// Formula and version. The version changes when a value could.
pub(crate) fn definition(key: &str) -> String {
    format!("{key}/1")
}
