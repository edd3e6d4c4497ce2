//! The files that would be released, wherever they are: hashed and inspected in the same way.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::artifact::secrets::Secrets;
use super::artifact::{ArtifactFacts, FileInput, Inspection, Limits, inspect};
use super::mlflow::{LocalFiles, MlflowFacts, add_local, of_server};
use super::{nothing_there, place};
use crate::environment::Environment;
use crate::manifest::raw::ArtifactRole;
use crate::manifest::{ArtifactEntry, Elsewhere, Manifest};
use crate::problem::{Location, Problem};
use crate::remote::{RemoteSettings, mlflow};

/// What was found out about the released files.
#[derive(Debug, Default)]
pub(super) struct Released {
    /// The files, in the order of their paths.
    pub(super) artifacts: Vec<ArtifactFacts>,
    /// What MLflow says of them.
    pub(super) mlflow: Vec<MlflowFacts>,
    /// Secrets in those of the files that are texts.
    pub(super) secrets: Secrets,
}

/// A file that is here, perhaps only while it is looked at.
struct Located<'a> {
    path: String,
    absolute: PathBuf,
    role: ArtifactRole,
    location: &'a Location,
}

/// The files of one entry of the manifest, by their paths, and what keeps them here.
#[derive(Default)]
struct Found {
    files: Vec<(PathBuf, String)>,
    directory: Option<Arc<TempDir>>,
    mlflow: Option<MlflowFacts>,
}

/// Measures the released files.
pub(super) async fn measure(manifest: &Manifest, environment: &Environment, problems: &mut Vec<Problem>) -> Released {
    let mut located: Vec<Located<'_>> = Vec::new();
    let mut directories = Vec::new();
    let mut mlflow = Vec::new();
    let mut names = BTreeSet::new();
    for entry in &manifest.artifacts {
        let found = match find(entry, &environment.remote).await {
            Ok(found) => found,
            Err(problem) => {
                problems.push(place(problem, &entry.location));
                continue;
            }
        };
        for (absolute, path) in found.files {
            if names.insert(path.clone()) {
                located.push(Located { path, absolute, role: entry.role, location: &entry.location });
            } else {
                let problem = Problem::new("duplicate-artifact", format!("`{path}` is part of two of the artifacts"));
                problems.push(problem.at(entry.location.clone()).hint("name each file once"));
            }
        }
        directories.extend(found.directory);
        mlflow.extend(found.mlflow);
    }
    let inputs: Vec<_> =
        located.iter().map(|file| FileInput { path: &file.path, absolute: &file.absolute, role: file.role }).collect();
    // What is downloaded is at another place each time, where no cache would find it again.
    let cache = environment.artifact_cache.as_ref().filter(|_| directories.is_empty());
    let limits = Limits { threads: environment.resources.threads, cache };
    let mut artifacts = Vec::new();
    let Inspection { files, secrets } = inspect(&inputs, limits);
    for (inspected, file) in files.into_iter().zip(&located) {
        match inspected {
            Ok(facts) => artifacts.push(facts),
            Err(problem) => problems.push(place(problem, file.location)),
        }
    }
    artifacts.sort_by(|left, right| left.file.path.cmp(&right.file.path));
    let digests: Vec<_> = artifacts.iter().map(|artifact| (artifact.file.path.clone(), artifact.file.sha256)).collect();
    located.sort_by(|left, right| left.path.cmp(&right.path));
    let files = digests.iter().filter_map(|(path, sha256)| {
        let index = located.binary_search_by(|file| file.path.cmp(path)).ok()?;
        Some((path.as_str(), located.get(index)?.absolute.as_path(), *sha256))
    });
    problems.extend(add_local(&mut mlflow, &mut artifacts, &LocalFiles::new(files)));
    // Only now may what was downloaded go.
    drop(directories);
    Released { artifacts, mlflow, secrets }
}

/// The files that an entry stands for.
async fn find(entry: &ArtifactEntry, settings: &RemoteSettings) -> Result<Found, Problem> {
    match &entry.elsewhere {
        None if entry.files.is_empty() => Err(nothing_there(&entry.pattern, &entry.location)),
        None => {
            let files = entry.files.iter().map(|file| (file.absolute.clone(), file.relative.clone()));
            Ok(Found { files: files.collect(), ..Found::default() })
        }
        Some(Elsewhere::Address(address)) => {
            let downloaded = address.download_tree(settings).await?;
            Ok(Found { files: downloaded.files, directory: Some(downloaded.directory), mlflow: None })
        }
        Some(Elsewhere::Mlflow(reference)) => {
            let fetched = mlflow::fetch(reference, settings).await?;
            let facts = of_server(reference, fetched.described)?;
            Ok(Found { files: fetched.files, directory: Some(fetched.directory), mlflow: Some(facts) })
        }
    }
}
