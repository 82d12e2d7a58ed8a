//! From curl's words to ours.

use std::io;

use thiserror::Error;

use super::words::WordsError;
use crate::connection::Target;
use crate::connection::ws::deflate::Offer;

/// Why a curl command cannot be taken over. Values are not shown: they may
/// hold secrets.
#[derive(Debug, Error)]
pub(crate) enum CurlError {
    /// The text is cut.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// The file of `@FILE` cannot be read.
    #[error("could not read the curl command in '{path}': {source}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It does not start with `curl`.
    #[error("that is no curl command: it does not start with 'curl'")]
    NotCurl,
    /// There is no URL in it.
    #[error("the curl command has no URL; is it complete?")]
    NoUrl,
    /// There is more than one URL in it.
    #[error("the curl command has more than one URL; give one")]
    SeveralUrls,
    /// A flag lacks its value.
    #[error("curl's flag '{0}' needs a value; is the command complete?")]
    NoValue(String),
    /// A flag that a WebSocket cannot do.
    #[error("curl's flag '{flag}' cannot be taken over: {why}")]
    Impossible {
        /// The flag.
        flag: String,
        /// Why not.
        why: &'static str,
    },
    /// A flag that is not known.
    #[error("curl's flag '{0}' is not known here; remove it from the curl command")]
    Unknown(String),
}

/// A curl command in our words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Translated {
    /// Our flags, each with its value behind `=`, and the URL at the end.
    pub arguments: Vec<String>,
    /// What was left out, a sentence each.
    pub warnings: Vec<String>,
}

/// What becomes of a flag of curl's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// The same flag, or this one, without a value.
    Same(&'static str),
    /// The same flag, or this one, with its value.
    Value(&'static str),
    Header,
    Compress,
    Url,
    Method,
    ProxyUser,
    /// A proxy of this scheme.
    ProxyOf(&'static str),
    Referer,
    /// Means nothing here.
    Drop,
    /// Means nothing here, and has a value.
    DropValue,
    Impossible(&'static str),
}

use Action::{
    Compress, Drop, DropValue, Header, Impossible, Method, ProxyOf, ProxyUser, Referer, Same, Url,
    Value,
};

const NO_BODY: &str = "an opening handshake has no body";
const BASIC_ONLY: &str = "only Basic and Bearer are known here";

/// (short, long, what becomes of it)
const FLAGS: &[(char, &str, Action)] = &[
    ('H', "header", Header),
    ('A', "user-agent", Value("--user-agent")),
    ('e', "referer", Referer),
    ('u', "user", Value("--user")),
    (' ', "oauth2-bearer", Value("--bearer")),
    ('b', "cookie", Value("--cookie")),
    ('n', "netrc", Same("--netrc")),
    (' ', "netrc-optional", Same("--netrc")),
    (' ', "netrc-file", Value("--netrc-file")),
    ('x', "proxy", Value("--proxy")),
    ('U', "proxy-user", ProxyUser),
    (' ', "socks5", ProxyOf("socks5")),
    (' ', "socks5-hostname", ProxyOf("socks5h")),
    (' ', "noproxy", Value("--noproxy")),
    (' ', "proxy-cacert", Value("--proxy-cacert")),
    (' ', "proxy-insecure", Same("--proxy-insecure")),
    (' ', "resolve", Value("--resolve")),
    (' ', "connect-to", Value("--connect-to")),
    (' ', "interface", Value("--interface")),
    (' ', "unix-socket", Value("--unix-socket")),
    ('4', "ipv4", Same("--ipv4")),
    ('6', "ipv6", Same("--ipv6")),
    (' ', "connect-timeout", Value("--connect-timeout")),
    ('m', "max-time", Value("--max-time")),
    ('L', "location", Same("--location")),
    (' ', "max-redirs", Value("--max-redirs")),
    ('k', "insecure", Same("--insecure")),
    (' ', "cacert", Value("--cacert")),
    ('E', "cert", Value("--cert")),
    (' ', "key", Value("--key")),
    (' ', "pass", Value("--pass")),
    (' ', "pinnedpubkey", Value("--pinnedpubkey")),
    (' ', "tlsv1.2", Same("--tlsv1.2")),
    (' ', "tlsv1.3", Same("--tlsv1.3")),
    (' ', "tls-max", Value("--tls-max")),
    ('v', "verbose", Same("--verbose")),
    (' ', "url", Url),
    ('X', "request", Method),
    (' ', "compressed", Compress),
    ('0', "http1.0", Impossible("a WebSocket needs HTTP/1.1")),
    (' ', "http1.1", Drop),
    (' ', "http2", Drop),
    (
        ' ',
        "http2-prior-knowledge",
        Impossible("a WebSocket is opened over HTTP/1.1 here"),
    ),
    (' ', "http3", Drop),
    ('s', "silent", Drop),
    ('S', "show-error", Drop),
    ('i', "include", Drop),
    (' ', "show-headers", Drop),
    ('N', "no-buffer", Drop),
    ('#', "progress-bar", Drop),
    (' ', "no-progress-meter", Drop),
    ('f', "fail", Drop),
    (' ', "fail-with-body", Drop),
    ('g', "globoff", Drop),
    ('G', "get", Drop),
    ('j', "junk-session-cookies", Drop),
    ('q', "disable", Drop),
    (' ', "basic", Drop),
    (' ', "proxy-basic", Drop),
    (' ', "path-as-is", Drop),
    (' ', "tcp-nodelay", Drop),
    (' ', "no-keepalive", Drop),
    (' ', "no-alpn", Drop),
    (' ', "no-sessionid", Drop),
    (' ', "ssl-reqd", Drop),
    ('1', "tlsv1", Drop),
    (' ', "retry-connrefused", Drop),
    (' ', "retry-all-errors", Drop),
    (' ', "cert-type", DropValue),
    (' ', "key-type", DropValue),
    (' ', "retry-delay", DropValue),
    (' ', "retry-max-time", DropValue),
    ('o', "output", DropValue),
    ('w', "write-out", DropValue),
    ('c', "cookie-jar", DropValue),
    ('D', "dump-header", DropValue),
    (' ', "stderr", DropValue),
    (' ', "trace", DropValue),
    (' ', "trace-ascii", DropValue),
    (' ', "keepalive-time", DropValue),
    (' ', "retry", DropValue),
    ('d', "data", Impossible(NO_BODY)),
    (' ', "data-raw", Impossible(NO_BODY)),
    (' ', "data-ascii", Impossible(NO_BODY)),
    (' ', "data-binary", Impossible(NO_BODY)),
    (' ', "data-urlencode", Impossible(NO_BODY)),
    (' ', "json", Impossible(NO_BODY)),
    ('F', "form", Impossible(NO_BODY)),
    ('T', "upload-file", Impossible(NO_BODY)),
    (
        'I',
        "head",
        Impossible("an opening handshake is a GET request"),
    ),
    (
        ' ',
        "location-trusted",
        Impossible("credentials stay with the first host; use -L"),
    ),
    (' ', "digest", Impossible(BASIC_ONLY)),
    (' ', "ntlm", Impossible(BASIC_ONLY)),
    (' ', "negotiate", Impossible(BASIC_ONLY)),
    (' ', "anyauth", Impossible(BASIC_ONLY)),
    (' ', "proxy-digest", Impossible(BASIC_ONLY)),
    (' ', "proxy-ntlm", Impossible(BASIC_ONLY)),
    (' ', "proxy-negotiate", Impossible(BASIC_ONLY)),
    (
        ' ',
        "socks4",
        Impossible("SOCKS4 is not spoken here; use --socks5"),
    ),
    (
        ' ',
        "socks4a",
        Impossible("SOCKS4 is not spoken here; use --socks5-hostname"),
    ),
    (' ', "next", Impossible("one connection at a time")),
    (
        'K',
        "config",
        Impossible("write its flags into the command"),
    ),
];

/// Puts a curl command into our words.
///
/// # Errors
/// A [`CurlError`] that names the flag it is about.
pub(crate) fn translate(words: &[String]) -> Result<Translated, CurlError> {
    let Some((name, words)) = words.split_first() else {
        return Err(CurlError::NotCurl);
    };
    if !is_curl(name) {
        return Err(CurlError::NotCurl);
    }
    let mut translation = Translation::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (long, value) = match long.split_once('=') {
                Some((long, value)) => (long, Some(value.to_owned())),
                None => (long, None),
            };
            let action = FLAGS.iter().find(|(_, name, _)| *name == long);
            let action = action
                .ok_or_else(|| CurlError::Unknown(format!("--{long}")))?
                .2;
            translation.apply(&format!("--{long}"), action, value, &mut words)?;
        } else if let Some(shorts) = word.strip_prefix('-').filter(|s| !s.is_empty()) {
            translation.shorts(shorts, &mut words)?;
        } else {
            translation.set_url(word)?;
        }
    }
    translation.finish()
}

#[derive(Default)]
struct Translation {
    result: Translated,
    url: Option<String>,
    host: Option<String>,
    proxy_user: Option<String>,
}

type Words<'a> = std::slice::Iter<'a, String>;

impl Translation {
    /// `-sSL`, `-Hname: value`: the first flag with a value takes the rest.
    fn shorts(&mut self, shorts: &str, words: &mut Words<'_>) -> Result<(), CurlError> {
        let mut rest = shorts;
        while let Some(short) = rest.chars().next() {
            rest = &rest[short.len_utf8()..];
            let flag = format!("-{short}");
            let known = FLAGS
                .iter()
                .find(|(name, _, _)| *name == short && short != ' ');
            let action = known.ok_or_else(|| CurlError::Unknown(flag.clone()))?.2;
            if takes_value(action) && !rest.is_empty() {
                return self.apply(&flag, action, Some(rest.to_owned()), words);
            }
            self.apply(&flag, action, None, words)?;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        flag: &str,
        action: Action,
        value: Option<String>,
        words: &mut Words<'_>,
    ) -> Result<(), CurlError> {
        let value = match value {
            Some(value) => value,
            None if takes_value(action) => {
                let next = words.next().cloned();
                next.ok_or_else(|| CurlError::NoValue(flag.to_owned()))?
            }
            None => String::new(),
        };
        match action {
            Same(ours) => self.result.arguments.push(ours.to_owned()),
            Value(ours) => self.push(ours, &value),
            Header => self.header(&value),
            Referer => self.push("--header", &format!("Referer: {value}")),
            Url => self.set_url(&value)?,
            ProxyUser => self.proxy_user = Some(value),
            ProxyOf(scheme) => self.push("--proxy", &format!("{scheme}://{value}")),
            Method if value == "GET" => {}
            Method => {
                return Err(CurlError::Impossible {
                    flag: flag.to_owned(),
                    why: "an opening handshake is a GET request",
                });
            }
            // It asks for compressed documents, which no handshake has.
            Compress | Drop => {}
            DropValue => self.warn(&format!("curl's flag '{flag}' means nothing here")),
            Impossible(why) => {
                return Err(CurlError::Impossible {
                    flag: flag.to_owned(),
                    why,
                });
            }
        }
        Ok(())
    }

    fn push(&mut self, flag: &str, value: &str) {
        self.result.arguments.push(format!("{flag}={value}"));
    }

    fn warn(&mut self, what: &str) {
        self.result.warnings.push(format!("{what}; it is left out"));
    }

    fn set_url(&mut self, url: &str) -> Result<(), CurlError> {
        match self.url.replace(url.to_owned()) {
            Some(_) => Err(CurlError::SeveralUrls),
            None => Ok(()),
        }
    }

    /// What the handshake makes by itself is left out or becomes its flag.
    fn header(&mut self, header: &str) {
        let Some((name, value)) = header.split_once(':').filter(|_| !header.starts_with('@'))
        else {
            return self.push("--header", header);
        };
        let value = value.trim();
        if value.is_empty() {
            return self.push("--header", header);
        }
        match name.to_ascii_lowercase().as_str() {
            "sec-websocket-key" | "connection" | "upgrade" | "accept-encoding"
            | "content-length" | "transfer-encoding" | "http2-settings" => {}
            "sec-websocket-version" if value == "13" => {}
            "host" => self.host = Some(value.to_owned()),
            "origin" => self.push("--origin", value),
            "user-agent" => self.push("--user-agent", value),
            "sec-websocket-protocol" => {
                for name in value.split(',') {
                    self.push("--subprotocol", name.trim());
                }
            }
            "sec-websocket-extensions" => match value.parse::<Offer>() {
                Ok(_) => self.push("--compress", value),
                Err(_) => self.warn(&format!("the extension offer '{value}' is not known here")),
            },
            _ => self.push("--header", header),
        }
    }

    fn finish(mut self) -> Result<Translated, CurlError> {
        let url = self.url.take().ok_or(CurlError::NoUrl)?;
        // Browsers write the header that the URL gives anyway.
        let own = url.parse::<Target>().map(|target| target.authority);
        if let Some(host) = self.host.take()
            && own.is_ok_and(|own| own != host)
        {
            self.push("--header", &format!("Host: {host}"));
        }
        if let Some(user) = self.proxy_user.take() {
            self.put_into_proxy(&user);
        }
        self.result.arguments.push(url);
        Ok(self.result)
    }

    /// Ours are a part of the proxy's URL.
    fn put_into_proxy(&mut self, user: &str) {
        let is_proxy = |word: &&mut String| word.starts_with("--proxy=");
        let Some(proxy) = self.result.arguments.iter_mut().rev().find(is_proxy) else {
            return self.warn("curl's flag '--proxy-user' has no '--proxy' beside it");
        };
        let url = proxy["--proxy=".len()..].to_owned();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
        let rest = rest.rsplit('@').next().unwrap_or(rest);
        let user: Vec<_> = user.splitn(2, ':').map(encode).collect();
        *proxy = format!("--proxy={scheme}://{}@{rest}", user.join(":"));
    }
}

fn takes_value(action: Action) -> bool {
    matches!(
        action,
        Value(_) | Header | Url | Method | ProxyUser | ProxyOf(_) | Referer | DropValue
    )
}

/// A user name or password, as a part of a URL.
fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Whether a word is the name of the program.
pub(super) fn is_curl(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name == "curl" || name.eq_ignore_ascii_case("curl.exe")
}
