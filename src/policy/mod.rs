//! Policies: a bundle of Rego controls, checked when it is loaded and run so that nothing passes by accident.
//!
//! What is guaranteed:
//! - every control that a tier profile names gives exactly one outcome; one that is undefined, of the
//!   wrong shape, over its time or raises an error gives `error`, which blocks;
//! - a bundle with a syntax error, an unknown function, an `input` path that the facts do not have, a
//!   profile that names a missing control, or data that could shadow a rule is refused before anything runs;
//! - the clock that policies see is the effective time, and they reach neither network, files,
//!   environment nor randomness.

mod bundle;
mod check;
mod effective_time;
mod engine;
pub mod lint;
pub mod metadata;
mod outcome;
pub mod profile;
pub mod testing;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use self::bundle::PolicyBundle;
pub use self::effective_time::EffectiveTime;
pub use self::metadata::Control;
use self::profile::TierProfile;
use crate::decision::Outcome;
use crate::problem::Problem;
use crate::tier::{Tier, TierFacts, TierReason};

/// Version of the policy engine, which is pinned in `Cargo.toml`.
pub const REGORUS_VERSION: &str = "0.14.1";

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
        let rule = vec!["data.modelgate.tiering.reason".to_owned()];
        let session = self.engine.session(&input, when).map_err(refuse)?;
        let values = session.evaluate(&serde_json::json!({}), &rule, Limits::default()).map_err(refuse)?;
        let reasons = values.into_iter().next().unwrap_or(Value::Null);
        let reasons: Vec<TierReason> = serde_json::from_value(reasons).map_err(|error| refuse(error.to_string()))?;
        TierFacts::new(reasons, declared).ok_or_else(|| refuse("no rule gives a reason for any tier".to_owned()))
    }

    /// Runs the controls of `tier` over the facts: one outcome for each control that its profile
    /// names, in the order of ids.
    #[must_use]
    pub fn evaluate(&self, facts: &Value, tier: Tier, when: EffectiveTime, limits: &Limits) -> Vec<Outcome> {
        let Some(profile) = self.profiles.get(&tier) else { return Vec::new() };
        let session = self.engine.session(facts, when);
        let run = |(id, chosen): (&String, &profile::ControlProfile)| {
            let control = self.controls.get(id)?;
            Some(outcome::of(control, chosen, facts, when, |rules| {
                let session = session.as_ref().map_err(Clone::clone)?;
                session.evaluate(&Value::Object(chosen.parameters.clone()), rules, *limits)
            }))
        };
        // A control that is not in the bundle is refused when the profile is read.
        profile.controls.iter().filter_map(run).collect()
    }
}
