//! `modelgate action`: the step of the GitHub Action.
//!
//! Its inputs come by the environment, where no shell can take them for something else, and become
//! the arguments of `modelgate check`; its results go to the files that the runner names.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::check::{Arguments, Checked};
use super::printer::Printer;
use super::{Failure, check};
use crate::environment::{ActionInputs, Environment};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::OutputFormat;

/// What a denial does to the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It fails.
    Enforce,
    /// Nothing: it is reported.
    Report,
}

impl Mode {
    fn of(input: Option<&str>) -> Result<Self, Failure> {
        match input {
            None | Some("enforce") => Ok(Self::Enforce),
            Some("report") => Ok(Self::Report),
            Some(other) => {
                let problem = Problem::new("unknown-mode", format!("`{other}` is no mode of the action"));
                Err(Failure::usage(problem.hint("write `enforce` or `report`")))
            }
        }
    }

    /// How the step ends after a check that ended with `status`. What is no verdict fails it in any mode: there would be
    /// nothing to report.
    fn step(self, status: ExitStatus) -> ExitStatus {
        match (self, status) {
            (Self::Report, ExitStatus::Denied) => ExitStatus::Success,
            _ => status,
        }
    }
}

/// Checks the release that the inputs name, as they ask for.
pub(super) fn run(environment: &Environment, printer: &Printer) -> ExitStatus {
    match Mode::of(environment.action.mode.as_deref()) {
        Ok(mode) => mode.step(super::run(command_line(&environment.action), environment)),
        Err(failure) => {
            let (status, summary, problems) = failure.parts();
            printer.workflow_errors(problems);
            printer.problems(summary, problems);
            status
        }
    }
}

/// The command line that the inputs ask for.
fn command_line(inputs: &ActionInputs) -> Vec<OsString> {
    let mut line: Vec<OsString> = ["modelgate", "check", "--github-step"].map(OsString::from).to_vec();
    let mut option = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            // One argument, so that a value that begins with a dash stays a value.
            line.push(format!("{name}={value}").into());
        }
    };
    option("--fail-on", &inputs.fail_on);
    option("--policies", &inputs.policies);
    option("--store", &inputs.store);
    option("--out", &inputs.evidence_dir);
    let outputs = [("json", &inputs.report_file), ("sarif", &inputs.sarif_file), ("junit", &inputs.junit_file)];
    for (format, file) in outputs {
        option("--output", &file.as_ref().map(|file| format!("{format}={file}")));
    }
    let comment = inputs.comment.as_deref().unwrap_or("never");
    if comment != "never" || inputs.commit_status || inputs.check_run {
        line.push("--publish".into());
        line.push(format!("--comment={comment}").into());
        for (option, is_asked_for) in [("--commit-status", inputs.commit_status), ("--check-run", inputs.check_run)] {
            if is_asked_for {
                line.push(option.into());
            }
        }
    }
    line.push("--".into());
    line.push(inputs.release.clone().unwrap_or_else(|| ".".to_owned()).into());
    line
}

/// Writes the step's summary and outputs, whatever came of the check.
pub(super) fn write_step_files(
    arguments: &Arguments,
    environment: &Environment,
    checked: Option<&Checked>,
    result: &Result<ExitStatus, Failure>,
    printer: &Printer,
) -> Result<(), Failure> {
    let status = match result {
        Ok(status) => *status,
        Err(failure) => {
            let (status, _, problems) = failure.parts();
            printer.workflow_errors(problems);
            status
        }
    };
    if let (Some(file), Some(checked)) = (&environment.step_summary, checked) {
        append(file, &check::render(OutputFormat::Markdown, checked)?)?;
    }
    if let Some(file) = &environment.step_output {
        append(file, &outputs(arguments, checked, status))?;
    }
    Ok(())
}

/// `name=value` lines. Values that come from the release's files do not occur among them, and paths
/// come from the workflow; a line break in one is refused all the same, since it would be an output of its own.
fn outputs(arguments: &Arguments, checked: Option<&Checked>, status: ExitStatus) -> String {
    let mut lines = format!("exit-code={}\n", status.code());
    let mut output = |name: &str, value: &str| {
        if !value.contains(['\n', '\r']) {
            let _ = writeln!(lines, "{name}={value}");
        }
    };
    if let Some(checked) = checked {
        let record = &checked.decided.record;
        output("decision", record.decision.name());
        output("tier", record.tier.effective.name());
        output("decision-digest", &checked.decided.record_json.digest().to_hex());
        if checked.recorded.is_ok() {
            output("evidence-dir", &arguments.recording.out_directory().to_string_lossy());
        }
        if let Some(Ok(published)) = &checked.published
            && let Some(url) = &published.comment_url
        {
            output("comment-url", url);
        }
        for (name, format) in [("report-file", OutputFormat::Json), ("sarif-file", OutputFormat::Sarif)] {
            let file = arguments
                .output
                .iter()
                .filter(|output| output.format == format)
                .find_map(|output| output.file.as_ref());
            if let Some(file) = file {
                output(name, &file.to_string_lossy());
            }
        }
    }
    lines
}

fn append(file: &Path, text: &str) -> Result<(), Failure> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            let message = format!("the runner's file `{}` cannot be written: {error}", file.display());
            Failure::not_recorded(Problem::new("step-file", message))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_passes_over_denials_and_nothing_else() {
        let all = [
            ExitStatus::Success,
            ExitStatus::Denied,
            ExitStatus::Usage,
            ExitStatus::NotEvaluated,
            ExitStatus::NotRecorded,
        ];
        for status in all {
            let reported = if status == ExitStatus::Denied { ExitStatus::Success } else { status };
            assert_eq!(Mode::of(Some("report")).unwrap().step(status), reported);
            assert_eq!(Mode::of(None).unwrap().step(status), status);
        }
        assert_eq!(Mode::of(Some("enforce")).unwrap(), Mode::Enforce);
        for other in ["Report", "off", "true"] {
            assert!(Mode::of(Some(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_published_is_what_was_asked_for() {
        let published = |comment: &str, commit_status, check_run| {
            let comment = Some(comment.to_owned());
            let line = command_line(&ActionInputs { comment, commit_status, check_run, ..ActionInputs::default() });
            let options = line.iter().skip(3).take_while(|option| *option != "--");
            options.map(|option| option.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert!(published("never", false, false).is_empty());
        assert_eq!(published("auto", false, false), ["--publish", "--comment=auto"]);
        assert_eq!(published("never", true, true), ["--publish", "--comment=never", "--commit-status", "--check-run"]);
    }

    #[test]
    fn a_value_that_looks_like_an_option_stays_a_value() {
        let inputs = ActionInputs {
            release: Some("--policies=/tmp".to_owned()),
            fail_on: Some("condition".to_owned()),
            sarif_file: Some("a b.sarif".to_owned()),
            ..ActionInputs::default()
        };
        let line = command_line(&inputs);
        let expected = [
            "modelgate",
            "check",
            "--github-step",
            "--fail-on=condition",
            "--output=sarif=a b.sarif",
            "--",
            "--policies=/tmp",
        ];
        assert_eq!(line, expected.map(OsString::from));
    }
}
