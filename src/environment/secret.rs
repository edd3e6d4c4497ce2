//! Texts that must not be shown.

use std::fmt;

use zeroize::Zeroizing;

/// Passphrase of an encrypted signing key.
pub const KEY_PASSWORD: &str = "MODELGATE_KEY_PASSWORD";

/// Passphrase of a signing key that cosign encrypted, by cosign's own name.
pub const COSIGN_PASSWORD: &str = "COSIGN_PASSWORD";

/// A text that must not be shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Whoever asks for it must not show it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.expose(), "hunter2");
    }
}
