//! The kinds of servers that are recognised, and what is told of each.

use super::values::Values;

/// A server, or a library, that is recognised by its answers.
#[expect(clippy::enum_variant_names, reason = "the product's name")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Server {
    /// Chromium's remote debugging.
    DevTools,
    /// Node: Vite's development server.
    Vite,
    /// Node: the development server of Next.js.
    Next,
    /// Node: Storybook's development server.
    Storybook,
    /// Node: webpack-dev-server 3, over SockJS.
    WebpackDevServer3,
    /// Node: webpack-dev-server 4 and later, and its child in Rspack.
    WebpackDevServer,
    /// Python: Streamlit.
    Streamlit,
    /// Python: NiceGUI.
    NiceGui,
    /// Python: a Bokeh server, under Panel and others.
    Bokeh,
    /// Python: Jupyter Server.
    Jupyter,
    /// Python: mitmweb.
    Mitmweb,
    Cockpit,
    /// websockify, under noVNC and others.
    Websockify,
    /// Python: Flask-SocketIO, by the server of Werkzeug.
    FlaskSocketIo,
    PythonSocketIo,
    /// Node: Browsersync.
    Browsersync,
    /// Node: socket.io.
    SocketIo,
    /// Go: coder/websocket, once nhooyr.io/websocket.
    CoderWebsocket,
    /// Go: gorilla/websocket and its likes.
    Gorilla,
    /// Python: Autobahn.
    Autobahn,
    /// Python: Sanic.
    Sanic,
    /// ASP.NET Core (Kestrel).
    AspNetCore,
    /// Python: Tornado.
    Tornado,
    /// Python: Django Channels.
    Channels,
    /// Python: aiohttp.
    Aiohttp,
    /// Python: uvicorn, under Starlette and others.
    Uvicorn,
    /// Python: hypercorn, under Quart and others.
    Hypercorn,
    /// Python: websockets.
    Websockets,
    /// Python: Werkzeug, under Flask.
    Werkzeug,
    /// Perl: Mojolicious.
    Mojolicious,
    /// Node: the package ws.
    Ws,
    /// nginx, alone or in front of another.
    Nginx,
}

/// Something that a server shows of itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    /// The path of the request holds this.
    Path(&'static str),
    /// An answer has a header of this name whose value holds this.
    Header(&'static str, &'static str),
    /// The status line or the body of an answer holds this.
    Text(&'static str),
    /// The first message begins with this.
    Message(&'static str),
    /// The refusal is written as the package ws writes it.
    RefusalOfWs,
}

/// What a check can tell apart, once it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compares {
    /// Whole origins.
    Origin,
    /// Whole origins, but for the server's own host, which is let in before:
    /// Tornado asks nobody there from version 6.6 on.
    OriginElsewhere,
    /// Hosts with their ports: not the scheme.
    HostAndPort,
    /// Hosts alone.
    Host,
    /// A token, and no origins.
    Token,
}

/// One server.
pub(super) struct Row {
    pub(super) server: Server,
    pub(super) name: &'static str,
    /// Each set of signs is enough; all of its signs must be there.
    pub(super) signs: &'static [&'static [Sign]],
    pub(super) compares: Compares,
    /// How the allowed origins are written; `None` where there is no such
    /// setting.
    pub(super) snippet: Option<fn(&Values<'_>) -> String>,
}
