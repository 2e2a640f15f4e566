//! Objects of a kind from one version to another, by way of the stored one.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::pair::Pair;
use super::version::Further;
use super::{Conversion, ConversionError, kept, set_api_version};
use crate::kind::{Kind, KindVersion};

/// The conversions of a kind whose versions are types of a project. Versions that have none are of the stored one's shape.
pub(crate) struct Conversions {
    kind: Arc<Kind>,
    spokes: Vec<Spoke>,
    kept: Vec<String>,
}

/// A version with a shape of its own.
struct Spoke {
    version: String,
    pair: Arc<dyn Pair>,
    keeps_lost_fields: bool,
}

/// One step: from a version to the stored one, or back.
struct Step<'a> {
    spoke: &'a Spoke,
    from: &'a KindVersion,
    to: &'a KindVersion,
    to_hub: bool,
}

impl Conversions {
    /// The conversions between the versions of a kind, which has all of `further`.
    pub(crate) fn new(kind: Arc<Kind>, further: &[Further]) -> Self {
        let spoke = |version: &Further| {
            Some(Spoke {
                version: version.name.clone(),
                pair: version.pair()?.clone(),
                keeps_lost_fields: version.keeps_lost_fields(),
            })
        };
        let spokes: Vec<Spoke> = further.iter().filter_map(spoke).collect();
        let mut keeping: Vec<&str> =
            spokes.iter().filter(|spoke| spoke.keeps_lost_fields).map(|spoke| spoke.version.as_str()).collect();
        if !keeping.is_empty() {
            keeping.push(&kind.storage_version().version);
        }
        let kept = keeping.into_iter().map(|version| kept::annotation(&kind.group, version)).collect();
        Self { kind, spokes, kept }
    }

    /// An object of a version as its type writes it, its metadata untouched.
    ///
    /// # Errors
    /// An object that is not of the type.
    pub(crate) fn written(&self, version: &KindVersion, object: &Value) -> Result<Value, ConversionError> {
        let hub = self.kind.storage_version();
        let step = match (self.spoke(version), self.spokes.first()) {
            (Some(spoke), _) => Step { spoke, from: version, to: hub, to_hub: true },
            (None, Some(spoke)) => Step { spoke, from: version, to: hub, to_hub: false },
            (None, None) => return Ok(object.clone()),
        };
        let mut written = step.written(object.clone())?;
        for shared in ["apiVersion", "kind", "metadata"] {
            written[shared] = object[shared].clone();
        }
        Ok(written)
    }

    fn spoke(&self, version: &KindVersion) -> Option<&Spoke> {
        self.spokes.iter().find(|spoke| spoke.version == version.version)
    }
}

impl Conversion for Conversions {
    fn convert(&self, from: &KindVersion, to: &KindVersion, mut object: Value) -> Result<Value, ConversionError> {
        if std::ptr::eq(from, to) {
            return Ok(object);
        }
        let hub = self.kind.storage_version();
        if let Some(spoke) = self.spoke(from) {
            object = Step { spoke, from, to: hub, to_hub: true }.take(object)?;
        }
        match self.spoke(to) {
            Some(spoke) => Step { spoke, from: hub, to, to_hub: false }.take(object),
            None => {
                set_api_version(&mut object, to);
                Ok(object)
            }
        }
    }

    fn is_same_shape(&self, a: &KindVersion, b: &KindVersion) -> bool {
        std::ptr::eq(a, b) || (self.spoke(a).is_none() && self.spoke(b).is_none())
    }

    fn kept_annotations(&self) -> &[String] {
        &self.kept
    }
}

impl Step<'_> {
    fn take(&self, mut object: Value) -> Result<Value, ConversionError> {
        if !self.spoke.keeps_lost_fields {
            return self.convert(object);
        }
        let own = kept::annotation(&self.from.group, &self.from.version);
        let others = kept::annotation(&self.to.group, &self.to.version);
        kept::take(&mut object, &own);
        let lost_before = kept::take(&mut object, &others);
        let mut whole = self.written(object.clone())?;
        kept::lay_over(&mut whole, &object);
        self.from.schema.default(&mut whole);
        let mut converted = self.convert(object)?;
        if let Some(lost_before) = lost_before {
            converted = self.put_back(converted, &lost_before);
        }
        // The way back, as it will be once the object is written: with the defaults of both.
        let mut there = converted.clone();
        self.to.schema.default(&mut there);
        let mut back = self.back().convert(there)?;
        self.from.schema.default(&mut back);
        if let Some(lost) = kept::lost(&self.from.schema, &whole, &back) {
            kept::put(&mut converted, own, lost);
        }
        Ok(converted)
    }

    /// Clients can write the annotation as well, so that it is believed only as far as the target's type takes it.
    fn put_back(&self, converted: Value, lost: &str) -> Value {
        let mut whole = converted.clone();
        kept::put_back(lost, &mut whole);
        self.to.schema.prune(&mut whole, &mut Vec::new());
        match self.back().written(whole.clone()) {
            Ok(_) => whole,
            Err(_) => converted,
        }
    }

    fn back(&self) -> Self {
        Step { spoke: self.spoke, from: self.to, to: self.from, to_hub: !self.to_hub }
    }

    /// What the types make of an object. Of its metadata only labels and annotations are theirs.
    fn convert(&self, mut object: Value) -> Result<Value, ConversionError> {
        let kind = object.get("kind").cloned();
        let mut metadata = set_metadata_aside(&mut object);
        // A derive gives a type its status along with the subresource. Without that a status is a field of the schema alone.
        let plain_status = !self.from.status && !self.to.status;
        let status = object.as_object_mut().filter(|_| plain_status).and_then(|fields| fields.remove("status"));
        let pair = &self.spoke.pair;
        let mut converted = if self.to_hub { pair.to_hub(object) } else { pair.to_spoke(object) }
            .map_err(|error| self.unreadable(&error))?;
        if let Some(fields) = converted.as_object_mut() {
            let mut written = fields.remove("metadata").unwrap_or_default();
            for field in ["labels", "annotations"] {
                carry(&mut metadata, &mut written, field);
            }
            fields.insert("metadata".into(), Value::Object(metadata));
            fields.extend(kind.map(|kind| ("kind".to_owned(), kind)));
            fields.extend(status.map(|status| ("status".to_owned(), status)));
        }
        set_api_version(&mut converted, self.to);
        self.to.schema.drop_unset(&mut converted);
        self.to.schema.prune(&mut converted, &mut Vec::new());
        Ok(converted)
    }

    /// The object as its own type writes it.
    fn written(&self, mut object: Value) -> Result<Value, ConversionError> {
        set_metadata_aside(&mut object);
        let pair = &self.spoke.pair;
        let mut written = if self.to_hub { pair.as_spoke(object) } else { pair.as_hub(object) }
            .map_err(|error| self.unreadable(&error))?;
        self.from.schema.drop_unset(&mut written);
        Ok(written)
    }

    fn unreadable(&self, error: &serde_json::Error) -> ConversionError {
        ConversionError { from: self.from.api_version(), to: self.to.api_version(), message: error.to_string() }
    }
}

/// Leaves a type the metadata without managed fields, which are large and none of its business, and gives the whole.
fn set_metadata_aside(object: &mut Value) -> Map<String, Value> {
    let Some(fields) = object.as_object_mut() else { return Map::new() };
    let metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let for_types = metadata.iter().filter(|(name, _)| *name != "managedFields");
    let for_types: Map<_, _> = for_types.map(|(name, value)| (name.clone(), value.clone())).collect();
    fields.insert("metadata".into(), for_types.into());
    metadata
}

/// Takes over labels or annotations as a type has written them.
fn carry(metadata: &mut Map<String, Value>, written: &mut Value, field: &str) {
    match written.get_mut(field).map(Value::take) {
        Some(Value::Object(map)) if !map.is_empty() => drop(metadata.insert(field.into(), map.into())),
        _ => drop(metadata.remove(field)),
    }
}
