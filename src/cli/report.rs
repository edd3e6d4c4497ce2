//! `modelgate report`: documents for review boards, from a decision that is recorded.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stores::{self, FoundRun};
use super::{Failure, Printer, recording};
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::evidence::bundle::Bundle;
use crate::evidence::run_parts::{Part, RecordedRun};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::review::{self, ReviewDocument, ReviewFormat};
use crate::report::{EvidenceSummary, ReportInput};

/// Bytes of a JSON report: of a release with a hundred controls and as many findings each it is a tenth.
const REPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    document: Document,
}

#[derive(Debug, clap::Subcommand)]
enum Document {
    /// Write the Model Risk Assessment of a recorded decision
    Assessment(DocumentArguments),
    /// Write a memo of one page about a recorded decision
    Memo(DocumentArguments),
}

#[derive(Debug, clap::Args)]
struct DocumentArguments {
    /// The run: its key or the beginning of it, `model@version`, a directory that `evidence export` wrote, or the
    /// JSON report that `check` wrote of it
    #[arg(value_name = "RUN")]
    run: String,
    /// Directory of the store [default: .modelgate/store, or the one that the JSON report names]
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<PathBuf>,
    /// How the document is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: ReviewFormat,
    /// File to write; by default stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which run, and of which store.
struct Named {
    reference: String,
    store: Option<PathBuf>,
}

impl Named {
    fn store(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(recording::default_store)
    }
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let (document, arguments) = match &arguments.document {
        Document::Assessment(arguments) => (ReviewDocument::Assessment, arguments),
        Document::Memo(arguments) => (ReviewDocument::Memo, arguments),
    };
    let named = named(arguments)?;
    let found = stores::find(&named.reference, named.store.as_deref())?;
    let recorded = found.parts.recorded().map_err(|error| stores::incomplete(&found.name, &error))?;
    let frameworks = recorded.policies.frameworks();
    let evidence = summary(&named, &found, &recorded);
    let input = ReportInput {
        record: &recorded.record,
        facts: &recorded.facts,
        evidence: Some(&evidence),
        controls: &[],
        frameworks: &frameworks,
        directory: "",
    };
    let text = review::render(document, arguments.format, &input)
        .map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))?;
    let Some(file) = &arguments.output else {
        printer.data(&text)?;
        return Ok(ExitStatus::Success);
    };
    std::fs::write(file, text).map_err(|error| {
        let message = format!("the document `{}` cannot be written: {error}", file.display());
        Failure::not_recorded(Problem::new("report-file", message).hint("check that its directory exists"))
    })?;
    Ok(ExitStatus::Success)
}

/// The run that is meant. A JSON report says no more than where its run is: everything else is read from the store, where
/// digests hold it.
fn named(arguments: &DocumentArguments) -> Result<Named, Failure> {
    let file = Path::new(&arguments.run);
    if !file.is_file() {
        return Ok(Named { reference: arguments.run.clone(), store: arguments.store.clone() });
    }
    let problem = |message: String| {
        let problem = Problem::new("not-a-report", format!("`{}` {message}", file.display()));
        Failure::usage(
            problem.hint("give the report that `modelgate check --output json=FILE` wrote, or the run's key"),
        )
    };
    let length = std::fs::metadata(file).map_err(|error| problem(format!("cannot be read: {error}")))?.len();
    if length > REPORT_BYTES_MAX {
        return Err(problem(format!("has more than {REPORT_BYTES_MAX} bytes")));
    }
    let bytes = std::fs::read(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let report = strict_json::parse(&bytes).map_err(|error| problem(format!("is no JSON report: {error}")))?;
    let recorded = |key: &str| report.pointer(&format!("/evidence/recorded/{key}")).and_then(Value::as_str);
    match (recorded("run"), recorded("store")) {
        (Some(run), Some(store)) => {
            let store = arguments.store.clone().unwrap_or_else(|| PathBuf::from(store));
            Ok(Named { reference: run.to_owned(), store: Some(store) })
        }
        _ => Err(problem("names no recorded run: its evidence was not stored".to_owned())),
    }
}

/// Where the evidence of the run is, as a document refers to it.
fn summary(named: &Named, found: &FoundRun, recorded: &RecordedRun) -> EvidenceSummary {
    let bundles = [Part::Verdict, Part::Evaluation].into_iter().filter_map(|part| {
        let digest = Sha256Digest::of(found.parts.get(part).ok()?).to_hex();
        let first: String = digest.chars().take(2).collect();
        Some(match &found.receipt {
            Some(_) => named.store().join("v1/blobs/sha256").join(first).join(digest),
            None => Path::new(&named.reference).join(format!("{}.{}", found.name, part.suffix())),
        })
    });
    let files: Vec<String> = bundles.map(|file| file.display().to_string()).collect();
    let signed_by = match found.parts.get(Part::Verdict).map(Bundle::from_bytes) {
        Ok(Ok(bundle)) => format!("key with the hint {}", bundle.hint),
        Ok(Err(error)) => format!("a key that is not known: {error}"),
        Err(error) => format!("a key that is not known: {error}"),
    };
    EvidenceSummary {
        decision_sha256: recorded.record_json.digest(),
        facts_sha256: recorded.facts_json.digest(),
        run: found.receipt.as_ref().map_or_else(|| found.name.clone(), |receipt| receipt.run_key.to_string()),
        store: named.store().display().to_string(),
        verify_command: format!(
            "modelgate verify {} --key PUBLIC-KEY.pem",
            files.first().map_or("BUNDLE", String::as_str)
        ),
        files,
        signed_by,
        already_recorded: true,
    }
}
