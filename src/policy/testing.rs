//! Tests of policies: every rule `test_…` of every `_test.rego` file, with line coverage.

use std::collections::{BTreeMap, BTreeSet};

use regorus::{Engine, Value as RegoValue};

use super::PolicyBundle;

/// What one test came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// Its file in the bundle.
    pub file: String,
    /// Its path, such as `data.modelgate.lib.metric_test.test_a_bound_is_met`.
    pub name: String,
    /// Nothing if it passed; else why it did not.
    pub failure: Option<String>,
}

/// What all tests came to.
#[derive(Debug, Clone, Default)]
pub struct TestRun {
    /// Every test, in the order of files and names.
    pub results: Vec<TestResult>,
    /// For each policy file that is no test, the lines that no test reached.
    pub not_covered: BTreeMap<String, BTreeSet<u32>>,
}

/// Runs every test of `bundle`.
///
/// # Errors
/// A file does not parse, there is no test at all, or coverage cannot be read.
pub fn run(bundle: &PolicyBundle) -> Result<TestRun, String> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    let mut tests = Vec::new();
    for (path, source) in bundle.files().filter(|(path, _)| path.ends_with(".rego")) {
        let package = engine.add_policy(path.to_owned(), source.to_owned()).map_err(|error| error.to_string())?;
        if path.ends_with("_test.rego") {
            tests.extend(test_names(source).into_iter().map(|name| (path.to_owned(), format!("{package}.{name}"))));
        }
    }
    if tests.is_empty() {
        return Err("there is no test: name test rules `test_…` in files `…_test.rego`".to_owned());
    }
    engine.set_input(RegoValue::new_object());
    engine.set_enable_coverage(true);
    let mut run = TestRun::default();
    for (file, name) in tests {
        let failure = match engine.eval_rule(name.clone()) {
            Ok(value) if value == RegoValue::from(true) => None,
            Ok(value) if value == RegoValue::Undefined => Some("is undefined: a condition in it does not hold".to_owned()),
            Ok(value) => Some(format!("is {value}, not true")),
            Err(error) => Some(error.to_string()),
        };
        run.results.push(TestResult { file, name, failure });
    }
    let report = engine.get_coverage_report().map_err(|error| error.to_string())?;
    for file in report.files.into_iter().filter(|file| !file.path.ends_with("_test.rego")) {
        run.not_covered.insert(file.path, file.not_covered);
    }
    run.results.sort_by(|left, right| (&left.file, &left.name).cmp(&(&right.file, &right.name)));
    Ok(run)
}

/// Names of the rules at the start of lines that begin with `test_`, once each.
fn test_names(source: &str) -> BTreeSet<String> {
    let name = |line: &str| -> String {
        line.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect()
    };
    source.lines().filter(|line| line.starts_with("test_")).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_passes_only_if_it_is_true() {
        let bundle = PolicyBundle::of(&[
            ("lib/a.rego", "package modelgate.lib.a\nf(x) := 1 if x > 0\nf(x) := 2 if x < 0\n"),
            (
                "lib/a_test.rego",
                "package modelgate.lib.a_test\nimport data.modelgate.lib.a\ntest_true if a.f(1) == 1\n\
                 test_undefined if a.f(1) == 2\ntest_false := false\ntest_raises if to_number(\"x\") == 1\n",
            ),
        ]);
        let run = run(&bundle).unwrap();
        let passed: Vec<_> = run.results.iter().map(|result| (result.name.rsplit('.').next().unwrap(), result.failure.is_none())).collect();
        assert_eq!(passed, [("test_false", false), ("test_raises", false), ("test_true", true), ("test_undefined", false)]);
        assert_eq!(run.not_covered["lib/a.rego"].iter().copied().collect::<Vec<_>>(), [3]);
        assert!(super::run(&PolicyBundle::of(&[("lib/a.rego", "package modelgate.lib.a\n")])).is_err());
    }
}
