//! Every known trap of the policy engine, set in a bundle: modelgate refuses the bundle or the release, and says where.
//!
//! What works as in OPA is in `tests/conformance/`, beside what does not and is refused here.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array};
use serde_json::Value;

use crate::common::{Ran, Sandbox, floats, integers, parquet, strings};
use crate::policies::{DRIFT, with_policies};

/// A bundle with `rules` below those of a control.
fn with_rules(rules: &str) -> Sandbox {
    with_policies(|sandbox| sandbox.write(DRIFT, format!("{}\n{rules}\n", sandbox.read(DRIFT))))
}

/// Lines of a control before what [`with_rules`] adds.
fn lines_before(sandbox: &Sandbox, rules: &str) -> usize {
    sandbox.read(DRIFT).lines().count() - rules.lines().count()
}

/// A problem that a bundle with `rules` is refused for.
struct Refusal<'a> {
    rules: &'a str,
    code: &'a str,
    message: &'a str,
    /// Line in `rules`, and column.
    place: (usize, usize),
    hint: &'a str,
}

impl Refusal<'_> {
    #[track_caller]
    fn check(&self) {
        let sandbox = with_rules(self.rules);
        let line = lines_before(&sandbox, self.rules) + self.place.0;
        let said = format!("error[{}]: {}\n  --> {DRIFT}:{line}:{}\n", self.code, self.message, self.place.1);
        let hint = format!("hint: {}", self.hint);
        let says = [said.as_str(), hint.as_str()];
        sandbox.run("policy check policies").expect(2).says(&says);
        sandbox.run("check release --policies policies").expect(2).says(&says).says(&["nothing was decided"]);
    }
}

#[track_caller]
fn refused(rules: &str, code: &str, message: &str, place: (usize, usize), hint: &str) {
    Refusal { rules, code, message, place, hint }.check();
}

/// Checks the release of a sandbox with its policies.
fn check(sandbox: &Sandbox, code: i32) -> Value {
    sandbox.run("check release --policies policies --output json").expect(code).json()
}

#[track_caller]
fn outcome<'a>(report: &'a Value, control: &str) -> &'a Value {
    report["outcomes"].as_array().unwrap().iter().find(|outcome| outcome["control"] == control).unwrap()
}

/// What `policy check` says of a bundle that is changed by `change`, which it refuses.
#[track_caller]
fn refused_bundle(change: impl FnOnce(&Sandbox)) -> Ran {
    with_policies(change).run("policy check policies").expect(2)
}

#[test]
fn syntax_that_is_newer_than_the_engine() {
    refused(
        "x := $\"{1}\"",
        "policy-syntax",
        "invalid character",
        (1, 6),
        "the engine has no template strings: write `sprintf(\"… %v\", [value])`",
    );
    refused(
        "x := $`{1}`",
        "policy-syntax",
        "invalid character",
        (1, 6),
        "the engine has no template strings: write `sprintf(\"… %v\", [value])`",
    );
    refused(
        "x if 1 == 1 and 2 == 2",
        "policy-syntax",
        "rule must have a body or assignment",
        (1, 13),
        "there is no `and`: write each condition on a line of its own, all of them must hold",
    );
    refused(
        "x if 1 == 1 or 2 == 2",
        "policy-syntax",
        "rule must have a body or assignment",
        (1, 13),
        "there is no `or`: write one rule for each alternative",
    );
    refused(
        "x := input.version with input as {}",
        "policy-syntax",
        "unexpected keyword `with`",
        (1, 20),
        "`with` ends a statement of a body: write `name := value if value := … with … as …`",
    );
}

#[test]
fn metadata_that_the_engine_would_not_read() {
    let without = |from: &'static str, to: &'static str| refused_bundle(move |sandbox| sandbox.edit(DRIFT, from, to));
    without("# title: Somebody", "# title: [Somebody").says(&["error[yaml-syntax]: ", &format!("--> {DRIFT}:")]);
    without("# title:", "# titel:").says(&[
        "error[unknown-key]: unknown key `titel`",
        &format!("--> {DRIFT}:2:3"),
        "hint: did you mean `title`?",
    ]);
    without("# METADATA\n", "").says(&[
        "error[no-metadata]: the control has no METADATA block above its package",
        &format!("--> {DRIFT}:1:1"),
    ]);
    without("waivable: true", "waivable: yes").says(&[
        "error[wrong-type]",
        &format!("--> {DRIFT}:8:15"),
        "hint: write `true` or `false`",
    ]);
}

/// OPA's functions that the engine does not have, with their numbers of arguments, and a part of what to write instead.
const MISSING: [(&str, usize, &str); 51] = [
    ("array.flatten", 1, "some part in parts"),
    ("crypto.hmac.equal", 2, "digests of artifacts"),
    ("crypto.hmac.md5", 2, "digests of artifacts"),
    ("crypto.hmac.sha1", 2, "digests of artifacts"),
    ("crypto.hmac.sha256", 2, "digests of artifacts"),
    ("crypto.hmac.sha512", 2, "digests of artifacts"),
    ("crypto.md5", 1, "digests of artifacts"),
    ("crypto.parse_private_keys", 1, "digests of artifacts"),
    ("crypto.sha1", 1, "digests of artifacts"),
    ("crypto.sha256", 1, "digests of artifacts"),
    ("crypto.x509.parse_and_verify_certificates", 1, "digests of artifacts"),
    ("crypto.x509.parse_and_verify_certificates_with_options", 2, "digests of artifacts"),
    ("crypto.x509.parse_certificate_request", 1, "digests of artifacts"),
    ("crypto.x509.parse_certificates", 1, "digests of artifacts"),
    ("crypto.x509.parse_keypair", 2, "digests of artifacts"),
    ("crypto.x509.parse_rsa_private_key", 1, "digests of artifacts"),
    ("graphql.is_valid", 2, "GraphQL"),
    ("graphql.parse", 2, "GraphQL"),
    ("graphql.parse_and_verify", 2, "GraphQL"),
    ("graphql.parse_query", 1, "GraphQL"),
    ("graphql.parse_schema", 1, "GraphQL"),
    ("graphql.schema_is_valid", 1, "GraphQL"),
    ("io.jwt.decode", 1, "verified before policies run"),
    ("io.jwt.decode_verify", 2, "verified before policies run"),
    ("io.jwt.encode_sign", 3, "verified before policies run"),
    ("io.jwt.encode_sign_raw", 3, "verified before policies run"),
    ("io.jwt.verify_eddsa", 2, "verified before policies run"),
    ("io.jwt.verify_es256", 2, "verified before policies run"),
    ("io.jwt.verify_es384", 2, "verified before policies run"),
    ("io.jwt.verify_es512", 2, "verified before policies run"),
    ("io.jwt.verify_hs256", 2, "verified before policies run"),
    ("io.jwt.verify_hs384", 2, "verified before policies run"),
    ("io.jwt.verify_hs512", 2, "verified before policies run"),
    ("io.jwt.verify_ps256", 2, "verified before policies run"),
    ("io.jwt.verify_ps384", 2, "verified before policies run"),
    ("io.jwt.verify_ps512", 2, "verified before policies run"),
    ("io.jwt.verify_rs256", 2, "verified before policies run"),
    ("io.jwt.verify_rs384", 2, "verified before policies run"),
    ("io.jwt.verify_rs512", 2, "verified before policies run"),
    ("net.cidr_contains_matches", 2, "ask `net.cidr_contains`"),
    ("net.cidr_intersects", 2, "`net.cidr_contains` holds one way or the other"),
    ("net.cidr_merge", 1, "ask `net.cidr_contains` of each"),
    ("net.lookup_ip_addr", 1, "without a network"),
    ("providers.aws.sign_req", 3, "without a network"),
    ("rego.metadata.chain", 0, "modelgate adds it"),
    ("rego.metadata.rule", 0, "modelgate adds it"),
    ("rego.parse_module", 2, "define it in the bundle"),
    ("strings.render_template", 2, "write `sprintf"),
    ("strings.split_n", 3, "write `split`"),
    ("uri.is_valid", 1, "write `regex.match`"),
    ("uri.parse", 1, "`regex.find_all_string_submatch_n`"),
];

/// Where no line reaches them: the engine would find none of them.
#[test]
fn functions_that_the_engine_does_not_have() {
    let mut rules = String::new();
    for (name, arguments, _) in MISSING {
        let arguments = vec!["\"\""; arguments].join(", ");
        writeln!(rules, "violation contains {name}({arguments}) if input.model.name == \"never\"").unwrap();
    }
    let sandbox = with_rules(rules.trim_end());
    let first = lines_before(&sandbox, rules.trim_end()) + 1;
    let stderr = sandbox.run("policy check policies").expect(2).says(&["nothing was decided: 51 problems"]).stderr;
    for (line, (name, _, instead)) in (first..).zip(MISSING) {
        let place = format!("  --> {DRIFT}:{line}:20\n");
        let (before, after) = stderr.split_once(&place).unwrap_or_else(|| panic!("{name}: no {place}"));
        assert!(before.trim_end().lines().last().unwrap().contains(&format!("`{name}`")), "{name}: {before}");
        let hint = after.lines().find(|line| line.starts_with("hint: ")).unwrap();
        assert!(hint.contains(instead), "{name}: {hint}");
    }
}

#[test]
fn functions_that_reach_outside_or_stop_the_engine() {
    let network = "a decision rests on the facts alone, so that it can be replayed without a network";
    let replay = "a decision must come out the same when it is replayed";
    for (call, name, hint) in [
        ("http.send({\"method\": \"get\", \"url\": \"http://localhost\"})", "http.send", network),
        ("opa.runtime()", "opa.runtime", "a decision may not depend on the machine that it is made on"),
        ("rand.intn(\"x\", 9)", "rand.intn", replay),
        ("uuid.rfc4122(\"x\")", "uuid.rfc4122", replay),
        ("uuid.parse(\"x\")", "uuid.parse", replay),
        (
            "regex.template_match(\"urn:{.*}\", \"x\", \"{\", \"}\")",
            "regex.template_match",
            "the engine stops at a text that is shorter than the template: write `regex.match`",
        ),
    ] {
        let message = format!("`{name}` may not be called by a policy");
        refused(&format!("x := {call}"), "forbidden-function", &message, (1, 6), hint);
    }
    // Nor as what stands in for another function.
    refused(
        "x if abs(1) == 1 with abs as http.send",
        "forbidden-function",
        "`http.send` may not be called by a policy",
        (1, 30),
        network,
    );
}

#[test]
fn a_function_that_is_misspelt_on_a_line_that_nothing_reaches() {
    refused(
        "x if {\n\tinput.model.name == \"never\"\n\tcuont([]) == 0\n}",
        "unknown-function",
        "there is no function `cuont`",
        (3, 2),
        "did you mean `count`?",
    );
    refused("x := abs(1, 2, 3)", "wrong-arity", "`abs` takes 1 argument, and is given 3", (1, 6), "give it 1 argument");
}

#[test]
fn formats_that_the_engine_writes_otherwise() {
    let safe = "the safe verbs are `%s`, `%v`, `%d`, `%05d`, `%x`, `%q`, `%.2f` and `%%`; a number that may be negative is `%v`";
    for (verb, value, meant) in [
        ("%5.2f", "1.5", "write `%.2f`: "),
        ("%e", "1.5", "write `%.2f`: "),
        ("%g", "1.5", "write `%.2f`: "),
        ("%.2g", "1.5", "write `%.2f`: "),
        ("%f", "1", "write `%.2f`: "),
        ("%t", "true", "write `%v`: "),
        ("%T", "1", "write `%v`: "),
        ("%#v", "1", "write `%v`: "),
        ("%-8s", "\"a\"", "write `%s`: "),
        ("%8s", "\"a\"", "write `%s`: "),
        ("%+d", "1", "write `%d`: "),
        ("%c", "1", ""),
    ] {
        let rules = format!("x := sprintf(\"é {verb}\", [{value}])");
        let message = format!("`sprintf` does not write `{verb}` as OPA does");
        refused(&rules, "unsafe-format", &message, (1, 14), &format!("{meant}{safe}"));
    }
    let counts = "give one value for each verb; a percent sign is `%%`";
    for (arguments, message) in [
        ("\"%d of %d\", [1]", "the format has 2 verbs, and is given 1 value"),
        ("\"%d\", [1, 2]", "the format has 1 verb, and is given 2 values"),
        ("`none`, [1]", "the format has no verbs, and is given 1 value"),
    ] {
        refused(&format!("x := sprintf({arguments})"), "unsafe-format", message, (1, 14), counts);
    }
    let fine = "x := sprintf(\"%s %v %d %05d %.4f %.0f %x %q 5 %%\", [\"a\", [1], 1, 2, 0.5, 0.5, 255, \"b\"])";
    with_rules(fine).run("policy check policies").expect(0);
}

#[test]
fn declarations_that_do_something_else_than_they_say() {
    refused(
        "default limits[\"high\"] := 30",
        "default-in-bracket",
        "the default of a rule with brackets in its name is ignored",
        (1, 9),
        "give the default to a rule with a plain name",
    );
    let twice = "default x := 1\n\ndefault x := 2";
    let first = format!("{DRIFT}:{}:9", lines_before(&with_rules(twice), twice) + 1);
    refused(
        twice,
        "duplicate-default",
        &format!("`x` has a second default, which is ignored: the first is at {first}"),
        (3, 9),
        "keep one of the two",
    );
    refused(
        "helper if {\n\tx > 1\n}",
        "invalid-policy",
        "use of undefined variable `x` is unsafe",
        (2, 5),
        "all files of the bundle are analysed together",
    );
}

/// Puts `imports` below the package of a control.
fn with_imports(imports: &str, rules: &str) -> Ran {
    let package = "package modelgate.controls.monitoring.drift\n";
    refused_bundle(|sandbox| {
        sandbox.edit(DRIFT, package, &format!("{package}\n{imports}\n"));
        sandbox.write(DRIFT, format!("{}\n{rules}\n", sandbox.read(DRIFT)));
    })
}

#[test]
fn imports_that_mislead() {
    let both = "import data.modelgate.lib.metric\nimport data.modelgate.lib.text as metric";
    with_imports(both, "x := metric.words(\"a b\")").says(&[
        &format!(
            "error[duplicate-import]: `metric` is imported twice: the first is at {DRIFT}:13:8\n  --> {DRIFT}:14:35\n"
        ),
        "hint: keep one of the two, or give it another name with `as`",
    ]);
    let twice = "import data.modelgate.lib.text\nimport data.modelgate.lib.text";
    with_imports(twice, "x := text.words(\"a b\")").says(&[&format!(
        "error[policy-syntax]: import shadows following import defined earlier\n  --> {DRIFT}:14:1\n"
    )]);
    with_imports("import data.modelgate.lib.text", "x := 1").says(&[
        &format!("error[unused-import]: `text` is imported and never used\n  --> {DRIFT}:13:8\n"),
        "hint: remove the import, or use it where it was meant",
    ]);
    with_imports("import data.modelgate.lib.txet", "x := txet.words(\"\")").says(&[
        &format!("error[unknown-data-path]: the bundle defines no `data.modelgate.lib.txet`\n  --> {DRIFT}:13:27\n"),
        "hint: did you mean `text`?",
    ]);
}

#[test]
fn variables_that_are_never_used() {
    let hint = "write `_` if only being there counts, or use it where it was meant";
    for (rules, name, place) in [
        ("x if {\n\tsome signal in input.monitoring.signals\n\tinput.model.name == \"a\"\n}", "signal", (2, 7)),
        ("x if {\n\tsome i, signal in input.monitoring.signals\n\tsignal.kind == \"fairness\"\n}", "i", (2, 7)),
        ("x if {\n\tsome i\n\tinput.version == 1\n}", "i", (2, 7)),
        ("x := [1 | some y in [1]]", "y", (1, 16)),
    ] {
        let message = format!("the variable `{name}` is declared and never used");
        refused(rules, "unused-variable", &message, place, hint);
    }
}

/// The engine evaluates them until the stack is used up, and the program ends.
#[test]
fn functions_that_call_themselves() {
    let hint = "go through the values with `some … in …`, or with `walk` where they nest";
    for rules in ["f(x) := f(x + 1)", "f(x) := [g(x)][0]\n\ng(x) := 1 + data.modelgate.controls.monitoring.drift.f(x)"]
    {
        refused(rules, "recursive-function", "the function `f` calls itself", (1, 1), hint);
    }
    with_rules("f(x) := g(x)\n\ng(x) := x\n\nh(x) := f(f(x))").run("policy check policies").expect(0);
}

/// To the engine, `not xs[_] == 1` holds if any is not 1, and does not hold if there is none: OPA refuses it.
#[test]
fn negations_of_what_is_not_bound() {
    let hint = "write a rule, or `every … in … { … }`, that says for which values it must hold";
    for (rules, name, place) in [
        ("x if not input.evaluations[_].name == \"a\"", "_", (1, 28)),
        ("x if not input.evaluations[i].name == \"a\"", "i", (1, 28)),
        ("x if {\n\tsome i\n\tnot input.evaluations[i].name == \"a\"\n}", "i", (3, 24)),
    ] {
        let message = format!("`not` goes through the values of `{name}`, and holds if any of them does not");
        refused(rules, "unsafe-negation", &message, place, hint);
    }
    let bound = "x contains i if {\n\tinput.evaluations[i].threshold\n\tnot input.evaluations[i].name == \"a\"\n\tnot count([1 | input.artifacts[_]]) == 0\n}";
    with_rules(bound).run("policy check policies").expect(0);
}

#[test]
fn names_that_are_those_of_rules() {
    refused(
        "x contains i if {\n\tsome i\n\tinput.evaluations[i].threshold == 0.5\n}\n\ni := 99",
        "shadowed-rule",
        "the variable `i` has the name of a rule",
        (2, 7),
        "give the variable another name",
    );
    with_imports("import data.modelgate.lib.text", "text := 1").says(&[
        &format!("error[shadowed-rule]: the import `text` has the name of a rule\n  --> {DRIFT}:13:8\n"),
        "hint: give the import another name with `as`",
    ]);
}

#[test]
fn facts_that_are_misspelt() {
    refused(
        "x if input.modl.name == \"a\"",
        "unknown-input-path",
        "the facts have no `input.modl`",
        (1, 12),
        "did you mean `model`?",
    );
    refused(
        "x if {\n\tsome evaluation in input.evaluations\n\tevaluation.metrics.roc_acu.value < 0.9\n}",
        "unknown-input-path",
        "the facts have no `input.evaluations[_].metrics.roc_acu`",
        (3, 21),
        "did you mean `roc_auc`?",
    );
    refused(
        "x if input.intake.exposure == \"pubilc\"",
        "unknown-value",
        "`input.intake.exposure` is never `pubilc`",
        (1, 31),
        "did you mean `public`?",
    );
}

#[test]
fn data_that_would_shadow_a_rule() {
    let shadow = r#"{"violation": []}"#;
    for path in ["modelgate/controls/monitoring/drift.json", "data.json", "controls/monitoring/drift/data.json"] {
        refused_bundle(|sandbox| sandbox.write(&format!("policies/{path}"), shadow)).says(&[
            &format!("error[data-clash]: the data file `{path}` is outside `data/`\n  --> policies/{path}:1:1\n"),
            "hint: move it below `data/`, where policies see it as `data.bundle.…`: elsewhere it could replace a rule",
        ]);
    }
    refused_bundle(|sandbox| {
        sandbox.write("policies/data/limits.yaml", "least: 1\n");
        sandbox.write("policies/data/limits/least.json", "2");
    })
    .says(&["error[data-clash]", "lands where other data is already"]);
    refused_bundle(|sandbox| sandbox.write("policies/lib/bundle.rego", "package bundle.limits\n\nleast := 0\n"))
        .says(&["error[reserved-package]: package `bundle.limits` is under `bundle`, where data is mounted"]);
    // Written like the right package, and another.
    refused_bundle(|sandbox| {
        sandbox.edit(DRIFT, "modelgate.controls.monitoring.drift", "modelgate[\"controls.monitoring\"].drift")
    })
    .says(&["error[wrong-package]", &format!("--> {DRIFT}:11:1")]);
}

#[test]
fn data_files_that_say_two_things() {
    let data = |name: &'static str, text: &str| {
        let text = text.to_owned();
        refused_bundle(move |sandbox| sandbox.write(&format!("policies/data/{name}"), text))
    };
    data("limits.json", "{\"least\": 0.9,\n \"least\": 0.1}\n").says(&[
        "error[duplicate-key]: the key `least` occurs twice; the first is in line 1\n  --> policies/data/limits.json:2:2\n",
        "hint: keep one of them",
    ]);
    data("limits.json", "{\"least\": 12345678901234567890123}").says(&[
        "error[yaml-number]: the integer `12345678901234567890123` is beyond 64 bits\n  --> policies/data/limits.json:1:11\n",
    ]);
    data("limits.json", "{\"least\": 1e999}").says(&["error[yaml-number]", "beyond the range of numbers"]);
    data("limits.yaml", "least: .nan\n").says(&["error[yaml-number]: `.nan` is not a finite number"]);
    data("limits.json", "{\"least\": NaN}\n{}").says(&["policies/data/limits.json:"]);
    data("limits.yaml", "1: one\n").says(&[
        "error[yaml-key]: a key is the number `1`, and keys are strings\n  --> policies/data/limits.yaml:1:1\n",
        "hint: quote it to make it a string",
    ]);
    data("deep.json", &format!("{}1{}", "[".repeat(200), "]".repeat(200)))
        .says(&["error[document-too-deep]: values nest more than 32 deep\n  --> policies/data/deep.json:1:33\n"]);
    data("aliases.yaml", "a: &a [1]\nb: *a\n").says(&["error[yaml-alias]", "policies/data/aliases.yaml:1:4"]);
}

#[test]
fn sources_that_keep_the_parser_busy() {
    let long = format!("x := \"{}\"", "a".repeat(1100));
    refused(
        &long,
        "policy-syntax",
        "line exceeds maximum column width of 1024",
        (1, 7),
        "break the line: the engine reads at most 1024 characters in one",
    );
    let deep = format!("x := {}1{}", "[".repeat(40), "]".repeat(40));
    refused(
        &deep,
        "policy-too-deep",
        "brackets nest deeper than 12",
        (1, 1),
        "give parts of the value names of their own",
    );
    let chain = format!("x := 1{}", "\n\t+ 1".repeat(400));
    refused(
        &chain,
        "too-deep",
        "the expression has too many parts to be checked",
        (1, 6),
        "give parts of it names of their own",
    );
    refused_bundle(|sandbox| {
        sandbox.write(DRIFT, format!("{}{}", sandbox.read(DRIFT), "# a comment\n".repeat(20_001)))
    })
    .says(&[&format!("error[policy-syntax]: {DRIFT} exceeds maximum allowed line count 20000\n  --> {DRIFT}:1:1\n")]);
    refused_bundle(|sandbox| sandbox.write(DRIFT, format!("{}{}", sandbox.read(DRIFT), "# a\n".repeat(1 << 18))))
        .says(&[&format!("error[file-too-large]: `{DRIFT}` is larger than 1048576 bytes")]);
}

#[test]
fn every_mistake_is_told_at_once() {
    refused_bundle(|sandbox| {
        sandbox.write(DRIFT, format!("{}\nx := $\"a\"\n", sandbox.read(DRIFT)));
        let other = "policies/controls/monitoring/service/service.rego";
        sandbox.write(other, format!("{}\nx := (\n", sandbox.read(other)));
        sandbox.write("policies/data/limits.yaml", "a: 1\na: 2\n");
    })
    .says(&["drift.rego:30:6", "service.rego:", "limits.yaml:2:1", "nothing was decided: 3 problems"]);
}

#[test]
fn a_control_without_the_rule_that_is_asked_for() {
    for (name, code, hint) in [
        ("violations", "near-miss-rule-name", "did you mean `violation`?"),
        ("deny", "near-miss-rule-name", "did you mean `violation`?"),
        ("anything", "no-violation-rule", "without `violation contains finding if …` it could never fail"),
    ] {
        refused_bundle(|sandbox| sandbox.edit(DRIFT, "violation contains", &format!("{name} contains"))).says(&[
            &format!("error[{code}]: `MON-001` has "),
            &format!("--> {DRIFT}:1:1"),
            &format!("hint: {hint}"),
        ]);
    }
    // A tier says how many controls it runs at least; a bundle may have more of them than that.
    refused_bundle(|sandbox| std::fs::remove_dir_all(sandbox.path("policies/controls/monitoring")).unwrap())
        .says(&["error[too-few-controls]: the tier `high` runs ", "policies/tiers/high.yaml:6:"]);
}

/// Rules that a control has instead of its own, and the reason of the error that it comes to.
#[test]
fn what_goes_wrong_while_a_control_runs_denies() {
    let finding = "finding := {\"subject\": \"a\", \"message\": \"m\"}";
    let place = "policies/controls/monitoring/drift/drift.rego:13:";
    for (condition, reason) in [
        // Undefined in OPA: a violation that is not there.
        ("to_number(input.model.name) > 1", "could not parse string as number"),
        ("not to_number(input.model.name)", "could not parse string as number"),
        ("1 / count([]) > 1", "divide by zero"),
        // Undefined in the engine, even where errors are to be raised.
        ("regex.replace(input.model.name, \"(\", \"\") == \"\"", "`regex.replace` has no result"),
        ("json.patch(input, [{\"op\": \"remove\", \"path\": \"/a\"}]) == {}", "`json.patch` has no result"),
        ("units.parse_bytes(\"5parsecs\") > 1", "`units.parse_bytes` has no result"),
        // Where the engine's own code panics, or does not come to an end.
        ("object.subset([1], []) == true", "`object.subset` has no result"),
        ("strings.count(input.model.name, \"\") > 1", "`strings.count` has no result"),
        ("time.parse_ns(\"é\", input.model.name) > 1", "`time.parse_ns` has no result"),
        ("units.parse(\"1e999999999\") > 1", "`units.parse` has no result"),
        ("time.add_date(1835395200000000000, 1, 0, 0) < time.now_ns()", "`time.add_date` has no result"),
        ("sum([input.model.name]) > 1", "sum"),
        ("input.model.name + 1 > 1", "expects numeric argument"),
        ("sprintf(concat(\"\", [\"%\", \"d\"]), [1.5]) == \"1\"", "verb"),
        ("regex.match(input.model.name, \"(\") == regex.match(\"(\", input.model.name)", "regex"),
    ] {
        let sandbox = with_policies(|sandbox| {
            let text = sandbox.read(DRIFT);
            let head = text.split("# A condition").next().unwrap();
            sandbox.write(DRIFT, format!("{head}violation contains finding if {{ {condition}; {finding} }}\n"));
        });
        let report = check(&sandbox, 1);
        assert_eq!(report["decision"], "deny", "{condition}");
        let outcome = outcome(&report, "MON-001");
        assert_eq!(outcome["result"], "error", "{condition}");
        let said = outcome["reasons"][0].as_str().unwrap();
        assert!(said.starts_with(place) && said.contains(reason), "{condition}: {said}");
    }
}

#[test]
fn rules_that_conflict_or_go_in_circles_deny() {
    let head = |sandbox: &Sandbox| sandbox.read(DRIFT).split("# A condition").next().unwrap().to_owned();
    for (rules, reason) in [
        (
            "violation contains {\"subject\": \"a\", \"message\": m}\n\nm := \"b\" if input.version == 1\n\nm := \"c\" if input.model.name != \"\"\n",
            "rule conflicts with rule at",
        ),
        ("violation contains {\"subject\": \"a\", \"message\": m}\n\nm := concat(\"\", [n])\n\nn := m\n", "recursion"),
    ] {
        let sandbox = with_policies(|sandbox| sandbox.write(DRIFT, head(sandbox) + rules));
        let report = check(&sandbox, 1);
        let outcome = outcome(&report, "MON-001");
        assert_eq!(outcome["result"], "error");
        assert!(outcome["reasons"][0].as_str().unwrap().contains(reason), "{outcome}");
    }
}

#[test]
fn evaluations_without_an_end_deny_in_time() {
    for (condition, reason) in [
        (
            "some a in numbers.range(1, 9999)\n\tsome b in numbers.range(1, 9999)\n\tsome c in numbers.range(1, 9999)\n\ta * b * c < 0\n",
            "the time limit of 5000 ms is exceeded",
        ),
        // No builtin looks at the clock.
        ("count(sprintf(\"%d\", [bits.lsh(1, 40000000)])) == 0\n", "the time limit of 5000 ms is exceeded"),
        ("count(numbers.range(0, 30000000)) == 0\n", "a range of more than 1000000 elements is over the limit"),
    ] {
        let sandbox = with_policies(|sandbox| sandbox.edit(DRIFT, "not watched\n", condition));
        let report = check(&sandbox, 1);
        let outcome = outcome(&report, "MON-001");
        assert_eq!(outcome["result"], "error", "{condition}");
        assert!(outcome["reasons"][0].as_str().unwrap().contains(reason), "{condition}: {outcome}");
    }
}

/// A release whose evaluation has these labels and scores.
fn evaluated(labels: Vec<Option<i64>>, scores: ArrayRef) -> Sandbox {
    let rows = labels.len();
    let text = |value| strings(vec![Some(value); rows]);
    let ids = (1_i64..).take(rows).map(Some).collect();
    let columns = vec![
        ("id", integers(ids)),
        ("default", integers(labels)),
        ("probability", scores),
        ("sex", text("female")),
        ("age_band", text("26-40")),
        ("housing", text("own")),
    ];
    let sandbox = Sandbox::with("approved");
    sandbox.write("release/data/holdout.parquet", parquet(columns));
    sandbox
}

/// Rego holds `null > 0.1` and `"0.5" < 0.9` for false: an upper or a lower bound that is met.
#[test]
fn a_metric_without_a_value_meets_no_bound() {
    let release = evaluated(vec![Some(0); 4], floats(vec![Some(0.1), Some(0.2), Some(0.3), Some(0.4)]));
    let facts = release.run("facts release").expect(0).json();
    assert_eq!(facts["evaluations"][0]["metrics"]["roc_auc"]["value"], Value::Null);
    let report = release.run("check release --output json").expect(1).json();
    let judged = outcome(&report, "VAL-003");
    assert_eq!(judged["result"], "fail");
    assert!(judged["findings"][0]["message"].as_str().unwrap().starts_with("roc_auc has no value: "), "{judged}");

    // Nor does an evaluation without rows.
    let release = evaluated(vec![], floats(vec![]));
    release.run("check release").expect(3).says(&["error[no-rows]", "could not evaluate the release"]);
}

#[test]
fn scores_that_are_no_numbers_are_no_rows() {
    let scores = floats(vec![Some(f64::NAN), Some(f64::INFINITY), None, Some(0.4)]);
    let release = evaluated(vec![Some(0), Some(1), Some(1), Some(0)], scores);
    let report = release.run("check release --output json").expect(1).json();
    let rows = outcome(&report, "VAL-001");
    assert_eq!(rows["result"], "fail");
    let messages: Vec<_> =
        rows["findings"].as_array().unwrap().iter().map(|finding| finding["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        [
            "1 of 4 rows can be evaluated",
            "1 of 4 rows have no score or prediction",
            "2 of 4 rows have a score or prediction that is NaN or infinite"
        ]
    );
}

/// 0.7 as a float32 is 0.699999988: it widens, is not rounded, and so is below a threshold of 0.7.
#[test]
fn scores_of_half_the_width_are_what_they_are() {
    let recall = |scores: ArrayRef| {
        let release = evaluated(vec![Some(0), Some(1)], scores);
        release.edit("release/modelgate.yaml", "threshold: 0.5", "threshold: 0.7");
        let facts = release.run("facts release").expect(0).json();
        facts["evaluations"][0]["metrics"]["recall"]["value"].as_f64().unwrap()
    };
    assert_eq!(recall(floats(vec![Some(0.1), Some(0.7)])).to_bits(), 1.0_f64.to_bits());
    assert_eq!(recall(Arc::new(Float32Array::from(vec![Some(0.1), Some(0.7)]))).to_bits(), 0.0_f64.to_bits());
}

/// A condition about what is not there does not hold, and the violation with it: `needs` comes before it.
#[test]
fn a_section_that_is_missing_is_no_pass() {
    let sandbox = with_policies(|sandbox| {
        let text = sandbox.read("release/modelgate.yaml");
        let (before, after) = text.split_once("monitoring:\n").unwrap();
        sandbox.write("release/modelgate.yaml", format!("{before}{}", &after[after.find("change:").unwrap()..]));
        let rule = "violation contains {\"subject\": \"a\", \"message\": \"m\"} if input.monitoring.signals[0].kind == \"fairness\"\n";
        let head = sandbox.read(DRIFT).split("# A condition").next().unwrap().to_owned();
        sandbox.write(DRIFT, head + rule);
    });
    let report = check(&sandbox, 1);
    let judged = outcome(&report, "MON-001");
    assert_eq!(judged["result"], "fail");
    assert!(judged["findings"][0]["message"].as_str().unwrap().ends_with("(`monitoring`)"), "{judged}");
}

#[test]
fn the_clock_is_the_effective_time_and_tests_may_set_it() {
    let sandbox = with_policies(|sandbox| {
        sandbox.edit(DRIFT, "not watched\n", "time.now_ns() > time.parse_rfc3339_ns(\"2030-06-01T00:00:00Z\")\n");
    });
    let at = |time: &str, code| {
        let command = format!("check release --policies policies --output json --effective-time {time}");
        outcome(&sandbox.run(&command).expect(code).json(), "MON-001")["result"].clone()
    };
    assert_eq!(at("2030-06-01", 0), "pass");
    assert_eq!(at("2030-06-02", 1), "fail");
    sandbox.run("check release --effective-time 2020-01-01").expect(2).says(&["is in the past"]);

    let test = "policies/controls/monitoring/drift/drift_test.rego";
    let body = |time: &str, findings: usize| {
        format!(
            "package modelgate.controls.monitoring.drift_test\n\nimport data.modelgate.controls.monitoring.drift\n\n\
             test_clock if {{\n\tfound := drift.violation with input as {{\"monitoring\": {{\"signals\": []}}}}\n\
             \t\twith time.now_ns as time.parse_rfc3339_ns(\"{time}T00:00:00Z\")\n\tcount(found) == {findings}\n}}\n"
        )
    };
    sandbox.write(test, body("2031-01-01", 1));
    sandbox.run("policy test policies").expect(0);
    sandbox.write(test, body("2029-01-01", 1));
    let ran = sandbox.run("policy test policies").expect(1);
    assert!(ran.stdout.contains("FAIL data.modelgate.controls.monitoring.drift_test.test_clock"), "{}", ran.stdout);
}

#[test]
fn what_a_policy_prints_is_no_part_of_the_report() {
    let sandbox = with_rules(
        "violation contains finding if {\n\tprint(\"seen\", input.model.name)\n\ttrace(\"seen\")\n\tsome finding in []\n}",
    );
    let report = check(&sandbox, 0);
    assert_eq!(outcome(&report, "MON-001")["result"], "pass");
}
