//! `fresh apiserver` serves the kinds, `fresh controller-manager` runs the controllers,
//! `fresh webhook` answers the webhooks, `fresh scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(fresh::apis::install)
        .controllers(fresh::controllers::install)
        .webhooks(fresh::webhooks::install)
        .schedulers(fresh::schedulers::install)
        .main()
}
