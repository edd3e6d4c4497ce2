//! What each kind of record says. The types are those of the record files and of the facts alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How likely, how bad, or what is left after mitigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// Who would attack or misuse the model, how, and what stands against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThreatModel {
    /// The threats that were considered.
    #[schemars(length(max = 200))]
    pub threats: Vec<Threat>,
}

/// A threat to the model or by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threat {
    /// Id within the record, such as `T-1`.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The kind of attack.
    pub kind: AttackKind,
    /// Who does what, and what it leads to.
    #[schemars(length(min = 1, max = 4000))]
    pub scenario: String,
    /// How likely it is without mitigation.
    pub likelihood: Rating,
    /// How bad it would be.
    pub impact: Rating,
    /// What stands against it.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 1000)))]
    pub mitigations: Vec<String>,
    /// The risk that is left.
    pub residual: Rating,
}

/// A kind of attack on a model, after NIST AI 100-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// Inputs that are made to be judged wrongly.
    Evasion,
    /// Training data or updates that were tampered with.
    Poisoning,
    /// The model is copied by asking it.
    Extraction,
    /// Training data is learnt from its answers: inversion, membership inference.
    Privacy,
    /// Instructions hidden in what it reads.
    PromptInjection,
    /// A dependency, a base model or a file was exchanged.
    SupplyChain,
    /// It is used for what it was not approved for.
    Misuse,
    /// It is made slow or unavailable.
    Availability,
}

/// Tests against the attacks of the threat model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityTests {
    /// The tests that were run.
    #[schemars(length(max = 200))]
    pub tests: Vec<SecurityTest>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityTest {
    /// Id within the record.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The attack that it tries.
    pub kind: AttackKind,
    /// What was done, in a sentence.
    #[schemars(length(min = 1, max = 4000))]
    pub method: String,
    /// Day on which it was run.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub performed_on: String,
    /// What it came to.
    pub result: TestVerdict,
}

/// What a test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestVerdict {
    /// The model held.
    Pass,
    /// It did not.
    Fail,
    /// The test says neither.
    Inconclusive,
}

/// What the model does with data about people, and why it may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyAssessment {
    /// On what ground personal data is used, such as a contract or consent.
    #[schemars(length(min = 1, max = 2000))]
    pub lawful_basis: String,
    /// What is done to use no more of it than is needed.
    #[schemars(length(min = 1, max = 4000))]
    pub minimisation: String,
    /// How long it is kept, in days.
    #[schemars(range(min = 1))]
    pub retention_days: u64,
    /// Whether the data-protection officer, or whoever has the role, was asked.
    pub officer_consulted: bool,
    /// Risks to the people whose data it is.
    #[schemars(length(max = 200))]
    pub risks: Vec<PrivacyRisk>,
}

/// A risk to people whose data is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyRisk {
    /// Id within the record.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What could happen to whom.
    #[schemars(length(min = 1, max = 4000))]
    pub description: String,
    /// What is done against it.
    #[schemars(length(min = 1, max = 4000))]
    pub measures: String,
    /// The risk that is left.
    pub residual: Rating,
}

/// Who watches the model's decisions and what they can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HumanOversight {
    /// The people or roles that oversee it.
    #[schemars(length(max = 50))]
    pub overseers: Vec<Overseer>,
    /// What keeps them from following the model blindly.
    #[schemars(length(min = 1, max = 4000))]
    pub automation_bias: String,
    /// How a person whom a decision affects can have it looked at again; null if they cannot.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub appeal: Option<String>,
}

/// A person or a role that oversees the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overseer {
    /// The role, such as `loan officer`.
    #[schemars(length(min = 1, max = 254))]
    pub role: String,
    /// What it may do.
    #[schemars(length(max = 4))]
    pub powers: Vec<OversightPower>,
    /// How it is trained for it.
    #[schemars(length(min = 1, max = 2000))]
    pub training: String,
}

/// What an overseer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OversightPower {
    /// Decide otherwise than the model in one case.
    Override,
    /// Take the model out of use.
    Stop,
    /// Hand a case to somebody else.
    Escalate,
    /// See how it performs.
    Monitor,
}

/// How a decision is explained, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explainability {
    /// How explanations are made, such as `coefficients` or `SHAP`.
    #[schemars(length(min = 1, max = 2000))]
    pub method: String,
    /// Who is given them.
    #[schemars(length(min = 1, max = 20))]
    pub audiences: Vec<Audience>,
    /// How it was checked that they say what the model does; null if it was not.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub faithfulness_check: Option<String>,
    /// Where they mislead.
    #[schemars(length(min = 1, max = 4000))]
    pub limits: String,
}

/// Who is given an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The person whom the decision is about.
    AffectedPerson,
    /// Whoever uses the output.
    Operator,
    /// Whoever validates the model.
    Validator,
    /// A supervisory authority.
    Regulator,
}

/// How the model holds when its input is not what it was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RobustnessTests {
    /// The tests that were run.
    #[schemars(length(max = 200))]
    pub tests: Vec<RobustnessTest>,
}

/// One perturbation and what it does to one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RobustnessTest {
    /// Id within the record.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What was done to the input, such as `income missing for one row in ten`.
    #[schemars(length(min = 1, max = 2000))]
    pub perturbation: String,
    /// The metric that was measured; higher is better.
    #[schemars(length(min = 1, max = 64))]
    pub metric: String,
    /// Its value without the perturbation.
    pub baseline: f64,
    /// Its value with it.
    pub perturbed: f64,
}

/// Where the training data comes from and what it lacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataStatement {
    /// The sources.
    #[schemars(length(min = 1, max = 100))]
    pub sources: Vec<DataSource>,
    /// How labels were made, and by whom.
    #[schemars(length(min = 1, max = 4000))]
    pub labelling: String,
    /// What the data does not cover. Saying that there is nothing is a claim, too: an empty list makes it.
    #[schemars(length(max = 100), inner(length(min = 1, max = 2000)))]
    pub known_gaps: Vec<String>,
}

/// A source of training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSource {
    /// What it is called.
    #[schemars(length(min = 1, max = 254))]
    pub name: String,
    /// Licence or contract under which it is used.
    #[schemars(length(min = 1, max = 254))]
    pub licence: String,
    /// Whom or what it is about.
    #[schemars(length(min = 1, max = 2000))]
    pub population: String,
    /// First day that it covers.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub collected_from: String,
    /// Last day that it covers.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub collected_to: String,
}

/// What it takes to train the model again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reproducibility {
    /// Repository of the training code.
    #[schemars(length(min = 1, max = 2048))]
    pub code: String,
    /// Commit of it, as the full object id.
    #[schemars(regex(pattern = r"^([0-9a-f]{40}|[0-9a-f]{64})$"))]
    pub commit: String,
    /// Lock file of the environment, such as `requirements.lock`, and its digest; null if there is none.
    #[serde(default)]
    pub environment_lock: Option<PinnedFile>,
    /// Training data by digest.
    #[schemars(length(max = 100))]
    pub data: Vec<PinnedFile>,
    /// Seed of the random numbers; null if none was set.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The command that trains.
    #[schemars(length(min = 1, max = 2000))]
    pub command: String,
    /// Whether a second training came to the same: null if nobody tried.
    #[serde(default)]
    pub reproduced: Option<bool>,
}

/// A file that is named by its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// Path or URI.
    #[schemars(length(min = 1, max = 2048))]
    pub name: String,
    /// SHA-256 of it.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// What went wrong with the model in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incidents {
    /// First day that the record covers.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub since: String,
    /// Whom to tell about one, and how.
    #[schemars(length(min = 1, max = 2000))]
    pub reporting: String,
    /// The incidents. An empty list says that there were none.
    #[schemars(length(max = 500))]
    pub incidents: Vec<Incident>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Id, such as that of the ticket.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What happened.
    #[schemars(length(min = 1, max = 4000))]
    pub summary: String,
    /// How bad it was.
    pub severity: Rating,
    /// Day on which it was noticed.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub opened: String,
    /// Day on which it was closed; null while it is open.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub closed: Option<String>,
    /// Why it happened; null while that is not known.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub root_cause: Option<String>,
    /// Whether the authority had to be told and was; null where there is no such duty.
    #[serde(default)]
    pub reported_to_authority: Option<bool>,
}

/// What was promised when earlier releases were approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remediations {
    /// The items. An empty list says that nothing is open or was.
    #[schemars(length(max = 500))]
    pub items: Vec<Remediation>,
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    /// Id, such as that of the ticket.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The control that it is about; null for one that no control asked for.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Z]{3}-[0-9]{3}$"))]
    pub control: Option<String>,
    /// What is to be done.
    #[schemars(length(min = 1, max = 4000))]
    pub action: String,
    /// Who does it.
    #[schemars(length(min = 1, max = 254))]
    pub owner: String,
    /// Day until which.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub due: String,
    /// Day on which it was done; null while it is open.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub closed: Option<String>,
    /// What shows that it was done; null while it is open.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub evidence: Option<String>,
}

/// Risks that somebody accepted for a time, as the team lists them. A list accepts nothing: that takes a
/// signed risk acceptance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// The exceptions. An empty list says that there are none.
    #[schemars(length(max = 200))]
    pub exceptions: Vec<Exception>,
}

/// One accepted risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The control whose fail is accepted.
    #[schemars(regex(pattern = r"^[A-Z]{3}-[0-9]{3}$"))]
    pub control: String,
    /// Why.
    #[schemars(length(min = 1, max = 4000))]
    pub reason: String,
    /// Who asked for it.
    #[schemars(length(min = 1, max = 254))]
    pub requested_by: String,
    /// Who accepted it.
    #[schemars(length(min = 1, max = 254))]
    pub accepted_by: String,
    /// First day.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub from: String,
    /// Last day, included.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub expires: String,
    /// What is done instead.
    #[schemars(length(max = 50), inner(length(min = 1, max = 2000)))]
    pub compensating_controls: Vec<String>,
}

/// What changed from release to release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLog {
    /// The releases, in any order.
    #[schemars(length(min = 1, max = 500))]
    pub entries: Vec<ChangeLogEntry>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLogEntry {
    /// Its version.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
    /// Its day.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub released: String,
    /// What changed.
    #[schemars(length(min = 1, max = 4000))]
    pub summary: String,
}
