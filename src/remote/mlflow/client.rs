//! Asking an MLflow server, within bounds and without giving anything away.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::answers::Refused;
use super::{Credentials, TrackingServer};
use crate::environment::Secret;
use crate::problem::Problem;
use crate::remote::{RemoteSettings, is_loopback};

/// Bytes of an answer that is no file. A run with ten thousand metrics has one or two.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Time for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Times that a request is made while the server says that it has no time, and what is waited before the second.
const ATTEMPTS: u32 = 3;
const WAIT: Duration = Duration::from_millis(500);
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;
/// Length of what the server says that is shown.
const MESSAGE_CHARACTERS_MAX: usize = 200;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server does not have what it was asked for.
    Absent {
        /// What it says of that.
        said: String,
    },
    /// Anything else.
    Failed(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// A connection to the tracking server.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    /// What must not be shown, even if the server says it.
    secrets: Vec<Secret>,
    bytes_max: u64,
    /// Time for an answer that is no file.
    request_time: Duration,
}

impl Client {
    /// A client of the pipeline's server, to ask for `wanted`.
    pub(super) fn new(wanted: &str, settings: &RemoteSettings) -> Result<Self, Problem> {
        let server = settings.tracking.as_ref().ok_or_else(|| {
            Problem::new("no-tracking-server", format!("`{wanted}` is on an MLflow server, and none is named"))
                .hint("set MLFLOW_TRACKING_URI in the environment of the pipeline")
        })?;
        let base = base(server, settings.loopback)?;
        let (authorization, secrets) = authorization(&server.credentials)?;
        crate::remote::install_tls();
        let follow = |attempt: Attempt<'_>| {
            let from = attempt.previous().first().map(Url::origin);
            let is_same = from.is_some_and(|from| from == attempt.url().origin());
            // Another place would be sent the credentials, or would give files that nobody chose.
            if is_same && attempt.previous().len() <= REDIRECTS_MAX {
                attempt.follow()
            } else {
                attempt.error("elsewhere")
            }
        };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME)
            .read_timeout(server.request_time)
            .redirect(Policy::custom(follow))
            .build()
            .map_err(|_| Problem::new("unreachable-server", "no connection can be made"))?;
        Ok(Self {
            http,
            base,
            authorization,
            secrets,
            bytes_max: settings.bytes_max,
            request_time: server.request_time,
        })
    }

    /// Whether `authority`, as `host:port`, is this server.
    pub(super) fn is_at(&self, authority: &str) -> bool {
        let url = Url::parse(&format!("{}://{authority}", self.base.scheme()));
        url.is_ok_and(|url| url.origin() == self.base.origin() && url.username().is_empty())
    }

    /// The server as it is shown.
    pub(super) fn shown(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The address of an endpoint of which each part of the path is a text.
    fn url<'a>(&self, path: impl Iterator<Item = &'a str>, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// What an endpoint answers.
    pub(super) async fn ask<T: DeserializeOwned>(&self, endpoint: &str, query: &[(&str, &str)]) -> Result<T, Refusal> {
        let url = self.url(endpoint.split('/'), query);
        let response = self.send(&url, Some(self.request_time)).await?;
        let is_ok = response.status() == StatusCode::OK;
        let status = response.status();
        let bytes = self.answer(response).await?;
        if is_ok {
            return serde_json::from_slice(&bytes).map_err(|error| {
                let message = format!("the MLflow server {} gives no answer that is understood: {error}", self.shown());
                Problem::new("invalid-answer", message).hint("is MLFLOW_TRACKING_URI that of an MLflow server?").into()
            });
        }
        Err(self.refusal(status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Writes a file that the server gives out into a new file at `path`; `size_bytes` as it was listed. All files take
    /// from the bytes that are `left`.
    pub(super) async fn file(
        &self,
        parts: &[&str],
        size_bytes: Option<u64>,
        path: &Path,
        left: &AtomicU64,
    ) -> Result<(), Refusal> {
        let name = parts.last().copied().unwrap_or_default().escape_debug().to_string();
        let url = self.url("api/2.0/mlflow-artifacts/artifacts".split('/').chain(parts.iter().copied()), &[]);
        let mut response = self.send(&url, None).await?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            let bytes = self.answer(response).await?;
            return Err(self.refusal(status, serde_json::from_slice(&bytes).unwrap_or_default()));
        }
        let unkept = |error: std::io::Error| {
            Problem::new("no-room", format!("`{name}` cannot be kept while it is read: {error}"))
                .hint("make room in the directory for temporary files (TMPDIR)")
        };
        let mut file = File::create_new(path).map_err(unkept)?;
        let mut received = 0_u64;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            let length = chunk.len() as u64;
            received = received.saturating_add(length);
            if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length)).is_err() {
                return Err(self.too_large().into());
            }
            file.write_all(&chunk).map_err(unkept)?;
        }
        match size_bytes {
            Some(size_bytes) if size_bytes != received => {
                let message = format!("`{name}` has {received} bytes, and {size_bytes} were listed");
                Err(Problem::new("changed-file", message).hint("name what is no longer written to").into())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn too_large(&self) -> Problem {
        let most = self.bytes_max;
        Problem::new("too-large", format!("the files on the MLflow server have more than {most} bytes"))
            .hint("allow more with --max-download")
    }

    /// Sends a request, again where the server has no time for it now; `time` is for all of the answer.
    async fn send(&self, url: &Url, time: Option<Duration>) -> Result<Response, Problem> {
        let mut attempt = 1;
        loop {
            let mut request = self.http.get(url.clone());
            if let Some(time) = time {
                request = request.timeout(time);
            }
            if let Some(authorization) = &self.authorization {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            let response = request.send().await.map_err(|error| self.broken(&error))?;
            let is_busy = matches!(response.status().as_u16(), 429 | 502 | 503 | 504);
            if !is_busy || attempt == ATTEMPTS {
                return Ok(response);
            }
            tokio::time::sleep(WAIT * attempt).await;
            attempt += 1;
        }
    }

    /// The whole of an answer that is no file.
    async fn answer(&self, mut response: Response) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                let message = format!("an answer of the MLflow server has more than {ANSWER_BYTES_MAX} bytes");
                return Err(Problem::new("too-large", message).hint("name a model or a directory with fewer files"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Why a request came to no answer. The error itself may hold an address, and is not shown.
    fn broken(&self, error: &reqwest::Error) -> Problem {
        let server = self.shown();
        let (what, hint) = match error {
            _ if error.is_timeout() => ("does not answer in time", "look whether it is up"),
            _ if error.is_redirect() => {
                ("leads to another place, which is not asked", "set MLFLOW_TRACKING_URI to that place, if it is yours")
            }
            _ if error.is_body() || error.is_decode() => ("broke off", "try again"),
            _ => ("cannot be reached", "look whether it is up, and at MLFLOW_TRACKING_URI"),
        };
        Problem::new("unreachable-server", format!("the MLflow server {server} {what}")).hint(hint)
    }

    fn refusal(&self, status: StatusCode, refused: Refused) -> Refusal {
        let server = self.shown();
        let said = self.redacted(&refused.message);
        let is_unknown = matches!(refused.error_code.as_str(), "RESOURCE_DOES_NOT_EXIST" | "INVALID_PARAMETER_VALUE");
        let problem = |code, what: &str| {
            let says = if said.is_empty() { String::new() } else { format!(": {said}") };
            Problem::new(code, format!("the MLflow server {server} {what}{says}"))
        };
        let failed = match status.as_u16() {
            400 | 404 if is_unknown => return Refusal::Absent { said },
            401 | 403 => {
                let what = if status == StatusCode::FORBIDDEN {
                    "lets these credentials read no such thing"
                } else {
                    "asks for credentials"
                };
                problem("access-refused", what)
                    .hint("set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
            }
            404 => problem("unreachable-server", "does not know what it is asked")
                .hint("is MLFLOW_TRACKING_URI that of an MLflow server, of version 2 or later?"),
            _ => problem("unreachable-server", &format!("answers {status}")).hint("look at the server's log"),
        };
        Refusal::Failed(failed)
    }

    /// What the server says, in one line, without what it was told in confidence.
    fn redacted(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for secret in self.secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "***");
        }
        text.escape_debug().take(MESSAGE_CHARACTERS_MAX).collect()
    }
}

/// The address of the server. It may hold a password, and is shown without.
fn base(server: &TrackingServer, loopback: bool) -> Result<Url, Problem> {
    let refuse =
        |what: &str, hint: &str| Err(Problem::new("invalid-address", format!("MLFLOW_TRACKING_URI {what}")).hint(hint));
    let url = Url::parse(server.uri.expose()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some((url, host)) = url.and_then(|url| url.host_str().map(str::to_owned).map(|host| (url, host))) else {
        let hint = "write `https://host`; of a store in files, release the directory of the run or the model itself";
        return refuse("names no server that answers over https", hint);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "give them as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, which are kept out of logs";
        return refuse("has a name or password in it", hint);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or fragment", "write `https://host` alone");
    }
    if url.scheme() == "http" && !(loopback && is_loopback(&host)) {
        let hint = "use https; MODELGATE_ALLOW_LOOPBACK=1 allows http to this machine";
        return refuse("is http, over which anybody can read the credentials and change the files", hint);
    }
    Ok(url)
}

/// The header that says who asks, and what of it must not be shown. A name with a password comes before a token, as in
/// MLflow's own client.
fn authorization(credentials: &Credentials) -> Result<(Option<HeaderValue>, Vec<Secret>), Problem> {
    let (value, secrets) = match credentials {
        Credentials::None => return Ok((None, Vec::new())),
        Credentials::Password { username, password } => {
            let encoded = STANDARD.encode(format!("{}:{}", username.expose(), password.expose()));
            (format!("Basic {encoded}"), vec![password.clone(), Secret::new(encoded)])
        }
        Credentials::Token(token) => (format!("Bearer {}", token.expose()), vec![token.clone()]),
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        Problem::new("invalid-credentials", "MLFLOW_TRACKING_TOKEN has characters that no header may have")
            .hint("is there a line break at its end?")
    })?;
    value.set_sensitive(true);
    Ok((Some(value), secrets))
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_REQUEST_TIME;
    use super::*;

    fn refused(uri: &str, loopback: bool) -> Option<String> {
        let server = TrackingServer {
            uri: Secret::new(uri.to_owned()),
            credentials: Credentials::None,
            request_time: DEFAULT_REQUEST_TIME,
        };
        base(&server, loopback).err().map(|problem| problem.to_string())
    }

    #[test]
    fn only_servers_over_https_are_asked() {
        assert_eq!(refused("https://mlflow.example.org/prefix", false), None);
        assert_eq!(refused("http://127.0.0.1:5000", true), None);
        for uri in ["http://127.0.0.1:5000", "http://mlflow.example.org"] {
            assert!(refused(uri, false).unwrap().contains("http"), "{uri}");
        }
        for uri in
            ["http://mlflow.example.org", "sqlite:///mlflow.db", "databricks", "./mlruns", "file:///mlruns", "https://"]
        {
            assert!(refused(uri, true).is_some(), "{uri}");
        }
        let said = refused("https://ann:hunter2@mlflow.example.org", false).unwrap();
        assert!(said.contains("MLFLOW_TRACKING_PASSWORD") && !said.contains("hunter2"), "{said}");
        let said = refused("https://mlflow.example.org/?token=hunter2", false).unwrap();
        assert!(said.contains("query") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn credentials_go_into_a_header_that_does_not_show_itself() {
        let token = Credentials::Token(Secret::new("hunter2".to_owned()));
        let (header, secrets) = authorization(&token).unwrap();
        let header = header.unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer hunter2");
        assert!(!format!("{header:?} {secrets:?}").contains("hunter2"));
        let password = Credentials::Password {
            username: Secret::new("ann".to_owned()),
            password: Secret::new("hunter2".to_owned()),
        };
        // RFC 7617, section 2: base64 of `ann:hunter2`.
        assert_eq!(authorization(&password).unwrap().0.unwrap().to_str().unwrap(), "Basic YW5uOmh1bnRlcjI=");
        let broken = authorization(&Credentials::Token(Secret::new("hunter2\n".to_owned()))).unwrap_err();
        assert!(!broken.to_string().contains("hunter2"));
    }

    #[test]
    fn parts_of_a_path_stay_parts() {
        let server = TrackingServer {
            uri: Secret::new("https://h/prefix/".to_owned()),
            credentials: Credentials::None,
            request_time: DEFAULT_REQUEST_TIME,
        };
        let settings = RemoteSettings {
            variables: Default::default(),
            offline: false,
            bytes_max: 1,
            loopback: false,
            tracking: Some(server),
        };
        let client = Client::new("models:/m/1", &settings).unwrap();
        let url = client.url(["a b", "c%2F?d#e/f"].into_iter(), &[("name", "x&y=z/ä")]);
        assert_eq!(url.as_str(), "https://h/prefix/a%20b/c%252F%3Fd%23e%2Ff?name=x%26y%3Dz%2F%C3%A4");
        assert!(client.is_at("h") && client.is_at("h:443"));
        assert!(!client.is_at("other") && !client.is_at("h:80") && !client.is_at("ann@h"));
    }
}
