//! What keeps a page out besides the check of its origin: secrets, cookies that
//! stay on their site, and a socket that is for no page at all.

use super::*;
use crate::origin::rating::SameSite;
use crate::origin::secret::Secret;
use crate::origin::verdict::{Excepted, Exception};

fn with_secret(ids: &[&str]) -> RunConfig {
    let mut config = config(&[CLIENT], ids);
    config.secrets = vec![Secret::Parameter("token".into())];
    config
}

fn severities(report: &Report) -> Vec<(&'static str, &'static str)> {
    let findings = report.findings.iter();
    findings.map(|f| (f.probe, f.severity.name())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_the_secret_is_guarded() {
    let refusals: [fn() -> Reply; 4] = [
        || status(401),
        || Reply::Drop,
        || open().closes(4401),
        || open().says("{\"error\":\"invalid token\"}"),
    ];
    for (index, refusal) in refusals.into_iter().enumerate() {
        let server = Server::new(move |ask| {
            if ask.resource.contains("token=s3cret") {
                open().says("welcome")
            } else {
                refusal()
            }
        });
        let report = probe_with(&with_secret(&[]), server).await;
        assert_eq!(
            report.verdict,
            Verdict::Guarded,
            "{index}: {}",
            report.reason
        );
        let foreign = report.findings.iter().find(|f| f.probe == "foreign");
        let foreign = foreign.unwrap();
        assert_eq!(foreign.severity.name(), "info");
        assert!(
            foreign.message.contains("guarded by a secret"),
            "{}",
            foreign.message
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_nobody_asks_for_guards_nothing() {
    let report = probe_with(&with_secret(&[]), Server::new(|_| open())).await;
    assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
    // Asked for by one way in, and not by another.
    let server = Server::new(|ask| {
        let asked = ask.resource.contains("token=s3cret");
        let loose = ask.origin().is_some_and(|o| o.contains("localhost"));
        if asked || loose { open() } else { status(403) }
    });
    let report = probe_with(&with_secret(&[]), server).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    assert!(report.reason.contains("loop-prefix"), "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_any_value_guards_nothing() {
    let server = Server::new(|ask| {
        if ask.resource.contains("token=") {
            open()
        } else {
            status(401)
        }
    });
    let report = probe_with(&with_secret(&[]), server).await;
    assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
    assert!(report.reason.contains("wrong secret"), "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn who_is_greeted_otherwise_without_the_secret_is_not_refused() {
    // Guests are let in, and greeted as such: nothing is guarded by that.
    let server = Server::new(|ask| {
        let known = ask.resource.contains("token=");
        open().says(if known {
            "welcome ann"
        } else {
            "welcome guest"
        })
    });
    let report = probe_with(&with_secret(&["foreign"]), server).await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
    assert!(report.reason.contains("--reject-text"), "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_not_taken_for_a_question_for_the_secret() {
    // Without the token the answer is "later" now and then, and yes in the end.
    let server = Server::new(|ask| {
        if !ask.resource.contains("token=") && ask.count % 2 == 0 {
            return Reply::Status(429, "Retry-After: 1\r\n");
        }
        open()
    });
    let report = probe_with(&with_secret(&["foreign"]), server).await;
    assert_ne!(report.verdict, Verdict::Guarded, "{}", report.reason);
    assert_ne!(report.verdict, Verdict::Enforced, "{}", report.reason);
}

/// A run with a cookie.
fn with_cookie(ids: &[&str], samesite: SameSite) -> RunConfig {
    let mut config = config(&[CLIENT], ids);
    config.anonymous = Some(config.open.clone());
    let cookie = HeaderEdit::set("Cookie", "sid=1234").unwrap();
    config.open.request.edits.push(cookie);
    config.policy.cookies = true;
    config.policy.samesite = samesite;
    config
}

#[tokio::test(start_paused = true)]
async fn cookies_of_the_same_site_do_not_go_along_from_others() {
    let asks_for_cookies = || Server::new(|ask| if ask.cookie { open() } else { status(401) });
    let ids = ["foreign", "suffix-dot", "subdomain"];
    for (samesite, verdict, severities_wanted) in [
        (
            SameSite::None,
            Verdict::NotEnforced,
            ["critical", "high", "medium"],
        ),
        (
            SameSite::Lax,
            Verdict::Guarded,
            ["medium", "medium", "high"],
        ),
        (
            SameSite::Strict,
            Verdict::Guarded,
            ["medium", "medium", "high"],
        ),
    ] {
        let report = probe_with(&with_cookie(&ids, samesite), asks_for_cookies()).await;
        assert_eq!(report.verdict, verdict, "{samesite:?}: {}", report.reason);
        for (id, severity) in ids.iter().zip(severities_wanted) {
            assert!(
                severities(&report).contains(&(*id, severity)),
                "{samesite:?} {id}: {:?}",
                severities(&report)
            );
        }
        let told = |id: &str| {
            let finding = report.findings.iter().find(|f| f.probe == id).unwrap();
            finding.message.clone()
        };
        assert!(told("foreign").contains("needs SameSite=None cookies"));
        assert!(told("subdomain").contains("Lax and Strict cookies go along"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_works_without_cookies_is_open_whatever_their_attribute() {
    let report = probe_with(
        &with_cookie(&["foreign"], SameSite::Strict),
        Server::new(|_| open()),
    )
    .await;
    assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
    let message = &report.findings[0].message;
    assert!(message.contains("works without cookies"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_socket_for_no_page_lets_in_requests_without_an_origin_alone() {
    let for_nobody = || config_for(Allowed::Nobody, &[]);
    let strict = Server::new(|ask| match ask.origin() {
        None => open(),
        Some(_) => status(403),
    });
    let report = probe_with(&for_nobody(), strict).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let loose = Server::new(|_| open());
    let report = probe_with(&for_nobody(), loose).await;
    assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
    // Its own pages are let in, and no others.
    let own = Server::new(|ask| match ask.origin() {
        None | Some("http://127.0.0.1:9000") => open(),
        Some(_) => status(403),
    });
    let report = probe_with(&for_nobody(), own).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
    assert!(
        severities(&report).contains(&("self", "medium")),
        "{:?}",
        severities(&report)
    );
    // The baseline has no origin, and must be let in.
    let closed = Server::new(|ask| match ask.origin() {
        None => status(403),
        Some(_) => open(),
    });
    let report = probe_with(&for_nobody(), closed).await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn what_gets_in_without_credentials_is_accepted_where_the_baseline_has_it() {
    let server = || {
        Server::new(|ask| match ask.cookie && !is_client(ask) {
            true => status(403),
            false => open(),
        })
    };
    let mut config = with_cookie(&["foreign"], SameSite::None);
    let report = probe_with(&config, server()).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    config.policy.exceptions = vec![Exception {
        probe: "foreign".into(),
        origin: None,
        at_most: None,
        excepted: Excepted::Known,
    }];
    let report = probe_with(&config, server()).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn accepted_findings_are_dropped_before_the_verdict() {
    let policy = |ask: &Ask| match ask.origin() {
        Some("null" | CLIENT) => open(),
        _ => status(403),
    };
    let mut config = config(&[CLIENT], &[]);
    let report = probe_with(&config, Server::new(policy)).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    config.policy.exceptions = vec![Exception {
        probe: "null".into(),
        origin: None,
        at_most: None,
        excepted: Excepted::Reason("the kiosk is a sandboxed frame".into()),
    }];
    let report = probe_with(&config, Server::new(policy)).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
    assert!(report.reason.contains("accepts 1"), "{}", report.reason);
    // What is let in besides counts all the same.
    let report = probe_with(&config, Server::new(|_| open())).await;
    assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_probe_that_a_page_can_send_is_inconclusive() {
    for ids in [&["self"][..], &["absent"], &["host-rebind", "subdomain"]] {
        let report = probe_with(&config(&[CLIENT], ids), Server::new(|_| open())).await;
        assert_eq!(report.verdict, Verdict::Inconclusive, "{ids:?}");
        assert!(
            report.reason.contains("no probe that a web page can send"),
            "{}",
            report.reason
        );
    }
    let strict = Server::new(|ask| if is_client(ask) { open() } else { status(403) });
    let report = probe_with(&config(&[CLIENT], &["null", "suffix-dot"]), strict).await;
    assert!(
        report.reason.contains("foreign was not sent"),
        "{}",
        report.reason
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_reserved_name_is_compared_with_what_precedes_it() {
    const INTERNAL: &str = "https://app.corp.internal";
    let judge = |check: fn(&str) -> bool| async move {
        let server = Server::new(move |ask| match ask.origin() {
            Some(origin) if check(origin) => open(),
            _ => status(403),
        });
        Box::pin(probe_with(&config(&[INTERNAL], &[]), server)).await
    };
    // endsWith without a dot: the same code will let in evilclient.com.
    let report = judge(|o| o.ends_with("app.corp.internal")).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    assert!(report.reason.contains("prefix-glue"), "{}", report.reason);
    // All names of the owner's are let in on purpose.
    let report = judge(|o| o.ends_with(".corp.internal")).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
    let report = judge(|o| o == INTERNAL || o.ends_with(".app.corp.internal")).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
}
