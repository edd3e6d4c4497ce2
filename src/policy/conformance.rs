//! One evaluation by the engine as it is set up here, for the cases that compare it with OPA.

use std::collections::BTreeMap;

use serde_json::Value;

use super::engine::Prepared;
use super::{EffectiveTime, Limits};

/// The value of `query`, a `data.…` path, with `data` at the root of data; sets become sorted arrays.
///
/// # Errors
/// A module is refused, the query is undefined (the message ends with `is undefined`), or raises an error.
pub fn evaluate(modules: &[&str], data: &Value, input: &Value, query: &str) -> Result<Value, String> {
    let mut prepared = Prepared::new();
    for (number, module) in (1..).zip(modules) {
        prepared.add_policy(&format!("module-{number}.rego"), module).map_err(|problem| problem.to_string())?;
    }
    prepared.add_data(data).map_err(|problem| problem.to_string())?;
    let session = prepared.session(input, &BTreeMap::new(), EffectiveTime::parse("2026-01-01")?)?;
    session.evaluate(None, query, Limits::default().control_time)
}
