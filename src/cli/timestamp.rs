//! Trusted timestamps on the command line: asked for when signing, and checked when verifying.

use std::path::{Path, PathBuf};

use super::Failure;
use super::keyless::read_bounded;
use crate::evidence::bundle::Bundle;
use crate::evidence::timestamp::{Authorities, MAX_CERTIFICATES_BYTES, Service};
use crate::evidence::verify::VerifyError;
use crate::problem::Problem;

/// Whom to ask for the time of a signature.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct TimestampArguments {
    /// Time-stamping service (RFC 3161) to ask for the time of each signature, by http or https. It sees a digest of the signature
    #[arg(long, value_name = "URL", requires = "timestamp_trust")]
    timestamp_url: Option<String>,
    /// Certificates of the authorities that have to vouch for that service, PEM
    #[arg(long, value_name = "FILE", requires = "timestamp_url", group = "timestamp_trust")]
    timestamp_certificate: Option<PathBuf>,
}

impl TimestampArguments {
    /// The service's address, if one is asked for.
    #[cfg(feature = "keyless")]
    pub(super) fn url(&self) -> Option<&str> {
        self.timestamp_url.as_deref()
    }

    /// The service, if one is asked for.
    pub(super) fn service(&self) -> Result<Option<Service>, Vec<Problem>> {
        let Some((url, certificates)) = self.timestamp_url.as_deref().zip(self.timestamp_certificate.as_deref()) else {
            return Ok(None);
        };
        let service = Service::new(url, authorities(certificates)?);
        service.map(Some).map_err(|error| vec![Problem::new("timestamp-service", error.to_string())])
    }
}

/// Who has to vouch for the time of what is verified.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct TimestampCheck {
    /// Certificates of time-stamping authorities, PEM: one of them must have vouched for the time of the signature
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_identity")]
    timestamp_certificate: Option<PathBuf>,
}

impl TimestampCheck {
    /// Who has to vouch, if that is asked for.
    pub(super) fn authorities(&self) -> Result<Option<Authorities>, Failure> {
        self.timestamp_certificate.as_deref().map(authorities).transpose().map_err(Failure::Usage)
    }
}

/// Whether a bundle that a key signed has a timestamp.
pub(super) fn is_in(bundle: &[u8]) -> bool {
    Bundle::timestamps(bundle).is_ok_and(|timestamps| !timestamps.is_empty())
}

/// Checks the timestamps of a bundle of which the signature is verified: the time that `authorities` vouch for.
pub(super) fn check(authorities: &Authorities, bundle: &[u8]) -> Result<String, VerifyError> {
    let signed = Bundle::from_bytes(bundle)?;
    let mut reason = "it has no timestamp".to_owned();
    for response in &Bundle::timestamps(bundle)? {
        match authorities.verify(response, signed.envelope.signature(), None) {
            Ok(time) => return Ok(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            Err(error) => reason = format!("its timestamp is refused: {error}"),
        }
    }
    Err(VerifyError::Timestamp(reason))
}

fn authorities(path: &Path) -> Result<Authorities, Vec<Problem>> {
    let problem = |message: String| vec![Problem::new("timestamp-certificate", message)];
    let text = read_bounded(path, MAX_CERTIFICATES_BYTES).map_err(|failure| failure.parts().2.to_vec())?;
    Authorities::from_pem(&text).map_err(|error| problem(format!("`{}`: {error}", path.display())))
}
