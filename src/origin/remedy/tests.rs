use std::time::Duration;

use super::*;
use crate::origin::observe::Frame;

/// Heads, bodies and messages as these products sent them, and the path of the
/// request.
fn answer(head: &str, body: &str, message: &str) -> Evidence {
    let frames = (!message.is_empty()).then(|| Frame {
        sent: false,
        text: true,
        data: message.into(),
        bytes: message.len(),
        at: Duration::ZERO,
    });
    Evidence {
        response_head: Some(head.replace('\n', "\r\n")),
        response_body: Some(body.into()),
        frames: frames.into_iter().collect(),
        ..Evidence::default()
    }
}

const PLAIN_101: &str = "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n";
const TORNADO_403: &str = "HTTP/1.1 403 Forbidden\nServer: TornadoServer/6.6.1\n\n";
const WS_403: &str =
    "HTTP/1.1 403 Forbidden\nConnection: close\nContent-Type: text/html\nContent-Length: 9\n\n";

#[test]
fn servers_are_recognised_by_what_they_answer() {
    let python =
        r#"0{"sid":"q","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1}"#;
    let node =
        r#"0{"sid":"q","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#;
    let uvicorn = "HTTP/1.1 101 Switching Protocols\ndate: now\nserver: uvicorn\n\n";
    let werkzeug = "HTTP/1.1 400 BAD REQUEST\nServer: Werkzeug/3.1.9 Python/3.11.7\n\n";
    let cases: &[(Option<Server>, &str, &str, &str, &str)] = &[
        (
            Some(Server::DevTools),
            "/x",
            "HTTP/1.1 403 Forbidden\nContent-Type:text/html\n\n",
            "Rejected an incoming WebSocket connection from the x origin. Use the command line flag --remote-allow-origins=x",
            "",
        ),
        (
            Some(Server::Vite),
            "/",
            "HTTP/1.1 101 Switching Protocols\nSec-WebSocket-Protocol: vite-hmr\n\n",
            "",
            r#"{"type":"connected"}"#,
        ),
        (
            Some(Server::Next),
            "/_next/webpack-hmr?id=1",
            PLAIN_101,
            "",
            "",
        ),
        (
            Some(Server::Storybook),
            "/storybook-server-channel",
            PLAIN_101,
            "",
            "",
        ),
        (
            Some(Server::WebpackDevServer3),
            "/sockjs-node/1/a/websocket",
            PLAIN_101,
            "",
            "o",
        ),
        (
            Some(Server::WebpackDevServer),
            "/ws",
            PLAIN_101,
            "",
            r#"{"type":"hot"}"#,
        ),
        (
            Some(Server::WebpackDevServer),
            "/ws",
            PLAIN_101,
            "",
            r#"{"type":"error","data":"Invalid Host/Origin header"}"#,
        ),
        (Some(Server::Streamlit), "/_stcore/stream", uvicorn, "", ""),
        (
            Some(Server::NiceGui),
            "/_nicegui_ws/socket.io/?EIO=4",
            uvicorn,
            "",
            python,
        ),
        (
            Some(Server::Bokeh),
            "/app/ws",
            "HTTP/1.1 101 Switching Protocols\nServer: TornadoServer/6.6.1\nSec-Websocket-Protocol: bokeh\n\n",
            "",
            "",
        ),
        (
            Some(Server::Jupyter),
            "/api/events/subscribe",
            "HTTP/1.1 403 Forbidden\nServer: TornadoServer/6.6.1\nContent-Security-Policy: frame-ancestors 'self'; report-uri /api/security/csp-report\n\n",
            "",
            "",
        ),
        (
            Some(Server::Mitmweb),
            "/updates",
            TORNADO_403,
            "Cross origin websockets not allowed",
            "",
        ),
        (Some(Server::Tornado), "/ws", TORNADO_403, "", ""),
        (
            Some(Server::Cockpit),
            "/cockpit/socket",
            "HTTP/1.1 403 Forbidden\nConnection: close\n\n",
            "<body>Received invalid WebSocket request</body>",
            "",
        ),
        (
            Some(Server::Websockify),
            "/",
            "HTTP/1.1 101 Switching Protocols\nServer: WebSockify Python/3.11.7\n\n",
            "",
            "",
        ),
        (
            Some(Server::FlaskSocketIo),
            "/socket.io/?EIO=4",
            werkzeug,
            "\"Not an accepted origin.\"",
            "",
        ),
        (
            Some(Server::PythonSocketIo),
            "/socket.io/?EIO=4",
            uvicorn,
            "",
            python,
        ),
        (
            Some(Server::PythonSocketIo),
            "/socket.io/?EIO=4",
            PLAIN_101,
            "",
            python,
        ),
        (
            Some(Server::SocketIo),
            "/socket.io/?EIO=4",
            PLAIN_101,
            "",
            node,
        ),
        (
            Some(Server::SocketIo),
            "/socket.io/?EIO=4",
            "HTTP/1.1 403 Forbidden\n\n",
            r#"{"code":4,"message":"Forbidden"}"#,
            "",
        ),
        (
            Some(Server::Browsersync),
            "/browser-sync/socket.io/?EIO=4",
            PLAIN_101,
            "",
            node,
        ),
        // The path alone does not tell which of them it is.
        (None, "/socket.io/?EIO=4", PLAIN_101, "", ""),
        (
            Some(Server::CoderWebsocket),
            "/ws",
            "HTTP/1.1 403 Forbidden\n\n",
            "request Origin \"http://x\" is not authorized for Host \"h:1\"\n",
            "",
        ),
        (
            Some(Server::Gorilla),
            "/ws",
            "HTTP/1.1 403 Forbidden\n\n",
            "websocket: request origin not allowed by Upgrader.CheckOrigin\n",
            "",
        ),
        (
            Some(Server::Autobahn),
            "/",
            "HTTP/1.1 101 Switching Protocols\nServer: AutobahnPython/26.10.2\n\n",
            "",
            "",
        ),
        (
            Some(Server::Autobahn),
            "/",
            "HTTP/1.1 400 WebSocket connection denied: origin 'null' not allowed\n\n",
            "",
            "",
        ),
        (
            Some(Server::Sanic),
            "/ws",
            "HTTP/1.1 403 Forbidden\n\n",
            "⚠️ 403 — Forbidden\n====",
            "",
        ),
        (
            Some(Server::Hypercorn),
            "/ws",
            "HTTP/1.1 101 \nserver: hypercorn-h11\n\n",
            "",
            "",
        ),
        (
            Some(Server::Werkzeug),
            "/ws",
            "HTTP/1.1 403 FORBIDDEN\nServer: Werkzeug/3.1.9 Python/3.11.7\n\n",
            "",
            "",
        ),
        (Some(Server::Uvicorn), "/ws", uvicorn, "", ""),
        (
            Some(Server::AspNetCore),
            "/ws",
            "HTTP/1.1 403 Forbidden\nServer: Kestrel\n\n",
            "",
            "",
        ),
        (Some(Server::Ws), "/ws", WS_403, "Forbidden", ""),
        (None, "/ws", WS_403, "Go away", ""),
        // What Express says is said of any server that it stands before.
        (
            None,
            "/ws",
            "HTTP/1.1 403 Forbidden\nX-Powered-By: Express\n\n",
            "",
            "",
        ),
        (
            Some(Server::Nginx),
            "/ws",
            "HTTP/1.1 403 Forbidden\nServer: nginx/1.22.1\n\n",
            "",
            "",
        ),
        // A header that tells of a server is not a body that does.
        (
            None,
            "/ws",
            "HTTP/1.1 403 Forbidden\n\n",
            "server: nginx",
            "",
        ),
        (None, "/ws", PLAIN_101, "", ""),
    ];
    for (server, path, head, body, message) in cases {
        let answers = [answer(PLAIN_101, "", ""), answer(head, body, message)];
        assert_eq!(recognise(path, answers.iter()), *server, "{path} {head}");
    }
    assert_eq!(recognise("/ws", std::iter::empty()), None);
}

#[test]
fn a_library_says_more_than_the_proxy_in_front_of_it() {
    let nginx = answer("HTTP/1.1 403 Forbidden\nServer: nginx\n\n", "", "");
    let kestrel = answer("HTTP/1.1 101 OK\nServer: Kestrel\n\n", "", "");
    for answers in [[&nginx, &kestrel], [&kestrel, &nginx]] {
        let found = recognise("/ws", answers.into_iter());
        assert_eq!(found, Some(Server::AspNetCore));
    }
}

#[test]
fn snippets_hold_the_values_of_the_run() {
    let origins = [
        "https://client.com".to_owned(),
        "https://b.client.com:8443".to_owned(),
        "http://b.client.com".to_owned(),
    ];
    for (server, wanted) in [
        (
            Server::WebpackDevServer,
            "allowedHosts: ['client.com', 'b.client.com'] }",
        ),
        (
            Server::Next,
            "allowedDevOrigins: ['client.com', 'b.client.com:8443', 'b.client.com']",
        ),
        (
            Server::Bokeh,
            "--allow-websocket-origin=client.com --allow-websocket-origin=b.client.com:8443 --",
        ),
        (
            Server::Autobahn,
            "\"https://client.com:443\", \"https://b.client.com:8443\", \"http://b.client.com:80\"",
        ),
        (
            Server::DevTools,
            "=https://client.com,https://b.client.com:8443,http://b.client.com ",
        ),
        (
            Server::Jupyter,
            r"https://client\.com|https://b\.client\.com:8443|http://b\.client\.com)\Z",
        ),
        (
            Server::SocketIo,
            "['https://client.com', 'https://b.client.com:8443', 'http://b.client.com'].includes",
        ),
        (
            Server::AspNetCore,
            "Add(\"https://client.com\"); options.AllowedOrigins.Add(\"https://b.client.com:8443\");",
        ),
        (
            Server::Nginx,
            "\"https://client.com\" 1; \"https://b.client.com:8443\" 1;",
        ),
    ] {
        let snippet = server.snippet(&origins).unwrap();
        assert!(snippet.contains(wanted), "{}: {snippet}", server.name());
    }
    let one = Server::Jupyter.snippet(&origins[..1]).unwrap();
    assert_eq!(one, "c.ServerApp.allow_origin = \"https://client.com\"");
    let six = ["http://[::1]:9000".to_owned()];
    let snippet = Server::WebpackDevServer.snippet(&six).unwrap();
    assert!(snippet.contains("['::1']"), "{snippet}");
    // Without an allowed origin there is nothing to write.
    for row in ROWS {
        assert_eq!(row.server.snippet(&[]), None, "{}", row.name);
    }
}

#[test]
fn every_server_has_one_row_and_its_snippet_one_line() {
    let allowed = ["https://client.com".to_owned()];
    for (index, row) in ROWS.iter().enumerate() {
        let first = ROWS.iter().position(|other| other.server == row.server);
        assert_eq!(first, Some(index), "{}", row.name);
        assert_eq!(row.server.name(), row.name);
        let snippet = row.server.snippet(&allowed);
        let Some(snippet) = snippet else { continue };
        assert!(!snippet.contains('\n'), "{snippet}");
        let valued = row.compares == Compares::Token || snippet.contains("client");
        assert!(valued, "{}: {snippet}", row.name);
    }
}

/// Webpack-dev-server compares host names, and exempts extensions and local
/// hosts: its setting does not keep all out that it lets in.
#[test]
fn a_remedy_that_cures_nothing_is_not_given() {
    let allowed = ["https://client.com".to_owned()];
    let told = |server, fix, origin| {
        remediation(&Weakness {
            fix,
            origin,
            allowed: &allowed,
            target: "ws://dev.local:3000/ws",
            server: Some(server),
        })
    };
    let wds = Server::WebpackDevServer;
    for (server, fix, origin, given, said) in [
        (wds, Fix::AddCheck, "https://evil.example", true, ""),
        (wds, Fix::RejectNull, "null", true, ""),
        (
            wds,
            Fix::ExactMatch,
            "https://client.com.evil.example",
            true,
            "",
        ),
        (
            wds,
            Fix::ExactMatch,
            "http://client.com",
            false,
            "host names alone",
        ),
        (
            wds,
            Fix::ExactMatch,
            "https://client.com:444",
            false,
            "host names alone",
        ),
        (
            wds,
            Fix::ExactMatch,
            "https://dev.local:3000",
            false,
            "host names alone",
        ),
        (
            wds,
            Fix::ExactMatch,
            "chrome-extension://abc",
            false,
            "host names alone",
        ),
        (wds, Fix::DropDevExemption, "http://localhost", false, ""),
        (wds, Fix::PinHost, "http://rebind.evil.example", false, ""),
        (
            Server::CoderWebsocket,
            Fix::ExactMatch,
            "https://client.com:444",
            true,
            "",
        ),
        (
            Server::CoderWebsocket,
            Fix::ExactMatch,
            "http://client.com",
            false,
            "hosts and ports",
        ),
        (
            Server::Tornado,
            Fix::ExactMatch,
            "http://client.com",
            true,
            "",
        ),
        (
            Server::Tornado,
            Fix::ExactMatch,
            "https://dev.local:3000",
            false,
            "its own host and port",
        ),
        (
            Server::Vite,
            Fix::AddCheck,
            "https://evil.example",
            true,
            "",
        ),
        (
            Server::Vite,
            Fix::ExactMatch,
            "http://client.com",
            false,
            "",
        ),
        (
            Server::Mitmweb,
            Fix::AddCheck,
            "https://evil.example",
            false,
            "",
        ),
    ] {
        let text = told(server, fix, origin);
        let snippet = server.snippet(&allowed);
        let is_given = snippet.is_some_and(|snippet| text.ends_with(&snippet));
        assert_eq!(is_given, given, "{fix:?} {origin}: {text}");
        assert!(text.starts_with(advice(fix)), "{text}");
        assert!(text.contains(said), "{text}");
        if said.is_empty() && !given {
            assert_eq!(text, advice(fix));
        }
    }
    let unknown = Weakness {
        fix: Fix::AddCheck,
        origin: "https://evil.example",
        allowed: &allowed,
        target: "ws://h/",
        server: None,
    };
    assert_eq!(remediation(&unknown), advice(Fix::AddCheck));
}
