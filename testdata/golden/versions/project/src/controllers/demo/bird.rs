//! Makes true what each Bird asks for.

use std::sync::Arc;

use apiserver::manager::{Context, conditions};
use kube::Api;
use kube::runtime::Controller;
use kube::runtime::controller::Action;
use kube::runtime::watcher;

use crate::apis::demo::v1::bird::Bird;

/// The condition that this controller keeps.
const CONDITION: &str = "Ready";

/// Calls `reconcile` for every object that is new or has changed, until the process ends.
pub async fn run(cx: Context) {
    let api: Api<Bird> = Api::all(cx.client());
    let controller = Controller::new(api, watcher::Config::default());
    cx.run(controller, reconcile).await;
}

/// Makes the world as the object says, and its status as the world is. An error is logged and tried again.
async fn reconcile(object: Arc<Bird>, cx: Context) -> kube::Result<Action> {
    // Create here what the spec asks for, and remove what it does not.
    let generation = object.metadata.generation;
    let mut status = object.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    status.phase = Some("Ready".to_owned());
    let news = conditions::mark_true(
        &mut status.conditions,
        CONDITION,
        "Reconciled",
        "All is as the spec says.",
        generation,
    );
    cx.patch_status(&*object, &status).await?;
    if news {
        let note = "All is as the spec says.";
        cx.recorder().normal(&*object, "Reconciled", note);
    }
    Ok(Action::await_change())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use apiserver::TestServer;
    use futures::StreamExt;
    use k8s_openapi::api::events::v1::Event;
    use kube::api::PostParams;
    use kube::runtime::WatchStreamExt;
    use kube::runtime::wait::await_condition;
    use tokio::time::timeout;

    use super::*;
    use crate::apis::demo::v1::bird::BirdSpec;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_new_object_becomes_ready_and_an_event_says_so() {
        let server = TestServer::start(crate::apis::install).await;
        server.start_controllers(|manager| {
            manager.add("bird", run);
        });
        let api: Api<Bird> = server.api_in("default");
        let spec = BirdSpec {
            message: "hello".to_owned(),
            ..BirdSpec::default()
        };
        let object = Bird::new("example", spec);
        api.create(&PostParams::default(), &object).await.unwrap();

        // A watch, so that nobody sleeps and asks again.
        let ready = await_condition(api, "example", is_ready);
        let ready = timeout(SOON, ready).await.unwrap().unwrap().unwrap();
        assert_eq!(ready.status.unwrap().observed_generation, Some(1));

        let events: Api<Event> = server.api_in("default");
        let events = watcher(events, watcher::Config::default());
        let mut events = pin!(events.applied_objects());
        let event = timeout(SOON, events.next()).await.unwrap();
        let event = event.unwrap().unwrap();
        assert_eq!(event.reason.as_deref(), Some("Reconciled"));
        assert_eq!(event.regarding.unwrap().name.as_deref(), Some("example"));
    }

    fn is_ready(object: Option<&Bird>) -> bool {
        let status = object.and_then(|object| object.status.as_ref());
        status.is_some_and(|status| conditions::is_true(&status.conditions, CONDITION))
    }
}
