//! Runs that are named on the command line: in a store, or in a directory of evidence.

use std::path::{Path, PathBuf};

use super::{Failure, policies, recording};
use crate::digest::Sha256Digest;
use crate::environment::Environment;
use crate::evidence::bundle::Bundle;
use crate::evidence::run_directory::{self, RunDirectoryError};
use crate::evidence::run_parts::{Part, RecordedRun, RunError, RunParts};
use crate::evidence::trust::{Trust, TrustedKey};
use crate::evidence::{RunKey, key::PublicKey};
use crate::problem::Problem;
use crate::report::EvidenceSummary;
use crate::store::{Receipt, Store, StoreAddress, StoreError};

/// Runs that a message names.
const RUNS_SHOWN_MAX: usize = 10;

/// Whose signatures count.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TrustArguments {
    /// Public key of whoever may sign, PEM. Repeatable
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// File of trust roots: which keys may sign for which verifier, up to which tier, and when (docs/evidence.md)
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl TrustArguments {
    /// The keys that are trusted, or none where none is named.
    pub(super) fn load(&self) -> Result<Option<Trust>, Failure> {
        let mut trust = Trust::new(Vec::new());
        for path in &self.key {
            let key = PublicKey::load_pem(path)
                .map_err(|error| Failure::usage(Problem::new("public-key", error.to_string())))?;
            trust.extend(Trust::new(vec![TrustedKey::new(path.display().to_string(), key)]));
        }
        if let Some(path) = &self.trust {
            trust.extend(Trust::load(path).map_err(Failure::Usage)?);
        }
        Ok((!self.key.is_empty() || self.trust.is_some()).then_some(trust))
    }
}

/// A run with its parts, and where it is recorded.
pub(super) struct FoundRun {
    /// How it is called in messages.
    pub(super) name: String,
    pub(super) parts: RunParts,
    pub(super) receipt: Option<Receipt>,
    /// The store or the directory.
    place: String,
}

impl FoundRun {
    /// Where its evidence is, as a report refers to it.
    pub(super) fn summary(&self, recorded: &RecordedRun) -> EvidenceSummary {
        let place = &self.place;
        let bundles = [Part::Verdict, Part::Evaluation].into_iter().filter_map(|part| {
            let digest = Sha256Digest::of(self.parts.get(part).ok()?).to_hex();
            let first: String = digest.chars().take(2).collect();
            Some(match &self.receipt {
                Some(_) => format!("{place}/v1/blobs/sha256/{first}/{digest}"),
                None => format!("{place}/{}.{}", self.name, part.suffix()),
            })
        });
        let reference = match &self.receipt {
            Some(_) => format!("{} --store {place}", self.name),
            None => place.clone(),
        };
        let signed_by = match self.parts.get(Part::Verdict).map(Bundle::from_bytes) {
            Ok(Ok(bundle)) => format!("key with the hint {}", bundle.hint),
            Ok(Err(_)) => "whoever the certificate in the bundle names".to_owned(),
            Err(_) => "nobody: there is no bundle".to_owned(),
        };
        EvidenceSummary {
            decision_sha256: recorded.record_json.digest(),
            facts_sha256: recorded.facts_json.digest(),
            run: self.receipt.as_ref().map_or_else(|| self.name.clone(), |receipt| receipt.run_key.to_string()),
            store: place.clone(),
            checkpoint: None,
            checkpoint_is_signed: false,
            files: bundles.collect(),
            verify_command: format!("modelgate verify {reference} --key PUBLIC-KEY.pem"),
            signed_by,
            already_recorded: true,
        }
    }
}

/// The store that is named, or the one of this directory.
fn store_or_default(address: Option<&StoreAddress>) -> StoreAddress {
    address.cloned().unwrap_or_else(recording::default_store)
}

/// The store at `address`, which must be there.
pub(super) async fn existing(address: Option<&StoreAddress>, environment: &Environment) -> Result<Store, Failure> {
    Store::open(&store_or_default(address), &environment.remote).await.map_err(|error| match error {
        StoreError::NoStore { .. } => {
            Failure::usage(Problem::new("no-store", error.to_string()).hint("name the store with `--store`"))
        }
        other => unreadable(other),
    })
}

/// A store that cannot be read.
pub(super) fn unreadable(error: StoreError) -> Failure {
    Failure::NotEvaluated(vec![Problem::new("store", error.to_string())])
}

/// A directory of evidence that cannot be read.
pub(super) fn unreadable_directory(error: &RunDirectoryError) -> Failure {
    let code = match error {
        RunDirectoryError::Changed(_) => "changed-evidence",
        _ => "unreadable-evidence",
    };
    Failure::NotEvaluated(vec![Problem::new(code, error.to_string())])
}

/// A record that is not enough to go on.
pub(super) fn incomplete(name: &str, error: &RunError) -> Failure {
    let code = if error.is_incomplete() { "incomplete-record" } else { "changed-record" };
    let problem = Problem::new(code, format!("run {name}: {error}"));
    Failure::NotEvaluated(vec![problem.hint("take the record from another copy: a store, or an export")])
}

/// Finds the run that `reference` names: a directory of evidence with one run in it, or a run of the store by
/// its key, the beginning of its key, or as `model@version`.
pub(super) fn find(
    reference: &str,
    address: Option<&StoreAddress>,
    environment: &Environment,
) -> Result<FoundRun, Failure> {
    let path = Path::new(reference);
    if path.is_dir() {
        return in_directory(path);
    }
    let runtime = policies::small_runtime().map_err(|problem| Failure::NotEvaluated(vec![problem]))?;
    runtime.block_on(async {
        let store = existing(address, environment).await?;
        let run_key = named(&store, reference).await?;
        let (receipt, parts) =
            store.parts(run_key).await.map_err(unreadable)?.ok_or_else(|| Failure::usage(unknown(reference)))?;
        let place = store_or_default(address).to_string();
        Ok(FoundRun { name: run_key.short(), parts, receipt: Some(receipt), place })
    })
}

fn in_directory(path: &Path) -> Result<FoundRun, Failure> {
    let runs = run_directory::read(path).map_err(|error| unreadable_directory(&error))?;
    let names: Vec<_> = runs.keys().take(RUNS_SHOWN_MAX).cloned().collect();
    match runs.into_iter().next() {
        Some((name, parts)) if names.len() == 1 => {
            Ok(FoundRun { name, parts, receipt: None, place: path.display().to_string() })
        }
        Some(_) => {
            let message = format!("`{}` holds several runs: {}", path.display(), names.join(", "));
            let hint = "name a directory with one run, such as `modelgate evidence export` writes it";
            Err(Failure::usage(Problem::new("ambiguous-run", message).hint(hint)))
        }
        None => {
            let problem = Problem::new("no-evidence", format!("there is no run in `{}`", path.display()));
            Err(Failure::usage(problem.hint("name what `modelgate evidence export` wrote, or a run of a store")))
        }
    }
}

/// The key of the run that `reference` names in `store`.
async fn named(store: &Store, reference: &str) -> Result<RunKey, Failure> {
    if let Some((model, version)) = reference.rsplit_once('@') {
        let last = store.last_run_of(model, version).await.map_err(unreadable)?;
        return last.ok_or_else(|| Failure::usage(unknown(reference)));
    }
    let is_hexadecimal = reference.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if reference.is_empty() || !is_hexadecimal {
        return Err(Failure::usage(unknown(reference)));
    }
    let runs = store.runs_beginning_with(reference).await.map_err(unreadable)?;
    match runs.as_slice() {
        [run] => Ok(*run),
        [] => Err(Failure::usage(unknown(reference))),
        several => {
            let shown: Vec<_> = several.iter().take(RUNS_SHOWN_MAX).map(RunKey::short).collect();
            let message = format!("{} runs begin with `{reference}`: {}", several.len(), shown.join(", "));
            Err(Failure::usage(Problem::new("ambiguous-run", message).hint("write more of the key")))
        }
    }
}

fn unknown(reference: &str) -> Problem {
    Problem::new("unknown-run", format!("there is no run `{reference}` in the store"))
        .hint("write the run's key or its beginning, `model@version`, or a directory that `evidence export` wrote")
}
