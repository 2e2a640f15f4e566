// Copyright YEAR the authors of odd
//
// Licensed to nobody in particular.

//! `odd-one apiserver` serves the kinds, `odd-one controller-manager` runs the controllers,
//! `odd-one webhook` answers the webhooks, `odd-one scheduler` puts pods on nodes;
//! `--help` tells more.

#[global_allocator]
static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;

fn main() -> std::process::ExitCode {
    apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .apis(odd_one::apis::install)
        .controllers(odd_one::controllers::install)
        .webhooks(odd_one::webhooks::install)
        .schedulers(odd_one::schedulers::install)
        .main()
}
