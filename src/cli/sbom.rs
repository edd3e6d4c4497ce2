//! `modelgate sbom`

use std::path::PathBuf;

use super::progress::watched;
use super::{Failure, Printer, ReleaseArguments, policies};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::gate::Timings;
use crate::problem::Problem;
use crate::report::sbom;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    release: ReleaseArguments,
    /// File to write; without it, stdout. The same release gives the same bytes, unless --effective-time is given,
    /// which becomes the time that the bill says it was written at
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let environment = &arguments.release.environment(environment)?;
    let time = arguments.release.effective_time(environment.now)?;
    let timestamp = arguments.release.effective_time.as_ref().map(|_| time.to_rfc3339());
    // What is written does not rest on what was written before.
    let opened = arguments.release.open(environment, &mut Timings::default())?.without_bill_of_materials();
    let runtime = policies::runtime()?;
    let facts = watched(|| runtime.block_on(opened.measure(environment)))?;
    let bill = sbom::render(&facts, timestamp)
        .map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))?;
    let Some(file) = &arguments.output else {
        printer.data(&bill)?;
        return Ok(ExitStatus::Success);
    };
    std::fs::write(file, bill).map_err(|error| {
        let message = format!("the bill of materials `{}` cannot be written: {error}", file.display());
        Failure::not_recorded(Problem::new("unwritable-file", message).hint("check that its directory exists"))
    })?;
    Ok(ExitStatus::Success)
}
