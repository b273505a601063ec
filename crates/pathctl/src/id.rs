//! `pathctl id`: the idempotent ID and digest of given inputs, by the same code as the Worker's.

use std::process::ExitCode;

use clap::Args;
use model::event::identity::{Digest, IdempotentId};
use serde::Serialize;

use crate::error::CliError;
use crate::output;

/// Print the idempotent ID and digest of a request.
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    idempotent_id: IdempotentId,
    digest: Digest,
}

/// Runs the command.
///
/// # Errors
/// When the timestamp has not 13 digits.
pub fn run(args: &IdArgs) -> Result<ExitCode, CliError> {
    output::say_json(&identity(args)?)?;
    Ok(ExitCode::SUCCESS)
}

fn identity(args: &IdArgs) -> Result<Identity, CliError> {
    Ok(Identity {
        idempotent_id: IdempotentId::generate(args.timestamp, &args.ip, &args.path, &args.request_id)?,
        digest: Digest::of(&args.ip, &args.path, &args.request_id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(timestamp: u64) -> IdArgs {
        IdArgs { timestamp, ip: "192.168.1.1".into(), path: "/api/users".into(), request_id: "req-123".into() }
    }

    #[test]
    fn it_prints_exactly_the_two_names() {
        // From `printf 192.168.1.1:/api/users:req-123 | sha256sum`.
        assert_eq!(
            serde_json::to_string(&identity(&args(1_730_956_800_000)).unwrap()).unwrap(),
            r#"{"idempotentId":"1730956800000-ca81a161","digest":"ca81a161de55206c"}"#
        );
    }

    #[test]
    fn seconds_instead_of_milliseconds_are_refused_with_a_remedy() {
        let error = identity(&args(1_730_956_800)).err().unwrap().to_string();
        assert!(
            error.contains("`timestamp`") && error.contains("1730956800") && error.contains("13 digits"),
            "{error}"
        );
    }
}
