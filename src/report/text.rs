//! The report for a person in a terminal: the decision first, then what to do about it, then what
//! was measured, and last how to prove it.

use crate::decision::{Condition, Finding, Outcome, Verdict};
use crate::facts::evaluation::metric::MetricStatus;
use crate::facts::evaluation::{ClaimCheck, ClaimResult, EvaluationFacts, Metric, MetricId, Slice};
use crate::manifest::raw::Task;

use super::groups::{self, Groups};
use super::layout::{Align, Layout, Paint, Symbol};
use super::{ReportInput, compared, number};

/// Findings of one control that are written out: past these the rest is more of the same, and the
/// JSON report has them.
const MAX_FINDINGS: usize = 10;

/// Reasons for the tier that are written out, the strictest first.
const MAX_TIER_REASONS: usize = 4;

/// Groups of protected columns that are written out. The comparisons below them name the extreme
/// ones in any case.
const MAX_GROUPS: usize = 40;

/// Rows of what was compared, in the report of a decision.
const MAX_COMPARED: usize = 8;

/// Signed files that are listed.
const MAX_FILES: usize = 10;

const PASSED: Symbol = Symbol("✓", "+");
const FAILED: Symbol = Symbol("✗", "x");
const UNKNOWN: Symbol = Symbol("?", "?");
const CAUTION: Symbol = Symbol("!", "!");
const ACCEPTED: Symbol = Symbol("○", "o");
const BULLET: Symbol = Symbol("•", "-");
const DOT: Symbol = Symbol(" · ", " | ");

/// How text is laid out. The other formats have no use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// Width of the terminal in columns; held between [`TextStyle::LEAST_COLUMNS`] and
    /// [`TextStyle::MOST_COLUMNS`].
    pub columns: usize,
    /// Whether ANSI colours are written. Nothing is said by colour alone.
    pub colour: bool,
    /// Whether characters beyond ASCII are written. Without, those of names and messages are
    /// escaped and symbols are spelt with ASCII.
    pub unicode: bool,
}

impl TextStyle {
    /// Below this, tables cannot be laid out.
    pub const LEAST_COLUMNS: usize = 60;
    /// Above this, the eye loses the line on its way back.
    pub const MOST_COLUMNS: usize = 120;
    /// Where the width is not known, such as in a CI log.
    pub const DEFAULT_COLUMNS: usize = 100;
}

impl Default for TextStyle {
    fn default() -> Self {
        Self { columns: Self::DEFAULT_COLUMNS, colour: false, unicode: true }
    }
}

/// Renders the report.
pub(super) fn render(input: &ReportInput<'_>, style: TextStyle) -> String {
    let mut layout = Layout::new(style);
    let groups = Groups::of(input.record);
    headline(&mut layout, input, &groups);
    tier(&mut layout, input);
    findings(&mut layout, input, &groups);
    for evaluation in &input.facts.evaluations {
        measured(&mut layout, evaluation);
    }
    folded(&mut layout, &groups);
    evidence(&mut layout, input);
    layout.finish()
}

fn headline(layout: &mut Layout, input: &ReportInput<'_>, groups: &Groups<'_>) {
    let record = input.record;
    let (symbol, paint, word) = match record.decision {
        Verdict::Approve => (PASSED, Paint::Good, "APPROVED"),
        Verdict::Conditional => (CAUTION, Paint::Caution, "CONDITIONALLY APPROVED"),
        Verdict::Deny => (FAILED, Paint::Bad, "DENIED"),
    };
    let verdict = format!("{} {word}", layout.symbol(symbol));
    let model = format!("{} {}", record.model, record.model_version);
    layout.wrapped(0, &[(paint, &verdict), (Paint::Plain, "  ")], &model, Paint::Strong);
    layout.wrapped(2, &[], &groups.reason(record.decision), Paint::Plain);
    let repository = &input.facts.repository;
    let origin = match (&repository.commit, &repository.reason) {
        (Some(commit), _) => {
            let branch = repository.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
            let dirty = if repository.dirty == Some(true) { groups::DIRTY } else { "" };
            format!("commit {}{branch}{dirty}", commit.get(..12).unwrap_or(commit))
        }
        (None, Some(reason)) => format!("commit unknown: {reason}"),
        (None, None) => "commit unknown".to_owned(),
    };
    layout.wrapped(2, &[], &origin, Paint::Dim);
}

fn tier(layout: &mut Layout, input: &ReportInput<'_>) {
    let tier = &input.record.tier;
    let declared = tier.declared.map_or_else(|| "not declared".to_owned(), |tier| format!("declared {tier}"));
    layout.heading(&format!("Tier {} (computed {}, {declared})", tier.effective, tier.computed));
    let shown = tier.reasons.iter().take(MAX_TIER_REASONS);
    let width = shown.clone().map(|reason| reason.rule.chars().count()).max().unwrap_or(0);
    for reason in shown {
        let lead = format!("{:<width$}  {:<8}  ", reason.rule, reason.tier.name());
        layout.wrapped(2, &[(Paint::Plain, &lead)], &reason.reason, Paint::Plain);
    }
    if let Some(more) = tier.reasons.len().checked_sub(MAX_TIER_REASONS).filter(|more| *more > 0) {
        let more = number::plural(more, "more rule applies", "more rules apply");
        layout.wrapped(2, &[], &format!("and {more}"), Paint::Dim);
    }
}

fn findings(layout: &mut Layout, input: &ReportInput<'_>, groups: &Groups<'_>) {
    let conditions = if input.record.decision == Verdict::Conditional {
        "Conditions of the approval"
    } else {
        "Becomes a condition once nothing blocks"
    };
    let sections: [(&str, &[&Outcome], Symbol, Paint); 6] = [
        ("Blocks the release", &groups.blocking, FAILED, Paint::Bad),
        ("Could not be evaluated, which blocks too", &groups.errors, UNKNOWN, Paint::Bad),
        (conditions, &groups.conditional, CAUTION, Paint::Caution),
        ("Warnings", &groups.warnings, CAUTION, Paint::Caution),
        ("Accepted risks", &groups.waived, ACCEPTED, Paint::Caution),
        ("Recorded only, in shadow", &groups.shadow, ACCEPTED, Paint::Dim),
    ];
    for (title, outcomes, symbol, paint) in sections {
        if outcomes.is_empty() {
            continue;
        }
        layout.heading(&format!("{title} ({})", outcomes.len()));
        for (position, outcome) in outcomes.iter().enumerate() {
            if position > 0 {
                layout.blank();
            }
            control(layout, outcome, &input.record.conditions, symbol, paint);
        }
    }
}

fn control(layout: &mut Layout, outcome: &Outcome, conditions: &[Condition], symbol: Symbol, paint: Paint) {
    let lead = format!("{} {}  ", layout.symbol(symbol), outcome.control);
    let weight = format!(" [{}, {}]", groups::severity(outcome.severity), outcome.enforcement.name());
    layout.wrapped(2, &[(paint, &lead)], &format!("{}{weight}", outcome.title), Paint::Strong);
    for reason in &outcome.reasons {
        layout.wrapped(6, &[], reason, Paint::Plain);
    }
    for item in outcome.findings.iter().take(MAX_FINDINGS) {
        finding(layout, item);
    }
    if let Some(more) = outcome.findings.len().checked_sub(MAX_FINDINGS).filter(|more| *more > 0) {
        let more = number::plural(more, "more finding", "more findings");
        layout.wrapped(6, &[], &format!("and {more}: the JSON report lists all"), Paint::Dim);
    }
    let mut said = false;
    for condition in conditions.iter().filter(|condition| condition.control == outcome.control) {
        let due = format!("due by {}, owner {}", condition.due, condition.owner);
        layout.wrapped(6, &[], &due, Paint::Caution);
        layout.wrapped(6, &[(Paint::Good, "to do: ")], &condition.mitigation, Paint::Plain);
        said |= condition.mitigation == outcome.remediation;
    }
    if !said && !outcome.remediation.is_empty() {
        layout.wrapped(6, &[(Paint::Good, "hint: ")], &outcome.remediation, Paint::Plain);
    }
}

fn finding(layout: &mut Layout, finding: &Finding) {
    let bullet = format!("{} ", layout.symbol(BULLET));
    let message = format!("{}: {}", finding.subject, finding.message);
    layout.wrapped(6, &[(Paint::Plain, &bullet)], &message, Paint::Plain);
    let (observed, expected) = number::observed_and_expected(&finding.observed, &finding.expected);
    let details: Vec<String> = [
        observed.map(|value| format!("observed {value}")),
        expected.map(|value| format!("expected {value}")),
        groups::place(finding),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !details.is_empty() {
        let details = details.join(layout.symbol(DOT));
        layout.wrapped(8, &[], &details, Paint::Plain);
    }
}

/// One evaluation on its own: its metrics, all of its groups, comparisons and claims.
#[must_use]
pub fn evaluation(evaluation: &EvaluationFacts, style: TextStyle) -> String {
    let mut layout = Layout::new(style);
    heading(&mut layout, evaluation);
    overall(&mut layout, evaluation);
    groups_of_rows(&mut layout, evaluation.task, evaluation.slices.iter());
    comparisons(&mut layout, evaluation);
    comparison_tables(&mut layout, evaluation, MAX_GROUPS);
    claims(&mut layout, &evaluation.claims);
    layout.finish()
}

fn measured(layout: &mut Layout, evaluation: &EvaluationFacts) {
    heading(layout, evaluation);
    overall(layout, evaluation);
    groups_of_rows(layout, evaluation.task, evaluation.slices.iter().filter(|slice| slice.protected));
    comparisons(layout, evaluation);
    comparison_tables(layout, evaluation, MAX_COMPARED);
    claims(layout, &evaluation.claims);
}

/// Tables of what the rows were compared with.
fn comparison_tables(layout: &mut Layout, evaluation: &EvaluationFacts, rows_max: usize) {
    for table in compared::tables(evaluation, rows_max) {
        layout.blank();
        layout.wrapped(2, &[], &table.title, Paint::Strong);
        let mut alignments = vec![Align::Right; table.header.len()];
        if let Some(first) = alignments.first_mut() {
            *first = Align::Left;
        }
        // Where the last column has words they start on a line.
        if table.header.len() == 3 {
            alignments.pop();
            alignments.push(Align::Left);
        }
        let mut rows = vec![table.header.iter().map(|cell| (*cell).to_owned()).collect()];
        rows.extend(table.rows);
        layout.table(2, &alignments, &rows);
        table.notes.iter().for_each(|note| layout.wrapped(2, &[], note, Paint::Dim));
    }
}

fn heading(layout: &mut Layout, evaluation: &EvaluationFacts) {
    let rows = &evaluation.rows;
    layout.heading(&format!("Evaluation {}", evaluation.name));
    let counted = if rows.valid == rows.total {
        format!("{} rows, all valid", number::count(rows.total))
    } else {
        format!("{} of {} rows are valid", number::count(rows.valid), number::count(rows.total))
    };
    let rule = evaluation.threshold.map(|threshold| format!("; positive where the score is at least {threshold}"));
    layout.wrapped(2, &[], &(counted + &rule.unwrap_or_default()), Paint::Dim);
}

fn overall(layout: &mut Layout, evaluation: &EvaluationFacts) {
    let metrics = &evaluation.metrics;
    let ids = groups::overall_metrics(evaluation.task);
    let listed: Vec<(&'static str, &Metric)> =
        ids.iter().filter_map(|id| Some((id.key(), metrics.get(*id)?))).collect();
    if listed.is_empty() {
        return;
    }
    let mut rows = vec![row(["metric", "value", &interval_heading(listed.iter().map(|(_, metric)| *metric)), "n"])];
    rows.extend(
        listed.iter().map(|(key, metric)| {
            row([key, &groups::metric(metric), &groups::interval(metric), &number::count(metric.n)])
        }),
    );
    layout.table(2, &[Align::Left, Align::Right, Align::Left, Align::Right], &rows);
    for (key, metric) in listed.iter().filter(|(_, metric)| metric.status != MetricStatus::Ok) {
        if let Some(reason) = &metric.reason {
            layout.wrapped(2, &[(Paint::Plain, &format!("{key}: "))], reason, Paint::Dim);
        }
    }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.into_iter().map(str::to_owned).collect()
}

/// `95 % interval` where all of them have one level, and `interval` otherwise.
fn interval_heading<'a>(metrics: impl Iterator<Item = &'a Metric>) -> String {
    let mut levels: Vec<f64> = metrics.filter_map(|metric| Some(metric.interval.as_ref()?.level)).collect();
    levels.dedup();
    match levels.as_slice() {
        // A level such as 0.95 is not exact in binary: two decimals of a per cent hide that.
        [level] => {
            format!("{} % interval", format!("{:.2}", level * 100.0).trim_end_matches('0').trim_end_matches('.'))
        }
        _ => "interval".to_owned(),
    }
}

fn groups_of_rows<'a>(layout: &mut Layout, task: Task, slices: impl Iterator<Item = &'a Slice>) {
    let slices: Vec<_> = slices.collect();
    if slices.is_empty() {
        return;
    }
    let metrics = metrics_that_fit(task, layout.columns());
    let mut header = vec!["group".to_owned(), "rows".to_owned()];
    header.extend(metrics.iter().map(|id| id.key().to_owned()));
    let mut rows = vec![header];
    for slice in slices.iter().take(MAX_GROUPS) {
        let group = groups::group(slice);
        let mut cells = vec![format!("{} = {group}", slice.column), number::count(slice.rows)];
        cells.extend(metrics.iter().map(|id| slice.metrics.get(*id).map(groups::metric).unwrap_or_default()));
        rows.push(cells);
    }
    let mut alignments = vec![Align::Right; metrics.len().saturating_add(2)];
    if let Some(first) = alignments.first_mut() {
        *first = Align::Left;
    }
    layout.blank();
    layout.table(2, &alignments, &rows);
    if let Some(more) = slices.len().checked_sub(MAX_GROUPS).filter(|more| *more > 0) {
        let more = number::plural(more, "more group", "more groups");
        layout.wrapped(2, &[], &format!("and {more}: the facts list all"), Paint::Dim);
    }
}

/// The metrics of groups for which there is room beside a name of 20 columns and a count of 9.
fn metrics_that_fit(task: Task, columns: usize) -> Vec<MetricId> {
    let mut room = columns.saturating_sub(2 + 20 + 2 + 9);
    let mut metrics = Vec::new();
    for id in groups::group_metrics(task) {
        let Some(rest) = room.checked_sub(id.key().len().saturating_add(2)) else { break };
        room = rest;
        metrics.push(id);
    }
    metrics
}

fn comparisons(layout: &mut Layout, evaluation: &EvaluationFacts) {
    if evaluation.comparisons.is_empty() {
        return;
    }
    layout.blank();
    for comparison in &evaluation.comparisons {
        let metric = &comparison.metric;
        let mut text = groups::metric(metric);
        if metric.status == MetricStatus::Ok {
            if metric.interval.is_some() {
                text.push_str(&format!(" ({})", groups::interval(metric)));
            }
            if let (Some(lowest), Some(highest)) = (&comparison.lowest_group, &comparison.highest_group) {
                let (lowest, highest) = (groups::value(lowest), groups::value(highest));
                text.push_str(&format!(", lowest {lowest}, highest {highest}"));
            }
        } else if let Some(reason) = &metric.reason {
            text.push_str(&format!(": {reason}"));
        }
        let name = comparison.comparison.key();
        let lead = format!("{name} by {}  ", comparison.column);
        layout.wrapped(2, &[(Paint::Plain, &lead)], &text, Paint::Plain);
    }
}

fn claims(layout: &mut Layout, claims: &[ClaimCheck]) {
    if claims.is_empty() {
        return;
    }
    layout.blank();
    let mut rows = vec![row(["claim", "stated", "recomputed", "tolerance", "result"])];
    rows.extend(claims.iter().map(|claim| {
        let (stated, recomputed) = groups::claim_values(claim);
        let (symbol, result) = match claim.result {
            ClaimResult::Confirmed => (PASSED, "confirmed"),
            ClaimResult::Contradicted => (FAILED, "contradicted"),
            ClaimResult::Unverifiable => (UNKNOWN, "unverifiable"),
        };
        let result = format!("{} {result}", layout.symbol(symbol));
        row([claim.metric.key(), &stated, &recomputed, &claim.tolerance.to_string(), &result])
    }));
    layout.table(2, &[Align::Left, Align::Right, Align::Right, Align::Right, Align::Left], &rows);
}

fn folded(layout: &mut Layout, groups: &Groups<'_>) {
    if !groups.passed.is_empty() {
        layout.heading(&format!("Passed ({})", groups.passed.len()));
        let domains = groups.passed_by_domain();
        let width = domains.iter().map(|(domain, _)| domain.chars().count()).max().unwrap_or(0);
        for (domain, controls) in domains {
            let lead = format!("{} {domain:<width$}  ", layout.symbol(PASSED));
            layout.wrapped(2, &[(Paint::Good, &lead)], &controls.join(", "), Paint::Plain);
        }
    }
    if !groups.not_applicable.is_empty() {
        layout.heading(&format!("Not applicable ({})", groups.not_applicable.len()));
        for outcome in &groups.not_applicable {
            let lead = format!("{}  ", outcome.control);
            layout.wrapped(2, &[(Paint::Plain, &lead)], &outcome.reasons.join("; "), Paint::Dim);
        }
    }
}

fn evidence(layout: &mut Layout, input: &ReportInput<'_>) {
    let record = input.record;
    layout.heading(if input.evidence.is_some() { "Evidence" } else { "Evidence: none was recorded" });
    if let Some(evidence) = input.evidence {
        let again = if evidence.already_recorded { " (the store held this run already)" } else { "" };
        entry(layout, "run", &format!("{}{again}", evidence.run));
        entry(layout, "store", &evidence.store);
        if let Some(checkpoint) = evidence.checkpoint_text() {
            entry(layout, "log", &checkpoint);
        }
        layout.wrapped(2, &[(Paint::Dim, "signed by  ")], &evidence.signed_by, Paint::Plain);
        entry(layout, "decision", &format!("sha256:{}", evidence.decision_sha256));
    }
    let facts = input.evidence.map_or(record.facts.sha256, |evidence| evidence.facts_sha256);
    entry(layout, "facts", &format!("sha256:{facts}"));
    let files = number::plural(usize::try_from(record.policy.files).unwrap_or(usize::MAX), "file", "files");
    entry(layout, "policies", &format!("sha256:{}", record.policy.sha256));
    entry(layout, "", &format!("{files}, {}", record.policy.uri));
    entry(layout, "evaluated", &format!("{} by {} {}", record.effective_time, record.tool.name, record.tool.version));
    let Some(evidence) = input.evidence else { return };
    for (position, file) in evidence.files.iter().take(MAX_FILES).enumerate() {
        entry(layout, if position == 0 { "files" } else { "" }, file);
    }
    if let Some(more) = evidence.files.len().checked_sub(MAX_FILES).filter(|more| *more > 0) {
        entry(layout, "", &format!("and {more} more"));
    }
    layout.blank();
    layout.wrapped(2, &[], "Verify it with", Paint::Plain);
    layout.unwrapped(4, &[], &evidence.verify_command);
}

/// A key and its value on one line: digests and paths are there to be copied.
fn entry(layout: &mut Layout, key: &str, value: &str) {
    layout.unwrapped(2, &[(Paint::Dim, &format!("{key:<9}  "))], value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{escape, sample};

    #[test]
    fn hostile_strings_stay_on_their_lines() {
        for text in sample::HOSTILE {
            let sample = sample::hostile(text);
            for unicode in [true, false] {
                let report = render(&sample.input(), TextStyle { columns: 100, colour: false, unicode });
                assert!(!report.chars().any(|character| character != '\n' && escape::is_hidden(character)), "{report}");
                assert!(report.lines().all(|line| !line.trim_start().starts_with("::")), "{report}");
                assert!(!report.contains("##["), "{report}");
                assert!(unicode || report.is_ascii(), "{report}");
                for heading in ["Blocks the release (2)", "Passed (5)", "Evidence"] {
                    assert_eq!(report.lines().filter(|line| *line == heading).count(), 1, "{heading} in {report}");
                }
            }
        }
    }

    #[test]
    fn only_lines_to_be_copied_are_wider_than_the_terminal() {
        for columns in [60, 80, 100, 120] {
            let report = render(&sample::denied().input(), TextStyle { columns, colour: false, unicode: false });
            for line in report.lines().filter(|line| line.len() > columns) {
                let is_copied = ["sha256:", ".sigstore.json", "  log  "].iter().any(|copied| line.contains(copied));
                assert!(is_copied, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn colour_is_all_that_colour_adds() {
        let style = TextStyle { columns: 80, colour: false, unicode: true };
        let plain = render(&sample::denied().input(), style);
        let coloured = render(&sample::denied().input(), TextStyle { colour: true, ..style });
        assert_ne!(plain, coloured);
        let mut stripped = String::new();
        let mut parts = coloured.split('\u{1b}');
        stripped.push_str(parts.next().unwrap());
        for part in parts {
            stripped.push_str(part.split_once('m').unwrap().1);
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn the_extremes_of_a_width_are_held() {
        let report = |columns| render(&sample::denied().input(), TextStyle { columns, colour: false, unicode: true });
        assert_eq!(report(0), report(TextStyle::LEAST_COLUMNS));
        assert_eq!(report(usize::MAX), report(TextStyle::MOST_COLUMNS));
    }

    #[test]
    fn a_flood_of_findings_is_counted() {
        let mut sample = sample::denied();
        let finding = sample.record.outcomes[0].findings[0].clone();
        sample.record.outcomes[0].findings = vec![finding; 25];
        let report = render(&sample.input(), TextStyle::default());
        assert_eq!(report.matches("artifact/model/scorer.pkl").count(), MAX_FINDINGS);
        assert!(report.contains("\n      and 15 more findings: the JSON report lists all\n"), "{report}");
    }

    #[test]
    fn a_release_without_a_commit_says_why() {
        let mut sample = sample::denied();
        sample.facts.repository.commit = None;
        sample.facts.repository.reason = Some("this is no Git work tree".to_owned());
        let report = render(&sample.input(), TextStyle::default());
        assert!(report.contains("\n  commit unknown: this is no Git work tree\n"), "{report}");
    }

    #[test]
    fn a_decision_on_nothing_says_so() {
        let mut sample = sample::denied();
        sample.record.outcomes.clear();
        let report = render(&ReportInput { evidence: None, ..sample.input() }, TextStyle::default());
        assert!(report.starts_with("✗ DENIED  credit-default 1.4.0\n  no control was evaluated\n"), "{report}");
        assert!(report.contains("\nEvidence: none was recorded\n"), "{report}");
    }
}
