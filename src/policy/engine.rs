//! The file that runs regorus.
//!
//! It has traps that turn a mistake into a silent pass; each is closed here or in [`super::check`],
//! and has a test: builtin errors that would be undefined (strict mode, and [`strict_builtins`]), data that shadows rules
//! (data only below reserved roots), the wall clock (replaced), evaluation without an end (a
//! cooperative limit, and a thread that is given up when it does not keep to it), and ranges that
//! reserve more memory than there is (bounded).

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use regorus::unstable::Module;
use regorus::utils::limits::{ExecutionTimerConfig, PolicyLengthConfig};
use regorus::{Engine, Value as RegoValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::trace::{self, BodyTrace};
use super::{EffectiveTime, lint, parameters, strict_builtins};
use crate::problem::{Location, Problem};

/// Roots of `data` that hold data: no package may be below them.
pub(super) const RESERVED_ROOTS: [&str; 2] = ["parameters", "bundle"];

/// Longest line, largest file and most lines of a policy. regorus' defaults, written down so that they
/// do not change with it.
const LENGTHS: PolicyLengthConfig = PolicyLengthConfig {
    max_col: NonZeroU32::MIN.saturating_add(1_023),
    max_file_bytes: NonZeroUsize::MIN.saturating_add((1 << 20) - 1),
    max_lines: NonZeroUsize::MIN.saturating_add(19_999),
};

/// Work between two looks at the clock: often enough to stop within a millisecond.
const TIMER_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// How much longer than its limit an evaluation is waited for. The cooperative limit does not work
/// inside a builtin; then the thread is given up.
const GRACE: Duration = Duration::from_millis(500);

/// Stack of an evaluation: rules that depend on each other are evaluated by recursion, and an overflow
/// would end the program. Reserved, not used.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// Elements of a range. The builtin reserves memory for all of them at once, and a process that cannot
/// get it is ended; facts have no list near this long.
const RANGE_ELEMENTS_MAX: u64 = 1_000_000;

/// Length of an engine error in a reason.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// What regorus says when its timer runs out. An error that comes out of a function is made anew from its
/// text, so that its type cannot be relied on.
const TIME_LIMIT_TEXT: &str = "execution exceeded time limit (elapsed=";

/// Brackets within each other. Hand-written policies nest six or seven deep.
const BRACKETS_MAX: usize = 12;

/// Policies and bundle data, parsed.
pub(super) struct Parsed {
    engine: Engine,
}

/// Policies and bundle data, analysed once.
#[derive(Clone)]
pub(super) struct Prepared {
    engine: Engine,
}

/// Prepared policies with an input and a clock.
pub(super) struct Session {
    engine: Engine,
}

/// Policies and bundle data, as they are evaluated: the parameters of each control are in the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Program {
    /// Name in problems and text of every policy file that is no test.
    pub(super) files: Vec<(String, String)>,
    /// What is mounted at `data.bundle`.
    pub(super) data: Option<Value>,
}

impl Program {
    /// Parses and analyses it. Its checks are made where it comes from.
    pub(super) fn prepare(&self) -> Result<Prepared, Problem> {
        let mut parsed = Parsed::new();
        for (shown, source) in &self.files {
            parsed.add_policy(shown, source)?;
        }
        if let Some(data) = &self.data {
            parsed.add_bundle_data(data)?;
        }
        parsed.prepare()
    }
}

impl Parsed {
    /// An engine without policies.
    pub(super) fn new() -> Self {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(true);
        engine.set_policy_length_config(LENGTHS);
        Self { engine }
    }

    /// Adds a policy file; `shown` is its name in problems.
    ///
    /// Nesting is looked at first: the parser tries each bracket in two ways, and takes twice as long for
    /// every further level.
    pub(super) fn add_policy(&mut self, shown: &str, source: &str) -> Result<(), Problem> {
        if let Some(line) = too_deep(source) {
            let message = format!("brackets nest deeper than {BRACKETS_MAX}");
            let location = Location { file: shown.to_owned(), line, column: 1 };
            return Err(Problem::new("policy-too-deep", message)
                .at(location)
                .hint("give parts of the value names of their own"));
        }
        let added = self.engine.add_policy(shown.to_owned(), source.to_owned());
        added.map(drop).map_err(|error| syntax_problem(shown, source, &error.to_string()))
    }

    /// Mounts the data files of the bundle below `data.bundle`.
    pub(super) fn add_bundle_data(&mut self, data: &Value) -> Result<(), Problem> {
        self.add_data(&serde_json::json!({"bundle": data}))
    }

    /// Mounts `data` at the root.
    pub(super) fn add_data(&mut self, data: &Value) -> Result<(), Problem> {
        self.engine
            .add_data(to_rego(data).map_err(|error| Problem::new("invalid-data", error))?)
            .map_err(|error| Problem::new("invalid-data", first_line(&error.to_string())))
    }

    /// The parts of the package of every file that was added, by the file's name in problems.
    ///
    /// In parts, because `package a["b.c"]` and `package a.b.c` are written alike otherwise, and are
    /// two packages.
    pub(super) fn packages(&self) -> Result<BTreeMap<String, Vec<String>>, Problem> {
        let packages = self.engine.get_policy_package_components();
        let packages = packages.map_err(|error| Problem::new("invalid-package", first_line(&error.to_string())))?;
        Ok(packages.into_iter().map(|package| (package.source_file, package.components)).collect())
    }

    /// Whether the file declares a rule of this name, or below it. Rules are looked for as their heads are
    /// written, which is without the package. A file that did not parse declares nothing.
    pub(super) fn declares(&self, shown: &str, rule: &str) -> bool {
        self.engine.has_declared_rule_rooted_at(shown, rule).unwrap_or(false)
    }

    /// The syntax trees of all files, in the order in which they were added.
    pub(super) fn modules(&mut self) -> impl Iterator<Item = &Module> + Clone {
        self.engine.get_modules().iter().map(|module| &**module)
    }

    /// Analyses all policies together: what only shows when they meet, such as a variable that is never bound.
    pub(super) fn prepare(mut self) -> Result<Prepared, Problem> {
        // A query that touches no rule still prepares every module.
        self.engine.eval_query("true".to_owned(), false).map_err(|error| {
            located("invalid-policy", &error.to_string()).hint("all files of the bundle are analysed together")
        })?;
        Ok(Prepared { engine: self.engine })
    }
}

impl Prepared {
    /// Binds an input and a clock. The input gets the parameters of the controls that are asked.
    pub(super) fn session(
        &self,
        input: &Value,
        when: EffectiveTime,
        questions: &[Question],
    ) -> Result<Session, String> {
        let mut engine = self.engine.clone();
        let mut input = to_rego(input)?;
        for given in questions.iter().filter_map(|question| question.parameters.as_ref()) {
            let values = to_rego(&Value::Object(given.values.clone()))?;
            let object = input.as_object_mut().map_err(|error| first_line(&error.to_string()))?;
            object.insert(RegoValue::from(parameters::key(given.number)), values);
        }
        engine.set_input(input);
        replace_builtins(&mut engine, when)?;
        Ok(Session { engine })
    }
}

/// What is asked of one control, or of the tiering rules.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Question {
    /// Rules, in the order in which they are asked for. The first whose value is not empty is the last: a
    /// control that does not apply is not asked what is wrong.
    pub(super) rules: Vec<AskedRule>,
    /// What the control sees as `data.parameters`.
    pub(super) parameters: Option<Parameters>,
}

/// The parameters of one control.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Parameters {
    /// Number of the control in its [`Program`].
    pub(super) number: usize,
    /// Their values.
    pub(super) values: Map<String, Value>,
}

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AskedRule {
    /// Its path, such as `data.modelgate.controls.fairness.impact_ratio.violation`.
    pub(super) path: String,
}

/// The value of each rule that was asked for, as JSON with sets as sorted arrays; or why it has none.
pub(super) type Answer = Vec<Result<Value, String>>;

impl Session {
    /// How far the bodies of the rules `wanted` of control number `number`, which is the file `shown`, get.
    pub(super) fn trace(&self, shown: &str, number: usize, limit: Duration, wanted: &[&str]) -> Vec<BodyTrace> {
        let mut engine = self.engine.clone();
        engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: TIMER_INTERVAL });
        let module = engine.get_modules().iter().find(|module| module.package.span.source.file() == shown).cloned();
        let Some(module) = module else { return Vec::new() };
        let mut bodies = trace::trace(&engine, &module, |rule| wanted.contains(&rule));
        for statement in bodies.iter_mut().flat_map(|body| &mut body.statements) {
            statement.text = parameters::as_written(&statement.text, number);
            for seen in statement.seen.iter_mut().flatten() {
                seen.expression = parameters::as_written(&seen.expression, number);
            }
        }
        bodies
    }

    /// What the file `shown` reads of the facts.
    pub(super) fn inputs(&self, shown: &str, facts_schema: &Value) -> BTreeSet<String> {
        let mut engine = self.engine.clone();
        let modules = engine.get_modules();
        let module = modules.iter().find(|module| module.package.span.source.file() == shown);
        module.map(|module| lint::inputs::of(module, facts_schema)).unwrap_or_default()
    }

    /// Answers every question, each within `limit` for each of its rules.
    ///
    /// The limit is cooperative and does not work inside a builtin: a question that does not keep to it is
    /// given up together with its thread, and a new thread goes on with the next.
    pub(super) fn answer(&self, questions: &[Question], limit: Duration) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::with_capacity(questions.len());
        while let Some(rest) = questions.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            let receiver = match self.start(rest.to_vec(), limit) {
                Ok(receiver) => receiver,
                Err(error) => {
                    let message = format!("no thread could be started: {error}");
                    answers.resize(questions.len(), vec![Err(message)]);
                    break;
                }
            };
            while let Some(question) = questions.get(answers.len()) {
                match receiver.recv_timeout(patience(question, limit)) {
                    Ok(answer) => answers.push(answer),
                    Err(mpsc::RecvTimeoutError::Timeout) => {
                        answers.push(vec![Err(over(limit))]);
                        break;
                    }
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        answers.push(vec![Err("the policy engine stopped without an answer".to_owned())]);
                        break;
                    }
                }
            }
        }
        answers
    }

    /// Starts a thread that answers `questions` one after the other.
    pub(super) fn start(&self, questions: Vec<Question>, limit: Duration) -> std::io::Result<mpsc::Receiver<Answer>> {
        let mut engine = self.engine.clone();
        let (sender, receiver) = mpsc::channel();
        let work = move || {
            for question in &questions {
                // The receiver is gone when the time was up: nobody wants the rest then.
                if sender.send(answer(&mut engine, question, limit)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("policy".to_owned()).stack_size(STACK_BYTES).spawn(work)?;
        Ok(receiver)
    }
}

/// How long an answer to `question` is waited for.
pub(super) fn patience(question: &Question, limit: Duration) -> Duration {
    let rules = u32::try_from(question.rules.len()).unwrap_or(u32::MAX);
    limit.saturating_mul(rules).saturating_add(GRACE)
}

/// What is said of a rule that took longer than `limit`.
pub(super) fn over(limit: Duration) -> String {
    format!("the time limit of {} ms is exceeded", limit.as_millis())
}

fn answer(engine: &mut Engine, question: &Question, limit: Duration) -> Answer {
    let mut answer = Answer::new();
    for rule in &question.rules {
        engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: TIMER_INTERVAL });
        let value = value_of(engine, rule, limit);
        let goes_on = value.as_ref().is_ok_and(|value| value.as_array().is_some_and(Vec::is_empty));
        answer.push(value);
        if !goes_on {
            break;
        }
    }
    answer
}

/// The first line, from 1, in which brackets nest too deep. Those in texts count as well; a blank line or
/// the end of a rule begins anew, so that an unbalanced one in prose does not add up.
fn too_deep(source: &str) -> Option<u64> {
    let mut open = 0_usize;
    for (number, line) in (1_u64..).zip(source.lines()) {
        if line.trim_start().starts_with('#') {
            continue;
        }
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' | b'(' => open += 1,
                b']' | b'}' | b')' => open = open.saturating_sub(1),
                _ => {}
            }
            if open > BRACKETS_MAX {
                return Some(number);
            }
        }
        // A line that begins at the margin begins a rule.
        if line == "}" || line.is_empty() {
            open = 0;
        }
    }
    None
}

/// Puts our own functions before builtins: the recorded clock, no chance (regorus has `rand.intn` whenever it
/// has `std`; the lint refuses it as well), and ranges that cannot exhaust memory.
pub(super) fn replace_builtins(engine: &mut Engine, when: EffectiveTime) -> Result<(), String> {
    let now = RegoValue::from(when.nanoseconds());
    engine
        .add_extension("time.now_ns".to_owned(), 0, Box::new(move |_| Ok(now.clone())))
        .map_err(|error| first_line(&error.to_string()))?;
    let no_chance: Box<dyn regorus::Extension> = Box::new(|_| Err(NoChance.into()));
    engine.add_extension("rand.intn".to_owned(), 2, no_chance).map_err(|error| first_line(&error.to_string()))?;
    let added = engine.add_extension(
        "numbers.range".to_owned(),
        2,
        Box::new(|arguments| match arguments.as_slice() {
            [from, to] => Ok(range(from, to, &RegoValue::from(1_i64))?),
            _ => Err(RangeError::NotWhole.into()),
        }),
    );
    let added = added.and_then(|()| {
        let range_step: Box<dyn regorus::Extension> = Box::new(|arguments| match arguments.as_slice() {
            [from, to, step] => Ok(range(from, to, step)?),
            _ => Err(RangeError::NotWhole.into()),
        });
        engine.add_extension("numbers.range_step".to_owned(), 3, range_step)
    });
    added.map_err(|error| first_line(&error.to_string()))?;
    strict_builtins::replace(engine)
}

#[derive(Debug, thiserror::Error)]
#[error("a decision must come out the same when it is replayed: there is no chance in it")]
struct NoChance;

#[derive(Debug, thiserror::Error)]
enum RangeError {
    #[error("a range is between whole numbers, and its step is one above zero")]
    NotWhole,
    #[error("a range of more than {RANGE_ELEMENTS_MAX} elements is over the limit")]
    TooLong,
}

/// `numbers.range` and `numbers.range_step` of OPA: both ends included, downwards if `to` is less.
fn range(from: &RegoValue, to: &RegoValue, step: &RegoValue) -> Result<RegoValue, RangeError> {
    let whole = |value: &RegoValue| value.as_i64().map_err(|_| RangeError::NotWhole);
    let (from, to, step) = (whole(from)?, whole(to)?, whole(step)?);
    let size = usize::try_from(step).ok().filter(|step| *step > 0).ok_or(RangeError::NotWhole)?;
    if from.abs_diff(to) / step.unsigned_abs() >= RANGE_ELEMENTS_MAX {
        return Err(RangeError::TooLong);
    }
    let elements: Vec<RegoValue> = if from <= to {
        (from..=to).step_by(size).map(RegoValue::from).collect()
    } else {
        (to..=from).rev().step_by(size).map(RegoValue::from).collect()
    };
    Ok(RegoValue::from(elements))
}

fn value_of(engine: &mut Engine, rule: &AskedRule, limit: Duration) -> Result<Value, String> {
    let value = engine.eval_rule(rule.path.clone()).map_err(|error| {
        let rendered = error.to_string();
        if rendered.contains(TIME_LIMIT_TEXT) { over(limit) } else { error_summary(&rendered) }
    })?;
    if value == RegoValue::Undefined {
        return Err(format!("`{}` is undefined", rule.path));
    }
    let json = value.to_json_str().map_err(|error| first_line(&error.to_string()))?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn to_rego(value: &Value) -> Result<RegoValue, String> {
    RegoValue::from_json_str(&value.to_string()).map_err(|error| first_line(&error.to_string()))
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(MESSAGE_CHARACTERS_MAX).collect()
}

/// The sentence in an error. regorus renders it below an excerpt of the source, as `error: …`; the
/// excerpt's lines begin with a number or a bar.
pub(super) fn message_of(rendered: &str) -> String {
    let message = first_line(rendered.lines().find_map(|line| line.trim().strip_prefix("error: ")).unwrap_or(rendered));
    // What follows is the state of the engine, or a list that begins on the next line.
    message.split(" (path [").next().unwrap_or_default().trim_end_matches(':').to_owned()
}

/// The place and the sentence in one line.
pub(super) fn error_summary(rendered: &str) -> String {
    match place_of(rendered) {
        Some(place) => format!("{place}: {}", message_of(rendered)),
        None => message_of(rendered),
    }
}

fn place_of(rendered: &str) -> Option<Location> {
    let place = rendered.lines().find_map(|line| line.trim().strip_prefix("--> "))?;
    let mut parts = place.trim().rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some(Location { file: parts.next()?.to_owned(), line, column })
}

fn located(code: &'static str, rendered: &str) -> Problem {
    let problem = Problem::new(code, message_of(rendered));
    match place_of(rendered) {
        Some(location) => problem.at(location),
        None => problem,
    }
}

fn syntax_problem(shown: &str, source: &str, rendered: &str) -> Problem {
    let mut problem = located("policy-syntax", rendered);
    let start = || Location { file: shown.to_owned(), line: 1, column: 1 };
    let line = problem.location.get_or_insert_with(start).line;
    let index = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let text = source.lines().nth(index).unwrap_or_default();
    match super::lint::explain_syntax_error(text, &problem.message) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
