//! Which names promise a secret: of headers, of parameters, of members.

/// Parts of a name, without its separators, that make its value a secret.
const PARTS: &[&str] = &[
    "token",
    "secret",
    "passw",
    "passphrase",
    "passcode",
    "apikey",
    "appkey",
    "accesskey",
    "privatekey",
    "jwt",
    "session",
    "sessid",
    "signature",
    "credential",
    "csrf",
    "xsrf",
    "bearer",
    "cookie",
    "ticket",
    "dpop",
    "assertion",
    "samlresponse",
    "samlrequest",
];

/// Words of a name that make its value a secret in a header or a query.
const WORDS: &[&str] = &[
    "pass", "pwd", "pw", "otp", "pin", "sig", "sid", "key", "hmac", "tok", "tkn",
];

/// Headers whose names look as if their values were secrets.
const OPEN_HEADERS: &[&str] = &[
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    // Challenges, which say what is asked for.
    "www-authenticate",
    "proxy-authenticate",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-request-headers",
];

/// The parts and the words, for a page that judges the names of parameters itself.
pub(crate) fn secret_names() -> (&'static [&'static str], &'static [&'static str]) {
    (PARTS, WORDS)
}

/// Whether the value of the header called `name` is a secret.
pub(super) fn is_secret_header(name: &str) -> bool {
    let name = name.trim();
    !OPEN_HEADERS
        .iter()
        .any(|open| name.eq_ignore_ascii_case(open))
        && is_secret_parameter(name)
}

/// Whether the value of a parameter of a query is a secret.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    // The code of OAuth, and no `status_code`.
    is_secret_member(name)
        || name.trim().eq_ignore_ascii_case("code")
        || words(name).any(|word| WORDS.contains(&word.as_str()))
}

/// Whether the value of a member of a message is a secret. Words that are
/// common there, such as `key`, are left out.
pub(super) fn is_secret_member(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    PARTS.iter().any(|part| name.contains(part)) || proves(&name)
}

/// `auth`, `authorization`, `oauth2`; not `author`.
fn proves(name: &str) -> bool {
    name.match_indices("auth").any(|(at, _)| {
        let rest = &name[at + "auth".len()..];
        !rest.starts_with("or") || rest.starts_with("oriz") || rest.starts_with("oris")
    })
}

/// The words that a name is made of: `X-Api-Key`, `api_key` and `apiKey` have
/// the word `key`.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        let begins = !c.is_ascii_alphanumeric() || (after_lower && c.is_ascii_uppercase());
        if begins {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secret_headers() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie2",
            "X-Api-Key",
            "Ocp-Apim-Subscription-Key",
            "X-Auth-Token",
            "X-CSRF",
            "X-XSRF-TOKEN",
            "X-Session",
            "DPoP",
            " cookie ",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in [
            "Host",
            "Origin",
            "Author",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Protocol",
            "WWW-Authenticate",
            "Keep-Alive",
            "X-Monkey",
            "Access-Control-Allow-Credentials",
            "",
        ] {
            assert!(!is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn names_of_secret_parameters() {
        for name in [
            "token",
            "access_token",
            "accessToken",
            "ticket",
            "pass",
            "pwd",
            "userPwd",
            "otp",
            "sig",
            "key",
            "apiKey",
            "code",
            "sid",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Amz-Security-Token",
            "oauth2",
            "PHPSESSID",
            "pw",
            "user_pin",
            "tok",
            "appkey",
            "SAMLResponse",
            "client_assertion",
        ] {
            assert!(is_secret_parameter(name), "{name}");
        }
        for name in [
            "room",
            "author",
            "authors",
            "compass",
            "status_code",
            "signal",
            "design",
            "monkey",
            "inside",
            "spin",
            "ping",
            "stock",
            "",
        ] {
            assert!(!is_secret_parameter(name), "{name}");
        }
        assert!(!is_secret_member("key") && is_secret_member("api_key"));
    }
}
