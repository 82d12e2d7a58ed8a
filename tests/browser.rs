//! Pages in a real browser: `tests/browser/page.cjs` drives the system's Chromium
//! over the page of `wscli serve`, `tests/browser/poc.cjs` over that of `wscli
//! probe-origin --poc`. Screenshots and pages go to `target/browser`. With
//! `WSCLI_UPDATE` set, the log that the page exports is written to `tests/data`,
//! where other tests read it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use wscli::internal::talk::replay;

/// Runs a script of `tests/browser` over the program, and gives it a folder.
fn run(script: &str, folder: &str) -> PathBuf {
    // What is installed is installed once, and two browsers are one too many.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = root.join("tests/browser");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), Into::into)
        .join("browser");
    let setup = Command::new(scripts.join("setup")).status().unwrap();
    assert!(setup.success(), "tests/browser/setup: {setup}");
    let status = Command::new("node")
        .arg(scripts.join(script))
        .arg(env!("CARGO_BIN_EXE_wscli"))
        .arg(target.join(folder))
        .env("NODE_PATH", target.join("node_modules"))
        .stdin(Stdio::null())
        .status()
        .expect("node can be started");
    assert!(status.success(), "see the checks above: {status}");
    target.join(folder)
}

#[test]
#[ignore = "needs chromium"]
fn the_page_does_in_chromium_what_it_says() {
    let screenshots = run("page.cjs", "screenshots");
    // What came out of the browser, and not a copy with other times.
    let export = std::fs::read(screenshots.join("export.jsonl")).unwrap();
    let recording = replay::read(&export).unwrap();
    assert_eq!(recording.steps.len(), 7, "{recording:?}");
    assert!(recording.torn_lines.is_empty(), "{recording:?}");
}

#[test]
#[ignore = "needs chromium"]
fn the_proof_of_a_finding_shows_it_in_chromium() {
    run("poc.cjs", "proofs");
}
