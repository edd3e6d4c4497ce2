//! `modelgate report`: documents for review boards, from a decision that is recorded.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Failure, Printer, policies};
use crate::decision::record::DecisionRecord;
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::evidence::bundle::Bundle;
use crate::exit_status::ExitStatus;
use crate::facts::Facts;
use crate::policy::PolicyBundle;
use crate::policy::framework::Framework;
use crate::problem::Problem;
use crate::report::review::{self, ReviewDocument, ReviewFormat};
use crate::report::{EvidenceSummary, ReportInput};
use crate::store::{Receipt, RunKey, Store, StoreError};

/// Digits of a key that name a run at least: fewer are a slip of the hand.
const KEY_DIGITS_MIN: usize = 4;

/// Bytes of a JSON report: of a release with a hundred controls and as many findings each it is a tenth.
const REPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Runs that are named where the beginning of a key is that of several.
const CANDIDATES_MAX: usize = 5;

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
    /// The run: its key or the beginning of it, or the JSON report that `check` wrote of it
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

/// A recorded run, as a document needs it.
struct RecordedRun {
    record: DecisionRecord,
    facts: Facts,
    frameworks: Vec<Framework>,
    evidence: EvidenceSummary,
}

/// Which run of which store.
struct Named {
    key: String,
    store: PathBuf,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let (document, arguments) = match &arguments.document {
        Document::Assessment(arguments) => (ReviewDocument::Assessment, arguments),
        Document::Memo(arguments) => (ReviewDocument::Memo, arguments),
    };
    let named = named(arguments)?;
    let run = policies::runtime()?.block_on(read(&named))?;
    let input = ReportInput {
        record: &run.record,
        facts: &run.facts,
        evidence: Some(&run.evidence),
        controls: &[],
        frameworks: &run.frameworks,
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
    let default = || PathBuf::from(".modelgate/store");
    let file = Path::new(&arguments.run);
    if !file.is_file() {
        return Ok(Named { key: arguments.run.clone(), store: arguments.store.clone().unwrap_or_else(default) });
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
            Ok(Named { key: run.to_owned(), store: arguments.store.clone().unwrap_or_else(|| PathBuf::from(store)) })
        }
        _ => Err(problem("names no recorded run: its evidence was not stored".to_owned())),
    }
}

fn not_readable(error: StoreError) -> Failure {
    Failure::NotEvaluated(vec![Problem::new("store", error.to_string())])
}

async fn read(named: &Named) -> Result<RecordedRun, Failure> {
    // Opening makes a store where there is none, which would answer a mistyped directory with an empty one.
    if !named.store.join("v1/meta.json").is_file() {
        let problem = Problem::new("no-store", format!("there is no store in `{}`", named.store.display()));
        return Err(Failure::usage(
            problem.hint("name its directory with `--store`, or record a decision with `modelgate check`"),
        ));
    }
    let store = Store::open_local(&named.store).await.map_err(not_readable)?;
    let key = find(&store, named).await?;
    let Some(receipt) = store.find_receipt(&key).await.map_err(not_readable)? else {
        return Err(no_run(named, Vec::new()));
    };
    let record: DecisionRecord = blob(&store, receipt.decision_record).await?;
    let facts: Facts = blob(&store, record.facts.sha256).await?;
    Ok(RecordedRun {
        frameworks: frameworks(&store, &receipt, &record).await?,
        evidence: summary(&store, &receipt, &record, &named.store).await?,
        record,
        facts,
    })
}

/// The one run whose key begins so.
async fn find(store: &Store, named: &Named) -> Result<RunKey, Failure> {
    let key = named.key.to_ascii_lowercase();
    if key.len() < KEY_DIGITS_MIN || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let problem = Problem::new("not-a-run", format!("`{}` is neither a run's key nor a file", named.key));
        return Err(Failure::usage(
            problem.hint("a key is of hexadecimal digits, and at least four of them name a run"),
        ));
    }
    match store.find_runs(&key).await.map_err(not_readable)?.as_slice() {
        [run] => Ok(*run),
        several => Err(no_run(named, several.to_vec())),
    }
}

fn no_run(named: &Named, candidates: Vec<RunKey>) -> Failure {
    let (key, store) = (&named.key, named.store.display());
    if candidates.is_empty() {
        let problem = Problem::new("unknown-run", format!("no run in `{store}` has a key that begins with `{key}`"));
        return Failure::usage(problem.hint("`modelgate check` prints the key of the run under `Evidence`"));
    }
    let shown: Vec<String> = candidates.iter().take(CANDIDATES_MAX).map(RunKey::short).collect();
    let problem = Problem::new("ambiguous-run", format!("{} runs in `{store}` begin with `{key}`", candidates.len()));
    Failure::usage(problem.hint(format!("write more of it: {}", shown.join(", "))))
}

async fn blob<T: DeserializeOwned>(store: &Store, digest: Sha256Digest) -> Result<T, Failure> {
    let bytes = store.get_blob(digest).await.map_err(not_readable)?;
    let read = strict_json::parse(&bytes).map_err(|error| error.to_string());
    read.and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string())).map_err(|error| {
        let message = format!("the record sha256:{digest} cannot be read: {error}");
        let problem =
            Problem::new("store", message).hint("use the version of modelgate that recorded it, or a newer one");
        Failure::NotEvaluated(vec![problem])
    })
}

/// The catalogues of clauses of the policies that were run. Without them a document names clauses by their ids.
async fn frameworks(store: &Store, receipt: &Receipt, record: &DecisionRecord) -> Result<Vec<Framework>, Failure> {
    for digest in receipt.blobs.iter().filter(|digest| ![receipt.decision_record, record.facts.sha256].contains(digest))
    {
        let bytes = store.get_blob(*digest).await.map_err(not_readable)?;
        if let Ok(bundle) = PolicyBundle::from_archive(&bytes)
            && bundle.digest() == record.policy.sha256
        {
            return Ok(bundle.frameworks());
        }
    }
    Ok(Vec::new())
}

async fn summary(
    store: &Store,
    receipt: &Receipt,
    record: &DecisionRecord,
    directory: &Path,
) -> Result<EvidenceSummary, Failure> {
    let path = |digest: &Sha256Digest| {
        let digest = digest.to_hex();
        let first: String = digest.chars().take(2).collect();
        directory.join("v1/blobs/sha256").join(first).join(digest).display().to_string()
    };
    let verdict = receipt.bundles.first();
    let mut signed_by = "a key that is not known: no bundle is recorded".to_owned();
    if let Some(digest) = verdict {
        let bytes = store.get_blob(*digest).await.map_err(not_readable)?;
        signed_by = match Bundle::from_bytes(&bytes) {
            Ok(bundle) => format!("key with the hint {}", bundle.hint),
            Err(error) => format!("a key that is not known: {error}"),
        };
    }
    let bundle = verdict.map_or_else(|| "BUNDLE".to_owned(), path);
    Ok(EvidenceSummary {
        decision_sha256: receipt.decision_record,
        facts_sha256: record.facts.sha256,
        run: receipt.run_key.to_string(),
        store: directory.display().to_string(),
        files: receipt.bundles.iter().map(path).collect(),
        verify_command: format!("modelgate verify {bundle} --key PUBLIC-KEY.pem"),
        signed_by,
        already_recorded: true,
    })
}
