//! Stories of objects and their managers, as a real server tells them.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::*;
use crate::versions::SameShape;

/// `MANAGER OPERATION VERSION SUBRESOURCE TIME FIELDS`: an entry of managedFields. Without a subresource it says `""`,
/// without a time `-`; a number is that second of 2024.
pub(super) fn entry(row: &str) -> Value {
    let mut words = row.splitn(6, ' ');
    let mut word = || words.next().expect("six words");
    let (manager, operation, version, subresource, time) = (word(), word(), word(), word(), word());
    let mut entry = json!({
        "manager": manager,
        "operation": operation,
        "apiVersion": format!("demo.example.com/{version}"),
        "fieldsType": "FieldsV1",
        "fieldsV1": serde_json::from_str::<Value>(word()).expect("fields"),
    });
    if subresource != "\"\"" {
        entry["subresource"] = subresource.into();
    }
    match time.parse::<u32>() {
        Ok(second) => entry["time"] = now(second).into(),
        Err(_) if time != "-" => entry["time"] = time.into(),
        Err(_) => {}
    }
    entry
}

/// A kind with everything that matters here, in two versions of one shape.
pub(super) fn birds() -> Kind {
    let string = json!({"type": "string"});
    let schema = json!({"openAPIV3Schema": {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "species": string,
                    "color": {"type": "string", "default": "brown"},
                    "wingspanCm": {"type": "integer"},
                    "hatched": {"type": "string", "format": "date-time"},
                    "songs": {"type": "array", "x-kubernetes-list-type": "set", "items": string},
                    "perches": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {
                                "name": string,
                                "heightM": {"type": "number"},
                                "occupied": {"type": "boolean", "default": false},
                            },
                        },
                    },
                    "tags": {"type": "object", "additionalProperties": string},
                    "diet": {
                        "type": "object",
                        "x-kubernetes-map-type": "atomic",
                        "properties": {"primary": string, "secondary": string},
                    },
                    "schedule": {"type": "array", "items": {"type": "object", "properties": {"day": string}}},
                    "replicas": {"type": "integer", "default": 1},
                    "size": {"x-kubernetes-int-or-string": true},
                    "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            },
            "status": {"type": "object", "properties": {"phase": string, "replicas": {"type": "integer"}}},
        },
    }});
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage, "schema": schema,
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
            },
        })
    };
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "birds"},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced", "names": {"kind": "Bird", "plural": "birds"},
            "versions": [version("v1", true), version("v1alpha1", false)],
        },
    });
    Kind::from_crd(&serde_json::from_value(crd).expect("a CRD")).expect("a kind")
}

fn now(second: u32) -> String {
    format!("2024-01-01T00:00:{second:02}Z")
}

static BIRDS: LazyLock<(Arc<Kind>, FieldManager)> = LazyLock::new(|| {
    let kind = Arc::new(birds());
    (Arc::clone(&kind), FieldManager::new(kind, Arc::new(SameShape)))
});

/// An object through several writes, one in each second.
#[derive(Default)]
struct Story {
    live: Option<Value>,
    second: u32,
}

impl Story {
    /// `who` is `MANAGER [VERSION] [status]`; the body is without type and name.
    fn try_apply(&mut self, who: &str, body: &Value, force: bool) -> Result<Value, ApplyError> {
        let (applied, live) = (self.whole(who, body), self.shown(who));
        self.write(who, |fields, writer| fields.apply(writer, live.as_ref(), &applied, force))
    }

    fn apply(&mut self, who: &str, body: Value) -> &mut Self {
        let applied = self.try_apply(who, &body, false).expect("no conflict");
        self.store(applied)
    }

    fn force(&mut self, who: &str, body: Value) -> &mut Self {
        let applied = self.try_apply(who, &body, true).expect("force");
        self.store(applied)
    }

    /// Replaces all but the name.
    fn put(&mut self, who: &str, body: Value) -> &mut Self {
        let (mut new, live) = (self.whole(who, &body), self.shown(who));
        self.write(who, |fields, writer| {
            writer.version.schema.default(&mut new);
            fields.update(writer, live.as_ref(), &mut new);
        });
        self.store(new)
    }

    #[track_caller]
    fn refuses(&mut self, who: &str, body: Value, message: &str) -> &mut Self {
        let error = self.try_apply(who, &body, false).expect_err("an error");
        assert_eq!(error.to_string(), message);
        self
    }

    #[track_caller]
    fn spec(&mut self, spec: Value) -> &mut Self {
        assert_eq!(self.live.as_ref().expect("an object")["spec"], spec);
        self
    }

    #[track_caller]
    fn owners(&mut self, rows: &[&str]) -> &mut Self {
        let entries = self.live.as_ref().and_then(managed_fields).cloned();
        let expect = (!rows.is_empty()).then(|| Value::Array(rows.iter().map(|row| entry(row)).collect()));
        assert_eq!(entries, expect);
        self
    }

    fn write<T>(&mut self, who: &str, work: impl FnOnce(&FieldManager, &Writer<'_>) -> T) -> T {
        self.second += 1;
        let (kind, fields) = &*BIRDS;
        let manager = who.split(' ').next().unwrap_or_default();
        let version = kind.served("demo.example.com", version_of(who)).expect("a version");
        let subresource = if who.ends_with("status") { "status" } else { "" };
        work(fields, &Writer { manager, subresource, version, now: &now(self.second) })
    }

    fn store(&mut self, mut object: Value) -> &mut Self {
        object["metadata"]["uid"] = "u".into();
        self.live = Some(object);
        self
    }

    fn whole(&self, who: &str, body: &Value) -> Value {
        let mut object = body.clone();
        object["apiVersion"] = format!("demo.example.com/{}", version_of(who)).into();
        object["kind"] = "Bird".into();
        object["metadata"]["name"] = "a".into();
        object
    }

    fn shown(&self, who: &str) -> Option<Value> {
        let mut live = self.live.clone()?;
        live["apiVersion"] = format!("demo.example.com/{}", version_of(who)).into();
        Some(live)
    }
}

fn version_of(who: &str) -> &str {
    who.split(' ').find(|word| word.starts_with('v')).unwrap_or("v1")
}

#[test]
fn an_apply_owns_what_it_sends_and_a_create_what_there_is() {
    let body = json!({
        "metadata": {"labels": {"x": "1"}, "finalizers": ["a/b"], "ownerReferences": [{"uid": "u", "name": "n"}]},
        "spec": {
            "species": "robin", "songs": ["trill"], "perches": [{"name": "oak"}], "tags": {"k": "v"},
            "diet": {"primary": "seeds"}, "schedule": [{"day": "mon"}], "size": 5, "extra": {"a": {"b": 1}, "l": [1]},
        },
    });
    Story::default().apply("one", body.clone()).owners(&[r#"one Apply v1 "" 1 {
        "f:metadata": {
            "f:finalizers": {"v:\"a/b\"": {}}, "f:labels": {"f:x": {}}, "f:ownerReferences": {"k:{\"uid\":\"u\"}": {}}
        },
        "f:spec": {
            "f:diet": {}, "f:extra": {"f:a": {".": {}, "f:b": {}}, "f:l": {}},
            "f:perches": {"k:{\"name\":\"oak\"}": {".": {}, "f:name": {}}}, "f:schedule": {}, "f:size": {},
            "f:songs": {"v:\"trill\"": {}}, "f:species": {}, "f:tags": {"f:k": {}}
        }
    }"#]);
    Story::default().put("", body).owners(&[r#"unknown Update v1 "" 1 {
        "f:metadata": {
            "f:finalizers": {".": {}, "v:\"a/b\"": {}}, "f:labels": {".": {}, "f:x": {}},
            "f:ownerReferences": {".": {}, "k:{\"uid\":\"u\"}": {}}
        },
        "f:spec": {
            ".": {}, "f:color": {}, "f:diet": {}, "f:extra": {".": {}, "f:a": {".": {}, "f:b": {}}, "f:l": {}},
            "f:perches": {".": {}, "k:{\"name\":\"oak\"}": {".": {}, "f:name": {}, "f:occupied": {}}},
            "f:replicas": {}, "f:schedule": {}, "f:size": {}, "f:songs": {".": {}, "v:\"trill\"": {}},
            "f:species": {}, "f:tags": {".": {}, "f:k": {}}
        }
    }"#]);
}

#[test]
fn items_come_in_the_order_in_which_they_are_applied() {
    let songs = |names: &[&str]| json!({"spec": {"songs": names}});
    let mut story = Story::default();
    let all = |names: &[&str]| json!({"songs": names, "color": "brown", "replicas": 1});
    story.apply("one", songs(&["a", "b"])).spec(all(&["a", "b"]));
    story.apply("two", songs(&["b", "c"])).spec(all(&["a", "b", "c"]));
    story.apply("two", songs(&["c", "b"])).spec(all(&["a", "c", "b"]));
    story.apply("three", songs(&["x", "c", "a"])).spec(all(&["x", "c", "b", "a"]));
    story.apply("one", songs(&["b"])).spec(all(&["x", "c", "b", "a"]));
    story.apply("three", json!({})).spec(all(&["c", "b"]));
}

#[test]
fn a_manager_owns_single_fields_of_an_item() {
    let perches = |perches: Value| json!({"spec": {"perches": perches}});
    Story::default()
        .apply("one", perches(json!([{"name": "oak", "heightM": 2}])))
        .apply("two", perches(json!([{"name": "elm", "heightM": 3}, {"name": "oak", "occupied": true}])))
        .apply("two", perches(json!([{"name": "elm"}])))
        .spec(json!({
            "perches": [{"name": "elm", "occupied": false}, {"name": "oak", "heightM": 2, "occupied": false}],
            "color": "brown", "replicas": 1,
        }))
        .apply("one", json!({}))
        .spec(json!({"perches": [{"name": "elm", "occupied": false}], "color": "brown", "replicas": 1}))
        .owners(&[r#"two Apply v1 "" 3 {"f:spec": {"f:perches": {"k:{\"name\":\"elm\"}": {".": {}, "f:name": {}}}}}"#]);
}

#[test]
fn conflicts_name_who_is_in_the_way() {
    Story::default()
        .put("maker", json!({"spec": {"species": "robin", "tags": {"k": "v"}}}))
        // The same value is shared, and does not even give the applier a time.
        .apply("one", json!({"spec": {"species": "robin"}}))
        .owners(&[
            r#"one Apply v1 "" - {"f:spec": {"f:species": {}}}"#,
            r#"maker Update v1 "" 1 {"f:spec": {
                ".": {}, "f:color": {}, "f:replicas": {}, "f:species": {}, "f:tags": {".": {}, "f:k": {}}
            }}"#,
        ])
        .refuses(
            "two",
            json!({"spec": {"color": "red"}}),
            "Apply failed with 1 conflict: conflict with \"maker\" using demo.example.com/v1: .spec.color",
        )
        .refuses(
            "two",
            json!({"spec": {"species": "wren", "tags": {"k": "w"}}}),
            "Apply failed with 3 conflicts: conflicts with \"maker\" using demo.example.com/v1:\n- .spec.species\n\
             - .spec.tags.k\nconflicts with \"one\":\n- .spec.species",
        )
        .force("two", json!({"spec": {"species": "wren", "tags": {"k": "w"}}}))
        .owners(&[
            r#"two Apply v1 "" 5 {"f:spec": {"f:species": {}, "f:tags": {"f:k": {}}}}"#,
            r#"maker Update v1 "" 1 {"f:spec": {".": {}, "f:color": {}, "f:replicas": {}, "f:tags": {}}}"#,
        ]);
}

#[test]
fn what_is_one_value_changes_hands_as_a_whole() {
    let diet = |primary: &str| json!({"spec": {"diet": {"primary": primary}, "schedule": [{"day": primary}]}});
    Story::default()
        .apply("one", diet("mon"))
        .refuses(
            "two",
            diet("tue"),
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.diet\n- .spec.schedule",
        )
        .force("two", diet("tue"))
        .owners(&[r#"two Apply v1 "" 3 {"f:spec": {"f:diet": {}, "f:schedule": {}}}"#]);
}

#[test]
fn bodies_must_fit_the_schema() {
    let check = |spec: Value, problem: &str| {
        let message = format!("failed to create typed patch object (/a; demo.example.com/v1, Kind=Bird): {problem}");
        Story::default().refuses("one", json!({ "spec": spec }), &message);
    };
    check(json!({"colour": "red"}), ".spec.colour: field not declared in schema");
    check(json!({"species": 5}), ".spec.species: expected string, got &value.valueUnstructured{Value:5}");
    check(json!({"wingspanCm": "5"}), ".spec.wingspanCm: expected numeric (int or float), got string");
    check(json!({"hatched": [5]}), ".spec.hatched: expected any scalar, got &{[5]}");
    check(json!({"tags": "x"}), ".spec.tags: expected map, got &{x}");
    check(json!({"songs": {"a": 1}}), ".spec.songs: expected list, got &{map[a:1]}");
    check(json!({"songs": ["a", "b", "a"]}), ".spec.songs: duplicate entries for key [=\"a\"]");
    check(
        json!({"songs": [null]}),
        ".spec.songs: element 0: associative list without keys has an element that's an explicit null",
    );
    check(
        json!({"perches": [{"name": "a"}, {"heightM": 1}]}),
        ".spec.perches: element 1: associative list with keys has an element that omits all key fields [\"name\"] \
         (and doesn't have default values for any key fields)",
    );
    check(
        json!({"perches": [{"name": "oak", "occupied": "no"}, {"name": "oak"}]}),
        "errors:\n  .spec.perches[name=\"oak\"].occupied: expected boolean, got &{no}\n  \
         .spec.perches: duplicate entries for key [name=\"oak\"]",
    );
    check(
        json!({"schedule": [{"day": 1}]}),
        ".spec.schedule[0].day: expected string, got &value.valueUnstructured{Value:1}",
    );
    let refuse = |body: Value, message: &str| {
        let (kind, fields) = &*BIRDS;
        let writer = Writer { manager: "one", subresource: "", version: kind.storage_version(), now: &now(1) };
        let error = fields.apply(&writer, None, &body, true).expect_err("an error");
        assert_eq!(error, ApplyError::BadRequest(message.into()));
    };
    refuse(json!({}), "invalid object type: /, Kind=");
    refuse(
        json!({"apiVersion": "demo.example.com/v2", "kind": "Bird"}),
        "invalid object type: demo.example.com/v2, Kind=Bird",
    );
    refuse(
        json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"managedFields": []}}),
        "metadata.managedFields must be nil",
    );
}

#[test]
fn what_is_there_twice_already_is_tolerated_and_made_one_by_an_apply() {
    let mut story = Story::default();
    story.put("maker", json!({"spec": {"songs": ["a", "b", "a"]}}));
    story.owners(&[r#"maker Update v1 "" 1 {"f:spec": {
        ".": {}, "f:color": {}, "f:replicas": {}, "f:songs": {".": {}, "v:\"a\"": {}, "v:\"b\"": {}}
    }}"#]);
    story.apply("one", json!({"spec": {"songs": ["b", "c"]}}));
    story.spec(json!({"songs": ["a", "b", "a", "c"], "color": "brown", "replicas": 1}));
    story.force("one", json!({"spec": {"songs": ["a", "c"]}}));
    story.spec(json!({"songs": ["a", "b", "c"], "color": "brown", "replicas": 1}));
}

#[test]
fn every_endpoint_owns_only_what_it_stores() {
    let status = json!({"metadata": {"labels": {"x": "1"}}, "spec": {"color": "red"}, "status": {"phase": "Ready"}});
    Story::default()
        .apply("user", json!({"spec": {"species": "robin"}, "status": {"phase": "Ignored"}}))
        .owners(&[r#"user Apply v1 "" 1 {"f:spec": {"f:species": {}}}"#])
        .apply("controller status", status.clone())
        .owners(&[
            r#"user Apply v1 "" 1 {"f:spec": {"f:species": {}}}"#,
            r#"controller Apply v1 status 2 {"f:status": {"f:phase": {}}}"#,
        ])
        .refuses(
            "other status",
            json!({"status": {"phase": "Gone"}}),
            "Apply failed with 1 conflict: conflict with \"controller\" with subresource \"status\": .status.phase",
        );
    Story::default()
        .put("one", json!({"spec": {"species": "robin"}, "status": {"phase": "Ignored"}}))
        .put("two status", status)
        .owners(&[
            r#"one Update v1 "" 1 {"f:spec": {".": {}, "f:color": {}, "f:replicas": {}, "f:species": {}}}"#,
            r#"two Update v1 status 2 {"f:status": {"f:phase": {}}}"#,
        ]);
}

#[test]
fn managers_that_a_client_sends_count() {
    let sent = |entries: Value| json!({"metadata": {"managedFields": entries}, "spec": {"species": "robin"}});
    const MAKER: &str =
        r#"maker Update v1 "" 1 {"f:spec": {".": {}, "f:color": {}, "f:replicas": {}, "f:species": {}}}"#;
    const OTHER: &str = r#"other Apply v1 "" 7 {"f:spec": {"f:species": {}}}"#;
    let check = |entries: Value, owners: &[&str]| {
        Story::default().put("maker", sent(json!(null))).put("two", sent(entries)).owners(owners);
    };
    check(json!(null), &[MAKER]);
    check(json!([entry(OTHER)]), &[OTHER]);
    check(json!([]), &[]);
    check(json!([{}]), &[]);
    check(json!([{"manager": "", "time": null}]), &[]);
    check(json!([{"manager": "x"}]), &[MAKER]);
    check(json!("x"), &[MAKER]);
    Story::default().put("maker", sent(json!(null))).put("two status", sent(json!([]))).owners(&[MAKER]);
    // Nobody is tracked again before the next apply, which finds one owner for all that is there.
    Story::default()
        .put("maker", sent(json!(null)))
        .put("two", sent(json!([])))
        .put("two", json!({"spec": {"species": "wren"}}))
        .owners(&[])
        .apply("one", json!({"spec": {"species": "wren"}}))
        .owners(&[
            r#"one Apply v1 "" - {"f:spec": {"f:species": {}}}"#,
            r#"before-first-apply Update v1 "" 4 {"f:spec": {".": {}, "f:color": {}, "f:replicas": {}, "f:species": {}}}"#,
        ]);
}

#[test]
fn fields_are_owned_in_the_version_in_which_they_were_written() {
    Story::default()
        .apply("one", json!({"spec": {"species": "robin"}}))
        .apply("two v1alpha1", json!({"spec": {"wingspanCm": 4}}))
        .refuses(
            "two v1alpha1",
            json!({"spec": {"species": "wren"}}),
            "Apply failed with 1 conflict: conflict with \"one\": .spec.species",
        )
        .apply("two", json!({"spec": {"color": "red"}}))
        .spec(json!({"species": "robin", "color": "red", "replicas": 1}))
        .put("three v1alpha1", json!({"spec": {"species": "wren", "color": "red"}}))
        .owners(&[
            r#"two Apply v1 "" 4 {"f:spec": {"f:color": {}}}"#,
            r#"three Update v1alpha1 "" 5 {"f:spec": {"f:species": {}}}"#,
        ]);
    let gone = entry(r#"old Apply v0 "" 1 {"f:spec": {"f:species": {}}}"#);
    Story::default()
        .put("maker", json!({"spec": {"species": "robin"}}))
        .put("maker", json!({"metadata": {"managedFields": [gone]}, "spec": {"species": "wren"}}))
        .owners(&[r#"maker Update v1 "" 2 {"f:spec": {"f:species": {}}}"#]);
}

#[test]
fn a_list_that_became_one_value_is_owned_as_one() {
    let old =
        entry(r#"old Apply v1 "" 1 {"f:spec": {"f:diet": {"f:primary": {}}, "f:schedule": {"i:0": {"f:day": {}}}}}"#);
    let spec = json!({"diet": {"primary": "x"}, "schedule": [{"day": "mon"}]});
    Story::default()
        .put("maker", json!({ "spec": spec }))
        .put("maker", json!({"metadata": {"managedFields": [old]}, "spec": spec}))
        .owners(&[r#"old Apply v1 "" 1 {"f:spec": {"f:diet": {}, "f:schedule": {}}}"#]);
}

#[test]
fn the_oldest_of_many_updaters_become_one() {
    let mut story = Story::default();
    let mut tags = serde_json::Map::new();
    for index in 0..12 {
        tags.insert(format!("t{index:02}"), "x".into());
        story.put(&format!("m{index:02}"), json!({"spec": { "tags": tags }}));
    }
    let entries = managed_fields(story.live.as_ref().expect("an object")).and_then(Value::as_array).expect("entries");
    let managers: Vec<_> = entries.iter().map(|entry| entry["manager"].as_str().unwrap_or_default()).collect();
    assert_eq!(managers, ["ancient-changes", "m03", "m04", "m05", "m06", "m07", "m08", "m09", "m10", "m11"]);
    let expect = entry(
        r#"ancient-changes Update v1 "" 3 {"f:spec": {
        ".": {}, "f:color": {}, "f:replicas": {}, "f:tags": {".": {}, "f:t00": {}, "f:t01": {}, "f:t02": {}}
    }}"#,
    );
    assert_eq!(entries[0], expect);
}

#[test]
fn kubectl_takes_over_what_it_applied_from_the_client_side() {
    const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let last = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": "a"},
        "spec": {"species": "robin", "color": "red"},
    });
    let live = json!({
        "metadata": {"annotations": {ANNOTATION: last.to_string()}},
        "spec": {"species": "robin", "color": "blue", "replicas": 2},
    });
    let mut story = Story::default();
    story
        .put("kubectl-client-side-apply", live)
        .refuses(
            "someone",
            json!({"spec": {"species": "wren"}}),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using demo.example.com/v1: \
             .spec.species",
        )
        // The color was changed since by somebody else.
        .refuses(
            "kubectl",
            json!({"spec": {"species": "wren", "color": "green"}}),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using demo.example.com/v1: \
             .spec.color",
        )
        .apply("kubectl", json!({"spec": {"species": "<wren>"}}))
        .spec(json!({"species": "<wren>", "color": "blue", "replicas": 2}));
    let annotation =
        |story: &Story| story.live.as_ref().expect("an object")["metadata"]["annotations"][ANNOTATION].clone();
    assert_eq!(
        annotation(&story),
        "{\"apiVersion\":\"demo.example.com/v1\",\"kind\":\"Bird\",\"metadata\":{\"name\":\"a\"},\
         \"spec\":{\"species\":\"\\u003cwren\\u003e\"}}\n"
    );
    story.apply("someone", json!({"spec": {"wingspanCm": 1}}));
    assert!(annotation(&story).as_str().is_some_and(|text| text.contains("wren")));
    story.force("kubectl", json!({"spec": {"species": "x".repeat(300_000)}}));
    assert_eq!(annotation(&story), json!(null));
}

#[test]
fn what_cannot_be_tracked_is_not() {
    let (kind, fields) = &*BIRDS;
    let writer = Writer { manager: "one", subresource: "", version: kind.storage_version(), now: &now(1) };
    let mut new = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "spec": {"species": 5},
        "metadata": {"name": "a", "managedFields": [entry(r#"m Apply v1 "" 1 {"f:spec": {}}"#)]},
    });
    fields.update(&writer, None, &mut new);
    assert_eq!(new["metadata"], json!({"name": "a"}));
    let mut odd = json!({"metadata": 5});
    fields.update(&writer, None, &mut odd);
    assert_eq!(odd, json!({"metadata": 5}));
    assert!(is_valid(&odd) && is_valid(&json!(null)));
    assert!(!is_valid(&json!({"metadata": {"managedFields": [{"operation": "Delete"}]}})));
}
