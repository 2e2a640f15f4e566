//! `versions apiserver` serves the kinds, `versions controller-manager` runs the controllers; `--help` tells more.

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(versions::apis::install)
        .controllers(versions::controllers::install)
        .main()
}
