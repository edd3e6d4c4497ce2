//! What the store has, for a person in a terminal and for other programs.
//!
//! Names in a store were written by whoever could write to it: they are as hostile as those of a pull
//! request.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::layout::{Align, Layout, Paint};
use super::{RenderError, TextStyle, escape, number};
use crate::decision::{Condition, Verdict};
use crate::digest::Sha256Digest;
use crate::store::{BlobKind, BlobState, Found, LoggedRun, Newest, Shown, StoredBlob};
use crate::tier::Tier;

/// Characters of a version that a table shows.
const MAX_VERSION_CHARACTERS: usize = 20;

/// Subjects that are written out in text; the JSON form has all.
const MAX_SUBJECTS: usize = 50;

/// A run in a list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunLine {
    /// Number of its entry in the log, from 0.
    pub sequence: u64,
    /// Key of the run: 64 hexadecimal digits.
    pub run: String,
    /// The time at which policies were evaluated, RFC 3339, UTC.
    pub effective_time: String,
    /// What was decided.
    pub decision: Verdict,
    /// The tier that applied.
    pub tier: Tier,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// How many files were judged.
    pub subjects: u64,
    /// SHA-256 of the decision record.
    pub decision_record: Sha256Digest,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: Sha256Digest,
}

impl From<&LoggedRun> for RunLine {
    fn from(run: &LoggedRun) -> Self {
        let leaf = &run.leaf;
        Self {
            sequence: run.sequence,
            run: leaf.run_key.to_string(),
            effective_time: leaf.effective_time.clone(),
            decision: leaf.decision,
            tier: leaf.tier,
            model: leaf.model.clone(),
            model_version: leaf.model_version.clone(),
            subjects: leaf.subjects,
            decision_record: leaf.decision_record,
            leaf_hash: run.leaf_hash,
        }
    }
}

/// Runs of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "modelgate store runs, version 1")]
pub struct RunsDocument {
    /// Version of this format. Always 1.
    pub version: u32,
    /// Name of the store's log among all logs.
    pub origin: String,
    /// Entries in the log.
    pub entries: u64,
    /// How many of them fit what was asked for. Those that are not in `runs` were counted by the index,
    /// and not compared with the log.
    pub matched: u64,
    /// Entries that the index covers; null where it was not asked.
    pub indexed: Option<u64>,
    /// The newest of those that fit, the newest first, as the log has them.
    pub runs: Vec<RunLine>,
    /// What of the index could not be used.
    pub warnings: Vec<String>,
}

impl RunsDocument {
    /// The newest runs.
    #[must_use]
    pub fn newest(origin: &str, newest: &Newest) -> Self {
        Self {
            version: 1,
            origin: origin.to_owned(),
            entries: newest.entries,
            matched: newest.entries,
            indexed: None,
            runs: newest.runs.iter().map(RunLine::from).collect(),
            warnings: Vec::new(),
        }
    }

    /// What was found; `used_index` says whether the index was asked.
    #[must_use]
    pub fn found(origin: &str, found: &Found, used_index: bool) -> Self {
        Self {
            version: 1,
            origin: origin.to_owned(),
            entries: found.entries,
            matched: found.matched,
            indexed: used_index.then_some(found.indexed),
            runs: found.runs.iter().map(RunLine::from).collect(),
            warnings: found.warnings.clone(),
        }
    }

    /// As JSON, with a newline at its end.
    ///
    /// # Errors
    /// [`RenderError::Json`] if it cannot be written.
    pub fn json(&self) -> Result<String, RenderError> {
        Ok(escape::json(&serde_json::to_string_pretty(self)?) + "\n")
    }

    /// As a table, and how many there are.
    #[must_use]
    pub fn text(&self, style: &TextStyle) -> String {
        let mut layout = Layout::new(*style);
        if !self.runs.is_empty() {
            let heading = ["seq", "time", "decision", "tier", "model", "version", "run"].map(str::to_owned).to_vec();
            let rows: Vec<_> = std::iter::once(heading).chain(self.runs.iter().map(cells)).collect();
            let [left, right] = [Align::Left, Align::Right];
            layout.table_with_free_text(0, &[right, left, left, left, left, left, left], &rows, 4);
            layout.blank();
        }
        let matched = number::count(self.matched);
        let entries = format!("{} {}", number::count(self.entries), if self.entries == 1 { "run" } else { "runs" });
        let shown = self.runs.len() as u64;
        let summary = match (self.matched, shown) {
            (0, _) if self.entries == 0 => "the store is empty".to_owned(),
            (0, _) => format!("none of {entries} fits"),
            (all, shown) if all == shown && all == self.entries => entries,
            (all, shown) if all == shown => format!("{matched} of {entries}"),
            (all, shown) if all == self.entries => format!("the newest {} of {entries}", number::count(shown)),
            (_, shown) => format!("the newest {} of {matched} that fit, of {entries}", number::count(shown)),
        };
        layout.wrapped(0, &[], &summary, Paint::Dim);
        layout.finish()
    }
}

fn cells(run: &RunLine) -> Vec<String> {
    let version = escape::cut(&run.model_version, MAX_VERSION_CHARACTERS, "…").into_owned();
    vec![
        run.sequence.to_string(),
        run.effective_time.clone(),
        run.decision.name().to_owned(),
        run.tier.name().to_owned(),
        run.model.clone(),
        version,
        run.run.chars().take(16).collect(),
    ]
}

/// A file that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SubjectLine {
    /// Its name in the release.
    pub name: String,
    /// SHA-256 of its content.
    pub sha256: Sha256Digest,
}

/// Everything that a store knows of a run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "modelgate store run, version 1")]
pub struct RunDocument {
    /// Version of this format. Always 1.
    pub version: u32,
    /// Name of the store's log among all logs.
    pub origin: String,
    /// What the log says of it.
    pub run: RunLine,
    /// Where its entry is.
    pub entry: String,
    /// SHA-256 of the entry.
    pub entry_sha256: Sha256Digest,
    /// Whether an entry behind it names it, and so vouches for it.
    pub followed: bool,
    /// Where its receipt is; null when the run was cut off before it had one.
    pub receipt: Option<String>,
    /// SHA-256 of each signed payload.
    pub statements: Vec<Sha256Digest>,
    /// Bundles, facts, decision record, policies and what else was stored.
    pub blobs: Vec<StoredBlob>,
    /// What was judged, by the record of the evaluation. Its signature was not checked.
    pub subjects: Vec<SubjectLine>,
    /// How many controls came to what.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Controls that failed or could not be evaluated.
    pub failed: Vec<String>,
    /// What a conditional approval requires.
    pub conditions: Vec<Condition>,
    /// Numbers of older runs of the same version, the newest first, where a version was asked for.
    pub others: Vec<u64>,
    /// Commands that check the signed statements.
    pub commands: Vec<String>,
}

impl RunDocument {
    /// What was shown.
    #[must_use]
    pub fn of(origin: &str, shown: &Shown) -> Self {
        let signed = |blob: &&StoredBlob| matches!(blob.kind, BlobKind::Verdict | BlobKind::Evaluation);
        let command = |blob: &StoredBlob| {
            let evaluation = if blob.kind == BlobKind::Evaluation { " --evaluation" } else { "" };
            format!("modelgate verify {} --key PUBLIC-KEY{evaluation}", blob.object)
        };
        let subject = |subject: &crate::evidence::statement::Subject| SubjectLine {
            name: subject.name.clone(),
            sha256: subject.digest.sha256,
        };
        Self {
            version: 1,
            origin: origin.to_owned(),
            run: RunLine::from(&shown.run),
            entry: shown.entry.clone(),
            entry_sha256: shown.entry_sha256,
            followed: shown.is_followed,
            receipt: shown.receipt.clone(),
            statements: shown.run.leaf.statements.clone(),
            blobs: shown.blobs.clone(),
            subjects: shown.subjects.iter().map(subject).collect(),
            outcomes: shown.outcomes.clone(),
            failed: shown.failed.clone(),
            conditions: shown.conditions.clone(),
            others: shown.others.clone(),
            commands: shown.blobs.iter().filter(signed).map(command).collect(),
        }
    }

    /// Whether every blob is what its name says.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.blobs.iter().all(|blob| matches!(blob.state, BlobState::Intact { .. }))
    }

    /// As JSON, with a newline at its end.
    ///
    /// # Errors
    /// [`RenderError::Json`] if it cannot be written.
    pub fn json(&self) -> Result<String, RenderError> {
        Ok(escape::json(&serde_json::to_string_pretty(self)?) + "\n")
    }

    /// For a person.
    #[must_use]
    pub fn text(&self, style: &TextStyle) -> String {
        let mut layout = Layout::new(*style);
        let run = &self.run;
        let paint = match run.decision {
            Verdict::Approve => Paint::Good,
            Verdict::Conditional => Paint::Caution,
            Verdict::Deny => Paint::Bad,
        };
        let model = format!("{} {}", run.model, run.model_version);
        layout.wrapped(0, &[(paint, run.decision.name()), (Paint::Plain, "  ")], &model, Paint::Strong);
        let decided = format!("tier {}, decided as of {}", run.tier, run.effective_time);
        layout.wrapped(2, &[], &decided, Paint::Plain);
        self.place(&mut layout);
        self.decision(&mut layout);
        self.stored(&mut layout);
        self.judged(&mut layout);
        if !self.commands.is_empty() {
            layout.heading("Check the signatures");
            self.commands.iter().for_each(|command| layout.unwrapped(2, &[], command));
        }
        layout.finish()
    }

    fn place(&self, layout: &mut Layout) {
        layout.heading("In the log");
        let run = &self.run;
        let vouched = if self.followed { "the entry behind it names it" } else { "it is the last" };
        let receipt = self.receipt.as_deref().unwrap_or("none: the run was cut off; repeating it writes one");
        let others: Vec<_> = self.others.iter().map(u64::to_string).collect();
        let lines = [
            ("run      ", run.run.clone()),
            ("sequence ", format!("{} ({vouched})", run.sequence)),
            ("entry    ", self.entry.clone()),
            ("digest   ", format!("sha256:{}", self.entry_sha256)),
            ("leaf     ", format!("{} (RFC 6962)", run.leaf_hash)),
            ("receipt  ", receipt.to_owned()),
            ("older    ", format!("runs of this version: {}", others.join(", "))),
        ];
        for (lead, text) in lines.iter().filter(|(lead, _)| !others.is_empty() || !lead.starts_with("older")) {
            layout.unwrapped(2, &[(Paint::Dim, lead)], text);
        }
    }

    fn decision(&self, layout: &mut Layout) {
        if self.outcomes.is_empty() {
            return;
        }
        layout.heading("Controls");
        let counts: Vec<_> = self.outcomes.iter().map(|(result, count)| format!("{count} {result}")).collect();
        layout.wrapped(2, &[], &counts.join(", "), Paint::Plain);
        if !self.failed.is_empty() {
            layout.wrapped(2, &[(Paint::Bad, "not passed: ")], &self.failed.join(", "), Paint::Plain);
        }
        for condition in &self.conditions {
            let text = format!(
                "{} until {} by {}: {}",
                condition.control, condition.due, condition.owner, condition.mitigation
            );
            layout.wrapped(2, &[(Paint::Caution, "condition: ")], &text, Paint::Plain);
        }
    }

    fn stored(&self, layout: &mut Layout) {
        layout.heading("Stored");
        for blob in &self.blobs {
            let (paint, state) = match &blob.state {
                BlobState::Intact { size_bytes } => (Paint::Dim, format!("{} bytes", number::count(*size_bytes))),
                BlobState::Missing => (Paint::Bad, "MISSING".to_owned()),
                BlobState::Damaged { reason } => (Paint::Bad, format!("DAMAGED: {reason}")),
            };
            let kind = format!("{:<16}", kind_name(blob.kind));
            layout.unwrapped(2, &[(Paint::Plain, &kind), (paint, &state), (Paint::Plain, "  ")], &blob.object);
        }
    }

    fn judged(&self, layout: &mut Layout) {
        if self.subjects.is_empty() {
            return;
        }
        layout.heading("Judged");
        for subject in self.subjects.iter().take(MAX_SUBJECTS) {
            let digest = format!("sha256:{}  ", subject.sha256);
            layout.unwrapped(2, &[(Paint::Dim, &digest)], &subject.name);
        }
        if let Some(more) = self.subjects.len().checked_sub(MAX_SUBJECTS).filter(|more| *more > 0) {
            layout.wrapped(2, &[], &format!("and {more} more: `--json` has them"), Paint::Dim);
        }
    }
}

const fn kind_name(kind: BlobKind) -> &'static str {
    match kind {
        BlobKind::Verdict => "verdict",
        BlobKind::Evaluation => "evaluation",
        BlobKind::Statement => "statement",
        BlobKind::Facts => "facts",
        BlobKind::DecisionRecord => "decision record",
        BlobKind::Policies => "policies",
        BlobKind::PublicKey => "public key",
        BlobKind::Inputs => "run inputs",
        BlobKind::ModelSignature => "model signature",
        BlobKind::Other => "other",
    }
}
