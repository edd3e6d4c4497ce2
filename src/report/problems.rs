//! What is wrong with a policy bundle, as SARIF 2.1.0 for code scanning and editors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{RenderError, escape};
use crate::digest::Sha256Digest;
use crate::problem::Problem;

/// One run with a result for each problem.
///
/// # Errors
/// Never for texts; the error is that of the writer.
pub fn sarif(problems: &[Problem]) -> Result<String, RenderError> {
    let codes: BTreeSet<&str> = problems.iter().map(|problem| problem.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| json!({"id": code})).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let index = |problem: &Problem| codes.iter().position(|code| *code == problem.code);
    let results: Vec<Value> = problems.iter().map(|problem| result(problem, index(problem), &mut seen)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "modelgate", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut document = serde_json::to_string_pretty(&log)?;
    document.push('\n');
    Ok(escape::json(&document))
}

fn result(problem: &Problem, rule: Option<usize>, seen: &mut BTreeMap<String, usize>) -> Value {
    let hint = problem.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    let file = problem.location.as_ref().map(|location| location.file.as_str()).unwrap_or_default();
    // Without the line, so that a line that is added above changes nothing; the same twice is told apart by count.
    let what = format!("{}\n{file}\n{}", problem.code, problem.message);
    let count = seen.entry(what.clone()).or_default();
    *count += 1;
    let fingerprint = Sha256Digest::of(format!("{what}\n{count}").as_bytes()).to_string();
    let mut result = json!({
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": escape::visible(&format!("{}{hint}", problem.message))},
        "partialFingerprints": {"problem/v1": fingerprint},
    });
    if let (Some(location), Some(entries)) = (&problem.location, result.as_object_mut()) {
        let region = json!({"startLine": location.line.max(1), "startColumn": location.column.max(1)});
        let place = json!({"artifactLocation": {"uri": uri(&location.file)}, "region": region});
        entries.insert("locations".to_owned(), json!([{"physicalLocation": place}]));
    }
    result
}

/// The path as a URI reference, RFC 3986: what has another meaning there is percent-encoded.
fn uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Location;

    #[test]
    fn every_problem_is_a_result_with_a_place_and_a_fingerprint_of_its_own() {
        let at = Location { file: "a b/x.rego".to_owned(), line: 3, column: 7 };
        let problem = Problem::new("unknown-function", "there is no function `f`").at(at).hint("define it");
        let document = sarif(&[problem.clone(), problem, Problem::new("no-policies", "none")]).unwrap();
        let log: Value = serde_json::from_str(&document).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/x.rego");
        assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&json!(3), &json!(7)));
        assert_eq!(results[0]["message"]["text"], "there is no function `f` (hint: define it)");
        assert_ne!(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
        assert!(results[2].get("locations").is_none());
    }
}
