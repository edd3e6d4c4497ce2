//! Signatures that come with a model: checked against the keys that the policies trust.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::manifest::ModelManifest;
use super::{FILE_NAME, ModelSignatureError};
use crate::document::strict_json;
use crate::evidence::bundle::MAX_BUNDLE_BYTES;
use crate::evidence::dsse::{Envelope, RawEnvelope};
use crate::evidence::key::PublicKey;
use crate::facts::supply_chain::SignatureStatus;
use crate::facts::supply_chain::signatures::{ModelSigner, SignatureCheck, SignatureInput, SignatureVerifier};
use crate::problem::Problem;

/// Keys whose signatures over models are trusted, by the names of whose they are.
#[derive(Debug, Clone, Default)]
pub struct ModelSigners(Vec<(String, PublicKey)>);

impl ModelSigners {
    /// The keys of a policy bundle.
    ///
    /// # Errors
    /// A problem for each that is no key.
    pub fn of(signers: &[ModelSigner]) -> Result<Self, Vec<Problem>> {
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for signer in signers {
            match PublicKey::from_pem_text(&signer.public_key) {
                Ok(key) => keys.push((signer.name.clone(), key)),
                Err(error) => {
                    let message = format!("the key of the signer `{}` in the policies: {error}", signer.name);
                    problems.push(Problem::new("invalid-key", message).hint("correct it in `signers/`"));
                }
            }
        }
        if problems.is_empty() { Ok(Self(keys)) } else { Err(problems) }
    }
}

impl SignatureVerifier for ModelSigners {
    fn verify(&self, input: &SignatureInput<'_>) -> SignatureCheck {
        let check =
            |status, reason: String| SignatureCheck { status, signer: None, covers: Vec::new(), reason: Some(reason) };
        let is_named = input.path.file_name().is_some_and(|name| name == FILE_NAME);
        if !is_named && !input.bytes.trim_ascii_start().starts_with(b"{") {
            let reason = "it is not in the form of OpenSSF Model Signing, the only one that is checked";
            return check(SignatureStatus::Untrusted, reason.to_owned());
        }
        let (envelope, certified) = match envelope(input.bytes) {
            Ok(found) => found,
            Err(reason) => return check(SignatureStatus::Invalid, reason),
        };
        let covers = match covered(&envelope, input) {
            Ok(covers) => covers,
            // What cannot be checked here is not therefore wrong.
            Err(error @ ModelSignatureError::Hash(_)) => return check(SignatureStatus::Untrusted, error.to_string()),
            Err(error) => return check(SignatureStatus::Invalid, error.to_string()),
        };
        if let Some((name, _)) = self.0.iter().find(|(_, key)| envelope.is_signed_by(key)) {
            let signer = Some(name.clone());
            return SignatureCheck { status: SignatureStatus::Verified, signer, covers, reason: None };
        }
        let reason = if certified {
            "it is by a certificate, and only signatures by keys are checked"
        } else {
            "no key in the policies' `signers/` signed it"
        };
        check(SignatureStatus::Untrusted, reason.to_owned())
    }
}

/// The envelope of a bundle of any kind, and whether it is by a certificate. The rest of a bundle says who signed,
/// and is not believed.
fn envelope(bytes: &[u8]) -> Result<(Envelope, bool), String> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(format!("it is over {MAX_BUNDLE_BYTES} bytes"));
    }
    let value = strict_json::parse(bytes).map_err(|error| format!("it is not a Sigstore bundle: {error}"))?;
    let material = value.get("verificationMaterial");
    let certified = material.is_some_and(|material| {
        material.get("certificate").is_some() || material.get("x509CertificateChain").is_some()
    });
    let envelope = value.get("dsseEnvelope").cloned().unwrap_or(Value::Null);
    let envelope: RawEnvelope = serde_json::from_value(envelope)
        .map_err(|_| "it is a Sigstore bundle without a signed statement".to_owned())?;
    Envelope::try_from(envelope).map(|envelope| (envelope, certified)).map_err(|error| error.to_string())
}

/// The files that the signed manifest is about, which are as they were signed.
fn covered(envelope: &Envelope, input: &SignatureInput<'_>) -> Result<Vec<PathBuf>, ModelSignatureError> {
    let manifest = ModelManifest::from_payload(envelope.payload())?;
    let directory = input.path.parent().unwrap_or(Path::new(""));
    if !manifest.is_single_file() {
        return manifest.check(directory, input.path, input.known);
    }
    // `model.onnx.sig` beside `model.onnx`; or, beside others, the file of the name that was signed.
    let beside = input.path.with_extension("");
    let named = fs::read_dir(directory).into_iter().flatten().flatten();
    let named =
        named.map(|entry| entry.path()).find(|path| path.file_name().is_some_and(|name| *name == *manifest.name));
    let file = if beside.is_file() { Some(beside) } else { named };
    let file = file.ok_or_else(|| ModelSignatureError::Files(format!("`{}` is missing", manifest.name)))?;
    manifest.check(&file, input.path, input.known)
}
