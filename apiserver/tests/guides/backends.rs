//! docs/backends.md

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use apiserver::registry::backend::{Event, Events, Filter, History, List};
use apiserver::{Apis, Backend, Error, RequestContext, TestServer, Verb};
use futures::TryStreamExt;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::timeout;

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Ticket", namespaced)]
pub struct TicketSpec {
    pub seat: String,
}

mod reading {
    use super::*;

    #[derive(Default)]
    pub struct Tickets(BTreeMap<(String, String), Ticket>);

    impl Tickets {
        fn find(&self, namespace: &str, name: &str) -> Option<Ticket> {
            self.0.get(&(namespace.to_owned(), name.to_owned())).cloned()
        }

        fn all(&self, namespace: &str) -> Vec<Ticket> {
            let meant = |ticket: &&Ticket| namespace.is_empty() || ticket.namespace().as_deref() == Some(namespace);
            self.0.values().filter(meant).cloned().collect()
        }
    }

    impl Backend for Tickets {
        type Object = Ticket;
        const VERBS: &'static [Verb] = &[Verb::Get, Verb::List];

        async fn get(&self, cx: &RequestContext, name: &str) -> Result<Ticket, Error> {
            self.find(&cx.namespace, name).ok_or_else(|| Error::not_found(name))
        }

        async fn list(&self, _: &RequestContext, filter: &Filter) -> Result<List<Ticket>, Error> {
            Ok(self.all(&filter.namespace).into())
        }
    }

    pub fn install(apis: &mut Apis) {
        apis.add_backend(Tickets::default());
    }
}

struct Tickets {
    tickets: Mutex<BTreeMap<(String, String), Ticket>>,
    history: Arc<History<Ticket>>,
}

impl Tickets {
    fn changed(&self, mut ticket: Ticket, event: fn(Ticket) -> Event<Ticket>) -> Ticket {
        self.history.add(|version| {
            ticket.metadata.resource_version = Some(version.to_string());
            event(ticket.clone())
        });
        ticket
    }
}

impl Backend for Tickets {
    type Object = Ticket;
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::List, Verb::Watch, Verb::Create, Verb::Update];

    async fn get(&self, cx: &RequestContext, name: &str) -> Result<Ticket, Error> {
        let key = (cx.namespace.clone(), name.to_owned());
        self.tickets.lock().await.get(&key).cloned().ok_or_else(|| Error::not_found(name))
    }

    async fn list(&self, _: &RequestContext, _: &Filter) -> Result<List<Ticket>, Error> {
        let tickets = self.tickets.lock().await;
        Ok(List::at(self.history.version(), tickets.values().cloned()))
    }

    async fn watch(&self, _: &RequestContext, _: &Filter, after: u64) -> Result<Events<Ticket>, Error> {
        self.history.after(after)
    }

    async fn create(&self, cx: &RequestContext, ticket: Ticket) -> Result<Ticket, Error> {
        let key = (cx.namespace.clone(), ticket.name_any());
        let mut tickets = self.tickets.lock().await;
        if tickets.contains_key(&key) {
            return Err(Error::already_exists(ticket.name_any()));
        }
        if !cx.dry_run {
            tickets.insert(key, self.changed(ticket.clone(), Event::Added));
        }
        Ok(ticket)
    }

    async fn update(&self, cx: &RequestContext, new: Ticket, old: &Ticket) -> Result<Ticket, Error> {
        let key = (cx.namespace.clone(), new.name_any());
        let mut tickets = self.tickets.lock().await;
        if tickets.get(&key).and_then(ResourceExt::resource_version) != old.resource_version() {
            return Err(Error::conflict("the ticket has been changed"));
        }
        if cx.dry_run {
            return Ok(new);
        }
        let new = self.changed(new, Event::Modified);
        tickets.insert(key, new.clone());
        Ok(new)
    }
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "PriceReview", status = "PriceReviewStatus")]
pub struct PriceReviewSpec {
    pub seats: u32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct PriceReviewStatus {
    pub cents: u32,
}

struct PriceReviews;

impl Backend for PriceReviews {
    type Object = PriceReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, _: &RequestContext, mut review: PriceReview) -> Result<PriceReview, Error> {
        review.status = Some(PriceReviewStatus { cents: 250 * review.spec.seats });
        Ok(review)
    }
}

#[tokio::test]
async fn clients_see_kinds_like_any_other() {
    let server = TestServer::start(|apis| {
        let history = Arc::new(History::new(0, 100));
        apis.add_backend(Tickets { tickets: Mutex::default(), history }).add_backend(PriceReviews);
    })
    .await;
    let tickets: Api<Ticket> = server.api_in("default");
    let seat = |seat: &str| TicketSpec { seat: seat.into() };
    tickets.create(&PostParams::default(), &Ticket::new("a", seat("1a"))).await.unwrap();
    let mut seen = pin!(watcher(tickets.clone(), watcher::Config::default()).applied_objects());
    let patch = Patch::Merge(json!({"spec": {"seat": "2b"}}));
    let mut seats = Vec::new();
    while seats.last().map(String::as_str) != Some("2b") {
        let ticket = timeout(Duration::from_secs(10), seen.try_next()).await.unwrap().unwrap().unwrap();
        if seats.is_empty() {
            tickets.patch("a", &PatchParams::default(), &patch).await.unwrap();
        }
        seats.push(ticket.spec.seat);
    }
    assert_eq!(seats, ["1a", "2b"]);

    let question: Value = json!({"apiVersion": "demo.example.com/v1", "kind": "PriceReview", "spec": {"seats": 2}});
    let request = apiserver::http::Request::post("/apis/demo.example.com/v1/pricereviews");
    let request = request.header("content-type", "application/json").body(question.to_string()).unwrap();
    let answer: Value = serde_json::from_slice(server.request(request).await.body()).unwrap();
    assert_eq!(answer["status"]["cents"], 500);
}

#[tokio::test]
async fn a_kind_may_be_there_to_be_read() {
    let server = TestServer::start(reading::install).await;
    let tickets: Api<Ticket> = server.api_in("default");
    assert!(tickets.list(&ListParams::default()).await.unwrap().items.is_empty());
    assert!(tickets.get_opt("a").await.unwrap().is_none());
    let refused = tickets.create(&PostParams::default(), &Ticket::new("a", TicketSpec { seat: "1a".into() })).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 405));
}
