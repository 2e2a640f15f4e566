//! The options of requests, read from the query or from a body of their own, and checked.
//!
//! Sources: <https://github.com/kubernetes/apimachinery/tree/master/pkg/apis/meta/v1/validation>,
//! <https://github.com/kubernetes/apimachinery/tree/master/pkg/apis/meta/internalversion/validation>

use serde::Deserialize;
use serde_json::Value;

use crate::field::Errors;
use crate::registry::delete::{DeleteOptions, Propagation};
use crate::request::query::Query;

/// Why options are refused.
#[derive(Debug, PartialEq)]
pub enum OptionsError {
    /// 422, naming the options' own kind, for example `ListOptions`.
    Invalid(&'static str, Errors),
    /// 422, naming the resource: a version that is no number.
    Version(Errors),
    /// 400.
    Bad(String),
    /// 500 without a reason, as Kubernetes answers a version that is no number on a get.
    Unreadable(String),
}

/// What is done about unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nothing.
    Ignore,
    /// The client is warned.
    #[default]
    Warn,
    /// The write is refused.
    Strict,
}

/// Options of create, update and patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether nothing shall be stored.
    pub dry_run: bool,
    /// What is done about unknown and duplicate fields.
    pub field_validation: FieldValidation,
    /// Who owns what is written; empty where the client does not say.
    pub field_manager: String,
    /// Whether an apply takes what others own.
    pub force: bool,
}

/// Which write the options belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH, save for apply.
    Patch,
    /// PATCH with an apply configuration.
    Apply,
}

const FIELD_MANAGER_MAX: usize = 128;

/// Reads the options of a write.
///
/// # Errors
/// Values that are not known.
pub fn write(query: &Query, write: Write) -> Result<WriteOptions, OptionsError> {
    let kind = match write {
        Write::Create => "CreateOptions",
        Write::Update => "UpdateOptions",
        Write::Patch | Write::Apply => "PatchOptions",
    };
    let mut errors = Errors::default();
    let dry_run = dry_run(query.all("dryRun"), &mut errors);
    let field_validation = match query.text("fieldValidation") {
        "" | "Warn" => FieldValidation::Warn,
        "Ignore" => FieldValidation::Ignore,
        "Strict" => FieldValidation::Strict,
        other => {
            errors.not_supported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]);
            FieldValidation::Warn
        }
    };
    let force = query.get("force").filter(|force| !force.is_empty());
    if write == Write::Patch && force.is_some() {
        errors.forbidden("force", "may not be specified for non-apply patch");
    }
    let manager = query.text("fieldManager");
    if write == Write::Apply && manager.is_empty() {
        errors.required("fieldManager", "is required for apply patch");
    }
    field_manager(manager, &mut errors);
    if errors.is_empty() {
        let force = force.is_some_and(|force| force != "0" && !force.eq_ignore_ascii_case("false"));
        Ok(WriteOptions { dry_run, field_validation, field_manager: manager.to_owned(), force })
    } else {
        Err(OptionsError::Invalid(kind, errors))
    }
}

/// The options of a deletion, as a body has them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeleteBody {
    grace_period_seconds: Option<i64>,
    preconditions: Option<Preconditions>,
    orphan_dependents: Option<bool>,
    propagation_policy: Option<String>,
    dry_run: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl DeleteBody {
    fn of_query(query: &Query) -> Result<Self, OptionsError> {
        let grace_period_seconds =
            match query.text("gracePeriodSeconds") {
                "" => None,
                text => Some(text.parse().map_err(|_| {
                    OptionsError::Bad(format!("gracePeriodSeconds: {text:?} is not a number of seconds"))
                })?),
            };
        Ok(Self {
            grace_period_seconds,
            preconditions: None,
            orphan_dependents: query.get("orphanDependents").map(|value| value != "false" && value != "0"),
            propagation_policy: query.get("propagationPolicy").map(str::to_owned),
            dry_run: Some(query.all("dryRun").map(str::to_owned).collect()),
        })
    }
}

/// Reads the options of a deletion: from the body where there is one, else from the query. Tells whether it is a dry run.
///
/// # Errors
/// Values that are not known, and policies that contradict each other.
pub fn delete(query: &Query, body: Option<&Value>) -> Result<(DeleteOptions, bool), OptionsError> {
    let mut errors = Errors::default();
    let body = match body {
        Some(body) => DeleteBody::deserialize(body)
            .map_err(|error| OptionsError::Bad(format!("the delete options cannot be read: {error}")))?,
        None => DeleteBody::of_query(query)?,
    };
    let dry_run = dry_run(body.dry_run.iter().flatten().map(String::as_str), &mut errors);
    let orphan = body.orphan_dependents;
    let policy = body.propagation_policy.filter(|policy| !policy.is_empty());
    if let (Some(_), Some(policy)) = (orphan, &policy) {
        errors.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set");
    }
    let propagation = match policy.as_deref() {
        None => orphan.map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background }),
        Some("Background") => Some(Propagation::Background),
        Some("Foreground") => Some(Propagation::Foreground),
        Some("Orphan") => Some(Propagation::Orphan),
        Some(other) => {
            errors.not_supported("propagationPolicy", other, &["Foreground", "Background", "Orphan", "nil"]);
            None
        }
    };
    if !errors.is_empty() {
        return Err(OptionsError::Invalid("DeleteOptions", errors));
    }
    let preconditions = body.preconditions.unwrap_or_default();
    let options = DeleteOptions {
        uid: preconditions.uid.filter(|uid| !uid.is_empty()),
        resource_version: preconditions.resource_version.filter(|version| !version.is_empty()),
        propagation,
        grace_period_seconds: body.grace_period_seconds,
    };
    Ok((options, dry_run))
}

fn dry_run<'a>(values: impl Iterator<Item = &'a str>, errors: &mut Errors) -> bool {
    let values: Vec<&str> = values.collect();
    if values.iter().any(|value| *value != "All") {
        errors.not_supported("dryRun", &values, &["All"]);
    }
    !values.is_empty()
}

fn field_manager(name: &str, errors: &mut Errors) {
    if name.len() > FIELD_MANAGER_MAX {
        errors.too_long("fieldManager", FIELD_MANAGER_MAX);
    }
    for (position, character) in name.chars().enumerate() {
        if character.is_control() {
            let code = u32::from(character);
            errors.invalid("fieldManager", name, format!("invalid character U+{code:04X} (at position {position})"));
        }
    }
}
