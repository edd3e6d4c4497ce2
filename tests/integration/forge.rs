//! Publishing with the real binary, on a forge on loopback.

#[allow(dead_code, clippy::indexing_slicing, reason = "the library's own tests use the rest of it")]
#[path = "../../src/forge/server.rs"]
mod server;

use serde_json::json;

use self::server::{BOT, Fault, HEAD, Server};
use crate::common::{Ran, Sandbox};

/// A job of GitHub Actions for a pull request.
struct Job {
    sandbox: Sandbox,
    server: Server,
    key: String,
    run: &'static str,
}

impl Job {
    fn new(release: &str) -> Self {
        let sandbox = Sandbox::with(release);
        // In CI a release has to be one.
        sandbox.commit();
        sandbox.run("keygen key.pem").expect(0);
        let key = sandbox.read("key.pem");
        sandbox.write("event.json", event("bank/credit"));
        Self { sandbox, server: Server::new(), key, run: "77" }
    }

    fn run_with(&self, arguments: &str, more: &[(&str, &str)]) -> Ran {
        let (event, workspace) = (self.sandbox.path("event.json"), self.sandbox.path("."));
        let mut variables = vec![
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", self.server.url.as_str()),
            ("GITHUB_REPOSITORY", "bank/credit"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_RUN_ID", self.run),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_WORKSPACE", workspace.to_str().unwrap()),
            ("GITHUB_TOKEN", "t0ken"),
            ("MODELGATE_SIGNING_KEY", self.key.as_str()),
        ];
        variables.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        variables.extend_from_slice(more);
        let ran = self.sandbox.run_with(&arguments.split_whitespace().collect::<Vec<_>>(), &variables);
        assert!(!ran.stdout.contains("t0ken") && !ran.stderr.contains("t0ken"), "{ran:?}");
        ran
    }

    fn run(&self, arguments: &str) -> Ran {
        self.run_with(arguments, &[])
    }
}

fn event(head: &str) -> String {
    json!({"pull_request": {"number": 7, "head": {"sha": HEAD, "repo": {"full_name": head}}}}).to_string()
}

const CHECK: &str = "check release --effective-time 2999-01-01 --publish";

#[test]
fn a_denial_is_on_the_pull_request_and_a_second_run_writes_nothing() {
    let job = Job::new("denied");
    let all = format!("{CHECK} --commit-status --check-run");
    job.run(&all).expect(1);
    let writes = job.server.with(|state| {
        let (_, author, body) = &state.comments[0];
        assert_eq!(author, BOT);
        assert!(body.starts_with("<!-- modelgate:v1 key=modelgate:release/modelgate.yaml sha="), "{body}");
        assert!(
            body.contains("## ❌ Denied") && body.contains("ART-002") && body.contains("modelgate verify"),
            "{body}"
        );
        assert!(body.len() < 60_000);
        assert_eq!(state.statuses[0]["state"], "failure");
        assert_eq!(state.statuses[0]["context"], "modelgate verdict: release");
        let annotations = state.check_runs[0]["output"]["annotations"].as_array().unwrap();
        assert!(annotations.iter().all(|one| one["path"].as_str().unwrap().starts_with("release/")), "{annotations:?}");
        state.writes()
    });
    job.run(&all).expect(1);
    assert_eq!(job.server.with(|state| state.writes()), writes);
}

#[test]
fn an_approval_makes_no_comment_and_brings_one_up_to_date() {
    let job = Job::new("approved");
    job.run(&format!("{CHECK} --commit-status")).expect(0);
    job.server.with(|state| {
        assert!(state.comments.len() <= 1);
        assert_eq!(state.statuses[0]["state"], "success");
    });
    let always = job.run(&format!("{CHECK} --comment always")).expect(0);
    assert!(!always.stderr.contains("error"), "{}", always.stderr);
    job.server.with(|state| assert!(state.comments[0].2.contains("pproved: `")));
}

#[test]
fn publishing_that_fails_is_4_after_an_approval_and_changes_no_denial() {
    for (release, arguments, code) in [
        ("approved", "--commit-status", 4),
        ("approved", "--commit-status --publish-best-effort", 0),
        ("denied", "--commit-status", 1),
        ("denied", "--commit-status --publish-best-effort", 1),
    ] {
        let job = Job::new(release);
        job.server.with(|state| state.fail("POST", "statuses", 9, Fault::Answer(403, Vec::new(), "{}")));
        let ran = job.run(&format!("{CHECK} {arguments}")).expect(code);
        assert!(ran.stderr.contains("statuses: write"), "{}", ran.stderr);
    }
}

#[test]
fn a_fork_gets_annotations_and_the_verdict() {
    for (release, code) in [("approved", 0), ("denied", 1)] {
        let job = Job::new(release);
        job.sandbox.write("event.json", event("eve/credit"));
        job.server.with(|state| {
            for path in ["comments", "statuses"] {
                state.fail("POST", path, 9, Fault::Answer(403, Vec::new(), "{}"));
            }
        });
        let ran = job.run(&format!("{CHECK} --commit-status --comment always")).expect(code);
        assert_eq!(
            ran.stderr.contains("::error file=release/modelgate.yaml,line="),
            release == "denied",
            "{}",
            ran.stderr
        );
        // Without any token, too.
        let ran = job.run_with(&format!("{CHECK} --commit-status"), &[("GITHUB_TOKEN", "")]).expect(code);
        assert!(ran.stderr.contains("annotated instead"), "{}", ran.stderr);
    }
}

#[test]
fn a_stored_decision_is_posted_later() {
    let job = Job::new("denied");
    let check = "check release --effective-time 2999-01-01 --output json=report.json";
    job.run(check).expect(1);
    let posted = job.run("publish report.json --commit-status --manifest release/modelgate.yaml").expect(0);
    assert!(posted.stdout.starts_with("https://forge.example/c/"), "{}", posted.stdout);
    job.server.with(|state| {
        assert!(state.comments[0].2.contains("## ❌ Denied") && state.comments[0].2.contains("ART-002"));
        assert_eq!(state.statuses[0]["state"], "failure");
    });
    let report: serde_json::Value = serde_json::from_str(&job.sandbox.read("report.json")).unwrap();
    let run = report["evidence"]["recorded"]["run"].as_str().unwrap();
    job.run(&format!("publish {run} --manifest release/modelgate.yaml --upload-sarif")).expect(0);
    job.server.with(|state| {
        assert_eq!((state.comments.len(), state.uploads.len()), (1, 1));
        // From the store there are the slices as well.
        assert!(state.comments[0].2.contains("### Evaluation"), "{}", state.comments[0].2);
    });
    job.run("publish nothing.json").expect(2);
    job.run(&format!("publish {}", "0".repeat(64))).expect(2);
    job.sandbox.edit("report.json", "\"decision\": \"deny\"", "\"decision\": \"approve\"");
    job.run("publish report.json").expect(2).says(&["its outcomes come to `deny`"]);
}

#[test]
fn a_contributors_report_is_labelled_and_makes_nothing_green() {
    let job = Job::new("approved");
    job.run("check release --effective-time 2999-01-01 --output json=report.json").expect(0);
    let ended = json!({"workflow_run": {"id": 12, "head_sha": "1".repeat(40)}});
    job.sandbox.write("event.json", ended.to_string());
    let publish = |conclusion: &str| {
        job.server.with(|state| {
            state.run = json!({
                "event": "pull_request", "status": "completed", "conclusion": conclusion, "head_sha": HEAD,
                "head_branch": "better", "run_attempt": 1, "html_url": "https://github.com/bank/credit/actions/runs/12",
                "head_repository": {"full_name": "eve/credit", "owner": {"login": "eve"}}
            });
            state.pulls = vec![json!({"number": 9, "head": {"sha": HEAD, "repo": {"full_name": "eve/credit"}}})];
        });
        let arguments = "publish report.json --comment always --commit-status";
        job.run_with(arguments, &[("GITHUB_EVENT_NAME", "workflow_run"), ("GITHUB_REF", "refs/heads/main")])
    };
    publish("success").expect(0);
    job.server.with(|state| {
        assert!(state.comments[0].2.contains("Reported by the contributor's run"), "{}", state.comments[0].2);
        assert!(state.statuses.is_empty(), "a contributor's run set a status to success");
        assert!(state.requests.iter().any(|request| request.path == "/repos/bank/credit/issues/9/comments"));
    });
    publish("failure").expect(0);
    job.server.with(|state| {
        assert!(state.comments[0].2.contains("## ❌ Denied"), "{}", state.comments[0].2);
        assert_eq!(state.statuses[0]["state"], "failure");
        state.pulls.clear();
    });
    let moved = job
        .run_with("publish report.json", &[("GITHUB_EVENT_NAME", "workflow_run"), ("GITHUB_REF", "refs/heads/main")]);
    // The head moved on since: nothing is said about it.
    moved.expect(4).says(&["no open pull request"]);
}

#[test]
fn gitlab_gets_a_note_and_a_status_in_its_pipeline() {
    let sandbox = Sandbox::with("denied");
    sandbox.run("keygen key.pem").expect(0);
    let (key, server, workspace) = (sandbox.read("key.pem"), Server::new(), sandbox.path("."));
    let variables = [
        ("GITLAB_CI", "true"),
        ("CI_API_V4_URL", server.url.as_str()),
        ("CI_PROJECT_ID", "5"),
        ("CI_MERGE_REQUEST_IID", "3"),
        ("CI_MERGE_REQUEST_PROJECT_ID", "5"),
        ("CI_PIPELINE_ID", "900"),
        ("CI_JOB_ID", "4001"),
        ("CI_JOB_URL", "https://gitlab.example/bank/credit/-/jobs/4001"),
        ("CI_COMMIT_SHA", HEAD),
        ("CI_PROJECT_DIR", workspace.to_str().unwrap()),
        ("GITLAB_TOKEN", "t0ken"),
        ("MODELGATE_SIGNING_KEY", key.as_str()),
    ];
    let arguments: Vec<&str> = CHECK.split(' ').chain(["--commit-status", "--check-run"]).collect();
    let ran = sandbox.run_with(&arguments, &variables).expect(1);
    assert!(ran.stderr.contains("code quality report"), "{}", ran.stderr);
    server.with(|state| {
        assert_eq!((state.comments.len(), state.statuses.len()), (1, 1));
        assert_eq!((&state.statuses[0]["state"], &state.statuses[0]["pipeline_id"]), (&json!("failed"), &json!(900)));
    });
}

#[test]
fn what_cannot_be_published_is_said_before_anything_is_measured() {
    let sandbox = Sandbox::with("approved");
    // In CI a release has to be one.
    sandbox.commit();
    sandbox.run("check release --commit-status").expect(2).says(&["--publish"]);
    sandbox.run("check . --each --publish").expect(2).says(&["--each"]);
    sandbox.run("check release --publish --forge github --project not-a-project").expect(2).says(&["owner/name"]);
    // Files are all that other systems get.
    let azure = [("TF_BUILD", "True"), ("BUILD_BUILDID", "1")];
    sandbox.run("keygen key.pem").expect(0);
    let arguments = ["check", "release", "--publish", "--key", "key.pem"];
    sandbox.run_with(&arguments, &azure).expect(4).says(&["neither GitHub Actions nor GitLab CI"]);
}
