//! `modelgate policy new`

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::{Failure, Printer};
use crate::exit_status::ExitStatus;
use crate::policy::PolicyBundle;
use crate::problem::Problem;
use crate::schema::Schema;

const CONTROL: &str = include_str!("new/control.rego");
const TEST: &str = include_str!("new/control_test.rego");
const TIERS: &str = include_str!("new/tiers.yaml");

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder of the control: `<domain>/<control>`, such as `validation/latency`
    #[arg(value_name = "DOMAIN/CONTROL", value_parser = Folder::parse)]
    folder: Folder,
    /// Id of the control, such as `ORG-001`
    #[arg(long, value_name = "ID", value_parser = id)]
    id: String,
    /// Directory of policies that it is added to
    #[arg(long, value_name = "POLICIES")]
    policies: PathBuf,
}

#[derive(Debug, Clone)]
struct Folder {
    domain: String,
    control: String,
}

impl Folder {
    fn parse(text: &str) -> Result<Self, String> {
        let is_name = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        match text.split_once('/') {
            Some((domain, control)) if is_name(domain) && is_name(control) => {
                Ok(Self { domain: domain.to_owned(), control: control.to_owned() })
            }
            _ => Err("write two names of lower-case letters, digits and `_` with a `/` between them".to_owned()),
        }
    }
}

fn id(text: &str) -> Result<String, String> {
    let (letters, digits) = text.split_once('-').unwrap_or((text, ""));
    let is_id = letters.len() == 3
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.len() == 3
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err("an id is three capitals, `-` and three digits".to_owned()) }
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let Folder { domain, control } = &arguments.folder;
    taken(arguments)?;
    let directory = arguments.policies.join("controls").join(domain).join(control);
    let fill =
        |text: &str| text.replace("{id}", &arguments.id).replace("{domain}", domain).replace("{control}", control);
    let files = [
        (format!("{control}.rego"), CONTROL),
        (format!("{control}_test.rego"), TEST),
        ("tiers.yaml".to_owned(), TIERS),
    ];
    fs::create_dir_all(&directory).map_err(|error| unwritable(&directory, &error))?;
    for (name, template) in &files {
        let path = directory.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        file.and_then(|mut file| file.write_all(fill(template).as_bytes()))
            .map_err(|error| unwritable(&path, &error))?;
        printer.say(&format!("wrote {}", path.display()));
    }
    let policies = arguments.policies.display();
    printer.say(&format!(
        "next: edit them, then `modelgate policy check {policies}` and `modelgate policy test {policies}`"
    ));
    Ok(ExitStatus::Success)
}

/// Refuses an id that another control has. A bundle that has problems is not in the way of a new control.
fn taken(arguments: &Arguments) -> Result<(), Failure> {
    let bundle = PolicyBundle::from_directory(&arguments.policies).map_err(Failure::Usage)?;
    let Ok(policies) = bundle.check(&Schema::Facts.to_value()) else { return Ok(()) };
    match policies.controls().find(|control| control.id == arguments.id) {
        None => Ok(()),
        Some(control) => {
            let problem = Problem::new("id-taken", format!("`{}` is the id of `{}`", control.id, control.path));
            Err(Failure::usage(problem.hint("choose another")))
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("`{}` cannot be written: {error}", path.display());
    Failure::usage(Problem::new("not-written", message).hint("nothing that is there is overwritten"))
}
