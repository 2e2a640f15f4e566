//! Enums, and the lines of types whose length depends on names.

use super::literals::{self, WIDTH};
use super::types::Type;
use super::uses::Uses;
use super::{attributes, docs, idents};

/// An enum of these texts.
pub fn enumeration(one: &Type, values: &[String], uses: &mut Uses) -> String {
    uses.add("schemars::JsonSchema");
    uses.add("serde::Deserialize");
    uses.add("serde::Serialize");
    let variants = idents::variants(values);
    let mut text = docs::comment(0, one.description.as_deref().unwrap_or_default());
    text.push_str("#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]\n");
    if share_words(&one.name, &variants) {
        text.push_str("#[allow(clippy::enum_variant_names)]\n");
    }
    text.push_str(&head("enum", &one.name));
    for (variant, value) in variants.iter().zip(values) {
        if variant != value {
            text.push_str(&attributes::line(4, "serde", &format!("rename = {}", literals::string(value))));
        }
        text.push_str(&format!("    {variant},\n"));
    }
    text.push_str("}\n");
    text
}

/// `pub struct Name {` as rustfmt has it.
pub fn head(keyword: &str, name: &str) -> String {
    let line = format!("pub {keyword} {name}");
    let space = if line.len() + " {".len() <= WIDTH { ' ' } else { '\n' };
    format!("{line}{space}{{\n")
}

/// `pub ident: Type,` as rustfmt has it.
pub fn declaration(ident: &str, type_: &str) -> String {
    let one_line = format!("    pub {ident}: {type_},\n");
    let two_lines = format!("    pub {ident}:\n        {type_},\n");
    if one_line.len() <= WIDTH + 1 {
        one_line
    } else if type_.len() + "        ,".len() <= WIDTH {
        two_lines
    } else {
        match type_.split_once('<').map(|(outer, inner)| (outer, inner.strip_suffix('>').unwrap_or(inner))) {
            Some((outer, inner)) => format!("    pub {ident}: {outer}<\n        {inner},\n    >,\n"),
            None => two_lines,
        }
    }
}

/// Whether clippy would have it that the variants repeat something.
fn share_words(name: &str, variants: &[String]) -> bool {
    let words: Vec<Vec<String>> = variants.iter().map(|variant| idents::words(variant)).collect();
    let first = |words: &Vec<String>| words.first().cloned();
    let last = |words: &Vec<String>| words.last().cloned();
    let all_alike = |of: fn(&Vec<String>) -> Option<String>| words.iter().all(|one| of(one) == of(&words[0]));
    let lower = name.to_ascii_lowercase();
    let repeats = |variant: &String| {
        let variant = variant.to_ascii_lowercase();
        variant.starts_with(&lower) || variant.ends_with(&lower)
    };
    variants.len() > 1 && (all_alike(first) || all_alike(last)) || variants.iter().any(repeats)
}
