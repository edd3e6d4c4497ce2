//! Plain scalars by the YAML 1.2 core schema: `no` and `on` are words, not Booleans.

use serde_json::{Number, Value};

use super::cut;

/// The value of a scalar; `plain` is one without quotes.
pub(super) fn resolve(text: &str, plain: bool) -> Result<Value, String> {
    if !plain {
        return Ok(Value::String(text.to_owned()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(format!("`{text}` is not a finite number"));
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return integer(text, text.strip_prefix('+').unwrap_or(text), 10);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            return integer(text, digits, radix);
        }
    }
    if is_float(unsigned) {
        let number = text.parse::<f64>().ok().and_then(Number::from_f64);
        return number.map(Value::Number).ok_or_else(|| format!("`{}` is beyond the range of numbers", cut(text)));
    }
    Ok(Value::String(text.to_owned()))
}

/// An integer that does not fit becomes no float: it would be another number.
fn integer(text: &str, digits: &str, radix: u32) -> Result<Value, String> {
    let signed = i64::from_str_radix(digits, radix).map(Number::from);
    let number = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Number::from));
    number.map(Value::Number).map_err(|_| format!("the integer `{}` is beyond 64 bits", cut(text)))
}

/// `[0-9]* ( \. [0-9]* )? ( [eE] [-+]? [0-9]+ )?` with at least one digit before the exponent.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digit = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    has_digit && digits(whole) && digits(fraction) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_core_schema() {
        for (text, value) in [
            ("~", json!(null)),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("007", json!(7)),
            ("-12", json!(-12)),
            ("+3", json!(3)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("1.4.0", json!("1.4.0")),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("2026-11-23", json!("2026-11-23")),
        ] {
            assert_eq!(resolve(text, true), Ok(value), "{text}");
            assert_eq!(resolve(text, false), Ok(json!(text)), "quoted {text}");
        }
        for text in [".inf", "-.inf", ".nan", "1e999", "18446744073709551616", "-9223372036854775809"] {
            assert!(resolve(text, true).is_err(), "{text}");
        }
    }
}
