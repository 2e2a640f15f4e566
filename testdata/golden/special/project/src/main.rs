//! `special apiserver` serves the kinds, `special controller-manager` runs the controllers,
//! `special webhook` answers the webhooks, `special scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(special::apis::install)
        .controllers(special::controllers::install)
        .webhooks(special::webhooks::install)
        .schedulers(special::schedulers::install)
        .main()
}
