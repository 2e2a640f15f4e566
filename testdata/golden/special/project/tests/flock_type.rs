//! What the subresource flocks/type promises. The server runs in the test's own process.

use apiserver::{TestServer, http};
use kube::api::PostParams;
use kube::{Api, Resource, ResourceExt};

use special::apis;
use special::apis::demo::v1::flock::Flock;

const SUBRESOURCE: &str = "type";

#[tokio::test]
async fn lines_are_streamed() {
    let server = TestServer::start(apis::install).await;
    let name = parent(&server).await;
    let request = http::Request::get(path(&name)).body("").unwrap();
    let answer = server.request(request).await;
    assert_eq!(answer.status(), 200);
    let expected = format!("1: {name}\n2: {name}\n3: {name}\n");
    assert_eq!(answer.into_body(), expected);
}

#[tokio::test]
async fn a_websocket_says_everything_again() {
    let server = TestServer::start(apis::install).await;
    let path = path(&parent(&server).await);
    let mut socket = server.websocket(&format!("{path}/echo")).await;
    for word in ["hello", "again"] {
        socket.send(word).await.unwrap();
        assert_eq!(socket.recv().await, Some(word.into()));
    }
    socket.close("that is all").await;
}

#[tokio::test]
async fn what_it_does_not_answer_is_refused() {
    let server = TestServer::start(apis::install).await;
    let path = path(&parent(&server).await);
    for (request, code) in [
        // No client that asks for an upgrade.
        (http::Request::get(format!("{path}/echo")), 400),
        (http::Request::get(format!("{path}/elsewhere")), 400),
        (http::Request::delete(path), 405),
    ] {
        let answer = server.request(request.body("").unwrap()).await;
        assert_eq!(answer.status(), code);
    }
}

#[tokio::test]
async fn without_its_parent_it_is_not_found() {
    let server = TestServer::start(apis::install).await;
    let request = http::Request::get(path("nobody")).body("").unwrap();
    assert_eq!(server.request(request).await.status(), 404);
}

/// The path of the subresource of an object.
fn path(name: &str) -> String {
    let objects = Flock::url_path(&(), None);
    format!("{objects}/{name}/{SUBRESOURCE}")
}

/// Makes the object that the subresource belongs to, and gives its name.
async fn parent(server: &TestServer) -> String {
    let api: Api<Flock> = server.api();
    let sample = include_str!("../sample/flock.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    api.create(&params, &sample).await.unwrap().name_any()
}
