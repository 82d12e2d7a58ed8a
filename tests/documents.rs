//! What the documents promise is what the program does: tables of exit codes
//! and of the fault lab's routes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The codes of a page's EXIT STATUS and their meanings. `tests/generated.rs`
/// holds the page to the program.
fn of_man_page(file: &str) -> BTreeMap<u8, String> {
    let page = read(file);
    let (_, section) = page.split_once(".SH \"EXIT STATUS\"\n").expect(file);
    let section = section.split("\n.SH").next().unwrap_or_default();
    let mut codes = BTreeMap::new();
    for entry in section.split(".TP\n").skip(1) {
        let (code, meaning) = entry.split_once('\n').expect("a code and its meaning");
        let code = code.trim_start_matches("\\fB").trim_end_matches("\\fR");
        codes.insert(code.parse().expect("a code"), meaning.trim().to_owned());
    }
    codes
}

/// The rows of the table whose header is this.
fn table(document: &str, header: &str) -> Vec<Vec<String>> {
    let (_, rows) = document
        .split_once(header)
        .unwrap_or_else(|| panic!("no table '{header}'"));
    let rows = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn exit_codes_of_the_readme_are_those_of_the_program() {
    let mut told = BTreeMap::new();
    for row in table(&read("README.md"), "| code | meaning |") {
        told.insert(row[0].parse().unwrap(), row[1].replace('`', ""));
    }
    assert_eq!(told, of_man_page("man/wscli.1"));
}

#[test]
fn exit_codes_of_each_command_are_in_its_help_and_its_man_page() {
    for command in ["connect", "serve", "probe-origin", "bench"] {
        let output = Command::new(env!("CARGO_BIN_EXE_wscli"))
            .args([command, "--help"])
            .env_clear()
            .output()
            .unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let (_, list) = help.split_once("Exit codes:\n").expect(command);
        // A long meaning is wrapped.
        let list = list.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = of_man_page(&format!("man/wscli-{command}.1"));
        let expected: Vec<_> = page
            .iter()
            .map(|(code, text)| format!("{code} {text}"))
            .collect();
        assert_eq!(list, expected.join(" "), "{command}");
    }
}

#[test]
fn exit_codes_of_probe_origin_are_all_in_its_document() {
    let mut told = Vec::new();
    for row in table(&read("docs/probe-origin.md"), "| exit code | meaning |") {
        for codes in row[0].split(", ") {
            match codes.split_once(" to ") {
                Some((first, last)) => {
                    told.extend(first.parse::<u8>().unwrap()..=last.parse().unwrap());
                }
                None => told.push(codes.parse::<u8>().unwrap()),
            }
        }
    }
    let page = of_man_page("man/wscli-probe-origin.1");
    assert_eq!(told, page.into_keys().collect::<Vec<_>>());
}
