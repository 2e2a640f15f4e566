//! Conditions on a value: all of them, any, exactly one, or not one.

use serde_json::Value;

use super::Validator;
use crate::field::path::Path;
use crate::field::{self, Error};
use crate::schema::node::{Checks, Node};

impl Validator<'_> {
    pub(super) fn conditions(&mut self, checks: &Checks, value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut held = 1;
        if !checks.any_of.is_empty() {
            held += self.any_of(&checks.any_of, value, old, path);
        }
        if !checks.one_of.is_empty() {
            held += self.one_of(&checks.one_of, value, old, path);
        }
        let mut valid = 0;
        for node in &checks.all_of {
            let found = self.found;
            held += self.node(node, value, old, path);
            valid += usize::from(self.found == found);
        }
        if valid < checks.all_of.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            let path = field::quoted(&path.dotted());
            self.general(format!("{path} must validate all the schemas (allOf){none}"));
        }
        if let Some(node) = &checks.not
            && self.attempt(node, value, old, path).1.is_none()
        {
            self.general(format!("{} must not validate the schema (not)", field::quoted(&path.dotted())));
        }
        held
    }

    fn any_of(&mut self, nodes: &[Node], value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut best: Option<(usize, Vec<Error>)> = None;
        for node in nodes {
            match self.attempt(node, value, old, path) {
                (held, None) => return held,
                (held, Some(problems)) => {
                    if best.as_ref().is_none_or(|(most, _)| held > *most) {
                        best = Some((held, problems));
                    }
                }
            }
        }
        self.general(format!("{} must validate at least one schema (anyOf)", field::quoted(&path.dotted())));
        self.add_best(best)
    }

    fn one_of(&mut self, nodes: &[Node], value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut best: Option<(usize, Vec<Error>)> = None;
        let (mut valid, mut first) = (0, 0);
        for node in nodes {
            match self.attempt(node, value, old, path) {
                (held, None) => {
                    first = if valid == 0 { held } else { first };
                    valid += 1;
                    best = None;
                }
                (held, Some(problems)) => {
                    if valid == 0 && best.as_ref().is_none_or(|(most, _)| held > *most) {
                        best = Some((held, problems));
                    }
                }
            }
        }
        if valid == 1 {
            return first;
        }
        let found = if valid == 0 { "Found none valid".into() } else { format!("Found {valid} valid alternatives") };
        let path = field::quoted(&path.dotted());
        self.general(format!("{path} must validate one and only one schema (oneOf). {found}"));
        self.add_best(best)
    }

    fn add_best(&mut self, best: Option<(usize, Vec<Error>)>) -> usize {
        let Some((held, problems)) = best else { return 0 };
        for problem in problems {
            self.push(problem);
        }
        held
    }

    /// Validates against a branch: its problems, if any, are given back and not kept.
    fn attempt(
        &mut self,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        path: &Path<'_>,
    ) -> (usize, Option<Vec<Error>>) {
        let problems = std::mem::take(&mut self.problems);
        let found = self.found;
        let held = self.node(node, value, old, path);
        let own = std::mem::replace(&mut self.problems, problems);
        let failed = self.found > found;
        self.found = found;
        (held, failed.then_some(own))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;

    #[test]
    fn conditions_report_the_branch_that_came_furthest() {
        let any_of = json!({"type": "string", "anyOf": [{"minLength": 5}, {"pattern": "^a"}]});
        check(any_of.clone(), json!("abc"), &[]);
        check(
            any_of,
            json!("b"),
            &[
                r#"<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)"#,
                r#"spec.x: Invalid value: "b": spec.x in body should be at least 5 chars long"#,
            ],
        );
        let variants = json!({
            "type": "object",
            "properties": {"a": {"type": "object", "properties": {"n": {"type": "integer"}}}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        });
        check(variants.clone(), json!({"a": {}}), &[]);
        check(
            variants.clone(),
            json!({"a": {}, "b": ""}),
            &[
                r#"<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
            ],
        );
        check(
            variants,
            json!({}),
            &[
                r#"<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid"#,
                "spec.x.a: Required value",
            ],
        );
        let all_of = json!({"type": "integer", "allOf": [{"minimum": 1}, {"maximum": 5}]});
        check(all_of.clone(), json!(3), &[]);
        check(
            all_of,
            json!(6),
            &[
                "spec.x: Invalid value: 6: spec.x in body should be less than or equal to 5",
                r#"<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)"#,
            ],
        );
        check(
            json!({"type": "integer", "allOf": [{"minimum": 1}]}),
            json!(0),
            &[
                "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1",
                r#"<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated"#,
            ],
        );
        let not = json!({"type": "string", "not": {"enum": ["a"]}});
        check(not.clone(), json!("b"), &[]);
        check(not, json!("a"), &[r#"<nil>: Invalid value: "": "spec.x" must not validate the schema (not)"#]);
    }
}
