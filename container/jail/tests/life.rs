//! How jails begin and end: nothing of one is left when it has ended, however it ends.

mod common;

use common::{Place, feed, print, run, start};
use jail::child::{Signal, kill_group};
use jail::spec::{JailSpec, Namespaces};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

#[test]
fn a_jail_ends_as_its_program_ends() {
    let place = Place::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -TERM $$", 143),
        ("kill -SEGV $$", 139),
    ] {
        for spec in place.shells(script) {
            assert_eq!(run(&spec).code(), code, "{script}");
        }
    }
}

#[test]
fn what_follows_the_spec_belongs_to_the_program() {
    let place = Place::new();
    for spec in place.shells("read line; echo got $line; cat >&0") {
        let mut running = start(&spec);
        running.link.write_all(b"first\nsecond\n").unwrap();
        running.wait_for("got first\n");
        let mut echo = [0; 7];
        // The program has its end of the very socket, in both directions.
        running.link.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"second\n");
        running.link.shutdown(Shutdown::Write).unwrap();
        assert_eq!(running.end().code(), 0);
    }
}

#[test]
fn a_supervisor_that_has_said_all_may_still_listen() {
    let place = Place::new();
    for spec in place.shells("cat >/dev/null; echo after the end >&0") {
        let mut running = start(&spec);
        running.link.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        running.link.read_to_string(&mut text).unwrap();
        assert_eq!(text, "after the end\n");
        assert_eq!(running.end().code(), 0);
    }
}

const DAEMONS: &str = "
    trap '' TERM HUP
    setsid sleep 1000 &
    (setsid sh -c 'sleep 1000 & sleep 1000' &) &
    echo ready
    while :; do sleep 1000; done";

#[test]
fn closing_the_link_ends_everything() {
    let place = Place::new();
    for spec in place.shells(DAEMONS) {
        let mut running = start(&spec);
        running.wait_for("ready\n");
        let common::Running { child, link } = running;
        drop(link);
        // Reads the pipes to their ends: the daemons that hold them are gone.
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(137));
    }
}

#[test]
fn killing_the_jail_ends_everything() {
    let place = Place::new();
    for spec in place.shells(DAEMONS) {
        let mut running = start(&spec);
        running.wait_for("ready\n");
        running.child.kill().unwrap();
        running.end();
    }
}

#[test]
fn the_end_of_the_program_is_the_end_of_its_daemons() {
    let place = Place::new();
    let script = "setsid sleep 1000 & (setsid sleep 1000 &) & echo done";
    for spec in place.shells(script) {
        assert_eq!(run(&spec).stdout, "done\n");
    }
}

#[test]
fn a_polite_end_reaches_the_program() {
    let place = Place::new();
    let script = "trap 'echo asked; exit 3' TERM; sleep 1000 & echo ready; wait";
    for spec in place.shells(script) {
        let mut running = start(&spec);
        running.wait_for("ready\n");
        let pid = running.child.id().try_into().unwrap();
        // The jail leads a group of its own, in which there is only itself.
        kill_group(pid, Signal::SIGTERM).unwrap();
        let ended = running.end();
        assert_eq!((ended.stdout.as_str(), ended.code()), ("asked\n", 3));
    }
}

#[test]
fn no_descriptor_is_inherited() {
    let place = Place::new();
    let (_kept, leaked) = UnixStream::pair().unwrap();
    let fd = OwnedFd::from(leaked);
    nix::fcntl::fcntl(
        &fd,
        nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
    )
    .unwrap();
    for spec in place.shells("ls /proc/self/fd") {
        // ls has a fourth open: the folder it lists.
        assert_eq!(print(&spec), "0\n1\n2\n3\n");
    }
}

#[test]
fn many_jails_at_once_do_not_disturb_each_other() {
    let place = Place::new();
    let running: Vec<_> = (0..24)
        .map(|number| {
            (
                number,
                start(&place.shell(&format!("echo {number}; exit {number}"))),
            )
        })
        .collect();
    for (number, running) in running {
        let ended = running.end();
        assert_eq!(ended.stdout, format!("{number}\n"));
        assert_eq!(ended.code(), number);
    }
}

// === what can not be built ===

#[test]
fn a_bad_spec_is_said_in_one_line() {
    let frame = |json: &str| {
        let mut frame = u32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
        frame.extend_from_slice(json.as_bytes());
        frame
    };
    for (bytes, word) in [
        (vec![], "no jail spec on stdin"),
        (vec![9, 0, 0, 0, b'{'], "no jail spec on stdin"),
        (u32::MAX.to_le_bytes().to_vec(), "over the limit"),
        (frame("{}"), "missing field"),
        (frame("[1, 2]"), "bad jail spec"),
    ] {
        let (code, said) = feed(&bytes);
        assert_eq!(code, 125);
        assert!(
            said.starts_with("openclaw-jail: ") && said.contains(word),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1);
    }
}

#[test]
fn what_can_not_be_built_is_named() {
    let place = Place::new();
    let none = place.workspace.join("none");
    let base = place.shell("true");
    let with = |change: &dyn Fn(&mut JailSpec)| {
        let mut spec = base.clone();
        change(&mut spec);
        spec
    };
    for (spec, word) in [
        (with(&|s| s.write = vec![none.clone()]), "none"),
        (with(&|s| s.cwd = none.clone()), "none"),
        (with(&|s| s.program = none.clone()), "none"),
        (with(&|s| s.read = vec!["/".into()]), "read"),
        (with(&|s| s.args = vec!["a\0b".to_owned()]), "args"),
    ] {
        for namespaces in [spec.namespaces, Namespaces::Off] {
            let spec = JailSpec {
                namespaces,
                ..spec.clone()
            };
            let ended = run(&spec);
            assert_eq!(ended.code(), 125, "{word} {namespaces:?}");
            assert!(ended.stderr.contains(word), "{}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        }
    }
}
