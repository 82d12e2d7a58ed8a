//! The rows of the catalogue.

use serde::Serialize;

/// A route of the lab, or a part of its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// Its name, in a path and in a query.
    pub(crate) name: &'static str,
    /// How it is written: a route begins with a slash, an option with `?`.
    pub(crate) form: &'static str,
    /// A resource that can be asked for as it stands.
    pub(crate) example: &'static str,
    /// What it does.
    pub(crate) does: &'static str,
    /// The most that can be asked for; empty without a limit.
    pub(crate) most: &'static str,
}

impl Fault {
    /// Whether it can stand in a path.
    pub(crate) fn is_route(&self) -> bool {
        self.form.starts_with('/')
    }
}

/// Faults of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// What they have in common.
    pub(crate) title: &'static str,
    /// Whether they concern a WebSocket, or the answer that opens it.
    #[serde(skip)]
    pub(super) is_open: bool,
    pub(crate) faults: &'static [Fault],
}

const fn fault(
    name: &'static str,
    form: &'static str,
    example: &'static str,
    does: &'static str,
    most: &'static str,
) -> Fault {
    Fault {
        name,
        form,
        example,
        does,
        most,
    }
}

/// All of them.
pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "What is sent",
        is_open: true,
        faults: SENT,
    },
    Group {
        title: "Messages",
        is_open: true,
        faults: MESSAGES,
    },
    Group {
        title: "Pings and the closing handshake",
        is_open: true,
        faults: CONTROL,
    },
    Group {
        title: "Bytes",
        is_open: true,
        faults: BYTES,
    },
    Group {
        title: "Ends",
        is_open: true,
        faults: ENDS,
    },
    Group {
        title: "Frames that break a rule",
        is_open: true,
        faults: FRAMES,
    },
    Group {
        title: "Compressed messages",
        is_open: true,
        faults: DEFLATE,
    },
    Group {
        title: "When",
        is_open: true,
        faults: WHEN,
    },
    Group {
        title: "In place of the handshake",
        is_open: false,
        faults: INSTEAD,
    },
    Group {
        title: "Answers that break a rule",
        is_open: true,
        faults: HEADS,
    },
];

const SENT: &[Fault] = &[
    fault("echo", "/echo", "/echo", "sends every message back", ""),
    fault(
        "big",
        "/big/SIZE",
        "/big/64KiB",
        "sends one binary message of this size (`100000`, `16MiB`)",
        "64 MiB",
    ),
    fault(
        "stream",
        "/stream/RATE",
        "/stream/5",
        "sends the numbers 1, 2, 3, …, so many a second",
        "1 to 10,000",
    ),
    fault(
        "count",
        "/count/N",
        "/count/3",
        "sends the numbers from 1 to N, then Close 1000, or the end asked for",
        "1,000,000",
    ),
    fault(
        "broadcast",
        "/broadcast[/ROOM]",
        "/broadcast/tea",
        "sends every message to all in the room, its sender too; who is more than 256 messages or 16 MiB behind misses the oldest, which its `close` event counts",
        "64 bytes",
    ),
    fault(
        "json",
        "/json",
        "/json",
        "first tells what the server saw: peer, TLS, headers, origin, subprotocols",
        "",
    ),
];

const MESSAGES: &[Fault] = &[
    fault(
        "delay",
        "/delay/MS",
        "/delay/100",
        "everything leaves this much later, pongs and the answer to a Close too; the order stays",
        "60 s",
    ),
    fault(
        "fragment",
        "/fragment/N",
        "/fragment/3",
        "sends every message in N fragments",
        "1 to 1,000",
    ),
    fault(
        "lose",
        "/lose",
        "/lose?on=hello",
        "a message does not leave",
        "",
    ),
    fault(
        "duplicate",
        "/duplicate",
        "/duplicate?after=1",
        "a message leaves twice",
        "",
    ),
    fault(
        "reorder",
        "/reorder",
        "/reorder",
        "a message leaves behind the next one, or a second later where none comes",
        "",
    ),
    fault(
        "corrupt",
        "/corrupt",
        "/corrupt",
        "a message has another character, or byte, in its middle; text stays UTF-8",
        "",
    ),
    fault(
        "truncate",
        "/truncate",
        "/truncate",
        "a message lacks its second half",
        "",
    ),
];

const CONTROL: &[Fault] = &[
    fault(
        "ping",
        "/ping/MS",
        "/ping/1000",
        "sends a ping this often",
        "1 ms to 60 s",
    ),
    fault("no-pong", "/no-pong", "/no-pong", "answers no ping", ""),
    fault(
        "wrong-pong",
        "/wrong-pong",
        "/wrong-pong",
        "answers a ping with another payload",
        "",
    ),
    fault(
        "no-close",
        "/no-close",
        "/no-close",
        "never answers a Close of the client, and reads until it leaves",
        "10 minutes",
    ),
    fault(
        "late-close",
        "/late-close/MS",
        "/late-close/2s",
        "answers it this much later",
        "60 s",
    ),
];

const BYTES: &[Fault] = &[
    fault(
        "bandwidth",
        "/bandwidth/SIZE",
        "/bandwidth/1KiB",
        "sends so many bytes a second, the answer to the handshake too",
        "1 GiB",
    ),
    fault(
        "bytewise",
        "/bytewise",
        "/bytewise",
        "writes one byte at a time, a millisecond apart, the answer to the handshake too",
        "",
    ),
    fault(
        "cut",
        "/cut/SIZE",
        "/cut/10",
        "sends FIN after so many bytes of frames, wherever that is",
        "64 MiB",
    ),
];

const ENDS: &[Fault] = &[
    fault(
        "close",
        "/close/CODE",
        "/close/4000?reason=enough",
        "sends a Close with any code, 1000 without one, also codes that nobody may send",
        "65535",
    ),
    fault(
        "reason",
        "?reason=TEXT",
        "/close/4000?reason=enough",
        "the reason of that Close",
        "123 bytes",
    ),
    fault(
        "drop",
        "/drop",
        "/drop?after=1",
        "ends the connection by FIN, without a Close",
        "",
    ),
    fault(
        "reset",
        "/reset",
        "/reset?after=1",
        "ends it by RST (over TLS by FIN)",
        "",
    ),
    fault(
        "half-close",
        "/half-close",
        "/half-close",
        "sends FIN and goes on listening",
        "60 s",
    ),
    fault(
        "black-hole",
        "/black-hole",
        "/black-hole?after=1",
        "neither reads nor writes any more, and sends no FIN",
        "10 minutes",
    ),
];

const FRAMES: &[Fault] = &[
    fault(
        "bad-utf8",
        "/bad-utf8",
        "/bad-utf8",
        "text that is not UTF-8",
        "",
    ),
    fault(
        "bad-utf8-split",
        "/bad-utf8-split",
        "/bad-utf8-split",
        "text in two fragments, of which only the second shows that it is not UTF-8",
        "",
    ),
    fault(
        "bad-rsv",
        "/bad-rsv",
        "/bad-rsv",
        "a frame with reserved bits",
        "",
    ),
    fault("bad-mask", "/bad-mask", "/bad-mask", "a masked frame", ""),
    fault(
        "bad-opcode",
        "/bad-opcode[/N]",
        "/bad-opcode/11",
        "a frame with a reserved opcode, 3 without one",
        "3 to 7, 11 to 15",
    ),
    fault(
        "bad-length",
        "/bad-length",
        "/bad-length",
        "100 bytes announced, 10 sent, and FIN",
        "",
    ),
    fault(
        "long-length",
        "/long-length",
        "/long-length",
        "a length in more bytes than it takes",
        "",
    ),
    fault(
        "huge-length",
        "/huge-length",
        "/huge-length",
        "a length of 2^63, and no payload",
        "",
    ),
    fault(
        "lone-continuation",
        "/lone-continuation",
        "/lone-continuation",
        "a fragment that continues nothing",
        "",
    ),
    fault(
        "nested-message",
        "/nested-message",
        "/nested-message",
        "a message within another one",
        "",
    ),
    fault(
        "unfinished",
        "/unfinished[/SIZE]",
        "/unfinished/1KiB",
        "fragments of a message that never ends, of up to 64 KiB each",
        "64 MiB",
    ),
    fault(
        "long-ping",
        "/long-ping",
        "/long-ping",
        "a ping of 126 bytes",
        "",
    ),
    fault(
        "fragmented-ping",
        "/fragmented-ping",
        "/fragmented-ping",
        "a ping in two fragments",
        "",
    ),
    fault(
        "short-close",
        "/short-close",
        "/short-close",
        "a Close of one byte",
        "",
    ),
    fault(
        "long-close",
        "/long-close",
        "/long-close",
        "a Close of 126 bytes",
        "",
    ),
    fault(
        "bad-close-utf8",
        "/bad-close-utf8",
        "/bad-close-utf8",
        "a Close whose reason is not UTF-8",
        "",
    ),
    fault(
        "data-after-close",
        "/data-after-close",
        "/data-after-close",
        "a message behind a Close",
        "",
    ),
];

const DEFLATE: &[Fault] = &[
    fault(
        "unasked-deflate",
        "/unasked-deflate",
        "/unasked-deflate",
        "a message marked as compressed (RSV1) where that is not agreed on",
        "",
    ),
    fault(
        "bad-deflate",
        "/bad-deflate",
        "/bad-deflate",
        "a compressed message that cannot be inflated",
        "",
    ),
    fault(
        "bad-window",
        "/bad-window",
        "/bad-window",
        "a message that refers back further than `server_max_window_bits=9`, which the answer agrees to",
        "",
    ),
    fault(
        "bomb",
        "/bomb/SIZE",
        "/bomb/16MiB",
        "a compressed message that inflates to this size",
        "1 GiB",
    ),
];

const WHEN: &[Fault] = &[
    fault(
        "after",
        "?after=N",
        "/drop?after=3",
        "an end comes only after N messages of the client, a fault of messages spares the first N sent; with a unit (`after=5s`), after so much time",
        "1,000,000; 60 s",
    ),
    fault(
        "on",
        "?on=PATTERN",
        "/drop?on=bye",
        "an end comes on a message that holds this, from the client or sent unasked; a fault of messages concerns these alone; `/regex/` and JSONPath (`$.id`) too",
        "",
    ),
];

const INSTEAD: &[Fault] = &[
    fault(
        "status",
        "/status/HTTP",
        "/status/503?retry-after=2",
        "answers with this status",
        "200 to 599",
    ),
    fault(
        "body",
        "?body=TEXT",
        "/status/500?body=sorry",
        "the body of that answer",
        "1,024 bytes",
    ),
    fault(
        "retry-after",
        "?retry-after=TIME",
        "/status/503?retry-after=2",
        "its `Retry-After`, of a redirect too",
        "1,024 bytes",
    ),
    fault(
        "redirect",
        "/redirect[/PATH]",
        "/redirect/echo",
        "redirects to a path of this server, `/ws` without one",
        "",
    ),
    fault(
        "to",
        "?to=PATH",
        "/redirect?to=/echo",
        "the path of a redirect",
        "",
    ),
    fault(
        "code",
        "?code=HTTP",
        "/redirect?code=308",
        "its status, 302 without one",
        "301, 302, 303, 307, 308",
    ),
    fault(
        "hops",
        "?hops=N",
        "/redirect?hops=3&to=/echo",
        "so many redirects come before it",
        "100",
    ),
    fault("loop", "/loop", "/loop?code=307", "redirects to itself", ""),
    fault(
        "flaky",
        "/flaky/N",
        "/flaky/3?id=a",
        "the first N openings of a client, told by its address and `id`, fail with 503; then it works",
        "1,000",
    ),
    fault(
        "id",
        "?id=TEXT",
        "/flaky/3?id=a",
        "tells the tests of one address apart",
        "1,024 bytes",
    ),
    fault(
        "as",
        "?as=HOW",
        "/flaky/3?id=b&as=drop",
        "how they fail: with another status, or by `drop`, `reset`, `silent`",
        "",
    ),
    fault(
        "auth",
        "/auth/basic/USER/PASS",
        "/auth/basic/u/p",
        "answers 401 without these credentials, or `/auth/bearer/TOKEN` without this token; in a query `auth=basic:USER:PASS`, `auth=bearer:TOKEN`",
        "",
    ),
    fault(
        "slow-handshake",
        "/slow-handshake/MS",
        "/slow-handshake/500",
        "lets the handshake wait",
        "60 s",
    ),
    fault(
        "set-cookie",
        "?set-cookie=TEXT",
        "/echo?set-cookie=a%3D1",
        "any answer sets this cookie",
        "1,024 bytes",
    ),
];

const HEADS: &[Fault] = &[
    fault(
        "bad-accept",
        "/bad-accept",
        "/bad-accept",
        "101 with a wrong `Sec-WebSocket-Accept`",
        "",
    ),
    fault(
        "no-accept",
        "/no-accept",
        "/no-accept",
        "101 without it",
        "",
    ),
    fault(
        "bad-upgrade",
        "/bad-upgrade",
        "/bad-upgrade",
        "101 with `Upgrade: h2c`",
        "",
    ),
    fault(
        "no-upgrade",
        "/no-upgrade",
        "/no-upgrade",
        "101 without `Upgrade`",
        "",
    ),
    fault(
        "bad-connection",
        "/bad-connection",
        "/bad-connection",
        "101 with `Connection: keep-alive`",
        "",
    ),
    fault(
        "no-connection",
        "/no-connection",
        "/no-connection",
        "101 without `Connection`",
        "",
    ),
    fault(
        "unasked-protocol",
        "/unasked-protocol",
        "/unasked-protocol",
        "101 with a subprotocol that was never offered",
        "",
    ),
    fault(
        "no-protocol",
        "/no-protocol",
        "/no-protocol",
        "101 that chooses none of the subprotocols offered",
        "",
    ),
    fault(
        "unasked-extension",
        "/unasked-extension",
        "/unasked-extension",
        "101 with an extension that was never offered",
        "",
    ),
    fault("http10", "/http10", "/http10", "101 of HTTP/1.0", ""),
    fault(
        "interim",
        "/interim/N",
        "/interim/2",
        "so many answers of 103 first",
        "1 to 50",
    ),
    fault(
        "garbage",
        "/garbage",
        "/garbage",
        "what is not HTTP, and FIN",
        "",
    ),
    fault(
        "half-head",
        "/half-head",
        "/half-head",
        "half a head of 101, and nothing more",
        "10 minutes",
    ),
];
