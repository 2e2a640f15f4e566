//! The functions that expressions may call, one file for each library. Which there are, and since when:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/environment/base.go>

mod convert;
mod lists;
mod optional;
mod sets;
mod text;
mod times;

use super::functions::Definition;

/// All of them.
pub(super) const MODULES: &[&[Definition]] = &[
    convert::DEFINITIONS,
    text::DEFINITIONS,
    times::DEFINITIONS,
    lists::DEFINITIONS,
    sets::DEFINITIONS,
    optional::DEFINITIONS,
];

#[derive(Debug)]
pub(crate) struct Quantity;
impl Quantity {
    pub(super) fn equals(&self, _: &Self) -> bool {
        true
    }
}
#[derive(Debug, PartialEq)]
pub(crate) struct Url;
#[derive(Debug, PartialEq, Clone, Copy)]
pub(crate) struct Ip;
impl Ip {
    pub(super) fn size(self) -> u64 {
        1
    }
}
#[derive(Debug, PartialEq, Clone, Copy)]
pub(crate) struct Cidr;
impl Cidr {
    pub(super) fn size(self) -> u64 {
        1
    }
}
#[derive(Debug)]
pub(crate) struct Semver;
impl Semver {
    pub(super) fn compare(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}
#[derive(Debug)]
pub(crate) struct Format {
    pub(super) name: &'static str,
    pub(super) pattern_length: u64,
}
