//! Which requests a webhook wants to see. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/predicates/rules/rules.go>

use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;

use crate::admission::Operation;

/// One rule of a webhook.
#[derive(Debug)]
pub(super) struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// Resources with their subresources, which are empty for the object itself.
    resources: Vec<(String, String)>,
    /// Whether only objects in namespaces are meant, or only those in none.
    namespaced: Option<bool>,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub operation: Operation,
    pub group: &'a str,
    pub version: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    pub namespaced: bool,
}

impl Rule {
    pub fn new(rule: RuleWithOperations) -> Self {
        let resources = rule.resources.unwrap_or_default().into_iter().map(|both| match both.split_once('/') {
            Some((resource, subresource)) => (resource.to_owned(), subresource.to_owned()),
            None => (both, String::new()),
        });
        Self {
            operations: rule.operations.unwrap_or_default(),
            groups: rule.api_groups.unwrap_or_default(),
            versions: rule.api_versions.unwrap_or_default(),
            resources: resources.collect(),
            namespaced: match rule.scope.as_deref() {
                Some("Namespaced") => Some(true),
                Some("Cluster") => Some(false),
                _ => None,
            },
        }
    }

    pub fn matches(&self, asked: Asked<'_>) -> bool {
        let either = |items: &[String], wanted: &str| items.iter().any(|item| item == "*" || item == wanted);
        let is = |item: &str, wanted: &str| item == "*" || item == wanted;
        // A Namespace object is in none, though it names one.
        let namespaced = asked.namespaced && !(asked.group.is_empty() && asked.resource == "namespaces");
        self.namespaced.is_none_or(|wanted| wanted == namespaced)
            && either(&self.operations, asked.operation.name())
            && either(&self.groups, asked.group)
            && either(&self.versions, asked.version)
            && self
                .resources
                .iter()
                .any(|(resource, subresource)| is(resource, asked.resource) && is(subresource, asked.subresource))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule as `OPERATION GROUP VERSION RESOURCE SCOPE`, and a request in the same words.
    fn check(rule: &str, request: &str, expected: bool) {
        let words: Vec<&str> = rule.split(' ').collect();
        let one = |index: usize| Some(words[index].split('|').map(str::to_owned).collect());
        let compiled = Rule::new(RuleWithOperations {
            operations: one(0),
            api_groups: one(1),
            api_versions: one(2),
            resources: one(3),
            scope: Some(words[4].to_owned()),
        });
        let words: Vec<&str> = request.split(' ').collect();
        let operation = serde_json::from_value(words[0].into()).unwrap();
        let (resource, subresource) = words[3].split_once('/').unwrap_or((words[3], ""));
        let (group, version, namespaced) = (words[1], words[2], words[4] == "Namespaced");
        let asked = Asked { operation, group, version, resource, subresource, namespaced };
        assert_eq!(compiled.matches(asked), expected, "{rule} / {request}");
    }

    #[test]
    fn a_star_is_everything_but_no_subresource() {
        let robin = "CREATE demo.example.com v1 birds Namespaced";
        check("CREATE demo.example.com v1 birds *", robin, true);
        check("UPDATE|CREATE demo.example.com|apps v1 nests|birds *", robin, true);
        check("* * * * *", robin, true);
        check("UPDATE demo.example.com v1 birds *", robin, false);
        check("CREATE apps v1 birds *", robin, false);
        check("CREATE demo.example.com v2 birds *", robin, false);
        let status = "UPDATE demo.example.com v1 birds/status Namespaced";
        check("* * * * *", status, false);
        check("* * * */* *", status, true);
        check("* * * birds/* *", status, true);
        check("* * * */status *", status, true);
        check("* * * birds/* *", robin, true);
        check("* * * birds/scale *", status, false);
    }

    #[test]
    fn a_scope_is_about_namespaces() {
        check("* * * * Namespaced", "CREATE demo.example.com v1 birds Namespaced", true);
        check("* * * * Cluster", "CREATE demo.example.com v1 birds Namespaced", false);
        check("* * * * Cluster", "CREATE demo.example.com v1 nests Cluster", true);
        check("* * * * Namespaced", "CREATE demo.example.com v1 nests Cluster", false);
    }
}
