//! Strangers who are told to come back later, by a server that lets the allowed
//! origin in all the while.

use super::*;

/// Ways of saying so.
fn ways() -> Vec<Reply> {
    let mut ways: Vec<_> = [429, 502, 503, 504].map(status).into();
    ways.extend([429, 503].map(|code| Reply::Status(code, "Retry-After: 15\r\n")));
    ways.extend([1012, 1013, 1014].map(|code| open().closes(code)));
    ways
}

#[tokio::test(start_paused = true)]
async fn a_limit_for_strangers_hides_no_open_door() {
    for (index, way) in ways().into_iter().enumerate() {
        let since = std::sync::Mutex::new(None::<Instant>);
        let report = probe(move |ask| {
            if is_client(ask) {
                return open();
            }
            let since = *since.lock().unwrap().get_or_insert(ask.at);
            match ask.at.duration_since(since) < Duration::from_secs(15) {
                true => way.clone(),
                false => open(),
            }
        })
        .await;
        assert_eq!(
            report.verdict,
            Verdict::NotEnforced,
            "{index}: {}",
            report.reason
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_for_strangers_hides_no_bypass() {
    // Five strangers in ten seconds.
    let times = std::sync::Mutex::new(Vec::<Instant>::new());
    let report = probe(move |ask| {
        if is_client(ask) {
            return open();
        }
        let mut times = times.lock().unwrap();
        times.retain(|time| ask.at.duration_since(*time) < Duration::from_secs(10));
        if times.len() >= 5 {
            return Reply::Status(429, "Retry-After: 10\r\n");
        }
        times.push(ask.at);
        match ask.origin().is_some_and(|o| o.starts_with(CLIENT)) {
            true => open(),
            false => status(403),
        }
    })
    .await;
    assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    assert!(report.took < Duration::from_secs(400), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn later_for_ever_is_no_refusal() {
    for (index, way) in ways().into_iter().enumerate() {
        let report = probe(move |ask| if is_client(ask) { open() } else { way.clone() }).await;
        assert_eq!(
            report.verdict,
            Verdict::Inconclusive,
            "{index}: {}",
            report.reason
        );
        assert!(
            report.reason.contains("come back later"),
            "{}",
            report.reason
        );
        assert!(report.took < Duration::from_secs(400), "{:?}", report.took);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_run_bounds_the_time_that_is_given() {
    let mut config = config(&[CLIENT], &[]);
    config.max_time = Some(Duration::from_secs(12));
    let server = Server::new(|ask| match is_client(ask) {
        true => open(),
        false => Reply::Status(429, "Retry-After: 60\r\n"),
    });
    let report = probe_with(&config, server).await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
    assert!(report.took < Duration::from_secs(20), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_is_always_told_later_keeps_no_other_from_being_judged() {
    for (code, bypass) in [
        (502, "evilclient.com"),
        (429, "client.com.cswsh-probe.example"),
    ] {
        let report = probe(move |ask| match ask.origin().unwrap_or_default() {
            "null" => status(code),
            origin if origin == CLIENT || origin.ends_with(bypass) => open(),
            _ => status(403),
        })
        .await;
        assert_eq!(report.verdict, Verdict::Bypassable, "{}", report.reason);
    }
}
