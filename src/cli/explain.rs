//! `modelgate explain`

use std::path::PathBuf;

use super::{CacheUse, Failure, Printer, ReleaseArguments, ResourceArguments, policies};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::gate::Timings;
use crate::policy::{CheckedPolicies, Control, Outcome};
use crate::problem::{Problem, nearest};
use crate::report::{TextStyle, catalogue, escape};
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Id of the control, such as `VAL-003`
    #[arg(value_name = "CONTROL")]
    control: String,
    /// Also say what it comes to for this release, what it read, and which of its conditions held
    #[arg(long, value_name = "RELEASE")]
    release: Option<PathBuf>,
    #[command(flatten)]
    policies: policies::PolicyArguments,
    /// Day or time at which policies are evaluated, RFC 3339; by default the start of today, UTC
    #[arg(long, value_name = "TIME", requires = "release")]
    effective_time: Option<String>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let style = TextStyle { columns: Printer::columns(), colour: printer.color_stdout(), unicode: true };
    let Some(release) = &arguments.release else {
        let bundle = arguments.policies.load(environment).map_err(Failure::Usage)?;
        let checked = bundle.check(&Schema::Facts.to_value()).map_err(Failure::Usage)?;
        let control = find(&checked, &arguments.control)?;
        printer.data(&catalogue::control_text(&checked, control, &style))?;
        return Ok(ExitStatus::Success);
    };
    let release = ReleaseArguments {
        release: release.clone(),
        policies: arguments.policies.clone(),
        effective_time: arguments.effective_time.clone(),
        resources: ResourceArguments::default(),
        artifact_cache: CacheUse::default(),
    };
    // Policies in another process cannot be looked into.
    let here = Environment { executable: None, ..environment.clone() };
    let opened = release.open(&here, &mut Timings::default())?;
    find(opened.policies(), &arguments.control)?;
    let facts = policies::runtime()?.block_on(opened.measure(&release.environment(environment)?))?;
    let decided = opened.decide(facts, &mut Timings::default())?;
    let control = find(&decided.policies, &arguments.control)?;
    let tier = decided.facts.tier.effective;
    let effective_time = release.effective_time(environment.now)?;
    let facts = serde_json::to_value(&decided.facts)
        .map_err(|error| Failure::NotEvaluated(vec![Problem::new("not-json", error.to_string())]))?;
    let schema = Schema::Facts.to_value();
    let explanation =
        decided.policies.explain(&control.id, &facts, &schema, tier, effective_time).map_err(Failure::usage)?;
    let outcome = decided.record.outcomes.iter().find(|outcome| outcome.control == control.id);
    let mut text = catalogue::control_text(&decided.policies, control, &style);
    let model = &decided.facts.model;
    text.push_str(&format!(
        "\nFor {} {}, tier {tier}\n",
        escape::visible(&model.name),
        escape::visible(&model.version)
    ));
    text.push_str(&outcome.map(outcome_text).unwrap_or_default());
    text.push_str(&catalogue::explanation_text(&explanation, &style));
    printer.data(&text)?;
    Ok(ExitStatus::Success)
}

/// The control `id`, or what it was probably meant to be.
pub(super) fn find<'a>(policies: &'a CheckedPolicies, id: &str) -> Result<&'a Control, Failure> {
    policies.controls().find(|control| control.id.eq_ignore_ascii_case(id)).ok_or_else(|| {
        let problem = Problem::new("unknown-control", format!("there is no control `{id}` in the bundle"));
        let ids = policies.controls().map(|control| control.id.as_str());
        Failure::usage(match nearest(&id.to_uppercase(), ids) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`modelgate policy list` lists them"),
        })
    })
}

fn outcome_text(outcome: &Outcome) -> String {
    let result = serde_json::to_value(outcome.result).ok();
    let result = result.as_ref().and_then(|result| result.as_str()).unwrap_or_default().to_owned();
    let enforcement = outcome.enforcement.name();
    let mut text = format!("  {result}, enforced as {enforcement}\n");
    for reason in &outcome.reasons {
        text.push_str(&format!("  {}\n", escape::visible(reason)));
    }
    for finding in &outcome.findings {
        text.push_str(&format!("  {}: {}\n", escape::visible(&finding.subject), escape::visible(&finding.message)));
    }
    text
}
