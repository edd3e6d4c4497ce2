//! `modelgate check`

mod each;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::printer::Printer;
use super::progress::watched;
use super::publishing::{self, Publication};
use super::recording::{self, Recorded};
use super::{Failure, ReleaseArguments, action, policies};
use crate::decision::Verdict;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::forge::Published;
use crate::gate::{Decided, Timings};
use crate::problem::Problem;
use crate::report::{self, ControlSummary, OutputFormat, ReportInput, TextStyle};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) release: ReleaseArguments,
    /// What to report and where: `text`, `json`, `markdown`, `html`, `sarif`, `junit` or `code-quality`, to stdout or
    /// to `FORMAT=FILE`. Repeatable. Unless another goes to stdout, `text` does
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = Output::parse)]
    pub(super) output: Vec<Output>,
    /// Decide about every release below the directory RELEASE, with a line for each. The exit code is the
    /// highest of theirs
    #[arg(long)]
    pub(super) each: bool,
    /// From which decision on the exit code is 1
    #[arg(long, value_enum, default_value_t = FailOn::Deny, value_name = "DECISION")]
    pub(super) fail_on: FailOn,
    #[command(flatten)]
    pub(super) recording: recording::Arguments,
    /// Post the decision on the pull or merge request that CI runs for, once the evidence is stored
    #[arg(long)]
    pub(super) publish: bool,
    #[command(flatten)]
    pub(super) publishing: publishing::Arguments,
    /// Print how long each station took, to stderr
    #[arg(long)]
    pub(super) timings: bool,
    /// Append to the files that a GitHub Actions runner names for the step's summary and outputs
    #[arg(long, hide = true)]
    pub(super) github_step: bool,
}

/// From which decision on a run fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FailOn {
    /// Only when denied.
    Deny,
    /// When approved on conditions, too.
    Condition,
}

impl FailOn {
    /// How a run ends that came to `verdict`. A denial stays a denial whatever became of its evidence.
    fn status(self, verdict: Verdict, is_recorded: bool) -> ExitStatus {
        let denied = verdict == Verdict::Deny || (verdict == Verdict::Conditional && self == Self::Condition);
        match (denied, is_recorded) {
            (true, _) => ExitStatus::Denied,
            (false, true) => ExitStatus::Success,
            (false, false) => ExitStatus::NotRecorded,
        }
    }
}

/// How text looks in a file: no colours, and a fixed width.
pub(super) const FILE_STYLE: TextStyle = TextStyle { columns: 100, colour: false, unicode: true };

/// A report and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) format: OutputFormat,
    /// None is stdout.
    pub(super) file: Option<PathBuf>,
}

impl Output {
    fn parse(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            None => (text, None),
            Some((_, "")) => return Err("the file after `=` is empty".to_owned()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
        };
        Ok(Self { format: format.parse().map_err(|error: report::UnknownFormat| error.to_string())?, file })
    }
}

/// A run that came to a decision.
pub(super) struct Checked {
    pub(super) decided: Decided,
    pub(super) recorded: Result<Recorded, Vec<Problem>>,
    /// What was published, if that was asked for.
    pub(super) published: Option<Result<Published, Vec<Problem>>>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    if arguments.output.iter().filter(|output| output.file.is_none()).count() > 1 {
        let problem = Problem::new("two-outputs-to-stdout", "only one report can go to stdout");
        return Err(Failure::usage(problem.hint("give the others a file: `--output sarif=modelgate.sarif`")));
    }
    if arguments.publishing.ask_for_more() && !arguments.publish {
        let problem = Problem::new("not-published", "what to publish is said, and not that it is to be published");
        return Err(Failure::usage(problem.hint("add `--publish`")));
    }
    if arguments.publish {
        // What is wrong with the options is said before anything is measured.
        arguments.publishing.context(environment)?;
    }
    if arguments.publish && arguments.each {
        let problem = Problem::new("not-published", "`--each` publishes nothing");
        return Err(Failure::usage(problem.hint("publish each report later, with `modelgate publish`")));
    }
    let environment = &arguments.release.environment(environment)?;
    if arguments.each {
        return each::run(arguments, environment, printer);
    }
    let mut timings = Timings::default();
    let (checked, result) = match check(arguments, environment, printer, &mut timings) {
        Err(failure) => (None, Err(failure)),
        Ok(mut checked) => {
            if arguments.publish {
                checked.published =
                    Some(timings.time("publish", || publish(arguments, environment, &checked, printer)));
            }
            let reported = timings.time("report", || {
                write_reports(&arguments.output, printer, |format, style| render_styled(format, &checked, style))
            });
            let result = reported.and_then(|()| conclude(&checked, arguments, printer));
            (Some(checked), result)
        }
    };
    if arguments.timings {
        printer.say(&timings_table(&timings));
    }
    if arguments.github_step {
        action::write_step_files(arguments, environment, checked.as_ref(), &result, printer)?;
    }
    result
}

/// From the manifest to stored evidence.
fn check(
    arguments: &Arguments,
    environment: &Environment,
    printer: &Printer,
    timings: &mut Timings,
) -> Result<Checked, Failure> {
    let opened = arguments.release.open(environment, timings)?;
    let runtime = policies::runtime()?;
    let facts = timings.time("facts", || watched(|| runtime.block_on(opened.measure(environment))))?;
    let decided = opened.decide(facts, timings)?;
    let recorded = timings.time("evidence", || {
        let signer = recording::signer(&arguments.recording, environment, printer)?;
        runtime.block_on(recording::record(&arguments.recording, &decided, environment, &signer))
    });
    if let Some(reason) = recorded.as_ref().ok().and_then(|recorded| recorded.unsigned_model.as_ref()) {
        printer.say(&format!("the model itself was not signed (model.sig): {reason}"));
    }
    Ok(Checked { decided, recorded, published: None })
}

/// Posts the decision. What cannot be posted changes nothing of it.
fn publish(
    arguments: &Arguments,
    environment: &Environment,
    checked: &Checked,
    printer: &Printer,
) -> Result<Published, Vec<Problem>> {
    let problems = |failure: Failure| failure.parts().2.to_vec();
    let context = arguments.publishing.context(environment).map_err(problems)?;
    let wants_sarif = publishing::wants_sarif(&arguments.publishing);
    let sarif = wants_sarif.then(|| render(OutputFormat::Sarif, checked)).transpose().map_err(problems)?;
    let (decided, recorded) = (&checked.decided, checked.recorded.as_ref().ok());
    let publication = Publication {
        record: &decided.record,
        facts: Some(&decided.facts),
        evidence: recorded.map(|recorded| &recorded.summary),
        sarif,
        manifest: publishing::manifest_in_repository(&context, &decided.directory, &decided.facts.manifest.path),
        status: arguments.fail_on.status(decided.record.decision, recorded.is_some()),
        label: None,
        verdict: decided.record.decision,
    };
    publishing::publish(&arguments.publishing, &context, &publication, printer)
}

/// Writes every report that was asked for; the one to stdout last, so that files are there when it is read.
fn write_reports(
    outputs: &[Output],
    printer: &Printer,
    render: impl Fn(OutputFormat, &TextStyle) -> Result<String, Failure>,
) -> Result<(), Failure> {
    for (format, file) in outputs.iter().filter_map(|output| Some((output.format, output.file.as_ref()?))) {
        std::fs::write(file, render(format, &FILE_STYLE)?).map_err(|error| {
            let message = format!("the report `{}` cannot be written: {error}", file.display());
            Failure::not_recorded(Problem::new("report-file", message).hint("check that its directory exists"))
        })?;
    }
    let to_stdout = outputs.iter().find(|output| output.file.is_none());
    let format = to_stdout.map_or(OutputFormat::Text, |output| output.format);
    let style = TextStyle { columns: Printer::columns(), colour: printer.color_stdout(), unicode: true };
    printer.data(&render(format, &style)?)
}

/// A report for a file.
pub(super) fn render(format: OutputFormat, checked: &Checked) -> Result<String, Failure> {
    render_styled(format, checked, &FILE_STYLE)
}

fn render_styled(format: OutputFormat, checked: &Checked, style: &TextStyle) -> Result<String, Failure> {
    let controls: Vec<ControlSummary> = checked.decided.policies.controls().map(Into::into).collect();
    let input = ReportInput {
        record: &checked.decided.record,
        facts: &checked.decided.facts,
        evidence: checked.recorded.as_ref().ok().map(|recorded| &recorded.summary),
        controls: &controls,
        frameworks: checked.decided.policies.frameworks(),
        directory: &directory_in_repository(&checked.decided.directory),
    };
    report::render(format, &input, style)
        .map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))
}

/// The directory below the root of its repository, which is where forges name files from; empty without a repository.
fn directory_in_repository(directory: &Path) -> String {
    let Ok(directory) = directory.canonicalize() else { return String::new() };
    let root = directory.ancestors().find(|ancestor| ancestor.join(".git").exists());
    let below = root.and_then(|root| directory.strip_prefix(root).ok());
    let parts = below.into_iter().flat_map(Path::components);
    parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// The exit status; what became of the evidence, and of publishing, is said.
fn conclude(checked: &Checked, arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut problems = checked.recorded.as_ref().err().cloned().unwrap_or_default();
    let status = arguments.fail_on.status(checked.decided.record.decision, problems.is_empty());
    if let Some(Err(unpublished)) = &checked.published {
        if arguments.publishing.is_best_effort() || status == ExitStatus::Denied {
            printer.problems("not everything was published", unpublished);
        } else {
            problems.extend_from_slice(unpublished);
        }
    }
    match status {
        _ if problems.is_empty() => Ok(status),
        ExitStatus::Denied => {
            printer.problems("denied, and the evidence is incomplete", &problems);
            Ok(status)
        }
        _ => Err(Failure::NotRecorded(problems)),
    }
}

fn timings_table(timings: &Timings) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let lines: Vec<_> =
        timings.iter().map(|(station, duration)| format!("{station:<10} {:>9.1} ms", milliseconds(duration))).collect();
    let total: Duration = timings.iter().map(|(_, duration)| duration).sum();
    format!("{}\n{:<10} {:>9.1} ms", lines.join("\n"), "total", milliseconds(total))
}
