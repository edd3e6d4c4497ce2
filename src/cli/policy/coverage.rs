//! `modelgate policy coverage`

use super::super::{Failure, Printer};
use super::BundleArguments;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::problem::{Problem, nearest};
use crate::report::catalogue;
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
    /// The framework, such as `eu-ai-act`; all of them if none is named
    #[arg(long, value_name = "ID")]
    framework: Option<String>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let policies = arguments.bundle.load(environment)?.check(&Schema::Facts.to_value()).map_err(Failure::Usage)?;
    let wanted = |id: &str| arguments.framework.as_ref().is_none_or(|wanted| wanted == id);
    let frameworks: Vec<_> = policies.frameworks().iter().filter(|framework| wanted(&framework.id)).collect();
    if frameworks.is_empty() {
        let id = arguments.framework.as_deref().unwrap_or_default();
        let problem = Problem::new("unknown-framework", format!("the bundle has no framework `{id}`"));
        let known: Vec<&str> = policies.frameworks().iter().map(|framework| framework.id.as_str()).collect();
        return Err(Failure::usage(problem.hint(match nearest(id, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        })));
    }
    let pages: Vec<String> =
        frameworks.into_iter().map(|framework| catalogue::coverage_page(&policies, framework)).collect();
    printer.data(&pages.join("\n"))?;
    Ok(ExitStatus::Success)
}
