//! The page of `wscli serve` in a real browser: `tests/browser/page.cjs` drives
//! the system's Chromium. Screenshots go to `target/browser/screenshots`.

use std::path::Path;
use std::process::{Command, Stdio};

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
}
