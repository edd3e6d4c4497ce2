//! `modelgate.yaml` as it is written: the types from which its JSON Schema is generated.
//!
//! Nothing here has been checked beyond its shape; [`super::Manifest`] is what the stations use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tier::Tier;

/// `modelgate.yaml`: what the team declares about one release of one model.
///
/// It declares and never decides: it cannot choose its policies, lower its tier below what the
/// tiering rules compute, or accept its own risks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "modelgate manifest, version 1")]
pub struct RawManifest {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The model that is to be released.
    pub model: Model,
    /// The intake answers from which the risk tier is computed.
    pub intake: Intake,
    /// Path of the model card: Markdown with YAML front matter, JSON of the Model Card Toolkit, or a bill of materials of
    /// CycloneDX with a model card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// The files that would be released.
    #[schemars(length(min = 1, max = 256))]
    pub artifacts: Vec<RawArtifact>,
    /// Row-level evaluations, from which every metric is recomputed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub evaluations: Vec<RawEvaluation>,
    /// Monitoring configurations that will watch the model in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub monitoring: Vec<RawMonitoring>,
    /// Documents that say where the files come from and what they are made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_chain: Option<RawSupplyChain>,
    /// What changed since the version now in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Records: paths or globs of YAML files such as a threat model, relative to the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)))]
    pub records: Vec<String>,
}

/// Who the model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Name in the model inventory: lower-case letters, digits, `.`, `_`, `-` and `/`.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._/-]{0,127}$"))]
    pub name: String,
    /// Version of this release, such as `1.4.0`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$"))]
    pub version: String,
    /// The person or team that answers for the model: an e-mail address or a handle.
    #[schemars(length(min = 1, max = 254))]
    pub owner: String,
    /// The person or team that validated it independently of its developers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 254))]
    pub validator: Option<String>,
    /// What the model predicts.
    pub task: Task,
    /// What the model is for, in a sentence or two.
    #[schemars(length(min = 1, max = 2000))]
    pub purpose: String,
    /// Where it will be released to: a URI such as `oci://…`, `s3://…` or `pkg:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub resource_uri: Option<String>,
}

/// A kind of prediction, which decides the metrics that are recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// One of two classes, with a score for the positive one.
    BinaryClassification,
    /// A number.
    Regression,
    /// Numbers to come of one or many series.
    Forecasting,
    /// The order of items for a query or a person.
    Ranking,
    /// One of several classes, as probabilities or as a predicted class.
    MulticlassClassification,
    /// Any number of labels, each with a score of its own.
    MultilabelClassification,
}

impl Task {
    /// Key in manifests.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::BinaryClassification => "binary-classification",
            Self::Regression => "regression",
            Self::Forecasting => "forecasting",
            Self::Ranking => "ranking",
            Self::MulticlassClassification => "multiclass-classification",
            Self::MultilabelClassification => "multilabel-classification",
        }
    }

    /// Keys of the columns that it cannot do without.
    #[must_use]
    pub const fn needed_parts(self) -> &'static [&'static str] {
        match self {
            Self::BinaryClassification => &["label", "score"],
            Self::Regression => &["label", "prediction"],
            Self::Forecasting => &["label", "prediction", "series"],
            Self::Ranking => &["label", "query", "score"],
            Self::MulticlassClassification => &["label"],
            Self::MultilabelClassification => &[],
        }
    }

    /// Keys of the columns that it makes something of.
    #[must_use]
    pub const fn possible_parts(self) -> &'static [&'static str] {
        match self {
            Self::BinaryClassification => &["id", "label", "score", "weight", "cluster"],
            Self::Regression => &["id", "label", "prediction", "lower", "upper", "quantiles", "weight", "cluster"],
            Self::Forecasting => {
                &["id", "label", "prediction", "lower", "upper", "quantiles", "series", "horizon", "scale", "weight"]
            }
            Self::Ranking => &["id", "label", "score", "query", "item", "weight", "cluster"],
            Self::MulticlassClassification => &["id", "label", "prediction", "weight", "cluster"],
            Self::MultilabelClassification => &["id", "weight", "cluster"],
        }
    }
}

/// The intake answers. Materiality is exposure times purpose; these are its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// Who meets the model's output.
    pub exposure: Exposure,
    /// What its output does to a decision.
    pub decision_role: DecisionRole,
    /// The field of use.
    pub domain: Domain,
    /// How much of the decision is left to a person.
    pub autonomy: Autonomy,
    /// The kinds of data that it was trained on or reads.
    #[schemars(length(min = 1, max = 16))]
    pub data_classes: Vec<DataClass>,
    /// Where the people whom it affects are: `EU`, or ISO 3166 codes such as `US` and `US-NY`.
    #[schemars(length(min = 1, max = 64), inner(regex(pattern = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")))]
    pub jurisdictions: Vec<String>,
    /// People whom its output affects in a year.
    pub people_affected_per_year: u64,
    /// The tier that the team believes to be right. Below the computed one it is a finding; above,
    /// it raises the tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_tier: Option<Tier>,
}

/// Who meets the model's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exposure {
    /// Only the organisation's own staff.
    Internal,
    /// Named business partners.
    Partner,
    /// Customers or the public.
    Public,
}

/// What the model's output does to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionRole {
    /// One piece of information among others.
    Informs,
    /// A recommendation that is usually followed.
    Recommends,
    /// The output is the decision.
    Decides,
}

/// How much of the decision is left to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Autonomy {
    /// A person confirms each decision.
    HumanInTheLoop,
    /// A person watches and can step in.
    HumanOnTheLoop,
    /// Nobody sees the decision before it takes effect.
    FullyAutomated,
}

/// The field of use. The first group is what regulators treat as consequential for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// Creditworthiness, pricing or limits of credit.
    Credit,
    /// Hiring, promotion, dismissal, task allocation.
    Employment,
    /// Admission, grading, proctoring.
    Education,
    /// Risk assessment or pricing in insurance.
    Insurance,
    /// Diagnosis, treatment, triage.
    Health,
    /// Public benefits and other essential services.
    EssentialServices,
    /// Policing, justice, migration and border control.
    LawEnforcement,
    /// Identification or categorisation by biometric data.
    Biometrics,
    /// A safety component of a product or of critical infrastructure.
    SafetyComponent,
    /// Fraud and financial crime.
    FinancialCrime,
    /// Advertising, recommendation, personalisation.
    Marketing,
    /// Internal operations: forecasting, capacity, routing.
    Operations,
    /// Anything else.
    Other,
}

/// A kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DataClass {
    /// Published or synthetic data.
    Public,
    /// The organisation's own data about no person.
    Internal,
    /// Data about identifiable people.
    Personal,
    /// Accounts, transactions, credit history.
    Financial,
    /// Data about health.
    Health,
    /// Special categories in the sense of GDPR Article 9.
    SpecialCategory,
    /// Biometric data.
    Biometric,
    /// Data about children.
    Children,
}

/// A file or directory that would be released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawArtifact {
    /// Path or glob, relative to the manifest; an address in an object store (`s3://`, `gs://`, `az://`: an object, a prefix
    /// that ends in `/`, or a glob) or over https; or a model of the pipeline's MLflow server (`models:/name/version`,
    /// `models:/name@alias`, `models:/m-id`, `runs:/RUN_ID/path`).
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// What it is to the release.
    #[serde(default)]
    pub role: ArtifactRole,
}

/// What a file is to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactRole {
    /// The model itself.
    #[default]
    Model,
    /// Code or parameters that prepare its input.
    Preprocessor,
    /// Settings that it is served with.
    Configuration,
}

/// Documents that say where the files come from and what they are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSupplyChain {
    /// Path of the bill of materials: JSON of CycloneDX or SPDX, such as `modelgate sbom` writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub bill_of_materials: Option<String>,
    /// Paths or globs of what DVC recorded: `dvc.lock`, and `.dvc` files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)))]
    pub dvc: Vec<String>,
}

/// One row-level evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEvaluation {
    /// Name of the evaluation, such as `holdout`.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._-]{0,63}$"))]
    pub name: String,
    /// One row for each evaluated case: a file, a directory or a glob of files of one format, relative to the manifest:
    /// Parquet, CSV, JSON lines or Arrow IPC. Directories named `column=value` give a column.
    #[schemars(length(min = 1, max = 1024))]
    pub data: String,
    /// Which column plays which part.
    pub columns: Columns,
    /// The two classes as they stand in the label column. Only binary classification has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// The classes or labels in the order of reports, with their columns. Only classification with more than two classes,
    /// or with several labels a row, has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub labels: Vec<LabelColumns>,
    /// How many of the most probable classes count in the top-k accuracy; 2 unless declared. Only classification with
    /// more than two classes has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub top_k: Option<u32>,
    /// A case is predicted positive, or to have a label, if its score is at least this. Only classification of two
    /// classes or of several labels has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
    /// The share of actual values that the predicted intervals are to hold, such as 0.9. Only numbers with `columns.lower`
    /// and `columns.upper` have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 0.999_999))]
    pub interval_level: Option<f64>,
    /// How a ranking is judged. Only ranking has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    /// Columns whose values are the subgroups that every metric is also computed for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub slices: Vec<SliceColumn>,
    /// Sets of two or more slice columns, such as `[sex, age_band]`: each combination of their values is a
    /// subgroup, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 2, max = 16), inner(length(min = 1, max = 256))))]
    pub intersections: Vec<Vec<String>>,
    /// Metric values that the team states; each is compared with the recomputed one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub claims: Vec<Claim>,
    /// The smallest difference of a metric that matters, in its own unit, such as `roc_auc: 0.02`: whether there are rows
    /// enough to see it is measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64), inner(range(min = 0.000_001)))]
    pub margins: BTreeMap<crate::metric_id::MetricId, f64>,
    /// Files that state metric values, each of which is compared with the recomputed one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub claims_from: Vec<ClaimSource>,
    /// What the version now in use makes of the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
    /// The rows that the model was trained on, or what was frozen of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Queries over the rows, whose answers are facts for policies to judge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub sql_checks: Vec<SqlCheck>,
    /// The time that the rows are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// How the rows were kept apart from training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
}

/// The time that rows are from, both days included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// First day, as `YYYY-MM-DD`.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub from: String,
    /// Last day, as `YYYY-MM-DD`.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub to: String,
}

/// How rows were kept apart from training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    /// How the rows were chosen.
    pub split: Split,
    /// Who kept them: a person or team.
    #[schemars(length(min = 1, max = 254))]
    pub custodian: String,
    /// Whether anything was tuned or chosen by looking at them.
    pub used_for_tuning: bool,
}

/// How evaluation rows were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// At random from the same rows as the training data.
    Random,
    /// Later than the training data.
    Temporal,
    /// Other entities (customers, patients, sites) than in the training data.
    ByEntity,
    /// Another source or population than the training data.
    External,
}

/// Which column plays which part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Identifier of the case. Must be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub id: Option<String>,
    /// What really happened: a class (Boolean, integer or string), a number, or an item's relevance. Empty where a row
    /// has several labels: each has a column of its own under `labels`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub label: String,
    /// The model's score: of binary classification that for the positive class, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub score: Option<String>,
    /// The predicted number, or class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub prediction: Option<String>,
    /// Lower end of the predicted interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub lower: Option<String>,
    /// Upper end of the predicted interval, which belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub upper: Option<String>,
    /// Predicted quantiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 99))]
    pub quantiles: Vec<QuantileColumn>,
    /// The query, or the person, whose items are ranked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub query: Option<String>,
    /// The item that is ranked. With it the coverage of the catalogue is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub item: Option<String>,
    /// The series that a row of a forecast belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub series: Option<String>,
    /// Steps from the forecast's origin to the row's time: whole numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub horizon: Option<String>,
    /// Mean absolute error of the seasonal naive forecast in the history of the row's series, by which errors are
    /// scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub scale: Option<String>,
    /// Weight of the row: at least 0. Without it every row counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub weight: Option<String>,
    /// What the row shares with others that it is not independent of, such as a customer: intervals allow for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub cluster: Option<String>,
}

impl Columns {
    /// Every column that plays a part, with the part's key and what it is called in a sentence.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, &'static str, &str)> {
        let optional = [
            ("id", "the id", &self.id),
            ("score", "the score", &self.score),
            ("prediction", "the prediction", &self.prediction),
            ("lower", "the lower end", &self.lower),
            ("upper", "the upper end", &self.upper),
            ("query", "the query", &self.query),
            ("item", "the item", &self.item),
            ("series", "the series", &self.series),
            ("horizon", "the horizon", &self.horizon),
            ("scale", "the scale", &self.scale),
            ("weight", "the weight", &self.weight),
            ("cluster", "the cluster", &self.cluster),
        ];
        let mut parts = vec![("label", "the label", self.label.as_str())];
        parts.retain(|(.., column)| !column.is_empty());
        parts.extend(optional.into_iter().filter_map(|(key, part, column)| Some((key, part, column.as_deref()?))));
        parts.extend(self.quantiles.iter().map(|quantile| ("quantiles", "a quantile", quantile.column.as_str())));
        parts
    }
}

/// One of several classes, or of the labels that a row may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelColumns {
    /// The class as it stands in the label column; of several labels the label's name.
    pub class: ClassLabel,
    /// Of several labels the column that says whether a row has it: Boolean, or 1 and 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub column: Option<String>,
    /// The column of its probability, or of its score, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub score: Option<String>,
}

/// A column of predicted quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantileColumn {
    /// Share of actual values that are to lie below, in (0, 1).
    #[schemars(range(min = 0.000_001, max = 0.999_999))]
    pub level: f64,
    /// The column.
    #[schemars(length(min = 1, max = 256))]
    pub column: String,
}

/// What the version now in use makes of the rows of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Champion {
    /// The version.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
    /// Rows of a file of its own, a directory or a glob, which are joined to those of the evaluation by id. Without it the
    /// scores are in the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub data: Option<String>,
    /// The column of ids in that file, where it is called otherwise than that of the evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub id: Option<String>,
    /// The column of its scores, or of its predicted numbers; of several classes that of its predicted class.
    #[schemars(length(min = 1, max = 256))]
    pub column: String,
    /// Its threshold, where it is another than the new version's. Only binary classification has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
}

/// What the rows of an evaluation are compared with: the rows that the model was trained on, or a baseline of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What it is called in reports; without it, by its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 254))]
    pub name: Option<String>,
    /// Rows, as those of the evaluation: a file, a directory or a glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub data: Option<String>,
    /// What `modelgate baseline` wrote of such a file, where the rows cannot be had. Leakage is not found with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub baseline: Option<String>,
    /// Columns that the model sees, which are compared one by one and by which rows are alike. Without them it is every
    /// column of the evaluation that plays no other part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10_000), inner(length(min = 1, max = 256)))]
    pub features: Vec<String>,
    /// Column of whom or what a row is about, such as a customer, that must not be on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub entity: Option<String>,
    /// Column of a row's day or moment: the evaluation's come after those of the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub time: Option<String>,
    /// Days that have to lie between the last row of the reference and the first of the evaluation, because a label
    /// takes so long to be known.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(max = 36_500))]
    pub embargo_days: u32,
}

const fn is_zero(days: &u32) -> bool {
    *days == 0
}

/// A query over the rows of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    /// Name of the check, such as `negative-incomes`.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._-]{0,63}$"))]
    pub name: String,
    /// One `SELECT` over the tables `evaluation`, `parts` and `reference`.
    #[schemars(length(min = 1, max = 16_384))]
    pub query: String,
    /// The columns of the answer and their types.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 64))]
    pub columns: BTreeMap<String, SqlType>,
    /// Those of the columns that may be null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub nullable: Vec<String>,
    /// Seconds that the query may take.
    #[serde(default = "sql_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    pub seconds: u32,
}

/// A query of a policy bundle, `sql/<name>.yaml`: it is asked of every evaluation of its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundledSqlCheck {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The tasks whose evaluations it is for; without any it is for all.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// The query. Columns have other names in each model: the table `parts` has those of their parts.
    pub check: SqlCheck,
}

const fn sql_seconds() -> u32 {
    60
}

/// The type of a column of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SqlType {
    /// A whole number within ±2⁵³.
    Integer,
    /// A finite number.
    Number,
    /// Text of at most 1024 characters.
    Text,
    /// A truth value.
    Boolean,
}

impl SqlType {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "text",
            Self::Boolean => "boolean",
        }
    }
}

/// How a ranking is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    /// How many of the first items count.
    #[schemars(range(min = 1, max = 100_000))]
    pub k: u32,
    /// What a relevance is worth in the discounted cumulative gain.
    #[serde(default)]
    pub gain: Gain,
    /// Relevance from which an item is relevant, where only that matters.
    #[serde(default = "one")]
    pub relevant_from: f64,
}

const fn one() -> f64 {
    1.0
}

/// What a relevance is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gain {
    /// Itself.
    #[default]
    Linear,
    /// Two to its power, less one.
    Exponential,
}

/// The two classes as they stand in the label column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// The class that a high score stands for.
    pub positive: ClassLabel,
    /// The other one. Labels that are neither are counted as invalid.
    pub negative: ClassLabel,
    /// Which prediction is the good outcome for the person concerned (a credit that is granted).
    /// Without it the favourable rate and the impact ratio are undefined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favourable: Option<Favourable>,
}

/// Which prediction is the good outcome for the person concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Favourable {
    /// Being predicted positive.
    Positive,
    /// Being predicted negative.
    Negative,
}

/// A value in the label column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClassLabel {
    /// `true` or `false`.
    Boolean(bool),
    /// An integer, such as 0 or 1.
    Integer(i64),
    /// A string, such as `good`.
    Text(String),
}

impl std::fmt::Display for ClassLabel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(class) => write!(formatter, "{class}"),
            Self::Integer(class) => write!(formatter, "{class}"),
            Self::Text(class) => formatter.write_str(class),
        }
    }
}

impl RawEvaluation {
    /// Every column that plays a part, with its key's path in the evaluation and what it is called in a sentence.
    #[must_use]
    pub fn parts(&self) -> Vec<(String, &'static str, &str)> {
        let columns = self.columns.parts().into_iter();
        let mut parts: Vec<_> = columns.map(|(key, part, column)| (format!("columns/{key}"), part, column)).collect();
        for (index, label) in self.labels.iter().enumerate() {
            let of = |key: &str| format!("labels/{index}/{key}");
            parts.extend(label.column.as_deref().map(|column| (of("column"), "a label", column)));
            parts.extend(label.score.as_deref().map(|column| (of("score"), "a score", column)));
        }
        parts.extend(
            self.champion
                .iter()
                .filter(|champion| champion.data.is_none())
                .map(|champion| ("champion/column".to_owned(), "the champion's", champion.column.as_str())),
        );
        parts
    }
}

/// A column whose values are subgroups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SliceColumn {
    /// The column. Its values are compared as text; a missing value is a group of its own.
    #[schemars(length(min = 1, max = 256))]
    pub column: String,
    /// Whether it is an attribute that the fairness controls compare groups of.
    #[serde(default)]
    pub protected: bool,
    /// The value whose group the others are compared with, such as `male`, beside the comparison of the lowest with the
    /// highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub reference_group: Option<String>,
    /// The share of each value, as text, in the population that the model is for. They add up to 1; with them it is
    /// judged whether the rows stand for that population.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 1000), inner(range(min = 0.0, max = 1.0)))]
    pub population: BTreeMap<String, f64>,
}

/// A metric value that the team states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The metric.
    pub metric: crate::metric_id::MetricId,
    /// The value that the team states.
    pub value: f64,
    /// How far the recomputed value may be from it, as an absolute difference.
    /// By default half a unit in the fourth decimal place.
    #[serde(default = "default_tolerance")]
    #[schemars(range(min = 0.0, max = 0.1))]
    pub tolerance: f64,
}

/// A file that states metric values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimSource {
    /// The file, or a run's directory, relative to the manifest; or a model or a run of the pipeline's MLflow server, of
    /// which the run's metrics count.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// What it is.
    pub format: ClaimFormat,
    /// Of a `model-index`, the data set (by name, type or configuration) whose results are those of this evaluation;
    /// without it all results are. Of the other cards, the slice whose metrics are; without it those of no slice are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub dataset: Option<String>,
    /// What the names of this evaluation's metrics begin with, such as `test.` or `test/`; others are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub prefix: Option<String>,
    /// Metrics by the names that they have there, where these are not known by themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub names: BTreeMap<String, crate::metric_id::MetricId>,
    /// How far a stated value may be from the recomputed one, as an absolute difference.
    /// By default half a unit in the fourth decimal place.
    #[serde(default = "default_tolerance")]
    #[schemars(range(min = 0.0, max = 0.1))]
    pub tolerance: f64,
}

/// What a file that states metric values is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimFormat {
    /// A JSON object of numbers, such as `metrics.json` of DVC; a name has `.` between the keys on the way to it.
    MetricsJson,
    /// `model-index` in the front matter of a model card, as Hugging Face has it.
    ModelIndex,
    /// The performance metrics of a card of the Model Card Toolkit.
    ModelCardToolkit,
    /// The performance metrics of the model card in a bill of materials of CycloneDX.
    Cyclonedx,
    /// `dvc.yaml`: the metrics files that it names, in JSON or YAML.
    Dvc,
    /// A run of MLflow: its directory in a file store, or on the server.
    Mlflow,
}

/// Claims are usually written with four decimals: rounding alone explains half a unit in the last.
const fn default_tolerance() -> f64 {
    0.000_05
}

/// A monitoring configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMonitoring {
    /// Path or glob, relative to the manifest.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// Whose configuration it is.
    pub format: MonitoringFormat,
    /// What signals watch whose names, or names of whose metrics, match a glob, where their own file does not say: `{"Credit*Auc": performance}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub kinds: BTreeMap<String, SignalKind>,
}

/// What a signal watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// Quality of predictions against outcomes.
    Performance,
    /// Distribution of inputs.
    DataDrift,
    /// Distribution of outputs.
    PredictionDrift,
    /// Differences between groups of people.
    Fairness,
    /// Missing, malformed or late inputs.
    DataQuality,
    /// Errors, latency, load.
    Operational,
    /// Harmful output.
    Safety,
    /// It could not be told.
    Unclassified,
}

/// Whose monitoring configuration a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MonitoringFormat {
    /// Our own, for whatever has no file of its own (`modelgate schema monitoring`).
    Modelgate,
    /// Prometheus alerting rules: a rule file, or the `PrometheusRule` custom resource.
    Prometheus,
    /// Configuration of Alertmanager: who is told of which Prometheus alerts.
    Alertmanager,
    /// Grafana alert rules, contact points, notification policies and mute timings: provisioning files or exports, in
    /// YAML or JSON.
    Grafana,
    /// A monitor schedule of Azure Machine Learning, as `az ml schedule create` reads it.
    AzureMl,
    /// SageMaker Model Monitor: constraints of data or model quality, a monitoring schedule, or a template with schedules.
    Sagemaker,
    /// A model deployment monitoring job or a model monitor of Vertex AI, as the API has them.
    VertexAi,
    /// CloudWatch alarms, metric and composite: a CloudFormation template, or what `aws cloudwatch describe-alarms` prints.
    Cloudwatch,
    /// Datadog monitors, as the API has them, or the `DatadogMonitor` custom resource.
    Datadog,
    /// Tests of Evidently: the configuration of `evidently report`, of its collector service, or a snapshot of a run.
    Evidently,
    /// The monitoring configuration of WhyLabs, or constraints of whylogs 0.
    Whylogs,
    /// Configuration of NannyML's `nml run`.
    Nannyml,
    /// A plan of Terraform with alarms of CloudWatch or Datadog, as `terraform show -json` prints it.
    TerraformPlan,
}

/// What changed since the version now in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The kind of change.
    pub kind: ChangeKind,
    /// The version now in use. Absent for an initial release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub champion_version: Option<String>,
    /// What changed and why, in a few sentences.
    #[schemars(length(min = 1, max = 4000))]
    pub summary: String,
}

/// The kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The first release of the model.
    Initial,
    /// Same data sources, features and algorithm; new training run.
    Retraining,
    /// Another decision threshold or calibration.
    Recalibration,
    /// Features added, removed or derived otherwise.
    Features,
    /// Another source or population of data.
    Data,
    /// Another algorithm or architecture.
    Algorithm,
    /// Another use than the one that was approved.
    Purpose,
}
