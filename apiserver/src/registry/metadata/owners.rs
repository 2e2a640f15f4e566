//! Owner references.

use std::collections::HashSet;

use serde_json::Value;

use super::of_mut;

/// Whether a reference is there twice.
pub fn has_duplicates(object: &Value) -> bool {
    let references = object.get("metadata").and_then(|metadata| metadata.get("ownerReferences"));
    let Some(references) = references.and_then(Value::as_array) else { return false };
    references.iter().enumerate().any(|(index, reference)| references[..index].contains(reference))
}

/// Drops references that are there twice and gives the uids of those.
pub fn deduplicate(object: &mut Value) -> Vec<String> {
    let Some(references) = of_mut(object).get_mut("ownerReferences").and_then(Value::as_array_mut) else {
        return Vec::new();
    };
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    references.retain(|reference| {
        let new = seen.insert(reference.to_string());
        if !new {
            let uid = reference.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned();
            if !twice.contains(&uid) {
                twice.push(uid);
            }
        }
        new
    });
    twice
}

/// The warning for references that were there twice; `admitted` where admission put them there.
pub fn duplicate_warning(uids: &[String], admitted: bool) -> String {
    let since = if admitted { " after mutating admission happens" } else { "" };
    format!(
        ".metadata.ownerReferences contains duplicate entries{since}; API server dedups owner references in 1.20+, and may \
         reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        uids.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_references_are_kept_once() {
        let reference = json!({"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u"});
        let mut object = json!({"metadata": {"ownerReferences": [reference, reference, {"uid": "v"}]}});
        assert_eq!(deduplicate(&mut object), ["u"]);
        assert_eq!(object["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(2));
        assert!(deduplicate(&mut object).is_empty());
    }
}
