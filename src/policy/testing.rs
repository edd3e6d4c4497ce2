//! Tests of policies: every rule `test_…` of every `_test.rego` file, with line coverage.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::unstable::{Expr, Rule, RuleHead};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value as RegoValue};

use super::{EffectiveTime, PolicyBundle, engine};

/// The time that tests are told: the same on every run. A test about another time says
/// `with time.now_ns as …`.
const EFFECTIVE_DAY: &str = "2026-01-01";

/// Time for one test. The embedded ones take under a millisecond.
const TEST_TIME: Duration = Duration::from_secs(10);

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestRun {
    /// Every test, in the order of files and names.
    pub results: Vec<TestResult>,
    /// For each policy file that is no test, the lines that no test reached.
    pub not_covered: BTreeMap<String, BTreeSet<u32>>,
}

/// Runs every test of `bundle`. A test passes if it is `true`; one that is undefined, anything else or
/// raises an error does not. `data.bundle` is empty: a test brings its data by `with`.
///
/// # Errors
/// A file does not parse, a test file has no test, there is no test at all, or coverage cannot be read.
pub fn run(bundle: &PolicyBundle) -> Result<TestRun, String> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine::replace_builtins(&mut engine, EffectiveTime::parse(EFFECTIVE_DAY)?)?;
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: TEST_TIME, check_interval: NonZeroU32::MIN });
    for (path, source) in bundle.files().filter(|(path, _)| path.ends_with(".rego")) {
        engine.add_policy(path.to_owned(), source.to_owned()).map_err(|error| error.to_string())?;
    }
    let tests = tests_of(&mut engine)?;
    if tests.is_empty() {
        return Err("there is no test: name test rules `test_…` in files `…_test.rego`".to_owned());
    }
    engine.set_input(RegoValue::new_object());
    engine.set_enable_coverage(true);
    let mut run = TestRun::default();
    for (file, name) in tests {
        let failure = match engine.eval_rule(name.clone()) {
            Ok(value) if value == RegoValue::from(true) => None,
            Ok(RegoValue::Undefined) => Some("is undefined: a condition in it does not hold".to_owned()),
            Ok(value) => Some(format!("is {value}, not true")),
            Err(error) => Some(error.to_string()),
        };
        run.results.push(TestResult { file, name, failure });
    }
    let report = engine.get_coverage_report().map_err(|error| error.to_string())?;
    for file in report.files.into_iter().filter(|file| !file.path.ends_with("_test.rego")) {
        run.not_covered.insert(file.path, file.not_covered);
    }
    Ok(run)
}

/// File and path of every test, in that order, once each. Taken from the syntax tree: a rule that a search in the
/// text overlooks would be a test that never runs.
fn tests_of(engine: &mut Engine) -> Result<BTreeSet<(String, String)>, String> {
    let packages = engine.get_packages().map_err(|error| error.to_string())?;
    let mut tests = BTreeSet::new();
    for (module, package) in engine.get_modules().iter().zip(packages) {
        let file = module.package.span.source.get_path();
        if !file.ends_with("_test.rego") {
            continue;
        }
        let count = tests.len();
        let names = module.policy.iter().filter_map(|rule| rule_name(rule)).filter(|name| name.starts_with("test_"));
        tests.extend(names.map(|name| (file.clone(), format!("{package}.{name}"))));
        if tests.len() == count {
            return Err(format!("there is no test in `{file}`: name test rules `test_…`"));
        }
    }
    Ok(tests)
}

/// The name at the start of a rule's head, unless the rule is a function, which is called and not asked for.
fn rule_name(rule: &Rule) -> Option<&str> {
    let mut head = match rule {
        Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => refr,
        Rule::Spec { head: RuleHead::Func { .. }, .. } => return None,
        Rule::Default { refr, .. } => refr,
    };
    loop {
        match head.as_ref() {
            Expr::Var { span, .. } => return Some(span.text()),
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => head = refr,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(run: &TestRun) -> Vec<(&str, bool)> {
        run.results.iter().map(|result| (result.name.rsplit('.').next().unwrap(), result.failure.is_none())).collect()
    }

    #[test]
    fn a_test_passes_only_if_it_is_true() {
        let bundle = PolicyBundle::of(&[
            ("lib/a.rego", "package modelgate.lib.a\nf(x) := 1 if x > 0\nf(x) := y if {\n\tx < 0\n\ty := 2\n}\n"),
            (
                "lib/a_test.rego",
                "package modelgate.lib.a_test\nimport data.modelgate.lib.a\ntest_true if a.f(1) == 1\n\
                 test_undefined if a.f(1) == 2\ntest_false := false\ntest_raises if to_number(\"x\") == 1\n\
                 \ttest_indented if 1 == 2\ntest_set contains 1\n\
                 test_clock if time.now_ns() == time.parse_rfc3339_ns(\"2026-01-01T00:00:00Z\")\n\
                 test_another_clock if time.now_ns() == 7 with time.now_ns as 7\nhelper if false\n",
            ),
        ]);
        let run = run(&bundle).unwrap();
        let expected = [
            ("test_another_clock", true),
            ("test_clock", true),
            ("test_false", false),
            ("test_indented", false),
            ("test_raises", false),
            ("test_set", false),
            ("test_true", true),
            ("test_undefined", false),
        ];
        assert_eq!(verdicts(&run), expected);
        assert_eq!(run.not_covered, BTreeMap::from([("lib/a.rego".to_owned(), BTreeSet::from([3, 5]))]));
    }

    #[test]
    fn a_bundle_or_a_file_without_tests_is_an_error() {
        let library = ("lib/a.rego", "package modelgate.lib.a\n");
        assert!(run(&PolicyBundle::of(&[library])).unwrap_err().contains("there is no test"));
        let empty = ("lib/a_test.rego", "package modelgate.lib.a_test\ntset_x if true\ntest_f(x) if x\n");
        assert!(run(&PolicyBundle::of(&[library, empty])).unwrap_err().contains("`lib/a_test.rego`"));
        assert!(run(&PolicyBundle::of(&[("lib/a_test.rego", "package modelgate.lib.a_test\ntest_x if {\n")])).is_err());
    }
}
