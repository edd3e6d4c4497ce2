//! `modelgate baseline`

use std::path::PathBuf;

use super::progress::watched;
use super::{Failure, Printer, ResourceArguments};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::facts::evaluation;
use crate::problem::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File, directory or glob of the rows that a model was trained on: Parquet, CSV, JSON lines or Arrow IPC
    file: PathBuf,
    /// File to write: edges, quantiles and counts of each column, as JSON
    #[arg(long, value_name = "FILE", default_value = "baseline.json")]
    out: PathBuf,
    /// Columns to freeze, score and label among them; without it all that can be compared
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    columns: Vec<String>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    resources: ResourceArguments,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let resources = arguments.resources.over(environment.resources);
    let out = arguments.out.display();
    if arguments.out.exists() && !arguments.force {
        let problem = Problem::new("file-exists", format!("`{out}` is there already"));
        return Err(Failure::usage(problem.hint("name another file with --out, or write over it with --force")));
    }
    let settings = arguments.resources.remote(environment);
    let files = super::rows_files(&arguments.file, &settings)?;
    let frozen = watched(|| evaluation::freeze(files.data_file(None), &arguments.columns, resources));
    let (baseline, data, left_out) = frozen.map_err(Failure::NotEvaluated)?;
    let bytes = baseline
        .to_json()
        .map_err(|error| Failure::NotEvaluated(vec![Problem::new("not-canonical", error.to_string())]))?;
    let unwritten = |error: std::io::Error| {
        Failure::not_recorded(Problem::new("unwritable-file", format!("`{out}` cannot be written: {error}")))
    };
    std::fs::write(&arguments.out, bytes).map_err(unwritten)?;
    let (columns, rows) = (baseline.columns.len(), baseline.rows);
    printer.say(&format!("{out}: {columns} columns of the {rows} rows of {} (sha256 {})\n", data.path, data.sha256));
    if !left_out.is_empty() {
        printer.say(&format!("left out, for nothing in them can be compared: {}\n", left_out.join(", ")));
    }
    printer.say("smallest, largest and quantile values and categories are of single rows: keep it as confidential\n");
    Ok(ExitStatus::Success)
}
