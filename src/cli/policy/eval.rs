//! `modelgate policy eval`: conftest's policies over YAML and JSON files.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::{Failure, Printer};
use crate::document::{TEXT_BYTES_MAX, read_text};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::conftest::{Conftest, Kind, RuleResult};
use crate::policy::{EffectiveTime, Limits};
use crate::problem::Problem;
use crate::report::escape;

/// Files of one directory of policies or data.
const FILES_MAX: usize = 5_000;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// YAML or JSON files. Several documents in a file, and the items of a list, are judged one by one
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// File or directory of Rego policies
    #[arg(short, long, value_name = "PATH", default_value = "policy")]
    policy: Vec<PathBuf>,
    /// YAML or JSON file, or a directory of such, that policies see as `data`
    #[arg(short, long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Only the rules of this package; by default those of every package
    #[arg(short, long, value_name = "PACKAGE")]
    namespace: Vec<String>,
    /// Give policies one list of all files, each with its `path` and its `contents`
    #[arg(long)]
    combine: bool,
    /// Exit with 1 if there are warnings, too
    #[arg(long)]
    fail_on_warn: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct FileResult {
    file: String,
    results: Vec<RuleResult>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut policies = Vec::new();
    for path in &arguments.policy {
        for file in files_below(path, &["rego"])? {
            let shown = file.display().to_string();
            policies.push((shown.clone(), text(&file, &shown)?));
        }
    }
    let mut data = Value::Object(Map::new());
    for path in &arguments.data {
        for file in files_below(path, &["json", "yaml", "yml"])? {
            merge(&mut data, documents(&file)?, &file)?;
        }
    }
    let wanted =
        |package: &str| arguments.namespace.is_empty() || arguments.namespace.iter().any(|name| name == package);
    let conftest = Conftest::prepare(&policies, &data, wanted).map_err(Failure::Usage)?;
    let when = EffectiveTime::start_of_day(environment.now);
    let mut results = Vec::new();
    for (file, input) in inputs(arguments)? {
        let mut found: Vec<RuleResult> = Vec::new();
        for part in parts(input, arguments.combine) {
            let more = conftest.run(&part, when, Limits::default().control_time);
            let more = more.map_err(|message| not_evaluated("invalid-input", &format!("`{file}`: {message}")))?;
            add(&mut found, more);
        }
        if found.is_empty() {
            return Err(not_evaluated(
                "nothing-evaluated",
                &format!("`{file}` is an empty list: nothing was evaluated"),
            ));
        }
        results.push(FileResult { file, results: found });
    }
    let output = if arguments.json { format!("{:#}\n", serde_json::json!(results)) } else { show(&results) };
    printer.data(&output)?;
    let all = || results.iter().flat_map(|file| &file.results);
    let has = |kind: Kind| all().any(|result| result.kind == kind && !result.messages.is_empty());
    if all().any(|result| result.error.is_some()) {
        return Err(not_evaluated("policy-error", "a rule could not be evaluated, which is no success"));
    }
    let failed = has(Kind::Failure) || (arguments.fail_on_warn && has(Kind::Warning));
    Ok(if failed { ExitStatus::Denied } else { ExitStatus::Success })
}

/// Several documents are judged one by one, as conftest does, unless they are asked for together.
fn parts(input: Value, combine: bool) -> Vec<Value> {
    match input {
        Value::Array(items) if !combine => items,
        whole => vec![whole],
    }
}

/// Adds what the same rules came to for another document.
fn add(found: &mut Vec<RuleResult>, more: Vec<RuleResult>) {
    for result in more {
        match found.iter_mut().find(|known| known.rule == result.rule) {
            Some(known) => {
                known.messages.extend(result.messages);
                known.error = known.error.take().or(result.error);
            }
            None => found.push(result),
        }
    }
}

fn not_evaluated(code: &'static str, message: &str) -> Failure {
    Failure::NotEvaluated(vec![Problem::new(code, message)])
}

fn inputs(arguments: &Arguments) -> Result<Vec<(String, Value)>, Failure> {
    let mut inputs = Vec::new();
    for file in &arguments.files {
        inputs.push((file.display().to_string(), documents(file)?));
    }
    if !arguments.combine {
        return Ok(inputs);
    }
    let combined = inputs.into_iter().map(|(path, contents)| serde_json::json!({"path": path, "contents": contents}));
    Ok(vec![("Combined".to_owned(), combined.collect())])
}

fn text(file: &Path, shown: &str) -> Result<String, Failure> {
    read_text(file, shown, TEXT_BYTES_MAX).map_err(Failure::usage)
}

/// The document in `file`; a list if there are several.
fn documents(file: &Path) -> Result<Value, Failure> {
    let shown = file.display().to_string();
    let text = text(file, &shown)?;
    let mut documents = Vec::new();
    // A line that begins with three hyphens ends a document wherever it stands: YAML 1.2.2, 9.1.2.
    let mut part = String::new();
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            push(&mut documents, &part, &shown)?;
            part.clear();
            part.push_str(line.strip_prefix("---").unwrap_or_default());
        } else {
            part.push_str(line);
        }
        part.push('\n');
    }
    push(&mut documents, &part, &shown)?;
    match documents.len() {
        0 => Err(Failure::usage(Problem::new("empty-document", format!("`{shown}` holds no document")))),
        1 => Ok(documents.remove(0)),
        _ => Ok(Value::Array(documents)),
    }
}

fn push(documents: &mut Vec<Value>, text: &str, shown: &str) -> Result<(), Failure> {
    let is_empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if !is_empty {
        let value = crate::policy::conftest::read_yaml(text).map_err(|message| {
            Failure::usage(Problem::new("invalid-document", format!("`{shown}` is neither YAML nor JSON: {message}")))
        })?;
        documents.push(value);
    }
    Ok(())
}

/// The files with one of `extensions` at or below `path`, in the order of paths.
fn files_below(path: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let refuse = |path: &Path, error: &std::io::Error| {
        let message = format!("`{}` cannot be read: {error}", path.display());
        Failure::usage(Problem::new("unreadable-file", message).hint("name a file or a directory that exists"))
    };
    let mut files = Vec::new();
    let mut pending = vec![path.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = std::fs::metadata(&path).map_err(|error| refuse(&path, &error))?;
        if metadata.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(|error| refuse(&path, &error))? {
                pending.push(entry.map_err(|error| refuse(&path, &error))?.path());
            }
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known)) {
            files.push(path);
        }
        if files.len() + pending.len() > FILES_MAX {
            let problem = Problem::new("too-many-files", format!("there are more than {FILES_MAX} files"));
            return Err(Failure::usage(problem.hint("name the directory of the policies and nothing else")));
        }
    }
    files.sort();
    Ok(files)
}

/// Adds `more` to `data`. Two files that say something of the same key are refused: one would win.
fn merge(data: &mut Value, more: Value, file: &Path) -> Result<(), Failure> {
    let clash = |key: &str| {
        let message = format!("`{}` says something of `{key}`, as another data file does", file.display());
        Failure::usage(Problem::new("data-clash", message).hint("say it in one of them"))
    };
    let (Value::Object(known), Value::Object(entries)) = (&mut *data, more) else {
        let message = format!("`{}` is not an object at its root", file.display());
        return Err(Failure::usage(Problem::new("invalid-data", message)));
    };
    for (key, value) in entries {
        match known.get_mut(&key) {
            None => drop(known.insert(key, value)),
            Some(there) if there.is_object() && value.is_object() => merge(there, value, file)?,
            Some(_) => return Err(clash(&key)),
        }
    }
    Ok(())
}

fn show(results: &[FileResult]) -> String {
    let mut text = String::new();
    let (mut failures, mut warnings, mut passed) = (0_usize, 0_usize, 0_usize);
    for file in results {
        for result in &file.results {
            let word = match result.kind {
                Kind::Failure => "FAIL",
                Kind::Warning => "WARN",
            };
            match result.kind {
                Kind::Failure => failures += result.messages.len(),
                Kind::Warning => warnings += result.messages.len(),
            }
            passed += usize::from(result.messages.is_empty() && result.error.is_none());
            let rule = result.rule.strip_prefix("data.").unwrap_or(&result.rule);
            let name = escape::visible(&file.file).into_owned();
            for message in &result.messages {
                text.push_str(&format!("{word} - {name} - {rule} - {}\n", escape::visible(&message.text)));
            }
            if let Some(error) = &result.error {
                text.push_str(&format!("ERROR - {name} - {rule} - {}\n", escape::visible(error)));
            }
        }
    }
    let rules: usize = results.iter().map(|file| file.results.len()).sum();
    text.push_str(&format!("\n{rules} rules, {passed} passed, {warnings} warnings, {failures} failures\n"));
    text
}
