//! `pathctl cost` and `completions`, which ask no gateway.
#![allow(missing_docs, clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pathctl")).args(arguments.split(' ')).output().unwrap()
}

fn out(arguments: &str) -> String {
    String::from_utf8(run(arguments).stdout).unwrap()
}

#[test]
fn a_months_cost_is_shown_line_by_line_with_what_it_assumes() {
    let text = out("cost --rps 1000 --paths 100 --isolates 20");
    for part in ["queue operations", "26.0 events a message", "rollups", "parity", "cron", "readers", "prices of 20"] {
        assert!(text.contains(part), "{part}\nin\n{text}");
    }
    assert!(text.contains("2.59 G events") && text.contains("This assumes:"), "{text}");
}

#[test]
fn lines_add_up_to_the_total() {
    for mode in ["queue-only", "do-only", "dual-write", "dual-write --sample 1% --queue-share 50%"] {
        let cost: Value = serde_json::from_str(&out(&format!("cost --json --mode {mode}"))).unwrap();
        let sum: f64 = cost["lines"].as_array().unwrap().iter().map(|line| line["usd"].as_f64().unwrap()).sum();
        let total = cost["usd"].as_f64().unwrap();
        assert!(total > 0.0 && (sum - total).abs() < 1e-6, "{mode}: {sum} {total}");
        let per_million = total / cost["events"].as_f64().unwrap() * 1e6;
        assert!((cost["usdPerMillion"].as_f64().unwrap() - per_million).abs() < 1e-9);
        assert!(cost["assumptions"].as_array().unwrap().len() >= 5);
    }
}

#[test]
fn what_the_platform_does_not_hold_is_said_with_what_moves_it() {
    let load = "--rps 100000 --isolates 2000 --mode dual-write";
    let text = out(&format!("cost {load}"));
    for part in ["What does not hold:", "consumer: busy", "max_concurrency", "KEEP_DETAILS_DAYS", "requests/s hold"] {
        assert!(text.contains(part), "{part}\nin\n{text}");
    }
    let cost: Value = serde_json::from_str(&out(&format!("cost --json {load}"))).unwrap();
    let full = |limit: &&Value| limit["load"].as_f64() > limit["most"].as_f64();
    let limits = cost["limits"].as_array().unwrap();
    assert!(limits.iter().all(|limit| limit["holds"] != full(&limit)));
    assert_eq!(limits.iter().filter(full).count(), cost["warnings"].as_array().unwrap().len());
    assert!(!out("cost --rps 300").contains("What does not hold:"));
}

#[test]
fn the_pages_table_of_limits_is_what_its_command_prints() {
    let page = include_str!("../../../docs/performance.md");
    let command = page.lines().find_map(|line| line.strip_prefix("pathctl ").filter(|line| line.contains("--limits")));
    let table = page.split("<!-- limits: begin -->").nth(1).and_then(|rest| rest.split("<!-- limits: end -->").next());
    assert_eq!(table.map(str::trim), Some(out(command.unwrap()).trim()), "put the command's output into the page");
}

#[test]
fn each_shell_is_given_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = out(&format!("completions {shell}"));
        for command in ["stats", "top", "trace", "metrics", "cost", "flag", "parity"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run("completions csh").status.code(), Some(2));
}
