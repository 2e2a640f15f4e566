//! Requests in a closed loop: each of N connections sends its next request when the last one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use tokio::task::JoinSet;

use crate::client::{Call, Client, Connection};

/// How many at a time, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub connections: usize,
    /// Requests at a time on each connection.
    pub streams: usize,
    /// No request is begun after this time...
    pub time: Duration,
    /// ...nor after this many.
    pub requests: usize,
}

/// Is shown the number of a request and the body of its answer.
pub type Answered = Box<dyn Fn(usize, &[u8]) + Send + Sync>;

/// The requests: what the one with each number asks for, and what is made of its answer.
pub struct Work {
    pub call: Box<dyn Fn(usize) -> Call + Send + Sync>,
    /// Is shown the number and the body of each good answer. Without it no body is kept.
    pub answered: Option<Answered>,
    /// 429 is counted, not an error; whoever is answered so waits a moment, as clients do.
    pub may_be_refused: bool,
}

impl Work {
    pub fn new(call: impl Fn(usize) -> Call + Send + Sync + 'static) -> Work {
        Work { call: Box::new(call), answered: None, may_be_refused: false }
    }
}

/// What came of it, as clients saw it.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Answered as they should be.
    pub requests: u64,
    /// Of bodies.
    pub bytes: u64,
    pub seconds: f64,
    /// Microseconds from sending a request to having the whole answer.
    pub latency: Histogram<u64>,
    /// Answered 429, and the microseconds it took.
    pub refused: Histogram<u64>,
    pub errors: u64,
    pub first_error: Option<String>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            requests: 0,
            bytes: 0,
            seconds: 0.0,
            latency: histogram(),
            refused: histogram(),
            errors: 0,
            first_error: None,
        }
    }
}

/// Of microseconds up to two minutes, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(120_000_000, 3).expect("the bounds are valid")
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.latency += other.latency;
        self.refused += other.refused;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }

    pub fn fail(&mut self, message: impl Into<String>) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| message.into());
    }
}

/// Connections that are open and have each been used once, so that no handshake is counted in what they do.
pub async fn connect(client: &Client, load: Load) -> Result<Vec<Connection>> {
    let mut opening = JoinSet::new();
    let mut connections = Vec::with_capacity(load.connections * load.streams);
    for number in 0..load.connections {
        let client = client.clone();
        opening.spawn(async move {
            let mut connection = client.connect().await?;
            client.fetch(&mut connection, Call::get("/readyz")).await?;
            anyhow::Ok(connection)
        });
        // A few handshakes at a time: a listener's queue is short.
        if number % 64 == 63 || number + 1 == load.connections {
            while let Some(connection) = opening.join_next().await {
                let connection = connection??;
                for _ in 1..load.streams {
                    connections.extend(connection.another_stream());
                }
                connections.push(connection);
            }
        }
    }
    Ok(connections)
}

/// Sends the work over the connections. `begun` is the number of the first request.
pub async fn drive(client: &Client, connections: Vec<Connection>, load: Load, work: Arc<Work>) -> Tally {
    let begin = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut drivers = JoinSet::new();
    for connection in connections {
        let driver = Driver { client: client.clone(), connection, work: work.clone(), next: next.clone(), load };
        drivers.spawn(driver.run(begin + load.time));
    }
    let mut sum = Tally::default();
    while let Some(tally) = drivers.join_next().await {
        match tally {
            Ok(tally) => sum.add(tally),
            Err(error) => sum.fail(error.to_string()),
        }
    }
    sum.seconds = begin.elapsed().as_secs_f64();
    sum
}

/// One connection, or one stream of it.
struct Driver {
    client: Client,
    connection: Connection,
    work: Arc<Work>,
    next: Arc<AtomicUsize>,
    load: Load,
}

/// The longest that one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a client waits that was told to come back later.
const PAUSE: Duration = Duration::from_millis(100);

impl Driver {
    async fn run(mut self, deadline: Instant) -> Tally {
        let mut tally = Tally::default();
        let mut buffer = Vec::new();
        while Instant::now() < deadline {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.load.requests {
                break;
            }
            let request = self.client.request((self.work.call)(number));
            let begin = Instant::now();
            let answer = async {
                let response = self.connection.send(request).await?;
                let status = response.status().as_u16();
                let keep = self.work.answered.is_some() || status >= 300;
                let bytes = read(response, keep.then_some(&mut buffer)).await?;
                anyhow::Ok((status, bytes))
            };
            let answer = tokio::time::timeout(PATIENCE, answer).await;
            let micros = begin.elapsed().as_micros() as u64;
            match answer {
                Ok(Ok((status, bytes))) if status < 300 => {
                    tally.requests += 1;
                    tally.bytes += bytes;
                    tally.latency.saturating_record(micros);
                    if let Some(answered) = &self.work.answered {
                        answered(number, &buffer);
                    }
                }
                Ok(Ok((429, _))) if self.work.may_be_refused => {
                    tally.refused.saturating_record(micros);
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(Ok((status, _))) => {
                    let body = String::from_utf8_lossy(&buffer[..buffer.len().min(300)]);
                    tally.fail(format!("{status} {}", body.trim()));
                }
                // What happens on a connection after this says nothing about the server.
                Ok(Err(error)) => {
                    tally.fail(format!("{error:#}"));
                    break;
                }
                Err(_) => {
                    tally.fail(format!("no answer within {} s", PATIENCE.as_secs()));
                    break;
                }
            }
        }
        tally
    }
}

/// Reads a body to its end, and gives its length; its bytes are copied only if they are wanted.
async fn read(response: Response<Incoming>, mut keep: Option<&mut Vec<u8>>) -> Result<u64> {
    let mut body = response.into_body();
    let mut length = 0;
    if let Some(buffer) = &mut keep {
        buffer.clear();
    }
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let data: &Bytes = match frame.data_ref() {
            Some(data) => data,
            None => continue,
        };
        length += data.len() as u64;
        if let Some(buffer) = &mut keep {
            buffer.extend_from_slice(data);
        }
    }
    Ok(length)
}
