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
    if !metadata.is_file() {
        return Err(special(shown_as));
    }
    let file = File::open(path).map_err(|error| unreadable(shown_as, &error))?;
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that is too large, and one that grew since it was looked at.
    file.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(shown_as, &error))?;
    text_of(bytes, shown_as, limit_bytes)
}

/// The text that bytes are.
///
/// # Errors
/// Bytes that are too many or not UTF-8.
pub(crate) fn text_of(bytes: Vec<u8>, shown_as: &str, limit_bytes: u64) -> Result<String, Problem> {
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

/// Refuses what is neither a file nor a directory. Opening a named pipe waits for a writer for ever.
pub(crate) fn special(shown_as: &str) -> Problem {
    Problem::new("special-file", format!("`{shown_as}` is a pipe, a socket or a device"))
        .hint("put a regular file in its place")
}

/// Says why a file cannot be read.
pub(crate) fn unreadable(shown_as: &str, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Problem::new("missing-file", format!("`{shown_as}` does not exist"))
                .hint("correct the path, or add the file to the release")
        }
        io::ErrorKind::PermissionDenied => Problem::new("unreadable-file", format!("`{shown_as}` may not be read"))
            .hint("give the user that runs the gate the right to read it"),
        _ => Problem::new("unreadable-file", format!("`{shown_as}` cannot be read: {error}")).hint("check the disk"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<String, String> {
        read_text(path, "shown.txt", 8).map_err(|problem| format!("{} {problem}", problem.code))
    }

    #[test]
    fn a_text_is_read_up_to_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        let read_bytes = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read(&path)
        };
        assert_eq!(read_bytes(b""), Ok(String::new()));
        assert_eq!(read_bytes(b"12345678"), Ok("12345678".to_owned()));
        let problem = "file-too-large `shown.txt` is larger than 8 bytes (hint: is it the right file?)";
        assert_eq!(read_bytes(b"123456789"), Err(problem.to_owned()));
        let problem = "not-utf8 `shown.txt` is not UTF-8 text: byte 3 is part of no character (hint: save it as UTF-8)";
        assert_eq!(read_bytes(b"abc\xff"), Err(problem.to_owned()));
    }

    #[test]
    fn what_is_no_file_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let problem = "directory-for-file `shown.txt` is a directory (hint: name the file in it)";
        assert_eq!(read(directory.path()), Err(problem.to_owned()));
        let problem =
            "missing-file `shown.txt` does not exist (hint: correct the path, or add the file to the release)";
        assert_eq!(read(&directory.path().join("absent")), Err(problem.to_owned()));
        fs::write(directory.path().join("file"), "x").unwrap();
        assert_eq!(read(&directory.path().join("file/below")), Err(problem.to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_not_read() {
        let problem =
            "special-file `shown.txt` is a pipe, a socket or a device (hint: put a regular file in its place)";
        assert_eq!(read(Path::new("/dev/zero")), Err(problem.to_owned()));
    }
}
