//! Who changes the flag, and why.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::error::CliError;

/// Who changes it.
#[derive(Args)]
pub struct AuthorArgs {
    /// Who changes it; unless given, the variable `PATHCTL_USER` or `USER` says.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// Options of every change that is shown before it is made.
#[derive(Args)]
pub struct FlagChangeArgs {
    /// Why, for those who come after.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    #[command(flatten)]
    pub by: AuthorArgs,
    /// Change it without asking.
    #[arg(long)]
    pub yes: bool,
}

impl AuthorArgs {
    /// The name: the first that is given.
    pub fn name(&self) -> Result<String, CliError> {
        let names = [self.by.clone(), std::env::var("PATHCTL_USER").ok(), std::env::var("USER").ok()];
        names.into_iter().flatten().find(|name| !name.trim().is_empty()).ok_or(CliError::NobodyNamed)
    }
}
