//! The server of a test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::builder::TestServerBuilder;
use super::faults::Faults;
use super::instance::Instance;
use super::listening::Kubeconfigs;
use super::wire::{Reliance, Wire};
use super::writes::{Counted, Writes};
use super::{client, logs, namespace};
use crate::apis::{Apis, BuildError};
use crate::authentication::{Anonymous, Authentication, ConnectionInfo};
use crate::authorization::privileged::MASTERS;
use crate::authorization::{AllowGroups, AllowPaths, Authorization};
use crate::manager::{Manager, ManagerError};
use crate::request::user::UserInfo;
use crate::server::{Core, handle};
use crate::standalone::Standalone;
use crate::storage::Store;

/// A server in the test's own process, which serves the given kinds and those of a server that stands alone. Dropping it
/// stops everything.
///
/// It lets in whom a server with `--standalone` lets in: every user who is known, and nobody else.
///
/// ```no_run
/// # async fn example<Bird>(install: fn(&mut apiserver::Apis), bird: Bird) -> kube::Result<()>
/// # where Bird: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
/// #     + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned {
/// let server = apiserver::TestServer::start(install).await;
/// let birds: kube::Api<Bird> = server.api_in("default");
/// birds.create(&Default::default(), &bird).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a server that is dropped is stopped"]
pub struct TestServer {
    pub(super) wire: Arc<Wire>,
    managers: Mutex<Vec<Running>>,
}

/// A manager under way.
struct Running {
    /// Stops it, also by being dropped.
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ManagerError>>,
}

/// How long a server that is restarted stays away.
const RESTART: Duration = Duration::from_millis(20);

impl TestServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If the kinds cannot be served; the message says why.
    pub async fn start(install: impl FnOnce(&mut Apis)) -> Self {
        Self::builder().start(install).await
    }

    /// For a server that differs from what [`start`](Self::start) gives.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder::default()
    }

    pub(super) async fn start_as(how: TestServerBuilder) -> Self {
        logs::show();
        let TestServerBuilder { apis, store, standalone } = how;
        let writes = Writes::new();
        let counted: Arc<dyn Store> = Arc::new(Counted::new(store.clone(), writes.clone()));
        let make = move || {
            make(apis.clone(), counted.clone(), standalone.clone()).unwrap_or_else(|error| {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                panic!("{error}{source}")
            })
        };
        let wire = Wire::new(store, writes, make);
        wire.up().await.filled().await;
        Self { wire, managers: Mutex::default() }
    }

    /// A client who may do everything: `test-admin`, in the group `system:masters`. Its default namespace is `default`.
    pub fn client(&self) -> Client {
        self.client_as(admin())
    }

    /// A client whom the server takes for `user`, without asking for credentials.
    pub fn client_as(&self, user: UserInfo) -> Client {
        client::connect(self.wire.clone(), user, Reliance::Reliable)
    }

    /// A client like [`client`](Self::client) that meets the [`faults`](Self::faults), for controllers that a test runs
    /// itself.
    pub fn unreliable_client(&self) -> Client {
        client::connect(self.wire.clone(), admin(), Reliance::Unreliable)
    }

    /// The objects of a kind in all namespaces, or those of a kind without namespaces.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType: Default>,
    {
        Api::all(self.client())
    }

    /// Creates a namespace, unless it is there, and waits for its account `default`. Like those of a cluster, a server
    /// starts with `default` and those of the system; objects can be created in no other.
    ///
    /// # Panics
    /// If it cannot be created: its name is none, or the server keeps no namespaces.
    pub async fn namespace(&self, name: &str) {
        namespace::make(self.client(), name).await.unwrap_or_else(|error| panic!("namespace {name:?}: {error}"));
    }

    /// The objects of a kind in one namespace; see [`namespace`](Self::namespace).
    pub fn api_in<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType: Default, Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client(), namespace)
    }

    /// Sends a request as it is, for tests of what no client sends, and waits for the whole answer: not for watches.
    /// The user is that of [`client`](Self::client), unless the request's extensions hold an `Arc<UserInfo>`, or it brings
    /// a token of its own.
    pub async fn request(&self, request: Request<impl Into<Bytes>>) -> Response<Bytes> {
        let mut request = request.map(|body| client::body(body.into()));
        let known = request.headers().contains_key(http::header::AUTHORIZATION);
        if !known && request.extensions().get::<Arc<UserInfo>>().is_none() {
            request.extensions_mut().insert(Arc::new(admin()));
        }
        let instance = self.wire.up().await;
        let (head, body) = handle(instance.core(), &ConnectionInfo::default(), request).await.into_parts();
        let Ok(body) = body.collect().await;
        Response::from_parts(head, body.to_bytes())
    }

    /// Opens a WebSocket at a path, as the user of [`client`](Self::client).
    ///
    /// # Panics
    /// If the server does not agree; the message is its answer.
    #[cfg(feature = "ws")]
    pub async fn websocket(&self, path: &str) -> crate::endpoints::connect::websocket::WebSocket {
        match client::websocket(self.wire.up().await.core().clone(), admin(), path).await {
            Ok(socket) => socket,
            Err(refused) => panic!("{path} was not upgraded: {refused}"),
        }
    }

    /// Lets controllers meet these faults from now on, in place of those before; see [`Faults`] for who else does.
    pub fn faults(&self, faults: Faults) {
        self.wire.meet(Some(faults));
    }

    /// Ends all faults: from now on everything goes well.
    pub fn calm(&self) {
        self.wire.meet(None);
    }

    /// Ends the server as if it had been killed, and starts it again over the same store; returns once it answers. All
    /// connections break, and what was only in memory is gone: who wants to go on with a watch may be told 410.
    pub async fn restart(&self) {
        self.wire.go_down(RESTART);
        self.wire.up().await;
    }

    /// Runs controllers, as the user of [`client`](Self::client), until the server stops. May be called again for more.
    /// They meet the [`faults`](Self::faults).
    pub fn start_controllers(&self, install: impl FnOnce(&mut Manager)) {
        let mut manager = Manager::new();
        install(&mut manager);
        let (stop, stopping) = oneshot::channel();
        let client = self.unreliable_client();
        let task = tokio::spawn(async move {
            let stopping = async { drop(stopping.await) };
            let result = manager.run(client, stopping).await;
            if let Err(error) = &result {
                // The test that waits for this controller is about to time out: let its output say why.
                eprintln!("{error}");
            }
            result
        });
        self.managers.lock().unwrap_or_else(|broken| broken.into_inner()).push(Running { stop, task });
    }

    /// Stops the controllers as at the end of a process, waiting for what they are doing. Others may be started after.
    ///
    /// # Panics
    /// If a controller had ended early, had panicked or did not stop in time.
    pub async fn stop_controllers(&self) {
        let managers = std::mem::take(&mut *self.managers.lock().unwrap_or_else(|broken| broken.into_inner()));
        for Running { stop, task } in managers {
            let _ = stop.send(());
            match task.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => panic!("{error}"),
                Err(error) => panic!("the controllers could not be stopped: {error}"),
            }
        }
    }

    /// Stops the controllers as [`stop_controllers`](Self::stop_controllers) does, and then the server.
    ///
    /// # Panics
    /// As there.
    pub async fn stop(self) {
        self.stop_controllers().await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        for manager in self.managers.get_mut().unwrap_or_else(|broken| broken.into_inner()) {
            manager.task.abort();
        }
        self.wire.close();
    }
}

fn make(apis: Apis, store: Arc<dyn Store>, standalone: Option<Standalone>) -> Result<Instance, BuildError> {
    let webhook_metrics = apis.webhook_metrics();
    let (endpoints, authorization, alone) = match standalone {
        Some(how) => {
            let alone = how.start(apis, store)?;
            (alone.endpoints().clone(), alone.authorization().clone(), Some(alone))
        }
        None => (apis.build(store)?, masters_alone(), None),
    };
    let mut authentication =
        Authentication::default().client_certificates(Arc::new(Kubeconfigs)).anonymous(Anonymous::everywhere());
    if let Some(alone) = &alone {
        authentication = authentication.tokens(Arc::new(alone.tokens().clone()));
    }
    let core = Core::builder(endpoints.clone())
        .authenticator(authentication)
        .authorizer(authorization)
        .metrics(|registry| webhook_metrics.register(registry))
        .build();
    Ok(Instance::new(core, endpoints, alone))
}

fn masters_alone() -> Authorization {
    Authorization::new(vec![Arc::new(AllowGroups::masters()), Arc::new(AllowPaths::health_and_version())])
}

pub(super) fn admin() -> UserInfo {
    UserInfo::authenticated("test-admin", [MASTERS.to_owned()])
}
