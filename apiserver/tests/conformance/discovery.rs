//! Discovery and OpenAPI, as clients read them.

use serde_json::{Value, json};

use super::server;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[tokio::test]
async fn only_what_is_asked_for_by_its_name_is_aggregated() {
    let server = server().await;
    let rows = [
        ("", "APIGroupList", "application/json"),
        ("application/json", "APIGroupList", "application/json"),
        (AGGREGATED, "APIGroupDiscoveryList", AGGREGATED),
        (&format!("{AGGREGATED};profile=nopeer"), "APIGroupDiscoveryList", AGGREGATED),
        (&format!("{AGGREGATED},application/json"), "APIGroupDiscoveryList", AGGREGATED),
        (&format!("application/json,{AGGREGATED}"), "APIGroupList", "application/json"),
        (&format!("application/json;q=0.9,{AGGREGATED}"), "APIGroupDiscoveryList", AGGREGATED),
        (
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
            "APIGroupList",
            "application/json",
        ),
        (
            "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
            "APIGroupList",
            "application/json",
        ),
    ];
    for (accept, kind, content_type) in rows {
        let answer = server.send("GET /apis", &[("accept", accept)], "").await;
        assert_eq!((answer.code, &answer.json()["kind"]), (200, &json!(kind)), "{accept}");
        assert_eq!(answer.headers["content-type"], content_type, "{accept}");
        assert_eq!(answer.headers["vary"], "Accept");
        assert_eq!(answer.headers.contains_key("etag"), kind == "APIGroupDiscoveryList", "{accept}");
    }
    for accept in ["text/html", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"] {
        assert_eq!(server.send("GET /apis", &[("accept", accept)], "").await.code, 406, "{accept}");
    }
    let tag = server.send("GET /apis", &[("accept", AGGREGATED)], "").await.headers["etag"].clone();
    let tag = tag.to_str().expect("text");
    let is_hash = tag.trim_matches('"').bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    assert!(tag.len() == 130 && is_hash, "{tag}");
    let known = server.send("GET /apis", &[("accept", AGGREGATED), ("if-none-match", tag)], "").await;
    assert_eq!((known.code, known.bytes.len(), &known.headers["etag"]), (304, 0, &tag.parse().expect("a value")));
    let other = super::server().await.send("GET /apis", &[("accept", AGGREGATED)], "").await;
    assert_eq!(other.headers["etag"], tag, "the same of every server that serves the same");
}

#[tokio::test]
async fn what_is_listed_is_served() {
    let server = server().await;
    let groups = server.ask("GET /apis", "").await.json();
    let mut seen = 0;
    for group in groups["groups"].as_array().expect("groups") {
        for version in group["versions"].as_array().expect("versions") {
            let path = format!("/apis/{}", version["groupVersion"].as_str().expect("text"));
            let list = server.ask(&format!("GET {path}"), "").await.json();
            for resource in list["resources"].as_array().expect("resources") {
                let name = resource["name"].as_str().expect("a name");
                let verbs: Vec<&str> =
                    resource["verbs"].as_array().expect("verbs").iter().filter_map(Value::as_str).collect();
                assert!(verbs.is_sorted(), "{verbs:?}");
                if name.contains('/') {
                    assert_eq!(resource["singularName"], "");
                    continue;
                }
                if !verbs.contains(&"list") {
                    continue;
                }
                let answer = server.ask(&format!("GET {path}/{name}"), "").await;
                assert_eq!(answer.code, 200, "{path}/{name}");
                let watch = server.ask(&format!("GET {path}/{name}?watch=1&timeoutSeconds=1"), "").await;
                assert_eq!(watch.code, 200, "{path}/{name}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 11, "birds in two versions, nests, events, leases, roles and bindings, and webhooks of two sorts");
}

#[tokio::test]
async fn every_field_can_be_explained() {
    let server = server().await;
    let index = server.ask("GET /openapi/v3", "").await.json();
    let url = index["paths"]["apis/demo.example.com/v1"]["serverRelativeURL"].as_str().expect("a URL").to_owned();
    let document = server.ask(&format!("GET {url}"), "").await;
    assert_eq!(document.headers["cache-control"], "public, immutable");
    let document = document.json();
    let schemas = &document["components"]["schemas"];
    let bird = &schemas["com.example.demo.v1.Bird"];
    let gvk = json!([{"group": "demo.example.com", "version": "v1", "kind": "Bird"}]);
    assert_eq!(
        (&bird["x-kubernetes-group-version-kind"], &bird["description"]),
        (&gvk, &json!("A bird of the aviary."))
    );
    for field in ["apiVersion", "kind"] {
        assert!(bird["properties"][field]["description"].is_string(), "{field}");
    }
    let metadata = bird["properties"]["metadata"]["allOf"][0]["$ref"].as_str().expect("a reference");
    let metadata = document.pointer(metadata.trim_start_matches('#')).expect("what is referred to");
    assert!(metadata["properties"]["labels"]["description"].is_string());
    let spec = &bird["properties"]["spec"];
    for (path, expect) in [
        ("/description", json!("What it is.")),
        ("/properties/species/description", json!("Its species.")),
        ("/properties/species/enum", json!(["robin", "wren", ""])),
        ("/properties/color/default", json!("brown")),
        ("/properties/songs/x-kubernetes-list-type", json!("set")),
        ("/properties/songs/items/type", json!("string")),
        ("/properties/perches/x-kubernetes-list-type", json!("map")),
        ("/properties/perches/x-kubernetes-list-map-keys", json!(["name"])),
        ("/properties/perches/items/required", json!(["name"])),
        ("/properties/perches/items/properties/height/type", json!("integer")),
        ("/properties/extra/x-kubernetes-preserve-unknown-fields", json!(true)),
        ("/properties/weight/x-kubernetes-int-or-string", json!(true)),
    ] {
        assert_eq!(spec.pointer(path), Some(&expect), "spec{path}");
    }
    for kind in ["DeleteOptions", "Status", "Patch", "WatchEvent", "ObjectMeta", "ListMeta"] {
        assert!(schemas[format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}")].is_object(), "{kind}");
    }
}

#[tokio::test]
async fn every_operation_says_what_it_does() {
    let server = server().await;
    let document = server.ask("GET /openapi/v3/apis/demo.example.com/v1", "").await.json();
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path").iter().filter(|(name, _)| *name != "parameters") {
            let place = format!("{method} {path}");
            ids.push(operation["operationId"].as_str().unwrap_or_else(|| panic!("{place}")).to_owned());
            let action = operation["x-kubernetes-action"].as_str().unwrap_or_else(|| panic!("{place}"));
            assert!(operation["x-kubernetes-group-version-kind"]["kind"].is_string(), "{place}");
            let declared: Vec<&str> =
                operation["parameters"].as_array().into_iter().flatten().filter_map(|p| p["name"].as_str()).collect();
            let wanted: &[&str] = match action {
                "post" | "put" => &["dryRun", "fieldManager", "fieldValidation"],
                "patch" => &["dryRun", "fieldManager", "fieldValidation", "force"],
                "list" => &["allowWatchBookmarks", "limit", "sendInitialEvents", "watch"],
                "delete" => &["dryRun", "gracePeriodSeconds", "propagationPolicy"],
                "deletecollection" => &["dryRun", "labelSelector", "propagationPolicy"],
                "watch" | "watchlist" => &["allowWatchBookmarks"],
                _ => &[],
            };
            assert!(wanted.iter().all(|name| declared.contains(name)), "{place} has {declared:?}");
            if action == "patch" {
                let types: Vec<&String> =
                    operation["requestBody"]["content"].as_object().expect("a body").keys().collect();
                for media in
                    ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"]
                {
                    assert!(types.contains(&&media.to_owned()), "{place} takes {types:?}");
                }
            }
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "operation ids are unique");
}

#[tokio::test]
async fn openapi_is_packed_where_that_is_wanted() {
    let server = server().await;
    for path in ["/openapi/v2", "/openapi/v3/apis/demo.example.com/v1"] {
        let plain = server.ask(&format!("GET {path}"), "").await;
        let packed = server.send(&format!("GET {path}"), &[("accept-encoding", "gzip")], "").await;
        assert_eq!(packed.headers["content-encoding"], "gzip", "{path}");
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed.bytes), &mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.bytes, "{path}");
    }
}
