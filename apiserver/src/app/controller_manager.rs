//! `controller-manager`: the controllers, with an endpoint that tells how they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::{Request, Response};

use super::client;
use super::command_line::ControllerManager;
use super::error::AppError;
use crate::authorization::AllowPaths;
use crate::body::{Body, RequestBody};
use crate::endpoints::status::page_not_found;
use crate::manager::{Health, Manager};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::health::Check;
use crate::server::metrics::Known;
use crate::server::signals::StopSignals;
use crate::server::tls::Certificate;
use crate::server::{Core, Handler, ServeConfig, Serving, serve};

/// Runs the controllers until a signal says stop, or until one of them dies.
pub async fn run(flags: ControllerManager, manager: Manager) -> Result<(), AppError> {
    let mut signals = StopSignals::new().map_err(AppError::Runtime)?;
    let probed = Arc::new(Probed { running: AtomicBool::new(false), health: manager.health() });
    let serving = serve_health(&flags, &manager, probed.clone()).await?;
    let client = client::connect(flags.kubeconfig.as_deref()).await?;
    tokio::select! {
        () = client::answers(&client) => {}
        () = signals.next() => return Ok(()),
    }
    tracing::info!(controllers = manager.names().collect::<Vec<_>>().join(","), "starting the controllers");
    probed.running.store(true, Ordering::Release);
    let shutdown = async {
        signals.next().await;
        tracing::info!("stopping");
        serving.iter().for_each(Serving::stop);
    };
    let result = manager.run(client, shutdown).await.map_err(AppError::Manager);
    for one in serving {
        one.stop();
        one.stopped().await;
    }
    result
}

/// Starts the endpoints that the flags ask for.
async fn serve_health(
    flags: &ControllerManager,
    manager: &Manager,
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
            .metrics(|registry| manager.metrics().register(registry))
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
    async fn handle(&self, _: &RequestInfo, _: &UserInfo, _: Request<RequestBody>) -> Response<Body> {
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
        let serving = serve_health(&flags, &manager, probed.clone()).await.expect("serving").pop().expect("one");
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
        let serving = serve_health(&flags(&["--secure-port", "0"]), &manager, probed).await.expect("serving");
        assert!(serving.is_empty());
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
