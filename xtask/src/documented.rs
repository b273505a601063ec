//! The tasks of the documentation: each is parsed as it stands there.

use std::path::Path;

use clap::Parser as _;

use crate::Cli;

#[test]
fn every_task_of_the_documentation_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = 0;
    for file in docs.chain([root.join("README.md")]).filter(|file| file.extension().is_some_and(|end| end == "md")) {
        let page = std::fs::read_to_string(&file).unwrap();
        for line in page.lines().filter(|line| line.starts_with("cargo xtask ")) {
            let words = shell_words::split(line).unwrap();
            let parsed = Cli::try_parse_from(&words[1..]);
            assert!(parsed.is_ok(), "{}: {line}\n{}", file.display(), parsed.err().unwrap());
            found += 1;
        }
    }
    assert!(found >= 5, "{found}");
}
