//! The tests of the library, tested: every small change to a policy makes the bundle's checks or a test fail.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use modelgate::policy::PolicyBundle;
use modelgate::policy::testing::{self, TestOptions};
use modelgate::schema::Schema;

use crate::common::checkout;

mod operators;

use operators::Mutant;

/// The files of a bundle, by their paths.
type Files = BTreeMap<String, String>;

fn library() -> Files {
    let bundle = PolicyBundle::from_directory(&checkout().join("policies")).unwrap();
    bundle.files().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

fn bundle(files: &Files) -> PolicyBundle {
    let archive = serde_json::json!({"version": 1, "uri": "mutated", "files": files});
    PolicyBundle::from_archive(archive.to_string().as_bytes()).unwrap()
}

fn is_policy(path: &str) -> bool {
    path.ends_with(".rego") && !path.ends_with("_test.rego")
}

/// What the policy at `path` is tested with by itself: its test, and what it may import.
fn surroundings(files: &Files, path: &str) -> Files {
    let test = path.replace(".rego", "_test.rego");
    let is_shared = |other: &str| other.starts_with("lib/") || other.starts_with("tiering/");
    let is_near = |other: &str| other == path || other == test || is_policy(other) && is_shared(other);
    files.iter().filter(|(other, _)| is_near(other)).map(|(path, text)| (path.clone(), text.clone())).collect()
}

fn tests_pass(files: &Files) -> bool {
    let options = TestOptions { explain: false, ..TestOptions::default() };
    testing::run(&bundle(files), &options).is_ok_and(|run| run.results.iter().all(|result| result.failure.is_none()))
}

/// Whether no test and no check notices the mutant of the policy at `path`.
fn survives(files: &Files, path: &str, mutant: &Mutant, schema: &serde_json::Value) -> bool {
    let changed = |mut files: Files| {
        files.insert(path.to_owned(), mutant.source.clone());
        files
    };
    if !tests_pass(&changed(surroundings(files, path))) {
        return false;
    }
    let whole = changed(files.clone());
    // What many controls use is tested by their tests as well.
    let is_shared = !path.starts_with("controls/");
    if is_shared && !tests_pass(&whole) {
        return false;
    }
    bundle(&whole).check(schema).is_ok()
}

/// How many mutants of the policies at `paths` there are, and those that survive.
fn survivors(files: &Files, paths: &[&str]) -> (usize, Vec<String>) {
    let schema = Schema::Facts.to_value();
    let mutants: Vec<(&str, Mutant)> = paths
        .iter()
        .flat_map(|&path| operators::mutants(&files[path]).into_iter().map(move |mutant| (path, mutant)))
        .collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((path, mutant)) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            if survives(files, path, mutant, &schema) {
                let survivor = format!("policies/{path}:{}: {}", mutant.line, mutant.change);
                found.lock().unwrap().push(survivor);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    (mutants.len(), found)
}

#[test]
fn no_mutant_of_the_library_survives() {
    let files = library();
    let paths: Vec<&str> = files.keys().map(String::as_str).filter(|path| is_policy(path)).collect();
    for path in &paths {
        // Without this, a policy whose test cannot run would have no survivor.
        assert!(tests_pass(&surroundings(&files, path)), "the tests of {path} do not pass by themselves");
    }
    let (mutants, survivors) = survivors(&files, &paths);
    assert!(mutants > 20 * paths.len(), "only {mutants} mutants of {} policies", paths.len());
    assert!(survivors.is_empty(), "{} of {mutants} mutants survive:\n{}", survivors.len(), survivors.join("\n"));
}

/// A mutant that the engine does not read is killed by nobody's test.
#[test]
fn every_mutant_is_a_policy() {
    for (path, source) in library().iter().filter(|(path, _)| is_policy(path)) {
        for mutant in operators::mutants(source) {
            assert_ne!(mutant.source, *source, "{path}:{}: {}", mutant.line, mutant.change);
            let read = regorus::Engine::new().add_policy(path.clone(), mutant.source);
            assert!(read.is_ok(), "{path}:{}: {}: {read:?}", mutant.line, mutant.change);
        }
    }
}

#[test]
fn a_test_that_looks_at_little_leaves_survivors() {
    let path = "controls/monitoring/drift/drift.rego";
    let mut files = library();
    files.insert(
        path.replace(".rego", "_test.rego"),
        "package modelgate.controls.monitoring.drift_test\n\nimport data.modelgate.controls.monitoring.drift\n\n\
         test_not_watched if count(drift.violation) == 1 with input as {\"monitoring\": {\"signals\": []}}\n"
            .to_owned(),
    );
    let (_, survivors) = survivors(&files, &[path]);
    let lines: Vec<&str> = survivors.iter().map(|survivor| survivor.rsplit_once(": ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "without `signal.kind in {\"data-drift\", \"prediction-drift\"}`",
            "`count(signal.metrics) > 0` with `>=`",
            "without `count(signal.metrics) > 0`",
            "without `not watched`",
        ]
    );
}
