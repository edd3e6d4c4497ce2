//! The SARIF document as code scanning needs it: paths of the repository, and a category of its own for each manifest.

use serde_json::{Value, json};

use super::github::encoded;

/// The document for an upload. `directory` is that of the release in the repository; `category` keeps two manifests of a
/// repository from replacing each other's results.
///
/// # Errors
/// Why the document is none.
pub fn for_upload(document: &str, directory: &str, category: &str) -> Result<String, serde_json::Error> {
    let mut log: Value = serde_json::from_str(document)?;
    let prefix: String = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .fold(String::new(), |prefix, part| format!("{prefix}{}/", encoded(part)));
    for run in log.get_mut("runs").and_then(Value::as_array_mut).into_iter().flatten() {
        for result in run.get_mut("results").and_then(Value::as_array_mut).into_iter().flatten() {
            for location in result.get_mut("locations").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(Value::String(uri)) = location.pointer_mut("/physicalLocation/artifactLocation/uri") {
                    uri.insert_str(0, &prefix);
                }
            }
        }
        if let Value::Object(run) = run {
            // What stands before the last `/` is the category.
            run.insert("automationDetails".to_owned(), json!({"id": format!("{category}/")}));
        }
    }
    serde_json::to_string(&log)
}

/// How many results a document has.
pub(super) fn results(document: &str) -> u64 {
    let log: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    let runs = log.get("runs").and_then(Value::as_array).into_iter().flatten();
    let counts = runs.filter_map(|run| run.get("results")?.as_array().map(Vec::len));
    counts.map(|count| count as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_those_of_the_repository() {
        let document = r#"{"runs": [{"results": [{"locations": [{"physicalLocation": {"artifactLocation": {"uri": "card.md"}}}]}]}]}"#;
        let log: Value =
            serde_json::from_str(&for_upload(document, "models/a b", "modelgate:models").unwrap()).unwrap();
        let place = "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri";
        assert_eq!(log.pointer(place), Some(&json!("models/a%20b/card.md")));
        assert_eq!(log.pointer("/runs/0/automationDetails/id"), Some(&json!("modelgate:models/")));
        assert_eq!(results(document), 1);
        assert!(for_upload("{", "", "c").is_err());
    }
}
