//! `modelgate policy check`

use std::path::PathBuf;

use super::super::{Failure, Printer};
use super::{BundleArguments, write};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::{CheckedPolicies, PolicyReference};
use crate::problem::Problem;
use crate::report::problems;
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
    /// Write what is wrong as SARIF; without a problem, a run without results
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let checked = check(arguments, environment);
    let found = match &checked {
        Err(Failure::Usage(found)) => found.as_slice(),
        _ => &[],
    };
    if let Some(file) = &arguments.sarif {
        let text =
            problems::sarif(found).map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))?;
        write(file, &text)?;
    }
    let (policies, reference) = checked?;
    let extends = reference.extends.map(|base| format!(", extends {base}")).unwrap_or_default();
    printer.data(&format!(
        "{} controls in {} files, sha256:{}{extends}\n",
        policies.controls().count(),
        reference.files,
        reference.sha256
    ))?;
    Ok(ExitStatus::Success)
}

fn check(arguments: &Arguments, environment: &Environment) -> Result<(CheckedPolicies, PolicyReference), Failure> {
    let bundle = arguments.bundle.load(environment)?;
    let reference = bundle.reference();
    let policies = bundle.check(&Schema::Facts.to_value()).map_err(Failure::Usage)?;
    Ok((policies, reference))
}
