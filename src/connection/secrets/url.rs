//! URLs without what they hold of secrets, also where they are not valid.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::name::{is_secret_member, is_secret_parameter};
use super::word::REDACTED;

/// A URL without user name and password.
///
/// A password may hold what would end it (`/`, `?`, `#`), and the URL is then
/// not valid, or is another one than was meant. So all goes up to the last `@`
/// that a `:` stands in front of, unless the URL is a good one without it.
pub(super) fn without_userinfo(url: &str) -> Cow<'_, str> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
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
    Cow::Owned(match scheme {
        Some(scheme) => format!("{scheme}://{host}"),
        None => host.to_owned(),
    })
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
    if !text.contains('=') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
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
        let value = &rest[at + 1..];
        let end = value.find(ends_value).unwrap_or(value.len());
        shown.push_str(&rest[..=at]);
        if secret && end > 0 {
            shown.push_str(REDACTED);
            rest = &value[end..];
        } else {
            rest = value;
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
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
        ] {
            assert_eq!(without_secret_parameters(text), shown, "{text}");
        }
    }
}
