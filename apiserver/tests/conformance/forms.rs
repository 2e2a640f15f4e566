//! The forms of answers: Tables, metadata alone, YAML, packed, indented.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::common::{Answer, Server};
use super::{BIRDS, bird, nest, server, version};

fn media(kind: &str, version: &str) -> String {
    format!("application/json;as={kind};v={version};g=meta.k8s.io")
}

async fn get(server: &Server, line: &str, accept: &str) -> Answer {
    server.send(line, &[("accept", accept)], "").await
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(&*answer.bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

#[tokio::test]
async fn a_table_has_its_columns_and_one_row_for_each_object() {
    let server = server().await;
    let a = bird(&server, "default", "a", json!({"x": "1"})).await;
    bird(&server, "default", "wren", json!({})).await;
    let list = server.ask("GET ", "").await.json();
    for (accept_version, include) in
        ["v1", "v1beta1"].into_iter().flat_map(|v| ["", "None", "Metadata", "Object"].map(|include| (v, include)))
    {
        for path in ["", "a", "a/status"] {
            let answer =
                get(&server, &format!("GET {path}?includeObject={include}"), &media("Table", accept_version)).await;
            assert_eq!(answer.headers["content-type"], "application/json");
            let table = answer.json();
            let api_version = format!("meta.k8s.io/{accept_version}");
            assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!(api_version)));
            let columns = table["columnDefinitions"].as_array().expect("columns");
            let titles: Vec<&str> = columns.iter().map(|column| column["name"].as_str().expect("a name")).collect();
            assert_eq!(titles, ["Name", "Species", "Replicas", "Age"]);
            for column in columns {
                let mut keys: Vec<&String> = column.as_object().expect("a column").keys().collect();
                keys.sort();
                assert_eq!(keys, ["description", "format", "name", "priority", "type"]);
            }
            assert_eq!((&columns[0]["type"], &columns[0]["format"]), (&json!("string"), &json!("name")));
            let rows = table["rows"].as_array().expect("rows");
            assert_eq!(rows.len(), if path.is_empty() { 2 } else { 1 });
            assert_eq!(rows[0]["cells"].as_array().expect("cells")[..3], [json!("a"), json!("robin"), Value::Null]);
            let partial =
                json!({"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": a["metadata"]});
            let object = match include {
                "None" => Value::Null,
                "Object" => a.clone(),
                _ => partial,
            };
            assert_eq!(rows[0]["object"], object, "{path} {include}");
            let of = if path.is_empty() { &list } else { &a };
            assert_eq!(version(&table), version(of));
        }
    }
    let paged = get(&server, "GET ?limit=1", &media("Table", "v1")).await.json();
    assert_eq!(paged["metadata"]["remainingItemCount"], 1);
    assert_ne!(paged["metadata"]["continue"], "");
    let empty = get(&server, "GET ?labelSelector=none", &media("Table", "v1")).await.json();
    assert_eq!((&empty["rows"], empty["columnDefinitions"].as_array().map(Vec::len)), (&json!([]), Some(4)));
    nest(&server, "n").await;
    let nests = get(&server, "GET /apis/demo.example.com/v1/nests", &media("Table", "v1")).await.json();
    let titles: Vec<&Value> =
        nests["columnDefinitions"].as_array().into_iter().flatten().map(|column| &column["name"]).collect();
    assert_eq!(titles, ["Name", "Age"], "without columns of its own a kind shows its age");
}

#[tokio::test]
async fn writes_answer_in_the_form_that_is_wanted() {
    let server = server().await;
    let body = |name: &str| {
        json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": name}, "spec": {}}).to_string()
    };
    for (index, (kind, shown)) in
        [("Table", "Table"), ("PartialObjectMetadata", "PartialObjectMetadata")].into_iter().enumerate()
    {
        let accept = media(kind, "v1");
        let name = format!("b{index}");
        let headers = [("accept", accept.as_str()), ("content-type", "application/json")];
        let patch = [("accept", accept.as_str()), ("content-type", "application/merge-patch+json")];
        let created = server.send("POST ", &headers, &body(&name)).await;
        assert_eq!((created.code, &created.json()["kind"]), (201, &json!(shown)));
        let patched = server.send(&format!("PATCH {name}"), &patch, r#"{"metadata":{"finalizers":["a.b/c"]}}"#).await;
        assert_eq!((patched.code, &patched.json()["kind"]), (200, &json!(shown)));
        let status = server.send(&format!("PATCH {name}/status"), &patch, r#"{"status":{"phase":"x"}}"#).await;
        assert_eq!((status.code, &status.json()["kind"]), (200, &json!(shown)));
        let marked = server.send(&format!("DELETE {name}"), &headers, "").await;
        assert_eq!((marked.code, &marked.json()["kind"]), (200, &json!(shown)));
        // What is refused, and what is gone, is a Status whatever was wanted.
        let refused = server.send("POST ", &headers, &body(&name)).await;
        assert_eq!((refused.code, &refused.json()["kind"]), (409, &json!("Status")));
        bird(&server, "default", "gone", json!({})).await;
        let gone = server.send("DELETE gone", &headers, "").await;
        assert_eq!(
            (gone.code, &gone.json()["kind"], &gone.json()["status"]),
            (200, &json!("Status"), &json!("Success"))
        );
    }
    for kind in ["Table", "PartialObjectMetadataList"] {
        let deleted = server.send("DELETE ?labelSelector=none", &[("accept", &media(kind, "v1"))], "").await;
        assert_eq!((deleted.code, &deleted.json()["kind"]), (200, &json!(kind)));
    }
}

#[tokio::test]
async fn metadata_alone_is_all_of_the_metadata() {
    let server = server().await;
    let a = bird(&server, "default", "a", json!({"x": "1"})).await;
    bird(&server, "default", "b", json!({})).await;
    for accept_version in ["v1", "v1beta1"] {
        let api_version = format!("meta.k8s.io/{accept_version}");
        let partial = json!({"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": a["metadata"]});
        for path in ["a", "a/status"] {
            let found = get(&server, &format!("GET {path}"), &media("PartialObjectMetadata", accept_version)).await;
            assert_eq!(found.headers["content-type"], "application/json");
            assert_eq!(found.json(), partial);
        }
        let list = get(&server, "GET ?limit=1", &media("PartialObjectMetadataList", accept_version)).await.json();
        let kind = (&json!("PartialObjectMetadataList"), &json!(api_version));
        assert_eq!((&list["kind"], &list["apiVersion"]), kind);
        assert_eq!((&list["items"], &list["metadata"]["remainingItemCount"]), (&json!([partial]), &json!(1)));
        assert_ne!(list["metadata"]["continue"], "");
    }
    let refused = get(&server, "GET ", &media("PartialObjectMetadata", "v1")).await;
    assert_eq!(
        refused.failure(),
        "406 you requested PartialObjectMetadata, but the requested object is a list (*unstructured.UnstructuredList)"
    );
    assert_eq!(get(&server, "GET a", &media("PartialObjectMetadataList", "v1")).await.code, 406);
    // What is not there cannot have the wrong form.
    assert_eq!(get(&server, "GET nobody", &media("PartialObjectMetadataList", "v1")).await.code, 404);
    assert_eq!(get(&server, "GET ?limit=x", &media("PartialObjectMetadata", "v1")).await.code, 400);
}

#[tokio::test]
async fn yaml_is_spoken_both_ways() {
    let server = server().await;
    let body =
        "apiVersion: demo.example.com/v1\nkind: Bird\nmetadata:\n  name: a\nspec:\n  replicas: 9007199254740993\n";
    let headers = [("accept", "application/yaml"), ("content-type", "application/yaml; charset=utf-8")];
    let created = server.send("POST ", &headers, body).await;
    assert_eq!((created.code, &created.headers["content-type"]), (201, &"application/yaml".parse().expect("a value")));
    assert!(created.text().contains("replicas: 9007199254740993\n"), "{}", created.text());
    let updated = server.send("PUT a", &headers, &created.text()).await;
    assert_eq!(updated.text(), created.text());
    assert!(get(&server, "GET ", "application/yaml").await.text().contains("kind: BirdList\n"));
    let table = get(&server, "GET ", "application/yaml;as=Table;v=v1;g=meta.k8s.io").await;
    assert!(table.text().contains("kind: Table\n"));
    let missing = get(&server, "GET nobody", "application/yaml").await;
    assert_eq!((missing.code, &missing.headers["content-type"]), (404, &"application/yaml".parse().expect("a value")));
    assert!(missing.text().contains("reason: NotFound\n"));
    let policy = server.send("DELETE a", &headers, "kind: DeleteOptions\npropagationPolicy: Nothing\n").await;
    assert_eq!(policy.code, 422, "{}", policy.text());
    for (media_type, code) in [("", 201), ("application/json", 201), ("text/plain", 415), ("application/xml", 415)] {
        let json = json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"generateName": "b-"}});
        let headers: &[(&str, &str)] = if media_type.is_empty() { &[] } else { &[("content-type", media_type)] };
        assert_eq!(server.send("POST ", headers, &json.to_string()).await.code, code, "{media_type}");
    }
}

#[tokio::test]
async fn the_status_of_a_failure_is_written_where_nothing_else_can_be() {
    let server = server().await;
    for accept in [media("Table", "v1"), "text/html".into(), "application/vnd.kubernetes.protobuf".into()] {
        let answer = get(&server, "GET nobody", &accept).await;
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.json()["kind"], "Status", "{accept}");
        assert_eq!(answer.code, if accept.contains("Table") { 404 } else { 406 }, "{accept}");
    }
    let message = "406 only the following media types are accepted: application/json, application/yaml";
    assert_eq!(get(&server, "GET a", "text/html").await.failure(), message);
}

#[tokio::test]
async fn people_get_json_in_lines() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    let indented = |answer: &Answer| answer.text().starts_with("{\n  \"");
    for (query, agent, expect) in [
        ("", "kubectl/v1.36", false),
        ("", "curl/8", true),
        ("", "Wget/1", true),
        ("", "Mozilla/5.0 (X11)", true),
        ("?pretty=true", "kubectl", true),
        ("?pretty=1", "kubectl", true),
        ("?pretty=false", "curl/8", false),
        ("?pretty=0", "curl/8", false),
        ("?pretty=yes", "curl/8", false),
        ("?pretty=", "curl/8", true),
    ] {
        for path in ["a", "", "nobody", "/apis/demo.example.com/v1"] {
            let answer = server.send(&format!("GET {path}{query}"), &[("user-agent", agent)], "").await;
            assert_eq!(indented(&answer), expect, "{path}{query} {agent}");
            assert!(answer.text().ends_with("}\n"), "{path}{query} {agent}");
        }
    }
    assert!(indented(&get(&server, "GET a", "application/json;pretty=1").await));
}

#[tokio::test]
async fn long_answers_are_packed_and_short_ones_are_not() {
    let server = server().await;
    let body = |name: &str, bytes: usize| {
        let spec = json!({"extra": {"song": "x".repeat(bytes)}});
        json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": name}, "spec": spec})
            .to_string()
    };
    assert_eq!(server.ask("POST ", &body("short", 70 << 10)).await.code, 201);
    for accept in ["gzip", "deflate, gzip"] {
        let headers = [("accept-encoding", accept)];
        let short = server.send("GET ", &headers, "").await;
        assert!(!short.headers.contains_key("content-encoding"), "a list of 70 KiB is short");
    }
    assert_eq!(server.ask("POST ", &body("long", 140 << 10)).await.code, 201);
    let (accept, table) = (("accept-encoding", "gzip"), media("Table", "v1"));
    for (line, headers) in [
        ("GET long", vec![accept]),
        ("GET ", vec![accept]),
        ("GET ", vec![accept, ("accept", "application/yaml")]),
        ("GET ?includeObject=Object", vec![accept, ("accept", table.as_str())]),
        ("PATCH long", vec![accept, ("content-type", "application/merge-patch+json")]),
    ] {
        let packed = server.send(line, &headers, "{}").await;
        assert_eq!(
            (packed.code, &packed.headers["content-encoding"]),
            (200, &"gzip".parse().expect("a value")),
            "{line}"
        );
        assert_eq!(packed.headers["vary"], "Accept-Encoding");
        let plain = server.send(line, &headers[1..], "{}").await;
        assert!(!plain.headers.contains_key("content-encoding"));
        assert_eq!(unpacked(&packed), plain.bytes, "{line}");
    }
    assert!(!server.send("GET short", &[accept], "").await.headers.contains_key("content-encoding"));
    let watch = server.open(&format!("GET {BIRDS}?watch=1"), &[accept], "").await;
    assert!(!watch.headers().contains_key("content-encoding"), "a watch is never packed");
}
