//! What names, labels and qualified names may look like, in the words of Kubernetes. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/validation/validation.go>

/// Why a text is no DNS-1123 subdomain; empty when it is one.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 253 {
        problems.push("must be no more than 253 bytes".into());
    }
    if !text.split('.').all(|label| is_delimited(label, |c| c.is_ascii_lowercase() || c.is_ascii_digit(), b"-")) {
        problems.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .into(),
        );
    }
    problems
}

/// Why a text is no DNS-1123 label, as the name of a namespace is one; empty when it is one.
pub fn dns_label(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push("must be no more than 63 bytes".into());
    }
    if !is_delimited(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit(), b"-") {
        problems.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .into(),
        );
    }
    problems
}

/// Why a text is no qualified name, such as a label's key; empty when it is one.
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => return vec![QUALIFIED.into()],
        Some(("", name)) => {
            problems.push("prefix part must be non-empty".into());
            name
        }
        Some((prefix, name)) => {
            problems.extend(dns_subdomain(prefix).into_iter().map(|problem| format!("prefix part {problem}")));
            name
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        problems.push("name part must be no more than 63 bytes".into());
    }
    if !is_delimited(name, |c| c.is_ascii_alphanumeric(), b"-_.") {
        problems.push(format!("name part {NAME}"));
    }
    problems
}

/// Why a text is no label value; empty when it is one.
pub fn label_value(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push("must be no more than 63 bytes".into());
    }
    if !text.is_empty() && !is_delimited(text, |c| c.is_ascii_alphanumeric(), b"-_.") {
        problems.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
             for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .into(),
        );
    }
    problems
}

const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
                    is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start \
                         and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex \
                         used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS \
                         subdomain prefix and '/' (e.g. 'example.com/MyName')";

/// Not empty, of `inner` characters, with `between` allowed anywhere but at the ends.
fn is_delimited(text: &str, inner: impl Fn(char) -> bool, between: &[u8]) -> bool {
    let ends = |c: Option<char>| c.is_some_and(&inner);
    ends(text.chars().next())
        && ends(text.chars().next_back())
        && text.chars().all(|c| inner(c) || u8::try_from(c).is_ok_and(|c| between.contains(&c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_subdomains() {
        for good in ["a", "robin-1", "a.b.c", "0"] {
            assert!(dns_subdomain(good).is_empty(), "{good}");
        }
        for bad in ["", "Bad_Name", "a/b", "-dash", "a..b", "é"] {
            assert_eq!(dns_subdomain(bad).len(), 1, "{bad}");
        }
        assert_eq!(dns_subdomain(&"a".repeat(254)), ["must be no more than 253 bytes"]);
    }

    #[test]
    fn namespaces_are_dns_labels() {
        for good in ["a", "kube-system", "0"] {
            assert!(dns_label(good).is_empty(), "{good}");
        }
        for bad in ["", "Forest", "a.b", "a?b", "-dash"] {
            assert_eq!(dns_label(bad).len(), 1, "{bad}");
        }
        assert_eq!(dns_label(&"a".repeat(64)), ["must be no more than 63 bytes"]);
    }

    #[test]
    fn label_keys_are_qualified_names() {
        for good in ["a", "A_b.c", "example.com/x", "a-b/C"] {
            assert!(qualified_name(good).is_empty(), "{good}");
        }
        for bad in ["", "bad key", "/x", "a/b/c", "example.com/", "Bad/x"] {
            assert!(!qualified_name(bad).is_empty(), "{bad}");
        }
        assert!(label_value("").is_empty() && label_value("a.b").is_empty());
        assert!(!label_value("not ok!").is_empty() && !label_value(&"a".repeat(64)).is_empty());
    }
}
