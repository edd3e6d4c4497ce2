//! `modelgate publish`: posts a decision that was stored before.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::printer::Printer;
use super::publishing::{self, Publication};
use super::{Failure, policies, store, stores};
use crate::decision::Verdict;
use crate::decision::record::DecisionRecord;
use crate::environment::{Environment, SystemClock};
use crate::exit_status::ExitStatus;
use crate::facts::Facts;
use crate::forge::context::{Context, Event};
use crate::forge::reported::{self, ReportedRun};
use crate::forge::{ForgeError, REQUEST_TIME};
use crate::problem::Problem;
use crate::report::{self, EvidenceSummary, OutputFormat, ReportInput, TextStyle, json};
use crate::store::{RunKey, StoreAddress};

/// Bytes of a report: a thousand findings of 2,000 characters for each of a hundred controls are beyond it, and beyond
/// what anybody reads.
const REPORT_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to publish: a JSON report (`--output json=FILE`), or the key of a run in the store, all 64 digits
    result: PathBuf,
    /// The store [default: .modelgate/store]
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
    /// The manifest that was decided about, as the repository has it
    #[arg(long, value_name = "PATH", default_value = crate::manifest::FILE_NAME)]
    manifest: String,
    #[command(flatten)]
    publishing: publishing::Arguments,
}

/// A decision that was stored.
struct Stored {
    record: DecisionRecord,
    facts: Option<Facts>,
    evidence: Option<EvidenceSummary>,
    commit: Option<String>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let stored = match RunKey::parse(&arguments.result.to_string_lossy()) {
        Some(run) => from_store(arguments, run, environment)?,
        None => from_report(&arguments.result)?,
    };
    let mut context = arguments.publishing.context(environment)?;
    let reported = reported_run(&context)?;
    if let Some(reported) = &reported {
        context = reported.context(&context);
    } else if context.commit.is_none() {
        context.commit.clone_from(&stored.commit);
    }
    let verdict = reported.as_ref().map_or(stored.record.decision, |run| run.verdict(stored.record.decision));
    let status = match verdict {
        Verdict::Deny => ExitStatus::Denied,
        Verdict::Approve | Verdict::Conditional if stored.evidence.is_none() => ExitStatus::NotRecorded,
        Verdict::Approve | Verdict::Conditional => ExitStatus::Success,
    };
    let publication = Publication {
        record: &stored.record,
        facts: stored.facts.as_ref(),
        evidence: stored.evidence.as_ref(),
        sarif: sarif(arguments, &stored)?,
        manifest: arguments.manifest.clone(),
        status,
        label: reported.as_ref().map(|_| reported::LABEL),
        verdict,
    };
    match publishing::publish(&arguments.publishing, &context, &publication, printer) {
        Ok(published) => {
            if let Some(url) = published.comment_url {
                printer.data(&format!("{url}\n"))?;
            }
            Ok(ExitStatus::Success)
        }
        Err(problems) if arguments.publishing.is_best_effort() => {
            printer.problems("not everything was published", &problems);
            Ok(ExitStatus::Success)
        }
        Err(problems) => Err(Failure::NotRecorded(problems)),
    }
}

/// What the forge says of the run that ended, if this run is there for that.
fn reported_run(context: &Context) -> Result<Option<ReportedRun>, Failure> {
    if !matches!(context.event, Event::WorkflowRun { .. }) {
        return Ok(None);
    }
    let runtime = policies::small_runtime().map_err(Failure::not_recorded)?;
    let asked = runtime.block_on(reported::ask(context, &SystemClock, REQUEST_TIME));
    let refused = |error: ForgeError| {
        let hint = "the job needs `actions: read` and `pull-requests: write` (docs/forge.md)";
        Failure::not_recorded(Problem::new("publish", error.to_string()).hint(hint))
    };
    match asked.map_err(refused)? {
        Some(run) => Ok(Some(run)),
        None => Err(Failure::not_recorded(Problem::new("publish", "the event names no workflow run that ended"))),
    }
}

fn from_report(path: &Path) -> Result<Stored, Failure> {
    let refuse = |message: String| {
        let hint = "give a report that `modelgate check --output json=FILE` wrote, or the key of a run";
        Failure::usage(Problem::new("no-report", message).hint(hint))
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(REPORT_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(format!("`{}` cannot be read: {error}", path.display())))?;
    if bytes.len() as u64 > REPORT_BYTES_MAX {
        return Err(refuse(format!("`{}` has more than {REPORT_BYTES_MAX} bytes", path.display())));
    }
    let reported = json::parse(&bytes).map_err(|error| refuse(format!("`{}`: {error}", path.display())))?;
    Ok(Stored { record: reported.record, facts: None, evidence: reported.evidence, commit: reported.commit })
}

fn from_store(arguments: &Arguments, run: RunKey, environment: &Environment) -> Result<Stored, Failure> {
    let found = stores::find(&run.to_string(), arguments.store.as_ref(), environment)?;
    let recorded = found.parts.recorded().map_err(|error| stores::incomplete(&found.name, &error))?;
    let evidence = Some(found.summary(&recorded));
    let commit = recorded.facts.repository.commit.clone();
    Ok(Stored { record: recorded.record, facts: Some(recorded.facts), evidence, commit })
}

fn sarif(arguments: &Arguments, stored: &Stored) -> Result<Option<String>, Failure> {
    if !publishing::wants_sarif(&arguments.publishing) {
        return Ok(None);
    }
    let Some(facts) = &stored.facts else {
        let problem = Problem::new("no-facts", "a report has not everything that SARIF needs");
        return Err(Failure::usage(problem.hint("give the key of a run in the store, or leave out `--upload-sarif`")));
    };
    let input = ReportInput {
        record: &stored.record,
        facts,
        evidence: stored.evidence.as_ref(),
        controls: &[],
        frameworks: &[],
        directory: "",
    };
    let style = TextStyle { columns: 100, colour: false, unicode: true };
    let rendered = report::render(OutputFormat::Sarif, &input, &style);
    rendered.map(Some).map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))
}
