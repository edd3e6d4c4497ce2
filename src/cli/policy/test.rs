//! `modelgate policy test`

use super::super::{Failure, Printer};
use super::BundleArguments;
use crate::exit_status::ExitStatus;
use crate::policy::testing;
use crate::problem::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let run = testing::run(&arguments.bundle.load()?)
        .map_err(|message| Failure::usage(Problem::new("policy-tests", message)))?;
    let mut text = String::new();
    let mut failed = 0;
    for result in &run.results {
        if let Some(failure) = &result.failure {
            failed += 1;
            text.push_str(&format!("FAIL {} ({}): {failure}\n", result.name, result.file));
        }
    }
    for (file, lines) in run.not_covered.iter().filter(|(_, lines)| !lines.is_empty()) {
        text.push_str(&format!("not reached: {file}: {lines:?}\n"));
    }
    text.push_str(&format!("{} tests, {failed} failed\n", run.results.len()));
    printer.data(&text)?;
    Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Denied })
}
