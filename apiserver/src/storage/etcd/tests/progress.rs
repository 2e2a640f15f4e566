//! A member whose word on progress can be taken. Debian has no such etcd, so this one is played.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::super::proto::etcdserverpb::watch_request::RequestUnion;
use super::super::proto::etcdserverpb::{RangeResponse, ResponseHeader, StatusResponse, WatchRequest, WatchResponse};
use super::super::{EtcdConfig, EtcdStore};
use crate::storage::{Revision, Store, WatchItem};

#[tokio::test]
async fn a_quiet_watch_is_asked_for_progress_when_somebody_may_wait() {
    let revision = Arc::new(AtomicI64::new(10));
    let endpoint = play("3.6.4", revision.clone()).await;
    let config = EtcdConfig { endpoints: vec![endpoint], ..EtcdConfig::default() };
    let store = EtcdStore::connect(config).await.unwrap();
    let mut watch = store.watch("/registry/", Revision(10)).await.unwrap();
    for now in [15, 16, 30] {
        revision.store(now, Relaxed);
        let silence = tokio::time::timeout(Duration::from_millis(100), watch.next()).await;
        assert!(silence.is_err(), "nobody asked, and it says {silence:?}");
        let asked = store.revision().await.unwrap();
        let item = tokio::time::timeout(Duration::from_secs(10), watch.next()).await.expect("it says something");
        assert_eq!(item.unwrap().unwrap(), WatchItem::Progress(asked));
    }
}

/// Plays a member of this version at this revision, with nothing in it.
async fn play(version: &'static str, revision: Arc<AtomicI64>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let revision = revision.clone();
            let service = service_fn(move |request| {
                let answer = answer(version, revision.clone(), request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http2.serve_connection(TokioIo::new(connection), service));
        }
    });
    format!("http://{address}")
}

fn answer(
    version: &str,
    revision: Arc<AtomicI64>,
    request: http::Request<Incoming>,
) -> http::Response<BoxBody<Bytes, Infallible>> {
    let (answers, frames) = mpsc::unbounded_channel();
    let header = move || Some(ResponseHeader { revision: revision.load(Relaxed) });
    match request.uri().path() {
        "/etcdserverpb.Maintenance/Status" => {
            let _ = answers.send(frame(&StatusResponse { version: version.to_owned() }));
        }
        "/etcdserverpb.KV/Range" => {
            let _ = answers.send(frame(&RangeResponse { header: header(), ..Default::default() }));
        }
        "/etcdserverpb.Watch/Watch" => drop(tokio::spawn(async move {
            let mut requests = request.into_body();
            let mut bytes = BytesMut::new();
            while let Some(Ok(chunk)) = requests.frame().await {
                bytes.extend_from_slice(&chunk.into_data().unwrap_or_default());
                while let Some(request) = message::<WatchRequest>(&mut bytes) {
                    let created = match request.request_union.unwrap() {
                        RequestUnion::CreateRequest(create) => {
                            assert_eq!(
                                (&create.key[..], &create.range_end[..]),
                                (&b"/registry/"[..], &b"/registry0"[..])
                            );
                            true
                        }
                        RequestUnion::ProgressRequest(_) => false,
                    };
                    let _ = answers.send(frame(&WatchResponse { header: header(), created, ..Default::default() }));
                }
            }
        })),
        path => panic!("{path}"),
    }
    let trailers = [("grpc-status".parse().unwrap(), "0".parse().unwrap())].into_iter().collect();
    let body = futures::stream::unfold(frames, |mut frames| async { frames.recv().await.map(|frame| (frame, frames)) })
        .chain(futures::stream::iter([Frame::trailers(trailers)]))
        .map(Ok);
    let response = http::Response::builder().header("content-type", "application/grpc");
    response.body(BodyExt::boxed(StreamBody::new(body))).unwrap()
}

/// A message as gRPC sends it: one byte that says that it is not compressed, its size in four, then itself.
fn frame(message: &impl Message) -> Frame<Bytes> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut bytes).unwrap();
    Frame::data(bytes.freeze())
}

fn message<M: Message + Default>(bytes: &mut BytesMut) -> Option<M> {
    let size = bytes.get(1..5).map(|mut size| size.get_u32() as usize)?;
    if bytes.len() < 5 + size {
        return None;
    }
    bytes.advance(5);
    Some(M::decode(bytes.split_to(size)).unwrap())
}
