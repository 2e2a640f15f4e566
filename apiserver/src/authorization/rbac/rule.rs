//! One rule of a role, and what it allows. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources>

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::request::info::RequestInfo;

/// Stands for every verb, group, resource or path.
pub(super) const ALL: &str = "*";

/// Whether a rule allows what is asked for.
pub fn allows(rule: &PolicyRule, info: &RequestInfo) -> bool {
    if !has(&rule.verbs, &info.verb) {
        return false;
    }
    if !info.is_resource {
        return given(&rule.non_resource_urls).iter().any(|open| is_path(open, &info.path));
    }
    has(given(&rule.api_groups), &info.group)
        && given(&rule.resources).iter().any(|allowed| is_resource(allowed, &info.resource, &info.subresource))
        && is_name(given(&rule.resource_names), &info.name)
}

/// The entries of a list that may be left out.
pub(super) fn given(list: &Option<Vec<String>>) -> &[String] {
    list.as_deref().unwrap_or_default()
}

fn has(allowed: &[String], asked: &str) -> bool {
    allowed.iter().any(|allowed| allowed == ALL || allowed == asked)
}

/// `birds`, `birds/status`, `*/status`, or everything.
fn is_resource(allowed: &str, resource: &str, subresource: &str) -> bool {
    if allowed == ALL {
        return true;
    }
    match allowed.split_once('/') {
        None => subresource.is_empty() && allowed == resource,
        Some((of, part)) => !subresource.is_empty() && part == subresource && (of == ALL || of == resource),
    }
}

fn is_name(allowed: &[String], asked: &str) -> bool {
    allowed.is_empty() || allowed.iter().any(|allowed| allowed == asked)
}

/// Exactly that path; one that ends in `*` stands for all that begin so.
pub(super) fn is_path(open: &str, path: &str) -> bool {
    open == path || (open.ends_with('*') && path.starts_with(open.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;

    #[test]
    fn a_resource_is_meant_by_group_verb_and_name() {
        let birds = "get,list demo.example.com birds";
        check(birds, "get /apis/demo.example.com/v1/birds/robin", true);
        check(birds, "get /apis/demo.example.com/v2/namespaces/n/birds", true);
        check(birds, "put /apis/demo.example.com/v1/birds/robin", false);
        check(birds, "get /apis/other.example.com/v1/birds/robin", false);
        check(birds, "get /apis/demo.example.com/v1/nests/robin", false);
        check("get - pods", "get /api/v1/namespaces/n/pods/a", true);
        check("get - pods", "get /apis/demo.example.com/v1/pods/a", false);
        check("* * *", "delete /apis/demo.example.com/v1/birds/robin", true);
        check("* * *", "get /metrics", false);
    }

    #[test]
    fn a_subresource_is_a_right_of_its_own() {
        let status = "get /apis/g/v1/birds/robin/status";
        check("get g birds", status, false);
        check("get g birds/status", status, true);
        check("get g birds/status", "get /apis/g/v1/birds/robin", false);
        check("get g */status", status, true);
        check("get g */scale", status, false);
        check("get g */", "get /apis/g/v1/birds/robin", false);
        check("get g *", status, true);
        check("get g birds/*", status, false);
    }

    #[test]
    fn a_name_can_be_asked_for_and_nothing_has_none() {
        let robin = "get,list,create g birds robin";
        check(robin, "get /apis/g/v1/birds/robin", true);
        check(robin, "get /apis/g/v1/birds/wren", false);
        check(robin, "get /apis/g/v1/birds", false);
        check(robin, "get /apis/g/v1/birds?fieldSelector=metadata.name%3Drobin", true);
        check(robin, "post /apis/g/v1/birds", false);
    }

    #[test]
    fn a_path_may_end_in_a_star() {
        check("get /metrics", "get /metrics", true);
        check("get /metrics", "get /metrics/slis", false);
        check("get /healthz/*", "get /healthz/etcd", true);
        check("get /healthz/*", "get /healthz", false);
        check("get /api*", "get /apis", true);
        check("* *", "post /metrics", true);
        check("* *", "get /apis/g/v1/birds", false);
    }

    #[track_caller]
    fn check(text: &str, request: &str, expected: bool) {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let method = method.to_uppercase().parse().expect("a method");
        let info = RequestInfo::new(&method, path, query).expect("a path");
        assert_eq!(allows(&rule(text), &info), expected, "{text}: {request}");
    }
}
