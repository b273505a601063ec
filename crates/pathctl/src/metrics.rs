//! `pathctl metrics`: what Prometheus sees.

use std::process::ExitCode;

use clap::Args;

use crate::error::CliError;
use crate::gateway::GatewayArgs;
use crate::output;

/// Print the metrics that Prometheus scrapes, in its text format.
#[derive(Args)]
#[command(after_help = "`pathctl metrics | promtool check metrics` reads them as Prometheus does.")]
pub struct MetricsArgs {
    /// Only samples whose line contains this text, with what is said of their metric.
    #[arg(long, value_name = "TEXT", default_value = "")]
    grep: String,
}

/// Runs the command. As grep has it: nothing found is no success.
pub fn run(gateway: &GatewayArgs, args: &MetricsArgs) -> Result<ExitCode, CliError> {
    let text = gateway.connect()?.metrics()?;
    let found = if args.grep.is_empty() { text.trim_end().to_owned() } else { containing(&text, &args.grep) };
    if found.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    output::say(&found);
    Ok(ExitCode::SUCCESS)
}

/// The samples whose line contains `wanted`, below the comments that come before them.
fn containing(text: &str, wanted: &str) -> String {
    let mut found = Vec::new();
    let mut comments = Vec::new();
    let mut in_comments = false;
    for line in text.lines() {
        if line.starts_with('#') {
            if !in_comments {
                comments.clear();
            }
            comments.push(line);
        } else if line.contains(wanted) {
            found.append(&mut comments);
            found.push(line);
        }
        in_comments = line.starts_with('#');
    }
    found.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_with_what_is_said_of_their_metric() {
        let text = "# HELP a A.\n# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\n# HELP b B.\n# TYPE b gauge\nb 2\n";
        assert_eq!(containing(text, "x=\"2\""), "# HELP a A.\n# TYPE a counter\na{x=\"2\"} 2");
        assert_eq!(
            containing(text, " 2"),
            "# HELP a A.\n# TYPE a counter\na{x=\"2\"} 2\n# HELP b B.\n# TYPE b gauge\nb 2"
        );
        assert_eq!(containing(text, "nothing"), "");
    }
}
