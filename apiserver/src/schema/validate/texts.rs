//! Texts: their lengths and patterns.

use super::Validator;
use crate::field::ErrorKind;
use crate::field::path::Path;
use crate::schema::node::Checks;

impl Validator<'_> {
    /// Only the first problem of a text is told.
    pub(super) fn text(&mut self, checks: &Checks, text: &str, path: &Path<'_>) {
        let length = || text.chars().count();
        if let Some(max) = checks.max_length.filter(|max| text.len() > *max && length() > *max) {
            let unit = if max == 1 { "byte" } else { "bytes" };
            self.problem(ErrorKind::TooLong, path, None, format!("may not be more than {max} {unit}"));
        } else if let Some(min) = checks.min_length.filter(|min| length() < *min) {
            let message = format!("{} in body should be at least {min} chars long", path.dotted());
            self.problem(ErrorKind::Invalid, path, Some(text.into()), message);
        } else if let Some(pattern) = checks.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let message = format!("{} in body should match '{}'", path.dotted(), pattern.text);
            self.problem(ErrorKind::Invalid, path, Some(text.into()), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;

    #[test]
    fn texts_have_lengths_and_patterns() {
        let text = json!({"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-zé]+$"});
        check(text.clone(), json!("éééé"), &[]);
        check(
            text.clone(),
            json!("a"),
            &[r#"spec.x: Invalid value: "a": spec.x in body should be at least 2 chars long"#],
        );
        check(text.clone(), json!("aaaaa"), &["spec.x: Too long: may not be more than 4 bytes"]);
        check(text, json!("a1"), &[r#"spec.x: Invalid value: "a1": spec.x in body should match '^[a-zé]+$'"#]);
        check(
            json!({"type": "string", "maxLength": 1}),
            json!("ab"),
            &["spec.x: Too long: may not be more than 1 byte"],
        );
    }
}
