//! Tests of policies: every rule `test_…` of every `_test.rego` file, with line coverage.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::thread;
use std::time::Duration;

use regex::Regex;
use regorus::unstable::{Expr, Rule, RuleHead};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value as RegoValue};

use super::trace::{self, BodyTrace};
use super::{EffectiveTime, PolicyBundle, engine};

/// The time that tests are told: the same on every run. A test about another time says
/// `with time.now_ns as …`.
const EFFECTIVE_DAY: &str = "2026-01-01";

/// Time for one test. The embedded ones take under a millisecond.
const TEST_TIME: Duration = Duration::from_secs(10);

/// Stack of a thread that runs tests: rules that depend on each other are evaluated by recursion.
const STACK_BYTES: usize = 64 << 20;

/// Which tests, and how.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// Only tests whose path, such as `data.modelgate.lib.metric_test.test_a_bound_is_met`, matches.
    pub run: Option<Regex>,
    /// Threads that share the tests.
    pub threads: NonZeroUsize,
    /// Whether to find out how far a test that fails got, which takes longer than the test.
    pub explain: bool,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self { run: None, threads: NonZeroUsize::MIN, explain: true }
    }
}

/// What one test came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TestResult {
    /// Its file in the bundle.
    pub file: String,
    /// Its line in the file.
    pub line: u64,
    /// Its path, such as `data.modelgate.lib.metric_test.test_a_bound_is_met`.
    pub name: String,
    /// Nothing if it passed.
    pub failure: Option<Failure>,
}

/// Why a test failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// As the end of a sentence about the test.
    pub reason: String,
    /// How far its bodies got, and the values that differed.
    pub bodies: Vec<BodyTrace>,
}

/// The lines of a policy file that tests can reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// Lines that some test reached.
    pub reached: BTreeSet<u32>,
    /// Lines that none did.
    pub not_reached: BTreeSet<u32>,
}

impl FileCoverage {
    /// Reached lines in a hundred. A file without a line that can be reached is reached.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let total = self.reached.len() + self.not_reached.len();
        // A file has at most 20,000 lines, so that the counts are exact.
        let share = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        if total == 0 { 100.0 } else { 100.0 * share(self.reached.len()) / share(total) }
    }
}

/// What all tests came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TestRun {
    /// Every test, in the order of files and names.
    pub results: Vec<TestResult>,
    /// Every policy file that is no test.
    pub coverage: BTreeMap<String, FileCoverage>,
}

impl TestRun {
    /// The tests that failed.
    pub fn failed(&self) -> impl Iterator<Item = &TestResult> {
        self.results.iter().filter(|result| result.failure.is_some())
    }
}

/// A test that is to be run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    file: String,
    path: String,
    line: u64,
}

/// Runs the tests of `bundle`. A test passes if it is `true`; one that is undefined, anything else or
/// raises an error does not. `data.bundle` is empty: a test brings its data by `with`.
///
/// # Errors
/// A file does not parse, a test file has no test, there is no test at all or none that was asked for, or
/// coverage cannot be read.
pub fn run(bundle: &PolicyBundle, options: &TestOptions) -> Result<TestRun, String> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine::replace_builtins(&mut engine, EffectiveTime::parse(EFFECTIVE_DAY)?)?;
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: TEST_TIME, check_interval: NonZeroU32::MIN });
    for (path, source) in bundle.files().filter(|(path, _)| path.ends_with(".rego")) {
        engine.add_policy(path.to_owned(), source.to_owned()).map_err(|error| error.to_string())?;
    }
    let mut tests = tests_of(&mut engine)?;
    if tests.is_empty() {
        return Err("there is no test: name test rules `test_…` in files `…_test.rego`".to_owned());
    }
    if let Some(wanted) = &options.run {
        tests.retain(|test| wanted.is_match(&test.path));
        if tests.is_empty() {
            return Err(format!("no test matches `{wanted}`"));
        }
    }
    engine.set_input(RegoValue::new_object());
    engine.set_enable_coverage(true);
    // Analysed once; clones share it.
    engine.eval_query("true".to_owned(), false).map_err(|error| error.to_string())?;
    let tests: Vec<Test> = tests.into_iter().collect();
    let parts = in_threads(&engine, &tests, options)?;
    let mut run = TestRun::default();
    for (results, coverage) in parts {
        run.results.extend(results);
        for (file, lines) in coverage {
            let known = run.coverage.entry(file).or_default();
            known.reached.extend(lines.reached);
            known.not_reached.extend(lines.not_reached);
        }
    }
    for lines in run.coverage.values_mut() {
        lines.not_reached.retain(|line| !lines.reached.contains(line));
    }
    Ok(run)
}

type Part = (Vec<TestResult>, BTreeMap<String, FileCoverage>);

/// Runs `tests` in as many threads, each with its share and an engine of its own, and gives what they came
/// to in the order of tests.
fn in_threads(engine: &Engine, tests: &[Test], options: &TestOptions) -> Result<Vec<Part>, String> {
    let share = tests.len().div_ceil(options.threads.get()).max(1);
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for tests in tests.chunks(share) {
            let engine = engine.clone();
            let builder = thread::Builder::new().name("policy-tests".to_owned()).stack_size(STACK_BYTES);
            let worker = builder.spawn_scoped(scope, move || some(engine, tests, options.explain));
            workers.push(worker.map_err(|error| format!("no thread could be started: {error}"))?);
        }
        let joined = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err("the policy engine stopped without an answer".to_owned()))
        });
        joined.collect()
    })
}

fn some(mut engine: Engine, tests: &[Test], explain: bool) -> Result<Part, String> {
    let mut results = Vec::new();
    for test in tests {
        let reason = match engine.eval_rule(test.path.clone()) {
            Ok(value) if value == RegoValue::from(true) => None,
            Ok(RegoValue::Undefined) => Some("is undefined: a condition in it does not hold".to_owned()),
            Ok(value) => Some(format!("is {value}, not true")),
            Err(error) => Some(engine::error_summary(&error.to_string())),
        };
        let failure = reason.map(|reason| {
            let bodies = if explain { bodies(&engine, test) } else { Vec::new() };
            Failure { reason, bodies }
        });
        results.push(TestResult { file: test.file.clone(), line: test.line, name: test.path.clone(), failure });
    }
    let report = engine.get_coverage_report().map_err(|error| error.to_string())?;
    let mut coverage = BTreeMap::new();
    for file in report.files.into_iter().filter(|file| !file.path.ends_with("_test.rego")) {
        coverage.insert(file.path, FileCoverage { reached: file.covered, not_reached: file.not_covered });
    }
    Ok((results, coverage))
}

/// How far the bodies of a failed test got.
fn bodies(engine: &Engine, test: &Test) -> Vec<BodyTrace> {
    let mut engine = engine.clone();
    engine.set_enable_coverage(false);
    let name = test.path.rsplit('.').next().unwrap_or_default();
    let modules = engine.get_modules();
    let module = modules.iter().find(|module| *module.package.span.source.get_path() == test.file).cloned();
    module.map(|module| trace::trace(&engine, &module, |rule| rule == name)).unwrap_or_default()
}

/// Every test once, in the order of files and paths. Taken from the syntax tree: a rule that a search in the
/// text overlooks would be a test that never runs.
fn tests_of(engine: &mut Engine) -> Result<BTreeSet<Test>, String> {
    let packages = engine.get_packages().map_err(|error| error.to_string())?;
    let mut tests: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (module, package) in engine.get_modules().iter().zip(packages) {
        let file = module.package.span.source.get_path();
        if !file.ends_with("_test.rego") {
            continue;
        }
        let count = tests.len();
        for rule in &module.policy {
            if let Some((name, line)) = rule_name(rule).filter(|(name, _)| name.starts_with("test_")) {
                tests.entry((file.clone(), format!("{package}.{name}"))).or_insert(line);
            }
        }
        if tests.len() == count {
            return Err(format!("there is no test in `{file}`: name test rules `test_…`"));
        }
    }
    Ok(tests.into_iter().map(|((file, path), line)| Test { file, path, line }).collect())
}

/// The name at the start of a rule's head and its line, unless the rule is a function, which is called and
/// not asked for.
fn rule_name(rule: &Rule) -> Option<(&str, u64)> {
    let mut head = match rule {
        Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => refr,
        Rule::Spec { head: RuleHead::Func { .. }, .. } => return None,
        Rule::Default { refr, .. } => refr,
    };
    loop {
        match head.as_ref() {
            Expr::Var { span, .. } => return Some((span.text(), u64::from(span.line))),
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
        let run = run(&bundle, &TestOptions::default()).unwrap();
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
        let lines = &run.coverage["lib/a.rego"];
        assert_eq!((&lines.reached, &lines.not_reached), (&BTreeSet::from([2, 4]), &BTreeSet::from([3, 5])));
    }

    #[test]
    fn a_bundle_or_a_file_without_tests_is_an_error() {
        let library = ("lib/a.rego", "package modelgate.lib.a\n");
        assert!(run(&PolicyBundle::of(&[library]), &TestOptions::default()).unwrap_err().contains("there is no test"));
        let empty = ("lib/a_test.rego", "package modelgate.lib.a_test\ntset_x if true\ntest_f(x) if x\n");
        assert!(
            run(&PolicyBundle::of(&[library, empty]), &TestOptions::default())
                .unwrap_err()
                .contains("`lib/a_test.rego`")
        );
        assert!(
            run(
                &PolicyBundle::of(&[("lib/a_test.rego", "package modelgate.lib.a_test\ntest_x if {\n")]),
                &TestOptions::default()
            )
            .is_err()
        );
    }
}
