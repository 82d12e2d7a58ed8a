//! Cookie-jar files in the Netscape format, which browsers' extensions, curl
//! and wget write, and which of their cookies a target is sent.
//!
//! Cookies are only sent: what a server sets is not kept.

use std::fmt;

use thiserror::Error;

use crate::connection::net::target::Target;

/// The cookies of a jar. `Debug` shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CookieJar(Vec<Cookie>);

#[derive(Clone, PartialEq, Eq)]
struct Cookie {
    /// Lower case, without a dot in front.
    domain: String,
    subdomains: bool,
    path: String,
    secure: bool,
    name: String,
    value: String,
}

/// A line that is no cookie. The message does not show it: it may hold one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "line {0} is no cookie in the Netscape format: seven fields with a tab between them (domain, subdomains, path, secure, expiry, name, value)"
)]
pub struct CookieJarError(
    /// The line's number, from 1.
    pub usize,
);

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieJar({} cookies)", self.0.len())
    }
}

impl CookieJar {
    /// Reads a file's text. Cookies that have expired by `now_unix_seconds`
    /// are left out.
    ///
    /// # Errors
    /// The first line that is no cookie.
    pub fn parse(text: &str, now_unix_seconds: i64) -> Result<Self, CookieJarError> {
        let mut cookies = Vec::new();
        for (index, line) in text.lines().enumerate() {
            // curl marks cookies that scripts cannot see by this prefix; all
            // other lines that start so are comments.
            let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (cookie, expiry) = parse_line(line).ok_or(CookieJarError(index + 1))?;
            // 0 stands for the end of the session.
            if expiry == 0 || expiry > now_unix_seconds {
                cookies.push(cookie);
            }
        }
        // RFC 6265 §5.4: "Cookies with longer paths are listed before cookies
        // with shorter paths".
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        Ok(Self(cookies))
    }

    /// The cookies of both jars.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0
            .sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
    }

    /// What `target` is sent, as the value of a `Cookie` header.
    pub fn cookies_for(&self, target: &Target) -> Option<String> {
        let host = target.host_name().to_ascii_lowercase();
        let path = target.resource.wire().split('?').next().unwrap_or_default();
        let pairs: Vec<_> = self
            .0
            .iter()
            .filter(|cookie| cookie.fits(&host, path, target.secure))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn fits(&self, host: &str, path: &str, secure: bool) -> bool {
        let domain = host == self.domain
            || (self.subdomains
                && host
                    .strip_suffix(self.domain.as_str())
                    .is_some_and(|before| before.ends_with('.')));
        domain && path_fits(&self.path, path) && (secure || !self.secure)
    }
}

/// RFC 6265 §5.1.4.
fn path_fits(cookie_path: &str, path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/'))
}

fn parse_line(line: &str) -> Option<(Cookie, i64)> {
    let fields: Vec<_> = line.splitn(7, '\t').collect();
    // An empty value often loses its tab to an editor.
    let (fields, value) = match fields.as_slice() {
        [fields @ .., value] if fields.len() == 6 => (fields, *value),
        fields if fields.len() == 6 => (fields, ""),
        _ => return None,
    };
    let [domain, subdomains, path, secure, expiry, name] = fields else {
        return None;
    };
    let flag = |text: &str| match text.to_ascii_uppercase().as_str() {
        "TRUE" => Some(true),
        "FALSE" => Some(false),
        _ => None,
    };
    let breaks = |text: &str| text.contains(['\r', '\n', '\0', ';']);
    if name.is_empty() || breaks(name) || breaks(value) {
        return None;
    }
    let cookie = Cookie {
        domain: domain.trim_start_matches('.').to_ascii_lowercase(),
        subdomains: flag(subdomains)?,
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        secure: flag(secure)?,
        name: (*name).to_owned(),
        value: value.to_owned(),
    };
    // Some browsers write fractions of a second.
    let expiry = expiry.split('.').next()?.parse().ok()?;
    Some((cookie, expiry))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAR: &str = "# Netscape HTTP Cookie File\n\n\
        .example.com\tTRUE\t/\tFALSE\t0\tall\t1\n\
        example.com\tFALSE\t/\tFALSE\t9999\thost\t2\n\
        #HttpOnly_example.com\tFALSE\t/\tTRUE\t9999.5\tsecure\t3\n\
        example.com\tFALSE\t/api\tFALSE\t0\tapi\t4\n\
        example.com\tFALSE\t/\tFALSE\t100\texpired\t5\n\
        example.com\tFALSE\t/dir/\tFALSE\t0\tempty\n\
        127.0.0.1\tFALSE\t/\tFALSE\t0\tip\t6\n";

    #[test]
    fn domain_path_and_scheme_choose() {
        let jar = CookieJar::parse(JAR, 100).unwrap();
        for (url, expected) in [
            ("ws://example.com", Some("all=1; host=2")),
            ("wss://Example.com/x", Some("all=1; host=2; secure=3")),
            ("ws://example.com/api?q", Some("api=4; all=1; host=2")),
            ("ws://example.com/api/x", Some("api=4; all=1; host=2")),
            ("ws://example.com/apix", Some("all=1; host=2")),
            ("ws://example.com/dir/x", Some("empty=; all=1; host=2")),
            ("ws://example.com/dir", Some("all=1; host=2")),
            ("ws://a.example.com", Some("all=1")),
            ("ws://notexample.com", None),
            ("ws://127.0.0.1:8080", Some("ip=6")),
        ] {
            let found = jar.cookies_for(&url.parse().unwrap());
            assert_eq!(found.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_bad_line_is_named_but_not_shown() {
        for (text, line) in [
            ("example.com secret", 1),
            ("# c\nh\tTRUE\t/\tMAYBE\t0\tn\tsecret", 2),
            ("h\tTRUE\t/\tTRUE\tsoon\tn\tsecret", 1),
            ("h\tTRUE\t/\tTRUE\t0\t\tsecret", 1),
        ] {
            let error = CookieJar::parse(text, 0).unwrap_err();
            assert_eq!(error, CookieJarError(line));
            assert!(!error.to_string().contains("secret"));
        }
        let jar = CookieJar::parse("h\tTRUE\t/\tTRUE\t0\tn\tsecret", 0).unwrap();
        assert!(!format!("{jar:?}").contains("secret"));
    }
}
