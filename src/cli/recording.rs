//! From a decision to evidence that outlives the run: signed, stored, and written for whoever ships it.

use std::fs;
use std::path::{Path, PathBuf};

use super::printer::Printer;
use super::store;
use crate::environment::{Environment, LOG_KEY, SIGNING_KEY};
use crate::evidence::key::SigningKey;
use crate::evidence::{self, RunKey, SignedRun};
use crate::facts::repository::Origin;
use crate::gate::Decided;
use crate::problem::Problem;
use crate::report::EvidenceSummary;
use crate::store::{Appended, CheckpointSummary, LogKey, LogKeyError, LogKeys, Run, Store, StoreAddress, StoreError};

/// Directory for the store and the evidence, below the current one.
const STATE_DIRECTORY: &str = ".modelgate";

/// Name of the key that is made on a person's machine.
const LOCAL_KEY: &str = "local-signing-key.pem";

/// Directory for the log keys of stores that are made on a person's machine.
const LOG_KEYS: &str = "log-keys";

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Arguments {
    /// Signing key: ECDSA P-256, PKCS#8 PEM, readable by its owner alone. By default the one in
    /// MODELGATE_SIGNING_KEY; outside CI also a local key, which is made at first use
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The append-only store: a directory, or `s3://…`, `gs://…` or `az://…` that was made by `modelgate store init`
    /// [default: .modelgate/store]
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
    /// The key that signs the store's log: Ed25519, PKCS#8 PEM, readable by its owner alone. By default the one in
    /// MODELGATE_LOG_KEY; outside CI also a key that is made with a local store
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
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

    fn store_address(&self) -> StoreAddress {
        let default = || StoreAddress::Directory(Path::new(STATE_DIRECTORY).join("store"));
        self.store.clone().unwrap_or_else(default)
    }
}

/// Evidence that is signed, stored and written.
pub(super) struct Recorded {
    pub(super) summary: EvidenceSummary,
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
    let directory = arguments.out_directory();
    let written = write(&directory, &signed, &signer.key)?;
    let address = arguments.store_address();
    let appended = append(arguments, &address, decided, &signed, environment).await.map_err(|error| {
        let hint = format!(
            "nothing is lost: the signed evidence is in `{0}`; once the store can be had, deliver it with `modelgate \
             evidence push {0} --store {address}`, or run the check again",
            directory.display()
        );
        vec![Problem::new("store", error.to_string()).hint(hint)]
    })?;
    let checkpoint_file = directory.join(format!("{}.checkpoint", signed.run_key.short()));
    let checkpoint = appended.signed_checkpoint.clone().unwrap_or_else(|| appended.checkpoint.to_text());
    fs::write(&checkpoint_file, checkpoint).map_err(|error| unwritten(&directory, &error))?;
    let shown = |name: &str| directory.join(name).display().to_string();
    let verdict = &signed.verdict.bundle.name;
    // What was downloaded is no longer here to be compared.
    let mut here = decided.facts.artifacts.iter().map(|artifact| decided.directory.join(&artifact.file.path));
    let artifact = here.find(|path| path.is_file()).map(|path| format!(" --artifact {}", path.display()));
    Ok(Recorded {
        summary: EvidenceSummary {
            decision_sha256: decided.record_json.digest(),
            facts_sha256: decided.facts_json.digest(),
            run: signed.run_key.to_string(),
            store: address.to_string(),
            checkpoint: CheckpointSummary::from(&appended.checkpoint),
            checkpoint_is_signed: appended.signed_checkpoint.is_some(),
            files: signed.files().map(|file| shown(&file.name)).collect(),
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
        let key = SigningKey::load(file).map_err(problem)?;
        return Ok(Signer { key, description: format!("key {}", file.display()) });
    }
    if let Some(secret) = &environment.signing_key {
        let description = format!("key in {SIGNING_KEY}");
        // PEM begins with dashes; no path that anybody writes does.
        let key = match secret.expose().trim_start() {
            text if text.starts_with("-----BEGIN") => SigningKey::from_pem_text(text),
            path => SigningKey::load(Path::new(path)),
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
    let key = if file.exists() { SigningKey::load(&file) } else { make_local_key(directory, &file, printer) };
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
fn write(directory: &Path, signed: &SignedRun, key: &SigningKey) -> Result<PathBuf, Vec<Problem>> {
    let public_key = directory.join("public-key.pem");
    let pem = key.public_key().to_pem().map_err(|error| vec![Problem::new("signing-key", error.to_string())])?;
    let write_all = || {
        fs::create_dir_all(directory)?;
        if directory.starts_with(STATE_DIRECTORY) {
            // What the gate writes must not make the work tree that it judges look changed.
            fs::write(Path::new(STATE_DIRECTORY).join(".gitignore"), "*\n")?;
        }
        for file in signed.files() {
            fs::write(directory.join(&file.name), &file.bytes)?;
        }
        fs::write(&public_key, &pem)
    };
    write_all().map_err(|error| unwritten(directory, &error))?;
    Ok(public_key)
}

fn unwritten(directory: &Path, error: &std::io::Error) -> Vec<Problem> {
    let message = format!("the evidence cannot be written to `{}`: {error}", directory.display());
    vec![Problem::new("evidence-directory", message).hint("name another directory with `--out`")]
}

/// The log key by its option or its variable.
pub(super) fn log_key(file: Option<&Path>, environment: &Environment) -> Result<Option<LogKey>, LogKeyError> {
    if let Some(file) = file {
        return LogKey::load(file).map(Some);
    }
    let Some(secret) = &environment.log_key else { return Ok(None) };
    let key = match secret.expose().trim_start() {
        text if text.starts_with("-----BEGIN") => LogKey::from_pem_text(text, &format!("the key in {LOG_KEY}")),
        path => LogKey::load(Path::new(path)),
    };
    key.map(Some)
}

async fn append(
    arguments: &Arguments,
    address: &StoreAddress,
    decided: &Decided,
    signed: &SignedRun,
    environment: &Environment,
) -> Result<Appended, StoreError> {
    let is_local = environment.origin == Origin::Local;
    // A runner is gone after its job, and a key that is made on it with it.
    let directory = environment.config_directory.as_ref().filter(|_| is_local);
    let directory = directory.map(|directory| directory.join(LOG_KEYS));
    let keys = LogKeys::new(log_key(arguments.log_key.as_deref(), environment)?, directory);
    let is_signing = address.is_remote() || !is_local;
    let store = Store::open_to_append(address, &environment.remote, &keys, is_signing).await?;
    let mut blobs = Vec::new();
    // The policies make the record complete: with them it can be run again. Texts have a canonical form.
    if let Ok(archive) = decided.policies.bundle().to_archive() {
        blobs.push(archive.bytes().to_vec());
    }
    store.append(&Run::new(&decided.record, signed, blobs)).await
}
