//! Numbers and values as a person reads them.

use serde_json::Value;

/// Digits that are shown: more is noise beside any interval of a few thousand rows.
const SIGNIFICANT_DIGITS: usize = 4;

/// Digits that tell any two floating-point numbers apart.
const MOST_SIGNIFICANT_DIGITS: usize = 17;

/// Items of a list that are shown.
const MAX_ITEMS: usize = 8;

/// Levels of nesting that are written out; deeper ones stay JSON.
const MAX_DEPTH: usize = 3;

/// `value` with four significant digits, trailing zeros included, so that columns line up.
pub(super) fn metric(value: f64) -> String {
    rounded(value, SIGNIFICANT_DIGITS)
}

fn rounded(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..15.0).contains(&magnitude) {
        return format!("{value:.precision$e}", precision = digits.saturating_sub(1));
    }
    // Between -5 and 14, so the conversion is exact.
    #[expect(clippy::cast_possible_truncation, reason = "the range was just checked")]
    let before_the_point = magnitude as i64 + 1;
    let decimals = usize::try_from(i64::try_from(digits).unwrap_or(i64::MAX).saturating_sub(before_the_point));
    format!("{value:.precision$}", precision = decimals.unwrap_or(0))
}

/// `value` with `digits` significant digits and without trailing zeros.
fn short(value: f64, digits: usize) -> String {
    let text = rounded(value, digits);
    if text.contains('e') || !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A count with its thousands apart.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `count` and its noun: `1 control`, `2 controls`.
pub(super) fn plural(count: usize, singular: &str, plural: &str) -> String {
    format!("{count} {}", if count == 1 { singular } else { plural })
}

/// Two numbers with as many digits as tell them apart.
///
/// A claim of 0.65 and a recomputed 0.649996 would otherwise read as the same, and the report would
/// contradict itself.
pub(super) fn numbers_apart(left: f64, right: f64) -> (String, String) {
    let mut digits = SIGNIFICANT_DIGITS;
    loop {
        let texts = (short(left, digits), short(right, digits));
        if texts.0 != texts.1 || digits == MOST_SIGNIFICANT_DIGITS {
            return if left.to_bits() == right.to_bits() {
                (short(left, SIGNIFICANT_DIGITS), short(right, SIGNIFICANT_DIGITS))
            } else {
                texts
            };
        }
        digits += 1;
    }
}

/// What was observed and what was expected, for a person; `None` where the value is null.
///
/// As in [`numbers_apart`], an observed number is never rounded to one that is expected.
pub(super) fn observed_and_expected(observed: &Value, expected: &Value) -> (Option<String>, Option<String>) {
    let written = |value: &Value, digits| (!value.is_null()).then(|| text(value, digits, 0));
    let mut digits = SIGNIFICANT_DIGITS;
    loop {
        let texts = (written(observed, digits), written(expected, digits));
        let ambiguous = match (&texts.0, &texts.1) {
            (Some(observed), Some(expected)) => observed == expected || contains_word(expected, observed),
            _ => false,
        };
        if !ambiguous {
            return texts;
        }
        if digits == MOST_SIGNIFICANT_DIGITS {
            return (written(observed, SIGNIFICANT_DIGITS), written(expected, SIGNIFICANT_DIGITS));
        }
        digits += 1;
    }
}

fn contains_word(text: &str, word: &str) -> bool {
    text.split(|character: char| character.is_whitespace() || matches!(character, ',' | ';' | '(' | ')' | '[' | ']'))
        .any(|part| part == word)
}

fn text(value: &Value, digits: usize, depth: usize) -> String {
    if depth >= MAX_DEPTH {
        return value.to_string();
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or_else(|| number.to_string(), |value| short(value, digits))
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => list(items.iter().map(|item| text(item, digits, depth + 1)), items.len()),
        Value::Object(map) => {
            list(map.iter().map(|(key, value)| format!("{key} {}", text(value, digits, depth + 1))), map.len())
        }
    }
}

fn list(items: impl Iterator<Item = String>, length: usize) -> String {
    if length == 0 {
        return "none".to_owned();
    }
    let mut parts: Vec<String> = items.take(MAX_ITEMS).collect();
    if length > MAX_ITEMS {
        parts.push(format!("and {} more", length - MAX_ITEMS));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn four_significant_digits() {
        for (value, expected) in [
            (0.612_345, "0.6123"),
            (0.65, "0.6500"),
            (0.001_234_56, "0.001235"),
            (12.345_6, "12.35"),
            (123_456.7, "123457"),
            (1.0, "1.000"),
            (0.0, "0"),
            (-0.25, "-0.2500"),
            (1e-9, "1.000e-9"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(metric(value), expected, "{value}");
        }
    }

    #[test]
    fn thousands_are_apart() {
        for (value, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(value), expected);
        }
    }

    #[test]
    fn a_number_that_misses_its_floor_never_reads_as_the_floor() {
        let pair = |observed, expected| {
            let (observed, expected) = observed_and_expected(&observed, &expected);
            (observed.unwrap(), expected.unwrap())
        };
        let owned = |left: &str, right: &str| (left.to_owned(), right.to_owned());
        assert_eq!(pair(json!(0.61234567), json!(0.65)), owned("0.6123", "0.65"));
        assert_eq!(pair(json!(0.649_999), json!(0.65)), owned("0.649999", "0.65"));
        assert_eq!(pair(json!(0.649_999), json!("at least 0.65")), owned("0.649999", "at least 0.65"));
        assert_eq!(pair(json!(0.649_999), json!({"minimum": 0.65})), owned("0.649999", "minimum 0.65"));
        assert_eq!(pair(json!(0.65), json!(0.65)), owned("0.65", "0.65"));
        assert_eq!(numbers_apart(0.65, 0.649_996), owned("0.65", "0.649996"));
        assert_eq!(numbers_apart(0.612_345_678, 0.612_345_678), owned("0.6123", "0.6123"));
    }

    #[test]
    fn values_are_written_for_a_person() {
        let written = |value| observed_and_expected(&value, &Value::Null);
        assert_eq!(written(json!(null)), (None, None));
        assert_eq!(written(json!([])).0.unwrap(), "none");
        assert_eq!(written(json!({"a": 1, "b": [true, ""]})).0.unwrap(), "a 1, b true, (empty)");
        assert_eq!(written(json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).0.unwrap(), "1, 2, 3, 4, 5, 6, 7, 8, and 2 more");
    }
}
