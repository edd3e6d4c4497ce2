//! Whether a directory is what a verdict is about: every file, under its name, and no other file.
//!
//! in-toto binds by digest alone. For a directory that is not enough: two shards whose names were swapped, a
//! file that was taken away and one that was put beside the others all leave every digest that is there a
//! subject (model-transparency #49). The subjects of a verdict are named by their paths in the release, so
//! that a directory of it, wherever it was deployed to, is compared with the subjects below one path.

use std::collections::BTreeMap;

use super::statement::Subject;
use super::verify::VerifyError;
use crate::digest::Sha256Digest;

/// A directory with every file below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedDirectory {
    /// The directory, for messages.
    pub name: String,
    /// Each file's digest, by its path below the directory, with `/` between its parts.
    pub files: BTreeMap<String, Sha256Digest>,
}

impl ReleasedDirectory {
    /// That the directory holds the subjects below one path, and nothing else.
    ///
    /// # Errors
    /// [`VerifyError`] for the first file that differs.
    pub(super) fn check(&self, subjects: &[Subject]) -> Result<(), VerifyError> {
        let shown = |file: &str| format!("{}/{file}", self.name.trim_end_matches('/'));
        let Some((first, digest)) = self.files.first_key_value() else {
            return Err(VerifyError::EmptyDirectory(self.name.clone()));
        };
        let Some(prefix) = self.prefix(subjects) else {
            return Err(foreign(shown(first), *digest, subjects));
        };
        let expected: BTreeMap<&str, Sha256Digest> = subjects
            .iter()
            .filter_map(|subject| Some((subject.name.strip_prefix(prefix)?, subject.digest.sha256)))
            .collect();
        for (file, digest) in &self.files {
            match expected.get(file.as_str()) {
                Some(expected) if expected == digest => {}
                Some(_) => return Err(changed(shown(file), *digest, subjects)),
                None => return Err(foreign(shown(file), *digest, subjects)),
            }
        }
        match expected.keys().find(|name| !self.files.contains_key(**name)) {
            None => Ok(()),
            Some(name) => {
                Err(VerifyError::MissingFile { directory: self.name.clone(), subject: format!("{prefix}{name}") })
            }
        }
    }

    /// The path in the release that the directory stands for: the one under which most files are subjects by
    /// name and digest, and then by name.
    fn prefix<'a>(&self, subjects: &'a [Subject]) -> Option<&'a str> {
        let mut votes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for subject in subjects {
            // Each end of the name that a file may have: at its start, and behind each `/`.
            let starts = std::iter::once(0).chain(subject.name.match_indices('/').map(|(at, _)| at.saturating_add(1)));
            for (prefix, rest) in starts.filter_map(|start| subject.name.split_at_checked(start)) {
                if let Some(digest) = self.files.get(rest) {
                    let (same, named) = votes.entry(prefix).or_default();
                    *named = named.saturating_add(1);
                    *same = same.saturating_add(usize::from(*digest == subject.digest.sha256));
                }
            }
        }
        votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(prefix, _)| prefix)
    }
}

/// A file under a name that no subject has.
fn foreign(path: String, digest: Sha256Digest, subjects: &[Subject]) -> VerifyError {
    match subjects.iter().find(|subject| subject.digest.sha256 == digest) {
        Some(subject) => VerifyError::OtherName { path, subject: subject.name.clone() },
        None => VerifyError::ExtraFile { path, digest },
    }
}

/// A file under the name of a subject that has another digest.
fn changed(path: String, digest: Sha256Digest, subjects: &[Subject]) -> VerifyError {
    match subjects.iter().find(|subject| subject.digest.sha256 == digest) {
        Some(subject) => VerifyError::OtherName { path, subject: subject.name.clone() },
        None => VerifyError::Changed { path, digest },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::statement::DigestSet;

    fn subjects(names: &[&str]) -> Vec<Subject> {
        names
            .iter()
            .map(|name| Subject {
                name: (*name).to_owned(),
                digest: DigestSet { sha256: Sha256Digest::of(name.as_bytes()) },
            })
            .collect()
    }

    /// A directory of files by path, each with the content of the subject that is named.
    fn check(files: &[(&str, &str)], subjects: &[Subject]) -> Result<(), VerifyError> {
        let files = files.iter().map(|(path, of)| ((*path).to_owned(), Sha256Digest::of(of.as_bytes()))).collect();
        ReleasedDirectory { name: "deployed/".to_owned(), files }.check(subjects)
    }

    #[test]
    fn a_directory_is_the_subjects_below_one_path() {
        let subjects = subjects(&["model/a.bin", "model/b.bin", "tokenizer/a.bin", "LICENSE"]);
        assert_eq!(check(&[("a.bin", "model/a.bin"), ("b.bin", "model/b.bin")], &subjects), Ok(()));
        assert_eq!(check(&[("a.bin", "tokenizer/a.bin")], &subjects), Ok(()));
        let all = [
            ("model/a.bin", "model/a.bin"),
            ("model/b.bin", "model/b.bin"),
            ("tokenizer/a.bin", "tokenizer/a.bin"),
            ("LICENSE", "LICENSE"),
        ];
        assert_eq!(check(&all, &subjects), Ok(()));
    }

    #[test]
    fn every_difference_has_its_own_message() {
        let subjects = subjects(&["model/a.bin", "model/b.bin"]);
        let (a, b) = (("a.bin", "model/a.bin"), ("b.bin", "model/b.bin"));
        for (files, says) in [
            (&[][..], "holds no file"),
            (&[a, b, ("c.bin", "c")], "`deployed/c.bin` is no part"),
            (&[a, b, ("copy.bin", "model/a.bin")], "`deployed/copy.bin` is `model/a.bin` of the release"),
            (&[a], "`model/b.bin`"),
            (&[a, ("b.bin", "other")], "`deployed/b.bin` is not the file"),
            (&[("a.bin", "model/b.bin"), ("b.bin", "model/a.bin")], "under another name"),
            (&[("x.bin", "other")], "`deployed/x.bin` is no part"),
            (&[("model/model/a.bin", "model/a.bin")], "under another name"),
        ] {
            let error = check(files, &subjects).unwrap_err().to_string();
            assert!(error.contains(says), "`{says}` is not in: {error}");
        }
    }

    #[test]
    fn a_name_with_the_same_end_is_another_name() {
        let subjects = subjects(&["model/xa.bin"]);
        assert!(check(&[("a.bin", "model/xa.bin")], &subjects).is_err());
    }
}
