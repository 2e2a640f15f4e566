//! What the file of a kind's fields says of its types: of those that an object is made of, each struct and each enum
//! with the way in which every field becomes that of another version. Types from elsewhere are the same in all versions
//! and are moved as they are.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parse;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, GenericArgument, Item, Lit, PathArguments, Type, Visibility};

use crate::error::{WithHint, failure};

/// How deep types may be nested in each other, and aliases refer to aliases.
const DEPTH_MAX: usize = 32;

/// The types that an object of a kind is made of.
#[derive(Debug)]
pub struct Model {
    /// The type of its spec, for example `BirdSpec`.
    pub spec: Conversion,
    /// That of its status, if it has one.
    pub status: Option<Conversion>,
    /// The structs and enums of the file, in its order.
    pub types: Vec<LocalType>,
    /// Where the version stands in the derive, in bytes, its quotes included.
    pub version_at: std::ops::Range<usize>,
}

/// A struct or an enum.
#[derive(Debug)]
pub struct LocalType {
    pub name: String,
    pub shape: Shape,
}

#[derive(Debug)]
pub enum Shape {
    Struct(Fields),
    /// Its variants with their fields.
    Enum(Vec<(String, Fields)>),
}

#[derive(Debug)]
pub enum Fields {
    Named(Vec<(String, Conversion)>),
    Unnamed(Vec<Conversion>),
    None,
}

/// How a value becomes that of the type in another version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Conversion {
    /// It is the same type.
    Move,
    /// It is a type of the file.
    Into,
    /// What an `Option` or an array holds.
    Map(Box<Conversion>),
    /// What is in a collection.
    Each(Box<Conversion>),
    /// Keys and values of a map.
    Entries(Box<Conversion>, Box<Conversion>),
    /// What a `Box` holds.
    Boxed(Box<Conversion>),
}

impl Model {
    /// Reads the text of the file at `path` for a kind in a version.
    ///
    /// # Errors
    /// The text is not Rust, or it has types for which no conversion can be written. All such places are named.
    pub fn parse(text: &str, path: &str, kind: &str, version: &str) -> anyhow::Result<Self> {
        let file = syn::parse_file(text)
            .map_err(|error| anyhow::anyhow!("line {}: {error}", error.span().start().line))
            .with_hint(|| "see what `cargo check` says of it")
            .with_context(|| format!("{path} is not Rust"))?;
        let reader = Reader::new(&file);
        let Some((root, derive)) = reader.derive(kind, version) else {
            return Err(failure(format!("there is no `#[kube(…)]` for {kind} in {version} in {path}"))
                .hint(format!("the struct with the derive of {kind} must be in this file: move it there"))
                .into());
        };
        let mut problems = Vec::new();
        problems.extend(reader.other_kinds(kind));
        if let Some(other) = derive.object.as_ref().filter(|name| *name != kind) {
            problems.push(format!("the derive calls the objects {other}: leave its `root` out"));
        }
        let status = derive.status.as_ref().map(|ty| reader.conversion(ty, 0));
        let status = status.transpose().unwrap_or_else(|problem| {
            problems.push(format!("the status: {problem}"));
            None
        });
        let mut wanted: BTreeSet<String> = reader.locals_in(&root.ident.to_token_stream());
        wanted.extend(derive.status.iter().flat_map(|ty| reader.locals_in(&ty.to_token_stream())));
        let types = reader.types(wanted, &mut problems);
        if problems.is_empty() {
            return Ok(Self { spec: Conversion::Into, status, types, version_at: derive.version_at });
        }
        let list: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        Err(failure(format!("no conversions can be written for the types in {path}:{list}"))
            .hint(
                "change these, or move such a type into a file of its own, outside of the version's folder: types from \
                 other files are taken as they are. Then type the command again",
            )
            .into())
    }
}

/// What `#[kube(…)]` says.
#[derive(Default)]
struct Derive {
    kind: String,
    version: String,
    version_at: std::ops::Range<usize>,
    object: Option<String>,
    status: Option<Type>,
}

struct Reader<'a> {
    items: &'a [Item],
    /// The structs and enums of the file by their names, with their place.
    locals: BTreeMap<String, usize>,
    aliases: BTreeMap<String, &'a syn::ItemType>,
    /// Modules in the file, and macros that may define types.
    modules: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a syn::File) -> Self {
        let (mut locals, mut aliases, mut modules) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for (place, item) in file.items.iter().enumerate() {
            match item {
                Item::Struct(item) => drop(locals.insert(item.ident.to_string(), place)),
                Item::Enum(item) => drop(locals.insert(item.ident.to_string(), place)),
                Item::Union(item) => drop(locals.insert(item.ident.to_string(), place)),
                Item::Type(item) => drop(aliases.insert(item.ident.to_string(), item)),
                Item::Mod(item) if item.content.is_some() => drop(modules.insert(item.ident.to_string())),
                _ => {}
            }
        }
        Self { items: &file.items, locals, aliases, modules }
    }

    /// The struct that carries the derive of a kind, and what the derive says.
    fn derive(&self, kind: &str, version: &str) -> Option<(&'a syn::ItemStruct, Derive)> {
        self.derives().find(|(_, derive)| derive.kind == kind && derive.version == version)
    }

    fn derives(&self) -> impl Iterator<Item = (&'a syn::ItemStruct, Derive)> {
        let structs =
            self.items.iter().filter_map(|item| if let Item::Struct(item) = item { Some(item) } else { None });
        structs.filter_map(|item| {
            let derive = Derive::of(&item.attrs);
            (!derive.kind.is_empty()).then_some((item, derive))
        })
    }

    /// A copy of the file must not define another kind a second time.
    fn other_kinds(&self, kind: &str) -> Vec<String> {
        let others = self.derives().filter(|(_, derive)| derive.kind != kind);
        others.map(|(item, derive)| format!("{}: it is of another kind, {}", line(item), derive.kind)).collect()
    }

    /// The local types among the names in some tokens, those behind aliases included.
    fn locals_in(&self, tokens: &TokenStream) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut rest = vec![tokens.clone()];
        while let Some(tokens) = rest.pop() {
            // What stands behind `::` is from elsewhere, unless `self` is before that.
            let mut path = String::new();
            for token in tokens {
                match token {
                    TokenTree::Ident(name) => {
                        let name = name.to_string();
                        let alias = self.aliases.get(&name);
                        let is_own = !path.ends_with("::") || path == "self::";
                        let is_local = self.locals.contains_key(&name) || alias.is_some();
                        path = if path.ends_with("::") { format!("{path}{name}") } else { name.clone() };
                        if is_own && is_local && found.insert(name) {
                            rest.extend(alias.map(|alias| alias.ty.to_token_stream()));
                        }
                    }
                    TokenTree::Punct(sign) if sign.as_char() == ':' => path.push(':'),
                    TokenTree::Group(group) => {
                        rest.push(group.stream());
                        path.clear();
                    }
                    _ => path.clear(),
                }
            }
        }
        found.retain(|name| self.locals.contains_key(name));
        found
    }

    /// The types of these names and all that they are made of, in the order of the file.
    fn types(&self, mut wanted: BTreeSet<String>, problems: &mut Vec<String>) -> Vec<LocalType> {
        let mut found: BTreeMap<usize, LocalType> = BTreeMap::new();
        while let Some(name) = wanted.pop_first() {
            let Some(place) = self.locals.get(&name).filter(|place| !found.contains_key(*place)) else { continue };
            let item = &self.items[*place];
            let (shape, generics, visibility) = match item {
                Item::Struct(item) => {
                    wanted.extend(self.locals_in(&item.fields.to_token_stream()));
                    (Shape::Struct(self.fields(&name, &item.fields, true, problems)), &item.generics, &item.vis)
                }
                Item::Enum(item) => {
                    wanted.extend(self.locals_in(&item.variants.to_token_stream()));
                    let mut variant = |variant: &syn::Variant| {
                        let owner = format!("{name}::{}", variant.ident);
                        (variant.ident.to_string(), self.fields(&owner, &variant.fields, false, problems))
                    };
                    (Shape::Enum(item.variants.iter().map(&mut variant).collect()), &item.generics, &item.vis)
                }
                _ => {
                    problems.push(format!("{}: {name} is neither a struct nor an enum", line(item)));
                    continue;
                }
            };
            if !generics.params.is_empty() {
                problems.push(format!("{}: {name} has parameters", line(item)));
            }
            if !is_visible(visibility) {
                problems.push(format!("{}: {name} is private: make it `pub`", line(item)));
            }
            found.insert(*place, LocalType { name, shape });
        }
        found.into_values().collect()
    }

    fn fields(&self, owner: &str, fields: &syn::Fields, are_private: bool, problems: &mut Vec<String>) -> Fields {
        let mut read = |index: usize, field: &syn::Field| {
            let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
            if are_private && !is_visible(&field.vis) {
                problems.push(format!("{}: the field {name} of {owner} is private: make it `pub`", line(field)));
            }
            let conversion = self.conversion(&field.ty, 0).unwrap_or_else(|problem| {
                problems.push(format!("{}: the field {name} of {owner} {problem}", line(field)));
                Conversion::Move
            });
            (name, conversion)
        };
        match fields {
            syn::Fields::Named(fields) => {
                Fields::Named(fields.named.iter().enumerate().map(|(index, field)| read(index, field)).collect())
            }
            syn::Fields::Unnamed(fields) => {
                let fields = fields.unnamed.iter().enumerate();
                Fields::Unnamed(fields.map(|(index, field)| read(index, field).1).collect())
            }
            syn::Fields::Unit => Fields::None,
        }
    }

    fn conversion(&self, ty: &Type, depth: usize) -> Result<Conversion, String> {
        let tokens = ty.to_token_stream();
        let unclear = || {
            let text = tokens.to_string().replace(" ,", ",").replace(" <", "<").replace("< ", "<").replace(" >", ">");
            Err(format!("has the type `{text}`, whose parts are not understood"))
        };
        if depth > DEPTH_MAX {
            return unclear();
        }
        match ty {
            Type::Paren(inner) => return self.conversion(&inner.elem, depth + 1),
            Type::Group(inner) => return self.conversion(&inner.elem, depth + 1),
            Type::Array(array) => return Ok(within(Conversion::Map, self.conversion(&array.elem, depth + 1)?)),
            _ => {}
        }
        if let Type::Path(path) = ty
            && path.qself.is_none()
        {
            let segments: Vec<_> = path.path.segments.iter().collect();
            let Some(last) = segments.last() else { return unclear() };
            let name = last.ident.to_string();
            let is_own = match segments[..] {
                [_] => true,
                [first, _] => first.ident == "self",
                _ => false,
            };
            if segments.len() > 1 && self.modules.contains(&segments[0].ident.to_string()) {
                return Err(format!("has a type from the module `{}` of the file", segments[0].ident));
            }
            if is_own && self.locals.contains_key(&name) {
                return if last.arguments.is_none() { Ok(Conversion::Into) } else { unclear() };
            }
            if is_own && let Some(alias) = self.aliases.get(&name) {
                return if alias.generics.params.is_empty() {
                    self.conversion(&alias.ty, depth + 1)
                } else {
                    unclear()
                };
            }
            let arguments = self.arguments(&last.arguments, depth)?;
            if arguments.iter().all(|argument| *argument == Conversion::Move) {
                return Ok(Conversion::Move);
            }
            return match (name.as_str(), &arguments[..]) {
                ("Option", [inner]) => Ok(Conversion::Map(Box::new(inner.clone()))),
                ("Vec" | "VecDeque" | "BTreeSet" | "HashSet" | "IndexSet", [inner]) => {
                    Ok(Conversion::Each(Box::new(inner.clone())))
                }
                ("BTreeMap" | "HashMap" | "IndexMap", [key, value]) => {
                    Ok(Conversion::Entries(Box::new(key.clone()), Box::new(value.clone())))
                }
                ("Box", [inner]) => Ok(Conversion::Boxed(Box::new(inner.clone()))),
                _ => unclear(),
            };
        }
        if self.locals_in(&tokens).is_empty() { Ok(Conversion::Move) } else { unclear() }
    }

    fn arguments(&self, arguments: &PathArguments, depth: usize) -> Result<Vec<Conversion>, String> {
        match arguments {
            PathArguments::AngleBracketed(arguments) => {
                let types = arguments.args.iter().filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty),
                    _ => None,
                });
                types.map(|ty| self.conversion(ty, depth + 1)).collect()
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn within(outer: fn(Box<Conversion>) -> Conversion, inner: Conversion) -> Conversion {
    if inner == Conversion::Move { inner } else { outer(Box::new(inner)) }
}

impl Derive {
    /// What all `#[kube(…)]` among some attributes say. What cannot be read says nothing: the compiler tells of it.
    fn of(attributes: &[Attribute]) -> Self {
        let mut derive = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("kube")) {
            let _ = attribute.parse_nested_meta(|meta| {
                if meta.input.peek(syn::token::Paren) {
                    let inner;
                    syn::parenthesized!(inner in meta.input);
                    return TokenStream::parse(&inner).map(drop);
                }
                if !meta.input.peek(syn::Token![=]) {
                    return Ok(());
                }
                let value: Expr = meta.value()?.parse()?;
                let Some(name) = meta.path.get_ident().map(ToString::to_string) else { return Ok(()) };
                let text = match &value {
                    Expr::Lit(literal) => {
                        if let Lit::Str(text) = &literal.lit {
                            Some(text.value())
                        } else {
                            None
                        }
                    }
                    _ => None,
                };
                match (name.as_str(), text) {
                    ("kind", Some(text)) => derive.kind = text,
                    ("version", Some(text)) => {
                        derive.version = text;
                        derive.version_at = value.span().byte_range();
                    }
                    ("root" | "struct", Some(text)) => derive.object = Some(text),
                    ("status", Some(text)) => derive.status = syn::parse_str(&text).ok(),
                    ("status", None) => derive.status = syn::parse2(value.to_token_stream()).ok(),
                    _ => {}
                }
                Ok(())
            });
        }
        derive
    }
}

fn is_visible(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

fn line(item: &impl Spanned) -> String {
    format!("line {}", item.span().start().line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIRD: &str =
        "#[kube(group = \"g\", version = \"v1\", kind = \"Bird\", status = \"BirdStatus\", namespaced)]\n";

    fn parse(text: &str) -> anyhow::Result<Model> {
        Model::parse(&format!("{BIRD}{text}"), "bird.rs", "Bird", "v1")
    }

    /// What becomes of the field of this type, in a file that has the struct `Song`.
    #[track_caller]
    fn check(ty: &str, expected: &str) {
        let text = format!(
            "pub struct S {{ pub f: {ty} }} pub struct Song; type Songs = Vec<Song>; mod inner {{ struct Egg; }} \
             struct BirdStatus;"
        );
        let told = match parse(&text.replace("struct BirdStatus", "pub struct BirdStatus")) {
            Ok(model) => {
                let Shape::Struct(Fields::Named(fields)) = &model.types[0].shape else { panic!("{model:?}") };
                let field = format!("{:?}", fields[0].1);
                assert_eq!(model.types.iter().any(|it| it.name == "Song"), field != "Move");
                field
            }
            Err(error) => crate::error::report(&error).lines().nth(1).unwrap().trim().to_owned(),
        };
        assert_eq!(told, expected, "{ty}");
    }

    #[test]
    fn fields_of_other_types_are_moved_and_those_of_the_file_converted() {
        check("String", "Move");
        check("Option<Vec<std::string::String>>", "Move");
        check("(u8, [u8; 3])", "Move");
        check("super::common::Song", "Move");
        check("Song", "Into");
        check("self::Song", "Into");
        check("Option<Song>", "Map(Into)");
        check("std::option::Option<Song>", "Map(Into)");
        check("[Song; 3]", "Map(Into)");
        check("Vec<Song>", "Each(Into)");
        check("Songs", "Each(Into)");
        check("Option<Songs>", "Map(Each(Into))");
        check("BTreeMap<String, Song>", "Entries(Move, Into)");
        check("HashMap<String, Vec<Box<Song>>>", "Entries(Move, Each(Boxed(Into)))");
        let line = "line 2: the field f of S";
        check("(Song, u8)", &format!("{line} has the type `(Song, u8)`, whose parts are not understood"));
        check("Either<Song>", &format!("{line} has the type `Either<Song>`, whose parts are not understood"));
        check("inner::Egg", &format!("{line} has a type from the module `inner` of the file"));
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let report = crate::error::report(&parse(text).unwrap_err());
        assert!(report.contains(expected), "{report}");
        assert!(report.contains("hint: "), "{report}");
    }

    #[test]
    fn what_cannot_be_converted_is_named() {
        refused("pub struct S { pub a: A } pub struct A { b: u8 }", "line 2: the field b of A is private");
        refused("pub struct S { pub a: A } struct A { pub b: u8 }", "line 2: A is private");
        refused("pub struct S { pub a: A<u8> } pub struct A<T>(pub T);", "line 2: A has parameters");
        refused("pub struct S { pub a: A } pub union A { a: u8 }", "line 2: A is neither a struct nor an enum");
        refused("#[kube(root = \"Vogel\")] pub struct S;", "the derive calls the objects Vogel");
        refused("pub struct S; #[kube(kind = \"Nest\")] pub struct N;", "line 2: it is of another kind, Nest");
        refused("pub struct S {", "bird.rs is not Rust");
        refused("fn f() {}", "there is no `#[kube(…)]` for Bird in v1");
        let none = Model::parse("pub struct S;", "bird.rs", "Bird", "v1").unwrap_err();
        assert!(none.to_string().contains("there is no `#[kube(…)]` for Bird in v1"), "{none}");
    }

    #[test]
    fn types_that_are_in_no_object_are_left_alone() {
        let model =
            parse("pub struct S { pub e: E } struct Private<T>(T); pub enum E { A, B(u8), C { d: E } }").unwrap();
        let names: Vec<&str> = model.types.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["S", "E"]);
        let Shape::Enum(variants) = &model.types[1].shape else { panic!("{model:?}") };
        assert!(matches!(&variants[2].1, Fields::Named(fields) if fields[0].1 == Conversion::Into));
    }
}
