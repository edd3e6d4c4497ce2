//! The directory of a release, which no path of its manifest may leave.

use std::fs;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use crate::document::special;
use crate::problem::Problem;

/// Files that one pattern may stand for: more is a mistake, such as a virtual environment in the release.
const FILES_MAX: usize = 10_000;

/// Entries that one pattern may look at. A release beside a large checkout has some ten thousand.
const ENTRIES_MAX: usize = 1_000_000;

/// Depth of directories below the root.
const DEPTH_MAX: usize = 32;

/// Whether a file of a directory is a mark of an engine, such as `_SUCCESS` or `.part-0.crc`, and has no rows.
pub(crate) fn is_mark(path: &str) -> bool {
    path.rsplit('/').next().unwrap_or_default().starts_with(['_', '.'])
}

/// The directory of a release.
#[derive(Debug, Clone)]
pub struct ReleaseRoot {
    directory: PathBuf,
    canonical: PathBuf,
}

/// A path inside the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleasePath {
    /// Relative to the root, with `/` between its parts.
    pub relative: String,
    /// As the program opens it.
    pub absolute: PathBuf,
}

impl ReleaseRoot {
    /// The root at `directory`.
    ///
    /// # Errors
    /// It is no directory that can be read.
    pub fn open(directory: &Path) -> Result<Self, Problem> {
        let canonical = fs::canonicalize(directory).map_err(|error| {
            Problem::new("missing-release", format!("the release `{}` cannot be opened: {error}", directory.display()))
                .hint("name the directory that holds `modelgate.yaml`")
        })?;
        if !canonical.is_dir() {
            let message = format!("the release `{}` is not a directory", directory.display());
            return Err(Problem::new("missing-release", message).hint("name the directory that holds `modelgate.yaml`"));
        }
        Ok(Self { directory: directory.to_owned(), canonical })
    }

    /// The directory as the user named it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path that `relative` names. It need not exist.
    ///
    /// # Errors
    /// It is not a plain relative path, a symbolic link on its way leaves the root, or it is a pipe, a
    /// socket or a device.
    pub fn resolve(&self, relative: &str) -> Result<ReleasePath, Problem> {
        let parts = plain_parts(relative)?;
        let absolute = parts.iter().fold(self.directory.clone(), |path, part| path.join(part));
        self.refuse_leaving_link(relative, &absolute)?;
        Ok(ReleasePath { relative: parts.join("/"), absolute })
    }

    /// The files that `pattern` stands for, in the order of their paths: a file, every file below a
    /// directory, or what a glob matches (`*` stays within a directory, `**` does not).
    /// None at all is for the caller to judge.
    ///
    /// # Errors
    /// As [`Self::resolve`]; a malformed glob; too many files; a directory that cannot be read.
    pub fn expand(&self, pattern: &str) -> Result<Vec<ReleasePath>, Problem> {
        let mut files = Vec::new();
        if !pattern.contains(['*', '?', '[', '{']) {
            let path = self.resolve(pattern)?;
            if path.absolute.is_dir() {
                self.walk(&path, 0, &mut Search { wanted: &|_| true, entries: 0, files: &mut files })?;
            } else if path.absolute.exists() {
                files.push(path);
            }
        } else {
            // The parts before the first wildcard are a directory to start from.
            let parts = plain_parts(pattern)?;
            let fixed: Vec<_> = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{'])).copied().collect();
            let glob = GlobBuilder::new(&parts.join("/")).literal_separator(true).build().map_err(|error| {
                Problem::new("invalid-glob", format!("`{pattern}` is not a glob: {}", error.kind()))
            })?;
            let matcher = glob.compile_matcher();
            let start = ReleasePath {
                relative: fixed.join("/"),
                absolute: fixed.iter().fold(self.directory.clone(), |path, part| path.join(part)),
            };
            self.refuse_leaving_link(pattern, &start.absolute)?;
            if start.absolute.is_dir() {
                let wanted = |path: &str| matcher.is_match(path);
                self.walk(&start, 0, &mut Search { wanted: &wanted, entries: 0, files: &mut files })?;
            }
        }
        files.sort();
        Ok(files)
    }

    fn walk(&self, directory: &ReleasePath, depth: usize, search: &mut Search<'_>) -> Result<(), Problem> {
        let shown = &directory.relative;
        let unreadable = |error: std::io::Error| {
            Problem::new("unreadable-directory", format!("the directory `{shown}` cannot be read: {error}"))
        };
        if depth > DEPTH_MAX {
            return Err(Problem::new(
                "too-deep",
                format!("the directory `{shown}` is more than {DEPTH_MAX} levels deep"),
            ));
        }
        for entry in fs::read_dir(&directory.absolute).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            search.entries += 1;
            if search.entries > ENTRIES_MAX {
                let message = format!("more than {ENTRIES_MAX} files and directories were looked at in `{shown}`");
                return Err(Problem::new("too-many-files", message).hint("name the files more narrowly"));
            }
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(
                    Problem::new("not-utf8", format!("a file name in `{shown}` is not UTF-8")).hint("rename it")
                );
            };
            if name == ".git" {
                continue;
            }
            let relative = if shown.is_empty() { name } else { format!("{shown}/{name}") };
            let path = ReleasePath { absolute: entry.path(), relative };
            self.refuse_leaving_link(&path.relative, &path.absolute)?;
            // A link to a directory inside the root is not followed: the files are found where they are,
            // and a cycle cannot be entered.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                self.walk(&path, depth + 1, search)?;
            } else if (search.wanted)(&path.relative) && !path.absolute.is_dir() {
                if search.files.len() >= FILES_MAX {
                    let message = format!("`{shown}` stands for more than {FILES_MAX} files");
                    return Err(Problem::new("too-many-files", message).hint("name the files more narrowly"));
                }
                search.files.push(path);
            }
        }
        Ok(())
    }

    /// Refuses a path whose deepest existing part, links followed, is outside the root or no file or
    /// directory.
    pub(crate) fn refuse_leaving_link(&self, shown: &str, absolute: &Path) -> Result<(), Problem> {
        let leaves = |target: &Path| {
            let message = format!("`{shown}` leaves the release through a symbolic link to `{}`", target.display());
            Err(Problem::new("path-leaves-release", message).hint("put the file itself into the release"))
        };
        for existing in absolute.ancestors() {
            if existing.symlink_metadata().is_err() {
                continue;
            }
            return match fs::canonicalize(existing) {
                Ok(target) if !target.starts_with(&self.canonical) => leaves(&target),
                Ok(target) if !target.is_file() && !target.is_dir() => Err(special(shown)),
                Ok(_) => Ok(()),
                // A link that dangles or turns in a circle: what it would lead to cannot be judged.
                Err(_) => leaves(&fs::read_link(existing).unwrap_or_else(|_| existing.to_owned())),
            };
        }
        Ok(())
    }
}

/// What a walk looks for, and what it has found.
struct Search<'a> {
    wanted: &'a dyn Fn(&str) -> bool,
    entries: usize,
    files: &'a mut Vec<ReleasePath>,
}

/// The parts of a plain relative path; `.` is dropped, and so is a slash at the end.
fn plain_parts(path: &str) -> Result<Vec<&str>, Problem> {
    let refuse = |what: &str, hint: &str| {
        Err(Problem::new("path-leaves-release", format!("the path `{}` {what}", path.escape_debug())).hint(hint))
    };
    if path.contains("://") {
        return refuse("is a URL, which this version does not read", "copy the file into the release");
    }
    if path.contains('\\') {
        return refuse("contains a backslash", "write `/` between the parts of a path");
    }
    if path.chars().any(char::is_control) {
        return refuse("contains a control character", "rename the file");
    }
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with('/') || path.starts_with('~') || drive {
        return refuse("is not relative", "paths are relative to the manifest");
    }
    let parts: Vec<_> = path.strip_suffix('/').unwrap_or(path).split('/').filter(|part| *part != ".").collect();
    if parts.contains(&"..") {
        return refuse("leaves the release", "put the file into the release: `..` is not allowed");
    }
    if parts.is_empty() || path.is_empty() {
        return refuse("names no file", "name a file or directory below the manifest's");
    }
    if parts.contains(&"") {
        return refuse("has an empty part", "write one `/` between the parts of a path");
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, ReleaseRoot) {
        let directory = tempfile::tempdir().unwrap();
        for file in ["a.json", "model/b.bin", "model/deep/c.bin", ".git/config"] {
            let path = directory.path().join("release").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let root = ReleaseRoot::open(&directory.path().join("release")).unwrap();
        (directory, root)
    }

    fn expand(root: &ReleaseRoot, pattern: &str) -> Vec<String> {
        root.expand(pattern).unwrap().into_iter().map(|path| path.relative).collect()
    }

    #[test]
    fn patterns_stand_for_files_in_order() {
        let (_directory, root) = root();
        assert_eq!(expand(&root, "a.json"), ["a.json"]);
        assert_eq!(expand(&root, "./model"), ["model/b.bin", "model/deep/c.bin"]);
        assert_eq!(expand(&root, "model/*.bin"), ["model/b.bin"]);
        assert_eq!(expand(&root, "**/*.bin"), ["model/b.bin", "model/deep/c.bin"]);
        assert_eq!(expand(&root, "*"), ["a.json"]);
        assert_eq!(expand(&root, "absent/*"), Vec::<String>::new());
        assert!(root.expand("model/[").is_err());
    }

    #[test]
    fn paths_that_are_not_plain_are_refused() {
        let (_directory, root) = root();
        for (path, problem) in [
            ("/etc/passwd", "the path `/etc/passwd` is not relative (hint: paths are relative to the manifest)"),
            ("~/x", "the path `~/x` is not relative (hint: paths are relative to the manifest)"),
            ("C:/x", "the path `C:/x` is not relative (hint: paths are relative to the manifest)"),
            ("../x", "the path `../x` leaves the release (hint: put the file into the release: `..` is not allowed)"),
            (
                "a/../../x",
                "the path `a/../../x` leaves the release (hint: put the file into the release: `..` is not allowed)",
            ),
            ("a\\b", "the path `a\\\\b` contains a backslash (hint: write `/` between the parts of a path)"),
            ("a\nb", "the path `a\\nb` contains a control character (hint: rename the file)"),
            ("a\0b", "the path `a\\0b` contains a control character (hint: rename the file)"),
            ("", "the path `` names no file (hint: name a file or directory below the manifest's)"),
            (".", "the path `.` names no file (hint: name a file or directory below the manifest's)"),
            ("a//b", "the path `a//b` has an empty part (hint: write one `/` between the parts of a path)"),
            (
                "s3://bucket/x",
                "the path `s3://bucket/x` is a URL, which this version does not read (hint: copy the file into the release)",
            ),
        ] {
            let refused = root.resolve(path).unwrap_err();
            assert_eq!((refused.code, refused.to_string().as_str()), ("path-leaves-release", problem));
            assert_eq!(root.expand(path).unwrap_err(), refused);
        }
        assert_eq!(root.resolve("not/there").unwrap().relative, "not/there");
        assert_eq!(root.resolve("./model/").unwrap().relative, "model");
    }

    #[test]
    fn a_root_is_a_directory() {
        let (directory, _root) = root();
        let open = |path: &str| ReleaseRoot::open(&directory.path().join(path)).map(drop).unwrap_err().code;
        assert_eq!(open("absent"), "missing-release");
        assert_eq!(open("release/a.json"), "missing-release");
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_neither_named_nor_found() {
        let (directory, root) = root();
        let path = directory.path().join("release/model/socket");
        let _listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        assert_eq!(root.resolve("model/socket").unwrap_err().code, "special-file");
        assert_eq!(root.expand("model").unwrap_err().code, "special-file");
    }

    #[cfg(unix)]
    #[test]
    fn links_may_stay_inside_and_may_not_leave() {
        use std::os::unix::fs::symlink;
        let (directory, root) = root();
        let release = directory.path().join("release");
        fs::write(directory.path().join("secret"), "s").unwrap();
        symlink("a.json", release.join("inside")).unwrap();
        symlink(directory.path().join("secret"), release.join("outside")).unwrap();
        symlink("../..", release.join("model/up")).unwrap();
        symlink("nowhere", release.join("dangling")).unwrap();
        symlink("loop", release.join("loop")).unwrap();
        assert_eq!(expand(&root, "inside"), ["inside"]);
        for path in ["outside", "model/up", "model/up/secret", "dangling", "loop"] {
            assert_eq!(root.resolve(path).unwrap_err().code, "path-leaves-release", "{path}");
        }
        for pattern in ["*", "model", "**/*"] {
            assert!(root.expand(pattern).is_err(), "{pattern}");
        }
    }
}
