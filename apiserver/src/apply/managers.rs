//! Who owns which fields: `metadata.managedFields`, read and written. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/managedfields/internal/managedfields.go>

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fields_v1;
use super::set::Set;
use super::value::write_text;
use crate::field;

/// Up to so many managers are looked through one by one, which is faster than sorting them.
const FEW: usize = 32;

/// Who owns what the oldest updaters owned.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// Whose fields they are. Who applies is one manager in all versions, who updates is one in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) manager: String,
    pub(super) operation: Operation,
    /// Part of what a manager is only for updates.
    pub(super) api_version: String,
    pub(super) subresource: String,
}

/// One entry of managedFields.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    pub(super) identity: Identity,
    /// RFC 3339 in UTC, whole seconds. A manager that never changed anything has none.
    pub(super) time: Option<String>,
    /// In the version of the identity.
    pub(super) set: Set,
    /// The set as it was written, as long as it is still the same.
    written: Option<Value>,
}

/// All entries of an object, no two of the same manager.
#[derive(Clone, Debug, Default)]
pub(super) struct Managers(Vec<Manager>);

impl Identity {
    /// Whether both are the same manager.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.operation == other.operation
            && self.manager == other.manager
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// What conflicts are sorted by: the JSON that Kubernetes tells managers apart by.
    pub(super) fn sort_key(&self) -> String {
        let mut key = String::new();
        write_text(&mut key, &self.manager, true);
        match self.operation {
            Operation::Apply => key.push_str(",\"operation\":\"Apply\""),
            Operation::Update => {
                key.push_str(",\"operation\":\"Update\",\"apiVersion\":");
                write_text(&mut key, &self.api_version, true);
            }
        }
        if self.subresource.is_empty() {
            key.push('}');
        } else {
            key.push_str(",\"subresource\":");
            write_text(&mut key, &self.subresource, true);
        }
        key
    }
}

/// As conflicts name it.
impl Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&field::quoted(&self.manager))?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {}", field::quoted(&self.subresource))?;
        }
        match self.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(f, " using {}", self.api_version),
        }
    }
}

impl Manager {
    /// Changes what it owns.
    pub(super) fn subtract(&mut self, set: &Set) {
        if self.set.subtract(set) {
            self.written = None;
        }
    }

    /// Changes what it owns; the change says whether there was any.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Set) -> bool) {
        if change(&mut self.set) {
            self.written = None;
        }
    }

    /// What it owns, to be changed.
    pub(super) fn set_mut(&mut self) -> &mut Set {
        self.written = None;
        &mut self.set
    }

    /// The time in a form that sorts; no time is as old as can be.
    fn time_key(&self) -> &str {
        self.time.as_deref().unwrap_or("1970-01-01T00:00:00Z")
    }

    fn decode(entry: &Value) -> Result<Self, String> {
        let entry = entry.as_object().ok_or("an entry must be an object")?;
        let text = |name: &str| match entry.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(format!("{name} must be a string")),
        };
        let operation = match text("operation")?.as_str() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err("operation must be `Apply` or `Update`".into()),
        };
        let api_version = text("apiVersion")?;
        if api_version.is_empty() {
            return Err("apiVersion must not be empty".into());
        }
        match text("fieldsType")?.as_str() {
            "FieldsV1" => {}
            "" => return Err("missing fieldsType in managed fields entry".into()),
            other => return Err(format!("invalid fieldsType {} in managed fields entry", field::quoted(other))),
        }
        let time = match text("time")?.as_str() {
            "" => None,
            time => Some(seconds(time).ok_or_else(|| format!("{time:?} is not a time"))?),
        };
        let set = match entry.get("fieldsV1") {
            None => Set::default(),
            Some(fields) => fields_v1::decode(fields).map_err(|error| format!("error decoding set: {error}"))?,
        };
        let identity =
            Identity { manager: text("manager")?, operation, api_version, subresource: text("subresource")? };
        Ok(Self { identity, time, set, written: None })
    }

    fn encode(self) -> Value {
        let mut entry = Map::new();
        let mut put = |name: &str, value: String| {
            if !value.is_empty() {
                entry.insert(name.to_owned(), value.into());
            }
        };
        put("apiVersion", self.identity.api_version);
        put("fieldsType", "FieldsV1".into());
        put("manager", self.identity.manager);
        put("operation", format!("{:?}", self.identity.operation));
        put("subresource", self.identity.subresource);
        put("time", self.time.unwrap_or_default());
        entry.insert("fieldsV1".to_owned(), self.written.unwrap_or_else(|| fields_v1::encode(&self.set)));
        Value::Object(entry)
    }
}

impl Managers {
    /// Reads managedFields. Absent and null ones are no managers at all.
    ///
    /// # Errors
    /// Entries that cannot be read: the text tells why.
    pub(super) fn decode(entries: Option<&Value>) -> Result<Self, String> {
        let entries = match entries {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err("managedFields must be a list".into()),
        };
        let decode = |(index, entry)| Manager::decode(entry).map_err(|error| format!("{error} (entry {index})"));
        let decoded = entries.iter().enumerate().map(decode);
        if entries.len() > FEW {
            // The last of those with the same identity counts.
            let unique: Result<BTreeMap<_, _>, _> =
                decoded.map(|manager| manager.map(|manager| (manager.identity.sort_key(), manager))).collect();
            return Ok(Self(unique?.into_values().collect()));
        }
        let mut managers = Self(Vec::with_capacity(entries.len() + 1));
        for manager in decoded {
            managers.put(manager?);
        }
        Ok(managers)
    }

    /// As [`decode`](Self::decode), for entries that were written here: sets that do not change are written as they were.
    pub(super) fn decode_written(entries: Value) -> Result<Self, String> {
        let mut managers = Self::decode(Some(&entries))?;
        if let Value::Array(entries) = entries
            && entries.len() == managers.0.len()
            && entries.len() <= FEW
        {
            for (manager, mut entry) in managers.0.iter_mut().zip(entries) {
                manager.written = entry.get_mut("fieldsV1").filter(|fields| fields.is_object()).map(Value::take);
            }
        }
        Ok(managers)
    }

    /// Writes managedFields, in their order; `None` is no managers.
    pub(super) fn encode(mut self) -> Option<Value> {
        if self.0.is_empty() {
            return None;
        }
        self.0.sort_by(|a, b| {
            let (i, j) = (&a.identity, &b.identity);
            i.operation
                .cmp(&j.operation)
                .then_with(|| a.time_key().cmp(b.time_key()))
                .then_with(|| i.manager.cmp(&j.manager))
                .then_with(|| i.api_version.cmp(&j.api_version))
                .then_with(|| i.subresource.cmp(&j.subresource))
        });
        Some(Value::Array(self.0.into_iter().map(Manager::encode).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Manager> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Manager> {
        self.0.iter_mut()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Manager) -> bool) {
        self.0.retain(keep);
    }

    pub(super) fn get_mut(&mut self, identity: &Identity) -> Option<&mut Manager> {
        self.0.iter_mut().find(|manager| manager.identity.is(identity))
    }

    /// Takes an entry out.
    pub(super) fn take(&mut self, identity: &Identity) -> Option<Manager> {
        let place = self.0.iter().position(|manager| manager.identity.is(identity))?;
        Some(self.0.remove(place))
    }

    /// Adds an entry in the place of that of the same manager.
    pub(super) fn put(&mut self, manager: Manager) {
        match self.get_mut(&manager.identity) {
            Some(known) => *known = manager,
            None => self.0.push(manager),
        }
    }

    /// Puts the oldest updaters together, those of each version under one name, until there are no more than `max`. Source:
    /// <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/managedfields/internal/capmanagers.go>
    pub(super) fn cap(&mut self, max: usize) {
        let is_update = |manager: &Manager| manager.identity.operation == Operation::Update;
        let mut count = self.0.iter().filter(|manager| is_update(manager)).count();
        if count <= max {
            return;
        }
        let (mut updaters, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0).into_iter().partition(is_update);
        updaters.sort_by_cached_key(|manager| (manager.time_key().to_owned(), manager.identity.sort_key()));
        let is_bucket = |identity: &Identity| identity.manager == ANCIENT_CHANGES && identity.subresource.is_empty();
        // Of each version, who becomes the common one: who is that already, or else the oldest.
        let mut buckets: Vec<usize> = (0..updaters.len()).filter(|i| is_bucket(&updaters[*i].identity)).collect();
        for index in 0..updaters.len() {
            if count <= max {
                break;
            }
            let version = &updaters[index].identity.api_version;
            match buckets.iter().find(|bucket| updaters[**bucket].identity.api_version == *version) {
                None => buckets.push(index),
                Some(bucket) if *bucket == index => {}
                Some(bucket) => {
                    let bucket = *bucket;
                    let (set, time) = (std::mem::take(updaters[index].set_mut()), updaters[index].time.take());
                    let known = &mut updaters[bucket];
                    known.identity.manager = ANCIENT_CHANGES.to_owned();
                    known.identity.subresource.clear();
                    known.set_mut().unite(set);
                    // The younger of the two.
                    known.time = time;
                    count -= 1;
                }
            }
        }
        updaters.retain(|manager| !manager.set.is_empty());
        self.0 = rest;
        self.0.append(&mut updaters);
    }
}

impl Manager {
    /// An entry that was not there before.
    pub(super) fn new(identity: Identity, time: Option<String>, set: Set) -> Self {
        Self { identity, time, set, written: None }
    }
}

/// Whole seconds in UTC, as managedFields have them.
fn seconds(time: &str) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    Some(Timestamp::from_second(time.as_second()).ok()?.to_string())
}
