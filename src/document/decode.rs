//! From a document to a Rust type, with every problem at its place.
//!
//! The JSON Schema that the type generates finds every problem at once; reading the type itself would
//! stop at the first. Only a document without problems is read into the type.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Document, bounded, cut, part_of_pointer, pointer_to};
use crate::problem::{Problem, nearest};

impl Document {
    /// Reads the document as a `T`.
    ///
    /// # Errors
    /// Every way in which it is not what the JSON Schema of `T` describes, in the order of places.
    pub fn decode<T: DeserializeOwned + JsonSchema + 'static>(&self) -> Result<T, Vec<Problem>> {
        let problems = match compiled::<T>() {
            Ok(compiled) => self.problems_with(&compiled.validator, &compiled.schema),
            Err(problem) => vec![problem],
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        T::deserialize(self.value()).map_err(|error| vec![self.unreadable_value(&error)])
    }

    /// A value that fits the schema and still no Rust type: to a schema `2.0` is an integer, and an
    /// integer has no bound.
    fn unreadable_value(&self, error: &serde_json::Error) -> Problem {
        match suspect_number(self.value(), "") {
            Some((pointer, value)) => {
                Problem::new("invalid-value", format!("{} is {}", shown(&pointer), described(value)))
                    .at(self.location(&pointer))
                    .hint("write it as an integer of at most 63 bits, without point and exponent")
            }
            None => Problem::new("invalid-value", error.to_string()).at(self.location("")),
        }
    }

    /// Every way in which the document is not what `schema` describes, in the order of places.
    fn problems_with(&self, validator: &Validator, schema: &Value) -> Vec<Problem> {
        let explainer = Explainer { document: self, schema };
        let mut problems = Vec::new();
        let errors: Vec<_> = validator.iter_errors(self.value()).collect();
        for error in &errors {
            explainer.explain(error, &mut problems);
        }
        problems
            .sort_by(|left, right| left.location.cmp(&right.location).then_with(|| left.message.cmp(&right.message)));
        problems.dedup();
        bounded(problems)
    }
}

/// The schema of a type, ready to validate.
struct Compiled {
    schema: Value,
    validator: Validator,
}

/// The schema of `T`. Compiling one takes longer than reading the hundred documents of a policy bundle, so
/// each is compiled once.
fn compiled<T: JsonSchema + 'static>() -> Result<Arc<Compiled>, Problem> {
    static COMPILED: Mutex<BTreeMap<TypeId, Arc<Compiled>>> = Mutex::new(BTreeMap::new());
    // What another thread left behind when it stopped is a whole map all the same.
    let mut known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = known.get(&TypeId::of::<T>()) {
        return Ok(Arc::clone(compiled));
    }
    let schema = schemars::schema_for!(T).to_value();
    let validator = jsonschema::options()
        .should_validate_formats(false)
        .build(&schema)
        .map_err(|error| Problem::new("invalid-schema", error.to_string()))?;
    let compiled = Arc::new(Compiled { schema, validator });
    known.insert(TypeId::of::<T>(), Arc::clone(&compiled));
    Ok(compiled)
}

struct Explainer<'a> {
    document: &'a Document,
    schema: &'a Value,
}

impl Explainer<'_> {
    fn explain(&self, error: &ValidationError<'_>, problems: &mut Vec<Problem>) {
        let pointer = error.instance_path().as_str();
        let name = shown(pointer);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    problems.push(self.unknown_key(pointer, key));
                }
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context }
            | ValidationErrorKind::OneOfMultipleValid { context } => self.alternatives(error, context, problems),
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                let problem = Problem::new("missing-key", format!("{name} has no `{key}`"));
                problems.push(
                    problem
                        .at(self.document.key_location(pointer))
                        .hint(format!("add `{key}:`{}", self.purpose(pointer, key))),
                );
            }
            ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => {
                let mut choices = Vec::new();
                collect_choices(error, &mut choices);
                problems.push(self.not_a_choice(error, &choices));
            }
            ValidationErrorKind::Type { .. } if self.is_choice(pointer) => {
                // The choices are told by an error of their own.
            }
            kind => {
                let code =
                    if matches!(kind, ValidationErrorKind::Type { .. }) { "wrong-type" } else { "invalid-value" };
                let problem = Problem::new(code, format!("{name} is {}", described(error.instance())));
                problems.push(problem.at(self.document.location(pointer)).hint(self.mend(error)));
            }
        }
    }

    fn unknown_key(&self, pointer: &str, key: &str) -> Problem {
        let known = self.keys_at(pointer);
        let hint = match nearest(key, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys here are {}", quoted_list(&known)),
        };
        Problem::new("unknown-key", format!("unknown key `{}` in {}", cut(key), shown(pointer)))
            .at(self.document.key_location(&pointer_to(pointer, key)))
            .hint(hint)
    }

    /// A value that fits none of several schemas: the choices of an enumeration, or the one branch
    /// that was meant.
    fn alternatives(
        &self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
        problems: &mut Vec<Problem>,
    ) {
        let here = error.instance_path().as_str();
        let is_wrong_kind = |branch: &&Vec<ValidationError<'static>>| {
            branch.iter().any(|error| {
                matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path().as_str() == here
            })
        };
        let mut choices = Vec::new();
        for error in context.iter().flatten() {
            collect_choices(error, &mut choices);
        }
        let meant: Vec<_> = context.iter().filter(|branch| !is_wrong_kind(branch)).collect();
        let choice_only = |branch: &[ValidationError<'static>]| {
            branch.iter().all(|error| {
                matches!(
                    error.kind(),
                    ValidationErrorKind::Constant { .. }
                        | ValidationErrorKind::Enum { .. }
                        | ValidationErrorKind::OneOfNotValid { .. }
                )
            })
        };
        if !choices.is_empty() && context.iter().all(|branch| choice_only(branch) || is_wrong_kind(&branch)) {
            problems.push(self.not_a_choice(error, &choices));
        } else if let [branch] = meant.as_slice() {
            for error in *branch {
                self.explain(error, problems);
            }
        } else {
            let mut kinds: Vec<String> = context.iter().flatten().flat_map(expected_kinds).collect();
            kinds.retain(|kind| kind != NO_KIND);
            kinds.dedup();
            let message = format!("{} is {}", shown(here), described(error.instance()));
            let hint =
                format!("write {}", if kinds.is_empty() { "another value".to_owned() } else { kinds.join(" or ") });
            problems.push(Problem::new("wrong-type", message).at(self.document.location(here)).hint(hint));
        }
    }

    fn not_a_choice(&self, error: &ValidationError<'_>, choices: &[String]) -> Problem {
        let pointer = error.instance_path().as_str();
        let near = error.instance().as_str().and_then(|word| nearest(word, choices.iter().map(String::as_str)));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`? The choices are {}", quoted_list(choices)),
            None => format!("the choices are {}", quoted_list(choices)),
        };
        Problem::new("unknown-value", format!("{} is {}", shown(pointer), described(error.instance())))
            .at(self.document.location(pointer))
            .hint(hint)
    }

    /// The schema that describes what stands at a pointer into the document.
    fn schema_at(&self, pointer: &str) -> Option<&Value> {
        pointer.split('/').skip(1).try_fold(self.resolve(self.schema), |schema, part| {
            let declared = schema.get("properties").and_then(|properties| properties.get(part_of_pointer(part)));
            let below = declared.or_else(|| schema.get("items")).or_else(|| schema.get("additionalProperties"));
            below.map(|below| self.resolve(below))
        })
    }

    /// Follows `$ref`, and the one alternative that is not null.
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(resolved) = target.and_then(|target| self.schema.pointer(target)) {
            return self.resolve(resolved);
        }
        let alternative = schema
            .get("anyOf")
            .and_then(Value::as_array)
            .and_then(|branches| branches.iter().find(|branch| branch.get("type").is_none_or(|kind| kind != "null")));
        alternative.map_or(schema, |alternative| self.resolve(alternative))
    }

    fn keys_at(&self, pointer: &str) -> Vec<String> {
        let properties = self.schema_at(pointer).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    }

    /// What a key is for, from the type's documentation.
    fn purpose(&self, pointer: &str, key: &str) -> String {
        match self.description(&pointer_to(pointer, key)) {
            Some(text) => format!(" ({text})"),
            None => String::new(),
        }
    }

    /// First sentence of the documentation of what stands at a pointer. An item of a list is
    /// documented with the list.
    fn description(&self, pointer: &str) -> Option<String> {
        let (above, part) = pointer.rsplit_once('/')?;
        let Some(properties) = self.schema_at(above)?.get("properties") else { return self.description(above) };
        // A property's own words come before those of its type, which the reference leads to.
        let property = properties.get(part_of_pointer(part))?;
        let text = property.get("description").or_else(|| self.resolve(property).get("description"))?.as_str()?;
        let paragraph = text.split("\n\n").next()?.replace('\n', " ");
        Some(paragraph.split(". ").next()?.trim_end_matches('.').to_owned())
    }

    /// Whether the schema at a pointer lists its choices beside a type.
    fn is_choice(&self, pointer: &str) -> bool {
        self.schema_at(pointer).is_some_and(|schema| schema.get("enum").or_else(|| schema.get("const")).is_some())
    }

    /// How to mend a value that breaks one rule of its schema.
    fn mend(&self, error: &ValidationError<'_>) -> String {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::Type { kind } => {
                let kinds = kinds(kind);
                match error.instance().as_str() {
                    // Booleans to older readers of YAML.
                    Some(word) if kinds == BOOLEAN && is_old_boolean(word) => {
                        format!("write {BOOLEAN}: `{word}` is a string")
                    }
                    _ => format!("write {kinds}"),
                }
            }
            ValidationErrorKind::Minimum { limit } => {
                self.range(pointer).unwrap_or_else(|| format!("the least is {limit}"))
            }
            ValidationErrorKind::Maximum { limit } => {
                self.range(pointer).unwrap_or_else(|| format!("the most is {limit}"))
            }
            ValidationErrorKind::ExclusiveMinimum { limit } => format!("it must be more than {limit}"),
            ValidationErrorKind::ExclusiveMaximum { limit } => format!("it must be less than {limit}"),
            ValidationErrorKind::MinLength { limit: 1 } => "it must not be empty".to_owned(),
            ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
            ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
            ValidationErrorKind::MinItems { limit } => format!("at least {limit} of them"),
            ValidationErrorKind::MaxItems { limit } => format!("at most {limit} of them"),
            ValidationErrorKind::Pattern { pattern } => match self.description(pointer) {
                Some(text) => format!("it must match `{pattern}` ({text})"),
                None => format!("it must match `{pattern}`"),
            },
            _ => cut(&error.masked().to_string()),
        }
    }

    /// Both ends of the range at a pointer, when it has both.
    fn range(&self, pointer: &str) -> Option<String> {
        let schema = self.schema_at(pointer)?;
        let (least, most) = (schema.get("minimum")?, schema.get("maximum")?);
        Some(if least == most { format!("write {least}") } else { format!("it must be between {least} and {most}") })
    }
}

/// An integer that is written as a float, or is beyond what a signed one holds.
fn suspect_number<'v>(value: &'v Value, pointer: &str) -> Option<(String, &'v Value)> {
    match value {
        Value::Number(number) => {
            let is_suspect = number.as_f64().is_some_and(|float| number.is_f64() && float.fract() == 0.0)
                || number.as_u64().is_some_and(|integer| i64::try_from(integer).is_err());
            is_suspect.then(|| (pointer.to_owned(), value))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| suspect_number(item, &pointer_to(pointer, &index.to_string()))),
        Value::Object(entries) => {
            entries.iter().find_map(|(key, entry)| suspect_number(entry, &pointer_to(pointer, key)))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

fn is_old_boolean(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
}

fn collect_choices(error: &ValidationError<'_>, choices: &mut Vec<String>) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => choices.push(text(expected_value)),
        ValidationErrorKind::Enum { options } => {
            choices.extend(options.as_array().into_iter().flatten().map(text));
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            context.iter().flatten().for_each(|error| collect_choices(error, choices));
        }
        _ => {}
    }
}

/// What kinds of value the branches of an alternative would take.
fn expected_kinds(error: &ValidationError<'_>) -> Vec<String> {
    match error.kind() {
        ValidationErrorKind::Type { kind } => vec![kinds(kind)],
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().flatten().flat_map(expected_kinds).collect()
        }
        _ => Vec::new(),
    }
}

/// How a hint calls a Boolean.
const BOOLEAN: &str = "`true` or `false`";

/// Null: a value may be absent, but nobody is asked to write nothing.
const NO_KIND: &str = "nothing";

fn kinds(kind: &TypeKind) -> String {
    let name = |kind: String| match kind.as_str() {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => BOOLEAN,
        "array" => "a list",
        "object" => "a mapping",
        _ => NO_KIND,
    };
    match kind {
        TypeKind::Single(kind) => name(kind.to_string()).to_owned(),
        TypeKind::Multiple(kinds) => {
            let names: Vec<_> =
                kinds.iter().map(|kind| name(kind.to_string())).filter(|name| *name != NO_KIND).collect();
            names.join(" or ")
        }
    }
}

/// How a message calls what stands at a pointer.
fn shown(pointer: &str) -> String {
    if pointer.is_empty() {
        return "the document".to_owned();
    }
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part_of_pointer(part);
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&cut(&part));
        }
    }
    format!("`{path}`")
}

/// A value in a message: quoted if it is short, else its kind.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) => format!("the string `{}`", cut(text)),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(value) => format!("the number `{value}`"),
    }
}

fn quoted_list(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        /// What it is called.
        name: String,
        colour: Option<Colour>,
        #[serde(default)]
        parts: Vec<Part>,
        class: Option<Class>,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    enum Colour {
        /// Like the sea.
        DeepBlue,
        /// Like the sun.
        Yellow,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Part {
        #[schemars(range(min = 0.0, max = 1.0))]
        share: f64,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Class {
        Integer(i64),
        Text(String),
    }

    fn problems(text: &str) -> Vec<String> {
        let document = Document::parse("s.yaml", text).unwrap();
        let problems = document.decode::<Sample>().unwrap_err();
        problems.iter().map(|problem| format!("{} {problem}", problem.code)).collect()
    }

    #[test]
    fn a_fitting_document_is_read() {
        let text = "name: n\ncolour: deep-blue\nparts: [{share: 0.5}]\nclass: 1\n";
        let sample = Document::parse("s.yaml", text).unwrap().decode::<Sample>().unwrap();
        let expected = Sample {
            name: "n".to_owned(),
            colour: Some(Colour::DeepBlue),
            parts: vec![Part { share: 0.5 }],
            class: Some(Class::Integer(1)),
        };
        assert_eq!(sample, expected);
    }

    #[test]
    fn every_problem_is_found_at_once_and_in_order() {
        let text = "colour: deep-bleu\nparts:\n  - share: 2\n  - sahre: 0.5\n  - {share: on}\nclass: []\nnmae: x\n";
        let expected = [
            "missing-key s.yaml:1:1: the document has no `name` (hint: add `name:` (What it is called))",
            "unknown-value s.yaml:1:9: `colour` is the string `deep-bleu` (hint: did you mean `deep-blue`? The choices are `deep-blue`, `yellow`)",
            "invalid-value s.yaml:3:12: `parts[0].share` is the number `2` (hint: it must be between 0.0 and 1.0)",
            "missing-key s.yaml:4:5: `parts[1]` has no `share` (hint: add `share:`)",
            "unknown-key s.yaml:4:5: unknown key `sahre` in `parts[1]` (hint: did you mean `share`?)",
            "wrong-type s.yaml:5:13: `parts[2].share` is the string `on` (hint: write a number)",
            "wrong-type s.yaml:6:8: `class` is a list (hint: write an integer or a string)",
            "unknown-key s.yaml:7:1: unknown key `nmae` in the document (hint: did you mean `name`?)",
        ];
        assert_eq!(problems(text), expected);
    }
}
