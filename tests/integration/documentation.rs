//! What is written down is what the program does.

use std::fs;

use crate::common::{Sandbox, checkout};

#[test]
fn the_published_schemas_are_the_generated_ones() {
    let sandbox = Sandbox::new();
    for (document, file) in [
        ("manifest", "manifest-v1.schema.json"),
        ("facts", "facts-v1.schema.json"),
        ("decision", "decision-v1.schema.json"),
        ("report", "report-v1.schema.json"),
        ("trust", "trust-v1.schema.json"),
        ("verification", "verification-v1.schema.json"),
        ("replay", "replay-v1.schema.json"),
        ("audit", "audit-v1.schema.json"),
        ("store-runs", "store-runs-v1.schema.json"),
        ("store-run", "store-run-v1.schema.json"),
    ] {
        let generated = sandbox.run(&format!("schema {document}")).expect(0).stdout;
        let path = checkout().join("docs/schema").join(file);
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(published == generated, "write it again: modelgate schema {document} > docs/schema/{file}");
    }
}

#[test]
fn what_the_program_writes_fits_its_schemas() {
    let sandbox = Sandbox::with("denied");
    let schema = |name: &str| {
        let text = fs::read_to_string(checkout().join("docs/schema").join(name)).unwrap();
        jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
    };
    let facts = sandbox.run("facts release").expect(0).json();
    let errors: Vec<_> = schema("facts-v1.schema.json").iter_errors(&facts).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    let report = sandbox.run("check release --output json").expect(1).json();
    let errors: Vec<_> = schema("report-v1.schema.json").iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    let digest = report["evidence"]["recorded"]["decision_sha256"].as_str().unwrap();
    let record = sandbox.read(&format!(".modelgate/store/v1/blobs/sha256/{}/{digest}", &digest[..2]));
    let record = serde_json::from_str(&record).unwrap();
    let errors: Vec<_> =
        schema("decision-v1.schema.json").iter_errors(&record).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn the_readme_shows_the_two_commands_first() {
    let readme = fs::read_to_string(checkout().join("README.md")).unwrap();
    let block = readme.split("```").nth(1).unwrap();
    let commands: Vec<_> = block.lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert_eq!(commands, ["cargo run --release -- check fixtures/credit-scoring/approved", "cargo test --release"]);
}

#[test]
fn the_readme_has_the_exit_codes_that_help_has() {
    let readme = fs::read_to_string(checkout().join("README.md")).unwrap();
    let help = Sandbox::new().run("--help").expect(0).stdout;
    for code in 0..=4 {
        assert!(readme.contains(&format!("| {code} |")), "exit code {code} is not in the README");
        assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} is not in --help:\n{help}");
    }
}

#[test]
fn the_action_passes_every_input_by_the_environment() {
    let text = fs::read_to_string(checkout().join("action.yml")).unwrap();
    for (number, line) in text.lines().enumerate() {
        let runs = line.trim_start().starts_with("run:");
        assert!(!(runs && line.contains("${{")), "action.yml:{}: an expression inside a script", number + 1);
    }
    // Every input is used, and every variable that the step is given is one that the program reads.
    let environment = fs::read_to_string(checkout().join("src/environment.rs")).unwrap();
    let inputs = text.split("\noutputs:").next().unwrap().lines();
    for input in inputs.filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':')) {
        let name = input.trim().trim_end_matches(':');
        assert!(text.contains(&format!("inputs.{name}")), "the input {name} is not used");
    }
    let scripts = ["install.sh", "key.sh"].map(|name| checkout().join(".github/action").join(name));
    let scripts = scripts.map(|script| fs::read_to_string(script).unwrap()).concat();
    let variables = text.lines().map(str::trim).filter_map(|line| line.split_once(": ${{")).map(|(name, _)| name);
    for variable in variables.filter(|name| name.starts_with("MODELGATE_") && *name != "MODELGATE_ACTION_BINARY") {
        let read_by_script = scripts.contains(&format!("{{{variable}")) || scripts.contains(&format!("${variable}"));
        assert!(read_by_script || environment.contains(&format!("\"{variable}\"")), "{variable} is not read");
    }
}

#[test]
fn completions_are_for_real_shells() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(sandbox.run(&format!("completions {shell}")).expect(0).stdout.contains("modelgate"), "{shell}");
    }
}
