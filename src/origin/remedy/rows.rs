//! The servers that are recognised, as data: by what, what their check
//! compares, and how the allowed origins are written there.
//!
//! A server whose setting is not known has no snippet: none is better than a
//! wrong one.

use super::servers::Sign::{self, Header, Message, Path, RefusalOfWs, Text};
use super::servers::{Compares, Row, Server};

const TORNADO: Sign = Header("server", "tornadoserver");

/// The order is that of recognition: what runs on a library comes before it,
/// and a library before what may stand in front of it.
pub(super) const ROWS: &[Row] = &[
    Row {
        server: Server::DevTools,
        name: "Chromium DevTools",
        signs: &[&[Path("/devtools/")], &[Text("--remote-allow-origins")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "chromium --remote-allow-origins={} (never *)",
                v.joined(",")
            )
        }),
    },
    Row {
        server: Server::Vite,
        name: "Vite",
        signs: &[
            &[Header("sec-websocket-protocol", "vite-hmr")],
            &[Header("sec-websocket-protocol", "vite-ping")],
        ],
        compares: Compares::Token,
        snippet: Some(|_| {
            "update to 6.0.9, 5.4.12 or 4.5.6, from which on the URL needs a token, and do not set legacy.skipWebSocketTokenCheck; where the URL had its token, --secret-param token shows whether it guards"
                .into()
        }),
    },
    Row {
        server: Server::Next,
        name: "Next.js",
        signs: &[&[Path("/_next/webpack-hmr")], &[Path("/_next/hmr")]],
        compares: Compares::Host,
        snippet: Some(|v| {
            format!(
                "next.config.js: allowedDevOrigins: [{}], with Next.js 15.2.2 or later",
                v.hosts("'")
            )
        }),
    },
    Row {
        server: Server::Storybook,
        name: "Storybook",
        signs: &[&[Path("/storybook-server-channel")]],
        compares: Compares::Token,
        snippet: Some(|_| {
            "update to 10.2.10, 9.1.19 or 8.6.17, from which on the URL needs a token".into()
        }),
    },
    Row {
        server: Server::WebpackDevServer3,
        name: "webpack-dev-server 3",
        signs: &[
            &[Path("/sockjs-node/"), Message("o")],
            &[Path("/sockjs-node/"), Message("a[")],
        ],
        compares: Compares::Host,
        snippet: Some(|v| {
            format!(
                "update to webpack-dev-server 5 or later (3.1.11 is the first that checks), with devServer: {{ allowedHosts: [{}] }}, and not 'all'",
                v.hostnames("'")
            )
        }),
    },
    Row {
        server: Server::WebpackDevServer,
        name: "webpack-dev-server",
        signs: &[
            &[Message("{\"type\":\"hot\"")],
            &[Message("{\"type\":\"liveReload\"")],
            &[Message("{\"type\":\"log-level\"")],
            &[Message(
                "{\"type\":\"error\",\"data\":\"Invalid Host/Origin header\"",
            )],
        ],
        compares: Compares::Host,
        snippet: Some(|v| {
            format!(
                "devServer: {{ allowedHosts: [{}] }}, and not 'all'",
                v.hostnames("'")
            )
        }),
    },
    Row {
        server: Server::Streamlit,
        name: "Streamlit",
        signs: &[&[Path("/_stcore/stream")]],
        compares: Compares::Host,
        snippet: Some(|v| {
            format!(
                ".streamlit/config.toml: [server] enableCORS = true, corsAllowedOrigins = [{}]",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::NiceGui,
        name: "NiceGUI",
        signs: &[&[Path("/_nicegui_ws/")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "after 'from nicegui import core': core.sio.eio.cors_allowed_origins = [{}]",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Bokeh,
        name: "Bokeh",
        signs: &[&[TORNADO, Header("sec-websocket-protocol", "bokeh")]],
        compares: Compares::HostAndPort,
        snippet: Some(|v| {
            let flags: Vec<_> = v.each_host(|host| format!("--allow-websocket-origin={host}"));
            format!("start it with {}", flags.join(" "))
        }),
    },
    Row {
        server: Server::Jupyter,
        name: "Jupyter Server",
        signs: &[&[
            TORNADO,
            Header("content-security-policy", "/api/security/csp-report"),
        ]],
        compares: Compares::OriginElsewhere,
        snippet: Some(|v| match v.only() {
            Some(origin) => format!("c.ServerApp.allow_origin = \"{origin}\""),
            None => format!(
                "c.ServerApp.allow_origin_pat = r\"^(?:{})\\Z\"",
                v.each(regex::escape).join("|")
            ),
        }),
    },
    Row {
        server: Server::Mitmweb,
        name: "mitmweb",
        signs: &[&[TORNADO, Path("/updates")]],
        compares: Compares::HostAndPort,
        snippet: None,
    },
    Row {
        server: Server::Cockpit,
        name: "Cockpit",
        signs: &[
            &[
                Path("/cockpit"),
                Header("sec-websocket-protocol", "cockpit1"),
            ],
            &[Path("/cockpit"), Text("Received invalid WebSocket request")],
        ],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "/etc/cockpit/cockpit.conf: [WebService] Origins = {}",
                v.joined(" ")
            )
        }),
    },
    Row {
        server: Server::Websockify,
        name: "websockify",
        signs: &[&[Header("server", "websockify")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "websockify --auth-plugin ExpectOrigin --auth-source '{}'",
                v.joined(" ")
            )
        }),
    },
    Row {
        server: Server::FlaskSocketIo,
        name: "Flask-SocketIO",
        signs: &[
            &[
                Header("server", "werkzeug"),
                Text("Not an accepted origin."),
            ],
            &[Header("server", "werkzeug"), PYTHON_SOCKET_IO],
        ],
        compares: Compares::Origin,
        snippet: Some(|v| format!("SocketIO(app, cors_allowed_origins=[{}])", v.quoted("\""))),
    },
    Row {
        server: Server::PythonSocketIo,
        name: "python-socketio",
        signs: &[&[Text("Not an accepted origin.")], &[PYTHON_SOCKET_IO]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "socketio.AsyncServer(cors_allowed_origins=[{0}]); in Flask-SocketIO: SocketIO(app, cors_allowed_origins=[{0}])",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Browsersync,
        name: "Browsersync",
        signs: &[&[Path("/browser-sync/socket.io/")]],
        compares: Compares::Origin,
        snippet: None,
    },
    Row {
        server: Server::SocketIo,
        name: "socket.io",
        signs: &[
            &[
                Path("/socket.io/"),
                Text("{\"code\":4,\"message\":\"Forbidden\"}"),
            ],
            &[Path("/socket.io/"), RefusalOfWs],
            &[NODE_SOCKET_IO],
        ],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "new Server(http, {{ allowRequest: (req, callback) => callback(null, [{}].includes(req.headers.origin)) }}) (the option cors does not protect WebSockets)",
                v.quoted("'")
            )
        }),
    },
    Row {
        server: Server::CoderWebsocket,
        name: "coder/websocket",
        signs: &[&[
            Text("request origin \""),
            Text("is not authorized for host"),
        ]],
        compares: Compares::HostAndPort,
        snippet: Some(|v| {
            format!(
                "websocket.Accept(w, r, &websocket.AcceptOptions{{OriginPatterns: []string{{{}}}}})",
                v.hosts("\"")
            )
        }),
    },
    Row {
        server: Server::Gorilla,
        name: "gorilla/websocket",
        signs: &[&[Text("checkorigin")], &[Text("websocket: request origin")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "upgrader.CheckOrigin = func(r *http.Request) bool {{ return slices.Contains([]string{{{}}}, r.Header.Get(\"Origin\")) }}",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Autobahn,
        name: "Autobahn",
        signs: &[
            &[Header("server", "autobahnpython")],
            &[Text("websocket connection denied: origin")],
        ],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "factory.setProtocolOptions(allowedOrigins=[{}], allowNullOrigin=False) (the port is a part of each, 443 and 80 too)",
                v.with_ports("\"")
            )
        }),
    },
    Row {
        server: Server::Sanic,
        name: "Sanic",
        signs: &[&[Text("⚠️ 40")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "in an @app.on_request handler: if request.headers.get(\"upgrade\") and request.headers.get(\"origin\") not in {{{}}}: raise Forbidden(\"origin\")",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::AspNetCore,
        name: "ASP.NET Core",
        signs: &[&[Header("server", "kestrel")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            let adds = v.each(|origin| format!("options.AllowedOrigins.Add(\"{origin}\");"));
            format!(
                "var options = new WebSocketOptions(); {} app.UseWebSockets(options);",
                adds.join(" ")
            )
        }),
    },
    Row {
        server: Server::Tornado,
        name: "Tornado",
        signs: &[&[TORNADO]],
        compares: Compares::OriginElsewhere,
        snippet: Some(|v| {
            format!(
                "def check_origin(self, origin): return origin in {{{}}}",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Channels,
        name: "Django Channels",
        signs: &[&[Header("server", "daphne")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "application = ProtocolTypeRouter({{\"websocket\": OriginValidator(AuthMiddlewareStack(URLRouter(routes)), [{}])}})",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Aiohttp,
        name: "aiohttp",
        signs: &[&[Header("server", "aiohttp")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "if request.headers.get(\"Origin\") not in {{{}}}: raise web.HTTPForbidden() (before WebSocketResponse.prepare)",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Uvicorn,
        name: "uvicorn",
        signs: &[&[Header("server", "uvicorn")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "in Starlette and FastAPI, before websocket.accept(): if websocket.headers.get(\"origin\") not in {{{}}}: await websocket.close(1008); return (CORSMiddleware does not protect WebSockets)",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Hypercorn,
        name: "hypercorn",
        signs: &[&[Header("server", "hypercorn")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "in Quart, in an @app.before_websocket handler: if websocket.headers.get(\"Origin\") not in {{{}}}: abort(403)",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Websockets,
        name: "websockets",
        signs: &[&[Header("server", "websockets/")]],
        compares: Compares::Origin,
        snippet: Some(|v| format!("serve(handler, host, port, origins=[{}])", v.quoted("\""))),
    },
    Row {
        server: Server::Werkzeug,
        name: "Werkzeug",
        signs: &[&[Header("server", "werkzeug")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "in Flask, in an @app.before_request handler: if \"websocket\" in request.headers.get(\"Upgrade\", \"\").lower() and request.headers.get(\"Origin\") not in {{{}}}: abort(403)",
                v.quoted("\"")
            )
        }),
    },
    Row {
        server: Server::Mojolicious,
        name: "Mojolicious",
        signs: &[&[Header("server", "mojolicious")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "return $c->render(text => 'forbidden', status => 403) unless grep {{ $_ eq ($c->req->headers->origin // '') }} {}; (in an 'under' before the websocket route)",
                v.quoted("'")
            )
        }),
    },
    Row {
        server: Server::Ws,
        name: "ws",
        signs: &[&[RefusalOfWs]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            format!(
                "server.on('upgrade', (req, socket, head) => {{ if (![{}].includes(req.headers.origin)) {{ socket.end('HTTP/1.1 403 Forbidden\\r\\nConnection: close\\r\\n\\r\\n'); return; }} wss.handleUpgrade(req, socket, head, ws => wss.emit('connection', ws, req)); }})",
                v.quoted("'")
            )
        }),
    },
    Row {
        server: Server::Nginx,
        name: "nginx",
        signs: &[&[Header("server", "nginx")]],
        compares: Compares::Origin,
        snippet: Some(|v| {
            let rows = v.each(|origin| format!("\"{origin}\" 1;"));
            format!(
                "map $http_origin $origin_ok {{ default 0; {} }} and, in the location: if ($origin_ok = 0) {{ return 403; }}",
                rows.join(" ")
            )
        }),
    },
];

/// The two write the members of their first message in another order.
const PYTHON_SOCKET_IO: Sign = Message(r#"0{"sid":*,"pingTimeout":*,"pingInterval":"#);
const NODE_SOCKET_IO: Sign = Message(r#"0{"sid":*,"pingInterval":*,"pingTimeout":"#);
