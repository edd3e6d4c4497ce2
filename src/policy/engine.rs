//! The one file that knows regorus.
//!
//! It has traps that turn a mistake into a silent pass; each is closed here or in [`super::check`],
//! and has a test: builtin errors that would be undefined (strict mode), data that shadows rules
//! (data only below reserved roots), the wall clock (replaced), evaluation without an end (a
//! cooperative limit, and a thread that is given up when it does not keep to it).

use std::num::NonZeroU32;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value as RegoValue};
use serde_json::Value;

use super::{EffectiveTime, Limits};
use crate::problem::{Location, Problem};

/// Roots of `data` that hold data: no package may be below them.
pub(super) const RESERVED_ROOTS: [&str; 2] = ["parameters", "bundle"];

/// Work between two looks at the clock: often enough to stop within a millisecond.
const TIMER_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// How much longer than its limit an evaluation is waited for. The cooperative limit does not work
/// inside a builtin (`numbers.range` over a billion); then the thread is given up.
const GRACE: Duration = Duration::from_millis(500);

/// Length of an engine error in a reason.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// Policies and bundle data, parsed once.
pub(super) struct Prepared {
    engine: Engine,
}

/// Policies with an input and a clock.
pub(super) struct Session {
    engine: Engine,
}

impl Prepared {
    /// An engine without policies.
    pub(super) fn new() -> Self {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(true);
        Self { engine }
    }

    /// Adds a policy file; `shown` is its name in problems.
    pub(super) fn add_policy(&mut self, shown: &str, source: &str) -> Result<(), Problem> {
        self.engine.add_policy(shown.to_owned(), source.to_owned()).map(drop).map_err(|error| syntax_problem(shown, source, &error.to_string()))
    }

    /// Mounts the data files of the bundle below `data.bundle`.
    pub(super) fn add_bundle_data(&mut self, data: &Value) -> Result<(), Problem> {
        let document = serde_json::json!({"bundle": data});
        self.engine
            .add_data(to_rego(&document).map_err(|error| Problem::new("invalid-data", error))?)
            .map_err(|error| Problem::new("invalid-data", first_line(&error.to_string())))
    }

    /// Analyses all policies together: what only shows when they meet, such as recursion or a variable
    /// that is never bound.
    pub(super) fn analyse(&self) -> Result<(), Problem> {
        let mut engine = self.engine.clone();
        engine.set_input(RegoValue::new_object());
        // A query that touches no rule still prepares every module.
        engine.eval_query("true".to_owned(), false).map(drop).map_err(|error| {
            let message = error.to_string();
            located("invalid-policy", &message).hint("regorus analyses all files of the bundle together")
        })
    }

    /// Whether the file declares a rule of this name.
    pub(super) fn declares(&self, shown: &str, rule: &str) -> bool {
        self.engine.has_declared_rule_rooted_at(shown, rule).unwrap_or(false)
    }

    /// Binds an input and a clock.
    pub(super) fn session(&self, input: &Value, when: EffectiveTime) -> Result<Session, String> {
        let mut engine = self.engine.clone();
        engine.set_input(to_rego(input)?);
        let now = RegoValue::from(when.nanoseconds());
        engine
            .add_extension("time.now_ns".to_owned(), 0, Box::new(move |_| Ok(now.clone())))
            .map_err(|error| first_line(&error.to_string()))?;
        Ok(Session { engine })
    }
}

impl Session {
    /// Evaluates `rules` (`data.…` paths), each to a JSON value, with `parameters` as `data.parameters`.
    pub(super) fn evaluate(&self, parameters: &Value, rules: &[String], limits: Limits) -> Result<Vec<Value>, String> {
        let mut engine = self.engine.clone();
        let parameters = to_rego(&serde_json::json!({"parameters": parameters}))?;
        engine.add_data(parameters).map_err(|error| first_line(&error.to_string()))?;
        let limit = limits.control_time;
        engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: TIMER_INTERVAL });
        let rules = rules.to_vec();
        let (sender, receiver) = mpsc::sync_channel(1);
        let worker = move || {
            // The receiver is gone when the time was up: nobody wants the answer then.
            let _ = sender.send(rules.into_iter().map(|rule| value_of(&mut engine, rule)).collect::<Result<Vec<_>, _>>());
        };
        thread::Builder::new().name("policy".to_owned()).spawn(worker).map_err(|error| error.to_string())?;
        let over = || format!("the time limit of {} ms is exceeded", limit.as_millis());
        match receiver.recv_timeout(limit + GRACE) {
            Ok(Err(message)) if message.contains("time limit") => Err(over()),
            Ok(values) => values,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(over()),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err("the policy engine stopped without an answer".to_owned()),
        }
    }
}

fn value_of(engine: &mut Engine, rule: String) -> Result<Value, String> {
    let value = engine.eval_rule(rule.clone()).map_err(|error| {
        match error.downcast_ref::<regorus::LimitError>() {
            Some(regorus::LimitError::TimeLimitExceeded { .. }) => "time limit".to_owned(),
            _ => first_line(&error_summary(&error.to_string())),
        }
    })?;
    if value == RegoValue::Undefined {
        return Err(format!("`{rule}` is undefined"));
    }
    let json = value.to_json_str().map_err(|error| first_line(&error.to_string()))?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn to_rego(value: &Value) -> Result<RegoValue, String> {
    RegoValue::from_json_str(&value.to_string()).map_err(|error| first_line(&error.to_string()))
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().chars().take(MESSAGE_CHARACTERS_MAX).collect()
}

/// regorus renders an error as an excerpt of the source with `error: …` at the end and
/// `--> file:line:column` at the start. One line says it here.
fn error_summary(rendered: &str) -> String {
    let message = rendered.lines().find_map(|line| line.trim().strip_prefix("error: "));
    match (message, place_of(rendered)) {
        (Some(message), Some(place)) => format!("{place}: {message}"),
        (Some(message), None) => message.to_owned(),
        (None, _) => first_line(rendered),
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
    let message = rendered.lines().find_map(|line| line.trim().strip_prefix("error: "));
    let problem = Problem::new(code, message.map_or_else(|| first_line(rendered), str::to_owned));
    match place_of(rendered) {
        Some(location) => problem.at(location),
        None => problem,
    }
}

fn syntax_problem(shown: &str, source: &str, rendered: &str) -> Problem {
    let problem = located("policy-syntax", rendered);
    let problem = if problem.location.is_some() {
        problem
    } else {
        problem.at(Location { file: shown.to_owned(), line: 1, column: 1 })
    };
    let line = problem.location.as_ref().and_then(|location| usize::try_from(location.line).ok()).unwrap_or(1);
    let text = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    match super::lint::explain_syntax_error(text, &problem.message) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
