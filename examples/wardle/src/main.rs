//! `wardle apiserver` serves the kinds, `wardle controller-manager` runs the controllers; `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(wardle::apis::install)
        .controllers(wardle::controllers::install)
        .webhooks(wardle::webhooks::install)
        .main()
}
