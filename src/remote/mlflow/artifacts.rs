//! Where the files of a model or a run are, which there are, and bringing them here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tempfile::TempDir;

use super::answers::Listing;
use super::client::{Client, Refusal};
use super::{Described, absent};
use crate::problem::Problem;
use crate::remote::{Address, FILES_MAX, Naming, RemoteSettings, is_plain, private_directory};

/// Lists that are asked for: directories, and pages of them.
const LISTS_MAX: usize = 1_000;
/// Depth of directories.
const DEPTH_MAX: usize = 32;
/// Files that are brought here at a time.
const REQUESTS: usize = 4;

/// Files, each with where it is and what it is called, and the directory that goes with them.
pub(super) type Files = (Vec<(PathBuf, String)>, Arc<TempDir>);

/// Downloads the files that were described.
pub(super) async fn download(
    client: &Client,
    described: &Described,
    settings: &RemoteSettings,
) -> Result<Files, Problem> {
    match Place::of(client, &described.artifact_uri, described)? {
        Place::Server(root) => from_server(client, &root, described, settings).await,
        Place::Store(uri) => {
            let within: String = described.within.iter().map(|part| format!("{part}/")).collect();
            let address = Address::parse(&format!("{}/{within}", uri.trim_end_matches('/')))?;
            let downloaded = address.download_tree(settings).await?;
            let above = address.above();
            let named = |(path, name): (PathBuf, String)| {
                let below = name.strip_prefix(&above).unwrap_or(&name);
                (path, format!("{}/{below}", described.root))
            };
            Ok((downloaded.files.into_iter().map(named).collect(), downloaded.directory))
        }
    }
}

/// Who gives the files out.
#[derive(Debug, PartialEq)]
enum Place {
    /// The tracking server itself, at this path.
    Server(Vec<String>),
    /// An object store, at this address.
    Store(String),
}

impl Place {
    fn of(client: &Client, uri: &str, described: &Described) -> Result<Self, Problem> {
        let refuse = |what: &str, hint: &str| {
            let root = &described.root;
            Err(Problem::new("unreachable-artifacts", format!("the files of `{root}` are {what}")).hint(hint))
        };
        const PROXY: &str = "let the server give out its artifacts (`mlflow server --serve-artifacts`), or copy the files into the release";
        if let Some(rest) = uri.strip_prefix("mlflow-artifacts:") {
            let (authority, path) = match rest.strip_prefix("//") {
                Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
                None => ("", rest),
            };
            if !authority.is_empty() && !client.is_at(authority) {
                return refuse("on another server than the pipeline's, which is not asked", PROXY);
            }
            let path = path.trim_matches('/');
            if !is_plain(path) {
                return Err(leaving(path));
            }
            return Ok(Self::Server(path.split('/').map(str::to_owned).collect()));
        }
        match uri.split_once(':').map(|(scheme, _)| scheme) {
            Some("s3" | "gs" | "az") => Ok(Self::Store(uri.to_owned())),
            Some("file") | None => refuse("in a directory of the server's machine", PROXY),
            _ => refuse("in a store that is not read", PROXY),
        }
    }
}

fn leaving(path: &str) -> Problem {
    let shown: String = path.escape_debug().take(200).collect();
    Problem::new("invalid-answer", format!("the MLflow server names `{shown}`, which no file may be called"))
        .hint("rename the file; a server that lists this is not to be trusted")
}

async fn from_server(
    client: &Client,
    root: &[String],
    described: &Described,
    settings: &RemoteSettings,
) -> Result<Files, Problem> {
    let files = listed(client, root, described).await?;
    let total = files.values().flatten().copied().fold(0, u64::saturating_add);
    if total > settings.bytes_max {
        return Err(client.too_large());
    }
    let unkept = |error: std::io::Error| {
        Problem::new("no-room", format!("`{}` cannot be kept while it is read: {error}", described.root))
            .hint("make room in the directory for temporary files (TMPDIR)")
    };
    let directory = private_directory().map_err(unkept)?;
    let left = AtomicU64::new(settings.bytes_max);
    let mut wanted = Vec::with_capacity(files.len());
    for (name, size_bytes) in files {
        let path = Naming::Tree.place(directory.path(), 0, &name).ok_or_else(|| leaving(&name))?.map_err(unkept)?;
        wanted.push((path, name, size_bytes));
    }
    let one = |(path, name, size_bytes): &(PathBuf, String, Option<u64>)| {
        let parts: Vec<String> = root.iter().cloned().chain(name.split('/').map(str::to_owned)).collect();
        fetched(client, parts, *size_bytes, path.clone(), &left)
    };
    // In order, so that of several failures it is always the same one that is told.
    stream::iter(wanted.iter().map(one).collect::<Vec<_>>()).buffered(REQUESTS).try_collect::<()>().await?;
    // The path of a run is part of its files' names already; a model's files are called from its root.
    let above = described.root.strip_suffix(&described.within.join("/")).unwrap_or(&described.root);
    let above = above.trim_end_matches('/').to_owned();
    let named = wanted.into_iter().map(|(path, name, _)| (path, format!("{above}/{name}"))).collect();
    Ok((named, Arc::new(directory)))
}

async fn fetched(
    client: &Client,
    parts: Vec<String>,
    size_bytes: Option<u64>,
    path: PathBuf,
    left: &AtomicU64,
) -> Result<(), Problem> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    client.file(&parts, size_bytes, Path::new(&path), left).await.map_err(|refusal| match refusal {
        Refusal::Failed(problem) => problem,
        Refusal::Absent { said } => {
            Problem::new("changed-file", format!("a file that the MLflow server listed is gone: {said}"))
                .hint("name what is no longer written to")
        }
    })
}

/// Every file below `root` that is meant, by its path from there, with its size where the server says it.
async fn listed(
    client: &Client,
    root: &[String],
    described: &Described,
) -> Result<BTreeMap<String, Option<u64>>, Problem> {
    let mut walk = Walk { client, root, shown: &described.root, lists: 0, files: BTreeMap::new() };
    let within = described.within.join("/");
    match described.within.split_last() {
        None => walk.below(String::new()).await?,
        // What is no directory is found in the list of the one above.
        Some((_, above)) => {
            let beside = walk.list(&above.join("/")).await?;
            match beside.into_iter().find(|entry| entry.path == within) {
                Some(entry) if entry.is_directory => walk.below(within).await?,
                Some(entry) => walk.add(entry)?,
                None => {}
            }
        }
    }
    if walk.files.is_empty() {
        return Err(absent(&described.root, "it has no files"));
    }
    Ok(walk.files)
}

struct Walk<'a> {
    client: &'a Client,
    root: &'a [String],
    /// What is walked through, as it is shown.
    shown: &'a str,
    lists: usize,
    files: BTreeMap<String, Option<u64>>,
}

/// Something in a directory of artifacts, by its path from the root.
struct Entry {
    path: String,
    is_directory: bool,
    size_bytes: Option<u64>,
}

impl Walk<'_> {
    async fn below(&mut self, directory: String) -> Result<(), Problem> {
        let mut waiting = vec![directory];
        while let Some(directory) = waiting.pop() {
            for entry in self.list(&directory).await? {
                if !entry.is_directory {
                    self.add(entry)?;
                } else if entry.path.split('/').count() <= DEPTH_MAX {
                    waiting.push(entry.path);
                } else {
                    let message = format!("the MLflow server lists directories more than {DEPTH_MAX} levels deep");
                    return Err(Problem::new("too-deep", message));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<(), Problem> {
        if self.files.len() >= FILES_MAX {
            return Err(too_many(&format!("more than {FILES_MAX} files")));
        }
        match self.files.insert(entry.path.clone(), entry.size_bytes) {
            None => Ok(()),
            Some(_) => {
                let shown = entry.path.escape_debug();
                Err(Problem::new("invalid-answer", format!("the MLflow server lists `{shown}` twice")))
            }
        }
    }

    /// What is in a directory, on all pages of the list.
    async fn list(&mut self, directory: &str) -> Result<Vec<Entry>, Problem> {
        let mut path = self.root.join("/");
        if !directory.is_empty() {
            path = format!("{path}/{directory}");
        }
        let (mut entries, mut page) = (Vec::new(), String::new());
        loop {
            self.lists += 1;
            if self.lists > LISTS_MAX {
                return Err(too_many(&format!("more than {LISTS_MAX} directories")));
            }
            let mut query = vec![("path", path.as_str())];
            if !page.is_empty() {
                query.push(("page_token", &page));
            }
            let listing: Listing = match self.client.ask("api/2.0/mlflow-artifacts/artifacts", &query).await {
                Ok(listing) => listing,
                // Also of a directory that was listed: what is left out of it would be judged by nobody.
                Err(Refusal::Absent { said }) => return Err(absent(self.shown, &said)),
                Err(Refusal::Failed(problem)) => return Err(problem),
            };
            if listing.files.len() > FILES_MAX {
                return Err(too_many(&format!("more than {FILES_MAX} files in a directory")));
            }
            for file in listing.files {
                if !is_plain(&file.path) {
                    return Err(leaving(&file.path));
                }
                let path = if directory.is_empty() { file.path } else { format!("{directory}/{}", file.path) };
                entries.push(Entry { path, is_directory: file.is_dir, size_bytes: file.file_size });
            }
            match listing.next_page_token.filter(|token| !token.is_empty()) {
                Some(token) => page = token,
                None => return Ok(entries),
            }
        }
    }
}

fn too_many(what: &str) -> Problem {
    Problem::new("too-many-files", format!("the MLflow server lists {what}"))
        .hint("name a model, or a directory with fewer files")
}
