//! What can be refused when a bundle is loaded, is refused then: all of it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::thread::{self, Scope, ScopedJoinHandle};

use serde_json::{Map, Value};

use super::engine::{Parsed, Prepared, Program, RESERVED_ROOTS, STACK_BYTES};
use super::framework::Framework;
use super::lint::{self, LintContext};
use super::metadata::{self, Control};
use super::profile::{self, Profiles};
use super::worker::{Evaluator, Worker};
use super::{CheckedPolicies, PolicyBundle, TIERING_PACKAGE, TIERING_RULE, parameters};
use crate::document::Document;
use crate::facts::supply_chain::signatures::ModelSigner;
use crate::manifest::raw::BundledSqlCheck;
use crate::problem::{Location, Problem};

/// Rule names that were surely meant to be another, which is beside them, and would never be asked for.
/// Conftest's `deny` and `warn` are here, too: run as a control they would be a silent pass.
const NEAR_MISSES: [(&str, &str); 13] = [
    ("violations", "violation"),
    ("Violation", "violation"),
    ("violate", "violation"),
    ("violated", "violation"),
    ("viloation", "violation"),
    ("deny", "violation"),
    ("denied", "violation"),
    ("fail", "violation"),
    ("warn", "violation"),
    ("not_applicables", "not_applicable"),
    ("Not_applicable", "not_applicable"),
    ("notapplicable", "not_applicable"),
    ("not_aplicable", "not_applicable"),
];

impl PolicyBundle {
    /// Checks everything that can be checked before a policy runs. `facts_schema` is the JSON Schema of
    /// what policies see as `input`.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn check(self, facts_schema: &Value) -> Result<CheckedPolicies, Vec<Problem>> {
        self.checked(facts_schema, None, true)
    }

    /// The same, for policies that decide. `worker` is a program that serves [`super::worker`], if they are to be
    /// evaluated in a process of their own. Tests are left out: they are half of a bundle, and decide nothing.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn check_isolated(self, facts_schema: &Value, worker: Option<&Path>) -> Result<CheckedPolicies, Vec<Problem>> {
        self.checked(facts_schema, worker, false)
    }

    fn checked(
        self,
        facts_schema: &Value,
        worker: Option<&Path>,
        with_tests: bool,
    ) -> Result<CheckedPolicies, Vec<Problem>> {
        let mut loader = Loader { bundle: &self, with_tests, problems: Vec::new() };
        let numbers = loader.numbers();
        let data = loader.data();
        let program = loader.program(&numbers, data.clone());
        let (mut problems, controls, (frameworks, asked), profiles, evaluator) = thread::scope(|scope| {
            // It is prepared while the rest is checked here.
            let preparation = Preparation::start(scope, program, worker);
            let (mut engine, mut tests) = loader.engines(data.as_ref());
            loader.tiering(&engine);
            let frameworks = loader.frameworks();
            let asked = (loader.sql_checks(), loader.model_signers());
            let clauses = frameworks.iter().flat_map(Framework::clause_ids).collect();
            let controls = loader.controls(&engine, &clauses);
            let profiles = loader.profiles(&controls);
            loader.lint(&mut engine, &mut tests, facts_schema, &controls);
            (loader.problems, controls, (frameworks, asked), profiles, preparation.end())
        });
        match evaluator {
            Ok(evaluator) if problems.is_empty() => {
                let (bundle, (sql_checks, model_signers)) = (self, asked);
                return Ok(CheckedPolicies {
                    bundle,
                    controls,
                    frameworks,
                    sql_checks,
                    model_signers,
                    profiles,
                    numbers,
                    evaluator,
                });
            }
            // What is wrong with one file makes a whole that cannot be prepared, too.
            Err(problem) if problems.is_empty() => problems.push(problem),
            _ => {}
        }
        problems.sort_by(|left, right| left.location.cmp(&right.location));
        problems.dedup();
        Err(problems)
    }
}

/// Policies that are being parsed and analysed for their evaluation.
enum Preparation<'scope> {
    Thread(io::Result<ScopedJoinHandle<'scope, Result<Prepared, Problem>>>),
    Process(Worker),
}

impl<'scope> Preparation<'scope> {
    fn start(scope: &'scope Scope<'scope, '_>, program: Program, worker: Option<&Path>) -> Self {
        match worker {
            Some(executable) => Self::Process(Worker::start(executable, program)),
            None => {
                let thread = thread::Builder::new().name("policies".to_owned()).stack_size(STACK_BYTES);
                Self::Thread(thread.spawn_scoped(scope, move || program.prepare()))
            }
        }
    }

    fn end(self) -> Result<Evaluator, Problem> {
        match self {
            Self::Process(worker) => worker.prepare().map(Evaluator::process),
            Self::Thread(Err(error)) => {
                Err(Problem::new("policy-engine", format!("no thread could be started: {error}")))
            }
            Self::Thread(Ok(thread)) => thread
                .join()
                .unwrap_or_else(|_| Err(Problem::new("policy-engine", "the policy engine stopped without an answer")))
                .map(Evaluator::threads),
        }
    }
}

struct Loader<'a> {
    bundle: &'a PolicyBundle,
    /// Whether files of tests are looked at.
    with_tests: bool,
    problems: Vec<Problem>,
}

impl<'a> Loader<'a> {
    fn at_start(&self, path: &str) -> Location {
        Location { file: self.bundle.shown(path), line: 1, column: 1 }
    }

    fn refuse(&mut self, code: &'static str, message: String, hint: &str, path: &str) {
        let location = self.at_start(path);
        self.problems.push(Problem::new(code, message).at(location).hint(hint));
    }

    fn keep<T>(&mut self, result: Result<T, Vec<Problem>>) -> Option<T> {
        result.map_err(|problems| self.problems.extend(problems)).ok()
    }

    /// A number for every control, by its file.
    fn numbers(&self) -> BTreeMap<String, usize> {
        self.control_files().enumerate().map(|(number, (path, _))| (path.to_owned(), number)).collect()
    }

    /// What is evaluated, with `data` at `data.bundle`.
    fn program(&self, numbers: &BTreeMap<String, usize>, data: Option<Value>) -> Program {
        let source = |path: &str, source: &str| match numbers.get(path) {
            Some(number) => parameters::moved(source, *number),
            None => source.to_owned(),
        };
        let files = self.rego_files().filter(|(path, _)| !path.ends_with("_test.rego"));
        let files = files.map(|(path, text)| (self.bundle.shown(path), source(path, text))).collect();
        Program { files, data }
    }

    fn control_files(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.rego_files().filter(|(path, _)| path.starts_with("controls/") && !path.ends_with("_test.rego"))
    }

    fn rego_files(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let with_tests = self.with_tests;
        let wanted = move |path: &str| path.ends_with(".rego") && (with_tests || !path.ends_with("_test.rego"));
        self.bundle.files().filter(move |(path, _)| wanted(path))
    }

    /// Parses every policy file (tests, too: a test that does not parse tests nothing), keeps those that
    /// are no tests, and mounts the data.
    fn engines(&mut self, data: Option<&Value>) -> (Parsed, Parsed) {
        let mut engine = Parsed::new();
        let mut tests = Parsed::new();
        for (path, source) in self.rego_files() {
            let target = if path.ends_with("_test.rego") { &mut tests } else { &mut engine };
            self.problems.extend(target.add_policy(&self.bundle.shown(path), source).err());
        }
        for parsed in [&engine, &tests] {
            match parsed.packages() {
                Ok(packages) => self.packages(&packages),
                Err(problem) => self.problems.push(problem),
            }
        }
        if let Some(data) = data {
            self.problems.extend(engine.add_bundle_data(data).err());
        }
        (engine, tests)
    }

    /// A package belongs where its path says: what is elsewhere is asked by nobody, or shadows what is.
    fn packages(&mut self, packages: &BTreeMap<String, Vec<String>>) {
        for (path, source) in self.rego_files() {
            // A file without a package did not parse, which is said already, or is of the other engine.
            let Some(package) = packages.get(&self.bundle.shown(path)) else { continue };
            let Some(expected) = package_of(path) else {
                let hint =
                    "policies are `tiering/*.rego`, `lib/*.rego` or `controls/<domain>/<control>/<control>.rego`";
                self.refuse("misplaced-policy", format!("`{path}` is no place for a policy"), hint, path);
                continue;
            };
            if !package.iter().map(String::as_str).eq(expected.split('.')) {
                let line = source.lines().position(|line| line.trim_start().starts_with("package")).unwrap_or(0);
                let problem = Problem::new("wrong-package", format!("the package is `{}`", package.join(".")))
                    .at(Location { file: self.bundle.shown(path), line: line as u64 + 1, column: 1 })
                    .hint(format!("in this file it is `{expected}`"));
                self.problems.push(problem);
            }
        }
    }

    /// Without a rule that gives reasons there is no tier, and so no release that can be judged.
    fn tiering(&mut self, engine: &Parsed) {
        let mut files = self.rego_files().filter(|(path, _)| path.starts_with("tiering/"));
        if !files.any(|(path, _)| engine.declares(&self.bundle.shown(path), TIERING_RULE)) {
            let message = format!("the bundle has no tiering rules: no file of `tiering/` has a rule `{TIERING_RULE}`");
            let hint = "add `tiering/tiering.rego`, as the embedded library has it";
            self.refuse("no-tiering-rules", message, hint, "tiering/tiering.rego");
        }
    }

    /// `data/a/b.yaml` is mounted at `data.bundle.a.b`, and nowhere else: a data file that lands on a
    /// rule replaces it without a word.
    fn data(&mut self) -> Option<Value> {
        let mut root = Map::new();
        for (path, text) in self.bundle.files() {
            let Some(relative) = path.strip_prefix("data/").filter(|path| !path.ends_with(".rego")) else {
                self.foreign_data(path);
                continue;
            };
            let shown = self.bundle.shown(path);
            let Some(document) = self.keep(Document::parse(&shown, text)) else { continue };
            let stem = relative.rsplit_once('.').map_or(relative, |(stem, _)| stem);
            if !mount(&mut root, stem, document.value().clone()) {
                let message = format!("`{path}` lands where other data is already");
                self.refuse("data-clash", message, "give the files paths of which none is a part of another", path);
            }
        }
        (!root.is_empty()).then_some(Value::Object(root))
    }

    fn foreign_data(&mut self, path: &str) {
        let folders = ["tiers/", "frameworks/", "groups/", "models/", "data/", "sql/", "signers/"];
        let known = path == super::bundle::BUNDLE_FILE
            || folders.iter().any(|folder| path.starts_with(folder))
            || (path.starts_with("controls/") && path.ends_with("/tiers.yaml"));
        if !known && !path.ends_with(".rego") {
            let message = format!("the data file `{path}` is outside `data/`");
            let hint =
                "move it below `data/`, where policies see it as `data.bundle.…`: elsewhere it could replace a rule";
            self.refuse("data-clash", message, hint, path);
        }
    }

    fn frameworks(&mut self) -> Vec<Framework> {
        let mut frameworks: Vec<Framework> = Vec::new();
        for (path, text) in self.bundle.files().filter(|(path, _)| path.starts_with("frameworks/")) {
            let shown = self.bundle.shown(path);
            let read = Document::parse(&shown, text).and_then(|document| Framework::read(&document));
            let Some(framework) = self.keep(read) else { continue };
            if frameworks.iter().any(|other| other.id == framework.id) {
                let message = format!("another file is the framework `{}`, too", framework.id);
                self.refuse("duplicate-framework", message, "give each catalogue an id of its own", path);
            }
            frameworks.push(framework);
        }
        frameworks.sort_by(|left, right| left.id.cmp(&right.id));
        frameworks
    }

    /// The queries of `sql/`, in the order of names.
    fn sql_checks(&mut self) -> Vec<BundledSqlCheck> {
        let mut checks: Vec<BundledSqlCheck> = Vec::new();
        for (path, text) in self.bundle.files().filter(|(path, _)| path.starts_with("sql/")) {
            let read = Document::parse(&self.bundle.shown(path), text)
                .and_then(|document| document.decode::<BundledSqlCheck>());
            let Some(read) = self.keep(read) else { continue };
            let check = &read.check;
            if checks.iter().any(|other| other.check.name == check.name) {
                let message = format!("another file asks the query `{}`, too", check.name);
                self.refuse("duplicate-name", message, "give each query a name of its own", path);
            }
            if let Some(column) = check.nullable.iter().find(|column| !check.columns.contains_key(*column)) {
                let message = format!("`{column}` may be null and is not among the columns");
                self.refuse("unknown-column", message, "declare it under `columns`, too", path);
            }
            checks.push(read);
        }
        checks.sort_by(|left, right| left.check.name.cmp(&right.check.name));
        checks
    }

    /// Who may sign models, by `signers/`, in the order of names.
    fn model_signers(&mut self) -> Vec<ModelSigner> {
        let mut signers: Vec<ModelSigner> = Vec::new();
        for (path, text) in self.bundle.files().filter(|(path, _)| path.starts_with("signers/")) {
            let read =
                Document::parse(&self.bundle.shown(path), text).and_then(|document| document.decode::<ModelSigner>());
            let Some(signer) = self.keep(read) else { continue };
            if signers.iter().any(|other| other.name == signer.name) {
                let message = format!("another file is the signer `{}`, too", signer.name);
                self.refuse("duplicate-name", message, "give each key a name of its own, such as with its year", path);
            }
            signers.push(signer);
        }
        signers.sort_by(|left, right| left.name.cmp(&right.name));
        signers
    }

    /// Every control whose METADATA can be read.
    fn controls(&mut self, engine: &Parsed, clauses: &BTreeSet<String>) -> BTreeMap<String, Control> {
        let mut controls: BTreeMap<String, Control> = BTreeMap::new();
        for (path, source) in self.control_files() {
            let shown = self.bundle.shown(path);
            let Some(mut control) = self.keep(metadata::read(path, &shown, source, clauses)) else { continue };
            control.has_not_applicable = engine.declares(&shown, "not_applicable");
            self.rules_of(engine, &control);
            let twin = controls.values().find(|other| other.title == control.title || other.id == control.id);
            if let Some(twin) = twin {
                let message = format!("`{}` has the id or the title of `{}`", control.path, twin.path);
                self.refuse("duplicate-control", message, "ids and titles are unique in a bundle", path);
            }
            controls.insert(control.id.clone(), control);
        }
        controls
    }

    /// Refuses a control that could never fail because its rules have no name that is asked for.
    fn rules_of(&mut self, engine: &Parsed, control: &Control) {
        let shown = self.bundle.shown(&control.path);
        let declares = |rule: &str| engine.declares(&shown, rule);
        let near_misses: Vec<_> = NEAR_MISSES.iter().filter(|(name, _)| declares(name)).collect();
        for (name, meant) in &near_misses {
            let message = format!("`{}` has a rule `{name}`, which nobody asks for", control.id);
            self.refuse("near-miss-rule-name", message, &format!("did you mean `{meant}`?"), &control.path);
        }
        // A file that does not parse, or has another package, declares nothing; that is said already.
        let is_sound = !self.problems.iter().any(|problem| {
            let here = problem.location.as_ref().is_some_and(|location| location.file == shown);
            here && ["policy-syntax", "wrong-package"].contains(&problem.code)
        });
        if is_sound && near_misses.is_empty() && !declares("violation") {
            let message = format!("`{}` has no rule `violation`", control.id);
            let hint = "without `violation contains finding if …` it could never fail";
            self.refuse("no-violation-rule", message, hint, &control.path);
        }
    }

    fn profiles(&mut self, controls: &BTreeMap<String, Control>) -> Profiles {
        let is_complete = self.control_files().count() == controls.len();
        profile::read(self.bundle, controls, is_complete, &mut self.problems)
    }

    fn lint(
        &mut self,
        engine: &mut Parsed,
        tests: &mut Parsed,
        facts_schema: &Value,
        controls: &BTreeMap<String, Control>,
    ) {
        // What a file that does not parse would have declared is missing everywhere else.
        if self.problems.iter().any(|problem| matches!(problem.code, "policy-syntax" | "policy-too-deep")) {
            return;
        }
        let declared_parameters = controls
            .values()
            .map(|control| (control.package.clone(), control.parameters.keys().cloned().collect()))
            .collect();
        let context =
            LintContext { facts_schema, declared_parameters: &declared_parameters, reserved_roots: &RESERVED_ROOTS };
        self.problems.extend(lint::check_modules(engine.modules().chain(tests.modules()), &context));
    }
}

/// The package that the policy file at `path` must have, or none where no policy belongs.
fn package_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.strip_suffix(".rego")?.split('/').collect();
    match parts.as_slice() {
        ["controls", domain, control, file] => {
            let suffix = file.strip_prefix(control).filter(|suffix| ["", "_test"].contains(suffix))?;
            Some(format!("modelgate.controls.{domain}.{control}{suffix}"))
        }
        ["lib", file] => Some(format!("modelgate.lib.{file}")),
        ["tiering", file] if file.ends_with("_test") => Some(format!("{TIERING_PACKAGE}_test")),
        ["tiering", _] => Some(TIERING_PACKAGE.to_owned()),
        _ => None,
    }
}

/// Puts `value` at the path `stem`; false if something is there already.
fn mount(root: &mut Map<String, Value>, stem: &str, value: Value) -> bool {
    match stem.split_once('/') {
        None => match root.entry(stem) {
            serde_json::map::Entry::Vacant(slot) => {
                slot.insert(value);
                true
            }
            serde_json::map::Entry::Occupied(_) => false,
        },
        Some((folder, rest)) => match root.entry(folder).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(below) => mount(below, rest, value),
            _ => false,
        },
    }
}
