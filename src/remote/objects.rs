//! Objects of a store, one by its name, or those below a prefix, or those that a glob matches.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use globset::GlobBuilder;
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as ObjectPath;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, RetryConfig};

use super::{Address, FILES_MAX, Naming, RemoteSettings, Scheme, is_glob};
use crate::environment::Secret;
use crate::problem::Problem;
use crate::release_root::is_mark;

/// Bytes of one request: large enough that the time to an answer does not count, small enough to be asked for again.
const RANGE_BYTES: u64 = 16 << 20;
/// Requests at a time.
const REQUESTS: usize = 8;
/// Times that a request is made again, and how long.
const RETRIES: usize = 4;
const RETRY_TIME: Duration = Duration::from_secs(60);
/// Length of an error of a store that is shown.
const ERROR_CHARACTERS_MAX: usize = 300;

pub(super) async fn download(
    address: &Address,
    settings: &RemoteSettings,
    directory: &Path,
    naming: Naming,
) -> Result<Vec<(PathBuf, String)>, Problem> {
    let store = store(address, &settings.variables).map_err(|error| refused(address, &error, settings))?;
    let objects = listed(address, store.as_ref(), settings, naming).await?;
    let total: u64 = objects.iter().map(|(object, _)| object.size).fold(0, u64::saturating_add);
    if total > settings.bytes_max {
        return Err(address.too_large(settings));
    }
    let mut files = Vec::with_capacity(objects.len());
    for (index, (object, name)) in objects.into_iter().enumerate() {
        // What names one object is called by its whole address.
        let within = if address.is_single() { name.rsplit('/').next().unwrap_or_default() } else { &name };
        let path = naming.place(directory, index, within).ok_or_else(|| {
            let message = format!("`{}` has `{}`, which no file may be called", address.text, name.escape_debug());
            Problem::new("invalid-address", message).hint("rename the object")
        })?;
        let path = path.map_err(|error| address.unkept(&error))?;
        fetch(address, store.as_ref(), &object, &path, settings).await?;
        files.push((path, name));
    }
    Ok(files)
}

/// The store with the credentials of the environment, as each cloud's own tools name them.
pub(crate) fn store(
    address: &Address,
    variables: &BTreeMap<String, Secret>,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() };
    let bucket = address.authority.as_str();
    match address.scheme {
        Scheme::Google => {
            let builder =
                configured(GoogleCloudStorageBuilder::new(), variables, GoogleCloudStorageBuilder::with_config);
            Ok(Arc::new(builder.with_bucket_name(bucket).with_retry(retry).build()?))
        }
        Scheme::Azure => {
            let builder = configured(MicrosoftAzureBuilder::new(), variables, MicrosoftAzureBuilder::with_config);
            Ok(Arc::new(builder.with_container_name(bucket).with_retry(retry).build()?))
        }
        Scheme::S3 | Scheme::Https | Scheme::Http => {
            let builder = configured(AmazonS3Builder::new(), variables, AmazonS3Builder::with_config);
            // A bucket with Object Lock takes no object without a checksum.
            let builder = builder.with_checksum_algorithm(Checksum::SHA256);
            Ok(Arc::new(builder.with_bucket_name(bucket).with_retry(retry).build()?))
        }
    }
}

/// A builder with those of the variables that it knows.
fn configured<Builder, Key: FromStr>(
    builder: Builder,
    variables: &BTreeMap<String, Secret>,
    with: impl Fn(Builder, Key, String) -> Builder,
) -> Builder {
    variables.iter().fold(builder, |builder, (name, value)| match name.to_ascii_lowercase().parse() {
        Ok(key) => with(builder, key, value.expose().to_owned()),
        Err(_) => builder,
    })
}

/// The objects that the address stands for, and what they are called, in the order of names.
async fn listed(
    address: &Address,
    store: &dyn ObjectStore,
    settings: &RemoteSettings,
    naming: Naming,
) -> Result<Vec<(ObjectMeta, String)>, Problem> {
    let of_error = |error: Error| refused(address, &error, settings);
    let of_path = |path: &str| {
        ObjectPath::parse(path)
            .map_err(|_| Problem::new("invalid-address", format!("`{}` names no object", address.text)))
    };
    if address.is_single() {
        let object = store.head(&of_path(&address.path)?).await.map_err(of_error)?;
        return Ok(vec![(object, address.text.clone())]);
    }
    let matcher = is_glob(&address.path).then(|| {
        let glob = GlobBuilder::new(address.path.trim_end_matches('/')).literal_separator(true).build();
        glob.map(|glob| glob.compile_matcher())
    });
    let matcher = matcher
        .transpose()
        .map_err(|error| Problem::new("invalid-glob", format!("`{}` is not a glob: {}", address.text, error.kind())))?;
    let base = address.fixed_parts().join("/");
    let prefix = (!base.is_empty()).then(|| of_path(&base)).transpose()?;
    let mut found = Vec::new();
    let mut objects = store.list(prefix.as_ref());
    while let Some(object) = objects.try_next().await.map_err(of_error)? {
        let whole = object.location.as_ref();
        let name = whole.strip_prefix(&base).unwrap_or(whole).trim_start_matches('/').to_owned();
        let is_directory = name.is_empty() || name.ends_with('/');
        // Only among rows are marks of engines no files: a loader may well run `_custom.py`.
        let is_passed_over = is_directory || (matches!(naming, Naming::Numbered) && is_mark(&name));
        if matcher.as_ref().map_or(!is_passed_over, |matcher| matcher.is_match(whole)) {
            if found.len() >= FILES_MAX {
                let problem =
                    Problem::new("too-many-files", format!("`{}` stands for over {FILES_MAX} files", address.text));
                return Err(problem.hint("name them more narrowly, or write fewer and larger files"));
            }
            found.push((object, name));
        }
    }
    if found.is_empty() {
        let problem = Problem::new("missing-file", format!("`{}` stands for no file", address.text));
        return Err(problem.hint("name an object, a prefix that ends in `/`, or a glob that matches some"));
    }
    found.sort_by(|left, right| left.1.cmp(&right.1));
    Ok(found)
}

/// One object, of which every part has to be of the same version.
async fn fetch(
    address: &Address,
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    path: &Path,
    settings: &RemoteSettings,
) -> Result<(), Problem> {
    let mut file = File::create_new(path).map_err(|error| address.unkept(&error))?;
    let starts = (0..object.size).step_by(RANGE_BYTES as usize);
    let range = |start: u64| start..(start + RANGE_BYTES).min(object.size);
    let part = |start: u64| async move {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range(start))),
            if_match: object.e_tag.clone(),
            ..GetOptions::default()
        };
        store.get_opts(&object.location, options).await?.bytes().await
    };
    let mut parts = stream::iter(starts.clone()).map(part).buffered(REQUESTS);
    for start in starts {
        let bytes = parts.try_next().await.map_err(|error| refused(address, &error, settings))?.unwrap_or_default();
        let range = range(start);
        if bytes.len() as u64 != range.end - range.start {
            let problem = Problem::new("unreachable-file", format!("`{}` broke off at byte {start}", address.text));
            return Err(problem.hint("try again"));
        }
        file.write_all(&bytes).map_err(|error| address.unkept(&error))?;
    }
    Ok(())
}

/// The variables that a cloud's credentials are given by.
pub(crate) fn credentials(address: &Address) -> &'static str {
    match address.scheme {
        Scheme::Google => "GOOGLE_SERVICE_ACCOUNT, or the identity of the machine",
        Scheme::Azure => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or an identity",
        Scheme::S3 | Scheme::Https | Scheme::Http => {
            "AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role (AWS_WEB_IDENTITY_TOKEN_FILE)"
        }
    }
}

/// Whether the credentials do not suffice. What a list or a token is refused with has no kind of its own.
pub(crate) fn is_access_refused(error: &Error) -> bool {
    let text = error.to_string();
    let is_refused = text.contains("403 Forbidden") || text.contains("401 Unauthorized");
    is_refused || matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
}

fn refused(address: &Address, error: &Error, settings: &RemoteSettings) -> Problem {
    let url = &address.text;
    let variables = credentials(address);
    match error {
        Error::NotFound { .. } => Problem::new("missing-file", format!("`{url}` does not exist"))
            .hint("correct the address, or look whether these credentials see it"),
        error if is_access_refused(error) => {
            Problem::new("access-refused", format!("`{url}` may not be read with these credentials"))
                .hint(format!("give credentials that may list and read it: {variables}"))
        }
        Error::Precondition { .. } => Problem::new("changed-file", format!("`{url}` changed while it was read"))
            .hint("name what is no longer written to"),
        other => Problem::new("unreachable-file", format!("`{url}`: {}", redacted(other, &settings.variables)))
            .hint(format!("check the address, the network and the credentials: {variables}")),
    }
}

/// What a store says, without values of the environment and without queries of addresses, which may be signatures.
pub(crate) fn redacted(error: &Error, variables: &BTreeMap<String, Secret>) -> String {
    let mut text = error.to_string();
    for secret in variables.values().map(Secret::expose).filter(|secret| secret.len() >= 6) {
        text = text.replace(secret, "***");
    }
    let words = text.split_whitespace().map(|word| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => format!("{address}?…"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ").chars().take(ERROR_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_hold_no_secrets() {
        let variables =
            BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), Secret::new("hunter2hunter2".to_owned()))]);
        let source = "for url (https://x.blob.core.windows.net/c?sig=abc%2F): key hunter2hunter2 \nis wrong".into();
        let said = redacted(&Error::Generic { store: "S3", source }, &variables);
        assert!(said.contains("(https://x.blob.core.windows.net/c?…") && said.contains("key *** is wrong"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("sig="), "{said}");
    }
}
