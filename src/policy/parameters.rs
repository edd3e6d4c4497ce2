//! How a control is given its parameters.
//!
//! A policy reads `data.parameters.<name>`, and each control has its own. In regorus a `with` modifier that
//! replaces `data` costs more than most controls, and new data makes it analyse the whole bundle again. So where
//! policies are evaluated, each control's source says `input.p00000012` instead, which is as long, so that places in
//! errors stay what they are; and the input has the parameters there. The lint sees to it that a control writes
//! its parameters in no other way.

use std::collections::BTreeSet;

/// How policies write the root of their parameters.
pub(super) const WRITTEN: &str = "data.parameters";

/// What the input calls the parameters of control number `number`. As long as [`WRITTEN`], with `input.` before it.
pub(super) fn key(number: usize) -> String {
    format!("p{number:08}")
}

/// Where `source` writes `data.parameters` outside comments and strings, in bytes.
pub(super) fn offsets(source: &str) -> BTreeSet<usize> {
    let mut offsets = BTreeSet::new();
    let bytes = source.as_bytes();
    let is_name = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        at = match byte {
            b'#' => at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
            b'`' => at + 1 + end_of(rest, |byte, _| byte == b'`'),
            b'"' => at + 1 + end_of(rest, |byte, escaped| byte == b'"' && !escaped),
            _ if rest.starts_with(WRITTEN.as_bytes()) => {
                let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                let is_part = is_name(before) || before == Some(&b'.') || is_name(rest.get(WRITTEN.len()));
                if !is_part {
                    offsets.insert(at);
                }
                at + WRITTEN.len()
            }
            _ => at + 1,
        };
    }
    offsets
}

/// Bytes of a string after its opening quote, with the closing one.
fn end_of(string: &[u8], closes: impl Fn(u8, bool) -> bool) -> usize {
    let mut escaped = false;
    for (index, &byte) in string.iter().enumerate().skip(1) {
        if closes(byte, escaped) {
            return index;
        }
        escaped = byte == b'\\' && !escaped;
    }
    string.len()
}

/// `source` with the parameters of control number `number` read from the input.
pub(super) fn moved(source: &str, number: usize) -> String {
    let mut moved = String::with_capacity(source.len());
    let mut from = 0;
    for offset in offsets(source) {
        moved.push_str(source.get(from..offset).unwrap_or_default());
        moved.push_str("input.");
        moved.push_str(&key(number));
        from = offset + WRITTEN.len();
    }
    moved.push_str(source.get(from..).unwrap_or_default());
    moved
}

/// `text` from a moved source as it was written.
pub(super) fn as_written(text: &str, number: usize) -> String {
    text.replace(&format!("input.{}", key(number)), WRITTEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_source_is_as_long_and_moves_back() {
        let source = "package a\n\n# data.parameters.x\nx := data.parameters.x + data.parameters[\"y\"]\n";
        let moved = moved(source, 12);
        assert_eq!(moved, "package a\n\n# data.parameters.x\nx := input.p00000012.x + input.p00000012[\"y\"]\n");
        assert_eq!(moved.len(), source.len());
        assert_eq!(as_written(&moved, 12), source);
    }

    #[test]
    fn strings_and_longer_names_are_left_alone() {
        for (source, expected) in [
            (r#"x := "data.parameters""#, vec![]),
            (r#"x := "a\"data.parameters\\" + data.parameters.y"#, vec![30]),
            ("x := `\\` + data.parameters.y", vec![11]),
            ("x := `a\n\" data.parameters` # \"\ny := data.parameters.z", vec![36]),
            ("x := other_data.parameters.x + a.data.parameters.x + data.parameters_of.x", vec![]),
            ("\"data.parameters", vec![]),
            ("data.parameters", vec![0]),
        ] {
            assert_eq!(offsets(source), BTreeSet::from_iter(expected), "{source}");
        }
    }
}
