//! `aviary apiserver` serves the kinds, `aviary controller-manager` runs the controllers; `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(aviary::apis::install)
        .controllers(aviary::controllers::install)
        .webhooks(aviary::webhooks::install)
        .main()
}
