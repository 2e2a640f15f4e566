//! `versions apiserver` serves the kinds, `versions controller-manager` runs the controllers,
//! `versions webhook` answers the webhooks, `versions scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(versions::apis::install)
        .controllers(versions::controllers::install)
        .webhooks(versions::webhooks::install)
        .schedulers(versions::schedulers::install)
        .main()
}
