//! `keepers apiserver` serves the kinds, `keepers controller-manager` runs the controllers,
//! `keepers webhook` answers the webhooks, `keepers scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(keepers::apis::install)
        .controllers(keepers::controllers::install)
        .webhooks(keepers::webhooks::install)
        .schedulers(keepers::schedulers::install)
        .main()
}
