//! Runs a query in a process of its own, which can be killed: text functions and joins take what they want.

use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Request, Row, query};

/// The subcommand with which a program runs a query.
pub const SUBCOMMAND: &str = "sql-worker";

/// Address space of the child beside the rows: its code, its stacks and the buffers of decoders.
#[cfg(unix)]
const BESIDE_ROWS_BYTES: u64 = 3 << 30;

/// Time for the child to start and to say what came out, beside the query's own.
const BESIDE_QUERY: Duration = Duration::from_secs(10);

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Has `program` run the query.
pub(super) fn ask(program: &Path, request: &Request) -> Result<Vec<Row>, String> {
    let gone = |error: io::Error| format!("the process that runs queries could not be used: {error}");
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(gone)?;
    let (sender, receiver) = mpsc::channel();
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let question = serde_json::to_vec(request).map_err(|error| error.to_string())?;
    let asked = thread::Builder::new().name("sql-answer".to_owned()).spawn(move || {
        let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return };
        let mut answer = Vec::new();
        let told = stdin.write_all(&question).map(|()| drop(stdin));
        let heard = told.and_then(|()| BufReader::new(stdout).take(ANSWER_BYTES_MAX).read_to_end(&mut answer));
        // Nobody listens any more if it took too long.
        let _ = sender.send(heard.map(|_| answer));
    });
    asked.map_err(gone)?;
    let heard = receiver.recv_timeout(Duration::from_secs(u64::from(request.check.seconds)) + BESIDE_QUERY);
    let _ = child.kill();
    let status = child.wait();
    match heard {
        Err(_) => Err(query::over(request.check.seconds)),
        Ok(Err(error)) => Err(gone(error)),
        Ok(Ok(answer)) => serde_json::from_slice(&answer).unwrap_or_else(|_| {
            let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(format!("the process that ran the query ended: it takes more memory or stack than there is ({ended})"))
        }),
    }
}

/// Runs the query of the process at the other end.
///
/// # Errors
/// The other end is gone, or says something else than it should.
pub fn serve(input: impl io::Read, mut output: impl io::Write) -> io::Result<()> {
    let request: Request = serde_json::from_reader(BufReader::new(input))?;
    bound_memory(request.memory_bytes);
    let answer: Result<Vec<Row>, String> = query::run(&request);
    serde_json::to_writer(&mut output, &answer)?;
    output.flush()
}

/// Bounds the memory of this process. Where that is not possible the parent's bound on time is what is left.
#[cfg(unix)]
fn bound_memory(rows_bytes: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let bytes = rows_bytes.saturating_add(BESIDE_ROWS_BYTES);
    let _ = setrlimit(Resource::As, Rlimit { current: Some(bytes), maximum: Some(bytes) });
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(not(unix))]
fn bound_memory(_: u64) {}
