//! What a page of an attacker's can really do: secrets, cookies, tickets,
//! browsers.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::{CLIENT, answer_head, serve, stderr, wscli};

const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

/// A server that lets in the requests whose head `check` likes, and its authority.
pub(super) fn serve_heads(check: impl Fn(&str) -> bool + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let check = Arc::new(check);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let check = check.clone();
            thread::spawn(move || answer_head(stream, |head: &str| check(head), REFUSED));
        }
    });
    authority
}

pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The report and the exit code of a run; `args` without the usual ones.
pub(super) fn report(args: &[&str]) -> (Value, i32) {
    let usual = ["--window", "0.2", "--json", "-"];
    let output = wscli(&[args, &usual].concat());
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", stderr(&output)));
    (report, output.status.code().unwrap())
}

#[test]
fn a_secret_that_a_page_does_not_know_guards() {
    let guarded = serve_heads(|head| {
        head.contains("k=s3cret-1")
            && header(head, "X-CSRF") == Some("s3cret-2")
            && header(head, "Sec-WebSocket-Protocol").is_some_and(|p| p.contains("s3cret-3"))
    });
    let open = serve_heads(|_| true);
    let resource = "/ws?room=1&k=s3cret-1";
    let sent = ["-H", "X-CSRF: s3cret-2", "-s", "chat", "-s", "s3cret-3"];
    let named: [&[&str]; 3] = [
        &["--secret-param", "k"],
        &["--secret-header", "x-csrf"],
        &["--secret-subprotocol", "s3cret-3"],
    ];
    let probe = ["--allow", CLIENT, "--probe", "foreign,null"];
    for server in [&guarded, &open] {
        let url = format!("ws://{server}{resource}");
        let args = [&[url.as_str()][..], &sent, &probe].concat();
        let (report_of, code) = report(&args);
        assert_eq!(
            (report_of["verdict"].as_str(), code),
            (Some("not-enforced"), 1)
        );
        for flags in named {
            let (report_of, code) = report(&[&args[..], flags].concat());
            let expected = match *server == guarded {
                true => (Some("guarded"), 0),
                false => (Some("not-enforced"), 1),
            };
            assert_eq!((report_of["verdict"].as_str(), code), expected, "{flags:?}");
        }
    }
    // What is named as a secret is shown nowhere, whatever its name.
    let url = format!("ws://{open}{resource}");
    let all = [
        &[url.as_str()][..],
        &sent,
        &probe,
        named[0],
        named[1],
        named[2],
    ]
    .concat();
    let (report_of, _) = report(&all);
    let text = report_of.to_string();
    for secret in ["s3cret-1", "s3cret-2", "s3cret-3"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn a_secret_that_is_not_sent_cannot_be_left_out() {
    let url = "ws://127.0.0.1:1/ws?a=1";
    for flags in [["--secret-param", "token"], ["--secret-header", "X-CSRF"]] {
        let output = wscli(&[&[url, "--allow", CLIENT][..], &flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        let text = stderr(&output);
        assert!(text.contains("is not a part of the request"), "{text}");
    }
}

#[test]
fn cookies_go_along_as_their_samesite_attribute_says() {
    let server = serve_heads(|head| header(head, "Cookie") == Some("sid=s3cret"));
    let url = format!("ws://{server}/");
    let finding = |probe: &str, samesite: &str| {
        let args = [
            url.as_str(),
            "--allow",
            "https://app.client.com",
            "-H",
            // The page's site, as far as cookies go, is that of the name.
            "Host: ws.client.com",
            "-b",
            "sid=s3cret",
            "--probe",
            probe,
            "--samesite",
            samesite,
        ];
        let (report, code) = report(&args);
        let finding = &report["findings"][0];
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        (text("severity"), text("message"), code)
    };
    for (probe, samesite, severity, words, code) in [
        (
            "foreign",
            "none",
            "critical",
            "needs SameSite=None cookies",
            1,
        ),
        ("foreign", "lax", "medium", "needs SameSite=None cookies", 0),
        (
            "foreign",
            "strict",
            "medium",
            "needs SameSite=None cookies",
            0,
        ),
        (
            "foreign,sibling",
            "strict",
            "high",
            "Lax and Strict cookies go along",
            1,
        ),
    ] {
        let (found, message, exit) = finding(probe, samesite);
        assert_eq!(
            (found.as_str(), exit),
            (severity, code),
            "{probe} {samesite}"
        );
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_password_goes_along_where_cookies_stay_at_home() {
    // A browser sends a password that was typed once with every handshake.
    let either = serve_heads(|head| {
        header(head, "Cookie").is_some() || header(head, "Authorization").is_some()
    });
    let cookie = serve_heads(|head| header(head, "Cookie").is_some());
    for (server, verdict, code) in [(either, "not-enforced", 1), (cookie, "guarded", 0)] {
        let url = format!("ws://{server}/");
        let credentials = ["-u", "bob:s3cret", "-b", "sid=1", "--samesite", "strict"];
        let probe = ["--allow", CLIENT, "--probe", "foreign"];
        let (report, exit) = report(&[&[url.as_str()][..], &credentials, &probe].concat());
        assert_eq!((report["verdict"].as_str(), exit), (Some(verdict), code));
    }
}

#[test]
fn a_secret_whose_value_is_not_looked_at_guards_nothing() {
    let server = serve_heads(|head| {
        head.contains("token=") || header(head, "Sec-WebSocket-Protocol") != Some("chat")
    });
    let probe = ["--allow", CLIENT, "--probe", "foreign"];
    let url = format!("ws://{server}/?token=abc");
    let by_parameter = [url.as_str(), "-s", "chat", "--secret-param", "token"];
    let url = format!("ws://{server}/");
    let by_subprotocol = [url.as_str(), "-s", "chat", "--secret-subprotocol", "tok1"];
    let command = ["--ticket-command", "echo tkt7", "--secret-param", "token"];
    let url = format!("ws://{server}/?token={{ticket}}");
    let by_ticket = [&[url.as_str(), "-s", "chat"][..], &command].concat();
    for args in [&by_parameter[..], &by_subprotocol, &by_ticket] {
        let (report, exit) = report(&[args, &probe].concat());
        let found = (report["verdict"].as_str(), exit);
        assert_eq!(found, (Some("not-enforced"), 1), "{args:?}");
    }
}

#[test]
fn no_page_at_all_may_be_allowed() {
    let strict = serve_heads(|head| header(head, "Origin").is_none());
    let open = serve_heads(|_| true);
    let only_client = serve_heads(|head| header(head, "Origin") == Some(CLIENT));
    for (server, verdict, code) in [
        (strict, "enforced", 0),
        (open, "not-enforced", 1),
        (only_client, "inconclusive", 13),
    ] {
        let url = format!("ws://{server}/");
        let (report, exit) = report(&[&url, "--allow", "none", "--probe", "foreign,null,self"]);
        assert_eq!((report["verdict"].as_str(), exit), (Some(verdict), code));
    }
    let output = wscli(&["ws://h/", "--allow", "none", "--allow", CLIENT]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("stands alone"),
        "{}",
        stderr(&output)
    );
}

/// Lets each ticket in once, from the allowed origin alone.
fn ticket_office() -> String {
    let seen = Mutex::new(HashSet::new());
    serve_heads(move |head| {
        let line = head.lines().next().unwrap_or_default();
        let query = line.split(['=', ' ']).nth(2).unwrap_or_default().to_owned();
        let ticket = header(head, "X-Ticket") == Some(query.as_str());
        let fresh = query.starts_with("tkt") && seen.lock().unwrap().insert(query);
        fresh && ticket && header(head, "Origin") == Some(CLIENT)
    })
}

const TICKET: &str = "echo tkt$(od -An -N8 -tx8 /dev/urandom | tr -d ' '); echo more";

#[test]
fn a_ticket_is_fetched_for_each_handshake_and_shown_nowhere() {
    let url = format!("ws://{}/ws?t={{ticket}}", ticket_office());
    let args = [
        &url,
        "--allow",
        CLIENT,
        "-H",
        "X-Ticket: {ticket}",
        "--probe",
        "foreign,null,suffix-dot",
    ];
    let (report_of, code) = report(&[&args[..], &["--ticket-command", TICKET]].concat());
    assert_eq!(
        (report_of["verdict"].as_str(), code),
        (Some("enforced"), 0),
        "{report_of}"
    );
    let text = report_of.to_string();
    assert!(text.contains("X-Ticket"), "{text}");
    assert!(!text.contains("tkt"), "{text}");
    // The same ticket again is refused to the allowed origin too.
    let (report_of, code) = report(&[&args[..], &["--ticket-command", "echo tkt1"]].concat());
    assert_eq!(
        (report_of["verdict"].as_str(), code),
        (Some("inconclusive"), 13)
    );
}

#[test]
fn without_a_ticket_nothing_is_concluded() {
    let url = format!("ws://{}/ws?t={{ticket}}", ticket_office());
    let folder = tempfile::tempdir().unwrap();
    // It gives twelve tickets: enough for the baseline, and not for the probes.
    let script = format!(
        "cd {}; echo x >> n; [ $(wc -l < n) -le 12 ] || exit 1; {TICKET}",
        folder.path().display()
    );
    let args = [
        &url,
        "--allow",
        CLIENT,
        "-H",
        "X-Ticket: {ticket}",
        "--ticket-command",
    ];
    for (command, words) in [
        ("exit 3", "the ticket command failed (exit status: 3)"),
        ("true", "printed no ticket"),
        (script.as_str(), "the ticket command failed"),
    ] {
        let (report_of, code) = report(&[&args[..], &[command]].concat());
        assert_eq!(code, 13, "{command}: {report_of}");
        let reason = report_of["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
    let output = wscli(&["ws://h/", "--allow", CLIENT, "--ticket-command", "echo x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("write {ticket} into"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_handshake_is_that_of_a_browser() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    let server = serve_heads(move |head| {
        kept.lock().unwrap().push(head.to_owned());
        header(head, "Origin") == Some(CLIENT)
    });
    let url = format!("ws://{server}/");
    let run = |more: &[&str]| {
        heads.lock().unwrap().clear();
        let args = [&url, "--allow", CLIENT, "--probe", "foreign,self"];
        report(&[&args[..], more].concat());
        heads.lock().unwrap().clone()
    };
    let site = |heads: &[String], origin: &str| {
        let of_origin = |head: &&String| header(head, "Origin") == Some(origin);
        let head = heads.iter().find(of_origin).unwrap();
        header(head, "Sec-Fetch-Site").map(str::to_owned)
    };
    let chrome = run(&["--as", "chrome"]);
    for (name, value) in [
        ("Pragma", "no-cache"),
        ("Cache-Control", "no-cache"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Accept-Language", "en-US,en;q=0.9"),
        (
            "Sec-WebSocket-Extensions",
            "permessage-deflate; client_max_window_bits",
        ),
    ] {
        assert!(
            chrome.iter().all(|head| header(head, name) == Some(value)),
            "{name}"
        );
    }
    assert!(chrome.iter().all(|head| {
        let agent = header(head, "User-Agent").unwrap();
        agent.starts_with("Mozilla/5.0") && agent.contains("Chrome/")
    }));
    assert_eq!(site(&chrome, CLIENT), None);
    let firefox = run(&["--as", "firefox"]);
    assert_eq!(site(&firefox, CLIENT).as_deref(), Some("cross-site"));
    assert_eq!(
        site(&firefox, &format!("http://{server}")).as_deref(),
        Some("same-origin")
    );
    let mine = run(&["--as", "firefox", "-A", "mine", "-H", "Accept-Language: de"]);
    for (name, value) in [
        ("User-Agent", "mine"),
        ("Accept-Language", "de"),
        ("Accept", "*/*"),
    ] {
        assert!(
            mine.iter().all(|head| header(head, name) == Some(value)),
            "{name}"
        );
    }
}

#[test]
fn a_refused_baseline_names_what_this_command_has() {
    for (refusal, words) in [
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "--as chrome",
        ),
        (
            "HTTP/1.1 400 WebSocket connection denied: origin 'x' not allowed\r\n\r\n",
            "--allow none",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://sso.example/login\r\nContent-Length: 0\r\n\r\n",
            "looks like a login: send what a logged-in browser sends",
        ),
    ] {
        let url = serve(|_| false, refusal);
        let (report, code) = report(&[&url, "--allow", CLIENT]);
        assert_eq!(code, 13);
        let reason = report["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        assert!(!reason.contains("--origin"), "{reason}");
    }
}

#[test]
fn what_a_page_lacks_stands_in_the_configuration_too() {
    let server = serve_heads(|head| {
        let line = head.lines().next().unwrap_or_default();
        line.contains("k=s3cret")
            && line.contains("t=tkt7")
            && header(head, "User-Agent").is_some_and(|agent| agent.contains("Firefox/"))
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probes.toml");
    let table = format!(
        "[[targets]]\nurl = \"ws://{server}/?k=${{SESSION}}&t={{ticket}}\"\nallow = [\"{CLIENT}\"]\n\
         secret_params = [\"k\"]\nticket_command = \"echo tkt7\"\nas = \"firefox\"\n\
         samesite = \"lax\"\nprobe = [\"foreign\"]\nwindow = 0.2\n\
         [[targets]]\nurl = \"ws://127.0.0.1:1/\"\nallow = [\"none\"]\n"
    );
    std::fs::write(&file, table).unwrap();
    let output = wscli(&["--config", file.to_str().unwrap(), "--json", "-"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdicts: Vec<_> = report["targets"].as_array().unwrap().iter().collect();
    assert_eq!(verdicts[0]["verdict"], "guarded", "{}", verdicts[0]);
    assert_eq!(
        verdicts[1]["allowed"].as_array().unwrap().len(),
        1,
        "{}",
        verdicts[1]
    );
    // No connection to the second.
    assert_eq!(output.status.code(), Some(4));
    assert!(!report.to_string().contains("s3cret"), "{report}");
}
