//! Policies in a process of their own, which can be killed.
//!
//! A thread that does not keep to its time cannot be stopped, and an allocation that fails or a stack that
//! overflows ends its whole process. So the command line evaluates policies in a child of itself: a control
//! that takes too long, too much memory or the process with it is that control's error, and a new child goes
//! on with the next. The child sees no environment variables, and its memory is bounded.
//!
//! Both talk in lines of JSON: the program, then any number of requests; the child answers the program with
//! `null` or what is wrong with the policies, and each question of a request with a line.

use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EffectiveTime;
use super::engine::{Answer, Prepared, Program, Question, over, patience};
use crate::problem::{Location, Problem};

/// The subcommand with which a program serves policies.
pub const SUBCOMMAND: &str = "policy-worker";

/// Address space of a child. The library needs a hundredth of it; its stack alone reserves a part.
#[cfg(unix)]
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// Length of a line. Facts of a release with a thousand slices are a few megabytes.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// How long a child may take to parse and analyse a bundle. The embedded one takes ten milliseconds.
const PREPARE_TIME: Duration = Duration::from_secs(30);

/// Where policies are evaluated.
pub(super) enum Evaluator {
    /// In threads of this process.
    Threads(Box<Prepared>),
    /// In a child of this process.
    Process(Mutex<Worker>),
}

impl Evaluator {
    /// In threads of this process.
    pub(super) fn threads(prepared: Prepared) -> Self {
        Self::Threads(Box::new(prepared))
    }

    /// In a child of this process.
    pub(super) const fn process(worker: Worker) -> Self {
        Self::Process(Mutex::new(worker))
    }

    /// The prepared policies, where they are in this process.
    pub(super) fn prepared(&self) -> Option<&Prepared> {
        match self {
            Self::Threads(prepared) => Some(prepared),
            Self::Process(_) => None,
        }
    }

    /// One answer for each question.
    pub(super) fn answer(
        &self,
        input: &Value,
        when: EffectiveTime,
        questions: &[Question],
        limit: Duration,
    ) -> Vec<Answer> {
        match self {
            Self::Threads(prepared) => match prepared.session(input, when, questions) {
                Ok(session) => session.answer(questions, limit),
                Err(message) => vec![vec![Err(message)]; questions.len()],
            },
            // A thread that stopped while it held the worker left a child that answers something else; it is
            // replaced before it is asked again.
            Self::Process(worker) => {
                let poisoned = worker.is_poisoned();
                let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
                if poisoned {
                    worker.stop();
                }
                worker.answer(input, when, questions, limit)
            }
        }
    }
}

/// What is asked of a child.
#[derive(Serialize, Deserialize)]
struct Request {
    input: Value,
    effective_time: String,
    limit_milliseconds: u64,
    questions: Vec<Question>,
}

/// What is wrong with the policies, as it crosses the pipe.
#[derive(Serialize, Deserialize)]
struct Refusal {
    message: String,
    place: Option<(String, u64, u64)>,
}

/// A child that evaluates policies, and what it takes to start another.
pub(super) struct Worker {
    executable: PathBuf,
    program: Program,
    connection: Option<Connection>,
}

struct Connection {
    child: Child,
    stdin: BufWriter<ChildStdin>,
    lines: mpsc::Receiver<String>,
}

impl Worker {
    /// Starts a child, which parses `program` from here on.
    pub(super) fn start(executable: &Path, program: Program) -> Self {
        let connection = Connection::open(executable, &program).ok();
        Self { executable: executable.to_owned(), program, connection }
    }

    /// Waits until the child has analysed the policies.
    pub(super) fn prepare(mut self) -> Result<Self, Problem> {
        if let Some(connection) = self.connection.take() {
            self.connection = Some(connection.prepare()?);
        }
        self.connected()?;
        Ok(self)
    }

    fn stop(&mut self) {
        self.connection = None;
    }

    fn connected(&mut self) -> Result<&mut Connection, Problem> {
        if self.connection.is_none() {
            let connection = Connection::open(&self.executable, &self.program).map_err(|error| not_started(&error))?;
            self.connection = Some(connection.prepare()?);
        }
        self.connection.as_mut().ok_or_else(|| Problem::new("policy-process", "the policy process is gone"))
    }

    fn answer(&mut self, input: &Value, when: EffectiveTime, questions: &[Question], limit: Duration) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::with_capacity(questions.len());
        while let Some(rest) = questions.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            let request = Request {
                input: input.clone(),
                effective_time: when.to_rfc3339(),
                limit_milliseconds: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                questions: rest.to_vec(),
            };
            let sent = self.connected().and_then(|connection| connection.send(&request));
            if let Err(problem) = sent {
                answers.resize(questions.len(), vec![Err(problem.message)]);
                break;
            }
            while let Some(question) = questions.get(answers.len()) {
                let received = match self.connection.as_mut() {
                    Some(connection) => connection.receive(patience(question, limit), limit),
                    None => Err("the policy process is gone".to_owned()),
                };
                match received {
                    Ok(answer) => answers.push(answer),
                    Err(message) => {
                        answers.push(vec![Err(message)]);
                        self.stop();
                        break;
                    }
                }
            }
        }
        answers
    }
}

fn not_started(error: &io::Error) -> Problem {
    Problem::new("policy-process", format!("the process that evaluates policies could not be started: {error}"))
        .hint("let the gate start its own program file again, or run it where processes may be started")
}

impl Connection {
    fn open(executable: &Path, program: &Program) -> io::Result<Self> {
        let mut child = Command::new(executable)
            .arg(SUBCOMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (sender, lines) = mpsc::channel();
        let mut connection = Self { child, stdin: BufWriter::new(stdin), lines };
        thread::Builder::new().name("policy-answers".to_owned()).spawn(move || forward(stdout, &sender))?;
        write_line(&mut connection.stdin, program)?;
        Ok(connection)
    }

    fn prepare(self) -> Result<Self, Problem> {
        let gone = |message: String| {
            Problem::new("policy-process", message).hint("look for policies that are very large or deeply nested")
        };
        let line = match self.lines.recv_timeout(PREPARE_TIME) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(gone(format!("the policies are not analysed after {} s", PREPARE_TIME.as_secs())));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(gone("the policy process ended while it read the policies".to_owned()));
            }
        };
        match serde_json::from_str::<Option<Refusal>>(&line) {
            Ok(None) => Ok(self),
            Ok(Some(refusal)) => {
                let problem = Problem::new("invalid-policy", refusal.message);
                let problem = problem.hint("all files of the bundle are analysed together");
                Err(match refusal.place {
                    Some((file, line, column)) => problem.at(Location { file, line, column }),
                    None => problem,
                })
            }
            Err(error) => Err(gone(format!("the policy process answers something else: {error}"))),
        }
    }

    fn send(&mut self, request: &Request) -> Result<(), Problem> {
        write_line(&mut self.stdin, request)
            .map_err(|error| Problem::new("policy-process", format!("the policy process is gone: {error}")))
    }

    fn receive(&mut self, patience: Duration, limit: Duration) -> Result<Answer, String> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => serde_json::from_str(&line)
                .map_err(|error| format!("the policy process answers something else: {error}")),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(over(limit)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(self.why_it_ended()),
        }
    }

    fn why_it_ended(&mut self) -> String {
        let ended = "the policy process ended: the control takes more memory or stack than there is";
        match self.child.wait() {
            Ok(status) => format!("{ended} ({status})"),
            Err(_) => ended.to_owned(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may have ended by itself; what is left of it is collected in either case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.write_all(b"\n")?;
    to.flush()
}

/// Hands every line of a child on, until it ends or says more than it may.
fn forward(stdout: ChildStdout, to: &mpsc::Sender<String>) {
    let mut stdout = BufReader::new(stdout);
    while let Ok(Some(line)) = read_line(&mut stdout) {
        if to.send(line).is_err() {
            return;
        }
    }
}

/// The next line without its end; nothing at the end. A line that is too long is an error.
fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    from.take(LINE_BYTES_MAX).read_line(&mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    match line.pop() {
        Some('\n') => Ok(Some(line)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long or was cut off")),
    }
}

fn read_message<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    match read_line(from)? {
        Some(line) => Ok(Some(serde_json::from_str(&line)?)),
        None => Ok(None),
    }
}

/// Evaluates policies for the process at the other end of `input` and `output`, until `input` ends.
///
/// # Errors
/// The other end is gone, or says something else than it should.
pub fn serve(input: impl io::Read, mut output: impl Write) -> io::Result<()> {
    bound_memory();
    let mut input = BufReader::new(input);
    let Some(program) = read_message::<Program>(&mut input)? else { return Ok(()) };
    let prepared = match program.prepare() {
        Ok(prepared) => prepared,
        Err(problem) => {
            let place = problem.location.map(|location| (location.file, location.line, location.column));
            return write_line(&mut output, &Some(Refusal { message: problem.message, place }));
        }
    };
    write_line(&mut output, &None::<Refusal>)?;
    while let Some(request) = read_message::<Request>(&mut input)? {
        let limit = Duration::from_millis(request.limit_milliseconds);
        let when = EffectiveTime::parse(&request.effective_time);
        let session = match when.and_then(|when| prepared.session(&request.input, when, &request.questions)) {
            Ok(session) => session,
            Err(message) => {
                for _ in &request.questions {
                    write_line(&mut output, &vec![Err::<Value, _>(message.clone())])?;
                }
                continue;
            }
        };
        for answer in session.start(request.questions, limit)? {
            write_line(&mut output, &answer)?;
        }
    }
    Ok(())
}

/// Bounds the memory of this process. Where that is not possible the parent's bound on time is what is left.
#[cfg(unix)]
fn bound_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit { current: Some(MEMORY_BYTES_MAX), maximum: Some(MEMORY_BYTES_MAX) };
    let _ = setrlimit(Resource::As, limit);
    // A control that ends the process is expected; a core file of it is of no use to anybody.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(not(unix))]
fn bound_memory() {}
