//! Whoever runs a jail, and whoever owns its workspace.

mod common;

use common::{
    JAIL, Place, as_somebody, have_namespaces, join_as, open, open_as, run, start, start_as,
    start_in,
};
use jail::child::{Signal, kill_group};
use jail::spec::{JailSpec, Limits};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

/// As root, everything again as somebody else; as somebody else, that is what all other tests did.
#[test]
fn an_ordinary_user_has_the_same_walls() {
    const SOMEBODY: u32 = 54321;
    let Some(place) = Place::somebody_s(SOMEBODY) else {
        return;
    };
    let folder = place.folder.path();
    let script = "id -u; touch mine; ls; touch /usr/x; grep CapEff /proc/self/status
        unshare -U true; ls /root; ls /proc | grep -c '^[0-9]'";
    for mut spec in place.shells(script) {
        spec.read.retain(|path| !path.starts_with("/root"));
        spec.env
            .insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        let ended = start_as(&mut as_somebody(SOMEBODY, folder), &spec).end();
        let lines: Vec<_> = ended.stdout.lines().collect();
        assert_eq!(lines[..2], ["54321", "mine"], "{ended:?}");
        assert!(lines.contains(&"CapEff:\t0000000000000000"), "{ended:?}");
        // touch, unshare, ls
        assert_eq!(ended.stderr.lines().count(), 3, "{ended:?}");
    }
}

/// Rooms and placeholders too, whether somebody makes them or root does so for somebody.
#[test]
#[expect(clippy::disallowed_methods, reason = "a harness that starts jails")]
fn an_ordinary_user_has_the_same_rooms() {
    const SOMEBODY: u32 = 54325;
    let Some(place) = Place::somebody_s(SOMEBODY).filter(|_| have_namespaces()) else {
        return;
    };
    let folder = place.folder.path();
    let spec = |script: &str| {
        let mut spec = place.shell(script);
        spec.read.retain(|path| !path.starts_with("/root"));
        spec.env
            .insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        spec.protect = vec![place.workspace.join(".git/config")];
        spec
    };
    let script = "id -u; touch mine; echo x >>/tmp/kept; cat /tmp/kept; touch .git/config
        rm mine; ls -A; test $(ls /proc | grep -c '^[0-9]') -lt 6 && echo few; grep Cap /proc/self/status | sort -u -k2";
    let expected = "54325\nx\n.git\nfew\nCapInh:\t0000000000000000\n";
    for by_root in [false, true] {
        let command = || match by_root {
            false => as_somebody(SOMEBODY, folder),
            true => Command::new(JAIL),
        };
        let opened = open_as(&mut command(), &spec("")).unwrap();
        for again in ["", "x\n"] {
            let ended = join_as(&mut command(), &opened.room, &spec(script)).end();
            let expected = expected.replacen("x\n", &format!("x\n{again}"), 1);
            assert_eq!(ended.stdout, expected, "{ended:?}");
        }
        drop(opened);
        assert!(!place.workspace.join(".git").exists());
    }
}

#[test]
fn what_root_runs_in_somebody_s_workspace_runs_as_somebody() {
    let Some(place) = Place::somebody_s(54322) else {
        return;
    };
    let script = "id -u; id -G; touch mine; cat /etc/shadow; stat -c %u mine";
    for spec in place.shells(script) {
        let ended = run(&spec);
        assert_eq!(ended.stdout, "54322\n54322\n54322\n", "{ended:?}");
    }
}

/// Whoever owns the workspace, each session is a user of its own, and what it makes is the owner's.
#[test]
fn a_session_of_root_has_a_user_of_its_own() {
    const SESSION: u32 = 7_654_321;
    if !nix::unistd::geteuid().is_root() || !have_namespaces() {
        return;
    }
    let places = [Place::somebody_s(54326), Some(Place::new())];
    for place in places.into_iter().flatten() {
        let ws = &place.workspace;
        let owner = fs::metadata(ws).unwrap().uid();
        fs::write(ws.join("his"), "").unwrap();
        chown(ws.join("his"), Some(owner), Some(owner)).unwrap();
        fs::create_dir_all(ws.join(".git/hooks")).unwrap();
        chown(ws.join(".git"), Some(owner), Some(owner)).unwrap();
        fs::write(ws.join("another"), "kept").unwrap();
        chown(ws.join("another"), Some(11), Some(11)).unwrap();
        let spec = |script: &str, user: u32| JailSpec {
            user: Some(user),
            protect: vec![ws.join(".git/hooks"), ws.join(".bashrc")],
            ..place.shell(script)
        };
        let script = "id -u; id -g; id -G; echo x >>his; touch made .git/index; mkdir -p folder
            stat -c %u made his . another; echo x >>another; echo x >.bashrc
            touch .git/hooks/x; chown 11 made; cat another; echo";
        let ended = run(&spec(script, SESSION));
        let me = SESSION.to_string();
        let lines: Vec<_> = ended.stdout.lines().collect();
        let expected = [&me, &me, &me, &me, &me, &me, "11", "kept"];
        assert_eq!(lines, expected, "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 4, "{ended:?}");
        for name in ["made", "folder", "his", ".git/index"] {
            let made = fs::metadata(ws.join(name)).unwrap();
            assert_eq!((made.uid(), made.gid()), (owner, owner), "{name}");
        }
        // What one uses up is not another's to lack.
        let many = "for i in $(seq 14); do sleep 1000 & done; echo ready; read x";
        let limited = |script: &str, user: u32| JailSpec {
            limits: Limits {
                processes: Some(20),
                ..Limits::default()
            },
            ..spec(script, user)
        };
        let rooms = [SESSION, SESSION + 1].map(|user| open(&spec("", user)).room);
        let running: Vec<_> = rooms
            .iter()
            .zip([SESSION, SESSION + 1])
            .map(|(room, user)| {
                let mut running = start_in(room, &limited(many, user));
                running.wait_for("ready\n");
                running
            })
            .collect();
        let more = start_in(&rooms[0], &limited(many, SESSION)).end();
        assert!(!more.stdout.contains("ready"), "{more:?}");
        for running in running {
            drop(running.link);
        }
    }
}

#[test]
fn somebody_s_program_ends_as_any_other() {
    let Some(place) = Place::somebody_s(54323) else {
        return;
    };
    let script = "trap 'echo asked; exit 3' TERM; setsid sleep 1000 & echo ready; wait";
    for spec in place.shells(script) {
        let mut running = start(&spec);
        running.wait_for("ready\n");
        kill_group(running.child.id().try_into().unwrap(), Signal::SIGTERM).unwrap();
        let ended = running.end();
        assert_eq!((ended.stdout.as_str(), ended.code()), ("asked\n", 3));
        let mut running = start(&spec);
        running.wait_for("ready\n");
        running.child.kill().unwrap();
        running.end();
    }
}

#[test]
fn processes_are_limited_for_everybody_but_root() {
    let limits = Limits {
        processes: Some(20),
        ..Limits::default()
    };
    // Not zero: forty sleeps do not start.
    let script = "for i in $(seq 40); do sleep 1000 & done 2>/dev/null; echo all";
    let place = Place::somebody_s(54324).unwrap_or_else(Place::new);
    if fs::metadata(&place.workspace).unwrap().uid() == 0 {
        return;
    }
    let spec = JailSpec {
        limits,
        ..place.shell(script)
    };
    let ended = run(&spec);
    assert!(!ended.stdout.contains("all"), "{ended:?}");
    assert_ne!(ended.code(), 0);
}
