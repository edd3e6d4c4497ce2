//! Bundles over a network, each by its digest.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::{ARCHIVE_BYTES_MAX, LoadOptions, archive, cache};
use crate::digest::Sha256Digest;
use crate::policy::PolicyBundle;
use crate::problem::Problem;
use crate::remote::{install_tls, is_loopback};

/// Time for one download, from the connection to the last byte.
const DOWNLOAD_TIME: Duration = Duration::from_secs(60);

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;

/// Size of an OCI manifest: the specification asks registries for four megabytes.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// Layers of an artifact, each a file of policies.
const LAYERS_MAX: usize = 5_000;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const ARCHIVE_LAYERS: [&str; 2] =
    ["application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.openpolicyagent.bundle.layer.v1.tar+gzip"];
const FILE_LAYERS: [&str; 2] = [
    "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego",
    "application/vnd.cncf.openpolicyagent.data.layer.v1+json",
];
const TITLE: &str = "org.opencontainers.image.title";

#[derive(Debug, Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

/// The archive at `url`.
pub(super) async fn https(url: &str, sha256: Sha256Digest, options: &LoadOptions<'_>) -> Result<Vec<u8>, Problem> {
    if let Some(bytes) = cache::get(options.cache, sha256) {
        return Ok(bytes);
    }
    online(url, options)?;
    let client = client(url)?;
    let response = client.get(url).send().await.map_err(|error| unreachable(url, &error))?;
    let bytes = body(response, url, ARCHIVE_BYTES_MAX).await?;
    verified(url, bytes, sha256, options)
}

/// The artifact in a registry.
pub(super) async fn oci(
    registry: &str,
    repository: &str,
    sha256: Sha256Digest,
    uri: &str,
    options: &LoadOptions<'_>,
) -> Result<PolicyBundle, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let scheme = if is_loopback(host) { "http" } else { "https" };
    let base = format!("{scheme}://{registry}/v2/{repository}");
    let mut pull = Pull { base, client: None, token: None, options };
    let manifest = pull.get(&format!("manifests/sha256:{sha256}"), sha256, MANIFEST_BYTES_MAX).await.map_err(one)?;
    let refuse = |message: String| {
        let problem = Problem::new("invalid-bundle", format!("`{uri}`: {message}"));
        vec![problem.hint("push it with `conftest push`, or an archive with `oras push`")]
    };
    let manifest: Manifest =
        serde_json::from_slice(&manifest).map_err(|error| refuse(format!("its manifest is not read: {error}")))?;
    if manifest.layers.len() > LAYERS_MAX {
        return Err(refuse(format!("it has more than {LAYERS_MAX} layers")));
    }
    let mut files = BTreeMap::new();
    for layer in &manifest.layers {
        let digest = layer.digest.strip_prefix("sha256:").and_then(|hex| Sha256Digest::from_hex(hex).ok());
        let digest = digest.ok_or_else(|| refuse(format!("`{}` is no SHA-256 digest", layer.digest)))?;
        let known = layer.media_type.as_str();
        if ARCHIVE_LAYERS.contains(&known) && manifest.layers.len() == 1 {
            let bytes = pull.get(&format!("blobs/{}", layer.digest), digest, ARCHIVE_BYTES_MAX).await.map_err(one)?;
            return archive::bundle(uri, &bytes, options.public_key);
        }
        if !FILE_LAYERS.contains(&known) {
            return Err(refuse(format!("a layer is of the type `{known}`, which is no policy")));
        }
        let title = layer.annotations.get(TITLE).ok_or_else(|| refuse("a layer has no title".to_owned()))?;
        let path = title.trim_start_matches("./");
        if path.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refuse(format!("`{title}` is a path that leaves the bundle")));
        }
        let bytes = pull.get(&format!("blobs/{}", layer.digest), digest, ARCHIVE_BYTES_MAX).await.map_err(one)?;
        let text = String::from_utf8(bytes).map_err(|_| refuse(format!("`{path}` is not UTF-8 text")))?;
        if files.insert(path.to_owned(), text).is_some() {
            return Err(refuse(format!("`{path}` is there twice")));
        }
    }
    if options.public_key.is_some() {
        let problem = Problem::new("unsigned-bundle", format!("`{uri}` has no archive that could be signed"));
        return Err(vec![problem.hint("push the signed archive, or leave the key out")]);
    }
    PolicyBundle::of_files(uri, files)
}

/// What is asked of one repository of a registry.
struct Pull<'a> {
    base: String,
    client: Option<Client>,
    token: Option<String>,
    options: &'a LoadOptions<'a>,
}

impl Pull<'_> {
    /// The content with this digest: from the cache, or from `path` below the repository.
    async fn get(&mut self, path: &str, digest: Sha256Digest, bytes_max: u64) -> Result<Vec<u8>, Problem> {
        if let Some(bytes) = cache::get(self.options.cache, digest) {
            return Ok(bytes);
        }
        let url = format!("{}/{path}", self.base);
        online(&url, self.options)?;
        let mut response = self.send(&url).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.token.is_none() {
            let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
            let challenge = challenge.unwrap_or_default().to_owned();
            self.token = Some(self.anonymous_token(&challenge, &url).await?);
            response = self.send(&url).await?;
        }
        let bytes = body(response, &url, bytes_max).await?;
        verified(&url, bytes, digest, self.options)
    }

    async fn send(&mut self, url: &str) -> Result<Response, Problem> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(client(url)?).clone(),
        };
        let mut request = client.get(url).header(ACCEPT, MANIFEST_TYPE).header(ACCEPT, "*/*");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.map_err(|error| unreachable(url, &error))
    }

    /// A token for somebody without a name, as the distribution specification describes it: `Bearer realm="…",
    /// service="…",scope="…"`.
    async fn anonymous_token(&self, challenge: &str, url: &str) -> Result<String, Problem> {
        let refuse = |message: &str| {
            Problem::new("registry-refused", format!("`{url}`: {message}"))
                .hint("policies are read without a name and a password: let the registry allow it, or use a file")
        };
        let parameters = challenge.strip_prefix("Bearer ").ok_or_else(|| refuse("the registry asks for a password"))?;
        let field = |name: &str| {
            let start = parameters.find(&format!("{name}=\""))? + name.len() + 2;
            parameters.get(start..)?.split('"').next()
        };
        let realm = field("realm").and_then(|realm| Url::parse(realm).ok());
        let mut realm = realm.ok_or_else(|| refuse("the registry names no place for tokens"))?;
        if realm.scheme() != "https" && !is_loopback(realm.host_str().unwrap_or_default()) {
            return Err(refuse("the registry gives tokens over http"));
        }
        for name in ["service", "scope"] {
            if let Some(value) = field(name) {
                realm.query_pairs_mut().append_pair(name, value);
            }
        }
        let response = client(realm.as_str())?.get(realm.clone()).send().await;
        let response = response.map_err(|error| unreachable(url, &error))?;
        let bytes = body(response, url, MANIFEST_BYTES_MAX).await?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| refuse("the registry gives no token"))?;
        Ok(token.token)
    }
}

/// A client for `url` that leaves `https` only where `url` itself is on this machine.
fn client(url: &str) -> Result<Client, Problem> {
    install_tls();
    let from_here = Url::parse(url).is_ok_and(|url| is_loopback(url.host_str().unwrap_or_default()));
    let redirects = Policy::custom(move |attempt: Attempt<'_>| {
        let target = attempt.url();
        let is_safe = target.scheme() == "https" || (from_here && is_loopback(target.host_str().unwrap_or_default()));
        if !is_safe || attempt.previous().len() > REDIRECTS_MAX { attempt.stop() } else { attempt.follow() }
    });
    Client::builder()
        .timeout(DOWNLOAD_TIME)
        .redirect(redirects)
        .build()
        .map_err(|error| Problem::new("no-client", format!("no connection can be made: {}", error.without_url())))
}

fn online(url: &str, options: &LoadOptions<'_>) -> Result<(), Problem> {
    if !options.offline {
        return Ok(());
    }
    Err(Problem::new("offline", format!("`{url}` is not in the cache, and nothing may be downloaded"))
        .hint("run once without `--offline`"))
}

fn unreachable(url: &str, error: &reqwest::Error) -> Problem {
    // The error of a redirect names where it led to, which may hold a signature of the storage behind it.
    let what = if error.is_timeout() {
        format!("there is no answer after {} s", DOWNLOAD_TIME.as_secs())
    } else {
        "it cannot be reached".to_owned()
    };
    Problem::new("unreachable-bundle", format!("`{url}`: {what}")).hint("check the address and the network")
}

async fn body(mut response: Response, url: &str, bytes_max: u64) -> Result<Vec<u8>, Problem> {
    let status = response.status();
    if status != StatusCode::OK {
        let problem = Problem::new("unreachable-bundle", format!("`{url}` answers {status}"));
        return Err(problem.hint("check the address; redirects are followed to https only"));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(url, &error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > bytes_max {
            let problem = Problem::new("bundle-too-large", format!("`{url}` has more than {bytes_max} bytes"));
            return Err(problem.hint("is it a bundle of policies?"));
        }
    }
    Ok(bytes)
}

fn verified(url: &str, bytes: Vec<u8>, expected: Sha256Digest, options: &LoadOptions<'_>) -> Result<Vec<u8>, Problem> {
    let found = Sha256Digest::of(&bytes);
    if found != expected {
        let problem = Problem::new("other-bundle", format!("`{url}` has the digest {found}, not {expected}"));
        return Err(problem.hint("if the change is meant, look at it, then pin the new digest"));
    }
    cache::put(options.cache, &bytes);
    Ok(bytes)
}
