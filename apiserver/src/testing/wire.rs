//! What is between a client and the server of a test: in good order a function call, and the place where a server that
//! went down is found to be away.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{Stream, StreamExt, unfold};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::watch;

use super::faults::{Behind, Faults, Injector, connection_reset, pass};
use super::instance::Instance;
use super::writes::Writes;
use crate::authentication::ConnectionInfo;
use crate::body::{Body, RequestBody};
use crate::server::handle;
use crate::storage::Store;

pub(super) type ResponseBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// All that clients of a server share, while servers come and go behind it.
pub(super) struct Wire {
    up: watch::Sender<Option<Arc<Instance>>>,
    make: Box<dyn Fn() -> Instance + Send + Sync>,
    injector: RwLock<Option<Arc<Injector>>>,
    /// Whether a server that is down stays so.
    closed: AtomicBool,
    pub(super) writes: Arc<Writes>,
    /// As it is, for what nobody is to count.
    pub(super) store: Arc<dyn Store>,
}

/// How far a client can rely on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reliance {
    /// Meets no faults, and waits for a server that is away.
    Reliable,
    /// Meets all that there are.
    Unreliable,
}

impl Wire {
    /// To a server that `make` makes, now and after it went down.
    pub(super) fn new(
        store: Arc<dyn Store>,
        writes: Arc<Writes>,
        make: impl Fn() -> Instance + Send + Sync + 'static,
    ) -> Arc<Self> {
        let up = watch::Sender::new(Some(Arc::new(make())));
        Arc::new(Self {
            up,
            make: Box::new(make),
            injector: RwLock::default(),
            closed: AtomicBool::new(false),
            writes,
            store,
        })
    }

    /// The server, if it is there.
    pub(super) fn instance(&self) -> Option<Arc<Instance>> {
        self.up.borrow().clone()
    }

    /// The server, as soon as it is there.
    pub(super) async fn up(&self) -> Arc<Instance> {
        let mut up = self.up.subscribe();
        loop {
            if let Some(instance) = up.borrow_and_update().clone() {
                return instance;
            }
            if up.changed().await.is_err() {
                // `self` is the sender, so this is never seen.
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) fn meet(&self, faults: Option<Faults>) {
        let injector = faults.map(|faults| Arc::new(Injector::new(faults)));
        *self.injector.write().unwrap_or_else(|broken| broken.into_inner()) = injector;
    }

    /// The faults of the moment.
    pub(super) fn injector(&self) -> Option<Arc<Injector>> {
        self.injector.read().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    /// Cuts all connections, and is back after a while, in a task of its own. Nothing where it is down already.
    pub(super) fn go_down(self: &Arc<Self>, away: Duration) {
        let Some(instance) = self.up.send_replace(None) else { return };
        instance.kill();
        drop(instance);
        let wire = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(away).await;
            if wire.closed.load(Ordering::Acquire) {
                return;
            }
            let instance = Arc::new((wire.make)());
            instance.filled().await;
            wire.up.send_replace(Some(instance));
        });
    }

    /// Ends the server in order, and for good.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(instance) = self.instance() {
            instance.stop();
        }
    }

    /// A request and its answer, as a client has them.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        reliance: Reliance,
        connection: &ConnectionInfo,
        request: Request<RequestBody>,
    ) -> io::Result<Response<ResponseBody>> {
        let (instance, injector) = match reliance {
            Reliance::Reliable => (self.up().await, None),
            Reliance::Unreliable => (self.instance().ok_or_else(connection_refused)?, self.injector()),
        };
        let writing = !matches!(*request.method(), http::Method::GET | http::Method::HEAD);
        let _in_flight = writing.then(|| self.writes.begin());
        let answer = async {
            let handle = |request| handle(instance.core(), connection, request);
            match reliance {
                Reliance::Reliable => Ok(handle(request).await.map(told)),
                Reliance::Unreliable => {
                    let behind = Behind { kinds: instance.kinds(), store: &*self.store };
                    pass(injector, request, self, behind, handle).await
                }
            }
        };
        let answer = tokio::select! {
            biased;
            () = instance.killed() => Err(connection_reset()),
            answer = answer => answer,
        };
        if writing && !answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            self.writes.failed();
        }
        Ok(answer?.map(|body| until_killed(body, instance)))
    }
}

/// A body of the server's, for a client.
pub(super) fn told(body: Body) -> ResponseBody {
    body.map_err(Into::into).boxed_unsync()
}

/// A body of pieces that may end with an error.
pub(super) fn streamed(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> ResponseBody {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data).map_err(Into::into))).boxed_unsync()
}

/// A body that breaks off when the server is killed.
fn until_killed(body: ResponseBody, instance: Arc<Instance>) -> ResponseBody {
    if http_body::Body::size_hint(&body).exact().is_some() {
        return body;
    }
    let killed = instance.killed_later();
    // A watch must not keep the server, or its store, from ending.
    drop(instance);
    let pieces = unfold(Some((body, killed)), |state| async move {
        let (mut body, mut killed) = state?;
        let frame = tokio::select! {
            biased;
            () = &mut killed => Some(Err(connection_reset().into())),
            frame = body.frame() => frame,
        };
        let going_on = matches!(frame, Some(Ok(_))).then_some((body, killed));
        frame.map(|frame| (frame, going_on))
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn connection_refused() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused")
}
