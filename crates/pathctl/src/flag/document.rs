//! Where flag documents come from: files, the source of truth, the history.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use model::flag::document::{Document, MAX_BYTES};

use super::wire::Change;
use crate::error::CliError;
use crate::gateway::Gateway;

/// A document of a file, or of standard input for `-`.
pub fn of_file(path: &Path) -> Result<Document, CliError> {
    let open = || -> io::Result<Box<dyn Read>> {
        Ok(if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) })
    };
    let mut text = String::new();
    let read = open().and_then(|file| file.take(2 * MAX_BYTES as u64).read_to_string(&mut text));
    read.map_err(|error| CliError::reading(path, error))?;
    Ok(Document::read_strictly(&text)?)
}

/// The document that holds at the source of truth, to be changed.
pub fn newest(gateway: &Gateway) -> Result<Document, CliError> {
    let document = gateway.newest_flag()?.value.document;
    Document::read_strictly(&document.to_string()).map_err(CliError::NewerDocument)
}

/// A document of the history.
pub fn version(history: &[Change], version: u32) -> Result<&Document, CliError> {
    let found = history.iter().map(|change| &change.document).find(|document| document.version == version);
    found.ok_or_else(|| {
        let readable = match (history.last(), history.first()) {
            (Some(oldest), Some(newest)) => format!("{} to {}", oldest.document.version, newest.document.version),
            _ => "none yet".into(),
        };
        CliError::NoSuchVersion { version, readable }
    })
}

/// The same document, if the gateway would take it.
pub fn checked(document: &Document) -> Result<Document, CliError> {
    Ok(Document::read_strictly(&serde_json::to_string(document)?)?)
}
