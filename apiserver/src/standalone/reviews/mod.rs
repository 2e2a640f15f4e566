//! Questions about users and rights, which are asked by creating an object: `kubectl auth whoami` and `kubectl auth can-i`
//! ask so, and servers that leave these decisions to this one. Nothing of them is stored.

mod access;
mod rules;
mod token;
mod user;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::apis::{Assembly, BuildError};
use crate::authentication::TokenReviewer;
use crate::authorization::Authorizer;
use crate::builtin::{self, Native};
use crate::kind::Kind;
use crate::schema::Schema;

/// Serves them all.
///
/// # Errors
/// One of them is served already.
pub fn install(
    assembly: &mut Assembly,
    authorizer: &Arc<dyn Authorizer>,
    tokens: Arc<dyn TokenReviewer>,
) -> Result<(), BuildError> {
    use k8s_openapi::api::authentication::v1 as authentication;
    use k8s_openapi::api::authorization::v1 as authorization;

    assembly.backend(kind::<authentication::SelfSubjectReview>(), user::SelfSubject)?;
    assembly.backend(kind::<authentication::TokenReview>(), token::Tokens(tokens))?;
    assembly.backend(kind::<authorization::SelfSubjectAccessReview>(), access::OfSelf(authorizer.clone()))?;
    assembly.backend(kind::<authorization::SubjectAccessReview>(), access::OfAnyone(authorizer.clone()))?;
    assembly.backend(kind::<authorization::LocalSubjectAccessReview>(), access::Local(authorizer.clone()))?;
    assembly.backend(kind::<authorization::SelfSubjectRulesReview>(), rules::OfSelf(authorizer.clone()))
}

/// A type as a question: what its answer will be is not for the asker to say, so nothing is required of it.
fn kind<K: Native>() -> Kind {
    let mut kind = builtin::native::<K>();
    kind.generation = false;
    for version in &mut kind.versions {
        version.status = false;
        let mut asked = version.openapi.clone();
        asked["properties"]["status"] = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        forget_required(&mut asked);
        version.schema = Arc::new(Schema::compile(&asked).expect("the schema of a type is structural"));
    }
    kind
}

/// Takes out what is required: an empty question is answered in Kubernetes' words.
fn forget_required(schema: &mut Value) {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("required");
    }
    if let Some(spec) = schema["properties"].get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("required");
    }
}
