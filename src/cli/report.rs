//! `modelgate report`: documents for review boards, from a decision that is recorded.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Failure, Printer, store, stores};
use crate::document::strict_json;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::ReportInput;
use crate::report::review::{self, ReviewDocument, ReviewFormat};
use crate::store::StoreAddress;

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
    /// The store [default: .modelgate/store, or the one that the JSON report names]
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
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
    store: Option<StoreAddress>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let (document, arguments) = match &arguments.document {
        Document::Assessment(arguments) => (ReviewDocument::Assessment, arguments),
        Document::Memo(arguments) => (ReviewDocument::Memo, arguments),
    };
    let named = named(arguments)?;
    let found = stores::find(&named.reference, named.store.as_ref(), environment)?;
    let recorded = found.parts.recorded().map_err(|error| stores::incomplete(&found.name, &error))?;
    let frameworks = recorded.policies.frameworks();
    let evidence = found.summary(&recorded);
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
            let named =
                || store::address(store).map_err(|error| problem(format!("names a store that is none: {error}")));
            let store = arguments.store.clone().map_or_else(named, Ok)?;
            Ok(Named { reference: run.to_owned(), store: Some(store) })
        }
        _ => Err(problem("names no recorded run: its evidence was not stored".to_owned())),
    }
}
