//! What DVC recorded: `dvc.lock` of a pipeline and `.dvc` files of single outputs, and whether the released files are it.
//!
//! DVC names files by MD5, which keeps nobody from making another file with the same digest: that they agree says
//! that nothing was mixed up, not that nobody tampered.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use md5::{Digest as _, Md5};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, pointer_to, read_text, unreadable};
use crate::facts::FileFacts;
use crate::facts::artifact::ArtifactFacts;
use crate::facts::monitoring::Source;
use crate::problem::Problem;
use crate::release_root::{ReleasePath, ReleaseRoot};

/// Outputs of all files at most: a pipeline has a few hundred.
const OUTPUTS_MAX: usize = 10_000;

/// Size of a `.dvc` file at most, where it stands for another file; one of an output has some 100 bytes.
const POINTER_BYTES_MAX: usize = 64 << 10;

/// What DVC recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DvcFacts {
    /// The files that say so, in the order of the manifest.
    pub files: Vec<FileFacts>,
    /// Every output in them, in their order.
    pub outputs: Vec<DvcOutput>,
}

/// An output: a file or a directory that a stage made or that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DvcOutput {
    /// Path, relative to the release if it is in it.
    pub path: String,
    /// Where it is recorded.
    pub source: Source,
    /// The stage that made it; null for what was added by itself.
    pub stage: Option<String>,
    /// MD5 as 32 hexadecimal digits, followed by `.dir` for that of a directory's listing; null for what is kept
    /// elsewhere and named by other means.
    pub md5: Option<String>,
    /// Size in bytes, or null.
    pub size_bytes: Option<u64>,
    /// Files of a directory, or null.
    pub files: Option<u64>,
    /// MD5 of what is released; null where it was not compared.
    pub released_md5: Option<String>,
    /// What the comparison with the released files came to.
    pub result: DvcResult,
}

/// What the comparison of an output with the released files came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DvcResult {
    /// It is what was recorded.
    Agrees,
    /// It is something else.
    Differs,
    /// No artifact is it or in it.
    NotReleased,
    /// There is no MD5 to compare, or nothing in the release that its path could mean.
    NotComparable,
}

impl DvcFacts {
    /// Adds what `file` records, and compares it with `artifacts`, which are below `root`.
    ///
    /// # Errors
    /// The file cannot be read or is none of DVC's; an artifact cannot be read.
    pub fn read(
        &mut self,
        file: &ReleasePath,
        root: &ReleaseRoot,
        artifacts: &[ArtifactFacts],
    ) -> Result<(), Vec<Problem>> {
        let one = |problem| vec![problem];
        let text = read_text(&file.absolute, &file.relative, TEXT_BYTES_MAX).map_err(one)?;
        let document = Document::parse(&file.relative, &text)?;
        let pipeline = self.pipeline(file, root)?;
        for mut output in outputs(&document, pipeline.as_ref()).map_err(one)? {
            if self.outputs.len() >= OUTPUTS_MAX {
                let message = format!("DVC's files record more than {OUTPUTS_MAX} outputs");
                return Err(vec![Problem::new("too-many-outputs", message).hint("name those of the model alone")]);
            }
            compare(&mut output, root, artifacts).map_err(one)?;
            self.outputs.push(output.facts);
        }
        self.add(&file.relative, &text);
        Ok(())
    }

    /// The `dvc.yaml` beside a `dvc.lock`, if there is one: only it says in which directory a stage is run.
    fn pipeline(&mut self, file: &ReleasePath, root: &ReleaseRoot) -> Result<Option<Document>, Vec<Problem>> {
        let Some(directory) = file.relative.strip_suffix("dvc.lock") else { return Ok(None) };
        let one = |problem| vec![problem];
        let beside = root.resolve(&format!("{directory}dvc.yaml")).map_err(one)?;
        if !beside.absolute.exists() {
            return Ok(None);
        }
        let text = read_text(&beside.absolute, &beside.relative, TEXT_BYTES_MAX).map_err(one)?;
        self.add(&beside.relative, &text);
        Document::parse(&beside.relative, &text).map(Some)
    }

    fn add(&mut self, path: &str, text: &str) {
        let sha256 = Sha256Digest::of(text.as_bytes());
        self.files.push(FileFacts { path: path.to_owned(), sha256, size_bytes: text.len() as u64 });
    }
}

/// An output, and what is needed to compare it.
struct Output {
    facts: DvcOutput,
    /// Whether `path` is in the release.
    is_inside: bool,
    /// Whether DVC 2 recorded it, which reads the line ends of Windows as those of Unix where it takes a file for text.
    is_legacy: bool,
}

/// Every output of a `dvc.lock` or a `.dvc` file.
fn outputs(document: &Document, pipeline: Option<&Document>) -> Result<Vec<Output>, Problem> {
    let root = document.value();
    if let Some(Value::Object(stages)) = root.get("stages").filter(|_| root.get("schema").is_some()) {
        let mut found = Vec::new();
        for (name, stage) in stages {
            let directory = working_directory(pipeline, name);
            found.extend(list(document, stage, &pointer_to("/stages", name), Some(name), directory)?);
        }
        return Ok(found);
    }
    if root.get("outs").is_some() {
        let directory = root.get("wdir").and_then(Value::as_str).unwrap_or_default();
        return list(document, root, "", None, directory);
    }
    let message = format!("`{}` is neither a `dvc.lock` of schema 2.0 nor a `.dvc` file", document.file());
    Err(Problem::new("unknown-dvc", message).at(document.location("")).hint("run `dvc commit` with DVC 2 or later"))
}

/// The directory in which a stage is run, from that of the pipeline. One of several that a template makes is called
/// `stage@item`.
fn working_directory<'a>(pipeline: Option<&'a Document>, stage: &str) -> &'a str {
    let name = stage.split('@').next().unwrap_or(stage);
    let stage = pipeline.and_then(|pipeline| pipeline.value().get("stages")?.get(name));
    let directory = stage.and_then(|stage| stage.get("do").unwrap_or(stage).get("wdir")?.as_str());
    directory.unwrap_or_default()
}

/// The outputs of a stage, at `pointer`. Their paths are relative to `directory`, and that to the file's own.
fn list(
    document: &Document,
    stage: &Value,
    pointer: &str,
    name: Option<&str>,
    directory: &str,
) -> Result<Vec<Output>, Problem> {
    let outs = match stage.get("outs") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(outs)) => outs,
        Some(_) => return Err(malformed(document, &format!("{pointer}/outs"), "`outs` is not a list")),
    };
    let own = document.file().rsplit_once('/').map_or("", |(own, _)| own);
    let output = |(index, out): (usize, &Value)| {
        let place = format!("{pointer}/outs/{index}");
        let Some(path) = out.get("path").and_then(Value::as_str) else {
            return Err(malformed(document, &place, "an output has no path"));
        };
        let md5 = out.get("md5").and_then(Value::as_str).map(str::to_ascii_lowercase);
        if out.get("md5").is_some() && !md5.as_deref().is_some_and(is_md5) {
            return Err(malformed(document, &format!("{place}/md5"), "an MD5 is not 32 hexadecimal digits"));
        }
        let inside = joined(&[own, directory, path]);
        let is_inside = inside.is_some();
        let facts = DvcOutput {
            source: Source { file: document.file().to_owned(), line: document.location(&place).line },
            stage: name.map(str::to_owned),
            result: match inside {
                Some(_) if md5.is_some() => DvcResult::NotReleased,
                _ => DvcResult::NotComparable,
            },
            path: inside.unwrap_or_else(|| path.to_owned()),
            md5,
            size_bytes: out.get("size").and_then(Value::as_u64),
            files: out.get("nfiles").and_then(Value::as_u64),
            released_md5: None,
        };
        Ok(Output { facts, is_inside, is_legacy: out.get("hash").is_none() })
    };
    outs.iter().enumerate().map(output).collect()
}

fn malformed(document: &Document, pointer: &str, message: &str) -> Problem {
    Problem::new("malformed-dvc", message).at(document.location(pointer)).hint("write it again with `dvc commit`")
}

fn is_md5(text: &str) -> bool {
    let digits = text.strip_suffix(".dir").unwrap_or(text);
    digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A path from the release's root; none if it leaves it or is an address.
pub(in crate::facts) fn joined(parts: &[&str]) -> Option<String> {
    let mut path: Vec<&str> = Vec::new();
    for part in parts {
        // What DVC fills in from parameters is not known here.
        if part.starts_with('/')
            || part.contains("${")
            || part.contains("://")
            || part.contains('\\')
            || part.contains(char::is_control)
        {
            return None;
        }
        for step in part.split('/') {
            match step {
                "" | "." => {}
                ".." => drop(path.pop()?),
                step => path.push(step),
            }
        }
    }
    (!path.is_empty()).then(|| path.join("/"))
}

fn compare(output: &mut Output, root: &ReleaseRoot, artifacts: &[ArtifactFacts]) -> Result<(), Problem> {
    let (path, Some(md5)) = (&output.facts.path, &output.facts.md5) else { return Ok(()) };
    let below = format!("{path}/");
    let is_directory = md5.ends_with(".dir");
    let is_part = |artifact: &ArtifactFacts| match is_directory {
        true => artifact.file.path.starts_with(&below),
        false => artifact.file.path == *path,
    };
    if !output.is_inside || !artifacts.iter().any(is_part) {
        return Ok(());
    }
    let released = if is_directory {
        md5_of_directory(&root.expand(path)?, &below, output.is_legacy)?
    } else {
        let file = root.resolve(path)?;
        md5_of_file(&file.absolute, &file.relative, output.is_legacy)?
    };
    output.facts.result = if released == *md5 { DvcResult::Agrees } else { DvcResult::Differs };
    output.facts.released_md5 = Some(released);
    Ok(())
}

/// What DVC names a directory by: the MD5 of the listing of its files, as Python writes it in JSON
/// (`dvc_data/hashfile/tree.py`).
fn md5_of_directory(files: &[ReleasePath], below: &str, is_legacy: bool) -> Result<String, Problem> {
    let mut entries = Vec::new();
    for file in files {
        let name = file.relative.strip_prefix(below).unwrap_or(&file.relative);
        entries.push((name, md5_of_file(&file.absolute, &file.relative, is_legacy)?));
    }
    entries.sort();
    let entry = |(name, md5): &(&str, String)| format!("{{\"md5\": \"{md5}\", \"relpath\": \"{}\"}}", escaped(name));
    let listing = format!("[{}]", entries.iter().map(entry).collect::<Vec<_>>().join(", "));
    Ok(format!("{}.dir", hexadecimal(Md5::digest(listing))))
}

/// A text as Python's `json.dumps` writes it, all of it in ASCII.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            ' '..='~' => escaped.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

/// The MD5 of a file; of a text that DVC 2 recorded, as if it had the line ends of Unix.
fn md5_of_file(path: &Path, shown: &str, is_legacy: bool) -> Result<String, Problem> {
    let problem = |error: std::io::Error| unreadable(shown, &error);
    let mut file = File::open(path).map_err(problem)?;
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 1 << 18];
    let (mut is_first, mut as_text, mut held_return) = (true, false, false);
    loop {
        let count = match file.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(problem)?,
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        if is_first {
            as_text = is_legacy && is_text(bytes.get(..TEXT_BLOCK_BYTES).unwrap_or(bytes));
            is_first = false;
        }
        if bytes.is_empty() {
            break;
        }
        if !as_text {
            hasher.update(bytes);
            continue;
        }
        let mut unix = Vec::with_capacity(bytes.len() + 1);
        for byte in bytes {
            // A carriage return is held until what follows it is known.
            if held_return && *byte != b'\n' {
                unix.push(b'\r');
            }
            held_return = *byte == b'\r';
            if !held_return {
                unix.push(*byte);
            }
        }
        hasher.update(&unix);
    }
    if held_return {
        hasher.update(b"\r");
    }
    Ok(hexadecimal(hasher.finalize()))
}

/// The first bytes of a file by which DVC 2 tells text.
const TEXT_BLOCK_BYTES: usize = 512;

/// Whether DVC 2 takes a file that begins so for text (`dvc/istextfile.py`).
fn is_text(block: &[u8]) -> bool {
    let is_other = |byte: &&u8| !matches!(byte, 32..=126 | b'\n' | b'\r' | b'\t' | 0x0c | 0x08);
    !block.contains(&0) && block.iter().filter(is_other).count() * 10 <= block.len() * 3
}

fn hexadecimal(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a file is the `.dvc` file of another one, whose content was not fetched.
#[must_use]
pub fn is_pointer(bytes: &[u8]) -> bool {
    if bytes.len() > POINTER_BYTES_MAX {
        return false;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if !text.starts_with("outs:") && !text.contains("\nouts:") {
        return false;
    }
    let Ok(document) = Document::parse("", text) else { return false };
    let is_output = |out: &Value| out.get("path").is_some() && (out.get("md5").is_some() || out.get("hash").is_some());
    document.value().get("outs").and_then(Value::as_array).is_some_and(|outs| outs.iter().any(is_output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{FileInput, Limits, inspect};
    use crate::manifest::raw::ArtifactRole;
    use proptest::prelude::*;

    /// A release as DVC 3.67 left it: `dvc add` of a file and a directory, `dvc repro` of a pipeline.
    const LOCK: &str = "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    deps:\n    - path: data.csv\n      \
                        hash: md5\n      md5: 6a3daba4e148a56fea68c14f3d3b8b94\n      size: 4\n    outs:\n    - path: m.pkl\n      \
                        hash: md5\n      md5: 6a3daba4e148a56fea68c14f3d3b8b94\n      size: 4\n    - path: dir\n      hash: md5\n      \
                        md5: ab05ea86fd1cda59582408738f7c79a8.dir\n      size: 5\n      nfiles: 3\n";
    const POINTER: &str = "outs:\n- md5: 6a3daba4e148a56fea68c14f3d3b8b94\n  size: 4\n  hash: md5\n  path: m.pkl\n";
    const PICKLE: &[u8] = b"\x80\x02N.";
    const DIRECTORY: [(&str, &[u8]); 3] = [("dir/\u{e9}\"x.csv", b"a\n"), ("dir/sub/b.csv", b"b\n"), ("dir/Z", b"c")];

    /// Reads `dvc`, which is written as `path`, in a release with these artifacts and these other files.
    fn read(
        path: &str,
        dvc: &str,
        artifacts: &[(&str, &[u8])],
        others: &[(&str, &str)],
    ) -> Result<DvcFacts, Vec<Problem>> {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8]| {
            let absolute = directory.path().join(path);
            std::fs::create_dir_all(absolute.parent().unwrap()).unwrap();
            std::fs::write(&absolute, bytes).unwrap();
            absolute
        };
        others.iter().for_each(|(path, text)| drop(write(path, text.as_bytes())));
        let artifact = |(path, bytes): &(&str, &[u8])| {
            let absolute = write(path, bytes);
            let input = FileInput { path, absolute: &absolute, role: ArtifactRole::Model };
            inspect(&[input], Limits::default()).files.remove(0).unwrap()
        };
        let artifacts: Vec<_> = artifacts.iter().map(artifact).collect();
        let file = ReleasePath { relative: path.to_owned(), absolute: write(path, dvc.as_bytes()) };
        let mut facts = DvcFacts::default();
        facts.read(&file, &ReleaseRoot::open(directory.path()).unwrap(), &artifacts)?;
        Ok(facts)
    }

    fn results(facts: &DvcFacts) -> Vec<(&str, DvcResult)> {
        facts.outputs.iter().map(|output| (output.path.as_str(), output.result)).collect()
    }

    #[test]
    fn what_is_released_is_compared_with_what_was_recorded() {
        let mut artifacts = vec![("m.pkl", PICKLE)];
        artifacts.extend(DIRECTORY);
        let facts = read("dvc.lock", LOCK, &artifacts, &[]).unwrap();
        assert_eq!(results(&facts), [("m.pkl", DvcResult::Agrees), ("dir", DvcResult::Agrees)]);
        let expected = DvcOutput {
            path: "m.pkl".to_owned(),
            source: Source { file: "dvc.lock".to_owned(), line: 11 },
            stage: Some("train".to_owned()),
            md5: Some("6a3daba4e148a56fea68c14f3d3b8b94".to_owned()),
            size_bytes: Some(4),
            files: None,
            released_md5: Some("6a3daba4e148a56fea68c14f3d3b8b94".to_owned()),
            result: DvcResult::Agrees,
        };
        assert_eq!(facts.outputs[0], expected);
        assert_eq!((facts.outputs[1].files, facts.files[0].path.as_str()), (Some(3), "dvc.lock"));
        // Another model; a file less in the directory, and one changed.
        artifacts[0].1 = b"\x80\x02N.\n";
        artifacts.pop();
        let facts = read("dvc.lock", LOCK, &artifacts, &[]).unwrap();
        assert_eq!(results(&facts), [("m.pkl", DvcResult::Differs), ("dir", DvcResult::Differs)]);
        artifacts.push(("dir/Z", b"d"));
        assert_eq!(results(&read("dvc.lock", LOCK, &artifacts, &[]).unwrap())[1].1, DvcResult::Differs);
        let none = read("dvc.lock", LOCK, &[("other", b"x")], &[]).unwrap();
        assert_eq!(results(&none), [("m.pkl", DvcResult::NotReleased), ("dir", DvcResult::NotReleased)]);
        assert_eq!(none.outputs[0].released_md5, None);
    }

    #[test]
    fn paths_are_those_of_the_files_and_of_their_directories() {
        let at = |path: &str, dvc: &str, artifact: &str| {
            let facts = read(path, dvc, &[(artifact, PICKLE)], &[]).unwrap();
            facts.outputs[0].result
        };
        assert_eq!(at("model/m.pkl.dvc", POINTER, "model/m.pkl"), DvcResult::Agrees);
        assert_eq!(at("model/m.pkl.dvc", POINTER, "m.pkl"), DvcResult::NotReleased);
        assert_eq!(at("model/m.pkl.dvc", &format!("wdir: ../x\n{POINTER}"), "x/m.pkl"), DvcResult::Agrees);
        for path in ["../m.pkl", "/m.pkl", "s3://bucket/m.pkl", "${model}"] {
            let dvc = POINTER.replace("m.pkl", path);
            assert_eq!(at("m.dvc", &dvc, "m.pkl"), DvcResult::NotComparable, "{path}");
        }
        let elsewhere = "outs:\n- etag: abc\n  path: m.pkl\n";
        assert_eq!(at("m.dvc", elsewhere, "m.pkl"), DvcResult::NotComparable);
        // Only the pipeline says in which directory a stage is run.
        let pipeline = [("p/dvc.yaml", "stages:\n  train:\n    cmd: x\n    wdir: model\n")];
        let facts = read("p/dvc.lock", LOCK, &[("p/model/m.pkl", PICKLE)], &pipeline).unwrap();
        assert_eq!(results(&facts)[0], ("p/model/m.pkl", DvcResult::Agrees));
        assert_eq!(facts.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["p/dvc.yaml", "p/dvc.lock"]);
        let template = [("dvc.yaml", "stages:\n  train:\n    foreach: [a]\n    do: {cmd: x, wdir: 'w/${item}'}\n")];
        let lock = LOCK.replace("  train:", "  train@a:");
        let facts = read("dvc.lock", &lock, &[("m.pkl", PICKLE)], &template).unwrap();
        assert_eq!(results(&facts)[0], ("m.pkl", DvcResult::NotComparable));
    }

    #[test]
    fn dvc_2_reads_line_ends_of_windows_as_those_of_unix() {
        // MD5 of "one\ntwo\n", by which DVC 2 names both.
        let dvc = "outs:\n- md5: 2094b601daac3d68f5aed51d3c20f7cd\n  size: 8\n  path: m.txt\n";
        let result = |dvc: &str, bytes: &[u8]| results(&read("m.txt.dvc", dvc, &[("m.txt", bytes)], &[]).unwrap())[0].1;
        assert_eq!(result(dvc, b"one\ntwo\n"), DvcResult::Agrees);
        assert_eq!(result(dvc, b"one\r\ntwo\r\n"), DvcResult::Agrees);
        assert_eq!(result(dvc, b"one\rtwo\r"), DvcResult::Differs);
        assert_eq!(result(&dvc.replace("  size", "  hash: md5\n  size"), b"one\r\ntwo\r\n"), DvcResult::Differs);
        // What has a zero byte is no text: MD5 of "\0\r\n".
        let binary = dvc.replace("2094b601daac3d68f5aed51d3c20f7cd", "692c8022360661692872fdc730517229");
        assert_eq!(result(&binary, b"\0\r\n"), DvcResult::Agrees);
        assert!(is_text(b"a\r\nb") && is_text(b"") && !is_text(b"a\0") && !is_text("\u{e9}\u{e9}".as_bytes()));
    }

    #[test]
    fn what_is_none_of_dvcs_is_refused_at_its_place() {
        let problem = |dvc: &str| {
            let problem = read("a.dvc", dvc, &[], &[]).unwrap_err().remove(0);
            (problem.code, problem.location.unwrap().line)
        };
        assert_eq!(problem("a: 1\n"), ("unknown-dvc", 1));
        assert_eq!(problem("stages: {}\n"), ("unknown-dvc", 1));
        assert_eq!(problem("outs: 7\n"), ("malformed-dvc", 1));
        assert_eq!(problem("outs:\n- md5: abc\n  path: a\n"), ("malformed-dvc", 2));
        assert_eq!(problem("outs:\n- path: 7\n"), ("malformed-dvc", 2));
        assert_eq!(problem("outs: [\n"), ("yaml-syntax", 2));
    }

    #[test]
    fn a_file_that_stands_for_another_is_told() {
        assert!(is_pointer(POINTER.as_bytes()));
        assert!(is_pointer(format!("wdir: x\n{POINTER}").as_bytes()));
        for text in [LOCK, "outs:\n- path: a\n", "outs: 7", "a: 1", "outs: [", ""] {
            assert!(!is_pointer(text.as_bytes()), "{text}");
        }
        assert!(!is_pointer(format!("{POINTER}#{}", " ".repeat(POINTER_BYTES_MAX)).as_bytes()));
        assert!(!is_pointer(b"outs:\n\xff"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in "(outs:|stages:|schema: '2.0'|path:|md5:|wdir:|- |  |\n|[a-z0-9.${}/]|\\[|\\]){0,40}") {
            let _ = is_pointer(text.as_bytes());
            let _ = read("dvc.lock", &text, &[("a", b"a")], &[]);
        }
    }
}
