//! `/scale`: the replicas of an object, in a form that is the same for all kinds. Source:
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/registry/customresource/etcd.go>

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceSubresourceScale;
use serde_json::{Map, Value, json};

use super::apply::Apply;
use super::call::{Call, read_body};
use super::input;
use super::options::Write;
use super::output;
use super::patch::Patch;
use super::read_options;
use super::status::{Status, write_document};
use super::write::write_options;
use crate::apply::scale::{SCALES, to_object, to_scale};
use crate::body::{Body, RequestBody};
use crate::field::Errors;
use crate::registry::error::Error;
use crate::registry::metadata;
use crate::registry::update;
use crate::request::decode;
use crate::request::media::{self, PatchType, Wanted};
use crate::schema::json_path::JsonPath;

/// GET of a scale.
///
/// # Errors
/// As for GET of the object.
pub async fn get(call: &Call, paths: &CustomResourceSubresourceScale) -> Result<Response<Body>, Status> {
    let wanted = call.wanted()?;
    let freshness = read_options::get(&call.query).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    let object = call.registry.get(&call.context, freshness).await;
    let object = object.map_err(|error| call.failed(&error))?;
    Ok(answer(call, &scale_of(&output::shown(call, &object)?, paths), wanted))
}

/// PUT of a scale.
///
/// # Errors
/// 400 for a body that is no Scale, 422 for replicas below zero, and as for PUT of the object.
pub async fn update(
    call: &mut Call,
    paths: &CustomResourceSubresourceScale,
    body: RequestBody,
) -> Result<Response<Body>, Status> {
    let wanted = call.wanted()?;
    let format = input::format(call)?;
    let body = read_body(body).await?;
    write_options(call, Write::Update)?;
    let decoded = decode::decode(&body, format).map_err(|error| Status::bad_request(error.to_string()))?;
    let scale = decoded.value;
    check_type(&scale).map_err(Status::bad_request)?;
    input::check_name(call, &scale)?;
    input::check_namespace(call, &scale)?;
    write(call, paths, wanted, &Change::Edit(&|_| Ok(scale.clone()))).await
}

/// PATCH of a scale.
///
/// # Errors
/// As for PUT, and 415 for what is no patch.
pub async fn patch(
    call: &mut Call,
    paths: &CustomResourceSubresourceScale,
    body: RequestBody,
) -> Result<Response<Body>, Status> {
    let native = call.kind().native;
    let patch_type = media::patch_type(call.content_type(), native)
        .ok_or_else(|| Status::unsupported_media_type(media::patches(native)))?;
    let wanted = call.wanted()?;
    match patch_type {
        PatchType::Document(patch_type) => {
            write_options(call, Write::Patch)?;
            let patch = Patch::read(patch_type, &read_body(body).await?)?;
            write(call, paths, wanted, &Change::Edit(&|scale| patch.apply_to(scale, &Value::Null))).await
        }
        PatchType::Apply => {
            let force = write_options(call, Write::Apply)?.force;
            let Apply { applied, .. } = Apply::read(&read_body(body).await?)?;
            write(call, paths, wanted, &Change::Apply { applied, force }).await
        }
    }
}

/// What makes a new scale of the present one.
enum Change<'a> {
    Edit(&'a (dyn Fn(&Value) -> Result<Value, Error> + Sync)),
    Apply { applied: Value, force: bool },
}

impl Change<'_> {
    /// Gives the new scale; its managed fields are those of the object where they are about the replicas.
    fn of(&self, manager: &str, scale: &Value) -> Result<Value, Error> {
        let now = metadata::now();
        let changed = match self {
            Self::Edit(edit) => {
                let mut changed = edit(scale)?;
                SCALES.update(manager, &now, scale, &mut changed);
                changed
            }
            Self::Apply { applied, force } => SCALES.apply(manager, &now, scale, applied, *force)?,
        };
        check_type(&changed).map_err(Error::BadRequest)?;
        Ok(changed)
    }
}

/// Changes the replicas of the object as `change` changes its scale.
async fn write(
    call: &mut Call,
    paths: &CustomResourceSubresourceScale,
    wanted: Wanted,
    change: &Change<'_>,
) -> Result<Response<Body>, Status> {
    // To the registry this is a change of the object like any other.
    call.context.subresource = String::new();
    let call = &*call;
    let outcome = call
        .registry
        .update(
            &call.context,
            call.version(),
            update::Change::Scaled(
                &mut |current| {
                    let current = current.ok_or_else(|| Error::NotFound { name: call.info.name.clone() })?;
                    let mut scale = scale_of(current, paths);
                    to_scale(call.kind(), current, &mut scale);
                    let scale = change.of(&call.context.field_manager, &scale)?;
                    let replicas = replicas(&call.info.name, &scale, paths)?;
                    let mut object = current.clone();
                    set(&mut object, &paths.spec_replicas_path, replicas.into());
                    // The Scale's version guards the object; without one the present object is changed, whichever it is.
                    let version = metadata::text(&scale, "resourceVersion");
                    if !matches!(version, "" | "0") {
                        metadata::of_mut(&mut object).insert("resourceVersion".into(), version.into());
                    }
                    to_object(call.kind(), call.version(), &scale, &mut object);
                    Ok(object)
                },
                &Scales { name: &call.info.name, paths },
            ),
        )
        .await
        .map_err(|error| call.failed(&error))?;
    Ok(answer(call, &scale_of(&output::shown(call, &outcome.object)?, paths), wanted))
}

/// The Scale in an object, for admission.
struct Scales<'a> {
    name: &'a str,
    paths: &'a CustomResourceSubresourceScale,
}

impl update::View for Scales<'_> {
    fn of(&self, parent: &Value) -> Value {
        scale_of(parent, self.paths)
    }

    fn put(&self, object: &Value, parent: &mut Value) -> Result<(), Error> {
        let replicas = replicas(self.name, object, self.paths)?;
        set(parent, &self.paths.spec_replicas_path, replicas.into());
        Ok(())
    }
}

fn check_type(scale: &Value) -> Result<(), String> {
    match (scale["apiVersion"].as_str(), scale["kind"].as_str()) {
        (Some("autoscaling/v1"), Some("Scale")) => Ok(()),
        (version, kind) => Err(format!(
            "the object provided is unrecognized (must be of type Scale): {}, Kind={}",
            version.unwrap_or_default(),
            kind.unwrap_or_default()
        )),
    }
}

fn replicas(name: &str, scale: &Value, paths: &CustomResourceSubresourceScale) -> Result<i64, Error> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or_default();
    if replicas < 0 {
        let mut errors = Errors::default();
        errors.invalid(&paths.spec_replicas_path, replicas, "should be a non-negative integer");
        return Err(Error::Invalid { name: name.to_owned(), errors });
    }
    Ok(replicas)
}

fn scale_of(object: &Value, paths: &CustomResourceSubresourceScale) -> Value {
    let find = |path: &str| JsonPath::parse(path).ok().and_then(|path| path.first(object).cloned());
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.into(), value.clone());
        }
    }
    let mut spec = json!({});
    if let Some(replicas) = find(&paths.spec_replicas_path).filter(|replicas| *replicas != json!(0)) {
        spec["replicas"] = replicas;
    }
    let mut status = json!({ "replicas": find(&paths.status_replicas_path).unwrap_or_else(|| 0.into()) });
    if let Some(selector) = paths.label_selector_path.as_deref().and_then(find).filter(|selector| selector.is_string())
    {
        status["selector"] = selector;
    }
    json!({ "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status })
}

/// Sets a field at a path of plain keys, which is all that a CRD may say here.
fn set(object: &mut Value, path: &str, value: Value) {
    let path = JsonPath::parse(path).ok();
    let Some(keys) = path.as_ref().and_then(JsonPath::keys) else { return };
    let mut place = object;
    for key in keys {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = value;
}

fn answer(call: &Call, scale: &Value, wanted: Wanted) -> Response<Body> {
    let (content_type, body) = write_document(scale, wanted.format, call.pretty());
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
