//! What kube-rs has to offer, used on the kinds of this project: watchers, reflectors, controllers with finalizers,
//! every kind of patch, subresources, and objects of which only discovery knows.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use apiserver::TestServer;
use futures::{Stream, StreamExt, TryStreamExt};
use kube::api::entry::Entry;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy, TypeMeta,
    ValidationDirective,
};
use kube::core::{
    DynamicObject, GroupVersionKind, ObjectMeta, PartialObjectMeta, PartialObjectMetaExt,
};
use kube::discovery::{self, Discovery, Scope, verbs};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer::{self, finalizer};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use aviary::apis;
use aviary::apis::demo::v1::bird::{Bird, BirdSpec, BirdStatus};
use aviary::apis::demo::v1::nest::{Nest, NestSpec};

/// Far more than anything here takes.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_watcher_tells_what_is_there_and_then_what_happens() {
    for config in [
        watcher::Config::default(),
        watcher::Config::default().any_semantic(),
        watcher::Config::default().page_size(1),
        watcher::Config::default().streaming_lists(),
        watcher::Config::default().disable_bookmarks(),
    ] {
        let server = TestServer::start(apis::install).await;
        let birds: Api<Bird> = server.api_in("default");
        for name in ["owl", "robin", "wren"] {
            create(&birds, name).await;
        }
        let mut events = pin!(watch(birds.clone(), config));
        let told = until_done(&mut events).await;
        assert_eq!(told, ["owl", "robin", "wren"]);
        create(&birds, "tit").await;
        assert_eq!(next(&mut events).await, "applied tit");
        let blue = Patch::Merge(json!({ "spec": { "color": "blue" } }));
        birds
            .patch("owl", &PatchParams::default(), &blue)
            .await
            .unwrap();
        assert_eq!(next(&mut events).await, "applied owl");
        birds
            .delete("robin", &DeleteParams::default())
            .await
            .unwrap();
        assert_eq!(next(&mut events).await, "deleted robin");
    }
}

#[tokio::test]
async fn a_watcher_with_a_selector_sees_objects_come_and_go() {
    for streaming in [false, true] {
        let server = TestServer::start(apis::install).await;
        let birds: Api<Bird> = server.api_in("default");
        create(&birds, "robin").await;
        create(&birds, "wren").await;
        let mut config = watcher::Config::default().fields("spec.color=blue");
        if streaming {
            config = config.streaming_lists();
        }
        let mut events = pin!(watch(birds.clone(), config));
        assert!(until_done(&mut events).await.is_empty());
        let paint = async |name: &str, color: &str| {
            let patch = Patch::Merge(json!({ "spec": { "color": color } }));
            birds
                .patch(name, &PatchParams::default(), &patch)
                .await
                .unwrap();
        };
        paint("robin", "blue").await;
        assert_eq!(next(&mut events).await, "applied robin");
        paint("wren", "green").await;
        paint("robin", "red").await;
        assert_eq!(next(&mut events).await, "deleted robin");
    }
}

#[tokio::test]
async fn a_watcher_of_metadata_sees_nothing_else() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    create(&birds, "robin").await;
    for config in [
        watcher::Config::default().page_size(1),
        watcher::Config::default().streaming_lists(),
    ] {
        let metadata: Api<PartialObjectMeta<Bird>> = server.api_in("default");
        let events = watch(metadata, config);
        let mut events = pin!(events.applied_objects());
        let seen: PartialObjectMeta<Bird> = soon(events.try_next()).await.unwrap().unwrap();
        assert_eq!(seen.name_any(), "robin");
        assert!(seen.uid().is_some());
        let types = seen.types.unwrap();
        assert_eq!(types.kind, "PartialObjectMetadata");
    }
    let listed = birds.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let label = ObjectMeta {
        labels: Some([("garden".to_owned(), "front".to_owned())].into()),
        ..ObjectMeta::default()
    };
    let label = Patch::Merge(label.into_request_partial::<Bird>());
    let patched = birds
        .patch_metadata("robin", &PatchParams::default(), &label)
        .await;
    assert_eq!(patched.unwrap().labels()["garden"], "front");
    assert_eq!(birds.get("robin").await.unwrap().spec.species, "robin");
}

#[tokio::test]
async fn a_reflector_keeps_what_the_server_has() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api();
    create(&server.api_in("default"), "robin").await;
    let (reader, writer) = reflector::store();
    let config = watcher::Config::default().streaming_lists();
    let reflected = watch(birds, config).default_backoff().reflect(writer);
    let reflected = tokio::spawn(reflected.for_each(async |_| ()));
    soon(reader.wait_until_ready()).await.unwrap();
    assert_eq!(reader.len(), 1);
    server.namespace("forest").await;
    create(&server.api_in("forest"), "owl").await;
    server
        .api_in::<Bird>("default")
        .delete("robin", &DeleteParams::default())
        .await
        .unwrap();
    let owl = ObjectRef::new("owl").within("forest");
    let settled = async {
        while reader.len() != 1 || reader.get(&owl).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(settled).await;
    reflected.abort();
}

/// The usual operator: it puts its finalizer on each object, writes a status, makes an object of another kind that
/// belongs to each, and cleans up.
#[tokio::test]
async fn a_controller_with_a_finalizer_cleans_up() {
    const FINALIZER: &str = "demo.example.com/nest";
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    let nests: Api<Nest> = server.api();
    let context = Arc::new((birds.clone(), nests.clone()));
    let reconcile = async |bird: Arc<Bird>, context: Arc<(Api<Bird>, Api<Nest>)>| {
        finalizer(&context.0, FINALIZER, bird, async |event| {
            let (birds, nests) = &*context;
            match event {
                finalizer::Event::Apply(bird) => {
                    let mut nest = Nest::new(&bird.name_any(), NestSpec::default());
                    nest.spec.capacity = Some(bird.spec.replicas);
                    let params = PatchParams::apply("keeper").force();
                    nests
                        .patch(&bird.name_any(), &params, &Patch::Apply(&nest))
                        .await?;
                    let status = json!({ "status": {
                        "phase": "Nesting",
                        "observedGeneration": bird.metadata.generation,
                    }});
                    let params = PatchParams::default();
                    let name = bird.name_any();
                    birds
                        .patch_status(&name, &params, &Patch::Merge(status))
                        .await?;
                }
                finalizer::Event::Cleanup(bird) => {
                    nests
                        .delete(&bird.name_any(), &DeleteParams::default())
                        .await?;
                }
            }
            Ok::<_, kube::Error>(Action::await_change())
        })
        .await
    };
    let controller = Controller::new(birds.clone(), watcher::Config::default().streaming_lists())
        .owns(nests.clone(), watcher::Config::default())
        .run(
            reconcile,
            |_, error, _| panic!("the controller failed: {error}"),
            context,
        );
    let controller = tokio::spawn(controller.for_each(async |_| ()));

    create(&birds, "robin").await;
    let observed = |generation: i64| {
        move |bird: Option<&Bird>| {
            let status = bird.and_then(|bird| bird.status.as_ref());
            status.is_some_and(|status| status.observed_generation == Some(generation))
        }
    };
    let robin = await_condition(birds.clone(), "robin", observed(1));
    let robin = soon(robin).await.unwrap().unwrap();
    assert_eq!(robin.finalizers(), [FINALIZER]);
    assert_eq!(nests.get("robin").await.unwrap().spec.capacity, Some(1));

    let three = Patch::Merge(json!({ "spec": { "replicas": 3 } }));
    birds
        .patch("robin", &PatchParams::default(), &three)
        .await
        .unwrap();
    soon(await_condition(birds.clone(), "robin", observed(2)))
        .await
        .unwrap();
    assert_eq!(nests.get("robin").await.unwrap().spec.capacity, Some(3));

    let uid = robin.uid().unwrap();
    let gone = await_condition(birds.clone(), "robin", conditions::is_deleted(&uid));
    let foreground = DeleteParams::background().preconditions(kube::api::Preconditions {
        uid: Some(uid.clone()),
        resource_version: None,
    });
    let deleted = birds.delete("robin", &foreground).await.unwrap();
    assert!(
        deleted
            .left()
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    soon(gone).await.unwrap();
    assert!(nests.get_opt("robin").await.unwrap().is_none());
    controller.abort();
}

#[tokio::test]
async fn appliers_share_an_object_and_are_told_of_conflicts() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    let apply = async |manager: &str, force: bool, spec: Value| {
        let object = json!({
            "apiVersion": "demo.example.com/v1",
            "kind": "Bird",
            "metadata": { "name": "robin" },
            "spec": spec,
        });
        let mut params = PatchParams::apply(manager);
        params.force = force;
        birds.patch("robin", &params, &Patch::Apply(&object)).await
    };
    let first = apply("one", false, json!({ "species": "robin", "color": "red" })).await;
    assert_eq!(first.unwrap().spec.color, "red");
    let shared = json!({ "species": "robin", "wingspanCm": 22, "songs": ["dawn"] });
    let second = apply("two", false, shared.clone()).await.unwrap();
    assert_eq!(
        (second.spec.color.as_str(), second.spec.wingspan_cm),
        ("red", Some(22))
    );

    let mut blue = shared.clone();
    blue["color"] = "blue".into();
    let refused = apply("two", false, blue.clone()).await;
    let Err(kube::Error::Api(status)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert!(status.is_conflict());
    let cause = &status.details.as_ref().unwrap().causes[0];
    assert_eq!(
        (cause.reason.as_str(), cause.field.as_str()),
        ("FieldManagerConflict", ".spec.color")
    );
    assert_eq!(cause.message, "conflict with \"one\"");

    let forced = apply("two", true, blue).await.unwrap();
    assert_eq!(forced.spec.color, "blue");
    // Who applies without a field that was theirs takes it away, and a default comes back.
    let without = apply("two", false, json!({ "species": "robin" }))
        .await
        .unwrap();
    assert_eq!(
        (
            without.spec.color.as_str(),
            without.spec.wingspan_cm,
            without.spec.songs
        ),
        ("brown", None, None)
    );
    let owners: Vec<_> = birds.get("robin").await.unwrap().managed_fields().to_vec();
    let owners: BTreeSet<_> = owners
        .iter()
        .map(|entry| entry.manager.clone().unwrap())
        .collect();
    assert_eq!(owners, ["one", "two"].map(str::to_owned).into());

    let unknown = apply("two", true, json!({ "species": "robin", "wings": 2 })).await;
    assert!(unknown.is_err());
    let gone = birds
        .patch(
            "robin",
            &PatchParams {
                field_manager: None,
                ..PatchParams::apply("")
            },
            &Patch::Apply(json!({})),
        )
        .await;
    assert!(gone.is_err(), "who applies must say who they are");
}

#[tokio::test]
async fn status_and_scale_are_written_on_their_own() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    let robin = create(&birds, "robin").await;
    let params = PatchParams::default();

    let phase = json!({ "status": { "phase": "Singing" }, "spec": { "color": "never" } });
    let patched = birds
        .patch_status("robin", &params, &Patch::Merge(phase))
        .await
        .unwrap();
    assert_eq!(
        (patched.spec.color.as_str(), patched.metadata.generation),
        ("brown", Some(1))
    );
    let operations = serde_json::from_value(json!([
        { "op": "test", "path": "/status/phase", "value": "Singing" },
        { "op": "add", "path": "/status/selector", "value": "bird=robin" },
        { "op": "add", "path": "/status/replicas", "value": 1 },
    ]))
    .unwrap();
    let operations = Patch::Json::<()>(operations);
    birds
        .patch_status("robin", &params, &operations)
        .await
        .unwrap();
    let applied = json!({
        "apiVersion": "demo.example.com/v1",
        "kind": "Bird",
        "status": { "observedGeneration": 1 },
    });
    let observer = PatchParams::apply("observer");
    birds
        .patch_status("robin", &observer, &Patch::Apply(applied))
        .await
        .unwrap();
    let status = birds.get_status("robin").await.unwrap().status.unwrap();
    assert_eq!(
        (status.phase.as_deref(), status.observed_generation),
        (Some("Singing"), Some(1))
    );

    let scale = birds.get_scale("robin").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(1));
    let status = scale.status.unwrap();
    assert_eq!(
        (status.replicas, status.selector.as_deref()),
        (1, Some("bird=robin"))
    );
    let four = Patch::Merge(json!({ "spec": { "replicas": 4 } }));
    let scaled = birds.patch_scale("robin", &params, &four).await.unwrap();
    assert_eq!(scaled.spec.as_ref().unwrap().replicas, Some(4));
    let scaled_by = birds.get("robin").await.unwrap().managed_fields().to_vec();
    assert!(
        scaled_by
            .iter()
            .any(|entry| entry.subresource.as_deref() == Some("scale")),
        "{scaled_by:?}"
    );
    let mut five = scaled.clone();
    five.spec.as_mut().unwrap().replicas = Some(5);
    birds
        .replace_scale("robin", &PostParams::default(), &five)
        .await
        .unwrap();
    let refused = birds
        .replace_scale("robin", &PostParams::default(), &five)
        .await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.is_conflict()));
    assert_eq!(birds.get("robin").await.unwrap().spec.replicas, 5);

    let params = PostParams::default();
    let mut stale = robin;
    stale.status = Some(BirdStatus {
        phase: Some("Late".into()),
        ..BirdStatus::default()
    });
    let refused = birds.replace_status("robin", &params, &stale).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.is_conflict()));
    stale.metadata.resource_version = None;
    let refused = birds.replace_status("robin", &params, &stale).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.is_invalid()));
    stale.metadata.resource_version = birds.get("robin").await.unwrap().resource_version();
    let replaced = birds
        .replace_status("robin", &params, &stale)
        .await
        .unwrap();
    assert_eq!(
        (
            replaced.status.unwrap().phase.as_deref(),
            replaced.spec.replicas
        ),
        (Some("Late"), 5)
    );
}

#[tokio::test]
async fn a_list_comes_page_by_page_and_as_one_state() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    for number in 0..10 {
        create(&birds, &format!("bird-{number}")).await;
    }
    let mut params = ListParams::default().limit(3);
    let (mut names, mut versions, mut left) = (Vec::new(), BTreeSet::new(), Vec::new());
    loop {
        let page = birds.list(&params).await.unwrap();
        // What happens between two pages is not seen.
        create(&birds, &format!("bird-9-{}", names.len())).await;
        birds.delete("bird-9", &DeleteParams::default()).await.ok();
        left.push(page.metadata.remaining_item_count);
        versions.insert(page.metadata.resource_version.clone());
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    let expected: Vec<_> = (0..10).map(|number| format!("bird-{number}")).collect();
    assert_eq!(names, expected);
    assert_eq!(left, [Some(7), Some(4), Some(1), None]);
    assert_eq!(versions.len(), 1);
    assert_eq!(
        birds
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        13
    );

    let broken = birds
        .list(&ListParams::default().limit(3).continue_token("no token"))
        .await;
    assert!(matches!(broken, Err(kube::Error::Api(status)) if status.code == 400));
    let all = birds
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await;
    assert!(all.unwrap().is_left());
    assert!(
        birds
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn an_entry_is_inserted_once_and_changed_where_it_is() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    let insert = async |color: &'static str| {
        let entry = birds.entry("robin").await.unwrap();
        let mut entry = entry
            .and_modify(|bird| bird.spec.color = color.to_owned())
            .or_insert(|| bird("robin"));
        entry.commit(&PostParams::default()).await.unwrap();
        entry.into_object()
    };
    assert_eq!(insert("red").await.spec.color, "brown");
    assert_eq!(insert("red").await.spec.color, "red");
    // Two who have the same entry: the second is told.
    let mut entries = Vec::new();
    for _ in 0..2 {
        let Entry::Occupied(entry) = birds.entry("robin").await.unwrap() else {
            panic!("it is there")
        };
        entries.push(entry);
    }
    for (number, entry) in entries.iter_mut().enumerate() {
        entry.get_mut().spec.replicas = 5;
        let committed = entry.commit(&PostParams::default()).await;
        assert_eq!(committed.is_ok(), number == 0, "{committed:?}");
    }
}

#[tokio::test]
async fn discovery_is_enough_to_work_with_a_kind() {
    let server = TestServer::start(apis::install).await;
    let client = server.client();
    for aggregated in [false, true] {
        let discovery = Discovery::new(client.clone());
        let discovery = if aggregated {
            discovery.run_aggregated().await.unwrap()
        } else {
            discovery.run().await.unwrap()
        };
        let group = discovery.get("demo.example.com").unwrap();
        assert_eq!(group.preferred_version(), Some("v1"));
        assert_eq!(group.versions().collect::<Vec<_>>(), ["v1", "v1alpha1"]);
        let gvk = GroupVersionKind::gvk("demo.example.com", "v1", "Nest");
        let (nests, capabilities) = discovery.resolve_gvk(&gvk).unwrap();
        assert_eq!(
            (nests.plural.as_str(), &capabilities.scope),
            ("nests", &Scope::Cluster)
        );
        let (birds, capabilities) = group.recommended_kind("Bird").unwrap();
        assert_eq!(
            (birds.version.as_str(), &capabilities.scope),
            ("v1", &Scope::Namespaced)
        );
        assert!(capabilities.supports_operation(verbs::WATCH));
        let subresources: BTreeSet<_> = capabilities
            .subresources
            .iter()
            .map(|(api, _)| api.plural.clone())
            .collect();
        assert_eq!(subresources, ["scale", "status"].map(str::to_owned).into());
    }
    let gvk = GroupVersionKind::gvk("demo.example.com", "v1alpha1", "Bird");
    let (resource, _) = discovery::pinned_kind(&client, &gvk).await.unwrap();
    let old: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    let data = json!({ "spec": { "species": "robin" } });
    let robin = DynamicObject::new("robin", &resource).data(data);
    let created = old.create(&PostParams::default(), &robin).await.unwrap();
    let types = TypeMeta {
        api_version: "demo.example.com/v1alpha1".into(),
        kind: "Bird".into(),
    };
    assert_eq!(created.types, Some(types));
    assert_eq!(created.data["spec"]["color"], "brown");
    let params = PatchParams {
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::default()
    };
    let wings = Patch::Merge(json!({ "spec": { "wings": 2 } }));
    assert!(old.patch("robin", &params, &wings).await.is_err());
    let mut events = pin!(watch(old.clone(), watcher::Config::default()).applied_objects());
    let seen = soon(events.try_next()).await.unwrap().unwrap();
    assert_eq!(seen.types.unwrap().api_version, "demo.example.com/v1alpha1");

    let (resource, _) = discovery::group(&client, "demo.example.com")
        .await
        .unwrap()
        .recommended_kind("Nest")
        .unwrap();
    let nests: Api<DynamicObject> = Api::all_with(client, &resource);
    let nest = json!({
        "apiVersion": "demo.example.com/v1",
        "kind": "Nest",
        "metadata": { "name": "hedge" },
        "spec": { "extra": { "twigs": [1, "two", { "three": null }] } },
    });
    let params = PatchParams::apply("keeper");
    let nest = nests
        .patch("hedge", &params, &Patch::Apply(nest))
        .await
        .unwrap();
    assert_eq!(nest.data["spec"]["extra"]["twigs"][1], "two");
}

#[tokio::test]
async fn what_is_only_tried_leaves_no_trace() {
    let server = TestServer::start(apis::install).await;
    let birds: Api<Bird> = server.api_in("default");
    let dry = PostParams {
        dry_run: true,
        field_manager: Some("somebody".into()),
    };
    assert_eq!(
        birds.create(&dry, &bird("robin")).await.unwrap().spec.color,
        "brown"
    );
    assert!(birds.get_opt("robin").await.unwrap().is_none());
    let robin = create(&birds, "robin").await;
    let blue = Patch::Merge(json!({ "spec": { "color": "blue" } }));
    let patched = birds
        .patch("robin", &PatchParams::default().dry_run(), &blue)
        .await
        .unwrap();
    assert_eq!(patched.spec.color, "blue");
    let params = DeleteParams {
        dry_run: true,
        propagation_policy: Some(PropagationPolicy::Foreground),
        ..DeleteParams::default()
    };
    birds.delete("robin", &params).await.unwrap();
    let now = birds.get("robin").await.unwrap();
    assert_eq!(
        (now.resource_version(), now.spec),
        (robin.resource_version(), robin.spec)
    );
}

async fn create(birds: &Api<Bird>, name: &str) -> Bird {
    birds
        .create(&PostParams::default(), &bird(name))
        .await
        .unwrap()
}

fn bird(name: &str) -> Bird {
    let spec = BirdSpec {
        species: name.to_owned(),
        color: "brown".into(),
        replicas: 1,
        ..BirdSpec::default()
    };
    Bird::new(name, spec)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("it takes too long")
}

/// The names of the objects that a watcher tells before it follows what happens.
async fn until_done(
    events: &mut (impl Stream<Item = watcher::Result<Event<Bird>>> + Unpin),
) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        match soon(events.try_next()).await.unwrap().unwrap() {
            Event::Init => names.clear(),
            Event::InitApply(bird) => names.push(bird.name_any()),
            Event::InitDone => return names,
            other => panic!("{other:?} before all were told"),
        }
    }
}

async fn next(events: &mut (impl Stream<Item = watcher::Result<Event<Bird>>> + Unpin)) -> String {
    match soon(events.try_next()).await.unwrap().unwrap() {
        Event::Apply(bird) => format!("applied {}", bird.name_any()),
        Event::Delete(bird) => format!("deleted {}", bird.name_any()),
        other => panic!("{other:?} after all were told"),
    }
}
