//! `modelgate tier`

use std::fmt::Write as _;

use super::{Failure, Printer, ReleaseArguments};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::gate::Timings;
use crate::report::escape;
use crate::tier::TierFacts;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    release: ReleaseArguments,
    /// Print JSON: the same object as `tier` in the facts
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let opened = arguments.release.open(environment, &mut Timings::default())?;
    let tier = opened.tier();
    let text = if arguments.json { format!("{:#}\n", serde_json::json!(tier)) } else { text(tier) };
    printer.data(&text)?;
    Ok(ExitStatus::Success)
}

fn text(tier: &TierFacts) -> String {
    let mut text = format!("{}\n", tier.effective);
    for reason in &tier.reasons {
        let _ = writeln!(text, "  {:<9} {}: {}", reason.tier.name(), reason.rule, escape::visible(&reason.reason));
    }
    match tier.declared {
        Some(declared) if declared < tier.computed => {
            let _ = writeln!(text, "declared {declared}, which is below the computed tier {}", tier.computed);
        }
        Some(declared) if declared > tier.computed => {
            let _ = writeln!(text, "raised to {declared} by the declaration; computed {}", tier.computed);
        }
        Some(_) | None => {}
    }
    text
}
