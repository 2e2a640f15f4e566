//! Owner references.

use std::collections::HashSet;

use serde_json::Value;

use super::of_mut;

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

/// The warning for references that were there twice.
pub fn duplicate_warning(uids: &[String]) -> String {
    format!(
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
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
