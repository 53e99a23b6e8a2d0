use super::*;
use proptest::prelude::*;

fn is_program(path: &Path) -> bool {
    let there = [
        "/usr/bin/git",
        "/usr/bin/env",
        "/usr/bin/timeout",
        "/usr/bin/busybox",
        "/usr/bin/rm",
        "/bin/rm",
        "/usr/bin/head",
        "/usr/bin/wc",
        "/usr/bin/echo",
        "/usr/bin/printf",
        "/usr/local/bin/head",
        "/opt/tools/bin/lint",
        "/home/a/bin/mine",
        "/ws/build.sh",
        "/ws/sub/build.sh",
        "/ws/bin/env",
    ];
    there.iter().any(|known| path == Path::new(known))
}

fn list(patterns: &[&str]) -> AllowList {
    let safe = ["head".to_owned(), "wc".to_owned()];
    AllowList::new(patterns.iter().copied(), &safe, Path::new("/home/a")).0
}

fn check_in(list: &AllowList, search: &[&str], command: &str) -> Result<(), Objection> {
    let search: Vec<PathBuf> = search.iter().map(PathBuf::from).collect();
    let ground = Ground {
        search: &search,
        workdir: Path::new("/ws/sub"),
        is_program,
    };
    list.check(command, &ground)
}

fn check(patterns: &[&str], command: &str) -> Result<(), Objection> {
    check_in(&list(patterns), &["/usr/local/sbin", "/usr/bin"], command)
}

#[test]
fn every_step_must_be_on_the_list() {
    for command in [
        "git log",
        "git log | head -5 | wc -l",
        "git fetch && git merge || git status; git log",
        "git log\n\ngit status",
        "LC_ALL=C git log",
        "env TZ=UTC git log",
        "timeout 5 env git log",
        "/usr/bin/git log",
        "git commit -m 'a; rm -rf / > $(x)'",
        "git add *.rs $HOME",
    ] {
        assert_eq!(check(&["/usr/bin/git"], command), Ok(()), "{command}");
    }
    for command in [
        "rm x",
        "git log | rm x",
        "git log && rm x",
        "git log || rm x",
        "git log; rm x",
        "git log\nrm x",
        "env rm x",
        "timeout 5 rm x",
        "timeout 5 env busybox rm x",
        "env",
    ] {
        let objection = check(&["/usr/bin/git"], command);
        assert!(
            matches!(objection, Err(Objection::NotListed(_))),
            "{command}: {objection:?}"
        );
    }
}

#[test]
fn patterns_are_globs_on_whole_paths() {
    for (pattern, command, allowed) in [
        ("/usr/bin/git", "git", true),
        ("/USR/BIN/GIT", "git", true),
        ("/usr/bin/g?t", "git", true),
        ("/usr/*/git", "git", true),
        ("/bin/git", "git", true),
        ("/usr/bin/rm", "/bin/rm", true),
        ("/bin/*", "/opt/tools/bin/lint", false),
        ("/usr/*", "git", false),
        ("/usr/**", "git", true),
        ("**/git", "git", true),
        ("*", "git", true),
        ("~/bin/*", "/home/a/bin/mine", true),
        ("~/bin/*", "git", false),
        ("git", "git", false),
        ("/opt/**/lint", "/opt/tools/bin/lint", true),
        ("/ws/sub/*.sh", "./build.sh", true),
        ("/ws/*.sh", "./build.sh", false),
        ("/ws/**", "/ws/sub/../build.sh", false),
        ("/ws/**", "../build.sh", false),
        ("/usr/bin/[", "git", false),
    ] {
        let got = check(&[pattern], command);
        assert_eq!(got.is_ok(), allowed, "{pattern} on {command}: {got:?}");
    }
}

#[test]
fn what_only_the_shell_knows_is_refused() {
    for command in [
        "$GIT log",
        "g*t log",
        "~/bin/git",
        "{git,log}",
        "'' x",
        "PATH=/ws git log",
        "LC_ALL=$x git log",
        "LC_ALL=C",
        "LC_ALL+=C git log",
        "cd / && git log",
        "eval git log",
        ". ./x",
        "if git log; then git status; fi",
        "! git log",
        "printf -v PATH /ws",
        "test -v 'a[$(rm)]'",
        "hash -p /ws/x git",
        "nothing-there",
        "env PATH=/ws git",
    ] {
        assert!(check(&["*"], command).is_err(), "{command}");
    }
}

#[test]
fn a_program_beside_the_builtin_can_be_named_by_its_path() {
    assert!(check(&["/usr/bin/*"], "printf x").is_err());
    assert_eq!(check(&["/usr/bin/*"], "/usr/bin/printf x"), Ok(()));
    assert_eq!(check(&["/usr/bin/*"], "env printf x"), Ok(()));
    assert_eq!(check(&["/usr/bin/*"], "echo x"), Ok(()));
}

#[test]
fn a_safe_program_is_one_of_the_system() {
    assert_eq!(check(&[], "head -5"), Ok(()));
    let elsewhere = check_in(&list(&[]), &["/usr/local/bin", "/usr/bin"], "head -5");
    assert_eq!(
        elsewhere,
        Err(Objection::NotListed("/usr/local/bin/head".into()))
    );
    let more = check(&[], "head /etc/passwd");
    assert!(matches!(more, Err(Objection::NoFilter { .. })), "{more:?}");
    assert_eq!(check(&["/usr/bin/head"], "head /etc/passwd"), Ok(()));
}

#[test]
fn a_wrapper_is_one_of_the_system() {
    let own = check_in(
        &list(&["/usr/bin/git"]),
        &["/ws/bin", "/usr/bin"],
        "env git log",
    );
    assert_eq!(own, Err(Objection::NotListed("/ws/bin/env".into())));
}

#[test]
fn what_does_nothing_is_told() {
    let safe = ["grep".to_owned()];
    let patterns = ["rg", "/usr/bin/[", "/usr/bin/git"];
    let (list, warnings) = AllowList::new(patterns, &safe, Path::new("/home/a"));
    assert_eq!(list.patterns.len(), 1);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings[0].contains("**/rg") && warnings[2].contains("grep"),
        "{warnings:?}"
    );
}

proptest! {
    #[test]
    fn nothing_is_allowed_by_an_empty_list(command in "[ -~\n]{0,60}") {
        let (none, _) = AllowList::new([], &[], Path::new("/home/a"));
        prop_assert!(check_in(&none, &["/usr/bin"], &command).is_err());
    }

    #[test]
    fn one_step_off_the_list_is_enough(at in 0_usize..5, join in "[;\n|]|&&|\\|\\|") {
        let mut steps = ["git log"; 5];
        steps[at] = "rm x";
        prop_assert!(check(&["/usr/bin/git"], &steps.join(&join)).is_err());
    }
}

#[test]
fn what_a_command_goes_by_is_told() {
    let ground = Ground {
        search: &["/usr/bin".into()],
        workdir: Path::new("/ws"),
        is_program,
    };
    let list = list(&["/usr/bin/g*", "/usr/bin/rm"]);
    let used = list.used("git log | head -5 && timeout 5 rm x", &ground);
    let used: Vec<_> = used
        .iter()
        .map(|used| (used.pattern.as_str(), used.program.to_str().unwrap()))
        .collect();
    assert_eq!(
        used,
        [
            ("/usr/bin/g*", "/usr/bin/git"),
            ("/usr/bin/rm", "/usr/bin/rm")
        ]
    );
}
