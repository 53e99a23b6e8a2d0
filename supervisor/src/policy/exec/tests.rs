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

fn grant(rules: &ExecRules, args: &ExecArgs, person: Person) -> Result<Grant, String> {
    let ground = Ground {
        search: &[PathBuf::from("/usr/bin")],
        workdir: Path::new("/ws"),
        is_program: |_| true,
    };
    rules.decide(args, &ground, person)
}

/// What comes of a call when nobody can be asked.
fn run(rules: &ExecRules, args: &ExecArgs) -> Result<(), String> {
    grant(rules, args, Person::Away).map(|grant| assert_eq!(grant, Grant::Free))
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

/// What a person at hand makes of a call: `+` it runs, `?` it is asked about, `-` it does not run.
fn mark(rules: &ExecRules, text: &str, person: Person) -> char {
    match grant(rules, &command(text), person) {
        Ok(Grant::Free) => '+',
        Ok(Grant::Asked(_)) => '?',
        Err(_) => '-',
    }
}

#[test]
fn who_is_there_is_asked_and_the_fallback_is_not() {
    // security, ask; a listed and another command, with a person there, and with one waived.
    let table = [
        (Deny, Off, "--", "--"),
        (Deny, Always, "--", "--"),
        (Full, Off, "++", "++"),
        (Full, OnMiss, "++", "++"),
        (Full, Always, "??", "++"),
        (Allowlist, Off, "+-", "+-"),
        (Allowlist, OnMiss, "+?", "++"),
        (Allowlist, Always, "??", "++"),
    ];
    for (security, ask, there, waived) in table {
        for fallback in [Deny, Allowlist, Full] {
            let rules = rules((security, ask, fallback), HostRules::default());
            let marks = |person| {
                let both = ["git log", "rm x"].map(|text| mark(&rules, text, person));
                String::from_iter(both)
            };
            let case = (security, ask, fallback);
            assert_eq!(marks(Person::There), there, "{case:?}");
            assert_eq!(marks(Person::Waived), waived, "{case:?}");
        }
    }
}

#[test]
fn a_question_says_why_and_what_would_answer_it() {
    let asked = |config, text: &str| match grant(
        &rules(config, HostRules::default()),
        &command(text),
        Person::There,
    ) {
        Ok(Grant::Asked(question)) => question,
        other => panic!("{text}: {other:?}"),
    };
    let missed = asked((Allowlist, OnMiss, Deny), "rm x");
    assert_eq!(missed.program, Some("/usr/bin/rm".into()));
    assert!(
        missed
            .reason
            .contains("/usr/bin/rm is not on the allow-list")
    );
    assert!(missed.reason.contains("tools.exec.ask is on-miss"));
    // On the list it would be asked about as before.
    let always = asked((Allowlist, Always, Deny), "rm x");
    assert_eq!(always.program, None);
    assert!(always.reason.contains("tools.exec.ask is always"));
    let env = ExecArgs {
        env: [("GIT_DIR".to_owned(), "x".to_owned())].into(),
        ..command("git log")
    };
    let rules = rules((Allowlist, OnMiss, Deny), HostRules::default());
    let grant = grant(&rules, &env, Person::There).unwrap();
    assert!(matches!(
        grant,
        Grant::Asked(Question { program: None, .. })
    ));
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

/// How much a call may do: nothing, what a person allows, all.
fn freedom(rules: &ExecRules, args: &ExecArgs, person: Person) -> u8 {
    match grant(rules, args, person) {
        Err(_) => 0,
        Ok(Grant::Asked(_)) => 1,
        Ok(Grant::Free) => 2,
    }
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
        for person in [Person::Away, Person::There, Person::Waived] {
            let with_own = freedom(&all, &asked, person);
            prop_assert!(with_own <= freedom(&all, &command(text), person));
            prop_assert!(with_own <= freedom(&alone, &command(text), person));
        }
    }
}
