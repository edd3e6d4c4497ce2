//! The outcomes of a decision in the order in which a person needs them.

use crate::decision::record::DecisionRecord;
use crate::decision::{Enforcement, Finding, Outcome, OutcomeResult, Severity, Verdict};
use crate::facts::evaluation::metric::MetricStatus;
use crate::facts::evaluation::{ClaimCheck, Metric, MetricId, Slice};
use crate::manifest::raw::Task;

use super::number::{self, plural};

/// Outcomes by what they do to the release; in each group the most severe first, then by id.
pub(super) struct Groups<'a> {
    /// Fails that deny.
    pub(super) blocking: Vec<&'a Outcome>,
    /// Controls that could not be evaluated, which deny as well.
    pub(super) errors: Vec<&'a Outcome>,
    /// Fails that make the approval conditional.
    pub(super) conditional: Vec<&'a Outcome>,
    /// Fails that are reported.
    pub(super) warnings: Vec<&'a Outcome>,
    /// Fails that are recorded only.
    pub(super) shadow: Vec<&'a Outcome>,
    /// Fails whose risk was accepted.
    pub(super) waived: Vec<&'a Outcome>,
    /// Passes, by domain and then id.
    pub(super) passed: Vec<&'a Outcome>,
    /// Not applicable, by id.
    pub(super) not_applicable: Vec<&'a Outcome>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(record: &'a DecisionRecord) -> Self {
        let select = |wanted: &dyn Fn(&Outcome) -> bool| -> Vec<&'a Outcome> {
            let mut outcomes: Vec<&Outcome> = record.outcomes.iter().filter(|outcome| wanted(outcome)).collect();
            outcomes.sort_by_key(|outcome| (std::cmp::Reverse(outcome.severity), &outcome.control));
            outcomes
        };
        let fails = |enforcement: Enforcement| {
            select(&|outcome| outcome.result == OutcomeResult::Fail && outcome.enforcement == enforcement)
        };
        let with = |result: OutcomeResult| select(&|outcome| outcome.result == result);
        let mut passed = with(OutcomeResult::Pass);
        passed.sort_by_key(|outcome| (&outcome.domain, &outcome.control));
        let mut not_applicable = with(OutcomeResult::NotApplicable);
        not_applicable.sort_by_key(|outcome| &outcome.control);
        Self {
            blocking: fails(Enforcement::Block),
            errors: with(OutcomeResult::Error),
            conditional: fails(Enforcement::Condition),
            warnings: fails(Enforcement::Warn),
            shadow: fails(Enforcement::Shadow),
            waived: with(OutcomeResult::Waived),
            passed,
            not_applicable,
        }
    }

    /// Why the decision is what it is, as a sentence without a full stop.
    pub(super) fn reason(&self, decision: Verdict) -> String {
        let part = |outcomes: &[&Outcome], one: &str, many: &str| {
            (!outcomes.is_empty()).then(|| plural(outcomes.len(), one, many))
        };
        let decisive = match decision {
            Verdict::Deny => {
                let parts = [
                    part(&self.blocking, "control blocks the release", "controls block the release"),
                    part(&self.errors, "control could not be evaluated", "controls could not be evaluated"),
                ];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                match (parts.is_empty(), self.is_empty()) {
                    (false, _) => parts.join("; "),
                    (true, true) => "no control was evaluated".to_owned(),
                    (true, false) => "no single control explains it: see the decision record".to_owned(),
                }
            }
            Verdict::Conditional => part(
                &self.conditional,
                "control asks for a mitigation by its due date",
                "controls ask for a mitigation by their due dates",
            )
            .unwrap_or_else(|| "an earlier condition is open".to_owned()),
            Verdict::Approve => {
                format!("{} passed", plural(self.passed.len(), "control", "controls"))
            }
        };
        let more = [part(&self.warnings, "warning", "warnings"), part(&self.waived, "accepted risk", "accepted risks")];
        std::iter::once(decisive).chain(more.into_iter().flatten()).collect::<Vec<_>>().join("; ")
    }

    const fn is_empty(&self) -> bool {
        self.passed.is_empty()
            && self.waived.is_empty()
            && self.not_applicable.is_empty()
            && self.conditional.is_empty()
            && self.warnings.is_empty()
            && self.shadow.is_empty()
    }

    /// Passed controls as `(domain, ids)`.
    pub(super) fn passed_by_domain(&self) -> Vec<(&'a str, Vec<&'a str>)> {
        let mut domains: Vec<(&str, Vec<&str>)> = Vec::new();
        for outcome in &self.passed {
            match domains.last_mut() {
                Some((domain, controls)) if *domain == outcome.domain => controls.push(&outcome.control),
                _ => domains.push((&outcome.domain, vec![&outcome.control])),
            }
        }
        domains
    }
}

/// What is said of a commit that is not the whole truth about the release.
pub(super) const DIRTY: &str = ", with files that differ from the commit";

/// Metrics over all rows, in the order in which a validator asks for them: of two classes ranking, probabilities and
/// then the decision at the threshold; of other tasks all there are.
pub(super) fn overall_metrics(task: Task) -> Vec<MetricId> {
    match task {
        Task::BinaryClassification => vec![
            MetricId::RocAuc,
            MetricId::AveragePrecision,
            MetricId::Brier,
            MetricId::LogLoss,
            MetricId::ExpectedCalibrationError,
            MetricId::CalibrationSlope,
            MetricId::Precision,
            MetricId::Recall,
            MetricId::Specificity,
            MetricId::F1,
            MetricId::SelectionRate,
            MetricId::Prevalence,
        ],
        Task::Regression
        | Task::Forecasting
        | Task::Ranking
        | Task::MulticlassClassification
        | Task::MultilabelClassification => MetricId::ALL.to_vec(),
    }
}

/// Metrics of groups, the first ones first where there is no room for all.
pub(super) const fn group_metrics(task: Task) -> [MetricId; 5] {
    match task {
        Task::BinaryClassification => {
            [MetricId::RocAuc, MetricId::Recall, MetricId::Specificity, MetricId::FavourableRate, MetricId::Precision]
        }
        Task::Regression => [
            MetricId::MeanAbsoluteError,
            MetricId::MeanError,
            MetricId::RootMeanSquaredError,
            MetricId::RSquared,
            MetricId::ActualMean,
        ],
        Task::Forecasting => [
            MetricId::MeanAbsoluteScaledError,
            MetricId::WeightedAbsolutePercentageError,
            MetricId::MeanError,
            MetricId::MeanAbsoluteError,
            MetricId::ActualMean,
        ],
        Task::Ranking => [
            MetricId::Ndcg,
            MetricId::MeanReciprocalRank,
            MetricId::MeanAveragePrecision,
            MetricId::RecallAtK,
            MetricId::HitRateAtK,
        ],
        Task::MulticlassClassification => [
            MetricId::Accuracy,
            MetricId::BalancedAccuracy,
            MetricId::MacroF1,
            MetricId::MacroRocAucOvr,
            MetricId::LogLoss,
        ],
        Task::MultilabelClassification => [
            MetricId::MicroF1,
            MetricId::MacroF1,
            MetricId::SubsetAccuracy,
            MetricId::HammingLoss,
            MetricId::MacroAveragePrecision,
        ],
    }
}

/// The word for a severity.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The value of a metric, or a word for why there is none.
pub(super) fn metric(metric: &Metric) -> String {
    match (metric.status, metric.value) {
        (MetricStatus::Ok, Some(value)) => number::metric(value),
        (MetricStatus::Ok | MetricStatus::Error, _) => "error".to_owned(),
        (MetricStatus::Undefined, _) => "undefined".to_owned(),
        (MetricStatus::Insufficient, _) => "too few".to_owned(),
    }
}

/// The interval of a metric; empty where it has none.
pub(super) fn interval(metric: &Metric) -> String {
    let interval = metric.interval.as_ref();
    interval
        .map(|interval| format!("{} to {}", number::metric(interval.low), number::metric(interval.high)))
        .unwrap_or_default()
}

/// `file:line`, or `None` where a finding has no place.
pub(super) fn place(finding: &Finding) -> Option<String> {
    finding.source.as_ref().map(|source| format!("{}:{}", source.file, source.line))
}

/// What is stated and what was recomputed, with digits enough to tell them apart where they differ
/// by more than is allowed.
pub(super) fn claim_values(claim: &ClaimCheck) -> (String, String) {
    match claim.recomputed {
        Some(recomputed) => number::numbers_apart(claim.claimed, recomputed),
        None => (number::numbers_apart(claim.claimed, claim.claimed).0, "none".to_owned()),
    }
}

/// The name of a group, as comparisons have it for the rows without a value.
pub(super) fn group(slice: &Slice) -> &str {
    if slice.missing { "(missing)" } else { value(&slice.value) }
}

/// A value of a column, the empty one made visible.
pub(super) const fn value(value: &str) -> &str {
    if value.is_empty() { "(empty)" } else { value }
}
