//! One conversation with the server, in namespaces of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http::header::{CONTENT_TYPE, HeaderMap};
use http_body_util::BodyExt;
use kube::Client;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use super::compare::{self, Comparison};
use super::path::Path;
use super::transcript::{self, Step, Transcript};

/// Who talks to the server.
pub struct Clients {
    pub admin: Client,
    /// Somebody without any rights.
    pub user: Client,
}

/// Headers that are compared.
const HEADERS: [&str; 5] = [
    "content-type",
    "warning",
    "retry-after",
    "location",
    "allow",
];
/// How long a watch has for the events that it must send.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is waited for events that it must not send.
const SETTLE: Duration = Duration::from_millis(300);

/// Holds a conversation; gives everything in which an answer differed from the recorded one.
pub async fn hold(transcript: &Transcript, clients: &Clients) -> Vec<String> {
    let mut conversation = Conversation::new(transcript, clients);
    let mut comparison = Comparison::default();
    let mut differences = Vec::new();
    for (index, step) in transcript.steps.iter().enumerate() {
        let found = match conversation.step(step).await {
            Ok(Some(answer)) => comparison.step(step, answer, &conversation.variables),
            Ok(None) => Ok(Vec::new()),
            Err(problem) => Err(problem),
        };
        match found {
            Ok(found) => differences.extend(
                found
                    .into_iter()
                    .map(|text| format!("step {}{text}", index + 1)),
            ),
            Err(problem) => {
                differences.push(format!("step {}: {problem}", index + 1));
                break;
            }
        }
    }
    differences
}

/// The namespaces of a conversation: names that say whose they are, and sort as in the recording.
pub fn namespaces(transcript: &Transcript) -> [String; 2] {
    let namespace = format!("t-{}", transcript.name);
    [namespace.clone(), format!("{namespace}z")]
}

struct Conversation<'a> {
    clients: &'a Clients,
    variables: BTreeMap<String, String>,
    watches: BTreeMap<String, Watch>,
}

impl<'a> Conversation<'a> {
    fn new(transcript: &Transcript, clients: &'a Clients) -> Self {
        let [namespace, second] = namespaces(transcript);
        let mut variables = transcript.vars.clone();
        let group = variables.get("group").cloned().unwrap_or_default();
        variables.insert(
            "revgroup".into(),
            group.split('.').rev().collect::<Vec<_>>().join("."),
        );
        variables.insert("ns2".into(), second);
        variables.insert("ns".into(), namespace);
        Self {
            clients,
            variables,
            watches: BTreeMap::new(),
        }
    }

    async fn step(&mut self, step: &Step) -> Result<Option<Value>, String> {
        if let Some(seconds) = step.sleep {
            sleep(Duration::from_secs_f64(seconds)).await;
            return Ok(None);
        }
        let answer = match &step.collect {
            Some(name) => {
                let watch = self
                    .watches
                    .get_mut(name)
                    .ok_or("the watch was never started")?;
                watch.collect(step).await
            }
            None => self.ask(step).await?,
        };
        let root = if step.collect.is_some() {
            &answer
        } else {
            compare::body(&answer)
        };
        for (name, path) in &step.capture {
            if let Some(value) = Path::parse(path).values(root).first() {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.variables.insert(name.clone(), text);
            }
        }
        Ok(Some(answer))
    }

    async fn ask(&mut self, step: &Step) -> Result<Value, String> {
        let request = step.request.as_ref().ok_or("a step without a request")?;
        let request = request_of(&transcript::substitute(request, &self.variables)?)?;
        let client = if step.user.as_deref() == Some("user") {
            &self.clients.user
        } else {
            &self.clients.admin
        };
        let response = client
            .send(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let mut answer =
            json!({ "status": head.status.as_u16(), "headers": headers(&head.headers) });
        if let Some(name) = &step.start_watch
            && head.status == 200
        {
            self.watches.insert(name.clone(), Watch::follow(body));
            return Ok(answer);
        }
        let bytes = body
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        if !bytes.is_empty() {
            let media = head
                .headers
                .get(CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            answer["body"] = decode(&bytes, media);
        }
        Ok(answer)
    }
}

fn request_of(request: &Value) -> Result<Request<kube::client::Body>, String> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let mut target = text("path").to_owned();
    if let Some(query) = request["query"].as_object() {
        let pairs = query.iter().flat_map(|(name, value)| match value {
            Value::Array(values) => values.iter().map(|value| pair(name, value)).collect(),
            value => vec![pair(name, value)],
        });
        target = format!("{target}?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    let mut headers: BTreeMap<String, Value> = BTreeMap::from([
        ("accept".into(), "application/json".into()),
        ("user-agent".into(), "birdwatch/1.0".into()),
    ]);
    let body = match (request.get("raw"), request.get("body")) {
        (Some(raw), _) => raw.as_str().unwrap_or_default().to_owned(),
        (None, Some(body)) => {
            headers.insert("content-type".into(), "application/json".into());
            body.to_string()
        }
        (None, None) => String::new(),
    };
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        headers.insert(name.to_lowercase(), value.clone());
    }
    let mut builder = Request::builder().method(text("method")).uri(target);
    for (name, value) in &headers {
        if let Some(value) = value.as_str() {
            builder = builder.header(name, value);
        }
    }
    builder
        .body(body.into_bytes().into())
        .map_err(|error| error.to_string())
}

fn pair(name: &str, value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    format!("{}={}", encode(name), encode(&text))
}

fn encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    let encoded = text.bytes().map(|byte| {
        if plain(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}

fn headers(headers: &HeaderMap) -> Value {
    let mut told = Map::new();
    for name in HEADERS {
        let values: Vec<&str> = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        match values.as_slice() {
            [] => {}
            [one] => drop(told.insert(name.into(), (*one).into())),
            several => drop(told.insert(name.into(), several.into())),
        }
    }
    told.into()
}

fn decode(bytes: &[u8], media: &str) -> Value {
    let text = String::from_utf8_lossy(bytes);
    if media.contains("json") || text.starts_with('{') {
        return serde_json::from_str(&text)
            .unwrap_or_else(|error| format!("{error}: {text}").into());
    }
    if media.contains("yaml") {
        return transcript::from_yaml(&text)
            .unwrap_or_else(|error| format!("{error}: {text}").into());
    }
    text.into()
}

/// A watch under way.
struct Watch {
    seen: Arc<Seen>,
    taken: usize,
    reader: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    events: Mutex<(Vec<Value>, bool)>,
    news: Notify,
}

impl Watch {
    fn follow(mut body: kube::client::Body) -> Self {
        let seen = Arc::new(Seen::default());
        let writer = seen.clone();
        let reader = tokio::spawn(async move {
            let mut rest = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                rest.extend_from_slice(&frame.into_data().unwrap_or_default());
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let event = decode(&line, "application/json");
                    writer.events.lock().unwrap().0.push(event);
                    writer.news.notify_one();
                }
            }
            writer.events.lock().unwrap().1 = true;
            writer.news.notify_one();
        });
        Self {
            seen,
            taken: 0,
            reader,
        }
    }

    /// The events since the last time: those that the step waits for, and what comes within a moment after them.
    async fn collect(&mut self, step: &Step) -> Value {
        let deadline = Instant::now() + PATIENCE;
        while !self.has(step) {
            if timeout_at(deadline, self.seen.news.notified())
                .await
                .is_err()
            {
                break;
            }
        }
        let closed = self.seen.events.lock().unwrap().1;
        if !closed {
            sleep(SETTLE).await;
        }
        let seen = self.seen.events.lock().unwrap();
        let events = seen.0[self.taken..].to_vec();
        self.taken = seen.0.len();
        json!({ "events": events, "closed": seen.1 })
    }

    fn has(&self, step: &Step) -> bool {
        let seen = self.seen.events.lock().unwrap();
        let new = &seen.0[self.taken..];
        let ended = seen.1;
        match step.until.as_deref() {
            Some("initial-events-end") => {
                ended
                    || new
                        .iter()
                        .any(|event| event["type"] == "BOOKMARK" && !compare::is_periodic(event))
            }
            Some(_) => ended,
            None => {
                let counted = new
                    .iter()
                    .filter(|event| !compare::is_periodic(event))
                    .count();
                ended || counted >= step.count.unwrap_or_default()
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
