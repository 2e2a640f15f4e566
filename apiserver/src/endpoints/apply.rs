//! Server-side apply: what a client wants of an object, in YAML or JSON. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/patch.go> (`applyPatcher`)

use bytes::Bytes;
use serde_json::Value;

use super::call::Call;
use super::input;
use super::options::FieldValidation;
use super::status::Status;
use crate::registry::error::Error;
use crate::request::decode::{self, Decoded, Format};

/// An apply configuration.
pub struct Apply {
    /// What the client wants.
    pub applied: Value,
    duplicates: Vec<String>,
}

impl Apply {
    /// Reads an apply configuration.
    ///
    /// # Errors
    /// 400 for what is no YAML of an object.
    pub fn read(body: &Bytes) -> Result<Self, Status> {
        let Decoded { value: applied, duplicates } =
            decode_yaml(body).map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
        if !applied.is_object() {
            let message = "error decoding YAML: an apply configuration must be an object";
            return Err(Status::bad_request(message));
        }
        Ok(Self { applied, duplicates })
    }

    /// Looks at what comes out of the apply as at the body of an update, and at fields that were given twice: these are
    /// told last, as an apply that conflicts has not come so far.
    ///
    /// # Errors
    /// Names and namespaces that are not those of the path, duplicates under Strict.
    pub fn check(&self, call: &Call, merged: &Value, validation: FieldValidation) -> Result<(), Error> {
        for duplicate in &self.duplicates {
            match validation {
                FieldValidation::Ignore => {}
                FieldValidation::Warn => input::warn(call, duplicate),
                FieldValidation::Strict => {
                    let message = format!("error strict decoding YAML: error converting YAML to JSON: {duplicate}");
                    return Err(Error::BadRequest(message));
                }
            }
        }
        let refuse = |status: Status| Error::BadRequest(status.message);
        input::check_namespace(call, merged).map_err(refuse)?;
        input::check_name(call, merged).map_err(refuse)
    }
}

/// JSON is YAML, and most clients send it; its reader is much the faster one. Where it finds a duplicate, the other reader
/// tells of it by line.
fn decode_yaml(body: &Bytes) -> Result<Decoded, decode::DecodeError> {
    if body.trim_ascii_start().starts_with(b"{") {
        match decode::decode(body, Format::Json) {
            Ok(decoded) if decoded.duplicates.is_empty() => return Ok(decoded),
            _ => {}
        }
    }
    decode::decode(body, Format::Yaml)
}
