//! Where policy bundles come from: the program itself, a directory, an archive, an `https` address or an OCI
//! registry. What comes over a network is named by its digest, so that nobody in between, and no later push,
//! chooses the policies.

mod archive;
mod cache;
mod remote;
mod signatures;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::digest::Sha256Digest;
use crate::policy::PolicyBundle;
use crate::problem::Problem;

/// Size of an archive as it is downloaded or read. The embedded library packs into a tenth of a megabyte.
const ARCHIVE_BYTES_MAX: u64 = 64 << 20;

/// Where a bundle comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// The library in this program.
    Embedded,
    /// A directory.
    Directory(PathBuf),
    /// An OPA bundle: a gzipped tar archive.
    Archive(PathBuf),
    /// An archive at `url`, whose bytes have this digest.
    Https {
        /// The address, without the pin.
        url: String,
        /// SHA-256 of the archive.
        sha256: Sha256Digest,
    },
    /// An OCI artifact, as `conftest push` and `oras push` write it.
    Oci {
        /// Host and port of the registry.
        registry: String,
        /// Name of the repository in it.
        repository: String,
        /// SHA-256 of the manifest.
        sha256: Sha256Digest,
    },
}

/// How a bundle is loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// Where downloads are kept by their digest; none keeps nothing.
    pub cache: Option<&'a Path>,
    /// PEM file of the key that must have signed an archive; none checks no signature.
    pub public_key: Option<&'a Path>,
    /// Whether nothing may be downloaded.
    pub offline: bool,
}

impl FromStr for PolicySource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        if let Some(reference) = text.strip_prefix("oci://") {
            return oci(reference);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return https(text);
        }
        if text.contains("://") {
            return Err("policies come from a directory, a .tar.gz file, https:// or oci://".to_owned());
        }
        let is_archive = [".tar.gz", ".tgz"].iter().any(|end| text.ends_with(end));
        Ok(if is_archive { Self::Archive(PathBuf::from(text)) } else { Self::Directory(PathBuf::from(text)) })
    }
}

fn https(text: &str) -> Result<PolicySource, String> {
    let Some((url, pin)) = text.split_once("#sha256=") else {
        return Err("an address needs the digest of what is there: add `#sha256=` and what `sha256sum` prints \
                    for the archive"
            .to_owned());
    };
    let parsed = reqwest::Url::parse(url).map_err(|error| format!("it is no address: {error}"))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("an address with a user name or a password in it would end in logs and evidence".to_owned());
    }
    if parsed.scheme() == "http" && !crate::remote::is_loopback(parsed.host_str().unwrap_or_default()) {
        return Err("policies are not read over http: use https".to_owned());
    }
    Ok(PolicySource::Https { url: url.to_owned(), sha256: digest(pin)? })
}

fn oci(reference: &str) -> Result<PolicySource, String> {
    let Some((name, pin)) = reference.split_once("@sha256:") else {
        return Err("a tag can be moved: name the artifact by its digest, `oci://registry/repository@sha256:…`, \
                    as `oras resolve` prints it"
            .to_owned());
    };
    let Some((registry, repository)) = name.split_once('/') else {
        return Err("write oci://registry/repository@sha256:…".to_owned());
    };
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte))
    };
    let is_host =
        !registry.is_empty() && registry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if !is_host || !is_name(repository) || repository.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(
            "write oci://registry/repository@sha256:…, the repository without a tag and in lower case".to_owned()
        );
    }
    Ok(PolicySource::Oci { registry: registry.to_owned(), repository: repository.to_owned(), sha256: digest(pin)? })
}

fn digest(text: &str) -> Result<Sha256Digest, String> {
    Sha256Digest::from_hex(text).map_err(|_| "a SHA-256 is 64 hexadecimal digits in lower case".to_owned())
}

impl PolicySource {
    /// The bundle.
    ///
    /// # Errors
    /// It is not there, cannot be read or fetched, is not what its digest or signature says, or is no bundle.
    pub async fn load(&self, options: &LoadOptions<'_>) -> Result<PolicyBundle, Vec<Problem>> {
        let one = |problem: Problem| vec![problem];
        if options.public_key.is_some() && !matches!(self, Self::Archive(_) | Self::Https { .. } | Self::Oci { .. }) {
            let problem = Problem::new("unsigned-bundle", "only an archive can be signed, and a key is given");
            return Err(one(problem.hint("leave the key out, or name the archive")));
        }
        match self {
            Self::Embedded => PolicyBundle::embedded(),
            Self::Directory(directory) => PolicyBundle::from_directory(directory),
            Self::Archive(path) => {
                let shown = path.display().to_string();
                let bytes = read_archive(path, &shown).map_err(one)?;
                archive::bundle(&shown, &bytes, options.public_key)
            }
            Self::Https { url, sha256 } => {
                let uri = format!("{url}#sha256={sha256}");
                let bytes = remote::https(url, *sha256, options).await.map_err(one)?;
                archive::bundle(&uri, &bytes, options.public_key)
            }
            Self::Oci { registry, repository, sha256 } => {
                let uri = format!("oci://{registry}/{repository}@sha256:{sha256}");
                remote::oci(registry, repository, *sha256, &uri, options).await
            }
        }
    }
}

fn read_archive(path: &Path, shown: &str) -> Result<Vec<u8>, Problem> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| crate::document::unreadable(shown, &error))?;
    let mut bytes = Vec::new();
    file.take(ARCHIVE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| crate::document::unreadable(shown, &error))?;
    if bytes.len() as u64 > ARCHIVE_BYTES_MAX {
        return Err(too_large(shown));
    }
    Ok(bytes)
}

fn too_large(shown: &str) -> Problem {
    Problem::new("bundle-too-large", format!("`{shown}` has more than {ARCHIVE_BYTES_MAX} bytes"))
        .hint("is it a bundle of policies?")
}

#[cfg(test)]
mod tests;
