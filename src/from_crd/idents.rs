//! Names for types, fields and variants, from names of properties and values that know nothing of Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};

use crate::names;

/// The words of a name in UpperCamelCase, one after the other: `caBundleRef` gives `Ca`, `Bundle`, `Ref`. What no
/// identifier can hold is left out.
pub fn words(name: &str) -> Vec<String> {
    let legal: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    legal.to_snake_case().split('_').filter(|word| !word.is_empty()).map(|word| word.to_upper_camel_case()).collect()
}

/// One of many: `addresses` gives `address`. Words that are singular already stay.
pub fn singular(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let cut = |end: usize, with: &str| format!("{}{with}", &name[..name.len() - end]);
    if lower.ends_with("ies") && lower.len() > 4 {
        cut(3, "y")
    } else if ["sses", "xes", "shes", "tches", "nches"].iter().any(|end| lower.ends_with(end)) {
        cut(2, "")
    } else if lower.ends_with('s') && !["ss", "us", "is", "dns", "tls", "as"].iter().any(|end| lower.ends_with(end)) {
        cut(1, "")
    } else {
        name.to_owned()
    }
}

/// A name for a type of these words. None may start with a digit.
pub fn type_name(words: &[String]) -> String {
    let name = words.concat();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) { format!("Type{name}") } else { name }
}

/// A field, and the name that its struct's `rename_all = "camelCase"` gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldName {
    /// As code writes it: `host_ip`, `r#type`.
    pub ident: String,
    /// What serde makes of it.
    pub camel: String,
}

/// Fields for properties of these names, in their order, none of them twice.
pub fn fields(properties: &[&str], taken: &[&str]) -> Vec<FieldName> {
    let mut seen: Vec<String> = Vec::new();
    let field = |property: &&str| {
        let legal: String = property.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
        let mut snake = legal.to_snake_case();
        if snake.is_empty() {
            snake = "field".to_owned();
        }
        if snake.starts_with(|c: char| c.is_ascii_digit()) {
            snake.insert(0, '_');
        }
        if taken.contains(&snake.as_str()) {
            snake.push('_');
        }
        let name = distinct(&snake, "_", &seen);
        seen.push(name.clone());
        FieldName { camel: camel(&name), ident: names::ident(&name) }
    };
    properties.iter().map(field).collect()
}

/// Variants for these texts, in their order, none of them twice.
pub fn variants(values: &[String]) -> Vec<String> {
    let mut seen = Vec::new();
    let variant = |value: &String| {
        let mut name = words(value).concat();
        if name.is_empty() {
            name = "Empty".to_owned();
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, 'V');
        }
        if name == "Self" {
            name.push_str("Value");
        }
        let name = distinct(&name, "", &seen);
        seen.push(name.clone());
        name
    };
    values.iter().map(variant).collect()
}

/// The name, or the first of its kind with a number that is not taken.
pub fn distinct(name: &str, separator: &str, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    let numbered = (2..).map(|number| format!("{name}{separator}{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// As serde's `rename_all = "camelCase"` has it for fields.
fn camel(snake: &str) -> String {
    let mut camel = String::new();
    let mut upper = true;
    for c in snake.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                camel.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => camel.push(c),
        }
    }
    let first = camel.chars().next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(camel.chars().skip(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_become_fields() {
        assert_eq!(fields(&["status"], &["status"])[0].ident, "status_");
        let properties = [
            "name",
            "hostIP",
            "hostIPs",
            "type",
            "self",
            "$ref",
            "ref",
            "spec-name",
            "spec_name",
            "0abc",
            "ä",
            "x.y/z",
            "URL",
        ];
        let told: Vec<String> =
            fields(&properties, &["others"]).iter().map(|field| format!("{} {}", field.ident, field.camel)).collect();
        assert_eq!(
            told,
            [
                "name name",
                "host_ip hostIp",
                "host_i_ps hostIPs",
                "r#type type",
                "self_ self",
                "r#ref ref",
                "ref_2 ref2",
                "spec_name specName",
                "spec_name_2 specName2",
                "_0abc 0abc",
                "field field",
                "x_y_z xYZ",
                "url url"
            ]
        );
    }

    #[test]
    fn values_become_variants() {
        let values = ["TCP", "cluster-first", "Cluster_First", "", "1.2", "self", "RSA2048", "a/b"].map(String::from);
        assert_eq!(
            variants(&values),
            ["Tcp", "ClusterFirst", "ClusterFirst2", "Empty", "V12", "SelfValue", "Rsa2048", "AB"]
        );
    }

    #[test]
    fn one_of_many_has_a_name() {
        for (many, one) in [
            ("birds", "bird"),
            ("addresses", "address"),
            ("policies", "policy"),
            ("status", "status"),
            ("boxes", "box"),
            ("matches", "match"),
            ("caches", "cache"),
            ("dns", "dns"),
            ("class", "class"),
            ("hostAliases", "hostAliase"),
        ] {
            assert_eq!(singular(many), one);
        }
        assert_eq!(words("caBundle-refs").join(" "), "Ca Bundle Refs");
        assert_eq!(type_name(&words("3d")), "Type3d");
    }
}
