//! Asking a time-stamping service over HTTP (RFC 3161, 3.4).

use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE};

use super::{Authorities, TokenError, request};
use crate::evidence::service::{answer, in_thread};

/// A signature has no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum TimestampError {
    /// No address of a service.
    #[error("the address of a time-stamping service is `http://…` or `https://…`, without a name and a password")]
    Address,
    /// The service was asked as often as may be.
    #[error("the time-stamping service {host} gave no answer: {reason}")]
    NoAnswer {
        /// Whom.
        host: String,
        /// The last attempt's reason.
        reason: String,
    },
    /// The answer proves nothing.
    #[error("the answer of the time-stamping service {host} is refused: {reason}")]
    Refused {
        /// Whom.
        host: String,
        /// Why.
        reason: TokenError,
    },
    /// The operating system has no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandomness,
}

/// A time-stamping service, and who has to vouch for it.
#[derive(Debug, Clone)]
pub struct Service {
    url: Url,
    authorities: Authorities,
}

impl Service {
    /// A service by its address. Plain http will do: the answer is signed, and is one to this request.
    ///
    /// # Errors
    /// [`TimestampError::Address`].
    pub fn new(url: &str, authorities: Authorities) -> Result<Self, TimestampError> {
        let url = Url::parse(url).map_err(|_| TimestampError::Address)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(TimestampError::Address);
        }
        Ok(Self { url, authorities })
    }

    /// A response over `signature`, verified.
    ///
    /// # Errors
    /// [`TimestampError`].
    pub fn stamp(&self, signature: &[u8]) -> Result<Vec<u8>, TimestampError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| TimestampError::NoRandomness)?;
        // Positive, and of the shortest form: DER has one for each number.
        nonce[0] = (nonce[0] & 0x7f) | 0x40;
        let request = request(signature, &nonce);
        let response = in_thread(|client| async move {
            let ask = || {
                let asked = client.post(self.url.clone()).header(CONTENT_TYPE, "application/timestamp-query");
                asked.header(ACCEPT, "application/timestamp-reply").body(request.clone())
            };
            answer(ask).await
        });
        let host = self.host();
        let response = response.map_err(|reason| TimestampError::NoAnswer { host: host.clone(), reason })?;
        let verified = self.authorities.verify(&response, signature, Some(&nonce));
        verified.map_err(|reason| TimestampError::Refused { host, reason })?;
        Ok(response)
    }

    fn host(&self) -> String {
        format!("`{}`", self.url.host_str().unwrap_or_default())
    }
}
