//! `modelgate evaluate`

use std::path::PathBuf;

use super::{Failure, Printer, ResourceArguments};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::facts::evaluation;
use crate::manifest::raw::{Classes, Columns, Favourable, RawEvaluation, SliceColumn, Task};
use crate::problem::{Problem, nearest};
use crate::report::{TextStyle, text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File of rows: Parquet, CSV, JSON lines or Arrow IPC
    file: PathBuf,
    /// Column of what really happened
    #[arg(long, value_name = "COLUMN")]
    label: String,
    /// Column of the model's score for the positive class, in [0, 1]
    #[arg(long, value_name = "COLUMN")]
    score: String,
    /// Label of the positive class; without it `1` or `true`
    #[arg(long, value_name = "LABEL")]
    positive: Option<String>,
    /// Label of the negative class; without it `0` or `false`
    #[arg(long, value_name = "LABEL")]
    negative: Option<String>,
    /// Which prediction is the good outcome for the person concerned
    #[arg(long, value_enum, value_name = "CLASS")]
    favourable: Option<FavourableChoice>,
    /// Predicted positive if the score is at least this
    #[arg(long, default_value_t = 0.5, value_name = "SCORE")]
    threshold: f64,
    /// Column of ids, which are counted if they are missing or there twice
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// Columns whose values are subgroups
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    slices: Vec<String>,
    /// Columns whose values are subgroups that are compared with each other
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    protected: Vec<String>,
    /// Columns, joined by `+`, whose combinations of values are subgroups
    #[arg(long = "intersect", value_name = "COLUMN+COLUMN…")]
    intersections: Vec<String>,
    #[command(flatten)]
    resources: ResourceArguments,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FavourableChoice {
    Positive,
    Negative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Tables
    Text,
    /// The evaluation as it stands in the facts of a release
    Json,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let declared = declared(arguments)?;
    let shown_as = arguments.file.display().to_string();
    let (task, resources) = (Task::BinaryClassification, arguments.resources.over(environment.resources));
    let facts = evaluation::measure(task, &declared, &arguments.file, &shown_as, None, resources)
        .map_err(Failure::NotEvaluated)?;
    match arguments.output {
        Format::Text => {
            let style = TextStyle { columns: Printer::columns(), colour: printer.color_stdout(), unicode: true };
            printer.data(&text::evaluation(&facts, style))?;
        }
        Format::Json => {
            let text = serde_json::to_string_pretty(&facts)
                .map_err(|error| Failure::NotEvaluated(vec![Problem::new("not-canonical", error.to_string())]))?;
            printer.data(&format!("{text}\n"))?;
        }
    }
    Ok(ExitStatus::Success)
}

/// What a manifest would declare.
fn declared(arguments: &Arguments) -> Result<RawEvaluation, Failure> {
    if !(0.0..=1.0).contains(&arguments.threshold) {
        let problem = Problem::new("invalid-threshold", format!("the threshold {} is no score", arguments.threshold));
        return Err(Failure::usage(problem.hint("give a number from 0 to 1")));
    }
    let mut slices: Vec<SliceColumn> = Vec::new();
    let protected = arguments.protected.iter().map(|column| (column, true));
    for (column, protected) in protected.chain(arguments.slices.iter().map(|column| (column, false))) {
        if slices.iter().all(|slice| slice.column != *column) {
            slices.push(SliceColumn { column: column.clone(), protected });
        }
    }
    let intersections = intersections(&arguments.intersections, &slices)?;
    let (positive, negative) = evaluation::classes(
        &arguments.file,
        &arguments.label,
        arguments.positive.as_deref(),
        arguments.negative.as_deref(),
    )
    .map_err(|problem| Failure::NotEvaluated(vec![problem]))?;
    let favourable = arguments.favourable.map(|favourable| match favourable {
        FavourableChoice::Positive => Favourable::Positive,
        FavourableChoice::Negative => Favourable::Negative,
    });
    let name = arguments.file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(RawEvaluation {
        name,
        data: arguments.file.display().to_string(),
        columns: Columns { id: arguments.id.clone(), label: arguments.label.clone(), score: arguments.score.clone() },
        classes: Classes { positive, negative, favourable },
        threshold: arguments.threshold,
        slices,
        intersections,
        claims: Vec::new(),
        period: None,
        holdout: None,
    })
}

/// The columns of each intersection, all of which have to be slices.
fn intersections(given: &[String], slices: &[SliceColumn]) -> Result<Vec<Vec<String>>, Failure> {
    let known = || slices.iter().map(|slice| slice.column.as_str());
    let mut intersections: Vec<Vec<String>> = Vec::new();
    for text in given {
        let columns: Vec<String> = text.split('+').map(str::to_owned).collect();
        if let Some(unknown) = columns.iter().find(|column| known().all(|name| name != column.as_str())) {
            let problem = Problem::new("unknown-slice", format!("`{unknown}` is not among the slices"));
            return Err(Failure::usage(match nearest(unknown, known()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("name it with --slices or --protected, too"),
            }));
        }
        if !intersections.contains(&columns) {
            intersections.push(columns);
        }
    }
    Ok(intersections)
}
