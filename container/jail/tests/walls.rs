//! What a jailed program can see and do, and what it can not.

mod common;

use common::{JAIL, Place, as_somebody, installed, print, run, start, start_as};
use jail::child::{Signal, kill_group};
use jail::spec::{JailSpec, Limits, Namespaces, Network};
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Runs each line by itself; every one must fail.
#[track_caller]
fn all_fail(place: &Place, spec: impl Fn(&str) -> JailSpec, lines: &str) {
    let script: String = lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("if ({line}) >/dev/null 2>&1; then echo 'worked: {line}'; fi\n"))
        .collect();
    let ended = run(&spec(&script));
    assert_eq!(ended.stdout, "", "in {:?}", place.workspace);
    assert_eq!(ended.code(), 0, "{ended:?}");
}

#[test]
fn a_workspace_can_be_written_and_stays() {
    let place = Place::new();
    for spec in [place.shell("echo hi >a"), place.plain_shell("cat a >b")] {
        print(&spec);
    }
    assert_eq!(fs::read(place.workspace.join("b")).unwrap(), b"hi\n");
}

#[test]
fn the_rest_can_not_be_written() {
    let place = Place::new();
    let lines = "
        touch /usr/x
        touch /etc/x
        touch /x
        mkdir /home/x
        rm /etc/passwd
        echo x >>/etc/hosts
        echo core >/proc/sys/kernel/core_pattern
        echo b >/proc/sysrq-trigger
        echo 1 >/proc/self/oom_score_adj
        touch /proc/x
        mknod sda b 8 0
        mount -t tmpfs none /tmp
        umount /proc
        mount -o remount,rw /usr
        chroot / true
        hostname other
        date -s 2000-01-01
        unshare -U true
        unshare -r true
        nsenter -t 1 -m true";
    all_fail(&place, |script| place.shell(script), lines);
    all_fail(&place, |script| place.plain_shell(script), lines);
}

#[test]
fn what_is_outside_can_not_be_seen() {
    let place = Place::new();
    let canary = place.folder.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    symlink(&canary, place.workspace.join("link")).unwrap();
    let lines = format!(
        "cat {0}
        cat ../canary
        cat link
        cat /proc/1/environ
        cat /proc/1/root/etc/passwd
        readlink /proc/1/exe
        readlink /proc/1/fd/0
        cat /proc/{me}/environ
        ls /proc/{me}/cwd/
        ls /sys/class
        ls /var/log
        kill -0 {me}
        kill -0 1",
        canary.display(),
        me = std::process::id(),
    );
    all_fail(&place, |script| place.shell(script), &lines);
    all_fail(&place, |script| place.plain_shell(script), &lines);
    // Through the link it is a new file in the private /tmp, or nothing.
    run(&place.shell("echo x >link"));
    run(&place.plain_shell("echo x >link"));
    assert_eq!(fs::read(canary).unwrap(), b"secret");
}

#[test]
fn a_private_root_holds_what_the_spec_says_and_no_more() {
    let place = Place::new();
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
    let place = Place::new();
    let seen =
        print(&place.shell("cat /etc/shadow /etc/gshadow /proc/kcore /proc/keys 2>/dev/null; :"));
    assert_eq!(seen, "");
}

#[test]
fn temporary_files_are_private_and_bounded() {
    let place = Place::new();
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
fn a_program_has_no_privilege() {
    let place = Place::new();
    for spec in [
        place.shell("cat /proc/self/status"),
        place.plain_shell("cat /proc/self/status"),
    ] {
        let status = print(&spec);
        for line in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(
                status.contains(&format!("{line}:\t0000000000000000")),
                "{status}"
            );
        }
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
}

#[test]
fn limits_hold() {
    let place = Place::new();
    for spec in [place.shell(LIMITS), place.plain_shell(LIMITS)] {
        let spec = JailSpec {
            limits: Limits {
                data_bytes: Some(64 << 20),
                file_bytes: Some(1 << 20),
                open_files: Some(40),
                ..Limits::default()
            },
            ..spec
        };
        assert_eq!(print(&spec), "40\n0\n1024\n65536\nwritten 1048576\n");
    }
}

const LIMITS: &str = "ulimit -n; ulimit -c; ulimit -f | awk '{print $1 / 2}'; ulimit -d
    (head -c 2000000 /dev/zero >big) 2>/dev/null
    echo written $(stat -c %s big)";

// === protected paths ===

#[test]
fn what_is_protected_stays_as_it_is() {
    let place = Place::new();
    let hooks = place.workspace.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    fs::write(place.workspace.join(".git/config"), "[core]\n").unwrap();
    let spec = |script: &str| JailSpec {
        protect: vec![
            hooks.clone(),
            place.workspace.join(".git/config"),
            place.workspace.join("none"),
        ],
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
    all_fail(&place, spec, lines);
    print(&spec(
        "echo x >.git/index && mkdir .git/objects && echo y >file",
    ));
    assert_eq!(
        fs::read(place.workspace.join(".git/config")).unwrap(),
        b"[core]\n"
    );
}

// === links and odd places ===

#[test]
fn a_workspace_is_found_by_a_link_too() {
    let place = Place::new();
    let link = place.folder.path().join("link");
    symlink(&place.workspace, &link).unwrap();
    let spec = JailSpec {
        cwd: link.clone(),
        write: vec![link],
        ..place.shell("echo hi >a && cat a")
    };
    assert_eq!(print(&spec), "hi\n");
    assert!(place.workspace.join("a").exists());
}

#[test]
fn single_files_can_be_shown_and_written() {
    let place = Place::new();
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
    let place = Place::new();
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

// === network ===

#[test]
fn without_a_network_there_is_only_oneself() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    let script = format!(
        "python3 - <<'END'
import socket
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname(), 1)
print('own server reached')
for family, address in [
    (socket.AF_INET, ('127.0.0.1', {port})),
    (socket.AF_INET, ('192.0.2.1', 80)),
    (socket.AF_INET6, ('2001:db8::1', 80)),
]:
    try:
        socket.socket(family).connect(address)
        print('reached', address)
    except OSError as error:
        print(error.strerror)
END"
    );
    let refused =
        "own server reached\nConnection refused\nNetwork is unreachable\nNetwork is unreachable\n";
    assert_eq!(print(&place.shell(&script)), refused);
}

#[test]
fn without_namespaces_and_network_there_are_no_sockets_but_pairs() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let script = "python3 - <<'END'
import socket
a, b = socket.socketpair()
a.send(b'pair works')
print(b.recv(100).decode())
for family in [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_VSOCK]:
    for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM]:
        try:
            socket.socket(family, kind)
            print('open:', family)
        except OSError:
            pass
END";
    assert_eq!(print(&place.plain_shell(script)), "pair works\n");
}

#[test]
fn the_machine_s_network_comes_without_its_services() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = place.folder.path().canonicalize().unwrap().join("socket");
    let _service = UnixListener::bind(&socket).unwrap();
    let script = format!(
        "python3 - <<'END'
import socket
socket.create_connection(('127.0.0.1', {}), 1)
print('reached')
try:
    socket.socket(socket.AF_UNIX).connect('{}')
    print('service reached')
except OSError:
    pass
for kind in [(socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_VSOCK, socket.SOCK_STREAM),
             (socket.AF_INET, socket.SOCK_RAW), (socket.AF_ALG, socket.SOCK_SEQPACKET)]:
    try:
        socket.socket(*kind)
        print('open:', kind)
    except OSError:
        pass
END",
        tcp.local_addr().unwrap().port(),
        socket.display()
    );
    for spec in [place.shell(&script), place.plain_shell(&script)] {
        let spec = JailSpec {
            network: Network::Host,
            ..spec
        };
        assert_eq!(print(&spec), "reached\n");
    }
}

#[test]
fn names_can_be_resolved_with_the_machine_s_network() {
    let place = Place::new();
    let spec = JailSpec {
        network: Network::Host,
        ..place.shell("getent hosts localhost && cat /etc/resolv.conf")
    };
    let seen = print(&spec);
    let expected = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert!(seen.ends_with(&expected), "{seen}");
}

// === who runs it ===

/// As root, everything again as somebody else; as somebody else, that is what all other tests did.
#[test]
fn an_ordinary_user_has_the_same_walls() {
    const SOMEBODY: u32 = 54321;
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let place = Place::new();
    let folder = place.folder.path();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    chown(&place.workspace, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let script = "id -u; touch mine; ls; touch /usr/x; grep CapEff /proc/self/status
        unshare -U true; ls /root; ls /proc | grep -c '^[0-9]'";
    for namespaces in [Namespaces::Require, Namespaces::Off] {
        let mut spec = place.shell(script);
        spec.read.retain(|path| !path.starts_with("/root"));
        spec.env
            .insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        spec.namespaces = namespaces;
        let ended = start_as(&mut as_somebody(SOMEBODY, folder), &spec).end();
        let lines: Vec<_> = ended.stdout.lines().collect();
        assert_eq!(lines[..2], ["54321", "mine"], "{ended:?}");
        assert!(lines.contains(&"CapEff:\t0000000000000000"), "{ended:?}");
        // touch, unshare, ls
        assert_eq!(ended.stderr.lines().count(), 3, "{ended:?}");
    }
}

#[test]
fn what_root_runs_in_somebody_s_workspace_runs_as_somebody() {
    let Some(place) = Place::somebody_s(54322) else {
        return;
    };
    let script = "id -u; id -G; touch mine; cat /etc/shadow; stat -c %u mine";
    for spec in [place.shell(script), place.plain_shell(script)] {
        let ended = run(&spec);
        assert_eq!(ended.stdout, "54322\n54322\n54322\n", "{ended:?}");
    }
}

#[test]
fn somebody_s_program_ends_as_any_other() {
    let Some(place) = Place::somebody_s(54323) else {
        return;
    };
    let script = "trap 'echo asked; exit 3' TERM; setsid sleep 1000 & echo ready; read x <&0";
    for spec in [place.shell(script), place.plain_shell(script)] {
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
    let place = if nix::unistd::Uid::effective().is_root() {
        Place::somebody_s(54324).unwrap()
    } else {
        Place::new()
    };
    let spec = JailSpec {
        limits,
        ..place.shell(script)
    };
    let ended = run(&spec);
    assert!(!ended.stdout.contains("all"), "{ended:?}");
    assert_ne!(ended.code(), 0);
}

// === jails in jails ===

/// A jail has no namespaces to give: as in a container with its usual filter.
#[test]
fn where_there_are_no_namespaces_the_mend_is_named_or_the_other_walls_stand() {
    let place = Place::new();
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
