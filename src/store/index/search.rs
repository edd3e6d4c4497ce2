//! Looking for runs in a segment: only those row groups are read that may have one.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt64Type};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::segment::{IndexFile, Part, Segment, SegmentName, file_path};
use super::table::ROW_GROUP_ROWS;
use crate::digest::Sha256Digest;
use crate::store::StoreError;
use crate::store::objects::Objects;
use crate::store::query::{Filter, Search};

/// Files, and row groups of a file, that are read at a time.
const READS_AT_A_TIME: usize = 8;

/// A run that the index says fits: its number and the hash of its leaf.
type Hit = (u64, Sha256Digest);

/// The runs of a segment that fit, by the word of the index.
///
/// # Errors
/// [`StoreError::Index`] for whatever is not as the state object says, and is needed for the answer.
pub(in crate::store) async fn search(
    objects: &Objects,
    name: SegmentName,
    origin: &str,
    search: &Search<'_>,
) -> Result<Vec<Hit>, StoreError> {
    let segment = Segment::read(objects, name, origin).await?;
    let files = segment.files.iter().filter(|file| search.filter.takes_month(&file.month));
    let hits = futures::stream::iter(files).map(|file| search_file(objects, name, file, search));
    hits.buffered(READS_AT_A_TIME).try_concat().await
}

async fn search_file(
    objects: &Objects,
    name: SegmentName,
    file: &IndexFile,
    search: &Search<'_>,
) -> Result<Vec<Hit>, StoreError> {
    let reader = FileReader { objects, name, file };
    let footer = reader.part(&file.footer).await?;
    let (metadata, file_length) = (decode_metadata(&footer), file.size_bytes);
    let metadata = metadata.map_err(|reason| reader.damaged(reason))?;
    let groups = metadata.metadata().row_groups();
    if groups.len() != file.row_groups.len() {
        return Err(reader.damaged("it has another number of row groups"));
    }
    let wanted = groups.iter().zip(&file.row_groups).enumerate();
    let wanted = wanted.filter(|(_, (group, _))| may_have(group, search.filter));
    let batches = futures::stream::iter(wanted).map(|(number, (_, part))| {
        let metadata = metadata.clone();
        let reader = &reader;
        async move {
            let bytes = reader.part(part).await?;
            let section = Section { start: part.start, bytes, file_length };
            // A thread of its own: decoding takes time, and a file that was made to bring the decoder down
            // ends the task and not the process.
            let task = tokio::task::spawn_blocking(move || decode_group(section, metadata, number));
            let batches = task.await.map_err(|error| reader.damaged(error))?;
            batches.map_err(|reason| reader.damaged(reason))
        }
    });
    let batches: Vec<Vec<RecordBatch>> = batches.buffered(READS_AT_A_TIME).try_collect().await?;
    let mut hits = Vec::new();
    for batch in batches.iter().flatten() {
        hits_of(batch, search, name, &mut hits)
            .ok_or_else(|| reader.damaged("its columns are not those of an index"))?;
    }
    Ok(hits)
}

/// A file of a segment, of which parts are read.
struct FileReader<'a> {
    objects: &'a Objects,
    name: SegmentName,
    file: &'a IndexFile,
}

impl FileReader<'_> {
    fn path(&self) -> Path {
        file_path(self.name.first, self.name.last, self.file)
    }

    fn damaged(&self, reason: impl std::fmt::Display) -> StoreError {
        StoreError::index(self.objects.shown(&self.path()), reason)
    }

    /// Reads a part and checks its digest.
    async fn part(&self, part: &Part) -> Result<Bytes, StoreError> {
        let range = part.start..part.start.saturating_add(part.length);
        let bytes = self.objects.get_range(&self.path(), range).await?;
        let bytes = bytes.ok_or_else(|| self.damaged("it is gone or shorter than it was"))?;
        if Sha256Digest::of(&bytes) == part.sha256 {
            Ok(bytes)
        } else {
            Err(self.damaged("its content is not what was written"))
        }
    }
}

/// A part of a file that stands for all of it: whatever else the decoder asks for is an error.
struct Section {
    start: u64,
    bytes: Bytes,
    file_length: u64,
}

impl Section {
    fn tail(&self, start: u64) -> Result<Bytes, ParquetError> {
        let offset = start.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        let offset = offset.filter(|offset| *offset <= self.bytes.len());
        offset.map(|offset| self.bytes.slice(offset..)).ok_or_else(outside)
    }
}

fn outside() -> ParquetError {
    ParquetError::General("a part of it lies outside of its row group".to_owned())
}

impl Length for Section {
    fn len(&self) -> u64 {
        self.file_length
    }
}

impl ChunkReader for Section {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.tail(start).map(bytes::Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let tail = self.tail(start)?;
        if length > tail.len() { Err(outside()) } else { Ok(tail.slice(..length)) }
    }
}

fn decode_metadata(footer: &[u8]) -> Result<ArrowReaderMetadata, String> {
    let metadata: ParquetMetaData =
        ParquetMetaDataReader::decode_metadata(footer).map_err(|error| error.to_string())?;
    for group in metadata.row_groups() {
        // Nothing in it unfolds to more than its bytes.
        let is_plain = group.columns().iter().all(|column| column.compression() == Compression::UNCOMPRESSED);
        if !is_plain || usize::try_from(group.num_rows()).is_ok_and(|rows| rows > ROW_GROUP_ROWS) {
            return Err("a row group is not as an index has it".to_owned());
        }
    }
    ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new()).map_err(|error| error.to_string())
}

/// Whether a row group may have a model that is looked for, by its least and greatest name.
fn may_have(group: &RowGroupMetaData, filter: &Filter) -> bool {
    let statistics = group.columns().first().and_then(|models| models.statistics());
    let least = statistics.and_then(|statistics| statistics.min_bytes_opt());
    let most = statistics.and_then(|statistics| statistics.max_bytes_opt());
    least.zip(most).is_none_or(|(least, most)| filter.takes_models_between(least, most))
}

fn decode_group(section: Section, metadata: ArrowReaderMetadata, group: usize) -> Result<Vec<RecordBatch>, String> {
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(section, metadata)
        .with_row_groups(vec![group])
        .with_batch_size(ROW_GROUP_ROWS)
        .build()
        .map_err(|error| error.to_string())?;
    reader.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Adds the rows that fit; none if the columns are not those of an index.
fn hits_of(batch: &RecordBatch, search: &Search<'_>, name: SegmentName, hits: &mut Vec<Hit>) -> Option<()> {
    let models = batch.column_by_name("model")?.as_string_opt::<i32>()?;
    let tiers = batch.column_by_name("tier")?.as_string_opt::<i32>()?;
    let decisions = batch.column_by_name("decision")?.as_string_opt::<i32>()?;
    let times = batch.column_by_name("effective_time")?.as_primitive_opt::<TimestampMillisecondType>()?;
    let sequences = batch.column_by_name("sequence")?.as_primitive_opt::<UInt64Type>()?;
    let leaves = batch.column_by_name("leaf_hash")?.as_fixed_size_binary_opt()?;
    let covered: Range<u64> = name.first..name.end();
    for row in 0..batch.num_rows() {
        let fits = search.filter.takes_model(models.value(row))
            && search.filter.takes(tiers.value(row), decisions.value(row), times.value(row).div_euclid(1_000));
        if fits {
            let leaf_hash = Sha256Digest::from_bytes(leaves.value(row).try_into().ok()?);
            let sequence = Some(sequences.value(row)).filter(|sequence| covered.contains(sequence))?;
            if search.takes_leaf(&leaf_hash) {
                hits.push((sequence, leaf_hash));
            }
        }
    }
    Some(())
}
