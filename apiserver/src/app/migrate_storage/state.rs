//! Where a migration was, in a file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Count;
use crate::app::error::AppError;

/// The place that each kind was at. Without a file it is forgotten at the end.
pub(super) struct StateFile {
    path: Option<PathBuf>,
    places: BTreeMap<String, Place>,
}

/// Where the migration of a kind was.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Place {
    /// Where the next page starts.
    #[serde(rename = "continue")]
    pub(super) continue_token: String,
    pub(super) done: bool,
    #[serde(flatten)]
    pub(super) count: Count,
}

impl Place {
    pub(super) fn is_under_way(&self) -> bool {
        !self.continue_token.is_empty()
    }
}

impl StateFile {
    /// Reads the file, if there is one.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self, AppError> {
        let read = |path: &PathBuf| match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| AppError::Read {
                path: path.clone(),
                flag: "--state-file",
                source: error.into(),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(source) => Err(AppError::Read { path: path.clone(), flag: "--state-file", source }),
        };
        let places = path.as_ref().map(read).transpose()?.unwrap_or_default();
        Ok(Self { path, places })
    }

    pub(super) fn of(&self, resource: &str) -> Place {
        self.places.get(resource).cloned().unwrap_or_default()
    }

    /// Notes a place. The file is replaced as a whole, so that there is never half of one.
    pub(super) fn set(&mut self, resource: &str, place: Place) -> Result<(), AppError> {
        self.places.insert(resource.to_owned(), place);
        let Some(path) = &self.path else { return Ok(()) };
        let new = path.with_extension("new");
        let text = serde_json::to_string_pretty(&self.places).unwrap_or_default() + "\n";
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, path))
            .map_err(|source| AppError::Write { path: path.clone(), source })
    }

    /// There is nothing left to go on with.
    pub(super) fn remove(self) {
        if let Some(path) = self.path {
            // If it stays, the next migration says that all is done; then it may be removed by hand.
            let _ = std::fs::remove_file(path);
        }
    }
}
