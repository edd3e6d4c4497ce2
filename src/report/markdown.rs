//! The report for a step summary and for a comment on a pull request: GitHub and GitLab Markdown.

use crate::decision::record::DecisionRecord;
use crate::decision::{Finding, Outcome, Verdict};
use crate::digest::Sha256Digest;
use crate::facts::Facts;
use crate::facts::evaluation::metric::MetricStatus;
use crate::facts::evaluation::{ClaimResult, EvaluationFacts, Metric, MetricId, Metrics};

use super::escape::{markdown as prose, markdown_code as code};
use super::groups::{self, Groups};
use super::{EvidenceSummary, ReportInput, compared, number};

/// Bytes of a report. GitHub refuses a comment of more than 65,536 characters; the rest is for what
/// the forge puts around it.
const MAX_REPORT_BYTES: usize = 60_000;

/// Bytes of a comment's report: its first line is a marker of at most as many bytes as are missing here.
const MAX_COMMENT_BYTES: usize = MAX_REPORT_BYTES - 512;

/// What a comment on a pull request is written from. A decision that is posted later may come without its facts.
#[derive(Debug, Clone, Copy)]
pub struct CommentInput<'a> {
    /// What was decided.
    pub record: &'a DecisionRecord,
    /// What was measured, if it is at hand.
    pub facts: Option<&'a Facts>,
    /// The commit, if the facts do not say.
    pub commit: Option<&'a str>,
    /// Where the evidence is; `None` when none was recorded.
    pub evidence: Option<&'a EvidenceSummary>,
    /// What is said above everything else.
    pub label: Option<&'a str>,
    /// What the comment says was decided, where that is not what the record says.
    pub verdict: Verdict,
}

/// Bytes kept free for the note that says what was left out.
const CUT_NOTE_BYTES: usize = 200;

/// Findings of one control that are written out.
const MAX_FINDINGS: usize = 10;

/// Reasons for the tier that are written out.
const MAX_TIER_REASONS: usize = 4;

/// Rows of what was compared.
const MAX_COMPARED: usize = 10;

/// Signed files that are listed.
const MAX_FILES: usize = 10;

/// Renders the report.
pub(super) fn render(input: &ReportInput<'_>) -> String {
    let is_repeated = input.evidence.is_some_and(|evidence| evidence.already_recorded);
    let comment = CommentInput {
        record: input.record,
        facts: Some(input.facts),
        commit: None,
        evidence: input.evidence,
        label: None,
        verdict: input.record.decision,
    };
    write(&comment, is_repeated, MAX_REPORT_BYTES)
}

/// Renders a comment, without its first line. The same decision gives the same text, whether or not the store had it.
#[must_use]
pub fn comment(input: &CommentInput<'_>) -> String {
    write(input, false, MAX_COMMENT_BYTES)
}

fn write(input: &CommentInput<'_>, is_repeated: bool, most_bytes: usize) -> String {
    let groups = Groups::of(input.record);
    let mut blocks = vec![headline(input, &groups), tier(input)];
    blocks.extend(failed(input, &groups));
    blocks.extend(changed(input));
    for evaluation in input.facts.into_iter().flat_map(|facts| &facts.evaluations) {
        blocks.extend(slices(evaluation));
        blocks.extend(comparisons(evaluation));
        blocks.extend(claims(evaluation));
        blocks.extend(overall(evaluation));
        blocks.extend(comparison_tables(evaluation));
    }
    blocks.extend(passed(&groups));
    assemble(&blocks, &evidence(input, is_repeated), most_bytes)
}

/// A part of the report that is whole in itself: `open`, rows, `close`. Where there is no room for
/// all rows, the last ones go; `open` and `close` always stay together.
#[derive(Debug, Default)]
struct Block {
    open: String,
    rows: Vec<String>,
    close: &'static str,
}

impl Block {
    const fn paragraph(open: String) -> Self {
        Self { open, rows: Vec::new(), close: "" }
    }

    /// A table with `heading` above it.
    fn table(heading: &str, columns: &[&str], rows: Vec<String>) -> Option<Self> {
        let rule = "| --- ".repeat(columns.len());
        let open = format!("{heading}\n\n| {} |\n{rule}|\n", columns.join(" | "));
        (!rows.is_empty()).then_some(Self { open, rows, close: "" })
    }

    /// The same block, folded under `summary`.
    fn folded(self, summary: &str) -> Self {
        let open = format!("<details><summary>{summary}</summary>\n{}", self.open);
        Self { open, rows: self.rows, close: "\n</details>\n" }
    }

    /// The block in at most `room` bytes, and how many of its rows were left out; `None` if not even
    /// its head fits.
    fn fit(&self, room: usize) -> Option<(String, usize)> {
        let mut left = room.checked_sub(self.open.len())?.checked_sub(self.close.len())?;
        let mut text = self.open.clone();
        let mut written = 0_usize;
        for row in &self.rows {
            let Some(rest) = left.checked_sub(row.len()) else { break };
            left = rest;
            text.push_str(row);
            written = written.saturating_add(1);
        }
        if written == 0 && !self.rows.is_empty() {
            return None;
        }
        text.push_str(self.close);
        Some((text, self.rows.len().saturating_sub(written)))
    }
}

/// Puts the blocks together within `most_bytes`. `last` always has its place.
fn assemble(blocks: &[Block], last: &str, most_bytes: usize) -> String {
    let mut room = most_bytes.saturating_sub(last.len()).saturating_sub(CUT_NOTE_BYTES);
    let mut out = String::new();
    let mut left_out = 0_usize;
    for block in blocks {
        // One byte is the empty line between blocks.
        match block.fit(room.saturating_sub(1)) {
            Some((text, rows)) => {
                room = room.saturating_sub(text.len().saturating_add(1));
                out.push_str(&text);
                out.push('\n');
                left_out = left_out.saturating_add(rows);
            }
            None => left_out = left_out.saturating_add(block.rows.len().max(1)),
        }
    }
    if left_out > 0 {
        let lines = number::plural(left_out, "line did", "lines did");
        out.push_str(&format!("> [!NOTE]\n> {lines} not fit into this report. The JSON report has everything.\n\n"));
    }
    out.push_str(last);
    out
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn headline(input: &CommentInput<'_>, groups: &Groups<'_>) -> Block {
    let record = input.record;
    let verdict = match input.verdict {
        Verdict::Approve => "✅ Approved",
        Verdict::Conditional => "⚠️ Conditionally approved",
        Verdict::Deny => "❌ Denied",
    };
    let mut text = format!("## {verdict}: {} {}\n\n", code(&record.model), code(&record.model_version));
    if let Some(label) = input.label {
        text.push_str(&format!("> [!IMPORTANT]\n> {label}\n\n"));
    }
    text.push_str(&format!("{}.\n", groups.reason(record.decision)));
    if input.verdict != record.decision {
        text.push_str("\nThe record says otherwise, and how the run ended does not bear it out.\n");
    }
    let repository = input.facts.map(|facts| &facts.repository);
    let commit = repository.and_then(|repository| repository.commit.as_deref()).or(input.commit);
    let origin = match (commit, repository.and_then(|repository| repository.reason.as_ref())) {
        (Some(commit), _) => {
            let branch = repository.and_then(|repository| repository.branch.as_ref());
            let branch = branch.map(|branch| format!(" on {}", code(branch))).unwrap_or_default();
            let is_dirty = repository.is_some_and(|repository| repository.dirty == Some(true));
            let dirty = if is_dirty { groups::DIRTY } else { "" };
            format!("Commit {}{branch}{dirty}.", code(commit.get(..12).unwrap_or(commit)))
        }
        (None, Some(reason)) => format!("Commit unknown: {}", prose(reason)),
        (None, None) => "Commit unknown.".to_owned(),
    };
    text.push_str(&format!("\n{origin}\n"));
    Block::paragraph(text)
}

fn tier(input: &CommentInput<'_>) -> Block {
    let tier = &input.record.tier;
    let declared = tier.declared.map_or_else(|| "not declared".to_owned(), |tier| format!("declared {tier}"));
    let mut text = format!("**Tier {}** (computed {}, {declared})\n\n", tier.effective, tier.computed);
    for reason in tier.reasons.iter().take(MAX_TIER_REASONS) {
        text.push_str(&format!("- {} ({}): {}\n", code(&reason.rule), reason.tier, prose(&reason.reason)));
    }
    if let Some(more) = tier.reasons.len().checked_sub(MAX_TIER_REASONS).filter(|more| *more > 0) {
        text.push_str(&format!("- and {}\n", number::plural(more, "more rule", "more rules")));
    }
    Block::paragraph(text)
}

fn failed(input: &CommentInput<'_>, groups: &Groups<'_>) -> Vec<Block> {
    let conditional = if input.record.decision == Verdict::Conditional {
        "Why there are conditions"
    } else {
        "Becomes a condition once nothing blocks"
    };
    let sections: [(&str, &[&Outcome]); 6] = [
        ("Blocks the release", &groups.blocking),
        ("Could not be evaluated, which blocks too", &groups.errors),
        (conditional, &groups.conditional),
        ("Warnings", &groups.warnings),
        ("Accepted risks", &groups.waived),
        ("Recorded only, in shadow", &groups.shadow),
    ];
    let columns = ["Control", "What is wrong", "Observed", "Expected", "How to mend it"];
    let mut blocks = Vec::new();
    for (title, outcomes) in sections {
        if title == conditional {
            blocks.extend(conditions(input));
        }
        let rows = outcomes.iter().flat_map(|outcome| control(outcome)).collect();
        blocks.extend(Block::table(&format!("### {title} ({})", outcomes.len()), &columns, rows));
    }
    blocks
}

fn conditions(input: &CommentInput<'_>) -> Option<Block> {
    let conditions = input.record.conditions.iter();
    let rows = conditions
        .map(|condition| {
            row(&[
                code(&condition.control),
                prose(&condition.mitigation),
                prose(&condition.owner),
                prose(&condition.due),
            ])
        })
        .collect();
    Block::table("### Conditions of the approval", &["Control", "To do", "Owner", "Due by"], rows)
}

/// What the team says it changed since the version that is in use. What became of the metrics is in the tables of the
/// evaluations.
fn changed(input: &CommentInput<'_>) -> Option<Block> {
    let change = input.facts?.change.as_ref()?;
    let since = match &change.champion_version {
        Some(version) => format!("Changed since {}", code(version)),
        None => "Changed".to_owned(),
    };
    let kind = serde_json::to_value(change.kind).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    Some(Block::paragraph(format!("### {since}\n\n{}: {}\n", prose(kind), prose(&change.summary))))
}

/// A row for each reason and each finding; the control stands in the first one.
fn control(outcome: &Outcome) -> Vec<String> {
    let mut head =
        format!("**{}** {}<br>{}", prose(&outcome.control), prose(&outcome.title), groups::severity(outcome.severity));
    let mut mend = prose(&outcome.remediation);
    let mut rows = Vec::new();
    let mut push = |what: String, observed: String, expected: String| {
        rows.push(row(&[std::mem::take(&mut head), what, observed, expected, std::mem::take(&mut mend)]));
    };
    for reason in outcome.reasons.iter().take(MAX_FINDINGS) {
        push(prose(reason), String::new(), String::new());
    }
    for finding in outcome.findings.iter().take(MAX_FINDINGS) {
        let (observed, expected) = number::observed_and_expected(&finding.observed, &finding.expected);
        let value = |value: Option<String>| value.map(|value| prose(&value)).unwrap_or_default();
        push(what(finding), value(observed), value(expected));
    }
    if let Some(more) = outcome.findings.len().checked_sub(MAX_FINDINGS).filter(|more| *more > 0) {
        let more = number::plural(more, "more finding", "more findings");
        push(format!("and {more}: the JSON report lists all"), String::new(), String::new());
    }
    if outcome.reasons.is_empty() && outcome.findings.is_empty() {
        push("no reason was given".to_owned(), String::new(), String::new());
    }
    rows
}

fn what(finding: &Finding) -> String {
    let place = groups::place(finding).map(|place| format!("<br>{}", code(&place))).unwrap_or_default();
    format!("{}: {}{place}", code(&finding.subject), prose(&finding.message))
}

/// The interval of a value, or the reason why there is no value.
fn note(metric: &Metric) -> String {
    match (metric.status, &metric.reason) {
        (MetricStatus::Ok, _) | (_, None) => groups::interval(metric),
        (_, Some(reason)) => prose(reason),
    }
}

/// All rows and the groups of protected columns, a row each.
fn slices(evaluation: &EvaluationFacts) -> Option<Block> {
    let metrics: Vec<MetricId> = groups::group_metrics(evaluation.task).to_vec();
    let cells = |name: String, rows: u64, values: &Metrics| {
        let mut cells = vec![name, number::count(rows)];
        cells.extend(metrics.iter().map(|id| values.get(*id).map(groups::metric).unwrap_or_default()));
        row(&cells)
    };
    let mut rows = vec![cells("all rows".to_owned(), evaluation.rows.total, &evaluation.metrics)];
    for slice in evaluation.slices.iter().filter(|slice| slice.protected) {
        let name = format!("{}: {}", prose(&slice.column), prose(groups::group(slice)));
        rows.push(cells(name, slice.rows, &slice.metrics));
    }
    let mut columns = vec!["Group", "Rows"];
    columns.extend(metrics.iter().map(|id| id.key()));
    Block::table(&format!("### Evaluation {}", code(&evaluation.name)), &columns, rows)
}

fn comparisons(evaluation: &EvaluationFacts) -> Option<Block> {
    let group = |group: &Option<String>| group.as_deref().map(|group| prose(groups::value(group))).unwrap_or_default();
    let rows = evaluation.comparisons.iter().map(|comparison| {
        row(&[
            format!("{} by {}", comparison.comparison.key(), prose(&comparison.column)),
            groups::metric(&comparison.metric),
            note(&comparison.metric),
            group(&comparison.lowest_group),
            group(&comparison.highest_group),
        ])
    });
    let columns = ["Comparison", "Value", "Interval", "Lowest", "Highest"];
    Block::table(&format!("#### Groups of {} compared", code(&evaluation.name)), &columns, rows.collect())
}

fn claims(evaluation: &EvaluationFacts) -> Option<Block> {
    let rows = evaluation.claims.iter().map(|claim| {
        let (stated, recomputed) = groups::claim_values(claim);
        let result = match claim.result {
            ClaimResult::Confirmed => "✅ confirmed",
            ClaimResult::Contradicted => "❌ contradicted",
            ClaimResult::Unverifiable => "❔ unverifiable",
        };
        row(&[claim.metric.key().to_owned(), stated, recomputed, claim.tolerance.to_string(), result.to_owned()])
    });
    let columns = ["Claim", "Stated", "Recomputed", "Tolerance", "Result"];
    Block::table(&format!("#### Claims of {}", code(&evaluation.name)), &columns, rows.collect())
}

fn overall(evaluation: &EvaluationFacts) -> Option<Block> {
    let rows = groups::overall_metrics(evaluation.task).into_iter().filter_map(|id| {
        let metric = evaluation.metrics.get(id)?;
        Some(row(&[id.key().to_owned(), groups::metric(metric), note(metric), number::count(metric.n)]))
    });
    let columns = ["Metric", "Value", "Interval", "n"];
    let name = code(&evaluation.name);
    let table = Block::table(&format!("\nOver all valid rows of {name}:"), &columns, rows.collect())?;
    Some(table.folded("All metrics, with intervals"))
}

/// What the rows were compared with, each table folded.
fn comparison_tables(evaluation: &EvaluationFacts) -> Vec<Block> {
    let block = |table: compared::Table| {
        let cells = |cells: &Vec<String>| row(&cells.iter().map(|cell| prose(cell)).collect::<Vec<_>>());
        let notes: String = table.notes.iter().map(|note| format!("{}. ", prose(note))).collect();
        let heading = format!("\nFor {}. {notes}", code(&evaluation.name));
        let rows = table.rows.iter().map(cells).collect();
        Some(Block::table(heading.trim_end(), &table.header, rows)?.folded(&prose(&table.title)))
    };
    compared::tables(evaluation, MAX_COMPARED).into_iter().filter_map(block).collect()
}

fn passed(groups: &Groups<'_>) -> Option<Block> {
    let mut rows = Vec::new();
    for (domain, controls) in groups.passed_by_domain() {
        let controls: Vec<String> = controls.into_iter().map(code).collect();
        rows.push(format!("- {}: {}\n", prose(domain), controls.join(", ")));
    }
    for outcome in &groups.not_applicable {
        let reasons: Vec<String> = outcome.reasons.iter().take(MAX_FINDINGS).map(|reason| prose(reason)).collect();
        rows.push(format!("- {} does not apply: {}\n", code(&outcome.control), reasons.join("; ")));
    }
    if rows.is_empty() {
        return None;
    }
    let passed = number::plural(groups.passed.len(), "control passed", "controls passed");
    let summary = format!("{passed}, {} not applicable", groups.not_applicable.len());
    Some(Block { open: "\n".to_owned(), rows, close: "" }.folded(&summary))
}

fn evidence(input: &CommentInput<'_>, is_repeated: bool) -> String {
    let record = input.record;
    let mut text = "### Evidence\n\n".to_owned();
    let mut item = |key: &str, value: String| text.push_str(&format!("- {key}: {value}\n"));
    if let Some(evidence) = input.evidence {
        let again = if is_repeated { " (the store held this run already)" } else { "" };
        item("run", format!("{}{again} in {}", code(&evidence.run), code(&evidence.store)));
        if let Some(checkpoint) = evidence.checkpoint_text() {
            item("log", code(&checkpoint));
        }
        item("signed by", prose(&evidence.signed_by));
        item("decision", code(&format!("sha256:{}", evidence.decision_sha256)));
    }
    let facts: Sha256Digest = input.evidence.map_or(record.facts.sha256, |evidence| evidence.facts_sha256);
    item("facts", code(&format!("sha256:{facts}")));
    let files = number::count(record.policy.files);
    let policy = code(&format!("sha256:{}", record.policy.sha256));
    item("policies", format!("{policy}, {files} files, {}", code(&record.policy.uri)));
    let tool = format!("{} {}", record.tool.name, record.tool.version);
    item("evaluated", format!("{} by {}", prose(&record.effective_time), prose(&tool)));
    let Some(evidence) = input.evidence else {
        text.push_str("\nNo evidence was recorded.\n");
        return text;
    };
    let mut files: Vec<String> = evidence.files.iter().take(MAX_FILES).map(|file| code(file)).collect();
    if let Some(more) = evidence.files.len().checked_sub(MAX_FILES).filter(|more| *more > 0) {
        files.push(format!("and {more} more"));
    }
    if !files.is_empty() {
        text.push_str(&format!("- files: {}\n", files.join(", ")));
    }
    text.push_str(&format!("\nVerify it with {}\n", code(&evidence.verify_command)));
    text
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;
    use crate::report::{escape, sample};

    /// Tags that the report itself writes.
    const OWN_HTML: [&str; 5] = ["<br>", "<details>", "<summary>", "</summary>", "</details>"];

    /// What a report is made of: headings, tables, rows, cells and list items.
    fn structure(markdown: &str) -> [usize; 5] {
        let mut counts = [0; 5];
        let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
        for event in Parser::new_ext(markdown, options) {
            let position = match event {
                Event::Start(Tag::Heading { .. }) => 0,
                Event::Start(Tag::Table(_)) => 1,
                Event::Start(Tag::TableHead | Tag::TableRow) => 2,
                Event::Start(Tag::TableCell) => 3,
                Event::Start(Tag::Item) => 4,
                Event::Html(html) | Event::InlineHtml(html) => {
                    let own = OWN_HTML.iter().fold(html.to_string(), |html, tag| html.replace(tag, ""));
                    assert!(!own.contains(['<', '>']), "{html:?}");
                    continue;
                }
                Event::Start(Tag::Paragraph | Tag::List(None) | Tag::HtmlBlock | Tag::Strong | Tag::BlockQuote(_))
                | Event::End(_)
                | Event::Text(_)
                | Event::Code(_)
                | Event::SoftBreak => continue,
                other => panic!("{other:?} in\n{markdown}"),
            };
            counts[position] += 1;
        }
        counts
    }

    #[test]
    fn hostile_strings_change_nothing_of_the_structure() {
        let expected = structure(&render(&sample::hostile("harmless").input()));
        assert_eq!(expected, [13, 11, 37, 183, 15]);
        for text in sample::HOSTILE {
            let report = render(&sample::hostile(text).input());
            assert_eq!(structure(&report), expected, "{text:?} in\n{report}");
            let hidden = |character: char| !matches!(character, '\n' | '\u{200b}') && escape::is_hidden(character);
            assert!(!report.chars().any(hidden), "{text:?}");
            assert!(report.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")));
            assert!(!report.contains("<!--"), "{text:?}");
        }
    }

    fn comment_of(sample: &sample::Sample) -> String {
        comment(&CommentInput {
            record: &sample.record,
            facts: Some(&sample.facts),
            commit: None,
            evidence: Some(&sample.evidence),
            label: Some("Reported by the contributor's run."),
            verdict: sample.record.decision,
        })
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]
        #[test]
        fn no_text_of_a_release_becomes_markup(
            text in "([\\PC]|[-+*_#@!:<>|&\\[\\]()~$^={}.`\\\\/ 0-9a-w]|www\\.|https://|<!--|-->|</?details>|&amp;|::|##\\[|\u{1b}\\[|\n){0,40}"
        ) {
            let expected = structure(&comment_of(&sample::hostile("harmless")));
            let written = comment_of(&sample::hostile(&text));
            // Links, images and code blocks make `structure` panic; tags that are not ours do, too.
            proptest::prop_assert_eq!(structure(&written), expected, "{:?} in\n{}", text, written);
            proptest::prop_assert!(!written.contains("<!--") && !written.contains("##["));
            proptest::prop_assert!(written.lines().all(|line| !line.trim_start().starts_with("::")));
            let hidden = |character: char| !matches!(character, '\n' | '\u{200b}') && escape::is_hidden(character);
            proptest::prop_assert!(!written.chars().any(hidden));
            let prose = prose_of(&written);
            for (place, _) in prose.match_indices(['@', '#']) {
                let next = prose.get(place + 1..).and_then(|rest| rest.chars().next());
                proptest::prop_assert!(next.is_none_or(|next| !next.is_alphanumeric()), "{}", written);
            }
        }
    }

    /// What a reader sees outside of code, where forges look for mentions and references.
    fn prose_of(markdown: &str) -> String {
        let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
        let texts = Parser::new_ext(markdown, options).filter_map(|event| match event {
            Event::Text(text) => Some(text.to_string()),
            Event::Code(_) | Event::End(_) => Some(" ".to_owned()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn a_comment_says_the_same_whether_or_not_the_store_had_it() {
        let mut sample = sample::denied();
        let first = comment_of(&sample);
        sample.evidence.already_recorded = true;
        assert_eq!(comment_of(&sample), first);
        assert!(render(&sample.input()).contains("the store held this run already"));
        assert!(first.contains("> [!IMPORTANT]\n> Reported by"), "{first}");
    }

    #[test]
    fn what_a_run_does_not_bear_out_is_denied() {
        let sample = sample::conditional();
        let input = CommentInput {
            record: &sample.record,
            facts: None,
            commit: Some("4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            evidence: None,
            label: None,
            verdict: Verdict::Deny,
        };
        let written = comment(&input);
        assert!(written.starts_with("## ❌ Denied"), "{written}");
        assert!(written.contains("does not bear it out") && written.contains("`4b825dc642cb`"), "{written}");
    }

    #[test]
    fn a_change_is_said_and_escaped() {
        let mut sample = sample::denied();
        sample.facts.change = Some(crate::manifest::raw::Change {
            kind: crate::manifest::raw::ChangeKind::Retraining,
            champion_version: Some("1.3.0".to_owned()),
            summary: "newer rows <!-- x --> @team".to_owned(),
        });
        let written = comment_of(&sample);
        assert!(written.contains("### Changed since `1.3.0`\n\nretraining: newer rows &lt;"), "{written}");
        structure(&written);
    }

    #[test]
    fn a_report_that_is_too_long_is_cut_between_rows_and_says_so() {
        let mut sample = sample::hostile(&"<|*".repeat(200));
        let outcomes = sample.record.outcomes.clone();
        for round in 0..20 {
            sample.record.outcomes.extend(outcomes.iter().cloned().map(|mut outcome| {
                outcome.control = format!("{}-{round}", outcome.control);
                outcome
            }));
        }
        assert!(comment_of(&sample).len() <= MAX_COMMENT_BYTES);
        let report = render(&sample.input());
        assert!(report.len() <= MAX_REPORT_BYTES, "{}", report.len());
        assert!(report.len() > MAX_REPORT_BYTES / 2, "{}", report.len());
        assert!(report.contains("did not fit into this report"), "{report}");
        assert_eq!(report.matches("<details>").count(), report.matches("</details>").count());
        assert!(report.contains("\n### Evidence\n"));
        structure(&report);
        for line in report.lines().filter(|line| line.starts_with('|')) {
            assert!(line.ends_with('|'), "{line}");
        }
    }

    #[test]
    fn a_block_keeps_its_ends_or_goes() {
        let block = Block { open: "<".to_owned(), rows: vec!["aa".to_owned(), "bb".to_owned()], close: ">" };
        assert_eq!(block.fit(6), Some(("<aabb>".to_owned(), 0)));
        assert_eq!(block.fit(5), Some(("<aa>".to_owned(), 1)));
        assert_eq!(block.fit(4), Some(("<aa>".to_owned(), 1)));
        assert_eq!(block.fit(3), None);
        assert_eq!(block.fit(0), None);
    }

    #[test]
    fn without_evidence_the_report_says_so() {
        let sample = sample::denied();
        let report = render(&ReportInput { evidence: None, ..sample.input() });
        assert!(report.ends_with("\nNo evidence was recorded.\n"), "{report}");
        assert!(!report.contains("Verify it"), "{report}");
    }
}
