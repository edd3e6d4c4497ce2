//! `modelgate verify --model`

use std::path::{Path, PathBuf};

use super::{Failure, Printer};
use crate::evidence::key::PublicKey;
use crate::evidence::model_signing;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::escape;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Check the OpenSSF signature of this model, a directory or a file, instead of a bundle
    #[arg(long, value_name = "PATH", requires = "signature", conflicts_with_all = ["bundle", "artifact", "require_tier", "evaluation"])]
    pub(super) model: Option<PathBuf>,
    /// The model's signature, such as `model.sig`
    #[arg(long, value_name = "FILE", requires = "model")]
    signature: Option<PathBuf>,
}

/// Verifies the signature over `model`, whose bytes are given.
pub(super) fn run(
    arguments: &Arguments,
    key: &PublicKey,
    read: impl FnOnce(&Path) -> Result<Vec<u8>, Failure>,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let (Some(model), Some(signature)) = (&arguments.model, &arguments.signature) else {
        let message = "the bundle, or --model with its --signature, is needed";
        return Err(Failure::usage(Problem::new("usage", message)));
    };
    match model_signing::verify(&read(signature)?, key, model, signature) {
        Ok(manifest) => {
            let name = escape::visible(&manifest.name);
            printer
                .data(&format!("verified: the model {name} is as it was signed\n  root  sha256:{}\n", manifest.root))?;
            Ok(ExitStatus::Success)
        }
        Err(error) => {
            let message = format!("`{}` proves nothing of `{}`: {error}", signature.display(), model.display());
            printer.problems("not verified", &[Problem::new("not-verified", message)]);
            Ok(ExitStatus::Denied)
        }
    }
}
