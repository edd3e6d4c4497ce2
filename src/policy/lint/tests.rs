use regorus::Engine;

use super::*;
use crate::problem::Location;

/// One file of policies.
#[derive(Debug, Clone, Copy)]
struct RegoFile<'a> {
    /// Its path, as problems should name it. `…_test.rego` are tests.
    path: &'a str,
    /// What is in it.
    source: &'a str,
}

/// Every problem with `files`, sorted by place.
fn check(files: &[RegoFile<'_>], context: &LintContext<'_>) -> Vec<Problem> {
    let mut engine = Engine::new();
    let mut problems = Vec::new();
    for file in files {
        if let Err(error) = engine.add_policy(file.path.to_owned(), file.source.to_owned()) {
            problems.push(unparsable(file, &error.to_string()));
        }
    }
    problems.extend(check_modules(engine.get_modules().iter().map(|module| &**module), context));
    problems.sort_by(|left, right| (&left.location, left.code).cmp(&(&right.location, right.code)));
    problems
}

/// A file that the engine does not take. Its message holds the place as `--> file:line:column`.
fn unparsable(file: &RegoFile<'_>, message: &str) -> Problem {
    let place = message.split_once("--> ").and_then(|(_, rest)| {
        let (line, column) = rest.strip_prefix(file.path)?.strip_prefix(':')?.lines().next()?.split_once(':')?;
        Some((line.parse::<u64>().ok()?, column.parse::<u64>().ok()?))
    });
    let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let summary = format!("the engine does not read this as Rego: {reason}");
    let problem = Problem::new("unparsable-rego", summary);
    let (line, column) = place.unwrap_or((1, 1));
    let problem = problem.at(Location { file: file.path.to_owned(), line, column });
    let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let source_line = file.source.lines().nth(index).unwrap_or_default();
    match explain_syntax_error(source_line, message) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

const CONTROL: &str = "controls/validation/discrimination/discrimination.rego";
const CONTROL_TEST: &str = "controls/validation/discrimination/discrimination_test.rego";
const CONTROL_PACKAGE: &str = "package modelgate.controls.validation.discrimination";
const LIBRARY: RegoFile<'static> = RegoFile {
    path: "lib/metrics.rego",
    source: "package modelgate.lib.metrics\n\nat_least(metric, minimum) if metric.value >= minimum\n\nnames := {\"roc_auc\"}\n",
};

/// `file:line:column: code: message (hint: …)` for each problem.
fn lint(files: &[RegoFile<'_>]) -> Vec<String> {
    let schema = serde_json::to_value(schemars::schema_for!(crate::facts::Facts)).unwrap();
    let control = "modelgate.controls.validation.discrimination".to_owned();
    let parameters = BTreeMap::from([(control, BTreeSet::from(["minimum".to_owned()]))]);
    let context = LintContext {
        facts_schema: &schema,
        declared_parameters: &parameters,
        reserved_roots: &["parameters", "bundle"],
    };
    let show = |problem: &Problem| {
        let location = problem.location.as_ref().map(ToString::to_string).unwrap_or_default();
        let hint = problem.hint.as_deref().unwrap_or("none");
        format!("{location}: {}: {} (hint: {hint})", problem.code, problem.message)
    };
    check(files, &context).iter().map(show).collect()
}

/// The problems of a control with `body`, whose first line is line 4, with the library beside it. Its
/// parameter is read. Paths are left out.
fn lint_control(body: &str) -> Vec<String> {
    let source = format!(
        "{CONTROL_PACKAGE}\n\nimport data.modelgate.lib.metrics\n{body}\n\nfloor_of_tests := data.parameters.minimum\n\n\
         names_of_tests := metrics.names\n"
    );
    let problems = lint(&[RegoFile { path: CONTROL, source: &source }, LIBRARY]);
    problems.into_iter().map(|problem| problem.replace(&format!("{CONTROL}:"), "")).collect()
}

fn lint_test(body: &str) -> Vec<String> {
    let control = format!("{CONTROL_PACKAGE}\n\nviolation contains data.parameters.minimum\n");
    let test = format!("{CONTROL_PACKAGE}_test\n\n{body}\n");
    let problems =
        lint(&[RegoFile { path: CONTROL, source: &control }, RegoFile { path: CONTROL_TEST, source: &test }, LIBRARY]);
    problems.into_iter().map(|problem| problem.replace(&format!("{CONTROL_TEST}:"), "")).collect()
}

/// What a policy author writes, in all its forms: nothing to report.
const CLEAN: &str = r#"
violation contains finding if {
	some index, evaluation in input.evaluations
	metric := evaluation.metrics.roc_auc
	not metrics.at_least(metric, data.parameters.minimum)
	evaluation.classes.favourable == "positive"
	finding := {
		"subject": sprintf("%s[%d]", [evaluation.name, index]),
		"message": concat(" ", ["too low", metric.reason]),
		"observed": object.get(metric, "value", null),
		"expected": format_floor(data.parameters.minimum),
	}
}

violation contains {"subject": artifact.path, "message": risk.message} if {
	artifact := input.artifacts[_]
	artifact.role in {"model", "preprocessor"}
	some risk in artifact.risks
	risk.severity != null
}

violation contains {"subject": signal.name, "message": "x"} if {
	some signal in input.monitoring.signals
	signal.kind in ["data-drift", "performance"]
	every slice in input.evaluations[0].slices {
		slice.metrics["recall"].interval.low > 0.5
	}
	count([section | some section in input.card.sections; section.kind == "limitations"]) > 0
	input.card.front_matter.anything.at["all"][_].is == "open"
	"personal" in input.intake.data_classes
	walk(input.change, [_, value])
	value == "anything"
}

not_applicable contains "no one is affected" if input["intake"].people_affected_per_year == 0

format_floor(value) := sprintf("at least %v", [value]) if is_number(value)

format_floor(evaluation) := evaluation.anything if not is_number(evaluation)

kinds := {kind: names |
	some kind in {"data-drift", "safety"}
	names := {signal.name | some signal in input.monitoring.signals; signal.kind == kind}
}

limits := data.bundle.limits.by_team[input.model.owner]

everything := {name: metric | some name, metric in input.evaluations[_].metrics; name in metrics.names}

deadline := time.parse_rfc3339_ns("2026-01-01T00:00:00Z") + time.now_ns()

debugged if {
	print("seen", 1, [2])
	trace("here")
}
"#;

#[test]
fn nothing_is_reported_of_a_clean_control() {
    assert_eq!(lint_control(CLEAN), [""; 0]);
}

#[test]
fn unknown_functions_are_found_wherever_they_are_called() {
    for (body, expected) in [
        (
            "violation contains lowercase(\"A\")",
            "4:20: unknown-function: there is no function `lowercase` (hint: did you mean `lower`?)",
        ),
        (
            "x := [y | y := startwith(\"ab\", \"a\")]",
            "4:16: unknown-function: there is no function `startwith` (hint: did you mean `startswith`?)",
        ),
        (
            "x if {\n\tinput.change\n\tnot metrics.at_lest(1, 2)\n}",
            "6:6: unknown-function: there is no function `metrics.at_lest` (hint: did you mean `metrics.at_least`?)",
        ),
        (
            "x if data.modelgate.lib.metrics.atleast(1, 2)",
            "4:6: unknown-function: there is no function `data.modelgate.lib.metrics.atleast` \
             (hint: did you mean `data.modelgate.lib.metrics.at_least`?)",
        ),
        (
            "x if {\n\tevery y in [1] { crypto.sha256(y) == \"\" }\n}",
            "5:19: unknown-function: there is no function `crypto.sha256` \
             (hint: the engine has no cryptography: the digests of artifacts are in the facts)",
        ),
        (
            "f(x) := own(x)\nowm(x) := x",
            "4:9: unknown-function: there is no function `own` (hint: did you mean `owm`?)",
        ),
        (
            "x := y()\ny := 1",
            "4:6: unknown-function: there is no function `y` \
             (hint: `y` is a rule and not a function: write it without parentheses)",
        ),
        (
            "x := rego.metadata.rule()",
            "4:6: unknown-function: there is no function `rego.metadata.rule` \
             (hint: the engine does not read METADATA: a finding needs no metadata, modelgate adds it)",
        ),
        (
            "x := {\"é\": io.jwt.decode(\"\")}",
            "4:12: unknown-function: there is no function `io.jwt.decode` \
             (hint: the engine reads no tokens: who signed and who approved is verified before policies run)",
        ),
    ] {
        assert_eq!(lint_control(body), [expected], "{body}");
    }
}

#[test]
fn calls_take_as_many_arguments_as_the_function() {
    assert_eq!(
        lint_control("x if metrics.at_least(1)"),
        ["4:6: wrong-arity: `metrics.at_least` takes 2 arguments, and is given 1 (hint: give it 2 arguments)"]
    );
    assert_eq!(
        lint_control("x := count([1], 1) + time.now_ns(1) + one(1, 2)\none(y) := y"),
        [
            "4:6: wrong-arity: `count` takes 1 argument, and is given 2 (hint: give it 1 argument)",
            "4:22: wrong-arity: `time.now_ns` takes no arguments, and is given 1 (hint: give it no arguments)",
            "4:39: wrong-arity: `one` takes 1 argument, and is given 2 (hint: give it 1 argument)",
        ]
    );
    assert_eq!(lint_control("x := number if { count([1], number); number == 1 }"), [""; 0]);
}

#[test]
fn functions_that_reach_outside_are_forbidden_and_may_be_defined() {
    assert_eq!(
        lint_control("x := rand.intn(\"a\", 5)\ny := http.send({})"),
        [
            "4:6: forbidden-function: `rand.intn` may not be called by a policy \
             (hint: a decision must come out the same when it is replayed)",
            "5:6: forbidden-function: `http.send` may not be called by a policy (hint: a decision rests on the facts \
             alone, so that it can be replayed without a network)",
        ]
    );
    assert_eq!(lint_control("x := opa(1)\nopa(y) := y\nz := uuid\nuuid := 4"), [""; 0]);
    assert_eq!(
        lint_control("x if input.change with count as uuid.rfc4122 with time.now_ns as 7"),
        ["4:33: forbidden-function: `uuid.rfc4122` may not be called by a policy \
          (hint: a decision must come out the same when it is replayed)"]
    );
}

#[test]
fn tests_are_checked_for_calls_and_data_and_may_make_up_their_input() {
    let body = "test_it if {\n\tx := data.modelgate.controls.validation.discrimination.violation with input as {\"modl\": 1} \
                with data.parameters as {\"minimum\": 1} with data.parameters.minimum as 2\n\tx[_] == input.anything\n}";
    assert_eq!(lint_test(body), [""; 0]);
    assert_eq!(
        lint_test(
            "test_it if {\n\tdata.modelgate.controls.validation.discrimination.violatoin with data.parameters.minimun as 1\n}"
        ),
        [
            "4:52: unknown-data-path: the bundle defines no `data.modelgate.controls.validation.discrimination.violatoin` \
             (hint: did you mean `violation`?)",
            "4:83: undeclared-parameter: the control declares no parameter `minimun` (hint: did you mean `minimum`?)",
        ]
    );
    assert_eq!(
        lint_test(
            "test_it if {\n\tcont([]) == 0 with tim.now_ns as 1 with data.modelgate.lib.metrics.at_least as true\n}"
        ),
        [
            "4:2: unknown-function: there is no function `cont` (hint: did you mean `count`?)",
            "4:21: unknown-function: there is no function `tim.now_ns` (hint: did you mean `time.now_ns`?)",
        ]
    );
}

#[test]
fn unknown_input_paths_are_found_directly_and_through_variables() {
    for (body, expected) in [
        (
            "x := input.evalutions",
            "4:12: unknown-input-path: the facts have no `input.evalutions` (hint: did you mean `evaluations`?)",
        ),
        (
            "x := input.evaluations[_].metrics[\"roc_acu\"].value",
            "4:35: unknown-input-path: the facts have no `input.evaluations[_].metrics.roc_acu` \
             (hint: did you mean `roc_auc`?)",
        ),
        (
            "x if {\n\tsome signal in input.monitoring.signals\n\tsignal.knd == 1\n}",
            "6:9: unknown-input-path: the facts have no `input.monitoring.signals[_].knd` (hint: did you mean `kind`?)",
        ),
        (
            "x if {\n\tall := input.evaluations\n\tsome _, one in all\n\tmetric = one.metrics[\"f1\"]\n\tmetric.intervall\n}",
            "8:9: unknown-input-path: the facts have no `input.evaluations[_].metrics.f1.intervall` \
             (hint: did you mean `interval`?)",
        ),
        (
            "x := {s | some e in input.evaluations; some s in e.slices; s.metric}",
            "4:62: unknown-input-path: the facts have no `input.evaluations[_].slices[_].metric` \
             (hint: did you mean `metrics`?)",
        ),
        (
            "x if {\n\tevery s in input.evaluations[0].slices { s.colum == 1 }\n}",
            "5:45: unknown-input-path: the facts have no `input.evaluations[_].slices[_].colum` \
             (hint: did you mean `column`?)",
        ),
        (
            "x := y.nam if y := input.model",
            "4:8: unknown-input-path: the facts have no `input.model.nam` (hint: did you mean `name`?)",
        ),
        (
            "x := 1 if input.change\nelse := y.nam if y := input.model",
            "5:11: unknown-input-path: the facts have no `input.model.nam` (hint: did you mean `name`?)",
        ),
        (
            "x := input.evaluations.metrics",
            "4:24: unknown-input-path: the facts have no `input.evaluations.metrics` \
             (hint: `input.evaluations` is an array: go through it with `some … in input.evaluations`)",
        ),
        (
            "x := input.model.name.first",
            "4:23: unknown-input-path: the facts have no `input.model.name.first` \
             (hint: `input.model.name` is a plain value without parts)",
        ),
        (
            "x := input.monitoring.zzz",
            "4:23: unknown-input-path: the facts have no `input.monitoring.zzz` \
             (hint: `input.monitoring` has `files`, `inactive`, `retraining_triggers` or `signals`)",
        ),
        (
            "x if not input.modle.name",
            "4:16: unknown-input-path: the facts have no `input.modle` (hint: did you mean `model`?)",
        ),
    ] {
        assert_eq!(lint_control(body), [expected], "{body}");
    }
}

#[test]
fn imports_of_input_are_followed() {
    let body = "import input.model as the_model\nimport input.intake\nimport input.crad\nx := the_model.nme\ny := intake.domain\nz := crad.path";
    assert_eq!(
        lint_control(body),
        [
            "6:14: unknown-input-path: the facts have no `input.crad` (hint: did you mean `card`?)",
            "7:16: unknown-input-path: the facts have no `input.model.nme` (hint: did you mean `name`?)",
        ]
    );
}

/// Whatever is not certain is not reported.
#[test]
fn variables_that_may_be_something_else_are_not_followed() {
    for body in [
        "f(model) := model.anything",
        "x if {\n\ty = input.model\n\ty = data.bundle.other\n\ty.anything\n}",
        "x if {\n\tsome y\n\ty := input.model\n\ty := input.card\n\ty.anything\n}",
        "x if {\n\t[y, _] := [input.model, 1]\n\ty.anything\n}",
        "x if {\n\t{\"a\": y} = data.bundle.z\n\ty.anything\n}",
        "x if {\n\ty := object.union(input.model, {})\n\ty.anything\n}",
        "x if {\n\ty := [input.model | true]\n\ty[0].anything\n}",
        "x if {\n\tx0 = x1\n\tx1 = x0\n\tx0.anything\n}",
        "x if {\n\ty := input.model\n\tz := [y.anything | some y in [{\"anything\": 1}]]\n}",
        "x if {\n\ty := metrics.names with input as {}\n\tz := input.anything with input as {}\n\tz.more\n\ty.more\n}",
        "x if {\n\tsome k, _ in input.model\n\tk.anything\n}",
        "model := data.bundle.model\nx := model.anything",
        "x if {\n\tsome metrics in data.bundle.x\n\tmetrics.anything\n}",
        "x := input.card.front_matter[\"any thing\"].at.all",
        "x := input[name].purpose if some name in [\"model\"]",
    ] {
        assert_eq!(lint_control(body), [""; 0], "{body}");
    }
    // A name is followed only where it is visible.
    let body = "x if {\n\ty := input.model\n\tz := [y.name | some y in input.artifacts]\n\ty.pth\n}";
    let expected = [
        "6:10: unknown-input-path: the facts have no `input.artifacts[_].name` (hint: `input.artifacts[_]` has \
         `archive`, `dvc_pointer`, `format`, `gguf`, `lfs_pointer`, `metadata`, `onnx`, `path`, `pickle`, `risks`, \
         `role`, `safetensors`, `sha256` or `size_bytes`)",
        "7:4: unknown-input-path: the facts have no `input.model.pth` (hint: `input.model` has `name`, `owner`, \
         `purpose`, `resource_uri`, `task`, `validator` or `version`)",
    ];
    assert_eq!(lint_control(body), expected);
}

#[test]
fn values_that_the_facts_never_have_are_found() {
    for (body, expected) in [
        (
            "x if {\n\tsome signal in input.monitoring.signals\n\tsignal.kind == \"data-drfit\"\n}",
            "6:17: unknown-value: `input.monitoring.signals[_].kind` is never `data-drfit` \
             (hint: did you mean `data-drift`?)",
        ),
        (
            "x if \"sensitive\" in input.intake.data_classes",
            "4:6: unknown-value: `input.intake.data_classes[_]` is never `sensitive` (hint: `biometric`, `children`, \
             `financial`, `health`, `internal`, `personal`, `public` or `special-category`)",
        ),
        (
            "x if input.intake.exposure in {\"public\", \"pubic\"}",
            "4:42: unknown-value: `input.intake.exposure` is never `pubic` (hint: did you mean `public`?)",
        ),
        (
            "x if input.intake.declared_tier in [\"hihg\"]",
            "4:37: unknown-value: `input.intake.declared_tier` is never `hihg` (hint: did you mean `high`?)",
        ),
        (
            "x if \"medium\" != input.tier.effective",
            "4:6: unknown-value: `input.tier.effective` is never `medium` \
             (hint: `critical`, `high`, `limited` or `minimal`)",
        ),
    ] {
        assert_eq!(lint_control(body), [expected], "{body}");
    }
    for body in [
        "x if input.model.name == \"anything\"",
        "x if input.evaluations[_].classes.positive == \"good\"",
        "x if \"EU\" in input.intake.jurisdictions",
        "x if input.intake.exposure == data.bundle.exposure",
        "x if input.intake.declared_tier == null",
        "x if input.intake.exposure in data.bundle.exposures",
    ] {
        assert_eq!(lint_control(body), [""; 0], "{body}");
    }
}

#[test]
fn tiering_rules_see_the_model_and_the_intake_only() {
    let source = "package modelgate.tiering\n\nreason contains input.intake.domain\n\nreason contains input.evaluations\n\nreason contains input.intak\n";
    assert_eq!(
        lint(&[RegoFile { path: "tiering/tiering.rego", source }]),
        [
            "tiering/tiering.rego:5:23: unknown-input-path: the facts have no `input.evaluations` \
             (hint: tiering rules see only `intake` or `model`)",
            "tiering/tiering.rego:7:23: unknown-input-path: the facts have no `input.intak` \
             (hint: did you mean `intake`?)",
        ]
    );
}

#[test]
fn parameters_are_declared_and_read_by_name() {
    for (body, expected) in [
        (
            "x := data.parameters.minimun",
            "4:22: undeclared-parameter: the control declares no parameter `minimun` (hint: did you mean `minimum`?)",
        ),
        (
            "x := data.parameters[\"other\"]",
            "4:22: undeclared-parameter: the control declares no parameter `other` \
             (hint: declare `other` under `custom.parameters` in METADATA)",
        ),
        (
            "x := [y | some n in [\"minimum\"]; y := data.parameters[n]]",
            "4:39: dynamic-parameter: `data.parameters` is read without the name of a parameter \
             (hint: write `data.parameters.<name>`: `minimum`)",
        ),
        (
            "import data.parameters as given\nx := given.minimum",
            "5:6: other-form-of-parameter: a parameter is read in another form than `data.parameters.<name>` \
             (hint: write `data.parameters.<name>`, without an import and in one piece)",
        ),
        (
            "import data.parameters.minimum\nx := minimum",
            "5:6: other-form-of-parameter: a parameter is read in another form than `data.parameters.<name>` \
             (hint: write `data.parameters.<name>`, without an import and in one piece)",
        ),
        (
            "x := data[\"parameters\"].minimum",
            "4:6: other-form-of-parameter: a parameter is read in another form than `data.parameters.<name>` \
             (hint: write `data.parameters.<name>`, without an import and in one piece)",
        ),
        (
            "x := 1 if 2 > 1 with data.parameters as {}\ny := data.parameters.minimum",
            "4:22: replaced-parameters: a control replaces its parameters by `with` \
             (hint: take the value as an argument of a function)",
        ),
    ] {
        let problems = lint_control(body);
        assert_eq!(problems.last().map(String::as_str), Some(expected), "{body}");
    }
    assert_eq!(lint_control("x := data.parameters[\"minimum\"] + data.parameters.minimum"), [""; 0]);
}

#[test]
fn a_parameter_that_is_only_tested_is_unused() {
    let control = format!("# METADATA\n{CONTROL_PACKAGE}\n\nviolation contains 1 if false\n");
    let test = format!("{CONTROL_PACKAGE}_test\n\ntest_x if data.parameters.minimum == 1\n");
    let files = [RegoFile { path: CONTROL, source: &control }, RegoFile { path: CONTROL_TEST, source: &test }, LIBRARY];
    assert_eq!(
        lint(&files),
        [format!(
            "{CONTROL}:2:1: unused-parameter: parameter `minimum` is declared and never read \
             (hint: read `data.parameters.minimum`, or remove its declaration)"
        )]
    );
}

#[test]
fn a_library_reads_no_parameters() {
    let hint = "only a control's own package may read `data.parameters` \
                (hint: take the value as an argument of the function)";
    for (source, place) in [
        ("package modelgate.lib.x\n\nf(y) := y + data.parameters.minimum\n", "3:13"),
        ("package modelgate.lib.x\n\nimport data.parameters\n\nf(y) := y + parameters.minimum\n", "3:8"),
    ] {
        let problems = lint(&[RegoFile { path: "lib/x.rego", source }]);
        assert_eq!(problems, [format!("lib/x.rego:{place}: parameter-outside-control: {hint}")]);
    }
}

#[test]
fn data_is_read_from_what_the_bundle_defines() {
    for (body, expected) in [
        (
            "x := data.modelgate.lib.metrics.nams",
            "4:33: unknown-data-path: the bundle defines no `data.modelgate.lib.metrics.nams` \
             (hint: did you mean `names`?)",
        ),
        (
            "x := data.modelgate.lib.metric.names",
            "4:25: unknown-data-path: the bundle defines no `data.modelgate.lib.metric` \
             (hint: did you mean `metrics`?)",
        ),
        (
            "x := data.bundel.limits",
            "4:11: unknown-data-path: the bundle defines no `data.bundel` (hint: did you mean `bundle`?)",
        ),
        (
            "x := metrics.nams",
            "4:14: unknown-data-path: the bundle defines no `data.modelgate.lib.metrics.nams` \
             (hint: did you mean `names`?)",
        ),
        (
            "import data.modelgate.lib.zzz\nx := zzz.anything",
            "4:27: unknown-data-path: the bundle defines no `data.modelgate.lib.zzz` \
             (hint: an organisation's own data is under `data.bundle`)",
        ),
    ] {
        assert_eq!(lint_control(body), [expected], "{body}");
    }
    for body in [
        "x := data.modelgate.lib",
        "x := data.modelgate.lib[name].anything if some name in [\"metrics\"]",
        "x := metrics.names[_]",
        "x := data.modelgate.lib.metrics.names.roc_auc",
        "x := data.bundle",
    ] {
        assert_eq!(lint_control(body), [""; 0], "{body}");
    }
}

#[test]
fn packages_keep_out_of_the_reserved_roots() {
    assert_eq!(
        lint(&[RegoFile { path: "lib/x.rego", source: "package bundle.limits\n\nx := 1\n" }]),
        ["lib/x.rego:1:9: reserved-package: package `bundle.limits` is under `bundle`, where data is mounted \
          (hint: choose a package whose first name is not `parameters` or `bundle`)"]
    );
    assert_eq!(lint(&[RegoFile { path: "lib/x.rego", source: "package modelgate.lib.bundle\n" }]), [""; 0]);
}

#[test]
fn a_rule_has_one_default_and_it_counts() {
    let first =
        RegoFile { path: "lib/a.rego", source: "package modelgate.lib.a\n\ndefault x := 1\n\ndefault y := 1\n" };
    let second = RegoFile { path: "lib/b.rego", source: "package modelgate.lib.a\n\ndefault x := 2\n" };
    let other =
        RegoFile { path: "lib/c.rego", source: "package modelgate.lib.c\n\ndefault x := 2\n\ndefault f(_) := 1\n" };
    assert_eq!(
        lint(&[first, second, other]),
        ["lib/b.rego:3:9: duplicate-default: `x` has a second default, which is ignored: the first is at \
          lib/a.rego:3:9 (hint: keep one of the two)"]
    );
    assert_eq!(
        lint_control("default limits[\"high\"] := 1"),
        ["4:9: default-in-bracket: the default of a rule with brackets in its name is ignored \
          (hint: give the default to a rule with a plain name)"]
    );
}

#[test]
fn of_two_imports_with_one_name_the_second_is_refused() {
    assert_eq!(
        lint_control("import data.bundle.a\nimport data.bundle.other as a\nx := a"),
        ["5:29: duplicate-import: `a` is imported twice: the first is at 4:8 \
          (hint: keep one of the two, or give it another name with `as`)"]
    );
    assert_eq!(
        lint_control("import data.bundle.a\nx := 1\na := 2"),
        ["4:8: shadowed-rule: the import `a` has the name of a rule (hint: give the import another name with `as`)"]
    );
}

#[test]
fn what_is_declared_and_not_used_is_found() {
    for (body, expected) in [
        (
            "import data.bundle.limits\nx := 1",
            "4:8: unused-import: `limits` is imported and never used \
             (hint: remove the import, or use it where it was meant)",
        ),
        (
            "x if {\n\tsome i, e in input.evaluations\n\te.name == \"a\"\n}",
            "5:7: unused-variable: the variable `i` is declared and never used \
             (hint: write `_` if only being there counts, or use it where it was meant)",
        ),
    ] {
        assert_eq!(lint_control(body), [expected], "{body}");
    }
    for body in [
        "import data.bundle.limits\nx[limits.a] := 1",
        "import data.bundle.limits\nx := {y | y := input.version with data.bundle.z as limits.f}",
        "import data.modelgate.lib.metrics as m\nx if m.at_least(1, 2)",
        "import data.modelgate.lib.metrics as m\nx if metrics.at_least(1, 2) with m.at_least as true",
        "x contains i if some i, _ in [1]",
        "x if {\n\tsome i\n\tinput.evaluations[i].name == \"a\"\n}",
        "x := [i | some i, y in [1]; y > 0]",
        "x if some {\"a\": y} in [{\"a\": 1}]",
    ] {
        assert_eq!(lint_control(body), [""; 0], "{body}");
    }
}

#[test]
fn formats_are_written_with_the_verbs_that_are_safe() {
    let body = "x := sprintf(\"%8s %t\", [1])\ny := sprintf(`%d`, [])\nz := sprintf(concat(\"\", [\"%t\"]), [1])\nsprintf_of := 1";
    let safe = "the safe verbs are `%s`, `%v`, `%d`, `%05d`, `%x`, `%q`, `%.2f` and `%%`; a number that may be negative is `%v`";
    assert_eq!(
        lint_control(body),
        [
            format!("4:14: unsafe-format: `sprintf` does not write `%8s` as OPA does (hint: write `%s`: {safe})"),
            format!("4:14: unsafe-format: `sprintf` does not write `%t` as OPA does (hint: write `%v`: {safe})"),
            "5:14: unsafe-format: the format has 1 verb, and is given no values \
             (hint: give one value for each verb; a percent sign is `%%`)"
                .to_owned(),
        ]
    );
    // A function of the bundle's own may call its verbs as it likes.
    assert_eq!(lint_control("x := sprintf(\"%t\", 1)\nsprintf(a, b) := concat(a, [b])"), [""; 0]);
}

#[test]
fn a_file_that_does_not_parse_is_a_problem_and_the_others_are_still_checked() {
    let broken = RegoFile { path: "lib/a.rego", source: "package a\n\nx := $\"{y}\"\n" };
    let other = RegoFile { path: "lib/b.rego", source: "package modelgate.lib.b\n\nx := cont([])\n" };
    assert_eq!(
        lint(&[broken, other]),
        [
            "lib/a.rego:3:6: unparsable-rego: the engine does not read this as Rego: invalid character \
             (hint: the engine has no template strings: write `sprintf(\"… %v\", [value])`)",
            "lib/b.rego:3:6: unknown-function: there is no function `cont` (hint: did you mean `count`?)",
        ]
    );
}

#[test]
fn columns_count_characters_and_lines_of_either_ending() {
    let source = "package modelgate.lib.a\r\n\r\nx := `ä\r\nö` == [\"é\", cont([])]\r\n";
    assert_eq!(
        lint(&[RegoFile { path: "lib/a.rego", source }]),
        ["lib/a.rego:4:13: unknown-function: there is no function `cont` (hint: did you mean `count`?)"]
    );
}

#[test]
fn odd_sources_are_problems_and_not_panics() {
    let chain = format!("package a\n\nx := 1{}\n", "\n\t+ 1".repeat(300));
    let deep = format!("package a\n\nx := {}1{}\n", "(".repeat(200), ")".repeat(200));
    let calls = format!("package a\n\nx := {}1{}\n", "count(".repeat(12), ")".repeat(12));
    for (source, code) in [
        ("", Some("unparsable-rego")),
        ("\0", Some("unparsable-rego")),
        ("package", Some("unparsable-rego")),
        ("package a\nx := {", Some("unparsable-rego")),
        ("package a\nx := \"\\ud800\"", None),
        ("package a[\"b.c\"]\n\nx := data.a[\"b.c\"].x", None),
        ("package a\nx := data", None),
        ("package a\nx := data[_]", None),
        ("package a\nx := input", None),
        ("package a\nx := _", None),
        ("package a\nx := [1][0].b.c[input.version]", None),
        ("package a\nimport rego.v1\nimport future.keywords.in\nx := 1", None),
        (&chain, Some("too-deep")),
        (&deep, Some("unparsable-rego")),
        (&calls, None),
    ] {
        let problems = lint(&[RegoFile { path: "a.rego", source }]);
        match code {
            Some(code) => assert!(problems.len() == 1 && problems[0].contains(code), "{source:?}: {problems:?}"),
            None => {
                assert!(problems.iter().all(|problem| problem.contains("unparsable-rego")), "{source:?}: {problems:?}")
            }
        }
    }
    assert_eq!(lint(&[]), [""; 0]);
}
