//! Who the user is: what proves it, and to which server it is shown.
//!
//! One order decides which `Authorization` is sent: a `-H` header of that
//! name; then what the flags give; then user name and password in the URL;
//! then netrc, which also completes a URL that names a user alone.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::connection::http::cookies::CookieJar;
use crate::connection::http::netrc::Netrc;
use crate::connection::net::target::{Credentials, Target};

/// What is shown to servers to prove who the user is. `Debug` shows none of it.
#[derive(Clone, Default)]
pub struct Auth {
    /// For the first target's origin alone, in place of what its URL holds.
    pub authorization: Option<Authorization>,
    /// User names and passwords by host.
    pub netrc: Option<Netrc>,
    /// Cookies (`a=1; b=2`) for the first target's origin alone.
    pub cookies: Option<String>,
    /// Cookies with their domains and paths.
    pub jar: CookieJar,
}

/// What an `Authorization` header is made of.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorization {
    /// A user name and a password (RFC 7617).
    Basic(Credentials),
    /// A token (RFC 6750).
    Bearer(String),
}

impl Authorization {
    /// The header's value.
    pub fn value(&self) -> String {
        match self {
            Self::Basic(credentials) => basic(credentials),
            Self::Bearer(token) => format!("Bearer {token}"),
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic(_) => "Basic",
            Self::Bearer(_) => "Bearer",
        })
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("authorization", &self.authorization)
            .field("netrc", &self.netrc.is_some())
            .field("cookies", &self.cookies.is_some())
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// The headers that `target` is sent.
    pub fn headers(&self, target: &Target) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Some(value) = self.authorization_for(target) {
            headers.push(("Authorization", value));
        }
        let from_jar = self.jar.cookies_for(target);
        let cookies: Vec<_> = self.cookies.iter().chain(&from_jar).cloned().collect();
        if !cookies.is_empty() {
            headers.push(("Cookie", cookies.join("; ")));
        }
        headers
    }

    /// What another origin than the first target's may see: only what is kept
    /// by host.
    pub fn for_another_origin(&self) -> Self {
        Self {
            authorization: None,
            cookies: None,
            ..self.clone()
        }
    }

    fn authorization_for(&self, target: &Target) -> Option<String> {
        if let Some(authorization) = &self.authorization {
            return Some(authorization.value());
        }
        let in_url = target.credentials.as_ref();
        if let Some(credentials) = in_url.filter(|c| !c.password.is_empty()) {
            return Some(basic(credentials));
        }
        let netrc = self.netrc.as_ref();
        let user = in_url.map(|credentials| credentials.user.as_str());
        let kept = netrc.and_then(|netrc| netrc.find(&target.host_name(), user));
        kept.as_ref().or(in_url).map(basic)
    }
}

/// A user name and a password as `Authorization` and `Proxy-Authorization`
/// carry them (RFC 7617).
pub(crate) fn basic(credentials: &Credentials) -> String {
    let pair = format!("{}:{}", credentials.user, credentials.password);
    format!("Basic {}", STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.into(),
            password: password.into(),
        }
    }

    fn sent(auth: &Auth, url: &str) -> String {
        let headers = auth.headers(&url.parse().unwrap());
        let lines: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        lines.join(" | ")
    }

    #[test]
    fn flags_go_before_the_url_and_the_url_before_netrc() {
        let netrc = Netrc::parse("machine h login n password np machine i login x password xp");
        let flag = Auth {
            authorization: Some(Authorization::Bearer("tok".into())),
            netrc: Some(netrc.clone()),
            ..Auth::default()
        };
        let file = Auth {
            netrc: Some(netrc),
            ..Auth::default()
        };
        let basic = |user: &str, password: &str| {
            format!("Authorization: {}", basic(&credentials(user, password)))
        };
        for (auth, url, expected) in [
            (&flag, "ws://u:p@h", "Authorization: Bearer tok".to_owned()),
            (&file, "ws://u:p@h", basic("u", "p")),
            (&file, "ws://h", basic("n", "np")),
            (&file, "ws://n@h", basic("n", "np")),
            (&file, "ws://other@h", basic("other", "")),
            (&file, "ws://unknown", String::new()),
            (&Auth::default(), "ws://u@h", basic("u", "")),
        ] {
            assert_eq!(sent(auth, url), expected, "{url}");
        }
    }

    #[test]
    fn another_origin_sees_only_what_is_kept_for_it() {
        let auth = Auth {
            authorization: Some(Authorization::Basic(credentials("u", "p"))),
            netrc: Some(Netrc::parse("machine other login o password op")),
            cookies: Some("a=1".into()),
            jar: CookieJar::parse("other\tFALSE\t/\tFALSE\t0\tj\t2", 0).unwrap(),
        };
        assert_eq!(
            sent(&auth, "ws://other"),
            "Authorization: Basic dTpw | Cookie: a=1; j=2"
        );
        let auth = auth.for_another_origin();
        assert_eq!(
            sent(&auth, "ws://other"),
            "Authorization: Basic bzpvcA== | Cookie: j=2"
        );
        assert!(!format!("{auth:?}").contains("op"));
    }
}
