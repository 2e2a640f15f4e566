//! What the file of a kind's fields says. The file is the user's, so that it is read and never written.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::Context;
use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

use crate::error::WithHint;

/// What a file says of one kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TypesFile {
    /// Whether the kind's derive is in the file at all.
    pub derives: bool,
    /// Whether the derive has a status.
    pub status: bool,
    /// Whether the derive has a scale.
    pub scale: bool,
    /// The structs of the file with the names of their fields.
    pub structs: BTreeMap<String, Vec<String>>,
}

impl TypesFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The text is not Rust.
    pub fn parse(text: &str, kind: &str, version: &str) -> anyhow::Result<Self> {
        let tokens = TokenStream::from_str(text)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context("it is not Rust")
            .with_hint(|| "see what `cargo check` says of it")?;
        let mut file = Self::default();
        let mut arguments: Vec<Vec<TokenTree>> = Vec::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Punct(sign) if sign.as_char() == '#' => {
                    if let Some(TokenTree::Group(attribute)) = tokens.peek() {
                        arguments.extend(kube_arguments(attribute));
                    }
                }
                TokenTree::Ident(word) if word == "struct" => {
                    let arguments = std::mem::take(&mut arguments);
                    let name = tokens.next().map(|name| name.to_string()).unwrap_or_default();
                    let body = tokens.find_map(|token| match token {
                        TokenTree::Group(body) if body.delimiter() != Delimiter::Bracket => Some(Some(body)),
                        TokenTree::Punct(sign) if sign.as_char() == ';' => Some(None),
                        _ => None,
                    });
                    let fields = body.flatten().filter(|body| body.delimiter() == Delimiter::Brace);
                    file.structs.insert(name, fields.map(|body| fields_of(&body)).unwrap_or_default());
                    let says = |name: &str, value: &str| {
                        let literal = |argument: &&Vec<TokenTree>| is_called(argument, name);
                        arguments
                            .iter()
                            .find(literal)
                            .and_then(|argument| argument.last())
                            .is_some_and(|found| found.to_string().trim_matches('"') == value)
                    };
                    if says("kind", kind) && says("version", version) {
                        file.derives = true;
                        file.status |= arguments.iter().any(|argument| is_called(argument, "status"));
                        file.scale |= arguments.iter().any(|argument| is_called(argument, "scale"));
                    }
                }
                TokenTree::Ident(word)
                    if ["enum", "fn", "impl", "mod", "trait", "type", "use"].iter().any(|w| word == w) =>
                {
                    arguments.clear();
                }
                _ => {}
            }
        }
        Ok(file)
    }

    /// Whether a struct of this name is there.
    pub fn has_struct(&self, name: &str) -> bool {
        self.structs.contains_key(name)
    }

    /// Whether a struct of this name has a field of that name.
    pub fn has_field(&self, name: &str, field: &str) -> bool {
        self.structs.get(name).is_some_and(|fields| fields.iter().any(|there| there == field))
    }
}

/// The arguments of `[kube(…)]`; none for other attributes.
fn kube_arguments(attribute: &Group) -> Vec<Vec<TokenTree>> {
    let mut tokens = attribute.stream().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(name)), Some(TokenTree::Group(arguments))) if name == "kube" => {
            let tokens: Vec<TokenTree> = arguments.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
            tokens.split(is_comma).map(<[TokenTree]>::to_vec).collect()
        }
        _ => Vec::new(),
    }
}

fn is_called(argument: &[TokenTree], name: &str) -> bool {
    matches!(argument.first(), Some(TokenTree::Ident(word)) if word == name)
}

/// The names before a single colon: a path has two.
fn fields_of(body: &Group) -> Vec<String> {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let name = |pair: &[TokenTree]| match pair {
        [TokenTree::Ident(name), TokenTree::Punct(sign)] => {
            (sign.as_char() == ':' && sign.spacing() == Spacing::Alone).then(|| name.to_string())
        }
        _ => None,
    };
    tokens.windows(2).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, derives: bool, status: bool, scale: bool) {
        let file = TypesFile::parse(text, "Bird", "v1").unwrap();
        assert_eq!((file.derives, file.status, file.scale), (derives, status, scale), "{text}");
    }

    #[test]
    fn a_derive_is_found_wherever_it_stands() {
        let bird = r#"#[kube(group = "g", version = "v1", kind = "Bird", "#;
        check("", false, false, false);
        check(&format!("{bird})] struct BirdSpec {{}}"), true, false, false);
        check(&format!("{bird} status = \"BirdStatus\")] struct BirdSpec {{}}"), true, true, false);
        check(&format!("{bird} status = BirdStatus, scale(a = \"b\"))] pub struct S;"), true, true, true);
        check(
            &format!("{bird} scale = r#\"{{}}\"#)] #[kube(status = \"S\")] #[serde(x)] pub struct S(u8);"),
            true,
            true,
            true,
        );
        check(&format!("// {bird} status = \"S\")] struct S;"), false, false, false);
        check(&format!("{bird} doc = \"status = , scale(\")] struct BirdSpec {{}}"), true, false, false);
        check(
            &format!("{bird})] struct B {{}} #[kube(kind = \"Nest\", status = \"N\")] struct N {{}}"),
            true,
            false,
            false,
        );
        check(&format!("{bird})] struct B {{}} #[kube(status = \"N\")] impl N {{}}"), true, false, false);
        check(
            &bird.replace("v1", "v2").replace(", ", ", status = \"S\", ").replace("Bird\",", "Bird\")] struct S;"),
            false,
            false,
            false,
        );
    }

    #[test]
    fn fields_are_told_from_paths() {
        let text = "struct BirdStatus { #[serde(a = \"b: c\")] pub replicas: Option<std::vec::Vec<u8>>, r#type: a::B }";
        let file = TypesFile::parse(text, "Bird", "v1").unwrap();
        assert_eq!(file.structs["BirdStatus"], ["replicas", "r#type"]);
        assert!(file.has_field("BirdStatus", "replicas") && !file.has_field("BirdSpec", "replicas"));
        assert!(TypesFile::parse("struct S { ", "Bird", "v1").is_err());
    }
}
