//! How names of fields that are no names in CEL are written there.
//! Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/escaping.go>

use std::borrow::Cow;

/// Words of CEL. A field of such a name is written between double underscores.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Characters that are spelled out.
const SPELLED: [(&str, &str); 4] = [("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__")];

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The name of a field in expressions; none where it cannot have one.
pub(super) fn escape(name: &str) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if is_reserved(name) {
        return Some(format!("__{name}__").into());
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/')) {
        return None;
    }
    if !SPELLED.iter().any(|(raw, _)| name.contains(raw)) {
        return Some(name.into());
    }
    let mut out = String::new();
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        match SPELLED.iter().find(|(raw, _)| rest.starts_with(raw)) {
            Some((raw, spelled)) => {
                out.push_str(spelled);
                rest = &rest[raw.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Some(out.into())
}

/// The name of a field in JSON; none where the escapes are wrong.
pub(super) fn unescape(name: &str) -> Option<Cow<'_, str>> {
    if !name.contains("__") {
        return Some(name.into());
    }
    if let Some(word) = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"))
        && is_reserved(word)
    {
        return Some(word.into());
    }
    let mut out = String::new();
    let mut rest = name;
    while let Some(start) = rest.find("__") {
        let Some(end) = rest[start + 2..].find('_').filter(|end| *end > 0) else {
            // Underscores that begin nothing; the first may be in front of two that do.
            out.push_str(&rest[..=start]);
            rest = &rest[start + 1..];
            continue;
        };
        let word = &rest[start + 2..start + 2 + end];
        let after = &rest[start + 2 + end..];
        let Some(after) = after.strip_prefix("__") else {
            out.push_str(&rest[..start + 2 + end]);
            rest = after;
            continue;
        };
        let spelled = &rest[start..start + end + 4];
        let (raw, _) = SPELLED.iter().find(|(_, found)| *found == spelled && !is_reserved(word))?;
        out.push_str(&rest[..start]);
        out.push_str(raw);
        rest = after;
    }
    out.push_str(rest);
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_back() {
        for (name, escaped) in [
            ("a", "a"),
            ("fooBar_1", "fooBar_1"),
            ("namespace", "__namespace__"),
            ("in", "__in__"),
            ("a-b", "a__dash__b"),
            ("a.b/c", "a__dot__b__slash__c"),
            ("a__b", "a__underscores__b"),
            ("a__b__c", "a__underscores__b__underscores__c"),
            ("__", "__underscores__"),
            ("-if", "__dash__if"),
            ("_a_b_", "_a_b_"),
            ("x-kubernetes.io/y", "x__dash__kubernetes__dot__io__slash__y"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped), "{name}");
            assert_eq!(unescape(escaped).as_deref(), Some(name), "{escaped}");
        }
        for name in ["", "1a", "a b", "a$", "é", "a:b"] {
            assert_eq!(escape(name), None, "{name}");
        }
        assert_eq!(unescape("a__wrong__b"), None);
        assert_eq!(unescape("x__if__"), None);
        assert_eq!(unescape("a__b").as_deref(), Some("a__b"));
        assert_eq!(unescape("a___dash__b").as_deref(), Some("a_-b"));
    }
}
