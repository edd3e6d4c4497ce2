//! The functions that the engine has in this build, and those that a policy may not call.

/// Every function of the engine that a policy may call, with the number of its arguments. Sorted.
///
/// It is written down rather than asked of the engine: a dependency that switched on another of the
/// engine's features would otherwise give policies `http.send` without anybody having decided so.
pub(super) const BUILTINS: &[(&str, usize)] = &[
    ("abs", 1),
    ("array.concat", 2),
    ("array.reverse", 1),
    ("array.slice", 3),
    ("base64.decode", 1),
    ("base64.encode", 1),
    ("base64.is_valid", 1),
    ("base64url.decode", 1),
    ("base64url.encode", 1),
    ("base64url.encode_no_pad", 1),
    ("bits.and", 2),
    ("bits.lsh", 2),
    ("bits.negate", 1),
    ("bits.or", 2),
    ("bits.rsh", 2),
    ("bits.xor", 2),
    ("ceil", 1),
    ("concat", 2),
    ("contains", 2),
    ("count", 1),
    ("endswith", 2),
    ("floor", 1),
    ("format_int", 2),
    ("glob.match", 3),
    ("glob.quote_meta", 1),
    ("graph.reachable", 2),
    ("graph.reachable_paths", 2),
    ("hex.decode", 1),
    ("hex.encode", 1),
    ("indexof", 2),
    ("indexof_n", 2),
    ("intersection", 1),
    ("is_array", 1),
    ("is_boolean", 1),
    ("is_null", 1),
    ("is_number", 1),
    ("is_object", 1),
    ("is_set", 1),
    ("is_string", 1),
    ("json.filter", 2),
    ("json.is_valid", 1),
    ("json.marshal", 1),
    ("json.marshal_with_options", 2),
    ("json.match_schema", 2),
    ("json.patch", 2),
    ("json.remove", 2),
    ("json.unmarshal", 1),
    ("json.verify_schema", 1),
    ("lower", 1),
    ("max", 1),
    ("min", 1),
    ("net.cidr_contains", 2),
    ("net.cidr_expand", 1),
    ("net.cidr_is_valid", 1),
    ("numbers.range", 2),
    ("numbers.range_step", 3),
    ("object.filter", 2),
    ("object.get", 3),
    ("object.keys", 1),
    ("object.remove", 2),
    ("object.subset", 2),
    ("object.union", 2),
    ("object.union_n", 1),
    ("product", 1),
    ("regex.find_all_string_submatch_n", 3),
    ("regex.find_n", 3),
    ("regex.is_valid", 1),
    ("regex.match", 2),
    ("regex.replace", 3),
    ("regex.split", 2),
    ("replace", 3),
    ("round", 1),
    ("semver.compare", 2),
    ("semver.is_valid", 1),
    ("sort", 1),
    ("split", 2),
    ("sprintf", 2),
    ("startswith", 2),
    ("strings.any_prefix_match", 2),
    ("strings.any_suffix_match", 2),
    ("strings.count", 2),
    ("strings.replace_n", 2),
    ("strings.reverse", 1),
    ("substring", 3),
    ("sum", 1),
    ("time.add_date", 4),
    ("time.clock", 1),
    ("time.date", 1),
    ("time.diff", 2),
    ("time.format", 1),
    ("time.now_ns", 0),
    ("time.parse_duration_ns", 1),
    ("time.parse_ns", 2),
    ("time.parse_rfc3339_ns", 1),
    ("time.weekday", 1),
    ("to_number", 1),
    ("trace", 1),
    ("trim", 2),
    ("trim_left", 2),
    ("trim_prefix", 2),
    ("trim_right", 2),
    ("trim_space", 1),
    ("trim_suffix", 2),
    ("type_name", 1),
    ("union", 1),
    ("units.parse", 1),
    ("units.parse_bytes", 1),
    ("upper", 1),
    ("urlquery.decode", 1),
    ("urlquery.decode_object", 1),
    ("urlquery.encode", 1),
    ("urlquery.encode_object", 1),
    ("walk", 1),
    ("yaml.is_valid", 1),
    ("yaml.marshal", 1),
    ("yaml.unmarshal", 1),
];

/// Takes any number of arguments.
const PRINT: &str = "print";

/// The number of arguments that a function of the engine takes: `Some(None)` is any number.
pub(super) fn arguments(name: &str) -> Option<Option<usize>> {
    if name == PRINT {
        return Some(None);
    }
    let index = BUILTINS.binary_search_by_key(&name, |&(builtin, _)| builtin).ok()?;
    BUILTINS.get(index).map(|&(_, arguments)| Some(arguments))
}

/// Why a policy may not call `name`, whether or not the engine has it.
pub(super) fn forbidden(name: &str) -> Option<&'static str> {
    match name.split('.').next()? {
        "regex" if name == "regex.template_match" => {
            Some("the engine stops at a text that is shorter than the template: write `regex.match`")
        }
        "http" => Some("a decision rests on the facts alone, so that it can be replayed without a network"),
        "opa" => Some("a decision may not depend on the machine that it is made on"),
        "rand" | "uuid" if name.contains('.') => Some("a decision must come out the same when it is replayed"),
        _ => None,
    }
}

/// What to write instead of OPA's function `name`, which the engine does not have.
pub(super) fn instead(name: &str) -> Option<&'static str> {
    let exact = match name {
        "all" | "any" => "write `every … in … { … }` for all of them, and `some … in …` for any",
        "array.flatten" => "write `[part | some parts in nested; some part in parts]`",
        "cast_array" | "cast_boolean" | "cast_null" | "cast_object" | "cast_set" | "cast_string" => {
            "ask for the type with `is_array`, `is_string`, … and build the value that is wanted"
        }
        "net.cidr_contains_matches" => "go through both with `some … in …` and ask `net.cidr_contains`",
        "net.lookup_ip_addr" | "providers.aws.sign_req" => {
            "a decision rests on the facts alone, so that it can be replayed without a network"
        }
        "net.cidr_merge" => "keep the ranges as they are, and ask `net.cidr_contains` of each",
        "net.cidr_intersects" | "net.cidr_overlap" => {
            "two ranges overlap when `net.cidr_contains` holds one way or the other"
        }
        "re_match" => "write `regex.match`",
        "rego.metadata.chain" | "rego.metadata.rule" => {
            "the engine does not read METADATA: a finding needs no metadata, modelgate adds it"
        }
        "set_diff" => "write `left - right`",
        "strings.render_template" => "write `sprintf(\"… %v\", [value])`",
        "strings.split_n" => "write `split`, and take the parts with `array.slice`",
        "uri.is_valid" => "write `regex.match` with the form that is wanted",
        "uri.parse" => "take the parts with `regex.find_all_string_submatch_n` or `split`",
        _ => "",
    };
    if !exact.is_empty() {
        return Some(exact);
    }
    match name.split_once('.')?.0 {
        "crypto" => Some("the engine has no cryptography: the digests of artifacts are in the facts"),
        "io" if name.starts_with("io.jwt.") => {
            Some("the engine reads no tokens: who signed and who approved is verified before policies run")
        }
        "graphql" => Some("the engine does not read GraphQL: the facts hold none"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the engine says to a rule that calls `name`.
    fn outcome_of_calling(name: &str, arguments: usize) -> Result<(), String> {
        let arguments = vec!["null"; arguments].join(", ");
        let mut engine = regorus::Engine::new();
        engine.set_gather_prints(true);
        engine.add_policy("p.rego".to_owned(), format!("package p\nx := {name}({arguments})\n")).unwrap();
        engine.eval_rule("data.p.x".to_owned()).map(|_| ()).map_err(|error| error.to_string())
    }

    fn is_unknown_to_the_engine(name: &str, arguments: usize) -> bool {
        outcome_of_calling(name, arguments).is_err_and(|error| error.contains("could not find function"))
    }

    #[test]
    fn the_table_is_sorted_and_is_what_the_engine_has() {
        assert!(BUILTINS.is_sorted_by(|left, right| left.0 < right.0));
        let listed: BTreeSet<_> = BUILTINS.iter().copied().collect();
        let engine: BTreeSet<_> = regorus::unstable::BUILTINS
            .iter()
            .map(|(&name, &(_, arguments))| (name, usize::from(arguments)))
            // Two leading underscores: what the operators `&` and `|` are made of.
            .filter(|(name, _)| !name.starts_with("__") && forbidden(name).is_none())
            .collect();
        assert_eq!(listed, engine);
    }

    #[test]
    fn each_listed_function_is_there_and_takes_that_many_arguments() {
        for &(name, arguments) in BUILTINS {
            for given in [arguments, arguments + 1] {
                let error = outcome_of_calling(name, given).err().unwrap_or_default();
                let last_line = error.lines().last().unwrap_or_default();
                assert!(!last_line.contains("could not find function"), "{name}: {last_line}");
                let is_refused = last_line.contains("expects")
                    && last_line.trim_end().ends_with(['t', 's'])
                    && last_line.contains(" argument")
                    && !last_line.contains("Got");
                assert_eq!(is_refused, given != arguments, "{name} with {given} arguments: {last_line}");
            }
        }
        assert!(!is_unknown_to_the_engine(PRINT, 3));
        assert_eq!(arguments(PRINT), Some(None));
    }

    #[test]
    fn what_reaches_outside_is_neither_listed_nor_in_the_engine() {
        for name in ["http.send", "opa.runtime", "uuid.rfc4122", "crypto.sha256", "io.jwt.decode"] {
            assert_eq!(arguments(name), None, "{name}");
            assert!(is_unknown_to_the_engine(name, 1), "{name}");
        }
    }

    /// The engine has `rand.intn` whenever it has `std`; no feature leaves it out.
    #[test]
    fn what_is_not_deterministic_is_forbidden_even_if_the_engine_has_it() {
        assert_eq!(outcome_of_calling("rand.intn", 2).map_err(|error| error.contains("could not find")), Err(false));
        for name in ["rand.intn", "uuid.rfc4122", "uuid.parse", "http.send", "opa.runtime"] {
            assert!(forbidden(name).is_some(), "{name}");
            assert_eq!(arguments(name), None, "{name}");
        }
        for name in ["time.now_ns", "trace", "print", "count", "rand"] {
            assert_eq!(forbidden(name), None, "{name}");
        }
    }
}
