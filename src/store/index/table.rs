//! The rows of a file of the index, in Parquet.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::WriterProperties;

use crate::digest::Sha256Digest;
use crate::store::log::Entry;

/// Rows of a row group: the least that is read. A model's runs of a month are in one or two.
pub(super) const ROW_GROUP_ROWS: usize = 2_048;

/// A line of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    model: String,
    sequence: u64,
    model_version: String,
    tier: &'static str,
    decision: &'static str,
    /// Since 1970.
    effective_seconds: i64,
    subjects: u64,
    run: Sha256Digest,
    leaf_hash: Sha256Digest,
}

impl Row {
    pub(super) fn of(entry: &Entry, effective_seconds: i64) -> Self {
        let leaf = &entry.leaf;
        Self {
            model: leaf.model.clone(),
            sequence: entry.sequence,
            model_version: leaf.model_version.clone(),
            tier: leaf.tier.name(),
            decision: leaf.decision.name(),
            effective_seconds,
            subjects: leaf.subjects,
            run: leaf.run_key.digest(),
            leaf_hash: entry.leaf_hash,
        }
    }
}

/// A file, and where its parts are in it.
pub(super) struct Table {
    pub(super) bytes: Vec<u8>,
    pub(super) footer: Range<usize>,
    pub(super) row_groups: Vec<Range<usize>>,
}

fn schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let digest = DataType::FixedSizeBinary(32);
    let columns = [
        ("model", DataType::Utf8),
        ("sequence", DataType::UInt64),
        ("model_version", DataType::Utf8),
        ("tier", DataType::Utf8),
        ("decision", DataType::Utf8),
        ("effective_time", time),
        ("subjects", DataType::UInt64),
        ("run", digest.clone()),
        ("leaf_hash", digest),
    ];
    Schema::new(columns.map(|(name, kind)| Field::new(name, kind, false)).to_vec())
}

/// Writes rows sorted by model and, within one, in the order of the log: so that a model is in few row
/// groups, which tell by their least and greatest name. The same rows give the same bytes.
///
/// # Errors
/// What Parquet cannot write.
pub(super) fn write(mut rows: Vec<Row>) -> Result<Table, String> {
    rows.sort_unstable_by(|left, right| (&left.model, left.sequence).cmp(&(&right.model, right.sequence)));
    let schema = Arc::new(schema());
    // Names repeat and become dictionaries; digests do not get smaller. Without compression a file that
    // somebody else made cannot unfold to many times its size either.
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("modelgate".to_owned())
        .set_offset_index_disabled(true)
        .set_sorting_columns(Some([0, 1].map(ascending).to_vec()))
        .set_column_dictionary_enabled("run".into(), false)
        .set_column_dictionary_enabled("leaf_hash".into(), false)
        .set_column_dictionary_enabled("sequence".into(), false)
        .build();
    let failed = |error: parquet::errors::ParquetError| error.to_string();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties)).map_err(failed)?;
    for group in rows.chunks(ROW_GROUP_ROWS) {
        let batch = RecordBatch::try_new(schema.clone(), columns(group).map_err(|error| error.to_string())?);
        writer.write(&batch.map_err(|error| error.to_string())?).map_err(failed)?;
    }
    let metadata = writer.close().map_err(failed)?;
    parts(&metadata, bytes)
}

const fn ascending(column_idx: i32) -> SortingColumn {
    SortingColumn { column_idx, descending: false, nulls_first: false }
}

fn columns(rows: &[Row]) -> Result<Vec<ArrayRef>, arrow::error::ArrowError> {
    let strings = |value: fn(&Row) -> &str| Arc::new(rows.iter().map(|row| Some(value(row))).collect::<StringArray>());
    let numbers = |value: fn(&Row) -> u64| Arc::new(UInt64Array::from_iter_values(rows.iter().map(value)));
    let digests = |value: fn(&Row) -> &Sha256Digest| {
        FixedSizeBinaryArray::try_from_iter(rows.iter().map(|row| value(row).as_bytes())).map(Arc::new)
    };
    let times = rows.iter().map(|row| row.effective_seconds.saturating_mul(1_000));
    Ok(vec![
        strings(|row| &row.model),
        numbers(|row| row.sequence),
        strings(|row| &row.model_version),
        strings(|row| row.tier),
        strings(|row| row.decision),
        Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")),
        numbers(|row| row.subjects),
        digests(|row| &row.run)?,
        digests(|row| &row.leaf_hash)?,
    ])
}

/// Where each row group is, and the footer behind them.
fn parts(metadata: &ParquetMetaData, bytes: Vec<u8>) -> Result<Table, String> {
    let mut row_groups = Vec::with_capacity(metadata.num_row_groups());
    for group in metadata.row_groups() {
        let ranges = group.columns().iter().map(|column| column.byte_range());
        let range = ranges.fold((u64::MAX, 0), |(start, end): (u64, u64), (offset, length)| {
            (start.min(offset), end.max(offset.saturating_add(length)))
        });
        let place = |offset: u64| usize::try_from(offset).map_err(|error| error.to_string());
        row_groups.push(place(range.0)?..place(range.1)?);
    }
    // The last eight bytes of a file are the footer's length and a mark (Parquet, "File Format").
    let end = bytes.len().saturating_sub(8);
    let length = bytes.get(end..).and_then(<[u8]>::first_chunk::<4>).map(|length| u32::from_le_bytes(*length));
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    Ok(Table { footer: end.saturating_sub(length)..end, row_groups, bytes })
}
