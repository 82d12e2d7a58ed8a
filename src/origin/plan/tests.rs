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
        ("suffix-other", "https://app.client.net".into()),
        ("suffix-other-two", "https://app.client.co.uk".into()),
        ("suffix-other-reg", "https://client.net".into()),
        ("suffix-other-reg-two", "https://client.co.uk".into()),
        ("dot-hyphen", "https://app-client.com".into()),
        ("dot-removed", "https://appclient.com".into()),
        ("middle", "https://app.evilclient.com".into()),
        ("foreign-devport", format!("https://{attacker}:3000")),
        ("truncate", "https://app.client.co".into()),
        ("truncate-front", "https://lient.com".into()),
        ("foreign-suffix", "https://cswsh-probe.com".into()),
        ("loop-prefix-tls", format!("https://localhost.{attacker}")),
        ("net10-prefix", format!("http://10.0.0.1.{attacker}")),
        (
            "net172-prefix-tls",
            format!("https://172.16.0.1.{attacker}"),
        ),
        ("net192-prefix", format!("http://192.168.0.1.{attacker}")),
        ("link4-prefix", format!("http://169.254.0.1.{attacker}")),
        ("shared4-prefix", format!("http://100.64.0.1.{attacker}")),
        ("ip-private-10", "http://10.0.0.10".into()),
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
fn dots_are_replaced_where_somebody_could_register_the_name() {
    for (allowed, web, suffix, inner) in [
        ("client.com", None, None, None),
        ("app.client.com", Some("appxclient.com"), None, None),
        (
            "a.b.client.com",
            Some("a.bxclient.com"),
            None,
            Some("axb.client.com"),
        ),
        ("client.co.uk", None, Some("clientxco.uk"), None),
        (
            "app.client.co.uk",
            Some("appxclient.co.uk"),
            Some("app.clientxco.uk"),
            None,
        ),
        (
            "app.alice.github.io",
            Some("appxalice.github.io"),
            Some("app.alicexgithub.io"),
            None,
        ),
        (
            "a.b.corp.internal",
            Some("a.bxcorp.internal"),
            None,
            Some("axb.corp.internal"),
        ),
        ("client.test", None, None, None),
        ("localhost", None, None, None),
    ] {
        let origin = format!("https://{allowed}");
        let plan = plan(&config(&[&origin], "ws://server.com/ws"));
        for (id, host) in [
            ("dot-any", web),
            ("dot-suffix", suffix),
            ("dot-inner", inner),
        ] {
            let expected = host.map(|host| format!("https://{host}"));
            assert_eq!(shown(&plan, id), expected, "{allowed} {id}");
        }
    }
}

#[test]
fn names_are_tried_under_other_suffixes_and_with_other_dots() {
    for (allowed, suffix, bare, hyphen, removed, middle) in [
        (
            "client.com",
            Some("client.net"),
            None,
            None,
            Some("c.lient.com"),
            None,
        ),
        (
            "blue-sky.net",
            Some("blue-sky.org"),
            None,
            Some("blue.sky.net"),
            Some("b.lue-sky.net"),
            None,
        ),
        (
            "a.b.client.com",
            Some("a.b.client.net"),
            Some("client.net"),
            Some("a.b-client.com"),
            Some("a.bclient.com"),
            Some("a.b.evilclient.com"),
        ),
        (
            "client.co.uk",
            Some("client.net"),
            None,
            Some("client-co.uk"),
            Some("clientco.uk"),
            None,
        ),
        (
            "app.corp.internal",
            Some("app.corp.net"),
            Some("corp.net"),
            Some("app-corp.internal"),
            Some("appcorp.internal"),
            Some("app.evilcorp.internal"),
        ),
        ("localhost", None, None, None, Some("l.ocalhost"), None),
        ("10.0.0.1", None, None, None, None, None),
    ] {
        let origin = format!("https://{allowed}");
        let plan = plan(&config(&[&origin], "ws://server.com/ws"));
        for (id, host) in [
            ("suffix-other", suffix),
            ("suffix-other-reg", bare),
            ("dot-hyphen", hyphen),
            ("dot-removed", removed),
            ("middle", middle),
        ] {
            let expected = host.map(|host| format!("https://{host}"));
            assert_eq!(shown(&plan, id), expected, "{allowed} {id}");
        }
    }
    let of_two = plan(&config(&["https://app.client.co.uk"], "ws://server.com/ws"));
    assert_eq!(
        shown(&of_two, "suffix-other-two").unwrap(),
        "https://app.client.com.au"
    );
}

#[test]
fn reserved_names_get_their_look_alikes() {
    for (allowed, glued, cut) in [
        ("client.example", "evilclient.example", "client.exampl"),
        ("client.test", "evilclient.test", "client.tes"),
        ("app.corp.internal", "evilcorp.internal", "app.corp.interna"),
        ("printer.local", "evilprinter.local", "printer.loca"),
        ("app.localhost", "evilapp.localhost", "app.localhos"),
        ("localhost", "evillocalhost", "localhos"),
        ("intranet", "evilintranet", "intrane"),
    ] {
        let origin = format!("https://{allowed}:8443");
        let plan = plan(&config(&[&origin], "ws://server.com/ws"));
        for (id, expected) in [
            ("prefix-glue-reg", format!("https://{glued}:8443")),
            ("truncate", format!("https://{cut}")),
            (
                "suffix-dot",
                format!("https://{allowed}.cswsh-probe.example:8443"),
            ),
            ("foreign-port", "https://cswsh-probe.example:8443".into()),
        ] {
            assert_eq!(shown(&plan, id), Some(expected), "{allowed} {id}");
            let probe = plan.probes.iter().find(|p| p.rule.id == id).unwrap();
            assert_eq!(probe.group, Group::Web, "{allowed} {id}");
        }
    }
}

#[test]
fn names_that_nobody_could_register_are_left_out() {
    let plan = plan(&config(&["https://client.co.uk"], "ws://server.com/ws"));
    for id in ["dot-any", "sibling", "parent"] {
        assert!(skipped(&plan, id).is_some(), "{id}: {:?}", shown(&plan, id));
    }
    // 'client.co.u' is not one, 'client.co' is.
    assert_eq!(shown(&plan, "truncate").unwrap(), "https://client.co");
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
fn names_can_follow_an_address_and_stand_nowhere_else() {
    let plan = plan(&config(&["http://10.1.2.3:5000"], "ws://127.0.0.1:5000/ws"));
    for (id, host) in [
        ("suffix-dot", "10.1.2.3.cswsh-probe.example"),
        ("suffix-glue", "10.1.2.3cswsh-probe.example"),
        ("suffix-hyphen", "10.1.2.3-cswsh-probe.example"),
        ("suffix-underscore", "10.1.2.3_.cswsh-probe.example"),
        ("contains-mid", "x-10.1.2.3-x.cswsh-probe.example"),
        ("ip-digit", "10.1.2.30"),
    ] {
        let expected = format!("http://{host}:5000");
        assert_eq!(shown(&plan, id), Some(expected), "{id}");
    }
    let dot = plan.probes.iter().find(|p| p.rule.id == "suffix-dot");
    assert_eq!(dot.unwrap().group, Group::Web);
    for id in [
        "subdomain",
        "prefix-glue",
        "dot-any",
        "truncate",
        "case-host",
    ] {
        assert!(
            skipped(&plan, id).unwrap().contains("is an address"),
            "{id}"
        );
    }
    assert_eq!(shown(&plan, "port-digit").unwrap(), "http://10.1.2.3:50009");
    let six = super::plan(&config(&["http://[::1]:5000"], "ws://127.0.0.1:5000/ws"));
    assert!(skipped(&six, "suffix-dot").unwrap().contains("brackets"));
    let own = super::plan(&config(
        &["http://127.0.0.1:5000"],
        "ws://127.0.0.1:5000/ws",
    ));
    assert_eq!(skipped(&own, "self"), Some("it is an allowed origin"));
}

#[test]
fn the_domain_of_the_attacker_is_a_strangers() {
    for (attacker, allowed, fits) in [
        ("client.com", "https://client.com", false),
        ("client.com", "https://app.client.com", false),
        ("Client.com.", "https://app.client.com", false),
        ("evil.app.client.com", "https://app.client.com", false),
        ("lient.com", "https://client.com", true),
        ("other.com", "https://client.com", true),
        ("client.com.evil.com", "https://client.com", true),
    ] {
        let mut config = config(&[allowed], "ws://server.com/ws");
        config.attacker = attacker.into();
        assert_eq!(config.check().is_ok(), fits, "{attacker} {allowed}");
    }
}

#[test]
fn a_name_glued_to_a_reserved_one_is_a_web_pages() {
    for (allowed, group) in [
        ("https://app.corp.internal", Group::Web),
        ("https://app.client.test:8443", Group::Web),
        ("https://app.client.com", Group::Foothold),
        ("https://app.client.co.uk", Group::Foothold),
    ] {
        let plan = plan(&config(&[allowed], "ws://server.com/ws"));
        let probe = plan.probes.iter().find(|p| p.rule.id == "prefix-glue");
        assert_eq!(probe.unwrap().group, group, "{allowed}");
    }
}

#[test]
fn below_a_public_suffix_anybody_can_have_a_page() {
    for (allowed, group) in [
        ("http://box", Group::Web),
        ("https://github.io", Group::Web),
        ("https://alice.github.io", Group::Foothold),
        ("http://intranet", Group::Foothold),
        ("http://localhost:3000", Group::Foothold),
        ("https://client.com", Group::Foothold),
    ] {
        let plan = plan(&config(&[allowed], "ws://server.com/ws"));
        let probe = plan.probes.iter().find(|p| p.rule.id == "subdomain");
        assert_eq!(probe.unwrap().group, group, "{allowed}");
    }
}

#[test]
fn what_chromium_sends_in_names_is_high() {
    let plan = plan(&config(&["https://client.com"], "ws://server.com/ws"));
    for id in ["suffix-dollar", "suffix-brace", "suffix-backtick"] {
        let probe = plan.probes.iter().find(|p| p.rule.id == id).unwrap();
        assert_eq!((probe.group, probe.severity), (Group::Web, Severity::High));
    }
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
