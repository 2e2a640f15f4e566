//! Whether somebody may do already what they are about to allow. Nobody can give away more than they have, or whoever
//! may write roles could do everything. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>

use std::fmt::Write;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::rule::{ALL, given, is_path};

/// What of `wanted` is not among `held`, in single rights; empty when all of it is.
pub fn uncovered<'a>(held: impl Iterator<Item = &'a PolicyRule> + Clone, wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut missing = Vec::new();
    for rule in wanted {
        for right in rights(rule) {
            if !held.clone().any(|held| covers(held, &right)) {
                missing.push(right.to_rule());
            }
        }
    }
    missing
}

/// Rights as an error lists them: those that differ in their verb alone are one line, and lines are sorted.
pub fn describe(rights: Vec<PolicyRule>) -> String {
    let mut compact: Vec<PolicyRule> = Vec::new();
    for right in rights {
        let same = |rule: &&mut PolicyRule| {
            given(&right.resource_names).is_empty()
                && given(&right.non_resource_urls).is_empty()
                && (&rule.api_groups, &rule.resources) == (&right.api_groups, &right.resources)
                && (&rule.resource_names, &rule.non_resource_urls) == (&right.resource_names, &right.non_resource_urls)
        };
        match compact.iter_mut().find(same) {
            Some(rule) => rule.verbs.extend(right.verbs),
            None => compact.push(right),
        }
    }
    let mut lines: Vec<String> = compact.iter().map(line).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.join("\n")
}

/// Texts as Go's `%q` writes a list of them.
pub fn quoted(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", texts.join(" "))
}

/// One verb on one thing.
enum Right<'a> {
    Resource { verb: &'a str, group: &'a str, resource: &'a str, name: Option<&'a str> },
    Path { verb: &'a str, path: &'a str },
}

impl Right<'_> {
    fn to_rule(&self) -> PolicyRule {
        let one = |text: &str| Some(vec![text.to_owned()]);
        match *self {
            Right::Resource { verb, group, resource, name } => PolicyRule {
                verbs: vec![verb.into()],
                api_groups: one(group),
                resources: one(resource),
                resource_names: name.and_then(one),
                non_resource_urls: None,
            },
            Right::Path { verb, path } => {
                PolicyRule { verbs: vec![verb.into()], non_resource_urls: one(path), ..PolicyRule::default() }
            }
        }
    }
}

/// The single rights of a rule.
fn rights(rule: &PolicyRule) -> Vec<Right<'_>> {
    let mut all = Vec::new();
    let names: Vec<Option<&str>> = match given(&rule.resource_names) {
        [] => vec![None],
        names => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    for group in given(&rule.api_groups) {
        for resource in given(&rule.resources) {
            for verb in &rule.verbs {
                all.extend(names.iter().map(|name| Right::Resource { verb, group, resource, name: *name }));
            }
        }
    }
    for path in given(&rule.non_resource_urls) {
        all.extend(rule.verbs.iter().map(|verb| Right::Path { verb, path }));
    }
    all
}

fn covers(held: &PolicyRule, right: &Right<'_>) -> bool {
    let has = |list: &[String], one: &str| list.iter().any(|held| held == ALL || held == one);
    match *right {
        Right::Path { verb, path } => {
            has(&held.verbs, verb) && given(&held.non_resource_urls).iter().any(|held| is_path(held, path))
        }
        Right::Resource { verb, group, resource, name } => {
            let names = given(&held.resource_names);
            has(&held.verbs, verb)
                && has(given(&held.api_groups), group)
                && given(&held.resources).iter().any(|held| covers_resource(held, resource))
                && (names.is_empty() || name.is_some_and(|name| names.iter().any(|held| held == name)))
        }
    }
}

fn covers_resource(held: &str, resource: &str) -> bool {
    let part = |text: &str| text.split_once('/').map(|(_, part)| part.to_owned());
    held == ALL || held == resource || (held.starts_with("*/") && part(held) == part(resource))
}

fn line(rule: &PolicyRule) -> String {
    let lists = [
        ("APIGroups", given(&rule.api_groups)),
        ("Resources", given(&rule.resources)),
        ("NonResourceURLs", given(&rule.non_resource_urls)),
        ("ResourceNames", given(&rule.resource_names)),
        ("Verbs", &rule.verbs),
    ];
    let mut text = String::from("{");
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        let separator = if text.len() > 1 { ", " } else { "" };
        let _ = write!(text, "{separator}{name}:{}", quoted(list)); // writing to a String cannot fail
    }
    text + "}"
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules;
    use super::*;

    #[test]
    fn what_is_held_may_be_given() {
        check("get,list g birds", "get g birds; list g birds", "");
        check("get g birds; list g birds", "get,list g birds", "");
        check("* * *; * *", "delete g birds/status robin; post /metrics; * * *; * *", "");
        check("get g birds", "get g birds robin", "");
        check("get g */status", "get g birds/status", "");
        check("get /healthz*", "get /healthz/*; get /healthz", "");
        check("", "", "");
    }

    #[test]
    fn what_is_not_held_is_told() {
        check("", "get,list g birds", r#"{APIGroups:["g"], Resources:["birds"], Verbs:["get" "list"]}"#);
        check("get g birds", "get,list g birds", r#"{APIGroups:["g"], Resources:["birds"], Verbs:["list"]}"#);
        check(
            "get g birds robin",
            "get g birds wren; get g birds",
            "{APIGroups:[\"g\"], Resources:[\"birds\"], ResourceNames:[\"wren\"], Verbs:[\"get\"]}\n\
             {APIGroups:[\"g\"], Resources:[\"birds\"], Verbs:[\"get\"]}",
        );
        check("get g *", "get * birds", r#"{APIGroups:["*"], Resources:["birds"], Verbs:["get"]}"#);
        check("get g */status", "get g status", r#"{APIGroups:["g"], Resources:["status"], Verbs:["get"]}"#);
        check("get /healthz/*", "get /healthz", r#"{NonResourceURLs:["/healthz"], Verbs:["get"]}"#);
    }

    #[track_caller]
    fn check(held: &str, wanted: &str, expected: &str) {
        let missing = uncovered(rules(held).iter(), &rules(wanted));
        assert_eq!(describe(missing), expected, "{held} for {wanted}");
    }
}
