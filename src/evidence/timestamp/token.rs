//! A time-stamp response (RFC 3161, 2.4.2): what it says, and that an authority signed it (RFC 5652, 5.4).

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use webpki::ring::{
    ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

use super::der::{Malformed, Reader, only, tag};

/// `1.2.840.113549.1.7.2`
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `1.2.840.113549.1.9.16.1.4`
const TIME_STAMP_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// `1.2.840.113549.1.9.3`
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// `1.2.840.113549.1.9.4`
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// `1.2.840.113549.1.9.16.2.47`
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
/// `1.3.6.1.5.5.7.3.8`
const FOR_TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// Certificates in a response that are looked at. Chains have three or four.
const CERTIFICATES_MAX: usize = 16;

/// Why a response proves no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a response in DER.
    #[error("it is not a time-stamp response")]
    Malformed,
    /// The authority refused.
    #[error("the authority refused the request with status {0}")]
    Status(String),
    /// Another algorithm than SHA-256, SHA-384 and SHA-512.
    #[error("it has a digest that is none of SHA-256, SHA-384 and SHA-512")]
    Algorithm,
    /// About something else.
    #[error("it is about something else than this signature")]
    OtherMessage,
    /// An answer to another request.
    #[error("it answers another request: its nonce is another")]
    Nonce,
    /// What is signed is not what is in it.
    #[error("its signed attributes are of something else")]
    Attributes,
    /// No authority that is believed signed it.
    #[error("no authority among the given certificates signed it{0}")]
    Untrusted(String),
}

impl From<Malformed> for TokenError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Digests that authorities use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// Reads an `AlgorithmIdentifier`, of which the parameters do not matter.
    fn read(reader: &mut Reader<'_>) -> Result<Self, TokenError> {
        match reader.within(tag::SEQUENCE)?.one(tag::OBJECT_IDENTIFIER)?.content {
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => Ok(Self::Sha256),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02] => Ok(Self::Sha384),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03] => Ok(Self::Sha512),
            _ => Err(TokenError::Algorithm),
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// What signs with it. ring verifies no ECDSA with SHA-512.
    fn signatures(self) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
        match self {
            Self::Sha256 => vec![RSA_PKCS1_2048_8192_SHA256, ECDSA_P256_SHA256, ECDSA_P384_SHA256],
            Self::Sha384 => vec![RSA_PKCS1_2048_8192_SHA384, ECDSA_P384_SHA384, ECDSA_P256_SHA384],
            Self::Sha512 => vec![RSA_PKCS1_2048_8192_SHA512],
        }
    }
}

/// A response, taken apart. Nothing in it is known to be true.
struct Token<'a> {
    /// `TSTInfo`, as it is signed.
    info: &'a [u8],
    certificates: Vec<CertificateDer<'a>>,
    digest: Algorithm,
    /// The signed attributes as they are in the response, where their tag is another than the one that is signed.
    attributes: &'a [u8],
    signature: &'a [u8],
}

/// What `TSTInfo` says.
struct Info<'a> {
    algorithm: Algorithm,
    imprint: &'a [u8],
    time: DateTime<Utc>,
    nonce: Option<&'a [u8]>,
}

/// Verifies a response: that it is about `message`, answers `nonce` where there is one, and is signed by an authority whose
/// certificate leads to one of `trusted`. Gives its time.
pub(super) fn verify(
    response: &[u8],
    message: &[u8],
    nonce: Option<&[u8]>,
    trusted: &[CertificateDer<'_>],
) -> Result<DateTime<Utc>, TokenError> {
    let token = Token::read(response)?;
    let info = Info::read(token.info)?;
    if info.algorithm.digest(message) != info.imprint {
        return Err(TokenError::OtherMessage);
    }
    if nonce.is_some() && info.nonce != nonce {
        return Err(TokenError::Nonce);
    }
    let certificate_digest = token.check_attributes()?;
    token.check_signature(info.time, certificate_digest, trusted)?;
    Ok(info.time)
}

impl<'a> Token<'a> {
    fn read(response: &'a [u8]) -> Result<Self, TokenError> {
        let mut response = only(response, tag::SEQUENCE)?;
        let mut status = response.within(tag::SEQUENCE)?;
        match status.one(tag::INTEGER)?.content {
            // Granted, also with modifications.
            [0 | 1] => {}
            other => return Err(TokenError::Status(format!("{other:?}"))),
        }
        let mut content = response.within(tag::SEQUENCE)?;
        if content.one(tag::OBJECT_IDENTIFIER)?.content != SIGNED_DATA {
            return Err(TokenError::Malformed);
        }
        let mut signed = content.within(tag::CONTEXT_0)?.within(tag::SEQUENCE)?;
        signed.one(tag::INTEGER)?;
        signed.one(tag::SET)?;
        let mut encapsulated = signed.within(tag::SEQUENCE)?;
        if encapsulated.one(tag::OBJECT_IDENTIFIER)?.content != TIME_STAMP_INFO {
            return Err(TokenError::Malformed);
        }
        let info = encapsulated.within(tag::CONTEXT_0)?.one(tag::OCTET_STRING)?.content;
        let mut certificates = Vec::new();
        if let Some(found) = signed.optional(tag::CONTEXT_0)? {
            let mut reader = Reader::new(found.content);
            while !reader.is_empty() {
                certificates.push(CertificateDer::from(reader.any()?.whole));
            }
        }
        // Revocation lists.
        signed.optional(0xa1)?;
        let mut signers = signed.within(tag::SET)?;
        let mut signer = signers.within(tag::SEQUENCE)?;
        // One signature, by one authority.
        if !signers.is_empty() || certificates.len() > CERTIFICATES_MAX {
            return Err(TokenError::Malformed);
        }
        signer.one(tag::INTEGER)?;
        // Which certificate it says to be the signer's: the one whose key verifies is.
        signer.any()?;
        let digest = Algorithm::read(&mut signer)?;
        let attributes = signer.one(tag::CONTEXT_0)?.whole;
        signer.one(tag::SEQUENCE)?;
        let signature = signer.one(tag::OCTET_STRING)?.content;
        Ok(Self { info, certificates, digest, attributes, signature })
    }

    /// Checks that the attributes are of this `TSTInfo`. Gives the digest of the signer's certificate, if they name it by one
    /// that is not SHA-1 (RFC 5816).
    fn check_attributes(&self) -> Result<Option<(Algorithm, &'a [u8])>, TokenError> {
        let (mut has_type, mut has_digest, mut certificate) = (false, false, None);
        let mut attributes = only(self.attributes, tag::CONTEXT_0)?;
        while !attributes.is_empty() {
            let mut attribute = attributes.within(tag::SEQUENCE)?;
            let kind = attribute.one(tag::OBJECT_IDENTIFIER)?.content;
            let mut values = attribute.within(tag::SET)?;
            if kind == CONTENT_TYPE {
                has_type = values.one(tag::OBJECT_IDENTIFIER)?.content == TIME_STAMP_INFO;
            } else if kind == MESSAGE_DIGEST {
                has_digest = values.one(tag::OCTET_STRING)?.content == self.digest.digest(self.info);
            } else if kind == SIGNING_CERTIFICATE_V2 {
                let mut first = values.within(tag::SEQUENCE)?.within(tag::SEQUENCE)?.within(tag::SEQUENCE)?;
                let mut ahead = first;
                // Without an algorithm it is SHA-256.
                let algorithm = match Algorithm::read(&mut ahead) {
                    Ok(algorithm) => {
                        first = ahead;
                        algorithm
                    }
                    Err(TokenError::Malformed) => Algorithm::Sha256,
                    Err(error) => return Err(error),
                };
                certificate = Some((algorithm, first.one(tag::OCTET_STRING)?.content));
            }
        }
        if has_type && has_digest { Ok(certificate) } else { Err(TokenError::Attributes) }
    }

    /// Checks that the key of a certificate that may stamp times, and leads to one that is trusted, signed the attributes.
    fn check_signature(
        &self,
        time: DateTime<Utc>,
        certificate_digest: Option<(Algorithm, &[u8])>,
        trusted: &[CertificateDer<'_>],
    ) -> Result<(), TokenError> {
        // What is signed has the tag of a set: RFC 5652, 5.4.
        let mut attributes = self.attributes.to_vec();
        if let Some(first) = attributes.first_mut() {
            *first = tag::SET;
        }
        let anchors: Vec<TrustAnchor<'_>> =
            trusted.iter().filter_map(|certificate| webpki::anchor_from_trusted_cert(certificate).ok()).collect();
        let since_epoch = Duration::from_secs(u64::try_from(time.timestamp()).map_err(|_| TokenError::Malformed)?);
        let mut reason = String::new();
        for candidate in self.certificates.iter().chain(trusted) {
            let named = certificate_digest.is_none_or(|(algorithm, digest)| algorithm.digest(candidate) == digest);
            let Ok(certificate) = EndEntityCert::try_from(candidate) else { continue };
            let verifies = |algorithm: &&'static dyn SignatureVerificationAlgorithm| {
                certificate.verify_signature(*algorithm, &attributes, self.signature).is_ok()
            };
            if !named || !self.digest.signatures().iter().any(verifies) {
                continue;
            }
            let chain = certificate.verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &anchors,
                &self.certificates,
                UnixTime::since_unix_epoch(since_epoch),
                KeyUsage::required(FOR_TIME_STAMPING),
                None,
                None,
            );
            match chain {
                Ok(_) => return Ok(()),
                Err(error) => reason = format!(": {error}"),
            }
        }
        Err(TokenError::Untrusted(reason))
    }
}

impl<'a> Info<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, TokenError> {
        let mut info = only(bytes, tag::SEQUENCE)?;
        if info.one(tag::INTEGER)?.content != [1] {
            return Err(TokenError::Malformed);
        }
        info.one(tag::OBJECT_IDENTIFIER)?;
        let mut message = info.within(tag::SEQUENCE)?;
        let algorithm = Algorithm::read(&mut message)?;
        let imprint = message.one(tag::OCTET_STRING)?.content;
        info.one(tag::INTEGER)?;
        let time = generalized_time(info.one(tag::GENERALIZED_TIME)?.content).ok_or(TokenError::Malformed)?;
        // Accuracy and ordering.
        info.optional(tag::SEQUENCE)?;
        info.optional(tag::BOOLEAN)?;
        let nonce = info.optional(tag::INTEGER)?.map(|nonce| nonce.content);
        Ok(Self { algorithm, imprint, time, nonce })
    }
}

/// `YYYYMMDDHHMMSS[.fraction]Z`: RFC 3161, 2.4.2. The fraction is left out.
fn generalized_time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_at_checked(14)?;
    let is_fraction = fraction.is_empty()
        || fraction.strip_prefix('.').is_some_and(|digits| {
            (1..=9).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        });
    if !is_fraction || !seconds.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    NaiveDateTime::parse_from_str(seconds, "%Y%m%d%H%M%S").ok().map(|time| time.and_utc())
}
