//! A release to start from: a commented manifest, a model card and monitoring, for a task.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::manifest::raw::Task;
use crate::problem::Problem;

/// Files of a task, by their paths in the release.
const BINARY_CLASSIFICATION: [(&str, &str); 3] = [
    ("modelgate.yaml", include_str!("templates/binary-classification/modelgate.yaml")),
    ("MODEL_CARD.md", include_str!("templates/binary-classification/MODEL_CARD.md")),
    ("monitoring/alerts.yml", include_str!("templates/binary-classification/monitoring/alerts.yml")),
];

/// What is to be written.
#[derive(Debug)]
pub struct Plan {
    files: Vec<(PathBuf, String)>,
}

/// Plans the files of a new release in `directory`.
///
/// # Errors
/// The name or the owner could not stand in a manifest, or a file exists already: nothing is ever
/// overwritten.
pub fn plan(task: Task, directory: &Path, name: &str, owner: &str) -> Result<Plan, Problem> {
    let is_name = |text: &str| {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        first && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._/-".contains(&byte))
    };
    if !is_name(name) {
        let problem = Problem::new("invalid-name", format!("`{}` is no name of a model", name.escape_debug()));
        return Err(problem.hint("lower-case letters, digits, `.`, `_`, `-` and `/`"));
    }
    // The owner stands unquoted in YAML.
    let is_owner = |character: char| character.is_alphanumeric() || "@.+_-".contains(character);
    if owner.is_empty() || owner.starts_with(['@', '-']) || !owner.chars().all(is_owner) {
        let problem = Problem::new("invalid-owner", format!("`{}` is no e-mail address or handle", owner.escape_debug()));
        return Err(problem.hint("such as `credit-models@example.com`"));
    }
    let templates = match task {
        Task::BinaryClassification => BINARY_CLASSIFICATION,
    };
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{owner}}", owner);
    let files: Vec<_> = templates.into_iter().map(|(path, text)| (directory.join(path), fill(text))).collect();
    match files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        None => Ok(Plan { files }),
        Some((path, _)) => {
            let problem = Problem::new("file-exists", format!("`{}` exists already, and nothing was written", path.display()));
            Err(problem.hint("name another directory, or move the file away"))
        }
    }
}

impl Plan {
    /// Writes the files, and gives their paths.
    ///
    /// # Errors
    /// A file cannot be created, or has come to exist in the meantime.
    pub fn write(&self) -> Result<Vec<PathBuf>, Problem> {
        for (path, text) in &self.files {
            let create = || {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
            };
            create().map_err(|error| {
                Problem::new("not-written", format!("`{}` cannot be written: {error}", path.display()))
                    .hint("check the rights of the directory")
            })?;
        }
        Ok(self.files.iter().map(|(path, _)| path.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    #[test]
    fn the_templates_are_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let plan = plan(Task::BinaryClassification, directory.path(), "a/model-1", "me@example.com").unwrap();
        assert_eq!(plan.write().unwrap().len(), 3);
        let manifest = manifest::load(directory.path()).unwrap();
        assert_eq!((manifest.model.name.as_str(), manifest.model.owner.as_str()), ("a/model-1", "me@example.com"));
        let input = crate::facts::monitoring::MonitoringInput {
            path: "alerts.yml",
            absolute: &directory.path().join("monitoring/alerts.yml"),
            format: manifest.monitoring[0].format,
        };
        assert_eq!(crate::facts::monitoring::read(&[input]).unwrap().signals.len(), 3);
        let card = crate::facts::card::read("MODEL_CARD.md", &directory.path().join("MODEL_CARD.md")).unwrap();
        assert!(card.sections.iter().all(|section| section.placeholder && section.words == 0));
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_written_by_half() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("MODEL_CARD.md"), "mine").unwrap();
        let refused = plan(Task::BinaryClassification, directory.path(), "m", "me").unwrap_err();
        assert_eq!(refused.code, "file-exists");
        assert!(!directory.path().join("modelgate.yaml").exists());
    }

    #[test]
    fn names_cannot_break_out_of_the_template() {
        for (name, owner) in [("A", "me"), ("a: b", "me"), ("a\nb", "me"), ("m", "x: y"), ("m", ""), ("m", "a\"b"), ("m", "@x")] {
            assert!(plan(Task::BinaryClassification, Path::new("/nowhere"), name, owner).is_err(), "{name:?} {owner:?}");
        }
    }
}
