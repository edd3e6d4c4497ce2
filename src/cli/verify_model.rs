//! `modelgate verify --model`

use std::path::{Path, PathBuf};

use super::{Failure, Printer};
use crate::evidence::model_signing;
use crate::evidence::trust::Trust;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::escape;

#[derive(Debug, clap::Args)]
// Flattened into the arguments of a command, whose type has the same name.
#[group(skip)]
pub(super) struct Arguments {
    /// Check the OpenSSF signature of this model, a directory or a file, instead of a bundle
    #[arg(long, value_name = "PATH", requires = "signature", conflicts_with_all = ["evidence", "store", "artifact", "require_tier", "policy_digest", "max_age", "evaluation", "output"])]
    pub(super) model: Option<PathBuf>,
    /// The model's signature, such as `model.sig`
    #[arg(long, value_name = "FILE", requires = "model")]
    signature: Option<PathBuf>,
}

/// Verifies the signature over `model`, whose bytes are given.
pub(super) fn run(
    arguments: &Arguments,
    trust: &Trust,
    read: impl FnOnce(&Path) -> Result<Vec<u8>, Failure>,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let (Some(model), Some(signature)) = (&arguments.model, &arguments.signature) else {
        let message = "the bundle, or --model with its --signature, is needed";
        return Err(Failure::usage(Problem::new("usage", message)));
    };
    let (signed, mut refused) = (read(signature)?, None);
    for key in trust.valid_keys() {
        match model_signing::verify(&signed, key, model, signature) {
            Ok(manifest) => {
                let name = escape::visible(&manifest.name);
                let root = manifest.root;
                printer.data(&format!("verified: the model {name} is as it was signed\n  root  sha256:{root}\n"))?;
                return Ok(ExitStatus::Success);
            }
            // The first key's reason stays: most have one.
            Err(error) => refused = refused.or(Some(error.to_string())),
        }
    }
    let reason = refused.unwrap_or_else(|| "every key that was given is revoked".to_owned());
    let message = format!("`{}` proves nothing of `{}`: {reason}", signature.display(), model.display());
    printer.problems("not verified", &[Problem::new("not-verified", message)]);
    Ok(ExitStatus::Denied)
}
