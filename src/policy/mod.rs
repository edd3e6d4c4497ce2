//! Policies: a bundle of Rego controls, checked when it is loaded and run so that nothing passes by accident.
//!
//! What is guaranteed:
//! - every control that a tier profile names gives exactly one outcome; one that is missing, undefined,
//!   of the wrong shape, over its time or raises an error gives `error`, which blocks;
//! - a bundle with a syntax error, an unknown function, an `input` path that the facts do not have, a
//!   profile that names a missing control, or data that could shadow a rule is refused before anything runs;
//! - the clock that policies see is the effective time, and they reach neither network, files,
//!   environment nor randomness;
//! - a control is bounded in time, the sizes of policies, of bundles and of what a control reports are
//!   bounded; in a process of its own ([`worker`]), which is how the command line runs it, in memory, too.

mod bundle;
mod check;
#[doc(hidden)]
pub mod conformance;
pub mod conftest;
mod control_outcome;
mod effective_time;
mod engine;
pub mod framework;
pub mod lint;
pub mod metadata;
mod outcome;
mod parameters;
pub mod profile;
mod strict_builtins;
pub mod testing;
pub mod trace;
pub mod worker;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use self::bundle::{PolicyBundle, PolicyReference};
pub use self::control_outcome::{Enforcement, Finding, Outcome, OutcomeResult, Severity};
pub use self::effective_time::EffectiveTime;
use self::engine::{Answer, AskedRule, Question};
use self::framework::Framework;
pub use self::metadata::Control;
use self::profile::{ControlProfile, Profiles, TierProfile};
use self::trace::BodyTrace;
use self::worker::Evaluator;
use crate::facts::supply_chain::signatures::ModelSigner;
use crate::manifest::raw::BundledSqlCheck;
use crate::problem::Problem;
use crate::tier::{Tier, TierFacts, TierReason};

/// Version of the policy engine, which is pinned in `Cargo.toml`.
pub const REGORUS_VERSION: &str = "0.14.1";

/// The package of the tiering rules, and the rule that gives the reasons for a tier.
const TIERING_PACKAGE: &str = "modelgate.tiering";
const TIERING_RULE: &str = "reason";

/// Bounds of one evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for one control. The embedded ones take under a millisecond.
    pub control_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { control_time: Duration::from_secs(5) }
    }
}

/// A bundle that has passed every check, ready to run.
pub struct CheckedPolicies {
    bundle: PolicyBundle,
    controls: BTreeMap<String, Control>,
    frameworks: Vec<Framework>,
    sql_checks: Vec<BundledSqlCheck>,
    model_signers: Vec<ModelSigner>,
    profiles: Profiles,
    /// Number of each control in the program that is evaluated, by its file.
    numbers: BTreeMap<String, usize>,
    evaluator: Evaluator,
}

impl CheckedPolicies {
    /// The bundle itself.
    #[must_use]
    pub const fn bundle(&self) -> &PolicyBundle {
        &self.bundle
    }

    /// Every control of the bundle, in the order of ids.
    pub fn controls(&self) -> impl Iterator<Item = &Control> {
        self.controls.values()
    }

    /// The catalogues of clauses, in the order of ids.
    #[must_use]
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// The queries that the bundle asks of evaluations, in the order of names.
    #[must_use]
    pub fn sql_checks(&self) -> &[BundledSqlCheck] {
        &self.sql_checks
    }

    /// Who may sign models, in the order of names.
    #[must_use]
    pub fn model_signers(&self) -> &[ModelSigner] {
        &self.model_signers
    }

    /// The profile of a tier.
    #[must_use]
    pub fn profile(&self, tier: Tier) -> Option<&TierProfile> {
        self.profiles.tiers.get(&tier)
    }

    /// Days until a condition is due in `tier`.
    #[must_use]
    pub fn condition_days(&self, tier: Tier) -> u32 {
        // A bundle without a profile for each tier does not pass its checks.
        self.profiles.tiers.get(&tier).map_or(0, |profile| profile.condition_days)
    }

    /// Works out the tier from what the manifest declares.
    ///
    /// # Errors
    /// The tiering rules raise an error, give no reason, or one of the wrong shape.
    pub fn tier(
        &self,
        model: &Value,
        intake: &Value,
        declared: Option<Tier>,
        when: EffectiveTime,
    ) -> Result<TierFacts, Vec<Problem>> {
        let refuse = |message: String| {
            let problem = Problem::new("tiering", format!("the tiering rules cannot be evaluated: {message}"));
            vec![problem.hint("correct `tiering/` in the policy bundle")]
        };
        let input = serde_json::json!({"model": model, "intake": intake});
        let path = format!("data.{TIERING_PACKAGE}.{TIERING_RULE}");
        let question = Question { rules: vec![AskedRule { path }], parameters: None };
        let limit = Limits::default().control_time;
        let mut answers = self.evaluator.answer(&input, when, &[question], limit).into_iter().flatten();
        let reasons = answers.next().unwrap_or_else(|| Err("there is no answer".to_owned())).map_err(refuse)?;
        let reasons: Vec<TierReason> = serde_json::from_value(reasons).map_err(|error| refuse(error.to_string()))?;
        if reasons.iter().any(|reason| reason.rule.is_empty() || reason.reason.is_empty()) {
            return Err(refuse("a reason has no rule id or no text".to_owned()));
        }
        TierFacts::new(reasons, declared).ok_or_else(|| refuse("no rule gives a reason for any tier".to_owned()))
    }

    /// Runs the controls of `tier` over the facts: one outcome for each control that its profile
    /// names, in the order of ids.
    #[must_use]
    pub fn evaluate(&self, facts: &Value, tier: Tier, when: EffectiveTime, limits: &Limits) -> Vec<Outcome> {
        // A bundle without a profile for each tier does not pass its checks; no outcome at all denies.
        let Some(profile) = self.profiles.tiers.get(&tier) else { return Vec::new() };
        let model = facts.pointer("/model/name").and_then(Value::as_str);
        let chosen: Vec<(&String, &ControlProfile)> = profile
            .controls
            .iter()
            .map(|(id, of_tier)| (id, self.profiles.chosen(tier, model, id).unwrap_or(of_tier)))
            .collect();
        // Checked when the profile is read; were one to slip through, it must not vanish.
        let question = |(id, chosen): &(&String, &ControlProfile)| self.question(id, chosen, facts).unwrap_or_default();
        let questions: Vec<Question> = chosen.iter().map(question).collect();
        let answers = self.evaluator.answer(facts, when, &questions, limits.control_time);
        let of = |((id, chosen), answer): ((&String, &ControlProfile), Answer)| {
            let Some(control) = self.controls.get(id) else { return outcome::of_missing_control(id, chosen) };
            outcome::of(control, chosen, facts, when, answer)
        };
        // The evaluator gives one answer for each question; without, the control is an error.
        let answers = answers.into_iter().chain(std::iter::repeat_with(Vec::new));
        chosen.into_iter().zip(answers).map(of).collect()
    }

    fn question(&self, id: &str, chosen: &ControlProfile, facts: &Value) -> Option<Question> {
        let control = self.controls.get(id)?;
        Some(outcome::question(control, chosen, *self.numbers.get(&control.path)?, facts))
    }
}

/// The path of the package that a Rego text declares, with `/` between its parts; none if it declares none.
#[must_use]
pub fn package_path(source: &str) -> Option<String> {
    let mut parsed = engine::Parsed::new();
    parsed.add_policy("package", source).ok()?;
    parsed.packages().ok()?.into_values().next().map(|parts| parts.join("/"))
}

/// Why a control came to its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What the control reads of the facts, with the values there, in the order of paths. A path that leads
    /// through a list has a value for each of its items.
    pub inputs: Vec<InputValue>,
    /// How far the bodies of its rules get.
    pub bodies: Vec<BodyTrace>,
}

/// A part of the facts.
#[derive(Debug, Clone, PartialEq)]
pub struct InputValue {
    /// Its path, such as `input.evaluations[0].threshold`.
    pub path: String,
    /// Its value, or none if it is not there.
    pub value: Option<Value>,
}

impl CheckedPolicies {
    /// Why the control `id` comes to what it comes to in `tier`. Only policies that are evaluated in this
    /// process can be looked into.
    ///
    /// # Errors
    /// The tier does not run the control, or the facts cannot be given to it.
    pub fn explain(
        &self,
        id: &str,
        facts: &Value,
        facts_schema: &Value,
        tier: Tier,
        when: EffectiveTime,
    ) -> Result<Explanation, Problem> {
        let model = facts.pointer("/model/name").and_then(Value::as_str);
        let chosen = self.profiles.chosen(tier, model, id).and_then(|chosen| self.question(id, chosen, facts));
        let found = self.controls.get(id).zip(chosen).zip(self.evaluator.prepared());
        let Some(((control, question), prepared)) = found else {
            let problem = Problem::new("control-not-run", format!("the tier `{tier}` does not run `{id}`"));
            return Err(problem.hint("`modelgate policy docs` lists what each tier runs"));
        };
        let number = question.parameters.as_ref().map_or(0, |parameters| parameters.number);
        let session =
            prepared.session(facts, when, &[question]).map_err(|message| Problem::new("invalid-facts", message))?;
        let shown = self.bundle.shown(&control.path);
        let limit = Limits::default().control_time;
        let mut inputs = Vec::new();
        for path in session.inputs(&shown, facts_schema) {
            follow(facts, path.strip_prefix("input").unwrap_or(&path), "input".to_owned(), &mut inputs);
        }
        let bodies = session.trace(&shown, number, limit, &["violation", "not_applicable"]);
        Ok(Explanation { inputs, bodies })
    }
}

/// The values at `path`, which is such as `.evaluations[_].name`; `at` is how one got to `value`.
fn follow(value: &Value, path: &str, at: String, found: &mut Vec<InputValue>) {
    if path.is_empty() {
        return found.push(InputValue { path: at, value: Some(value.clone()) });
    }
    if let Some(rest) = path.strip_prefix("[_]") {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| follow(item, rest, format!("{at}[{index}]"), found));
            }
            Value::Object(entries) => {
                entries.iter().for_each(|(key, entry)| follow(entry, rest, format!("{at}.{key}"), found));
            }
            _ => found.push(InputValue { path: format!("{at}{path}"), value: None }),
        }
        return;
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    match value.get(name) {
        Some(entry) => follow(entry, rest, format!("{at}.{name}"), found),
        None => found.push(InputValue { path: format!("{at}.{path}"), value: None }),
    }
}

#[cfg(test)]
mod tests;
