//! Which objects of a kind are meant.

use super::Registry;
use super::error::Error;
use super::object::{Object, field_text};
use crate::kind::KindVersion;
use crate::request::selectors::{FieldSelector, LabelSelector};
use crate::schema::json_path::JsonPath;

/// Label and field selectors, ready to be asked.
#[derive(Debug, Default)]
pub struct Selector {
    labels: Option<LabelSelector>,
    fields: Vec<Requirement>,
}

#[derive(Debug)]
struct Requirement {
    field: Field,
    equals: bool,
    value: String,
}

#[derive(Debug)]
enum Field {
    Name,
    Namespace,
    /// The index of a selectable field of the storage version, kept with each object.
    Kept(usize),
    /// A field of another version: it has to be looked up in the object as that version shows it.
    Shown {
        version: usize,
        path: JsonPath,
    },
}

impl Selector {
    /// Whether it leaves anything out.
    pub fn is_everything(&self) -> bool {
        self.labels.is_none() && self.fields.is_empty()
    }

    /// Whether any fields will do.
    pub fn is_of_all_fields(&self) -> bool {
        self.fields.is_empty()
    }

    /// Leaves out every object but those of this name.
    pub fn pin_name(&mut self, name: &str) {
        self.fields.push(Requirement { field: Field::Name, equals: true, value: name.to_owned() });
    }

    /// The one name that it asks for, if it does.
    pub fn name(&self) -> Option<&str> {
        let named = |field: &&Requirement| field.equals && matches!(field.field, Field::Name);
        self.fields.iter().find(named).map(|field| field.value.as_str())
    }
}

impl Registry {
    /// Reads selectors as this version of the kind understands them; empty texts select everything.
    ///
    /// # Errors
    /// A text that is no selector, a field that the version does not offer.
    pub fn selector(&self, version: &KindVersion, labels: &str, fields: &str) -> Result<Selector, Error> {
        let bad = |error: String| Error::BadRequest(error);
        let labels = match labels.trim() {
            "" => None,
            text => Some(LabelSelector::parse(text).map_err(|error| bad(error.to_string()))?),
        };
        let parsed = FieldSelector::parse(fields).map_err(|error| bad(error.to_string()))?;
        let mut requirements = Vec::new();
        for requirement in parsed.requirements() {
            requirements.push(Requirement {
                field: self.field(version, &requirement.field)?,
                equals: requirement.equals,
                value: requirement.value.clone(),
            });
        }
        Ok(Selector { labels, fields: requirements })
    }

    fn field(&self, version: &KindVersion, name: &str) -> Result<Field, Error> {
        match name {
            "metadata.name" => return Ok(Field::Name),
            "metadata.namespace" if self.kind.namespaced => return Ok(Field::Namespace),
            _ => {}
        }
        let Some(index) = version.selectable_fields.iter().position(|field| field.name == name) else {
            return Err(Error::BadRequest(format!("field label not supported: {name}")));
        };
        if std::ptr::eq(version, self.kind.storage_version()) {
            return Ok(Field::Kept(index));
        }
        let position = self.kind.versions.iter().position(|other| std::ptr::eq(other, version)).unwrap_or_default();
        Ok(Field::Shown { version: position, path: version.selectable_fields[index].path.clone() })
    }

    /// Whether the selector means this object.
    pub fn matches(&self, selector: &Selector, object: &Object) -> bool {
        selector.labels.as_ref().is_none_or(|labels| labels.matches(&object.summary.labels))
            && selector.fields.iter().all(|field| self.fulfils(field, object))
    }

    fn fulfils(&self, requirement: &Requirement, object: &Object) -> bool {
        let wanted = requirement.value.as_str();
        let equal = match &requirement.field {
            Field::Name => object.summary.name == wanted,
            Field::Namespace => object.summary.namespace == wanted,
            Field::Kept(index) => object.summary.fields.get(*index).is_some_and(|value| value == wanted),
            Field::Shown { version, path } => self
                .show(object, &self.kind.versions[*version])
                .is_ok_and(|shown| field_text(path.first(&shown)) == wanted),
        };
        equal == requirement.equals
    }
}
