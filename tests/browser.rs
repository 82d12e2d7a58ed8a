//! The page of `wscli serve` in a real browser: `tests/browser/page.cjs` drives
//! the system's Chromium. Screenshots go to `target/browser/screenshots`. With
//! `WSCLI_UPDATE` set, the log that the page exports is written to `tests/data`,
//! where other tests read it.

use std::path::Path;
use std::process::{Command, Stdio};

use wscli::talk::replay;

#[test]
#[ignore = "needs chromium"]
fn the_page_does_in_chromium_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = root.join("tests/browser");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), Into::into)
        .join("browser");
    let setup = Command::new(scripts.join("setup")).status().unwrap();
    assert!(setup.success(), "tests/browser/setup: {setup}");
    let status = Command::new("node")
        .arg(scripts.join("page.cjs"))
        .arg(env!("CARGO_BIN_EXE_wscli"))
        .arg(target.join("screenshots"))
        .env("NODE_PATH", target.join("node_modules"))
        .stdin(Stdio::null())
        .status()
        .expect("node can be started");
    assert!(status.success(), "see the checks above: {status}");
    // What came out of the browser, and not a copy with other times.
    let export = std::fs::read(target.join("screenshots/export.jsonl")).unwrap();
    let recording = replay::read(&export).unwrap();
    assert_eq!(recording.steps.len(), 7, "{recording:?}");
    assert!(recording.torn_lines.is_empty(), "{recording:?}");
}
