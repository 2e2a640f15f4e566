//! The file of a kind's fields for another version: the version in the derive changes, the version in the file's own
//! comment, and paths to neighbours in the version's folder, which stay where they are. All else is as the user has it.

use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{Ident, TokenStream, TokenTree};

use super::model::Model;

/// The text of a file, read as `model`, for the version `to` instead of `from`.
pub fn file(text: &str, model: &Model, from: &str, to: &str) -> String {
    let mut edits = vec![(model.version_at.clone(), format!("{to:?}"))];
    let tokens = TokenStream::from_str(text).unwrap_or_default();
    neighbours(tokens, from, &mut edits);
    edits.extend(in_header(text, from).map(|range| (range, to.to_owned())));
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.to_owned();
    for (range, new) in edits {
        if text.get(range.clone()).is_some() {
            text.replace_range(range, &new);
        }
    }
    text
}

/// Where a version stands as a word of its own in the comment at the head of a file.
fn in_header<'a>(text: &'a str, version: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_head = |line: &&str| line.starts_with("//") || line.trim().is_empty();
    let header: usize = text.split_inclusive('\n').take_while(is_head).map(str::len).sum();
    let header = &text[..header];
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    header.match_indices(version).filter_map(move |(start, _)| {
        let end = start + version.len();
        let in_comment = header[..start].rsplit('\n').next().is_some_and(|line| line.starts_with("//!"));
        let alone = !header[..start].ends_with(is_word) && !header[end..].starts_with(is_word);
        (in_comment && alone).then_some(start..end)
    })
}

/// `super::nest` is in the folder of the version that is copied: `super::super::v1::nest` from another one.
fn neighbours(tokens: TokenStream, from: &str, edits: &mut Vec<(Range<usize>, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let ident = |index: usize| match tokens.get(index) {
        Some(TokenTree::Ident(word)) => Some(word),
        _ => None,
    };
    let is_super = |word: Option<&Ident>| word.is_some_and(|word| word == "super");
    for (index, token) in tokens.iter().enumerate() {
        match token {
            // A module in the file has the file itself above it.
            TokenTree::Group(_) if index > 1 && ident(index - 2).is_some_and(|word| word == "mod") => {}
            TokenTree::Group(group) => neighbours(group.stream(), from, edits),
            TokenTree::Ident(word) if word == "super" => {
                // `super` `:` `:` is three tokens: the one before a `super` that goes on is three back.
                let goes_on = index >= 3 && is_super(ident(index - 3));
                if !goes_on && !is_super(ident(index + 3)) {
                    edits.push((word.span().byte_range(), format!("super::super::{from}")));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_but_the_version() {
        let text = "\
// Copyright v1.

//! The fields of Bird in v1 (as v1 has them; v10 has more).

use super::nest::Nest;
use super::super::common::{Song, v1};

/// In v1.
#[kube(group = \"v1\", version = \"v1\", kind = \"Bird\")]
pub struct BirdSpec {
    pub nest: super::nest::Egg,  // of v1
}

mod tests {
    use super::*;
}
";
        let model = Model::parse(text, "bird.rs", "Bird", "v1").unwrap();
        let expected = text
            .replace("in v1 (as v1 has", "in v2beta1 (as v2beta1 has")
            .replace("version = \"v1\"", "version = \"v2beta1\"")
            .replace("super::nest", "super::super::v1::nest");
        assert_eq!(file(text, &model, "v1", "v2beta1"), expected);
    }
}
