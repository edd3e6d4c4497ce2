//! One request and its answer, bounded in time and size.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use serde_json::Value;

use super::ForgeError;
use super::context::Project;
use crate::facts::repository::review::Forge;

/// Time for a request: a forge that needs longer is down.
pub const REQUEST_TIME: Duration = Duration::from_secs(20);

/// Bytes of an answer: a hundred comments of the 262,144 bytes that GitHub keeps, and what is around them.
const ANSWER_BYTES_MAX: usize = 48 << 20;

/// The version of GitHub's API whose schemas the requests fit.
const GITHUB_API_VERSION: &str = "2022-11-28";

/// Headers that are looked at.
const HEADERS: [&str; 6] =
    ["link", "retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-remaining", "ratelimit-reset"];

/// How something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
    Put,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) method: Method,
    /// Path below the API's URL, with its query.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Exchange {
    pub(super) const fn get(path: String) -> Self {
        Self { method: Method::Get, path, body: None }
    }

    pub(super) const fn with(method: Method, path: String, body: Value) -> Self {
        Self { method, path, body: Some(body) }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether the body has `words`, in any case. Answers that refuse are short.
    pub(super) fn says(&self, words: &str) -> bool {
        String::from_utf8_lossy(self.body.get(..4096).unwrap_or(&self.body)).to_ascii_lowercase().contains(words)
    }

    /// Whether there is a page behind this one. Its address is not followed: the next is counted.
    pub(super) fn has_next_page(&self) -> bool {
        self.header("link").is_some_and(|link| link.contains("rel=\"next\""))
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// There is no answer, or not all of it: whether something happened is not known.
#[derive(Debug)]
pub(super) struct Unanswered(pub(super) String);

/// A connection to a forge, as somebody.
pub(super) enum Client {
    Github {
        rest: Octocrab,
        /// GraphQL is beside the API of an Enterprise server, and not below it.
        graphql: Octocrab,
        request_time: Duration,
    },
    Gitlab {
        client: reqwest::Client,
        base: String,
        token: HeaderValue,
        request_time: Duration,
    },
}

/// The path of GitHub's GraphQL API.
pub(super) const GRAPHQL: &str = "/graphql";

impl Client {
    /// A client for a project. Nothing is sent yet.
    pub(super) fn new(project: &Project, request_time: Duration) -> Result<Self, ForgeError> {
        let refused = |reason: &str| ForgeError::Setup { reason: reason.to_owned() };
        let token = project
            .token
            .as_ref()
            .ok_or_else(|| refused("there is no token: set MODELGATE_FORGE_TOKEN, or GITHUB_TOKEN or GITLAB_TOKEN"))?;
        // What is no header would make the client stop the program.
        if token.expose().is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused("the token has characters that no token has"));
        }
        let base = checked(&project.api_url).ok_or_else(|| {
            refused("the address of the forge's API is none: it has to begin with https://, without a name or a query")
        })?;
        crate::remote::install_tls();
        match project.forge {
            Forge::Github => {
                let client = |base: &str| {
                    Octocrab::builder()
                        .base_uri(base)
                        .map_err(|_| refused("the address of the forge's API is none"))?
                        .personal_token(token.expose().to_owned())
                        .add_header(ACCEPT, "application/vnd.github+json".to_owned())
                        .add_header(HeaderName::from_static("x-github-api-version"), GITHUB_API_VERSION.to_owned())
                        .build()
                        .map_err(|_| refused("the client could not be made"))
                };
                let root = base.strip_suffix("/v3").unwrap_or(&base);
                Ok(Self::Github { rest: client(&base)?, graphql: client(root)?, request_time })
            }
            Forge::Gitlab => {
                let mut token = HeaderValue::from_str(token.expose()).map_err(|_| refused("the token is none"))?;
                token.set_sensitive(true);
                let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
                let client = client.map_err(|_| refused("the client could not be made"))?;
                Ok(Self::Gitlab { client, base, token, request_time })
            }
        }
    }

    /// Sends a request once.
    pub(super) async fn send(&self, exchange: &Exchange) -> Result<Answer, Unanswered> {
        let time = match self {
            Self::Github { request_time, .. } | Self::Gitlab { request_time, .. } => *request_time,
        };
        let sent = async {
            match self {
                Self::Github { rest, graphql, .. } => {
                    let client = if exchange.path == GRAPHQL { graphql } else { rest };
                    send_to_github(client, exchange).await
                }
                Self::Gitlab { client, base, token, .. } => send_to_gitlab(client, base, token, exchange).await,
            }
        };
        let late = |_| Unanswered(format!("there was no answer within {} s", time.as_secs()));
        tokio::time::timeout(time, sent).await.map_err(late)?
    }
}

/// An API's address without a slash at its end. The token goes there, so that it has to be encrypted, but for this
/// machine's own.
fn checked(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_own = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_own);
    (is_safe && is_plain && url.host_str().is_some()).then(|| text.trim_end_matches('/').to_owned())
}

/// An error's text could have an address in it, and nothing else that is secret; the cause is what helps.
fn cause(error: &dyn std::error::Error) -> Unanswered {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Unanswered(format!("the connection failed: {innermost}"))
}

async fn send_to_github(client: &Octocrab, exchange: &Exchange) -> Result<Answer, Unanswered> {
    let (path, body) = (exchange.path.as_str(), exchange.body.as_ref());
    let response = match exchange.method {
        Method::Get => client._get(path).await,
        Method::Post => client._post(path, body).await,
        Method::Patch => client._patch(path, body).await,
        Method::Put => client._put(path, body).await,
    };
    let response = response.map_err(|error| cause(&error))?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let headers = HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), header(name)?))).collect();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| cause(error.as_ref()))?.to_bytes().to_vec();
    Ok(Answer { status, headers, body })
}

async fn send_to_gitlab(
    client: &reqwest::Client,
    base: &str,
    token: &HeaderValue,
    exchange: &Exchange,
) -> Result<Answer, Unanswered> {
    let method = match exchange.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Put => reqwest::Method::PUT,
    };
    let mut request = client.request(method, format!("{base}{}", exchange.path)).header("PRIVATE-TOKEN", token);
    if let Some(body) = &exchange.body {
        request = request.json(body);
    }
    let mut response = request.send().await.map_err(|error| cause(&error))?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let headers = HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), header(name)?))).collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(Unanswered("the answer is larger than any that was asked for".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_only_goes_where_it_is_encrypted() {
        for (text, base) in [
            ("https://api.github.com", Some("https://api.github.com")),
            ("https://github.bank.example/api/v3/", Some("https://github.bank.example/api/v3")),
            ("http://127.0.0.1:4010", Some("http://127.0.0.1:4010")),
            ("http://api.github.com", None),
            ("http://127.0.0.1.evil.example", None),
            ("https://user:secret@host", None),
            ("https://host/?a=b", None),
            ("ftp://host", None),
            ("no address", None),
        ] {
            assert_eq!(checked(text).as_deref(), base, "{text}");
        }
    }
}
