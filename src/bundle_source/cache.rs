//! Downloads, kept by their digest: what is there is what was asked for, or is not there.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::digest::Sha256Digest;

fn path(cache: &Path, digest: Sha256Digest) -> PathBuf {
    cache.join("bundles").join("sha256").join(digest.to_string())
}

/// The bytes with this digest. What has become something else is thrown away.
pub(super) fn get(cache: Option<&Path>, digest: Sha256Digest) -> Option<Vec<u8>> {
    let path = path(cache?, digest);
    let bytes = fs::read(&path).ok()?;
    if Sha256Digest::of(&bytes) == digest {
        return Some(bytes);
    }
    let _ = fs::remove_file(&path);
    None
}

/// Keeps `bytes`. A cache that cannot be written to is one that holds nothing.
pub(super) fn put(cache: Option<&Path>, bytes: &[u8]) {
    let Some(cache) = cache else { return };
    let target = path(cache, Sha256Digest::of(bytes));
    let Some(directory) = target.parent() else { return };
    // Another process may look while this one writes: it sees the whole file or none.
    let temporary = directory.join(format!(".{}.{}", std::process::id(), Sha256Digest::of(bytes)));
    let write = || {
        fs::create_dir_all(directory)?;
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    };
    if write().is_err() {
        let _ = fs::remove_file(&temporary);
    }
}
