//! The cryptography that Sigstore's crate asks for, by what is in the binary already: ring, p256 and SHA-2.
//!
//! What none of them does is refused, never skipped: ML-DSA, and signatures by RSA and P-384 over a message of which only
//! the digest is known.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{CryptoProvider, Error, HashContext, Result, SigningScheme};
use sigstore_verify::types::HashAlgorithm;

/// Makes [`Provider`] the process's own. Doing so again changes nothing.
pub(super) fn install() {
    // Refused only where it is there already.
    let _ = sigstore_verify::crypto::install_default_provider(&Provider);
}

#[derive(Debug)]
struct Provider;

struct Hasher<D>(D);

impl<D: Digest + Send> HashContext for Hasher<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

/// How ring verifies over a whole message.
fn algorithm(scheme: SigningScheme) -> Result<&'static dyn VerificationAlgorithm> {
    Ok(match scheme {
        SigningScheme::EcdsaP256Sha256 => &ring_signature::ECDSA_P256_SHA256_ASN1,
        SigningScheme::EcdsaP256Sha384 => &ring_signature::ECDSA_P256_SHA384_ASN1,
        SigningScheme::EcdsaP384Sha256 => &ring_signature::ECDSA_P384_SHA256_ASN1,
        SigningScheme::EcdsaP384Sha384 => &ring_signature::ECDSA_P384_SHA384_ASN1,
        SigningScheme::Ed25519 => &ring_signature::ED25519,
        SigningScheme::RsaPssSha256 => &ring_signature::RSA_PSS_2048_8192_SHA256,
        SigningScheme::RsaPssSha384 => &ring_signature::RSA_PSS_2048_8192_SHA384,
        SigningScheme::RsaPssSha512 => &ring_signature::RSA_PSS_2048_8192_SHA512,
        SigningScheme::RsaPkcs1Sha256 => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
        SigningScheme::RsaPkcs1Sha384 => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
        SigningScheme::RsaPkcs1Sha512 => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(unsupported(scheme)),
    })
}

fn unsupported(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(format!("this build does not verify {}", scheme.name()))
}

fn invalid(scheme: SigningScheme) -> Error {
    Error::Verification(format!("the {} signature is not the key's", scheme.name()))
}

impl CryptoProvider for Provider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        Ok(match algorithm {
            HashAlgorithm::Sha2256 => Box::new(Hasher(Sha256::new())),
            HashAlgorithm::Sha2384 => Box::new(Hasher(Sha384::new())),
            HashAlgorithm::Sha2512 => Box::new(Hasher(Sha512::new())),
            _ => return Err(Error::UnsupportedAlgorithm(format!("this build does not compute {algorithm}"))),
        })
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        UnparsedPublicKey::new(algorithm(scheme)?, key).verify(data, signature).map_err(|_| invalid(scheme))
    }

    fn verify_prehashed(&self, scheme: SigningScheme, key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
        if !matches!(scheme, SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP256Sha384) {
            return Err(unsupported(scheme));
        }
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| invalid(scheme))?;
        let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| invalid(scheme))?;
        key.verify_prehash(digest, &signature).map_err(|_| invalid(scheme))
    }
}
