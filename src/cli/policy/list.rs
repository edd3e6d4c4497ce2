//! `modelgate policy list`

use super::super::{Failure, Printer};
use super::BundleArguments;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::Control;
use crate::schema::Schema;
use crate::tier::Tier;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
    /// Only the controls that this tier runs
    #[arg(long, value_name = "TIER", value_parser = tier)]
    tier: Option<Tier>,
    /// Print JSON: id, title, domain, package, and what the tier makes of each
    #[arg(long, requires = "tier")]
    json: bool,
}

fn tier(text: &str) -> Result<Tier, String> {
    let known = Tier::ALL.map(Tier::name).join(", ");
    Tier::ALL.into_iter().find(|tier| tier.name() == text).ok_or_else(|| format!("the tiers are {known}"))
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let policies = arguments.bundle.load(environment)?.check(&Schema::Facts.to_value()).map_err(Failure::Usage)?;
    if let (true, Some(tier)) = (arguments.json, arguments.tier) {
        let run = |control: &Control| {
            let chosen = policies.profile(tier)?.controls.get(&control.id)?;
            Some(serde_json::json!({
                "id": control.id, "title": control.title, "domain": control.domain, "package": control.package,
                "enforcement": chosen.enforcement, "parameters": chosen.parameters,
            }))
        };
        let runs: Vec<_> = policies.controls().filter_map(run).collect();
        printer.data(&format!("{:#}\n", serde_json::json!(runs)))?;
        return Ok(ExitStatus::Success);
    }
    let mut text = String::new();
    for control in policies.controls() {
        let chosen = arguments.tier.and_then(|tier| policies.profile(tier)?.controls.get(&control.id));
        let enforcement = match (arguments.tier, chosen) {
            (None, _) => String::new(),
            (Some(_), None) => continue,
            (Some(_), Some(chosen)) => format!("{:<9}  ", chosen.enforcement.name()),
        };
        text.push_str(&format!("{}  {enforcement}{:<15}  {}\n", control.id, control.domain, control.title));
    }
    printer.data(&text)?;
    Ok(ExitStatus::Success)
}
