//! `modelgate policy docs`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{Failure, Printer};
use super::BundleArguments;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::CheckedPolicies;
use crate::problem::Problem;
use crate::report::catalogue;
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
    /// Directory to write the pages to: `README.md`, a page for each control and one for each framework
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// Write nothing; fail if the pages that are there are not what would be written
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let policies = arguments.bundle.load(environment)?.check(&Schema::Facts.to_value()).map_err(Failure::Usage)?;
    let pages = pages(&policies);
    if arguments.check {
        return compare(&arguments.out, &pages, printer);
    }
    for (name, text) in &pages {
        let path = arguments.out.join(name);
        let write = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&path, text)
        };
        write().map_err(|error| {
            let message = format!("`{}` cannot be written: {error}", path.display());
            Failure::not_recorded(Problem::new("report-file", message))
        })?;
    }
    for name in present(&arguments.out).iter().filter(|name| !pages.contains_key(*name)) {
        printer.say(&format!("{} is the page of nothing: remove it", arguments.out.join(name).display()));
    }
    printer.data(&format!("{} pages in {}\n", pages.len(), arguments.out.display()))?;
    Ok(ExitStatus::Success)
}

fn pages(policies: &CheckedPolicies) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::from([("README.md".to_owned(), catalogue::index_page(policies))]);
    for control in policies.controls() {
        pages.insert(format!("{}.md", control.id), catalogue::control_page(policies, control));
    }
    for framework in policies.frameworks() {
        pages.insert(format!("frameworks/{}.md", framework.id), catalogue::coverage_page(policies, framework));
    }
    pages
}

/// The pages that are in `directory`.
fn present(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for (folder, prefix) in [(directory.to_owned(), ""), (directory.join("frameworks"), "frameworks/")] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let files = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.extend(files.filter(|name| name.ends_with(".md")).map(|name| format!("{prefix}{name}")));
    }
    names.sort();
    names
}

fn compare(directory: &Path, pages: &BTreeMap<String, String>, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut stale = Vec::new();
    for (name, text) in pages {
        match std::fs::read_to_string(directory.join(name)) {
            Ok(there) if there == *text => {}
            Ok(_) => stale.push(format!("{name} is not what the policies say")),
            Err(_) => stale.push(format!("{name} is missing")),
        }
    }
    let foreign = present(directory).into_iter().filter(|name| !pages.contains_key(name));
    stale.extend(foreign.map(|name| format!("{name} is the page of nothing")));
    if stale.is_empty() {
        return Ok(ExitStatus::Success);
    }
    stale.iter().for_each(|line| printer.say(line));
    printer.say(&format!("hint: run `modelgate policy docs --out {}`", directory.display()));
    Ok(ExitStatus::Denied)
}
