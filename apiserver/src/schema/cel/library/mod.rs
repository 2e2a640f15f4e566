//! The functions that expressions may call, one file for each library. Which there are, and since when:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/environment/base.go>

mod cidr;
mod convert;
mod format_text;
mod formats;
mod ip;
mod lists;
mod optional;
mod quantity;
mod semver;
mod sets;
mod text;
mod times;
mod url;

pub(crate) use cidr::Cidr;
pub(super) use format_text::count as format_count;
pub(crate) use formats::Format;
pub(crate) use ip::Ip;
pub(crate) use semver::Semver;
pub(crate) use url::Url;

use super::functions::Definition;

/// All of them.
pub(super) const MODULES: &[&[Definition]] = &[
    convert::DEFINITIONS,
    text::DEFINITIONS,
    format_text::DEFINITIONS,
    times::DEFINITIONS,
    lists::DEFINITIONS,
    sets::DEFINITIONS,
    optional::DEFINITIONS,
    quantity::DEFINITIONS,
    url::DEFINITIONS,
    ip::DEFINITIONS,
    cidr::DEFINITIONS,
    formats::DEFINITIONS,
    semver::DEFINITIONS,
];
