//! Where the release comes from: commit, branch, CI.

pub mod review;

use std::path::Path;
use std::process::{Command, Stdio};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the release comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryFacts {
    /// Commit, as its full object id, or null for the reason in `reason`.
    pub commit: Option<String>,
    /// Branch, or null when the checkout is on none.
    pub branch: Option<String>,
    /// Whether files of the release differ from the commit; null when there is no commit.
    pub dirty: Option<bool>,
    /// Why there is no commit; null when there is one.
    pub reason: Option<String>,
    /// Where the gate runs.
    pub origin: Origin,
    /// Who reviewed the change.
    pub review: review::ReviewFacts,
}

/// Where the gate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// On a person's machine.
    Local,
    /// GitHub Actions.
    GithubActions,
    /// GitLab CI.
    GitlabCi,
    /// Another CI system (`CI` is set).
    OtherCi,
}

/// Asks Git about the work tree that `directory` is in.
///
/// `ci_branch` is what CI says it builds; its checkouts are usually on no branch.
#[must_use]
pub fn measure(
    directory: &Path,
    origin: Origin,
    ci_branch: Option<&str>,
    review: review::ReviewFacts,
) -> RepositoryFacts {
    let absent = |reason: &str| RepositoryFacts {
        commit: None,
        branch: ci_branch.map(str::to_owned),
        dirty: None,
        reason: Some(reason.to_owned()),
        origin,
        review: review.clone(),
    };
    let commit = match git(directory, &["rev-parse", "--verify", "--end-of-options", "HEAD"]) {
        Answer::Text(commit) => commit,
        Answer::Refused => {
            return absent("Git knows no commit here: no work tree, no commit yet, or one that it does not trust");
        }
        Answer::NoGit => return absent("git could not be run"),
    };
    // Untracked files count: a model that was never committed is not what the commit says.
    let dirty = match git(directory, &["status", "--porcelain=v1", "--untracked-files=normal", "--", "."]) {
        Answer::Text(changes) => !changes.is_empty(),
        Answer::Refused | Answer::NoGit => return absent("Git cannot say whether the work tree is clean"),
    };
    let branch = ci_branch.map(str::to_owned).or_else(|| {
        match git(directory, &["symbolic-ref", "--quiet", "--short", "HEAD"]) {
            Answer::Text(branch) if !branch.is_empty() => Some(branch),
            Answer::Text(_) | Answer::Refused | Answer::NoGit => None,
        }
    });
    RepositoryFacts { commit: Some(commit), branch, dirty: Some(dirty), reason: None, origin, review: review.clone() }
}

enum Answer {
    Text(String),
    Refused,
    NoGit,
}

fn git(directory: &Path, arguments: &[&str]) -> Answer {
    // A file-system monitor named by the repository's configuration would be a program that runs here.
    let output = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks", "-C"])
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    match output {
        Err(_) => Answer::NoGit,
        Ok(output) if !output.status.success() => Answer::Refused,
        Ok(output) => match String::from_utf8(output.stdout) {
            Ok(text) => Answer::Text(text.trim_end().to_owned()),
            Err(_) => Answer::Refused,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(directory: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=trunk"];
        let status =
            Command::new("git").args(identity).arg("-C").arg(directory).args(arguments).output().unwrap().status;
        assert!(status.success(), "git {arguments:?}");
    }

    fn measured(path: &Path, origin: Origin, branch: Option<&str>) -> RepositoryFacts {
        measure(path, origin, branch, review::ReviewFacts::none())
    }

    #[test]
    fn a_commit_is_known_and_a_change_shows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(measured(path, Origin::Local, None).commit, None);
        run(path, &["init"]);
        assert!(measured(path, Origin::Local, None).reason.is_some(), "no commit yet");
        std::fs::write(path.join("model"), "1").unwrap();
        run(path, &["add", "."]);
        run(path, &["commit", "-m", "first"]);
        let clean = measured(path, Origin::Local, None);
        assert_eq!((clean.dirty, clean.branch.as_deref()), (Some(false), Some("trunk")));
        assert_eq!(clean.commit.as_ref().map(String::len), Some(40));
        std::fs::write(path.join("model"), "2").unwrap();
        let dirty = measured(path, Origin::GithubActions, Some("feature"));
        assert_eq!((dirty.dirty, dirty.branch.as_deref()), (Some(true), Some("feature")));
        assert_eq!(dirty.commit, clean.commit);
    }
}
