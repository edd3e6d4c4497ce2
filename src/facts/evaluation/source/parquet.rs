//! Parquet: row groups are decoded from the bytes of their columns as these go by.

use std::fs::File;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use bytes::{Buf as _, Bytes, BytesMut};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::{Format, HashingReader, Sink, SourceError, in_threads};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1 << 15;

/// Bytes of columns that wait for the rest of their row groups, at most. Writers make row groups of a hundredth of it; a
/// file that needs more is one giant row group, or has its columns out of order.
const WAITING_BYTES_MAX: u64 = 2 << 30;

/// Reads the end of the file, which says where everything is.
pub(super) fn open(file: &File) -> Result<ArrowReaderMetadata, SourceError> {
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|error| malformed(None, &error))
}

fn malformed(row_group: Option<usize>, error: &dyn std::error::Error) -> SourceError {
    const LENGTH_MAX: usize = 300;
    let reason = error.to_string();
    // Decoders may quote a plan or a header over many lines; the first says what happened.
    let reason: String = reason.lines().next().unwrap_or_default().chars().take(LENGTH_MAX).collect();
    Format::Parquet.malformed(match row_group {
        Some(index) => format!("row group {index}: {reason}"),
        None => reason,
    })
}

/// A part of the file that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    start: u64,
    end: u64,
    row_group: usize,
}

/// The bytes of a row group's columns, found by where they are in the file.
#[derive(Debug, Clone, Default)]
struct RowGroupBytes {
    length: u64,
    chunks: Vec<(u64, Bytes)>,
}

impl Length for RowGroupBytes {
    fn len(&self) -> u64 {
        self.length
    }
}

impl RowGroupBytes {
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let chunk = self.chunks.iter().find(|(first, bytes)| (*first..first + bytes.len() as u64).contains(&start));
        let Some((first, bytes)) = chunk else {
            return Err(ParquetError::EOF("a page outside the bytes of its column".to_owned()));
        };
        Ok(bytes.slice((start - first) as usize..))
    }
}

impl ChunkReader for RowGroupBytes {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF("a page beyond the bytes of its column".to_owned()));
        }
        Ok(bytes.slice(..length))
    }
}

/// Where a column chunk is, if that is inside the file.
fn range_of(chunk: &ColumnChunkMetaData, row_group: usize, size_bytes: u64) -> Result<Range, SourceError> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let range = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
    let range = range.and_then(|(start, length)| Some((start, start.checked_add(length)?)));
    match range {
        Some((start, end)) if end <= size_bytes => Ok(Range { start, end, row_group }),
        _ => {
            let reason = format!("row group {row_group}: column `{}` lies outside the file", chunk.column_path());
            Err(Format::Parquet.malformed(reason))
        }
    }
}

/// Row groups as they go by.
struct Collector<'a> {
    /// Sorted by where they begin.
    ranges: &'a [Range],
    /// The first of them that is not yet behind.
    first: usize,
    buffers: Vec<BytesMut>,
    /// Ranges of each row group that are not complete.
    missing: Vec<usize>,
    groups: Vec<RowGroupBytes>,
    length: u64,
    /// Bytes of row groups that are not complete.
    waiting: u64,
    waiting_max: u64,
}

impl<'a> Collector<'a> {
    fn new(ranges: &'a [Range], row_groups: usize, length: u64, waiting_max: u64) -> Self {
        let mut missing = vec![0; row_groups];
        for range in ranges {
            if let Some(missing) = missing.get_mut(range.row_group) {
                *missing += 1;
            }
        }
        let buffers = vec![BytesMut::new(); ranges.len()];
        let groups = vec![RowGroupBytes::default(); row_groups];
        Self { ranges, first: 0, buffers, missing, groups, length, waiting: 0, waiting_max }
    }

    /// Takes the bytes of `block`, which begins at `start`; gives the row groups that are complete now.
    fn take(&mut self, start: u64, block: &[u8]) -> Result<Vec<(usize, RowGroupBytes)>, SourceError> {
        let end = start + block.len() as u64;
        let mut complete = Vec::new();
        let ranges = self.ranges.iter().zip(&mut self.buffers).skip(self.first);
        for (range, buffer) in ranges.take_while(|(range, _)| range.start < end) {
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                self.waiting += to - from;
                if self.waiting > self.waiting_max {
                    let reason = format!(
                        "row group {}: over {} MiB of columns would have to be kept; write smaller row groups",
                        range.row_group,
                        self.waiting_max >> 20
                    );
                    return Err(Format::Parquet.malformed(reason));
                }
                buffer.extend_from_slice(block.get((from - start) as usize..(to - start) as usize).unwrap_or_default());
            }
            if range.end > start && range.end <= end {
                let (Some(group), Some(missing)) =
                    (self.groups.get_mut(range.row_group), self.missing.get_mut(range.row_group))
                else {
                    continue;
                };
                group.chunks.push((range.start, std::mem::take(buffer).freeze()));
                *missing -= 1;
                if *missing == 0 {
                    let chunks = std::mem::take(&mut group.chunks);
                    self.waiting -= chunks.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
                    complete.push((range.row_group, RowGroupBytes { length: self.length, chunks }));
                }
            }
        }
        while self.ranges.get(self.first).is_some_and(|range| range.end <= end) {
            self.first += 1;
        }
        Ok(complete)
    }

    /// At the end of the file nothing may be missing.
    fn finish(&self) -> Result<(), SourceError> {
        match self.missing.iter().position(|missing| *missing > 0) {
            None => Ok(()),
            Some(index) => {
                Err(Format::Parquet.malformed(format!("row group {index}: its columns are not in the file")))
            }
        }
    }
}

/// Decodes every row group.
pub(super) fn read<S: Sink>(
    reader: &mut HashingReader<'_>,
    metadata: &ArrowReaderMetadata,
    size_bytes: u64,
    columns: &[usize],
    as_groups: &[usize],
    sinks: &mut [S],
) -> Result<(), SourceError> {
    let file = metadata.metadata();
    let descriptor = file.file_metadata().schema_descr();
    let mask = ProjectionMask::roots(descriptor, columns.iter().copied());
    let schema = with_dictionaries(metadata.schema(), as_groups);
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(file), options).map_err(|error| malformed(None, &error))?;
    let ranges = ranges(file, &mask, size_bytes)?;
    let decode = |(index, bytes): (usize, RowGroupBytes), sink: &mut S| {
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata.clone())
            .with_projection(mask.clone())
            .with_row_groups(vec![index])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| malformed(Some(index), &error))?;
        let mut count = 0;
        for rows in rows {
            let rows = rows.map_err(|error| malformed(Some(index), &error))?;
            count += rows.num_rows() as u64;
            sink.take(&rows)?;
        }
        let declared = file.row_group(index).num_rows();
        if u64::try_from(declared).ok() != Some(count) {
            let reason = format!("row group {index}: it has {count} rows and is said to have {declared}");
            return Err(Format::Parquet.malformed(reason));
        }
        Ok(())
    };
    in_threads(
        sinks,
        |sender| {
            let mut collector = Collector::new(&ranges, file.num_row_groups(), size_bytes, WAITING_BYTES_MAX);
            while let Some((start, block)) = reader.next_block()? {
                for complete in collector.take(start, block)? {
                    // Nobody takes it: a thread failed, and says why.
                    if sender.send(complete).is_err() {
                        return Ok(());
                    }
                }
            }
            collector.finish()
        },
        decode,
    )
}

/// Text columns with few distinct values stay as the file has them: numbers of a dictionary.
fn with_dictionaries(schema: &Schema, as_groups: &[usize]) -> Schema {
    let fields = schema.fields().iter().enumerate().map(|(index, field)| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if as_groups.contains(&index) => {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(Field::clone(field).with_data_type(dictionary))
        }
        _ => Arc::clone(field),
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())
}

/// The parts of the file that are decoded, by where they begin.
fn ranges(file: &ParquetMetaData, mask: &ProjectionMask, size_bytes: u64) -> Result<Vec<Range>, SourceError> {
    let mut ranges = Vec::new();
    for (index, row_group) in file.row_groups().iter().enumerate() {
        for (leaf, chunk) in row_group.columns().iter().enumerate() {
            if mask.leaf_included(leaf) {
                ranges.push(range_of(chunk, index, size_bytes)?);
            }
        }
    }
    ranges.sort_unstable();
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(start: u64, end: u64, row_group: usize) -> Range {
        Range { start, end, row_group }
    }

    /// The row groups that are complete after each block of four bytes.
    fn collected(ranges: &[Range], row_groups: usize, waiting_max: u64) -> Result<Vec<Vec<usize>>, String> {
        let file: Vec<u8> = (0..16).collect();
        let mut collector = Collector::new(ranges, row_groups, 16, waiting_max);
        let mut all = Vec::new();
        for (index, block) in file.chunks(4).enumerate() {
            let complete = collector.take(4 * index as u64, block).map_err(|error| error.to_string())?;
            for (row_group, bytes) in &complete {
                for range in ranges.iter().filter(|range| range.row_group == *row_group) {
                    let length = (range.end - range.start) as usize;
                    let expected = &file[range.start as usize..range.end as usize];
                    assert_eq!(bytes.get_bytes(range.start, length).unwrap(), expected);
                }
            }
            all.push(complete.into_iter().map(|(row_group, _)| row_group).collect());
        }
        collector.finish().map_err(|error| error.to_string())?;
        Ok(all)
    }

    #[test]
    fn row_groups_are_complete_when_their_last_byte_went_by() {
        let in_order = [range(1, 3, 0), range(3, 6, 0), range(6, 12, 1)];
        assert_eq!(collected(&in_order, 2, 100), Ok(vec![vec![], vec![0], vec![1], vec![]]));
        // Columns of two row groups between each other, and two that share bytes.
        let mixed = [range(0, 4, 0), range(2, 9, 1), range(4, 8, 1), range(8, 16, 0)];
        assert_eq!(collected(&mixed, 2, 100), Ok(vec![vec![], vec![], vec![1], vec![0]]));
    }

    #[test]
    fn what_waits_is_bounded_and_what_never_comes_is_said() {
        let ranges = [range(1, 3, 0), range(3, 6, 0), range(6, 12, 1)];
        assert!(collected(&ranges, 2, 7).is_ok());
        let error = collected(&ranges, 2, 4).unwrap_err();
        assert!(error.contains("row group 0: over 0 MiB of columns"), "{error}");
        assert!(collected(&[range(10, 17, 0)], 1, 100).unwrap_err().contains("its columns are not in the file"));
    }
}
