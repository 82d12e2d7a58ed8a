//! Whether a secret stands in the file itself: only `${NAME}` may bring one.
//! Pure.

use crate::connection::secrets::{in_header, in_resource, is_secret_header};

/// Whether one of the texts of this flag, variables not yet replaced, holds a
/// secret as it stands. `flag` is the long name, or `url`.
pub(super) fn is_secret(flag: &str, texts: &[&str]) -> bool {
    let any = |is_secret: fn(&str) -> bool| texts.iter().any(|text| is_secret(text));
    match flag {
        "bearer" | "pass" => any(is_literal),
        "user" => any(password),
        "cookie" => any(cookie),
        "header" => any(header),
        "proxy" | "url" => any(url),
        // `bearer, TOKEN`: the one announces the other.
        "subprotocol" => subprotocols(&texts.join(", ")),
        _ => false,
    }
}

/// Whether anything but variables is in the text: a part of a secret is one too.
fn is_literal(text: &str) -> bool {
    let mut rest = text.trim();
    while let Some((_, behind)) = rest
        .strip_prefix("${")
        .and_then(|variable| variable.split_once('}'))
    {
        rest = behind.trim_start();
    }
    !rest.is_empty()
}

/// Behind the name of the scheme, `Bearer` for one.
fn credentials(value: &str) -> bool {
    let value = value.trim();
    match value.split_once(' ') {
        Some((scheme, credentials)) if !scheme.contains("${") => is_literal(credentials),
        _ => is_literal(value),
    }
}

fn password(user: &str) -> bool {
    let password = user.split_once(':').map(|(_, password)| password);
    password.is_some_and(is_literal)
}

/// Without an equals sign, it is a file.
fn cookie(cookies: &str) -> bool {
    let mut values = cookies
        .split(';')
        .filter_map(|cookie| cookie.split_once('='));
    values.any(|(_, value)| is_literal(value.trim()))
}

fn header(header: &str) -> bool {
    let Some((name, value)) = header.split_once(':').filter(|_| !header.starts_with('@')) else {
        return false;
    };
    match name.trim().to_ascii_lowercase().as_str() {
        "cookie" => cookie(value),
        "sec-websocket-protocol" => subprotocols(value),
        "authorization" | "proxy-authorization" => credentials(value),
        name => is_secret_header(name) && is_literal(value.trim()),
    }
}

fn subprotocols(list: &str) -> bool {
    let secrets = in_header("sec-websocket-protocol", list);
    secrets.iter().any(|secret| is_literal(secret))
}

fn url(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
    userinfo.is_some_and(password) || in_resource(rest).iter().any(|secret| is_literal(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_a_variable_alone() {
        for (flag, texts, expected) in [
            ("bearer", &["tok"][..], true),
            ("bearer", &["${TOKEN}"], false),
            ("bearer", &["$${TOKEN}"], true),
            ("bearer", &["abc${TOKEN}"], true),
            ("bearer", &["${TOKEN}abc"], true),
            ("bearer", &["${HALF}${OTHER}"], false),
            ("bearer", &["${TOKEN"], true),
            ("pass", &["phrase"], true),
            ("user", &["alice"], false),
            ("user", &["alice:"], false),
            ("user", &["alice:pw"], true),
            ("user", &["alice:${PW}"], false),
            ("user", &["alice:${PW}1"], true),
            ("user", &["${USER}:${PW}"], false),
            ("cookie", &["/home/me/jar"], false),
            ("cookie", &["sid=${SID}; a=1"], true),
            ("cookie", &["sid=${SID}", "csrf=${CSRF}"], false),
            ("header", &["X-Trace: 1", "@/etc/headers"], false),
            ("header", &["Authorization: Bearer abc"], true),
            ("header", &["Authorization: Bearer ${TOKEN}"], false),
            ("header", &["Authorization: Bearer abc${TOKEN}"], true),
            ("header", &["Authorization: ${ALL}"], false),
            ("header", &["Authorization: ${SCHEME} ${TOKEN}"], false),
            ("header", &["Authorization: abc"], true),
            ("header", &["x-api-key: 12${KEY}"], true),
            ("header", &["x-api-key: 12 ${KEY}"], true),
            ("header", &["x-api-key: ${KEY}"], false),
            ("header", &["Cookie: sid=a${SID}"], true),
            ("header", &["Authorization:", "X-Api-Key;"], false),
            ("header", &["x-api-key: 1234"], true),
            ("header", &["Cookie: sid=1"], true),
            ("header", &["Sec-WebSocket-Protocol: bearer, abc"], true),
            ("header", &["Sec-WebSocket-Protocol: bearer, ${T}"], false),
            ("subprotocol", &["graphql-ws"], false),
            ("subprotocol", &["bearer", "abc"], true),
            ("subprotocol", &["bearer", "${TOKEN}"], false),
            ("subprotocol", &["bearer", "abc${TOKEN}"], true),
            ("url", &["wss://h/ws?room=1"], false),
            ("url", &["wss://me@h/"], false),
            ("url", &["wss://me:pw@h/"], true),
            ("url", &["me:pw@h:80/"], true),
            ("url", &["wss://me:${PW}@h/?token=${T}"], false),
            ("url", &["wss://h/?token=abc"], true),
            ("url", &["wss://h/?token=abc${T}"], true),
            ("url", &["wss://me:a${PW}@h/"], true),
            ("proxy", &["http://me:pw@p:3128"], true),
            ("proxy", &["http://me:${PW}@p:3128"], false),
            ("sni", &["token"], false),
        ] {
            assert_eq!(is_secret(flag, texts), expected, "{flag} {texts:?}");
        }
    }
}
