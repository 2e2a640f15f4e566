//! The types that expressions have before they are evaluated.

use std::fmt::{self, Display};
use std::sync::Arc;

use super::shape::Shape;
use crate::schema::node;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type<'s> {
    /// Known only when the expression is evaluated.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    List(Arc<Type<'s>>),
    Map(Arc<(Type<'s>, Type<'s>)>),
    Optional(Arc<Type<'s>>),
    /// A type itself, as a value.
    Meta(Arc<Type<'s>>),
    /// An object with fixed fields; every place in a schema is a type of its own.
    Object(Shape<'s>),
    /// A type of a library.
    Opaque(Opaque),
    /// To be found out.
    Param(usize),
}

/// Types that libraries bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opaque {
    Quantity,
    Url,
    Ip,
    Cidr,
    Semver,
    Format,
}

impl Opaque {
    pub(super) const ALL: [Self; 6] = [Self::Quantity, Self::Url, Self::Ip, Self::Cidr, Self::Semver, Self::Format];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quantity => "kubernetes.Quantity",
            Self::Url => "kubernetes.URL",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Semver => "kubernetes.Semver",
            Self::Format => "kubernetes.NamedFormat",
        }
    }
}

impl<'s> Type<'s> {
    pub(super) fn list(item: Self) -> Self {
        Self::List(Arc::new(item))
    }

    pub(super) fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    pub(crate) fn optional(inner: Self) -> Self {
        Self::Optional(Arc::new(inner))
    }

    /// The type of what a schema describes. None is what expressions cannot see: data without a schema.
    /// Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/common/schemas.go>
    pub(crate) fn of(shape: Shape<'s>) -> Option<Self> {
        let Some(node) = shape.node() else { return Some(Self::Dyn) };
        Some(match node.type_ {
            node::Type::IntOrString => Self::Dyn,
            node::Type::Array => Self::list(Self::of(shape.items()?)?),
            node::Type::Object => match shape.values() {
                Some(values) => Self::map(Self::Text, Self::of(values)?),
                None => Self::Object(shape),
            },
            node::Type::String => match node.format_name() {
                "byte" => Self::Bytes,
                "duration" => Self::Duration,
                "date" | "date-time" => Self::Timestamp,
                _ => Self::Text,
            },
            node::Type::Boolean => Self::Bool,
            node::Type::Number => Self::Double,
            node::Type::Integer => Self::Int,
            node::Type::Any => return None,
        })
    }

    /// The types that have a name of one word, or several with dots.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::Text,
            "bytes" => Self::Bytes,
            "list" => Self::list(Self::Dyn),
            "map" => Self::map(Self::Dyn, Self::Dyn),
            "null_type" => Self::Null,
            "type" => Self::Meta(Arc::new(Self::Dyn)),
            "optional_type" => Self::optional(Self::Dyn),
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.Duration" => Self::Duration,
            _ => Self::Opaque(Opaque::ALL.into_iter().find(|opaque| opaque.name() == name)?),
        })
    }

    /// Whether null may stand in its place.
    fn takes_null(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Opaque(_) | Self::Timestamp | Self::Duration | Self::Optional(_))
    }
}

impl Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn | Self::Param(_) => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(of) => write!(f, "map({}, {})", of.0, of.1),
            Self::Optional(inner) => write!(f, "optional_type({inner})"),
            Self::Meta(inner) => write!(f, "type({inner})"),
            Self::Object(_) => f.write_str("object"),
            Self::Opaque(opaque) => f.write_str(opaque.name()),
        }
    }
}

/// What has been found out about parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings<'s>(Vec<Option<Type<'s>>>);

impl<'s> Bindings<'s> {
    /// A type that is to be found out.
    pub(super) fn fresh(&mut self) -> Type<'s> {
        self.0.push(None);
        Type::Param(self.0.len() - 1)
    }

    /// What is known of a type by now, at its outermost.
    fn known(&self, type_: &Type<'s>) -> Type<'s> {
        let mut type_ = type_;
        while let Type::Param(index) = type_ {
            match self.0.get(*index) {
                Some(Some(bound)) => type_ = bound,
                _ => break,
            }
        }
        type_.clone()
    }

    /// What is known of a type by now, throughout; what was not found out may be anything.
    pub(super) fn resolve(&self, type_: &Type<'s>) -> Type<'s> {
        match self.known(type_) {
            Type::List(item) => Type::list(self.resolve(&item)),
            Type::Map(of) => Type::map(self.resolve(&of.0), self.resolve(&of.1)),
            Type::Optional(inner) => Type::optional(self.resolve(&inner)),
            Type::Meta(inner) => Type::Meta(Arc::new(self.resolve(&inner))),
            known => known,
        }
    }

    /// Whether a value of one type may stand where the other is wanted; finds out what it can on the way.
    pub(super) fn fits(&mut self, a: &Type<'s>, b: &Type<'s>) -> bool {
        match (self.known(a), self.known(b)) {
            (Type::Param(a), Type::Param(b)) if a == b => true,
            (Type::Param(index), other) | (other, Type::Param(index)) => {
                let free = !self.mentions(&other, index);
                if free {
                    self.0[index] = Some(other);
                }
                free
            }
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Null, Type::Null) => true,
            (Type::Null, other) | (other, Type::Null) => other.takes_null(),
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => self.fits(&a, &b),
            (Type::Map(a), Type::Map(b)) => self.fits(&a.0, &b.0) && self.fits(&a.1, &b.1),
            (Type::Meta(_), Type::Meta(_)) => true,
            (a, b) => a == b,
        }
    }

    fn mentions(&self, type_: &Type<'s>, index: usize) -> bool {
        match self.known(type_) {
            Type::Param(found) => found == index,
            Type::List(inner) | Type::Optional(inner) | Type::Meta(inner) => self.mentions(&inner, index),
            Type::Map(of) => self.mentions(&of.0, index) || self.mentions(&of.1, index),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_out() {
        let mut bindings = Bindings::default();
        let (a, b) = (bindings.fresh(), bindings.fresh());
        assert!(bindings.fits(&Type::list(a.clone()), &Type::list(Type::Int)));
        assert_eq!(bindings.resolve(&a), Type::Int);
        assert!(!bindings.fits(&a, &Type::Text));
        assert!(bindings.fits(&a, &Type::Dyn));
        assert!(bindings.fits(&b, &Type::map(Type::Text, a.clone())));
        assert_eq!(bindings.resolve(&b).to_string(), "map(string, int)");
        let c = bindings.fresh();
        assert!(!bindings.fits(&c, &Type::list(c.clone())), "a list cannot be its own item");
        assert_eq!(bindings.resolve(&c).to_string(), "dyn");
    }

    #[test]
    fn null_stands_for_objects_only() {
        let mut bindings = Bindings::default();
        assert!(bindings.fits(&Type::Null, &Type::Timestamp));
        assert!(bindings.fits(&Type::Opaque(Opaque::Ip), &Type::Null));
        assert!(!bindings.fits(&Type::Null, &Type::Text));
        assert!(!bindings.fits(&Type::list(Type::Int), &Type::Null));
    }
}
