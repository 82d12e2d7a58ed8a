//! URLs without what they hold of secrets, also where they are not valid.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::name::{is_secret_member, is_secret_parameter};
use super::path;
use super::word::REDACTED;

/// How deep URLs are looked for in the parameters of URLs.
const MAX_NESTED: usize = 4;

/// A URL without user name and password.
///
/// A password may hold what would end it (`/`, `?`, `#`), and the URL is then
/// not valid, or is another one than was meant. So all goes up to the last `@`
/// that a `:` stands in front of, unless the URL is a good one without it.
pub(super) fn without_userinfo(url: &str) -> Cow<'_, str> {
    let (scheme, rest) = url.split_at(authority_start(url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let userinfo_end = match rest[..end].rfind('@') {
        Some(at) => Some(at),
        None if rest.contains('#') || !is_good_authority(&rest[..end]) => {
            rest.rfind('@').filter(|at| rest[..*at].contains(':'))
        }
        None => None,
    };
    let Some(at) = userinfo_end else {
        return Cow::Borrowed(url);
    };
    // A password with a `#` ends the authority too early, and may hold another
    // `@` behind it.
    let at = match rest.find('#') {
        Some(hash) => rest[hash..].rfind('@').map_or(at, |more| hash + more),
        None => at,
    };
    let host = &rest[at + 1..];
    Cow::Owned(format!("{scheme}{host}"))
}

/// Behind `ws://`, `//`, and what browsers take for them: `http:/` and `\\\\`.
fn authority_start(url: &str) -> usize {
    let is_slash = |c: char| c == '/' || c == '\\';
    let scheme = match url.find(':') {
        Some(at)
            if url[..at]
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                && url[at + 1..].starts_with(is_slash) =>
        {
            at + 1
        }
        _ => 0,
    };
    let behind = &url[scheme..];
    let slashes = behind.len() - behind.trim_start_matches(is_slash).len();
    match (scheme, slashes) {
        // A path.
        (0, 1) => 0,
        _ => scheme + slashes.min(2),
    }
}

/// `host`, `host:1`, `[::1]:1`, or nothing at all.
fn is_good_authority(authority: &str) -> bool {
    let after_host = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((_, after)) => after,
            None => return false,
        },
        None => match authority.find(':') {
            Some(at) => &authority[at..],
            None => return true,
        },
    };
    match after_host.strip_prefix(':') {
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()),
        None => after_host.is_empty(),
    }
}

/// A text without the values of the secret parameters of its URLs and forms.
pub(super) fn without_secret_parameters(text: &str) -> Cow<'_, str> {
    without_secrets_at(text, 0)
}

fn without_secrets_at(text: &str, depth: usize) -> Cow<'_, str> {
    if equals_sign(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    // What was looked into as the end of a longer value is not looked into again.
    let mut seen_bytes = 0;
    while let Some((at, sign_bytes)) = equals_sign(rest) {
        let name_start = rest[..at].rfind(|c: char| !is_name(c)).map_or(0, |before| {
            before + rest[before..].chars().next().map_or(1, char::len_utf8)
        });
        let name = percent_decode_str(&rest[name_start..at]).decode_utf8_lossy();
        let before = match name_start {
            0 => shown.chars().next_back(),
            _ => rest[..name_start].chars().next_back(),
        };
        let secret = match before {
            Some('?' | '&' | ';') => is_secret_parameter(&name),
            _ => is_secret_member(&name),
        };
        let value = &rest[at + sign_bytes..];
        let end = value.find(ends_value).unwrap_or(value.len());
        shown.push_str(&rest[..at + sign_bytes]);
        let value_end = text.len() - value.len() + end;
        let is_new = value_end > seen_bytes;
        seen_bytes = value_end.max(seen_bytes);
        if (secret || (is_new && nests_secret(&value[..end], depth))) && end > 0 {
            shown.push_str(REDACTED);
            rest = &value[end..];
        } else {
            rest = value;
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Where the next equals sign is, also a percent-encoded one, and its length.
fn equals_sign(text: &str) -> Option<(usize, usize)> {
    text.char_indices().find_map(|(at, c)| match c {
        '=' => Some((at, 1)),
        '%' if text[at + 1..].starts_with("3D") || text[at + 1..].starts_with("3d") => {
            Some((at, 3))
        }
        _ => None,
    })
}

/// Whether a value is a URL that holds a secret, written out or percent-encoded:
/// `https://u:p@h/`, `ws%3A%2F%2Fh%2F%3Ftoken%3Dx`.
fn nests_secret(value: &str, depth: usize) -> bool {
    if depth == MAX_NESTED {
        return false;
    }
    let decoded = percent_decode_str(value).decode_utf8_lossy();
    if let Some((_, rest)) = decoded.split_once("://") {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if rest[..end].contains('@') {
            return true;
        }
    }
    decoded != value
        && (without_secrets_at(&decoded, depth + 1) != decoded || nests_secret(&decoded, depth + 1))
}

/// The secrets in the query of a resource or of a URL, and of those within it: as
/// written, and decoded.
pub(super) fn secrets_in(url: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    take_secrets(url, 0, &mut secrets);
    secrets
}

fn take_secrets(url: &str, depth: usize, secrets: &mut Vec<String>) {
    let (front, query) = url.split_once('?').unwrap_or((url, ""));
    secrets.extend(path::tokens(front).map(|(_, token)| token.to_owned()));
    if depth > 0 {
        secrets.extend(password(front));
    }
    let form = if depth > 0 && query.is_empty() {
        url
    } else {
        query
    };
    for pair in form.split(['&', ';', '#']) {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let decoded = percent_decode_str(value).decode_utf8_lossy();
        if is_secret_parameter(&percent_decode_str(name).decode_utf8_lossy()) {
            secrets.push(value.to_owned());
            secrets.push(decoded.clone().into_owned());
        }
        if depth < MAX_NESTED {
            take_secrets(&decoded, depth + 1, secrets);
        }
    }
}

/// The password of a URL, or the user name that stands alone, as written and decoded.
fn password(url: &str) -> Vec<String> {
    let Some((_, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let Some((userinfo, _)) = authority.rsplit_once('@') else {
        return Vec::new();
    };
    let secret = userinfo.split_once(':').map_or(userinfo, |(_, word)| word);
    let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    vec![secret.to_owned(), decoded]
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '%' | '[' | ']' | '$')
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | ';' | '#' | '"' | '\'' | '<' | '>' | ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_and_passwords_go_also_from_urls_that_are_not_valid() {
        for (url, shown) in [
            ("ws://h/x", "ws://h/x"),
            ("ws://u:p@h:1/x?a=@b", "ws://h:1/x?a=@b"),
            ("u:p@w@h/x", "h/x"),
            ("h:1/@x", "h:1/@x"),
            ("ws://h/x?a:b=c@d", "ws://h/x?a:b=c@d"),
            ("ws://[::1]:9/@x", "ws://[::1]:9/@x"),
            ("", ""),
            // The password holds what ends an authority.
            ("ws://user:SES#AME@127.0.0.1:9/", "ws://127.0.0.1:9/"),
            ("ws://user:S@S#A@h:9/", "ws://h:9/"),
            ("ws://user:SES/AME@h/", "ws://h/"),
            ("ws://user:SES?AME@h/", "ws://h/"),
            ("user:SES/AME@h/", "h/"),
            ("USER:PW@[::1/", "[::1/"),
            ("ws://USER:PW@[::1/", "ws://[::1/"),
            // As browsers read a Location.
            ("//u:SESAME@h:1/", "//h:1/"),
            ("http:/u:SESAME@h/", "http:/h/"),
            ("http://SESAME@h/", "http://h/"),
            (r"\\u:SESAME@h/", r"\\h/"),
            ("/chat/@x:1", "/chat/@x:1"),
            // The port is at fault, not a password; the text goes all the same.
            ("ws://h:70000x/?to=me@x", "ws://x"),
        ] {
            assert_eq!(without_userinfo(url), shown, "{url}");
        }
    }

    #[test]
    fn the_values_of_secret_parameters_go() {
        for (text, shown) in [
            ("ws://h/ws?", "ws://h/ws?"),
            (
                "ws://h/?Access_Token=x&b",
                "ws://h/?Access_Token=[redacted]&b",
            ),
            (
                "/?a=1&pass=x;pwd=y&c=2",
                "/?a=1&pass=[redacted];pwd=[redacted]&c=2",
            ),
            ("/?to%6ben=x", "/?to%6ben=[redacted]"),
            ("/?token=", "/?token="),
            ("/?token=a=b&c=d", "/?token=[redacted]&c=d"),
            ("/?a[token]=x", "/?a[token]=[redacted]"),
            ("key=a ?key=b", "key=a ?key=[redacted]"),
            ("token=a, é=b", "token=[redacted], é=b"),
            ("café?sig=a#b", "café?sig=[redacted]#b"),
            ("'/x?otp=1' failed", "'/x?otp=[redacted]' failed"),
            ("/?u=https://u:p@h/&b=1", "/?u=[redacted]&b=1"),
            ("/?u=ws%3A%2F%2Fh%2F%3Ftoken%3Dx&b=1", "/?u=[redacted]&b=1"),
            (
                "/?u=ws%3A%2F%2Fh%2F%3Froom%3Dx&b=1",
                "/?u=ws%3A%2F%2Fh%2F%3Froom%3Dx&b=1",
            ),
            (
                "/?u=ws%253A%252F%252Fh%252F%253Ftoken%253Dx&b=1",
                "/?u=[redacted]&b=1",
            ),
            (
                "/?u=%2Fa%3Fv%3D%252Fb%253Ftoken%253Dx&b=1",
                "/?u=[redacted]&b=1",
            ),
            ("/?token%3Dx&b=1", "/?token%3D[redacted]&b=1"),
            ("/?room%3Dx", "/?room%3Dx"),
        ] {
            assert_eq!(without_secret_parameters(text), shown, "{text}");
        }
    }
}
