//! Which objects of a kind are meant.

use super::Registry;
use super::error::Error;
use super::object::Object;
use super::summary::field_texts;
use crate::kind::{Kind, KindVersion};
use crate::request::selectors::{FieldSelector, LabelCondition, LabelRequirement, LabelSelector};
use crate::storage::cache::index::{By, Lookup};

/// Label and field selectors, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    labels: Option<LabelSelector>,
    fields: Vec<Requirement>,
    /// The label selector as it was written, for those who select by themselves.
    pub labels_text: String,
    /// The field selector as it was written.
    pub fields_text: String,
}

#[derive(Clone, Debug)]
struct Requirement {
    field: Field,
    equals: bool,
    value: String,
}

#[derive(Clone, Debug)]
enum Field {
    Name,
    Namespace,
    /// The index of a selectable field of the storage version, kept with each object.
    Kept(usize),
    /// A selectable field of another version by their indices: it is looked up in the object as that version shows it.
    Shown {
        version: usize,
        index: usize,
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
        self.fields_text = format!("metadata.name={name}");
        self.fields.push(Requirement { field: Field::Name, equals: true, value: name.to_owned() });
        let comma = if self.fields_text.is_empty() { "" } else { "," };
        self.fields_text.push_str(&format!("{comma}metadata.name={name}"));
    }

    /// Reads selectors of a kind as this version of it understands them; empty texts select everything. `same_shape` says
    /// that the version has the shape of the stored one.
    ///
    /// # Errors
    /// A text that is no selector, a field that the version does not offer.
    pub fn read(
        kind: &Kind,
        version: &KindVersion,
        same_shape: bool,
        labels: &str,
        fields: &str,
    ) -> Result<Self, Error> {
        let bad = |error: String| Error::BadRequest(error);
        let (labels_text, fields_text) = (labels.trim().to_owned(), fields.trim().to_owned());
        let labels = match labels.trim() {
            "" => None,
            text => Some(LabelSelector::parse(text).map_err(|error| bad(error.to_string()))?),
        };
        let parsed = FieldSelector::parse(fields).map_err(|error| bad(error.to_string()))?;
        let mut requirements = Vec::new();
        for requirement in parsed.requirements() {
            requirements.push(Requirement {
                field: field(kind, version, same_shape, &requirement.field)?,
                equals: requirement.equals,
                value: requirement.value.clone(),
            });
        }
        Ok(Self { labels, fields: requirements, labels_text, fields_text })
    }

    /// Whether it means this object. `shown` gives the selectable fields of another version than the stored one, by its
    /// place among the kind's versions; `None` where the object cannot be shown in it.
    pub fn matches<'o>(&self, object: &'o Object, shown: impl Fn(usize) -> Option<&'o [Box<str>]>) -> bool {
        self.labels.as_ref().is_none_or(|labels| labels.matches_with(|key| object.summary.labels.get(key)))
            && self.fields.iter().all(|field| field.holds(object, &shown))
    }

    /// The one name that it asks for, if it does.
    pub fn name(&self) -> Option<&str> {
        let named = |field: &&Requirement| field.equals && matches!(field.field, Field::Name);
        self.fields.iter().find(named).map(|field| field.value.as_str())
    }
}

impl Selector {
    /// The conditions that an index of the cache can answer: values of a label or a field, of which every object that is
    /// meant has one.
    pub fn lookups(&self) -> Vec<Lookup> {
        let field = |requirement: &Requirement| match requirement.field {
            // Most objects have no value at all, so to look for that is to look at most of them.
            Field::Kept(index) if requirement.equals && !requirement.value.is_empty() => {
                Some(Lookup { by: By::Field(index), values: vec![requirement.value.clone()] })
            }
            _ => None,
        };
        let label = |requirement: &LabelRequirement| match &requirement.condition {
            LabelCondition::In(values) => {
                Some(Lookup { by: By::Label(requirement.key.clone()), values: values.clone() })
            }
            _ => None,
        };
        let labels = self.labels.iter().flat_map(|labels| labels.requirements());
        self.fields.iter().filter_map(field).chain(labels.filter_map(label)).collect()
    }
}

impl Requirement {
    fn holds<'o>(&self, object: &'o Object, shown: &impl Fn(usize) -> Option<&'o [Box<str>]>) -> bool {
        let wanted = self.value.as_str();
        let equal = match &self.field {
            Field::Name => *object.summary.name == *wanted,
            Field::Namespace => *object.summary.namespace == *wanted,
            Field::Kept(index) => object.summary.fields.get(*index).is_some_and(|value| **value == *wanted),
            Field::Shown { version, index } => {
                shown(*version).and_then(|fields| fields.get(*index)).is_some_and(|value| **value == *wanted)
            }
        };
        equal == self.equals
    }
}

fn field(kind: &Kind, version: &KindVersion, same_shape: bool, name: &str) -> Result<Field, Error> {
    match name {
        "metadata.name" => return Ok(Field::Name),
        "metadata.namespace" if kind.namespaced => return Ok(Field::Namespace),
        _ => {}
    }
    let Some(index) = version.selectable_fields.iter().position(|field| field.name == name) else {
        return Err(Error::BadRequest(format!("field label not supported: {name}")));
    };
    let storage = kind.storage_version();
    if same_shape && let Some(index) = storage.selectable_fields.iter().position(|field| field.name == name) {
        return Ok(Field::Kept(index));
    }
    let position = kind.versions.iter().position(|other| std::ptr::eq(other, version)).unwrap_or_default();
    Ok(Field::Shown { version: position, index })
}

impl Registry {
    /// Reads selectors as this version of the kind understands them; empty texts select everything.
    ///
    /// # Errors
    /// A text that is no selector, a field that the version does not offer.
    pub fn selector(&self, version: &KindVersion, labels: &str, fields: &str) -> Result<Selector, Error> {
        Selector::read(&self.kind, version, self.has_stored_shape(version), labels, fields)
    }

    /// What indexes of the cache can look up for this selector; sees to it that there are some.
    pub(super) fn lookups(&self, selector: &Selector) -> Vec<Lookup> {
        let lookups = selector.lookups();
        self.cache.index(&lookups);
        lookups
    }

    /// Whether the selector means this object.
    pub fn matches(&self, selector: &Selector, object: &Object) -> bool {
        selector.matches(object, |version| {
            object.fields_in(version, self.kind.versions.len(), || {
                let version = &self.kind.versions[version];
                let shown = self.show(object, version).ok()?;
                Some(field_texts(&version.selectable_fields, &shown))
            })
        })
    }
}
