//! What namespaces make private.

mod common;

use common::{JAIL, Place, all_fail, print, run};
use jail::spec::{JailSpec, Limits, Namespaces};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

#[test]
fn a_private_root_holds_what_the_spec_says_and_no_more() {
    let Some(place) = Place::private() else {
        return;
    };
    let seen = print(&place.shell("ls -A /; ls -A /tmp; ls /dev; hostname; ps -e -o comm="));
    let words: Vec<_> = seen.split_whitespace().collect();
    for word in [
        "usr", "bin", "etc", "dev", "proc", "tmp", "null", "shm", "pts", "openclaw",
    ] {
        assert!(words.contains(&word), "{word} in {seen}");
    }
    for word in [
        "sys", "boot", "run", "srv", "sda", "kmsg", "mem", "kvm", "cargo",
    ] {
        assert!(!words.contains(&word), "{word} in {seen}");
    }
    // The keeper, the shell, and ps itself.
    let processes = words
        .iter()
        .filter(|w| ["openclaw-jail", "sh", "ps"].contains(w));
    assert_eq!(processes.count(), 3, "{seen}");
}

#[test]
fn what_only_root_may_read_is_masked() {
    let Some(place) = Place::private() else {
        return;
    };
    let seen =
        print(&place.shell("cat /etc/shadow /etc/gshadow /proc/kcore /proc/keys 2>/dev/null; :"));
    assert_eq!(seen, "");
}

#[test]
fn temporary_files_are_private_and_bounded() {
    let Some(place) = Place::private() else {
        return;
    };
    let spec = JailSpec {
        limits: Limits {
            tmp_bytes: Some(4 << 20),
            ..Limits::default()
        },
        ..place.shell("head -c 3000000 /dev/zero >/tmp/a && echo fits; head -c 3000000 /dev/zero >/dev/shm/b || echo full")
    };
    assert_eq!(print(&spec), "fits\nfull\n");
    assert!(!Path::new("/dev/shm/b").exists());
}

#[test]
fn what_is_protected_stays_as_it_is() {
    let Some(place) = Place::private() else {
        return;
    };
    let hooks = place.workspace.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    fs::write(place.workspace.join(".git/config"), "[core]\n").unwrap();
    let spec = |script: &str| JailSpec {
        protect: vec![hooks.clone(), place.workspace.join(".git/config")],
        ..place.shell(script)
    };
    let lines = "
        touch .git/hooks/pre-commit
        echo x >>.git/config
        rm .git/config
        mv .git/config .git/config2
        mv .git/hooks .git/hooks2
        rmdir .git/hooks
        mv .git .git2
        rm -rf .git
        ln -sf /dev/null .git/config
        umount .git/config";
    all_fail(&place, |script| [spec(script)], lines);
    print(&spec(
        "echo x >.git/index && mkdir .git/objects && echo y >file",
    ));
    assert_eq!(
        fs::read(place.workspace.join(".git/config")).unwrap(),
        b"[core]\n"
    );
}

/// Missing, misspelt, linked: all that programs outside would find under these names.
#[test]
fn what_is_protected_and_missing_can_not_be_made() {
    let Some(place) = Place::private() else {
        return;
    };
    let ws = &place.workspace;
    fs::create_dir_all(ws.join("repo/.Git/HOOKS")).unwrap();
    fs::write(ws.join(".MCP.json"), "mine").unwrap();
    symlink("/etc/passwd", ws.join(".zshrc")).unwrap();
    symlink("repo", ws.join(".idea")).unwrap();
    let names = [
        ".git/hooks",
        ".git/config",
        ".bashrc",
        ".mcp.json",
        ".zshrc",
        ".idea",
        ".vscode/",
        "repo/.git/hooks",
    ];
    let spec = |script: &str| JailSpec {
        protect: names.iter().map(|name| ws.join(name)).collect(),
        ..place.shell(script)
    };
    let lines = "
        echo x >.bashrc
        cat .bashrc
        rm -f .bashrc
        rm -rf .bashrc .git .vscode
        chmod 644 .bashrc
        touch x; mv -T x .bashrc
        ln -f x .bashrc
        ln -sf /x .bashrc
        mkdir .git/hooks
        mkdir -p d/hooks; mv -T d .git
        rmdir .git
        rmdir .vscode
        mv .vscode v
        touch .vscode/tasks.json
        git init .
        echo x >.MCP.json
        rm -f .MCP.json
        mv .MCP.json y
        rm -f .zshrc
        mv .zshrc z
        ln -sf y .zshrc
        cat .zshrc
        rm -f .idea
        touch repo/.Git/HOOKS/x
        mv repo r
        mv repo/.Git g
        umount .bashrc";
    let before = listing(ws);
    all_fail(&place, |script| [spec(script)], lines);
    print(&spec(
        "git init -q other && git -C other status --porcelain && touch other/.bashrc
        test ! -s .bashrc && test \"$(cat .MCP.json)\" = mine && rm -r other d g x",
    ));
    // And nothing is left of it.
    assert_eq!(listing(ws), before);
    let room = common::open(&spec(""));
    let seen = common::print_in(&room.room, &spec("ls -A; echo x >.bashrc || echo kept"));
    assert!(seen.contains(".bashrc\n.git\n"), "{seen}");
    assert!(seen.ends_with("kept\n"), "{seen}");
    // A jail in the same workspace leaves it what it needs.
    print(&spec("true"));
    let seen = common::print_in(&room.room, &spec("echo x >.bashrc || echo kept"));
    assert_eq!(seen, "kept\n");
    drop(room);
    assert_eq!(listing(ws), before);
}

#[expect(clippy::unwrap_used, reason = "what fails fails the test")]
fn listing(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names.map(|name| name.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn single_files_can_be_shown_and_written() {
    let Some(place) = Place::private() else {
        return;
    };
    let folder = place.folder.path().canonicalize().unwrap();
    let (read, write) = (folder.join("read"), folder.join("write"));
    fs::write(&read, "to read\n").unwrap();
    fs::write(&write, "").unwrap();
    let script = format!(
        "cat {read}; echo x >>{read}; echo written >{write}; ls {folder}",
        read = read.display(),
        write = write.display(),
        folder = folder.display()
    );
    let mut spec = place.shell(&script);
    spec.read.push(read);
    spec.write.push(write.clone());
    let ended = run(&spec);
    assert_eq!(
        ended.stdout, "to read\nread\nworkspace\nwrite\n",
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read(write).unwrap(), b"written\n");
}

#[test]
fn what_lies_behind_a_closed_door_can_be_shown() {
    let Some(place) = Place::private() else {
        return;
    };
    let home = place.folder.path().canonicalize().unwrap().join("home");
    fs::create_dir_all(home.join("tools")).unwrap();
    fs::write(home.join("tools/tool"), "#!/bin/sh\necho tool\n").unwrap();
    fs::write(home.join("secret"), "").unwrap();
    fs::set_permissions(home.join("tools/tool"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
    let mut spec = place.shell(&format!("{0}/tools/tool; ls -A {0}", home.display()));
    spec.read.push(home.join("tools"));
    assert_eq!(print(&spec), "tool\ntools\n");
}

/// A jail has no namespaces to give: as in a container with its usual filter.
#[test]
fn where_there_are_no_namespaces_the_mend_is_named_or_the_other_walls_stand() {
    let Some(place) = Place::private() else {
        return;
    };
    let inner = |namespaces| {
        let spec = JailSpec {
            namespaces,
            ..place.shell("echo inside; cat /etc/passwd >/dev/null && touch file; touch /usr/x; id -u >/dev/null")
        };
        fs::write(place.workspace.join("frame"), spec.to_frame().unwrap()).unwrap();
        let mut outer = place.shell(&format!("{JAIL} <frame"));
        outer.read.push(JAIL.into());
        run(&outer)
    };
    let required = inner(Namespaces::Require);
    assert_eq!((required.code(), required.stdout.as_str()), (125, ""));
    for word in ["no namespaces here", "sysctl", "seccomp="] {
        assert!(required.stderr.contains(word), "{}", required.stderr);
    }
    let taken = inner(Namespaces::Auto);
    assert_eq!(taken.stdout, "inside\n");
    assert!(
        taken
            .stderr
            .contains("running with Landlock and seccomp alone"),
        "{taken:?}"
    );
    assert!(taken.stderr.contains("cannot touch '/usr/x'"), "{taken:?}");
    assert!(place.workspace.join("file").exists());
}
