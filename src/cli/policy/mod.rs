//! `modelgate policy`: what an analyst needs to write, test and ship policies.

mod check;
mod test;

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Printer};
use crate::exit_status::ExitStatus;
use crate::policy::PolicyBundle;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a bundle as it is checked when it is loaded, and list every problem
    Check(check::Arguments),
    /// Run the tests of a bundle
    Test(test::Arguments),
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        Command::Check(arguments) => check::run(arguments, printer),
        Command::Test(arguments) => test::run(arguments, printer),
    }
}

/// Which policies.
#[derive(Debug, clap::Args)]
struct BundleArguments {
    /// Directory of policies; by default the embedded library
    #[arg(value_name = "POLICIES")]
    policies: Option<PathBuf>,
}

impl BundleArguments {
    fn load(&self) -> Result<PolicyBundle, Failure> {
        match &self.policies {
            None => PolicyBundle::embedded(),
            Some(directory) => PolicyBundle::from_directory(directory),
        }
        .map_err(Failure::Usage)
    }
}
