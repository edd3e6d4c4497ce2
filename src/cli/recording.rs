//! From a decision to evidence that outlives the run: signed, stored, and written for whoever ships it.

use std::fs;
use std::path::{Path, PathBuf};

use super::printer::Printer;
use crate::environment::{Environment, SIGNING_KEY};
use crate::evidence::key::SigningKey;
use crate::evidence::model_signing::{self, OwnModelSignature};
use crate::evidence::{self, EvidenceFile, RunKey, SignedRun};
use crate::facts::repository::Origin;
use crate::gate::Decided;
use crate::problem::Problem;
use crate::report::EvidenceSummary;
use crate::store::{Appended, Run, Store, StoreError};

/// Directory for the store and the evidence, below the current one.
const STATE_DIRECTORY: &str = ".modelgate";

/// Name of the key that is made on a person's machine.
const LOCAL_KEY: &str = "local-signing-key.pem";

/// Name of the public key beside what it signed.
const PUBLIC_KEY: &str = "public-key.pem";

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Arguments {
    /// Signing key: a PEM file readable by its owner alone (PKCS#8, SEC 1, or encrypted by OpenSSL or cosign: its
    /// passphrase is in MODELGATE_KEY_PASSWORD or COSIGN_PASSWORD), or `<scheme>://<key>` of a key management
    /// service with a Sigstore plugin `sigstore-kms-<scheme>`. By default the one in MODELGATE_SIGNING_KEY; outside
    /// CI also a local key, which is made at first use
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Directory of the append-only store [default: .modelgate/store]
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<PathBuf>,
    /// Directory for the signed bundles [default: .modelgate/evidence]
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

impl Arguments {
    /// Where the signed bundles go.
    pub(super) fn out_directory(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new(STATE_DIRECTORY).join("evidence"))
    }

    /// The same, with the signed bundles in a directory below.
    pub(super) fn below(&self, release: &Path) -> Self {
        Self { out: Some(self.out_directory().join(release)), ..self.clone() }
    }

    fn store_directory(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| Path::new(STATE_DIRECTORY).join("store"))
    }
}

/// Evidence that is signed, stored and written.
pub(super) struct Recorded {
    pub(super) summary: EvidenceSummary,
    /// Why the model was not signed, where it might have been.
    pub(super) unsigned_model: Option<String>,
}

/// A signing key, and what to call it.
pub(super) struct Signer {
    key: SigningKey,
    description: String,
}

/// Signs, writes and stores what was decided. Evidence is written before it is stored, so that a store
/// which cannot be reached loses nothing.
pub(super) async fn record(
    arguments: &Arguments,
    decided: &Decided,
    environment: &Environment,
    signer: &Signer,
) -> Result<Recorded, Vec<Problem>> {
    let signed = RunKey::of(&decided.record, environment.ci_run.as_deref())
        .map_err(evidence::EvidenceError::from)
        .and_then(|run_key| evidence::sign_run(&decided.record, &decided.facts, run_key, &signer.key))
        .map_err(|error| vec![Problem::new("evidence", error.to_string())])?;
    let model = model_signing::of_release(&decided.directory, &decided.facts, decided.record.decision, &signer.key)
        .map_err(|error| vec![Problem::new("evidence", error.to_string())])?;
    let (model, unsigned_model) = match model {
        OwnModelSignature::Signed(file) => (Some(file), None),
        OwnModelSignature::NotSigned(reason) => (None, reason),
    };
    let directory = arguments.out_directory();
    let written = write(&directory, signed.files().chain(&model), &signer.key)?;
    let appended = store(arguments, decided, &signed, model.as_ref()).await.map_err(|error| {
        let hint = format!(
            "nothing is lost: the signed evidence is in `{}`; mend the store and run the check again",
            directory.display()
        );
        vec![Problem::new("store", error.to_string()).hint(hint)]
    })?;
    let shown = |name: &str| directory.join(name).display().to_string();
    let verdict = &signed.verdict.bundle.name;
    // What was downloaded is no longer here to be compared.
    let mut here = decided.facts.artifacts.iter().map(|artifact| decided.directory.join(&artifact.file.path));
    let artifact = here.find(|path| path.is_file()).map(|path| format!(" --artifact {}", path.display()));
    Ok(Recorded {
        unsigned_model,
        summary: EvidenceSummary {
            decision_sha256: decided.record_json.digest(),
            facts_sha256: decided.facts_json.digest(),
            run: signed.run_key.to_string(),
            store: arguments.store_directory().display().to_string(),
            files: signed.files().chain(&model).map(|file| shown(&file.name)).collect(),
            verify_command: format!(
                "modelgate verify {} --key {}{}",
                shown(verdict),
                written.display(),
                artifact.unwrap_or_default()
            ),
            signed_by: signer.description.clone(),
            already_recorded: appended.already_recorded,
        },
    })
}

/// The key by its option, its variable, or on a person's machine the local one, in this order.
pub(super) fn signer(
    arguments: &Arguments,
    environment: &Environment,
    printer: &Printer,
) -> Result<Signer, Vec<Problem>> {
    let problem = |error: evidence::key::KeyError| vec![Problem::new("signing-key", error.to_string())];
    if let Some(file) = &arguments.key {
        let key = SigningKey::open(file, &environment.key_access).map_err(problem)?;
        return Ok(Signer { key, description: format!("key {}", file.display()) });
    }
    if let Some(secret) = &environment.signing_key {
        let description = format!("key in {SIGNING_KEY}");
        // PEM begins with dashes; no path that anybody writes does.
        let key = match secret.expose().trim_start() {
            text if text.starts_with("-----BEGIN") => SigningKey::from_pem_text(text, &environment.key_access),
            reference => SigningKey::open(Path::new(reference.trim_end()), &environment.key_access),
        };
        return Ok(Signer { key: key.map_err(problem)?, description });
    }
    if environment.origin != Origin::Local {
        let message = format!("there is no signing key: `{SIGNING_KEY}` is not set and `--key` is not given");
        return Err(vec![Problem::new("no-signing-key", message).hint(
            "make one with `modelgate keygen`, keep it as a secret of the CI system, and pass it to this step; a fork's run has no secrets",
        )]);
    }
    let Some(directory) = &environment.config_directory else {
        let message = "there is no home directory to keep a local key in";
        return Err(vec![
            Problem::new("no-signing-key", message).hint("make a key with `modelgate keygen` and give it with `--key`"),
        ]);
    };
    let file = directory.join(LOCAL_KEY);
    let key = if file.exists() {
        SigningKey::open(&file, &environment.key_access)
    } else {
        make_local_key(directory, &file, printer)
    };
    Ok(Signer {
        key: key.map_err(problem)?,
        description: format!("local key {}, which only this machine knows", file.display()),
    })
}

fn make_local_key(directory: &Path, file: &Path, printer: &Printer) -> Result<SigningKey, evidence::key::KeyError> {
    // A directory that cannot be made shows as a file that cannot be written.
    let _ = fs::create_dir_all(directory);
    let key = SigningKey::generate()?;
    key.write_new(file)?;
    printer.say(&format!("made a local signing key: {}", file.display()));
    Ok(key)
}

/// Writes the signed files and the public key; gives the path of the latter.
fn write<'a>(
    directory: &Path,
    files: impl Iterator<Item = &'a EvidenceFile>,
    key: &SigningKey,
) -> Result<PathBuf, Vec<Problem>> {
    let pem = key.public_key().to_pem().map_err(|error| vec![Problem::new("signing-key", error.to_string())])?;
    let write_all = move || {
        fs::create_dir_all(directory)?;
        if directory.starts_with(STATE_DIRECTORY) {
            // What the gate writes must not make the work tree that it judges look changed.
            fs::write(Path::new(STATE_DIRECTORY).join(".gitignore"), "*\n")?;
        }
        for file in files {
            fs::write(directory.join(&file.name), &file.bytes)?;
        }
        fs::write(directory.join(PUBLIC_KEY), &pem)
    };
    write_all().map_err(|error| {
        let message = format!("the evidence cannot be written to `{}`: {error}", directory.display());
        vec![Problem::new("evidence-directory", message).hint("name another directory with `--out`")]
    })?;
    Ok(directory.join(PUBLIC_KEY))
}

async fn store(
    arguments: &Arguments,
    decided: &Decided,
    signed: &SignedRun,
    model: Option<&EvidenceFile>,
) -> Result<Appended, StoreError> {
    let store = Store::open_local(arguments.store_directory()).await?;
    let mut blobs = Vec::new();
    // The policies make the record complete: with them it can be run again. Texts have a canonical form.
    if let Ok(archive) = decided.policies.bundle().to_archive() {
        blobs.push(archive.bytes().to_vec());
    }
    blobs.extend(model.map(|file| file.bytes.clone()));
    store.append(&Run::new(&decided.record, signed, blobs)).await
}
