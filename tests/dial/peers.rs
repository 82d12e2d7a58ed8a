//! Proxies that are not made of this project, and the real curl.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use wscli::connection::OpenConfig;
use wscli::internal::net::ProxyRules;
use wscli::internal::net::diagnose;
use wscli::internal::{ExitStatus, status_of_open};

use crate::harness::{PATIENCE, config, connect, echo, free_port, talk};

/// A running program, ended when dropped.
struct Peer(Child);

impl Peer {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let command = command.stderr(Stdio::null());
        Self(command.spawn().expect("the program is installed"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Through this proxy, which may still be starting.
fn through(proxy: &str) -> OpenConfig {
    let mut config = config();
    config.dial.proxies = ProxyRules::all(proxy.parse().unwrap());
    config.wait_up = Some(PATIENCE);
    config
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The error's text, status and hint.
async fn failure(url: &str, config: &OpenConfig) -> (String, ExitStatus, String) {
    let error = connect(url, config).await.unwrap_err();
    let hint = diagnose::hint(&error, &url.parse().unwrap(), config);
    (
        error.to_string(),
        status_of_open(&error),
        hint.unwrap_or_default(),
    )
}

#[tokio::test]
#[ignore = "needs tinyproxy"]
async fn tinyproxy_with_credentials() {
    let server = echo().await;
    let port = free_port().await;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("tinyproxy.conf");
    write(
        &file,
        &format!(
            "Port {port}\nListen 127.0.0.1\nMaxClients 10\nLogLevel Critical\nBasicAuth me pass\n"
        ),
    );
    let _peer = Peer::start(Command::new("tinyproxy").arg("-d").arg("-c").arg(&file));
    let url = format!("ws://{server}/ws");
    talk(&url, &through(&format!("http://me:pass@127.0.0.1:{port}"))).await;

    let proxy = format!("http://127.0.0.1:{port}");
    let (error, status, _) = failure(&url, &through(&proxy)).await;
    assert!(
        error.contains("asks for a user name and password"),
        "{error}"
    );
    assert_eq!(status, ExitStatus::Proxy);
    let wrong = through(&format!("http://me:wrong@127.0.0.1:{port}"));
    let (error, ..) = failure(&url, &wrong).await;
    assert!(error.contains("did not accept"), "{error}");

    let mut known = through(&format!("http://me:pass@127.0.0.1:{port}"));
    known.wait_up = None;
    let nobody = format!("ws://127.0.0.1:{}/", free_port().await);
    let (error, status, hint) = failure(&nobody, &known).await;
    assert!(
        error.starts_with(&format!("the proxy {proxy} refused to connect")),
        "{error}"
    );
    assert_eq!(status, ExitStatus::Proxy);
    assert!(hint.contains("the proxy's own"), "{hint}");
}

#[tokio::test]
#[ignore = "needs squid"]
async fn squid_and_its_rules() {
    let server = echo().await;
    let port = free_port().await;
    let directory = TempDir::new().unwrap();
    let at = directory.path();
    let log = at.join("squid");
    write(
        &at.join("squid.conf"),
        &format!(
            "http_port 127.0.0.1:{port}\nacl there port {}\nhttp_access allow CONNECT there\n\
             http_access deny all\ncache deny all\naccess_log none\ncache_log {log}.log\n\
             pid_filename {log}.pid\ncoredump_dir {}\nshutdown_lifetime 0 seconds\n",
            server.port(),
            at.display(),
            log = log.display(),
        ),
    );
    std::fs::set_permissions(at, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = Command::new("squid");
    command.arg("-N").arg("-f").arg(at.join("squid.conf"));
    let _peer = Peer::start(&mut command);
    let config = through(&format!("http://127.0.0.1:{port}"));
    talk(&format!("ws://{server}/ws"), &config).await;
    let (error, status, hint) = failure("ws://127.0.0.1:9/", &config).await;
    assert!(
        error.contains("refused to connect to 127.0.0.1:9: HTTP/1.1 403"),
        "{error}"
    );
    assert_eq!(status, ExitStatus::Proxy);
    assert!(hint.contains("its rules forbid 127.0.0.1:9"), "{hint}");
}

/// The name is in a hosts file that only the proxy sees, as with `ssh -D`.
/// Needs the right to mount (root).
#[tokio::test]
#[ignore = "needs microsocks"]
async fn a_socks_server_resolves_a_name_that_it_alone_knows() {
    let server = echo().await;
    let port = free_port().await;
    let directory = TempDir::new().unwrap();
    let hosts = directory.path().join("hosts");
    write(&hosts, "127.0.0.1 only-there.invalid\n");
    let script =
        "mount --bind \"$1\" /etc/hosts && exec microsocks -i 127.0.0.1 -p \"$2\" -u me -P pass";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh"]);
    command.arg(&hosts).arg(port.to_string());
    let _peer = Peer::start(&mut command);

    let url = format!("ws://only-there.invalid:{}/ws", server.port());
    let there = through(&format!("socks5h://me:pass@127.0.0.1:{port}"));
    talk(&url, &there).await;
    let mut here = through(&format!("socks5://me:pass@127.0.0.1:{port}"));
    here.wait_up = None;
    let (_, status, hint) = failure(&url, &here).await;
    assert_eq!(status, ExitStatus::Resolve);
    assert!(hint.contains("socks5h://"), "{hint}");

    let wrong = through(&format!("socks5h://me:wrong@127.0.0.1:{port}"));
    let (error, status, _) = failure(&url, &wrong).await;
    assert!(error.contains("did not accept"), "{error}");
    assert_eq!(status, ExitStatus::Proxy);
    let none = through(&format!("socks5h://127.0.0.1:{port}"));
    let (error, ..) = failure(&url, &none).await;
    assert!(
        error.contains("asks for a user name and password"),
        "{error}"
    );
}

/// What `--print-command` prints, run by a shell, gets the same 101.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl"]
async fn the_printed_command_works() {
    let server = echo().await;
    let url = format!("ws://{server}/ws");
    let printed = Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args([
            "connect",
            &url,
            "--print-command",
            "-m",
            "1",
            "-H",
            "X-A: it's",
        ])
        .env_clear()
        .output()
        .unwrap();
    let line = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.status.success(), "{line}");
    let answered = Command::new("sh")
        .arg("-c")
        .arg(&line)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let head = String::from_utf8_lossy(&answered.stdout);
    assert!(head.starts_with("HTTP/1.1 101 "), "{line}{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
}
