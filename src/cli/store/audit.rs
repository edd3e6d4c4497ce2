//! `modelgate store audit`

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{DEFAULT_STORE, Failure, Printer, address, wait};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::escape;
use crate::store::{Audit, Checkpoint, Store, StoreAddress};

/// Bytes of a checkpoint file: more than a signed note has.
const CHECKPOINT_BYTES_MAX: u64 = 1 << 20;

/// Entries without a receipt that are named.
const NAMED_MAX: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The store: a directory, or `s3://…`, `gs://…` or `az://…`
    #[arg(long, value_name = "STORE", default_value = DEFAULT_STORE, value_parser = address)]
    store: StoreAddress,
    /// A checkpoint that was kept elsewhere, such as the `<run>.checkpoint` of an earlier run: finds entries that were
    /// cut off the end, and a log that was written anew. Repeatable
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Check only that the log continues these checkpoints, which takes a few requests
    #[arg(long, requires = "against")]
    quick: bool,
    /// Print what was found as JSON
    #[arg(long, conflicts_with = "quick")]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let against = arguments.against.iter().map(|file| read(file)).collect::<Result<Vec<_>, Failure>>()?;
    if arguments.quick {
        return continues(arguments, &against, environment, printer);
    }
    let audit = async { Store::open(&arguments.store, &environment.remote).await?.audit(&against).await };
    let audit = match wait(audit, printer)? {
        Ok(audit) => audit,
        Err(status) => return Ok(status),
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&audit);
        let json = json.map_err(|error| Failure::not_recorded(Problem::new("json", error.to_string())))?;
        printer.data(&format!("{json}\n"))?;
    } else {
        printer.data(&text(&audit, arguments))?;
    }
    Ok(if audit.findings.is_empty() { ExitStatus::Success } else { ExitStatus::Denied })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |reason: String| {
        Failure::usage(Problem::new("unreadable-file", format!("`{}` cannot be read: {reason}", file.display())))
    };
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|error| unreadable(error.to_string()))?;
    let read = opened.take(CHECKPOINT_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(error.to_string()))?;
    // A file that is none says nothing about the store.
    Checkpoint::unverified(&bytes).map_err(|error| {
        Failure::usage(Problem::new(
            "not-a-checkpoint",
            format!("`{}` is not what to compare with: {error}", file.display()),
        ))
    })?;
    Ok(bytes)
}

fn continues(
    arguments: &Arguments,
    against: &[Vec<u8>],
    environment: &Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let check = async {
        let store = Store::open(&arguments.store, &environment.remote).await?;
        let mut now = None;
        for earlier in against {
            now = Some(store.check_continues(earlier).await?);
        }
        Ok(now)
    };
    match wait(check, printer)? {
        Err(status) => Ok(status),
        Ok(now) => {
            let size = now.map_or(0, |now| now.size);
            printer.data(&format!("the log of {size} entries continues {} checkpoints\n", against.len()))?;
            Ok(ExitStatus::Success)
        }
    }
}

fn text(audit: &Audit, arguments: &Arguments) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "  {key:<11} {}", escape::visible(&value));
    };
    line("store", arguments.store.to_string());
    line("log", audit.checkpoint.origin.clone());
    line("entries", audit.checkpoint.size.to_string());
    line("root", audit.checkpoint.root.clone());
    line("blobs", audit.blobs.to_string());
    line("receipts", audit.receipts.to_string());
    line("inputs", audit.subjects.to_string());
    let unsigned = if audit.is_signed { "" } else { " (the log has no key: nobody signs it)" };
    line("checkpoints", format!("{}{unsigned}", audit.checkpoints));
    if !arguments.against.is_empty() {
        line("continues", format!("{} of {} checkpoints kept elsewhere", audit.continues, arguments.against.len()));
    }
    if !audit.without_receipt.is_empty() {
        let named: Vec<_> = audit.without_receipt.iter().take(NAMED_MAX).map(u64::to_string).collect();
        let more = if audit.without_receipt.len() > NAMED_MAX { ", …" } else { "" };
        let count = audit.without_receipt.len();
        line("cut off", format!("{count} runs without a receipt (entries {}{more}): repeat them", named.join(", ")));
    }
    if audit.findings.is_empty() {
        return format!("all of it holds\n{text}");
    }
    for finding in &audit.findings {
        let _ = writeln!(text, "{}: {}", escape::visible(&finding.object), escape::visible(&finding.reason));
    }
    format!("{} findings\n{text}", audit.findings.len())
}
