// Copyright YEAR the authors of odd
//
// Licensed to nobody in particular.

//! `odd-one apiserver` serves the kinds, `odd-one controller-manager` runs the controllers; `--help` tells more.

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(odd_one::apis::install)
        .controllers(odd_one::controllers::install)
        .main()
}
