//! A forge on loopback: it keeps what it is sent, gives it back, and fails as it is told to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

pub(super) const HEAD: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
pub(super) const BOT: &str = "github-actions[bot]";

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It is answered, and nothing is done.
    Answer(u16, Vec<(&'static str, String)>, &'static str),
    /// It is done, and the answer says otherwise.
    Done(u16),
    /// It is done, and the answer ends in its middle.
    Cut,
    /// It is not answered in time.
    Slow,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without its query.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) head: String,
    pub(super) body: Value,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// `(id, author, body)`.
    pub(super) comments: Vec<(u64, String, String)>,
    pub(super) statuses: Vec<Value>,
    pub(super) check_runs: Vec<Value>,
    pub(super) uploads: Vec<Value>,
    pub(super) analyses: Vec<Value>,
    pub(super) run: Value,
    pub(super) pulls: Vec<Value>,
    pub(super) requests: Vec<Request>,
    /// For requests with the method whose path has the text: how often, and what.
    pub(super) faults: Vec<(&'static str, &'static str, usize, Fault)>,
}

impl State {
    pub(super) fn fail(&mut self, method: &'static str, path: &'static str, times: usize, fault: Fault) {
        self.faults.push((method, path, times, fault));
    }

    pub(super) fn writes(&self) -> usize {
        let writes = self.requests.iter().filter(|request| request.method != "GET" && request.path != "/graphql");
        writes.count()
    }

    fn next_id(&self) -> u64 {
        (100 + self.comments.len() + self.statuses.len() + self.check_runs.len()) as u64
    }
}

pub(super) struct Server {
    pub(super) url: String,
    pub(super) state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (state, stop) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // A client that went away is no failure of the server.
                std::thread::spawn(move || serve(&mut stream.unwrap(), &shared));
            }
        });
        Self { url, state, stop, thread: Some(thread) }
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        let _ = self.thread.take().unwrap().join();
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    let mut first = head.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), head: head.clone(), body })
}

fn serve(stream: &mut TcpStream, state: &Mutex<State>) {
    let Some(request) = read(stream) else { return };
    let (fault, answer) = {
        let mut state = state.lock().unwrap();
        state.requests.push(request.clone());
        let fault = state
            .faults
            .iter_mut()
            .find(|(method, path, times, _)| *method == request.method && request.path.contains(path) && *times > 0);
        let fault = fault.map(|(_, _, times, fault)| {
            *times -= 1;
            fault.clone()
        });
        let answer = match &fault {
            Some(Fault::Answer(..) | Fault::Slow) => None,
            _ => Some(route(&request, &mut state)),
        };
        (fault, answer)
    };
    let (status, headers, body) = match (&fault, answer) {
        (Some(Fault::Answer(status, headers, body)), _) => {
            (*status, headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect(), (*body).to_owned())
        }
        (Some(Fault::Slow), _) => {
            std::thread::sleep(Duration::from_millis(900));
            return;
        }
        (Some(Fault::Done(status)), _) => (*status, String::new(), "{}".to_owned()),
        (_, Some((status, headers, body))) => (status, headers, body.to_string()),
        (_, None) => unreachable!(),
    };
    let cut = if matches!(fault, Some(Fault::Cut)) { body.len() / 2 } else { body.len() };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{}",
        body.len(),
        &body[..cut]
    );
}

fn route(request: &Request, state: &mut State) -> (u16, String, Value) {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let plain = |status: u16, body: Value| (status, String::new(), body);
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["graphql"]) => plain(200, json!({"data": {"viewer": {"login": BOT}}})),
        ("GET", ["user"]) => plain(200, json!({"id": 1, "username": "bot"})),
        ("GET", [.., "comments" | "notes"]) => page(request, state),
        ("POST", [.., "comments" | "notes"]) => {
            let id = state.next_id();
            let body = request.body["body"].as_str().unwrap().to_owned();
            state.comments.push((id, BOT.to_owned(), body.clone()));
            plain(201, json!({"id": id, "html_url": format!("https://forge.example/c/{id}"), "body": body}))
        }
        ("PATCH", [.., "comments", id]) | ("PUT", [.., "notes", id]) => {
            let id: u64 = id.parse().unwrap();
            let comment = state.comments.iter_mut().find(|comment| comment.0 == id).unwrap();
            comment.2 = request.body["body"].as_str().unwrap().to_owned();
            plain(200, json!({"id": id}))
        }
        ("GET", [.., "statuses"]) => plain(200, state.statuses.iter().rev().cloned().collect()),
        ("POST", [.., "statuses", HEAD]) => {
            let mut status = request.body.clone();
            status["id"] = json!(state.next_id());
            // GitLab calls it otherwise when it is read.
            status["status"] = status["state"].clone();
            state.statuses.push(status);
            plain(201, json!({}))
        }
        ("GET", [.., "check-runs"]) => plain(200, json!({"check_runs": state.check_runs})),
        ("POST", [.., "check-runs"]) => {
            let mut run = request.body.clone();
            run["id"] = json!(state.next_id());
            run["output"]["annotations_count"] = json!(run["output"]["annotations"].as_array().unwrap().len());
            state.check_runs.push(run.clone());
            plain(201, run)
        }
        ("PATCH", [.., "check-runs", id]) => {
            let id: u64 = id.parse().unwrap();
            let run = state.check_runs.iter_mut().find(|run| run["id"] == id).unwrap();
            let more = request.body["output"]["annotations"].as_array().unwrap().clone();
            let all = run["output"]["annotations"].as_array_mut().unwrap();
            all.extend(more);
            let count = all.len();
            run["output"]["annotations_count"] = json!(count);
            plain(200, run.clone())
        }
        ("GET", [.., "analyses"]) if state.analyses.is_empty() => plain(404, json!({"message": "no analysis found"})),
        ("GET", [.., "analyses"]) => plain(200, json!(state.analyses)),
        ("POST", [.., "sarifs"]) => {
            state.uploads.push(request.body.clone());
            plain(202, json!({"id": "47177e22"}))
        }
        ("GET", [.., "runs", _]) => plain(200, state.run.clone()),
        ("GET", [.., "pulls"]) => plain(200, json!(state.pulls)),
        _ => plain(404, json!({"message": "Not Found"})),
    }
}

/// A page of comments in the form of both forges.
fn page(request: &Request, state: &State) -> (u16, String, Value) {
    let parameter = |name: &str| {
        let mut pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or(1, |(_, value)| value.parse::<usize>().unwrap())
    };
    let (per_page, page) = (parameter("per_page"), parameter("page"));
    let start = (page - 1) * per_page;
    let shown = state.comments.iter().skip(start).take(per_page).map(|(id, author, body)| {
        let url = format!("https://forge.example/c/{id}");
        let number = u64::from(author != BOT) + 1;
        json!({"id": id, "body": body, "html_url": url, "user": {"login": author}, "author": {"id": number}})
    });
    let next = state.comments.len() > start + per_page;
    let link = if next { "Link: <https://forge.example/next>; rel=\"next\"\r\n" } else { "" };
    (200, link.to_owned(), shown.collect())
}
