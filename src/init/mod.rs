//! The files that a release begins with: a commented manifest, a model card and alerts.
//!
//! Nothing in them passes for finished: texts are `TODO`, which controls report, and the intake answers
//! are the strictest, so that one that is forgotten never lowers the tier.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::document::Document;
use crate::manifest::raw::{RawManifest, Task};
use crate::manifest::{FILE_NAME, hidden_character};
use crate::problem::Problem;

/// A file of a release, relative to its directory, and the text that it begins with.
type Template = (&'static str, &'static str);

const BINARY_CLASSIFICATION: [Template; 3] = [
    (FILE_NAME, include_str!("templates/binary-classification/modelgate.yaml")),
    ("MODEL_CARD.md", include_str!("templates/binary-classification/MODEL_CARD.md")),
    ("monitoring/alerts.yml", include_str!("templates/binary-classification/monitoring/alerts.yml")),
];

/// What stands in a template for the name of the model.
const MODEL_NAME_MARK: &str = "@MODEL_NAME@";

/// What stands in a template for the owner, with the quotes: an owner is any text.
const OWNER_MARK: &str = "\"@OWNER@\"";

/// The files that would be written.
#[derive(Debug, Clone)]
pub struct Plan {
    directory: PathBuf,
    templates: &'static [Template],
    model_name: String,
    owner: String,
}

/// Plans the files of a release of `task` in `directory`, which need not exist.
///
/// # Errors
/// `directory` is something else, one of the files is already there, or the manifest would refuse the
/// name of the model or its owner.
pub fn plan(task: Task, directory: &Path, name: &str, owner: &str) -> Result<Plan, Problem> {
    let templates: &'static [Template] = match task {
        Task::BinaryClassification => &BINARY_CLASSIFICATION,
        other => {
            let message = format!("there is no start for the task `{}` yet", other.key());
            let hint = "start with `binary-classification` and change the evaluation";
            return Err(Problem::new("no-template", message).hint(hint));
        }
    };
    let shown = directory.display();
    if directory.symlink_metadata().is_ok() && !directory.is_dir() {
        let message = format!("`{shown}` is not a directory");
        return Err(Problem::new("not-a-directory", message).hint("name a directory for the release"));
    }
    // Looking at the file itself and not at where a link leads: a link that leads nowhere is there too.
    let there = |(file, _): &&Template| directory.join(file).symlink_metadata().is_ok();
    let present: Vec<_> = templates.iter().filter(there).map(|(file, _)| format!("`{file}`")).collect();
    if !present.is_empty() {
        let verb = if present.len() == 1 { "is" } else { "are" };
        let message = format!("{} {verb} already in `{shown}`", present.join(", "));
        return Err(Problem::new("file-exists", message).hint("name another directory: nothing is overwritten"));
    }
    let (model_name, owner) = (name.to_owned(), owner.to_owned());
    Plan { directory: directory.to_owned(), templates, model_name, owner }.checked()
}

impl Plan {
    /// The files with their texts, in the order in which they are written.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        // JSON's way of quoting is one of YAML's.
        let owner = serde_json::Value::from(self.owner.as_str()).to_string();
        let fill = |text: &str| text.replace(MODEL_NAME_MARK, &self.model_name).replace(OWNER_MARK, &owner);
        self.templates.iter().map(|(file, text)| (self.directory.join(file), fill(text))).collect()
    }

    /// Writes the files, and the directories that they need. Gives their paths.
    ///
    /// # Errors
    /// One of them cannot be written, or has come to be since the plan was made. What was written until
    /// then is removed again.
    pub fn write(&self) -> Result<Vec<PathBuf>, Problem> {
        let mut written = Vec::new();
        for (path, text) in self.files() {
            let created = create(&path, &text, &mut written);
            if let Err(error) = created {
                // What cannot be removed either is told by the next run.
                written.iter().for_each(|path| drop(fs::remove_file(path)));
                let message = format!("`{}` cannot be written: {error}", path.display());
                return Err(Problem::new("unwritable-file", message).hint("name a directory that can be written to"));
            }
        }
        Ok(written)
    }

    /// The plan, if what was filled in is what a manifest takes.
    fn checked(self) -> Result<Self, Problem> {
        for text in [&self.model_name, &self.owner] {
            if let Some(character) = hidden_character(text, false) {
                let message =
                    format!("`{}` contains the character U+{:04X}", text.escape_debug(), u32::from(character));
                return Err(Problem::new("control-character", message).hint("remove it"));
            }
        }
        let manifest = self.files().into_iter().next().map(|(_, text)| text).unwrap_or_default();
        let decoded = Document::parse(FILE_NAME, &manifest).and_then(|document| document.decode::<RawManifest>());
        match decoded.map_err(|problems| problems.into_iter().next()) {
            // The place is one in a text that was never written.
            Err(Some(problem)) => Err(Problem { location: None, ..problem }),
            Ok(_) | Err(None) => Ok(self),
        }
    }
}

fn create(path: &Path, text: &str, written: &mut Vec<PathBuf>) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = File::create_new(path)?;
    written.push(path.to_owned());
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use crate::facts::card::{self, SectionKind};
    use crate::facts::monitoring::{self, KindBasis, MonitoringInput, SignalKind};
    use crate::manifest::{self, raw::MonitoringFormat};

    fn plan(directory: &Path) -> Result<Plan, Problem> {
        named(directory, "my-model", "me@example.com")
    }

    fn named(directory: &Path, name: &str, owner: &str) -> Result<Plan, Problem> {
        super::plan(Task::BinaryClassification, directory, name, owner)
    }

    fn said(result: Result<Plan, Problem>) -> String {
        let problem = result.map(drop).unwrap_err();
        format!("{} {problem}", problem.code)
    }

    #[test]
    fn the_files_are_written_and_the_manifest_is_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let release = directory.path().join("Credit Default");
        let written = plan(&release).unwrap().write().unwrap();
        assert_eq!(
            written,
            ["modelgate.yaml", "MODEL_CARD.md", "monitoring/alerts.yml"].map(|file| release.join(file))
        );
        let manifest = manifest::load(&release).unwrap();
        assert_eq!((manifest.model.name.as_str(), manifest.model.owner.as_str()), ("my-model", "me@example.com"));
        assert_eq!(manifest.card.unwrap().path.relative, "MODEL_CARD.md");
        assert_eq!(manifest.monitoring[0].files.len(), 1);
        // What only the team has is declared and not there: the gate names it.
        assert_eq!(
            (manifest.artifacts[0].pattern.as_str(), manifest.artifacts[0].files.len()),
            ("model/model.onnx", 0)
        );
        assert_eq!(manifest.evaluations[0].data.files[0].relative, "data/holdout.parquet");
        assert!(!manifest.evaluations[0].data.files[0].absolute.exists());
    }

    #[test]
    fn every_section_of_the_card_is_known_and_unwritten() {
        let directory = tempfile::tempdir().unwrap();
        plan(directory.path()).unwrap().write().unwrap();
        let card = card::read("MODEL_CARD.md", &directory.path().join("MODEL_CARD.md")).unwrap();
        assert_eq!(card.license, None);
        let found: Vec<_> = card.sections.iter().filter_map(|section| section.kind).collect();
        let expected = [
            SectionKind::ModelDetails,
            SectionKind::IntendedUse,
            SectionKind::OutOfScopeUse,
            SectionKind::TrainingData,
            SectionKind::EvaluationData,
            SectionKind::Performance,
            SectionKind::Fairness,
            SectionKind::Limitations,
            SectionKind::EthicalConsiderations,
            SectionKind::HumanOversight,
            SectionKind::Monitoring,
            SectionKind::Contact,
        ];
        assert_eq!(found, expected);
        for section in card.sections.iter().filter(|section| section.kind.is_some()) {
            assert_eq!((section.placeholder, section.words), (true, 0), "{}", section.heading);
        }
    }

    #[test]
    fn every_alert_declares_its_signal_and_reaches_somebody() {
        let directory = tempfile::tempdir().unwrap();
        named(directory.path(), "a/b", "risk: \"x\" #1").unwrap().write().unwrap();
        let path = directory.path().join("monitoring/alerts.yml");
        let input = MonitoringInput {
            path: "alerts.yml",
            absolute: &path,
            format: MonitoringFormat::Prometheus,
            kinds: &BTreeMap::new(),
        };
        let signals = monitoring::read(&[input]).unwrap().signals;
        let kinds: Vec<_> = signals.iter().map(|signal| signal.kind).collect();
        let expected = [
            SignalKind::DataDrift,
            SignalKind::PredictionDrift,
            SignalKind::Performance,
            SignalKind::Fairness,
            SignalKind::DataQuality,
            SignalKind::Operational,
        ];
        assert_eq!(kinds, expected);
        for signal in &signals {
            assert_eq!(signal.kind_basis, KindBasis::Declared, "{}", signal.name);
            assert_eq!(signal.route.as_deref(), Some("risk: \"x\" #1"), "{}", signal.name);
            assert!(
                signal.severity.is_some() && signal.runbook.is_some() && signal.threshold.is_some(),
                "{}",
                signal.name
            );
            assert!(signal.expression.contains("model=\"a/b\""), "{}", signal.name);
        }
    }

    #[test]
    fn the_comments_name_every_choice_and_no_other() {
        let schema = schemars::schema_for!(RawManifest).to_value();
        let (_, template) = BINARY_CLASSIFICATION[0];
        let comments: String = template
            .lines()
            .filter_map(|line| line.trim().strip_prefix('#'))
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        for name in ["Exposure", "DecisionRole", "Domain", "Autonomy", "DataClass", "ArtifactRole", "ChangeKind"] {
            let choices = schema["$defs"][name]["oneOf"].as_array().unwrap();
            let choices: Vec<_> = choices.iter().map(|choice| choice["const"].as_str().unwrap()).collect();
            assert!(comments.contains(&choices.join(", ")), "{name}: {}", choices.join(", "));
        }
    }

    #[test]
    fn what_is_there_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("monitoring")).unwrap();
        fs::write(directory.path().join("MODEL_CARD.md"), "mine").unwrap();
        fs::write(directory.path().join("monitoring/alerts.yml"), "mine").unwrap();
        let problem = format!(
            "file-exists `MODEL_CARD.md`, `monitoring/alerts.yml` are already in `{}` (hint: name another directory: nothing is overwritten)",
            directory.path().display()
        );
        assert_eq!(said(plan(directory.path())), problem);
        assert_eq!(fs::read_to_string(directory.path().join("MODEL_CARD.md")).unwrap(), "mine");
        assert!(!directory.path().join("modelgate.yaml").exists());
        let file = directory.path().join("MODEL_CARD.md");
        let problem =
            format!("not-a-directory `{}` is not a directory (hint: name a directory for the release)", file.display());
        assert_eq!(said(plan(&file)), problem);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_there() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join("modelgate.yaml")).unwrap();
        assert_eq!(plan(directory.path()).map(drop).unwrap_err().code, "file-exists");
    }

    #[test]
    fn a_file_that_came_to_be_since_the_plan_is_kept_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let plan = plan(directory.path()).unwrap();
        fs::write(directory.path().join("MODEL_CARD.md"), "mine").unwrap();
        assert_eq!(plan.write().unwrap_err().code, "unwritable-file");
        assert_eq!(fs::read_to_string(directory.path().join("MODEL_CARD.md")).unwrap(), "mine");
        assert!(!directory.path().join("modelgate.yaml").exists());
    }

    #[test]
    fn names_are_what_a_manifest_takes() {
        let directory = tempfile::tempdir().unwrap();
        let said = |name: &str, owner: &str| said(named(directory.path(), name, owner));
        assert_eq!(
            said("Credit Default", "me"),
            "invalid-value `model.name` is the string `Credit Default` (hint: it must match \
             `^[a-z0-9][a-z0-9._/-]{0,127}$` (Name in the model inventory: lower-case letters, digits, `.`, `_`, `-` and `/`))"
        );
        let problem = "invalid-value `model.owner` is an empty string (hint: it must not be empty)";
        assert_eq!(said("m", ""), problem);
        let problem = "control-character `a\\u{1b}[31m` contains the character U+001B (hint: remove it)";
        assert_eq!(said("m", "a\u{1b}[31m"), problem);
        // Words that YAML would read as something else stay texts.
        for name in ["true", "007", "1.5", "null"] {
            assert!(named(directory.path(), name, name).is_ok(), "{name}");
        }
    }
}
