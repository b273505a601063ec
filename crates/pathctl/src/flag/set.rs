//! `pathctl flag set` and `rollback`: another document, other fields of the one that holds, or an earlier version.

use std::path::PathBuf;
use std::process::ExitCode;

use api::flag::RollbackOrder;
use clap::Args;
use model::flag::Mode;
use model::flag::document::Document;
use ureq::http::Method;

use super::author::FlagChangeArgs;
use super::proposal::{ProposalOutcome, conclude, consult};
use super::{Desk, document};
use crate::argument::mode;
use crate::consent::Consent;
use crate::error::CliError;
use crate::output;
use crate::share::Share;

/// What is asked about, if nobody can be asked.
pub const STEP: &str = "changing the flag";

/// Change the flag, by a whole document or field by field.
#[derive(Args)]
pub struct SetArgs {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    change: FlagChangeArgs,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Wanted {
    /// A whole document; - is standard input. Its version, author and reason don't count.
    #[arg(conflicts_with_all = ["mode", "sample", "queue_share", "salt"])]
    file: Option<PathBuf>,
    /// Which store records: do-only, queue-only or dual-write. Any but dual-write ends a ramp.
    #[arg(long, value_parser = mode)]
    mode: Option<Mode>,
    /// In dual-write: share of requests written to both stores, such as 1%.
    #[arg(long, value_name = "SHARE")]
    sample: Option<Share>,
    /// In dual-write: share of the rest that goes to the queue alone, such as 25%.
    #[arg(long, value_name = "SHARE")]
    queue_share: Option<Share>,
    /// Changes which requests fall into the sample.
    #[arg(long)]
    salt: Option<String>,
}

/// Make an earlier version hold again.
#[derive(Args)]
pub struct RollbackArgs {
    /// The version, as `pathctl flag history` shows it.
    version: u32,
    #[command(flatten)]
    change: FlagChangeArgs,
}

/// Sets the flag.
pub fn run(desk: &Desk, args: &SetArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.change.yes, STEP)?;
    let by = args.change.by.name()?;
    let given = args.wanted.file.as_deref().map(document::of_file).transpose()?;
    let newest = document::to_change(&desk.gateway)?;
    let wanted = given.unwrap_or_else(|| args.wanted.applied_to(&newest));
    change(desk, &newest, Document { updated_by: by, reason: args.change.reason.clone(), ..wanted }, consent)
}

/// Proposes `wanted` in place of `newest`, and makes the change if the operator agrees.
pub fn change(desk: &Desk, newest: &Document, wanted: Document, consent: Consent) -> Result<ExitCode, CliError> {
    let wanted = document::checked(&Document { version: newest.version, ..wanted })?;
    let verdict = consult(desk, &wanted, consent)?;
    conclude(desk, verdict, || desk.gateway.send(&Method::PUT, "flag", &wanted, Some(newest.version)))
}

/// Makes an earlier version hold again.
pub fn roll_back(desk: &Desk, args: &RollbackArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.change.yes, STEP)?;
    let (updated_by, reason) = (args.change.by.name()?, args.change.reason.clone());
    let history = document::history(&desk.gateway)?;
    let verdict = match document::version(&history, args.version) {
        Ok(earlier) => {
            if earlier.ramp.is_some() {
                output::note(&"warning: that version has a ramp, which goes on from where it was then");
            }
            consult(
                desk,
                &Document { updated_by: updated_by.clone(), reason: reason.clone(), ..earlier.clone() },
                consent,
            )?
        }
        // The gateway has more of the history than it shows, and may know it all the same.
        Err(error) if consent == Consent::Given => {
            output::note(&format!("warning: no preview: {error}"));
            ProposalOutcome::Agreed(None)
        }
        Err(error) => return Err(error),
    };
    let order = RollbackOrder { version: args.version, updated_by, reason };
    conclude(desk, verdict, || desk.gateway.send(&Method::POST, "flag/rollback", &order, None))
}

impl Wanted {
    fn applied_to(&self, newest: &Document) -> Document {
        let mode = self.mode.unwrap_or(newest.mode);
        Document {
            mode,
            sample_ppm: self.sample.map_or(newest.sample_ppm, |share| share.ppm),
            queue_ppm: self.queue_share.map_or(newest.queue_ppm, |share| share.ppm),
            salt: self.salt.clone().unwrap_or_else(|| newest.salt.clone()),
            // A ramp has a meaning in this mode alone.
            ramp: newest.ramp.clone().filter(|_| mode == Mode::DualWrite),
            ..newest.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_not_named_stay_as_they_are() {
        let text = r#"{"schema":1,"version":4,"mode":"dual-write","queuePpm":7,"salt":"s",
            "overrides":[{"path":"/a","mode":"do-only"}],"ramp":{"steps":[1],"everyMs":60000}}"#;
        let newest = Document::read_strictly(text).unwrap();
        let fields = |mode, sample| Wanted { file: None, mode, sample, queue_share: None, salt: None };
        let sampled = fields(None, Some(Share::of_ppm(5))).applied_to(&newest);
        assert_eq!(sampled, Document { sample_ppm: 5, ..newest.clone() });
        let stopped = fields(Some(Mode::QueueOnly), None).applied_to(&newest);
        assert_eq!(stopped, Document { mode: Mode::QueueOnly, ramp: None, ..newest });
        assert!(document::checked(&stopped).is_ok());
    }
}
