//! Objects by their paths: read, listed, and created once. Nothing is ever overwritten or removed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::{StoreError, log};
use crate::environment::Secret;
use crate::remote::{Address, RemoteSettings, objects as clients};

/// Largest object that is read.
pub(super) const MAX_OBJECT_BYTES: u64 = 256 * 1024 * 1024;

/// How often the creation of one object in a bucket is tried. The clients try again what they may on their own; a
/// conditional create they may not, and here it is harmless: what is there is compared.
const CREATE_ATTEMPTS: u32 = 4;

/// The pause before a new attempt is random, below a bound that doubles.
const FIRST_PAUSE_MILLISECONDS: u64 = 200;

/// Time for one append: a store that is busy or slow gets several attempts, and a job of CI still ends.
const APPEND_TIME: Duration = Duration::from_secs(180);

/// Whether an object was created or had been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    New,
    AlreadyThere,
}

/// The objects of one store.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Directory of a local store. There, object_store hands a new file to the operating system
    /// and does not wait for the disk: after a power cut the file may be there and empty, for good,
    /// since nothing is overwritten. A local file is therefore created by [`create_durably`].
    directory: Option<PathBuf>,
    /// Where a store is that is no directory, for errors.
    bucket: Option<Arc<Bucket>>,
    /// Time for one append.
    pub(super) append_time: Duration,
    /// Bound of the pause before the second attempt to create an object.
    pub(super) pause_milliseconds: u64,
}

/// A place in an object store.
#[derive(Debug)]
struct Bucket {
    url: String,
    /// Variables of the clouds, whose values no error may show.
    variables: BTreeMap<String, Secret>,
    /// What to set where they do not suffice.
    credentials: &'static str,
}

impl Objects {
    pub(super) fn local(directory: &FilePath) -> Result<Self, StoreError> {
        let store = LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| StoreError::access(&directory.display(), &error))?;
        Ok(Self::of(Arc::new(store), Some(directory.to_owned()), None))
    }

    /// The objects at a place in an object store, with the credentials of the environment.
    pub(super) fn bucket(address: &Address, settings: &RemoteSettings) -> Result<Self, StoreError> {
        crate::remote::install_tls();
        let bucket = Bucket {
            url: address.to_string(),
            variables: settings.variables.clone(),
            credentials: clients::credentials(address),
        };
        let client =
            clients::store(address, &settings.variables).map_err(|error| bucket.failed(&bucket.url, &error))?;
        let prefix = Path::parse(address.path()).map_err(|error| StoreError::access(&bucket.url, &error))?;
        let store: Arc<dyn ObjectStore> =
            if prefix.as_ref().is_empty() { client } else { Arc::new(PrefixStore::new(client, prefix)) };
        Ok(Self::of(store, None, Some(Arc::new(bucket))))
    }

    #[cfg(test)]
    pub(super) fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self { pause_milliseconds: 1, ..Self::of(store, None, None) }
    }

    const fn of(store: Arc<dyn ObjectStore>, directory: Option<PathBuf>, bucket: Option<Arc<Bucket>>) -> Self {
        let (append_time, pause_milliseconds) = (APPEND_TIME, FIRST_PAUSE_MILLISECONDS);
        Self { store, directory, bucket, append_time, pause_milliseconds }
    }

    fn failed(&self, path: &Path, error: &object_store::Error) -> StoreError {
        match &self.bucket {
            Some(bucket) => bucket.failed(&self.shown(path), error),
            None => StoreError::access(&self.shown(path), error),
        }
    }

    /// How a person finds the object.
    pub(super) fn shown(&self, path: &Path) -> String {
        match (&self.directory, &self.bucket) {
            (Some(directory), _) => format!("{}/{path}", directory.display()),
            (None, Some(bucket)) => format!("{}/{path}", bucket.url),
            (None, None) => format!("{}/{path}", self.store),
        }
    }

    /// The whole store, as a person names it.
    pub(super) fn shown_store(&self) -> String {
        self.shown(&Path::default()).trim_end_matches('/').to_owned()
    }

    /// A store in a work tree would make each release look changed.
    pub(super) fn keep_out_of_git(&self) -> Result<(), StoreError> {
        use std::io::Write as _;
        let Some(directory) = &self.directory else { return Ok(()) };
        let made = std::fs::OpenOptions::new().write(true).create_new(true).open(directory.join(".gitignore"));
        match made.and_then(|mut file| file.write_all(b"*\n")) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(StoreError::Directory { directory: directory.clone(), reason: error.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Creates an object with all of its bytes, or leaves the one that is there.
    pub(super) async fn create(&self, path: &Path, bytes: &[u8]) -> Result<Created, StoreError> {
        let Some(directory) = self.directory.clone() else { return self.put(path, bytes).await };
        let (file, bytes) = (directory.join(path.as_ref()), bytes.to_vec());
        tokio::task::spawn_blocking(move || create_durably(&directory, &file, &bytes))
            .await
            .map_err(|error| StoreError::access(&self.shown(path), &error))?
    }

    /// Creates an object in a bucket. An attempt whose answer was lost is made again, and may then find its own object.
    async fn put(&self, path: &Path, bytes: &[u8]) -> Result<Created, StoreError> {
        let payload = PutPayload::from(bytes.to_vec());
        let mut attempt = 1;
        loop {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let error = match self.store.put_opts(path, payload.clone(), options).await {
                Ok(_) => return Ok(Created::New),
                Err(object_store::Error::AlreadyExists { .. }) => return Ok(Created::AlreadyThere),
                Err(error) => self.failed(path, &error),
            };
            match error {
                StoreError::Access { .. } if attempt < CREATE_ATTEMPTS => {}
                StoreError::Access { object, reason } => {
                    return Err(StoreError::Unanswered { object, attempts: attempt, reason });
                }
                other => return Err(other),
            }
            log::sleep_below(self.pause_milliseconds.saturating_mul(1 << attempt)).await?;
            attempt += 1;
        }
    }

    /// Creates an object, or finds the same bytes there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other bytes are there.
    pub(super) async fn create_same(&self, path: &Path, bytes: &[u8]) -> Result<Created, StoreError> {
        match self.create(path, bytes).await? {
            Created::New => Ok(Created::New),
            Created::AlreadyThere => match self.get(path).await? {
                Some(there) if there == bytes => Ok(Created::AlreadyThere),
                // S3 may say that it is there when a concurrent attempt got in the way of both.
                None => self.create(path, bytes).await,
                Some(_) => Err(StoreError::Conflict { object: self.shown(path) }),
            },
        }
    }

    /// The bytes of an object, or none when it is not there.
    pub(super) async fn get(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let result = match self.store.get(path).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(path, &error)),
        };
        if result.meta.size > MAX_OBJECT_BYTES {
            return Err(StoreError::damaged(self.shown(path), "it is larger than any object of a store"));
        }
        let bytes = result.bytes().await.map_err(|error| self.failed(path, &error))?;
        Ok(Some(bytes.to_vec()))
    }

    /// Bytes of a part of an object, or none when the object is not there or ends before.
    pub(super) async fn get_range(&self, path: &Path, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let length = range.end.saturating_sub(range.start);
        if length > MAX_OBJECT_BYTES {
            return Err(StoreError::damaged(self.shown(path), "a part of it is larger than any object of a store"));
        }
        let end = range.end;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let read = match self.store.get_opts(path, options).await {
            Ok(result) => result.bytes().await,
            Err(error) => Err(error),
        };
        match read {
            Ok(bytes) => Ok((bytes.len() as u64 == length).then_some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // Stores say in different ways that a part is not there; what there is says it for certain.
            Err(error) => match self.store.head(path).await {
                Ok(meta) if meta.size < end => Ok(None),
                _ => Err(self.failed(path, &error)),
            },
        }
    }

    /// Whether names behind an offset are listed without going over all names: in a bucket, not in a
    /// directory.
    pub(super) const fn lists_from_offset(&self) -> bool {
        self.directory.is_none()
    }

    /// Names directly below `prefix` that begin with `start`, sorted, `most` of them at most.
    pub(super) async fn names_beginning_with(
        &self,
        prefix: &Path,
        start: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut names = match &self.directory {
            // object_store would ask for the size of every file.
            Some(directory) => {
                let (directory, start) = (directory.join(prefix.as_ref()), start.to_owned());
                tokio::task::spawn_blocking(move || file_names(&directory, &start))
                    .await
                    .map_err(|error| StoreError::access(&self.shown(prefix), &error))?
                    .map_err(|error| StoreError::access(&self.shown(prefix), &error))?
            }
            None => {
                let objects = self.store.list_with_offset(Some(prefix), &prefix.clone().join(start));
                // Buckets list in the order of the names: behind the first other one there are no more.
                let names = objects.map_ok(|object| object.location.filename().unwrap_or_default().to_owned());
                let names = names.try_take_while(|name| futures::future::ok(name.starts_with(start)));
                let names = names.take(most).try_collect().await;
                names.map_err(|error| self.failed(prefix, &error))?
            }
        };
        names.sort_unstable();
        names.truncate(most);
        Ok(names)
    }

    /// Whether an object is there.
    pub(super) async fn exists(&self, path: &Path) -> Result<bool, StoreError> {
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    /// The last parts of the paths directly below `prefix`, sorted; with `after`, those that sort
    /// behind it.
    pub(super) async fn names(&self, prefix: &Path, after: Option<&Path>) -> Result<Vec<String>, StoreError> {
        let objects = match after {
            Some(after) => self.store.list_with_offset(Some(prefix), after),
            None => self.store.list(Some(prefix)),
        };
        let objects: Vec<_> = objects.try_collect().await.map_err(|error| self.failed(prefix, &error))?;
        let mut names: Vec<_> =
            objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The paths of all objects below `prefix`, sorted.
    pub(super) async fn paths(&self, prefix: &Path) -> Result<Vec<Path>, StoreError> {
        let objects = self.store.list(Some(prefix)).map_ok(|object| object.location);
        let mut paths: Vec<_> = objects.try_collect().await.map_err(|error| self.failed(prefix, &error))?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Whether a second creation of the same object is refused, as all of the store relies on. A directory refuses it,
    /// or has no hard links and says so.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let path = Path::from(format!("v1/probe/{:016x}", super::random()?));
        let (first, second) = (b"the first".as_slice(), b"the second".as_slice());
        if self.create(&path, first).await? == Created::AlreadyThere && self.get(&path).await?.is_none() {
            return Err(StoreError::NotConditional { store: self.shown_store() });
        }
        let again = self.create(&path, second).await?;
        if again == Created::New || self.get(&path).await?.as_deref() != Some(first) {
            return Err(StoreError::NotConditional { store: self.shown_store() });
        }
        let listed = self.paths(&Path::from("v1/probe")).await?;
        if listed.contains(&path) { Ok(()) } else { Err(StoreError::NotConditional { store: self.shown_store() }) }
    }
}

impl Bucket {
    fn failed(&self, object: &str, error: &object_store::Error) -> StoreError {
        let object = object.to_owned();
        if clients::is_access_refused(error) {
            return StoreError::Refused { object, credentials: self.credentials };
        }
        StoreError::Access { object, reason: clients::redacted(error, &self.variables) }
    }
}

/// Names of the files in a directory that begin with `start`; none if there is no such directory.
fn file_names(directory: &FilePath, start: &str) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name with `#` is that of a file which is not finished.
        if let Ok(name) = entry?.file_name().into_string()
            && name.starts_with(start)
            && !name.contains('#')
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Creates `file` with `bytes`, so that it is either whole and on the disk or not there at all.
fn create_durably(root: &FilePath, file: &FilePath, bytes: &[u8]) -> Result<Created, StoreError> {
    let failed = |error: std::io::Error| StoreError::access(&file.display(), &error);
    if file.try_exists().map_err(failed)? {
        return Ok(Created::AlreadyThere);
    }
    let parent = file.parent().unwrap_or(root);
    let is_new_directory = !parent.is_dir();
    std::fs::create_dir_all(parent).map_err(failed)?;
    // `#` and digits at the end: object_store takes such a file for one that is not finished, and does
    // not list it.
    let random = getrandom::u64().map_err(|_| StoreError::NoRandomness)?;
    let mut staged = file.as_os_str().to_owned();
    staged.push(format!("#{random}"));
    let staged = PathBuf::from(staged);
    let written = write_and_sync(&staged, bytes).map_err(failed).and_then(|()| {
        // A link, unlike a rename, fails if the name is taken: this is where writers are put in order.
        match std::fs::hard_link(&staged, file) {
            Ok(()) => Ok(Created::New),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Created::AlreadyThere),
            // The directory could be written a moment ago, so what is refused is the link.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
                Err(StoreError::NoHardLinks { directory: root.to_owned() })
            }
            Err(error) => Err(failed(error)),
        }
    });
    let _ = std::fs::remove_file(&staged);
    if matches!(written, Ok(Created::New)) {
        sync_directory(parent).map_err(failed)?;
        if is_new_directory {
            let mut above = parent.ancestors().skip(1).take_while(|above| above.starts_with(root));
            above.try_for_each(sync_directory).map_err(failed)?;
        }
    }
    written
}

fn write_and_sync(path: &FilePath, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the names in a directory are on the disk.
#[cfg(unix)]
fn sync_directory(path: &FilePath) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &FilePath) -> std::io::Result<()> {
    Ok(())
}
