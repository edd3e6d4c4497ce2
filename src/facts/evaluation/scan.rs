//! Reading evaluation rows: one scan that groups them by cell, and one that counts ids.
//!
//! A *cell* is one combination of slice values. Rows are grouped by cell once; slices are unions of
//! cells and cost no further pass.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct};
use datafusion::logical_expr::{Cast, Expr, lit};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};

use super::aggregate::binary_scores;
use super::scores::BinaryScores;
use crate::manifest::raw::{ClassLabel, RawEvaluation};
use crate::problem::{Location, Problem, nearest};

/// Combinations of slice values that an evaluation may have. Past this the groups are too small to
/// mean anything, and a column of free text or ids was probably meant for something else.
const CELLS_MAX: usize = 10_000;

/// The rows of one evaluation, by cell.
pub(crate) struct Scan {
    /// Slice values, in the order of the manifest's slice columns, and the scores of these rows.
    pub(crate) cells: Vec<Cell>,
    /// Null ids and repeated ids, when an id column is declared.
    pub(crate) ids: Option<IdCounts>,
}

/// The rows of one combination of slice values.
pub(crate) struct Cell {
    pub(crate) values: Vec<Option<String>>,
    pub(crate) scores: BinaryScores,
}

/// What is wrong with ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdCounts {
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
}

/// The file of an evaluation: where it is, what to call it, and where the manifest names it.
#[derive(Clone, Copy)]
pub(crate) struct DataFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) shown_as: &'a str,
    pub(crate) location: &'a Location,
}

impl DataFile<'_> {
    fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::new(code, message).at(self.location.clone())
    }

    fn unreadable(&self, error: &DataFusionError) -> Problem {
        let message = format!("`{}` cannot be read as Parquet: {}", self.shown_as, first_line(&error.to_string()));
        self.problem("unreadable-parquet", message)
            .hint("write the file again, and check that the upload or checkout that brought it was complete")
    }
}

/// Errors of the query engine quote plans over many lines; the first says what happened.
fn first_line(text: &str) -> String {
    const LENGTH_MAX: usize = 300;
    text.lines().next().unwrap_or_default().chars().take(LENGTH_MAX).collect()
}

/// Reads the rows that `evaluation` declares.
///
/// # Errors
/// Every problem of the file: not Parquet, a column that is absent or of a type that cannot play its
/// part, no rows, too many groups.
pub(crate) async fn scan(file: DataFile<'_>, evaluation: &RawEvaluation) -> Result<Scan, Vec<Problem>> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_information_schema(false));
    let (table, schema) = open(&context, file).await.map_err(|error| vec![file.unreadable(&error)])?;
    let expressions = Expressions::new(file, evaluation, &schema)?;
    let run = async {
        let cells = read_cells(context.read_table(Arc::clone(&table))?, &expressions).await?;
        let ids = match &expressions.id {
            Some(id) => Some(read_ids(context.read_table(table)?, id).await?),
            None => None,
        };
        Ok::<_, DataFusionError>((cells, ids))
    };
    let (cells, ids) = run.await.map_err(|error| vec![file.unreadable(&error)])?;
    let total: u64 = cells.iter().map(|cell| cell.scores.row_counts().total).sum();
    if total == 0 {
        let message = format!("`{}` has no rows", file.shown_as);
        return Err(vec![file.problem("no-rows", message).hint("an evaluation needs at least one case")]);
    }
    if cells.len() > CELLS_MAX {
        let message =
            format!("the slice columns of `{}` have over {CELLS_MAX} combinations of values", evaluation.name);
        return Err(vec![
            file.problem("too-many-groups", message).hint("slice by columns with few values, such as bands"),
        ]);
    }
    Ok(Scan { cells, ids })
}

async fn open(
    context: &SessionContext,
    file: DataFile<'_>,
) -> Result<(Arc<dyn TableProvider>, SchemaRef), DataFusionError> {
    let absolute = std::path::absolute(file.path)?;
    let url = url_of(&absolute)?;
    let format = ParquetFormat::default().with_enable_pruning(false);
    // The name of an untrusted file says nothing about it: no extension is required.
    let options = ListingOptions::new(Arc::new(format)).with_file_extension("");
    let schema = options.infer_schema(&context.state(), &url).await?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(Arc::clone(&schema));
    Ok((Arc::new(ListingTable::try_new(config)?), schema))
}

/// A `file:` URL, so that `*` and `[` in a file name are not taken for a glob.
fn url_of(absolute: &Path) -> Result<ListingTableUrl, DataFusionError> {
    let text = absolute.to_str().ok_or_else(|| DataFusionError::Configuration("the path is not UTF-8".to_owned()))?;
    let escaped: String = text
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    ListingTableUrl::parse(format!("file://{escaped}"))
}

/// The columns as expressions of the types that [`binary_scores`] takes.
struct Expressions {
    is_positive: Expr,
    is_negative: Expr,
    score: Expr,
    slices: Vec<Expr>,
    id: Option<Expr>,
}

impl Expressions {
    fn new(file: DataFile<'_>, evaluation: &RawEvaluation, schema: &SchemaRef) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut find = |part: &str, name: &str| match schema.field_with_name(name) {
            Ok(field) => Some((quoted(name), field.data_type().clone())),
            Err(_) => {
                let message = format!("`{}` has no column `{name}`, which is declared as {part}", file.shown_as);
                let names = schema.fields().iter().map(|field| field.name().as_str());
                let listed: Vec<_> = names.clone().take(20).map(|name| format!("`{name}`")).collect();
                let hint = match nearest(name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its columns are {}", listed.join(", ")),
                };
                problems.push(file.problem("absent-column", message).hint(hint));
                None
            }
        };
        let label = find("the label", &evaluation.columns.label);
        let score = find("the score", &evaluation.columns.score);
        let id = evaluation.columns.id.as_deref().and_then(|name| find("the id", name));
        let slices: Vec<_> = evaluation.slices.iter().filter_map(|slice| find("a slice", &slice.column)).collect();

        let label = label.and_then(|(column, data_type)| {
            let classes = &evaluation.classes;
            match (equals(&column, &data_type, &classes.positive), equals(&column, &data_type, &classes.negative)) {
                (Some(positive), Some(negative)) => Some((positive, negative)),
                _ => {
                    problems.push(label_type_problem(file, evaluation, &data_type));
                    None
                }
            }
        });
        let score = score.and_then(|(column, data_type)| match data_type {
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Some(cast(column, DataType::Float64)),
            other => {
                let name = &evaluation.columns.score;
                let message = format!("the score column `{name}` of `{}` is {other}", file.shown_as);
                problems.push(
                    file.problem("wrong-column-type", message)
                        .hint("a score is a floating-point number in [0, 1]: the probability of the positive class"),
                );
                None
            }
        });
        let slices: Vec<_> = slices
            .into_iter()
            .filter_map(|(column, data_type)| match is_group_type(&data_type) {
                true => Some(cast(column, DataType::Utf8)),
                false => {
                    let message = format!("the slice column {column} of `{}` is {data_type}", file.shown_as);
                    problems.push(
                        file.problem("wrong-column-type", message)
                            .hint("slices are strings, Booleans or integers; put numbers into bands first"),
                    );
                    None
                }
            })
            .collect();
        match (label, score) {
            (Some((is_positive, is_negative)), Some(score)) if problems.is_empty() => {
                Ok(Self { is_positive, is_negative, score, slices, id: id.map(|(column, _)| column) })
            }
            _ => Err(problems),
        }
    }
}

/// A column by its exact name: unquoted, DataFusion would fold case and split at dots.
fn quoted(name: &str) -> Expr {
    Expr::Column(datafusion::common::Column::new_unqualified(name))
}

fn cast(expression: Expr, data_type: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expression), data_type))
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn is_group_type(data_type: &DataType) -> bool {
    is_text(data_type) || data_type.is_integer() || *data_type == DataType::Boolean
}

/// `column = class`, if a column of this type can hold such a class.
fn equals(column: &Expr, data_type: &DataType, class: &ClassLabel) -> Option<Expr> {
    match class {
        ClassLabel::Boolean(class) if *data_type == DataType::Boolean => Some(column.clone().eq(lit(*class))),
        // The cast of an unsigned label beyond i64 is an error of the scan, not a wrong match.
        ClassLabel::Integer(class) if data_type.is_integer() => {
            Some(cast(column.clone(), DataType::Int64).eq(lit(*class)))
        }
        ClassLabel::Text(class) if is_text(data_type) => {
            Some(cast(column.clone(), DataType::Utf8).eq(lit(class.clone())))
        }
        _ => None,
    }
}

fn label_type_problem(file: DataFile<'_>, evaluation: &RawEvaluation, data_type: &DataType) -> Problem {
    let name = &evaluation.columns.label;
    let message = format!("the label column `{name}` of `{}` is {data_type}", file.shown_as);
    let kind = |class: &ClassLabel| match class {
        ClassLabel::Boolean(class) => format!("the Boolean `{class}`"),
        ClassLabel::Integer(class) => format!("the integer `{class}`"),
        ClassLabel::Text(class) => format!("the string `{class}`"),
    };
    let (positive, negative) = (kind(&evaluation.classes.positive), kind(&evaluation.classes.negative));
    file.problem("wrong-column-type", message).hint(format!(
        "the manifest declares its classes as {positive} and {negative}; write them as they stand in the data"
    ))
}

async fn read_cells(rows: DataFrame, expressions: &Expressions) -> Result<Vec<Cell>, DataFusionError> {
    let keys: Vec<Expr> = expressions
        .slices
        .iter()
        .enumerate()
        .map(|(index, slice)| slice.clone().alias(format!("slice_{index}")))
        .collect();
    let scores = binary_scores()
        .call(vec![expressions.is_positive.clone(), expressions.is_negative.clone(), expressions.score.clone()])
        .alias("scores");
    let batches = rows.aggregate(keys, vec![scores])?.collect().await?;
    let mut cells = Vec::new();
    for batch in &batches {
        append_cells(batch, expressions.slices.len(), &mut cells)?;
    }
    // Hash aggregation gives groups in any order.
    cells.sort_by(|left, right| left.values.cmp(&right.values));
    Ok(cells)
}

fn append_cells(batch: &RecordBatch, slices: usize, cells: &mut Vec<Cell>) -> Result<(), DataFusionError> {
    let malformed = || DataFusionError::Internal("the aggregate's result has another shape than asked for".to_owned());
    let scores = batch.columns().get(slices).and_then(|column| column.as_binary_opt::<i64>()).ok_or_else(malformed)?;
    let keys = batch
        .columns()
        .iter()
        .take(slices)
        .map(|column| column.as_string_opt::<i32>().ok_or_else(malformed))
        .collect::<Result<Vec<_>, _>>()?;
    for (row, encoded) in scores.iter().enumerate() {
        let scores = BinaryScores::decode(encoded.ok_or_else(malformed)?)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let values = keys.iter().map(|key| key.is_valid(row).then(|| key.value(row).to_owned())).collect();
        cells.push(Cell { values, scores });
    }
    Ok(())
}

async fn read_ids(rows: DataFrame, id: &Expr) -> Result<IdCounts, DataFusionError> {
    let aggregates = vec![count(lit(1)), count(id.clone()), count_distinct(id.clone())];
    let batches = rows.aggregate(Vec::new(), aggregates)?.collect().await?;
    let mut counts = batches
        .iter()
        .flat_map(RecordBatch::columns)
        .filter_map(|column| column.as_primitive_opt::<Int64Type>().and_then(|counts| counts.iter().next().flatten()));
    match (counts.next(), counts.next(), counts.next()) {
        (Some(total), Some(present), Some(distinct)) => {
            Ok(IdCounts { missing: (total - present).unsigned_abs(), duplicates: (present - distinct).unsigned_abs() })
        }
        _ => Err(DataFusionError::Internal("the count of ids came back empty".to_owned())),
    }
}
