//! What a person sees of a run, and what stays of it.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{bench, output};
use crate::harness::{Ends as _, Server};

const QUICK: [&str; 6] = ["--demo", "-n", "200", "-c", "2", "--warmup"];

fn quick(more: &[&str]) -> (i32, String, String) {
    output(&[&QUICK[..], &["0"], more].concat())
}

#[test]
fn a_report_that_could_not_be_written_is_known_before_the_run() {
    let (code, stdout, stderr) = quick(&["--json", "/nonexistent/x.json"]);
    assert_eq!((code, stdout.as_str()), (12, ""));
    assert!(
        stderr.starts_with("wscli: could not open '/nonexistent/x.json' for the report: "),
        "{stderr}"
    );
    assert!(!stderr.contains("measuring"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_take_the_text_report_along() {
    let (code, stdout, stderr) = quick(&["--json", "/dev/full"]);
    assert_eq!(code, 12, "{stderr}");
    assert!(stdout.contains("\nanswered             200  "), "{stdout}");
    assert!(
        stderr.contains("wscli: could not write the report to '/dev/full'"),
        "{stderr}"
    );
    let (code, _, _) = quick(&["--json", "/dev/full", "--threshold", "p50<1ns"]);
    assert_eq!(code, 1, "the missed threshold is told all the same");
}

#[test]
fn a_report_replaces_the_one_before_and_none_is_left_of_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    fs::write(&path, "x".repeat(1 << 20)).unwrap();
    let name = path.to_str().unwrap();
    let (code, _, stderr) = quick(&["--json", name]);
    assert_eq!(code, 0, "{stderr}");
    let report = fs::read(&path).unwrap();
    let report: Value = serde_json::from_slice(&report).expect("the report is JSON");
    assert_eq!(report["schema"], 2);
    let before = fs::read(&path).unwrap();
    let nowhere = ["ws://127.0.0.1:1/", "--json"];
    let (code, _, _) = output(&[&nowhere[..], &[name]].concat());
    assert_eq!(code, 4);
    assert_eq!(fs::read(&path).unwrap(), before);
    let new = folder.path().join("new.json");
    let (code, _, _) = output(&[&nowhere[..], &[new.to_str().unwrap()]].concat());
    assert_eq!(code, 4);
    assert!(!new.exists(), "an empty file looks like a report");
}

#[test]
fn the_report_says_how_it_was_made_without_secrets() {
    let server = Server::start(&[]);
    let url = format!("{}?token=SESAME", server.url("/ws"));
    let args = [
        &url, "-n", "20", "-c", "2", "--warmup", "0", "-u", "u:SESAME", "--json", "-",
    ];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 0, "{stderr}");
    assert!(!stdout.contains("SESAME"), "{stdout}");
    let report: Value = serde_json::from_str(&stdout).expect("the report is JSON");
    let line = report["command_line"].as_array().expect("a command line");
    assert_eq!(line[..2], ["wscli", "bench"]);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    let started = report["started_at"].as_str().expect("a time");
    assert!(started.ends_with('Z') && started.contains('T'), "{started}");
    assert!(report["host"]["processors"].as_u64() > Some(0));
    assert_eq!(report["config"]["messages"], 20);
    assert_eq!(report["config"]["load"]["in_flight"], 1);
    assert_eq!(report["handshake"]["tls"]["p50_us"], Value::Null);
}

#[test]
fn colours_are_those_asked_for_and_quiet_tells_the_verdicts_alone() {
    let threshold = ["--threshold", "p50<1ns", "--threshold", "rate>0"];
    let (_, plain, _) = quick(&threshold);
    assert!(!plain.contains('\x1b'), "{plain:?}");
    let (_, never, _) = quick(&[&threshold[..], &["--color", "never"]].concat());
    assert!(!never.contains('\x1b'), "{never:?}");
    let (_, colored, _) = quick(&[&threshold[..], &["--color", "always"]].concat());
    let (reached, missed) = ("\x1b[1;32mreached\x1b[0m", "\x1b[1;31mmissed \x1b[0m");
    assert!(
        colored.contains(reached) && colored.contains(missed),
        "{colored:?}"
    );
    let (code, quiet, _) = quick(&[&threshold[..], &["-q"]].concat());
    assert_eq!(code, 1);
    assert_eq!(quiet.lines().count(), 2, "{quiet}");
    assert!(quiet.starts_with("missed   p50<1ns  "), "{quiet}");
}

#[test]
fn placeholders_are_shown_whole_in_the_help() {
    let help = |flag| {
        let output = bench(&[flag]).stdin(Stdio::null()).ends();
        String::from_utf8(output.stdout).unwrap()
    };
    for flag in ["-h", "--help"] {
        let help = help(flag);
        let text: Vec<_> = help.split_whitespace().collect();
        let text = text.join(" ");
        assert!(
            text.contains("with {{n}}, {{conn}}, {{uuid}}, {{now}} and {{random 16}} filled in"),
            "{help}"
        );
    }
}

#[test]
fn values_that_mean_nothing_are_refused_with_a_sentence() {
    for (args, told) in [
        (&["-n", "0"][..], "write a whole number above 0"),
        (&["--rate", "-1"], "write a number a second, such as 100"),
        (&["-r", "x"], "write a number a second, such as 100"),
        (&["-d", "0"], "it leaves no time at all"),
        (&["--reply-timeout", "0"], "it leaves no time at all"),
        (&["--connect-timeout", "0"], "it leaves no time at all"),
        (
            &["--mode", "idle", "--ping-interval", "0"],
            "it leaves no time at all",
        ),
        (
            &["--mode", "idle", "--ping-interval", "1us"],
            "pings are at least 1ms apart",
        ),
        (&["--match", ""], "the pattern is empty"),
    ] {
        let (code, stdout, stderr) = output(&[&["--demo"], args].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(told), "{args:?}: {stderr}");
        assert!(!stderr.contains("-- -1"), "{stderr}");
    }
    for rate in ["10k", "1000/s", "60k/m"] {
        let (code, _, stderr) = quick(&["-r", rate]);
        assert_eq!(code, 0, "{rate}: {stderr}");
    }
}

#[test]
fn headers_of_a_spreadsheet_are_read_or_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("headers.csv");
    let run = |text: &str| {
        fs::write(&path, text).unwrap();
        quick(&["--headers-csv", path.to_str().unwrap()])
    };
    let (code, _, stderr) = run("\u{feff}X-User,X-Key\nann,1\n");
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = run("X-User;X-Key\nann;1\n");
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("fields are separated by commas"),
        "{stderr}"
    );
}

const SCHEMA: &str = include_str!("../../../docs/bench-report.schema.json");

/// A report of each mode, of an empty run too, and of one with everything.
fn reports() -> Vec<String> {
    [
        &[
            "-n",
            "20",
            "--threshold",
            "p50<1m",
            "--threshold",
            "lost<1%",
        ][..],
        &["--mode", "idle", "-d", "300ms", "--ping-interval", "50ms"],
        &["--mode", "flood", "-d", "300ms"],
        &["--mode", "handshake", "-n", "5"],
        &["--stages", "200ms:200,1100ms:20", "--size", "16..64"],
    ]
    .iter()
    .map(|more| {
        let base = ["--demo", "-c", "2", "--warmup", "0", "--json", "-"];
        let (code, stdout, stderr) = output(&[&base[..], more].concat());
        assert_eq!(code, 0, "{more:?}: {stderr}");
        stdout
    })
    .collect()
}

/// Which members a document has and its schema has not, or the reverse.
fn differences(root: &Value, schema: &Value, document: &Value, path: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#'));
        return differences(root, target.expect("a definition"), document, path);
    }
    if let Some(items) = document.as_array() {
        let items = items.iter();
        return items
            .flat_map(|item| differences(root, &schema["items"], item, path))
            .collect();
    }
    // What is keyed by its content has no members that could be listed.
    let (Some(known), Some(members)) = (schema["properties"].as_object(), document.as_object())
    else {
        return Vec::new();
    };
    let names = known.keys().chain(members.keys());
    names
        .flat_map(|name| match (known.get(name), members.get(name)) {
            (Some(of), Some(member)) => differences(root, of, member, &format!("{path}/{name}")),
            _ => vec![format!("{path}/{name}")],
        })
        .collect()
}

#[test]
fn the_json_schema_names_what_reports_have() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    for report in reports() {
        let report: Value = serde_json::from_str(&report).expect("the report is JSON");
        let found = differences(&schema, &schema, &report, "");
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
#[ignore = "needs check-jsonschema: its path in $CHECK_JSONSCHEMA"]
fn real_reports_are_valid_by_the_json_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let schema = file("schema.json", SCHEMA);
    let check = std::env::var_os("CHECK_JSONSCHEMA").expect("the path of check-jsonschema");
    let is_valid = |document: &std::path::Path| {
        let output = Command::new(&check)
            .arg("--schemafile")
            .args([&schema, document])
            .ends();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), told)
    };
    for (index, report) in reports().iter().enumerate() {
        let (valid, told) = is_valid(&file(&format!("{index}.json"), report));
        assert!(valid, "{told}\n{report}");
        let mut broken: Value = serde_json::from_str(report).unwrap();
        broken.as_object_mut().unwrap().remove("sent");
        let (valid, _) = is_valid(&file("broken.json", &broken.to_string()));
        assert!(!valid, "a report without 'sent' is none");
    }
}

#[test]
fn a_run_whose_connections_have_all_gone_ends_early_with_11_and_the_reason() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/close/1013?after=5&reason=rate%20limited");
    let args = [url.as_str(), "-c", "2", "-d", "1h", "--warmup", "0"];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 11, "{stderr}");
    let gone = "all 2 connections were gone after ";
    assert!(stdout.contains(&format!("ended early: {gone}")), "{stdout}");
    assert!(stderr.contains(&format!("wscli: {gone}")), "{stderr}");
    assert!(
        stdout.contains("closed by the server with 1013 (rate limited)"),
        "{stdout}"
    );
    // A missed threshold is told rather.
    let missed = ["--threshold", "connections>=100%"];
    let (code, stdout, _) = output(&[&args[..], &missed].concat());
    assert_eq!(code, 1);
    assert!(
        stdout.contains("missed   connections>=100%  0.000% of connections"),
        "{stdout}"
    );
}

#[test]
fn what_could_not_be_sent_is_told_for_each_url_and_by_a_threshold() {
    let server = Server::start(&["--lab"]);
    let (ends, stays) = (server.url("/close/1011?after=5"), server.url("/echo"));
    for threads in ["1", "2"] {
        let args = [
            ends.as_str(),
            &stays,
            "-c",
            "4",
            "--threads",
            threads,
            "-r",
            "400",
            "-d",
            "2",
            "--warmup",
            "0",
            "--threshold",
            "errors<5%",
            "--threshold",
            "unsent<5%",
        ];
        let (code, stdout, stderr) = output(&args);
        assert_eq!(code, 1, "{stderr}");
        for part in [
            "2 of the 4 were still open at the end\n",
            "the connection was gone\n",
            "missed   errors<5%  50.000% of connections\n",
            "missed   unsent<5%  ",
        ] {
            assert!(stdout.contains(part), "no {part:?} in:\n{stdout}");
        }
        let rows: Vec<_> = stdout
            .lines()
            .filter(|line| line.contains("/s  "))
            .collect();
        let row = |end| rows.iter().any(|row| row.contains(end));
        assert!(row("/echo  ") && row("?after=5  "), "{stdout}");
        assert!(
            stdout.lines().all(|line| line.chars().count() <= 80),
            "{stdout}"
        );
    }
}

#[test]
fn half_a_fleet_refused_is_no_small_share_of_errors() {
    let server = Server::start(&["--max-connections", "5"]);
    let url = server.url("/ws");
    let args = [
        url.as_str(),
        "-c",
        "10",
        "-d",
        "1",
        "--warmup",
        "0",
        "--threshold",
        "errors<0.1%",
    ];
    let (code, stdout, _) = output(&args);
    assert_eq!(code, 1, "{stdout}");
    assert!(
        stdout.contains("missed   errors<0.1%  50.000% of connections"),
        "{stdout}"
    );
    assert!(
        stdout.contains("5 of 10 connections open, measured"),
        "{stdout}"
    );
}

#[test]
fn a_percentile_that_lost_messages_reach_is_unknown_and_missed() {
    let server = Server::start(&["--chaos", "lose=50%"]);
    let url = server.url("/ws");
    let (code, stdout, _) = output(&[
        &url,
        "-c",
        "2",
        "-r",
        "200",
        "-d",
        "1",
        "--warmup",
        "0",
        "--reply-timeout",
        "300ms",
        "--threshold",
        "p99<60s",
        "--threshold",
        "min<60s",
    ]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("missed   p99<60s  unknown: "), "{stdout}");
    assert!(stdout.contains("% lost\nreached  min<60s  "), "{stdout}");
}

#[test]
fn what_was_agreed_is_told_and_a_declined_compression_too() {
    let plain = Server::start(&[]);
    let with = Server::start(&["--compress"]);
    let short = ["-n", "20", "-c", "2", "--warmup", "0", "--compress"];
    let told = |url: &str, more: &[&str]| {
        let (code, stdout, stderr) = output(&[&[url], &short[..], more].concat());
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let stdout = told(&plain.url("/ws"), &[]);
    let declined = "agreed on HTTP/1.1, no compression, although it was offered\n";
    assert!(stdout.contains(declined), "{stdout}");
    let stdout = told(&with.url("/ws"), &[]);
    assert!(
        stdout.contains("agreed on HTTP/1.1, permessage-deflate"),
        "{stdout}"
    );
    assert!(!stdout.contains("Compression made"), "{stdout}");
    let stdout = told(&with.url("/ws"), &["--fill", "zeros", "--size", "1000"]);
    assert!(stdout.contains("note: Compression made "), "{stdout}");
}

#[test]
fn verbose_shows_the_heads_of_the_first_connection_without_secrets() {
    let server = Server::start(&[]);
    let url = server.url("/ws");
    let (code, stdout, stderr) = output(&[
        &url, "-n", "20", "-c", "2", "--warmup", "0", "-v", "--bearer", "SESAME",
    ]);
    assert_eq!(code, 0, "{stderr}");
    let request = stderr.lines().filter(|line| line.starts_with("> GET /ws"));
    assert_eq!(request.count(), 1, "{stderr}");
    assert!(
        stderr.contains("> Authorization: Bearer [redacted]\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains("< HTTP/1.1 101 Switching Protocols\n"),
        "{stderr}"
    );
    assert!(stdout.contains("\npings in "), "{stdout}");
}

#[test]
fn each_stage_has_a_row() {
    let args = [
        "--demo",
        "-c",
        "2",
        "--stages",
        "300ms:100,300ms:200",
        "--warmup",
        "0",
    ];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 0, "{stderr}");
    for part in [
        "asked for 100/s for 300ms, then 200/s for 300ms, ",
        "\n  1: 100/s for 300ms  ",
        "\n  2: 200/s for 300ms  ",
    ] {
        assert!(stdout.contains(part), "no {part:?} in:\n{stdout}");
    }
}
