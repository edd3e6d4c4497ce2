//! What a review board is told beside the decision: context, residual risk, mitigations, acceptances, who signs.
//!
//! Whatever the facts do not say is `None` here, and the document says that it was not provided.

use serde::Serialize;

use super::{Bounded, View, words};
use crate::decision::{Enforcement, Outcome, OutcomeResult, Verdict};
use crate::facts::Facts;
use crate::facts::card::{CardFacts, SectionKind};
use crate::facts::records::Recorded;
use crate::report::groups::Groups;
use crate::report::{ReportInput, groups, number};

/// Blocks of text of one section of the card.
const PARAGRAPHS_MAX: usize = 12;

/// Residual risks that are listed.
const RISKS_MAX: usize = 60;

/// Mitigations that are listed.
const MITIGATIONS_MAX: usize = 60;

/// Exceptions that are listed.
const EXCEPTIONS_MAX: usize = 40;

/// Known limits that are listed.
const LIMITS_MAX: usize = 20;

/// A Model Risk Assessment: the decision, and what a board asks beside it.
#[derive(Debug, Serialize)]
pub(in crate::report) struct AssessmentView {
    recommendation: RecommendationView,
    context: Vec<FactView>,
    change: Option<String>,
    card_path: Option<String>,
    card: Vec<CardSectionView>,
    overseers: Vec<OverseerView>,
    appeal: Option<String>,
    residual: ResidualView,
    limits: Bounded<String>,
    mitigations: Bounded<MitigationView>,
    acceptances: Vec<AcceptanceView>,
    /// The team's own list; none where there is no such record.
    exceptions: Option<Bounded<ExceptionView>>,
    records: Vec<RecordView>,
    sign_off: Vec<SignOffView>,
    /// Kinds of trouble that nothing watches.
    unwatched: Vec<String>,
}

/// What the document recommends.
#[derive(Debug, Serialize)]
struct RecommendationView {
    short: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct FactView {
    name: &'static str,
    value: Option<String>,
}

#[derive(Debug, Serialize)]
struct CardSectionView {
    title: &'static str,
    /// None where the card has no such section, or nothing in it.
    text: Option<Bounded<String>>,
    line: u64,
}

#[derive(Debug, Serialize)]
struct OverseerView {
    role: String,
    powers: String,
    training: String,
}

#[derive(Debug, Serialize)]
struct ResidualView {
    high: usize,
    medium: usize,
    low: usize,
    rated: usize,
    risks: Bounded<RiskView>,
    threat_model: bool,
    privacy_assessment: bool,
}

#[derive(Debug, Serialize)]
struct RiskView {
    source: String,
    risk: String,
    mitigation: String,
    rating: String,
}

#[derive(Debug, Serialize)]
struct MitigationView {
    source: String,
    action: String,
    owner: String,
    due: String,
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct AcceptanceView {
    control: String,
    title: String,
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ExceptionView {
    control: String,
    reason: String,
    accepted_by: String,
    from: String,
    expires: String,
    compensating: String,
}

#[derive(Debug, Serialize)]
struct RecordView {
    name: &'static str,
    /// None where it was not provided.
    said: Option<RecordedView>,
}

#[derive(Debug, Serialize)]
struct RecordedView {
    author: String,
    approved_by: Option<String>,
    date: String,
    review_by: Option<String>,
    path: String,
}

#[derive(Debug, Serialize)]
struct SignOffView {
    role: &'static str,
    name: Option<String>,
}

impl AssessmentView {
    pub(in crate::report) fn of(input: &ReportInput<'_>, view: &View) -> Self {
        let (record, facts) = (input.record, input.facts);
        let groups = Groups::of(record);
        let oversight = facts.records.human_oversight.as_ref();
        let exceptions = facts.records.exceptions.as_ref();
        Self {
            recommendation: RecommendationView::of(record.decision, &groups, view),
            context: context(facts),
            change: facts.change.as_ref().map(|change| {
                let since = change.champion_version.as_ref().map(|version| format!(" since version {version}"));
                format!("{}{}: {}", words(&change.kind), since.unwrap_or_default(), change.summary.trim())
            }),
            card_path: facts.card.as_ref().map(|card| card.file.path.clone()),
            card: card(facts.card.as_ref()),
            overseers: oversight.map(overseers).unwrap_or_default(),
            appeal: oversight.and_then(|oversight| oversight.content.appeal.clone()),
            residual: ResidualView::of(facts, &groups),
            limits: Bounded::first(limits(facts), LIMITS_MAX),
            mitigations: Bounded::first(mitigations(input, &groups), MITIGATIONS_MAX),
            acceptances: groups.waived.iter().map(|outcome| AcceptanceView::of(outcome)).collect(),
            exceptions: exceptions.map(|exceptions| {
                let exceptions = exceptions.content.exceptions.iter().map(|exception| ExceptionView {
                    control: exception.control.clone(),
                    reason: exception.reason.clone(),
                    accepted_by: exception.accepted_by.clone(),
                    from: exception.from.clone(),
                    expires: exception.expires.clone(),
                    compensating: sentences(&exception.compensating_controls),
                });
                Bounded::first(exceptions, EXCEPTIONS_MAX)
            }),
            records: records(facts),
            sign_off: vec![
                SignOffView { role: "Model owner", name: Some(facts.model.owner.clone()) },
                SignOffView { role: "Independent validator", name: facts.model.validator.clone() },
                SignOffView { role: "Model risk management", name: None },
                SignOffView { role: "Approving committee", name: None },
            ],
            unwatched: view.monitoring.unwatched(),
        }
    }
}

impl RecommendationView {
    fn of(decision: Verdict, groups: &Groups<'_>, view: &View) -> Self {
        let tier = view.tier.effective;
        let conditions = view.conditions.len();
        let (short, text) = match decision {
            Verdict::Approve => (
                "Approve",
                format!(
                    "Under the policies for tier {tier}, nothing stands in the way of the release: {}.",
                    groups.reason(decision)
                ),
            ),
            Verdict::Conditional => (
                "Approve on conditions",
                format!(
                    "Under the policies for tier {tier}, the release may go ahead if {} met by {} due date{}.",
                    number::plural(conditions, "condition is", "conditions are"),
                    if conditions == 1 { "its" } else { "their" },
                    if conditions == 1 { "" } else { "s" },
                ),
            ),
            Verdict::Deny => (
                "Do not approve",
                format!(
                    "Under the policies for tier {tier}, the release may not go ahead: {}.",
                    groups.reason(decision)
                ),
            ),
        };
        Self { short, text }
    }
}

fn context(facts: &Facts) -> Vec<FactView> {
    let intake = &facts.intake;
    let fact = |name, value: String| FactView { name, value: (!value.is_empty()).then_some(value) };
    vec![
        fact("Who meets its output", words(&intake.exposure)),
        fact("What its output does to a decision", words(&intake.decision_role)),
        fact("Field of use", words(&intake.domain)),
        fact("What is left to a person", words(&intake.autonomy)),
        fact("Kinds of data", intake.data_classes.iter().map(words).collect::<Vec<_>>().join(", ")),
        fact("Where the people are whom it affects", intake.jurisdictions.join(", ")),
        fact("People affected in a year", number::count(intake.people_affected_per_year)),
    ]
}

/// What a board reads of the card; the whole of it is in the evidence by its digest.
fn card(card: Option<&CardFacts>) -> Vec<CardSectionView> {
    let asked = [
        (SectionKind::IntendedUse, "Intended use"),
        (SectionKind::OutOfScopeUse, "Uses that are out of scope"),
        (SectionKind::TrainingData, "Training data"),
        (SectionKind::Limitations, "Limitations"),
        (SectionKind::EthicalConsiderations, "Ethical considerations"),
        (SectionKind::HumanOversight, "Human oversight"),
    ];
    let sections = card.map(|card| card.sections.as_slice()).unwrap_or_default();
    asked
        .into_iter()
        .map(|(kind, title)| {
            let found = sections.iter().find(|section| section.kind == Some(kind));
            let lines = found.map(|section| section.text.lines().map(str::trim).filter(|line| !line.is_empty()));
            let text = lines.map(|lines| Bounded::first(lines.map(str::to_owned), PARAGRAPHS_MAX));
            CardSectionView {
                title,
                text: text.filter(|text| !text.shown.is_empty()),
                line: found.map_or(0, |section| section.line),
            }
        })
        .collect()
}

fn overseers(oversight: &Recorded<crate::facts::records::content::HumanOversight>) -> Vec<OverseerView> {
    let overseers = oversight.content.overseers.iter();
    overseers
        .map(|overseer| OverseerView {
            role: overseer.role.clone(),
            powers: overseer.powers.iter().map(words).collect::<Vec<_>>().join(", "),
            training: overseer.training.clone(),
        })
        .collect()
}

impl ResidualView {
    fn of(facts: &Facts, groups: &Groups<'_>) -> Self {
        let records = &facts.records;
        let mut rated: Vec<RiskView> = Vec::new();
        for threat in records.threat_model.iter().flat_map(|record| &record.content.threats) {
            rated.push(RiskView {
                source: format!("threat model {}", threat.id),
                risk: threat.scenario.clone(),
                mitigation: sentences(&threat.mitigations),
                rating: words(&threat.residual),
            });
        }
        for risk in records.privacy_assessment.iter().flat_map(|record| &record.content.risks) {
            rated.push(RiskView {
                source: format!("privacy assessment {}", risk.id),
                risk: risk.description.clone(),
                mitigation: risk.measures.clone(),
                rating: words(&risk.residual),
            });
        }
        let count = |rating: &str| rated.iter().filter(|risk| risk.rating == rating).count();
        let (high, medium, low, all) = (count("high"), count("medium"), count("low"), rated.len());
        let failed = [&groups.conditional, &groups.warnings, &groups.shadow, &groups.waived];
        let failed = failed.into_iter().flatten().map(|outcome| RiskView::of_control(outcome));
        let incidents = records.incidents.iter().flat_map(|record| &record.content.incidents);
        let open = incidents.filter(|incident| incident.closed.is_none()).map(|incident| RiskView {
            source: format!("open incident {}", incident.id),
            risk: incident.summary.clone(),
            mitigation: incident.root_cause.clone().unwrap_or_else(|| "root cause not known".to_owned()),
            rating: words(&incident.severity),
        });
        // What is rated high stands first, in a list that may be cut.
        rated.sort_by_key(|risk| match risk.rating.as_str() {
            "high" => 0,
            "medium" => 1,
            _ => 2,
        });
        Self {
            high,
            medium,
            low,
            rated: all,
            risks: Bounded::first(failed.chain(open).chain(rated), RISKS_MAX),
            threat_model: records.threat_model.is_some(),
            privacy_assessment: records.privacy_assessment.is_some(),
        }
    }
}

impl RiskView {
    /// A control that failed and does not deny.
    fn of_control(outcome: &Outcome) -> Self {
        let findings = outcome.findings.iter().map(|finding| finding.message.as_str());
        let findings: Vec<&str> = findings.take(3).collect();
        let mitigation = match (outcome.result, outcome.enforcement) {
            (OutcomeResult::Waived, _) => format!("risk accepted: {}", outcome.reasons.join("; ")),
            (_, Enforcement::Condition) => format!("condition: {}", outcome.remediation.trim()),
            _ => "none required in this tier".to_owned(),
        };
        Self {
            source: format!("control {}", outcome.control),
            risk: if findings.is_empty() { outcome.title.clone() } else { findings.join("; ") },
            mitigation,
            rating: format!("severity {}", groups::severity(outcome.severity)),
        }
    }
}

/// Sentences as one text, whether or not they end with a full stop.
fn sentences(all: &[String]) -> String {
    all.iter().map(|sentence| sentence.trim().trim_end_matches('.')).collect::<Vec<_>>().join("; ")
}

/// What people wrote down that the model cannot do.
fn limits(facts: &Facts) -> Vec<String> {
    let records = &facts.records;
    let gaps = records.data_statement.iter().flat_map(|record| &record.content.known_gaps);
    let gaps = gaps.map(|gap| format!("Training data: {gap}"));
    let explained = records.explainability.iter().map(|record| format!("Explanations: {}", record.content.limits));
    gaps.chain(explained).collect()
}

/// What has to be done, by whom and until when: before a release that was denied, as conditions of one that was approved,
/// and what earlier approvals left open.
fn mitigations(input: &ReportInput<'_>, groups: &Groups<'_>) -> Vec<MitigationView> {
    let owner = &input.facts.model.owner;
    let before = groups.blocking.iter().chain(&groups.errors).map(|outcome| MitigationView {
        source: outcome.control.clone(),
        action: outcome.remediation.trim().to_owned(),
        owner: owner.clone(),
        due: "before the release".to_owned(),
        status: "required before approval",
    });
    let conditions = input.record.conditions.iter().map(|condition| MitigationView {
        source: condition.control.clone(),
        action: condition.mitigation.trim().to_owned(),
        owner: condition.owner.clone(),
        due: condition.due.clone(),
        status: "condition of approval",
    });
    let promised = input.facts.records.remediations.iter().flat_map(|record| &record.content.items);
    let open = promised.filter(|item| item.closed.is_none()).map(|item| MitigationView {
        source: item.control.clone().unwrap_or_else(|| item.id.clone()),
        action: item.action.clone(),
        owner: item.owner.clone(),
        due: item.due.clone(),
        status: "open from an earlier release",
    });
    before.chain(conditions).chain(open).collect()
}

impl AcceptanceView {
    fn of(outcome: &Outcome) -> Self {
        Self { control: outcome.control.clone(), title: outcome.title.clone(), reasons: outcome.reasons.clone() }
    }
}

fn records(facts: &Facts) -> Vec<RecordView> {
    fn view<T>(name: &'static str, record: Option<&Recorded<T>>) -> RecordView {
        let said = record.map(|record| RecordedView {
            author: record.author.clone(),
            approved_by: record.approved_by.clone(),
            date: record.date.clone(),
            review_by: record.review_by.clone(),
            path: record.file.path.clone(),
        });
        RecordView { name, said }
    }
    let records = &facts.records;
    vec![
        view("Change log", records.change_log.as_ref()),
        view("Data statement", records.data_statement.as_ref()),
        view("Exceptions", records.exceptions.as_ref()),
        view("Explainability", records.explainability.as_ref()),
        view("Human oversight", records.human_oversight.as_ref()),
        view("Incidents", records.incidents.as_ref()),
        view("Privacy assessment", records.privacy_assessment.as_ref()),
        view("Remediations", records.remediations.as_ref()),
        view("Reproducibility", records.reproducibility.as_ref()),
        view("Robustness tests", records.robustness_tests.as_ref()),
        view("Security tests", records.security_tests.as_ref()),
        view("Threat model", records.threat_model.as_ref()),
    ]
}
