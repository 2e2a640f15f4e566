//! The sample of a kind for another version: as the user has it, with the version in `apiVersion` and in the name.

use crate::error::failure;

/// The text of the sample at `path` for the version `to` instead of `from`.
///
/// # Errors
/// It has no object of that version.
pub fn file(text: &str, path: &str, api_group: &str, from: &str, to: &str) -> anyhow::Result<String> {
    let (old, new) = (format!("apiVersion: {api_group}/{from}"), format!("apiVersion: {api_group}/{to}"));
    let mut in_metadata = false;
    let mut found = false;
    let mut sample = String::new();
    for line in text.split_inclusive('\n') {
        let plain = line.trim_end();
        let end = &line[plain.len()..];
        if plain == old {
            found = true;
            sample.push_str(&format!("{new}{end}"));
            continue;
        }
        if in_metadata
            && let Some((indent, name)) = plain.split_once("name: ").filter(|(indent, _)| indent.trim().is_empty())
        {
            let name = name.strip_suffix(&format!("-{from}")).unwrap_or(name);
            sample.push_str(&format!("{indent}name: {name}-{to}{end}"));
            in_metadata = false;
            continue;
        }
        in_metadata = plain == "metadata:" || in_metadata && line.starts_with(' ');
        sample.push_str(line);
    }
    if found {
        return Ok(sample);
    }
    Err(failure(format!("there is no line `{old}` in {path}"))
        .hint("the sample of the new version starts as that of the stored one: give it an object of that version")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_name_change() {
        let text =
            "# v1\napiVersion: g/v1\nkind: Bird\nmetadata:\n  labels:\n    name: a\n  name: robin\nspec:\n  name: v1\n";
        let text = text.replace("    name: a\n", "");
        let expected =
            "# v1\napiVersion: g/v2\nkind: Bird\nmetadata:\n  labels:\n  name: robin-v2\nspec:\n  name: v1\n";
        assert_eq!(file(&text, "s", "g", "v1", "v2").unwrap(), expected);
        let again = expected.replace("v2", "v3");
        assert_eq!(file(expected, "s", "g", "v2", "v3").unwrap(), again);
        assert!(file("kind: Bird\n", "s", "g", "v1", "v2").unwrap_err().to_string().contains("apiVersion: g/v1"));
    }
}
