//! Which field a rule blames: `.a.b` or `['a'].b`, relative to the value that the rule is written at.

use super::super::node::{Additional, Node};

/// Reads a path, and writes it as errors have it.
///
/// # Errors
/// Why it is none, or what of it the schema does not have.
pub(super) fn read(path: &str, node: &Node) -> Result<String, String> {
    let mut node = node;
    let mut out = String::new();
    let mut rest = path;
    while !rest.is_empty() {
        let name = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[', ']']).unwrap_or(after.len());
            let name = after.get(..end).filter(|name| !name.is_empty()).ok_or("unexpected end of JSON path")?;
            rest = &after[end..];
            name.to_owned()
        } else if let Some(after) = rest.strip_prefix("['") {
            let (name, after) = quoted(after)?;
            rest = after.strip_prefix(']').ok_or("expected ] behind a quoted name")?;
            name
        } else {
            return Err(format!("expected [ or . but got: {rest}"));
        };
        node = match &node.additional {
            _ if !node.properties.is_empty() => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&name);
                node.properties.get(&name)
            }
            Additional::Schema(values) => {
                out.push_str(&format!("[{name}]"));
                Some(&**values)
            }
            _ => None,
        }
        .ok_or("does not refer to a valid field")?;
    }
    Ok(out)
}

/// A name up to its closing quote, and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Ok((name, &text[at + 1..])),
            '\\' => name.push(match chars.next().map(|(_, c)| c) {
                Some('a') => '\u{7}',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some(c @ ('\'' | '\\')) => c,
                Some(c) => return Err(format!("invalid string literal: invalid escape char \\{c}")),
                None => break,
            }),
            c => name.push(c),
        }
    }
    Err("unexpected end of JSON path".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Schema;
    use super::*;

    #[test]
    fn paths_follow_the_schema() {
        let schema = Schema::compile(&json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {"b.c": {"type": "string"}, "it's": {"type": "string"}}},
            "m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "string"}}}},
            "l": {"type": "array", "items": {"type": "string"}},
        }}))
        .expect("a schema");
        for (path, expect) in [
            (".a", Ok("a")),
            (".a['b.c']", Ok("a.b.c")),
            ("['a']['it\\'s']", Ok("a.it's")),
            (".m.k.x", Ok("m[k].x")),
            (".m['k'].x", Ok("m[k].x")),
            ("a", Err("expected [ or . but got: a")),
            (".b", Err("does not refer to a valid field")),
            (".a.b.c", Err("does not refer to a valid field")),
            (".l[0]", Err("expected [ or . but got: [0]")),
            (".l.x", Err("does not refer to a valid field")),
            (".", Err("unexpected end of JSON path")),
            (".a..b", Err("unexpected end of JSON path")),
            ("['a", Err("unexpected end of JSON path")),
            ("['a'", Err("expected ] behind a quoted name")),
            ("['\\x']", Err("invalid string literal: invalid escape char \\x")),
        ] {
            let found = read(path, schema.root());
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{path}");
        }
    }
}
