//! Makes true what each ResultKind asks for.

use std::sync::Arc;

use apiserver::manager::Context;
use kube::Api;
use kube::runtime::Controller;
use kube::runtime::controller::Action;
use kube::runtime::watcher;

use crate::apis::awkward::v1beta1::result::ResultKind;

/// Calls `reconcile` for every object that is new or has changed, until the process ends.
pub async fn run(cx: Context) {
    let api: Api<ResultKind> = Api::all(cx.client());
    let controller = Controller::new(api, watcher::Config::default());
    cx.run(controller, reconcile).await;
}

/// Makes the world as the object says. An error is logged and tried again.
async fn reconcile(object: Arc<ResultKind>, cx: Context) -> kube::Result<Action> {
    // Create here what the spec asks for, and remove what it does not.
    let note = "All is as the spec says.";
    cx.recorder().normal(&*object, "Reconciled", note);
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
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn an_event_tells_of_a_new_object() {
        let server = TestServer::start(crate::apis::install).await;
        server.start_controllers(|manager| {
            manager.add("result-counter", run);
        });
        let api: Api<ResultKind> = server.api();
        let sample = include_str!("../../../sample/result.yaml");
        let mut object: ResultKind = serde_saphyr::from_str(sample).unwrap();
        object.metadata.name = Some("example".to_owned());
        api.create(&PostParams::default(), &object).await.unwrap();

        let events: Api<Event> = server.api_in("default");
        let events = watcher(events, watcher::Config::default());
        let mut events = pin!(events.applied_objects());
        let event = timeout(SOON, events.next()).await.unwrap();
        let event = event.unwrap().unwrap();
        assert_eq!(event.reason.as_deref(), Some("Reconciled"));
        assert_eq!(event.regarding.unwrap().name.as_deref(), Some("example"));
    }
}
