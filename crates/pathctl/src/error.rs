//! What can go wrong while an operator works, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use model::error::InputError;

use crate::gateway::CallError;

/// Why a command could not do its work; each variant names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A value given by the operator or found in a file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A call that gave no result.
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("reading {}: {source}; give a file that exists and that you may read", path.display())]
    Reading { path: PathBuf, source: io::Error },
    #[error("writing {}: {source}; give a path in a folder that exists, that you may write, and with space left", path.display())]
    Writing { path: PathBuf, source: io::Error },
    #[error("{step}: standard input is no terminal, so nobody can be asked; give --yes to do it without asking")]
    NobodyToAsk { step: &'static str },
    #[error("changing the flag: nobody is named; give --by or set PATHCTL_USER")]
    NobodyNamed,
    #[error("using PATHCTL_TOKEN: plain http would show it to others; give --target as https://…, or unset it")]
    TokenOverheard,
    #[error("using PATHCTL_TOKEN: it is no visible ASCII; set it to the value of the secret ADMIN_TOKEN")]
    TokenUnreadable,
    #[error(
        "preparing https: there are no certificates to trust; install the system's (Debian: apt-get install ca-certificates)"
    )]
    NoCertificates,
    #[error("reading the document that holds: {0}; use a pathctl of the gateway's version")]
    NewerDocument(InputError),
    #[error("version {version} is not in the history; versions that can be read: {readable}")]
    NoSuchVersion { version: u32, readable: String },
    #[error(
        "no request of this period took the route {path}; list the routes with `pathctl stats`, or give a longer --range"
    )]
    NoSuchRoute { path: String },
    /// A fault of this tool.
    #[error("writing JSON: {0}; report it as a fault of this tool")]
    Json(#[from] serde_json::Error),
    /// A fault of this tool.
    #[error("writing CSV: {0}; report it as a fault of this tool")]
    Csv(#[from] csv::Error),
}

impl CliError {
    /// A file that can't be read.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self::Reading { path: path.to_owned(), source }
    }

    /// A file that can't be written.
    pub fn writing(path: &Path, source: io::Error) -> Self {
        Self::Writing { path: path.to_owned(), source }
    }
}
