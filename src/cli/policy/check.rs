//! `modelgate policy check`

use super::super::{Failure, Printer};
use super::BundleArguments;
use crate::exit_status::ExitStatus;
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let bundle = arguments.bundle.load()?;
    let reference = bundle.reference();
    let checked = bundle.check(&Schema::Facts.to_value()).map_err(Failure::Usage)?;
    printer.data(&format!(
        "{} controls in {} files, sha256:{}\n",
        checked.controls().count(),
        reference.files,
        reference.sha256
    ))?;
    Ok(ExitStatus::Success)
}
