//! Why a rule gave what it gave: how far each of its bodies gets, and the values that its conditions saw.
//!
//! regorus has no trace of an evaluation. So each body is asked again from the outside: for its first
//! statement, its first two, and so on, a rule is added to its package that collects every solution of them,
//! and what the last of them compares or binds. It sees the input, parameters and clock of the real rule.

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Module, Query, Rule, RuleHead, Span};
use regorus::{Engine, Value as RegoValue};
use serde::Serialize;
use serde_json::Value;

use super::engine::{error_summary, message_of};

/// Prefix of the names of added rules. A policy that uses it gets no trace, and nothing else.
const PREFIX: &str = "modelgate_trace_";

/// Solutions whose values are kept for each statement.
const SOLUTIONS_MAX: usize = 20;

/// Statements of one body that are looked at.
const STATEMENTS_MAX: usize = 60;

/// How far one body of a rule gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BodyTrace {
    /// Name of the rule.
    pub rule: String,
    /// Its file.
    pub file: String,
    /// Line of the body's first statement.
    pub line: u64,
    /// Its statements, up to the first that never holds.
    pub statements: Vec<StatementTrace>,
    /// Whether the whole body holds for anything.
    pub holds: bool,
}

/// One statement of a body.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementTrace {
    /// Its line.
    pub line: u64,
    /// The statement as written, in one line.
    pub text: String,
    /// How many solutions it and all before it have together.
    pub solutions: u64,
    /// What it compares or binds, and the values that it saw: for each solution of the statements before it.
    pub seen: Vec<Vec<Seen>>,
    /// Why it could not be evaluated.
    pub error: Option<String>,
}

/// A part of a statement and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The expression, as written.
    pub expression: String,
    /// Its value.
    pub value: Value,
}

/// Traces every body of every rule of `module` that `wanted` names. `engine` has the policies, the input and
/// the clock.
pub(super) fn trace(engine: &Engine, module: &Module, wanted: impl Fn(&str) -> bool) -> Vec<BodyTrace> {
    let mut probes = Vec::new();
    for rule in &module.policy {
        let Rule::Spec { head, bodies, .. } = rule.as_ref() else { continue };
        let Some(name) = rule_name(head).filter(|name| wanted(name)) else { continue };
        for body in bodies.iter().filter(|body| !body.query.stmts.is_empty()) {
            probes.push(Probe::new(name, &body.query, probes.len()));
        }
    }
    let Some(engine) = with_probes(engine, module, &probes) else { return Vec::new() };
    let file = module.package.span.source.get_path();
    probes.iter().map(|probe| probe.run(&mut engine.clone(), file)).collect()
}

/// The name of a rule that can be asked for; a function is called.
fn rule_name(head: &RuleHead) -> Option<&str> {
    let mut at = match head {
        RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } => refr,
        RuleHead::Func { .. } => return None,
    };
    loop {
        match at.as_ref() {
            Expr::Var { span, .. } => return Some(span.text()),
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => at = refr,
            _ => return None,
        }
    }
}

/// `engine` with the rules of all probes, analysed again.
fn with_probes(engine: &Engine, module: &Module, probes: &[Probe<'_>]) -> Option<Engine> {
    let package = module.package.refr.span().text();
    let mut inside = format!("package {package}\n");
    for import in &module.imports {
        inside.push_str(&format!("import {}\n", import_text(import.span.text())));
    }
    let mut outside = format!("package {PREFIX}runs\n");
    for name in probes.iter().flat_map(Probe::rules) {
        outside.push_str(&format!("{} := value if value := data.{package}.{}\n", name.0, name.0));
        inside.push_str(&name.1);
    }
    let mut engine = engine.clone();
    engine.add_policy(format!("<{PREFIX}inside>"), inside).ok()?;
    engine.add_policy(format!("<{PREFIX}outside>"), outside).ok()?;
    engine.eval_query("true".to_owned(), false).ok()?;
    Some(engine)
}

fn import_text(span: &str) -> &str {
    span.strip_prefix("import").unwrap_or(span).trim()
}

/// The rules that ask one body how far it gets.
struct Probe<'a> {
    rule: &'a str,
    number: usize,
    statements: Vec<Statement>,
}

/// One statement, as the rules repeat it.
struct Statement {
    line: u64,
    text: String,
    /// What it compares or binds.
    parts: Vec<Part>,
}

/// Something that a statement sees.
struct Part {
    expression: String,
    /// Statements that bind the value, and what it is bound to.
    binds: String,
    term: String,
    /// Whether it is only known once the statement itself holds: a variable that it binds.
    after: bool,
}

impl<'a> Probe<'a> {
    fn new(rule: &'a str, query: &Query, number: usize) -> Self {
        let statements = query.stmts.iter().take(STATEMENTS_MAX).enumerate();
        let statements = statements
            .map(|(index, statement)| Statement {
                line: u64::from(statement.span.line),
                text: written(&statement.span),
                parts: parts(statement, index),
            })
            .collect();
        Self { rule, number, statements }
    }

    /// Name and source of each rule: how many solutions the statements have, and what the last of them sees.
    fn rules(&self) -> Vec<(String, String)> {
        let mut rules = Vec::new();
        let mut before = String::new();
        for (index, statement) in self.statements.iter().enumerate() {
            let upto = format!("{before}\n{}", statement.text);
            let (count, seen) = (self.name(index, "count"), self.name(index, "seen"));
            rules.push((count.clone(), format!("{count} := count([1 |{upto}\n])\n")));
            if !statement.parts.is_empty() {
                let terms: Vec<&str> = statement.parts.iter().map(|part| part.term.as_str()).collect();
                let binds: String = statement.parts.iter().map(|part| part.binds.as_str()).collect();
                let after = statement.parts.iter().any(|part| part.after);
                let body = if after { &upto } else { &before };
                rules.push((seen.clone(), format!("{seen} := [[{}] |{body}\ntrue\n{binds}]\n", terms.join(", "))));
            }
            before = upto;
        }
        rules
    }

    fn name(&self, index: usize, what: &str) -> String {
        format!("{PREFIX}{what}_{}_{index}", self.number)
    }

    fn run(&self, engine: &mut Engine, file: &str) -> BodyTrace {
        let mut statements = Vec::new();
        let mut holds = true;
        for (index, statement) in self.statements.iter().enumerate() {
            let mut traced = StatementTrace {
                line: statement.line,
                text: in_one_line(&statement.text),
                solutions: 0,
                seen: Vec::new(),
                error: None,
            };
            match evaluate(engine, &self.name(index, "count")) {
                Ok(value) => traced.solutions = value.as_u64().unwrap_or(0),
                Err(error) => traced.error = Some(error),
            }
            if let Ok(Value::Array(solutions)) = evaluate(engine, &self.name(index, "seen")) {
                traced.seen = solutions.into_iter().take(SOLUTIONS_MAX).map(|values| statement.seen(values)).collect();
            }
            holds = traced.solutions > 0;
            statements.push(traced);
            if !holds {
                break;
            }
        }
        let line = self.statements.first().map_or(1, |statement| statement.line);
        BodyTrace { rule: self.rule.to_owned(), file: file.to_owned(), line, statements, holds }
    }
}

impl Statement {
    fn seen(&self, values: Value) -> Vec<Seen> {
        let Value::Array(values) = values else { return Vec::new() };
        let seen = self.parts.iter().zip(values);
        seen.map(|(part, value)| Seen { expression: part.expression.clone(), value }).collect()
    }
}

fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn evaluate(engine: &mut Engine, name: &str) -> Result<Value, String> {
    let value = engine.eval_rule(format!("data.{PREFIX}runs.{name}")).map_err(|error| {
        let summary = error_summary(&error.to_string());
        // The place would be one in the added rules.
        if summary.contains(PREFIX) { message_of(&error.to_string()) } else { summary }
    })?;
    if value == RegoValue::Undefined {
        return Err("it is undefined".to_owned());
    }
    let json = value.to_json_str().map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// What `statement` compares or binds. Constants are left out: they are there to be read.
fn parts(statement: &LiteralStmt, index: usize) -> Vec<Part> {
    let modifiers = statement.with_mods.iter().map(|modifier| written(&modifier.span)).collect::<Vec<_>>().join(" ");
    let mut parts = Vec::new();
    let mut compare = |expression: &Expr| {
        if is_constant(expression) {
            return;
        }
        let term = format!("{PREFIX}value_{index}_{}", parts.len());
        let text = text_of(expression);
        parts.push(Part {
            binds: format!("{term} := {text} {modifiers}\n"),
            expression: in_one_line(&text),
            term,
            after: false,
        });
    };
    match &statement.literal {
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => match expr.as_ref() {
            Expr::BoolExpr { lhs, rhs, .. } => [lhs, rhs].into_iter().for_each(|side| compare(side)),
            Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } => {
                [lhs, rhs].into_iter().for_each(|side| compare(side));
            }
            Expr::Membership { value, collection, .. } => {
                [value, collection].into_iter().for_each(|side| compare(side));
            }
            Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } => parts.extend(bound(lhs)),
            whole => compare(whole),
        },
        Literal::SomeIn { value, .. } => parts.extend(bound(value)),
        Literal::Every { domain, .. } => compare(domain),
        Literal::SomeVars { .. } => {}
    }
    parts
}

/// A variable that the statement binds.
fn bound(pattern: &Expr) -> Option<Part> {
    let Expr::Var { span, .. } = pattern else { return None };
    let name = span.text().to_owned();
    (name != "_").then(|| Part { expression: name.clone(), binds: String::new(), term: name, after: true })
}

fn is_constant(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } | Expr::Null { .. }
    )
}

/// The expression as written.
fn text_of(expression: &Expr) -> String {
    written(expression.span())
}

/// The text at `span` as written. The engine puts the span of a string inside its quotes, and so the span of
/// whatever begins or ends with one.
fn written(span: &Span) -> String {
    let contents = span.source.contents();
    let (start, end) = (usize::try_from(span.start).unwrap_or(0), usize::try_from(span.end).unwrap_or(0));
    let is_quote = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'"' | b'`'));
    let bytes = contents.as_bytes();
    let text = contents.get(start..end).unwrap_or_default();
    // A span that begins after a quote is inside a string there, and one that ends before a quote is, too.
    let opens = is_quote(start.checked_sub(1).and_then(|before| bytes.get(before)));
    let closes = is_quote(bytes.get(end));
    let start = if opens { start.saturating_sub(1) } else { start };
    let end = if closes { end.saturating_add(1) } else { end };
    contents.get(start..end).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use regorus::utils::limits::ExecutionTimerConfig;
    use serde_json::json;

    use super::*;

    fn traced(source: &str) -> Vec<BodyTrace> {
        let mut engine = Engine::new();
        engine.add_policy("a.rego".to_owned(), source.to_owned()).unwrap();
        engine.set_input(RegoValue::from_json_str(r#"{"kind": "x", "parts": [1, 5, 9]}"#).unwrap());
        let limit = ExecutionTimerConfig { limit: Duration::from_secs(5), check_interval: NonZeroU32::MIN };
        engine.set_execution_timer_config(limit);
        let module = engine.get_modules()[0].clone();
        trace(&engine, &module, |rule| rule == "found")
    }

    type Shown<'a> = (&'a str, u64, Vec<(String, Value)>);

    fn statements(body: &BodyTrace) -> Vec<Shown<'_>> {
        let seen = |values: &Vec<Seen>| {
            values.iter().map(|seen| (seen.expression.clone(), seen.value.clone())).collect::<Vec<_>>()
        };
        let of = |statement: &'_ StatementTrace| statement.seen.iter().flat_map(seen).collect();
        body.statements.iter().map(|statement| (statement.text.as_str(), statement.solutions, of(statement))).collect()
    }

    #[test]
    fn a_body_is_followed_to_the_statement_that_stops_it() {
        let bodies = traced(
            "package a\n\nfound contains part if {\n\tinput.kind == \"x\"\n\tsome part in input.parts\n\tpart > 3\n\tnot input.parts[0] == 1\n\tpart < 2\n}\n",
        );
        let kind = |value: &str| ("input.kind".to_owned(), json!(value));
        let part = |value: u64| ("part".to_owned(), json!(value));
        assert_eq!(bodies.len(), 1);
        assert!(!bodies[0].holds);
        assert_eq!(
            statements(&bodies[0]),
            [
                ("input.kind == \"x\"", 1, vec![kind("x")]),
                ("some part in input.parts", 3, vec![part(1), part(5), part(9)]),
                ("part > 3", 2, vec![part(1), part(5), part(9)]),
                (
                    "not input.parts[0] == 1",
                    0,
                    vec![("input.parts[0]".to_owned(), json!(1)), ("input.parts[0]".to_owned(), json!(1))]
                ),
            ]
        );
    }

    #[test]
    fn an_error_is_shown_where_it_is_raised() {
        let bodies = traced("package a\n\nfound if {\n\tto_number(input.kind) > 1\n}\n");
        assert!(bodies[0].statements[0].error.is_some(), "{bodies:?}");
    }
}
