//! `modelgate evaluate`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::progress::watched;
use super::{Failure, Printer, ResourceArguments};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::facts::evaluation::{self, DataFile, EvaluationFiles, MetricId, ReferenceFile, RowsFiles};
use crate::manifest::raw::{
    Champion, ClassLabel, Classes, Columns, Favourable, Gain, LabelColumns, QuantileColumn, Ranking, RawEvaluation,
    Reference, SliceColumn, Task,
};
use crate::problem::{Problem, nearest};
use crate::report::{TextStyle, page, text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File, directory, glob or address of rows, or several files: Parquet, CSV, JSON lines or Arrow IPC
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the model predicts
    #[arg(long, value_enum, default_value_t = TaskChoice::Binary, value_name = "TASK")]
    task: TaskChoice,
    /// Column of what really happened
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Column of the model's score: for two classes that of the positive one, in [0, 1]
    #[arg(long, value_name = "COLUMN")]
    score: Option<String>,
    /// Column of the predicted number
    #[arg(long, value_name = "COLUMN")]
    prediction: Option<String>,
    /// Columns of the lower and the upper end of the predicted interval
    #[arg(long, value_delimiter = ',', num_args = 2, value_name = "LOWER,UPPER")]
    interval: Vec<String>,
    /// Levels of predicted quantiles and their columns
    #[arg(long, value_delimiter = ',', value_parser = quantile, value_name = "LEVEL=COLUMN,…")]
    quantiles: Vec<QuantileColumn>,
    /// Column of the series that a row of a forecast belongs to
    #[arg(long, value_name = "COLUMN")]
    series: Option<String>,
    /// Column of steps from the forecast's origin
    #[arg(long, value_name = "COLUMN")]
    horizon: Option<String>,
    /// Column of the mean absolute error of the naive forecast in the history of the row's series
    #[arg(long, value_name = "COLUMN")]
    scale: Option<String>,
    /// Column of the query or person whose items are ranked
    #[arg(long, value_name = "COLUMN")]
    query: Option<String>,
    /// Column of the items that are ranked
    #[arg(long, value_name = "COLUMN")]
    item: Option<String>,
    /// How many of the first items of a ranking count
    #[arg(long, default_value_t = 10, value_name = "N")]
    k: u32,
    /// What a relevance is worth in the discounted cumulative gain
    #[arg(long, value_enum, default_value_t = GainChoice::Linear, value_name = "GAIN")]
    gain: GainChoice,
    /// Relevance from which an item is relevant
    #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
    relevant_from: f64,
    /// Several classes, each with the column of its probability; of several labels a row, each with the column that says
    /// whether it has it, and that of its score
    #[arg(long, value_delimiter = ',', value_parser = class, value_name = "CLASS[=[COLUMN+]SCORE],…")]
    classes: Vec<ClassArgument>,
    /// How many of the most probable classes count in the top-k accuracy
    #[arg(long, value_name = "K")]
    top_k: Option<u32>,
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
    /// Column of weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// Column of what rows share that are not independent, such as a customer
    #[arg(long, value_name = "COLUMN")]
    cluster: Option<String>,
    /// Columns whose values are subgroups
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    slices: Vec<String>,
    /// Columns whose values are subgroups that are compared with each other
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    protected: Vec<String>,
    /// Columns, joined by `+`, whose combinations of values are subgroups
    #[arg(long = "intersect", value_name = "COLUMN+COLUMN…")]
    intersections: Vec<String>,
    /// Smallest differences of metrics that matter: whether there are rows enough to see them
    #[arg(long = "margins", value_delimiter = ',', value_parser = margin, value_name = "METRIC=DIFFERENCE,…")]
    margins: Vec<(MetricId, f64)>,
    /// File of the rows that the model was trained on: drift from them, and leakage
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    reference: Option<PathBuf>,
    /// Baseline of such rows, as `modelgate baseline` writes it: drift from them
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Columns that are compared with those of the reference; without it all that play no other part
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    features: Vec<String>,
    /// Column of whom or what a row is about, that must not be in both files
    #[arg(long, value_name = "COLUMN", requires = "reference")]
    entity: Option<String>,
    /// Column of a row's day or moment, which comes after those of the reference
    #[arg(long, value_name = "COLUMN", requires = "reference")]
    time: Option<String>,
    /// Days that have to lie between the reference and the file
    #[arg(long, default_value_t = 0, value_name = "DAYS", requires = "time")]
    embargo_days: u32,
    /// Column of the scores, or of the predicted numbers or classes, of the version in use
    #[arg(long, value_name = "COLUMN")]
    champion: Option<String>,
    /// File of that column, if it is another: its rows have the same ids
    #[arg(long, value_name = "FILE", requires = "champion")]
    champion_file: Option<PathBuf>,
    #[command(flatten)]
    resources: ResourceArguments,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TaskChoice {
    /// One of two classes
    Binary,
    /// A number
    Regression,
    /// Numbers to come of series
    Forecasting,
    /// The order of items
    Ranking,
    /// One of several classes
    Multiclass,
    /// Several labels a row
    Multilabel,
}

impl TaskChoice {
    const fn task(self) -> Task {
        match self {
            Self::Binary => Task::BinaryClassification,
            Self::Regression => Task::Regression,
            Self::Forecasting => Task::Forecasting,
            Self::Ranking => Task::Ranking,
            Self::Multiclass => Task::MulticlassClassification,
            Self::Multilabel => Task::MultilabelClassification,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GainChoice {
    /// Itself
    Linear,
    /// Two to its power, less one
    Exponential,
}

/// A metric and a difference above 0.
fn margin(text: &str) -> Result<(MetricId, f64), String> {
    let (name, difference) = text.split_once('=').ok_or("write a metric and a difference, such as `roc_auc=0.02`")?;
    let metric = MetricId::ALL.iter().find(|id| id.key() == name);
    let metric = *metric.ok_or_else(|| format!("there is no metric `{name}`"))?;
    let difference = difference.parse().ok().filter(|difference: &f64| *difference > 0.0 && difference.is_finite());
    difference.map(|difference| (metric, difference)).ok_or_else(|| "a margin is a number above 0".to_owned())
}

/// A level in (0, 1) and a column.
fn quantile(text: &str) -> Result<QuantileColumn, String> {
    let (level, column) = text.split_once('=').ok_or("write a level and a column, such as `0.9=p90`")?;
    let level: f64 = level.parse().map_err(|_| format!("`{level}` is no level"))?;
    if level > 0.0 && level < 1.0 {
        Ok(QuantileColumn { level, column: column.to_owned() })
    } else {
        Err(format!("the level {level} is not between 0 and 1"))
    }
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
    /// A page with plots, in one file without scripts
    Html,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let settings = arguments.resources.remote(environment);
    let named = |path: &Path| super::rows_files(path, &settings);
    let files = match arguments.files.as_slice() {
        [file] => named(file)?,
        several => RowsFiles::several(several).map_err(|problem| Failure::NotEvaluated(vec![problem]))?,
    };
    let declared = declared(arguments, files.data_file(None))?;
    let (task, resources) = (arguments.task.task(), arguments.resources.over(environment.resources));
    let reference = arguments.reference.as_deref().or(arguments.baseline.as_deref()).map(named).transpose()?;
    let reference = reference.as_ref().map(|files| match arguments.reference.is_some() {
        true => ReferenceFile::Rows(files.data_file(None)),
        false => ReferenceFile::Baseline(files.data_file(None)),
    });
    let champion = arguments.champion_file.as_deref().map(named).transpose()?;
    let champion = champion.as_ref().map(|files| files.data_file(None));
    let cluster = arguments.resources.cluster()?;
    let files = EvaluationFiles { rows: files.data_file(None), reference, champion, cluster: cluster.as_ref() };
    let measured = watched(|| evaluation::measure_rows(task, &declared, files, resources));
    let facts = measured.map_err(Failure::NotEvaluated)?;
    match arguments.output {
        Format::Html => {
            let page = page::evaluation(&facts)
                .map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))?;
            printer.data(&page)?;
        }
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
fn declared(arguments: &Arguments, file: DataFile<'_>) -> Result<RawEvaluation, Failure> {
    if !(0.0..=1.0).contains(&arguments.threshold) {
        let problem = Problem::new("invalid-threshold", format!("the threshold {} is no score", arguments.threshold));
        return Err(Failure::usage(problem.hint("give a number from 0 to 1")));
    }
    let mut slices: Vec<SliceColumn> = Vec::new();
    let protected = arguments.protected.iter().map(|column| (column, true));
    for (column, protected) in protected.chain(arguments.slices.iter().map(|column| (column, false))) {
        if slices.iter().all(|slice| slice.column != *column) {
            slices.push(SliceColumn {
                column: column.clone(),
                protected,
                reference_group: None,
                population: BTreeMap::new(),
            });
        }
    }
    let intersections = intersections(&arguments.intersections, &slices)?;
    let task = arguments.task.task();
    let given: Vec<&str> = declared_parts(arguments);
    for needed in task.needed_parts() {
        if !given.contains(needed) {
            let problem = Problem::new("missing-part", format!("the task `{}` needs --{needed}", task.key()));
            return Err(Failure::usage(problem.hint("name the column of the file")));
        }
    }
    if let Some(needless) = given.iter().find(|part| !task.possible_parts().contains(part)) {
        let problem = Problem::new("needless-part", format!("the task `{}` makes nothing of --{needless}", task.key()));
        return Err(Failure::usage(problem.hint("leave it out")));
    }
    let classes = if task == Task::BinaryClassification { Some(classes(arguments, file)?) } else { None };
    let stem = arguments.files.first().and_then(|file| file.file_stem());
    let name = stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(RawEvaluation {
        name,
        data: file.shown_as.to_owned(),
        columns: columns(arguments),
        labels: labels(arguments, task, file)?,
        interval_level: None,
        top_k: arguments.top_k.filter(|_| task == Task::MulticlassClassification),
        threshold: (classes.is_some() || task == Task::MultilabelClassification).then_some(arguments.threshold),
        classes,
        ranking: (task == Task::Ranking).then_some(Ranking {
            k: arguments.k,
            gain: match arguments.gain {
                GainChoice::Linear => Gain::Linear,
                GainChoice::Exponential => Gain::Exponential,
            },
            relevant_from: arguments.relevant_from,
        }),
        slices,
        intersections,
        claims: Vec::new(),
        margins: arguments.margins.iter().copied().collect(),
        claims_from: Vec::new(),
        champion: champion(arguments)?,
        reference: reference(arguments),
        sql_checks: Vec::new(),
        period: None,
        holdout: None,
    })
}

fn champion(arguments: &Arguments) -> Result<Option<Champion>, Failure> {
    let Some(column) = &arguments.champion else { return Ok(None) };
    let task = arguments.task.task();
    let with_file = arguments.champion_file.is_some() && task == Task::MulticlassClassification;
    if task == Task::MultilabelClassification || with_file {
        let part = if with_file { "champion-file" } else { "champion" };
        let problem = Problem::new("needless-part", format!("the task `{}` makes nothing of --{part}", task.key()));
        return Err(Failure::usage(problem.hint("leave it out")));
    }
    if arguments.champion_file.is_some() && arguments.id.is_none() {
        let problem = Problem::new("missing-part", "a file of the champion is joined by ids, and there are none");
        return Err(Failure::usage(problem.hint("name the column of ids with --id")));
    }
    Ok(Some(Champion {
        version: "champion".to_owned(),
        data: arguments.champion_file.as_ref().map(|path| path.display().to_string()),
        id: None,
        column: column.clone(),
        threshold: None,
    }))
}

fn reference(arguments: &Arguments) -> Option<Reference> {
    let text = |path: &PathBuf| path.display().to_string();
    (arguments.reference.is_some() || arguments.baseline.is_some()).then(|| Reference {
        name: None,
        data: arguments.reference.as_ref().map(text),
        baseline: arguments.baseline.as_ref().map(text),
        features: arguments.features.clone(),
        entity: arguments.entity.clone(),
        time: arguments.time.clone(),
        embargo_days: arguments.embargo_days,
    })
}

fn columns(arguments: &Arguments) -> Columns {
    let mut ends = arguments.interval.iter().cloned();
    Columns {
        id: arguments.id.clone(),
        label: arguments.label.clone().unwrap_or_default(),
        score: arguments.score.clone(),
        prediction: arguments.prediction.clone(),
        lower: ends.next(),
        upper: ends.next(),
        quantiles: arguments.quantiles.clone(),
        query: arguments.query.clone(),
        item: arguments.item.clone(),
        series: arguments.series.clone(),
        horizon: arguments.horizon.clone(),
        scale: arguments.scale.clone(),
        weight: arguments.weight.clone(),
        cluster: arguments.cluster.clone(),
    }
}

/// The keys of the columns that are named.
fn declared_parts(arguments: &Arguments) -> Vec<&'static str> {
    columns(arguments).parts().into_iter().map(|(key, ..)| key).collect()
}

/// Several classes with their columns.
fn labels(arguments: &Arguments, task: Task, file: DataFile<'_>) -> Result<Vec<LabelColumns>, Failure> {
    let refused =
        |message: String, hint: &str| Err(Failure::usage(Problem::new("invalid-classes", message).hint(hint)));
    let multilabel = task == Task::MultilabelClassification;
    if !multilabel && task != Task::MulticlassClassification {
        return match arguments.classes.is_empty() {
            true => Ok(Vec::new()),
            false => refused(format!("the task `{}` makes nothing of --classes", task.key()), "leave it out"),
        };
    }
    if arguments.classes.len() < 2 {
        return refused("fewer than two classes are given".to_owned(), "list every class with --classes");
    }
    let scored = arguments.classes.iter().filter(|class| class.score.is_some()).count();
    let columns = arguments.classes.iter().filter(|class| class.column.is_some()).count();
    let whole = if multilabel {
        scored == arguments.classes.len() && columns == scored
    } else {
        columns == 0 && (scored == arguments.classes.len() || (scored == 0 && arguments.prediction.is_some()))
    };
    if !whole {
        let hint = match multilabel {
            true => "write each label as NAME=COLUMN+SCORE",
            false => "write each class as CLASS=SCORE, or all without and name the --prediction",
        };
        return refused("a class lacks a column, or has one too many".to_owned(), hint);
    }
    let names: Vec<&str> = arguments.classes.iter().map(|class| class.class.as_str()).collect();
    let classes = match (&arguments.label, multilabel) {
        (Some(label), false) => {
            evaluation::class_labels(file, label, &names).map_err(|problem| Failure::NotEvaluated(vec![problem]))?
        }
        _ => names.iter().map(|name| ClassLabel::Text((*name).to_owned())).collect(),
    };
    if let Some(twice) =
        names.iter().enumerate().find(|(index, name)| names.iter().take(*index).any(|other| other == *name))
    {
        return refused(format!("the class `{}` is given twice", twice.1), "give each class once");
    }
    let columns = arguments.classes.iter().map(|class| (class.column.clone(), class.score.clone()));
    Ok(classes.into_iter().zip(columns).map(|(class, (column, score))| LabelColumns { class, column, score }).collect())
}

/// A class with its columns, as they are given.
#[derive(Debug, Clone)]
struct ClassArgument {
    class: String,
    column: Option<String>,
    score: Option<String>,
}

fn class(text: &str) -> Result<ClassArgument, String> {
    let (class, columns) = match text.split_once('=') {
        Some((class, columns)) => (class, Some(columns)),
        None => (text, None),
    };
    if class.is_empty() || columns.is_some_and(str::is_empty) {
        return Err("write CLASS, CLASS=SCORE or CLASS=COLUMN+SCORE".to_owned());
    }
    let (column, score) = match columns.map(|columns| columns.split_once('+').unwrap_or(("", columns))) {
        Some((column, score)) => (Some(column).filter(|column| !column.is_empty()), Some(score)),
        None => (None, None),
    };
    Ok(ClassArgument { class: class.to_owned(), column: column.map(str::to_owned), score: score.map(str::to_owned) })
}

/// The two classes.
fn classes(arguments: &Arguments, file: DataFile<'_>) -> Result<Classes, Failure> {
    let (positive, negative) = evaluation::classes(
        file,
        arguments.label.as_deref().unwrap_or_default(),
        arguments.positive.as_deref(),
        arguments.negative.as_deref(),
    )
    .map_err(|problem| Failure::NotEvaluated(vec![problem]))?;
    let favourable = arguments.favourable.map(|favourable| match favourable {
        FavourableChoice::Positive => Favourable::Positive,
        FavourableChoice::Negative => Favourable::Negative,
    });
    Ok(Classes { positive, negative, favourable })
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
