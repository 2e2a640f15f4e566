//! Objects of another server, followed as what they are: for those who need the types of a few kinds and no more.
//!
//! A watch of a type's own costs each build of a project seconds, as all of it, down to each field of a pod, is compiled
//! for each type and once more for each format on the way. Here one watch, compiled once, brings objects as JSON, and
//! only the last step knows the type.

use std::borrow::Cow;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Error, Event, Result, watcher};
use kube::{Api, Client, Resource};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What happens to objects of a type, for as long as it is read. A watch that fails is an error among the events, and is
/// begun again after a pause that grows.
pub(crate) type Events<K> = BoxStream<'static, Result<Event<K>>>;

/// Follows the objects of a kind, in all namespaces or in one. An object that is not of the type is an error, and the
/// others are followed nevertheless.
pub(crate) fn follow<K>(client: &Client, namespace: Option<&str>, config: Config) -> Events<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + 'static,
{
    let events = objects(client.clone(), &ApiResource::erase::<K>(&()), namespace, config);
    events.map(|event| event.and_then(|event| typed(event, |object| K::deserialize(&object.value)))).boxed()
}

/// Follows no more of the objects of a kind than their metadata.
pub(crate) fn follow_metadata<K>(client: &Client, config: Config) -> Events<ObjectMeta>
where
    K: Resource<DynamicType = ()>,
{
    let events = objects(client.clone(), &ApiResource::erase::<K>(&()), None, config);
    events.map(|event| event.and_then(|event| typed(event, |object| Ok(object.metadata)))).boxed()
}

fn objects(
    client: Client,
    resource: &ApiResource,
    namespace: Option<&str>,
    config: Config,
) -> impl Stream<Item = Result<Event<Object>>> + Send + use<> {
    let api: Api<Object> = match namespace {
        None => Api::all_with(client, resource),
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
    };
    watcher(api, config).default_backoff().boxed()
}

fn typed<K>(event: Event<Object>, read: impl FnOnce(Object) -> serde_json::Result<K>) -> Result<Event<K>> {
    let read = |object| read(object).map_err(|error| Error::WatchFailed(kube::Error::SerdeError(error)));
    Ok(match event {
        Event::Apply(object) => Event::Apply(read(object)?),
        Event::Delete(object) => Event::Delete(read(object)?),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(read(object)?),
        Event::InitDone => Event::InitDone,
    })
}

/// An object as it came, and what kube's watch asks of it.
#[derive(Clone, Debug)]
struct Object {
    metadata: ObjectMeta,
    value: Value,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let metadata = value.get("metadata").map(ObjectMeta::deserialize).transpose().map_err(D::Error::custom)?;
        Ok(Self { metadata: metadata.unwrap_or_default(), value })
    }
}

impl Resource for Object {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
