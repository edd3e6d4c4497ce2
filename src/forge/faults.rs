//! Publishing against a forge that fails in every way: nothing is doubled, and waits are bounded. Nothing here sleeps.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::annotation::{Annotation, Level};
use super::context::{Context, Event, Project};
use super::marker::{Key, Marker, Stamp};
use super::pace::{Clock, WAITING_MAX};
use super::plan::{CheckRun, Desired, DesiredComment, Sarif, State, Status, external_id};
use super::publish::{Published, publish};
use super::reported;
use super::server::{BOT, Fault, HEAD, Server};
use super::{ForgeError, What};
use crate::decision::Verdict;
use crate::environment::Secret;
use crate::facts::repository::review::Forge;

/// A clock that passes only while somebody sleeps.
struct Fake {
    now: Mutex<DateTime<Utc>>,
    slept: Mutex<Vec<Duration>>,
}

impl Fake {
    fn new() -> Self {
        Self { now: Mutex::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap()), slept: Mutex::default() }
    }

    fn slept(&self) -> Vec<u64> {
        self.slept.lock().unwrap().iter().map(Duration::as_secs).collect()
    }

    fn total(&self) -> Duration {
        self.slept.lock().unwrap().iter().sum()
    }
}

impl Clock for Fake {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        *self.now.lock().unwrap() += time;
        self.slept.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }

    fn jitter(&self) -> u32 {
        0
    }
}

fn context(server: &Server, forge: Forge) -> Context {
    let name = if forge == Forge::Github { "bank/credit" } else { "5" };
    Context {
        project: Some(Project {
            forge,
            api_url: server.url.clone(),
            name: name.to_owned(),
            of_request: name.to_owned(),
            token: Some(Secret::new("t0ken".to_owned())),
        }),
        event: Event::Request,
        commit: Some(HEAD.to_owned()),
        reference: Some("refs/pull/7/head".to_owned()),
        request: Some(7),
        stamp: Stamp { run: 77, attempt: 1 },
        run_url: Some("https://github.com/bank/credit/actions/runs/77/attempts/1".to_owned()),
        pipeline: (forge == Forge::Gitlab).then_some(900),
        ..Context::none()
    }
}

fn key() -> Key {
    Key::new("modelgate", "models/credit/modelgate.yaml")
}

/// A comment, a status, a check run with `annotations`, and SARIF.
fn desired(text: &str, annotations: usize, run: u64) -> Desired {
    let stamp = Stamp { run, attempt: 1 };
    let marker = Marker { key: key(), commit: HEAD.to_owned(), stamp };
    let url = Some(format!("https://github.com/bank/credit/actions/runs/{run}/attempts/1"));
    let annotation = |number: usize| Annotation::new("m.yaml", number as u64, Level::Failure, "VAL-001", "wrong");
    Desired {
        comment: Some(DesiredComment { body: format!("{marker}\n{text}"), marker, may_create: true }),
        status: Some(Status {
            state: State::Failure,
            name: key().name(),
            description: "Denied: 1 control blocks the release".to_owned(),
            url: url.clone(),
        }),
        check_run: Some(CheckRun {
            name: key().name(),
            external_id: external_id(&key(), stamp),
            state: State::Failure,
            title: "Denied".to_owned(),
            summary: text.to_owned(),
            url,
            annotations: (1..=annotations).map(annotation).collect(),
        }),
        sarif: Some(Sarif {
            document: r#"{"runs": [{"results": [{}]}]}"#.to_owned(),
            reference: "refs/pull/7/head".to_owned(),
        }),
        stamp: Some(stamp),
    }
}

fn comment_only(text: &str) -> Desired {
    Desired { status: None, check_run: None, sarif: None, ..desired(text, 0, 77) }
}

fn run(server: &Server, forge: Forge, desired: Desired, clock: &Fake) -> Published {
    run_in(&context(server, forge), desired, clock)
}

fn run_in(context: &Context, desired: Desired, clock: &Fake) -> Published {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(publish(context, &key(), desired, clock, Duration::from_millis(400))).unwrap()
}

/// Every body that was sent is one that the forge's own description accepts.
fn check_bodies(server: &Server) {
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forge");
    let read =
        |name: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(checkout.join(name)).unwrap()).unwrap() };
    let mut schemas: Vec<(String, Value)> = read("github-requests.json")
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, schema)| (key.clone(), schema.clone()))
        .collect();
    for (path, methods) in read("gitlab-openapi.json")["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
                schemas.push((format!("{} {path}", method.to_uppercase()), schema.clone()));
            }
        }
    }
    let is_path = |template: &str, path: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len()
            && template.iter().zip(path).all(|(one, other)| one.starts_with('{') || *one == other)
    };
    server.with(|state| {
        for request in state.requests.iter().filter(|request| request.method != "GET" && request.path != "/graphql") {
            let schema = schemas.iter().find(|(name, _)| {
                let (method, template) = name.split_once(' ').unwrap();
                method == request.method && is_path(template, &request.path)
            });
            let (name, schema) = schema.unwrap_or_else(|| panic!("{} {} is no request", request.method, request.path));
            let errors: Vec<_> = jsonschema::validator_for(schema)
                .unwrap()
                .iter_errors(&request.body)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            if let Some(description) = request.body.get("description").and_then(Value::as_str) {
                assert!(description.chars().count() <= 140);
            }
            if let Some(body) = request.body.get("body").and_then(Value::as_str) {
                assert!(body.len() <= 65_536);
            }
        }
        for request in &state.requests {
            assert!(!request.path.contains("t0ken") && !request.query.contains("t0ken"));
            assert!(request.head.contains("t0ken"), "who asks is not said: {}", request.head);
        }
    });
}

#[test]
fn everything_is_written_once() {
    for forge in [Forge::Github, Forge::Gitlab] {
        let (server, clock) = (Server::new(), Fake::new());
        let first = run(&server, forge, desired("no", 51, 77), &clock);
        assert_eq!(first.failures, [], "{forge:?}");
        let writes = if forge == Forge::Github { 5 } else { 2 };
        assert_eq!((first.writes, server.with(|state| state.writes())), (writes, writes));
        // A second between writes.
        assert_eq!(clock.slept(), vec![1; writes - 1]);
        server.with(|state| {
            let sarif = r#"{"commit_sha": "x", "category": "c", "results_count": 1}"#;
            let mut analysis: Value = serde_json::from_str(sarif).unwrap();
            analysis["commit_sha"] = json!(HEAD);
            analysis["category"] = json!(format!("{}/", key()));
            state.analyses.push(analysis);
        });
        let again = run(&server, forge, desired("no", 51, 77), &Fake::new());
        assert_eq!((again.writes, again.failures.len()), (0, 0), "{forge:?}");
        assert_eq!(server.with(|state| state.writes()), writes);
        // Another decision of a newer run: comment and status are brought up to date.
        let other = run(&server, forge, desired("other", 0, 78), &Fake::new());
        assert_eq!(other.failures, []);
        assert_eq!(server.with(|state| state.comments.len()), 1);
        let stale = run(&server, forge, desired("no", 51, 77), &Fake::new());
        assert_eq!(stale.writes, 0, "an older run wrote over a newer one: {stale:?}");
        check_bodies(&server);
    }
}

#[test]
fn only_our_own_comment_is_ours() {
    let server = Server::new();
    let spoofed = desired("no", 0, 99).comment.unwrap().body;
    server.with(|state| state.comments.push((1, "eve".to_owned(), spoofed.clone())));
    let published = run(&server, Forge::Github, comment_only("no"), &Fake::new());
    assert_eq!((published.writes, published.failures.len()), (1, 0));
    server.with(|state| {
        assert_eq!(state.comments.len(), 2);
        assert_eq!(state.comments[0].2, spoofed);
    });
}

#[test]
fn no_permission_is_said_at_once() {
    for forge in [Forge::Github, Forge::Gitlab] {
        for status in [401, 403, 404] {
            let (server, clock) = (Server::new(), Fake::new());
            server.with(|state| {
                let message = r#"{"message": "Resource not accessible by integration"}"#;
                for path in ["comments", "notes", "statuses", "check-runs", "sarifs"] {
                    state.fail("POST", path, 9, Fault::Answer(status, Vec::new(), message));
                }
            });
            let published = run(&server, forge, desired("no", 3, 77), &clock);
            assert_eq!(published.writes, 0);
            assert!(published.failures.iter().all(ForgeError::is_permission), "{published:?}");
            let tried = if forge == Forge::Github { 4 } else { 2 };
            assert_eq!((published.failures.len(), server.with(|state| state.writes())), (tried, tried));
        }
    }
}

#[test]
fn each_limit_is_waited_for() {
    let reset = (1_700_000_000 + 20).to_string();
    type Limit = (u16, Vec<(&'static str, String)>, &'static str, u64);
    let limits: [Limit; 6] = [
        (429, vec![("Retry-After", "7".to_owned())], "", 7),
        (429, vec![("Retry-After", "Tue, 14 Nov 2023 22:13:25 GMT".to_owned())], "", 5),
        (403, vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", reset.clone())], "", 21),
        (429, vec![("RateLimit-Remaining", "0".to_owned()), ("RateLimit-Reset", reset)], "Retry later", 21),
        (403, Vec::new(), r#"{"message": "You have exceeded a secondary rate limit"}"#, 60),
        (429, Vec::new(), "Retry later", 60),
    ];
    for forge in [Forge::Github, Forge::Gitlab] {
        for (status, headers, body, seconds) in &limits {
            let (server, clock) = (Server::new(), Fake::new());
            let path = if forge == Forge::Github { "comments" } else { "notes" };
            server.with(|state| state.fail("POST", path, 1, Fault::Answer(*status, headers.clone(), body)));
            let published = run(&server, forge, comment_only("no"), &clock);
            assert_eq!((published.writes, published.failures.len()), (1, 0), "{status} {headers:?}");
            assert_eq!(clock.slept(), [*seconds], "{status} {headers:?}");
            assert_eq!(server.with(|state| state.comments.len()), 1);
        }
    }
}

#[test]
fn a_limit_that_is_too_long_is_not_waited_for() {
    for (seconds, slept) in [("3600", Vec::new()), ("50", vec![50, 50])] {
        let (server, clock) = (Server::new(), Fake::new());
        let headers = vec![("Retry-After", seconds.to_owned())];
        server.with(|state| state.fail("POST", "comments", 9, Fault::Answer(429, headers, "")));
        let published = run(&server, Forge::Github, comment_only("no"), &clock);
        assert!(
            matches!(published.failures.as_slice(), [ForgeError::GaveUp { what: What::Comment, .. }]),
            "{published:?}"
        );
        assert_eq!(clock.slept(), slept);
        assert!(clock.total() <= WAITING_MAX);
    }
}

#[test]
fn a_comment_that_was_made_is_not_made_again() {
    for forge in [Forge::Github, Forge::Gitlab] {
        for fault in [Fault::Done(502), Fault::Done(500), Fault::Cut] {
            let (server, clock) = (Server::new(), Fake::new());
            let path = if forge == Forge::Github { "comments" } else { "notes" };
            server.with(|state| state.fail("POST", path, 1, fault.clone()));
            let published = run(&server, forge, comment_only("no"), &clock);
            assert_eq!(published.failures, [], "{fault:?}");
            server.with(|state| {
                assert_eq!(state.comments.len(), 1, "{fault:?}");
                assert_eq!(state.writes(), 1, "{fault:?}");
            });
            assert_eq!(clock.slept(), [1]);
        }
    }
}

#[test]
fn a_comment_that_was_not_made_is_made_after_a_look() {
    for fault in [Fault::Answer(502, Vec::new(), ""), Fault::Slow] {
        let (server, clock) = (Server::new(), Fake::new());
        server.with(|state| state.fail("POST", "comments", 1, fault));
        let published = run(&server, Forge::Github, comment_only("no"), &clock);
        assert_eq!((published.writes, published.failures.len()), (1, 0));
        server.with(|state| {
            assert_eq!(state.comments.len(), 1);
            let methods: Vec<&str> = state
                .requests
                .iter()
                .filter(|request| request.path.ends_with("comments"))
                .map(|request| request.method.as_str())
                .collect();
            assert_eq!(methods, ["GET", "POST", "GET", "POST"]);
        });
    }
}

#[test]
fn a_forge_that_is_down_is_given_up() {
    for (method, fault) in
        [("GET", Fault::Answer(503, Vec::new(), "")), ("POST", Fault::Answer(502, Vec::new(), "")), ("GET", Fault::Cut)]
    {
        let (server, clock) = (Server::new(), Fake::new());
        server.with(|state| state.fail(method, "comments", 99, fault.clone()));
        let published = run(&server, Forge::Github, comment_only("no"), &clock);
        assert!(
            matches!(published.failures.as_slice(), [ForgeError::GaveUp { .. }]),
            "{method} {fault:?}: {published:?}"
        );
        assert!(server.with(|state| state.requests.len()) < 40);
        assert!(clock.total() <= WAITING_MAX, "{:?}", clock.slept());
    }
}

#[test]
fn a_slow_forge_is_not_waited_for_without_end() {
    let (server, clock) = (Server::new(), Fake::new());
    server.with(|state| state.fail("POST", "graphql", 99, Fault::Slow));
    let published = run(&server, Forge::Github, comment_only("no"), &clock);
    assert!(
        matches!(published.failures.as_slice(), [ForgeError::GaveUp { what: What::Identity, .. }]),
        "{published:?}"
    );
    assert_eq!(clock.slept(), [1, 2, 4, 8]);
}

#[test]
fn one_failure_does_not_keep_the_rest_from_being_written() {
    let server = Server::new();
    server.with(|state| state.fail("GET", "comments", 9, Fault::Answer(403, Vec::new(), "{}")));
    let published = run(&server, Forge::Github, desired("no", 1, 77), &Fake::new());
    assert_eq!((published.writes, published.failures.len()), (3, 1), "{published:?}");
}

#[test]
fn ours_is_found_among_five_thousand_comments() {
    for forge in [Forge::Github, Forge::Gitlab] {
        let server = Server::new();
        let ours = comment_only("old").comment.unwrap().body;
        server.with(|state| {
            state.comments = (1..=5_000).map(|id| (id, "ann".to_owned(), "a comment".to_owned())).collect();
            state.comments[4_949] = (4_950, BOT.to_owned(), ours);
        });
        let published = run(&server, forge, comment_only("new"), &Fake::new());
        assert_eq!((published.writes, published.failures.len()), (1, 0), "{published:?}");
        server.with(|state| {
            assert_eq!(state.comments.len(), 5_000);
            assert!(state.comments[4_949].2.ends_with("new"));
            let reads =
                state.requests.iter().filter(|request| request.method == "GET" && request.query.contains("&page="));
            assert_eq!(reads.count(), 50);
        });
    }
    // More than is read is no reason to make a second one.
    let server = Server::new();
    server.with(|state| state.comments = (1..=10_001).map(|id| (id, "ann".to_owned(), String::new())).collect());
    let published = run(&server, Forge::Github, comment_only("new"), &Fake::new());
    assert!(matches!(published.failures.as_slice(), [ForgeError::TooMany { .. }]), "{published:?}");
    assert_eq!(server.with(|state| state.writes()), 0);
}

#[test]
fn annotations_go_in_batches_and_none_twice() {
    let cases: [(usize, Option<(&'static str, Fault)>); 6] = [
        (0, None),
        (50, None),
        (51, None),
        (501, None),
        (120, Some(("POST", Fault::Done(502)))),
        (501, Some(("PATCH", Fault::Cut))),
    ];
    for (count, fault) in cases {
        let (server, clock) = (Server::new(), Fake::new());
        if let Some((method, fault)) = fault.clone() {
            server.with(|state| state.fail(method, "check-runs", 3, fault));
        }
        let wanted = Desired { comment: None, status: None, sarif: None, ..desired("no", count, 77) };
        let published = run(&server, Forge::Github, wanted, &clock);
        assert_eq!(published.failures, [], "{count} {fault:?}");
        server.with(|state| {
            assert_eq!(state.check_runs.len(), 1);
            let annotations = state.check_runs[0]["output"]["annotations"].as_array().unwrap();
            let lines: Vec<u64> = annotations.iter().map(|one| one["start_line"].as_u64().unwrap()).collect();
            assert_eq!(lines, (1..=count as u64).collect::<Vec<_>>(), "{fault:?}");
        });
        check_bodies(&server);
    }
}

#[test]
fn of_two_comments_one_stays() {
    let server = Server::new();
    let body = comment_only("old").comment.unwrap().body;
    server.with(|state| state.comments = [11, 12].map(|id| (id, BOT.to_owned(), body.clone())).to_vec());
    let published = run(&server, Forge::Github, comment_only("new"), &Fake::new());
    assert_eq!(published.writes, 2, "{published:?}");
    server.with(|state| {
        assert!(state.comments[1].2.ends_with("new"));
        assert!(state.comments[0].2.contains("superseded"));
    });
    assert_eq!(run(&server, Forge::Github, comment_only("new"), &Fake::new()).writes, 0);
}

#[test]
fn gitlab_refuses_a_state_that_is_there_and_it_is_looked_at() {
    let server = Server::new();
    let message = r#"{"message": "Cannot transition status via :drop from :failed"}"#;
    server.with(|state| {
        state.fail("POST", "statuses", 1, Fault::Answer(400, Vec::new(), message));
        // Somebody was faster, between our look and our write.
    });
    let wanted = Desired { comment: None, ..desired("no", 0, 77) };
    let published = run(&server, Forge::Gitlab, wanted, &Fake::new());
    assert_eq!((published.writes, published.failures.len()), (1, 0), "{published:?}");
    server.with(|state| assert_eq!(state.statuses[0]["pipeline_id"], 900));
}

#[test]
fn the_token_is_in_no_error() {
    let server = Server::new();
    server.with(|state| {
        state.fail(
            "POST",
            "comments",
            99,
            Fault::Answer(422, Vec::new(), r#"{"message": "Validation \u001b[31mFailed"}"#),
        )
    });
    let context = context(&server, Forge::Github);
    let published = run_in(&context, comment_only("no"), &Fake::new());
    let text = format!("{published:?} {context:?} {}", published.failures[0]);
    assert!(!text.contains("t0ken"), "{text}");
    assert!(published.failures[0].to_string().contains("Validation \\u{1b}[31mFailed"), "{text}");
}

#[test]
fn a_token_that_is_none_stops_nothing() {
    let server = Server::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for token in [None, Some("line\nbreak"), Some("")] {
        let mut context = context(&server, Forge::Github);
        context.project.as_mut().unwrap().token = token.map(|token| Secret::new(token.to_owned()));
        let result =
            runtime.block_on(publish(&context, &key(), comment_only("no"), &Fake::new(), Duration::from_millis(400)));
        assert!(result.is_err() || result.unwrap().failures.len() == 1, "{token:?}");
    }
    let nowhere = Context { project: None, ..context(&server, Forge::Github) };
    assert!(
        runtime.block_on(publish(&nowhere, &key(), comment_only("no"), &Fake::new(), Duration::from_secs(1))).is_err()
    );
    assert_eq!(server.with(|state| state.writes()), 0);
}

/// A contributor's run, as the forge tells it.
fn ended(conclusion: &str) -> Value {
    json!({
        "event": "pull_request", "status": "completed", "conclusion": conclusion, "head_sha": HEAD,
        "head_branch": "a&state=all#x", "run_attempt": 2, "html_url": "https://github.com/bank/credit/actions/runs/12",
        "head_repository": {"full_name": "eve/credit", "owner": {"login": "eve"}}
    })
}

fn pull(number: u64, sha: &str, repository: &str) -> Value {
    json!({"number": number, "head": {"sha": sha, "repo": {"full_name": repository}}})
}

fn reported(server: &Server) -> Result<Option<reported::ReportedRun>, ForgeError> {
    let context = Context { event: Event::WorkflowRun { run: 12 }, request: None, ..context(server, Forge::Github) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(reported::ask(&context, &Fake::new(), Duration::from_millis(400)))
}

#[test]
fn what_a_contributors_run_was_is_asked_of_the_forge() {
    let server = Server::new();
    server.with(|state| {
        state.run = ended("success");
        // Another fork with the same commit, an older head, and the one.
        state.pulls =
            vec![pull(6, HEAD, "mallory/credit"), pull(8, &"1".repeat(40), "eve/credit"), pull(7, HEAD, "eve/credit")];
    });
    let run = reported(&server).unwrap().unwrap();
    assert_eq!((run.request, run.commit.as_str(), run.stamp), (7, HEAD, Stamp { run: 12, attempt: 2 }));
    assert_eq!(run.verdict(Verdict::Approve), Verdict::Approve);
    server.with(|state| {
        let asked = state.requests.iter().find(|request| request.path.ends_with("/pulls")).unwrap();
        assert!(asked.query.contains("head=eve:a%26state%3Dall%23x"), "{}", asked.query);
        state.run = ended("failure");
    });
    assert_eq!(reported(&server).unwrap().unwrap().verdict(Verdict::Approve), Verdict::Deny);
}

#[test]
fn a_run_that_is_not_of_the_head_is_not_published() {
    let server = Server::new();
    let cases: [(&str, Value, Vec<Value>); 5] = [
        ("pushed since", ended("success"), vec![pull(7, &"1".repeat(40), "eve/credit")]),
        ("two of it", ended("success"), vec![pull(7, HEAD, "eve/credit"), pull(9, HEAD, "eve/credit")]),
        ("a push", json!({"event": "push", "status": "completed"}), vec![pull(7, HEAD, "eve/credit")]),
        ("running", json!({"event": "pull_request", "status": "in_progress"}), vec![pull(7, HEAD, "eve/credit")]),
        ("nothing", json!({}), Vec::new()),
    ];
    for (name, run, pulls) in cases {
        server.with(|state| (state.run, state.pulls) = (run, pulls));
        assert!(reported(&server).is_err(), "{name}");
    }
}
