//! `modelgate policy-worker`, which `modelgate` starts itself to evaluate policies.

use std::io;

use super::Failure;
use crate::exit_status::ExitStatus;
use crate::policy::worker;
use crate::problem::Problem;

pub(super) fn run() -> Result<ExitStatus, Failure> {
    // The parent judges by what it was told; nobody reads what is said here.
    worker::serve(io::stdin().lock(), io::stdout().lock())
        .map_err(|error| Failure::usage(Problem::new("policy-worker", error.to_string())))?;
    Ok(ExitStatus::Success)
}
