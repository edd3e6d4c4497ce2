//! A file of rows as a table: read once for each scan, hashed as it is read, and held to the digest that it is known by.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::super::source::{RowsFile, Sink, Source, SourceError};
use crate::digest::Sha256Digest;

/// Batches that wait to be taken.
const WAITING_BATCHES: usize = 2;

/// How the scans of a query ended: each says what is wrong with its file, if anything is.
#[derive(Debug, Clone, Default)]
pub(super) struct Scans(Arc<Mutex<Vec<Receiver<Option<String>>>>>);

impl Scans {
    fn begin(&self) -> SyncSender<Option<String>> {
        let (sender, receiver) = sync_channel(1);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(receiver);
        sender
    }

    /// Waits for every scan to come to the end of its file, however few of its rows were asked for.
    pub(super) fn end(&self) -> std::result::Result<(), String> {
        let scans = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for scan in scans {
            match scan.recv() {
                Ok(None) => {}
                Ok(Some(problem)) => return Err(problem),
                Err(_) => return Err("a scan ended without a word".to_owned()),
            }
        }
        Ok(())
    }
}

/// A file of rows as a table.
#[derive(Debug, Clone)]
pub(super) struct RowsTable {
    name: String,
    files: Vec<RowsFile>,
    sha256: Sha256Digest,
    schema: SchemaRef,
    scans: Scans,
}

impl RowsTable {
    pub(super) fn open(
        name: &str,
        files: Vec<RowsFile>,
        sha256: Sha256Digest,
        scans: Scans,
    ) -> std::result::Result<Self, SourceError> {
        let schema = Source::open(&files)?.inferred()?;
        Ok(Self { name: name.to_owned(), files, sha256, schema, scans })
    }
}

#[async_trait::async_trait]
impl TableProvider for RowsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let partition = Scan { table: self.clone(), columns, schema: Arc::clone(&schema) };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(partition)], None, [], false, None)?))
    }
}

/// Some columns of a table's rows.
#[derive(Debug)]
struct Scan {
    table: RowsTable,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), WAITING_BATCHES);
        let (table, columns, schema) = (self.table.clone(), self.columns.clone(), Arc::clone(&self.schema));
        let (rows, ended) = (builder.tx(), table.scans.begin());
        builder.spawn_blocking(move || {
            let problem = read(&table, &columns, &schema, |batch| rows.blocking_send(Ok(batch)).is_ok()).err();
            let problem = problem.map(|problem| format!("table `{}`: {problem}", table.name));
            if let Some(problem) = &problem {
                // The query fails, too, and does not take what it has for all there is.
                let _ = rows.blocking_send(Err(DataFusionError::Execution(problem.clone())));
            }
            let _ = ended.send(problem);
            Ok(())
        });
        builder.build()
    }
}

/// Reads the file to its end, in the order of its rows, and gives them to `take` for as long as it wants any.
fn read(
    table: &RowsTable,
    columns: &[usize],
    schema: &SchemaRef,
    take: impl FnMut(RecordBatch) -> bool + Send,
) -> std::result::Result<(), String> {
    let source = Source::open(&table.files).map_err(|error| error.to_string())?;
    let mut wanted = columns.to_vec();
    if wanted.is_empty() {
        // A count asks for no column; one of them says how many rows there are.
        wanted.push(0);
    }
    wanted.sort_unstable();
    wanted.dedup();
    let places = columns.iter().map(|column| wanted.iter().position(|other| other == column).unwrap_or_default());
    let mut sinks = [RowsSink { places: places.collect(), schema: Arc::clone(schema), take, open: true }];
    let content = source.read(&wanted, &[], &mut sinks).map_err(|error| error.to_string())?;
    if content.sha256 == table.sha256 { Ok(()) } else { Err("the file changed while it was read".to_owned()) }
}

/// Puts columns into the order and types of the query.
struct RowsSink<Take> {
    places: Vec<usize>,
    schema: Arc<Schema>,
    take: Take,
    open: bool,
}

impl<Take: FnMut(RecordBatch) -> bool + Send> Sink for RowsSink<Take> {
    fn take(&mut self, rows: &RecordBatch) -> std::result::Result<(), SourceError> {
        if !self.open {
            return Ok(());
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let typed = || {
            let fields = self.schema.fields().iter();
            let columns =
                self.places.iter().zip(fields).map(|(place, field)| {
                    cast_with_options(rows.columns().get(*place)?, field.data_type(), &options).ok()
                });
            let columns: Option<Vec<_>> = columns.collect();
            let whole = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns?, &whole).ok()
        };
        self.open = (self.take)(typed().ok_or(SourceError::Stopped)?);
        Ok(())
    }
}
