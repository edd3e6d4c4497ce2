//! One evaluation by the engine as it is set up here, for the cases that compare it with OPA.

use serde_json::Value;

use super::engine::{AskedRule, Parsed, Question};
use super::{EffectiveTime, Limits};

/// The value of `query`, a `data.…` path, with `data` at the root of data; sets become sorted arrays.
///
/// # Errors
/// A module is refused, the query is undefined (the message ends with `is undefined`), or raises an error.
pub fn evaluate(modules: &[&str], data: &Value, input: &Value, query: &str) -> Result<Value, String> {
    let mut parsed = Parsed::new();
    for (number, module) in (1..).zip(modules) {
        parsed.add_policy(&format!("module-{number}.rego"), module).map_err(|problem| problem.to_string())?;
    }
    // A query may be a whole package, which is no rule that could be asked for.
    let asking = format!("package modelgate.conformance\n\nanswer := value if value := {query}\n");
    parsed.add_policy("query.rego", &asking).map_err(|problem| problem.to_string())?;
    parsed.add_data(data).map_err(|problem| problem.to_string())?;
    let prepared = parsed.prepare().map_err(|problem| problem.to_string())?;
    let session = prepared.session(input, EffectiveTime::parse("2026-01-01")?, &[])?;
    let question =
        Question { rules: vec![AskedRule { path: "data.modelgate.conformance.answer".to_owned() }], parameters: None };
    let mut answers = session.answer(&[question], Limits::default().control_time).into_iter().flatten();
    answers.next().unwrap_or_else(|| Err("there is no answer".to_owned()))
}
