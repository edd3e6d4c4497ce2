//! Rows that are elsewhere: an object store and a web server of the test's own, on this machine.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::common::{Ran, Sandbox, floats, integers, parquet};

const SECRET: &str = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";

/// Buckets and their objects. What is in `changing` has another version at each request, `short` breaks off, and
/// `denied` lets nobody in.
struct Server {
    port: u16,
    ranges: Arc<AtomicU64>,
}

type Objects = BTreeMap<String, Vec<u8>>;

fn serve(objects: Objects) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ranges = Arc::new(AtomicU64::new(0));
    let (objects, counted) = (Arc::new(objects), Arc::clone(&ranges));
    // It ends with the test's process, of which it is a thread.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (objects, counted) = (Arc::clone(&objects), Arc::clone(&counted));
            std::thread::spawn(move || answer(stream, &objects, &counted));
        }
    });
    Server { port, ranges }
}

fn answer(mut stream: TcpStream, objects: &Objects, ranges: &AtomicU64) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let request = lines.next()?;
    let mut headers = BTreeMap::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let [method, target] = request.split(' ').take(2).collect::<Vec<_>>().try_into().ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.trim_start_matches('/').replace("%3D", "=");
    let head = |status: &str, more: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n")
    };
    if path.starts_with("denied") {
        let body = "<Error><Code>AccessDenied</Code></Error>";
        return write!(stream, "{}{body}", head("403 Forbidden", "", body.len())).ok();
    }
    if path == "moved.csv" {
        return write!(stream, "{}", head("302 Found", "Location: http://example.org/rows.csv?sig=s3cret\r\n", 0)).ok();
    }
    if query.contains("list-type=2") {
        let prefix =
            query.split('&').find_map(|part| part.strip_prefix("prefix="))?.replace("%2F", "/").replace("%3D", "=");
        let keys = objects.iter().filter_map(|(name, bytes)| {
            let key = name.strip_prefix(path.trim_end_matches('/'))?.trim_start_matches('/');
            key.starts_with(&prefix).then(|| {
                format!("<Contents><Key>{key}</Key><Size>{}</Size><ETag>\"1\"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>", bytes.len())
            })
        });
        let body = format!(
            "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>",
            keys.collect::<String>()
        );
        return write!(stream, "{}{body}", head("200 OK", "Content-Type: application/xml\r\n", body.len())).ok();
    }
    let Some(bytes) = objects.get(&path) else {
        return write!(stream, "{}", head("404 Not Found", "", 0)).ok();
    };
    let is_changing = path.starts_with("changing");
    if is_changing && headers.contains_key("if-match") {
        return write!(stream, "{}", head("412 Precondition Failed", "", 0)).ok();
    }
    let about = "ETag: \"1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n";
    if method == "HEAD" {
        return write!(stream, "{}", head("200 OK", about, bytes.len())).ok();
    }
    let (part, about, status) = match headers.get("range").and_then(|range| range.strip_prefix("bytes=")) {
        Some(range) => {
            ranges.fetch_add(1, Ordering::Relaxed);
            let (first, last) = range.split_once('-')?;
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            let content_range = format!("{about}Content-Range: bytes {first}-{last}/{}\r\n", bytes.len());
            (bytes.get(first..=last)?, content_range, "206 Partial Content")
        }
        None => (bytes.as_slice(), about.to_owned(), "200 OK"),
    };
    write!(stream, "{}", head(status, &about, part.len())).ok()?;
    let sent = if path.starts_with("short") { part.get(..part.len() / 2)? } else { part };
    stream.write_all(sent).ok()
}

fn rows(count: i64, first: i64) -> Vec<u8> {
    parquet(vec![
        ("id", integers((first..first + count).map(Some).collect())),
        ("y", integers((0..count).map(|row| Some(row * 7 % 3 % 2)).collect())),
        ("s", floats((0..count).map(|row| Some((row * 13 % 101) as f64 / 101.0)).collect())),
    ])
}

fn server() -> (Server, Objects) {
    let mut objects = Objects::new();
    for bucket in ["evaluations", "changing", "short"] {
        objects.insert(format!("{bucket}/rows.parquet"), rows(400, 0));
    }
    // Larger than one request is.
    objects.insert(
        "evaluations/large.csv".to_owned(),
        format!("y,s\n{}", "1,0.5\n0,0.25\n".repeat(1_500_000)).into_bytes(),
    );
    objects.insert("evaluations/parts/region=north/0.parquet".to_owned(), rows(200, 0));
    objects.insert("evaluations/parts/region=south/0.parquet".to_owned(), rows(300, 200));
    objects.insert("evaluations/parts/_SUCCESS".to_owned(), Vec::new());
    objects.insert("plain.csv".to_owned(), b"y,s\n1,0.5\n0,0.25\n1,0.75\n".to_vec());
    (serve(objects.clone()), objects)
}

fn run(sandbox: &Sandbox, server: &Server, command: &str) -> Ran {
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let arguments: Vec<&str> = command.split_whitespace().collect();
    let ran = sandbox.run_with(
        &arguments,
        &[
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("MODELGATE_ALLOW_LOOPBACK", "1"),
        ],
    );
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(SECRET) && !text.contains("AKIAIOSFODNN7EXAMPLE"), "{text}");
    }
    ran
}

fn measured(ran: Ran) -> Value {
    let mut facts = ran.expect(0).json();
    for key in ["name", "data"] {
        facts.as_object_mut().unwrap().remove(key);
    }
    facts
}

#[test]
fn an_object_gives_the_facts_of_the_same_file() {
    let (sandbox, (server, objects)) = (Sandbox::new(), server());
    let evaluate = "--label y --score s --output json";
    for name in ["rows.parquet", "large.csv"] {
        sandbox.write(name, &objects[&format!("evaluations/{name}")]);
        let local = sandbox.run(&format!("evaluate {name} {evaluate}")).expect(0).json();
        let remote = run(&sandbox, &server, &format!("evaluate s3://evaluations/{name} {evaluate}")).expect(0).json();
        assert_eq!(remote["data"]["path"], format!("s3://evaluations/{name}"));
        assert_eq!(remote["data"]["sha256"], local["data"]["sha256"]);
        assert_eq!((&remote["metrics"], &remote["rows"]), (&local["metrics"], &local["rows"]));
    }
    assert!(server.ranges.load(Ordering::Relaxed) >= 3, "a large object comes in several requests");
    let plain = format!("http://127.0.0.1:{}/plain.csv", server.port);
    assert_eq!(run(&sandbox, &server, &format!("evaluate {plain} {evaluate}")).expect(0).json()["rows"]["valid"], 3);
}

#[test]
fn prefixes_and_globs_give_the_facts_of_the_same_directory() {
    let (sandbox, (server, objects)) = (Sandbox::new(), server());
    for (name, bytes) in &objects {
        sandbox.write(name, bytes);
    }
    let evaluate = "--label y --score s --id id --slices region --output json";
    let local = sandbox.run(&format!("evaluate evaluations/parts {evaluate}"));
    let local = measured(local);
    assert_eq!(local["data_files"].as_array().unwrap().len(), 2);
    assert_eq!(local, measured(run(&sandbox, &server, &format!("evaluate s3://evaluations/parts/ {evaluate}"))));
    let glob = "evaluations/parts/region=*/*.parquet";
    assert_eq!(local, measured(run(&sandbox, &server, &format!("evaluate s3://{glob} {evaluate}"))));
    let south = format!("evaluate s3://evaluations/parts/region=[s]*/*.parquet {evaluate}");
    assert_eq!(measured(run(&sandbox, &server, &south))["rows"]["valid"], 300);
}

#[test]
fn a_manifest_names_rows_that_are_elsewhere() {
    let (sandbox, (_, mut objects)) = (Sandbox::with("approved"), server());
    let read = |name: &str| std::fs::read(sandbox.path(&format!("release/data/{name}"))).unwrap();
    for name in ["holdout.parquet", "train.parquet"] {
        objects.insert(format!("evaluations/{name}"), read(name));
    }
    let server = serve(objects);
    let local = sandbox.run("facts release").expect(0).json();
    for name in ["holdout.parquet", "train.parquet"] {
        sandbox.edit("release/modelgate.yaml", &format!("data/{name}"), &format!("s3://evaluations/{name}"));
    }
    let remote = run(&sandbox, &server, "facts release").expect(0).json();
    let (local, remote) = (&local["evaluations"][0], &remote["evaluations"][0]);
    assert_eq!(remote["data"]["path"], "s3://evaluations/holdout.parquet");
    assert_eq!(remote["data"]["sha256"], local["data"]["sha256"]);
    for key in ["metrics", "slices", "comparisons", "rows"] {
        assert_eq!(remote[key], local[key], "{key}");
    }
    assert_eq!(remote["leakage"]["id_overlap"], local["leakage"]["id_overlap"]);
    run(&sandbox, &server, "check release").expect(0);
    run(&sandbox, &server, "facts release --offline").expect(3).says(&["error[offline]", "modelgate.yaml"]);
    // Without a way to them nothing is decided.
    sandbox
        .run_with(
            &["check", "release"],
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ALLOW_HTTP", "true"), ("AWS_SKIP_SIGNATURE", "true")],
        )
        .expect(3)
        .says(&["error[unreachable-file]", "modelgate.yaml"]);
}

#[test]
fn what_cannot_be_read_is_refused_with_a_reason() {
    let (sandbox, (server, _)) = (Sandbox::new(), server());
    let refuses = |address: &str, said: &[&str]| {
        run(&sandbox, &server, &format!("evaluate {address} --label y --score s")).expect(3).says(said);
    };
    refuses("s3://evaluations/absent.parquet", &["error[missing-file]", "does not exist"]);
    refuses("s3://evaluations/absent/", &["error[missing-file]", "stands for no file"]);
    refuses("s3://denied/rows.parquet", &["error[access-refused]", "AWS_ACCESS_KEY_ID"]);
    refuses("s3://changing/rows.parquet", &["error[changed-file]", "changed while it was read"]);
    refuses("s3://short/rows.parquet", &["error[unreachable-file]"]);
    refuses("s3://evaluations/rows.parquet --max-download 1KiB", &["error[too-large]", "--max-download"]);
    refuses("s3://evaluations/rows.parquet?versionId=1", &["error[invalid-address]", "query"]);
    refuses("ftp://example.org/rows.csv", &["error[invalid-address]", "s3://"]);
    let plain = format!("http://127.0.0.1:{}", server.port);
    refuses(&format!("{plain}/plain.csv --max-download 8"), &["error[too-large]"]);
    refuses(&format!("{plain}/absent.csv"), &["error[unreachable-file]", "404"]);
    let moved = run(&sandbox, &server, &format!("evaluate {plain}/moved.csv --label y --score s")).expect(3);
    assert!(moved.stderr.contains("leads to another place") && !moved.stderr.contains("s3cret"), "{}", moved.stderr);
    // Without the pipeline's word nothing on this machine is asked.
    let alone = ["evaluate", &format!("{plain}/plain.csv"), "--label", "y", "--score", "s"].map(str::to_owned);
    sandbox.run(&alone.join(" ")).expect(3).says(&["error[unreachable-file]", "http is not read"]);
    sandbox.run("evaluate https://localhost:1/rows.csv --label y --score s").expect(3).says(&["cannot be reached"]);
    sandbox.run("evaluate https://169.254.169.254/rows.csv --label y --score s").expect(3).says(&["on its link"]);
}

/// A server with the released model, as the objects of `models/credit`.
fn models(sandbox: &Sandbox) -> Server {
    let model = std::fs::read(sandbox.path("release/model/model.onnx")).unwrap();
    let mut objects = Objects::new();
    for bucket in ["models", "changing", "short"] {
        objects.insert(format!("{bucket}/credit/model.onnx"), model.clone());
    }
    objects.insert("models/credit/code/_custom.py".to_owned(), b"import os\n".to_vec());
    objects.insert("models/credit/config.json".to_owned(), b"{}".to_vec());
    // Larger than one request is.
    objects.insert("models/large.bin".to_owned(), b"0123456789abcdef".repeat(2_500_000));
    objects.insert("odd/credit/a\\b.onnx".to_owned(), model.clone());
    objects.insert("model.onnx".to_owned(), model);
    serve(objects)
}

fn artifacts(ran: Ran) -> Vec<Value> {
    ran.expect(0).json().get("artifacts").and_then(Value::as_array).unwrap().clone()
}

fn with_artifact(path: &str) -> Sandbox {
    let sandbox = Sandbox::with("approved");
    sandbox.edit("release/modelgate.yaml", "path: model/model.onnx", &format!("path: '{path}'"));
    sandbox
}

#[test]
fn an_artifact_elsewhere_gives_the_facts_of_the_same_file() {
    let sandbox = Sandbox::with("approved");
    let server = models(&sandbox);
    let local = artifacts(sandbox.run("facts release")).remove(0);
    let plain = format!("http://127.0.0.1:{}/model.onnx", server.port);
    for path in ["s3://models/credit/model.onnx", &plain, "s3://models/credit/*.onnx"] {
        let sandbox = with_artifact(path);
        let mut remote = artifacts(run(&sandbox, &server, "facts release"));
        assert_eq!(remote.len(), 1, "{path}");
        let shown = path.replace("*.onnx", "model.onnx");
        assert_eq!(remote[0]["path"], shown.as_str());
        remote[0]["path"] = local["path"].clone();
        assert_eq!(remote[0], local);
        run(&sandbox, &server, "check release").expect(0);
        run(&sandbox, &server, "facts release --offline").expect(3).says(&["error[offline]", "modelgate.yaml"]);
    }
    let before = server.ranges.load(Ordering::Relaxed);
    let large = with_artifact("s3://models/large.bin");
    large.write("large.bin", b"0123456789abcdef".repeat(2_500_000));
    large.write("release/large.bin", large.read("large.bin"));
    let remote = artifacts(run(&large, &server, "facts release")).remove(0);
    large.edit("release/modelgate.yaml", "s3://models/large.bin", "large.bin");
    assert_eq!(remote["sha256"], artifacts(large.run("facts release"))[0]["sha256"]);
    assert!(server.ranges.load(Ordering::Relaxed) >= before + 3, "a large object comes in several requests");
}

#[test]
fn nothing_below_a_prefix_is_passed_over() {
    let server = models(&Sandbox::with("approved"));
    let sandbox = with_artifact("s3://models/credit/");
    let found = artifacts(run(&sandbox, &server, "facts release"));
    let paths: Vec<&str> = found.iter().map(|artifact| artifact["path"].as_str().unwrap()).collect();
    let names = ["code/_custom.py", "config.json", "model.onnx"].map(|name| format!("s3://models/credit/{name}"));
    assert_eq!(paths, names);
    // The same object twice, once by its name.
    let again = "path: 's3://models/credit/'\n  - path: 's3://models/credit/model.onnx'";
    sandbox.edit("release/modelgate.yaml", "path: 's3://models/credit/'", again);
    run(&sandbox, &server, "facts release").expect(3).says(&["error[duplicate-artifact]", "part of two"]);
}

#[test]
fn artifacts_that_cannot_be_read_decide_nothing() {
    let server = models(&Sandbox::with("approved"));
    let refuses = |path: &str, options: &str, said: &[&str]| {
        run(&with_artifact(path), &server, &format!("check release {options}")).expect(3).says(said);
    };
    refuses("s3://models/absent.onnx", "", &["error[missing-file]", "modelgate.yaml:"]);
    refuses("s3://models/absent/", "", &["error[missing-file]", "stands for no file"]);
    refuses("s3://denied/model.onnx", "", &["error[access-refused]"]);
    refuses("s3://changing/credit/model.onnx", "", &["error[changed-file]"]);
    refuses("s3://short/credit/model.onnx", "", &["error[unreachable-file]"]);
    refuses("s3://models/credit/", "--max-download 100", &["error[too-large]", "--max-download"]);
    refuses("s3://odd/credit/", "", &["error[invalid-address]", "no file may be called"]);
    let plain = with_artifact("https://169.254.169.254/model.onnx");
    run(&plain, &server, "check release").expect(3).says(&["on its link"]);
    run(&with_artifact("s3://models/m.onnx?versionId=1"), &server, "check release")
        .expect(2)
        .says(&["error[invalid-address]", "query"]);
}
