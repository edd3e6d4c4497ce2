//! Secrets in the texts of a release: found wherever facts are read from, and taken out of the facts.

use super::Facts;
use super::artifact::secrets::Secrets;
use super::mlflow::{MlflowFacts, MlflowOrigin};
use crate::document::read_text;
use crate::manifest::Manifest;
use crate::problem::Problem;

/// Size of a text beside the artifacts that is searched for secrets; their readers have bounds of their own.
const SEARCHED_BYTES_MAX: u64 = 64 << 20;

/// Searches what is read beside the artifacts, and goes into the facts: the manifest, the card, monitoring files,
/// records, the bill of materials and what DVC recorded.
pub(super) fn search(manifest: &Manifest, secrets: &mut Secrets, problems: &mut Vec<Problem>) {
    let monitoring = manifest.monitoring.iter().flat_map(|entry| &entry.files);
    let records = manifest.records.iter().flat_map(|entry| &entry.files);
    let dvc = manifest.dvc.iter().flat_map(|entry| &entry.files);
    let single = manifest.card.iter().chain(&manifest.bill_of_materials).map(|entry| &entry.path);
    let files =
        single.chain(monitoring).chain(records).chain(dvc).map(|file| (file.relative.as_str(), file.absolute.clone()));
    let own = manifest.root.directory().join(&manifest.file_name);
    for (path, absolute) in files.chain([(manifest.file_name.as_str(), own)]) {
        match read_text(&absolute, path, SEARCHED_BYTES_MAX) {
            Ok(text) => secrets.search(path, text.as_bytes()),
            Err(problem) => problems.push(problem),
        }
    }
}

/// Searches what an MLflow server says, of which there is no file.
pub(super) fn search_said(mlflow: &[MlflowFacts], secrets: &mut Secrets) {
    for said in mlflow.iter().filter(|said| said.origin == MlflowOrigin::Server) {
        // A line for each value, so that what is found has one.
        let text = serde_json::to_vec_pretty(said).unwrap_or_default();
        secrets.search(&said.source, &text);
    }
}

/// Facts quote what they were read from, and are kept and shown: secrets are taken out of them.
pub(super) fn without(facts: Facts, secrets: &Secrets) -> Result<Facts, Problem> {
    if secrets.is_empty() {
        return Ok(facts);
    }
    let hidden = serde_json::to_value(facts).and_then(|mut value| {
        secrets.hide(&mut value);
        serde_json::from_value(value)
    });
    hidden.map_err(|_| {
        let places = secrets.facts().into_iter().map(|secret| format!("{}:{}", secret.path, secret.line.unwrap_or(1)));
        let places = places.collect::<Vec<_>>().join(", ");
        let message = format!("secrets could not be taken out of the facts; they are at {places}");
        Problem::new("secrets-in-facts", message).hint("revoke them, and remove them from the release")
    })
}
