//! Runs one query over files of rows.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt as _;

use super::table::{RowsTable, Scans};
use super::{ROWS_MAX, Request, Row, SqlValue};
use crate::manifest::raw::{SqlCheck, SqlType};

/// Rows that operators hand on at a time. Sums of doubles depend on it in their last digits.
const BATCH_ROWS: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// Characters of a text in an answer.
const TEXT_MAX: usize = 1024;

/// The largest whole number up to which every one is a double.
const INTEGER_MAX: u64 = 1 << 53;

/// The rows of the answer, or why there is none.
pub(super) fn run(request: &Request) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| format!("nothing can be run: {error}"))?;
    let limit = Duration::from_secs(u64::from(request.check.seconds));
    let scans = Scans::default();
    // Only between batches: what takes longer over one is ended from outside, by the process that asked.
    let answer = runtime.block_on(async {
        let answer = tokio::time::timeout(limit, answer(request, &scans)).await;
        answer.unwrap_or_else(|_| Err(over(request.check.seconds)))
    })?;
    scans.end()?;
    rows(&answer, &request.check)
}

pub(super) fn over(seconds: u32) -> String {
    format!("the query took longer than its {seconds} s")
}

fn failed(error: &DataFusionError) -> String {
    const LENGTH_MAX: usize = 400;
    // The first line says what is wrong; what follows are plans.
    error.strip_backtrace().lines().next().unwrap_or_default().chars().take(LENGTH_MAX).collect()
}

async fn answer(request: &Request, scans: &Scans) -> Result<Vec<RecordBatch>, String> {
    let failed = |error: DataFusionError| failed(&error);
    let context = context(request, scans).map_err(failed)?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(&request.check.query, options).await.map_err(failed)?;
    is_repeatable(frame.logical_plan())?;
    let mut stream = frame.execute_stream().await.map_err(failed)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(failed)?;
        rows += batch.num_rows();
        if rows > ROWS_MAX {
            return Err(format!("the answer has more than {ROWS_MAX} rows: count or group them"));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// One partition and no temporary files: rows come in the order of their file, whatever the machine.
fn context(request: &Request, scans: &Scans) -> Result<SessionContext, DataFusionError> {
    let memory_bytes = usize::try_from(request.memory_bytes).unwrap_or(usize::MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let config =
        SessionConfig::new().with_target_partitions(1).with_batch_size(BATCH_ROWS.get()).with_information_schema(false);
    let context = SessionContext::new_with_config_rt(config, runtime);
    for file in &request.tables {
        let table = RowsTable::open(&file.name, file.files.clone(), file.sha256, scans.clone());
        let table = table.map_err(|error| DataFusionError::Execution(format!("table `{}`: {error}", file.name)))?;
        let provider = Arc::new(table);
        context.register_table(file.name.as_str(), provider)?;
        if !file.parts.is_empty() {
            let rows = futures::executor::block_on(context.table(file.name.as_str()))?;
            let named = file.parts.iter().map(|(part, column)| {
                Expr::Column(Column::new(Some(TableReference::bare(file.name.as_str())), column)).alias(part)
            });
            context.register_table("parts", rows.select(named.collect::<Vec<_>>())?.into_view())?;
        }
    }
    Ok(context)
}

/// Refuses what gives another answer at another time.
fn is_repeatable(plan: &LogicalPlan) -> Result<(), String> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                let (name, volatility) = match expression {
                    Expr::ScalarFunction(call) => (call.func.name(), call.func.signature().volatility),
                    Expr::AggregateFunction(call) => (call.func.name(), call.func.signature().volatility),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                if volatility == Volatility::Immutable {
                    return Ok(TreeNodeRecursion::Continue);
                }
                found = Some(name.to_owned());
                Ok(TreeNodeRecursion::Stop)
            })
        })
    });
    match (walked, found) {
        (Err(error), _) => Err(failed(&error)),
        (Ok(_), Some(name)) => Err(format!("`{name}` gives another answer each time: take what it says from the rows")),
        (Ok(_), None) => Ok(()),
    }
}

/// The answer in the declared types, in the order of its values.
fn rows(batches: &[RecordBatch], check: &SqlCheck) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        if let Some(field) = schema.fields().iter().find(|field| !check.columns.contains_key(field.name())) {
            return Err(format!("the answer has a column `{}`, which is not declared", field.name()));
        }
        let first = rows.len();
        rows.resize(first + batch.num_rows(), Row::new());
        for (name, kind) in &check.columns {
            let column = batch.column_by_name(name).ok_or_else(|| format!("the answer has no column `{name}`"))?;
            let values = values(column, *kind).map_err(|reason| format!("column `{name}`: {reason}"))?;
            for (row, value) in rows.iter_mut().skip(first).zip(values) {
                if value.is_none() && !check.nullable.contains(name) {
                    return Err(format!("column `{name}` has a null: list it as `nullable`, or give it a value"));
                }
                row.insert(name.clone(), value);
            }
        }
    }
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        keyed.push((serde_json::to_string(&row).map_err(|error| error.to_string())?, row));
    }
    keyed.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

fn values(column: &ArrayRef, kind: SqlType) -> Result<Vec<Option<SqlValue>>, String> {
    let data_type = column.data_type();
    let fits = match kind {
        SqlType::Boolean => *data_type == DataType::Boolean,
        SqlType::Integer => data_type.is_integer(),
        SqlType::Number => data_type.is_numeric(),
        SqlType::Text => super::super::columns::is_text(data_type),
    };
    if !fits && !data_type.is_null() {
        return Err(format!("it is {data_type} and declared as {}: cast it in the query", kind.name()));
    }
    let cast = |to: &DataType| {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(column, to, &options).map_err(|error| error.to_string())
    };
    Ok(match kind {
        SqlType::Boolean => {
            let column = cast(&DataType::Boolean)?;
            column.as_boolean().iter().map(|value| value.map(SqlValue::Boolean)).collect()
        }
        SqlType::Integer => {
            let column = cast(&DataType::Int64)?;
            let value = |value: i64| match value.unsigned_abs() <= INTEGER_MAX {
                true => Ok(SqlValue::Integer(value)),
                false => Err(format!("{value} is beyond 2^53, where not every whole number can be written")),
            };
            column
                .as_primitive::<Int64Type>()
                .iter()
                .map(|number| number.map(value).transpose())
                .collect::<Result<_, _>>()?
        }
        SqlType::Number => {
            let column = cast(&DataType::Float64)?;
            let value = |value: f64| match value.is_finite() {
                true => Ok(SqlValue::Number(value + 0.0)),
                false => Err(format!("{value} is no number")),
            };
            let numbers = column.as_primitive::<Float64Type>().iter();
            numbers.map(|number| number.map(value).transpose()).collect::<Result<_, _>>()?
        }
        SqlType::Text => {
            let column = cast(&DataType::Utf8)?;
            let value = |text: &str| match text.chars().count() <= TEXT_MAX {
                true => Ok(SqlValue::Text(text.to_owned())),
                false => Err(format!("a text has more than {TEXT_MAX} characters")),
            };
            column.as_string::<i32>().iter().map(|text| text.map(value).transpose()).collect::<Result<_, _>>()?
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::source::RowsFile;
    use super::super::TableFile;
    use super::*;
    use crate::digest::Sha256Digest;

    const ROWS: &str = "id,y,s,job,day\n1,0,0.25,clerk,2025-01-01\n2,1,0.5,nurse,2025-01-02\n3,1,,clerk,2025-01-03\n";

    fn ask_of(path: &Path, query: &str, columns: &[(&str, SqlType)], seconds: u32) -> Result<String, String> {
        let parts = [("label", "y"), ("score", "s")].map(|(part, column)| (part.to_owned(), column.to_owned()));
        let sha256 = Sha256Digest::of(ROWS.as_bytes());
        let table = TableFile {
            name: "evaluation".to_owned(),
            files: vec![RowsFile::new(path.to_owned(), "rows.csv", 0)],
            sha256,
            parts: parts.to_vec(),
        };
        let check = SqlCheck {
            name: "check".to_owned(),
            query: query.to_owned(),
            columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
            nullable: vec!["maybe".to_owned()],
            seconds,
        };
        let rows = run(&Request { tables: vec![table], check, memory_bytes: 64 << 20 })?;
        Ok(serde_json::to_string(&rows).unwrap())
    }

    #[track_caller]
    fn ask(query: &str, columns: &[(&str, SqlType)]) -> Result<String, String> {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), ROWS).unwrap();
        ask_of(file.path(), query, columns, 20)
    }

    #[track_caller]
    fn refused(query: &str, columns: &[(&str, SqlType)], reason: &str) {
        let error = ask(query, columns).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn answers_are_in_the_declared_types_and_in_order() {
        use SqlType::{Boolean, Integer, Number, Text};
        let by_job = "SELECT job, count(*) AS n, sum(s) AS maybe FROM evaluation GROUP BY job ORDER BY n DESC";
        assert_eq!(
            ask(by_job, &[("job", Text), ("n", Integer), ("maybe", Number)]).unwrap(),
            r#"[{"job":"clerk","maybe":0.25,"n":2},{"job":"nurse","maybe":0.5,"n":1}]"#
        );
        let parts = "SELECT bool_and(label IN (0, 1)) AS ok, max(score) AS top FROM parts";
        assert_eq!(ask(parts, &[("ok", Boolean), ("top", Number)]).unwrap(), r#"[{"ok":true,"top":0.5}]"#);
        assert_eq!(ask("SELECT count(*) AS n FROM evaluation", &[("n", Integer)]).unwrap(), r#"[{"n":3}]"#);
        assert_eq!(
            ask("SELECT s AS maybe FROM evaluation WHERE id = 3", &[("maybe", Number)]).unwrap(),
            r#"[{"maybe":null}]"#
        );
        assert_eq!(ask("SELECT 1 AS n FROM evaluation LIMIT 1", &[("n", Integer)]).unwrap(), r#"[{"n":1}]"#);
        let twice = "SELECT count(*) AS n FROM evaluation a JOIN evaluation b ON a.job = b.job";
        assert_eq!(ask(twice, &[("n", Integer)]).unwrap(), r#"[{"n":5}]"#);
    }

    #[test]
    fn an_answer_of_another_shape_is_none() {
        use SqlType::{Integer, Number, Text};
        refused("SELECT id, y FROM evaluation", &[("id", Integer)], "column `y`, which is not declared");
        refused("SELECT id FROM evaluation", &[("id", Integer), ("y", Integer)], "no column `y`");
        refused("SELECT job FROM evaluation", &[("job", Integer)], "it is Utf8 and declared as integer");
        refused("SELECT s FROM evaluation", &[("s", Number)], "column `s` has a null");
        refused("SELECT 0.0/0.0::double AS x", &[("x", Number)], "is no number");
        refused("SELECT 9007199254740993 AS x", &[("x", Integer)], "beyond 2^53");
        refused("SELECT repeat('x', 1025) AS x", &[("x", Text)], "more than 1024 characters");
        refused("SELECT * FROM generate_series(1, 1001)", &[("value", Integer)], "more than 1000 rows");
    }

    #[test]
    fn only_reading_of_the_rows_is_allowed() {
        let columns = [("x", SqlType::Integer)];
        for query in [
            "CREATE TABLE t AS SELECT 1",
            "INSERT INTO evaluation SELECT * FROM evaluation",
            "SET a = 1",
            "DROP TABLE evaluation",
        ] {
            refused(query, &columns, "not supported");
        }
        refused("COPY evaluation TO '/tmp/rows.csv'", &columns, "not supported");
        refused("SELECT 1 AS x; SELECT 2 AS x", &columns, "");
        refused("SELECT x FROM '/etc/passwd'", &columns, "not found");
        refused("SELECT x FROM other", &columns, "not found");
        refused("SELECT x FROM information_schema.tables", &columns, "not found");
        refused("SELEC 1", &columns, "SQL");
        for call in ["random()", "now()", "uuid()", "current_date", "to_unixtime(now())"] {
            refused(&format!("SELECT {call} AS x FROM evaluation"), &columns, "another answer each time");
            refused(&format!("SELECT 1 AS x WHERE EXISTS (SELECT {call})"), &columns, "another answer each time");
        }
    }

    #[test]
    fn a_query_is_bounded_in_memory() {
        let wide = "SELECT count(distinct value || repeat('x', 100)) AS x FROM generate_series(1, 5000000)";
        refused(wide, &[("x", SqlType::Integer)], "Resources exhausted");
    }

    #[test]
    fn another_file_than_the_known_one_has_no_answer() {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), format!("{ROWS}4,1,0.5,nurse,2025-01-02\n")).unwrap();
        for query in ["SELECT count(*) AS x FROM evaluation", "SELECT 1 AS x FROM evaluation LIMIT 1"] {
            let error = ask_of(file.path(), query, &[("x", SqlType::Integer)], 20).unwrap_err();
            assert!(error.contains("changed while it was read"), "{error}");
        }
    }
}
