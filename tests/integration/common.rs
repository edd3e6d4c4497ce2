//! Starting the real binary in a directory of its own, with nothing of the surroundings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// The checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails unless the run ended with `code`, and in any case if it panicked.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked"), "panicked:\n{}", self.stderr);
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless stderr says each of `parts`.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "`{part}` is not said in stderr:\n{}\nstdout:\n{}",
                self.stderr,
                self.stdout
            );
        }
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

/// A directory with copies of example releases, a home, and nothing else.
pub(crate) struct Sandbox {
    directory: TempDir,
    /// Whether what was recorded in it was changed, so that it cannot be replayed.
    is_tampered: AtomicBool,
}

/// Runs of a sandbox that are replayed when it goes.
const REPLAYED_RUNS_MAX: usize = 1;

impl Drop for Sandbox {
    /// Whatever a test had decided, replays to the same bytes.
    fn drop(&mut self) {
        let Ok(runs) = fs::read_dir(self.path(".modelgate/store/v1/runs")) else { return };
        if std::thread::panicking() || self.is_tampered.load(Ordering::Relaxed) {
            return;
        }
        let mut runs: Vec<_> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
        runs.sort();
        for run in runs.iter().take(REPLAYED_RUNS_MAX) {
            let ran = self.run(&format!("replay {run} --output json"));
            let replay = ran.json();
            // A control that ran out of time may finish the next time.
            let is_of_time = |control: &serde_json::Value| {
                ["/recorded/result", "/replayed/result"]
                    .iter()
                    .any(|side| control.pointer(side) == Some(&"error".into()))
            };
            let controls = replay.pointer("/controls").and_then(serde_json::Value::as_array).unwrap();
            let only_time = !controls.is_empty() && controls.iter().all(is_of_time);
            let is_same = replay.pointer("/result") == Some(&"same".into());
            assert!(is_same || only_time, "{}\n{}", ran.stdout, ran.stderr);
        }
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory, is_tampered: AtomicBool::new(false) }
    }

    /// A sandbox with a copy of `fixtures/credit-scoring/<release>` in `release/`.
    pub(crate) fn with(release: &str) -> Self {
        let sandbox = Self::new();
        copy_tree(&checkout().join("fixtures/credit-scoring").join(release), &sandbox.path("release"));
        sandbox
    }

    /// Says that what was recorded is about to be changed: it need not replay.
    pub(crate) fn tampers(&self) {
        self.is_tampered.store(true, Ordering::Relaxed);
    }

    /// Makes the release a commit.
    pub(crate) fn commit(&self) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let commit = [&identity[..], &["commit", "--quiet", "--message", "release"]].concat();
        for arguments in [&["init", "--quiet"][..], &["add", "."], &commit] {
            let mut git = Command::new("git");
            assert!(git.arg("-C").arg(self.path("release")).args(arguments).status().unwrap().success());
        }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Replaces `from`, which must occur, by `to` in a file.
    #[track_caller]
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "`{from}` does not occur in {relative}");
        self.write(relative, text.replacen(from, to, 1));
    }

    /// Runs `modelgate` with `arguments`, separated by spaces, in the sandbox.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.run_with(&arguments.split_whitespace().collect::<Vec<_>>(), &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_modelgate"))
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Copies a directory with everything below it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Parquet bytes of the given columns.
pub(crate) fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) fn integers(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

pub(crate) fn floats(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

pub(crate) fn strings(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}
