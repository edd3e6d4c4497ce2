//! Policies as conftest runs them: `deny`, `violation` and `warn` of any package, over any document.
//!
//! They are run unchanged, and closed where conftest is open: no package, no rule or no document is an error, and
//! so are unknown functions, builtins that fail, and data that lands on a rule.

use std::collections::BTreeMap;
use std::time::Duration;

use regorus::unstable::{Expr, Rule, RuleHead};
use serde::Serialize;
use serde_json::{Map, Value};

use super::EffectiveTime;
use super::engine::{AskedRule, Parsed, Prepared, Question};
use super::lint::{self, LintContext};
use crate::problem::{Location, Problem};

/// A set of policies, ready to run.
pub struct Conftest {
    prepared: Prepared,
    /// Rules by their path, and what one that gives something means.
    rules: BTreeMap<String, Kind>,
}

/// What a rule that gives something means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `warn`, `warn_…`.
    Warning,
    /// `deny`, `deny_…`, `violation`, `violation_…`.
    Failure,
}

/// What one rule came to for one document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleResult {
    /// Path of the rule, such as `data.main.deny`.
    pub rule: String,
    /// What its messages mean.
    pub kind: Kind,
    /// Its messages; none if it found nothing.
    pub messages: Vec<Message>,
    /// Why it could not be evaluated.
    pub error: Option<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// The text.
    #[serde(rename = "msg")]
    pub text: String,
    /// What else the result object holds.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// Whether `name` is `word`, or `word_` and more.
fn is_named(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn kind_of(name: &str) -> Option<Kind> {
    if is_named(name, "deny") || is_named(name, "violation") {
        Some(Kind::Failure)
    } else {
        is_named(name, "warn").then_some(Kind::Warning)
    }
}

impl Conftest {
    /// Prepares `files` (names and texts of Rego files; tests are left out) with `data` at `data`. Only packages
    /// that `namespace` admits are asked.
    ///
    /// # Errors
    /// Every problem of the files; no rule to ask; data that lands on a package.
    pub fn prepare(
        files: &[(String, String)],
        data: &Value,
        namespace: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<Problem>> {
        let mut parsed = Parsed::new();
        let mut problems = Vec::new();
        for (shown, source) in files.iter().filter(|(shown, _)| !shown.ends_with("_test.rego")) {
            problems.extend(parsed.add_policy(shown, source).err());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let packages = parsed.packages().map_err(|problem| vec![problem])?;
        for (shown, package) in &packages {
            problems.extend(clash(data, package, shown));
        }
        // What is in these documents is nobody's schema; functions and names are checked all the same.
        let roots: Vec<&str> = data.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let anything = Value::Bool(true);
        let none = BTreeMap::new();
        let context = LintContext { facts_schema: &anything, declared_parameters: &none, reserved_roots: &roots };
        let found = lint::check_modules(parsed.modules(), &context);
        problems.extend(found.into_iter().filter(|problem| problem.code != "reserved-package"));
        let rules = rules(&mut parsed, &packages, namespace);
        if rules.is_empty() && problems.is_empty() {
            let problem = Problem::new("no-rules", "there is no rule `deny`, `violation` or `warn` to ask");
            problems.push(problem.hint("check the path of the policies, and the namespace"));
        }
        if !problems.is_empty() {
            problems.sort_by(|left, right| left.location.cmp(&right.location));
            return Err(problems);
        }
        parsed.add_data(data).map_err(|problem| vec![problem])?;
        let prepared = parsed.prepare().map_err(|problem| vec![problem])?;
        Ok(Self { prepared, rules })
    }

    /// Asks every rule about `input`, each within `limit`.
    ///
    /// # Errors
    /// The input cannot be given to the engine.
    pub fn run(&self, input: &Value, when: EffectiveTime, limit: Duration) -> Result<Vec<RuleResult>, String> {
        let session = self.prepared.session(input, when, &[])?;
        let question = |path: &String| {
            // `deny` that finds nothing may be undefined, as a rule that is no set is.
            Question { rules: vec![AskedRule { path: path.clone() }], parameters: None }
        };
        let questions: Vec<Question> = self.rules.keys().map(question).collect();
        let answers = session.answer(&questions, limit);
        let results = self.rules.iter().zip(answers).map(|((rule, kind), answer)| {
            let value = answer.into_iter().next().unwrap_or_else(|| Err("there is no answer".to_owned()));
            let undefined = format!("`{rule}` is undefined");
            let (messages, error) = match value {
                Ok(value) => messages(value).map_or_else(|error| (Vec::new(), Some(error)), |found| (found, None)),
                Err(message) if message == undefined => (Vec::new(), None),
                Err(message) => (Vec::new(), Some(message)),
            };
            RuleResult { rule: rule.clone(), kind: *kind, messages, error }
        });
        Ok(results.collect())
    }
}

/// One YAML or JSON document as the engine reads it: anchors are resolved, and keys become texts.
///
/// # Errors
/// What is wrong with it.
pub fn read_yaml(text: &str) -> Result<Value, String> {
    let value = regorus::Value::from_yaml_str(text).map_err(|error| error.to_string())?;
    let json = value.to_json_str().map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// The rules that are asked, by their path.
fn rules(
    parsed: &mut Parsed,
    packages: &BTreeMap<String, Vec<String>>,
    namespace: impl Fn(&str) -> bool,
) -> BTreeMap<String, Kind> {
    let mut rules = BTreeMap::new();
    for module in parsed.modules() {
        let Some(package) = packages.get(&module.package.span.source.get_path().clone()) else { continue };
        let package = package.join(".");
        if !namespace(&package) {
            continue;
        }
        for name in module.policy.iter().filter_map(|rule| rule_name(rule)) {
            if let Some(kind) = kind_of(name) {
                rules.insert(format!("data.{package}.{name}"), kind);
            }
        }
    }
    rules
}

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

/// Data on the way to `package`, or in it, would replace its rules without a word.
fn clash(data: &Value, package: &[String], shown: &str) -> Option<Problem> {
    let mut at = data;
    for name in package {
        at = at.get(name)?;
    }
    let problem =
        Problem::new("data-clash", format!("there is data at `data.{}`, where this package is", package.join(".")));
    let problem = problem.at(Location { file: shown.to_owned(), line: 1, column: 1 });
    Some(problem.hint("rename the package, or put the data under another key"))
}

/// The messages in what a rule gives: texts, or objects with `msg`, in a set, a list or an object's values.
fn messages(value: Value) -> Result<Vec<Message>, String> {
    let items = match value {
        Value::Array(items) => items,
        // `deny := true` finds something that it has no words for; `false` finds nothing.
        Value::Bool(false) | Value::Null => Vec::new(),
        Value::Bool(true) => vec![Value::String("the rule holds".to_owned())],
        text @ Value::String(_) => vec![text],
        Value::Object(entries) if entries.contains_key("msg") => vec![Value::Object(entries)],
        Value::Object(entries) => entries
            .into_iter()
            .filter(|(_, value)| *value == Value::Bool(true))
            .map(|(key, _)| Value::String(key))
            .collect(),
        Value::Number(number) => return Err(format!("the rule gives {number}, which is no message")),
    };
    let message = |item: Value| match item {
        Value::String(text) => Ok(Message { text, metadata: Map::new() }),
        Value::Object(mut entries) => match entries.remove("msg") {
            Some(Value::String(text)) => Ok(Message { text, metadata: entries }),
            _ => Err("a result object has no text `msg`".to_owned()),
        },
        other => Err(format!("the rule gives {other}, which is no message")),
    };
    items.into_iter().map(message).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(source: &str, data: &Value, input: &Value) -> Vec<RuleResult> {
        let files = [("policy/a.rego".to_owned(), source.to_owned())];
        let conftest = Conftest::prepare(&files, data, |_| true).unwrap_or_else(|problems| panic!("{problems:?}"));
        conftest.run(input, EffectiveTime::parse("2026-11-23").unwrap(), Duration::from_secs(1)).unwrap()
    }

    fn refused(source: &str, data: &Value) -> Vec<&'static str> {
        let files = [("policy/a.rego".to_owned(), source.to_owned())];
        let problems = Conftest::prepare(&files, data, |_| true).err().unwrap_or_default();
        problems.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn every_form_of_a_result_is_read() {
        let source = "package any.thing\n\
            deny contains \"text\" if input.a == 1\n\
            deny_object contains {\"msg\": \"object\", \"id\": 7} if input.a == 1\n\
            warn_late contains msg if { msg := sprintf(\"above %v\", [data.limit]) }\n\
            violation := \"alone\" if input.a == 2\n\
            denial contains \"is asked by nobody\"\n";
        let results = run(source, &json!({"limit": 3}), &json!({"a": 1}));
        let shown: Vec<_> = results
            .iter()
            .map(|result| {
                let texts: Vec<_> = result.messages.iter().map(|message| message.text.as_str()).collect();
                (result.rule.as_str(), result.kind, texts, result.error.as_deref())
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("data.any.thing.deny", Kind::Failure, vec!["text"], None),
                ("data.any.thing.deny_object", Kind::Failure, vec!["object"], None),
                ("data.any.thing.violation", Kind::Failure, vec![], None),
                ("data.any.thing.warn_late", Kind::Warning, vec!["above 3"], None),
            ]
        );
        assert_eq!(results[1].messages[0].metadata, *json!({"id": 7}).as_object().unwrap());
    }

    #[test]
    fn what_would_pass_by_accident_is_an_error() {
        assert_eq!(refused("package main\ndenied contains \"x\"\n", &json!({})), ["no-rules"]);
        assert_eq!(refused("package main\ndeny contains \"x\"\n", &json!({"main": {"deny": []}})), ["data-clash"]);
        let unknown = "package main\ndeny contains \"x\" if { input.never; crypto.sha256(\"a\") == \"b\" }\n";
        assert_eq!(refused(unknown, &json!({})), ["unknown-function"]);
        let result =
            run("package main\ndeny contains \"x\" if to_number(input.a) > 1\n", &json!({}), &json!({"a": "y"}));
        assert!(result[0].error.is_some(), "{result:?}");
        let result = run("package main\ndeny contains 7\n", &json!({}), &json!({}));
        assert!(result[0].error.is_some(), "{result:?}");
    }
}
