//! `modelgate evidence import` and `push`

use std::path::PathBuf;

use super::super::stores::{self, TrustArguments};
use super::super::{Failure, Printer, policies, recording, store};
use crate::environment::Environment;
use crate::evidence::key::PublicKey;
use crate::evidence::run_directory;
use crate::evidence::run_parts::{Part, RunError, RunParts};
use crate::evidence::trust::{Trust, TrustedKey};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::store::{Run, StoreAddress};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Arguments {
    /// Directory with the files of one or more runs
    directory: PathBuf,
    /// The store [default: .modelgate/store]
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
    /// The key that signs the store's log, as of `check`
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArguments,
}

/// A run that was checked.
struct Checked {
    name: String,
    run: Run,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let trust = arguments.trust.load()?;
    let runs = run_directory::read(&arguments.directory).map_err(|error| stores::unreadable_directory(&error))?;
    if runs.is_empty() {
        let message = format!("there is no run in `{}`", arguments.directory.display());
        let hint = "name what `modelgate evidence export` wrote, or the directory of `check --out`";
        return Err(Failure::usage(Problem::new("no-evidence", message).hint(hint)));
    }
    let address = arguments.store.clone().unwrap_or_else(recording::default_store);
    let runtime = policies::small_runtime().map_err(|problem| Failure::NotEvaluated(vec![problem]))?;
    runtime.block_on(async {
        // Everything is checked before anything is stored: half of a directory is no import.
        let (mut checked, mut delivered, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (name, parts) in &runs {
            match check(name, parts, trust.as_ref()) {
                Ok(run) => checked.push(run),
                // `check` leaves policies only where it could not store the run.
                Err(RunError::Missing(Part::Policies)) if is_there(&address, parts, environment).await => {
                    delivered.push(name)
                }
                Err(error) => refused.push((name, error)),
            }
        }
        if !refused.is_empty() {
            return refusal(&refused, printer);
        }
        let not_stored = |error: crate::store::StoreError| {
            let hint = format!(
                "nothing is lost: mend the store and run `modelgate evidence push {} --store {address}` again",
                arguments.directory.display()
            );
            Failure::not_recorded(Problem::new("store", error.to_string()).hint(hint))
        };
        let store = recording::open_to_append(&address, arguments.log_key.as_deref(), environment);
        let store = store.await.map_err(not_stored)?;
        for Checked { name, run } in &checked {
            let appended = store.append(run).await.map_err(not_stored)?;
            let done = if appended.already_recorded { "was recorded before" } else { "recorded" };
            printer.data(&format!("run {name} {done}, as entry {}\n", appended.receipt.sequence))?;
        }
        for name in delivered {
            printer.data(&format!("run {name} was recorded before\n"))?;
        }
        if trust.is_none() {
            printer
                .say("the signatures fit the keys beside them; whose keys these are, `--key` or `--trust` would say");
        }
        Ok(ExitStatus::Success)
    })
}

/// Everything that can be checked of a run, by the keys that are trusted or the one beside it.
fn check(name: &str, parts: &RunParts, trust: Option<&Trust>) -> Result<Checked, RunError> {
    let beside = match trust {
        Some(trust) => trust.clone(),
        None => {
            let key = std::str::from_utf8(parts.get(Part::PublicKey)?).unwrap_or_default();
            let key = PublicKey::from_pem_text(key)
                .map_err(|error| RunError::Malformed { part: Part::PublicKey, reason: error.to_string() })?;
            Trust::new(vec![TrustedKey::new("the key beside it", key)])
        }
    };
    let (recorded, signed) = parts.signed(&beside)?;
    if signed.run_key.short() != name {
        let reason = format!("they are those of run {}", signed.run_key.short());
        return Err(RunError::Other { part: Part::Inputs, reason });
    }
    Ok(Checked { name: name.to_owned(), run: Run::of_parts(&recorded.record, &signed, parts) })
}

/// Whether the store has the run already.
async fn is_there(address: &StoreAddress, parts: &RunParts, environment: &Environment) -> bool {
    let Ok(store) = stores::existing(Some(address), environment).await else { return false };
    let recorded = parts.record().ok().and_then(|(record, record_json)| {
        let inputs = parts.get(Part::Inputs).ok()?;
        Some((crate::evidence::RunKey::of_inputs(inputs, &record)?, record_json.digest()))
    });
    let Some((run_key, record)) = recorded else { return false };
    let receipt = store.find_receipt(&run_key).await;
    receipt.is_ok_and(|receipt| receipt.is_some_and(|receipt| receipt.decision_record == record))
}

/// What is missing could not be evaluated; what is there and wrong proves nothing.
fn refusal(refused: &[(&String, RunError)], printer: &Printer) -> Result<ExitStatus, Failure> {
    let problem = |(name, error): &(&String, RunError)| {
        let code = if error.is_incomplete() { "incomplete-record" } else { "changed-record" };
        Problem::new(code, format!("run {name}: {error}"))
    };
    let problems: Vec<_> = refused.iter().map(problem).collect();
    if refused.iter().all(|(_, error)| error.is_incomplete()) {
        return Err(Failure::NotEvaluated(problems));
    }
    printer.problems("not proven, and nothing was stored", &problems);
    Ok(ExitStatus::Denied)
}
