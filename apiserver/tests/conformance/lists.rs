//! Lists and single reads: versions, pages, selectors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use serde_json::{Value, json};

use super::common::Server;
use super::{bird, encode, names, nest, server, version};

/// A server with `a` and `b` at the first version that is returned, and with `c` as well at the second.
async fn two_states() -> (Server, String, String) {
    let server = server().await;
    bird(&server, "default", "a", json!({"x": "1"})).await;
    let old = version(&bird(&server, "default", "b", json!({})).await);
    let new = version(&bird(&server, "default", "c", json!({"x": "1"})).await);
    (server, old, new)
}

#[tokio::test]
async fn every_combination_of_version_match_and_limit_means_what_it_should() {
    let (server, old, new) = two_states().await;
    for rv in ["", "0", &old, &new] {
        for wanted in ["", "NotOlderThan", "Exact", "Newer"] {
            for limit in ["", "0", "1", "2", "9"] {
                let query = format!("resourceVersion={rv}&resourceVersionMatch={wanted}");
                let query = if limit.is_empty() { query } else { format!("{query}&limit={limit}") };
                let answer = server.ask(&format!("GET ?{query}"), "").await;
                let makes_sense = match (wanted, rv) {
                    ("", _) => true,
                    (_, "") | ("Exact", "0") | ("Newer", _) => false,
                    _ => true,
                };
                if !makes_sense {
                    assert_eq!(answer.code, 422, "{query}: {}", answer.text());
                    continue;
                }
                let list = answer.json();
                let limit: usize = limit.parse().unwrap_or_default();
                let exact = wanted == "Exact" || (wanted.is_empty() && limit > 0 && !matches!(rv, "" | "0"));
                let all: &[&str] = if exact && rv == old { &["a", "b"] } else { &["a", "b", "c"] };
                // Who takes any state gets all of it at once.
                let limit = if limit == 0 || rv == "0" { all.len() } else { limit.min(all.len()) };
                assert_eq!(names(&list), all[..limit].join(" "), "{query}");
                assert_eq!(version(&list), if exact { rv.to_owned() } else { new.clone() }, "{query}");
                let rest = all.len() - limit;
                let remaining = if rest > 0 { json!(rest) } else { Value::Null };
                assert_eq!(list["metadata"]["remainingItemCount"], remaining, "{query}");
                assert_eq!(list["metadata"]["continue"] == "", rest == 0, "{query}");
            }
        }
    }
}

#[tokio::test]
async fn a_version_of_the_future_is_waited_for_and_then_refused() {
    let (server, _, new) = two_states().await;
    let future = "999999999999";
    let queries = [
        "resourceVersion={}",
        "resourceVersion={}&resourceVersionMatch=NotOlderThan",
        "resourceVersion={}&resourceVersionMatch=Exact",
        "resourceVersion={}&limit=1",
    ];
    let lists = queries.map(|query| format!("GET ?{}", query.replace("{}", future)));
    let gets = [format!("GET a?resourceVersion={future}"), format!("GET a/status?resourceVersion={future}")];
    let answers = join_all(lists.iter().chain(&gets).map(|line| server.ask(line, ""))).await;
    for answer in answers {
        let status = answer.json();
        assert_eq!((answer.code, &status["reason"]), (504, &json!("Timeout")));
        assert_eq!(status["message"], format!("Too large resource version: {future}, current: {new}"));
        assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
        assert_eq!(status["details"]["retryAfterSeconds"], 1);
        assert_eq!(answer.headers["retry-after"], "1");
    }
    // One that comes in time is answered.
    let soon = (new.parse::<u64>().expect("a number") + 1).to_string();
    let lines = [
        format!("GET ?resourceVersion={soon}"),
        format!("GET ?resourceVersion={soon}&resourceVersionMatch=Exact"),
        format!("GET a?resourceVersion={soon}"),
    ];
    let (answers, _) = tokio::join!(join_all(lines.iter().map(|line| server.ask(line, ""))), async {
        tokio::task::yield_now().await;
        bird(&server, "default", "d", json!({})).await
    });
    for answer in answers {
        assert_eq!(answer.code, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_compacted_state_is_expired() {
    let (server, old, new) = two_states().await;
    let page = server.ask("GET ?limit=1", "").await.json();
    bird(&server, "default", "d", json!({})).await;
    let newest = server.store.revision().await.expect("a revision");
    server.store.compact(newest).await.expect("compacts");
    for query in [format!("resourceVersion={old}&resourceVersionMatch=Exact"), format!("resourceVersion={new}&limit=1")]
    {
        let answer = server.ask(&format!("GET ?{query}"), "").await;
        assert_eq!((answer.code, &answer.json()["reason"]), (410, &json!("Expired")));
        assert_eq!(answer.json()["message"], "The resourceVersion for the provided list is too old.");
    }
    // What need only be newer is answered from what there is.
    assert_eq!(names(&server.ask("GET ", "").await.json()), "a b c d");
    assert_eq!(names(&server.ask(&format!("GET ?resourceVersion={old}"), "").await.json()), "a b c d");
    let token = page["metadata"]["continue"].as_str().expect("a token");
    let expired = server.ask(&format!("GET ?limit=1&continue={token}"), "").await;
    assert_eq!((expired.code, &expired.json()["reason"]), (410, &json!("Expired")));
    let token = expired.json()["metadata"]["continue"].as_str().expect("a token to go on with").to_owned();
    let decoded = URL_SAFE_NO_PAD.decode(&token).expect("base64");
    let decoded: Value = serde_json::from_slice(&decoded).expect("JSON");
    assert_eq!((&decoded["v"], &decoded["rv"]), (&json!("meta.k8s.io/v1"), &json!(-1)));
    let rest = server.ask(&format!("GET ?limit=2&continue={token}"), "").await.json();
    assert_eq!((names(&rest).as_str(), version(&rest)), ("b c", newest.to_string()));
    let token = rest["metadata"]["continue"].as_str().expect("a token");
    assert_eq!(names(&server.ask(&format!("GET ?continue={token}"), "").await.json()), "d");
}

#[tokio::test]
async fn pages_of_any_size_join_to_one_state() {
    let server = server().await;
    for number in 0..7 {
        let labels = if number % 3 == 0 { json!({"x": "1"}) } else { json!({}) };
        bird(&server, if number % 2 == 0 { "default" } else { "other" }, &format!("b{number}"), labels).await;
    }
    let mut later = 0;
    for path in ["/apis/demo.example.com/v1/birds", super::BIRDS] {
        for (selector, limit) in ["", "&labelSelector=x"].into_iter().flat_map(|s| (1..=8).map(move |l| (s, l))) {
            let whole = server.ask(&format!("GET {path}?{selector}"), "").await.json();
            let total = whole["items"].as_array().expect("items").len();
            let (mut joined, mut token, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                // The size may change from page to page.
                let size = limit + pages % 2;
                let query = format!("{path}?limit={size}&continue={token}{selector}");
                let page = server.ask(&format!("GET {query}"), "").await.json();
                let items = page["items"].as_array().expect("items");
                joined.extend(items.iter().cloned());
                assert_eq!(version(&page), version(&whole), "{query}");
                token = page["metadata"]["continue"].as_str().expect("a token").to_owned();
                let remaining = page["metadata"].get("remainingItemCount");
                if token.is_empty() {
                    assert_eq!(remaining, None, "{query}");
                    break;
                }
                assert_eq!(items.len(), size, "a page that is not the last is full: {query}");
                let counted = selector.is_empty().then(|| json!(total - joined.len()));
                assert_eq!(remaining, counted.as_ref(), "{query}");
                pages += 1;
                // What is written between two pages is in none of them.
                if pages == 1 {
                    later += 1;
                    bird(&server, "default", &format!("later-{later}"), json!({"x": "1"})).await;
                }
            }
            assert_eq!(Value::from(joined), whole["items"], "{path} {limit} {selector}");
        }
    }
}

#[tokio::test]
async fn a_token_stays_within_what_the_path_names() {
    let server = server().await;
    bird(&server, "alpha", "a", json!({})).await;
    bird(&server, "beta", "b", json!({})).await;
    let newest = server.store.revision().await.expect("a revision");
    let token = |start: &str| {
        URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": newest.0, "start": start}).to_string())
    };
    let alpha = "/apis/demo.example.com/v1/namespaces/alpha/birds";
    for start in ["../beta/", "../beta/b", "a/../../beta/b", ".", "..", "a//b", "a/", "/", "./a"] {
        let answer = server.ask(&format!("GET {alpha}?continue={}", token(start)), "").await;
        assert_eq!(answer.code, 400, "{start}: {}", answer.text());
        let message = format!("400 invalid continue token: continue key is not valid: {start}");
        assert_eq!(answer.failure(), message);
    }
    // A token of another namespace starts at that key, and never leaves the path.
    assert_eq!(names(&server.ask(&format!("GET {alpha}?continue={}", token("beta/b")), "").await.json()), "");
    for (token, expect) in [("nonsense", ""), ("e30", "server does not recognize this encoded version "), ("e30=", "")]
    {
        let expect = format!("400 invalid continue token: continue key is not valid: {expect}");
        let failure = server.ask(&format!("GET {alpha}?continue={token}&resourceVersion=1"), "").await.failure();
        assert!(failure.starts_with(&expect), "{failure}");
    }
    let both = server.ask(&format!("GET {alpha}?continue={}&resourceVersion=1", token("a")), "").await.failure();
    assert_eq!(both, "400 specifying resource version is not allowed when using continue");
    let both = server.ask(&format!("GET {alpha}?continue={}&resourceVersion=0", token("a")), "").await;
    assert_eq!(names(&both.json()), "a");
}

#[tokio::test]
async fn label_selectors_take_every_form() {
    let server = server().await;
    bird(&server, "default", "a", json!({"size": "small", "example.com/ring": "1"})).await;
    bird(&server, "default", "b", json!({"size": "large", "empty": ""})).await;
    bird(&server, "default", "c", json!({})).await;
    for (selector, expect) in [
        ("", "a b c"),
        ("  ", "a b c"),
        ("size=small", "a"),
        ("size==small", "a"),
        (" size =  small ", "a"),
        ("size=small,size=small", "a"),
        ("size=small,size=large", ""),
        ("size!=small", "b c"),
        ("size", "a b"),
        ("!size", "c"),
        ("! size", "c"),
        ("size in (small,large)", "a b"),
        ("size in ( small , large )", "a b"),
        ("size in(small)", "a"),
        ("size notin (small)", "b c"),
        ("size notin (small,large)", "c"),
        ("empty=", "b"),
        ("empty in ()", "b"),
        ("empty!=", "a c"),
        ("size in (small,)", "a"),
        ("example.com/ring=1", "a"),
        ("example.com/ring>0", "a"),
        ("example.com/ring<1", ""),
        ("size,!empty", "a"),
        ("size!=small,size!=large", "c"),
        ("\tsize=small\n", "a"),
    ] {
        let answer = server.ask(&format!("GET ?labelSelector={}", encode(selector)), "").await;
        assert_eq!(names(&answer.json()), expect, "{selector:?}");
    }
    for (selector, expect) in [
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must",
        ),
        ("a=%", "unable to parse requirement: values[0][a]: Invalid value: \"%\": a valid label must be"),
        ("a/b/c=1", "unable to parse requirement: <nil>: Invalid value: \"a/b/c\": a valid label key must consist of"),
        ("a='b'", "unable to parse requirement: values[0][a]: Invalid value: \"'b'\": "),
    ] {
        for query in
            [format!("labelSelector={}", encode(selector)), format!("watch=1&labelSelector={}", encode(selector))]
        {
            let failure = server.ask(&format!("GET ?{query}"), "").await.failure();
            assert!(failure.starts_with(&format!("400 {expect}")), "{query}: {failure}");
        }
    }
    let first = server.ask("GET ?labelSelector=size%3Dsmall&labelSelector=size%3Dlarge", "").await.json();
    assert_eq!(names(&first), "a", "of a parameter that is there twice, the first counts");
}

#[tokio::test]
async fn field_selectors_take_every_form() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    bird(&server, "default", "wren", json!({})).await;
    bird(&server, "other", "a", json!({})).await;
    nest(&server, "n").await;
    let all = "/apis/demo.example.com/v1/birds";
    let nests = "/apis/demo.example.com/v1/nests";
    for (path, selector, expect) in [
        (all, "metadata.name=a", "a a"),
        (all, "metadata.name==a", "a a"),
        (all, "metadata.name!=a", "wren"),
        (all, "metadata.namespace=other", "a"),
        (all, "metadata.namespace!=other", "a wren"),
        (all, "metadata.namespace=default,metadata.name=a", "a"),
        (all, "metadata.name=a,metadata.name=wren", ""),
        (all, "metadata.name=a,metadata.name=a", "a a"),
        (all, "metadata.name=", ""),
        (all, "metadata.name!=", "a wren a"),
        (all, "metadata.name= a", ""),
        (all, r"metadata.name=a\,b", ""),
        (all, "spec.species=wren", "wren"),
        (all, "spec.species!=wren", "a a"),
        (all, "spec.species=", ""),
        (all, "", "a wren a"),
        (all, ",", "a wren a"),
        (all, "metadata.name=a,", "a a"),
        (all, "=", "a wren a"),
        (super::BIRDS, "metadata.name=a", "a"),
        (super::BIRDS, "metadata.namespace=other", ""),
        (nests, "metadata.name=n", "n"),
        (nests, "metadata.name!=n", ""),
    ] {
        let list = server.ask(&format!("GET {path}?fieldSelector={}", encode(selector)), "").await.json();
        assert_eq!(names(&list), expect, "{path} {selector:?}");
        let newest = server.store.revision().await.expect("a revision").to_string();
        assert_eq!(version(&list), newest, "a list tells the state that it shows, not that of its objects");
    }
    for (path, selector, expect) in [
        (all, "metadata.uid=1", "field label not supported: metadata.uid"),
        (all, "spec.color=brown", "field label not supported: spec.color"),
        (all, " metadata.name=a", "field label not supported:  metadata.name"),
        (all, "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        (all, "metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        (all, r"metadata.name=\a", r"invalid field selector: invalid escape sequence: \a"),
        (nests, "metadata.namespace=default", "field label not supported: metadata.namespace"),
        (nests, "spec.species=wren", "field label not supported: spec.species"),
    ] {
        for watch in ["", "watch=1&"] {
            let failure =
                server.ask(&format!("GET {path}?{watch}fieldSelector={}", encode(selector)), "").await.failure();
            assert_eq!(failure, format!("400 {expect}"), "{path} {selector:?}");
        }
    }
}

#[tokio::test]
async fn a_list_is_in_the_order_of_its_keys() {
    let server = server().await;
    for (namespace, name) in [("x", "b"), ("x", "a"), ("x-b", "c"), ("w", "z"), ("x", "a-b"), ("x", "a.b"), ("x", "a0")]
    {
        bird(&server, namespace, name, json!({})).await;
    }
    let list = server.ask("GET /apis/demo.example.com/v1/birds", "").await.json();
    // A dash sorts before the slash behind a namespace.
    assert_eq!(names(&list), "z c a a-b a.b a0 b");
}

#[tokio::test]
async fn an_empty_list_is_a_list() {
    let server = server().await;
    for query in ["", "?limit=5", "?resourceVersion=0", "?labelSelector=a"] {
        let list =
            server.ask(&format!("GET /apis/demo.example.com/v1/namespaces/nowhere/birds{query}"), "").await.json();
        assert_eq!((&list["kind"], &list["items"]), (&json!("BirdList"), &json!([])));
        assert_ne!(version(&list), "0");
    }
}

#[tokio::test]
async fn options_that_cannot_be_read_are_bad_requests() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    for (line, expect) in [
        ("GET ?limit=x", "400 strconv.ParseInt: parsing \"x\": invalid syntax"),
        ("GET ?limit=", "400 strconv.ParseInt: parsing \"\": invalid syntax"),
        ("GET ?timeoutSeconds=1.5", "400 strconv.ParseInt: parsing \"1.5\": invalid syntax"),
        ("GET ?watch=1&timeoutSeconds=x", "400 strconv.ParseInt: parsing \"x\": invalid syntax"),
        ("DELETE ?limit=x", "400 strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            "GET ?resourceVersion=x",
            "400 invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (
            "GET a?resourceVersion=x",
            "500 resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (
            "GET ?watch=1&resourceVersion=x",
            "422 birds.demo.example.com \"\" is invalid: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        ("GET a?export=true", "400 the export parameter, deprecated since v1.14, is no longer supported"),
        (
            "GET ?sendInitialEvents=true",
            "422 ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
    ] {
        assert_eq!(server.ask(line, "").await.failure(), expect, "{line}");
    }
    for line in ["GET ?unknown=1&limit=-1", "GET a?limit=x", "GET a?watch=1", "GET ?timeoutSeconds=30"] {
        assert_eq!(server.ask(line, "").await.code, 200, "{line}");
    }
    assert_eq!(names(&server.ask("GET ", "").await.json()), "a", "nothing was deleted");
}

#[tokio::test]
async fn a_read_is_of_the_objects_own_last_write() {
    let server = server().await;
    let a = bird(&server, "default", "a", json!({})).await;
    bird(&server, "default", "b", json!({})).await;
    for query in ["", "?resourceVersion=0", &format!("?resourceVersion={}", version(&a)), "?resourceVersion="] {
        assert_eq!(server.ask(&format!("GET a{query}"), "").await.json(), a, "{query}");
    }
    assert_eq!(server.ask("GET a/status", "").await.json(), a);
    let missing = server.ask("GET nobody", "").await;
    assert_eq!(missing.failure(), "404 birds.demo.example.com \"nobody\" not found");
    assert_eq!(missing.json()["details"], json!({"name": "nobody", "group": "demo.example.com", "kind": "birds"}));
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_never_left_out() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    let key = "/registry/demo.example.com/birds/default/broken";
    server.store.create(key, bytes::Bytes::from_static(b"{")).await.expect("stored");
    let lines = [
        "GET broken",
        "GET ",
        "GET ?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYiJ9",
        "GET ?resourceVersion=0",
        "DELETE broken",
        "DELETE ",
    ];
    for line in lines {
        let answer = server.ask(line, "").await;
        assert_eq!((answer.code, &answer.json()["reason"]), (500, &json!("InternalError")), "{line}");
        let failure = answer.failure();
        assert!(failure.starts_with(&format!("500 Internal error occurred: {key}: ")), "{failure}");
        let message = answer.json()["details"]["causes"][0]["message"].clone();
        assert!(message.as_str().is_some_and(|text| failure.ends_with(text)), "{failure}");
    }
    let watch = server.ask("GET ?watch=1&timeoutSeconds=1", "").await.text();
    let last: Value = serde_json::from_str(watch.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["type"], &last["object"]["code"]), (&json!("ERROR"), &json!(500)), "{watch}");
    assert_eq!(server.ask("GET a", "").await.code, 200, "others are not harmed");
}
