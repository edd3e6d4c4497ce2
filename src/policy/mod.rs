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
//!   bounded. Memory is not: a policy that builds a huge value ends the program, which decides nothing.

mod bundle;
mod check;
#[doc(hidden)]
pub mod conformance;
mod control_outcome;
mod effective_time;
mod engine;
pub mod lint;
pub mod metadata;
mod outcome;
pub mod profile;
mod strict_builtins;
pub mod testing;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use self::bundle::{PolicyBundle, PolicyReference};
pub use self::control_outcome::{Enforcement, Finding, Outcome, OutcomeResult, Severity};
pub use self::effective_time::EffectiveTime;
pub use self::metadata::Control;
use self::profile::TierProfile;
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
    profiles: BTreeMap<Tier, TierProfile>,
    engine: engine::Prepared,
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

    /// The profile of a tier.
    #[must_use]
    pub fn profile(&self, tier: Tier) -> Option<&TierProfile> {
        self.profiles.get(&tier)
    }

    /// Days until a condition is due in `tier`.
    #[must_use]
    pub fn condition_days(&self, tier: Tier) -> u32 {
        // A bundle without a profile for each tier does not pass its checks.
        self.profiles.get(&tier).map_or(0, |profile| profile.condition_days)
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
        let session = self.engine.session(&input, &BTreeMap::new(), when).map_err(refuse)?;
        let rule = format!("data.{TIERING_PACKAGE}.{TIERING_RULE}");
        let reasons = session.evaluate(None, &rule, Limits::default().control_time).map_err(refuse)?;
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
        let Some(profile) = self.profiles.get(&tier) else { return Vec::new() };
        let parameters = profile.controls.iter().map(|(id, chosen)| (id.as_str(), &chosen.parameters)).collect();
        let session = self.engine.session(facts, &parameters, when);
        let run = |(id, chosen): (&String, &profile::ControlProfile)| {
            // Checked when the profile is read; were it to slip through, it must not vanish.
            let Some(control) = self.controls.get(id) else { return outcome::of_missing_control(id, chosen) };
            outcome::of(control, chosen, facts, when, |rule| {
                let session = session.as_ref().map_err(Clone::clone)?;
                session.evaluate(Some(id), rule, limits.control_time)
            })
        };
        profile.controls.iter().map(run).collect()
    }
}

#[cfg(test)]
mod tests;
