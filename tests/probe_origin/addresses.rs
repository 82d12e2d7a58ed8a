//! Where addresses come from, and what is made of the answers: proofs, and what
//! stands beside a socket.

use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use super::pages::{header, report, serve_heads};
use super::{CLIENT, FORBIDDEN, answer_each, serve, stderr, wscli};

#[test]
fn several_targets_are_told_in_their_order_and_the_worst_decides() {
    let enforced = serve(|origin| origin == CLIENT, FORBIDDEN);
    let open = serve(|_| true, "");
    let list = format!("# servers\n\n{enforced}\r\n{open}\n{enforced}\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.txt");
    fs::write(&file, &list).unwrap();
    let usual = ["--allow", CLIENT, "--probe", "foreign"];
    let by_file = ["--targets", file.to_str().unwrap()];
    for (args, wanted) in [
        (&[&open, &enforced][..], vec![&open, &enforced]),
        (&[&enforced, &open, &enforced], vec![&enforced, &open]),
    ] {
        let urls: Vec<_> = args.iter().map(|url| url.as_str()).collect();
        let (report_of, code) = report(&[&urls[..], &usual].concat());
        assert_eq!(code, 1);
        let targets = report_of["targets"].as_array().unwrap();
        let told: Vec<_> = targets
            .iter()
            .map(|t| t["target"].as_str().unwrap())
            .collect();
        assert_eq!(told, wanted);
    }
    let (report_of, code) = report(&[&by_file[..], &usual, &["--parallel", "1"]].concat());
    assert_eq!(
        (report_of["targets"].as_array().unwrap().len(), code),
        (2, 1)
    );
    // From standard input.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args(["probe-origin", "-q", "--targets", "-", "--window", "0.2"])
        .args(usual)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(enforced.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    fs::write(&file, "\n# none\n").unwrap();
    let output = wscli(&[&by_file[..], &usual].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("has no address in it"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_credentials_of_an_archive_are_sent_when_asked_for_alone() {
    let cookies = Arc::new(Mutex::new(Vec::new()));
    let kept = cookies.clone();
    let server = serve_heads(move |head| {
        kept.lock()
            .unwrap()
            .push(header(head, "Cookie").map(str::to_owned));
        header(head, "Origin") == Some("http://127.0.0.1")
    });
    let archive = serde_json::json!({"log": {"entries": [
        {"request": {"url": "https://127.0.0.1/", "headers": []}, "response": {"status": 200}},
        {"request": {"url": format!("ws://{server}/live"), "headers": [
            {"name": "Cookie", "value": "sid=s3cret"}, {"name": "Origin", "value": "http://x"}]},
         "response": {"status": 101}},
        {"request": {"url": "wss://push.other.example/", "headers": []}, "response": {"status": 101}}]}});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.har");
    fs::write(&file, archive.to_string()).unwrap();
    let args = [
        "--from-har",
        file.to_str().unwrap(),
        "--allow",
        "http://127.0.0.1",
        "--probe",
        "foreign",
        "--window",
        "0.2",
    ];
    for (more, sent) in [
        (&[][..], None),
        (&["--use-har-credentials"], Some("sid=s3cret".to_owned())),
    ] {
        cookies.lock().unwrap().clear();
        let output = wscli(&[&args[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stderr(&output);
        assert!(
            text.contains("push.other.example of the archive is on another site"),
            "{text}"
        );
        assert_eq!(
            text.contains("--use-har-credentials sends them"),
            sent.is_none()
        );
        let seen = cookies.lock().unwrap();
        assert!(seen.contains(&sent), "{seen:?}");
        assert!(
            sent.is_some() || seen.iter().all(Option::is_none),
            "{seen:?}"
        );
    }
    let output = wscli(&["--use-har-credentials", "ws://h/", "--allow", CLIENT]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_curl_command_gives_the_address_and_its_own_origin_is_told() {
    let server = serve_heads(|head| {
        header(head, "Cookie") == Some("sid=1") && header(head, "Origin") == Some(CLIENT)
    });
    let curl = format!(
        "curl 'ws://{server}/live' -H 'Origin: {CLIENT}' -H 'Upgrade: websocket' -b 'sid=1' \
         -H 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'"
    );
    let rest = ["--window", "0.2", "--probe", "foreign"];
    let output = wscli(&[&["--from-curl", &curl, "--allow", CLIENT][..], &rest].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = wscli(&[&["--from-curl", &curl][..], &rest].concat());
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("no allowed origin"), "{text}");
}

/// A socket.io server whose socket is closed to foreign pages. Its polling
/// names whoever asks as allowed, or nobody.
fn socket_io(cors: &'static str) -> (String, Arc<Mutex<u32>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let polls = Arc::new(Mutex::new(0));
    let count = polls.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = count.clone();
            thread::spawn(move || {
                let answer = |head: &str| {
                    let origin = header(head, "Origin").unwrap_or_default();
                    let (kind, body) = if head.contains("transport=polling") {
                        *count.lock().unwrap() += 1;
                        assert_eq!(header(head, "Upgrade"), None);
                        ("200 OK", "0{\"sid\":\"abc\"}")
                    } else {
                        ("403 Forbidden", "{\"code\":4,\"message\":\"Forbidden\"}")
                    };
                    let cors = cors.replace("ORIGIN", origin);
                    let is_let_in = origin == CLIENT && kind.starts_with("403");
                    (!is_let_in).then(|| {
                        let length = body.len();
                        format!("HTTP/1.1 {kind}\r\n{cors}Content-Length: {length}\r\n\r\n{body}")
                    })
                };
                answer_each(stream, answer);
            });
        }
    });
    (
        format!("ws://{authority}/socket.io/?EIO=4&transport=websocket"),
        polls,
    )
}

#[test]
fn the_polling_beside_a_socket_is_asked_for_once() {
    for (cors, code) in [
        ("Access-Control-Allow-Origin: ORIGIN\r\n", 1),
        ("Access-Control-Allow-Origin: https://client.com\r\n", 0),
        ("", 0),
    ] {
        let (url, polls) = socket_io(cors);
        let args = [&url, "--allow", CLIENT, "--probe", "foreign,beside-polling"];
        let (report_of, exit) = report(&args);
        assert_eq!(report_of["verdict"], "enforced", "{report_of}");
        assert_eq!(exit, code, "{cors}");
        let ids: Vec<_> = report_of["findings"].as_array().unwrap().iter().collect();
        assert_eq!(ids.len(), usize::from(code == 1), "{ids:?}");
        assert_eq!(*polls.lock().unwrap(), 1);
        // Not asked for, where it is left out.
        let (_, exit) = report(&[&url, "--allow", CLIENT, "--probe", "foreign"]);
        assert_eq!((exit, *polls.lock().unwrap()), (0, 1));
    }
}

#[test]
fn the_proof_is_a_page_without_secrets() {
    let server = serve_heads(|_| true);
    let url = format!("ws://{server}/ws?token=s3cret-1&q=</script>");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.html");
    let path = file.to_str().unwrap();
    let args = [
        &url,
        "--allow",
        CLIENT,
        "--probe",
        "foreign",
        "-b",
        "sid=s3cret-2",
        "--message",
        "</script><b>",
        "--poc",
    ];
    let (_, code) = report(&[&args[..], &[path]].concat());
    assert_eq!(code, 1);
    let page = fs::read_to_string(&file).unwrap();
    assert!(!page.contains("s3cret"), "{page}");
    assert_eq!(page.matches("</script>").count(), 2, "{page}");
    assert!(page.contains(r"\u003c/script\u003e\u003cb\u003e"), "{page}");
    let output = wscli(&[&args[..], &["/no/such/folder/proof.html"]].concat());
    assert_eq!(output.status.code(), Some(12));
}

#[test]
fn where_there_is_no_check_no_other_bug_is_told() {
    let (open, half) = (
        serve(|_| true, ""),
        serve(|origin| origin.starts_with(CLIENT), FORBIDDEN),
    );
    let message = |url: &str| {
        let probes = "foreign,suffix-dot";
        let (report, _) = report(&[url, "--allow", CLIENT, "--probe", probes]);
        let findings = report["findings"].as_array().unwrap().iter();
        let mut suffix = findings.filter(|finding| finding["probe"] == "suffix-dot");
        suffix.next().unwrap()["message"].to_string()
    };
    assert!(message(&open).contains("does not check the origin at all"));
    assert!(!message(&half).contains("does not check the origin at all"));
}
