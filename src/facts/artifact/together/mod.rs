//! What several released files say together: an index and its shards, a model and the files of its tensors, a
//! configuration and the code that it names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::secrets::Secrets;
use super::{ArtifactFacts, ArtifactFormat, Findings, Risk, RiskSeverity, bounded};

/// Names that a message lists; of more it says how many there are.
const NAMES_LISTED: usize = 3;

/// What an inspector found that only the other files can answer, and that is no fact of the file itself.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Inside {
    /// Tensors of a safetensors file.
    pub(super) tensors: Option<Tensors>,
    /// Where the tensors of a model are, as an index says.
    pub(super) index: Option<Index>,
    /// Code that loading it runs.
    pub(super) code: Vec<Code>,
    /// Modules beside it that a Python source imports.
    pub(super) imports: Vec<String>,
    /// Risks that it has if pip is given it, as its name says.
    pub(super) of_requirements: Vec<Risk>,
    /// Secrets in its text.
    #[serde(skip)]
    pub(super) secrets: Secrets,
}

/// The tensors of a file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tensors {
    /// Their names.
    pub(super) names: BTreeSet<String>,
    /// Their bytes, all together.
    pub(super) bytes: u64,
}

/// An index of tensors over several files.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    /// Names of tensors by the file that they are in, relative to the index.
    pub(super) shards: BTreeMap<String, Vec<String>>,
    pub(super) total_bytes: Option<u64>,
    pub(super) total_parameters: Option<u64>,
}

/// A class that is imported.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Code {
    /// As it is written.
    pub(super) reference: String,
    /// The Python file that it would be in, relative to whoever names it.
    pub(super) file: String,
    pub(super) offset: u64,
}

/// A file that was inspected.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Inspected {
    pub(super) facts: ArtifactFacts,
    pub(super) inside: Inside,
}

/// Adds to each file what only the others show.
pub(super) fn check(files: &mut [&mut Inspected]) {
    let mut found = Vec::new();
    {
        let release = Release::of(files);
        for file in release.files.values() {
            let mut findings = Findings::default();
            if let Some(index) = &file.inside.index {
                release.index(&file.facts, index, &mut findings);
            }
            release.external_data(&file.facts, &mut findings);
            release.code(file, &mut findings);
            release.twins(&file.facts, &mut findings);
            found.push((file.facts.file.path.clone(), findings));
        }
    }
    let mut found: BTreeMap<String, Findings> = found.into_iter().collect();
    for Inspected { facts, .. } in files {
        let Some(findings) = found.remove(&facts.file.path) else { continue };
        facts.metadata.parameters = facts.metadata.parameters.or(findings.metadata.parameters);
        if !findings.risks.is_empty() {
            let mut risks = std::mem::take(&mut facts.risks);
            risks.extend(findings.risks);
            facts.risks = bounded(risks);
        }
    }
}

/// The released files by their paths.
struct Release<'a> {
    files: BTreeMap<&'a str, &'a Inspected>,
}

impl<'a> Release<'a> {
    fn of(files: &'a [&mut Inspected]) -> Self {
        Self { files: files.iter().map(|file| (file.facts.file.path.as_str(), &**file)).collect() }
    }

    /// The file that another means by a path relative to itself.
    fn beside(&self, path: &str, location: &str) -> Option<&'a Inspected> {
        self.files.get(beside(path, location)?.as_str()).copied()
    }

    /// An index says in which file each tensor is, and how large they are together.
    fn index(&self, facts: &ArtifactFacts, index: &Index, findings: &mut Findings) {
        let mut all = Some((0_u64, 0_u64));
        for (location, names) in &index.shards {
            let Some(shard) = self.beside(&facts.file.path, location) else {
                let message =
                    format!("{} of its tensors are in `{location}`, which is not among the artifacts", names.len());
                findings.risk(0, RiskSeverity::High, "index-missing-shard", message);
                all = None;
                continue;
            };
            let parameters = shard.facts.safetensors.as_ref().map(|tensors| tensors.parameters);
            all = match (all, &shard.inside.tensors, parameters) {
                (Some((bytes, elements)), Some(tensors), Some(parameters)) => {
                    Some((bytes.saturating_add(tensors.bytes), elements.saturating_add(parameters)))
                }
                _ => None,
            };
            if let Some(tensors) = &shard.inside.tensors {
                compare(location, names, &tensors.names, findings);
            } else if location.ends_with(".safetensors") {
                let message = format!("its tensors in `{location}` could not be looked for");
                findings.risk(0, RiskSeverity::High, "index-not-compared", message);
            }
        }
        let Some((bytes, parameters)) = all.filter(|_| !index.shards.is_empty()) else { return };
        findings.metadata.parameters = Some(parameters);
        if let Some(stated) = index.total_bytes.filter(|stated| *stated != bytes) {
            let message = format!("it says that its tensors are {stated} bytes, and they are {bytes}");
            findings.risk(0, RiskSeverity::Low, "index-total-differs", message);
        }
        // Files have buffers beside the parameters, and less than one element for each where they are packed.
        if let Some(stated) =
            index.total_parameters.filter(|stated| *stated > parameters && !self.is_packed(facts, index))
        {
            let message = format!("it says that the model has {stated} parameters, and the files have {parameters}");
            findings.risk(0, RiskSeverity::Low, "index-total-differs", message);
        }
    }

    /// Whether elements may be several parameters each, as in files of quantised models.
    fn is_packed(&self, facts: &ArtifactFacts, index: &Index) -> bool {
        let shards = index.shards.keys().filter_map(|location| self.beside(&facts.file.path, location));
        let mut dtypes = shards.filter_map(|shard| shard.facts.safetensors.as_ref()).flat_map(|shard| &shard.dtypes);
        dtypes.any(|dtype| !matches!(dtype.as_str(), "BF16" | "F16" | "F32" | "F64"))
    }

    /// Tensors of an ONNX model in other files.
    fn external_data(&self, facts: &ArtifactFacts, findings: &mut Findings) {
        for external in facts.onnx.iter().flat_map(|onnx| &onnx.external_files) {
            let location = &external.location;
            match self.beside(&facts.file.path, location).map(|file| file.facts.file.size_bytes) {
                None => {
                    let message = format!("its tensors are in `{location}`, which is not among the artifacts");
                    findings.risk(0, RiskSeverity::Medium, "onnx-external-data-missing", message);
                }
                Some(size) if size < external.bytes_needed => {
                    let needed = external.bytes_needed;
                    let message = format!("its tensors in `{location}` end at byte {needed}, and the file at {size}");
                    findings.risk(0, RiskSeverity::High, "onnx-external-data-cut", message);
                }
                Some(_) => {}
            }
        }
    }

    /// Code that loading it runs has to be in the release, and what that imports from beside itself.
    fn code(&self, file: &Inspected, findings: &mut Findings) {
        let missing = |path: &str, offset: u64, reference: &str, findings: &mut Findings| {
            let message = format!("loading it runs `{reference}`, and `{path}` is not among the artifacts");
            findings.risk(offset, RiskSeverity::Medium, "custom-code-missing", message);
        };
        for code in &file.inside.code {
            let mut to_see = vec![(file, code.file.clone())];
            let mut seen = BTreeSet::new();
            while let Some((from, location)) = to_see.pop() {
                match self.beside(&from.facts.file.path, &location) {
                    None => missing(&location, code.offset, &code.reference, findings),
                    Some(source) if seen.insert(source.facts.file.path.as_str()) => {
                        to_see.extend(source.inside.imports.iter().map(|module| (source, format!("{module}.py"))));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// Weights that are there twice: as a program that runs when it is loaded, and as data.
    fn twins(&self, facts: &'a ArtifactFacts, findings: &mut Findings) {
        if facts.pickle.is_none() {
            return;
        }
        let (directory, name) = split(&facts.file.path);
        let stem = |name: &'a str| name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_twin = |other: &str| {
            // The two names that transformers looks for (`transformers.utils.WEIGHTS_NAME`, `SAFE_WEIGHTS_NAME`).
            other.rsplit_once('.').is_some_and(|(other, _)| other == stem(name))
                || name.starts_with("pytorch_model") && other.starts_with("model")
        };
        let twin = self.files.values().find(|other| {
            let (other_directory, other_name) = split(&other.facts.file.path);
            other.facts.format == ArtifactFormat::Safetensors && other_directory == directory && is_twin(other_name)
        });
        if let Some(twin) = twin {
            let message = format!(
                "`{}` has the same weights as data, and a loader may take this file, which is a program",
                twin.facts.file.path
            );
            findings.risk(0, RiskSeverity::Low, "pickle-beside-safetensors", message);
        }
    }
}

/// The names of an index beside those of a shard.
fn compare(location: &str, names: &[String], tensors: &BTreeSet<String>, findings: &mut Findings) {
    let indexed: BTreeSet<&String> = names.iter().collect();
    let missing: Vec<&String> = indexed.iter().copied().filter(|name| !tensors.contains(*name)).collect();
    if !missing.is_empty() {
        let message = format!("it says that `{location}` has {}, which it does not have", listed(&missing));
        findings.risk(0, RiskSeverity::High, "index-missing-tensor", message);
    }
    let unnamed: Vec<&String> = tensors.iter().filter(|name| !indexed.contains(name)).collect();
    if !unnamed.is_empty() {
        let message = format!("`{location}` has {} as well, which it does not name", listed(&unnamed));
        findings.risk(0, RiskSeverity::Low, "index-unnamed-tensor", message);
    }
}

/// The first of some names, and how many more there are.
fn listed(names: &[&String]) -> String {
    let first: Vec<String> = names.iter().take(NAMES_LISTED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMES_LISTED) {
        0 => first.join(", "),
        more => format!("{} and {more} more tensors", first.join(", ")),
    }
}

/// A path relative to the root, for one that is relative to the directory of `path`; none if it leads out of the root.
fn beside(path: &str, location: &str) -> Option<String> {
    if location.starts_with('/') || location.contains('\\') {
        return None;
    }
    let (directory, _) = split(path);
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in location.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The directory and the name of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests;
