//! Files of rows, read once: the bytes that are decoded are the bytes that were hashed.

mod parquet;
mod set;
mod text;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sha2::{Digest as _, Sha256};

pub(crate) use self::set::{Content, Source};
pub use self::set::{RowsFile, RowsFiles};
use super::cells::TooManyCells;
use super::progress;
use super::table::TableError;
use crate::digest::Sha256Digest;

/// Bytes of a file that are read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Takes rows, in any order.
pub(crate) trait Sink: Send {
    /// Takes some rows: the columns that were asked for, in the order of the file.
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError>;
}

/// Why a file gives no rows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The file system's reason.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not what it begins as.
    #[error("cannot be read as {format}: {reason}")]
    Malformed {
        /// What the file begins as.
        format: Format,
        /// What is wrong, with its place as far as it is known.
        reason: String,
    },
    /// Its decoder gave up in a way of which it gives no account.
    #[error("cannot be read: its decoder stopped")]
    Stopped,
    /// It has rows that cannot be sliced.
    #[error(transparent)]
    TooManyCells(#[from] TooManyCells),
    /// It has more rows than memory is given for, of a kind that is not written to temporary files.
    #[error("it has more rows than the {0} that fit into memory in each thread")]
    TooManyRows(usize),
    /// The values of a column do not fit into memory.
    #[error("a column has more values than fit into memory")]
    NoRoomToCompare,
    /// A column has more different texts than categories are counted.
    #[error("column `{0}` has over {1} different texts")]
    TooManyCategories(String, usize),
    /// Its rows do not fit into memory, nor into a temporary file.
    #[error("the temporary file for rows beyond the memory bound: {0}")]
    Spill(io::Error),
}

impl From<TableError> for SourceError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::TooManyCells(error) => Self::TooManyCells(error),
            TableError::Spill(error) => Self::Spill(error),
        }
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, as a file or a stream.
    Arrow,
    /// One JSON object a line.
    JsonLines,
    /// Comma-separated values with a header line (RFC 4180).
    Csv,
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
            Self::JsonLines => "JSON lines",
            Self::Csv => "CSV",
        })
    }
}

impl Format {
    /// Columns have no types of their own: a number is text that reads as one.
    pub(crate) const fn is_untyped(self) -> bool {
        matches!(self, Self::Csv)
    }

    pub(crate) fn malformed(self, reason: impl Into<String>) -> SourceError {
        SourceError::Malformed { format: self, reason: reason.into() }
    }
}

/// A file that was opened and says which columns it has.
struct SourceFile {
    file: File,
    size_bytes: u64,
    format: Format,
    schema: SchemaRef,
    parquet: Option<::parquet::arrow::arrow_reader::ArrowReaderMetadata>,
}

impl SourceFile {
    /// Opens a file. It is what the end of its name says, or else what its first bytes look like.
    fn open(path: &Path) -> Result<Self, SourceError> {
        guarded(|| Self::open_unguarded(path))
    }

    fn open_unguarded(path: &Path) -> Result<Self, SourceError> {
        let mut file = File::open(path)?;
        let mut beginning = Vec::new();
        Read::by_ref(&mut file).take(4096).read_to_end(&mut beginning)?;
        let size_bytes = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let format = by_name(path).unwrap_or_else(|| detect(&beginning));
        let (schema, parquet) = match format {
            Format::Parquet => {
                let metadata = parquet::open(&file)?;
                (metadata.schema().clone(), Some(metadata))
            }
            other => (text::schema(&file, other)?, None),
        };
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, size_bytes, format, schema, parquet })
    }

    /// What it is.
    const fn format(&self) -> Format {
        self.format
    }

    /// Its columns.
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Its columns with types for those of text that all look like something else, where a file has no types of its own.
    fn inferred(&self) -> Result<SchemaRef, SourceError> {
        guarded(|| {
            let inferred = if self.format.is_untyped() { text::inferred(&self.file) } else { Ok(self.schema.clone()) };
            (&self.file).seek(SeekFrom::Start(0))?;
            inferred
        })
    }

    /// How many rows it has, or cannot have more than.
    fn rows_max(&self) -> u64 {
        match &self.parquet {
            Some(metadata) => u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or_default(),
            // Each value is followed by a comma or a line's end, at least.
            None => self.size_bytes / self.schema.fields().len().max(1) as u64,
        }
    }

    /// Gives all rows, of the columns at `columns`, to as many sinks as there are, each in a thread of its own.
    /// `as_groups` are those of `columns` that have few distinct values: text in them comes as a dictionary.
    fn read<S: Sink>(self, columns: &[usize], as_groups: &[usize], sinks: &mut [S]) -> Result<Content, SourceError> {
        let mut counting: Vec<Counting<'_, S>> = sinks.iter_mut().map(Counting).collect();
        let sinks = counting.as_mut_slice();
        guarded(|| {
            let mut reader = HashingReader::new(&self.file);
            match &self.parquet {
                Some(metadata) => parquet::read(&mut reader, metadata, self.size_bytes, columns, as_groups, sinks)?,
                None => text::read(&mut reader, self.format, &self.schema, columns, sinks)?,
            }
            // To the end, whatever a decoder left.
            while reader.next_block()?.is_some() {}
            Ok(reader.finish())
        })
    }
}

/// Counts rows on their way.
struct Counting<'a, S>(&'a mut S);

impl<S: Sink> Sink for Counting<'_, S> {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        progress::add_rows(rows.num_rows() as u64);
        self.0.take(rows)
    }
}

/// A name that promises a format is held to it: what else is in such a file is a mistake.
fn by_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "parquet" | "pq" => Some(Format::Parquet),
        "arrow" | "feather" | "ipc" => Some(Format::Arrow),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

fn detect(beginning: &[u8]) -> Format {
    let first = beginning.iter().find(|byte| !byte.is_ascii_whitespace());
    match beginning {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [0xff, 0xff, 0xff, 0xff, ..] => Format::Arrow,
        _ if first == Some(&b'{') => Format::JsonLines,
        // What holds bytes that no text has is a Parquet file that lost its beginning, or nothing that is read here.
        _ if beginning.contains(&0) => Format::Parquet,
        _ => Format::Csv,
    }
}

/// Reads a file from its beginning to its end and hashes what it reads.
struct HashingReader<'a> {
    file: &'a File,
    hasher: Sha256,
    buffer: Vec<u8>,
    position: u64,
}

impl<'a> HashingReader<'a> {
    fn new(file: &'a File) -> Self {
        Self { file, hasher: Sha256::new(), buffer: vec![0; BLOCK_BYTES], position: 0 }
    }

    /// The next bytes, and where they begin; none at the end.
    fn next_block(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        let mut filled = 0;
        while let Some(rest) = self.buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let start = self.position;
        self.position += filled as u64;
        progress::add_bytes(filled as u64);
        let block = self.buffer.get(..filled).filter(|block| !block.is_empty());
        if let Some(block) = block {
            self.hasher.update(block);
        }
        Ok(block.map(|block| (start, block)))
    }

    fn finish(self) -> Content {
        let sha256 = Sha256Digest::from_bytes(self.hasher.finalize().into());
        Content { sha256, size_bytes: self.position, files: Vec::new() }
    }
}

/// Has `work` done on jobs that `produce` hands over, one sink and one thread each.
fn in_threads<Job: Send, S: Sink>(
    sinks: &mut [S],
    produce: impl FnOnce(&SyncSender<Job>) -> Result<(), SourceError>,
    work: impl Fn(Job, &mut S) -> Result<(), SourceError> + Sync,
) -> Result<(), SourceError> {
    // Each thread has one job at hand and at most one more waits: what is decoded lies in memory.
    let (sender, receiver) = sync_channel(1);
    let receiver = Mutex::new(Some(receiver));
    thread::scope(|scope| {
        let (work, receiver) = (&work, &receiver);
        let tasks: Vec<_> = sinks
            .iter_mut()
            .map(|sink| {
                thread::Builder::new().name(DECODER.to_owned()).spawn_scoped(scope, move || {
                    let closing = Closing(receiver);
                    while let Some(job) = next(receiver) {
                        work(job, sink)?;
                    }
                    std::mem::forget(closing);
                    Ok(())
                })
            })
            .collect();
        let produced = produce(&sender);
        drop(sender);
        let mut result = Ok(());
        for task in tasks {
            let done = task.map(thread::ScopedJoinHandle::join);
            result = result
                .and(done.map_or_else(|error| Err(error.into()), |done| done.unwrap_or(Err(SourceError::Stopped))));
        }
        result.and(produced)
    })
}

/// Takes the receiver away when a thread fails, whether by an error or a panic: nobody takes jobs any more, and
/// the producer ends, too.
struct Closing<'a, Job>(&'a Mutex<Option<Receiver<Job>>>);

impl<Job> Drop for Closing<'_, Job> {
    fn drop(&mut self) {
        lock(self.0).take();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn next<Job>(receiver: &Mutex<Option<Receiver<Job>>>) -> Option<Job> {
    lock(receiver).as_ref()?.recv().ok()
}

/// Runs a decoder of bytes from strangers: where it panics, they are malformed.
fn guarded<T: Send>(decode: impl FnOnce() -> Result<T, SourceError> + Send) -> Result<T, SourceError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(DECODER.to_owned()).spawn_scoped(scope, decode)?;
        thread.join().unwrap_or_else(|_| Err(SourceError::Stopped))
    })
}

/// Name of threads that decode bytes from strangers.
const DECODER: &str = "decoder";

/// Keeps panics of decoders off the terminal: they are told as a problem of the file.
pub fn silence_decoders() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().name() != Some(DECODER) {
            hook(panic);
        }
    }));
}
