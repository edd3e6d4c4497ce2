//! `modelgate sql-worker`, which `modelgate` starts itself to run a query over rows.

use std::io;

use super::Failure;
use crate::exit_status::ExitStatus;
use crate::facts::evaluation::sql::worker;
use crate::problem::Problem;

pub(super) fn run() -> Result<ExitStatus, Failure> {
    // The parent judges by what it was told; nobody reads what is said here.
    worker::serve(io::stdin().lock(), io::stdout().lock())
        .map_err(|error| Failure::usage(Problem::new("sql-worker", error.to_string())))?;
    Ok(ExitStatus::Success)
}
