//! The source tree keeps its own rules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::checkout;

fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    rust_files(&checkout().join("src"), &mut files);
    files.sort();
    assert!(files.len() > 30, "the walk found only {} files", files.len());
    let name = |path: &Path| path.strip_prefix(checkout()).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn nothing_is_left_to_be_done_later() {
    // In pieces, so that this file may say them.
    let words = [
        concat!("TO", "DO:"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("unimple", "mented!"),
        concat!("to", "do!("),
    ];
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let quoted = line.contains('"');
            for word in words {
                assert!(quoted || !line.contains(word), "{name}:{}: {word}", number + 1);
            }
        }
    }
}

#[test]
fn main_is_at_most_30_lines() {
    let text = fs::read_to_string(checkout().join("src/main.rs")).unwrap();
    assert!(text.lines().count() <= 30);
}

#[test]
fn stations_only_look_forward() {
    // A station may use what comes before it on the way of the data, never what comes after.
    let stations = [
        "manifest",
        "facts",
        "policy",
        "bundle_source",
        "decision",
        "evidence",
        "store",
        "report",
        "forge",
        "gate",
        "replay",
        "cli",
    ];
    for (name, text) in sources() {
        let Some(own) = stations
            .iter()
            .position(|station| name.starts_with(&format!("src/{station}/")) || name == format!("src/{station}.rs"))
        else {
            continue;
        };
        if name.ends_with("/tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        for later in &stations[own + 1..] {
            assert!(!code.contains(&format!("crate::{later}::")), "{name} uses {later}, which comes after it");
        }
    }
}

#[test]
fn nothing_below_the_command_line_prints() {
    for (name, text) in sources() {
        if name.starts_with("src/cli/") {
            continue;
        }
        for call in ["io::stdout()", "io::stderr()", "println!", "eprintln!"] {
            assert!(!text.contains(call), "{name} calls {call}");
        }
    }
}

#[test]
fn every_control_has_its_test_beside_it() {
    let mut controls = 0;
    for domain in fs::read_dir(checkout().join("policies/controls")).unwrap() {
        for control in fs::read_dir(domain.unwrap().path()).unwrap() {
            let path = control.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(path.join(format!("{name}.rego")).is_file(), "{}", path.display());
            assert!(path.join(format!("{name}_test.rego")).is_file(), "{}", path.display());
            controls += 1;
        }
    }
    assert!(controls >= 20, "{controls} controls");
}
