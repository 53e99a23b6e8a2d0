use super::*;
use crate::config::Preset;
use proptest::prelude::*;

fn policy(change: impl FnOnce(&mut Egress)) -> EgressPolicy {
    let mut config = Egress::default();
    change(&mut config);
    let (policy, warnings) = EgressPolicy::new(&config);
    assert_eq!(warnings, Vec::<String>::new());
    policy
}

fn texts(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|entry| (*entry).to_owned()).collect()
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// What becomes of a destination (`host:port`) that leads to `addresses`.
fn ask(policy: &EgressPolicy, to: &str, addresses: &[&str]) -> Result<(), String> {
    let (host, port) = Host::parse_with_port(to, Some(443)).unwrap();
    let addresses: Vec<IpAddr> = match &host {
        Host::Address(address) => vec![*address],
        Host::Name(_) => addresses.iter().map(|text| text.parse().unwrap()).collect(),
    };
    let terms = policy
        .decide(&host, port)
        .map_err(|denial| denial.to_string())?;
    policy
        .judge(&host, port, terms, &addresses)
        .map_err(|denial| denial.to_string())
}

const PUBLIC: &[&str] = &["93.184.215.14", "2606:2800:21f::1"];

#[test]
fn open_is_the_public_internet_by_name() {
    let policy = policy(|_| {});
    for to in [
        "example.com",
        "example.com:80",
        "EXAMPLE.com.:443",
        "a.b.c.example",
    ] {
        assert_eq!(ask(&policy, to, PUBLIC), Ok(()), "{to}");
    }
    for to in [
        "example.com:22",
        "example.com:8080",
        "93.184.215.14",
        "[2606:2800:21f::1]:443",
    ] {
        assert!(ask(&policy, to, PUBLIC).is_err(), "{to}");
    }
}

#[test]
fn a_name_is_refused_for_a_single_address() {
    let policy = policy(|_| {});
    for bad in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:10.0.0.1",
        "fd00::1",
        "100.64.1.1",
        "64:ff9b::7f00:1",
    ] {
        let error = ask(&policy, "rebound.example", &["93.184.215.14", bad]).unwrap_err();
        assert!(
            error.starts_with("denied by egress policy: rebound.example (it leads to "),
            "{error}"
        );
        assert!(error.contains("tools.egress.private"), "{error}");
    }
}

#[test]
fn an_address_is_refused_in_every_form_unless_it_is_named() {
    let open = policy(|_| {});
    for to in [
        "127.0.0.1",
        "10.0.0.1:80",
        "169.254.169.254:80",
        "[::1]:443",
        "[::ffff:127.0.0.1]:443",
        "[fe80::1]:80",
        "0.0.0.0:80",
        "192.0.2.1",
    ] {
        assert!(ask(&open, to, &[]).is_err(), "{to}");
    }
    let named = policy(|config| {
        config.allow = texts(&["192.0.2.1", "198.51.100.0/24:8080", "10.9.9.9"]);
        config.private = texts(&["10.1.0.0/16", "127.0.0.1:5432", "[::1]:3000"]);
    });
    for to in [
        "192.0.2.1:443",
        "198.51.100.7:8080",
        "10.1.2.3:80",
        "127.0.0.1:5432",
        "[::1]:3000",
    ] {
        assert_eq!(ask(&named, to, &[]), Ok(()), "{to}");
    }
    for to in [
        "192.0.2.1:22",
        "198.51.100.7:443",
        "10.2.0.1:80",
        "10.1.2.3:5432",
        "127.0.0.1:5433",
        "127.0.0.1:443",
        "10.9.9.9:443",
        "[::1]:80",
    ] {
        assert!(ask(&named, to, &[]).is_err(), "{to}");
    }
}

#[test]
fn an_allow_list_lets_through_what_is_on_it() {
    let policy = policy(|config| {
        config.mode = EgressMode::Allowlist;
        config.presets = vec![Preset::Packages];
        config.allow = texts(&["example.com", "*.example.org", "odd.example:8443"]);
    });
    for to in [
        "example.com",
        "a.example.org",
        "pypi.org",
        "registry.npmjs.org:443",
        "odd.example:8443",
    ] {
        assert_eq!(ask(&policy, to, PUBLIC), Ok(()), "{to}");
    }
    for to in [
        "a.example.com",
        "example.org",
        "evilexample.org",
        "github.com",
        "pypi.org.evil.example",
        "odd.example:443",
        "odd.example:80",
    ] {
        let error = ask(&policy, to, PUBLIC).unwrap_err();
        assert!(error.contains("tools.egress.allow"), "{error}");
    }
}

#[test]
fn deny_wins_over_all_else() {
    let policy = policy(|config| {
        config.deny = texts(&[
            "bad.example",
            "*.bad.example",
            "half.example:80",
            "198.51.100.0/24",
        ]);
        config.allow = texts(&["bad.example"]);
        config.private = texts(&["bad.example"]);
    });
    for to in ["bad.example", "a.bad.example", "half.example:80"] {
        assert!(
            ask(&policy, to, PUBLIC)
                .unwrap_err()
                .contains("tools.egress.deny"),
            "{to}"
        );
    }
    assert_eq!(ask(&policy, "half.example:443", PUBLIC), Ok(()));
    assert!(ask(&policy, "good.example", &["198.51.100.3"]).is_err());
}

#[test]
fn off_is_nobody() {
    let policy = policy(|config| {
        config.mode = EgressMode::Off;
        config.allow = texts(&["*"]);
        config.private = texts(&["db.internal"]);
    });
    for to in ["example.com", "db.internal", "192.0.2.1"] {
        assert!(
            ask(&policy, to, PUBLIC)
                .unwrap_err()
                .contains("tools.egress.mode"),
            "{to}"
        );
    }
}

#[test]
fn a_private_host_is_reached_by_its_name_alone() {
    let policy = policy(|config| {
        config.private = texts(&["db.internal:5432", "*.corp.example", "localhost:3000"]);
    });
    assert_eq!(ask(&policy, "db.internal:5432", &["10.0.0.9"]), Ok(()));
    assert_eq!(
        ask(&policy, "git.corp.example", &["192.168.1.1", "fd00::1"]),
        Ok(())
    );
    assert_eq!(
        ask(&policy, "localhost:3000", &["127.0.0.1", "::1"]),
        Ok(())
    );
    for (to, address) in [
        ("db.internal:443", "10.0.0.9"),
        ("db.internal:5433", "10.0.0.9"),
        ("other.internal:5432", "10.0.0.9"),
        ("10.0.0.9:5432", "10.0.0.9"),
        // Named or not, it may not become the machine itself, nor where clouds keep credentials.
        ("git.corp.example", "127.0.0.1"),
        ("git.corp.example", "169.254.169.254"),
        ("git.corp.example", "fd00:ec2::254"),
        ("git.corp.example", "::ffff:127.0.0.1"),
        ("localhost:3001", "127.0.0.1"),
        ("localhost:443", "127.0.0.1"),
    ] {
        assert!(ask(&policy, to, &[address]).is_err(), "{to} {address}");
    }
}

#[test]
fn a_named_place_opens_its_port_for_the_names_that_lead_there_and_for_no_other() {
    let policy = policy(|config| config.private = texts(&["127.0.0.1:8123"]));
    assert_eq!(
        ask(&policy, "packages.example:8123", &["127.0.0.1"]),
        Ok(())
    );
    for addresses in [
        &["93.184.215.14"][..],
        &["127.0.0.1", "93.184.215.14"],
        &["127.0.0.2"],
    ] {
        assert!(
            ask(&policy, "packages.example:8123", addresses).is_err(),
            "{addresses:?}"
        );
    }
}

#[test]
fn localhost_is_the_session_itself() {
    let error = ask(&policy(|_| {}), "localhost:80", &["127.0.0.1"]).unwrap_err();
    assert!(error.contains("NO_PROXY"), "{error}");
    assert!(ask(&policy(|_| {}), "x.localhost:80", &["93.184.215.14"]).is_err());
}

#[test]
fn a_name_is_looked_up_if_any_port_of_it_is_open() {
    let policy = policy(|config| {
        config.mode = EgressMode::Allowlist;
        config.presets = Vec::new();
        config.allow = texts(&["odd.example:8443"]);
        config.deny = texts(&["no.example", "half.example:80"]);
        config.private = texts(&["db.internal:5432"]);
    });
    let lookup = |text| policy.decide_lookup(&Name::parse(text).unwrap());
    assert_eq!(lookup("odd.example"), Ok(()));
    assert_eq!(lookup("db.internal"), Ok(()));
    assert!(lookup("no.example").is_err() && lookup("other.example").is_err());
}

#[test]
fn nonsense_is_told_and_opens_nothing() {
    let config = Egress {
        allow: texts(&["https://x/"]),
        private: texts(&["10.0.0.0/99"]),
        ..Egress::default()
    };
    let (policy, warnings) = EgressPolicy::new(&config);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].starts_with("tools.egress.allow: "),
        "{warnings:?}"
    );
    assert_eq!(ask(&policy, "example.com", PUBLIC), Ok(()));
    let config = Egress {
        deny: texts(&["htps:/x"]),
        ..Egress::default()
    };
    let (policy, warnings) = EgressPolicy::new(&config);
    assert_eq!(warnings.len(), 1);
    assert!(ask(&policy, "example.com", PUBLIC).is_err());
}

proptest! {
    /// Whatever a name leads to: nothing that is not public is reached while nothing is named.
    #[test]
    fn open_never_reaches_what_is_refused(v4: u32, v6: u128) {
        let policy = policy(|_| {});
        let host = host("any.example");
        let terms = policy.decide(&host, 443).unwrap();
        for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
            let judged = policy.judge(&host, 443, terms, &[address]);
            prop_assert_eq!(judged.is_ok(), address::refused(address).is_none(), "{}", address);
            prop_assert!(policy.decide(&Host::Address(address), 443).is_err());
        }
    }
}
