//! `guarded apiserver` serves the kinds, `guarded controller-manager` runs the controllers,
//! `guarded webhook` answers the webhooks, `guarded scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(guarded::apis::install)
        .controllers(guarded::controllers::install)
        .webhooks(guarded::webhooks::install)
        .schedulers(guarded::schedulers::install)
        .main()
}
