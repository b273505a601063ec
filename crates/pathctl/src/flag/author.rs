//! Who changes the flag, and why.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::error::CliError;

/// Who changes it.
#[derive(Args)]
pub struct By {
    /// Who changes it; unless given, the variable `PATHCTL_USER` or `USER` says.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// Options of every change that is shown before it is made.
#[derive(Args)]
pub struct ChangeArgs {
    /// Why, for those who come after.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    #[command(flatten)]
    pub by: By,
    /// Change it without asking.
    #[arg(long)]
    pub yes: bool,
}

impl By {
    /// The name.
    ///
    /// # Errors
    /// When nobody is named; the remedy.
    pub fn name(&self) -> Result<String, CliError> {
        first_name([self.by.clone(), std::env::var("PATHCTL_USER").ok(), std::env::var("USER").ok()])
    }
}

fn first_name(names: [Option<String>; 3]) -> Result<String, CliError> {
    let name = names.into_iter().flatten().find(|name| !name.trim().is_empty());
    name.ok_or_else(|| {
        CliError::failed("naming who changes the flag", &"nobody is named", "give --by or set PATHCTL_USER")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_named_changes_it() {
        let name = |names: [&str; 3]| first_name(names.map(|name| (!name.is_empty()).then(|| name.into())));
        assert_eq!(name(["jo", "op", "root"]).unwrap(), "jo");
        assert_eq!(name(["", "op", "root"]).unwrap(), "op");
        assert_eq!(name([" ", "", "root"]).unwrap(), "root");
        let error = name(["", "", ""]).unwrap_err().to_string();
        assert!(error.contains("--by") && error.contains("PATHCTL_USER"), "{error}");
    }
}
