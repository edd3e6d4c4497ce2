//! `modelgate init`

use std::path::PathBuf;

use super::{Failure, Printer};
use crate::exit_status::ExitStatus;
use crate::init;
use crate::manifest::raw::Task;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Directory of the new release
    #[arg(default_value = ".", value_name = "DIRECTORY")]
    directory: PathBuf,
    /// Name of the model in your inventory
    #[arg(long, default_value = "my-model")]
    name: String,
    /// Who answers for it: an e-mail address or a handle
    #[arg(long, default_value = "me@example.com")]
    owner: String,
    /// What the model predicts
    #[arg(long, value_enum, default_value_t = TaskChoice::BinaryClassification)]
    task: TaskChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TaskChoice {
    /// One of two classes, with a score for the positive one
    BinaryClassification,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let task = match arguments.task {
        TaskChoice::BinaryClassification => Task::BinaryClassification,
    };
    let written = init::plan(task, &arguments.directory, &arguments.name, &arguments.owner)
        .and_then(|plan| plan.write())
        .map_err(Failure::usage)?;
    for path in written {
        printer.say(&format!("wrote {}", path.display()));
    }
    printer.say("fill in the manifest, then run `modelgate check`: it says what is missing");
    Ok(ExitStatus::Success)
}
