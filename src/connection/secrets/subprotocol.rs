//! Tokens in the place of a subprotocol.

use super::name::is_secret_member;

/// So many letters and digits in a row are no word.
const MIN_TOKEN_BYTES: usize = 12;

/// What stands in front of a token, in the same part or in the one before. In any
/// case; none is the beginning of another.
const ANNOUNCERS: &[&str] = &[
    "access_token",
    "access-token",
    "accesstoken",
    "id_token",
    "token",
    "bearer",
    "authorization",
    "auth",
    "jwt",
    "ticket",
    "apikey",
    "api_key",
    "api-key",
    "x-api-key",
];

/// The parts of a list of subprotocols: what may be shown of each, and the
/// secret that follows it.
pub(super) fn parts(list: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut announced = false;
    list.split(',').map(str::trim).map(move |name| {
        // `bearer, token, VALUE`: a name, and no value that only contains one.
        let announces = ANNOUNCERS.iter().any(|one| name.eq_ignore_ascii_case(one));
        if std::mem::take(&mut announced) && !announces {
            return ("", Some(name).filter(|name| !name.is_empty()));
        }
        let found = split(name);
        announced = announces || (found.1.is_none() && is_secret_member(name));
        found
    })
}

/// Of `base64url.bearer.authorization.k8s.io.TOKEN` and `access_token.TOKEN`,
/// what stands behind the names; of anything else, all of it if it looks random.
fn split(name: &str) -> (&str, Option<&str>) {
    const K8S: &str = "base64url.bearer.authorization.k8s.io.";
    if let Some(token) = name.strip_prefix(K8S) {
        return (K8S, Some(token));
    }
    let bearer = name.to_ascii_lowercase().find("bearer.");
    if let Some(at) = bearer.map(|at| at + "bearer.".len()) {
        return (&name[..at], Some(&name[at..]));
    }
    if looks_random(name) {
        return ("", Some(name));
    }
    match announced_within(name) {
        Some(at) => (&name[..at], Some(&name[at..])),
        None => (name, None),
    }
}

/// Where the token begins in `access_token.TOKEN` or `auth-TOKEN`. A version or a
/// word behind a hyphen is none, as in `auth-v1` and `token-protocol`.
fn announced_within(name: &str) -> Option<usize> {
    let lower = name.to_ascii_lowercase();
    let after = ANNOUNCERS.iter().filter_map(|one| {
        let rest = lower.strip_prefix(one)?;
        let separator = rest.chars().next()?;
        let value = &name[one.len() + separator.len_utf8()..];
        let is_token = match separator {
            '.' | ':' | '=' => value.len() >= 4,
            '-' | '_' => value.len() >= 8 && value.bytes().any(|b| !b.is_ascii_lowercase()),
            _ => false,
        };
        is_token.then_some(one.len() + 1)
    });
    after.max()
}

fn looks_random(name: &str) -> bool {
    let random = |part: &str| {
        let digit = part.bytes().any(|b| b.is_ascii_digit());
        let upper = part.bytes().any(|b| b.is_ascii_uppercase());
        let lower = part.bytes().any(|b| b.is_ascii_lowercase());
        part.len() >= MIN_TOKEN_BYTES && (digit || (upper && lower))
    };
    name.len() >= 20 && name.split(['.', '-', '_']).any(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_subprotocols() {
        for (list, shown) in [
            ("a, b", "a|b"),
            ("graphql-transport-ws", "graphql-transport-ws"),
            ("wamp.2.msgpack.batched", "wamp.2.msgpack.batched"),
            ("v5.channel.k8s.io", "v5.channel.k8s.io"),
            ("bearer, SESAME", "bearer|*"),
            ("access_token, SESAME, chat", "access_token|*|chat"),
            (
                "base64url.bearer.authorization.k8s.io.U0VTQU1F, v4.channel.k8s.io",
                "base64url.bearer.authorization.k8s.io.*|v4.channel.k8s.io",
            ),
            ("Bearer.abc", "Bearer.*"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "*"),
            ("0123456789abcdef0123", "*"),
            ("6fa459ea-ee8a-3ca4-894e-db77e160355e", "*"),
            ("", ""),
        ] {
            let found: Vec<_> = parts(list)
                .map(|(kept, secret)| format!("{kept}{}", secret.map_or("", |_| "*")))
                .collect();
            assert_eq!(found.join("|"), shown, "{list}");
        }
    }
}
