//! The command line: one file for each subcommand, and the only place that prints.

mod action;
mod baseline;
mod check;
#[cfg(feature = "cluster")]
mod cluster;
mod completions;
#[cfg(feature = "keyless")]
mod conformance;
mod evaluate;
mod evidence;
mod explain;
mod facts;
mod init;
mod keygen;
mod keyless;
mod policies;
mod policy;
mod policy_worker;
mod printer;
mod progress;
mod publish;
mod publishing;
mod recording;
mod replay;
mod report;
mod sbom;
mod schema;
mod sql_worker;
mod store;
mod stores;
mod tier;
mod timestamp;
mod verify;
mod verify_model;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use self::printer::{ColorChoice, Printer};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::facts::artifact::Cache;
use crate::facts::evaluation::engine::ClusterAddress;
use crate::facts::evaluation::{Resources, RowsFiles};
use crate::facts::repository::Origin;
use crate::problem::Problem;
use crate::remote::RemoteSettings;

/// Decides whether a machine-learning model may be released, and can prove how it decided.
#[derive(Debug, Parser)]
#[command(name = "modelgate", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to colour what is printed. Meaning is never only in a colour.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    color: ColorChoice,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  approved, or conditionally approved; for other commands, done
  1  denied; for `verify`, not proven; for `replay`, not the same
  2  usage, manifest or policy bundle is wrong: nothing was decided
  3  could not evaluate: evidence is missing, unreadable or over a limit
  4  decided, but the evidence could not be signed, stored or published";

#[derive(Debug, Subcommand)]
enum Command {
    /// Decide about a release: measure, run the tier's policies, sign and store the decision
    Check(Box<check::Arguments>),
    /// Print the facts of a release: the exact input that policies see
    Facts(facts::Arguments),
    /// Recompute the metrics of a file of rows, without a manifest
    Evaluate(Box<evaluate::Arguments>),
    /// Freeze the columns of a file of rows, for later rows to be compared with
    Baseline(baseline::Arguments),
    /// Run the scheduler or an executor of a cluster that evaluates
    #[cfg(feature = "cluster")]
    Cluster(cluster::Arguments),
    /// Work out the risk tier of a release, and why
    Tier(tier::Arguments),
    /// Check a signed verdict, and that it is about given files: what a deployment step runs
    Verify(verify::Arguments),
    /// Run a recorded decision again: the same bytes, or what differs; with other policies, what it would come to
    Replay(replay::Arguments),
    /// Export, import and deliver what was recorded of runs
    #[command(subcommand)]
    Evidence(evidence::Command),
    /// Write documents for review boards from a recorded decision
    Report(report::Arguments),
    /// Post a stored decision on the pull or merge request that it is about
    Publish(Box<publish::Arguments>),
    /// Make, ask, check and copy stores of decisions
    Store(store::Arguments),
    /// Write a bill of materials of a release: CycloneDX 1.6 with a model card
    Sbom(sbom::Arguments),
    /// Explain a control: what it asks, why, in which tier, and how to mend a fail
    Explain(explain::Arguments),
    /// Check, test, document and compare policies
    Policy(policy::Arguments),
    /// Write a commented manifest, model card and monitoring file to start from
    Init(init::Arguments),
    /// Make a signing key
    Keygen(keygen::Arguments),
    /// Print the JSON Schema of a document
    Schema(schema::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Evaluate policies for the process that started this one
    #[command(hide = true)]
    PolicyWorker,
    /// Run a query for the process that started this one
    #[command(hide = true)]
    SqlWorker,
    /// The protocol by which Sigstore's conformance suite runs a client
    #[cfg(feature = "keyless")]
    #[command(hide = true)]
    SigstoreConformance(conformance::Arguments),
    /// Run as the step of the GitHub Action
    #[command(hide = true)]
    Action,
}

/// Why a command ended without doing what it was asked to.
#[derive(Debug)]
enum Failure {
    /// Usage, manifest or policy bundle is wrong.
    Usage(Vec<Problem>),
    /// Evidence is missing, unreadable or over a limit.
    NotEvaluated(Vec<Problem>),
    /// Signing, storing or writing failed after the decision.
    NotRecorded(Vec<Problem>),
    /// The store is not in order, so that it cannot be answered what was asked.
    Store(Vec<Problem>),
}

impl Failure {
    fn usage(problem: Problem) -> Self {
        Self::Usage(vec![problem])
    }

    fn not_recorded(problem: Problem) -> Self {
        Self::NotRecorded(vec![problem])
    }

    /// The exit status, what happened in a few words, and the problems.
    fn parts(&self) -> (ExitStatus, &'static str, &[Problem]) {
        match self {
            Self::Usage(problems) => (ExitStatus::Usage, "nothing was decided", problems),
            Self::NotEvaluated(problems) => (ExitStatus::NotEvaluated, "could not evaluate the release", problems),
            Self::NotRecorded(problems) => {
                (ExitStatus::NotRecorded, "decided, but the evidence is incomplete or not published", problems)
            }
            Self::Store(problems) => (ExitStatus::NotEvaluated, "the store is not in order", problems),
        }
    }
}

/// Runs the program with `arguments`, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitStatus {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for and go to stdout with 0; the rest is usage.
            let status = if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Success };
            return if error.print().is_ok() { status } else { ExitStatus::Usage };
        }
    };
    let printer = Printer::new(cli.color, environment.no_color);
    if matches!(cli.command, Command::Action) {
        return action::run(environment, &printer);
    }
    let result = match cli.command {
        Command::Action => Ok(ExitStatus::Usage),
        Command::Check(arguments) => check::run(&arguments, environment, &printer),
        Command::Facts(arguments) => facts::run(&arguments, environment, &printer),
        Command::Evaluate(arguments) => evaluate::run(&arguments, environment, &printer),
        Command::Baseline(arguments) => baseline::run(&arguments, environment, &printer),
        #[cfg(feature = "cluster")]
        Command::Cluster(arguments) => cluster::run(&arguments, environment, &printer),
        Command::Tier(arguments) => tier::run(&arguments, environment, &printer),
        Command::Verify(arguments) => verify::run(&arguments, environment, &printer),
        Command::Replay(arguments) => replay::run(&arguments, environment, &printer),
        Command::Evidence(command) => evidence::run(&command, environment, &printer),
        Command::Report(arguments) => report::run(&arguments, environment, &printer),
        Command::Publish(arguments) => publish::run(&arguments, environment, &printer),
        Command::Store(arguments) => store::run(&arguments, environment, &printer),
        Command::Sbom(arguments) => sbom::run(&arguments, environment, &printer),
        Command::Explain(arguments) => explain::run(&arguments, environment, &printer),
        Command::PolicyWorker => policy_worker::run(),
        Command::SqlWorker => sql_worker::run(),
        #[cfg(feature = "keyless")]
        Command::SigstoreConformance(arguments) => conformance::run(&arguments, &printer),
        Command::Policy(arguments) => policy::run(&arguments, environment, &printer),
        Command::Init(arguments) => init::run(&arguments, &printer),
        Command::Keygen(arguments) => keygen::run(&arguments, environment, &printer),
        Command::Schema(arguments) => schema::run(&arguments, &printer),
        Command::Completions(arguments) => completions::run(&arguments, &printer),
    };
    match result {
        Ok(status) => status,
        Err(failure) => {
            let (status, summary, problems) = failure.parts();
            printer.problems(summary, problems);
            status
        }
    }
}

/// How much of the machine to use, or whose.
#[derive(Debug, Clone, Default, clap::Args)]
struct ResourceArguments {
    /// Threads that work at a time; by default as many as there are processors. They change no result
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Memory for rows of evaluations, such as `4GiB`; by default half of the machine's. What is beyond goes
    /// to temporary files
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Bytes that may be downloaded for one address of rows or artifacts (`s3://…`, `models:/…` and the like), such as `200GiB`;
    /// by default 64 GiB
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_download: Option<u64>,
    /// Cluster that reads the rows of evaluations with two classes, as `ballista://host:port` (see docs/cluster.md)
    #[arg(long, value_name = "URL", value_parser = ClusterAddress::parse)]
    engine: Option<ClusterAddress>,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem` for a cluster on other machines
    #[arg(long, value_name = "DIRECTORY", requires = "engine")]
    cluster_tls: Option<PathBuf>,
}

impl ResourceArguments {
    /// The environment with these in it.
    fn within(&self, environment: &Environment) -> Result<Environment, Failure> {
        Ok(Environment {
            resources: self.over(environment.resources),
            remote: self.remote(environment),
            cluster: self.cluster()?,
            ..environment.clone()
        })
    }

    /// The cluster that is asked for.
    fn cluster(&self) -> Result<Option<ClusterAddress>, Failure> {
        let refused = |message| Failure::usage(Problem::new("open-cluster", message).hint("give --cluster-tls"));
        let address = self.engine.clone();
        address.map(|address| address.with_tls(self.cluster_tls.as_deref()).map_err(refused)).transpose()
    }

    /// What may be fetched, with these in it.
    fn remote(&self, environment: &Environment) -> RemoteSettings {
        let bytes_max = self.max_download.unwrap_or(environment.remote.bytes_max);
        RemoteSettings { bytes_max, ..environment.remote.clone() }
    }

    /// These, and where nothing is said `default`.
    fn over(&self, default: Resources) -> Resources {
        Resources {
            threads: self.threads.unwrap_or(default.threads),
            memory_bytes: self.memory.unwrap_or(default.memory_bytes),
        }
    }
}

impl ReleaseArguments {
    /// The cache of artifacts, where it is to be used.
    fn artifact_cache(&self, environment: &Environment) -> Result<Option<Cache>, Failure> {
        let (is_wanted, is_asked_for) = match self.artifact_cache {
            CacheUse::Auto => (environment.origin == Origin::Local, false),
            CacheUse::Always => (true, true),
            CacheUse::Never => (false, false),
        };
        let directory = environment.cache_directory.as_ref().filter(|_| is_wanted);
        if is_asked_for && directory.is_none() {
            let problem = Problem::new("no-cache-directory", "there is no directory for the cache of artifacts");
            return Err(Failure::usage(problem.hint("set MODELGATE_CACHE_DIR")));
        }
        Ok(directory.map(|directory| Cache {
            directory: directory.join("artifacts"),
            program: environment.executable.clone(),
            now: environment.now.into(),
        }))
    }

    /// The environment with what these say in it.
    fn environment(&self, environment: &Environment) -> Result<Environment, Failure> {
        let mut within = self.resources.within(environment)?;
        within.remote.offline = self.policies.fetching.offline;
        within.artifact_cache = self.artifact_cache(environment)?;
        Ok(within)
    }
}

/// The files of rows that `path` names, which are downloaded where it is an address.
fn rows_files(path: &Path, settings: &RemoteSettings) -> Result<RowsFiles, Failure> {
    let not_evaluated = |problem| Failure::NotEvaluated(vec![problem]);
    let runtime = policies::small_runtime().map_err(not_evaluated)?;
    runtime.block_on(RowsFiles::found(path, settings)).map_err(not_evaluated)
}

/// A number of bytes, with a binary or decimal unit or none.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        other => return Err(format!("`{other}` is no unit: write KiB, MiB, GiB, kB, MB or GB")),
    };
    let number: u64 =
        digits.trim().parse().map_err(|_| "write a whole number and a unit, such as `4GiB`".to_owned())?;
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(|| "that is no amount of memory".to_owned())
}

/// Which release, judged by which policies, as of when.
#[derive(Debug, clap::Args)]
struct ReleaseArguments {
    /// Directory of the release, or its manifest
    #[arg(default_value = ".", value_name = "RELEASE")]
    release: PathBuf,
    #[command(flatten)]
    policies: policies::PolicyArguments,
    /// Day or time at which policies are evaluated, RFC 3339; by default the start of today, UTC.
    /// The past is refused: going back re-enables what has expired
    #[arg(long, value_name = "TIME")]
    effective_time: Option<String>,
    #[command(flatten)]
    resources: ResourceArguments,
    /// Whether large model files that did not change (same path, size, inode and times) are taken for what they were when
    /// they were last inspected: `auto` does so outside of CI
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    artifact_cache: CacheUse,
}

/// When files that did not change are not read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum CacheUse {
    /// On a person's machine, not in CI.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}
