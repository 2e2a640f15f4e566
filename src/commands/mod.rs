//! One file per command, and what those that write have in common.

pub mod admission;
pub mod build;
pub mod changes;
pub mod completion;
pub mod controller;
pub mod create;
pub mod from_crd;
pub mod generate;
pub mod init;
pub mod kubeconfig;
pub mod main_file;
pub mod resource_version;
pub mod run;
pub mod scheduler;
pub mod show;
pub mod show_controllers;
pub mod show_schedulers;
pub mod show_webhooks;
pub mod subresource;
pub mod update;
pub mod version;
pub mod version_news;
pub mod webhook;
