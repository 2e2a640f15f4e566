//! etcd's messages and clients, generated from the `.proto` files beside this one by `scripts/regenerate-etcd-proto`,
//! so that building needs no `protoc`.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

pub(super) mod etcdserverpb;
pub(super) mod mvccpb;
