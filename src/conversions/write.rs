//! Conversions as a user would write them: field by field, in the order of the types, laid out as rustfmt would.

use super::model::{Conversion, Fields, LocalType, Model, Shape};
use crate::names;
use crate::scaffold::layout;

/// rustfmt's `struct_lit_width`.
const STRUCT_WIDTH: usize = 18;

/// rustfmt's `chain_width`.
const CHAIN_WIDTH: usize = 60;

const WIDTH: usize = 100;

/// The two versions of a file of conversions.
pub struct Versions<'a> {
    pub kind: &'a str,
    /// The version in whose folder the file is.
    pub spoke: &'a str,
    /// The version that is stored.
    pub hub: &'a str,
    /// The module of the kind's fields, in both: `bird`.
    pub module: &'a str,
    /// The module of the group: `demo`.
    pub group: &'a str,
    /// What heads each file of the user's.
    pub copyright: &'a str,
}

/// Where the conversions of a file come from.
pub enum Source<'a> {
    /// Both versions have these types.
    Types(&'a Model),
    /// Both can be converted to and from a third version.
    By(&'a str),
    /// They are in the other version's folder, in this file.
    Elsewhere(&'a str),
}

/// A file of conversions.
pub fn file(versions: &Versions, source: &Source) -> String {
    let Versions { kind, spoke, hub, module, group, copyright } = versions;
    let mut names = vec![*kind];
    let (about, conversions, third) = match source {
        Source::Types(model) => {
            names.extend(model.types.iter().map(|it| it.name.as_str()));
            let about = format!("//! {kind} in {spoke} and in {hub}: how each becomes the other, field by field.\n");
            (about, from_types(versions, model), None)
        }
        Source::By(via) => {
            let about = format!(
                "//! {kind} in {spoke} and in {hub}: each becomes the other by way of {via}. Where these two have more in\n\
                 //! common than that version can hold, write here how the fields of one become those of the other.\n"
            );
            (about, by_way_of(versions, via), Some(*via))
        }
        Source::Elsewhere(path) => {
            let about =
                format!("//! {kind} in {spoke} beside {hub}. How each becomes the other is in\n//! `{path}`.\n");
            (about, String::new(), None)
        }
    };
    let mut version = "Version";
    let mut head = format!("{copyright}{about}\n");
    if names.contains(&version) {
        version = "apiserver::versions::Version";
    } else {
        head.push_str("use apiserver::versions::Version;\n\n");
    }
    names.sort_unstable();
    names.dedup();
    head.push_str(&format!("{}\n", layout::use_items(&format!("super::{module}"), &names)));
    let mut modules: Vec<&str> = third.into_iter().chain([*hub]).collect();
    modules.sort_by_key(|version| names::version_order(version));
    head.push_str(&format!("{}\n\n", layout::use_items(&format!("crate::apis::{group}"), &modules)));
    let stored = format!("{hub}::{module}::{kind}");
    let one_line = format!("pub fn version() -> {version}<{stored}> {{");
    let signature = if one_line.len() <= WIDTH {
        one_line
    } else {
        format!(
            "pub fn version()\n-> {version}<{stored}>{}",
            if stored.len() + version.len() + 7 <= WIDTH { " {" } else { "\n{" }
        )
    };
    let chain = Expression::chain(&format!("{version}::of::<{kind}>()"), [".keep_lost_fields()".to_owned()]);
    format!(
        "{head}/// {spoke} beside {hub}. What one of them has no field for is kept in an annotation, and is there again\n\
         /// on the way back.\n{signature}\n    {}\n}}\n{conversions}{TESTS}",
        chain.layout(4, 0)
    )
}

const TESTS: &str = "
#[cfg(test)]
mod tests {
    use super::*;

    /// With objects of all kinds, made up from the schemas.
    #[test]
    fn nothing_is_lost_on_the_way_to_the_other_version_and_back() {
        apiserver::testing::round_trips(&version());
    }
}
";

/// Both directions for the kind and for each of its types.
fn from_types(versions: &Versions, model: &Model) -> String {
    let mut root = vec![("metadata".to_owned(), Conversion::Move), ("spec".to_owned(), model.spec.clone())];
    root.extend(model.status.clone().map(|status| {
        let status = if status == Conversion::Move { status } else { Conversion::Map(Box::new(status)) };
        ("status".to_owned(), status)
    }));
    let root = LocalType { name: versions.kind.to_owned(), shape: Shape::Struct(Fields::Named(root)) };
    let mut text = String::new();
    for it in std::iter::once(&root).chain(&model.types) {
        let own = it.name.clone();
        let stored = format!("{}::{}::{}", versions.hub, versions.module, it.name);
        text.push_str(&implementation(&own, &stored, "from", &body(it, &own)));
        text.push_str(&implementation(&stored, &own, "from", &body(it, &stored)));
    }
    text
}

fn by_way_of(versions: &Versions, via: &str) -> String {
    let Versions { kind, hub, module, .. } = versions;
    let (own, stored) = ((*kind).to_owned(), format!("{hub}::{module}::{kind}"));
    let chain = Expression::chain(&format!("{via}::{module}::{kind}::from(from)"), [".into()".to_owned()]);
    let body = chain.layout(8, 0);
    implementation(&own, &stored, "from", &body) + &implementation(&stored, &own, "from", &body)
}

fn implementation(from: &str, to: &str, parameter: &str, body: &str) -> String {
    let one_line = format!("impl From<{from}> for {to} {{");
    let head = if one_line.len() <= WIDTH { one_line } else { format!("impl From<{from}>\n    for {to}\n{{") };
    let parameter = if body == "Self" { "_" } else { parameter };
    let one_line = format!("    fn from({parameter}: {from}) -> Self {{");
    let signature = if one_line.len() <= WIDTH {
        one_line
    } else {
        format!("    fn from(\n        {parameter}: {from},\n    ) -> Self {{")
    };
    format!("\n{head}\n{signature}\n        {body}\n    }}\n}}\n")
}

/// What gives a value of the other version's type, indented by eight. `from` is the path of the type of the parameter.
fn body(it: &LocalType, from: &str) -> String {
    match &it.shape {
        Shape::Struct(fields) => literal("Self", fields, "from.", 8),
        Shape::Enum(variants) if variants.is_empty() => "match from {}".to_owned(),
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|(variant, fields)| {
                let pattern = pattern(&format!("{from}::{variant}"), fields);
                let value = literal(&format!("Self::{variant}"), fields, "", 12);
                let last = pattern.rsplit('\n').next().unwrap_or_default().len();
                let fits = value.lines().next().is_some_and(|line| 12 + last + " => ,".len() + line.len() <= WIDTH);
                if fits {
                    return format!("            {pattern} => {value},\n");
                }
                let value = literal(&format!("Self::{variant}"), fields, "", 16);
                format!("            {pattern} => {{\n                {value}\n            }}\n")
            });
            format!("match from {{\n{}        }}", arms.collect::<String>())
        }
    }
}

/// The names of fields without a name, in a pattern.
fn bindings(count: usize) -> Vec<String> {
    if count == 1 { vec!["it".to_owned()] } else { (1..=count).map(|number| format!("it{number}")).collect() }
}

fn pattern(path: &str, fields: &Fields) -> String {
    match fields {
        Fields::None => path.to_owned(),
        Fields::Unnamed(fields) if fields.is_empty() => format!("{path}()"),
        Fields::Unnamed(fields) => format!("{path}({})", bindings(fields.len()).join(", ")),
        Fields::Named(fields) => braces(path, &fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), 12),
    }
}

/// A struct or a variant of it, whose fields are found behind `prefix`, indented by so many columns.
fn literal(path: &str, fields: &Fields, prefix: &str, indent: usize) -> String {
    match fields {
        Fields::None => path.to_owned(),
        Fields::Unnamed(fields) => {
            let names = match prefix {
                "" => bindings(fields.len()),
                _ => (0..fields.len()).map(|index| format!("{prefix}{index}")).collect(),
            };
            let values: Vec<Expression> =
                names.iter().zip(fields).map(|(name, conversion)| Expression::of(conversion, name)).collect();
            let list = values.iter().map(Expression::one_line).collect::<Vec<_>>().join(", ");
            if list.len() <= CHAIN_WIDTH {
                return format!("{path}({list})");
            }
            let inner = " ".repeat(indent + 4);
            let lines = values.iter().map(|value| format!("{inner}{},\n", value.layout(indent + 4, 0)));
            format!("{path}(\n{}{})", lines.collect::<String>(), " ".repeat(indent))
        }
        Fields::Named(fields) => {
            let field = |(name, conversion): &(String, Conversion)| {
                let value = Expression::of(conversion, &format!("{prefix}{name}"));
                if prefix.is_empty() && *conversion == Conversion::Move {
                    return name.clone();
                }
                format!("{name}: {}", value.layout(indent + 4, name.len() + ": ".len()))
            };
            braces(path, &fields.iter().map(field).collect::<Vec<_>>(), indent)
        }
    }
}

fn braces(path: &str, fields: &[String], indent: usize) -> String {
    let list = fields.join(", ");
    if fields.is_empty() {
        return format!("{path} {{}}");
    }
    if list.len() <= STRUCT_WIDTH && !list.contains('\n') {
        return format!("{path} {{ {list} }}");
    }
    let inner = " ".repeat(indent + 4);
    let lines: String = fields.iter().map(|field| format!("{inner}{field},\n")).collect();
    format!("{path} {{\n{lines}{}}}", " ".repeat(indent))
}

/// An expression that rustfmt may break.
enum Expression {
    Text(String),
    Chain {
        root: String,
        links: Vec<Link>,
    },
    /// `Box::new(…)`
    Call(String, Box<Expression>),
    /// `(key, value)`
    Pair(Box<Expression>, Box<Expression>),
}

enum Link {
    Plain(String),
    /// `.map(|it| …)`
    Closure {
        parameter: String,
        body: Box<Expression>,
    },
}

impl Expression {
    fn chain(root: &str, links: impl IntoIterator<Item = String>) -> Self {
        Self::Chain { root: root.to_owned(), links: links.into_iter().map(Link::Plain).collect() }
    }

    /// What makes a value of another version of `value`.
    fn of(conversion: &Conversion, value: &str) -> Self {
        // `from.songs` is a chain by itself.
        let (root, field) = value.split_once('.').map_or((value, None), |(root, field)| (root, Some(field)));
        let mut links: Vec<Link> = field.map(|field| Link::Plain(format!(".{field}"))).into_iter().collect();
        let plain = |text: &str| Link::Plain(text.to_owned());
        match conversion {
            Conversion::Move => return Self::Text(value.to_owned()),
            Conversion::Boxed(inner) => {
                return Self::Call("Box::new".into(), Box::new(Self::of(inner, &format!("(*{value})"))));
            }
            Conversion::Into => links.push(plain(".into()")),
            Conversion::Map(inner) => links.push(Self::map(inner)),
            Conversion::Each(inner) => {
                links.extend([plain(".into_iter()"), Self::map(inner), plain(".collect()")]);
            }
            Conversion::Entries(key, value) => {
                let body = Self::Pair(Box::new(Self::of(key, "key")), Box::new(Self::of(value, "value")));
                let map = Link::Closure { parameter: "(key, value)".into(), body: Box::new(body) };
                links.extend([plain(".into_iter()"), map, plain(".collect()")]);
            }
        }
        // The parentheses of `(*from.boxed)` are no place to break.
        if value.starts_with('(') {
            links.remove(0);
            return Self::Chain { root: value.to_owned(), links };
        }
        Self::Chain { root: root.to_owned(), links }
    }

    fn map(inner: &Conversion) -> Link {
        match inner {
            Conversion::Into => Link::Plain(".map(Into::into)".to_owned()),
            _ => Link::Closure { parameter: "it".into(), body: Box::new(Self::of(inner, "it")) },
        }
    }

    fn one_line(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Chain { root, links } => root.clone() + &links.iter().map(Link::one_line).collect::<String>(),
            Self::Call(callee, inner) => format!("{callee}({})", inner.one_line()),
            Self::Pair(key, value) => format!("({}, {})", key.one_line(), value.one_line()),
        }
    }

    /// Whether it stays on one line that starts with so many columns.
    fn fits(&self, column: usize) -> bool {
        let text = self.one_line();
        let is_chain = matches!(self, Self::Chain { .. });
        column + text.len() < WIDTH && (!is_chain || text.len() <= CHAIN_WIDTH)
    }

    /// Its text, in a line that is indented by so many columns and has `used` more before it.
    fn layout(&self, indent: usize, used: usize) -> String {
        if self.fits(indent + used) {
            return self.one_line();
        }
        let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 4));
        match self {
            Self::Text(text) => text.clone(),
            Self::Call(callee, argument) => format!("{callee}(\n{inner}{},\n{outer})", argument.layout(indent + 4, 0)),
            Self::Pair(key, value) => {
                format!("(\n{inner}{},\n{inner}{},\n{outer})", key.layout(indent + 4, 0), value.layout(indent + 4, 0))
            }
            Self::Chain { root, links } => {
                // When only the closure at the end is long, it alone is broken.
                if let Some((Link::Closure { parameter, body }, before)) = links.split_last() {
                    let before = root.clone() + &before.iter().map(Link::one_line).collect::<String>();
                    let body = body.layout(indent + 4, 0);
                    return format!("{before}.map(|{parameter}| {{\n{inner}{body}\n{outer}}})");
                }
                let mut text = root.clone();
                for (index, link) in links.iter().enumerate() {
                    // A short root keeps the first call beside it.
                    if index > 0 || root.len() > 3 {
                        text.push_str(&format!("\n{inner}"));
                    }
                    text.push_str(&link.layout(indent + 4));
                }
                text
            }
        }
    }
}

impl Link {
    fn one_line(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Closure { parameter, body } => format!(".map(|{parameter}| {})", body.one_line()),
        }
    }

    fn layout(&self, indent: usize) -> String {
        match self {
            Self::Closure { parameter, body } if !body.fits(indent + ".map(|| )".len() + parameter.len()) => {
                let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 4));
                format!(".map(|{parameter}| {{\n{inner}{}\n{outer}}})", body.layout(indent + 4, 0))
            }
            _ => self.one_line(),
        }
    }
}
