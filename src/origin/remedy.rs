//! Which server it is, and how the check is written there. Pure.

use super::catalogue::Fix;
use super::observe::Evidence;

/// A server, or a library, that is recognised by its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {
    /// ASP.NET Core (Kestrel).
    AspNetCore,
    /// Go: gorilla/websocket and its likes.
    Gorilla,
    /// Node: the package ws.
    Ws,
    /// Node: socket.io.
    SocketIo,
    /// Python: Tornado.
    Tornado,
    /// Python: Django Channels.
    Channels,
    /// Python: websockets.
    Websockets,
    /// Python: aiohttp.
    Aiohttp,
    /// Python: uvicorn, under Starlette and others.
    Uvicorn,
    /// Node: webpack-dev-server.
    WebpackDevServer,
    /// Perl: Mojolicious.
    Mojolicious,
    /// nginx, alone or in front of another.
    Nginx,
}

impl Server {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::AspNetCore => "ASP.NET Core",
            Self::Gorilla => "gorilla/websocket",
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
            Self::Tornado => "Tornado",
            Self::Channels => "Django Channels",
            Self::Websockets => "websockets",
            Self::Aiohttp => "aiohttp",
            Self::Uvicorn => "uvicorn",
            Self::WebpackDevServer => "webpack-dev-server",
            Self::Mojolicious => "Mojolicious",
            Self::Nginx => "nginx",
        }
    }

    /// How the allowed origin is enforced there.
    pub fn snippet(self, origin: &str) -> String {
        match self {
            Self::AspNetCore => format!(
                "var options = new WebSocketOptions(); options.AllowedOrigins.Add(\"{origin}\"); app.UseWebSockets(options);"
            ),
            Self::Gorilla => format!(
                "upgrader.CheckOrigin = func(r *http.Request) bool {{ return r.Header.Get(\"Origin\") == \"{origin}\" }}"
            ),
            Self::Ws => format!(
                "server.on('upgrade', (req, socket, head) => {{ if (req.headers.origin !== '{origin}') {{ socket.end('HTTP/1.1 403 Forbidden\\r\\nConnection: close\\r\\n\\r\\n'); return; }} wss.handleUpgrade(req, socket, head, ws => wss.emit('connection', ws, req)); }})"
            ),
            Self::SocketIo => format!(
                "new Server(http, {{ allowRequest: (req, callback) => callback(null, req.headers.origin === '{origin}') }}) (the option cors does not protect WebSockets)"
            ),
            Self::Tornado => {
                format!("def check_origin(self, origin): return origin == \"{origin}\"")
            }
            Self::Channels => format!(
                "application = ProtocolTypeRouter({{\"websocket\": OriginValidator(AuthMiddlewareStack(URLRouter(routes)), [\"{origin}\"])}})"
            ),
            Self::Websockets => format!("serve(handler, host, port, origins=[\"{origin}\"])"),
            Self::Aiohttp => format!(
                "if request.headers.get(\"Origin\") != \"{origin}\": raise web.HTTPForbidden() (before WebSocketResponse.prepare)"
            ),
            Self::Uvicorn => format!(
                "if websocket.headers.get(\"origin\") != \"{origin}\": await websocket.close(1008); return (before websocket.accept(); CORSMiddleware does not protect WebSockets)"
            ),
            Self::WebpackDevServer => {
                "devServer: { allowedHosts: ['client.example'] }, and a current version".into()
            }
            Self::Mojolicious => format!(
                "return $c->render(text => 'forbidden', status => 403) unless ($c->req->headers->origin // '') eq '{origin}'; (in an 'under' before the websocket route)"
            ),
            Self::Nginx => format!(
                "map $http_origin $origin_ok {{ default 0; \"{origin}\" 1; }} and, in the location: if ($origin_ok = 0) {{ return 403; }}"
            ),
        }
    }
}

/// Recognises the server by everything that it has answered. A library behind
/// a proxy says more than the proxy.
pub fn recognise<'a>(path: &str, answers: impl Iterator<Item = &'a Evidence>) -> Option<Server> {
    let mut found = None;
    for answer in answers {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().to_ascii_lowercase();
        let (head, body) = (text(&answer.response_head), text(&answer.response_body));
        let message = answer
            .frames
            .iter()
            .find(|frame| !frame.sent)
            .map_or("", |frame| frame.data.as_str());
        let known = if path.starts_with("/socket.io/") || message.starts_with("0{\"sid\"") {
            Some(Server::SocketIo)
        } else if message.contains("\"type\":\"hot\"")
            || message.contains("Invalid Host/Origin header")
        {
            Some(Server::WebpackDevServer)
        } else if body.contains("checkorigin") || body.contains("websocket: request origin") {
            Some(Server::Gorilla)
        } else {
            by_head(&head)
        };
        match known {
            Some(Server::Nginx) | None => found = found.or(known),
            Some(_) => return known,
        }
    }
    found
}

fn by_head(head: &str) -> Option<Server> {
    let server = head
        .lines()
        .find_map(|line| line.strip_prefix("server:"))
        .unwrap_or_default();
    [
        ("kestrel", Server::AspNetCore),
        ("tornado", Server::Tornado),
        ("daphne", Server::Channels),
        ("aiohttp", Server::Aiohttp),
        ("uvicorn", Server::Uvicorn),
        ("websockets", Server::Websockets),
        ("mojolicious", Server::Mojolicious),
        ("nginx", Server::Nginx),
    ]
    .into_iter()
    .find(|(name, _)| server.contains(name))
    .map(|(_, server)| server)
    .or_else(|| head.contains("x-powered-by: express").then_some(Server::Ws))
}

/// What to do about a weakness, with the snippet for a recognised server.
pub fn remediation(fix: Fix, origin: &str, server: Option<Server>) -> String {
    let advice = advice(fix);
    let snippet =
        |server: Server| format!("{advice}. {}: {}", server.name(), server.snippet(origin));
    match (fix, server) {
        (Fix::AddCheck | Fix::ExactMatch | Fix::RejectNull | Fix::OneHeader, Some(server)) => {
            snippet(server)
        }
        _ => advice.to_owned(),
    }
}

/// What to do about a weakness, whatever the server.
pub fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::AddCheck => {
            "compare the Origin header of every opening handshake with the list of allowed origins, and answer 403 before the 101; CORS settings do not apply to WebSockets"
        }
        Fix::ExactMatch => {
            "compare the whole origin, scheme, host and port, for equality with each allowed one; no startsWith, endsWith, includes, or pattern"
        }
        Fix::RejectNull => {
            "take 'null' off the list of allowed origins: it stands for every sandboxed frame, whoever made it"
        }
        Fix::DropDevExemption => {
            "remove the exemption for local origins from what runs in production; in development list the exact origin with its port"
        }
        Fix::PinHost => {
            "answer only requests whose Host header is one of the server's own names, besides comparing it with the origin"
        }
        Fix::OneHeader => {
            "judge the one Origin header as it was received, refuse a request with several, and trust no other header in its place"
        }
        Fix::DecideAbsent => {
            "nothing, unless only browsers are to connect: then refuse requests without an Origin"
        }
    }
}
