//! `modelgate policy`: what an analyst needs to write, test and ship policies.

mod check;
mod coverage;
mod diff;
mod docs;
mod eval;
mod list;
mod new;
mod test;

use std::path::Path;

use clap::Subcommand;

use super::policies::FetchArguments;
use super::{Failure, Printer};
use crate::bundle_source::PolicySource;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::PolicyBundle;
use crate::problem::Problem;

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
    /// List the controls of a bundle
    List(list::Arguments),
    /// Write the catalogue of controls as Markdown
    Docs(docs::Arguments),
    /// Show which clauses of a framework which controls serve, and which nothing serves
    Coverage(coverage::Arguments),
    /// Begin a control with its test and its tiers
    New(new::Arguments),
    /// Run conftest policies (`deny`, `violation`, `warn`) over YAML and JSON files
    Eval(eval::Arguments),
    /// Say which decisions would change from one bundle to another
    Diff(diff::Arguments),
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        Command::Check(arguments) => check::run(arguments, environment, printer),
        Command::Test(arguments) => test::run(arguments, environment, printer),
        Command::List(arguments) => list::run(arguments, environment, printer),
        Command::Docs(arguments) => docs::run(arguments, environment, printer),
        Command::Coverage(arguments) => coverage::run(arguments, environment, printer),
        Command::New(arguments) => new::run(arguments, printer),
        Command::Eval(arguments) => eval::run(arguments, environment, printer),
        Command::Diff(arguments) => diff::run(arguments, environment, printer),
    }
}

/// Which policies.
#[derive(Debug, clap::Args)]
struct BundleArguments {
    /// A directory, an OPA bundle (`.tar.gz`), `https://…#sha256=…` or `oci://…@sha256:…`; by default the
    /// embedded library
    #[arg(value_name = "POLICIES", default_value = "embedded")]
    policies: PolicySource,
    #[command(flatten)]
    fetching: FetchArguments,
}

impl BundleArguments {
    fn load(&self, environment: &Environment) -> Result<PolicyBundle, Failure> {
        self.fetching.load(&self.policies, environment).map_err(Failure::Usage)
    }
}

/// Writes a report to a file.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", file.display());
        Failure::not_recorded(Problem::new("report-file", message).hint("check that its directory exists"))
    })
}
