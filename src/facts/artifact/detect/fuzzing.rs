//! What the fuzz targets call: each inspector by itself, and the way that a file takes. Built with `--cfg fuzzing` alone.

use std::collections::BTreeSet;
use std::path::Path;

use super::{FORMATS, Inspector, KINDS_OF_ARCHIVE, inspect};
use crate::facts::artifact::content::PAGE_BYTES;
use crate::facts::artifact::reading::Reading;
use crate::facts::artifact::{ArtifactFormat, Content, FileInput, Limits, zip};
use crate::manifest::raw::ArtifactRole;

/// Every format of the tables, so that a new one has its target without a word.
#[must_use]
pub fn formats() -> BTreeSet<String> {
    let formats = FORMATS.iter().map(|(format, _)| format);
    formats.chain(KINDS_OF_ARCHIVE.iter().map(|(format, _)| format)).map(|format| name(*format)).collect()
}

fn name(format: ArtifactFormat) -> String {
    serde_json::to_value(format).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Lets every inspector of a format look at the bytes, whatever stands before it in the table.
pub fn inspector(format: &str, bytes: &[u8]) {
    let own = FORMATS.iter().filter(|(known, _)| name(*known) == format).map(|(_, inspector)| *inspector);
    let is_archive = KINDS_OF_ARCHIVE.iter().any(|(known, _)| name(*known) == format);
    let size_bytes = bytes.len() as u64;
    for inspector in own.chain(is_archive.then_some(zip::inspect as Inspector)) {
        inspector(Content::of(bytes, size_bytes));
        // A file whose end was not kept and cannot be read.
        inspector(Content::of(bytes, size_bytes.saturating_add(PAGE_BYTES)));
    }
}

/// Takes the bytes as a file of any format.
pub fn detection(bytes: &[u8]) {
    inspect(Content::of(bytes, bytes.len() as u64));
    inspect(Content::of(bytes, u64::MAX));
}

/// Takes a file of which only the first page is kept: everything else is looked at where it is needed.
pub fn large_file(path: &Path) {
    let input = FileInput { path: "file", absolute: path, role: ArtifactRole::Model };
    let kept = usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX);
    if let Ok(reading) = Reading::open(input, kept, &mut Vec::new()) {
        drop(reading.inspect(inspect));
    }
}

/// Takes files that are released together, each with the path that it has in the release.
pub fn together(files: &[(&str, &Path)]) {
    let inputs: Vec<_> =
        files.iter().map(|&(path, absolute)| FileInput { path, absolute, role: ArtifactRole::Model }).collect();
    drop(crate::facts::artifact::inspect(&inputs, Limits::default()));
}
