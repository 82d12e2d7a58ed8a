use proptest::prelude::*;

use super::*;
use crate::connection::Target;

fn config(allowed: &[&str], target: &str) -> PlanConfig {
    let target: Target = target.parse().unwrap();
    PlanConfig {
        allowed: Allowed::Origins(allowed.iter().map(|text| text.parse().unwrap()).collect()),
        denied: Vec::new(),
        site: Site::of(&target),
        attacker: "cswsh-probe.example".into(),
        exotic: true,
        only: Vec::new(),
        skip: Vec::new(),
        absent: AbsentPolicy::Any,
    }
}

fn shown(plan: &Plan, id: &str) -> Option<String> {
    let probe = plan.probes.iter().find(|probe| probe.rule.id == id)?;
    Some(probe.request.shown())
}

fn skipped<'a>(plan: &'a Plan, id: &str) -> Option<&'a str> {
    let skipped = plan.skipped.iter().find(|skipped| skipped.id == id)?;
    Some(&skipped.reason)
}

#[test]
fn every_rule_on_a_subdomain() {
    let plan = plan(&config(
        &["https://app.client.com"],
        "ws://127.0.0.1:9000/ws",
    ));
    let attacker = "cswsh-probe.example";
    for (id, expected) in [
        ("foreign", format!("https://{attacker}")),
        ("foreign-altscheme", format!("http://{attacker}")),
        ("foreign-targetport", format!("https://{attacker}:9000")),
        ("null", "null".into()),
        ("suffix-dot", format!("https://app.client.com.{attacker}")),
        ("suffix-glue", format!("https://app.client.com{attacker}")),
        (
            "suffix-hyphen",
            format!("https://app.client.com-{attacker}"),
        ),
        (
            "contains-mid",
            format!("https://x-app.client.com-x.{attacker}"),
        ),
        ("prefix-glue-reg", "https://evilclient.com".into()),
        ("dot-any", "https://appxclient.com".into()),
        ("truncate", "https://app.client.co".into()),
        (
            "suffix-underscore",
            format!("https://app.client.com_.{attacker}"),
        ),
        (
            "suffix-dollar",
            format!("https://app.client.com$.{attacker}"),
        ),
        (
            "suffix-brace",
            format!("https://app.client.com}}.{attacker}"),
        ),
        (
            "suffix-backtick",
            format!("https://app.client.com`.{attacker}"),
        ),
        ("idn-puny", "https://app.xn--lient-0ye.com".into()),
        ("loop-prefix", format!("http://localhost.{attacker}")),
        ("loop4-prefix", format!("http://127.0.0.1.{attacker}")),
        ("ip-public", "http://203.0.113.7".into()),
        ("subdomain", "https://sub.app.client.com".into()),
        ("sibling", "https://sibling.client.com".into()),
        ("prefix-glue", "https://evilapp.client.com".into()),
        ("parent", "https://client.com".into()),
        ("port-other", "https://app.client.com:8443".into()),
        ("trailing-dot", "https://app.client.com.".into()),
        ("scheme-swap", "http://app.client.com".into()),
        ("self-altscheme", "https://127.0.0.1:9000".into()),
        ("subdomain-http", "http://sub.app.client.com".into()),
        ("self-otherport", "http://127.0.0.1:8081".into()),
        ("self", "http://127.0.0.1:9000".into()),
        ("absent", "(none)".into()),
        ("empty", "(empty)".into()),
        ("scheme-ws", "wss://app.client.com".into()),
        ("port-default", "https://app.client.com:443".into()),
        ("dot-last", "https://app.clientxcom".into()),
        ("case-host", "https://APP.CLIENT.COM".into()),
        ("case-scheme", "HTTPS://app.client.com".into()),
        ("trailing-slash", "https://app.client.com/".into()),
        (
            "userinfo-allowed",
            format!("https://app.client.com@{attacker}"),
        ),
        (
            "userinfo-foreign",
            format!("https://{attacker}@app.client.com"),
        ),
        (
            "path-foreign",
            format!("https://{attacker}/https://app.client.com"),
        ),
        ("backslash", format!("https://{attacker}\\app.client.com")),
        (
            "percent-backtick",
            format!("https://app.client.com%60.{attacker}"),
        ),
        (
            "list-comma",
            format!("https://{attacker}, https://app.client.com"),
        ),
    ] {
        assert_eq!(shown(&plan, id).as_ref(), Some(&expected), "{id}");
    }
    let rebind = plan
        .probes
        .iter()
        .find(|p| p.rule.id == "host-rebind")
        .unwrap();
    assert_eq!(rebind.severity, Severity::High);
    assert_eq!(
        rebind.request.host.as_deref(),
        Some("rebind.cswsh-probe.example:9000")
    );
    let long = shown(&plan, "long").unwrap().len();
    assert!((3600..3900).contains(&long), "{long}");
    // Every rule is either sent or left out with a reason.
    for rule in catalogue::rules() {
        assert!(
            shown(&plan, rule.id).is_some() || skipped(&plan, rule.id).is_some(),
            "{}",
            rule.id
        );
    }
    assert_eq!(
        skipped(&plan, "port-digit"),
        Some("the allowed origin has no port")
    );
}

#[test]
fn names_that_nobody_could_register_are_left_out() {
    let plan = plan(&config(&["https://client.co.uk"], "ws://server.com/ws"));
    for id in ["dot-any", "truncate", "sibling", "parent"] {
        assert!(skipped(&plan, id).is_some(), "{id}: {:?}", shown(&plan, id));
    }
    assert_eq!(
        shown(&plan, "prefix-glue-reg").unwrap(),
        "https://evilclient.co.uk"
    );
    // The same request: judged twice, sent once.
    let glue = plan
        .probes
        .iter()
        .find(|p| p.rule.id == "prefix-glue")
        .unwrap();
    assert_eq!(
        plan.probes[glue.same_as.unwrap()].rule.id,
        "prefix-glue-reg"
    );
}

#[test]
fn an_address_has_no_names_near_it() {
    let plan = plan(&config(
        &["http://127.0.0.1:5000"],
        "ws://127.0.0.1:5000/ws",
    ));
    for id in [
        "suffix-dot",
        "contains-mid",
        "subdomain",
        "prefix-glue",
        "case-host",
    ] {
        assert!(
            skipped(&plan, id).unwrap().contains("is an address"),
            "{id}"
        );
    }
    assert_eq!(skipped(&plan, "self"), Some("it is an allowed origin"));
    assert_eq!(
        shown(&plan, "port-digit").unwrap(),
        "http://127.0.0.1:50009"
    );
}

#[test]
fn what_the_user_selects_and_leaves_out() {
    let mut config = config(&["https://client.com"], "ws://server.com/ws");
    config.exotic = false;
    let default = plan(&config);
    assert!(default.probes.iter().all(|probe| !probe.rule.exotic));
    config.only = vec!["foreign".into(), "backslash".into()];
    config.skip = vec!["foreign".into()];
    let chosen = plan(&config);
    let ids: Vec<_> = chosen.probes.iter().map(|probe| probe.rule.id).collect();
    assert_eq!(ids, ["backslash"]);
}

#[test]
fn a_policy_on_absent_origins_raises_them() {
    let mut config = config(
        &["https://client.com"],
        "wss://server.com/ws".replace("wss", "ws").as_str(),
    );
    config.absent = AbsentPolicy::Deny;
    config.denied = vec!["https://old.client.com".parse().unwrap()];
    let plan = plan(&config);
    let absent = plan
        .probes
        .iter()
        .find(|probe| probe.rule.id == "absent")
        .unwrap();
    assert_eq!(absent.severity, Severity::High);
    assert_eq!(shown(&plan, "deny").unwrap(), "https://old.client.com");
    let rebind = plan
        .probes
        .iter()
        .find(|p| p.rule.id == "host-rebind")
        .unwrap();
    assert_eq!(rebind.severity, Severity::Low);
}

fn allowed_origin() -> impl Strategy<Value = String> {
    let label = "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,3})?";
    let suffix = prop::sample::select(vec!["com", "co.uk", "github.io", "example", "dev", "de"]);
    let host = (prop::collection::vec(label, 1..4), suffix)
        .prop_map(|(labels, suffix)| format!("{}.{suffix}", labels.join(".")));
    let host = prop_oneof![
        8 => host,
        1 => Just("localhost".to_owned()),
        1 => Just("10.1.2.3".to_owned()),
        1 => Just("[2001:db8::1]".to_owned()),
    ];
    let port = prop::option::of(1..=u16::MAX);
    (prop::bool::ANY, host, port).prop_map(|(tls, host, port)| {
        let scheme = if tls { "https" } else { "http" };
        match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    })
}

proptest! {
    #[test]
    fn the_first_groups_are_what_a_browser_serialises(origin in allowed_origin(), port in 1..=u16::MAX) {
        let plan = plan(&config(&[&origin], &format!("ws://127.0.0.1:{port}/")));
        let allowed: WebOrigin = origin.parse().unwrap();
        for probe in plan.probes.iter().filter(|probe| probe.group != Group::ClientOnly) {
            let value = probe.request.single_origin().unwrap();
            if value == "null" {
                continue;
            }
            let url = Url::parse(value).unwrap();
            if matches!(url.scheme(), "http" | "https") {
                prop_assert_eq!(url.origin().ascii_serialization(), value, "{}", probe.rule.id);
            }
            // Neither by the text nor after normalisation.
            let parsed: Option<WebOrigin> = value.parse().ok();
            prop_assert_ne!(parsed.as_ref(), Some(&allowed), "{}", probe.rule.id);
            if probe.group == Group::Web {
                prop_assert!(matches!(url.scheme(), "http" | "https"), "{}", probe.rule.id);
            }
        }
    }

    #[test]
    fn every_probe_fits_a_request_head(origin in allowed_origin()) {
        for probe in plan(&config(&[&origin], "ws://h:1/")).probes {
            for (_, value) in &probe.request.headers {
                prop_assert!(!value.contains(['\r', '\n', '\0']), "{}", probe.rule.id);
            }
        }
    }
}
