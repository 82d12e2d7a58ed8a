//! `probe-origin` against real servers: the zoo of `tests/zoo`, which
//! `tests/zoo/install.sh` installs. Each has a known policy, most a known bug.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Deserialize)]
struct Expected {
    case: Vec<Case>,
}

#[derive(Debug, Clone, Deserialize)]
struct Case {
    server: String,
    #[serde(default = "path")]
    path: String,
    #[serde(default = "allow")]
    allow: String,
    #[serde(default)]
    args: Vec<String>,
    verdict: String,
    exit: i32,
    #[serde(default)]
    accepted: Vec<String>,
    #[serde(default)]
    all: bool,
}

fn path() -> String {
    "/ws".into()
}

fn allow() -> String {
    "https://client.com".into()
}

/// The script that runs the servers; it ends them when its stdin closes.
struct Zoo {
    script: Child,
    ports: Vec<(String, u16)>,
}

impl Zoo {
    fn open() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo/run.py");
        let mut script = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let mut ports = Vec::new();
        for line in lines {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["ready"] == true {
                break;
            }
            let name = line["name"].as_str().unwrap().to_owned();
            assert!(
                line["missing"].is_null(),
                "{name}: {} (run tests/zoo/install.sh)",
                line["missing"]
            );
            ports.push((name, u16::try_from(line["port"].as_u64().unwrap()).unwrap()));
        }
        Self { script, ports }
    }

    fn port(&self, name: &str) -> u16 {
        let found = self.ports.iter().find(|(server, _)| server == name);
        found.unwrap_or_else(|| panic!("no server {name}")).1
    }
}

impl Drop for Zoo {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// What is wrong with the answer for one case; empty when nothing is.
fn judge(case: &Case, port: u16) -> Vec<String> {
    let allow = case.allow.replace("{port}", &port.to_string());
    let output = Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args(["probe-origin", "--json", "-", "--allow", &allow])
        .args(&case.args)
        .arg(format!("ws://127.0.0.1:{port}{}", case.path))
        .env_clear()
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut wrong = Vec::new();
    let mut hold = |what: &str, got: String, expected: String| {
        if got != expected {
            wrong.push(format!(
                "{}: {what} is {got}, expected {expected}",
                case.server
            ));
        }
    };
    hold(
        "the verdict",
        report["verdict"].as_str().unwrap().into(),
        case.verdict.clone(),
    );
    hold(
        "the exit code",
        format!("{:?}", output.status.code()),
        format!("{:?}", Some(case.exit)),
    );
    let probes: Vec<_> = report["probes"].as_array().unwrap().iter().collect();
    let of_browsers = || {
        probes
            .iter()
            .filter(|probe| probe["group"] != "client-only")
    };
    let ids = |wanted: Option<bool>| -> BTreeSet<&str> {
        of_browsers()
            .filter(|probe| wanted.is_none_or(|wanted| probe["accepted"] == wanted))
            .map(|probe| probe["id"].as_str().unwrap())
            // What stands beside the socket has a policy of its own.
            .filter(|id| !id.starts_with("beside-"))
            .collect()
    };
    let expected = match case.all {
        true => ids(None),
        false => case.accepted.iter().map(String::as_str).collect(),
    };
    // How far a run came before its target died is not the point.
    if case.verdict != "target-died" {
        hold(
            "accepted",
            format!("{:?}", ids(Some(true))),
            format!("{expected:?}"),
        );
    }
    let judged = matches!(
        case.verdict.as_str(),
        "enforced" | "bypassable" | "not-enforced"
    );
    if judged && probes.iter().any(|probe| probe["accepted"].is_null()) {
        wrong.push(format!("{}: some probes are undecided", case.server));
    }
    wrong
}

#[test]
#[ignore = "needs the zoo"]
fn every_server_of_the_zoo_is_judged_right() {
    let table = include_str!("zoo/expected.toml");
    let expected: Expected = toml::from_str(table).unwrap();
    let zoo = Zoo::open();
    // One server at a time belongs to one thread: some of them count requests.
    let mut groups: Vec<Vec<&Case>> = Vec::new();
    for case in &expected.case {
        match groups
            .iter_mut()
            .find(|group| group[0].server == case.server)
        {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    let waiting = Mutex::new(groups);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(group) = { waiting.lock().unwrap().pop() } {
                    for case in group {
                        let found = judge(case, zoo.port(&case.server));
                        wrong.lock().unwrap().extend(found);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
