//! Asking services that vouch for signatures: bounded in time, attempts and size, and never with more than the request.

use std::future::Future;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};

/// Time for one answer. Sigstore's logs say to wait for 20 s at least.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Time between attempts, one for each that follows the first. Public logs are seen to fail for minutes; a release that
/// waits longer is better run again.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15), Duration::from_secs(45)];
/// Largest answer. Chains of certificates and entries of logs have some 10 kB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Runs what asks services in a thread of its own, so that whoever signs need not wait asynchronously.
pub(super) fn in_thread<T, F>(work: impl FnOnce(Client) -> F + Send) -> Result<T, String>
where
    T: Send,
    F: Future<Output = Result<T, String>>,
{
    let run = || {
        // Whoever was first has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(ANSWER_TIME).redirect(Policy::none()).build();
        let client = client.map_err(|_| "no connection can be made".to_owned())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(work(client))
    };
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err("it broke off".to_owned()))
}

/// The answer to a request, which is made again where that may help.
pub(super) async fn answer(request: impl Fn() -> RequestBuilder) -> Result<Vec<u8>, String> {
    let mut pauses = PAUSES.iter();
    loop {
        let (reason, is_worth_another) = match attempt(request()).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        match pauses.next() {
            Some(pause) if is_worth_another => tokio::time::sleep(*pause).await,
            Some(_) | None => return Err(reason),
        }
    }
}

/// One attempt; if it failed, why, and whether another may do better.
async fn attempt(request: RequestBuilder) -> Result<Vec<u8>, (String, bool)> {
    let of_error = |error: &reqwest::Error| {
        // The error itself repeats the address, which may hold a token.
        let what = if error.is_timeout() { "it took too long" } else { "it cannot be reached" };
        (what.to_owned(), true)
    };
    let mut response = request.send().await.map_err(|error| of_error(&error))?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| of_error(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err((format!("its answer has more than {ANSWER_BYTES_MAX} bytes"), false));
        }
    }
    // Services that make something answer 201.
    if matches!(status, StatusCode::OK | StatusCode::CREATED) {
        return Ok(bytes);
    }
    let is_worth_another = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    // What else it says may repeat what it was asked, a token among it.
    Err((format!("it answers {status}"), is_worth_another))
}
