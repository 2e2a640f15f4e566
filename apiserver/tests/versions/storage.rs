//! In which version objects are stored.

use std::sync::Arc;

use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use apiserver::versions::Version;
use serde_json::json;

use super::kinds::{self, Birds, OldBirds};
use super::{Server, apply, birds, create, get, patch, put, serve};

/// A server of the same kind that stores v1beta1.
async fn older(store: Arc<dyn Store>) -> Server {
    serve(
        |apis| {
            apis.add(OldBirds)
                .version(Version::of::<kinds::v1::Bird>().keep_lost_fields())
                .version(Version::of::<kinds::v1alpha1::Bird>().keep_lost_fields());
        },
        store,
    )
    .await
}

async fn newer(store: Arc<dyn Store>) -> Server {
    serve(|apis| _ = apis.add(Birds), store).await
}

/// How many objects are stored in which version.
fn stored(server: &Server) -> String {
    let versions = server.endpoints.stored_versions().into_iter().filter(|(_, count)| *count > 0);
    let told =
        versions.filter(|([_, _, plural], _)| plural == "birds").map(|([_, version, _], n)| format!("{version}={n}"));
    told.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_object_of_an_older_storage_version_is_written_anew_by_any_write() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let before = older(store.clone()).await;
    let made = create(&before, "v1alpha1", json!({"species": "robin", "size": "22cm", "color": "red"})).await;
    settled(&before, "v1beta1=1").await;

    for write in ["patch", "put", "apply", "status"] {
        // Each way once, each on an object that is as old as the first.
        let server = newer(copy_of(&store).await).await;
        let seen = get(&server, "v1").await;
        assert_eq!((&seen["spec"]["species"], stored(&server).as_str()), (&json!("robin"), "v1beta1=1"));
        assert_eq!(get(&server, "v1alpha1").await["spec"], made["spec"]);
        let written = match write {
            "patch" => patch(&server, "v1", json!({})).await,
            "put" => put(&server, "v1beta1", &get(&server, "v1beta1").await).await,
            "apply" => {
                let spec = json!({"species": "robin"});
                apply(&server, "v1", "unknown", spec).await.json()
            }
            _ => server.ask(&format!("PATCH {}/robin/status", birds("v1alpha1")), "{}").await.json(),
        };
        assert_ne!(written["metadata"]["resourceVersion"], seen["metadata"]["resourceVersion"], "{write}");
        assert_eq!(written["metadata"]["generation"], seen["metadata"]["generation"], "{write}");
        settled(&server, "v1=1").await;
        if write != "apply" {
            let again = patch(&server, "v1", json!({})).await;
            assert_eq!(written["metadata"]["resourceVersion"], again["metadata"]["resourceVersion"], "{write}");
        }
        assert_eq!(get(&server, "v1alpha1").await["spec"], made["spec"], "{write}");
    }
}

#[tokio::test]
async fn a_restart_with_another_storage_version_and_back() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let first = newer(store.clone()).await;
    create(&first, "v1", json!({"species": "robin", "nickname": "Rob", "perches": [{"name": "oak", "height": 3}]}))
        .await;
    let v1 = get(&first, "v1").await;
    let second = older(store.clone()).await;
    assert_eq!(get(&second, "v1").await["spec"], v1["spec"]);
    patch(&second, "v1alpha1", json!({"spec": {"color": "red"}})).await;
    settled(&second, "v1beta1=1").await;
    let third = newer(store).await;
    assert_eq!(get(&third, "v1").await["spec"], v1["spec"]);
    assert_eq!(get(&third, "v1alpha1").await["spec"]["color"], "red");
}

#[tokio::test]
async fn a_version_that_is_no_more_is_told_and_harms_nobody_else() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    create(&older(store.clone()).await, "v1", json!({"species": "robin"})).await;
    struct OnlyV1;
    impl apiserver::Strategy for OnlyV1 {
        type Object = kinds::v1::Bird;
    }
    let server = serve(|apis| _ = apis.add(OnlyV1), store).await;
    let broken = server.ask(&format!("GET {}/robin", birds("v1")), "").await;
    assert!(broken.failure().starts_with("500 "), "{}", broken.failure());
    assert_eq!(stored(&server), "v1beta1=1");
}

/// The cache may have yet to see what was just written.
async fn settled(server: &Server, expected: &str) {
    for _ in 0..200 {
        if stored(server) == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(stored(server), expected);
}

async fn copy_of(store: &Arc<dyn Store>) -> Arc<dyn Store> {
    let copy = MemoryStore::default();
    let request =
        apiserver::storage::ListRequest { prefix: "/registry/".into(), start: String::new(), limit: 0, at: None };
    for entry in store.list(request).await.expect("a list").entries {
        copy.create(&entry.key, entry.value).await.expect("written");
    }
    Arc::new(copy)
}
