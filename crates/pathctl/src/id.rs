//! `pathctl id`: the idempotent ID and digest of given inputs, by the same code as the Worker's.

use std::process::ExitCode;

use clap::Args;
use model::event::identity::{Digest, IdempotentId};
use serde_json::json;

use crate::error::CliError;
use crate::output;

/// Print the idempotent ID and digest of a request, as JSON; asks no gateway.
#[derive(Args)]
pub struct IdArgs {
    /// Milliseconds since 1970, 13 digits. The collector passes the request's time floored to its ID window.
    #[arg(long, value_name = "MS")]
    timestamp: u64,
    /// The client's address as it arrived.
    #[arg(long, value_name = "ADDRESS")]
    ip: String,
    /// The request's path as it arrived, without query.
    #[arg(long)]
    path: String,
    /// The request's ID (`CF-Ray`).
    #[arg(long, value_name = "ID")]
    request_id: String,
}

/// Runs the command.
pub fn run(args: &IdArgs) -> Result<ExitCode, CliError> {
    let IdArgs { timestamp, ip, path, request_id } = args;
    let id = IdempotentId::generate(*timestamp, ip, path, request_id)?;
    output::say_json(&json!({"idempotentId": id, "digest": Digest::of(ip, path, request_id)}))?;
    Ok(ExitCode::SUCCESS)
}
