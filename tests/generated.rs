//! The committed completions and man pages are what the program makes.

use std::path::Path;
use std::process::Command;

/// (kind, file)
const GENERATED: &[(&str, &str)] = &[
    ("complete-bash", "completions/wscli.bash"),
    ("complete-zsh", "completions/_wscli"),
    ("complete-fish", "completions/wscli.fish"),
    ("complete-powershell", "completions/_wscli.ps1"),
    ("man", "man/wscli.1"),
    ("man-connect", "man/wscli-connect.1"),
    ("man-serve", "man/wscli-serve.1"),
    ("man-probe-origin", "man/wscli-probe-origin.1"),
    ("man-bench", "man/wscli-bench.1"),
];

/// With `WSCLI_UPDATE=1` the files are written instead of compared.
#[test]
fn the_committed_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (kind, file) in GENERATED {
        let output = Command::new(env!("CARGO_BIN_EXE_wscli"))
            .args(["--generate", kind])
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "--generate {kind}");
        assert!(
            !output.stdout.is_empty(),
            "--generate {kind} prints nothing"
        );
        let path = root.join(file);
        if std::env::var_os("WSCLI_UPDATE").is_some() {
            std::fs::write(&path, &output.stdout).unwrap();
        }
        let committed = std::fs::read(&path).unwrap_or_default();
        assert!(
            committed == output.stdout,
            "{file} is stale; run: WSCLI_UPDATE=1 cargo test --test generated"
        );
    }
}

/// The name of the repository stands in Cargo.toml; what people copy from the documents
/// says the same.
#[test]
fn the_documents_name_the_repository_of_the_manifest() {
    const MARK: &str = "/.github/actions/probe-origin@";
    let repository = env!("CARGO_PKG_REPOSITORY");
    let name = repository.strip_prefix("https://github.com/").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        files.push(entry.unwrap().path());
    }
    let mut found = 0;
    for path in files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
    {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.split_once(MARK) {
                Some((before, after)) => {
                    found += 1;
                    let (lead, _) = before.rsplit_once(' ').unwrap();
                    format!("{lead} {name}{MARK}{after}")
                }
                None => line.to_owned(),
            })
            .collect();
        let named = lines.join("\n") + "\n";
        if std::env::var_os("WSCLI_UPDATE").is_some() && named != text {
            std::fs::write(path, &named).unwrap();
            continue;
        }
        assert!(
            named == text,
            "{} names another repository; run: WSCLI_UPDATE=1 cargo test --test generated",
            path.display()
        );
    }
    assert!(found > 0, "no document shows how to use the action");
}

/// Every kind that `--generate` offers is a committed file, and the reverse.
#[test]
fn every_kind_has_its_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args(["--generate", "no-such-kind"])
        .env_clear()
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let kinds = error
        .split_once("[possible values: ")
        .and_then(|(_, rest)| rest.split_once(']'))
        .unwrap_or_else(|| panic!("no list of kinds in: {error}"))
        .0;
    let known: Vec<_> = GENERATED.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds.split(", ").collect::<Vec<_>>(), known);
}
