//! Hooks by way of typed objects, as scaffolded tests ask them.

use apiserver::request::user::UserInfo;
use apiserver::testing::WebhookTest;
use apiserver::{Apis, Webhooks};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use kube::api::ObjectMeta;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{BirdStatus, BirdStrategy, DeploymentWebhook, apis, bird, install, webhooks};

#[tokio::test]
async fn an_object_comes_back_as_the_hooks_made_it() {
    let reviewed = webhooks().create(&bird("robin")).await.expect("allowed");
    assert_eq!(reviewed.object.spec.color.as_deref(), Some("brown"));
    assert_eq!(reviewed.object.status, None, "a new object has none where it is a subresource");
    assert!(reviewed.warnings.is_empty());
    let again = webhooks().create(&reviewed.object).await.expect("allowed");
    assert_eq!(again.object, reviewed.object, "a second call changes nothing");
}

#[tokio::test]
async fn users_and_dry_runs_are_those_of_the_test() {
    let alice = webhooks().as_user(UserInfo::authenticated("alice", []));
    let reviewed = alice.dry_run().create(&bird("wren")).await.expect("allowed");
    assert_eq!(reviewed.object.metadata.labels.expect("labels")["example.com/keeper"], "alice");
    assert_eq!(reviewed.warnings, ["wren would be born"]);
    let reviewed = alice.update(&bird("owl"), &bird("wren")).await.expect("allowed");
    assert_eq!(
        (reviewed.object.spec.species.as_str(), &*reviewed.warnings),
        ("wren", &["alice repaints from  to brown".to_owned()][..])
    );
}

#[tokio::test]
async fn a_refusal_tells_every_field() {
    let mut cat = bird("cat");
    cat.spec.color = Some("pink".into());
    let refused = webhooks().create(&cat).await.expect_err("refused");
    assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
    let fields: Vec<String> = refused.details.expect("details").causes.into_iter().map(|cause| cause.field).collect();
    assert_eq!(fields, ["spec.species", "spec.color"]);
    let kept = webhooks().delete(&bird("dodo")).await.expect_err("refused");
    assert!(kept.message.ends_with("spec.species: Forbidden: the last of them stay"), "{}", kept.message);
    webhooks().delete(&bird("robin")).await.expect("allowed");
}

#[tokio::test]
async fn a_status_is_all_that_its_subresource_changes() {
    let old = bird("robin");
    let mut new = old.clone();
    new.status = Some(BirdStatus { phase: Some("Hatched".into()) });
    new.spec.color = Some("pink".into());
    let reviewed = webhooks().subresource("status").update(&new, &old).await.expect("allowed");
    assert_eq!(reviewed.object.status.expect("a status").phase.as_deref(), Some("Hatched!"));
    assert_eq!(reviewed.object.spec, new.spec, "what the server drops is not touched");
    new.spec.color = None;
    let reviewed = webhooks().update(&new, &old).await.expect("allowed");
    assert_eq!(reviewed.object.status, new.status, "nor a status at the main endpoint");
}

#[tokio::test]
async fn kinds_of_others_are_typed() {
    let deployment = |name: &str, replicas: Option<i32>| Deployment {
        metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
        spec: Some(DeploymentSpec { replicas, ..DeploymentSpec::default() }),
        status: None,
    };
    let replicas = |deployment: &Deployment| deployment.spec.as_ref().and_then(|spec| spec.replicas);
    let mut scoped = UserInfo::authenticated("alice", []);
    scoped.extra.insert("example.com/scopes".into(), vec!["a".into()]);
    let test = webhooks().as_user(scoped);
    let reviewed = test.create(&deployment("nest", None)).await.expect("allowed");
    assert_eq!((replicas(&reviewed.object), &*reviewed.warnings), (Some(2), &["you have scopes".to_owned()][..]));
    assert_eq!(reviewed.audit, ["defaulted=replicas"]);
    let refused = test.create(&deployment("nest", Some(10))).await.expect_err("refused");
    assert_eq!(refused.message, "Deployment.apps \"nest\" is invalid: spec.replicas: Invalid value: 10: too many");
    let refused = test.delete(&deployment("keep", None)).await.expect_err("refused");
    assert_eq!(refused.message, "Deployment.apps \"keep\" is invalid: metadata.name: Forbidden: alice may not");
    let mut labelled = deployment("nest", None);
    labelled.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let refused = test.update(&labelled, &deployment("nest", None)).await.expect_err("refused");
    assert_eq!(refused.details.expect("details").causes[0].field, "metadata.labels");
}

#[tokio::test]
async fn applying_the_patch_gives_what_the_hooks_made() {
    let test = webhooks();
    for seed in 0..300 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut one = || {
            let mut made = bird(["robin", "wren", ""][random.random_range(0..3)]);
            made.spec.color = [None, Some("red".to_owned()), Some(String::new())][random.random_range(0..3)].clone();
            made.spec.songs = (0..random.random_range(0..5)).map(|_| random.random_range(0..4).to_string()).collect();
            if random.random() {
                made.metadata.labels = Some([("a/b~c".to_owned(), "d".to_owned())].into());
            }
            made
        };
        let (old, new) = (one(), one());
        let mut expected = new.clone();
        expected.spec.color.get_or_insert_with(|| "brown".into());
        expected.spec.songs.sort();
        let mut updated = expected.clone();
        updated.spec.species.clone_from(&old.spec.species);
        let keeper = ("example.com/keeper".to_owned(), "test-admin".to_owned());
        expected.metadata.labels.get_or_insert_default().extend([keeper]);
        assert_eq!(test.create(&new).await.expect("allowed").object, expected, "seed {seed}");
        assert_eq!(test.update(&new, &old).await.expect("allowed").object, updated, "seed {seed}");
    }
}

#[tokio::test]
async fn many_reviews_at_once_do_not_meet() {
    let test = std::sync::Arc::new(webhooks());
    let asked = (0..50).map(|number| {
        let test = test.clone();
        tokio::spawn(async move {
            let name = format!("user-{number}");
            let test = test.as_user(UserInfo::authenticated(&name, []));
            let reviewed = test.update(&bird("wren"), &bird("wren")).await.expect("allowed");
            assert_eq!(reviewed.warnings, [format!("{name} repaints from  to brown")]);
        })
    });
    for one in asked.collect::<Vec<_>>() {
        one.await.expect("answered");
    }
}

#[tokio::test]
#[should_panic(expected = "birds.demo.example.com has a webhook and is no kind that this program stores")]
async fn a_strategy_without_its_kind_is_told() {
    let _ = WebhookTest::new(|_: &mut Apis| {}, install);
}

#[tokio::test]
#[should_panic(expected = "deployments.apps has two webhooks")]
async fn two_webhooks_for_one_kind_are_told() {
    let _ = WebhookTest::new(apis, |webhooks: &mut Webhooks| {
        webhooks.add(DeploymentWebhook).validation();
        webhooks.add(DeploymentWebhook).validation();
    });
}

#[tokio::test]
#[should_panic(expected = "Bird has no webhook")]
async fn a_kind_that_nobody_is_asked_about_is_told() {
    let test = WebhookTest::new(apis, |webhooks: &mut Webhooks| {
        webhooks.kind(BirdStrategy).conversion();
    });
    let _ = test.create(&bird("robin")).await;
}
