//! One file over https.

use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, StatusCode, Url};

use super::{Address, RemoteSettings, Scheme, is_elsewhere, is_loopback, literal, local_name};
use crate::problem::Problem;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;
/// Time without a byte after which a download is given up.
const READ_TIME: Duration = Duration::from_secs(60);
/// Time for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Names of hosts, without addresses of this machine and its link.
struct Elsewhere;

impl Resolve for Elsewhere {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs()).await??;
            let found: Vec<SocketAddr> = found.filter(|address| is_elsewhere(address.ip())).collect();
            if found.is_empty() {
                return Err("the host is this machine or on its link".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

pub(super) async fn download(
    address: &Address,
    settings: &RemoteSettings,
    directory: &Path,
) -> Result<(PathBuf, String), Problem> {
    let url = Url::parse(&address.text).map_err(|_| unreachable(address, "it is no address"))?;
    if !is_allowed(&url, settings.loopback) {
        let what =
            if address.scheme == Scheme::Http { "http is not read" } else { "it is this machine or on its link" };
        return Err(unreachable(address, what).hint("use `https://` and a host that other machines reach, too"));
    }
    let client = client(settings).map_err(|_| unreachable(address, "no connection can be made"))?;
    let of_error = |error: &reqwest::Error| {
        // The error itself names where a redirect led to, which may hold a signature.
        let what = match error {
            _ if error.is_timeout() => "there was no answer in time",
            _ if error.is_redirect() => "it leads to another place that is not read",
            _ if error.is_body() || error.is_decode() => "it broke off",
            _ => "it cannot be reached",
        };
        unreachable(address, what)
    };
    let mut response = client.get(url).send().await.map_err(|error| of_error(&error))?;
    if response.status() != StatusCode::OK {
        let status = response.status();
        return Err(unreachable(address, &format!("the server answers {status}")));
    }
    if response.content_length().is_some_and(|length| length > settings.bytes_max) {
        return Err(address.too_large(settings));
    }
    let name = address.path.rsplit('/').next().unwrap_or_default().to_owned();
    let path = directory.join(local_name(0, &name));
    let mut file = File::create_new(&path).map_err(|error| address.unkept(&error))?;
    let mut bytes = 0_u64;
    while let Some(chunk) = response.chunk().await.map_err(|error| of_error(&error))? {
        bytes += chunk.len() as u64;
        if bytes > settings.bytes_max {
            return Err(address.too_large(settings));
        }
        file.write_all(&chunk).map_err(|error| address.unkept(&error))?;
    }
    Ok((path, address.text.clone()))
}

/// Whether a place may be asked: over https, and elsewhere; this machine only where that is allowed.
fn is_allowed(url: &Url, loopback: bool) -> bool {
    let host = url.host_str().unwrap_or_default();
    (loopback && is_loopback(host)) || (url.scheme() == "https" && literal(host).is_none_or(is_elsewhere))
}

fn client(settings: &RemoteSettings) -> reqwest::Result<Client> {
    let loopback = settings.loopback;
    let redirects = Policy::custom(move |attempt: Attempt<'_>| {
        if attempt.previous().len() > REDIRECTS_MAX || !is_allowed(attempt.url(), loopback) {
            attempt.error("not followed")
        } else {
            attempt.follow()
        }
    });
    let client = Client::builder().connect_timeout(CONNECT_TIME).read_timeout(READ_TIME).redirect(redirects);
    if loopback { client.build() } else { client.dns_resolver(Arc::new(Elsewhere)).build() }
}

fn unreachable(address: &Address, what: &str) -> Problem {
    Problem::new("unreachable-file", format!("`{}`: {what}", address.text)).hint("check the address and the network")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_this_machine_and_http_are_not_asked() {
        let allowed = |url: &str, loopback| is_allowed(&Url::parse(url).unwrap(), loopback);
        for url in ["https://example.org/a", "https://10.0.0.1/a", "https://[2606:2800::1]/a"] {
            assert!(allowed(url, false), "{url}");
        }
        for url in ["http://example.org/a", "https://169.254.169.254/a", "https://[::1]/a", "https://127.0.0.1/a"] {
            assert!(!allowed(url, false), "{url}");
        }
        assert!(allowed("http://127.0.0.1:8080/a", true) && allowed("http://localhost/a", true));
        assert!(!allowed("http://example.org/a", true) && !allowed("https://169.254.169.254/a", true));
    }
}
