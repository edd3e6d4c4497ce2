//! What the page and the documents for review boards say: texts, and positions on charts. Templates lay it out.
//!
//! Every text here is as hostile as where it is from; templates escape it. Lists are bounded: a page that nobody can
//! scroll through tells nobody anything, and the JSON report and the facts have all.

pub(super) mod assessment;
mod chart;
mod coverage;
pub(super) mod evaluation;
mod evidence;
mod metric_name;
mod outcome;

use serde::Serialize;

use self::coverage::{FrameworkView, MonitoringView};
use self::evaluation::EvaluationView;
use self::evidence::{EvidenceView, SubjectView};
use self::outcome::{ConditionView, CountView, DomainView, SectionView};
use super::ReportInput;
use super::groups::{self, Groups};
use crate::decision::Verdict;
use crate::facts::repository::RepositoryFacts;
use crate::tier::TierFacts;

/// Reasons for the tier.
const TIER_REASONS_MAX: usize = 12;

/// A decision, for a page.
#[derive(Debug, Serialize)]
pub(super) struct View {
    decision: DecisionView,
    model: ModelView,
    origin: String,
    effective_time: String,
    tool: String,
    tier: TierView,
    counts: Vec<CountView>,
    sections: Vec<SectionView>,
    conditions: Vec<ConditionView>,
    domains: Vec<DomainView>,
    evaluations: Vec<EvaluationView>,
    monitoring: MonitoringView,
    frameworks: Vec<FrameworkView>,
    evidence: EvidenceView,
    subjects: Bounded<SubjectView>,
}

/// What was decided.
#[derive(Debug, Serialize)]
struct DecisionView {
    /// Name of the verdict, which classes of the style are called after.
    key: &'static str,
    mark: &'static str,
    word: &'static str,
    /// What follows from it.
    meaning: &'static str,
    /// Why, as a sentence with a full stop.
    reason: String,
}

/// The model, as declared.
#[derive(Debug, Serialize)]
struct ModelView {
    name: String,
    version: String,
    owner: String,
    validator: Option<String>,
    task: String,
    purpose: String,
    resource_uri: String,
}

/// The tier, and why.
#[derive(Debug, Serialize)]
struct TierView {
    effective: &'static str,
    computed: &'static str,
    declared: Option<&'static str>,
    reasons: Vec<TierReasonView>,
    more: usize,
}

/// One reason for a tier.
#[derive(Debug, Serialize)]
struct TierReasonView {
    rule: String,
    tier: &'static str,
    reason: String,
}

/// The first of a list, and how many more there are.
#[derive(Debug, Serialize)]
pub(super) struct Bounded<T> {
    shown: Vec<T>,
    more: usize,
}

impl<T> Bounded<T> {
    fn first(all: impl IntoIterator<Item = T>, most: usize) -> Self {
        let mut all = all.into_iter();
        let shown = all.by_ref().take(most).collect();
        Self { shown, more: all.count() }
    }
}

impl View {
    pub(super) fn of(input: &ReportInput<'_>) -> Self {
        let (record, facts) = (input.record, input.facts);
        let groups = Groups::of(record);
        Self {
            decision: DecisionView::of(record.decision, &groups),
            model: ModelView {
                name: record.model.clone(),
                version: record.model_version.clone(),
                owner: facts.model.owner.clone(),
                validator: facts.model.validator.clone(),
                task: words(&facts.model.task),
                purpose: facts.model.purpose.trim().to_owned(),
                resource_uri: record.resource_uri.clone(),
            },
            origin: origin(&facts.repository),
            effective_time: record.effective_time.clone(),
            tool: format!("{} {}", record.tool.name, record.tool.version),
            tier: TierView::of(&record.tier),
            counts: outcome::counts(&groups),
            sections: outcome::sections(record.decision, &groups),
            conditions: record.conditions.iter().map(ConditionView::of).collect(),
            domains: outcome::domains(&record.outcomes),
            evaluations: facts.evaluations.iter().enumerate().map(EvaluationView::numbered).collect(),
            monitoring: MonitoringView::of(&facts.monitoring),
            frameworks: coverage::frameworks(&record.outcomes, input.frameworks),
            evidence: EvidenceView::of(input),
            subjects: evidence::subjects(facts),
        }
    }
}

impl DecisionView {
    fn of(decision: Verdict, groups: &Groups<'_>) -> Self {
        let (mark, word, meaning) = match decision {
            Verdict::Approve => ("✓", "Approved", "The release may go ahead."),
            Verdict::Conditional => (
                "!",
                "Conditionally approved",
                "The release may go ahead, and each condition has to be met by its due date.",
            ),
            Verdict::Deny => ("✗", "Denied", "The release may not go ahead."),
        };
        Self { key: decision.name(), mark, word, meaning, reason: format!("{}.", groups.reason(decision)) }
    }
}

impl TierView {
    fn of(tier: &TierFacts) -> Self {
        let reasons = tier.reasons.iter().map(|reason| TierReasonView {
            rule: reason.rule.clone(),
            tier: reason.tier.name(),
            reason: reason.reason.clone(),
        });
        let Bounded { shown, more } = Bounded::first(reasons, TIER_REASONS_MAX);
        Self {
            effective: tier.effective.name(),
            computed: tier.computed.name(),
            declared: tier.declared.map(|tier| tier.name()),
            reasons: shown,
            more,
        }
    }
}

/// The commit, as a sentence.
fn origin(repository: &RepositoryFacts) -> String {
    match (&repository.commit, &repository.reason) {
        (Some(commit), _) => {
            let branch = repository.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
            let dirty = if repository.dirty == Some(true) { groups::DIRTY } else { "" };
            format!("Commit {}{branch}{dirty}", commit.get(..12).unwrap_or(commit))
        }
        (None, Some(reason)) => format!("Commit unknown: {reason}"),
        (None, None) => "Commit unknown".to_owned(),
    }
}

/// A key of a document in words: `human-in-the-loop` as `human in the loop`.
fn words(key: &impl Serialize) -> String {
    let key = serde_json::to_value(key).ok();
    key.as_ref().and_then(|key| key.as_str()).unwrap_or_default().replace(['-', '_'], " ")
}
