use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::*;
use crate::storage::Store;
use crate::storage::memory::MemoryStore;
use crate::testing::TestServer;

fn crd(stored: &str) -> CustomResourceDefinition {
    let version = |name: &str| {
        json!({
            "name": name, "served": true, "storage": name == stored,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        })
    };
    let crd = json!({
        "metadata": {"name": "birds.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced", "names": {"plural": "birds", "kind": "Bird"},
            "versions": [version("v1"), version("v1alpha1")],
        },
    });
    serde_json::from_value(crd).expect("a CRD")
}

fn apis(stored: &str) -> Apis {
    let mut apis = Apis::default();
    apis.crd(crd(stored));
    apis
}

async fn server(store: &Arc<dyn Store>, stored: &str) -> TestServer {
    let crd = crd(stored);
    TestServer::builder()
        .shared_store(store.clone())
        .start(|apis| {
            apis.crd(crd);
        })
        .await
}

/// A store with birds that were written as v1alpha1.
async fn birds(count: usize) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let server = server(&store, "v1alpha1").await;
    let api = api(&server);
    for number in 0..count {
        let bird = json!({
            "apiVersion": "demo.example.com/v1alpha1", "kind": "Bird", "metadata": {"name": format!("b{number:04}")},
            "spec": {"count": 0},
        });
        let bird: DynamicObject = serde_json::from_value(bird).expect("a bird");
        api.create(&PostParams::default(), &bird).await.expect("created");
    }
    store
}

fn api(server: &TestServer) -> kube::Api<DynamicObject> {
    let gvk = kube::core::GroupVersionKind::gvk("demo.example.com", "v1alpha1", "Bird");
    kube::Api::namespaced_with(server.client(), "default", &ApiResource::from_gvk_with_plural(&gvk, "birds"))
}

fn flags(state_file: Option<&Path>) -> MigrateStorage {
    MigrateStorage {
        kubeconfig: None,
        resource: Vec::new(),
        dry_run: false,
        state_file: state_file.map(Path::to_owned),
        page_size: 7,
        output: Output::Json,
    }
}

async fn run(server: &TestServer, flags: &MigrateStorage) -> Result<String, AppError> {
    let kinds = wanted(&apis("v1"), &flags.resource)?;
    let mut out = Vec::new();
    migrate(server.client(), &kinds, flags, Progress::silent(), &mut out).await?;
    Ok(String::from_utf8(out).expect("text"))
}

fn summary(text: &str) -> Value {
    let summary: Value = serde_json::from_str(text).expect("JSON");
    summary["resources"][0].clone()
}

async fn stored(server: &TestServer) -> Value {
    let text = run(server, &MigrateStorage { dry_run: true, ..flags(None) }).await.expect("versions");
    summary(&text)["stored"].clone()
}

#[tokio::test]
async fn every_old_object_is_written_anew_and_no_other() {
    let store = birds(30).await;
    let server = server(&store, "v1").await;
    assert_eq!(stored(&server).await, json!({"v1alpha1": 30}));
    let done = summary(&run(&server, &flags(None)).await.expect("migrated"));
    let expected = |rewritten: u64| {
        json!({
            "resource": "birds.demo.example.com", "storageVersion": "v1", "objects": 30, "rewritten": rewritten,
            "gone": 0, "failed": 0,
        })
    };
    assert_eq!(done, expected(30));
    assert_eq!(stored(&server).await, json!({"v1": 30}));
    assert_eq!(summary(&run(&server, &flags(None)).await.expect("migrated")), expected(0));
    let text = run(&server, &MigrateStorage { output: Output::Text, ..flags(None) }).await.expect("migrated");
    assert_eq!(text, "birds.demo.example.com: 30 objects, 0 rewritten, 0 gone, 0 failed; stored as v1\n");
}

#[tokio::test]
async fn a_migration_that_was_cut_short_goes_on() {
    let store = birds(60).await;
    let server = server(&store, "v1").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state");
    let place = || -> u64 {
        let state: Option<Value> = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        state.map_or(0, |state| state["birds.demo.example.com"]["objects"].as_u64().unwrap_or_default())
    };
    let until_half_way = async {
        while place() < 28 {
            tokio::task::yield_now().await;
        }
    };
    let flags = flags(Some(&file));
    tokio::select! {
        biased;
        () = until_half_way => {}
        result = run(&server, &flags) => panic!("it was not cut short: {result:?}"),
    }
    let before = place();
    assert!((28..60).contains(&before), "{before}");
    let done = summary(&run(&server, &flags).await.expect("migrated"));
    assert_eq!(done["objects"], 60);
    assert_eq!(stored(&server).await, json!({"v1": 60}));
    assert!(!file.exists());
}

#[tokio::test]
async fn a_page_that_is_forgotten_is_gone_on_from() {
    let store = birds(20).await;
    let server = server(&store, "v1").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state");
    let page = Api::new(server.client(), &wanted(&apis("v1"), &[]).expect("kinds")[0]).list(7, "").await;
    let token = page.unwrap_or_else(|failure| panic!("{failure}")).continue_token;
    let place = json!({"birds.demo.example.com": {"continue": token, "objects": 7, "rewritten": 7}});
    std::fs::write(&file, place.to_string()).expect("written");
    // What the first page showed is compacted away.
    let api = api(&server);
    let patched = api.patch("b0019", &PatchParams::default(), &Patch::Merge(json!({"spec": {"count": 1}}))).await;
    let revision = patched.expect("patched").metadata.resource_version.expect("a version").parse().expect("a number");
    store.compact(crate::storage::Revision(revision)).await.expect("compacted");
    let done = summary(&run(&server, &flags(Some(&file))).await.expect("migrated"));
    assert_eq!((&done["objects"], &done["rewritten"]), (&json!(20), &json!(19)));
}

#[tokio::test]
async fn nobody_loses_a_write_meanwhile() {
    let store = birds(40).await;
    let server = server(&store, "v1").await;
    let api = api(&server);
    let writer = async {
        for round in 1..=3 {
            for number in 0..40 {
                let name = format!("b{number:04}");
                let mut bird = api.get(&name).await.expect("a bird");
                bird.data["spec"]["count"] = round.into();
                // An update that meets the migration is refused like any other, and made again.
                while let Err(kube::Error::Api(status)) = api.replace(&name, &PostParams::default(), &bird).await {
                    assert_eq!(status.code, 409, "{status:?}");
                    bird = api.get(&name).await.expect("a bird");
                    bird.data["spec"]["count"] = round.into();
                }
            }
        }
    };
    let flags = flags(None);
    let migrations = async {
        for _ in 0..3 {
            run(&server, &flags).await.expect("migrated");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::join!(writer, migrations);
    for bird in api.list(&Default::default()).await.expect("birds") {
        assert_eq!(bird.data["spec"]["count"], 3);
    }
    assert_eq!(stored(&server).await, json!({"v1": 40}));
}

#[test]
fn only_resources_of_the_project_are_migrated() {
    let error = wanted(&apis("v1"), &["eggs.demo.example.com".into()]).expect_err("not known");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(wanted(&apis("v1"), &["birds.demo.example.com".into()]).expect("known").len(), 1);
}
