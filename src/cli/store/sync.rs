//! `modelgate store sync`

use super::{Failure, Printer, address, wait};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::store::{Store, StoreAddress};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The store to copy from
    #[arg(value_name = "FROM", value_parser = address)]
    from: StoreAddress,
    /// The store to copy to; made if there is none
    #[arg(value_name = "TO", value_parser = address)]
    to: StoreAddress,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let copy = async {
        let from = Store::open(&arguments.from, &environment.remote).await?;
        from.sync_to(&arguments.to, &environment.remote).await
    };
    match wait(copy, printer)? {
        Err(status) => Ok(status),
        Ok(synced) => {
            printer.data(&format!(
                "{} entries, of which {} were copied, with {} blobs, {} checkpoints and {} receipts\n",
                synced.entries, synced.new_entries, synced.new_blobs, synced.new_checkpoints, synced.new_receipts
            ))?;
            Ok(ExitStatus::Success)
        }
    }
}
