//! What opening a key may need of the surroundings.

use super::error::KeyFormatError;
use crate::environment::{COSIGN_PASSWORD, KEY_PASSWORD, Secret};

/// Passphrases, and what must not be shown. Never part of the command line, which other users of a machine see.
#[derive(Debug, Clone, Default)]
pub struct KeyAccess {
    /// Passphrase of an encrypted key.
    pub passphrase: Option<Secret>,
    /// Passphrase of a key that cosign encrypted. It may be empty: cosign takes that for one.
    pub cosign_passphrase: Option<Secret>,
    /// Texts that are left out of what the program of a key management service says.
    pub secrets: Vec<Secret>,
}

impl KeyAccess {
    /// The passphrase of a key in PKCS#8, and the variable that it came from.
    pub(super) fn of_pkcs8(&self) -> Result<(&Secret, &'static str), KeyFormatError> {
        let own = self.passphrase.as_ref().map(|secret| (secret, KEY_PASSWORD));
        own.ok_or(KeyFormatError::PassphraseMissing)
    }

    /// The passphrase of a key of cosign's, and the variable that it came from.
    pub(super) fn of_cosign(&self) -> Result<(&Secret, &'static str), KeyFormatError> {
        let own = self.passphrase.as_ref().map(|secret| (secret, KEY_PASSWORD));
        let cosign = self.cosign_passphrase.as_ref().map(|secret| (secret, COSIGN_PASSWORD));
        own.or(cosign).ok_or(KeyFormatError::CosignPassphraseMissing)
    }
}
