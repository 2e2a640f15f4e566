//! Schedulers against the server: nodes and pods are objects, bindings are requests.

mod load;
mod stories;
