//! The way through the stations: manifest, facts, tier, policy, decision.
//!
//! What comes after (evidence, store, report) is the caller's, since `facts` and `tier` stop half-way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::canonical::CanonicalJson;
use crate::decision::record::{self, DecisionRecord};
use crate::environment::Environment;
use crate::evidence::model_signing::ModelSigners;
use crate::facts::{self, Asked, Facts};
use crate::manifest::{self, Manifest, raw};
use crate::policy::{CheckedPolicies, EffectiveTime, Limits, PolicyBundle};
use crate::problem::Problem;
use crate::schema::Schema;
use crate::tier::TierFacts;

/// Which release, judged by which policies, as of when.
#[derive(Debug, Clone)]
pub struct Request {
    /// Directory of the release, or its manifest.
    pub release: PathBuf,
    /// The policies, or why there are none.
    pub policies: Result<PolicyBundle, Vec<Problem>>,
    /// The time that policies are told.
    pub effective_time: EffectiveTime,
    /// The program that evaluates policies in a process of its own; none evaluates them in this one.
    pub policy_worker: Option<PathBuf>,
}

/// Why nothing was decided.
#[derive(Debug)]
pub enum GateError {
    /// The manifest or the policy bundle is wrong.
    Usage(Vec<Problem>),
    /// Evidence is missing, unreadable or over a limit.
    Evidence(Vec<Problem>),
}

/// How long each station took.
#[derive(Debug, Default)]
pub struct Timings(Vec<(&'static str, Duration)>);

impl Timings {
    /// Runs `work` and notes how long it took as `station`.
    pub fn time<T>(&mut self, station: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.0.push((station, start.elapsed()));
        result
    }

    /// Stations in the order in which they ran.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> + '_ {
        self.0.iter().copied()
    }
}

/// A release whose manifest and policies are in order.
pub struct Opened {
    manifest: Manifest,
    policies: Arc<CheckedPolicies>,
    tier: TierFacts,
    effective_time: EffectiveTime,
}

/// What was decided, and everything that it was decided on.
pub struct Decided {
    /// The facts.
    pub facts: Facts,
    /// Their canonical bytes.
    pub facts_json: CanonicalJson,
    /// The decision record.
    pub record: DecisionRecord,
    /// Its canonical bytes.
    pub record_json: CanonicalJson,
    /// The policies that were run.
    pub policies: Arc<CheckedPolicies>,
    /// The directory that the paths in the facts are relative to.
    pub directory: PathBuf,
}

impl Opened {
    /// Reads and checks the manifest and the policies, and works out the tier. Problems of both are
    /// reported together.
    ///
    /// # Errors
    /// [`GateError::Usage`] with every problem.
    pub fn open(request: Request, timings: &mut Timings) -> Result<Self, GateError> {
        let manifest = timings.time("manifest", || manifest::load(&request.release));
        let (bundle, worker) = (request.policies, request.policy_worker.as_deref());
        let policies = timings.time("policies", || Ok::<_, Vec<Problem>>(Arc::new(checked_policies(bundle?, worker)?)));
        let (manifest, policies) = match (manifest, policies) {
            (Ok(manifest), Ok(policies)) => (manifest, policies),
            (Err(manifest), Ok(_)) => return Err(GateError::Usage(manifest)),
            (Ok(_), Err(policies)) => return Err(GateError::Usage(policies)),
            (Err(manifest), Err(policies)) => {
                return Err(GateError::Usage(manifest.into_iter().chain(policies).collect()));
            }
        };
        timings.time("tier", || Self::tiered(manifest, policies, request.effective_time))
    }

    /// Reads and checks the manifest, for policies that are in order, and works out the tier.
    ///
    /// # Errors
    /// [`GateError::Usage`] with every problem.
    pub fn with_policies(
        release: &Path,
        policies: Arc<CheckedPolicies>,
        effective_time: EffectiveTime,
    ) -> Result<Self, GateError> {
        Self::tiered(manifest::load(release).map_err(GateError::Usage)?, policies, effective_time)
    }

    fn tiered(
        manifest: Manifest,
        policies: Arc<CheckedPolicies>,
        effective_time: EffectiveTime,
    ) -> Result<Self, GateError> {
        let tier = tier(&policies, &manifest.model, &manifest.intake, effective_time).map_err(GateError::Usage)?;
        Ok(Self { manifest, policies, tier, effective_time })
    }

    /// The same release without the bill of materials that it declares, for writing one.
    #[must_use]
    pub fn without_bill_of_materials(mut self) -> Self {
        self.manifest.bill_of_materials = None;
        self
    }

    /// The tier, and why.
    #[must_use]
    pub const fn tier(&self) -> &TierFacts {
        &self.tier
    }

    /// The policies that will be run.
    #[must_use]
    pub fn policies(&self) -> &CheckedPolicies {
        &self.policies
    }

    /// Measures the facts.
    ///
    /// # Errors
    /// [`GateError::Evidence`] with every problem of every file; [`GateError::Usage`] if the policies trust a key
    /// that is none.
    pub async fn measure(&self, environment: &Environment) -> Result<Facts, GateError> {
        let signers = ModelSigners::of(self.policies.model_signers()).map_err(GateError::Usage)?;
        let asked = Asked { sql_checks: self.policies.sql_checks(), signatures: &signers };
        facts::measure(&self.manifest, &self.tier, asked, environment).await.map_err(GateError::Evidence)
    }

    /// Runs the tier's policies over `facts` and decides.
    ///
    /// # Errors
    /// [`GateError::Evidence`] if a record cannot be written as canonical JSON.
    pub fn decide(self, facts: Facts, timings: &mut Timings) -> Result<Decided, GateError> {
        let facts_json = canonical(&facts)?;
        let record = timings.time("policy", || decide(&self.policies, &facts, &facts_json, self.effective_time))?;
        let record_json = canonical(&record)?;
        let directory = self.manifest.root.directory().to_owned();
        Ok(Decided { facts, facts_json, record, record_json, policies: self.policies, directory })
    }
}

/// Runs the tier's policies over `facts`, whose canonical bytes are `facts_json`, and decides.
///
/// Policies see what those bytes say, and not the facts as they were measured: the bytes are what is recorded,
/// so that a replay, which has nothing else, shows policies the same.
///
/// # Errors
/// [`GateError::Evidence`] if the bytes are not JSON.
pub fn decide(
    policies: &CheckedPolicies,
    facts: &Facts,
    facts_json: &CanonicalJson,
    effective_time: EffectiveTime,
) -> Result<DecisionRecord, GateError> {
    let input = serde_json::from_slice(facts_json.bytes())
        .map_err(|error| GateError::Evidence(vec![Problem::new("not-json", error.to_string())]))?;
    let tier = facts.tier.effective;
    Ok(record::decide(record::Inputs {
        facts,
        facts_reference: record::RecordReference::of(facts_json),
        policy: policies.bundle().reference(),
        outcomes: policies.evaluate(&input, tier, effective_time, &Limits::default()),
        condition_days: policies.condition_days(tier),
        effective_time,
    }))
}

/// Works out the tier of a model by its intake answers.
///
/// # Errors
/// Every problem of the tiering rules.
pub fn tier(
    policies: &CheckedPolicies,
    model: &raw::Model,
    intake: &raw::Intake,
    effective_time: EffectiveTime,
) -> Result<TierFacts, Vec<Problem>> {
    policies.tier(&to_value(model)?, &to_value(intake)?, intake.declared_tier, effective_time)
}

/// Policies that decide, as the gate runs them; `worker` is the program that evaluates them in a process of its own.
///
/// # Errors
/// Every problem of every file.
pub fn checked_policies(bundle: PolicyBundle, worker: Option<&Path>) -> Result<CheckedPolicies, Vec<Problem>> {
    bundle.check_isolated(&Schema::Facts.to_value(), worker)
}

fn to_value<T: serde::Serialize>(record: &T) -> Result<serde_json::Value, Vec<Problem>> {
    serde_json::to_value(record).map_err(|error| vec![Problem::new("not-json", error.to_string())])
}

fn canonical<T: serde::Serialize>(record: &T) -> Result<CanonicalJson, GateError> {
    CanonicalJson::of(record)
        .map_err(|error| GateError::Evidence(vec![Problem::new("not-canonical", error.to_string())]))
}
