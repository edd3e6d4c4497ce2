//! One or several files of rows that are read as one, in the order of their paths.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::{Format, Sink, SourceError, SourceFile};
use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;
use crate::facts::FileFacts;
use crate::facts::evaluation::{DataFile, columns, progress};
use crate::problem::{Location, Problem};
use crate::release_root::{ReleaseRoot, is_mark};
use crate::remote::{self, Address, RemoteSettings};

/// How Hive writes a partition without a value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsFile {
    /// Where it is.
    pub path: PathBuf,
    /// What messages and facts call it.
    pub shown_as: String,
    /// Columns that the names of its directories give a value, as Hive writes them (`region=north`).
    pub partitions: Vec<(String, Option<String>)>,
}

impl RowsFile {
    /// The file at `path`, which is called `shown_as`. Directories of that name beyond the first `fixed` are searched
    /// for partitions.
    #[must_use]
    pub fn new(path: PathBuf, shown_as: &str, fixed: usize) -> Self {
        let directories: Vec<&str> = shown_as.split('/').collect();
        let directories = directories.split_last().map_or(&[][..], |(_, directories)| directories);
        let partition = |part: &&str| {
            let (column, value) = part.split_once('=')?;
            let value = percent_decoded(value);
            Some((percent_decoded(column), Some(value).filter(|value| value != NO_VALUE)))
        };
        let partitions = directories.iter().skip(fixed).filter_map(partition).collect();
        Self { path, shown_as: shown_as.to_owned(), partitions }
    }
}

/// Files of rows, and what they are called together.
#[derive(Debug, Clone)]
pub struct RowsFiles {
    /// In the order of their paths.
    pub files: Vec<RowsFile>,
    /// Path, directory or glob as it was written.
    pub shown_as: String,
    /// What was downloaded for them, which goes with them.
    pub downloaded: Option<Arc<tempfile::TempDir>>,
}

impl RowsFiles {
    /// What `path` names: a file, those below a directory apart from the marks that engines leave there, or those that a
    /// glob matches.
    ///
    /// # Errors
    /// It is a directory or a glob and stands for no file, or a directory cannot be read.
    pub fn named(path: &Path) -> Result<Self, Problem> {
        let shown_as = path.display().to_string();
        let is_glob = |part: &str| part.contains(['*', '?', '[', '{']);
        if !is_glob(&shown_as) && !path.is_dir() || path.is_file() {
            let file = RowsFile::new(path.to_owned(), &shown_as, usize::MAX);
            return Ok(Self { files: vec![file], shown_as, downloaded: None });
        }
        let fixed = path.components().take_while(|part| !is_glob(&part.as_os_str().to_string_lossy()));
        let base: PathBuf = fixed.collect();
        let pattern = path.strip_prefix(&base).map(|rest| rest.to_string_lossy().into_owned()).unwrap_or_default();
        let base = if base.as_os_str().is_empty() { Path::new(".") } else { base.as_path() };
        let mut found = match base.is_dir() {
            true => ReleaseRoot::open(base)?.expand(if pattern.is_empty() { "**/*" } else { &pattern })?,
            false => Vec::new(),
        };
        if pattern.is_empty() {
            found.retain(|file| !is_mark(&file.relative));
        }
        if found.is_empty() {
            let problem = Problem::new("missing-file", format!("`{shown_as}` stands for no file"));
            return Err(problem.hint("name a file, a directory of files, or a glob that matches some"));
        }
        let files = found.into_iter().map(|file| RowsFile::new(file.absolute, &file.relative, 0)).collect();
        Ok(Self { files, shown_as, downloaded: None })
    }

    /// Files that are named one by one. Directories that all of them have give no columns.
    ///
    /// # Errors
    /// One of several is no file.
    pub fn several(paths: &[PathBuf]) -> Result<Self, Problem> {
        if let Some(other) = paths.iter().find(|path| !path.is_file()) {
            let shown = other.display();
            let problem = Problem::new("missing-file", format!("`{shown}` is no file"));
            return Err(
                problem.hint("of several, each is a file; a directory, a quoted glob or an address stands alone")
            );
        }
        let mut texts: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        texts.sort();
        texts.dedup();
        let directories = |text: &str| text.split('/').count() - 1;
        let shared = |left: &str, right: &str| {
            left.split('/').zip(right.split('/')).take_while(|(left, right)| left == right).count()
        };
        let fixed = texts.windows(2).map(|pair| match pair {
            [left, right] => shared(left, right),
            _ => usize::MAX,
        });
        let fixed = fixed.chain(texts.iter().map(|text| directories(text))).min().unwrap_or_default();
        let files = texts.iter().map(|text| RowsFile::new(PathBuf::from(text), text, fixed)).collect();
        Ok(Self { files, shown_as: texts.join(" "), downloaded: None })
    }

    /// The same, or what is at an address.
    ///
    /// # Errors
    /// As [`Self::named`], and it cannot be downloaded.
    pub async fn found(path: &Path, settings: &RemoteSettings) -> Result<Self, Problem> {
        match path.to_str().filter(|text| remote::is_address(text)) {
            Some(text) => Self::at(&Address::parse(text)?, text, settings).await,
            None => Self::named(path),
        }
    }

    /// What is at an address.
    ///
    /// # Errors
    /// It cannot be downloaded.
    pub async fn at(address: &Address, shown_as: &str, settings: &RemoteSettings) -> Result<Self, Problem> {
        let downloaded = address.download(settings).await?;
        // An address that names one file is no pattern, and its directories give no columns.
        let fixed = if downloaded.is_single { usize::MAX } else { 0 };
        let files = downloaded.files.into_iter().map(|(path, name)| RowsFile::new(path, &name, fixed)).collect();
        Ok(Self { files, shown_as: shown_as.to_owned(), downloaded: Some(downloaded.directory) })
    }

    /// As an evaluation reads them.
    #[must_use]
    pub fn data_file<'a>(&'a self, location: Option<&'a Location>) -> DataFile<'a> {
        DataFile { files: &self.files, shown_as: &self.shown_as, location }
    }
}

/// What Hive wrote of a character that no file name should have, such as `%2F`.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.first_chunk::<2>().and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Files by their content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// Of one file its SHA-256, and of several that of the canonical JSON (RFC 8785) of `files`.
    pub(crate) sha256: Sha256Digest,
    pub(crate) size_bytes: u64,
    /// The files, if they are several.
    pub(crate) files: Vec<FileFacts>,
}

/// Files that were found and say which columns they have: those of the first, which the others have to have, too.
pub(crate) struct Source {
    first: SourceFile,
    files: Vec<RowsFile>,
    schema: SchemaRef,
    /// The position of the file that alone is read, if only one is.
    only: Option<usize>,
}

impl Source {
    /// Opens the first file. Its format is what the end of its name says, or else what its first bytes look like.
    pub(crate) fn open(files: &[RowsFile]) -> Result<Self, SourceError> {
        let Some(first) = files.first() else {
            return Err(SourceError::Io(std::io::Error::new(std::io::ErrorKind::NotFound, "there is no file")));
        };
        let opened = SourceFile::open(&first.path).map_err(|error| named(error, files, first))?;
        let schema = with_partitions(opened.schema(), first);
        Ok(Self { first: opened, files: files.to_vec(), schema, only: None })
    }

    /// The same, of which only the file at `index` is read. It still has to be like the first.
    #[cfg(feature = "cluster")]
    pub(crate) fn open_one(files: &[RowsFile], index: usize) -> Result<Self, SourceError> {
        Ok(Self { only: Some(index), ..Self::open(files)? })
    }

    /// What the files are.
    pub(crate) const fn format(&self) -> Format {
        self.first.format()
    }

    /// Their columns, and behind them those that the names of directories give.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns with types for those of text that all look like something else, where files have no types of their own.
    pub(crate) fn inferred(&self) -> Result<SchemaRef, SourceError> {
        let mut fields: Vec<Arc<Field>> = Vec::new();
        for file in &self.files {
            let inferred = SourceFile::open(&file.path).and_then(|opened| opened.inferred());
            let inferred = inferred.map_err(|error| named(error, &self.files, file))?;
            if fields.is_empty() {
                fields = with_partitions(&inferred, file).fields().iter().cloned().collect();
            } else if self.format().is_untyped() {
                for field in &mut fields {
                    let other = inferred.field_with_name(field.name()).map(Field::data_type);
                    let data_type = common(field.data_type(), other.unwrap_or(field.data_type()));
                    *field = Arc::new(field.as_ref().clone().with_data_type(data_type));
                }
            }
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// How many rows there are, or cannot be more than.
    pub(crate) fn rows_max(&self) -> u64 {
        let rest = self.files.iter().skip(1).map(|file| SourceFile::open(&file.path).map_or(0, |file| file.rows_max()));
        self.first.rows_max().saturating_add(rest.sum())
    }

    /// Gives all rows, of the columns at `columns` in ascending order, to as many sinks as there are, each in a thread of
    /// its own. `as_groups` are those of `columns` that have few distinct values: text in them comes as a dictionary.
    pub(crate) fn read<S: Sink>(
        self,
        columns: &[usize],
        as_groups: &[usize],
        sinks: &mut [S],
    ) -> Result<Content, SourceError> {
        let Self { first, files, schema, only } = self;
        progress::expect(
            files.iter().filter_map(|file| std::fs::metadata(&file.path).ok()).map(|file| file.len()).sum(),
        );
        let format = first.format();
        if let [file] = files.as_slice()
            && file.partitions.is_empty()
        {
            return first.read(columns, as_groups, sinks);
        }
        let wanted =
            Wanted { fields: columns.iter().map(|column| schema.field(*column)).collect(), columns, as_groups };
        let mut contents = Vec::with_capacity(files.len());
        let mut opened = Some(first);
        let wanted_files = files.iter().enumerate().filter(|(index, _)| only.is_none_or(|only| only == *index));
        for (index, file) in wanted_files {
            let read = || {
                let opened = match opened.take().filter(|_| index == 0) {
                    Some(first) => first,
                    None => SourceFile::open(&file.path)?,
                };
                if opened.format() != format {
                    return Err(format.malformed(format!("it is {}", opened.format())));
                }
                wanted.read(opened, file, sinks)
            };
            let content = { read }().map_err(|error| named(error, &files, file))?;
            let (path, Content { sha256, size_bytes, .. }) = (file.shown_as.clone(), content);
            contents.push(FileFacts { path, sha256, size_bytes });
        }
        Content::of(contents).map_err(|error| format.malformed(error))
    }
}

impl Content {
    /// That of some files, in the order of their paths.
    pub(crate) fn of(files: Vec<FileFacts>) -> Result<Self, String> {
        let size_bytes = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size_bytes));
        if let [file] = files.as_slice() {
            return Ok(Self { sha256: file.sha256, size_bytes, files: Vec::new() });
        }
        let listing = CanonicalJson::of(&files).map_err(|error| error.to_string())?;
        Ok(Self { sha256: listing.digest(), size_bytes, files })
    }
}

/// The columns of a file, and those that the names of its directories give.
fn with_partitions(schema: &SchemaRef, file: &RowsFile) -> SchemaRef {
    let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let partitions = file.partitions.iter().map(|(column, _)| Arc::new(Field::new(column, text(), true)));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain(partitions).collect::<Vec<_>>()))
}

/// What values of both types can have.
fn common(left: &DataType, right: &DataType) -> DataType {
    match (left, right) {
        _ if left == right => left.clone(),
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        _ if left.is_numeric() && right.is_numeric() => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// An error of one of several files says which one it is.
fn named(error: SourceError, files: &[RowsFile], file: &RowsFile) -> SourceError {
    match error {
        SourceError::Malformed { format, reason } if files.len() > 1 => {
            SourceError::Malformed { format, reason: format!("in `{}`: {reason}", file.shown_as) }
        }
        SourceError::Io(error) if files.len() > 1 => {
            SourceError::Io(std::io::Error::new(error.kind(), format!("`{}`: {error}", file.shown_as)))
        }
        other => other,
    }
}

/// The columns that are read of each file.
struct Wanted<'a> {
    columns: &'a [usize],
    fields: Vec<&'a Field>,
    as_groups: &'a [usize],
}

/// Where a column comes from.
enum Place {
    /// A column of the file's rows.
    Column(usize),
    /// The name of a directory.
    Constant(Option<String>),
}

impl Wanted<'_> {
    fn read<S: Sink>(&self, opened: SourceFile, file: &RowsFile, sinks: &mut [S]) -> Result<Content, SourceError> {
        let (format, schema) = (opened.format(), opened.schema().clone());
        let mut found = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let partition = file.partitions.iter().find(|(column, _)| column == field.name());
            if let (Some((_, value)), DataType::Dictionary(..)) = (partition, field.data_type()) {
                found.push((Place::Constant(value.clone()), None));
                continue;
            }
            let position = columns::position(&schema, field.name());
            let position =
                position.ok_or_else(|| format.malformed(format!("there is no column `{}`", field.name())))?;
            let data_type = schema.field(position).data_type();
            let both_text = columns::is_text(data_type) && columns::is_text(field.data_type());
            if data_type != field.data_type() && !both_text {
                let (name, other) = (field.name(), field.data_type());
                return Err(
                    format.malformed(format!("the column `{name}` is {data_type}, and {other} in the first file"))
                );
            }
            found.push((Place::Column(position), Some(position)));
        }
        let mut positions: Vec<usize> = found.iter().filter_map(|(_, position)| *position).collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            // The name of a directory says nothing of how many rows there are.
            positions.push(0);
        }
        let groups = self.columns.iter().zip(&found).filter(|(column, _)| self.as_groups.contains(column));
        let mut groups: Vec<usize> = groups.filter_map(|(_, (_, position))| *position).collect();
        groups.sort_unstable();
        let place = |(place, position): (Place, Option<usize>)| match position {
            Some(position) => Place::Column(positions.iter().position(|other| *other == position).unwrap_or_default()),
            None => place,
        };
        let places: Vec<Place> = found.into_iter().map(place).collect();
        let fields: Vec<Field> = self.fields.iter().map(|field| (*field).clone()).collect();
        let adapter = |sink| Adapter { sink, places: &places, fields: &fields };
        let mut adapters: Vec<_> = sinks.iter_mut().map(adapter).collect();
        opened.read(&positions, &groups, &mut adapters)
    }
}

/// Puts the columns of a file into the order of the first, and those in that its directories give.
struct Adapter<'a, S> {
    sink: &'a mut S,
    places: &'a [Place],
    fields: &'a [Field],
}

impl<S: Sink> Sink for Adapter<'_, S> {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.places.len());
        let mut fields = Vec::with_capacity(self.places.len());
        for (place, field) in self.places.iter().zip(self.fields) {
            let column = match place {
                Place::Column(position) => {
                    let column = rows.columns().get(*position).ok_or(SourceError::Stopped)?;
                    match field.data_type() {
                        // What was asked for as groups is a dictionary, whatever it is in the file.
                        wanted if column.data_type() == wanted || is_dictionary(column.data_type()) => {
                            Arc::clone(column)
                        }
                        wanted => cast(column, wanted).map_err(|_| SourceError::Stopped)?,
                    }
                }
                Place::Constant(value) => constant(value.as_deref(), rows.num_rows()),
            };
            fields.push(field.clone().with_data_type(column.data_type().clone()).with_nullable(true));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        self.sink.take(&rows.map_err(|_| SourceError::Stopped)?)
    }
}

const fn is_dictionary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(..))
}

fn constant(value: Option<&str>, rows: usize) -> ArrayRef {
    let keys = Int32Array::from(vec![value.map(|_| 0); rows]);
    let values = Arc::new(StringArray::from_iter_values(value));
    Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_beyond_the_pattern_are_partitions() {
        let of = |path: &str, fixed| RowsFile::new(PathBuf::from(path), path, fixed).partitions;
        let pair = |column: &str, value: Option<&str>| (column.to_owned(), value.map(str::to_owned));
        assert_eq!(
            of("data/day=2025-01-01/region=north%2Fwest/part=0.parquet", 1),
            [pair("day", Some("2025-01-01")), pair("region", Some("north/west"))]
        );
        assert_eq!(of("data/region=__HIVE_DEFAULT_PARTITION__/a.csv", 1), [pair("region", None)]);
        assert_eq!(of("data/region=north/a.csv", 2), []);
        assert_eq!(of("a=b.csv", 0), []);
        assert_eq!(percent_decoded("%4"), "%4");
        assert_eq!(percent_decoded("a%zz%25b%"), "a%zz%b%");
        assert_eq!(percent_decoded("%ff"), "%ff");
    }

    #[test]
    fn files_named_one_by_one_have_partitions_where_they_differ() {
        let directory = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for part in ["year=2026/region=north/a.csv", "year=2026/region=south/a.csv", "year=2026/region=north/b.csv"] {
            let path = directory.path().join(part);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "x\n1\n").unwrap();
            paths.push(path);
        }
        let found = RowsFiles::several(&paths).unwrap();
        let regions: Vec<_> = found.files.iter().map(|file| file.partitions.clone()).collect();
        let region = |name: &str| vec![("region".to_owned(), Some(name.to_owned()))];
        assert_eq!(regions, [region("north"), region("north"), region("south")]);
        paths.push(directory.path().to_owned());
        assert_eq!(RowsFiles::several(&paths).unwrap_err().code, "missing-file");
    }

    #[test]
    fn types_of_text_are_those_that_all_files_have() {
        assert_eq!(common(&DataType::Int64, &DataType::Float64), DataType::Float64);
        assert_eq!(common(&DataType::Int64, &DataType::Null), DataType::Int64);
        assert_eq!(common(&DataType::Int64, &DataType::Utf8), DataType::Utf8);
        assert_eq!(common(&DataType::Boolean, &DataType::Boolean), DataType::Boolean);
    }
}
