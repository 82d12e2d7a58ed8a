//! From our flags to a curl command.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::cli::tls::TlsArgs;
use crate::cli::transport::TransportArgs;
use crate::connection::Target;
use crate::connection::net::target::Endpoint;
use crate::connection::net::tls::TlsVersion;

/// A curl command that asks for the same upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Printed {
    /// The command, quoted for a POSIX shell, a flag a line.
    pub command: String,
    /// The flags that curl has no counterpart of.
    pub left_out: Vec<&'static str>,
}

/// RFC 6455's own example. Every key is as good as another here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Prints the curl command for `url`, which `target` is made of. It holds all
/// secrets that the flags hold; files that flags name stay files.
///
/// The upgrade's headers are written out and the URL is an `http` one: that
/// works with every curl, also those that know no WebSockets.
pub(crate) fn print(url: &str, target: &Target, args: &TransportArgs) -> Printed {
    let mut words = Words(vec![
        vec!["curl".into(), http_url(url, target)],
        vec!["--include".into(), "--no-buffer".into(), "--http1.1".into()],
    ]);
    handshake(&mut words, args);
    address(&mut words, target, args);
    who(&mut words, args);
    tls(&mut words, &args.tls);
    words.value("--connect-timeout", Some(seconds(args.connect_timeout)));
    words.value("--max-time", args.max_time.map(seconds));
    words.flag("--location", args.location);
    if args.location {
        let max = i64::from(args.max_redirs);
        let max = if args.max_redirs == u32::MAX { -1 } else { max };
        words.value("--max-redirs", Some(max.to_string()));
    }
    Printed {
        command: words.join(),
        left_out: left_out(args),
    }
}

fn handshake(words: &mut Words, args: &TransportArgs) {
    let given = |name: &str| {
        args.headers.iter().any(|header| {
            let named = header.split([':', ';']).next().unwrap_or_default();
            named.eq_ignore_ascii_case(name)
        })
    };
    let mut header = |name: &str, value: Option<String>| {
        // A header of the user's takes the place of ours.
        if let Some(value) = value.filter(|_| !given(name)) {
            words.value("--header", Some(format!("{name}: {value}")));
        }
    };
    header("Connection", Some("Upgrade".into()));
    header("Upgrade", Some("websocket".into()));
    header("Sec-WebSocket-Version", Some("13".into()));
    header("Sec-WebSocket-Key", Some(KEY.into()));
    header("Origin", args.origin.clone());
    let names: Vec<_> = args.subprotocols.iter().map(ToString::to_string).collect();
    let names = (!names.is_empty()).then(|| names.join(", "));
    header("Sec-WebSocket-Protocol", names);
    let offer = args.compress.as_ref().map(ToString::to_string);
    header("Sec-WebSocket-Extensions", offer);
    if !given("User-Agent") {
        words.value("--user-agent", args.user_agent.clone());
    }
    for header in &args.headers {
        words.value("--header", Some(header.clone()));
    }
}

fn address(words: &mut Words, target: &Target, args: &TransportArgs) {
    let in_url = match &target.endpoint {
        Endpoint::Unix(path) => Some(path),
        Endpoint::Tcp { .. } => None,
    };
    let socket = args.unix_socket.as_ref().or(in_url);
    words.value(
        "--unix-socket",
        socket.map(|path| path.display().to_string()),
    );
    for entry in &args.address.resolve {
        words.value("--resolve", Some(entry.to_string()));
    }
    for entry in &args.address.connect_to {
        words.value("--connect-to", Some(entry.to_string()));
    }
    words.flag("--ipv4", args.address.ipv4);
    words.flag("--ipv6", args.address.ipv6);
    let interface = args.address.interface.as_ref();
    words.value("--interface", interface.map(ToString::to_string));
    let proxy = args.proxy.proxy.as_ref();
    words.value("--proxy", proxy.map(|proxy| proxy.0.clone()));
    words.value("--noproxy", args.proxy.noproxy.clone());
    let cacert = args.proxy.proxy_cacert.as_ref();
    words.value(
        "--proxy-cacert",
        cacert.map(|path| path.display().to_string()),
    );
    words.flag("--proxy-insecure", args.proxy.proxy_insecure);
}

fn who(words: &mut Words, args: &TransportArgs) {
    let auth = &args.auth;
    words.value("--user", auth.user.as_ref().map(|user| user.0.clone()));
    let bearer = auth.bearer.as_ref();
    words.value("--oauth2-bearer", bearer.map(|token| token.0.clone()));
    words.flag("--netrc", auth.netrc);
    let file = auth.netrc_file.as_ref();
    words.value("--netrc-file", file.map(|path| path.display().to_string()));
    for cookies in &auth.cookies {
        words.value("--cookie", Some(cookies.0.clone()));
    }
}

fn tls(words: &mut Words, args: &TlsArgs) {
    let mut file = |flag: &str, path: &Option<PathBuf>| {
        words.value(flag, path.as_ref().map(|path| path.display().to_string()));
    };
    file("--cacert", &args.cacert);
    file("--cert", &args.cert);
    file("--key", &args.key);
    words.value("--pass", args.pass.as_ref().map(|pass| pass.0.clone()));
    let pins = args.pinnedpubkey.as_ref();
    words.value("--pinnedpubkey", pins.map(ToString::to_string));
    words.flag("--insecure", args.insecure);
    words.flag("--tlsv1.2", args.tlsv1_2);
    words.flag("--tlsv1.3", args.tlsv1_3);
    let max = args.tls_max.map(|version| match version {
        TlsVersion::Tls12 => "1.2".to_owned(),
        TlsVersion::Tls13 => "1.3".to_owned(),
    });
    words.value("--tls-max", max);
}

fn left_out(args: &TransportArgs) -> Vec<&'static str> {
    let wait_up = args.wait_up.is_some().then_some("--wait-up");
    let sni = args.tls.sni.is_some().then_some("--sni");
    wait_up.into_iter().chain(sni).collect()
}

/// The URL as curl takes it.
fn http_url(url: &str, target: &Target) -> String {
    let scheme = if target.secure { "https" } else { "http" };
    let plain = format!("{scheme}://{}{}", target.authority, target.resource.wire());
    if target.credentials.is_none() {
        return plain;
    }
    // As given: to decode and encode them again could change them.
    let absolute = if url.contains("://") {
        url.to_owned()
    } else {
        format!("ws://{url}")
    };
    let parsed = Url::parse(&absolute).ok();
    parsed
        .and_then(|mut url| url.set_scheme(scheme).ok().map(|()| url.to_string()))
        .unwrap_or(plain)
}

fn seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}

/// Groups of words that stay on one line.
struct Words(Vec<Vec<String>>);

impl Words {
    fn flag(&mut self, name: &str, given: bool) {
        if given {
            self.0.push(vec![name.to_owned()]);
        }
    }

    fn value(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0.push(vec![name.to_owned(), value]);
        }
    }

    fn join(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(shell_words::join).collect();
        lines.join(" \\\n  ")
    }
}
