//! Trusted timestamps (RFC 3161): that a signature existed at a time, by the word of an authority.
//!
//! Without one, the time of a decision is what the machine that decided said. An authority is asked for the digest of the
//! signature alone, and its answer is verified before it is used.

mod client;
mod der;
mod token;

use chrono::{DateTime, Utc};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

pub use self::client::{Service, TimestampError};
use self::der::{element, tag};
pub use self::token::TokenError;
use crate::digest::Sha256Digest;

/// Largest file of certificates that is read. A chain has some 8 kB.
pub const MAX_CERTIFICATES_BYTES: u64 = 256 * 1024;

/// Certificates that may be trusted at once.
const TRUSTED_MAX: usize = 16;

/// `SEQUENCE { OBJECT IDENTIFIER sha256 }`: without parameters, as RFC 5754 has it.
const SHA256: &[u8] = &[0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// The file is not one of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has no certificate in PEM, one that cannot be read, or more than {TRUSTED_MAX}")]
pub struct NoCertificates;

/// The authorities whose timestamps are believed.
#[derive(Clone)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// Reads certificates in PEM: of the authorities that issue the certificates of time-stamping services. A service's own
    /// certificate alone is not enough, unless it is self-signed.
    ///
    /// # Errors
    /// [`NoCertificates`].
    pub fn from_pem(text: &[u8]) -> Result<Self, NoCertificates> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        Self::new(certificates.map_err(|_| NoCertificates)?)
    }

    /// Believes these certificates.
    ///
    /// # Errors
    /// [`NoCertificates`].
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, NoCertificates> {
        let are_readable = certificates.iter().all(|certificate| webpki::anchor_from_trusted_cert(certificate).is_ok());
        if (1..=TRUSTED_MAX).contains(&certificates.len()) && are_readable {
            Ok(Self(certificates))
        } else {
            Err(NoCertificates)
        }
    }

    /// Verifies a time-stamp response over `signature`, and gives its time. A nonce, where one was sent, has to come back.
    ///
    /// # Errors
    /// [`TokenError`] for the first thing that does not hold.
    pub fn verify(&self, response: &[u8], signature: &[u8], nonce: Option<&[u8]>) -> Result<DateTime<Utc>, TokenError> {
        token::verify(response, signature, nonce, &self.0)
    }
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Authorities({} certificates)", self.0.len())
    }
}

/// `TimeStampReq` for a signature: RFC 3161, 2.4.1. The certificate is asked for, so that the answer can be verified by
/// whoever trusts its authority.
fn request(signature: &[u8], nonce: &[u8]) -> Vec<u8> {
    let digest = Sha256Digest::of(signature);
    let imprint = element(tag::SEQUENCE, &[SHA256, &element(tag::OCTET_STRING, &[digest.as_bytes()])]);
    let version = element(tag::INTEGER, &[&[1]]);
    let certificate_wanted = element(tag::BOOLEAN, &[&[0xff]]);
    element(tag::SEQUENCE, &[&version, &imprint, &element(tag::INTEGER, &[nonce]), &certificate_wanted])
}

#[cfg(test)]
mod tests;
