//! Where flag documents come from: files, the source of truth, the history.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use api::flag::{FlagDocumentAnswer, FlagHistoryAnswer};
use model::flag::document::{DatedDocument, Document, MAX_BYTES};

use crate::error::CliError;
use crate::gateway::{ApiClient, ApiResponse, CallError};

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

/// The document that holds at the source of truth.
pub fn newest(gateway: &ApiClient) -> Result<ApiResponse<FlagDocumentAnswer>, CallError> {
    gateway.get("flag/document")
}

/// The document that holds, to be changed: it has no field that this tool would lose.
pub fn to_change(gateway: &ApiClient) -> Result<Document, CliError> {
    Document::read_strictly(&newest(gateway)?.raw["document"].to_string()).map_err(CliError::NewerDocument)
}

/// The newest documents, newest first.
pub fn history(gateway: &ApiClient) -> Result<Vec<DatedDocument>, CallError> {
    Ok(gateway.get::<FlagHistoryAnswer>("flag/history")?.value.history)
}

/// A document of the history.
pub fn version(history: &[DatedDocument], version: u32) -> Result<&Document, CliError> {
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
