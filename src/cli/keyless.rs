//! What `verify` is told about bundles that a certificate signed, and files that it reads for them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Failure, Printer};
use crate::evidence::verify::{Expectations, VerifiedStatement, VerifyError};
#[cfg(feature = "keyless")]
use crate::evidence::verify::{Signer, verify_payload};
use crate::problem::Problem;

/// Whose certificate may have signed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct CertificateArguments {
    /// Who may have signed without a key: the identity in the certificate, exactly, such as
    /// `https://github.com/o/r/.github/workflows/gate.yml@refs/heads/main`
    #[arg(long, value_name = "IDENTITY", requires = "certificate_oidc_issuer", conflicts_with = "key")]
    certificate_identity: Option<String>,
    /// Who vouched for that identity, such as `https://token.actions.githubusercontent.com`
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The authorities and logs to believe, a `trusted_root.json`; by default those of Sigstore's public
    /// instance as this build knows them. Nothing is ever fetched
    #[arg(long, value_name = "FILE", requires = "certificate_identity")]
    trusted_root: Option<PathBuf>,
}

impl CertificateArguments {
    /// Whether a certificate is to be verified, and not a key.
    pub(super) const fn is_given(&self) -> bool {
        self.certificate_identity.is_some()
    }

    /// Whom to believe.
    #[cfg(feature = "keyless")]
    pub(super) fn trust(&self, printer: &Printer) -> Result<CertificateTrust, Failure> {
        use crate::evidence::keyless::{Identity, MAX_TRUSTED_ROOT_BYTES, Root, Trust};
        let text = match &self.trusted_root {
            Some(path) => Some(String::from_utf8(read_bounded(path, MAX_TRUSTED_ROOT_BYTES)?).map_err(|_| {
                Failure::usage(Problem::new("trusted-root", format!("`{}` is not text", path.display())))
            })?),
            None => None,
        };
        if text.is_none() {
            printer.say(
                "believing Sigstore's public instance as this build knows it; --trusted-root gives a newer state of it",
            );
        }
        let trust = Trust::new(text.as_deref().map_or(Root::Public, Root::Text)).map_err(|error| {
            let hint = "give the `trusted_root.json` of the instance that signed";
            Failure::usage(Problem::new("trusted-root", error.to_string()).hint(hint))
        })?;
        let identity = Identity {
            subject: self.certificate_identity.clone().unwrap_or_default(),
            issuer: self.certificate_oidc_issuer.clone().unwrap_or_default(),
        };
        Ok(CertificateTrust { trust, identity })
    }

    /// Says how to get a build that can.
    #[cfg(not(feature = "keyless"))]
    pub(super) fn trust(&self, _: &Printer) -> Result<CertificateTrust, Failure> {
        Err(Failure::usage(not_in_this_build()))
    }
}

/// An identity, and the authorities that vouch for it.
#[cfg(feature = "keyless")]
pub(super) struct CertificateTrust {
    trust: crate::evidence::keyless::Trust,
    identity: crate::evidence::keyless::Identity,
}

/// There is none in this build.
#[cfg(not(feature = "keyless"))]
pub(super) enum CertificateTrust {}

impl CertificateTrust {
    /// Verifies a bundle that a certificate signed.
    #[cfg(feature = "keyless")]
    pub(super) fn verify(&self, bundle: &[u8], expectations: &Expectations) -> Result<VerifiedStatement, VerifyError> {
        let payload = self.trust.verify_statement(bundle, &self.identity);
        let payload = payload.map_err(|error| VerifyError::Certificate(error.to_string()))?;
        verify_payload(&payload, expectations, |_, _| {
            Ok(Signer { name: self.identity.subject.clone(), key: self.identity.issuer.clone() })
        })
    }

    /// Never called: there is no such value.
    #[cfg(not(feature = "keyless"))]
    pub(super) const fn verify(&self, _: &[u8], _: &Expectations) -> Result<VerifiedStatement, VerifyError> {
        match *self {}
    }
}

/// Says how to get a build that knows certificates.
#[cfg(not(feature = "keyless"))]
pub(super) fn not_in_this_build() -> Problem {
    Problem::new("no-keyless", "this build knows no certificates: it was made without the feature `keyless`")
        .hint("build it with `cargo install --features keyless`, sign with a key, or verify the bundle with cosign")
}

/// Signing as the CI job that this is.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct KeylessArguments {
    /// Sign as this CI job, without a key: by a certificate for the identity that CI vouches for, and an entry in a public
    /// log. Never done unless asked for
    #[arg(long, conflicts_with = "key", group = "timestamp_trust")]
    keyless: bool,
    /// Publish the names of a private repository, its workflow and its reference in the public log
    #[arg(long, requires = "keyless")]
    keyless_public_log: bool,
    /// Certificate authority (Fulcio) of another instance than Sigstore's public one
    #[arg(
        long,
        value_name = "URL",
        requires = "keyless",
        requires = "rekor_url",
        requires = "timestamp_url",
        requires = "trusted_root"
    )]
    fulcio_url: Option<String>,
    /// Transparency log (Rekor v2) of that instance
    #[arg(long, value_name = "URL", requires = "fulcio_url")]
    rekor_url: Option<String>,
    /// The `trusted_root.json` of that instance
    #[arg(long, value_name = "FILE", requires = "fulcio_url")]
    trusted_root: Option<PathBuf>,
}

impl KeylessArguments {
    /// Whether it is asked for.
    pub(super) const fn is_given(&self) -> bool {
        self.keyless
    }

    /// What has to be given to verify what was signed, beside the identity.
    #[cfg(feature = "keyless")]
    pub(super) fn verify_options(&self) -> String {
        self.trusted_root.as_deref().map(|path| format!(" --trusted-root {}", path.display())).unwrap_or_default()
    }

    /// The services to sign with.
    #[cfg(feature = "keyless")]
    pub(super) fn instance(
        &self,
        timestamp_url: Option<&str>,
        identity: &crate::environment::CiIdentity,
    ) -> Result<crate::evidence::keyless::signing::Instance, Vec<Problem>> {
        use crate::evidence::keyless::MAX_TRUSTED_ROOT_BYTES;
        use crate::evidence::keyless::signing::{CustomInstance, Instance};
        let problem = |error: String| vec![Problem::new("keyless", error)];
        let text = self.trusted_root.as_deref().map(|path| read_bounded(path, MAX_TRUSTED_ROOT_BYTES)).transpose();
        let text = text.map_err(|failure| failure.parts().2.to_vec())?;
        let text =
            text.map(String::from_utf8).transpose().map_err(|_| problem("the trusted root is not text".into()))?;
        let custom = match (&self.fulcio_url, &self.rekor_url, timestamp_url, &text) {
            (Some(fulcio), Some(rekor), Some(timestamp), Some(root)) => {
                Some(CustomInstance { fulcio, rekor, timestamp, root })
            }
            _ => None,
        };
        if custom.is_none() && !identity.is_public && !self.keyless_public_log {
            let message = "nothing is signed: CI does not say that this repository is public, and the public log would show its \
                           name, its workflow and its reference to everybody";
            let hint =
                "sign with a key, or allow it with --keyless-public-log, or name another instance with --fulcio-url";
            return Err(vec![Problem::new("keyless-private", message).hint(hint)]);
        }
        Instance::new(custom).map_err(|error| problem(error.to_string()))
    }
}

/// Reads a file of at most `bytes_max` bytes.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|error| {
        Failure::usage(Problem::new("unreadable-file", format!("`{}` cannot be read: {error}", path.display())))
    })?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("`{}` is larger than {bytes_max} bytes", path.display());
        return Err(Failure::usage(Problem::new("file-too-large", message)));
    }
    Ok(bytes)
}
