//! `modelgate cluster`

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::policies::runtime;
use super::{Failure, Printer, bytes};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::facts::evaluation::cluster::{ExecutorSettings, LOST_AFTER, Limits, executor, scheduler};
use crate::facts::evaluation::engine::ClusterAddress;
use crate::facts::evaluation::{Resources, silence_decoders};
use crate::problem::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hand out the work of evaluations to executors
    Scheduler(SchedulerArguments),
    /// Read the rows of evaluations
    Executor(ExecutorArguments),
}

#[derive(Debug, clap::Args)]
struct SchedulerArguments {
    /// Address to listen on; others than this machine's own need --cluster-tls
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50050")]
    listen: SocketAddr,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`: whoever connects shows a certificate of that authority
    #[arg(long, value_name = "DIRECTORY")]
    cluster_tls: Option<PathBuf>,
    /// Seconds without a sign of life after which an executor is taken for lost
    #[arg(long, value_name = "SECONDS", default_value_t = LOST_AFTER, value_parser = clap::value_parser!(u64).range(2..))]
    lost_after: u64,
}

#[derive(Debug, clap::Args)]
struct ExecutorArguments {
    /// The scheduler
    #[arg(long, value_name = "URL", default_value = "ballista://127.0.0.1:50050", value_parser = ClusterAddress::parse)]
    scheduler: ClusterAddress,
    /// Directory whose files are served, with those below it, where all machines have it. May be given several times
    #[arg(long, value_name = "DIRECTORY", required = true)]
    data: Vec<PathBuf>,
    /// Address to listen on, at which other executors fetch what is between two stages
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// What other machines call this one; by default the address
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Tasks at a time; by default as many as there are processors
    #[arg(long, value_name = "N")]
    tasks: Option<NonZeroUsize>,
    /// Memory for the rows of all tasks together, such as `16GiB`; by default half of the machine's
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Directory for what is between two stages, about 10 bytes a row; by default one for temporary files
    #[arg(long, value_name = "DIRECTORY")]
    work: Option<PathBuf>,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`
    #[arg(long, value_name = "DIRECTORY")]
    cluster_tls: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    silence_decoders();
    match &arguments.command {
        Command::Scheduler(arguments) => run_scheduler(arguments, printer),
        Command::Executor(arguments) => run_executor(arguments, environment, printer),
    }
}

fn not_evaluated(problem: Problem) -> Failure {
    Failure::NotEvaluated(vec![problem])
}

fn run_scheduler(arguments: &SchedulerArguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let ready = |address: SocketAddr| {
        printer.say(&format!("scheduler at ballista://{address}, until it is stopped\n"));
    };
    let tls = arguments.cluster_tls.as_deref();
    let done = runtime()?.block_on(scheduler(arguments.listen, tls, arguments.lost_after, ready));
    done.map(|()| ExitStatus::Success).map_err(not_evaluated)
}

fn run_executor(
    arguments: &ExecutorArguments,
    environment: &Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let mut roots = Vec::with_capacity(arguments.data.len());
    for directory in &arguments.data {
        let shown = directory.display().to_string();
        let root =
            directory.canonicalize().map_err(|error| not_evaluated(crate::document::unreadable(&shown, &error)))?;
        roots.push(root);
    }
    let temporary = tempfile::Builder::new().prefix("modelgate-").tempdir().map_err(|error| {
        not_evaluated(Problem::new("no-room", format!("there is no directory to work in: {error}")))
    })?;
    let Resources { threads, memory_bytes } = environment.resources;
    let tasks = arguments.tasks.unwrap_or(threads);
    let host = |address: IpAddr| if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    let settings = ExecutorSettings {
        scheduler: (arguments.scheduler.host.clone(), arguments.scheduler.port),
        address: arguments.listen,
        host: arguments.host.clone().unwrap_or_else(|| host(arguments.listen.ip())),
        tasks: tasks.get(),
        work: arguments.work.clone().unwrap_or_else(|| temporary.path().to_owned()),
        limits: Limits {
            roots,
            resources: Resources { threads: NonZeroUsize::MIN, memory_bytes: arguments.memory.unwrap_or(memory_bytes) },
        },
        tls: arguments.cluster_tls.clone(),
    };
    let (listen, count) = (arguments.listen, arguments.data.len());
    printer.say(&format!("executor at {listen}, {tasks} tasks at a time, {count} directories served\n"));
    let done = runtime()?.block_on(executor(settings));
    done.map(|()| ExitStatus::Success).map_err(not_evaluated)
}
