//! `controller-manager`: the controllers, with an endpoint that tells how they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::{Request, Response};
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

use super::client;
use super::command_line::{ControllerManager, Election};
use super::error::AppError;
use crate::authorization::AllowPaths;
use crate::body::{Body, RequestBody};
use crate::endpoints::status::page_not_found;
use crate::manager::{Health, LeaderElection, Manager};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::health::Check;
use crate::server::metrics::Known;
use crate::server::signals::StopSignals;
use crate::server::tls::Certificate;
use crate::server::{Core, Handler, ServeConfig, Serving, serve};

/// Runs the controllers until a signal says stop, or until one of them dies.
///
/// `lease` is what the lease is called unless flags say otherwise; `metrics` adds what others than the manager count.
pub async fn run(
    flags: ControllerManager,
    lease: &str,
    mut manager: Manager,
    metrics: impl Fn(&mut Registry),
) -> Result<(), AppError> {
    let mut signals = StopSignals::new().map_err(AppError::Runtime)?;
    let probed = Arc::new(Probed { running: AtomicBool::new(false), health: manager.health() });
    let serving = serve_health(&flags, &manager, &metrics, probed.clone()).await?;
    let config = client::config(flags.kubeconfig.as_deref()).await?;
    if flags.election.leader_elect {
        let client = Client::try_from(config.clone()).map_err(AppError::Client)?;
        manager.leader_election(election(&flags.election, lease, client)?);
    }
    for cluster in &flags.cluster {
        let config = client::config(Some(&cluster.kubeconfig)).await?;
        manager.cluster(&cluster.name, manager.client(config).map_err(AppError::Client)?);
    }
    let client = manager.client(config).map_err(AppError::Client)?;
    tokio::select! {
        () = client::answers(&client) => {}
        () = signals.next() => return Ok(()),
    }
    tracing::info!(controllers = manager.names().collect::<Vec<_>>().join(","), "starting the controllers");
    probed.running.store(true, Ordering::Release);
    let (stop, stopping) = oneshot::channel::<()>();
    let twice = async {
        signals.next().await;
        tracing::info!("stopping");
        serving.iter().for_each(Serving::stop);
        drop(stop);
        signals.next().await;
    };
    let result = tokio::select! {
        result = manager.run(client, async { drop(stopping.await) }) => result.map_err(AppError::Manager),
        // Everything is dropped where it stands.
        () = twice => return Err(AppError::Interrupted),
    };
    for one in serving {
        one.stop();
        one.stopped().await;
    }
    result
}

/// The election that the flags describe.
fn election(flags: &Election, lease: &str, client: Client) -> Result<LeaderElection, AppError> {
    // A program's name may hold what an object's may not.
    let name = flags.leader_elect_resource_name.clone();
    let name = name.unwrap_or_else(|| lease.replace('_', "-").to_lowercase());
    let mut election = LeaderElection::new(&name, client)
        .lease_duration(flags.leader_elect_lease_duration)
        .renew_deadline(flags.leader_elect_renew_deadline)
        .retry_period(flags.leader_elect_retry_period);
    if let Some(namespace) = &flags.leader_elect_resource_namespace {
        election = election.namespace(namespace);
    }
    election.check().map_err(|error| AppError::Usage {
        message: error.to_string(),
        hint: "look at --leader-elect-lease-duration, --leader-elect-renew-deadline and --leader-elect-retry-period"
            .into(),
    })?;
    Ok(election)
}

/// Starts the endpoints that the flags ask for.
async fn serve_health(
    flags: &ControllerManager,
    manager: &Manager,
    metrics: &impl Fn(&mut Registry),
    probed: Arc<Probed>,
) -> Result<Vec<Serving>, AppError> {
    let secure = (flags.secure_port != 0).then(|| {
        let address = SocketAddr::new(flags.bind_address, flags.secure_port);
        ServeConfig::new(address, Certificate::SelfSigned)
    });
    let plain = flags.health_bind_address.map(ServeConfig::plain);
    let mut serving = Vec::new();
    for config in [secure, plain].into_iter().flatten() {
        let health = manager.health();
        let alive = move || {
            let alive = health.live();
            async move { alive }
        };
        let core = Core::builder(probed.clone())
            .authorizer(AllowPaths::new(["/healthz*", "/livez*", "/readyz*", "/metrics", "/version"]))
            .check(Check::new("controllers", alive))
            .metrics(|registry| {
                manager.metrics().register(registry);
                metrics(registry);
            })
            .build();
        let one = serve(config, core).await?;
        tracing::info!(address = %one.address(), "health and metrics are served");
        serving.push(one);
    }
    Ok(serving)
}

/// Answers for controllers, and nothing else.
struct Probed {
    running: AtomicBool,
    health: Health,
}

#[async_trait]
impl Handler for Probed {
    async fn handle(&self, _: &Arc<RequestInfo>, _: &Arc<UserInfo>, _: Request<RequestBody>) -> Response<Body> {
        page_not_found()
    }

    async fn ready(&self) -> Result<(), String> {
        if self.running.load(Ordering::Acquire) {
            self.health.ready()
        } else {
            Err("the API server has not answered yet".into())
        }
    }

    async fn shutdown(&self) {}

    fn knows(&self, _: &RequestInfo) -> Known {
        Known::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::command_line::{self, Command};

    #[tokio::test]
    async fn probes_are_answered_before_the_api_server_is_there() {
        let manager = Manager::new();
        let probed = Arc::new(Probed { running: AtomicBool::new(false), health: manager.health() });
        let flags = flags(&["--health-bind-address", "127.0.0.1:0"]);
        let serving = serve_health(&flags, &manager, &|_: &mut Registry| {}, probed.clone())
            .await
            .expect("serving")
            .pop()
            .expect("one");
        assert_eq!(get(serving.address(), "/livez").await, "ok");
        assert!(get(serving.address(), "/readyz").await.contains("[-]informer-sync failed"));
        probed.running.store(true, Ordering::Release);
        assert_eq!(get(serving.address(), "/readyz").await, "ok");
        assert!(get(serving.address(), "/metrics").await.contains("process_start_time_seconds"));
        serving.stop();
        serving.stopped().await;
    }

    #[tokio::test]
    async fn nothing_listens_unless_told_to() {
        let manager = Manager::new();
        let probed = Arc::new(Probed { running: AtomicBool::new(false), health: manager.health() });
        let serving = serve_health(&flags(&["--secure-port", "0"]), &manager, &|_: &mut Registry| {}, probed)
            .await
            .expect("serving");
        assert!(serving.is_empty());
    }

    #[tokio::test]
    async fn an_election_is_named_after_the_program() {
        let election = |arguments: &[&str]| {
            let service = tower::service_fn(async |_: Request<kube::client::Body>| {
                Err::<Response<kube::client::Body>, std::io::Error>(std::io::ErrorKind::NotConnected.into())
            });
            super::election(&flags(arguments).election, "Blue_aviary-controller-manager", Client::new(service, "birds"))
        };
        assert_eq!(election(&[]).expect("the defaults").name(), "blue-aviary-controller-manager");
        assert_eq!(election(&["--leader-elect-resource-name", "robin"]).expect("a name").name(), "robin");
        let refused = election(&["--leader-elect-lease-duration", "9s"]).err().expect("refused");
        assert_eq!(refused.exit_code(), 2);
        let text = "leader election: the lease's duration must be longer than the renew deadline";
        assert_eq!(refused.to_string(), text);
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        use http_body_util::{BodyExt, Empty};
        let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("a handshake");
        tokio::spawn(connection);
        let request = Request::builder().uri(path).header("host", "localhost").body(Empty::<bytes::Bytes>::new());
        let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    }

    fn flags(flags: &[&str]) -> ControllerManager {
        let arguments = ["test", "controller-manager"].iter().chain(flags).map(std::ffi::OsString::from);
        match command_line::parse("test", "1.0.0", arguments).expect("flags").command {
            Command::ControllerManager(flags) => flags,
            other => panic!("{other:?}"),
        }
    }
}
