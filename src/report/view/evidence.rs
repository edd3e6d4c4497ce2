//! How to prove it, and what it is about.

use serde::Serialize;

use super::{Bounded, words};
use crate::facts::{Facts, FileFacts};
use crate::report::{ReportInput, number};

/// Inputs that are listed.
const SUBJECTS_MAX: usize = 100;

/// Signed files that are listed.
const FILES_MAX: usize = 20;

/// How to prove the decision.
#[derive(Debug, Serialize)]
pub(super) struct EvidenceView {
    /// The run; none where nothing was recorded.
    recorded: Option<RecordedView>,
    facts_sha256: String,
    policy_sha256: String,
    policy_uri: String,
    policy_files: String,
    policy_extends: Option<String>,
}

#[derive(Debug, Serialize)]
struct RecordedView {
    run: String,
    store: String,
    decision_sha256: String,
    signed_by: String,
    files: Bounded<String>,
    verify_command: String,
}

/// An input by its digest.
#[derive(Debug, Serialize)]
pub(super) struct SubjectView {
    role: String,
    path: String,
    size: String,
    sha256: String,
}

impl EvidenceView {
    pub(super) fn of(input: &ReportInput<'_>) -> Self {
        let record = input.record;
        let recorded = input.evidence.map(|evidence| RecordedView {
            run: evidence.run.clone(),
            store: evidence.store.clone(),
            decision_sha256: evidence.decision_sha256.to_hex(),
            signed_by: evidence.signed_by.clone(),
            files: Bounded::first(evidence.files.iter().cloned(), FILES_MAX),
            verify_command: evidence.verify_command.clone(),
        });
        Self {
            recorded,
            facts_sha256: input.evidence.map_or(record.facts.sha256, |evidence| evidence.facts_sha256).to_hex(),
            policy_sha256: record.policy.sha256.to_hex(),
            policy_uri: record.policy.uri.clone(),
            policy_files: number::count(record.policy.files),
            policy_extends: record.policy.extends.clone(),
        }
    }
}

/// Everything that was judged: what would be released first.
pub(super) fn subjects(facts: &Facts) -> Bounded<SubjectView> {
    let subject = |role: String, file: &FileFacts| SubjectView {
        role,
        path: file.path.clone(),
        size: format!("{} B", number::count(file.size_bytes)),
        sha256: file.sha256.to_hex(),
    };
    let named = |role: &str, file: &FileFacts| subject(role.to_owned(), file);
    let artifacts = facts.artifacts.iter().map(|artifact| subject(words(&artifact.role), &artifact.file));
    let evaluations = facts.evaluations.iter().map(|evaluation| named("evaluation", &evaluation.data));
    let monitoring = facts.monitoring.files.iter().map(|file| named("monitoring", file));
    let card = facts.card.iter().map(|card| named("model card", &card.file));
    let records = facts.records.files().into_iter().map(|file| named("record", file));
    let manifest = std::iter::once(named("manifest", &facts.manifest));
    let all = artifacts.chain(evaluations).chain(monitoring).chain(card).chain(records).chain(manifest);
    Bounded::first(all, SUBJECTS_MAX)
}
