//! What a replay came to beside what was recorded. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::record::{DecisionRecord, Tool};
use crate::decision::{Enforcement, Finding, Outcome, OutcomeResult, Verdict};
use crate::digest::Sha256Digest;
use crate::tier::Tier;

/// Whether the decision was run again as it was, or otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// With the recorded policies at the recorded time.
    Replay,
    /// With other policies, or at another time.
    WhatIf,
}

/// How the two records relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sameness {
    /// The same bytes.
    Same,
    /// The same bytes but for the version of the program, which decided the same.
    SameButForTheTool,
    /// Something else differs.
    Different,
}

/// A replay, version 1: what was recorded, what the same came to now, and what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "modelgate replay, version 1")]
pub struct Replay {
    /// Version of this format. Always 1.
    pub version: u32,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// As it was, or otherwise.
    pub mode: Mode,
    /// How the two decision records relate.
    pub result: Sameness,
    /// What was recorded.
    pub recorded: Side,
    /// What it came to now.
    pub replayed: Side,
    /// Fields of the decision record that differ, without those of controls.
    pub fields: Vec<FieldDifference>,
    /// Controls that came to something else, in the order of their ids.
    pub controls: Vec<ControlDifference>,
}

/// One of two decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// What the gate came to.
    pub decision: Verdict,
    /// The tier that applied.
    pub tier: Tier,
    /// The time at which policies were evaluated, RFC 3339, UTC.
    pub effective_time: String,
    /// SHA-256 of the policies.
    pub policy: Sha256Digest,
    /// The program that decided.
    pub tool: Tool,
    /// SHA-256 of the decision record.
    pub decision_record: Sha256Digest,
}

/// A field of the decision record with two values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldDifference {
    /// The field, such as `decision`.
    pub field: String,
    /// Its recorded value.
    pub recorded: Value,
    /// Its value now.
    pub replayed: Value,
}

/// A control with two outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlDifference {
    /// Stable id, such as `VAL-002`.
    pub control: String,
    /// What differs, such as `result`, `enforcement` or `findings`; empty if only one side has the control.
    pub differs: Vec<String>,
    /// What it came to; null if it was not run.
    pub recorded: Option<ControlOutcome>,
    /// What it comes to now; null if it is not run any more.
    pub replayed: Option<ControlOutcome>,
}

/// What a control came to, as far as a reader of differences needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlOutcome {
    /// What it came to.
    pub result: OutcomeResult,
    /// What a fail does in the tier.
    pub enforcement: Enforcement,
    /// Why it is not applicable, waived or an error.
    pub reasons: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl From<&Outcome> for ControlOutcome {
    fn from(outcome: &Outcome) -> Self {
        Self {
            result: outcome.result,
            enforcement: outcome.enforcement,
            reasons: outcome.reasons.clone(),
            findings: outcome.findings.clone(),
        }
    }
}

impl Side {
    fn of(record: &DecisionRecord, record_json: &CanonicalJson) -> Self {
        Self {
            decision: record.decision,
            tier: record.tier.effective,
            effective_time: record.effective_time.clone(),
            policy: record.policy.sha256,
            tool: record.tool.clone(),
            decision_record: record_json.digest(),
        }
    }
}

impl Replay {
    /// Compares a recorded decision with the one that it came to now, each as it is read from its canonical bytes.
    ///
    /// # Errors
    /// [`NotCanonical`]; there is no record that causes one.
    pub fn of(
        mode: Mode,
        (recorded, recorded_json): (&DecisionRecord, &CanonicalJson),
        (replayed, replayed_json): (&DecisionRecord, &CanonicalJson),
    ) -> Result<Self, NotCanonical> {
        let by_the_tool_that_decided = DecisionRecord { tool: recorded.tool.clone(), ..replayed.clone() };
        let result = if recorded_json.bytes() == replayed_json.bytes() {
            Sameness::Same
        } else if CanonicalJson::of(&by_the_tool_that_decided)?.bytes() == recorded_json.bytes() {
            Sameness::SameButForTheTool
        } else {
            Sameness::Different
        };
        Ok(Self {
            version: 1,
            model: recorded.model.clone(),
            model_version: recorded.model_version.clone(),
            mode,
            result,
            recorded: Side::of(recorded, recorded_json),
            replayed: Side::of(replayed, replayed_json),
            fields: fields(recorded_json, replayed_json)?,
            controls: controls(&recorded.outcomes, &replayed.outcomes),
        })
    }
}

/// The fields that differ, read from the bytes: a field that this version does not know is one, too.
fn fields(recorded: &CanonicalJson, replayed: &CanonicalJson) -> Result<Vec<FieldDifference>, NotCanonical> {
    let (recorded, _) = CanonicalJson::read(recorded.bytes())?;
    let (replayed, _) = CanonicalJson::read(replayed.bytes())?;
    let names = |value: &Value| value.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    let mut all: std::collections::BTreeSet<String> = names(&recorded);
    all.append(&mut names(&replayed));
    let value = |of: &Value, name: &str| of.get(name).cloned().unwrap_or_default();
    let differing = all.into_iter().filter(|name| name != "outcomes").filter_map(|field| {
        let (recorded, replayed) = (value(&recorded, &field), value(&replayed, &field));
        (recorded != replayed).then_some(FieldDifference { field, recorded, replayed })
    });
    Ok(differing.collect())
}

fn controls(recorded: &[Outcome], replayed: &[Outcome]) -> Vec<ControlDifference> {
    let mut pairs: BTreeMap<&str, (Option<&Outcome>, Option<&Outcome>)> = BTreeMap::new();
    for outcome in recorded {
        pairs.entry(&outcome.control).or_default().0 = Some(outcome);
    }
    for outcome in replayed {
        pairs.entry(&outcome.control).or_default().1 = Some(outcome);
    }
    let differing = pairs.into_iter().filter(|(_, (recorded, replayed))| recorded != replayed);
    differing
        .map(|(control, (recorded, replayed))| ControlDifference {
            control: control.to_owned(),
            differs: recorded.zip(replayed).map(|(recorded, replayed)| differs(recorded, replayed)).unwrap_or_default(),
            recorded: recorded.map(Into::into),
            replayed: replayed.map(Into::into),
        })
        .collect()
}

/// The names of the fields in which two outcomes of a control differ.
fn differs(recorded: &Outcome, replayed: &Outcome) -> Vec<String> {
    let fields = |outcome: &Outcome| match serde_json::to_value(outcome) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (recorded, replayed) = (fields(recorded), fields(replayed));
    let names: std::collections::BTreeSet<&String> = recorded.keys().chain(replayed.keys()).collect();
    names.into_iter().filter(|name| recorded.get(*name) != replayed.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::sample;

    fn compared(change: impl FnOnce(&mut DecisionRecord)) -> Replay {
        let recorded = sample::record(&sample::facts());
        let mut replayed = recorded.clone();
        change(&mut replayed);
        let (recorded_json, replayed_json) =
            (CanonicalJson::of(&recorded).unwrap(), CanonicalJson::of(&replayed).unwrap());
        Replay::of(Mode::Replay, (&recorded, &recorded_json), (&replayed, &replayed_json)).unwrap()
    }

    fn names(replay: &Replay) -> Vec<&str> {
        replay.fields.iter().map(|difference| difference.field.as_str()).collect()
    }

    #[test]
    fn the_same_record_is_the_same() {
        let replay = compared(|_| {});
        assert_eq!((replay.result, replay.fields.len(), replay.controls.len()), (Sameness::Same, 0, 0));
        assert_eq!(replay.recorded, replay.replayed);
    }

    #[test]
    fn another_version_is_the_same_if_it_decides_the_same() {
        let replay = compared(|record| record.tool.version = "9.0.0".to_owned());
        assert_eq!(replay.result, Sameness::SameButForTheTool);
        assert_eq!(names(&replay), ["tool"]);
        let replay = compared(|record| {
            record.tool.version = "9.0.0".to_owned();
            record.decision = Verdict::Deny;
        });
        assert_eq!(replay.result, Sameness::Different);
        assert_eq!(names(&replay), ["decision", "tool"]);
    }

    #[test]
    fn a_control_that_differs_says_in_what() {
        let replay = compared(|record| {
            record.outcomes[0].result = OutcomeResult::Fail;
            record.outcomes[0].findings = vec![Finding::new("artifact/a", "is wrong")];
            record.outcomes[1].control = "VAL-999".to_owned();
        });
        assert_eq!(replay.result, Sameness::Different);
        let controls: Vec<_> = replay.controls.iter().map(|control| control.control.as_str()).collect();
        assert_eq!(controls, ["ART-001", "VAL-003", "VAL-999"]);
        assert_eq!(replay.controls[0].differs, ["findings", "result"]);
        assert!(replay.controls[1].replayed.is_none() && replay.controls[2].recorded.is_none());
    }

    #[test]
    fn a_difference_in_words_alone_is_a_difference() {
        let replay = compared(|record| record.outcomes[0].title.push('.'));
        assert_eq!(
            (replay.result, replay.controls[0].differs.clone()),
            (Sameness::Different, vec!["title".to_owned()])
        );
    }
}
