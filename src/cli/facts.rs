//! `modelgate facts`

use super::progress::watched;
use super::{Failure, Printer, ReleaseArguments, policies};
use crate::canonical::CanonicalJson;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::gate::Timings;
use crate::problem::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    release: ReleaseArguments,
    /// Indent the JSON for reading; without it, the bytes before the last line feed are the canonical
    /// ones that the facts' digest is of
    #[arg(long)]
    pretty: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let environment = &arguments.release.environment(environment)?;
    let opened = arguments.release.open(environment, &mut Timings::default())?;
    let runtime = policies::runtime()?;
    let facts = watched(|| runtime.block_on(opened.measure(environment)))?;
    let text = if arguments.pretty {
        serde_json::to_string_pretty(&facts).map_err(|error| error.to_string())
    } else {
        CanonicalJson::of(&facts)
            .map(|canonical| String::from_utf8_lossy(canonical.bytes()).into_owned())
            .map_err(|error| error.to_string())
    };
    let text = text.map_err(|error| Failure::NotEvaluated(vec![Problem::new("not-canonical", error)]))?;
    printer.data(&format!("{text}\n"))?;
    Ok(ExitStatus::Success)
}
