//! What a configuration of webhooks may say. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/admissionregistration/validation/validation.go>
//!
//! What was wrong already before an update is let pass where Kubernetes lets it: the rules have become stricter over
//! time, and objects must not become such that nobody can change them.

use std::collections::HashSet;

use serde_json::Value;

use super::webhook_client_checks;
use crate::field::{self, labels};
use crate::schema::Condition;

/// The versions of AdmissionReview that this server speaks.
const REVIEW_VERSIONS: [&str; 1] = ["v1"];
const SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const CONDITIONS_MAX: usize = 64;

/// Reports what is wrong with a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration.
pub fn check(object: &Value, old: Option<&Value>, errors: &mut field::Errors) {
    let leniency = old.map(Leniency::of).unwrap_or_default();
    let mut names = HashSet::new();
    for (index, hook) in hooks(object).iter().enumerate() {
        let at = format!("webhooks[{index}]");
        let same_conditions = old.is_some_and(|old| {
            hooks(old).len() == hooks(object).len()
                && hooks(old).get(index).is_some_and(|old| old["matchConditions"] == hook["matchConditions"])
        });
        check_hook(hook, &at, leniency, same_conditions, errors);
        let name = text(hook, "name");
        if !leniency.names && !name.is_empty() && !names.insert(name) {
            errors.duplicate(format!("{at}.name"), name);
        }
    }
}

/// What the old object has got away with.
#[derive(Clone, Copy, Debug, Default)]
struct Leniency {
    side_effects: bool,
    review_versions: bool,
    names: bool,
    selectors: bool,
}

impl Leniency {
    fn of(old: &Value) -> Self {
        let mut names = HashSet::new();
        let mut leniency = Self::default();
        for hook in hooks(old) {
            leniency.names |= !names.insert(text(hook, "name"));
            leniency.side_effects |= !SIDE_EFFECTS.contains(&text(hook, "sideEffects"));
            let versions = texts(hook, "admissionReviewVersions");
            leniency.review_versions |=
                !versions.is_empty() && !versions.iter().any(|version| REVIEW_VERSIONS.contains(version));
            let mut errors = field::Errors::default();
            check_selectors(hook, "", &mut errors);
            leniency.selectors |= !errors.is_empty();
        }
        leniency
    }
}

fn check_hook(hook: &Value, at: &str, leniency: Leniency, same_conditions: bool, errors: &mut field::Errors) {
    check_name(text(hook, "name"), &format!("{at}.name"), errors);
    for (index, rule) in list(hook, "rules").iter().enumerate() {
        check_rule(rule, &format!("{at}.rules[{index}]"), errors);
    }
    one_of(hook, "failurePolicy", &["Fail", "Ignore"], at, errors);
    one_of(hook, "matchPolicy", &["Equivalent", "Exact"], at, errors);
    match text(hook, "sideEffects") {
        "" => errors.required(format!("{at}.sideEffects"), format!("must specify one of {}", SIDE_EFFECTS.join(", "))),
        _ if leniency.side_effects => {
            one_of(hook, "sideEffects", &["None", "NoneOnDryRun", "Some", "Unknown"], at, errors);
        }
        _ => one_of(hook, "sideEffects", &SIDE_EFFECTS, at, errors),
    }
    if let Some(seconds) = hook["timeoutSeconds"].as_i64().filter(|seconds| !(1..=30).contains(seconds)) {
        let problem = "the timeout value must be between 1 and 30 seconds";
        errors.invalid(format!("{at}.timeoutSeconds"), seconds, problem);
    }
    if !leniency.selectors {
        check_selectors(hook, &format!("{at}."), errors);
    }
    one_of(hook, "reinvocationPolicy", &["IfNeeded", "Never"], at, errors);
    webhook_client_checks::check(&hook["clientConfig"], &format!("{at}.clientConfig"), errors);
    if !same_conditions {
        check_conditions(list(hook, "matchConditions"), &format!("{at}.matchConditions"), errors);
    }
    check_review_versions(hook, leniency, &format!("{at}.admissionReviewVersions"), errors);
}

/// A name of at least three labels. Source: `IsFullyQualifiedName` in
/// <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/validation/validation.go>
fn check_name(name: &str, at: &str, errors: &mut field::Errors) {
    if name.is_empty() {
        return errors.required(at, "");
    }
    let problems = labels::dns_subdomain(name);
    if !problems.is_empty() {
        return errors.invalid(at, name, problems.join(","));
    }
    if name.split('.').count() < 3 {
        errors.invalid(at, name, "should be a domain with at least three segments separated by dots");
    }
}

fn check_rule(rule: &Value, at: &str, errors: &mut field::Errors) {
    let only_star = |field: &str, what: &str, errors: &mut field::Errors| {
        let items = texts(rule, field);
        if items.is_empty() {
            errors.required(format!("{at}.{field}"), "");
        } else if items.len() > 1 && items.contains(&"*") {
            let problem = format!("if '*' is present, must not specify other {what}");
            errors.invalid(format!("{at}.{field}"), &items, problem);
        }
        items
    };
    for (index, operation) in only_star("operations", "operations", errors).into_iter().enumerate() {
        if !OPERATIONS.contains(&operation) {
            errors.not_supported(format!("{at}.operations[{index}]"), operation, &OPERATIONS);
        }
    }
    only_star("apiGroups", "API groups", errors);
    for (index, version) in only_star("apiVersions", "API versions", errors).into_iter().enumerate() {
        if version.is_empty() {
            errors.required(format!("{at}.apiVersions[{index}]"), "");
        }
    }
    check_resources(&texts(rule, "resources"), &format!("{at}.resources"), errors);
    one_of(rule, "scope", &["*", "Cluster", "Namespaced"], at, errors);
}

fn check_resources(resources: &[&str], at: &str, errors: &mut field::Errors) {
    if resources.is_empty() {
        errors.required(at, "");
    }
    let (mut all_of, mut in_all) = (HashSet::new(), HashSet::new());
    let mut plain = false;
    for (index, both) in resources.iter().enumerate() {
        let here = || format!("{at}[{index}]");
        match both.split_once('/') {
            _ if both.is_empty() => errors.required(here(), ""),
            None => plain |= *both != "*",
            Some((resource, subresource)) => {
                if all_of.contains(resource) {
                    errors.invalid(here(), both, format!("if '{resource}/*' is present, must not specify {both}"));
                }
                if in_all.contains(subresource) {
                    errors.invalid(here(), both, format!("if '*/{subresource}' is present, must not specify {both}"));
                }
                if subresource == "*" {
                    all_of.insert(resource);
                }
                if resource == "*" {
                    in_all.insert(subresource);
                }
            }
        }
    }
    if resources.len() > 1 && resources.contains(&"*/*") {
        errors.invalid(at, resources, "if '*/*' is present, must not specify other resources");
    }
    if resources.contains(&"*") && plain {
        errors.invalid(at, resources, "if '*' is present, must not specify other resources without subresources");
    }
}

fn check_selectors(hook: &Value, at: &str, errors: &mut field::Errors) {
    for field in ["namespaceSelector", "objectSelector"] {
        check_selector(&hook[field], &format!("{at}{field}"), errors);
    }
}

/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/validation/validation.go>
pub(super) fn check_selector(selector: &Value, at: &str, errors: &mut field::Errors) {
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        let at = format!("{at}.matchLabels");
        let value = value.as_str().unwrap_or_default();
        labels::qualified_name(key).into_iter().for_each(|problem| errors.invalid(&at, key, problem));
        labels::label_value(value).into_iter().for_each(|problem| errors.invalid(&at, value, problem));
    }
    for (index, term) in list(selector, "matchExpressions").iter().enumerate() {
        let at = format!("{at}.matchExpressions[{index}]");
        let values = texts(term, "values");
        match text(term, "operator") {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.required(format!("{at}.values"), detail);
            }
            "In" | "NotIn" => {}
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.forbidden(format!("{at}.values"), detail);
            }
            "Exists" | "DoesNotExist" => {}
            other => errors.invalid(format!("{at}.operator"), other, "not a valid selector operator"),
        }
        let key = text(term, "key");
        labels::qualified_name(key).into_iter().for_each(|problem| errors.invalid(format!("{at}.key"), key, problem));
        for (index, value) in values.iter().enumerate() {
            let problems = labels::label_value(value).into_iter();
            problems.for_each(|problem| errors.invalid(format!("{at}.values[{index}]"), value, problem));
        }
    }
}

fn check_conditions(conditions: &[Value], at: &str, errors: &mut field::Errors) {
    if conditions.len() > CONDITIONS_MAX {
        errors.too_many(at, conditions.len(), CONDITIONS_MAX);
    }
    let mut names = HashSet::new();
    for (index, condition) in conditions.iter().enumerate() {
        let at = format!("{at}[{index}]");
        match text(condition, "expression").trim() {
            "" => errors.required(format!("{at}.expression"), ""),
            expression => {
                if let Err(problem) = Condition::compile(expression) {
                    errors.invalid(format!("{at}.expression"), expression, problem);
                }
            }
        }
        match text(condition, "name") {
            "" => errors.required(format!("{at}.name"), ""),
            name => {
                let problems = labels::qualified_name(name).into_iter();
                problems.for_each(|problem| errors.invalid(format!("{at}.name"), name, problem));
                if !names.insert(name) {
                    errors.duplicate(format!("{at}.name"), name);
                }
            }
        }
    }
}

fn check_review_versions(hook: &Value, leniency: Leniency, at: &str, errors: &mut field::Errors) {
    let versions = texts(hook, "admissionReviewVersions");
    if versions.is_empty() {
        return errors.required(at, format!("must specify one of {}", REVIEW_VERSIONS.join(", ")));
    }
    let mut seen = HashSet::new();
    for (index, version) in versions.iter().enumerate() {
        if !seen.insert(version) {
            errors.invalid(format!("{at}[{index}]"), version, "duplicate version");
        }
    }
    if !leniency.review_versions && !versions.iter().any(|version| REVIEW_VERSIONS.contains(version)) {
        errors.invalid(at, &versions, format!("must include at least one of {}", REVIEW_VERSIONS.join(", ")));
    }
}

fn one_of(object: &Value, field: &str, known: &[&str], at: &str, errors: &mut field::Errors) {
    let Some(value) = object[field].as_str() else { return };
    if !known.contains(&value) {
        errors.not_supported(format!("{at}.{field}"), value, known);
    }
}

fn hooks(object: &Value) -> &[Value] {
    list(object, "webhooks")
}

fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn texts<'a>(object: &'a Value, field: &str) -> Vec<&'a str> {
    list(object, field).iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "name": "mbird.demo.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": { "url": "https://127.0.0.1:9443/mutate" },
            "rules": [{ "operations": ["CREATE"], "apiGroups": ["demo.example.com"], "apiVersions": ["v1"],
                "resources": ["birds"] }],
        })
    }

    /// A webhook with other fields; what is wrong with them.
    fn check_with(changes: Value, expected: &[&str]) {
        let mut hook = good();
        for (path, value) in changes.as_object().unwrap() {
            match path.split_once('.') {
                Some(("rules", inner)) => hook["rules"][0][inner] = value.clone(),
                Some((outer, inner)) => hook[outer][inner] = value.clone(),
                None => hook[path] = value.clone(),
            }
        }
        let mut errors = field::Errors::default();
        check(&json!({ "webhooks": [hook] }), None, &mut errors);
        let found: Vec<String> = errors.iter().map(|error| error.to_string().replace("webhooks[0].", "")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_webhook_says_enough() {
        check_with(json!({}), &[]);
        check_with(json!({"name": ""}), &["name: Required value"]);
        check_with(
            json!({"name": "a.b"}),
            &[r#"name: Invalid value: "a.b": should be a domain with at least three segments separated by dots"#],
        );
        check_with(
            json!({"sideEffects": null}),
            &["sideEffects: Required value: must specify one of None, NoneOnDryRun"],
        );
        check_with(
            json!({"sideEffects": "Some"}),
            &[r#"sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun""#],
        );
        check_with(
            json!({"timeoutSeconds": 31}),
            &["timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"],
        );
        check_with(
            json!({"admissionReviewVersions": ["v1beta1"]}),
            &[r#"admissionReviewVersions: Invalid value: ["v1beta1"]: must include at least one of v1"#],
        );
        check_with(
            json!({"failurePolicy": "Maybe"}),
            &[r#"failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore""#],
        );
    }

    #[test]
    fn rules_do_not_contradict_themselves() {
        check_with(json!({"rules.operations": []}), &["rules[0].operations: Required value"]);
        check_with(
            json!({"rules.apiGroups": ["*", "apps"]}),
            &[
                r#"rules[0].apiGroups: Invalid value: ["*","apps"]: if '*' is present, must not specify other API groups"#,
            ],
        );
        check_with(
            json!({"rules.resources": ["birds/*", "birds/status"]}),
            &[
                r#"rules[0].resources[1]: Invalid value: "birds/status": if 'birds/*' is present, must not specify birds/status"#,
            ],
        );
        check_with(
            json!({"rules.operations": ["GET"]}),
            &[
                r#"rules[0].operations[0]: Unsupported value: "GET": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE""#,
            ],
        );
    }

    #[test]
    fn selectors_and_conditions_are_read() {
        check_with(
            json!({"objectSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            &[
                "objectSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
            ],
        );
        check_with(
            json!({"matchConditions": [{"name": "big", "expression": "1 + 1"}, {"name": "big", "expression": "true"}]}),
            &[
                r#"matchConditions[0].expression: Invalid value: "1 + 1": must evaluate to bool but got int"#,
                r#"matchConditions[1].name: Duplicate value: "big""#,
            ],
        );
    }

    #[test]
    fn what_was_wrong_already_may_stay() {
        let mut old = good();
        old["sideEffects"] = "Some".into();
        old["matchConditions"] = json!([{"name": "a", "expression": "nonsense"}]);
        let old = json!({ "webhooks": [old] });
        let mut errors = field::Errors::default();
        check(&old, Some(&old), &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        check(&old, None, &mut errors);
        assert_eq!(errors.len(), 2);
        let mut twice = field::Errors::default();
        check(&json!({ "webhooks": [good(), good()] }), None, &mut twice);
        assert_eq!(
            twice.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [r#"webhooks[1].name: Duplicate value: "mbird.demo.example.com""#]
        );
    }
}
