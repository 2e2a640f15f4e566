//! Serves kinds that are known only by their CRDs, as a cluster would: no type, no hook.
//!
//! ```text
//! CRDS=birds.yaml cargo run --example crds -- apiserver --standalone --storage memory --secure-port 6443
//! ```

use std::process::ExitCode;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

fn main() -> ExitCode {
    let crds = match std::env::var("CRDS")
        .map_err(|_| "set CRDS to a file of CustomResourceDefinitions".to_owned())
        .and_then(|path| read(&path))
    {
        Ok(crds) => crds,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    apiserver::App::new("crds", env!("CARGO_PKG_VERSION"))
        .apis(|apis| {
            for crd in crds {
                apis.crd(crd);
            }
        })
        .main()
}

fn read(path: &str) -> Result<Vec<CustomResourceDefinition>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    serde_saphyr::from_multiple(&text).map_err(|error| format!("{path}: {error}"))
}
