//! Reading a text file that somebody else wrote.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::problem::Problem;

/// Size of a text that is read whole: manifests, model cards and rule files are a hundredth of it.
pub const TEXT_BYTES_MAX: u64 = 1 << 20;

/// Reads a text file, which is called `shown_as` in problems.
///
/// # Errors
/// A missing file, a directory, a file that cannot be read, is too large or is not UTF-8.
pub fn read_text(path: &Path, shown_as: &str, limit_bytes: u64) -> Result<String, Problem> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(shown_as, &error))?;
    if metadata.is_dir() {
        let message = format!("`{shown_as}` is a directory");
        return Err(Problem::new("directory-for-file", message).hint("name the file in it"));
    }
    let file = File::open(path).map_err(|error| unreadable(shown_as, &error))?;
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that grew, or a pipe that never ends.
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(|error| unreadable(shown_as, &error))?;
    if bytes.len() as u64 > limit_bytes {
        let message = format!("`{shown_as}` is larger than {limit_bytes} bytes");
        return Err(Problem::new("file-too-large", message).hint("is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let message = format!("`{shown_as}` is not UTF-8 text: byte {offset} is part of no character");
        Problem::new("not-utf8", message).hint("save it as UTF-8")
    })
}

/// Says why a file cannot be read.
pub(crate) fn unreadable(shown_as: &str, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::new("missing-file", format!("`{shown_as}` does not exist"))
            .hint("correct the path, or add the file to the release"),
        io::ErrorKind::PermissionDenied => Problem::new("unreadable-file", format!("`{shown_as}` may not be read"))
            .hint("give the user that runs the gate the right to read it"),
        _ => Problem::new("unreadable-file", format!("`{shown_as}` cannot be read: {error}")).hint("check the disk"),
    }
}
