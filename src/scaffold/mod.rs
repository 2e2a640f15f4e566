//! From a `PROJECT` to files, in this order:
//! - [`views`], [`controllers`], [`webhooks`], [`plugins`], [`schedulers`] and [`crds`]: every name and decision that a
//!   template places
//! - [`render`]: templates to files in memory, with [`layout`] for what rustfmt would do to long names, [`marker`] for
//!   the first line of our files, [`lock`] for `Cargo.lock`
//! - [`pair`]: two versions of a kind, where their conversions are, and how they are registered
//! - [`vendor`]: the library, as files
//! - [`plan`]: files against what is on the disk: create, replace, remove, leave, or refuse
//! - [`write`]: a plan carried out as a whole or not at all
//!
//! **Invariant:** only `plan` reads the disk and only `write` changes it.

mod children;
pub mod controllers;
pub mod crds;
mod imports;
pub mod layout;
pub mod lock;
pub mod marker;
pub mod pair;
pub mod plan;
pub mod plugins;
pub mod render;
pub mod schedulers;
pub mod vendor;
pub mod views;
pub mod webhooks;
pub mod write;

use std::borrow::Cow;

/// A file as it shall be.
#[derive(Clone, Debug)]
pub struct File {
    /// Relative to the project's root, with `/`.
    pub path: String,
    /// What it shall hold.
    pub content: Cow<'static, [u8]>,
    /// Who may change it.
    pub owner: Owner,
}

/// Who may change a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// The user: written once and never again.
    Yours,
    /// This program: written again whenever `PROJECT` changes; its first line tells whether someone else changed it.
    Ours,
    /// This program: a file of the library, whose checksum is in `vendor/apiserver.sum`.
    Library,
    /// This program: `PROJECT` and the checksums, written last.
    State,
}
