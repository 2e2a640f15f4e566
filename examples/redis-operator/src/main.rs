//! `redis-operator apiserver` serves the kinds, `redis-operator controller-manager` runs the controllers,
//! `redis-operator webhook` answers the webhooks, `redis-operator scheduler` puts pods on nodes;
//! `--help` tells more.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(redis_operator::apis::install)
        .standalone(|apis| {
            apis.native::<StatefulSet>();
            apis.native::<Service>();
        })
        .controllers(redis_operator::controllers::install)
        .webhooks(redis_operator::webhooks::install)
        .schedulers(redis_operator::schedulers::install)
        .main()
}
