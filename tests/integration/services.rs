//! Services on loopback that tests need beside the binary: scripts of `tests/interop`, which are made of openssl.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::checkout;

/// Time for a script to start.
const START_TIME: Duration = Duration::from_secs(60);

/// A running script, with the directory that it made. It ends with the test.
pub(crate) struct Service {
    directory: TempDir,
    child: Child,
    port: u16,
}

impl Service {
    /// Lets `script` make a directory, and serve it with `options`.
    pub(crate) fn start(script: &str, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let script = checkout().join("tests/interop").join(script);
        let made = Command::new("python3").arg(&script).arg("make").arg(directory.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = Command::new("python3");
        command.arg(&script).arg("serve").arg(directory.path()).args(options);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut service = Self { directory, child, port: 0 };
        let begun = Instant::now();
        while service.port == 0 {
            assert!(begun.elapsed() < START_TIME, "{} did not start", script.display());
            std::thread::sleep(Duration::from_millis(20));
            let port = fs::read_to_string(service.path("port")).unwrap_or_default();
            service.port = port.trim().parse().unwrap_or(0);
        }
        service
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub(crate) fn shown(&self, relative: &str) -> String {
        self.path(relative).to_str().unwrap().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
