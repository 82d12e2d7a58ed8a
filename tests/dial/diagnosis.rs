//! A failed handshake says why: raw answers and their hints.

use tokio::io::AsyncWriteExt;
use wscli::connection::OpenConfig;
use wscli::connection::Request;
use wscli::internal::net::ProxyRules;
use wscli::internal::net::diagnose;
use wscli::internal::{ExitStatus, status_of_open};

use crate::harness::{PATIENCE, accept, answer, config, connect, free_port, listen, serve};

/// (the answer, the exit status, a part of the error, a part of the hint)
type Case = (&'static str, ExitStatus, &'static str, &'static str);

const REJECTED: ExitStatus = ExitStatus::Rejected;

const ANSWERS: &[Case] = &[
    (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<!doctype html>",
        REJECTED,
        "HTTP/1.1 200 OK",
        "'/x' serves a web page: the WebSocket may be at another path such as /ws",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}",
        REJECTED,
        "HTTP/1.1 200 OK",
        "'/x' answers as to an ordinary request",
    ),
    (
        "HTTP/1.1 301 Moved\r\nLocation: https://h/ws\r\n\r\n",
        REJECTED,
        "301",
        "it redirects to https://h/ws; -L follows",
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: https://sso.h/start?back=/ws\r\n\r\n",
        REJECTED,
        "302",
        "looks like a login: send what a logged-in browser sends (-b COOKIES,",
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: /user/sign_in\r\n\r\n",
        REJECTED,
        "302",
        "looks like a login",
    ),
    (
        "HTTP/1.1 302 Found\r\nLocation: /authors/ssos?to=/login\r\n\r\n",
        REJECTED,
        "302",
        "; -L follows",
    ),
    (
        "HTTP/1.1 308 Moved\r\n\r\n",
        REJECTED,
        "308",
        "without a Location",
    ),
    (
        "HTTP/1.1 400 Bad Request\r\n\r\nBad Request",
        REJECTED,
        "400",
        "nginx needs proxy_http_version 1.1",
    ),
    (
        "HTTP/1.1 400 WebSocket connection denied: origin 'null' not allowed\r\n\r\n",
        REJECTED,
        "400",
        "try --origin http://",
    ),
    (
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nBad Request",
        REJECTED,
        "400",
        "the server itself refuses this request: it may want a token in the query",
    ),
    (
        "HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 8, 7\r\n\r\n",
        REJECTED,
        "400",
        "the server speaks version 8, 7 of the WebSocket protocol",
    ),
    (
        "HTTP/1.1 400 Bad Request\r\n\r\n{\"code\":0,\"message\":\"Transport unknown\"}",
        REJECTED,
        "400",
        "/socket.io/?EIO=4&transport=websocket",
    ),
    (
        "HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>",
        REJECTED,
        "400",
        "use wss://",
    ),
    (
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n",
        REJECTED,
        "401",
        "who asks: -u USER",
    ),
    (
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\n\r\n",
        REJECTED,
        "401",
        "--bearer TOKEN",
    ),
    (
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n\r\n",
        REJECTED,
        "401",
        "asks for Negotiate, which is not spoken here",
    ),
    (
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        REJECTED,
        "403",
        "the server may want an Origin, and none was sent: try --origin http://",
    ),
    (
        "HTTP/1.1 404 Not Found\r\n\r\n",
        REJECTED,
        "404",
        "there is nothing at '/x'",
    ),
    (
        "HTTP/1.1 405 No\r\nAllow: POST\r\n\r\n",
        REJECTED,
        "405",
        "takes other requests",
    ),
    (
        "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\n\r\n",
        REJECTED,
        "426",
        "the server speaks version 8",
    ),
    (
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n",
        REJECTED,
        "426",
        "dropped the Upgrade header",
    ),
    (
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\n\r\n",
        REJECTED,
        "426",
        "the server wants the protocol TLS/1.2",
    ),
    (
        "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n\r\n",
        REJECTED,
        "429",
        "(Retry-After: 7)",
    ),
    (
        "HTTP/1.1 502 Bad Gateway\r\nServer: nginx/1.26\r\n\r\n",
        REJECTED,
        "502",
        "a proxy (nginx/1.26) answers in place of the server",
    ),
    (
        "HTTP/1.1 503 Busy\r\n\r\n",
        REJECTED,
        "503",
        "the server, or a proxy in front of it, takes no more for now or is not up; --wait-up 30",
    ),
    (
        "HTTP/1.1 503 Busy\r\nServer: x/1\r\nRetry-After: 7\r\n\r\n",
        REJECTED,
        "503",
        "the server (x/1), or a proxy in front of it, takes no more for now or is not up (Retry-After: 7); --wait-up 30",
    ),
    ("HTTP/1.1 504 Late\r\n\r\n", REJECTED, "504", "--wait-up 30"),
    (
        "HTTP/1.1 404 Not Found\r\nServer: Microsoft-IIS/10.0\r\n\r\n",
        REJECTED,
        "404",
        "<webSocket enabled=\"false\"/>",
    ),
    (
        "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 36\r\n\r\nNo required SSL certificate was sent",
        REJECTED,
        "400",
        "the server wants a client certificate: --cert and --key",
    ),
    (
        "HTTP/1.1 421 Misdirected Request\r\n\r\n",
        REJECTED,
        "421",
        "another name on this connection",
    ),
    (
        "HTTP/1.1 431 Too Large\r\n\r\n",
        REJECTED,
        "431",
        "fewer cookies",
    ),
    (
        "HTTP/1.1 501 Not Implemented\r\n\r\n",
        REJECTED,
        "501",
        "the server knows no WebSockets at '/x'",
    ),
    (
        "HTTP/1.0 505 HTTP Version Not Supported\r\n\r\n",
        REJECTED,
        "505",
        "takes no HTTP/1.1",
    ),
    (
        "HTTP/1.1 520 Unknown\r\nServer: cloudflare\r\n\r\n",
        REJECTED,
        "520",
        "a proxy (cloudflare) got no usable answer",
    ),
    (
        "HTTP/1.0 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        REJECTED,
        "101 is in HTTP/1.0, which cannot upgrade",
        "proxy_http_version 1.1",
    ),
    (
        "HTTP/1.1 101 OK\r\nConnection: Upgrade\r\n\r\n",
        REJECTED,
        "no 'Upgrade: websocket' header",
        "a proxy in between may drop this header",
    ),
    (
        "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n\r\n",
        REJECTED,
        "no 'Connection: Upgrade' header",
        "a proxy in between may drop this header",
    ),
    (
        "HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        REJECTED,
        "no Sec-WebSocket-Accept",
        "without knowing WebSockets",
    ),
    (
        "HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        REJECTED,
        "'s3pPLMBiTxaQ9kYGzzhZRbK+xOo='",
        "made for another request",
    ),
    (
        "",
        ExitStatus::Protocol,
        "closed the connection without an answer",
        "try wss://",
    ),
    (
        "HTTP/1.1 101 OK\r\nUpg",
        ExitStatus::Protocol,
        "closed the connection after 20 bytes of its answer",
        "in the middle of its answer",
    ),
    (
        "SSH-2.0-OpenSSH_9.2\r\n",
        ExitStatus::Protocol,
        "is not HTTP",
        "an SSH server answers on this port",
    ),
    (
        "\0\0\x12\x04\0\0\0\0\0\0\0",
        ExitStatus::Protocol,
        "is not HTTP",
        "speaks HTTP/2 alone",
    ),
];

async fn check(config: &OpenConfig, url: &str, (answer, status, message, part): &Case) {
    let error = connect(url, config).await.unwrap_err();
    assert_eq!(status_of_open(&error), *status, "{answer}");
    assert!(error.to_string().contains(message), "{answer}: {error}");
    let hint = diagnose::hint(&error, &url.parse().unwrap(), config);
    let hint = hint.unwrap_or_default();
    assert!(hint.contains(part), "{answer}: {hint}");
}

#[tokio::test]
async fn every_answer_has_its_hint() {
    for case in ANSWERS {
        let (server, _) = answer(case.0).await;
        check(&config(), &format!("ws://{server}/x?token=1"), case).await;
    }
}

#[tokio::test]
async fn the_hint_knows_what_was_sent() {
    let edits = |edits: &[&str]| OpenConfig {
        request: Request {
            edits: edits.iter().map(|edit| edit.parse().unwrap()).collect(),
            ..Request::default()
        },
        ..config()
    };
    let credentials = edits(&["Authorization: Bearer secret"]);
    let origin = edits(&["Origin: https://app.example"]);
    for (config, case) in [
        (
            &credentials,
            (
                "HTTP/1.1 401 No\r\n\r\n",
                REJECTED,
                "401",
                "does not accept the credentials that were sent",
            ),
        ),
        (
            &credentials,
            (
                "HTTP/1.1 403 No\r\n\r\n",
                REJECTED,
                "403",
                "or the credentials that were sent are not enough",
            ),
        ),
        (
            &origin,
            (
                "HTTP/1.1 403 No\r\n\r\n",
                REJECTED,
                "403",
                "may not allow the Origin 'https://app.example' that was sent",
            ),
        ),
    ] {
        let (server, _) = answer(case.0).await;
        check(config, &format!("ws://{server}/"), &case).await;
    }
}

#[tokio::test]
async fn what_was_not_asked_for_is_named() {
    for (headers, case) in [
        (
            "Sec-WebSocket-Protocol: chat\r\n",
            (
                "chat",
                REJECTED,
                "chose the subprotocol 'chat', which was not offered",
                "none was offered; -s chat offers it",
            ),
        ),
        (
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            (
                "deflate",
                REJECTED,
                "unacceptable extensions",
                "--compress offers permessage-deflate",
            ),
        ),
    ] {
        let (server, _) = serve(move |head| accept(head, headers)).await;
        check(&config(), &format!("ws://{server}/"), &case).await;
    }
}

#[tokio::test]
async fn what_is_not_there_has_its_hint() {
    let port = free_port().await;
    for (url, status, part) in [
        (
            format!("ws://127.0.0.1:{port}/"),
            ExitStatus::Connect,
            "nothing listens on that port",
        ),
        (
            "ws+unix:/no/such/socket:/".to_owned(),
            ExitStatus::Connect,
            "there is no such file",
        ),
        (
            "ws://no-such-host.invalid/".to_owned(),
            ExitStatus::Resolve,
            "check the spelling of 'no-such-host.invalid'",
        ),
    ] {
        let case = ("", status, "could not", part);
        check(&config(), &url, &case).await;
    }
}

/// The head is the answer. Of the body, what came in time is told.
#[tokio::test]
async fn a_refusal_whose_body_stalls_is_a_refusal() {
    for (head, url_of) in [
        ("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n", "ws"),
        ("HTTP/1.1 302 Found\r\nLocation: /b\r\n", "ws"),
        ("HTTP/1.1 407 No\r\n", "proxy"),
        ("HTTP/1.1 403 No\r\n", "proxy"),
    ] {
        for wait_up in [None, Some(PATIENCE)] {
            let (listener, address) = listen().await;
            let text = format!("{head}Content-Length: 5\r\n\r\na");
            tokio::spawn(async move {
                // Each stays open until the test is over.
                let mut kept = Vec::new();
                while let Ok((mut stream, _)) = listener.accept().await {
                    let _ = stream.write_all(text.as_bytes()).await;
                    kept.push(stream);
                }
            });
            let mut config = OpenConfig {
                wait_up,
                ..config()
            };
            let url = match url_of {
                "proxy" => {
                    let proxy = format!("http://{address}");
                    config.dial.proxies = ProxyRules::all(proxy.parse().unwrap());
                    "ws://inside.invalid/a".to_owned()
                }
                _ => format!("ws://{address}/a"),
            };
            let error = connect(&url, &config).await.unwrap_err();
            let answer = error.answer().expect("the answer");
            assert!(head.contains(&format!(" {} ", answer.status())), "{error}");
            assert_eq!((&answer.body[..], answer.body_truncated), (&b"a"[..], true));
            assert_eq!(error.waited, None);
        }
    }
}
