//! Slow servers, and runs that are to be short.

use super::*;

const HOURS: Duration = Duration::from_secs(7200);

fn late(seconds: f64, reply: Reply) -> Reply {
    reply.after(Duration::from_secs_f64(seconds))
}

#[tokio::test(start_paused = true)]
async fn slow_is_not_refused() {
    for (strangers, verdict) in [
        // No check at all: a policy that is looked up takes its time.
        (late(3.2, open()), Verdict::NotEnforced),
        (late(20.0, open()), Verdict::NotEnforced),
        // A refusal all the same.
        (late(3.2, status(403)), Verdict::Enforced),
        (late(20.0, status(403)), Verdict::Enforced),
        // Nobody waits so long.
        (late(40.0, open()), Verdict::Inconclusive),
        (Reply::Hang, Verdict::Inconclusive),
    ] {
        let reply = strangers.clone();
        let report = probe(move |ask| {
            if is_client(ask) {
                open()
            } else {
                reply.clone()
            }
        })
        .await;
        assert_eq!(report.verdict, verdict, "{}", report.reason);
        // One of a kind waits for all the time; the others do not.
        assert!(report.took < Duration::from_secs(900), "{:?}", report.took);
    }
}

#[tokio::test(start_paused = true)]
async fn one_probe_of_each_group_is_waited_for() {
    let waited = Arc::new(std::sync::Mutex::new(0));
    let (seen, started) = (waited.clone(), Instant::now());
    let report = probe(move |ask| {
        if is_client(ask) {
            return open();
        }
        *seen.lock().unwrap() += 1;
        Reply::Hang
    })
    .await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
    assert!(
        report.reason.contains("--connect-timeout"),
        "{}",
        report.reason
    );
    let sent = report.probes.iter().filter(|p| p.same_as.is_none()).count();
    let more = *waited.lock().unwrap() - sent;
    assert_eq!(more, 3, "one more of each of three groups");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(240), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bypass_shows_through_timeouts() {
    // The allowed name and what begins like it; all others are kept waiting.
    let report = probe(|ask| {
        if ask.origin().is_some_and(|o| o.starts_with(CLIENT)) {
            open()
        } else {
            Reply::Hang
        }
    })
    .await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_run_bounds_the_waiting() {
    let mut config = config(&[CLIENT], &[]);
    config.max_time = Some(Duration::from_secs(12));
    config.handshake = HOURS;
    let server = Server::new(|ask| if is_client(ask) { open() } else { Reply::Hang });
    let report = probe_with(&config, server).await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
    assert!(report.took < Duration::from_secs(20), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn a_quick_run_ends_with_the_first_probe_that_counts() {
    let mut config = config(&[CLIENT], &[]);
    config.quick = true;
    let most = 2 * config.window + Duration::from_secs(1);
    let report = probe_with(&config, Server::new(|_| open().says("hello"))).await;
    assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
    assert!(report.took <= most, "{:?}", report.took);
    assert_eq!(report.handshakes, 2);
    // A server that lets in something else needs more, and no more than that.
    let begins = |ask: &Ask| ask.origin().is_some_and(|o| o.starts_with(CLIENT));
    let server = || Server::new(move |ask| if begins(ask) { open() } else { status(403) });
    let report = probe_with(&config, server()).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    assert!(report.took <= 2 * most, "{:?}", report.took);
    // What is accepted by the configuration ends nothing.
    let bypasses = ["suffix-dot", "suffix-glue", "suffix-hyphen"];
    config.policy.exceptions = bypasses
        .iter()
        .map(|probe| crate::origin::verdict::Exception {
            probe: (*probe).into(),
            origin: None,
            at_most: None,
            excepted: crate::origin::verdict::Excepted::Known,
        })
        .collect();
    let report = probe_with(&config, server()).await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    assert!(!report.reason.contains("suffix-dot"), "{}", report.reason);
    // And an enforcing server is judged in full.
    let strict = Server::new(|ask| if is_client(ask) { open() } else { status(403) });
    let report = probe_with(&config, strict).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn connections_that_chance_ends_are_not_refused() {
    // Every ninth handshake ends without an answer.
    for lucky in 0..9 {
        let report = probe(move |ask| {
            if ask.count > 12 && ask.count % 9 == lucky {
                return Reply::Drop;
            }
            if ask.origin() == Some("https://evilclient.com") || is_client(ask) {
                open()
            } else {
                status(403)
            }
        })
        .await;
        assert_ne!(
            report.verdict,
            Verdict::Enforced,
            "{lucky}: {}",
            report.reason
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_handshakes_is_as_foretold() {
    type Refusal = fn(&Ask) -> Reply;
    let kinds: [(&str, Refusal); 12] = [
        ("open", |_| open()),
        ("403", |_| status(403)),
        ("end of stream", |_| Reply::Drop),
        ("500", |_| status(500)),
        ("close", |_| open().closes(1008)),
        ("message", |_| open().says("{\"error\":\"no\"}")),
        ("other words", |_| open().says("welcome, guest")),
        ("masked", |_| open().breaks()),
        ("flood", |_| Reply::Flood),
        ("two", |ask| status(if ask.others < 2 { 403 } else { 503 })),
        ("one", |ask| status(if ask.others < 1 { 403 } else { 503 })),
        ("one, close", |ask| match ask.others {
            0 => open().closes(1008),
            _ => status(503),
        }),
    ];
    for concurrency in [8, 3, 1] {
        for (kind, refusal) in kinds {
            for credentials in [false, true] {
                let all = concurrency == 8 && !credentials;
                let ids: &[&str] = if all { &[] } else { &noise::IDS };
                let mut config = config(&[CLIENT], ids);
                config.concurrency = concurrency;
                if credentials {
                    config.anonymous = Some(config.open.clone());
                }
                let most = match kind {
                    "two" => 2,
                    "one" | "one, close" => 1,
                    _ => 99,
                };
                let server = Server::new(move |ask| match is_client(ask) {
                    true if ask.others >= most => status(503),
                    true => open(),
                    false => refusal(ask),
                });
                let foretold = config.forecast();
                let report = probe_with(&config, server).await;
                let made = report.handshakes as usize;
                let limit = match kind {
                    "open" | "403" => foretold.usual,
                    _ => foretold.most,
                };
                assert!(
                    (foretold.least..=limit).contains(&made),
                    "{kind}, {concurrency} at a time, {credentials}: {made} of {foretold:?}"
                );
            }
        }
    }
}
