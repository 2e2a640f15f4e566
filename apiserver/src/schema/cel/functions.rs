//! Every function and operator that expressions may call: on what types, how it is computed and what it costs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::cost::Cost;
use super::error::Result;
use super::types::{Bindings, Opaque, Type};
use super::value::Value;
use super::work::Work;
use super::{library, operators};

/// How a function is computed. Arguments of other types than those of its signatures are answered with
/// [`Overload`](super::error::Error::Overload).
pub(super) type Native = for<'a> fn(&mut Work, &[Value<'a>]) -> Result<Value<'a>>;

/// A function as its module declares it.
pub(super) struct Definition {
    /// For example `string.startsWith(string) -> bool` or `sets.contains(list(A), list(A)) -> bool`; all of one name.
    pub(super) signatures: &'static [&'static str],
    pub(super) cost: Cost,
    pub(super) native: Native,
}

/// One way of calling a function.
pub(super) struct Overload {
    /// Called behind a dot, on the first of its arguments.
    pub(super) method: bool,
    args: Vec<Type<'static>>,
    result: Type<'static>,
    pub(super) definition: &'static Definition,
}

static FUNCTIONS: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut table: HashMap<_, Vec<_>> = HashMap::new();
    for definition in library::MODULES.iter().chain([&operators::DEFINITIONS]).copied().flatten() {
        for signature in definition.signatures {
            let (name, overload) = Reader(signature).signature(definition);
            table.entry(name).or_default().push(overload);
        }
    }
    table
});

/// The ways of calling a function; none where there is no such function.
pub(super) fn overloads(name: &str) -> &'static [Overload] {
    FUNCTIONS.get(name).map_or(&[], Vec::as_slice)
}

impl Overload {
    /// What calling it with these types yields, when it can be. `bindings` are changed only then.
    pub(super) fn result<'s>(&self, args: &[Type<'s>], bindings: &mut Bindings<'s>) -> Option<Type<'s>> {
        if args.len() != self.args.len() {
            return None;
        }
        let mut trial = bindings.clone();
        let params = [trial.fresh(), trial.fresh()];
        let fits = self.args.iter().zip(args).all(|(wanted, found)| trial.fits(&instance(wanted, &params), found));
        fits.then(|| {
            *bindings = trial;
            instance(&self.result, &params)
        })
    }
}

/// A type of a signature with its parameters made those of one call.
fn instance<'s>(type_: &Type<'static>, params: &[Type<'s>; 2]) -> Type<'s> {
    match type_ {
        Type::Param(index) => params[*index].clone(),
        Type::List(item) => Type::list(instance(item, params)),
        Type::Map(of) => Type::map(instance(&of.0, params), instance(&of.1, params)),
        Type::Optional(inner) => Type::optional(instance(inner, params)),
        Type::Meta(inner) => Type::Meta(Arc::new(instance(inner, params))),
        other => other.clone(),
    }
}

/// Reads signatures. They are ours, so that what is wrong with one is found by the first test.
struct Reader(&'static str);

impl Reader {
    fn signature(mut self, definition: &'static Definition) -> (&'static str, Overload) {
        let (path, rest) = self.0.split_once('(').expect("a signature has arguments");
        // A method is written behind a type, a function of a library behind a name that is none.
        let (receiver, name) = match split_receiver(self.0) {
            Some((receiver, name)) => (Some(receiver), name),
            None => (None, path),
        };
        self.0 = match receiver {
            None => rest,
            Some(_) => self.0.split_once(&format!("{name}(")).expect("the name is there").1,
        };
        let mut args: Vec<_> = receiver.map(|receiver| Reader(receiver).type_()).into_iter().collect();
        while !self.take(")") {
            args.push(self.type_());
            self.take(", ");
        }
        assert!(self.take(" -> "), "a signature has a result");
        let result = self.type_();
        (name, Overload { method: receiver.is_some(), args, result, definition })
    }

    fn take(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn type_(&mut self) -> Type<'static> {
        let end = self.0.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        self.0 = rest;
        let inner = |reader: &mut Self| {
            assert!(reader.take("("), "{name} has a type within");
            let inner = reader.type_();
            reader.take(", ");
            inner
        };
        let type_ = match name {
            "A" => return Type::Param(0),
            "B" => return Type::Param(1),
            "dyn" => return Type::Dyn,
            "timestamp" => return Type::Timestamp,
            "duration" => return Type::Duration,
            "Quantity" => return Type::Opaque(Opaque::Quantity),
            "URL" => return Type::Opaque(Opaque::Url),
            "IP" => return Type::Opaque(Opaque::Ip),
            "CIDR" => return Type::Opaque(Opaque::Cidr),
            "Semver" => return Type::Opaque(Opaque::Semver),
            "Format" => return Type::Opaque(Opaque::Format),
            "list" => Type::list(inner(self)),
            "optional" => Type::optional(inner(self)),
            "type" => Type::Meta(Arc::new(inner(self))),
            "map" => {
                let key = inner(self);
                Type::map(key, self.type_())
            }
            name => return Type::named(name).expect("a type that is known"),
        };
        assert!(self.take(")"), "{name} ends with a bracket");
        type_
    }
}

/// The type before a method, and its name.
fn split_receiver(signature: &'static str) -> Option<(&'static str, &'static str)> {
    const RECEIVERS: [&str; 15] = [
        "string.",
        "list(",
        "map(",
        "timestamp.",
        "duration.",
        "optional(",
        "Quantity.",
        "URL.",
        "IP.",
        "CIDR.",
        "Semver.",
        "Format.",
        "bytes.",
        "int.",
        "double.",
    ];
    RECEIVERS.iter().find(|receiver| signature.starts_with(**receiver))?;
    let mut depth = 0;
    let dot = signature.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && c == '.'
    })?;
    let (name, _) = signature[dot + 1..].split_once('(')?;
    Some((&signature[..dot], name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, args: &[Type<'static>], expect: &[&str]) {
        let mut bindings = Bindings::default();
        let results = overloads(name).iter().filter_map(|overload| {
            let result = overload.result(args, &mut bindings)?;
            Some(format!("{}{}", if overload.method { "." } else { "" }, bindings.resolve(&result)))
        });
        assert_eq!(results.collect::<Vec<_>>(), expect, "{name}");
    }

    #[test]
    fn signatures_are_matched() {
        check("_+_", &[Type::Int, Type::Int], &["int"]);
        check("_+_", &[Type::Int, Type::Text], &[]);
        check("_==_", &[Type::Int, Type::Double], &[]);
        check("_<_", &[Type::Int, Type::Double], &["bool"]);
        check("_[_]", &[Type::map(Type::Text, Type::list(Type::Int)), Type::Text], &["list(int)"]);
        check("size", &[Type::list(Type::Dyn)], &["int", ".int"]);
        check("startsWith", &[Type::Text, Type::Text], &[".bool"]);
        check("nothing", &[], &[]);
    }
}
