//! Replay: a recorded decision, run again.
//!
//! The facts, the policies and the effective time that were recorded go through this program once more, and must
//! come to the same decision record, byte for byte. What does not, is said: which field, which control. With other
//! policies or another time the same shows what the release would come to now.

pub mod comparison;

use std::path::Path;

use self::comparison::{Mode, Replay};
use crate::canonical::CanonicalJson;
use crate::decision::record::DecisionRecord;
use crate::evidence::run_parts::RecordedRun;
use crate::gate::{self, GateError};
use crate::policy::{EffectiveTime, PolicyBundle};
use crate::problem::Problem;
use crate::tier::TierFacts;

/// What is other than it was recorded.
#[derive(Debug, Default)]
pub struct Changes {
    /// Other policies.
    pub policies: Option<PolicyBundle>,
    /// Another time.
    pub effective_time: Option<EffectiveTime>,
}

/// Decides again on what was recorded. `worker` is the program that evaluates policies in a process of its own.
///
/// # Errors
/// [`GateError::Evidence`] if the record cannot be run again, and [`GateError::Usage`] if the policies in `changes`
/// are wrong.
pub fn replay(recorded: RecordedRun, changes: Changes, worker: Option<&Path>) -> Result<Replay, GateError> {
    let mode = match &changes {
        Changes { policies: None, effective_time: None } => Mode::Replay,
        Changes { .. } => Mode::WhatIf,
    };
    let record = &recorded.record;
    let when = match changes.effective_time {
        Some(time) => time,
        None => EffectiveTime::parse(&record.effective_time).map_err(|reason| {
            let message = format!("the recorded effective time `{}` cannot be read: {reason}", record.effective_time);
            GateError::Evidence(vec![Problem::new("incomplete-record", message)])
        })?,
    };
    let are_given = changes.policies.is_some();
    // Policies that were recorded and that this version refuses are no mistake of whoever runs them again.
    let of_policies = |problems| match are_given {
        true => GateError::Usage(problems),
        false => GateError::Evidence(refused(record, problems)),
    };
    let bundle = changes.policies.unwrap_or(recorded.policies);
    let policies = gate::checked_policies(bundle, worker).map_err(of_policies)?;
    let mut facts = recorded.facts;
    let tier = gate::tier(&policies, &facts.model, &facts.intake, when).map_err(of_policies)?;
    let facts_json = if tier == facts.tier { recorded.facts_json } else { with_tier(&recorded.facts_json, &tier)? };
    facts.tier = tier;
    let replayed_json = canonical(&gate::decide(&policies, &facts, &facts_json, when)?)?;
    // Read again, as the recorded one was: a whole number is written in one way, and may be kept in two.
    let replayed = serde_json::from_slice(replayed_json.bytes()).map_err(not_json)?;
    Replay::of(mode, (record, &recorded.record_json), (&replayed, &replayed_json)).map_err(not_canonical)
}

/// The facts with another tier in them, and otherwise as they were recorded.
fn with_tier(facts: &CanonicalJson, tier: &TierFacts) -> Result<CanonicalJson, GateError> {
    let mut value: serde_json::Value = serde_json::from_slice(facts.bytes()).map_err(not_json)?;
    if let Some(facts) = value.as_object_mut() {
        facts.insert("tier".to_owned(), serde_json::to_value(tier).map_err(not_json)?);
    }
    canonical(&value)
}

fn canonical<T: serde::Serialize>(value: &T) -> Result<CanonicalJson, GateError> {
    CanonicalJson::of(value).map_err(not_canonical)
}

fn not_json(error: serde_json::Error) -> GateError {
    GateError::Evidence(vec![Problem::new("not-json", error.to_string())])
}

fn not_canonical(error: crate::canonical::NotCanonical) -> GateError {
    GateError::Evidence(vec![Problem::new("not-canonical", error.to_string())])
}

/// Recorded policies that this program does not take.
fn refused(record: &DecisionRecord, problems: Vec<Problem>) -> Vec<Problem> {
    let message = format!("the recorded policies are not in order for this version of {}", record.tool.name);
    let hint = format!("replay with version {}, which decided", record.tool.version);
    let first = Problem::new("incomplete-record", message).hint(hint);
    std::iter::once(first).chain(problems).collect()
}
