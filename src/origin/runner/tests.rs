//! Hand-written servers in memory, on a paused clock.

mod guards;
mod later;
mod model;
mod noise;
mod server;
mod slow;
mod still_open;

use std::time::Duration;

use tokio::time::Instant;

use self::server::{Ask, Reply, Server, open, status};
use super::*;
use crate::connection::http::HeaderEdit;
use crate::connection::{Message, Target};
use crate::origin::WebOrigin;
use crate::origin::catalogue::Site;
use crate::origin::plan::{AbsentPolicy, PlanConfig, plan};
use crate::origin::verdict::{Report, Verdict, report};

const CLIENT: &str = "https://client.com";

fn config(allowed: &[&str], ids: &[&str]) -> RunConfig {
    let allowed: Vec<WebOrigin> = allowed.iter().map(|text| text.parse().unwrap()).collect();
    config_for(allowed.into(), ids)
}

fn config_for(allowed: Allowed, ids: &[&str]) -> RunConfig {
    let target: Target = "ws://127.0.0.1:9000/ws".parse().unwrap();
    let plan = plan(&PlanConfig {
        allowed: allowed.clone(),
        denied: Vec::new(),
        site: Site::of(&target),
        attacker: "cswsh-probe.example".into(),
        exotic: false,
        only: ids.iter().map(ToString::to_string).collect(),
        skip: Vec::new(),
        absent: AbsentPolicy::Any,
    });
    RunConfig::new(allowed, plan)
}

async fn probe_with(config: &RunConfig, server: Server) -> Report {
    let result = Box::pin(run(&server, config, &|_| {})).await;
    report(
        "ws://127.0.0.1:9000/ws".into(),
        "/ws",
        &config.plan,
        result,
        &config.policy,
    )
}

async fn probe(policy: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Report {
    probe_with(&config(&[CLIENT], &[]), Server::new(policy)).await
}

fn accepted(report: &Report) -> Vec<&'static str> {
    let taken = report
        .probes
        .iter()
        .filter(|probe| probe.judged.accepted == Some(true));
    taken.map(|probe| probe.rule.id).collect()
}

fn is_client(ask: &Ask) -> bool {
    ask.origin() == Some(CLIENT)
}

#[tokio::test(start_paused = true)]
async fn refusals_of_every_kind_are_refusals() {
    let refusals: [fn() -> Reply; 12] = [
        || status(401),
        || status(403),
        || status(404),
        || status(400),
        || status(302),
        || status(200),
        || status(426),
        || status(500),
        || Reply::Drop,
        || Reply::Bad101,
        || open().closes(1008),
        || open().says("{\"error\":\"origin not allowed\"}"),
    ];
    for (index, refusal) in refusals.into_iter().enumerate() {
        let report = probe(move |ask| if is_client(ask) { open() } else { refusal() }).await;
        assert_eq!(
            report.verdict,
            Verdict::Enforced,
            "{index}: {}",
            report.reason
        );
        assert_eq!(accepted(&report), [""; 0], "{index}");
        let undecided = report
            .probes
            .iter()
            .find(|probe| probe.judged.accepted.is_none());
        assert!(undecided.is_none(), "{index}: {undecided:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_refusal_where_an_answer_is_due() {
    let mut config = config(&[CLIENT], &[]);
    config.talk.message = Some(Message::text("hi"));
    let server = || {
        Server::new(|ask| {
            if is_client(ask) {
                open().echoes()
            } else {
                open()
            }
        })
    };
    assert_eq!(
        probe_with(&config, server()).await.verdict,
        Verdict::Enforced
    );
    config.talk.expect = "hi".parse().ok();
    assert_eq!(
        probe_with(&config, server()).await.verdict,
        Verdict::Enforced
    );
    let all = Server::new(|_| open().echoes());
    assert_eq!(probe_with(&config, all).await.verdict, Verdict::NotEnforced);
    config.talk.expect = "never".parse().ok();
    let report = probe_with(&config, server()).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.reason.contains("the expected message did not come"),
        "{}",
        report.reason
    );
}

#[tokio::test(start_paused = true)]
async fn the_usual_bugs_are_told_by_their_probes() {
    type Check = fn(&str) -> bool;
    let cases: [(Check, Verdict, &[&str]); 7] = [
        (
            |_| true,
            Verdict::NotEnforced,
            &["foreign", "null", "subdomain"],
        ),
        (
            |o| o.starts_with(CLIENT),
            Verdict::Bypassable,
            &["suffix-dot", "suffix-glue"],
        ),
        (
            |o| o.ends_with("client.com"),
            Verdict::Bypassable,
            &["prefix-glue-reg", "subdomain"],
        ),
        (
            |o| o.contains("client.com"),
            Verdict::Bypassable,
            &["contains-mid", "suffix-dot"],
        ),
        (
            |o| o == CLIENT || o == "null",
            Verdict::Bypassable,
            &["null"],
        ),
        (
            |o| o.contains("//localhost") || o == CLIENT,
            Verdict::Bypassable,
            &["loop-prefix", "loop-localhost"],
        ),
        (
            |o| o == CLIENT || o == "http://client.com",
            Verdict::Enforced,
            &["scheme-swap"],
        ),
    ];
    for (index, (check, verdict, ids)) in cases.into_iter().enumerate() {
        let report = probe(move |ask| {
            if ask.origin().is_some_and(check) {
                open()
            } else {
                status(403)
            }
        })
        .await;
        assert_eq!(report.verdict, verdict, "{index}: {}", report.reason);
        let accepted = accepted(&report);
        assert!(
            ids.iter().all(|id| accepted.contains(id)),
            "{index}: {accepted:?}"
        );
        assert_eq!(report.findings.is_empty(), accepted.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_everybody_is_judged_by_the_difference() {
    assert_eq!(
        probe(|_| open().closes(1000)).await.verdict,
        Verdict::NotEnforced
    );
    let differs = probe(|ask| open().closes(if is_client(ask) { 1000 } else { 1008 })).await;
    assert_eq!(differs.verdict, Verdict::Enforced);
    // Everybody is turned away: a token is missing, and nothing can be told.
    let report = probe(|_| open().closes(4401)).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.notes.iter().any(|note| note.contains("4401")),
        "{:?}",
        report.notes
    );
    let report = probe(|ask| {
        if is_client(ask) {
            open().closes(4401)
        } else {
            status(403)
        }
    })
    .await;
    assert_eq!(report.verdict, Verdict::Enforced);
}

#[tokio::test(start_paused = true)]
async fn without_a_baseline_nothing_is_said() {
    for (reply, reason) in [
        (status(403), "HTTP/1.1 403"),
        (status(401), "credentials are missing"),
        (status(200), "is the path right"),
        (Reply::Hang, "no answer"),
        (Reply::Bad101, "Sec-WebSocket-Accept"),
        (Reply::Drop, "closed the connection"),
        (Reply::Garbage, "not HTTP"),
        (Reply::HugeHead, "over 65536 bytes"),
        (Reply::Flood, "no more was read"),
    ] {
        let report = probe(move |_| reply.clone()).await;
        assert_eq!(report.verdict, Verdict::Inconclusive, "{reason}");
        assert!(
            report.reason.contains(reason),
            "{reason}: {}",
            report.reason
        );
        assert!(report.unreachable.is_none());
        assert!(report.probes.iter().all(|probe| probe.judged.attempts == 0));
    }
    let report = probe(|_| Reply::NoConnection).await;
    assert!(report.unreachable.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_waited_for_and_not_taken_for_a_refusal() {
    // Twelve requests in ten seconds; three ways of saying no to more.
    let answers: [fn() -> Reply; 3] = [
        || Reply::Status(429, "Retry-After: 4\r\n"),
        || status(503),
        || open().closes(1013),
    ];
    for (index, over) in answers.into_iter().enumerate() {
        let times = std::sync::Mutex::new(Vec::<Instant>::new());
        let report = probe(move |ask| {
            let mut times = times.lock().unwrap();
            times.retain(|time| ask.at.duration_since(*time) < Duration::from_secs(10));
            if times.len() >= 12 {
                return over();
            }
            times.push(ask.at);
            if ask.origin().is_some_and(|o| o.starts_with(CLIENT)) {
                open()
            } else {
                status(403)
            }
        })
        .await;
        assert_eq!(
            report.verdict,
            Verdict::Bypassable,
            "{index}: {}",
            report.reason
        );
        let accepted = accepted(&report);
        assert!(
            accepted.contains(&"suffix-dot") && !accepted.contains(&"foreign"),
            "{accepted:?}"
        );
        assert!(report.took < Duration::from_secs(600), "{:?}", report.took);
    }
}

#[tokio::test(start_paused = true)]
async fn one_connection_at_a_time_is_probed_one_by_one() {
    let report = probe(|ask| match ask.others {
        0 if is_client(ask) => open(),
        0 => status(403),
        _ => status(503),
    })
    .await;
    assert_eq!((report.verdict, report.width), (Verdict::Enforced, 1));
    let several = probe(|ask| if is_client(ask) { open() } else { status(403) }).await;
    assert_eq!(several.width, 8);
}

#[tokio::test(start_paused = true)]
async fn a_changed_baseline_makes_what_came_since_inconclusive() {
    // After ten requests the client is banned, for ever, with a 403.
    let report = probe(|ask| {
        if ask.count <= 10 && is_client(ask) {
            open()
        } else {
            status(403)
        }
    })
    .await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
    assert!(
        report.reason.contains("accepted at first"),
        "{}",
        report.reason
    );
    assert_eq!(accepted(&report), [""; 0]);
    assert!(
        report
            .probes
            .iter()
            .any(|probe| probe.judged.accepted.is_none())
    );
}

#[tokio::test(start_paused = true)]
async fn the_death_of_the_target_is_a_verdict_of_its_own() {
    let dead = std::sync::atomic::AtomicBool::new(false);
    let report = probe(move |ask| {
        use std::sync::atomic::Ordering::Relaxed;
        if dead.load(Relaxed) {
            return Reply::NoConnection;
        }
        if ask.origin() == Some("null") {
            dead.store(true, Relaxed);
            return Reply::Drop;
        }
        if is_client(ask) { open() } else { status(403) }
    })
    .await;
    assert_eq!(report.verdict, Verdict::TargetDied);
    assert!(report.reason.contains("after null"), "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_started_again_died_all_the_same() {
    let back_at = std::sync::Mutex::new(None::<Instant>);
    let report = probe(move |ask| {
        let mut back_at = back_at.lock().unwrap();
        if back_at.is_some_and(|back_at| ask.at < back_at) {
            return Reply::NoConnection;
        }
        if ask.origin() == Some("null") {
            *back_at = Some(ask.at + Duration::from_secs(2));
            return Reply::Drop;
        }
        if is_client(ask) { open() } else { status(403) }
    })
    .await;
    assert_eq!(report.verdict, Verdict::TargetDied, "{}", report.reason);
    assert!(report.reason.contains("after null"), "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_without_credentials_alone_is_one_level_lower() {
    let mut config = config(&[CLIENT], &["foreign", "suffix-dot", "subdomain"]);
    config.anonymous = Some(config.open.clone());
    config
        .open
        .request
        .edits
        .push(HeaderEdit::set("Cookie", "sid=1234").unwrap());
    let server = Server::new(|ask| {
        if ask.cookie && !is_client(ask) {
            status(403)
        } else {
            open()
        }
    });
    let report = probe_with(&config, server).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    assert!(
        report.reason.contains("without the credentials"),
        "{}",
        report.reason
    );
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.probe, f.severity.name()))
        .collect();
    assert_eq!(
        findings,
        [
            ("foreign", "high"),
            ("suffix-dot", "medium"),
            ("subdomain", "low")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_allowed_origin_must_be_let_in() {
    let allowed = [CLIENT, "https://app.client.org"];
    let report = probe_with(
        &config(&allowed, &[]),
        Server::new(|ask| if is_client(ask) { open() } else { status(403) }),
    )
    .await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.reason.contains("app.client.org"),
        "{}",
        report.reason
    );
    let both = Server::new(move |ask| match ask.origin() {
        Some(origin) if allowed.contains(&origin) || origin.starts_with(allowed[1]) => open(),
        _ => status(403),
    });
    let report = probe_with(&config(&allowed, &[]), both).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn chatter_is_no_refusal() {
    let names = ["amber", "birch", "cedar", "dune"];
    let report = probe(move |ask| {
        open().says(&format!(
            "hello {}, you are number {}",
            names[ask.count % 4],
            ask.count
        ))
    })
    .await;
    assert_eq!(report.verdict, Verdict::NotEnforced);
    assert!(
        report
            .probes
            .iter()
            .all(|probe| probe.judged.accepted == Some(true))
    );
}

#[tokio::test(start_paused = true)]
async fn the_whole_run_has_a_limit() {
    let mut config = config(&[CLIENT], &[]);
    config.max_time = Some(Duration::from_secs(5));
    let server = Server::new(|ask| if is_client(ask) { open() } else { Reply::Hang });
    let report = probe_with(&config, server).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.reason.contains("--max-time"), "{}", report.reason);
    assert!(report.took < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn no_probe_is_sent_that_is_not_in_the_plan() {
    let config = config(&[CLIENT], &["foreign", "host-rebind", "absent"]);
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    let server = Server::new(move |ask| {
        seen.lock()
            .unwrap()
            .push((ask.origins.clone(), ask.host.clone()));
        if is_client(ask) { open() } else { status(403) }
    });
    probe_with(&config, server).await;
    let mut asked = asked.lock().unwrap().clone();
    asked.retain(|(origins, _)| origins.as_slice() != [CLIENT]);
    asked.sort();
    let rebind = "rebind.cswsh-probe.example:9000";
    assert_eq!(
        asked,
        [
            (vec![], "127.0.0.1:9000".to_owned()),
            (vec![format!("http://{rebind}")], rebind.to_owned()),
            (
                vec!["https://cswsh-probe.example".to_owned()],
                "127.0.0.1:9000".to_owned()
            ),
        ]
    );
}
