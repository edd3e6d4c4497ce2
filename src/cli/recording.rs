//! From a decision to evidence that outlives the run: signed, stored, and written for whoever ships it.

use std::path::{Path, PathBuf};

use super::printer::Printer;
use crate::environment::{Environment, SIGNING_KEY};
use crate::evidence::{self, SignedRun, key::SigningKey};
use crate::facts::repository::Origin;
use crate::gate::Decided;
use crate::problem::Problem;
use crate::report::EvidenceSummary;
use crate::store::{Receipt, Run, RunKey, Store};

/// Directory for the store and the evidence, below the current one.
const STATE_DIRECTORY: &str = ".modelgate";

/// Name of the key that is made on a person's machine.
const LOCAL_KEY: &str = "local-signing-key.pem";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Signing key: ECDSA P-256, PKCS#8 PEM, readable by its owner alone. By default the one in
    /// MODELGATE_SIGNING_KEY; outside CI also a local key, which is made at first use
    #[arg(long, value_name = "FILE")]
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

    fn store_directory(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| Path::new(STATE_DIRECTORY).join("store"))
    }
}

/// Evidence that is signed, stored and written.
pub(super) struct Recorded {
    pub(super) summary: EvidenceSummary,
}

/// Signs, writes and stores what was decided. Evidence that is signed is written before it is stored,
/// so that a store which cannot be reached loses nothing.
pub(super) async fn record(
    arguments: &Arguments,
    decided: &Decided,
    environment: &Environment,
    printer: &Printer,
) -> Result<Recorded, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let run_key = run_key(decided, environment);
    let key = signing_key(arguments, environment, printer).map_err(one)?;
    let decision = decided.record_json.digest();
    let signed = evidence::sign(run_key.short(), &decided.record, decision, &decided.facts, &key)
        .map_err(|error| one(Problem::new("evidence", error.to_string())))?;
    let files = write(&arguments.out_directory(), &signed, &key).map_err(one)?;
    let stored = store(arguments, decided, run_key.clone(), &signed).await.map_err(|error| {
        let problem = Problem::new("store", error.to_string());
        one(problem.hint(format!(
            "nothing is lost: the signed evidence is in `{}`; mend the store and run the check again",
            arguments.out_directory().display()
        )))
    })?;
    let (public_key, verdict) = (files.public_key.display().to_string(), files.verdict.display().to_string());
    Ok(Recorded {
        summary: EvidenceSummary {
            decision_sha256: decision,
            facts_sha256: decided.facts_json.digest(),
            run: run_key.to_hex(),
            store: arguments.store_directory().display().to_string(),
            files: files.written,
            verify_command: format!("modelgate verify {verdict} --key {public_key}"),
            signed_by: key.description().to_owned(),
            already_recorded: stored.already_recorded,
        },
    })
}
