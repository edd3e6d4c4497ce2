//! `modelgate evidence export`

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::super::check::FILE_STYLE;
use super::super::store;
use super::super::stores::{self, FoundRun};
use super::super::{Failure, Printer};
use super::readme;
use crate::canonical::CanonicalJson;
use crate::environment::Environment;
use crate::evidence::run_directory::PUBLIC_KEY;
use crate::evidence::run_parts::{Part, RecordedRun};
use crate::exit_status::ExitStatus;
use crate::policy::PolicyBundle;
use crate::problem::Problem;
use crate::report::{self, ControlSummary, OutputFormat, ReportInput};
use crate::store::StoreAddress;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Arguments {
    /// The run: its key or the beginning of it, or `model@version` for the last one of that version
    run: String,
    /// The store [default: .modelgate/store]
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
    /// Directory to write, which must not be there or be empty
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let found = stores::find(&arguments.run, arguments.store.as_ref(), environment)?;
    let recorded = found.parts.recorded().map_err(|error| stores::incomplete(&found.name, &error))?;
    // An export that lacks something is found to do so by the next who needs it: better now.
    for part in [Part::Inputs, Part::Verdict, Part::Evaluation, Part::PublicKey] {
        found.parts.get(part).map_err(|error| stores::incomplete(&found.name, &error))?;
    }
    let controls = controls(&recorded.policies, environment);
    let files = files(&found, &recorded, &controls)?;
    write(&arguments.out, &files).map_err(|error| {
        let message = format!("the evidence cannot be written to `{}`: {error}", arguments.out.display());
        Failure::not_recorded(Problem::new("evidence-directory", message).hint("name another directory with `--out`"))
    })?;
    let mut text = format!("exported run {} to {}\n", found.name, arguments.out.display());
    for (path, _) in files.iter().filter(|(path, _)| path.components().count() == 1) {
        text.push_str(&format!("  {}\n", path.display()));
    }
    printer.data(&text)?;
    Ok(ExitStatus::Success)
}

/// Every file of the export, by its path in it.
fn files(
    found: &FoundRun,
    recorded: &RecordedRun,
    controls: &[ControlSummary],
) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let refused = |message: String| Failure::NotEvaluated(vec![Problem::new("incomplete-record", message)]);
    let run = found.name.as_str();
    let mut parts = found.parts.clone();
    if parts.get(Part::Envelope).is_err() {
        let bundle = parts.get(Part::Verdict).map_err(|error| stores::incomplete(run, &error))?;
        let envelope =
            crate::evidence::bundle::Bundle::from_bytes(bundle).map_err(|error| refused(error.to_string()))?;
        parts.insert(Part::Envelope, envelope.envelope_json().map_err(|error| refused(error.to_string()))?);
    }
    let named = |name: String, bytes: &[u8]| (PathBuf::from(name), bytes.to_vec());
    let mut files = vec![named("README.md".to_owned(), readme::text(run, recorded).as_bytes())];
    for (name, bytes) in parts.files(run) {
        let is_key = name.ends_with(Part::PublicKey.suffix());
        files.push(named(if is_key { PUBLIC_KEY.to_owned() } else { name }, bytes));
    }
    let frameworks = recorded.policies.frameworks();
    let input = ReportInput {
        record: &recorded.record,
        facts: &recorded.facts,
        evidence: None,
        controls,
        frameworks: &frameworks,
        directory: "",
    };
    for (name, format) in [("report.md", OutputFormat::Markdown), ("report.json", OutputFormat::Json)] {
        let report = report::render(format, &input, &FILE_STYLE).map_err(|error| refused(error.to_string()))?;
        files.push(named(name.to_owned(), report.as_bytes()));
    }
    if let Some(receipt) = &found.receipt {
        let receipt = CanonicalJson::of(receipt).map_err(|error| refused(error.to_string()))?;
        files.push(named("receipt.json".to_owned(), receipt.bytes()));
    }
    for (path, text) in recorded.policies.files() {
        let path = Path::new("policies").join(path);
        // An archive is what somebody sent: none of its paths may lead out of the directory.
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(refused(format!("the policies have a file `{}`, which leads elsewhere", path.display())));
        }
        files.push((path, text.as_bytes().to_vec()));
    }
    Ok(files)
}

/// What the controls say of themselves, where this version takes the policies; the report has no descriptions otherwise.
fn controls(policies: &PolicyBundle, environment: &Environment) -> Vec<ControlSummary> {
    let checked = crate::gate::checked_policies(policies.clone(), environment.executable.as_deref());
    checked.map(|policies| policies.controls().map(Into::into).collect()).unwrap_or_default()
}

fn write(directory: &Path, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    if fs::read_dir(directory)?.next().is_some() {
        return Err(io::Error::other("it is not empty, and nothing is overwritten"));
    }
    for (path, bytes) in files {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}
