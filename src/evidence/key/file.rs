//! Files of keys: bounded, private to their owner, never overwritten.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::KeyError;

/// Largest key file that is read. A P-256 key in PEM has some 250 bytes; comments may stand before it.
pub(super) const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// `<path>.pub`.
pub(super) fn public_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".pub");
    PathBuf::from(name)
}

/// Reads a file of bounded size, after `check` has seen the metadata of the very file that is read.
pub(super) fn read(
    path: &Path,
    check: impl FnOnce(&Metadata) -> Result<(), KeyError>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    // Before it is opened: to open a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(KeyError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    check(&file.metadata().map_err(unreadable)?)?;
    let limit = MAX_KEY_FILE_BYTES.saturating_add(1);
    // With its whole capacity from the start, no copy is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or_default()));
    file.take(limit).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(KeyError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

#[cfg(unix)]
pub(super) fn check_private(path: &Path, metadata: &Metadata) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::NotPrivate { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
pub(super) fn check_private(_: &Path, _: &Metadata) -> Result<(), KeyError> {
    Ok(())
}

/// Reads the file of a private key, which only its owner may read.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    read(path, |metadata| check_private(path, metadata))
}

/// Creates `path`, readable by its owner alone, with `bytes` in it. Never overwrites.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Unwritable { path: path.to_owned(), source },
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| {
        // Half a key is no use to anybody, and would stand in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        KeyError::Unwritable { path: path.to_owned(), source }
    })
}
