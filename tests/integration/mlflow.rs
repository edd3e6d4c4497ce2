//! Models of an MLflow server: one of the test's own, on this machine, that answers as MLflow 3.17 does or not at all.
//! `tests/mlflow/check.py` asks a real one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Ran, Sandbox};

const TOKEN: &str = "s3cret-t0ken-of-the-pipeline";
const RUN: &str = "371a1a2f163b4b64bd1b8d02b5a67119";
const MODEL: &str = "m-1f84329b5d264af3ba44c93bf22f4016";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[derive(Clone)]
enum Answer {
    Json(u16, Value),
    Bytes(Vec<u8>),
    /// Half of the bytes that are promised.
    Cut(Vec<u8>),
    Redirect(String),
    /// Nothing, for a long time.
    Silent,
    /// A byte now and then.
    Trickle,
}

/// Answers by the path and query of requests, without what comes before the API's name.
type Answers = BTreeMap<String, Answer>;

/// The paths that were asked for, each with its `Authorization`.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

struct Server {
    port: u16,
    seen: Seen,
}

impl Server {
    fn paths(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }
}

fn serve(answers: Answers) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answers, seen) = (Arc::new(answers), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&seen);
    // It ends with the test's process, of which it is a thread.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (answers, noted) = (Arc::clone(&answers), Arc::clone(&noted));
            std::thread::spawn(move || answer(stream, &answers, &noted));
        }
    });
    Server { port, seen }
}

fn answer(mut stream: TcpStream, answers: &Answers, seen: &Mutex<Vec<(String, Option<String>)>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let authorization = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
    });
    seen.lock().unwrap().push((target.clone(), authorization));
    let key = target.trim_start_matches("/api/2.0/");
    let absent = Answer::Json(404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}));
    let head = |status: &str, more: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n")
    };
    match answers.get(key).unwrap_or(&absent) {
        Answer::Json(status, body) => {
            let body = body.to_string();
            write!(stream, "{}{body}", head(&format!("{status} X"), "Content-Type: application/json\r\n", body.len()))
                .ok()
        }
        Answer::Bytes(bytes) => {
            write!(stream, "{}", head("200 OK", "", bytes.len())).ok()?;
            stream.write_all(bytes).ok()
        }
        Answer::Cut(bytes) => {
            write!(stream, "{}", head("200 OK", "", bytes.len())).ok()?;
            stream.write_all(bytes.get(..bytes.len() / 2)?).ok()
        }
        Answer::Redirect(to) => write!(stream, "{}", head("302 Found", &format!("Location: {to}\r\n"), 0)).ok(),
        Answer::Silent => {
            std::thread::sleep(Duration::from_secs(30));
            None
        }
        Answer::Trickle => {
            write!(stream, "{}", head("200 OK", "", 1_000)).ok()?;
            for _ in 0..1_000 {
                stream.write_all(b" ").ok()?;
                std::thread::sleep(Duration::from_millis(100));
            }
            Some(())
        }
    }
}

const MLMODEL: &str = "\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    model_path: model.onnx
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.onnx
    serialization_format: skops
    sklearn_version: 1.9.1
mlflow_version: 3.17.2
model_id: m-1f84329b5d264af3ba44c93bf22f4016
run_id: 371a1a2f163b4b64bd1b8d02b5a67119
signature:
  inputs: '[{\"type\": \"double\", \"name\": \"a\", \"required\": true}]'
  outputs: '[{\"type\": \"long\", \"required\": true}]'
utc_time_created: '2026-11-28 18:38:37.355864'
";

/// The files of the model.
fn files(onnx: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("MLmodel", MLMODEL.as_bytes().to_vec()),
        ("requirements.txt", b"mlflow==3.17.2\nnumpy>=2\n".to_vec()),
        ("weights/model.onnx", onnx.to_vec()),
    ]
}

fn listing(files: &[(&str, bool, usize)]) -> Answer {
    let file = |(path, is_dir, size): &(&str, bool, usize)| match is_dir {
        true => json!({"path": path, "is_dir": true}),
        false => json!({"path": path, "is_dir": false, "file_size": size}),
    };
    Answer::Json(200, json!({"files": files.iter().map(file).collect::<Vec<_>>()}))
}

/// A server with version 3 of the model `credit`, as it answers if nothing is wrong.
fn answers(onnx: &[u8]) -> Answers {
    let version = json!({"model_version": {
        "name": "credit", "version": "3", "creation_timestamp": 1_795_891_124_661_u64, "current_stage": "None",
        "source": format!("models:/{MODEL}"), "run_id": RUN, "status": "READY", "aliases": ["champion"],
        "tags": [{"key": "validated", "value": "yes"}],
    }});
    let run = json!({"run": {
        "info": {
            "run_id": RUN, "experiment_id": "1", "run_name": "capricious-fox-600", "user_id": "ann",
            "status": "FINISHED", "start_time": 1_795_891_114_382_u64, "end_time": 1_795_891_125_139_u64,
            "artifact_uri": format!("mlflow-artifacts:/1/{RUN}/artifacts"), "lifecycle_stage": "active",
        },
        "data": {
            "metrics": [{"key": "roc_auc", "value": 0.7623, "step": 1}, {"key": "loss", "value": 0.25}],
            "params": [{"key": "C", "value": "1.0"}],
            "tags": [{"key": "mlflow.source.git.commit", "value": COMMIT}, {"key": "mlflow.source.name", "value": "train.py"}],
        },
        "inputs": {"dataset_inputs": [{
            "tags": [{"key": "mlflow.data.context", "value": "training"}],
            "dataset": {"name": "train", "digest": "cc78dd00", "source_type": "s3"},
        }]},
        "outputs": {"model_outputs": [{"model_id": MODEL, "step": 0}]},
    }});
    let logged = json!({"model": {"info": {
        "model_id": MODEL, "name": "model", "status": "LOGGED_MODEL_READY", "source_run_id": RUN,
        "artifact_uri": format!("mlflow-artifacts:/1/models/{MODEL}/artifacts"),
    }}});
    let mut answers = Answers::from([
        ("mlflow/model-versions/get?name=credit&version=3".to_owned(), Answer::Json(200, version.clone())),
        ("mlflow/registered-models/alias?name=credit&alias=champion".to_owned(), Answer::Json(200, version)),
        (
            "mlflow/model-versions/get-download-uri?name=credit&version=3".to_owned(),
            Answer::Json(200, json!({"artifact_uri": format!("mlflow-artifacts:/1/models/{MODEL}/artifacts")})),
        ),
        (format!("mlflow/runs/get?run_id={RUN}"), Answer::Json(200, run)),
        (format!("mlflow/logged-models/{MODEL}"), Answer::Json(200, logged)),
        (list_of(&format!("1/{RUN}/artifacts")), listing(&[("notes", true, 0)])),
        (list_of(&format!("1/{RUN}/artifacts/notes")), listing(&[("read me.txt", false, 5)])),
        (format!("mlflow-artifacts/artifacts/1/{RUN}/artifacts/notes/read%20me.txt"), Answer::Bytes(b"hello".to_vec())),
    ]);
    answers.insert(
        list_of(&format!("1/models/{MODEL}/artifacts")),
        listing(&[("MLmodel", false, MLMODEL.len()), ("requirements.txt", false, 24), ("weights", true, 0)]),
    );
    answers
        .insert(list_of(&format!("1/models/{MODEL}/artifacts/weights")), listing(&[("model.onnx", false, onnx.len())]));
    for (name, bytes) in files(onnx) {
        answers.insert(file(name), Answer::Bytes(bytes));
    }
    answers
}

fn list_of(path: &str) -> String {
    format!("mlflow-artifacts/artifacts?path={}", path.replace('/', "%2F"))
}

fn file(name: &str) -> String {
    format!("mlflow-artifacts/artifacts/1/models/{MODEL}/artifacts/{name}")
}

fn onnx(sandbox: &Sandbox) -> Vec<u8> {
    std::fs::read(sandbox.path("release/model/model.onnx")).unwrap()
}

/// The approved release with its model on the server, as `path`.
fn release(path: &str) -> (Sandbox, Answers) {
    let sandbox = Sandbox::with("approved");
    let answers = answers(&onnx(&sandbox));
    sandbox.edit("release/modelgate.yaml", "path: model/model.onnx", &format!("path: '{path}'"));
    (sandbox, answers)
}

fn run(sandbox: &Sandbox, server: &Server, command: &str) -> Ran {
    let uri = format!("http://127.0.0.1:{}", server.port);
    run_at(sandbox, &uri, command)
}

fn run_at(sandbox: &Sandbox, uri: &str, command: &str) -> Ran {
    run_within(sandbox, uri, command, "30")
}

fn run_within(sandbox: &Sandbox, uri: &str, command: &str, seconds: &str) -> Ran {
    let arguments: Vec<&str> = command.split_whitespace().collect();
    let variables = [
        ("MLFLOW_TRACKING_URI", uri),
        ("MLFLOW_TRACKING_TOKEN", TOKEN),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", seconds),
        ("MODELGATE_ALLOW_LOOPBACK", "1"),
    ];
    let ran = sandbox.run_with(&arguments, &variables);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(TOKEN), "{text}");
    }
    ran
}

fn facts(path: &str) -> (Value, Server) {
    let (sandbox, answers) = release(path);
    let server = serve(answers);
    (run(&sandbox, &server, "facts release").expect(0).json(), server)
}

fn paths(facts: &Value) -> Vec<&str> {
    facts["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["path"].as_str().unwrap()).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one version, and every fact of it")]
fn a_version_gives_the_facts_of_its_files_and_of_its_run() {
    let (facts, server) = facts("models:/credit@champion");
    let names = ["MLmodel", "requirements.txt", "weights/model.onnx"].map(|name| format!("models:/credit/3/{name}"));
    assert_eq!(paths(&facts), names);
    let local = Sandbox::with("approved").run("facts release").expect(0).json();
    let (model, local) = (&facts["artifacts"][2], &local["artifacts"][0]);
    for key in ["sha256", "size_bytes", "format", "role", "onnx", "risks"] {
        assert_eq!(model[key], local[key], "{key}");
    }
    let about = &facts["artifacts"][0];
    assert_eq!((&about["format"], &about["role"]), (&json!("mlflow-model"), &json!("configuration")));
    assert_eq!(about["metadata"]["framework"], "scikit-learn");
    assert_eq!(facts["artifacts"][1]["role"], "configuration");
    let mlflow = facts["mlflow"].as_array().unwrap();
    assert_eq!(mlflow.len(), 1);
    insta::assert_json_snapshot!(mlflow[0], @r#"
    {
      "logged_model": {
        "model_id": "m-1f84329b5d264af3ba44c93bf22f4016",
        "name": "model",
        "run_id": "371a1a2f163b4b64bd1b8d02b5a67119",
        "tags": {}
      },
      "model": {
        "code": [],
        "created": "2026-11-28 18:38:37.355864",
        "flavors": [
          {
            "name": "python_function",
            "serialization": null,
            "version": null
          },
          {
            "name": "sklearn",
            "serialization": "skops",
            "version": "1.9.1"
          }
        ],
        "loader_module": "mlflow.sklearn",
        "mlflow_version": "3.17.2",
        "model_code": null,
        "model_id": "m-1f84329b5d264af3ba44c93bf22f4016",
        "path": "models:/credit/3/MLmodel",
        "python_version": "3.11.7",
        "run_id": "371a1a2f163b4b64bd1b8d02b5a67119",
        "signature": {
          "inputs": [
            {
              "name": "a",
              "type": "double"
            }
          ],
          "outputs": [
            {
              "name": null,
              "type": "long"
            }
          ]
        },
        "skops_trusted_types": []
      },
      "origin": "server",
      "registered": {
        "aliases": [
          "champion"
        ],
        "created": "2026-11-28T18:38:44.661Z",
        "name": "credit",
        "run_id": "371a1a2f163b4b64bd1b8d02b5a67119",
        "stage": null,
        "tags": {
          "validated": "yes"
        },
        "updated": null,
        "version": "3"
      },
      "root": "models:/credit/3",
      "run": {
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "datasets": [
          {
            "context": "training",
            "digest": "cc78dd00",
            "name": "train",
            "source_type": "s3"
          }
        ],
        "deleted": false,
        "end_time": "2026-11-28T18:38:45.139Z",
        "experiment_id": "1",
        "metrics": [
          {
            "name": "loss",
            "value": 0.25
          },
          {
            "name": "roc_auc",
            "value": 0.7623
          }
        ],
        "name": "capricious-fox-600",
        "params": {
          "C": "1.0"
        },
        "run_id": "371a1a2f163b4b64bd1b8d02b5a67119",
        "source": "train.py",
        "start_time": "2026-11-28T18:38:34.382Z",
        "status": "finished",
        "tags": {
          "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
          "mlflow.source.name": "train.py"
        },
        "user": "ann"
      },
      "source": "models:/credit@champion"
    }
    "#);
    let seen = server.seen.lock().unwrap();
    assert!(seen.len() >= 8);
    for (path, authorization) in seen.iter() {
        assert_eq!(authorization.as_deref(), Some(format!("Bearer {TOKEN}").as_str()), "{path}");
    }
}

#[test]
fn models_are_named_in_four_ways() {
    for path in
        ["models:/credit/3", "models:/credit@champion", &format!("models:/{MODEL}"), &format!("runs:/{RUN}/model")]
    {
        let (facts, _) = facts(path);
        let root = if path.ends_with("champion") { "models:/credit/3" } else { path };
        assert_eq!(paths(&facts)[2], format!("{root}/weights/model.onnx"));
        let mlflow = &facts["mlflow"][0];
        assert_eq!((&mlflow["source"], &mlflow["root"]), (&json!(path), &json!(root)));
        assert_eq!(mlflow["run"]["run_id"], RUN, "{path}");
        assert_eq!(mlflow["logged_model"]["model_id"], MODEL, "{path}");
        assert_eq!(mlflow["model"]["path"], format!("{root}/MLmodel"));
        assert_eq!(mlflow["registered"].is_null(), !path.contains("credit"), "{path}");
    }
}

#[test]
fn a_file_and_a_directory_of_a_run_are_artifacts() {
    for path in [format!("runs:/{RUN}/notes/read me.txt"), format!("runs:/{RUN}/notes")] {
        let (facts, _) = facts(&path);
        assert_eq!(paths(&facts), [format!("runs:/{RUN}/notes/read me.txt")]);
        assert!(facts["mlflow"][0]["logged_model"].is_null());
    }
    let (facts, _) = facts(&format!("runs:/{RUN}/model/weights"));
    assert_eq!(paths(&facts), [format!("runs:/{RUN}/model/weights/model.onnx")]);
}

#[test]
fn a_decision_names_the_version_and_says_nothing_of_the_server() {
    let (sandbox, answers) = release("models:/credit@champion");
    let server = serve(answers);
    run(&sandbox, &server, "check release --output json=report.json").expect(0);
    let verdict = std::fs::read_dir(sandbox.path(".modelgate/evidence")).unwrap();
    let verdict =
        verdict.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().contains("verdict.sigstore"));
    let text = std::fs::read_to_string(verdict.unwrap()).unwrap();
    let payload = serde_json::from_str::<Value>(&text).unwrap()["dsseEnvelope"]["payload"].as_str().unwrap().to_owned();
    let payload = base64_decoded(&payload);
    assert!(payload.contains("models:/credit/3/weights/model.onnx"), "{payload}");
    assert!(!payload.contains("127.0.0.1"), "{payload}");
}

fn base64_decoded(text: &str) -> String {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let all = four.iter().fold(0, |all, digit| all << 6 | digit) << (6 * (4 - four.len()));
        all.to_be_bytes().into_iter().skip(1).take(four.len() * 3 / 4).collect::<Vec<_>>()
    });
    String::from_utf8(bytes.collect()).unwrap()
}

#[test]
fn metrics_of_a_run_are_claims() {
    let (sandbox, mut answers) = release("models:/credit@champion");
    let claims = "claims_from:\n      - {path: 'models:/credit@champion', format: mlflow}\n    claims:";
    sandbox.edit("release/modelgate.yaml", "claims:", claims);
    let found = run(&sandbox, &serve(answers.clone()), "facts release").expect(0).json();
    assert_eq!(found["mlflow"].as_array().unwrap().len(), 1, "it is asked about once");
    let claims = found["evaluations"][0]["claims"].as_array().unwrap();
    let claim = claims.iter().find(|claim| claim["source"] == "models:/credit@champion").unwrap();
    assert_eq!((&claim["metric"], &claim["result"]), (&json!("roc_auc"), &json!("confirmed")));
    // A model that is not released can state them, too.
    sandbox.edit(
        "release/modelgate.yaml",
        "path: 'models:/credit@champion', format",
        "path: 'models:/credit/3', format",
    );
    let found = run(&sandbox, &serve(answers.clone()), "facts release").expect(0).json();
    assert_eq!(found["mlflow"].as_array().unwrap().len(), 2);
    let Some(Answer::Json(_, run_answer)) = answers.get_mut(&format!("mlflow/runs/get?run_id={RUN}")) else { panic!() };
    run_answer["run"]["data"]["metrics"][0]["value"] = json!("NaN");
    run(&sandbox, &serve(answers.clone()), "facts release").expect(3).says(&["error[malformed-claims]", "roc_auc"]);
    answers.remove(&format!("mlflow/runs/get?run_id={RUN}"));
    run(&sandbox, &serve(answers), "facts release").expect(3).says(&["error[absent-claim]", "knows no run"]);
}

#[test]
fn a_secret_that_was_logged_is_found_and_not_repeated() {
    let (sandbox, mut answers) = release("models:/credit/3");
    // In parts, so that it is found in no file of this checkout.
    let token = format!("ghp_{}", "k3Jd8Sq1Zx7Wv2Bn5Tm9Rf4Lp6Hc0Gy8Qa1U");
    let Some(Answer::Json(_, run_answer)) = answers.get_mut(&format!("mlflow/runs/get?run_id={RUN}")) else { panic!() };
    run_answer["run"]["data"]["params"] = json!([{"key": "github_token", "value": token}]);
    let ran = run(&sandbox, &serve(answers), "facts release").expect(0);
    assert!(!ran.stdout.contains(&token), "{}", ran.stdout);
    let found = ran.json();
    assert_eq!(found["mlflow"][0]["run"]["params"]["github_token"], "***");
    let secrets = found["supply_chain"]["secrets"].as_array().unwrap();
    assert_eq!((secrets.len(), &secrets[0]["path"]), (1, &json!("models:/credit/3")), "{secrets:?}");
}

/// What is said of the release with one answer changed.
fn refused(path: &str, key: &str, answer: Answer) -> String {
    let (sandbox, mut answers) = release(path);
    // Long enough for a busy machine, unless it is the time that is tried.
    let seconds = if matches!(answer, Answer::Silent | Answer::Trickle) { "2" } else { "30" };
    answers.insert(key.to_owned(), answer);
    let uri = format!("http://127.0.0.1:{}", serve(answers).port);
    let began = Instant::now();
    let ran = run_within(&sandbox, &uri, "check release", seconds).expect(3);
    assert!(began.elapsed() < Duration::from_secs(25), "{key}: {:?}", began.elapsed());
    assert!(!ran.stderr.contains("127.0.0.1/") && ran.stderr.contains("modelgate.yaml:"), "{}", ran.stderr);
    ran.stderr
}

#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not said in:\n{said}");
    }
}

#[test]
fn a_server_that_refuses_decides_nothing() {
    let version = "mlflow/model-versions/get?name=credit&version=3";
    let answer =
        |status: u16, code: &str| Answer::Json(status, json!({"error_code": code, "message": format!("no {TOKEN}")}));
    let refuses = |status, code| refused("models:/credit/3", version, answer(status, code));
    says(&refuses(401, "UNAUTHENTICATED"), &["error[access-refused]", "MLFLOW_TRACKING_TOKEN", "no ***"]);
    says(&refuses(403, "PERMISSION_DENIED"), &["error[access-refused]", "no ***"]);
    says(&refuses(404, "RESOURCE_DOES_NOT_EXIST"), &["error[missing-model]", "models:/credit/3"]);
    says(&refuses(404, ""), &["error[unreachable-server]", "is MLFLOW_TRACKING_URI"]);
    says(&refuses(500, "INTERNAL_ERROR"), &["error[unreachable-server]", "answers 500"]);
    says(&refuses(418, ""), &["error[unreachable-server]", "answers 418"]);
    let (sandbox, answers) = release("models:/credit/4");
    run(&sandbox, &serve(answers), "check release").expect(3).says(&["error[missing-model]", "models:/credit/4"]);
    let (sandbox, mut answers) = release("models:/credit@absent");
    answers.insert(
        "mlflow/registered-models/alias?name=credit&alias=absent".to_owned(),
        Answer::Json(400, json!({"error_code": "INVALID_PARAMETER_VALUE", "message": "alias absent not found"})),
    );
    let said = ["error[missing-model]", "models:/credit@absent", "alias absent not found"];
    run(&sandbox, &serve(answers), "check release").expect(3).says(&said);
}

#[test]
fn a_busy_server_is_asked_again() {
    let (sandbox, mut answers) = release("models:/credit/3");
    let version = "mlflow/model-versions/get?name=credit&version=3";
    answers.insert(version.to_owned(), Answer::Json(503, json!({})));
    let server = serve(answers);
    run(&sandbox, &server, "check release").expect(3).says(&["error[unreachable-server]", "answers 503"]);
    assert_eq!(server.paths().len(), 3);
}

#[test]
fn a_server_that_is_slow_or_breaks_off_decides_nothing() {
    let version = "mlflow/model-versions/get?name=credit&version=3";
    for slow in [Answer::Silent, Answer::Trickle] {
        says(&refused("models:/credit/3", version, slow), &["error[unreachable-server]", "does not answer in time"]);
    }
    says(&refused("models:/credit/3", &file("MLmodel"), Answer::Silent), &["does not answer in time"]);
    let said = refused("models:/credit/3", &file("MLmodel"), Answer::Cut(MLMODEL.as_bytes().to_vec()));
    says(&said, &["error[unreachable-server]", "broke off"]);
    says(&refused("models:/credit/3", version, Answer::Cut(vec![b' '; 4096])), &["broke off"]);
    let said = refused("models:/credit/3", &file("MLmodel"), Answer::Bytes(b"flavors:".to_vec()));
    says(&said, &["error[changed-file]", "were listed"]);
    let gone = Answer::Json(404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No such artifact"}));
    says(&refused("models:/credit/3", &file("MLmodel"), gone), &["error[changed-file]", "No such artifact"]);
    // Nobody listens there.
    let (sandbox, _) = release("models:/credit/3");
    let said = ["error[unreachable-server]", "http://127.0.0.1:9 cannot be reached"];
    run_at(&sandbox, "http://127.0.0.1:9", "check release").expect(3).says(&said);
}

#[test]
fn an_answer_that_is_none_decides_nothing() {
    let version = "mlflow/model-versions/get?name=credit&version=3";
    let other = |name: &str, number: Value| {
        let version = json!({"model_version": {"name": name, "version": number, "status": "READY"}});
        refused("models:/credit/3", "mlflow/model-versions/get?name=credit&version=3", Answer::Json(200, version))
    };
    for answer in [Answer::Bytes(b"<html>".to_vec()), Answer::Json(200, json!({})), Answer::Json(200, json!([]))] {
        says(&refused("models:/credit/3", version, answer), &["error[invalid-answer]"]);
    }
    says(&other("debit", json!("3")), &["error[invalid-answer]", "another one"]);
    says(&other("credit", json!("4")), &["error[invalid-answer]", "another version"]);
    says(&other("credit", json!("../x")), &["error[invalid-answer]"]);
    let pending = json!({"model_version": {"name": "credit", "version": "3", "status": "PENDING_REGISTRATION"}});
    says(&refused("models:/credit/3", version, Answer::Json(200, pending)), &["error[missing-model]", "not ready"]);
    let answer = Answer::Bytes(vec![b' '; (16 << 20) + 1]);
    says(&refused("models:/credit/3", version, answer), &["error[too-large]"]);
    let run = format!("mlflow/runs/get?run_id={RUN}");
    let another = json!({"run": {"info": {"run_id": "other"}}});
    says(&refused("models:/credit/3", &run, Answer::Json(200, another)), &["error[invalid-answer]", "another one"]);
}

#[test]
fn files_that_no_file_may_be_called_are_refused() {
    let list = list_of(&format!("1/models/{MODEL}/artifacts"));
    for name in ["../x", "/etc/passwd", "a/../../x", "..", "", "a\\b", "C:/x", "a\nb", "./a"] {
        let said = refused("models:/credit/3", &list, listing(&[(name, false, 1)]));
        says(&said, &["error[invalid-answer]", "which no file may be called"]);
        refused("models:/credit/3", &list, listing(&[(name, true, 0)]));
    }
    let said = refused("models:/credit/3", &list, listing(&[("a", false, 1), ("a", false, 1)]));
    says(&said, &["error[invalid-answer]", "twice"]);
    says(&refused("models:/credit/3", &list, listing(&[])), &["error[missing-model]", "no files"]);
    // A directory that was listed and is gone would be judged by nobody.
    let (sandbox, mut answers) = release("models:/credit/3");
    answers.remove(&format!("{list}%2Fweights"));
    run(&sandbox, &serve(answers), "check release").expect(3).says(&["error[missing-model]", "not found"]);
}

#[test]
fn lists_and_files_are_bounded() {
    let list = list_of(&format!("1/models/{MODEL}/artifacts"));
    let names: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    let many: Vec<(&str, bool, usize)> = names.iter().map(|name| (name.as_str(), false, 1)).collect();
    says(&refused("models:/credit/3", &list, listing(&many)), &["error[too-many-files]"]);
    // Pages without end.
    let (sandbox, mut answers) = release("models:/credit/3");
    let page = Answer::Json(200, json!({"files": [], "next_page_token": "more"}));
    answers.insert(list.clone(), page.clone());
    answers.insert(format!("{list}&page_token=more"), page);
    run(&sandbox, &serve(answers), "check release").expect(3).says(&["error[too-many-files]"]);
    // A file that is larger than it was listed, or than all may be.
    let (sandbox, mut answers) = release("models:/credit/3");
    let said = ["error[too-large]", "--max-download"];
    run(&sandbox, &serve(answers.clone()), "check release --max-download 100").expect(3).says(&said);
    answers.insert(list, Answer::Json(200, json!({"files": [{"path": "MLmodel"}]})));
    answers.insert(file("MLmodel"), Answer::Bytes(vec![b' '; 200_000]));
    run(&sandbox, &serve(answers), "check release --max-download 100KiB").expect(3).says(&said);
}

#[test]
fn all_pages_of_a_list_are_read() {
    let (sandbox, mut answers) = release("models:/credit/3");
    let list = list_of(&format!("1/models/{MODEL}/artifacts"));
    let first = json!({"files": [{"path": "MLmodel", "is_dir": false}], "next_page_token": "2"});
    answers.insert(list.clone(), Answer::Json(200, first));
    answers.insert(format!("{list}&page_token=2"), listing(&[("weights", true, 0)]));
    let found = run(&sandbox, &serve(answers), "facts release").expect(0).json();
    assert_eq!(paths(&found), ["models:/credit/3/MLmodel", "models:/credit/3/weights/model.onnx"]);
}

#[test]
fn credentials_go_to_no_other_server() {
    let other = serve(Answers::new());
    let elsewhere = format!("http://127.0.0.1:{}/api/2.0/mlflow/x", other.port);
    for key in ["mlflow/model-versions/get?name=credit&version=3", &file("MLmodel")] {
        let said = refused("models:/credit/3", key, Answer::Redirect(elsewhere.clone()));
        says(&said, &["error[unreachable-server]", "leads to another place"]);
    }
    let uri = "mlflow/model-versions/get-download-uri?name=credit&version=3";
    let at = |uri: String| Answer::Json(200, json!({"artifact_uri": uri}));
    let said = refused("models:/credit/3", uri, at(format!("mlflow-artifacts://127.0.0.1:{}/1", other.port)));
    says(&said, &["error[unreachable-artifacts]", "another server"]);
    for (place, what) in [
        ("file:///srv/mlruns/1/artifacts", "the server's machine"),
        ("/srv/mlruns/1/artifacts", "the server's machine"),
        ("dbfs:/databricks/x", "a store that is not read"),
        ("https://example.org/x", "a store that is not read"),
    ] {
        says(
            &refused("models:/credit/3", uri, at(place.to_owned())),
            &["error[unreachable-artifacts]", what, "--serve-artifacts"],
        );
    }
    says(&refused("models:/credit/3", uri, at("mlflow-artifacts:/1/../../x".to_owned())), &["error[invalid-answer]"]);
    assert_eq!(other.paths(), Vec::<String>::new());
    // The server's own redirects are followed.
    let (sandbox, mut answers) = release("models:/credit/3");
    answers.insert("moved".to_owned(), answers[&file("MLmodel")].clone());
    answers.insert(file("MLmodel"), Answer::Redirect("/api/2.0/moved".to_owned()));
    run(&sandbox, &serve(answers), "facts release").expect(0);
}

#[test]
fn without_the_pipelines_word_no_server_is_asked() {
    let (sandbox, answers) = release("models:/credit/3");
    let server = serve(answers);
    let uri = format!("http://127.0.0.1:{}", server.port);
    sandbox.run("check release").expect(3).says(&["error[no-tracking-server]", "MLFLOW_TRACKING_URI"]);
    run(&sandbox, &server, "check release --offline").expect(3).says(&["error[offline]", "modelgate.yaml"]);
    let alone = [("MLFLOW_TRACKING_URI", uri.as_str())];
    sandbox.run_with(&["check", "release"], &alone).expect(3).says(&["MODELGATE_ALLOW_LOOPBACK"]);
    let named = uri.replace("127", "ann:hunter2@127");
    let ran = run_at(&sandbox, &named, "check release").expect(3).says(&["has a name or password"]);
    assert!(!ran.stderr.contains("hunter2"));
    assert_eq!(server.paths(), Vec::<String>::new());
}

#[test]
fn a_run_that_logged_two_models_of_a_name_needs_an_id() {
    let (sandbox, mut answers) = release(&format!("runs:/{RUN}/model"));
    let other = "m-00000000000000000000000000000000";
    let Some(Answer::Json(_, run_answer)) = answers.get_mut(&format!("mlflow/runs/get?run_id={RUN}")) else { panic!() };
    run_answer["run"]["outputs"]["model_outputs"].as_array_mut().unwrap().push(json!({"model_id": other}));
    let Some(Answer::Json(_, model)) = answers.get(&format!("mlflow/logged-models/{MODEL}")).cloned() else { panic!() };
    let mut model = model;
    model["model"]["info"]["model_id"] = json!(other);
    answers.insert(format!("mlflow/logged-models/{other}"), Answer::Json(200, model));
    run(&sandbox, &serve(answers), "check release").expect(3).says(&["error[ambiguous-model]", other, MODEL]);
}

#[test]
fn a_run_that_is_gone_is_a_fact() {
    let (sandbox, mut answers) = release("models:/credit/3");
    answers.remove(&format!("mlflow/runs/get?run_id={RUN}"));
    let found = run(&sandbox, &serve(answers), "facts release").expect(0).json();
    let mlflow = &found["mlflow"][0];
    assert!(mlflow["run"].is_null());
    assert_eq!(mlflow["registered"]["run_id"], RUN);
}

/// What MLflow 3.17 writes with a file store: the example of `mlflow.log_model` in a run, as far as it is read.
fn run_directory(sandbox: &Sandbox, at: &str) {
    let files = [
        (
            format!("{RUN}/meta.yaml"),
            format!("artifact_uri: file:///mlruns/1/{RUN}/artifacts\nend_time: 1795891338367\nentry_point_name: ''\nexperiment_id: '1'\nlifecycle_stage: active\nrun_id: {RUN}\nrun_name: overjoyed-colt-626\nsource_name: ''\nsource_type: 4\nstart_time: 1795891333545\nstatus: 3\ntags: []\nuser_id: ann\n"),
        ),
        (format!("{RUN}/params/C"), "1.0".to_owned()),
        (format!("{RUN}/tags/mlflow.source.git.commit"), COMMIT.to_owned()),
        (format!("{RUN}/tags/mlflow.source.name"), "train.py".to_owned()),
        (format!("{RUN}/metrics/test/roc_auc"), "1795891334000 0.95 1\n1795891334001 0.9 0\n".to_owned()),
        (
            format!("{RUN}/inputs/cf38/meta.yaml"),
            "destination_id: 1c23\ndestination_type: RUN\nsource_id: 1c23\nsource_type: DATASET\ntags:\n  mlflow.data.context: training\n".to_owned(),
        ),
        ("datasets/1c23/meta.yaml".to_owned(), "digest: cc78dd00\nname: train\nprofile: '{}'\nsource_type: s3\n".to_owned()),
        (format!("{RUN}/artifacts/model/MLmodel"), MLMODEL.to_owned()),
    ];
    for (name, text) in files {
        sandbox.write(&format!("release/{at}/{name}"), text);
    }
}

#[test]
fn directories_of_runs_and_models_are_read() {
    let sandbox = Sandbox::with("approved");
    run_directory(&sandbox, "mlruns/1");
    sandbox.edit("release/modelgate.yaml", "path: model/model.onnx", "path: mlruns");
    let found = sandbox.run("facts release").expect(0).json();
    let mlflow = found["mlflow"].as_array().unwrap();
    assert_eq!(mlflow.len(), 2);
    assert_eq!(mlflow[0]["root"], format!("mlruns/1/{RUN}"));
    insta::assert_json_snapshot!(mlflow[0]["run"], @r#"
    {
      "commit": "0123456789abcdef0123456789abcdef01234567",
      "datasets": [
        {
          "context": "training",
          "digest": "cc78dd00",
          "name": "train",
          "source_type": "s3"
        }
      ],
      "deleted": false,
      "end_time": "2026-11-28T18:42:18.367Z",
      "experiment_id": "1",
      "metrics": [
        {
          "name": "test/roc_auc",
          "value": 0.95
        }
      ],
      "name": "overjoyed-colt-626",
      "params": {
        "C": "1.0"
      },
      "run_id": "371a1a2f163b4b64bd1b8d02b5a67119",
      "source": "train.py",
      "start_time": "2026-11-28T18:42:13.545Z",
      "status": "finished",
      "tags": {
        "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
        "mlflow.source.name": "train.py"
      },
      "user": "ann"
    }
    "#);
    assert_eq!(mlflow[1]["root"], format!("mlruns/1/{RUN}/artifacts/model"));
    assert_eq!((&mlflow[1]["origin"], &mlflow[1]["model"]["run_id"]), (&json!("files"), &json!(RUN)));
    sandbox.write(&format!("release/mlruns/1/{RUN}/metrics/test/loss"), "high\n");
    sandbox.run("facts release").expect(3).says(&["error[malformed-run]", "metrics/test/loss"]);
}

#[test]
fn what_is_called_mlmodel_and_is_none_is_a_danger() {
    let sandbox = Sandbox::with("approved");
    sandbox.write("release/m/MLmodel", "flavors: nothing");
    sandbox.edit("release/modelgate.yaml", "path: model/model.onnx", "path: m");
    let found = sandbox.run("facts release").expect(0).json();
    assert_eq!(found["artifacts"][0]["risks"][0]["code"], "mlflow-malformed");
    sandbox.write("release/m/MLmodel", "flavors:\n  python_function: {loader_module: mine, code: code}\n");
    let found = sandbox.run("facts release").expect(0).json();
    assert_eq!(found["artifacts"][0]["risks"][0]["code"], "mlflow-custom-code");
    assert_eq!(found["artifacts"][0]["risks"][0]["severity"], "high");
    sandbox.run("check release").expect(1);
}
