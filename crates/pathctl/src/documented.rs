//! The commands of the documentation are this tool's: each is parsed as it stands there.

use std::path::Path;

use clap::Parser;

use crate::Cli;

/// Words of a line, as a shell would split it: quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate().flat_map(|(n, part)| {
        if n % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
    });
    quoted.collect()
}

/// Commands of this tool in the shell blocks of a page.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines = blocks.flat_map(str::lines).map(str::trim);
    lines
        .filter_map(|line| {
            line.find("pathctl -- ").map(|at| &line[at..]).or_else(|| line.starts_with("pathctl ").then_some(line))
        })
        .collect()
}

#[test]
fn every_command_of_the_documentation_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = 0;
    for file in docs.chain([root.join("README.md")]).filter(|file| file.extension().is_some_and(|end| end == "md")) {
        let page = std::fs::read_to_string(&file).unwrap();
        for command in commands(&page) {
            let words = words(&command.replace("pathctl -- ", "pathctl "));
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{}: {command}\n{}", file.display(), parsed.err().unwrap());
            found += 1;
        }
    }
    assert!(found >= 30, "{found}");
}

#[test]
fn quotes_keep_blanks_together() {
    assert_eq!(
        words(r#"pathctl flag stop --reason "a b" --json"#),
        ["pathctl", "flag", "stop", "--reason", "a b", "--json"]
    );
}
