//! `pathctl completions`: what a shell needs to complete this tool's commands and options.

use std::io;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Print a shell's completions of this tool.
#[derive(Args)]
#[command(
    after_help = "Install them:\n  bash  pathctl completions bash > ~/.local/share/bash-completion/completions/pathctl\n  \
                        zsh   pathctl completions zsh > ~/.zfunc/_pathctl   (with fpath+=~/.zfunc before compinit)\n  \
                        fish  pathctl completions fish > ~/.config/fish/completions/pathctl.fish"
)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Runs the command: prints the completions of `tool`.
pub fn run(args: &CompletionsArgs, mut tool: Command) -> ExitCode {
    let shell = match args.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let name = tool.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut tool, name, &mut script);
    // A reader that has gone away (`| head`) is no error.
    let _ = io::Write::write_all(&mut io::stdout().lock(), &script);
    ExitCode::SUCCESS
}
