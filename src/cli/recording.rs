//! From a decision to evidence that outlives the run: signed, stored, and written for whoever ships it.

use std::fs;
use std::path::{Path, PathBuf};

use super::keyless::KeylessArguments;
use super::printer::Printer;
use super::store;
use super::timestamp::TimestampArguments;
use crate::environment::{Environment, LOG_KEY, SIGNING_KEY};
use crate::evidence::key::SigningKey;
#[cfg(feature = "keyless")]
use crate::evidence::keyless::signing::{Instance, Session};
use crate::evidence::model_signing::{self, OwnModelSignature};
use crate::evidence::run_directory::PUBLIC_KEY;
use crate::evidence::run_parts::{Part, RunParts};
use crate::evidence::{self, EvidenceError, EvidenceFile, RunKey, SignedRun, Timestamped};
use crate::facts::repository::Origin;
use crate::gate::Decided;
use crate::problem::Problem;
use crate::report::EvidenceSummary;
use crate::store::{CheckpointSummary, LogKey, LogKeyError, LogKeys, Run, Store, StoreAddress, StoreError};

/// Directory for the store and the evidence, below the current one.
const STATE_DIRECTORY: &str = ".modelgate";

/// Name of the key that is made on a person's machine.
const LOCAL_KEY: &str = "local-signing-key.pem";

/// Directory for the log keys of stores that are made on a person's machine.
const LOG_KEYS: &str = "log-keys";

#[derive(Debug, Clone, clap::Args)]
// Flattened into the arguments of a command, whose type has the same name.
#[group(skip)]
pub(super) struct Arguments {
    /// Signing key: a PEM file readable by its owner alone (PKCS#8, SEC 1, or encrypted by OpenSSL or cosign: its
    /// passphrase is in MODELGATE_KEY_PASSWORD or COSIGN_PASSWORD), or `<scheme>://<key>` of a key management
    /// service with a Sigstore plugin `sigstore-kms-<scheme>`. By default the one in MODELGATE_SIGNING_KEY; outside
    /// CI also a local key, which is made at first use
    #[arg(long, value_name = "KEY")]
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
    #[command(flatten)]
    timestamp: TimestampArguments,
    #[command(flatten)]
    keyless: KeylessArguments,
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
        self.store.clone().unwrap_or_else(default_store)
    }
}

/// The store that is used where none is named.
pub(super) fn default_store() -> StoreAddress {
    StoreAddress::Directory(Path::new(STATE_DIRECTORY).join("store"))
}

/// Evidence that is signed, stored and written.
pub(super) struct Recorded {
    pub(super) summary: EvidenceSummary,
    /// Why the model was not signed, where it might have been.
    pub(super) unsigned_model: Option<String>,
}

/// Who signs, and what to call that.
pub(super) struct Signer {
    means: Means,
    description: String,
}

/// What is signed with.
enum Means {
    Key(SigningKey),
    /// The identity of this CI job.
    #[cfg(feature = "keyless")]
    Job(Box<Instance>),
}

/// A run that is signed, and what its verification needs.
struct Signed {
    run: SignedRun,
    /// The public key, PEM.
    public_key: Option<String>,
    /// Options for `modelgate verify`; without them, it is the public key.
    verify_options: Option<String>,
}

impl Signer {
    const fn of_key(key: SigningKey, description: String) -> Self {
        Self { means: Means::Key(key), description }
    }

    fn sign(
        &self,
        arguments: &Arguments,
        decided: &Decided,
        environment: &Environment,
    ) -> Result<Signed, Vec<Problem>> {
        let problem = |error: EvidenceError| vec![Problem::new("evidence", error.to_string())];
        let (record, facts) = (&decided.record, &decided.facts);
        let run_key = RunKey::of(record, environment.ci_run.as_deref()).map_err(|error| problem(error.into()))?;
        match &self.means {
            Means::Key(key) => {
                let run = match &arguments.timestamp.service()? {
                    Some(service) => evidence::sign_run(record, facts, run_key, &Timestamped { key, service }),
                    None => evidence::sign_run(record, facts, run_key, key),
                };
                let public_key = key.public_key().to_pem().map_err(|error| problem(error.into()))?;
                Ok(Signed { run: run.map_err(problem)?, public_key: Some(public_key), verify_options: None })
            }
            #[cfg(feature = "keyless")]
            Means::Job(instance) => {
                let session =
                    Session::open(instance, &environment.ci_identity).map_err(|error| problem(error.into()))?;
                let run = evidence::sign_run(record, facts, run_key, &session).map_err(problem)?;
                let identity = session.identity(&run.verdict.bundle.bytes).map_err(|error| problem(error.into()))?;
                let options = format!(
                    " --certificate-identity {} --certificate-oidc-issuer {}{}",
                    quoted(&identity.subject),
                    quoted(&identity.issuer),
                    arguments.keyless.verify_options()
                );
                Ok(Signed { run, public_key: None, verify_options: Some(options) })
            }
        }
    }
}

impl Signer {
    /// The model's own signature, or why there is none where there might have been.
    fn sign_model(&self, decided: &Decided) -> Result<(Option<EvidenceFile>, Option<String>), Vec<Problem>> {
        #[cfg_attr(
            not(feature = "keyless"),
            expect(clippy::infallible_destructuring_match, reason = "there is another")
        )]
        let key = match &self.means {
            Means::Key(key) => key,
            #[cfg(feature = "keyless")]
            Means::Job(_) => {
                return Ok((None, Some("it is made with a key, and this job signs without one".to_owned())));
            }
        };
        let signed = model_signing::of_release(&decided.directory, &decided.facts, decided.record.decision, key)
            .map_err(|error| vec![Problem::new("evidence", error.to_string())])?;
        Ok(match signed {
            OwnModelSignature::Signed(file) => (Some(file), None),
            OwnModelSignature::NotSigned(reason) => (None, reason),
        })
    }
}

/// Signs, writes and stores what was decided. Evidence is written before it is stored, so that a store
/// which cannot be reached loses nothing; it is stored before anybody is told of it.
pub(super) async fn record(
    arguments: &Arguments,
    decided: &Decided,
    environment: &Environment,
    signer: &Signer,
) -> Result<Recorded, Vec<Problem>> {
    let Signed { run: signed, public_key, verify_options } = signer.sign(arguments, decided, environment)?;
    let mut parts = parts_of(decided, environment, &signed, public_key.as_deref())?;
    let (model, unsigned_model) = signer.sign_model(decided)?;
    parts.others.extend(model.iter().map(|file| file.bytes.clone()));
    let directory = arguments.out_directory();
    let written = write(&directory, &signed, &parts, model.as_ref())?;
    let address = arguments.store_address();
    let appended = async {
        let store = open_to_append(&address, arguments.log_key.as_deref(), environment).await?;
        store.append(&Run::of_parts(&decided.record, &signed, &parts)).await
    };
    let appended = match appended.await {
        Ok(appended) => appended,
        Err(error) => return Err(vec![left_behind(&address, &directory, &signed, &parts, &error)]),
    };
    let checkpoint_file = directory.join(format!("{}.checkpoint", signed.run_key.short()));
    let checkpoint = appended.signed_checkpoint.clone().unwrap_or_else(|| appended.checkpoint.to_text());
    fs::write(&checkpoint_file, checkpoint).map_err(|error| unwritten(&directory, &error))?;
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
            store: address.to_string(),
            checkpoint: Some(CheckpointSummary::from(&appended.checkpoint)),
            checkpoint_is_signed: appended.signed_checkpoint.is_some(),
            files: signed.files().chain(&model).map(|file| shown(&file.name)).collect(),
            verify_command: format!(
                "modelgate verify {}{}{}",
                shown(verdict),
                verify_options.unwrap_or_else(|| format!(" --key {}", written.display())),
                artifact.unwrap_or_default()
            ),
            signed_by: signer.description.clone(),
            already_recorded: appended.already_recorded,
        },
    })
}

/// The identity of the CI job where that is asked for; else the key by its option, its variable, or on a person's machine the
/// local one, in this order.
pub(super) fn signer(
    arguments: &Arguments,
    environment: &Environment,
    printer: &Printer,
) -> Result<Signer, Vec<Problem>> {
    let problem = |error: evidence::key::KeyError| vec![Problem::new("signing-key", error.to_string())];
    if arguments.keyless.is_given() {
        return job(arguments, environment);
    }
    if let Some(file) = &arguments.key {
        let key = SigningKey::open(file, &environment.key_access).map_err(problem)?;
        return Ok(Signer::of_key(key, format!("key {}", file.display())));
    }
    if let Some(secret) = &environment.signing_key {
        let description = format!("key in {SIGNING_KEY}");
        // PEM begins with dashes; no path that anybody writes does.
        let key = match secret.expose().trim_start() {
            text if text.starts_with("-----BEGIN") => SigningKey::from_pem_text(text, &environment.key_access),
            reference => SigningKey::open(Path::new(reference.trim_end()), &environment.key_access),
        };
        return Ok(Signer::of_key(key.map_err(problem)?, description));
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
    let description = format!("local key {}, which only this machine knows", file.display());
    Ok(Signer::of_key(key.map_err(problem)?, description))
}

/// A word for a shell: what a certificate says may have been the name of somebody's branch.
#[cfg(feature = "keyless")]
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "@%+=:,./_-".contains(character);
    let word: String = word.chars().filter(|character| !character.is_control()).collect();
    if word.chars().all(is_plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(feature = "keyless")]
fn job(arguments: &Arguments, environment: &Environment) -> Result<Signer, Vec<Problem>> {
    let instance = arguments.keyless.instance(arguments.timestamp.url(), &environment.ci_identity)?;
    Ok(Signer { means: Means::Job(Box::new(instance)), description: "the identity of this CI job".to_owned() })
}

#[cfg(not(feature = "keyless"))]
fn job(_: &Arguments, _: &Environment) -> Result<Signer, Vec<Problem>> {
    Err(vec![super::keyless::not_in_this_build()])
}

fn make_local_key(directory: &Path, file: &Path, printer: &Printer) -> Result<SigningKey, evidence::key::KeyError> {
    // A directory that cannot be made shows as a file that cannot be written.
    let _ = fs::create_dir_all(directory);
    let key = SigningKey::generate()?;
    key.write_new(file)?;
    printer.say(&format!("made a local signing key: {}", file.display()));
    Ok(key)
}

/// Everything that belongs to a signed run.
fn parts_of(
    decided: &Decided,
    environment: &Environment,
    signed: &SignedRun,
    public_key: Option<&str>,
) -> Result<RunParts, Vec<Problem>> {
    let inputs = RunKey::inputs(&decided.record, environment.ci_run.as_deref())
        .map_err(|error| vec![Problem::new("evidence", error.to_string())])?;
    // The policies make the record complete: without them it could not be run again.
    let policies = decided.policies.bundle().to_archive().map_err(|problem| vec![problem])?;
    Ok(signed.parts(&inputs, &policies, public_key))
}

/// Whether a file of a run is written only where the store did not take it: the policies, and what lies in the directory
/// under a name of its own.
fn is_left_for_later(name: &str) -> bool {
    name.ends_with(Part::Policies.suffix()) || name.contains(".blob-")
}

/// What to do about a store that did not take the run. The policies, which are a megabyte and the same for most
/// runs, are left only now: with them the directory has all that the store would have.
fn left_behind(
    store: &StoreAddress,
    directory: &Path,
    signed: &SignedRun,
    parts: &RunParts,
    error: &StoreError,
) -> Problem {
    let run = signed.run_key.short();
    let written = parts
        .files(&run)
        .filter(|(name, _)| is_left_for_later(name))
        .try_for_each(|(name, bytes)| fs::write(directory.join(name), bytes));
    let directory = directory.display();
    let hint = match written {
        Ok(()) => format!(
            "nothing is lost: the signed evidence is in `{directory}`; mend the store, or name another, and run \
             `modelgate evidence push {directory} --store {store}`"
        ),
        Err(error) => format!(
            "the signed evidence is in `{directory}`, and the policies cannot be written there ({error}): mend the \
             store and run the check again"
        ),
    };
    Problem::new("store", error.to_string()).hint(hint)
}

/// Writes what belongs to the run, and the public key under the name that people look for; gives its path.
fn write(
    directory: &Path,
    signed: &SignedRun,
    parts: &RunParts,
    model: Option<&EvidenceFile>,
) -> Result<PathBuf, Vec<Problem>> {
    let public_key = directory.join(PUBLIC_KEY);
    let run = signed.run_key.short();
    let write_all = || {
        fs::create_dir_all(directory)?;
        if directory.starts_with(STATE_DIRECTORY) {
            // What the gate writes must not make the work tree that it judges look changed.
            fs::write(Path::new(STATE_DIRECTORY).join(".gitignore"), "*\n")?;
        }
        for (name, bytes) in parts.files(&run).filter(|(name, _)| !is_left_for_later(name)) {
            fs::write(directory.join(name), bytes)?;
        }
        if let Some(file) = model {
            fs::write(directory.join(&file.name), &file.bytes)?;
        }
        match parts.get(Part::PublicKey) {
            Ok(pem) => fs::write(&public_key, pem),
            // A certificate signed.
            Err(_) => Ok(()),
        }
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

/// The store at `address` for one more run; a local one is made where there is none.
pub(super) async fn open_to_append(
    address: &StoreAddress,
    log_key_file: Option<&Path>,
    environment: &Environment,
) -> Result<Store, StoreError> {
    let is_local = environment.origin == Origin::Local;
    // A runner is gone after its job, and a key that is made on it with it.
    let directory = environment.config_directory.as_ref().filter(|_| is_local);
    let directory = directory.map(|directory| directory.join(LOG_KEYS));
    let keys = LogKeys::new(log_key(log_key_file, environment)?, directory);
    let is_signing = address.is_remote() || !is_local;
    Store::open_to_append(address, &environment.remote, &keys, is_signing).await
}
