//! What a jailed program can see and do, and what it can not, with namespaces and without.

mod common;

use common::{Place, all_fail, have_namespaces, installed, print, run};
use jail::spec::{JailSpec, Limits};
use std::fs::{self};
use std::os::unix::fs::symlink;

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
        touch /etc/openclaw-was-here
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
    all_fail(&place, |script| place.shells(script), lines);
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
    all_fail(&place, |script| place.shells(script), &lines);
    // Through the link it is a new file in the private /tmp, or nothing.
    for spec in place.shells("echo x >link") {
        run(&spec);
    }
    assert_eq!(fs::read(canary).unwrap(), b"secret");
}

#[test]
fn a_program_has_no_privilege() {
    let place = Place::new();
    for spec in place.shells("cat /proc/self/status") {
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
    for spec in place.shells(LIMITS) {
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

/// It is on no process's account: what there is of it has to be little.
#[test]
fn shared_memory_that_stays_is_small() {
    let place = Place::new();
    if !installed("python3") || !have_namespaces() {
        return;
    }
    let script = "python3 - <<'END'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
for size in [56, 65535, 65536, 1 << 31, 1 << 32, (1 << 32) + 56]:
    print(size, libc.shmget(0, size, 0o1600) >= 0)
END";
    let expected =
        "56 True\n65535 True\n65536 False\n2147483648 False\n4294967296 False\n4294967352 False\n";
    assert_eq!(print(&place.shell(script)), expected);
}
