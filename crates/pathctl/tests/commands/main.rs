//! `pathctl` as an operator runs it, against an API that answers as it is told.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod archive;
mod dead_letters;
mod flag;
mod parity;
mod reading;
mod support;

use std::process::Command;

fn run(arguments: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pathctl")).args(arguments.split(' ')).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn each_shell_is_given_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (_, script) = run(&format!("completions {shell}"));
        for command in ["stats", "top", "trace", "metrics", "flag", "parity"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run("completions csh").0, Some(2));
}

#[test]
fn an_id_is_printed_as_the_worker_makes_it() {
    // From `printf 192.168.1.1:/api/users:req-123 | sha256sum`.
    let inputs = "--ip 192.168.1.1 --path /api/users --request-id req-123";
    let (code, printed) = run(&format!("id --timestamp 1730956800000 {inputs}"));
    let id: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let expected = serde_json::json!({"idempotentId": "1730956800000-ca81a161", "digest": "ca81a161de55206c"});
    assert_eq!((code, id), (Some(0), expected));
    let (code, refused) = run(&format!("id --timestamp 1730956800 {inputs}"));
    assert!(code == Some(1) && refused.contains("`timestamp`") && refused.contains("13 digits"), "{refused}");
}
