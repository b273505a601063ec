//! The commands of the documentation are this tool's: each is parsed as it stands there.

use std::path::Path;

use clap::{CommandFactory as _, Parser as _};

use crate::Cli;

#[test]
fn every_command_of_the_documentation_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = 0;
    for file in docs.chain([root.join("README.md")]).filter(|file| file.extension().is_some_and(|end| end == "md")) {
        let page = std::fs::read_to_string(&file).unwrap().replace("cargo run --quiet -p pathctl -- ", "pathctl ");
        for line in page.lines().map(str::trim).filter(|line| line.starts_with("pathctl ")) {
            let parsed = Cli::try_parse_from(shell_words::split(line).unwrap());
            assert!(parsed.is_ok(), "{}: {line}\n{}", file.display(), parsed.err().unwrap());
            found += 1;
        }
    }
    assert!(found >= 30, "{found}");
}

#[test]
fn the_options_contradict_nowhere() {
    Cli::command().debug_assert();
}
