//! `pathctl completions`: what a shell needs to complete this tool's commands and options.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Print a shell's completions of this tool.
#[derive(Args)]
#[command(after_help = "Install them:\n  \
    bash  pathctl completions bash > ~/.local/share/bash-completion/completions/pathctl\n  \
    zsh   pathctl completions zsh > ~/.zfunc/_pathctl   (with fpath+=~/.zfunc before compinit)\n  \
    fish  pathctl completions fish > ~/.config/fish/completions/pathctl.fish")]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Runs the command: prints the completions of `tool`.
pub fn run(args: &CompletionsArgs, mut tool: Command) -> ExitCode {
    let mut script = Vec::new();
    generate(args.shell, &mut tool, "pathctl", &mut script);
    // A reader that has gone away (`| head`) is no error.
    let _ = io::stdout().lock().write_all(&script);
    ExitCode::SUCCESS
}
