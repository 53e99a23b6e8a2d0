//! Rooms: walls that several programs share.

mod common;

use common::{JAIL, Place, installed, open, open_as, print_in, run, run_in, start_in};
use jail::JailError;
use jail::room::Room;
use jail::spec::{JailSpec, Network, Order};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

#[test]
fn programs_in_a_room_share_its_files_and_its_network_but_not_their_processes() {
    let Some(place) = Place::private() else {
        return;
    };
    let room = open(&place.shell("")).room;
    let mut server = start_in(
        &room,
        &place.shell(
            "echo kept >/tmp/kept
            python3 -c 'if 1:
                import socket
                s = socket.create_server((\"127.0.0.1\", 3000))
                print(\"ready\", flush=True)
                s.accept()[0].send(b\"hello\\n\")'",
        ),
    );
    server.wait_for("ready\n");
    let client = place.shell(
        "cat /tmp/kept
        python3 -c 'if 1:
            import socket
            print(socket.create_connection((\"127.0.0.1\", 3000)).recv(9).decode(), end=\"\")'
        ps -e -o comm=
        hostname",
    );
    assert_eq!(
        print_in(&room, &client),
        "kept\nhello\nopenclaw-jail\nsh\nps\nopenclaw\n"
    );
    assert_eq!(server.end().code(), 0);
    assert_eq!(print_in(&room, &place.shell("cat /tmp/kept")), "kept\n");
}

#[test]
fn a_door_leads_out_of_a_room() {
    let Some(place) = Place::private() else {
        return;
    };
    if !installed("python3") {
        return;
    }
    let spec = |script: &str| JailSpec {
        network: Network::Proxied,
        ..place.shell(script)
    };
    let opened = open(&spec(""));
    let doors = opened.doors.unwrap();
    for door in [&doors.proxy, &doors.http, &doors.tls] {
        door.set_nonblocking(false).unwrap();
    }
    doors.dns.set_nonblocking(false).unwrap();
    let script = "cat /etc/resolv.conf
        python3 -c 'if 1:
            import socket
            for address in [(\"127.0.0.1\", 3128), (\"198.19.3.4\", 80), (\"198.18.255.255\", 443)]:
                print(socket.create_connection(address).recv(99).decode())
            s = socket.socket(type=socket.SOCK_DGRAM)
            s.sendto(b\"who\", (\"127.0.0.1\", 53))
            print(s.recv(99).decode())'";
    let inside = start_in(&opened.room, &spec(script));
    let answer = |(mut to, _): (TcpStream, _)| {
        let local = to.local_addr().unwrap();
        to.write_all(local.to_string().as_bytes()).unwrap();
    };
    answer(doors.proxy.accept().unwrap());
    answer(doors.http.accept().unwrap());
    answer(doors.tls.accept().unwrap());
    let mut asked = [0; 9];
    let (count, from) = doors.dns.recv_from(&mut asked).unwrap();
    doors.dns.send_to(&asked[..count], from).unwrap();
    let ended = inside.end();
    assert_eq!(
        ended.stdout,
        "nameserver 127.0.0.1\n127.0.0.1:3128\n198.19.3.4:80\n198.18.255.255:443\nwho\n",
        "{ended:?}"
    );
}

#[test]
fn who_is_to_reach_nobody_finds_no_doors_but_the_same_files() {
    let Some(place) = Place::private() else {
        return;
    };
    let spec = |network: Network, script: &str| JailSpec {
        network,
        ..place.shell(script)
    };
    let opened = open(&spec(Network::Proxied, ""));
    let connect = "echo x >>/tmp/kept; wc -l </tmp/kept; cat /proc/net/dev | grep -c :
        bash -c 'echo >/dev/tcp/127.0.0.1/3128' && echo reached";
    let seen = run_in(&opened.room, &spec(Network::Proxied, connect)).stdout;
    assert_eq!(seen, "1\n1\nreached\n");
    let seen = run_in(&opened.room, &spec(Network::None, connect)).stdout;
    assert_eq!(seen, "2\n1\n");
    let own = "python3 -c 'import socket
s = socket.create_server((\"127.0.0.1\", 0))
socket.create_connection(s.getsockname(), 1)'";
    print_in(&opened.room, &spec(Network::None, own));
}

#[test]
fn the_machine_s_network_is_for_those_in_its_room_who_may_have_it() {
    let Some(place) = Place::private() else {
        return;
    };
    let spec = |network: Network| JailSpec {
        network,
        ..place.shell("grep -c : /proc/net/dev; readlink /proc/self/ns/net")
    };
    let room = open(&spec(Network::Host)).room;
    let machine_s = std::fs::read_link("/proc/self/ns/net").unwrap();
    let machine_s = machine_s.to_str().unwrap();
    let seen = print_in(&room, &spec(Network::Host));
    assert!(seen.ends_with(&format!("{machine_s}\n")), "{seen}");
    let seen = print_in(&room, &spec(Network::None));
    assert!(
        seen.starts_with("1\n") && !seen.contains(machine_s),
        "{seen}"
    );
    let ended = run_in(&room, &spec(Network::Proxied));
    assert_eq!(
        (ended.code(), ended.stdout.as_str()),
        (125, ""),
        "{ended:?}"
    );
}

#[test]
fn a_room_says_how_full_it_is() {
    let Some(place) = Place::private() else {
        return;
    };
    let room = open(&place.shell("")).room;
    let before = room.tmp_used().unwrap();
    print_in(
        &room,
        &place.shell("head -c 1000000 /dev/zero >/tmp/a; head -c 1000000 /dev/zero >/dev/shm/b"),
    );
    let used = room.tmp_used().unwrap() - before;
    assert!((2_000_000..2_100_000).contains(&used), "{used}");
}

#[test]
fn a_room_goes_with_the_last_who_is_in_it() {
    let Some(place) = Place::private() else {
        return;
    };
    let room = open(&place.shell("")).room;
    let mut inside = start_in(
        &room,
        &place.shell("echo ready; read x; echo $x >/tmp/a; cat /tmp/a"),
    );
    inside.wait_for("ready\n");
    drop(room);
    inside.link.write_all(b"still here\n").unwrap();
    assert_eq!(inside.end().stdout, "still here\n");
}

#[test]
fn nobody_in_a_room_reaches_another_or_changes_it() {
    let Some(place) = Place::private() else {
        return;
    };
    let room = open(&place.shell("")).room;
    let mut other = start_in(&room, &place.shell("echo ready; read x"));
    other.wait_for("ready\n");
    let outer = other.child.id();
    let lines = format!(
        "
        test $(ls /proc | grep -c '^[0-9]') -gt 6
        kill -0 {outer}
        kill -9 -1; false
        ls /proc/{outer}
        readlink /proc/1/exe
        cat /proc/1/environ
        readlink /proc/1/fd/3
        cat /proc/1/fd/0
        kill -9 1; test ! -d /proc/1
        nsenter --net=/proc/self/ns/net true
        nsenter --user=/proc/self/ns/user true
        nsenter --mount=/proc/1/ns/mnt true
        unshare -m true
        unshare -Ur true
        umount /proc
        umount -l /tmp
        mount -o remount,rw /
        mount -o remount,rw /proc
        mount -t proc proc /proc
        mount --bind /usr /tmp
        ip link add dummy0 type dummy
        ip addr add 10.0.0.1/8 dev lo
        ip link set lo down
        hostname other
        touch /x
        touch /proc/sys/kernel/hostname
        echo 1 >/proc/sys/kernel/shmall
        echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"
    );
    // The last line but one ends the shell that runs it: in a group of its own.
    let lines = lines.replace("kill -9 -1; false", "setsid sh -c 'kill -9 -1'; false");
    all_fail_in(&room, &place, &lines);
    drop(other.link);
    let mut child = other.child;
    // Ended by its link, not by anybody inside.
    assert_eq!(child.wait().unwrap().code(), Some(137));
}

#[track_caller]
fn all_fail_in(room: &jail::room::Room, place: &Place, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let ended = run_in(room, &place.shell(line));
        assert_ne!(ended.code(), 0, "{line}: {ended:?}");
        assert_ne!(ended.code(), 125, "{line}: {ended:?}");
    }
}

/// A program in a room has what it was given: its three.
#[test]
fn nothing_of_the_room_is_left_open_to_a_program() {
    let Some(place) = Place::private() else {
        return;
    };
    let room = open(&place.shell("")).room;
    assert_eq!(
        print_in(&room, &place.shell("ls /proc/self/fd")),
        "0\n1\n2\n3\n"
    );
    let status = print_in(
        &room,
        &place.shell("cat /proc/self/status; cat /proc/self/cgroup"),
    );
    for set in ["Inh", "Prm", "Eff", "Bnd", "Amb"] {
        let line = format!("Cap{set}:\t0000000000000000\n");
        assert!(status.contains(&line), "{status}");
    }
    for line in ["NoNewPrivs:\t1\n", "Seccomp:\t2\n"] {
        assert!(status.contains(line), "{status}");
    }
    // Its control groups are the roots of what it sees.
    assert!(!status.contains(":/."), "{status}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the jail is what is tested")]
fn a_wrong_order_is_said_and_nothing_is_run() {
    let place = Place::new();
    let join = JailSpec {
        order: Order::Join,
        ..place.shell("echo ran")
    };
    // Without a room.
    let ended = run(&join);
    assert_eq!((ended.code(), ended.stdout.as_str()), (125, ""));
    assert!(ended.stderr.contains("room"), "{}", ended.stderr);
    // Without namespaces.
    for order in [Order::Open, Order::Join] {
        let spec = JailSpec {
            order,
            ..place.plain_shell("echo ran")
        };
        let ended = run(&spec);
        assert_eq!((ended.code(), ended.stdout.as_str()), (125, ""));
        assert!(ended.stderr.contains("namespaces"), "{}", ended.stderr);
    }
    let Some(place) = Place::private() else {
        return;
    };
    let none = JailSpec {
        write: vec![place.workspace.join("none")],
        ..place.shell("")
    };
    let error = open_as(&mut Command::new(JAIL), &none).unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
    // Nobody answers.
    let (link, far) = UnixStream::pair().unwrap();
    drop(far);
    assert!(matches!(Room::receive(&link), Err(JailError::NoAnswer(_))));
    // Somebody else does.
    let (link, mut far) = UnixStream::pair().unwrap();
    far.write_all(b"\x09\0\0\0{\"hello\"}").unwrap();
    assert!(matches!(Room::receive(&link), Err(JailError::NoAnswer(_))));
    far.write_all(&u32::MAX.to_le_bytes()).unwrap();
    assert!(matches!(Room::receive(&link), Err(JailError::NoAnswer(_))));
    let room = open(&place.shell("")).room;
    // A workspace that the room does not show, a program that is not there.
    let elsewhere = Place::new();
    let spec = JailSpec {
        write: vec![elsewhere.workspace.clone()],
        ..place.shell("echo ran")
    };
    let ended = run_in(&room, &spec);
    assert_eq!(
        (ended.code(), ended.stdout.as_str()),
        (125, ""),
        "{ended:?}"
    );
    let spec = JailSpec {
        program: "/none".into(),
        ..place.shell("")
    };
    assert_eq!(run_in(&room, &spec).code(), 125);
}

#[test]
fn a_program_in_a_room_ends_as_any_other() {
    let Some(place) = Place::private() else {
        return;
    };
    let room = open(&place.shell("")).room;
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143)] {
        assert_eq!(run_in(&room, &place.shell(script)).code(), code);
    }
    let script =
        "trap '' TERM HUP; (setsid sleep 1000 &); echo ready; while :; do sleep 1000; done";
    let mut running = start_in(&room, &place.shell(script));
    running.wait_for("ready\n");
    let common::Running { child, link } = running;
    drop(link);
    // Reads the pipes to their ends: nobody is left who holds them.
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(137));
    let mut running = start_in(&room, &place.shell(script));
    running.wait_for("ready\n");
    running.child.kill().unwrap();
    running.end();
}

/// What may be written is each program's own matter.
#[test]
fn a_program_may_write_less_than_its_room() {
    let Some(place) = Place::private() else {
        return;
    };
    // Not in /tmp, which is everybody's.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if folder.path().starts_with("/tmp") {
        return;
    }
    let mut spec = place.shell("");
    spec.write.push(folder.path().to_owned());
    let room = open(&spec).room;
    let script = format!("echo x >{}/x || echo no", folder.path().display());
    assert_eq!(print_in(&room, &place.shell(&script)), "no\n");
}
