//! What `sprintf` is told to write.
//!
//! The engine knows a part of Go's verbs. For others it raises an error when the line is reached, or
//! writes nothing, or something else than OPA does: `%t` of `true` is an empty text. Of the safe verbs, `%d` writes two signs before a negative number.

use regorus::unstable::{Expr, Ref};

use super::ast::{Reference, location, string};
use super::bundle::{Bundle, Names};
use super::functions;
use crate::problem::Problem;

const SAFE_VERBS: &str =
    "the safe verbs are `%s`, `%v`, `%d`, `%05d`, `%x`, `%q`, `%.2f` and `%%`; a number that may be negative is `%v`";

/// The problems with a call of `sprintf` whose format is written in the call. One that is computed is not known here.
pub(super) fn check_call(
    bundle: &Bundle<'_>,
    names: &Names<'_>,
    function: &Expr,
    arguments: &[Ref<Expr>],
) -> Vec<Problem> {
    let path = Reference::of(function).map(|reference| reference.static_names()).unwrap_or_default();
    if path != ["sprintf"] || functions::defined(bundle, names, &path).is_some() {
        return Vec::new();
    }
    let Some((text, span)) = arguments.first().and_then(|format| string(format)) else { return Vec::new() };
    let verbs = verbs(text);
    let unsafe_verb = |verb: &&str| !is_safe(verb);
    let mut problems: Vec<Problem> = verbs.iter().copied().filter(unsafe_verb).map(refused).collect();
    let values = verbs.iter().filter(|verb| **verb != "%%").count();
    if let Some(Expr::Array { items, .. }) = arguments.get(1).map(AsRef::as_ref)
        && items.len() != values
        && problems.is_empty()
    {
        let message =
            format!("the format has {}, and is given {}", counted(values, "verb"), counted(items.len(), "value"));
        problems
            .push(Problem::new("unsafe-format", message).hint("give one value for each verb; a percent sign is `%%`"));
    }
    problems.into_iter().map(|problem| problem.at(location(span))).collect()
}

fn refused(verb: &str) -> Problem {
    let problem = Problem::new("unsafe-format", format!("`sprintf` does not write `{verb}` as OPA does"));
    let meant = match verb.chars().last() {
        Some('e' | 'E' | 'f' | 'F' | 'g' | 'G') => "`%.2f`",
        Some('d') => "`%d`",
        Some('s') => "`%s`",
        Some('t' | 'T' | 'v') => "`%v`",
        Some('%') | None => "`%%`",
        Some(_) => return problem.hint(SAFE_VERBS),
    };
    problem.hint(format!("write {meant}: {SAFE_VERBS}"))
}

/// Every verb of a format, from its `%` to the letter that ends it, as Go reads them.
fn verbs(format: &str) -> Vec<&str> {
    let mut verbs = Vec::new();
    let mut rest = format;
    while let Some((_, from_sign)) = rest.find('%').and_then(|start| rest.split_at_checked(start)) {
        let after_sign = from_sign.get(1..).unwrap_or_default();
        let flags = after_sign.find(|character: char| !is_flag(character)).unwrap_or(after_sign.len());
        let letter = after_sign.get(flags..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8);
        let (verb, tail) =
            from_sign.split_at_checked(flags.saturating_add(letter).saturating_add(1)).unwrap_or((from_sign, ""));
        verbs.push(verb);
        rest = tail;
    }
    verbs
}

/// Flags, width, precision and the number of an argument.
fn is_flag(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '+' | '-' | '#' | ' ' | '.' | '*' | '[' | ']')
}

fn is_safe(verb: &str) -> bool {
    // The engine builds a text as wide as it is told, or stops where the width is too large for it.
    let digits = |text: &str| matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = verb.strip_prefix("%.").and_then(|rest| rest.strip_suffix('f'));
    let zeros = verb.strip_prefix("%0").and_then(|rest| rest.strip_suffix('d'));
    matches!(verb, "%%" | "%s" | "%v" | "%d" | "%x" | "%q") || decimals.is_some_and(digits) || zeros.is_some_and(digits)
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_ends_with_its_letter() {
        assert_eq!(
            verbs("%s of %d: 100 %%, %5.2f|%-8s|%+d %[1]v é%é %"),
            ["%s", "%d", "%%", "%5.2f", "%-8s", "%+d", "%[1]v", "%é", "%"]
        );
        assert_eq!(verbs("nothing"), [""; 0]);
        assert_eq!(verbs("a 95 % interval"), ["% i"]);
    }

    #[test]
    fn the_safe_verbs_are_few() {
        for verb in ["%%", "%s", "%v", "%d", "%x", "%q", "%.0f", "%.4f", "%05d"] {
            assert!(is_safe(verb), "{verb}");
        }
        for verb in [
            "%", "%f", "%5f", "%5.2f", "%.f", "%e", "%g", "%t", "%T", "%8s", "%-8s", "%+d", "%5d", "%0d", "%X", "%o",
            "%c", "%b", "% i", "%.2s", "%.100f", "%0999d",
        ] {
            assert!(!is_safe(verb), "{verb}");
        }
    }
}
