//! `modelgate store init`

use std::path::{Path, PathBuf};

use super::{Failure, Printer, address, wait};
use crate::cli::recording;
use crate::environment::{Environment, LOG_KEY};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::store::{LogKey, LogKeyError, Store, StoreAddress};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A directory, or `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`
    #[arg(value_name = "STORE", value_parser = address)]
    store: StoreAddress,
    /// The key that signs the log's checkpoints: Ed25519, PKCS#8 PEM. Made if the file is not there. By default the one
    /// in MODELGATE_LOG_KEY
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// Name of the log, such as `example.com/modelgate`; by default a random one
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let key = match &arguments.log_key {
        Some(file) if !file.exists() => make(file, printer).map(Some),
        file => recording::log_key(file.as_deref(), environment),
    };
    let key = key.map_err(|error| Failure::usage(Problem::new("log-key", error.to_string())))?;
    let Some(key) = key else {
        let problem = Problem::new("no-log-key", format!("there is no key to sign the log with: {LOG_KEY} is not set"));
        return Err(Failure::usage(problem.hint("give a file with `--log-key`: it is made if it is not there")));
    };
    let made = Store::init(&arguments.store, &environment.remote, &key, arguments.origin.as_deref());
    let store = match wait(made, printer)? {
        Ok(store) => store,
        Err(status) => return Ok(status),
    };
    printer.say(&format!("made the store {}: objects are created once there, and never overwritten", arguments.store));
    let verifier = store.verifier().map(ToString::to_string).unwrap_or_default();
    printer.data(&format!("{verifier}\n"))?;
    Ok(ExitStatus::Success)
}

fn make(file: &Path, printer: &Printer) -> Result<LogKey, LogKeyError> {
    let key = LogKey::generate()?;
    key.write_new(file)?;
    printer.say(&format!("made the log key {} (keep it secret: who appends to the store needs it)", file.display()));
    Ok(key)
}
