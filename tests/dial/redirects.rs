//! Redirects: followed or not, and what they may see.

use wscli::connection::{OpenConfig, Redirects};
use wscli::internal::net::Credentials;
use wscli::internal::net::diagnose;
use wscli::internal::net::{Auth, Authorization};
use wscli::internal::{ExitStatus, status_of_open};

use crate::harness::{answer, config, connect, echo, serve, talk};

fn following(max: u32) -> OpenConfig {
    OpenConfig {
        redirects: Redirects::Follow { max },
        ..config()
    }
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Over there\r\nLocation: {location}\r\n\r\n")
}

#[tokio::test]
async fn every_kind_of_redirect_is_followed_to_an_http_address() {
    let server = echo().await;
    for status in [301, 302, 303, 307, 308] {
        let (first, requests) = serve(move |head| {
            let location = match head.starts_with("GET /a ") {
                true => "b?x=1#top".to_owned(),
                false => format!("http://{server}/ws"),
            };
            redirect(status, &location).into_bytes()
        })
        .await;
        let opened = talk(&format!("ws://{first}/a"), &following(5)).await;
        assert_eq!(opened.target.to_string(), format!("ws://{server}/ws"));
        assert_eq!(opened.redirects.len(), 2);
        assert_eq!(opened.redirects[0].to, format!("ws://{first}/b?x=1"));
        assert!(opened.reached.timings.redirects.is_some());
        assert!(
            requests.last().starts_with("GET /b?x=1 "),
            "{}",
            requests.last()
        );
    }
}

#[tokio::test]
async fn without_leave_the_location_is_told() {
    let (server, _) = answer(redirect(302, "/live")).await;
    let url = format!("ws://{server}/ws");
    let error = connect(&url, &config()).await.unwrap_err();
    assert_eq!(status_of_open(&error), ExitStatus::Rejected);
    let hint = diagnose::hint(&error, &url.parse().unwrap(), &config());
    assert_eq!(hint.as_deref(), Some("it redirects to /live; -L follows"));
}

#[tokio::test]
async fn no_credentials_for_another_port() {
    let (second, seen) = answer("HTTP/1.1 403 No\r\n\r\n").await;
    let (first, seen_first) = answer(redirect(307, &format!("http://{second}/x"))).await;
    let mut config = following(1);
    config.request.auth = Auth {
        authorization: Some(Authorization::Basic(Credentials {
            user: "u".into(),
            password: "p".into(),
        })),
        cookies: Some("a=1".into()),
        ..Auth::default()
    };
    config.request.edits = vec![
        "Cookie: b=2".parse().unwrap(),
        "Host: made-up".parse().unwrap(),
        "X-Kept: yes".parse().unwrap(),
    ];
    let url = format!("ws://in:url@{first}/");
    let error = connect(&url, &config).await.unwrap_err();
    let first_head = seen_first.last();
    assert!(
        first_head.contains("Authorization: Basic dTpw\r\n")
            && first_head.contains("Cookie: b=2\r\n"),
        "{first_head}"
    );
    let head = seen.last();
    for secret in ["Authorization", "Cookie", "made-up"] {
        assert!(!head.contains(secret), "{head}");
    }
    assert!(head.contains("X-Kept: yes\r\n"), "{head}");
    assert_eq!(
        error.to_string(),
        format!("after the redirect to ws://{second}/x: the server answered HTTP/1.1 403 No")
    );
    assert_eq!(status_of_open(&error), ExitStatus::Rejected);
}

#[tokio::test]
async fn circles_endless_trails_and_useless_addresses_end() {
    for (location, max, message) in [
        (
            "/",
            50,
            "the server redirects in a circle, back to ws://HOST/",
        ),
        (
            "/a",
            0,
            "stopped after 0 redirects, before the one to '/a'; --max-redirs raises the limit",
        ),
        (
            "mailto:a@b",
            50,
            "the server redirects to 'mailto:a@b', and a redirect can lead to http, https, ws or wss alone",
        ),
    ] {
        let (server, _) = answer(redirect(301, location)).await;
        let url = format!("ws://{server}/");
        let error = connect(&url, &following(max)).await.unwrap_err();
        let message = message.replace("HOST", &server.to_string());
        assert_eq!(error.to_string(), message);
        assert_eq!(status_of_open(&error), ExitStatus::Rejected);
    }
    // Each address is another one.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (server, requests) = serve(move |_| {
        let next = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        redirect(302, &format!("/{next}")).into_bytes()
    })
    .await;
    let error = connect(&format!("ws://{server}/"), &following(3)).await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("stopped after 3 redirects"),
    );
    assert_eq!(requests.all().len(), 4);
}
