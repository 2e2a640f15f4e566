//! The options of reads: how fresh, how much, from where.
//!
//! Sources: <https://github.com/kubernetes/apimachinery/tree/master/pkg/apis/meta/internalversion/validation>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/storage/interfaces.go> (`ValidateListOptions`)

use std::num::{IntErrorKind, ParseIntError};
use std::time::Duration;

use super::options::OptionsError;
use crate::field::Errors;
use crate::registry::read::Freshness;
use crate::registry::watch::Start;
use crate::request::query::Query;
use crate::request::selectors::{FieldSelector, LabelSelector, SelectorError};
use crate::storage::Revision;

/// Options of a list, or of a deletion of a collection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// 0 means all.
    pub limit: usize,
    /// Where an earlier page ended.
    pub continue_token: String,
    /// The label selector as written.
    pub label_selector: String,
    /// The field selector as written.
    pub field_selector: String,
    /// The longest that it may take.
    pub timeout: Option<Duration>,
    version: String,
    exact: bool,
    any_match: bool,
}

/// Options of a watch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// Whether bookmarks may be sent.
    pub bookmarks: bool,
    /// Whether the end of the initial state is told to those who take bookmarks. Not on the legacy paths, whose
    /// clients know nothing of it.
    pub tells_initial_end: bool,
    /// When it ends; `None` leaves it to the server.
    pub timeout: Option<Duration>,
    /// The label selector as written.
    pub label_selector: String,
    /// The field selector as written.
    pub field_selector: String,
    version: String,
    initial: Option<bool>,
}

/// Reads the version that a get asks for.
///
/// # Errors
/// A version that is no number.
pub fn get(query: &Query) -> Result<Freshness, OptionsError> {
    if query.flag("export") {
        return Err(OptionsError::Bad("the export parameter, deprecated since v1.14, is no longer supported".into()));
    }
    match query.text("resourceVersion") {
        "" => Ok(Freshness::Consistent),
        "0" => Ok(Freshness::Any),
        text => match unsigned(text) {
            Ok(0) => Ok(Freshness::Any),
            Ok(version) => Ok(Freshness::NotOlderThan(Revision(version))),
            Err(problem) => {
                Err(OptionsError::Unreadable(format!("resourceVersion: Invalid value: {text:?}: {problem}")))
            }
        },
    }
}

/// Reads the options of a list, or of a deletion of a collection.
///
/// # Errors
/// Values that are not known, and combinations that make no sense.
pub fn list(query: &Query) -> Result<ListOptions, OptionsError> {
    let timeout = timeout(query)?;
    let limit = integer(query, "limit")?.unwrap_or_default();
    readable_selectors(query)?;
    version_match(query, false)?;
    let wanted = query.text("resourceVersionMatch");
    Ok(ListOptions {
        limit: usize::try_from(limit).unwrap_or_default(),
        continue_token: query.text("continue").to_owned(),
        label_selector: query.text("labelSelector").to_owned(),
        field_selector: query.text("fieldSelector").to_owned(),
        timeout: timeout.filter(|timeout| !timeout.is_zero()),
        version: query.text("resourceVersion").to_owned(),
        exact: wanted == "Exact",
        any_match: !wanted.is_empty(),
    })
}

impl ListOptions {
    /// How fresh the list must be. With a token, which names its own state, no other may be asked for.
    ///
    /// # Errors
    /// A version that is no number, or that comes with a token.
    pub fn freshness(&self) -> Result<Freshness, OptionsError> {
        let version = self.version.as_str();
        if !self.continue_token.is_empty() {
            let message = "specifying resource version is not allowed when using continue";
            return if matches!(version, "" | "0") {
                Ok(Freshness::Consistent)
            } else {
                Err(OptionsError::Bad(message.into()))
            };
        }
        if version.is_empty() {
            return Ok(Freshness::Consistent);
        }
        let number = unsigned(version).map_err(|problem| {
            let text = format!("resourceVersion: Invalid value: {version:?}: {problem}");
            OptionsError::Bad(format!("invalid resource version: {text}"))
        })?;
        Ok(match number {
            _ if self.exact => Freshness::Exact(Revision(number)),
            0 => Freshness::Any,
            // The form of before there was a match: a page of exactly that state.
            _ if self.limit > 0 && !self.any_match => Freshness::Exact(Revision(number)),
            _ => Freshness::NotOlderThan(Revision(number)),
        })
    }
}

/// Reads the options of a watch.
///
/// # Errors
/// Values that are not known, and combinations that make no sense.
pub fn watch(query: &Query) -> Result<WatchOptions, OptionsError> {
    let timeout = timeout(query)?;
    readable_selectors(query)?;
    // The legacy paths are watches without saying so, and then their options are those of a list.
    let says_so = query.flag("watch");
    version_match(query, says_so)?;
    Ok(WatchOptions {
        bookmarks: query.flag("allowWatchBookmarks"),
        tells_initial_end: says_so,
        timeout,
        label_selector: query.text("labelSelector").to_owned(),
        field_selector: query.text("fieldSelector").to_owned(),
        version: query.text("resourceVersion").to_owned(),
        initial: query.boolean("sendInitialEvents"),
    })
}

impl WatchOptions {
    /// Where the watch starts.
    ///
    /// # Errors
    /// A version that is no number.
    pub fn start(&self) -> Result<Start, OptionsError> {
        let revision = match self.version.as_str() {
            "" => 0,
            text => unsigned(text).map_err(|problem| {
                let mut errors = Errors::default();
                errors.invalid("resourceVersion", text, problem);
                OptionsError::Version(errors)
            })?,
        };
        let fresh = match revision {
            0 if self.version.is_empty() => Freshness::Consistent,
            0 => Freshness::Any,
            _ => Freshness::NotOlderThan(Revision(revision)),
        };
        Ok(match (self.initial, revision) {
            (Some(true), _) | (None, 0) => Start::Initial(fresh),
            (Some(false), 0) => Start::Now,
            _ => Start::After(Revision(revision)),
        })
    }
}

fn version_match(query: &Query, watch: bool) -> Result<(), OptionsError> {
    let mut errors = Errors::default();
    let mut wanted = query.text("resourceVersionMatch");
    let version = query.text("resourceVersion");
    let mut initial = query.boolean("sendInitialEvents");
    let field = "resourceVersionMatch";
    let has_token = !query.text("continue").is_empty();
    if watch {
        if initial.is_none() && wanted.is_empty() && matches!(version, "" | "0") {
            (initial, wanted) = (Some(true), "NotOlderThan");
        }
        if initial.is_some() && wanted != "NotOlderThan" {
            errors.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if !wanted.is_empty() {
            if initial.is_none() {
                let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                errors.forbidden(field, detail);
            }
            if wanted != "NotOlderThan" {
                errors.not_supported(field, wanted, &["NotOlderThan"]);
            }
            if has_token {
                errors.forbidden(field, "resourceVersionMatch is forbidden when continue is provided");
            }
        }
    } else {
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
        if initial.is_some() {
            errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(OptionsError::Invalid("ListOptions", errors)) }
}

/// What cannot be read is told before what makes no sense.
fn readable_selectors(query: &Query) -> Result<(), OptionsError> {
    let bad = |error: SelectorError| OptionsError::Bad(error.to_string());
    if !query.text("labelSelector").is_empty() {
        LabelSelector::parse(query.text("labelSelector")).map_err(bad)?;
    }
    if !query.text("fieldSelector").is_empty() {
        FieldSelector::parse(query.text("fieldSelector")).map_err(bad)?;
    }
    Ok(())
}

/// Absent where the server may choose. What is negative is over at once, and what is longer than anyone will wait is
/// cut, so that no clock overflows.
fn timeout(query: &Query) -> Result<Option<Duration>, OptionsError> {
    const LONGEST: u64 = 365 * 24 * 3600;
    let seconds = integer(query, "timeoutSeconds")?.filter(|seconds| *seconds != 0);
    Ok(seconds.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default().min(LONGEST))))
}

/// A parameter that is a number, where it is there.
fn integer(query: &Query, name: &str) -> Result<Option<i64>, OptionsError> {
    let parse = |text: &str| text.parse().map_err(|error| OptionsError::Bad(parse_error("ParseInt", text, &error)));
    query.get(name).map(parse).transpose()
}

/// A version. Unlike Rust, Kubernetes reads no sign here.
fn unsigned(text: &str) -> Result<u64, String> {
    if text.starts_with('+') {
        return Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax"));
    }
    text.parse().map_err(|error| parse_error("ParseUint", text, &error))
}

/// What Go's `strconv` says of a text that is no number.
fn parse_error(function: &str, text: &str, error: &ParseIntError) -> String {
    let problem = match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {text:?}: {problem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_list(query: &str, expect: &str) {
        let read = list(&Query::parse(query));
        let seen = match read.and_then(|options| Ok((options.limit, options.freshness()?))) {
            Ok((0, freshness)) => format!("{freshness:?}"),
            Ok((limit, freshness)) => format!("{limit} of {freshness:?}"),
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
        check_list("resourceVersion=", "Consistent");
        check_list("resourceVersion=0", "Any");
        check_list("resourceVersion=0&limit=5", "5 of Any");
        check_list("resourceVersion=0&resourceVersionMatch=NotOlderThan", "Any");
        check_list("resourceVersion=7", "NotOlderThan(Revision(7))");
        check_list("resourceVersion=7&limit=0", "NotOlderThan(Revision(7))");
        check_list("resourceVersion=7&limit=-1", "NotOlderThan(Revision(7))");
        check_list("resourceVersion=7&limit=5", "5 of Exact(Revision(7))");
        check_list("resourceVersion=7&limit=5&resourceVersionMatch=NotOlderThan", "5 of NotOlderThan(Revision(7))");
        check_list("resourceVersion=7&resourceVersionMatch=Exact", "Exact(Revision(7))");
        check_list("continue=x", "Consistent");
        check_list("continue=x&resourceVersion=0", "Consistent");
    }

    #[test]
    fn what_makes_no_sense_in_a_list_is_refused() {
        let version_match = "ListOptions: resourceVersionMatch: ";
        check_list(
            "resourceVersionMatch=Exact",
            &format!("{version_match}Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
        );
        check_list("resourceVersionMatch=NotOlderThan&resourceVersion=", &format!("{version_match}Forbidden: "));
        check_list(
            "resourceVersionMatch=Exact&resourceVersion=0",
            &format!("{version_match}Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""),
        );
        check_list(
            "resourceVersionMatch=x&continue=y",
            "ListOptions: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is \
             provided; resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided; \
             resourceVersionMatch: Unsupported value: \"x\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
        );
        for query in ["sendInitialEvents=true", "sendInitialEvents=false", "sendInitialEvents"] {
            check_list(query, "ListOptions: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list");
        }
        let version = "invalid resource version: resourceVersion: Invalid value: ";
        check_list("resourceVersion=x", &format!("{version}\"x\": strconv.ParseUint: parsing \"x\": invalid syntax"));
        check_list("resourceVersion=-1", &format!("{version}\"-1\": strconv.ParseUint: "));
        check_list("resourceVersion=%2B1", &format!("{version}\"+1\": strconv.ParseUint: "));
        check_list("resourceVersion=99999999999999999999", &format!("{version}\"99999999999999999999\": strconv."));
        for name in ["limit", "timeoutSeconds"] {
            check_list(&format!("{name}=x"), "strconv.ParseInt: parsing \"x\": invalid syntax");
            check_list(&format!("{name}="), "strconv.ParseInt: parsing \"\": invalid syntax");
            check_list(
                &format!("{name}=9223372036854775808"),
                "strconv.ParseInt: parsing \"9223372036854775808\": value out of range",
            );
        }
        check_list("continue=x&resourceVersion=1", "specifying resource version is not allowed when using continue");
    }

    #[test]
    fn what_cannot_be_read_is_told_before_what_makes_no_sense() {
        check_list("resourceVersionMatch=Exact&limit=x&labelSelector=,", "strconv.ParseInt");
        check_list("resourceVersionMatch=Exact&fieldSelector=x&labelSelector=,", "found ','");
        check_list("resourceVersionMatch=Exact&fieldSelector=x&resourceVersion=y", "invalid selector: 'x'");
        check_list("resourceVersionMatch=Exact&resourceVersion=0&continue=y", "ListOptions: ");
    }

    #[track_caller]
    fn check_watch(query: &str, expect: &str) {
        let read = watch(&Query::parse(query)).and_then(|options| options.start());
        let seen = match read {
            Ok(start) => format!("{start:?}"),
            Err(OptionsError::Invalid(kind, errors)) => {
                format!("{kind}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Err(OptionsError::Bad(text)) => text,
            Err(OptionsError::Version(errors)) => errors.iter().map(ToString::to_string).collect(),
            Err(other) => format!("{other:?}"),
        };
        assert!(seen.starts_with(expect), "{query}: {seen}");
    }

    #[test]
    fn a_version_says_where_a_watch_starts() {
        let not_older = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        let not_initial = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
        check_watch("watch=1", "Initial(Consistent)");
        check_watch("watch=1&resourceVersion=0", "Initial(Any)");
        check_watch("watch=1&resourceVersion=5", "After(Revision(5))");
        check_watch(&format!("watch=1&{not_older}"), "Initial(Consistent)");
        check_watch(&format!("watch=1&{not_older}&resourceVersion=0"), "Initial(Any)");
        check_watch(&format!("watch=1&{not_older}&resourceVersion=5"), "Initial(NotOlderThan(Revision(5)))");
        check_watch(&format!("watch=1&{not_initial}"), "Now");
        check_watch(&format!("watch=1&{not_initial}&resourceVersion=0"), "Now");
        check_watch(&format!("watch=1&{not_initial}&resourceVersion=5"), "After(Revision(5))");
        let unset = "watch=1&sendInitialEvents&resourceVersionMatch=NotOlderThan";
        check_watch(unset, "Initial(Consistent)");
    }

    #[test]
    fn what_makes_no_sense_in_a_watch_is_refused() {
        let forbidden = "ListOptions: resourceVersionMatch: Forbidden: ";
        let check =
            |query: &str, detail: &str| check_watch(&format!("watch=1&{query}"), &format!("{forbidden}{detail}"));
        let requires = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        check("sendInitialEvents=true", requires);
        check("sendInitialEvents=false", requires);
        check("sendInitialEvents=", requires);
        check(
            "sendInitialEvents=true&resourceVersionMatch=Exact",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan; resourceVersionMatch: Unsupported \
             value: \"Exact\": supported values: \"NotOlderThan\"",
        );
        let unless = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        check("resourceVersionMatch=NotOlderThan", unless);
        check("resourceVersionMatch=NotOlderThan&resourceVersion=5", unless);
        check("resourceVersionMatch=Exact&resourceVersion=5", &format!("{unless}; resourceVersionMatch: Unsupported"));
        let token = "resourceVersionMatch is forbidden when continue is provided";
        check("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x", token);
        check("continue=x", token);
        check_watch("watch=1&continue=x&resourceVersion=5", "After(Revision(5))");
        check_watch("watch=1&resourceVersion=x", "resourceVersion: Invalid value: \"x\": strconv.ParseUint");
        check_watch("watch=1&timeoutSeconds=x", "strconv.ParseInt: parsing \"x\": invalid syntax");
    }

    #[test]
    fn the_legacy_paths_read_their_options_as_a_list_does() {
        check_watch("", "Initial(Consistent)");
        check_watch("resourceVersion=5", "After(Revision(5))");
        check_watch("sendInitialEvents=true", "ListOptions: sendInitialEvents: Forbidden: ");
        assert_eq!(watch(&Query::parse("")).map(|options| options.tells_initial_end), Ok(false));
        assert_eq!(watch(&Query::parse("watch")).map(|options| options.tells_initial_end), Ok(true));
    }

    #[test]
    fn no_timeout_is_too_long_for_a_clock() {
        let timeout = |text: &str| watch(&Query::parse(&format!("timeoutSeconds={text}"))).map(|o| o.timeout);
        assert_eq!(timeout("5"), Ok(Some(Duration::from_secs(5))));
        assert_eq!(timeout("0"), Ok(None));
        assert_eq!(timeout("-5"), Ok(Some(Duration::ZERO)));
        assert_eq!(timeout("9223372036854775807"), Ok(Some(Duration::from_secs(31_536_000))));
    }

    #[test]
    fn a_get_takes_a_version_and_no_export() {
        let check = |query: &str, expect: Result<Freshness, &str>| {
            let seen = get(&Query::parse(query)).map_err(|error| match error {
                OptionsError::Unreadable(text) | OptionsError::Bad(text) => text,
                other => format!("{other:?}"),
            });
            assert_eq!(seen, expect.map_err(str::to_owned), "{query}");
        };
        check("", Ok(Freshness::Consistent));
        check("resourceVersion=0", Ok(Freshness::Any));
        check("resourceVersion=7", Ok(Freshness::NotOlderThan(Revision(7))));
        check(
            "resourceVersion=x",
            Err("resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax"),
        );
        check("export=false", Ok(Freshness::Consistent));
        check("export", Err("the export parameter, deprecated since v1.14, is no longer supported"));
    }
}
