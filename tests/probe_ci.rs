//! What CI gets from `wscli probe-origin`: reports of runs that are cut short, of
//! hostile servers, and against a baseline.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

const CLIENT: &str = "https://client.example";

fn wscli() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wscli"));
    command.env_clear();
    command
}

fn probe(args: &[&str]) -> Output {
    let mut command = wscli();
    command.arg("probe-origin").args(args).output().unwrap()
}

/// `wscli serve`, which ends with the test.
struct Server(Child, String);

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut child = wscli()
            .args(["serve", "--port", "0", "--jsonl"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        // It stays open: a server whose lines nobody takes ends.
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self(child, ready["url"].as_str().unwrap().to_owned())
    }

    fn url(&self) -> &str {
        &self.1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[cfg(unix)]
#[test]
fn sigint_and_sigterm_write_the_reports_of_what_is_done() {
    use rustix::process::{Pid, Signal, kill_process};
    let server = Server::start(&[]);
    for (signal, name, code) in [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let config = path(folder.path(), "probes.toml");
        let url = server.url();
        let target = format!("[[targets]]\nurl = '{url}'\n");
        fs::write(&config, format!("allow = ['{CLIENT}']\n{target}{target}")).unwrap();
        let files = ["json", "sarif", "junit", "markdown", "gitlab", "html"];
        let mut command = wscli();
        command.args(["probe-origin", "--config", &config, "--write-baseline"]);
        command.arg(path(folder.path(), "baseline"));
        for file in files {
            command.args([format!("--{file}"), path(folder.path(), file)]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It says what it will send, and then it is at it.
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("was not written"), "{rest}");
        assert!(!folder.path().join("baseline").exists());
        for file in files {
            let text = fs::read_to_string(path(folder.path(), file)).unwrap();
            assert!(
                text.contains(&format!("interrupted by {name}")),
                "{file}: {text}"
            );
        }
        let report = json(&path(folder.path(), "json"));
        for target in report["targets"].as_array().unwrap() {
            assert_eq!(target["interrupted"], name);
        }
    }
}

#[test]
fn against_a_baseline_only_new_findings_fail() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "baseline.json");
    let server = Server::start(&[]);
    let args = |probes: &'static str| {
        let url = server.url().to_owned();
        [
            url,
            format!("--allow={CLIENT}"),
            format!("--probe={probes}"),
            "--window=0.2".into(),
        ]
    };
    let run = |probes: &'static str, more: &[&str]| {
        let args = args(probes);
        let args: Vec<_> = args
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let output = probe(&args);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = run("foreign", &["--baseline", &file]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--write-baseline writes one"), "{text}");
    let (code, text) = run("foreign,null", &["--write-baseline", &file]);
    assert_eq!(code, Some(1), "{text}");
    let written = fs::read_to_string(&file).unwrap();
    let (code, text) = run(
        "foreign,null",
        &["--baseline", &file, "--write-baseline", &file],
    );
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 known from the baseline"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    let (code, text) = run("foreign,null,suffix-dot", &["--baseline", &file]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("bypassable: any web page can get in by suffix-dot"),
        "{text}"
    );
    // What is gone is told, so that it does not come back unseen.
    let (_, text) = run("null", &["--baseline", &file]);
    assert!(
        text.contains("1 of the findings in the baseline are gone"),
        "{text}"
    );
    fs::write(&file, "[]").unwrap();
    let (code, text) = run("foreign", &["--baseline", &file]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("is not a baseline"), "{text}");
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = path(folder.path(), "probes.toml");
    let text = format!("allow = ['{CLIENT}']\n\n[[targets]]\nurl = 'ws://h/?t=${{NO_SUCH}}'\n");
    fs::write(&config, text).unwrap();
    let output = probe(&["--config", &config]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let said = format!("'{config}', line 4: the environment variable 'NO_SUCH' is not set");
    assert!(stderr.contains(&said), "{stderr}");
    // What cannot work about a target has the line of its entry, and no secret.
    let text = format!("allow = ['{CLIENT}']\n\n[[targets]]\nurl = 'ws://h:${{TOKEN}}/'\n");
    fs::write(&config, text).unwrap();
    let mut command = wscli();
    command.env("TOKEN", "SECRETxyz");
    command.args(["probe-origin", "--config", &config]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let said = format!("'{config}', line 3: ");
    assert!(
        stderr.contains(&said) && !stderr.contains("SECRETxyz"),
        "{stderr}"
    );
}

/// A server whose every answer tries to write into the terminal, into the log of a CI
/// service and into its commands.
fn hostile() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            // What stands in a head goes no further when it has ASCII's controls.
            let text = "\u{9b}31m\u{202e}##[error]x ##vso[task]y";
            let answer = format!(
                "HTTP/1.1 403 {text}\r\nX-A: {text}\r\nContent-Length: 400\r\n\r\n\
                 ::error::{text}\n::set-output name=a::\x1b]0;x\x07{text}\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn a_hostile_server_writes_neither_to_the_terminal_nor_to_a_ci_service() {
    let folder = tempfile::tempdir().unwrap();
    let url = hostile();
    let files = ["sarif", "junit", "markdown", "gitlab", "html"];
    let mut args = vec![
        url,
        format!("--allow={CLIENT}"),
        "--github".into(),
        "-v".into(),
    ];
    for file in files {
        args.extend([format!("--{file}"), path(folder.path(), file)]);
    }
    let mut outputs = Vec::new();
    for json in [&[][..], &["--json".to_owned(), "-".to_owned()]] {
        let all: Vec<_> = args.iter().chain(json).map(String::as_str).collect();
        let output = probe(&all);
        assert_eq!(output.status.code(), Some(13));
        outputs.push(("stdout", String::from_utf8(output.stdout).unwrap()));
        outputs.push(("stderr", String::from_utf8(output.stderr).unwrap()));
    }
    for file in files {
        outputs.push((file, fs::read_to_string(path(folder.path(), file)).unwrap()));
    }
    let told = outputs.iter().filter(|(_, text)| text.contains("[error]x"));
    assert!(told.count() >= 4, "nothing of it is shown at all");
    for (name, text) in outputs {
        let active = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(active), "{name}: {text:?}");
        assert!(
            !text.contains("##[") && !text.contains("##vso"),
            "{name}: {text}"
        );
        let commands = text
            .lines()
            .filter(|line| line.trim_start().starts_with("::"));
        for line in commands {
            assert!(
                line.starts_with("::warning title=ws%3A//127.0.0.1"),
                "{name}: {line}"
            );
        }
    }
}

/// The README's example is what a run prints, up to its "...". With `WSCLI_UPDATE=1` it
/// is written anew.
#[test]
fn the_example_of_the_readme_is_what_a_run_prints() {
    const BEGIN: &str =
        "$ wscli probe-origin ws://localhost:5000/ws --allow https://client.example\n";
    const SHOWN_LINES: usize = 7;
    let server = Server::start(&["--allow-origin", CLIENT]);
    let authority = server.url().split('/').nth(2).unwrap();
    let port = authority.rsplit(':').next().unwrap();
    let url = format!("ws://localhost:{port}/ws");
    let output = probe(&[&url, "--allow", CLIENT]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let text = text.replace(&format!("localhost:{port}"), "localhost:5000");
    let lines: Vec<_> = text.lines().take(SHOWN_LINES).map(without_time).collect();
    let printed = lines.join("\n") + "\n...\n";
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let whole = fs::read_to_string(&readme).unwrap();
    let (before, rest) = whole.split_once(BEGIN).unwrap();
    let (example, after) = rest.split_once("```").unwrap();
    if std::env::var_os("WSCLI_UPDATE").is_some() {
        fs::write(&readme, [before, BEGIN, &printed, "```", after].concat()).unwrap();
    } else {
        assert_eq!(
            example, printed,
            "run: WSCLI_UPDATE=1 cargo test --test probe_ci readme"
        );
    }
}

/// `(3 ms)` is another number each time.
fn without_time(line: &str) -> String {
    match (line.rfind('('), line.strip_suffix(" ms)")) {
        (Some(at), Some(_)) => format!("{}(1 ms)", &line[..at]),
        _ => line.to_owned(),
    }
}
