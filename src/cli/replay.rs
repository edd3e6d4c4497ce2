//! `modelgate replay`

use super::{Failure, Printer, policies, store, stores};
use crate::bundle_source::PolicySource;
use crate::decision::Verdict;
use crate::decision::record::Tool;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::EffectiveTime;
use crate::problem::Problem;
use crate::replay::comparison::{ControlDifference, ControlOutcome, Mode, Replay, Sameness};
use crate::replay::{self, Changes};
use crate::report::escape;
use crate::store::StoreAddress;

/// Findings of a control that text shows; JSON has all of them.
const FINDINGS_SHOWN_MAX: usize = 5;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run: its key or the beginning of it, `model@version` for the last one of that version, or a
    /// directory that `modelgate evidence export` wrote
    run: String,
    /// The store [default: .modelgate/store]
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
    /// Policies instead of the recorded ones, to see what the release would come to: `embedded`, a directory,
    /// `.tar.gz`, `https://…#sha256=…` or `oci://…@sha256:…`. At the start of today, unless `--effective-time` says otherwise
    #[arg(long, value_name = "SOURCE")]
    policies: Option<PolicySource>,
    #[command(flatten)]
    fetching: policies::FetchArguments,
    /// Day or time instead of the recorded one, RFC 3339; the past is allowed here
    #[arg(long, value_name = "TIME")]
    effective_time: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program: a versioned document.
    Json,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let changes = arguments.changes(environment)?;
    let found = stores::find(&arguments.run, arguments.store.as_ref(), environment)?;
    let recorded = found.parts.recorded().map_err(|error| stores::incomplete(&found.name, &error))?;
    let replay = replay::replay(recorded, changes, environment.executable.as_deref())?;
    let text = match arguments.output {
        Format::Text => text(&found.name, &replay),
        Format::Json => json(&replay)?,
    };
    printer.data(&text)?;
    Ok(match (replay.mode, replay.result, replay.replayed.decision) {
        (Mode::Replay, Sameness::Same | Sameness::SameButForTheTool, _)
        | (Mode::WhatIf, _, Verdict::Approve | Verdict::Conditional) => ExitStatus::Success,
        (Mode::Replay, Sameness::Different, _) | (Mode::WhatIf, _, Verdict::Deny) => ExitStatus::Denied,
    })
}

impl Arguments {
    fn changes(&self, environment: &Environment) -> Result<Changes, Failure> {
        let load = |source: &PolicySource| self.fetching.load(source, environment).map_err(Failure::Usage);
        let policies = self.policies.as_ref().map(load).transpose()?;
        let effective_time = match &self.effective_time {
            Some(text) => Some(EffectiveTime::parse(text).map_err(|reason| {
                let problem = Problem::new("effective-time", format!("`--effective-time {text}`: {reason}"));
                Failure::usage(
                    problem.hint("write a day such as `2027-01-31` or a time such as `2027-01-31T12:00:00Z`"),
                )
            })?),
            // The policies of now are asked as of now.
            None => policies.as_ref().map(|_| EffectiveTime::start_of_day(environment.now)),
        };
        Ok(Changes { policies, effective_time })
    }
}

/// A document for programs, with nothing in it that a terminal would act on.
pub(super) fn json<T: serde::Serialize>(document: &T) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))?;
    Ok(escape::json(&json) + "\n")
}

fn text(run: &str, replay: &Replay) -> String {
    let (recorded, replayed) = (&replay.recorded, &replay.replayed);
    let head = match (replay.mode, replay.result) {
        (Mode::Replay, Sameness::Same) => "the same: every byte of the decision record",
        (Mode::Replay, Sameness::SameButForTheTool) => {
            "the same: every byte of the decision record but for the version of the program"
        }
        (Mode::Replay, Sameness::Different) => "DIFFERENT: the recorded inputs come to another decision record",
        (Mode::WhatIf, _) if replayed.decision == Verdict::Deny => "it would be DENIED",
        (Mode::WhatIf, _) => "it would pass",
    };
    let program = |tool: &Tool| format!("{} {}, regorus {}", tool.name, tool.version, tool.regorus);
    let mut lines = vec![
        head.to_owned(),
        format!("  run       {run}, {} {}", replay.model, replay.model_version),
        line("decision", recorded.decision.name(), replayed.decision.name()),
        line("tier", recorded.tier.name(), replayed.tier.name()),
        line("as of", &recorded.effective_time, &replayed.effective_time),
        line("policies", &recorded.policy.to_string(), &replayed.policy.to_string()),
        line("record", &recorded.decision_record.to_string(), &replayed.decision_record.to_string()),
        line("program", &program(&recorded.tool), &program(&replayed.tool)),
    ];
    let fields: Vec<_> = replay.fields.iter().map(|difference| difference.field.as_str()).collect();
    if !fields.is_empty() {
        lines.push(format!("  differs   {}", fields.join(", ")));
    }
    if !replay.controls.is_empty() {
        lines.push(String::new());
        lines.push(format!("controls that differ: {}", replay.controls.len()));
    }
    lines.extend(replay.controls.iter().flat_map(control));
    shown(&lines)
}

/// Lines for a person, with nothing in them that a terminal or a runner would act on.
pub(super) fn shown(lines: &[String]) -> String {
    let mut text = lines.iter().map(|line| escape::visible(line)).collect::<Vec<_>>().join("\n");
    text.push('\n');
    escape::runner_commands(&text).into_owned()
}

fn line(name: &str, recorded: &str, replayed: &str) -> String {
    if recorded == replayed {
        format!("  {name:<9} {recorded}")
    } else {
        format!("  {name:<9} {recorded} -> {replayed}")
    }
}

fn control(difference: &ControlDifference) -> Vec<String> {
    let said = |outcome: &Option<ControlOutcome>| match outcome {
        Some(outcome) => format!("{} ({})", outcome.result.name(), outcome.enforcement.name()),
        None => "not run".to_owned(),
    };
    let differs = match difference.differs.as_slice() {
        [] => String::new(),
        fields => format!("; differs in {}", fields.join(", ")),
    };
    let (recorded, replayed) = (said(&difference.recorded), said(&difference.replayed));
    let mut lines = vec![format!("  {:<9} {recorded} -> {replayed}{differs}", difference.control)];
    let Some(now) = &difference.replayed else { return lines };
    let was = difference.recorded.as_ref();
    let new = now.findings.iter().filter(|finding| was.is_none_or(|was| !was.findings.contains(finding)));
    lines.extend(
        new.take(FINDINGS_SHOWN_MAX).map(|finding| format!("    now: {}: {}", finding.subject, finding.message)),
    );
    let new = now.reasons.iter().filter(|reason| was.is_none_or(|was| !was.reasons.contains(reason)));
    lines.extend(new.take(FINDINGS_SHOWN_MAX).map(|reason| format!("    now: {reason}")));
    lines
}
