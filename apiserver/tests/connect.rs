//! Subresources that own their answers: streams, upgrades, WebSocket; in the process and over sockets.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};
use apiserver::authentication::{Anonymous, Authentication};
use apiserver::authorization::{self, AuthorizationError, Authorizer, Decision};
use apiserver::server::{Core, CoreBuilder, ServeConfig, Serving, serve};
use apiserver::storage::memory::MemoryStore;
use apiserver::{
    Apis, Body, Connect, ConnectRequest, Error, Message, Parent, RequestContext, Strategy, TestServer, WebSocket,
};
use bytes::Bytes;
use common::{Bird, BirdStrategy, Server};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);
const SONG: &str = "/apis/demo.example.com/v1/namespaces/default/birds/robin/song";

struct BirdSong;

impl Connect for BirdSong {
    type Parent = Bird;
    const NAME: &'static str = "song";
    const METHODS: &'static [Method] = &[Method::GET, Method::POST];

    async fn connect(
        &self,
        cx: &RequestContext,
        bird: Parent<Bird>,
        request: ConnectRequest,
    ) -> Result<Response<Body>, Error> {
        match request.path.as_str() {
            "" => Ok(Response::new(sing(bird.spec.species.clone()))),
            "echo" => Ok(Response::new(Body::stream(repeat(request)))),
            "websocket" => request.websocket(move |socket| converse(bird, socket)),
            "bytes" => request.upgrade("caw/1", async |mut upgraded| {
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = upgraded.read(&mut bytes).await {
                    bytes[..count].make_ascii_uppercase();
                    if upgraded.write_all(&bytes[..count]).await.is_err() {
                        return;
                    }
                }
            }),
            "stubborn" => request.upgrade("caw/1", async |upgraded| {
                let _upgraded = upgraded;
                std::future::pending::<()>().await;
            }),
            "broken" => request.upgrade("caw/1", async |_| panic!("a session that panics")),
            "panic" => panic!("a handler that panics"),
            "conflict" => Err(Error::conflict("it sings already")),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok(Response::new("at last".into()))
            }
            other => {
                let told = json!({
                    "method": request.method.as_str(), "path": other, "query": request.query.text("q"),
                    "verb": cx.verb, "user": cx.user.username, "subresource": cx.subresource,
                    "authorization": request.headers.contains_key("authorization"),
                });
                Ok(Response::new(told.to_string().into()))
            }
        }
    }
}

fn sing(species: String) -> Body {
    let (sender, body) = Body::channel(1);
    tokio::spawn(async move {
        for line in 1..=3 {
            if sender.send(format!("{line} {species}\n")).await.is_err() {
                return;
            }
        }
    });
    body
}

fn repeat(request: ConnectRequest) -> impl futures::Stream<Item = Bytes> + Send + 'static {
    let frames = request.body.into_data_stream();
    futures::StreamExt::filter_map(frames, async |frame| frame.ok())
}

async fn converse(bird: Parent<Bird>, mut socket: WebSocket) {
    if socket.send(format!("a {} here", bird.spec.species)).await.is_err() {
        return;
    }
    while let Some(message) = socket.recv().await {
        if message == Message::Text("bye".into()) {
            return socket.close("it was nice").await;
        }
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Nest")]
struct NestSpec {}

struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;
}

struct NestProxy;

impl Connect for NestProxy {
    type Parent = Nest;
    const NAME: &'static str = "proxy";
    const METHODS: &'static [Method] = &[Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::POST];

    async fn connect(
        &self,
        cx: &RequestContext,
        nest: Parent<Nest>,
        request: ConnectRequest,
    ) -> Result<Response<Body>, Error> {
        let name = nest.metadata.name.clone().unwrap_or_default();
        let mut response = Response::new(format!("{} {} {name}/{}", cx.verb, request.method, request.path).into());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        Ok(response)
    }
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).connect(BirdSong);
    apis.add(NestStrategy).connect(NestProxy);
}

const ROBIN: &str =
    r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"name":"robin"},"spec":{"species":"robin"}}"#;
const OAK: &str = r#"{"apiVersion":"demo.example.com/v1","kind":"Nest","metadata":{"name":"oak"},"spec":{}}"#;

async fn server() -> Server {
    let mut apis = Apis::default();
    install(&mut apis);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    assert_eq!(server.ask("POST ", ROBIN).await.code, 201);
    assert_eq!(server.ask("POST /apis/demo.example.com/v1/nests", OAK).await.code, 201);
    server
}

#[tokio::test]
async fn the_handler_owns_the_answer() {
    let server = server().await;
    assert_eq!(server.ask("GET robin/song", "").await.text(), "1 robin\n2 robin\n3 robin\n");
    assert_eq!(server.ask("POST robin/song/echo", "tic tic").await.text(), "tic tic");
    let told = server.send("POST robin/song/a/b%20c/?q=1%202", &[], "").await.json();
    assert_eq!(
        told,
        json!({
            "method": "POST", "path": "a/b%20c/", "query": "1 2", "verb": "create", "user": "tester",
            "subresource": "song", "authorization": false,
        })
    );
    let check = async |line: &str, expect: &str| {
        let answer = server.ask(line, "").await;
        assert_eq!(format!("{} {}", answer.code, answer.text()), expect);
    };
    let proxy = "/apis/demo.example.com/v1/nests/oak/proxy";
    check(&format!("GET {proxy}"), "418 get GET oak/").await;
    check(&format!("GET {proxy}?watch=true"), "418 get GET oak/").await;
    check(&format!("HEAD {proxy}/x"), "418 ").await;
    check(&format!("POST {proxy}/x/y/"), "418 create POST oak/x/y/").await;
    check(&format!("PUT {proxy}/x"), "418 update PUT oak/x").await;
    check(&format!("PATCH {proxy}/x"), "418 patch PATCH oak/x").await;
    check(&format!("DELETE {proxy}/x"), "418 delete DELETE oak/x").await;
    check(&format!("GET {proxy}/http://a/b%2Fc"), "418 get GET oak/http://a/b%2Fc").await;
}

#[tokio::test]
async fn what_comes_before_the_handler() {
    let server = server().await;
    let check = async |line: &str, expect: &str| {
        let failure = server.ask(line, "").await.failure();
        assert!(failure.starts_with(expect), "{line}: {failure}");
    };
    check("GET wren/song", "404 birds.demo.example.com \"wren\" not found").await;
    check("PUT robin/song", "405 the server does not allow this method on the requested resource").await;
    check("DELETE robin/song/x", "405 ").await;
    check("GET robin/song?dryRun=All", "400 dryRun is not supported").await;
    check("GET robin/song/conflict", "409 Operation cannot be fulfilled on birds.demo.example.com \"robin\": it").await;
    check("GET robin/song/websocket", "400 this takes an upgrade of the connection to websocket").await;
    check("GET robin/song/bytes", "400 this takes an upgrade of the connection to caw/1").await;
    let headers = [("connection", "upgrade"), ("upgrade", "caw/1")];
    let answer = server.send("GET robin/song/bytes", &headers, "").await;
    assert_eq!(answer.failure(), "400 this connection cannot be upgraded: that takes HTTP/1.1");
}

/// Lets nobody connect to a song but those who may sing.
struct Choirmaster;

#[async_trait::async_trait]
impl Admission for Choirmaster {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Connect
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        assert!(request.object().is_none() && request.old_object().is_none() && request.options().is_none());
        let verb = &request.context().verb;
        Err(format!("{verb} {}/{} is for the choir", request.resource.resource, request.subresource).into())
    }
}

#[tokio::test]
async fn admission_is_asked() {
    let mut apis = Apis::default();
    install(&mut apis);
    apis.admission(Choirmaster);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    assert_eq!(server.ask("POST ", ROBIN).await.code, 201);
    assert_eq!(
        server.ask("GET robin/song", "").await.failure(),
        "403 birds.demo.example.com \"robin\" is forbidden: get birds/song is for the choir"
    );
    assert_eq!(server.ask("GET wren/song", "").await.code, 404);
}

#[tokio::test]
async fn discovery_and_openapi_list_it() {
    let server = server().await;
    let list = server.ask("GET /apis/demo.example.com/v1", "").await.json();
    let verbs: Vec<String> = list["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|resource| resource["name"].as_str().unwrap().contains('/'))
        .map(|resource| format!("{} {} {}", resource["name"], resource["kind"], resource["verbs"]))
        .collect();
    assert_eq!(
        verbs,
        [
            r#""birds/song" "Bird" ["create","get"]"#,
            r#""birds/status" "Bird" ["get","patch","update"]"#,
            r#""nests/proxy" "Nest" ["create","delete","get","patch","update"]"#,
        ]
    );
    let document = server.ask("GET /openapi/v3/apis/demo.example.com/v1", "").await.json();
    let paths = document["paths"].as_object().unwrap();
    let song = "/apis/demo.example.com/v1/namespaces/{namespace}/birds/{name}/song";
    assert_eq!(paths[song]["post"]["x-kubernetes-action"], "connect");
    assert_eq!(paths[song]["get"]["operationId"], "connectDemoExampleComV1GetNamespacedBirdSong");
    assert!(paths[song].get("put").is_none());
    let below = &paths[&format!("{song}/{{path}}")];
    assert_eq!(below["get"]["operationId"], "connectDemoExampleComV1GetNamespacedBirdSongWithPath");
    assert_eq!(below["parameters"][2]["name"], "path");
}

#[tokio::test]
async fn a_test_talks_websocket_within_its_process() {
    let server = TestServer::start(install).await;
    let create = Request::post("/apis/demo.example.com/v1/namespaces/default/birds");
    let created = server.request(create.header("content-type", "application/json").body(ROBIN).unwrap()).await;
    assert_eq!(created.status(), 201);
    let mut socket = server.websocket(&format!("{SONG}/websocket")).await;
    assert_eq!(socket.recv().await, Some("a robin here".into()));
    for message in [Message::from("tic"), Message::from(vec![0, 159, 146, 150]), Message::from("x".repeat(1 << 20))] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(timeout(SOON, socket.recv()).await.unwrap(), Some(message));
    }
    socket.send("bye").await.unwrap();
    assert_eq!(timeout(SOON, socket.recv()).await.unwrap(), None);

    let mut open = server.websocket(&format!("{SONG}/websocket")).await;
    assert!(open.recv().await.is_some());
    drop(server);
    assert_eq!(timeout(SOON, open.recv()).await.unwrap(), None, "the server says goodbye");
}

#[tokio::test]
#[should_panic(expected = "404")]
async fn a_websocket_to_nowhere_is_refused() {
    TestServer::start(install).await.websocket(&format!("{SONG}/websocket")).await;
}

#[tokio::test]
async fn a_kube_client_reads_a_stream() {
    let server = TestServer::start(install).await;
    let client = server.client();
    let create = Request::post("/apis/demo.example.com/v1/namespaces/default/birds").body(ROBIN.into()).unwrap();
    client.request_text(create).await.unwrap();
    let song = client.request_text(Request::get(SONG).body(Vec::new()).unwrap()).await.unwrap();
    assert_eq!(song.lines().count(), 3);
    let refused = client.request_text(Request::get(format!("{SONG}/conflict")).body(Vec::new()).unwrap()).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 409));
}

#[tokio::test]
async fn a_kube_client_takes_a_connection_over() {
    let server = TestServer::start(install).await;
    let client = server.client();
    let create = Request::post("/apis/demo.example.com/v1/namespaces/default/birds").body(ROBIN.into()).unwrap();
    client.request_text(create).await.unwrap();
    let request = Request::get(format!("{SONG}/bytes")).header("connection", "Upgrade").header("upgrade", "caw/1");
    let response = client.send(request.body(Vec::new().into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 101);
    let mut caw = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    assert_eq!(ask(&mut caw, "caw").await, "CAW");
}

/// Lets everybody do everything, and notes nothing.
struct Everybody;

#[async_trait::async_trait]
impl Authorizer for Everybody {
    async fn authorize(&self, attributes: authorization::Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let info = attributes.info;
        if info.subresource == "proxy" {
            return Ok(Decision::Deny(format!("{} {}/{}", info.verb, info.resource, info.subresource).into()));
        }
        Ok(Decision::Allow("".into()))
    }
}

/// A server on a port.
struct Listening {
    serving: Serving,
    address: SocketAddr,
}

impl Listening {
    async fn start(drain: Duration, change: impl FnOnce(CoreBuilder) -> CoreBuilder) -> Self {
        let mut apis = Apis::default();
        install(&mut apis);
        let endpoints = apis.build(Arc::new(MemoryStore::default())).unwrap();
        endpoints.filled().await;
        let core = Core::builder(endpoints)
            .authenticator(Authentication::default().anonymous(Anonymous::everywhere()))
            .authorizer(Everybody);
        let config = ServeConfig { drain, ..ServeConfig::plain(SocketAddr::from(([127, 0, 0, 1], 0))) };
        let serving = serve(config, change(core).build()).await.unwrap();
        let server = Self { address: serving.address(), serving };
        let path = "/apis/demo.example.com/v1/namespaces/default/birds";
        let create = Request::post(path).header("content-type", "application/json").body(ROBIN).unwrap();
        assert_eq!(server.send(create).await.status(), 201);
        server
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender
    }

    async fn send(&self, request: Request<&'static str>) -> Response<hyper::body::Incoming> {
        let mut request = request.map(|body| Full::new(Bytes::from(body)));
        request.headers_mut().insert("host", "localhost".parse().unwrap());
        timeout(SOON, self.connect().await.send_request(request)).await.unwrap().unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let response = self.send(Request::get(path).body("").unwrap()).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        format!("{code} {}", String::from_utf8_lossy(&bytes))
    }

    /// A connection that has become one of `caw/1`.
    async fn caw(&self, path: &str) -> TokioIo<hyper::upgrade::Upgraded> {
        let request = Request::get(format!("{SONG}/{path}")).header("connection", "Upgrade").header("upgrade", "caw/1");
        let response = self.send(request.body("").unwrap()).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap_or_default();
        assert_eq!((header("connection"), header("upgrade")), ("Upgrade", "caw/1"));
        assert!(response.headers().contains_key("audit-id"));
        TokioIo::new(hyper::upgrade::on(response).await.unwrap())
    }
}

async fn ask(io: &mut TokioIo<hyper::upgrade::Upgraded>, text: &str) -> String {
    io.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = vec![0; text.len()];
    timeout(SOON, io.read_exact(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_connection_is_taken_over() {
    let server = Listening::start(SOON, |core| core).await;
    let mut caw = server.caw("bytes").await;
    assert_eq!(ask(&mut caw, "caw").await, "CAW");
    let metrics = server.get("/metrics").await;
    let row = r#"apiserver_longrunning_requests{verb="GET",group="demo.example.com",version="v1",resource="birds",subresource="song",scope="resource",component="apiserver"}"#;
    assert!(metrics.contains(&format!("{row} 1")), "{metrics}");
    drop(caw);
    let gone = async {
        while !server.get("/metrics").await.contains(&format!("{row} 0")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, gone).await.expect("a session that has ended is counted no more");
}

#[tokio::test]
async fn a_panic_ends_one_request_or_one_session() {
    let server = Listening::start(SOON, |core| core).await;
    assert!(server.get(&format!("{SONG}/panic")).await.starts_with("500 This request caused apiserver to panic"));
    let mut other = server.caw("bytes").await;
    let mut broken = server.caw("broken").await;
    assert_eq!(timeout(SOON, broken.read(&mut [0; 1])).await.unwrap().unwrap(), 0, "its connection is closed");
    assert_eq!(ask(&mut other, "still here").await, "STILL HERE");
}

#[tokio::test]
async fn neither_timeouts_nor_limits_are_for_connections() {
    let short = |core: CoreBuilder| core.request_timeout(Duration::from_millis(50)).max_in_flight(1, 1);
    let server = Listening::start(SOON, short).await;
    let slow = || server.get("/apis/demo.example.com/v1/namespaces/default/birds/robin/song/slow");
    let answers = tokio::join!(slow(), slow(), slow());
    let last = "200 at last".to_owned();
    assert_eq!(answers, (last.clone(), last.clone(), last));
    assert_eq!(server.get(&format!("{SONG}/slow?timeout=1ms")).await, "200 at last");
    let denied = server.get("/apis/demo.example.com/v1/nests/oak/proxy/x").await;
    assert!(denied.starts_with("403 ") && denied.contains("get nests/proxy"), "{denied}");
}

#[tokio::test]
async fn who_stops_tells_open_connections_and_cuts_off_the_stubborn() {
    let server = Listening::start(Duration::from_millis(500), |core| core).await;
    let websocket = Request::get(format!("{SONG}/websocket"))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "v5.channel.k8s.io, v4.channel.k8s.io");
    let response = server.send(websocket.body("").unwrap()).await;
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["sec-websocket-protocol"], "v5.channel.k8s.io");
    let mut websocket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut stubborn = server.caw("stubborn").await;
    server.serving.stop();
    let stopped = tokio::spawn(server.serving.stopped());
    let mut bytes = Vec::new();
    timeout(SOON, async {
        // A client that answers the goodbye would end this sooner; this one only listens.
        let _: Result<usize, _> = websocket.read_to_end(&mut bytes).await;
    })
    .await
    .unwrap();
    let told = String::from_utf8_lossy(&bytes).into_owned();
    assert!(told.contains("a robin here") && told.contains("the server is shutting down"), "{told:?}");
    assert_eq!(timeout(SOON, stubborn.read(&mut [0; 1])).await.unwrap().unwrap_or_default(), 0);
    timeout(SOON, stopped).await.expect("the server stops").unwrap();
}

#[tokio::test]
async fn the_end_waits_for_those_who_end_in_time() {
    let server = Listening::start(SOON, |core| core).await;
    let mut caw = server.caw("bytes").await;
    server.serving.stop();
    let stopped = tokio::spawn(server.serving.stopped());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(ask(&mut caw, "one more").await, "ONE MORE");
    assert!(!stopped.is_finished());
    drop(caw);
    timeout(SOON, stopped).await.expect("the server stops").unwrap();
}
