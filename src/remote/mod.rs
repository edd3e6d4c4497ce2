//! Files that are elsewhere: objects of S3, Google Cloud Storage and Azure, files over https, and models of an MLflow
//! server.
//!
//! They are downloaded once, into a private directory that goes with them, and then read like any other: what is
//! hashed is what was decoded. An address may come from a pull request, so that it holds no credentials and reaches
//! nothing on this machine or its link; credentials are the pipeline's, and only go to the cloud's own endpoint.

mod https;
pub mod mlflow;
pub(crate) mod objects;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Url;
use tempfile::TempDir;

use crate::environment::Secret;
use crate::problem::Problem;

/// Bytes of one address's files unless the command line says otherwise: what a large runner's disk has room for.
pub const DOWNLOAD_BYTES_MAX: u64 = 64 << 30;

/// Files that one address may stand for.
const FILES_MAX: usize = 10_000;

/// Length of an address: that of a key in S3, and as much again.
const ADDRESS_BYTES_MAX: usize = 2048;

/// What may be fetched, and as whom.
#[derive(Clone)]
pub struct RemoteSettings {
    /// Variables of the clouds (`AWS_…`, `GOOGLE_…`, `AZURE_…`).
    pub variables: BTreeMap<String, Secret>,
    /// Nothing is fetched.
    pub offline: bool,
    /// Bytes that the files of one address may have.
    pub bytes_max: u64,
    /// Whether addresses of this machine are reached, also over http.
    pub loopback: bool,
    /// The MLflow server that models are kept in, if there is one.
    pub tracking: Option<mlflow::TrackingServer>,
}

impl RemoteSettings {
    /// Says that `what` is not here, if nothing may be fetched.
    fn refuse_offline(&self, what: &str) -> Result<(), Problem> {
        if !self.offline {
            return Ok(());
        }
        let problem = Problem::new("offline", format!("`{what}` would have to be downloaded"));
        Err(problem.hint("run without `--offline`, or name a file of this machine"))
    }
}

impl fmt::Debug for RemoteSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RemoteSettings").field("offline", &self.offline).finish_non_exhaustive()
    }
}

/// Where files are that are not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    /// The bucket, container or host.
    authority: String,
    /// What is behind it, without the first `/`; a prefix if it ends in `/`, or a glob.
    path: String,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    S3,
    Google,
    Azure,
    Https,
    Http,
}

/// Files that were downloaded.
#[derive(Debug)]
pub struct Downloaded {
    /// Where each is, and what it is called, in the order of names.
    pub files: Vec<(PathBuf, String)>,
    /// Whether the address names one file, and no prefix or glob.
    pub is_single: bool,
    /// The directory that they are in; it goes with this.
    pub directory: Arc<TempDir>,
}

/// Whether a path is an address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.contains("://")
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// Its scheme is not known, or it has parts that an address must not have.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::parsed(text, false)
    }

    /// Reads the address of a bucket or container, or of a prefix in one; the `/` at its end may be there or not.
    ///
    /// # Errors
    /// As [`Self::parse`], and for what is no object store or a glob.
    pub fn parse_prefix(text: &str) -> Result<Self, Problem> {
        let address = Self::parsed(text.trim_end_matches('/'), true)?;
        if !matches!(address.scheme, Scheme::S3 | Scheme::Google | Scheme::Azure) || is_glob(&address.path) {
            let problem = Problem::new("invalid-address", format!("`{}` is no place in an object store", address.text));
            return Err(problem.hint("write `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`"));
        }
        Ok(address)
    }

    /// What is behind the bucket or container.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn parsed(text: &str, may_be_empty: bool) -> Result<Self, Problem> {
        let refuse = |message: &str, hint: &str| {
            Err(Problem::new("invalid-address", format!("`{}` {message}", shown(text))).hint(hint.to_owned()))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return refuse("is no address", "write `s3://bucket/key`, or the like");
        };
        let scheme = match scheme {
            "s3" => Scheme::S3,
            "gs" => Scheme::Google,
            "az" => Scheme::Azure,
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return refuse("has a scheme that is not read", "use `s3://`, `gs://`, `az://` or `https://`"),
        };
        if text.len() > ADDRESS_BYTES_MAX || text.chars().any(|character| character.is_control() || character == '\\') {
            return refuse("is no address", "write it without control characters and backslashes");
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return refuse("has a name or password in it", "give credentials in the environment of the pipeline");
        }
        if text.contains(['?', '#']) {
            return refuse(
                "has a query or fragment",
                "signed addresses are secrets: give credentials in the environment",
            );
        }
        if path.split('/').any(|part| matches!(part, "." | ".."))
            || path.contains("//")
            || (path.is_empty() && !may_be_empty)
        {
            return refuse("names no file", "write the whole name, or a prefix that ends in `/`");
        }
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        match scheme {
            Scheme::S3 | Scheme::Google | Scheme::Azure => {
                if !(3..=222).contains(&authority.len()) || !authority.bytes().all(is_plain) {
                    return refuse("has no bucket or container", "write `s3://bucket/key`");
                }
            }
            Scheme::Https | Scheme::Http => {
                // Of `https:///a` a client would take `a` for the host.
                let is_host = Url::parse(text).is_ok_and(|url| url.host_str().is_some());
                if authority.is_empty() || !is_host {
                    return refuse("has no host", "write `https://host/file.parquet`");
                }
                if path.ends_with('/') || is_glob(path) {
                    return refuse("is no single file", "prefixes and globs need an object store: `s3://bucket/…/`");
                }
            }
        }
        Ok(Self { scheme, authority: authority.to_owned(), path: path.to_owned(), text: text.to_owned() })
    }

    /// Downloads the files of rows that it stands for. They are called by what is behind the address.
    ///
    /// # Errors
    /// Nothing may be fetched, there is no such file, it may not be read, it changed while it was, it is too large, or it
    /// cannot be kept.
    pub async fn download(&self, settings: &RemoteSettings) -> Result<Downloaded, Problem> {
        self.download_as(settings, Naming::Numbered).await
    }

    /// Downloads the artifacts that it stands for, which lie beside each other as they do there. They are called by
    /// addresses of their own.
    ///
    /// # Errors
    /// As [`Self::download`], and a name that no file may have.
    pub async fn download_tree(&self, settings: &RemoteSettings) -> Result<Downloaded, Problem> {
        let mut downloaded = self.download_as(settings, Naming::Tree).await?;
        if !downloaded.is_single {
            let above = self.above();
            downloaded.files.iter_mut().for_each(|(_, name)| name.insert_str(0, &above));
        }
        Ok(downloaded)
    }

    async fn download_as(&self, settings: &RemoteSettings, naming: Naming) -> Result<Downloaded, Problem> {
        settings.refuse_offline(&self.text)?;
        install_tls();
        let directory = private_directory().map_err(|error| self.unkept(&error))?;
        let files = match self.scheme {
            Scheme::Https | Scheme::Http => vec![https::download(self, settings, directory.path()).await?],
            Scheme::S3 | Scheme::Google | Scheme::Azure => {
                objects::download(self, settings, directory.path(), naming).await?
            }
        };
        Ok(Downloaded { files, is_single: self.is_single(), directory: Arc::new(directory) })
    }

    /// The parts of the path that hold all that it stands for: those before a wildcard, or before the `/` at the end.
    fn fixed_parts(&self) -> Vec<&str> {
        self.path.split('/').take_while(|part| !is_glob(part) && !part.is_empty()).collect()
    }

    /// What the addresses of all files that it stands for begin with.
    fn above(&self) -> String {
        let scheme = self.text.split("://").next().unwrap_or_default();
        let fixed: String = self.fixed_parts().into_iter().map(|part| format!("{part}/")).collect();
        format!("{scheme}://{}/{fixed}", self.authority)
    }

    /// Whether it names one file, and no prefix or glob.
    fn is_single(&self) -> bool {
        !self.path.ends_with('/') && !is_glob(&self.path)
    }

    /// A file cannot be written.
    fn unkept(&self, error: &std::io::Error) -> Problem {
        Problem::new("no-room", format!("`{}` cannot be kept while it is read: {error}", self.text))
            .hint("make room in the directory for temporary files (TMPDIR)")
    }

    fn too_large(&self, settings: &RemoteSettings) -> Problem {
        let most = settings.bytes_max;
        Problem::new("too-large", format!("the files of `{}` have more than {most} bytes", self.text))
            .hint("allow more with --max-download")
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '[', '{'])
}

/// The address without what may be a secret in it.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => text.to_owned(),
    }
}

/// What downloaded files are called.
#[derive(Debug, Clone, Copy)]
enum Naming {
    /// A number, and the end of their own name.
    Numbered,
    /// As they are called there, with the directories that they are in.
    Tree,
}

impl Naming {
    /// Where a file is written below `directory`; none for a name that would lead elsewhere.
    fn place(self, directory: &Path, index: usize, name: &str) -> Option<std::io::Result<PathBuf>> {
        match self {
            Self::Numbered => Some(Ok(directory.join(local_name(index, name)))),
            Self::Tree => is_plain(name).then(|| {
                let path = name.split('/').fold(directory.to_owned(), |path, part| path.join(part));
                if let Some(above) = path.parent() {
                    fs::create_dir_all(above)?;
                }
                Ok(path)
            }),
        }
    }
}

/// Length of a part of a path: that of a name in every common file system.
const NAME_BYTES_MAX: usize = 255;

/// Whether a name from elsewhere is a path that stays below where it begins, on every system.
fn is_plain(name: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= NAME_BYTES_MAX;
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    name.len() <= ADDRESS_BYTES_MAX
        && !is_drive
        && name.split('/').all(is_part)
        && name.chars().all(|character| !character.is_control() && character != '\\')
}

/// A directory that nobody else may look into, which goes with what is returned.
fn private_directory() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("modelgate-").tempdir()
}

/// What a downloaded file of rows is called: a number, and the end of its own name, by which formats are told apart.
fn local_name(index: usize, name: &str) -> String {
    let end = name.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
    match end.filter(|end| end.len() <= 8 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some(end) => format!("{index}.{end}"),
        None => index.to_string(),
    }
}

/// Chooses what encrypts connections, for the whole program.
pub(crate) fn install_tls() {
    // Another part of the program may have chosen it before, to the same effect.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The address that a host of a URL is, unless it is a name.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || literal(host).is_some_and(|address| address.is_loopback())
}

/// Whether an address is that of another machine, beyond this one's link: cloud machines answer with credentials at
/// link-local ones.
fn is_elsewhere(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let problem = Address::parse(text).unwrap_err();
        assert_eq!(problem.code, "invalid-address");
        problem.message
    }

    #[test]
    fn addresses_are_read() {
        let address = Address::parse("s3://evaluations/2026/region=*/*.parquet").unwrap();
        assert_eq!((address.scheme, address.authority.as_str()), (Scheme::S3, "evaluations"));
        assert_eq!(address.path, "2026/region=*/*.parquet");
        assert_eq!(Address::parse("gs://bucket/rows/").unwrap().scheme, Scheme::Google);
        assert_eq!(Address::parse("az://container/rows.csv").unwrap().scheme, Scheme::Azure);
        assert_eq!(Address::parse("https://example.org:8443/rows.csv").unwrap().authority, "example.org:8443");
    }

    #[test]
    fn places_in_object_stores_are_read() {
        let place = |text: &str| Address::parse_prefix(text).map(|address| (address.text.clone(), address.path));
        let read = |text: &str, path: &str| Ok((text.to_owned(), path.to_owned()));
        assert_eq!(place("s3://bucket"), read("s3://bucket", ""));
        assert_eq!(place("s3://bucket/"), read("s3://bucket", ""));
        assert_eq!(place("gs://bucket/a/b/"), read("gs://bucket/a/b", "a/b"));
        for text in ["https://example.org/a", "https://example.org", "s3://bucket/*", "s3://", "s3://b/../c", "store"] {
            assert_eq!(place(text).unwrap_err().code, "invalid-address", "{text}");
        }
    }

    #[test]
    fn what_an_address_must_not_have_is_refused_and_not_shown() {
        let said = refused("https://user:hunter2@example.org/rows.csv");
        assert_eq!(said, "`https://example.org/rows.csv` has a name or password in it");
        let said = refused("https://example.org/rows.csv?X-Amz-Signature=hunter2");
        assert_eq!(said, "`https://example.org/rows.csv` has a query or fragment");
        for text in [
            "ftp://example.org/rows.csv",
            "file:///etc/passwd",
            "s3://bucket",
            "s3://bucket/",
            "s3://Bucket/rows",
            "s3://b/rows",
            "s3://bucket/../rows",
            "s3://bucket/a//b",
            "s3://bucket/a\nb",
            "s3://buck\\et/a",
            "https:///rows.csv",
            "https://example.org/rows/",
            "https://example.org/*.csv",
            "rows.csv",
        ] {
            refused(text);
        }
    }

    #[test]
    fn this_machine_and_its_link_are_not_elsewhere() {
        for address in
            ["127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "::ffff:127.0.0.1", "224.0.0.1"]
        {
            assert!(!is_elsewhere(address.parse().unwrap()), "{address}");
        }
        for address in ["10.0.0.1", "93.184.216.34", "2606:2800::1"] {
            assert!(is_elsewhere(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn artifacts_lie_beside_each_other_as_they_do_there() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| Naming::Tree.place(directory.path(), 0, name).map(Result::unwrap);
        assert_eq!(place("model/a.onnx"), Some(directory.path().join("model/a.onnx")));
        assert!(directory.path().join("model").is_dir());
        for name in ["", "..", "a/../b", "/a", "a//b", "a/", "a\\b", "C:/a", "a\nb", "./a", &"a".repeat(256)] {
            assert_eq!(place(name), None, "{name}");
        }
        let above = |text: &str| Address::parse(text).unwrap().above();
        assert_eq!(above("s3://bucket/a/b/"), "s3://bucket/a/b/");
        assert_eq!(above("gs://bucket/a/*.onnx"), "gs://bucket/a/");
        assert_eq!(above("az://container/*.onnx"), "az://container/");
    }

    #[test]
    fn names_of_files_cannot_leave_the_directory() {
        assert_eq!(local_name(3, "a/rows.parquet"), "3.parquet");
        assert_eq!(local_name(0, "rows"), "0");
        assert_eq!(local_name(1, "a.b/../c"), "1");
        assert_eq!(local_name(2, "x.tar~gz"), "2");
    }
}
