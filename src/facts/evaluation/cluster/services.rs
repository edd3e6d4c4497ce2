//! The scheduler and the executors of a cluster, which this program itself can be.
//!
//! Ballista's services have no secret of their own. They listen on this machine alone, or ask everybody for a certificate
//! of one authority and show one of it themselves.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::extension::{EndpointOverrideFn, SessionConfigExt as _};
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::shutdown::Shutdown;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::create_scheduler;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};

use super::plan::Codec;
use super::step::Limits;
use crate::problem::Problem;
use crate::remote::is_loopback;

/// Bytes of one message: the sums of a run over a hundred thousand cells have a hundred million.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// Seconds without a sign of life after which an executor is taken for lost, unless it is said otherwise.
pub const LOST_AFTER: u64 = 30;

/// What both sides of a connection show, and whom they believe.
#[derive(Clone)]
pub(super) struct Tls {
    authority: Certificate,
    identity: Identity,
}

impl Tls {
    pub(super) fn read(directory: &Path) -> Result<Self, Problem> {
        let read = |name: &str| {
            let path = directory.join(name);
            std::fs::read(&path).map_err(|error| crate::document::unreadable(&path.display().to_string(), &error))
        };
        crate::remote::install_tls();
        let identity = Identity::from_pem(read("cert.pem")?, read("key.pem")?);
        Ok(Self { authority: Certificate::from_pem(read("ca.pem")?), identity })
    }

    fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new().identity(self.identity.clone()).client_ca_root(self.authority.clone())
    }

    /// Makes endpoints of clients speak TLS, whatever their address says.
    fn endpoints(&self) -> EndpointOverrideFn {
        let client = ClientTlsConfig::new().identity(self.identity.clone()).ca_certificate(self.authority.clone());
        Arc::new(move |endpoint: Endpoint| {
            let address = endpoint.uri().to_string().replacen("http://", "https://", 1);
            Ok(Endpoint::from_shared(address)?.tls_config(client.clone())?)
        })
    }
}

/// The configuration of sessions, which all sides share.
pub(super) fn session(tls: Option<&Tls>, codec: &Arc<Codec>) -> SessionConfig {
    let config = SessionConfig::new_with_ballista()
        .with_ballista_logical_extension_codec(Arc::<Codec>::clone(codec))
        .with_ballista_physical_extension_codec(Arc::<Codec>::clone(codec))
        .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES_MAX);
    match tls {
        Some(tls) => {
            config.with_ballista_use_tls(true).with_ballista_override_create_grpc_client_endpoint(tls.endpoints())
        }
        None => config,
    }
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new("cluster-failed", format!("{what}: {error}")).hint("is the port free, and the other side up?")
}

/// Only this machine may be spoken to without certificates.
fn guarded(host: &str, tls: Option<&Path>) -> Result<Option<Tls>, Problem> {
    match tls {
        Some(directory) => Tls::read(directory).map(Some),
        None if is_loopback(host) => Ok(None),
        None => {
            let message = format!("`{host}` can be reached by other machines, and nothing would ask them who they are");
            Err(Problem::new("open-cluster", message).hint("give certificates with --cluster-tls, or use 127.0.0.1"))
        }
    }
}

/// Runs the scheduler of a cluster on `address` until the process is told to end. `ready` is called when it listens.
///
/// # Errors
/// It is open to other machines without certificates, or cannot listen.
pub async fn scheduler(
    address: SocketAddr,
    tls: Option<&Path>,
    lost_after: u64,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Problem> {
    let tls = guarded(&address.ip().to_string(), tls)?;
    let codec = Arc::new(Codec::default());
    let (of_session, of_builder) = ((tls.clone(), Arc::clone(&codec)), tls.clone());
    let config = SchedulerConfig {
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        external_host: address.ip().to_string(),
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: lost_after,
        expire_dead_executor_interval_seconds: lost_after.div_ceil(3).max(1),
        no_executors_grace_period_seconds: lost_after,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES_MAX as u32,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES_MAX as u32,
        grpc_client_max_message_size: MESSAGE_BYTES_MAX as u32,
        use_tls: tls.is_some(),
        override_create_grpc_client_endpoint: of_builder.map(|tls| tls.endpoints()),
        override_config_producer: Some(Arc::new(move || session(of_session.0.as_ref(), &of_session.1))),
        override_session_builder: Some(Arc::new(|config| {
            Ok(SessionStateBuilder::new().with_config(config).with_default_features().build())
        })),
        override_logical_codec: Some(Arc::<Codec>::clone(&codec)),
        override_physical_codec: Some(codec),
        ..SchedulerConfig::default()
    };
    let of_error = |error: BallistaError| failed("the scheduler cannot be started", &error);
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(of_error)?;
    let scheduler =
        create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await.map_err(of_error)?;
    tokio::spawn(end_what_nobody_does(scheduler.clone(), lost_after));
    let service = SchedulerGrpcServer::new(scheduler)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let listening = |error: &dyn std::fmt::Display| failed("the scheduler cannot listen", error);
    let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| listening(&error))?;
    let local = listener.local_addr().map_err(|error| listening(&error))?;
    let mut server = Server::builder();
    if let Some(tls) = &tls {
        server = server.tls_config(tls.server()).map_err(|error| listening(&error))?;
    }
    ready(local);
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    server.add_service(service).serve_with_incoming(incoming).await.map_err(|error| listening(&error))
}

/// Ends jobs for which there has been no executor for so many seconds: whoever waits is told, and does not wait for ever.
async fn end_what_nobody_does(scheduler: SchedulerServer<LogicalPlanNode, PhysicalPlanNode>, lost_after: u64) {
    let mut alone = 0_u64;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        alone = if scheduler.is_ready() { 0 } else { alone + 1 };
        if alone > lost_after {
            let jobs: BTreeSet<_> = scheduler.state.task_manager.get_running_job_cache().keys().cloned().collect();
            for job in jobs {
                // What cannot be ended now is ended in a second.
                let _ = scheduler.cancel_job(job).await;
            }
        }
    }
}

/// How an executor is started.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// Host and port of the scheduler.
    pub scheduler: (String, u16),
    /// Where other machines fetch what it made.
    pub address: SocketAddr,
    /// What they call this machine.
    pub host: String,
    /// Tasks at a time.
    pub tasks: usize,
    /// Where it keeps what is between two stages.
    pub work: std::path::PathBuf,
    /// Directories that it serves, and what it may use of the machine in all.
    pub limits: Limits,
    /// Directory of certificates.
    pub tls: Option<std::path::PathBuf>,
}

/// Runs an executor until the process is told to end.
///
/// # Errors
/// It is open to other machines without certificates, does not reach the scheduler, or cannot listen.
pub async fn executor(settings: ExecutorSettings) -> Result<(), Problem> {
    let tls = guarded(&settings.address.ip().to_string(), settings.tls.as_deref())?;
    let (host, port) = settings.scheduler.clone();
    if tls.is_none() && !is_loopback(&host) {
        let problem = Problem::new("open-cluster", format!("the scheduler `{host}` is another machine"));
        return Err(problem.hint("give certificates with --cluster-tls"));
    }
    let tasks = settings.tasks.max(1);
    let mut limits = settings.limits.clone();
    limits.resources.memory_bytes /= tasks as u64;
    let codec = Arc::new(Codec::of(limits));
    let (of_session, of_server) = ((tls.clone(), Arc::clone(&codec)), tls.clone());
    let flight = move |work: String, address: SocketAddr, mut shutdown: Shutdown, config: GrpcServerConfig| {
        let tls = of_server.clone();
        tokio::spawn(async move {
            let service = FlightServiceServer::new(BallistaFlightService::new(work))
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            let mut server = create_grpc_server(&config);
            if let Some(tls) = &tls {
                server = server.tls_config(tls.server()).map_err(BallistaError::TonicError)?;
            }
            let server = server.add_service(service).serve_with_shutdown(address, shutdown.recv());
            server.await.map_err(BallistaError::TonicError)
        })
    };
    let config = ExecutorProcessConfig {
        bind_host: settings.address.ip().to_string(),
        external_host: Some(settings.host),
        port: settings.address.port(),
        scheduler_host: host,
        scheduler_port: port,
        scheduler_connect_timeout_seconds: 30,
        vcores: tasks,
        task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
        work_dir: Some(settings.work.display().to_string()),
        job_data_clean_up_interval_seconds: 600,
        job_data_ttl_seconds: 24 * 3600,
        grpc_max_decoding_message_size: MESSAGE_BYTES_MAX as u32,
        grpc_max_encoding_message_size: MESSAGE_BYTES_MAX as u32,
        override_config_producer: Some(Arc::new(move || session(of_session.0.as_ref(), &of_session.1))),
        override_logical_codec: Some(Arc::<Codec>::clone(&codec)),
        override_physical_codec: Some(codec),
        override_arrow_flight_service: Some(Arc::new(flight)),
        override_create_grpc_client_endpoint: tls.map(|tls| tls.endpoints()),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.map_err(|error| failed("the executor stopped", &error))
}
