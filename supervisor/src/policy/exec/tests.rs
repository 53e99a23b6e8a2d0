use super::*;
use crate::store::exec_approvals::HostRules;
use ExecAsk::{Always, Off, OnMiss};
use ExecSecurity::{Allowlist, Deny, Full};
use proptest::prelude::*;
use std::path::PathBuf;

fn rules(config: (ExecSecurity, ExecAsk, ExecSecurity), host: HostRules) -> ExecRules {
    let (security, ask, ask_fallback) = config;
    let config = ExecPolicy {
        security,
        ask,
        ask_fallback,
        ..ExecPolicy::default()
    };
    let mut approvals =
        ExecApprovals::parse(r#"{"agents":{"main":{"allowlist":[{"pattern":"/usr/bin/git"}]}}}"#)
            .unwrap();
    approvals.defaults = host;
    ExecRules::new(&config, &approvals, &"main".into(), Path::new("/h")).0
}

fn run(rules: &ExecRules, args: &ExecArgs) -> Result<(), String> {
    let ground = Ground {
        search: &[PathBuf::from("/usr/bin")],
        workdir: Path::new("/ws"),
        is_program: |_| true,
    };
    rules.decide(args, &ground)
}

fn command(command: &str) -> ExecArgs {
    ExecArgs {
        command: command.into(),
        ..ExecArgs::default()
    }
}

#[test]
fn the_picture_is_the_table() {
    // security, ask, fallback; whether a listed and whether another command runs.
    let table = [
        (Deny, Off, Full, false, false),
        (Deny, Always, Full, false, false),
        (Full, Off, Deny, true, true),
        (Full, OnMiss, Deny, true, true),
        (Full, Always, Deny, false, false),
        (Full, Always, Allowlist, true, false),
        (Full, Always, Full, true, true),
        (Allowlist, Off, Deny, true, false),
        (Allowlist, Off, Full, true, false),
        (Allowlist, OnMiss, Deny, true, false),
        (Allowlist, OnMiss, Allowlist, true, false),
        (Allowlist, OnMiss, Full, true, true),
        (Allowlist, Always, Deny, false, false),
        (Allowlist, Always, Allowlist, true, false),
        (Allowlist, Always, Full, true, true),
    ];
    for (security, ask, fallback, listed, other) in table {
        let rules = rules((security, ask, fallback), HostRules::default());
        let case = (security, ask, fallback);
        assert_eq!(
            run(&rules, &command("git log")).is_ok(),
            listed,
            "{case:?} listed"
        );
        assert_eq!(
            run(&rules, &command("rm x")).is_ok(),
            other,
            "{case:?} other"
        );
    }
}

#[test]
fn a_refusal_names_what_decides_and_the_mend() {
    let said = |config, host, args: &ExecArgs| run(&rules(config, host), args).unwrap_err();
    let none = HostRules::default();
    let host = HostRules {
        security: Some(Deny),
        ..none
    };
    let own = ExecArgs {
        security: Some(Allowlist),
        ..command("rm x")
    };
    for (refusal, parts) in [
        (
            said((Deny, Off, Deny), none, &own),
            vec!["tools.exec.security", "full"],
        ),
        (
            said((Full, Off, Deny), host, &own),
            vec!["exec-approvals.json"],
        ),
        (
            said((Allowlist, Off, Deny), none, &command("rm x")),
            vec![
                "/usr/bin/rm",
                "/usr/bin/git",
                "agents.main.allowlist",
                "tools.exec.security",
            ],
        ),
        (
            said((Full, Off, Deny), none, &own),
            vec!["leave out the security argument"],
        ),
        (
            said((Full, Always, Deny), none, &command("x")),
            vec!["tools.exec.ask is always", "tools.exec.askFallback"],
        ),
    ] {
        for part in parts {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
    }
}

#[test]
fn variables_that_lead_programs_astray_are_refused() {
    let with = |name: &str| ExecArgs {
        env: [(name.to_owned(), "1".to_owned())].into(),
        ..command("git log")
    };
    let full = rules((Full, Off, Deny), HostRules::default());
    for name in [
        "PATH",
        "path",
        "LD_PRELOAD",
        "DYLD_LIBRARY_PATH",
        "",
        "A=B",
        "BASH_FUNC_x%%",
    ] {
        assert!(run(&full, &with(name)).is_err(), "{name}");
    }
    assert!(run(&full, &with("GIT_DIR")).is_ok());
    let list = rules((Allowlist, Off, Deny), HostRules::default());
    assert!(run(&list, &with("GIT_DIR")).is_err());
    assert!(run(&list, &with("NO_COLOR")).is_ok());
}

fn security() -> impl Strategy<Value = ExecSecurity> {
    prop_oneof![Just(Deny), Just(Allowlist), Just(Full)]
}

fn ask() -> impl Strategy<Value = ExecAsk> {
    prop_oneof![Just(Off), Just(OnMiss), Just(Always)]
}

proptest! {
    #[test]
    fn another_voice_never_allows_more(
        config in (security(), ask(), security()),
        host in (proptest::option::of(security()), proptest::option::of(ask()), proptest::option::of(security())),
        own in (proptest::option::of(security()), proptest::option::of(ask())),
        text in prop_oneof![Just("git log"), Just("rm x"), Just("git $(x)")],
    ) {
        let (security, ask, ask_fallback) = host;
        let all = rules(config, HostRules { security, ask, ask_fallback });
        let alone = rules(config, HostRules::default());
        let (security, ask) = own;
        let asked = ExecArgs { security, ask, ..command(text) };
        if run(&all, &asked).is_ok() {
            prop_assert!(run(&all, &command(text)).is_ok());
            prop_assert!(run(&alone, &command(text)).is_ok());
        }
    }
}
