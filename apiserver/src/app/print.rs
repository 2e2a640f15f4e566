//! `crds` and `openapi`: what a project serves, for other tools.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::command_line::OpenApi;
use super::error::AppError;
use crate::apis::Apis;
use crate::openapi;

/// Every CRD as a YAML document.
pub fn crds(apis: &Apis, out: &mut dyn Write) -> Result<(), AppError> {
    let mut text = String::new();
    for crd in apis.crds() {
        let document = serde_saphyr::to_string(&crd).map_err(|error| AppError::Yaml(error.into()))?;
        text.push_str("---\n");
        text.push_str(&document);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    print(&text, out)
}

/// The OpenAPI v3 document of one group and version; without one, all of them by their names.
pub fn openapi(apis: &Apis, flags: &OpenApi, out: &mut dyn Write) -> Result<(), AppError> {
    let kinds = apis.kinds(false).map_err(AppError::Build)?;
    let document = match &flags.group_version {
        Some(wanted) => openapi::document(&kinds, wanted).ok_or_else(|| {
            let served = openapi::group_versions(&kinds);
            AppError::Usage {
                message: format!("{wanted:?} is not served"),
                hint: match served.is_empty() {
                    true => "this project serves no kinds yet".into(),
                    false => format!("--group-version takes one of: {}", served.join(", ")),
                },
            }
        })?,
        None => {
            let all = openapi::group_versions(&kinds).into_iter();
            let all = all.filter_map(|name| openapi::document(&kinds, &name).map(|document| (name, document)));
            Value::Object(all.collect::<Map<_, _>>())
        }
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| AppError::Print(error.into()))?;
    print(&(text + "\n"), out)
}

/// Prints to a reader that may have seen enough, such as `head`.
fn print(text: &str, out: &mut dyn Write) -> Result<(), AppError> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(AppError::Print),
    }
}
