//! Neighbours that are heard: servers that tell every open connection of what
//! others are answered.

use super::*;

/// How a server says no.
type Refusal = fn() -> Reply;

const REFUSALS: [(&str, Refusal); 6] = [
    ("403", || status(403)),
    ("end of stream", || Reply::Drop),
    ("close", || open().closes(1008)),
    ("message", || {
        open().says("{\"error\":\"origin not allowed\"}")
    }),
    ("other words", || open().says("go away")),
    ("silence", open),
];

/// What is told of a refused request.
type Log = fn(&Ask) -> String;

const LOGS: [(&str, Log); 3] = [
    ("alike", |_| "{\"log\":\"403 GET /\"}".into()),
    ("with the origin", |ask| {
        format!("refused {} just now", ask.origin().unwrap_or("nobody"))
    }),
    ("counted", |ask| format!("{{\"refused\":{}}}", ask.count)),
];

fn is_allowed(ask: &Ask) -> bool {
    ask.origin() == Some(CLIENT)
}

fn begins(ask: &Ask) -> bool {
    ask.origin()
        .is_some_and(|o| o == CLIENT || o.starts_with("https://client.com."))
}

fn ends(ask: &Ask) -> bool {
    ask.origin().is_some_and(|o| o.ends_with("client.com"))
}

fn nothing(_: &Ask) -> bool {
    true
}

/// A server with a log that everybody hears. It takes so many connections.
fn loud(check: fn(&Ask) -> bool, refusal: Refusal, log: fn(&Ask) -> String, most: usize) -> Server {
    let server = Server::new(move |ask| {
        if ask.others >= most {
            return status(503);
        }
        if check(ask) {
            open().echoes()
        } else {
            refusal()
        }
    });
    server.telling(move |ask, _| (!check(ask)).then(|| log(ask)))
}

/// Enough for three waves.
pub(super) const IDS: [&str; 17] = [
    "foreign",
    "foreign-altscheme",
    "null",
    "suffix-dot",
    "suffix-glue",
    "suffix-hyphen",
    "contains-mid",
    "prefix-glue-reg",
    "foreign-suffix",
    "truncate",
    "loop-prefix",
    "net10-prefix",
    "ip-public",
    "subdomain",
    "port-other",
    "scheme-swap",
    "absent",
];

async fn judge(
    ids: &[&str],
    check: fn(&Ask) -> bool,
    refusal: (&str, Refusal),
    log: fn(&Ask) -> String,
    most: usize,
) -> Report {
    let mut config = config(&[CLIENT], ids);
    if refusal.0 == "silence" {
        config.talk.message = Some(Message::text("hi"));
    }
    probe_with(&config, loud(check, refusal.1, log, most)).await
}

#[tokio::test(start_paused = true)]
async fn noise_of_neighbours_hides_no_bypass_and_no_check() {
    for refusal in REFUSALS {
        for (name, log) in LOGS {
            for most in [1000, 2, 1] {
                for (check, verdict, id) in [
                    (is_allowed as fn(&Ask) -> bool, Verdict::Enforced, ""),
                    (begins, Verdict::Bypassable, "suffix-dot"),
                    (ends, Verdict::Bypassable, "prefix-glue-reg"),
                    (nothing, Verdict::NotEnforced, "foreign"),
                ] {
                    let report = judge(&IDS, check, refusal, log, most).await;
                    // Words that say nothing of a refusal are none.
                    let verdict = match (verdict, refusal.0) {
                        (Verdict::Enforced, "other words") => Verdict::Inconclusive,
                        (verdict, _) => verdict,
                    };
                    let what = format!("{} {name} {most} {verdict:?}", refusal.0);
                    assert_eq!(report.verdict, verdict, "{what}: {}", report.reason);
                    if !id.is_empty() {
                        assert!(
                            accepted(&report).contains(&id),
                            "{what}: {:?}",
                            accepted(&report)
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_told_to_all_in_the_same_words_is_never_enforced() {
    // What the refused hear is what everybody hears of them: then the words
    // tell nobody apart.
    let no = "{\"error\":\"origin not allowed\"}";
    for check in [begins as fn(&Ask) -> bool, ends, nothing] {
        let server = Server::new(move |ask| if check(ask) { open() } else { open().says(no) });
        let server = server.telling(move |ask, _| (!check(ask)).then(|| no.into()));
        let report = probe_with(&config(&[CLIENT], &IDS), server).await;
        assert_ne!(report.verdict, Verdict::Enforced, "{}", report.reason);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_end_with_their_neighbours_are_not_refused() {
    // Whoever is refused takes all others of the address down with them, for a
    // moment: 101, then Close.
    let cut = Arc::new(std::sync::Mutex::new(None::<Instant>));
    let server = Server::new(move |ask| {
        let mut cut = cut.lock().unwrap();
        if !begins(ask) {
            *cut = Some(ask.at);
            return status(403);
        }
        match *cut {
            Some(at) if ask.at.duration_since(at) < Duration::from_millis(100) => {
                open().closes(1008)
            }
            _ => open(),
        }
    });
    let report = probe_with(&config(&[CLIENT], &IDS), server).await;
    assert_ne!(report.verdict, Verdict::Enforced, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_message_takes_a_minute_at_most() {
    for (name, refusal) in REFUSALS {
        let report = judge(&[], is_allowed, (name, refusal), LOGS[0].1, 1000).await;
        assert!(
            report.took < Duration::from_secs(60),
            "{name}: {:?}",
            report.took
        );
    }
}
