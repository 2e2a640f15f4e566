//! Values while an expression is evaluated. What comes from an object stays where it is and is looked at only where the
//! expression looks.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::error::{Error, Result};
use super::library::{Cidr, Format, Ip, Semver, Url};
use super::shape::Shape;
use super::time::Timestamp;
use super::types::Opaque;
use crate::schema::Quantity;
use crate::schema::node::{ListType, Node};

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Arc<[u8]>),
    Timestamp(Timestamp),
    /// In nanoseconds.
    Duration(i64),
    List(List<'a>),
    Map(Map<'a>),
    Optional(Option<Arc<Value<'a>>>),
    Type(&'static str),
    Quantity(Arc<Quantity>),
    Url(Arc<Url>),
    Ip(Ip),
    Cidr(Cidr),
    Semver(Arc<Semver>),
    Format(&'static Format),
}

/// A text, of the object or made by the expression.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

/// A list, of the object or made by the expression.
#[derive(Clone, Debug)]
pub(crate) enum List<'a> {
    Json { items: &'a [Json], shape: Shape<'a> },
    Made(Arc<Made<'a>>),
}

/// A list that an expression has made.
#[derive(Debug)]
pub(crate) struct Made<'a> {
    pub(super) items: Vec<Value<'a>>,
    /// Where it was added to a set or a map list of a schema, and is one itself.
    pub(super) like: Option<&'a Node>,
}

/// A map or an object, of the object or made by the expression.
#[derive(Clone, Debug)]
pub(crate) enum Map<'a> {
    Json { fields: &'a JsonMap<String, Json>, shape: Shape<'a> },
    Made(Arc<MadeMap<'a>>),
}

/// A map that an expression has made.
#[derive(Default)]
pub(crate) struct MadeMap<'a> {
    entries: Vec<(Value<'a>, Value<'a>)>,
    index: HashMap<Key<'a>, usize>,
}

/// What tells the entries of a map apart: numbers are equal whatever their type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Bool(bool),
    Number(i128),
    Text(Text<'a>),
}

impl<'a> Value<'a> {
    /// Looks at a value of an object.
    pub(crate) fn view(json: &'a Json, shape: Shape<'a>) -> Result<Self> {
        match shape.node() {
            Some(node) => super::view::typed(json, node, shape),
            None => Ok(super::view::free(json)),
        }
    }

    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::Shared(text.into()))
    }

    pub(super) fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(List::made(items))
    }

    /// An optional, such as an old value that may not be there.
    pub(crate) fn optional(value: Option<Self>) -> Self {
        Self::Optional(value.map(Arc::new))
    }

    /// The text that it is.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    pub(super) fn some(value: Value<'a>) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Quantity(_) => Opaque::Quantity.name(),
            Self::Url(_) => Opaque::Url.name(),
            Self::Ip(_) => Opaque::Ip.name(),
            Self::Cidr(_) => Opaque::Cidr.name(),
            Self::Semver(_) => Opaque::Semver.name(),
            Self::Format(_) => Opaque::Format.name(),
        }
    }

    /// How large it is where costs are counted: characters, bytes, items; 1 for what has no size.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.chars().count() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::List(list) => list.len() as u64,
            Self::Map(map) => map.len() as u64,
            Self::Optional(Some(inner)) => inner.size(),
            Self::Ip(ip) => ip.size(),
            Self::Cidr(cidr) => cidr.size(),
            _ => 1,
        }
    }

    pub(super) fn as_str(&self) -> Result<&str> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(Error::Overload),
        }
    }

    pub(super) fn as_int(&self) -> Result<i64> {
        match self {
            Self::Int(number) => Ok(*number),
            _ => Err(Error::Overload),
        }
    }

    pub(super) fn as_list(&self) -> Result<&List<'a>> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(Error::Overload),
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<'a> List<'a> {
    pub(super) fn made(items: Vec<Value<'a>>) -> Self {
        Self::Made(Arc::new(Made { items, like: None }))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json { items, .. } => items.len(),
            Self::Made(made) => made.items.len(),
        }
    }

    /// The item at an index that is within the list.
    pub(super) fn get(&self, index: usize) -> Result<Value<'a>> {
        match self {
            Self::Json { items, shape } => Value::view(&items[index], shape.items().unwrap_or(Shape::Free)),
            Self::Made(made) => Ok(made.items[index].clone()),
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Result<Value<'a>>> + DoubleEndedIterator + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    pub(super) fn to_vec(&self) -> Result<Vec<Value<'a>>> {
        self.iter().collect()
    }

    /// The set or map list that it is.
    pub(super) fn keyed(&self) -> Option<&'a Node> {
        let node = match self {
            Self::Json { shape, .. } => shape.node(),
            Self::Made(made) => made.like,
        };
        node.filter(|node| node.list_type != ListType::Atomic)
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json { fields, .. } => fields.len(),
            Self::Made(made) => made.entries.len(),
        }
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &Value<'a>) -> Result<Option<Value<'a>>> {
        match self {
            Self::Json { fields, shape } => match key {
                Value::Text(name) => super::view::field(fields, *shape, name),
                _ if shape.node().is_none() => Ok(None),
                _ => Err(Error::Overload),
            },
            Self::Made(made) => Ok(Key::find(key).and_then(|key| made.get(&key)).cloned()),
        }
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Result<Option<Value<'a>>> {
        match self {
            Self::Json { fields, shape } => super::view::field(fields, *shape, name),
            Self::Made(made) => Ok(made.get(&Key::Text(Text::Borrowed(name))).cloned()),
        }
    }

    pub(super) fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Self::Json { fields, shape } => super::view::keys(fields, *shape),
            Self::Made(made) => made.entries.iter().map(|(key, _)| key.clone()).collect(),
        }
    }
}

impl<'a> MadeMap<'a> {
    /// False when the key is there already.
    pub(super) fn insert(&mut self, key: Value<'a>, value: Value<'a>) -> Result<bool> {
        let id = Key::new(&key).ok_or_else(|| Error::failed(format!("unsupported key type: {}", key.type_name())))?;
        if self.index.contains_key(&id) {
            return Ok(false);
        }
        self.index.insert(id, self.entries.len());
        self.entries.push((key, value));
        Ok(true)
    }

    fn get(&self, key: &Key<'_>) -> Option<&Value<'a>> {
        self.index.get(key).map(|index| &self.entries[*index].1)
    }
}

impl fmt::Debug for MadeMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(key, value)| (key, value))).finish()
    }
}

impl<'a> Key<'a> {
    /// The key that a value can be.
    pub(super) fn new(value: &Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Number((*number).into()),
            Value::Uint(number) => Self::Number((*number).into()),
            Value::Text(text) => Self::Text(text.clone()),
            _ => return None,
        })
    }

    /// The key that a value finds.
    fn find(value: &Value<'a>) -> Option<Self> {
        match value {
            Value::Double(number) if number.fract() == 0.0 => Some(Self::Number(*number as i128)),
            value => Self::new(value),
        }
    }
}
