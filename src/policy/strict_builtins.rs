//! Builtins that the engine leaves undefined where they fail, also when it is told to raise errors; and those that
//! stop it, or keep it busy, for some arguments.
//!
//! A condition that is undefined does not hold, and a violation with it: a pattern that is no pattern would be a pass.

use std::num::NonZeroUsize;

use regorus::unstable::{BUILTINS, Expr, Ref, Source, Span};
use regorus::{Engine, Extension, Value};

/// The builtins whose code returns "undefined" for an argument that it cannot work with, in strict mode, too, and those
/// of [`is_beyond`]. `max` and `min` of nothing are undefined in OPA, and stay so.
const GUARDED: [&str; 16] = [
    "array.slice",
    "bits.and",
    "bits.lsh",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "json.patch",
    "object.subset",
    "regex.replace",
    "regex.template_match",
    "strings.count",
    "time.add_date",
    "time.parse_ns",
    "units.parse",
    "units.parse_bytes",
];

/// Digits of the exponent of a quantity: a float has three.
const EXPONENT_DIGITS_MAX: usize = 3;

#[derive(Debug, thiserror::Error)]
enum BuiltinError {
    #[error("`{0}` has no result for these arguments")]
    NoResult(&'static str),
    #[error("{0}")]
    Raised(String),
}

/// Puts functions that raise an error before those that would be undefined.
pub(super) fn replace(engine: &mut Engine) -> Result<(), String> {
    for name in GUARDED {
        let &(builtin, arity) = BUILTINS.get(name).ok_or_else(|| format!("the engine has no `{name}`"))?;
        let (span, parameters) = nowhere(name, arity)?;
        let raising: Box<dyn Extension> = Box::new(move |arguments: Vec<Value>| {
            if is_beyond(name, &arguments) {
                return Err(BuiltinError::NoResult(name).into());
            }
            match builtin(&span, &parameters, &arguments, true) {
                Ok(Value::Undefined) => Err(BuiltinError::NoResult(name).into()),
                Ok(value) => Ok(value),
                Err(error) => Err(BuiltinError::Raised(sentence(&error.to_string())).into()),
            }
        });
        engine.add_extension(name.to_owned(), arity, raising).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Whether the engine's own code panics at these arguments, or computes a number of as many digits as the exponent says.
fn is_beyond(name: &str, arguments: &[Value]) -> bool {
    let text = |index: usize| arguments.get(index).and_then(|argument| argument.as_string().ok());
    match name {
        "object.subset" => arguments.get(1).and_then(|part| part.as_array().ok()).is_some_and(|part| part.is_empty()),
        "strings.count" => text(1).is_some_and(|searched| searched.is_empty()),
        "time.parse_ns" => text(0).is_some_and(|layout| !layout.is_ascii()),
        "units.parse" | "units.parse_bytes" => text(0).is_some_and(|quantity| has_long_exponent(quantity)),
        _ => false,
    }
}

fn has_long_exponent(quantity: &str) -> bool {
    quantity.split(['e', 'E']).skip(1).any(|rest| {
        let digits = rest.trim_start_matches(['+', '-']).bytes().take_while(u8::is_ascii_digit).count();
        digits > EXPONENT_DIGITS_MAX
    })
}

/// What a builtin says of its arguments, without the place, which is no true one.
fn sentence(rendered: &str) -> String {
    let line = rendered.lines().find_map(|line| line.trim().strip_prefix("error: "));
    line.unwrap_or(rendered).to_owned()
}

/// A place for a builtin's messages, and as many parameters: it is called by value, and the engine adds the true place.
fn nowhere(name: &str, arity: u8) -> Result<(Span, Vec<Ref<Expr>>), String> {
    let limit = NonZeroUsize::MIN.saturating_add(name.len());
    let source = Source::from_contents_with_limits(name.to_owned(), name.to_owned(), limit, limit);
    let source = source.map_err(|error| error.to_string())?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let parameter = || Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
    Ok((span.clone(), (0..arity).map(|_| parameter()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(expression: &str, is_replaced: bool) -> Result<Value, String> {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(true);
        engine.add_policy("p.rego".to_owned(), format!("package p\nv := {expression}\n")).unwrap();
        if is_replaced {
            replace(&mut engine).unwrap();
        }
        engine.eval_rule("data.p.v".to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_engine_leaves_undefined_is_an_error() {
        for expression in [
            "array.slice([1], 0.5, 1)",
            "json.patch({}, [{\"op\": \"remove\", \"path\": \"/a\"}])",
            "regex.replace(\"a\", \"(\", \"b\")",
            "regex.template_match(\"}a{\", \"a\", \"{\", \"}\")",
            // The 29th of February, and the year after.
            "time.add_date(1835395200000000000, 1, 0, 0)",
            "units.parse(\"5parsecs\")",
            "units.parse_bytes(\"5parsecs\")",
        ] {
            assert_eq!(value(expression, false).unwrap(), Value::Undefined, "{expression}: no need to replace it");
            let error = value(expression, true).unwrap_err();
            assert!(error.contains("has no result for these arguments") && error.contains("p.rego:2:"), "{error}");
        }
    }

    #[test]
    fn what_would_stop_the_engine_is_an_error() {
        for expression in [
            "object.subset([1], [])",
            "strings.count(\"a\", \"\")",
            "time.parse_ns(\"é\", \"2026\")",
            "units.parse(\"1e999999999\")",
            "units.parse_bytes(\"1E+99999MB\")",
        ] {
            let error = value(expression, true).unwrap_err();
            assert!(error.contains("has no result for these arguments"), "{error}");
        }
    }

    #[test]
    fn what_raises_an_error_raises_the_same() {
        for expression in ["json.patch({}, 1)", "array.slice(1, 1, 1)", "units.parse(\"a b\")"] {
            let (ours, theirs) = (value(expression, true).unwrap_err(), value(expression, false).unwrap_err());
            assert_eq!(ours.lines().last(), theirs.lines().last(), "{expression}");
            assert_eq!(ours.matches("--> ").count(), 1, "{ours}");
        }
    }

    #[test]
    fn what_has_a_result_has_the_same() {
        for expression in [
            "array.slice([1, 2, 3], 1, 2)",
            "[bits.and(6, 3), bits.or(6, 3), bits.xor(6, 3), bits.negate(1), bits.lsh(1, 4), bits.rsh(16, 2)]",
            "json.patch({}, [{\"op\": \"add\", \"path\": \"/a\", \"value\": 1}])",
            "regex.replace(\"abc\", \"(b)\", \"[$1]\")",
            "regex.template_match(\"a{.*}\", \"abc\", \"{\", \"}\")",
            "[object.subset([1, 2], [2]), object.subset({1}, set()), strings.count(\"aba\", \"a\")]",
            "[time.add_date(0, 1, 2, 3), time.parse_ns(\"2006-01-02\", \"2026-01-01\")]",
            "[units.parse(\"5K\"), units.parse_bytes(\"5KiB\"), units.parse(\"1.5e3\"), units.parse(\"12E\")]",
            "[x | x := units.parse(input.absent)]",
        ] {
            assert_eq!(value(expression, true).unwrap(), value(expression, false).unwrap(), "{expression}");
        }
    }
}
