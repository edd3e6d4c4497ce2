//! CSV, JSON lines and Arrow IPC: decoded from the first byte to the last, in one thread.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{StreamDecoder, StreamReader};

use super::{Format, HashingReader, Sink, SourceError, in_threads};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1 << 13;

/// Rows from which the types of JSON's values are inferred. A later value of another type is an error.
const INFERENCE_ROWS: usize = 1000;

/// What an Arrow file begins with, before the messages that a stream consists of.
const ARROW_FILE_START: &[u8; 6] = b"ARROW1";

/// Zeros behind that at most: writers align the first message to as many bytes.
const ARROW_PADDING_MAX: usize = 64;

/// Where the messages of an Arrow file or stream begin, in its first bytes.
fn messages_start(beginning: &[u8]) -> usize {
    match beginning.strip_prefix(ARROW_FILE_START) {
        None => 0,
        Some(rest) => {
            ARROW_FILE_START.len() + rest.iter().take(ARROW_PADDING_MAX).take_while(|byte| **byte == 0).count()
        }
    }
}

/// The columns of a file, whose position is lost.
pub(super) fn schema(mut file: &File, format: Format) -> Result<SchemaRef, SourceError> {
    file.seek(SeekFrom::Start(0))?;
    let malformed = |error: ArrowError| format.malformed(first_line(&error));
    match format {
        Format::Csv => {
            let header = arrow::csv::reader::Format::default().with_header(true);
            let (inferred, _) = header.infer_schema(BufReader::new(file), Some(0)).map_err(malformed)?;
            let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
            Ok(Arc::new(Schema::new(inferred.fields().iter().map(text).collect::<Vec<_>>())))
        }
        Format::JsonLines => {
            let rows = BufReader::new(file);
            let (inferred, _) =
                arrow::json::reader::infer_json_schema(rows, Some(INFERENCE_ROWS)).map_err(malformed)?;
            Ok(Arc::new(inferred))
        }
        Format::Arrow | Format::Parquet => {
            let mut beginning = Vec::new();
            file.take((ARROW_FILE_START.len() + ARROW_PADDING_MAX) as u64).read_to_end(&mut beginning)?;
            file.seek(SeekFrom::Start(messages_start(&beginning) as u64))?;
            Ok(StreamReader::try_new(BufReader::new(file), None).map_err(malformed)?.schema())
        }
    }
}

/// The columns of a CSV file, whose position is lost, with the types that all of their values can have.
pub(super) fn inferred(mut file: &File) -> Result<SchemaRef, SourceError> {
    file.seek(SeekFrom::Start(0))?;
    let header = arrow::csv::reader::Format::default().with_header(true);
    let inferred = header.infer_schema(BufReader::new(file), None);
    inferred.map(|(schema, _)| Arc::new(schema)).map_err(|error| Format::Csv.malformed(first_line(&error)))
}

fn first_line(error: &ArrowError) -> String {
    const LENGTH_MAX: usize = 300;
    error.to_string().lines().next().unwrap_or_default().chars().take(LENGTH_MAX).collect()
}

/// Decodes every row.
pub(super) fn read<S: Sink>(
    reader: &mut HashingReader<'_>,
    format: Format,
    schema: &SchemaRef,
    columns: &[usize],
    sinks: &mut [S],
) -> Result<(), SourceError> {
    let malformed = |error: ArrowError| format.malformed(first_line(&error));
    in_threads(
        sinks,
        |sender: &SyncSender<RecordBatch>| match format {
            Format::Csv => {
                let builder = arrow::csv::ReaderBuilder::new(Arc::clone(schema))
                    .with_header(true)
                    .with_header_validation(true)
                    .with_projection(columns.to_vec())
                    .with_batch_size(BATCH_ROWS);
                csv(reader, builder.build_decoder(), sender)
            }
            Format::JsonLines => {
                let projected = schema.project(columns).map_err(malformed)?;
                let builder = arrow::json::ReaderBuilder::new(Arc::new(projected)).with_batch_size(BATCH_ROWS);
                json(reader, builder.build_decoder().map_err(malformed)?, sender)
            }
            Format::Arrow | Format::Parquet => messages(reader, columns, sender),
        },
        |rows, sink| sink.take(&rows),
    )
}

/// Whether anybody still takes rows.
fn send(sender: &SyncSender<RecordBatch>, rows: Option<RecordBatch>) -> bool {
    rows.is_none_or(|rows| sender.send(rows).is_ok())
}

fn csv(
    reader: &mut HashingReader<'_>,
    mut decoder: arrow::csv::reader::Decoder,
    sender: &SyncSender<RecordBatch>,
) -> Result<(), SourceError> {
    let malformed = |error: ArrowError| Format::Csv.malformed(first_line(&error));
    while let Some((_, mut block)) = reader.next_block()? {
        while !block.is_empty() {
            let taken = decoder.decode(block).map_err(malformed)?;
            block = block.get(taken..).unwrap_or_default();
            if (taken == 0 || decoder.capacity() == 0) && !send(sender, decoder.flush().map_err(malformed)?) {
                return Ok(());
            }
        }
    }
    // The last line may lack its end.
    decoder.decode(&[]).map_err(malformed)?;
    send(sender, decoder.flush().map_err(malformed)?);
    Ok(())
}

fn json(
    reader: &mut HashingReader<'_>,
    mut decoder: arrow::json::reader::Decoder,
    sender: &SyncSender<RecordBatch>,
) -> Result<(), SourceError> {
    let malformed = |error: ArrowError| Format::JsonLines.malformed(first_line(&error));
    while let Some((_, mut block)) = reader.next_block()? {
        while !block.is_empty() {
            let taken = decoder.decode(block).map_err(malformed)?;
            let full = taken < block.len();
            block = block.get(taken..).unwrap_or_default();
            if full && !send(sender, decoder.flush().map_err(malformed)?) {
                return Ok(());
            }
        }
    }
    if decoder.has_partial_record() {
        return Err(Format::JsonLines.malformed("the last line is cut off"));
    }
    send(sender, decoder.flush().map_err(malformed)?);
    Ok(())
}

fn messages(
    reader: &mut HashingReader<'_>,
    columns: &[usize],
    sender: &SyncSender<RecordBatch>,
) -> Result<(), SourceError> {
    let malformed = |error: ArrowError| Format::Arrow.malformed(first_line(&error));
    let mut decoder = StreamDecoder::new();
    let mut is_file = false;
    while let Some((start, block)) = reader.next_block()? {
        let skipped = if start == 0 { messages_start(block) } else { 0 };
        is_file |= skipped > 0;
        let stream = block.get(skipped..).unwrap_or_default();
        let mut buffer = Buffer::from(stream);
        while !buffer.is_empty() {
            match decoder.decode(&mut buffer) {
                Ok(None) => {}
                Ok(Some(rows)) => {
                    if !send(sender, Some(rows.project(columns).map_err(malformed)?)) {
                        return Ok(());
                    }
                }
                // A file has a table of contents behind the end of the stream, which nothing is read from.
                Err(_) if is_file && decoder.finish().is_ok() => return Ok(()),
                Err(error) => return Err(malformed(error)),
            }
        }
    }
    decoder.finish().map_err(malformed)
}
