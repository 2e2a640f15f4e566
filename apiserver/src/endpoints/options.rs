//! The options of requests, read from the query or from a body of their own, and checked.
//!
//! Sources: <https://github.com/kubernetes/apimachinery/tree/master/pkg/apis/meta/v1/validation>,
//! <https://github.com/kubernetes/apimachinery/tree/master/pkg/apis/meta/internalversion/validation>

use serde::Deserialize;
use serde_json::Value;

use crate::field::Errors;
use crate::registry::delete::{DeleteOptions, Propagation};
use crate::registry::read::Freshness;
use crate::registry::watch::Start;
use crate::request::query::Query;
use crate::storage::Revision;

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

/// Options of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// How fresh.
    pub freshness: Freshness,
    /// 0 means all.
    pub limit: usize,
    /// Where an earlier page ended.
    pub continue_token: String,
    /// The label selector as written.
    pub label_selector: String,
    /// The field selector as written.
    pub field_selector: String,
}

/// Options of a watch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// Where it starts.
    pub start: Start,
    /// Whether bookmarks may be sent.
    pub bookmarks: bool,
    /// When it ends; `None` leaves it to the server.
    pub timeout_seconds: Option<u64>,
    /// The label selector as written.
    pub label_selector: String,
    /// The field selector as written.
    pub field_selector: String,
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

/// Reads the version that a get asks for.
///
/// # Errors
/// A version that is no number.
pub fn get(query: &Query) -> Result<Freshness, OptionsError> {
    if query.get("export").is_some_and(|value| !matches!(value, "" | "0" | "false")) {
        return Err(OptionsError::Bad("the export parameter, deprecated since v1.14, is no longer supported".into()));
    }
    match query.text("resourceVersion") {
        "" => Ok(Freshness::Consistent),
        "0" => Ok(Freshness::Any),
        text => match text.parse() {
            Ok(version) => Ok(Freshness::NotOlderThan(Revision(version))),
            Err(_) => Err(OptionsError::Unreadable(format!(
                "resourceVersion: Invalid value: {text:?}: {}",
                parse_error(text)
            ))),
        },
    }
}

/// Reads the options of a list, or of a deletion of a collection.
///
/// # Errors
/// Values that are not known, and combinations that make no sense.
pub fn list(query: &Query) -> Result<ListOptions, OptionsError> {
    let version = query.text("resourceVersion");
    let token = query.text("continue");
    let limit = number(query, "limit")?.unwrap_or_default();
    version_match(query, false)?;
    if !token.is_empty() && !matches!(version, "" | "0") {
        return Err(OptionsError::Bad("specifying resource version is not allowed when using continue".into()));
    }
    let number = match version {
        "" => 0,
        text => text
            .parse::<u64>()
            .map_err(|_| OptionsError::Bad(format!("invalid resource version: {}", parse_error(text))))?,
    };
    let freshness = match (query.text("resourceVersionMatch"), version, number) {
        (_, "", _) => Freshness::Consistent,
        ("Exact", ..) => Freshness::Exact(Revision(number)),
        (_, _, 0) => Freshness::Any,
        // The form of before there was a match: a page of exactly that state.
        ("", ..) if limit > 0 => Freshness::Exact(Revision(number)),
        _ => Freshness::NotOlderThan(Revision(number)),
    };
    Ok(ListOptions {
        freshness,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        continue_token: token.to_owned(),
        label_selector: query.text("labelSelector").to_owned(),
        field_selector: query.text("fieldSelector").to_owned(),
    })
}

/// Reads the options of a watch.
///
/// # Errors
/// Values that are not known, and combinations that make no sense.
pub fn watch(query: &Query) -> Result<WatchOptions, OptionsError> {
    version_match(query, true)?;
    let version = query.text("resourceVersion");
    let number_of = |text: &str| {
        text.parse::<u64>().map_err(|_| {
            let mut errors = Errors::default();
            errors.invalid("resourceVersion", text, parse_error(text));
            OptionsError::Version(errors)
        })
    };
    let revision = if version.is_empty() { 0 } else { number_of(version)? };
    let fresh = match (version, revision) {
        ("", _) => Freshness::Consistent,
        (_, 0) => Freshness::Any,
        _ => Freshness::NotOlderThan(Revision(revision)),
    };
    let start = match query.get("sendInitialEvents").filter(|value| !value.is_empty()) {
        Some("true" | "1") => Start::Initial(fresh),
        Some(_) if revision == 0 => Start::Now,
        None if revision == 0 => Start::Initial(fresh),
        _ => Start::After(Revision(revision)),
    };
    Ok(WatchOptions {
        start,
        bookmarks: query.flag("allowWatchBookmarks"),
        timeout_seconds: number(query, "timeoutSeconds")?.filter(|seconds| *seconds > 0),
        label_selector: query.text("labelSelector").to_owned(),
        field_selector: query.text("fieldSelector").to_owned(),
    })
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

fn version_match(query: &Query, watch: bool) -> Result<(), OptionsError> {
    let mut errors = Errors::default();
    let wanted = query.text("resourceVersionMatch");
    let version = query.text("resourceVersion");
    let initial = query.get("sendInitialEvents").is_some_and(|value| !value.is_empty());
    let field = "resourceVersionMatch";
    let has_token = !query.text("continue").is_empty();
    if watch && initial {
        if wanted != "NotOlderThan" {
            errors.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if !wanted.is_empty() && wanted != "NotOlderThan" {
            errors.not_supported(field, wanted, &["NotOlderThan"]);
        }
        if has_token {
            errors.forbidden(field, "resourceVersionMatch is forbidden when continue is provided");
        }
    } else if watch {
        if !wanted.is_empty() {
            errors.forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        }
    } else {
        if initial {
            errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
        if !wanted.is_empty() {
            if version.is_empty() {
                errors.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if has_token {
                errors.forbidden(field, "resourceVersionMatch is forbidden when continue is provided");
            }
            if !matches!(wanted, "Exact" | "NotOlderThan") {
                errors.not_supported(field, wanted, &["Exact", "NotOlderThan", ""]);
            } else if wanted == "Exact" && version == "0" {
                errors.forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(OptionsError::Invalid("ListOptions", errors)) }
}

fn number(query: &Query, name: &str) -> Result<Option<u64>, OptionsError> {
    match query.text(name) {
        "" => Ok(None),
        text => text.parse::<i64>().map(|number| Some(u64::try_from(number).unwrap_or_default())).map_err(|_| {
            OptionsError::Bad(format!("unable to convert {text:?} to a number for the query parameter {name}"))
        }),
    }
}

fn parse_error(text: &str) -> String {
    format!("strconv.ParseUint: parsing {text:?}: invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_list(query: &str, expect: &str) {
        let seen = match list(&Query::parse(query)) {
            Ok(options) => format!("{:?}", options.freshness),
            Err(OptionsError::Invalid(kind, errors)) => {
                format!("{kind}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Err(OptionsError::Bad(text)) => text,
            Err(other) => format!("{other:?}"),
        };
        assert!(seen.starts_with(expect), "{query}: {seen}");
    }

    #[test]
    fn a_version_and_its_match_say_how_fresh_a_list_is() {
        check_list("", "Consistent");
        check_list("resourceVersion=0", "Any");
        check_list("resourceVersion=7", "NotOlderThan(Revision(7))");
        check_list("resourceVersion=7&limit=5", "Exact(Revision(7))");
        check_list("resourceVersion=7&limit=5&resourceVersionMatch=NotOlderThan", "NotOlderThan(Revision(7))");
        check_list("resourceVersion=7&resourceVersionMatch=Exact", "Exact(Revision(7))");
        check_list("resourceVersionMatch=Exact", "ListOptions: resourceVersionMatch: Forbidden");
        check_list("resourceVersion=x", "invalid resource version: ");
        check_list("limit=x", "unable to convert \"x\"");
        check_list("continue=x&resourceVersion=1", "specifying resource version is not allowed");
    }

    #[track_caller]
    fn check_watch(query: &str, expect: Option<Start>) {
        assert_eq!(watch(&Query::parse(query)).ok().map(|options| options.start), expect, "{query}");
    }

    #[test]
    fn a_version_says_where_a_watch_starts() {
        check_watch("", Some(Start::Initial(Freshness::Consistent)));
        check_watch("resourceVersion=0", Some(Start::Initial(Freshness::Any)));
        check_watch("resourceVersion=5", Some(Start::After(Revision(5))));
        check_watch(
            "resourceVersion=5&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
            Some(Start::Initial(Freshness::NotOlderThan(Revision(5)))),
        );
        check_watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan", Some(Start::Now));
        check_watch("sendInitialEvents=true", None);
        check_watch("resourceVersion=x", None);
    }
}
