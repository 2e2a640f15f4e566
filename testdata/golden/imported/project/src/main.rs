//! `imported apiserver` serves the kinds, `imported controller-manager` runs the controllers,
//! `imported webhook` answers the webhooks, `imported scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(imported::apis::install)
        .controllers(imported::controllers::install)
        .webhooks(imported::webhooks::install)
        .schedulers(imported::schedulers::install)
        .main()
}
