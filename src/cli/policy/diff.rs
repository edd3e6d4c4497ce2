//! `modelgate policy diff`

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::super::policies::FetchArguments;
use super::super::{Failure, Printer};
use crate::bundle_source::PolicySource;
use crate::decision::Verdict;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::{CheckedPolicies, EffectiveTime, Limits, Outcome};
use crate::problem::Problem;
use crate::report::escape;
use crate::schema::Schema;
use crate::tier::Tier;

/// Size of one file of facts: a release with a thousand slices has a few megabytes.
const FACTS_BYTES_MAX: u64 = 256 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The policies as they are: `embedded`, a directory, or any other source that `--policies` takes
    #[arg(value_name = "BEFORE")]
    before: PolicySource,
    /// The policies as they would be
    #[arg(value_name = "AFTER")]
    after: PolicySource,
    #[command(flatten)]
    fetching: FetchArguments,
    /// Facts of releases, as `modelgate facts` prints them
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    facts: Vec<PathBuf>,
    /// Day or time at which policies are evaluated, RFC 3339; by default the start of today, UTC
    #[arg(long, value_name = "TIME")]
    effective_time: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Exit with 1 if anything would change
    #[arg(long)]
    exit_code: bool,
}

/// What would change for one release.
#[derive(Debug, Serialize)]
struct Difference {
    facts: String,
    model: String,
    version: String,
    before: Judged,
    after: Judged,
    controls: Vec<ControlDifference>,
}

/// What a release comes to under one bundle.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Judged {
    tier: Tier,
    decision: Verdict,
}

/// A control that comes to something else; null where it does not run.
#[derive(Debug, Serialize)]
struct ControlDifference {
    control: String,
    before: Option<Outcome>,
    after: Option<Outcome>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let when = effective_time(arguments.effective_time.as_deref(), environment.now)?;
    let load = |source: &PolicySource| {
        let bundle = arguments.fetching.load(source, environment)?;
        bundle.check(&Schema::Facts.to_value())
    };
    let before = load(&arguments.before).map_err(Failure::Usage)?;
    let after = load(&arguments.after).map_err(Failure::Usage)?;
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).get();
    let share = arguments.facts.len().div_ceil(threads).max(1);
    let differences: Vec<Result<Difference, Vec<Problem>>> = thread::scope(|scope| {
        let work =
            |files: &[PathBuf]| files.iter().map(|file| compare(file, &before, &after, when)).collect::<Vec<_>>();
        let workers: Vec<_> = arguments.facts.chunks(share).map(|files| scope.spawn(move || work(files))).collect();
        let gone = || vec![Err(vec![Problem::new("policy-diff", "a thread stopped without an answer")])];
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|_| gone())).collect()
    });
    let mut changed = Vec::new();
    let mut problems = Vec::new();
    let total = differences.len();
    for difference in differences {
        match difference {
            Ok(difference) if difference.before != difference.after || !difference.controls.is_empty() => {
                changed.push(difference);
            }
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::NotEvaluated(problems));
    }
    let text = if arguments.json {
        format!("{:#}\n", serde_json::json!({"version": 1, "releases": total, "changed": changed}))
    } else {
        text(&changed, total)
    };
    printer.data(&text)?;
    Ok(if arguments.exit_code && !changed.is_empty() { ExitStatus::Denied } else { ExitStatus::Success })
}

/// Any time: nothing is decided here, and what was or would be is what is asked.
fn effective_time(text: Option<&str>, now: DateTime<Utc>) -> Result<EffectiveTime, Failure> {
    let Some(text) = text else { return Ok(EffectiveTime::start_of_day(now)) };
    EffectiveTime::parse(text).map_err(|message| {
        Failure::usage(Problem::new("effective-time", format!("`--effective-time {text}`: {message}")))
    })
}

fn compare(
    file: &Path,
    before: &CheckedPolicies,
    after: &CheckedPolicies,
    when: EffectiveTime,
) -> Result<Difference, Vec<Problem>> {
    let shown = file.display().to_string();
    let text = crate::document::read_text(file, &shown, FACTS_BYTES_MAX).map_err(|problem| vec![problem])?;
    let refuse = |message: String| {
        let problem = Problem::new("invalid-facts", format!("`{shown}` holds no facts: {message}"));
        vec![problem.hint("write them with `modelgate facts RELEASE > FILE`")]
    };
    let facts: Value = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    // What is missing would be undefined in a policy, and nothing would be found.
    serde_json::from_value::<crate::facts::Facts>(facts.clone()).map_err(|error| refuse(error.to_string()))?;
    let (tier_before, outcomes_before) = judge(before, &facts, when)?;
    let (tier_after, outcomes_after) = judge(after, &facts, when)?;
    let name = |pointer: &str| facts.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Difference {
        facts: shown,
        model: name("/model/name"),
        version: name("/model/version"),
        before: Judged { tier: tier_before, decision: Verdict::of(&outcomes_before) },
        after: Judged { tier: tier_after, decision: Verdict::of(&outcomes_after) },
        controls: controls(&outcomes_before, &outcomes_after),
    })
}

/// The tier and the outcomes of a release. The tier is worked out anew: its rules are policies, too.
fn judge(policies: &CheckedPolicies, facts: &Value, when: EffectiveTime) -> Result<(Tier, Vec<Outcome>), Vec<Problem>> {
    let part = |name: &str| facts.get(name).cloned().unwrap_or(Value::Null);
    let declared = facts.pointer("/tier/declared").cloned().unwrap_or(Value::Null);
    let declared = serde_json::from_value(declared).unwrap_or(None);
    let tier = policies.tier(&part("model"), &part("intake"), declared, when)?;
    let mut facts = facts.clone();
    if let Some(entry) = facts.get_mut("tier") {
        *entry = serde_json::json!(tier);
    }
    Ok((tier.effective, policies.evaluate(&facts, tier.effective, when, &Limits::default())))
}

fn controls(before: &[Outcome], after: &[Outcome]) -> Vec<ControlDifference> {
    let mut ids: Vec<&String> = before.iter().chain(after).map(|outcome| &outcome.control).collect();
    ids.sort();
    ids.dedup();
    let of = |outcomes: &[Outcome], id: &String| outcomes.iter().find(|outcome| outcome.control == *id).cloned();
    let same = |before: &Option<Outcome>, after: &Option<Outcome>| match (before, after) {
        (Some(before), Some(after)) => {
            (before.result, before.enforcement, &before.findings, &before.reasons)
                == (after.result, after.enforcement, &after.findings, &after.reasons)
        }
        _ => before == after,
    };
    let difference = |id: &String| (id.clone(), of(before, id), of(after, id));
    let all = ids.into_iter().map(difference);
    let changed = all.filter(|(_, before, after)| !same(before, after));
    changed.map(|(control, before, after)| ControlDifference { control, before, after }).collect()
}

fn text(changed: &[Difference], total: usize) -> String {
    let mut text = String::new();
    let mut other_decision = 0_usize;
    for difference in changed {
        let Difference { before, after, .. } = difference;
        other_decision += usize::from(before.decision != after.decision);
        let arrow =
            |before: String, after: String| if before == after { before } else { format!("{before} -> {after}") };
        text.push_str(&format!(
            "{} {} ({}): {}, tier {}\n",
            escape::visible(&difference.model),
            escape::visible(&difference.version),
            escape::visible(&difference.facts),
            arrow(word(before.decision), word(after.decision)),
            arrow(before.tier.to_string(), after.tier.to_string()),
        ));
        for control in &difference.controls {
            let (before, after) = (described(control.before.as_ref()), described(control.after.as_ref()));
            text.push_str(&format!("  {}: {}\n", control.control, arrow(before, after)));
            for finding in control.after.iter().flat_map(|outcome| &outcome.findings).take(3) {
                text.push_str(&format!(
                    "    {}\n",
                    escape::visible(&format!("{}: {}", finding.subject, finding.message))
                ));
            }
        }
    }
    text.push_str(&format!(
        "{} of {total} releases would change, {other_decision} of them to another decision\n",
        changed.len()
    ));
    text
}

fn described(outcome: Option<&Outcome>) -> String {
    outcome.map_or_else(
        || "does not run".to_owned(),
        |outcome| {
            format!("{} ({}, {} findings)", word(outcome.result), word(outcome.enforcement), outcome.findings.len())
        },
    )
}

/// The name of a value in JSON.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
