//! A scheduler and two executors as processes of their own, on this machine.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Ran, Sandbox, floats, integers, parquet, strings};

const ASKED: &str = "evaluate data --label y --score p --slices region --protected sex --intersect region+sex \
                     --favourable positive --id id --output json";

/// A process that ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A scheduler and its executors.
struct Cluster {
    url: String,
    executors: Vec<Service>,
    _scheduler: Service,
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Service {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modelgate"));
    let child = command
        .args(arguments)
        .current_dir(sandbox.path("home"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stderr(Stdio::piped())
        .spawn();
    Service(child.unwrap())
}

/// What a service says first.
fn first_line(service: &mut Service) -> String {
    let mut line = String::new();
    BufReader::new(service.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    line
}

impl Cluster {
    /// With `executors` that serve the directory `data`, each with one task at a time.
    fn start(sandbox: &Sandbox, executors: usize, tls: &[&str]) -> Self {
        let arguments = ["cluster", "scheduler", "--listen", "127.0.0.1:0", "--lost-after", "5"];
        let mut scheduler = start(sandbox, &[&arguments, tls].concat());
        let line = first_line(&mut scheduler);
        let url = line.split_whitespace().find(|word| word.starts_with("ballista://")).unwrap();
        let url = url.trim_end_matches(',').to_owned();
        let executors = (0..executors).map(|number| executor(sandbox, &url, number, tls)).collect();
        Self { url, executors, _scheduler: scheduler }
    }

    fn evaluate(&self, sandbox: &Sandbox, more: &str) -> Ran {
        sandbox.run(&format!("{ASKED} --engine {} {more}", self.url))
    }
}

fn executor(sandbox: &Sandbox, url: &str, number: usize, tls: &[&str]) -> Service {
    // Nobody else takes a port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (listen, data) = (format!("127.0.0.1:{port}"), sandbox.path("data").display().to_string());
    let work = sandbox.path(&format!("work-{number}"));
    fs::create_dir_all(&work).unwrap();
    let work = work.display().to_string();
    let arguments = [
        "cluster",
        "executor",
        "--scheduler",
        url,
        "--data",
        &data,
        "--listen",
        &listen,
        "--tasks",
        "1",
        "--work",
        &work,
    ];
    start(sandbox, &[&arguments, tls].concat())
}

/// Files of rows with ties, missing values of every kind, and ids that are there twice.
fn rows(sandbox: &Sandbox, files: usize, rows: usize) {
    let mut state = 0x1234_5678_9abc_def0_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(u32::MAX >> 1)
    };
    for file in 0..files {
        let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for row in 0..rows {
            let score = next();
            let score = if file % 2 == 0 { score } else { (score * 50.0).floor() / 50.0 };
            let score = if row % 997 == 3 { f64::NAN } else { score };
            columns.0.push((row % 1009 != 5).then_some((file * rows + row / 2 * 2) as i64));
            columns.1.push((row % 1013 != 7).then_some(i64::from(next() < score)));
            columns.2.push((row % 1019 != 11).then_some(score));
            let region = next();
            columns.3.push(if region < 0.4 { Some("north") } else { Some("south").filter(|_| region < 0.8) });
            columns.4.push(Some(if next() < 0.5 { "f" } else { "m" }));
        }
        let (ids, labels, scores, regions, sexes) = columns;
        let bytes = parquet(vec![
            ("id", integers(ids)),
            ("y", integers(labels)),
            ("p", floats(scores)),
            ("region", strings(regions)),
            ("sex", strings(sexes)),
        ]);
        sandbox.write(&format!("data/part-{file}.parquet"), bytes);
    }
}

#[test]
fn two_executors_give_the_bytes_of_one_machine() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 5, 30_000);
    let here = sandbox.run(ASKED).expect(0);
    let cluster = Cluster::start(&sandbox, 2, &[]);
    let there = cluster.evaluate(&sandbox, "").expect(0);
    assert_eq!(here.stdout, there.stdout);
    let facts = there.json();
    assert!(facts["rows"]["id_duplicates"].as_u64().unwrap() > 70_000, "{}", facts["rows"]);
    assert_eq!(facts["data_files"].as_array().unwrap().len(), 5);
    // Both had something to do, and one file alone, with fewer rows than make a bucket, is as good.
    for number in 0..2 {
        assert!(fs::read_dir(sandbox.path(&format!("work-{number}"))).unwrap().count() > 0, "{number}");
    }
    let one = ASKED.replace("evaluate data", "evaluate data/part-1.parquet");
    let there = sandbox.run(&format!("{one} --engine {}", cluster.url)).expect(0);
    assert_eq!(sandbox.run(&one).expect(0).stdout, there.stdout);
}

#[test]
fn a_release_has_the_same_facts() {
    let sandbox = Sandbox::with("approved");
    fs::rename(sandbox.path("release"), sandbox.path("data")).unwrap();
    let cluster = Cluster::start(&sandbox, 1, &[]);
    let here = sandbox.run("facts data").expect(0);
    let there = sandbox.run(&format!("facts data --engine {}", cluster.url)).expect(0);
    assert_eq!(here.stdout, there.stdout);
    // It was asked.
    assert!(fs::read_dir(sandbox.path("work-0")).unwrap().count() > 0);
}

#[test]
fn an_executor_that_is_killed_in_the_middle_changes_nothing() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 8, 100_000);
    let here = sandbox.run(ASKED).expect(0);
    let mut cluster = Cluster::start(&sandbox, 2, &[]);
    let mut first = cluster.executors.remove(0);
    let there = std::thread::scope(|scope| {
        let there = scope.spawn(|| cluster.evaluate(&sandbox, ""));
        // Of the second job there is something already, and not all.
        let jobs = || fs::read_dir(sandbox.path("work-0")).unwrap().count();
        let start = Instant::now();
        while jobs() < 2 {
            assert!(start.elapsed() < Duration::from_secs(300), "nothing was done");
            std::thread::sleep(Duration::from_millis(2));
        }
        first.0.kill().unwrap();
        assert!(!there.is_finished());
        there.join().unwrap()
    });
    assert_eq!(here.stdout, there.expect(0).stdout);
}

#[test]
fn a_cluster_without_executors_gives_an_error_and_not_a_part() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 2, 1000);
    let cluster = Cluster::start(&sandbox, 0, &[]);
    cluster.evaluate(&sandbox, "").expect(3).says(&["cluster-failed", "there was no executor for it"]);
    let url = cluster.url.clone();
    drop(cluster);
    let gone = sandbox.run(&format!("{ASKED} --engine {url}"));
    gone.expect(3).says(&["cluster-failed", "look whether the scheduler"]);
}

#[test]
fn problems_of_files_are_those_of_one_machine() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 2, 1000);
    let cluster = Cluster::start(&sandbox, 1, &[]);
    let same = |code: i32| {
        let (here, there) = (sandbox.run(ASKED).expect(code), cluster.evaluate(&sandbox, "").expect(code));
        assert_eq!(here.stderr, there.stderr);
        there
    };
    let good = fs::read(sandbox.path("data/part-1.parquet")).unwrap();
    let columns = |label| {
        vec![
            ("id", integers(vec![Some(1)])),
            (label, integers(vec![Some(1)])),
            ("p", floats(vec![Some(0.5)])),
            ("region", strings(vec![None])),
            ("sex", strings(vec![Some("f")])),
        ]
    };
    sandbox.write("data/part-1.parquet", parquet(columns("label")));
    same(3).says(&["in `part-1.parquet`: there is no column `y`"]);
    let mut mixed = columns("y");
    mixed.iter_mut().filter(|(name, _)| *name == "p").for_each(|(_, column)| *column = strings(vec![Some("0.5")]));
    sandbox.write("data/part-1.parquet", parquet(mixed));
    same(3).says(&["in `part-1.parquet`: the column `p` is"]);
    sandbox.write("data/part-1.parquet", good.split_at(good.len() - 100).0);
    same(3).says(&["part-1.parquet"]);
    let mut torn = good.clone();
    torn.iter_mut().skip(good.len() / 2).take(1).for_each(|byte| *byte ^= 0x55);
    sandbox.write("data/part-1.parquet", &torn);
    let (here, there) = (sandbox.run(ASKED), cluster.evaluate(&sandbox, ""));
    assert_eq!((here.code, here.stderr, here.stdout), (there.code, there.stderr, there.stdout));
    sandbox.write("data/part-1.parquet", &good);
    same(0);
}

#[test]
fn files_that_are_not_served_are_not_read() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 2, 1000);
    fs::rename(sandbox.path("data"), sandbox.path("private")).unwrap();
    rows(&sandbox, 1, 10);
    std::os::unix::fs::symlink(sandbox.path("private/part-0.parquet"), sandbox.path("data/link.parquet")).unwrap();
    let cluster = Cluster::start(&sandbox, 1, &[]);
    for path in ["private", "data/link.parquet"] {
        let asked = ASKED.replace("evaluate data", &format!("evaluate {path}"));
        let refused = sandbox.run(&format!("{asked} --engine {}", cluster.url)).expect(3);
        refused.says(&["file-not-served", "is in no directory that is served"]);
    }
}

#[test]
fn other_machines_need_certificates() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 1, 10);
    let refused = |arguments: &str, code| sandbox.run(arguments).expect(code).says(&["open-cluster", "--cluster-tls"]);
    refused("cluster scheduler --listen 0.0.0.0:0", 3);
    refused("cluster executor --data data --listen 0.0.0.0:1", 3);
    refused("cluster executor --data data --scheduler ballista://192.0.2.1", 3);
    refused(&format!("{ASKED} --engine ballista://192.0.2.1"), 2);
    sandbox.run(&format!("{ASKED} --engine http://localhost")).expect(2).says(&["ballista://host:port"]);
}

/// An authority and what it signed, and a stranger with a certificate of its own.
fn certificates(directory: &Path) {
    let openssl = |arguments: &str| {
        let ran = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    fs::create_dir_all(directory.join("own")).unwrap();
    fs::create_dir_all(directory.join("stranger")).unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out own/ca.pem -days 2 -subj /CN=authority"));
    fs::write(directory.join("extensions"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        .unwrap();
    openssl(&format!("req {key} -keyout own/key.pem -out own.csr -subj /CN=node"));
    openssl(
        "x509 -req -in own.csr -CA own/ca.pem -CAkey ca.key -CAcreateserial -out own/cert.pem -days 2 \
         -extfile extensions",
    );
    openssl(&format!("req -x509 {key} -keyout stranger/key.pem -out stranger/cert.pem -days 2 -subj /CN=stranger"));
    fs::copy(directory.join("own/ca.pem"), directory.join("stranger/ca.pem")).unwrap();
}

#[test]
fn certificates_are_asked_for_on_both_sides() {
    let sandbox = Sandbox::new();
    rows(&sandbox, 2, 2000);
    certificates(&sandbox.path("tls"));
    let own = sandbox.path("tls/own").display().to_string();
    let cluster = Cluster::start(&sandbox, 2, &["--cluster-tls", &own]);
    let here = sandbox.run(ASKED).expect(0);
    let there = cluster.evaluate(&sandbox, "--cluster-tls tls/own").expect(0);
    assert_eq!(here.stdout, there.stdout);
    cluster.evaluate(&sandbox, "--cluster-tls tls/stranger").expect(3).says(&["cluster-failed"]);
    cluster.evaluate(&sandbox, "").expect(3).says(&["cluster-failed"]);
}
