//! Connections that are made for a jailed program: what it asks for, what it gets, and what it can
//! not do besides.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests; what fails fails the test"
)]

mod common;

use common::{Ended, Place, Running, as_somebody, installed, start, start_as};
use jail::notify::{Attempt, Destination, Listener, Server, Wish};
use jail::spec::{JailSpec, Network};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Duration;

const PROXY: &str = "127.0.0.1:3128";

/// What a jail's connections came to.
struct Heard {
    ended: Ended,
    asked: Vec<Destination>,
}

/// Runs a script without namespaces, and answers its connections: those to the proxy's address by an
/// HTTP server of one page, others with `EACCES`.
fn mediate(spec: &JailSpec, command: &mut Command) -> Heard {
    let running = start_as(command, spec);
    let listener = Listener::receive(&running.link).unwrap();
    let watch = std::thread::spawn(move || serve(&listener));
    let ended = running.end();
    let asked = watch.join().unwrap();
    Heard { ended, asked }
}

fn serve(listener: &Listener) -> Vec<Destination> {
    let mut asked = Vec::new();
    let mut servers = Vec::new();
    loop {
        match listener.next() {
            Ok(Some(attempt)) => {
                answer(listener, &attempt, &mut servers);
                // Asked by libc before anything else.
                let nscd = Destination::Unix("/var/run/nscd/socket".into());
                match attempt.wish {
                    Wish::Connect(to) if to != nscd => asked.push(to),
                    Wish::Connect(_) | Wish::Bind(_) | Wish::Listen(_) => {}
                }
            }
            Ok(None) => wait(listener),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
                return asked;
            }
        }
    }
}

fn wait(listener: &Listener) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;
    let mut polled = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::from(10_000_u16)).unwrap();
}

fn answer(listener: &Listener, attempt: &Attempt, servers: &mut Vec<Server>) {
    let proxy: SocketAddr = PROXY.parse().unwrap();
    let own = |port| servers.iter().any(|server| server.port == port);
    match &attempt.wish {
        Wish::Connect(Destination::Inet(to)) if *to == proxy => {
            if let Ok(stream) = listener.take_over(attempt) {
                std::thread::spawn(move || page(stream));
            }
        }
        Wish::Connect(Destination::Inet(to)) if own(to.port()) => {
            listener.connect_own(attempt, to.port());
        }
        Wish::Connect(_) => listener.refuse(attempt, libc::EACCES),
        Wish::Bind(_) => listener.bind(attempt),
        Wish::Listen(_) => servers.extend(listener.listen(attempt)),
    }
}

/// Answers one request.
fn page(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

fn mediated(place: &Place, script: &str) -> JailSpec {
    JailSpec {
        network: Network::Proxied,
        ..place.plain_shell(script)
    }
}

#[track_caller]
fn print(spec: &JailSpec) -> (String, Vec<Destination>) {
    let heard = mediate(spec, &mut Command::new(common::JAIL));
    assert!(heard.ended.status.success(), "{:?}", heard.ended);
    (heard.ended.stdout, heard.asked)
}

#[test]
fn a_connection_is_made_for_a_program() {
    let place = Place::new();
    for (program, script) in [
        (
            "curl",
            "curl -sS --max-time 5 -x http://127.0.0.1:3128 http://anything.example/",
        ),
        (
            "python3",
            "http_proxy=http://127.0.0.1:3128 python3 -c 'import urllib.request as r; print(end=r.urlopen(\"http://anything.example/\").read().decode())'",
        ),
        (
            "python3",
            "python3 - <<'END'
import asyncio
async def main():
    r, w = await asyncio.open_connection('127.0.0.1', 3128)
    w.write(b'GET / HTTP/1.0\\r\\n\\r\\n')
    print((await r.read()).decode().split()[-1], end='')
asyncio.run(main())
END",
        ),
        (
            "node",
            "node -e 'require(\"http\").get({host:\"127.0.0.1\",port:3128},r=>r.on(\"data\",d=>process.stdout.write(d)))'",
        ),
        (
            "python3",
            "python3 -c '
import socket
s = socket.socket(socket.AF_INET6)
s.connect((\"::ffff:127.0.0.1\", 3128))
s.send(b\"GET / HTTP/1.0\\r\\n\\r\\n\")
print(s.makefile().read().split()[-1], end=\"\")'",
        ),
    ] {
        if installed(program) {
            let (said, asked) = print(&mediated(&place, script));
            assert_eq!(said, "hello", "{script}");
            assert!(!asked.is_empty());
        }
    }
}

#[test]
fn a_connection_that_is_refused_fails_at_once() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = place.folder.path().join("service");
    let service = UnixListener::bind(&path).unwrap();
    let script = format!(
        "python3 - <<'END'
import socket
for family, address in [
    (socket.AF_INET, ('127.0.0.1', {port})),
    (socket.AF_INET, ('169.254.169.254', 80)),
    (socket.AF_INET6, ('::1', {port})),
    (socket.AF_UNIX, '{path}'),
    (socket.AF_UNIX, '\\0abstract'),
]:
    try:
        socket.socket(family).connect(address)
        print('reached', address)
    except OSError as error:
        print(error.strerror)
END",
        port = outside.local_addr().unwrap().port(),
        path = path.display(),
    );
    let (said, asked) = print(&mediated(&place, &script));
    assert_eq!(said, "Permission denied\n".repeat(5));
    assert_eq!(asked.len(), 5);
    assert_eq!(asked[3], Destination::Unix(path));
    outside.set_nonblocking(true).unwrap();
    service.set_nonblocking(true).unwrap();
    assert!(outside.accept().is_err() && service.accept().is_err());
}

#[test]
fn nothing_is_sent_without_a_connection() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let script = "python3 - <<'END'
import socket
s = socket
fast = 0x20000000
def stream(): return s.socket()
for attempt in [
    lambda: s.socket(s.AF_INET, s.SOCK_DGRAM),
    lambda: s.socket(s.AF_INET6, s.SOCK_DGRAM),
    lambda: s.socket(s.AF_INET, s.SOCK_STREAM, 132),
    lambda: s.socket(s.AF_INET, s.SOCK_RAW, 1),
    lambda: s.socket(s.AF_UNIX, s.SOCK_DGRAM),
    lambda: s.socketpair(s.AF_UNIX, s.SOCK_DGRAM),
    lambda: s.socket(s.AF_NETLINK, s.SOCK_RAW),
    lambda: s.socket(s.AF_VSOCK),
    lambda: stream().sendto(b'x', fast, ('127.0.0.1', 3128)),
    lambda: stream().sendmsg([b'x'], [], fast, ('127.0.0.1', 3128)),
    lambda: stream().sendto(b'x', ('127.0.0.1', 3128)),
]:
    try:
        print('worked:', attempt())
    except OSError as error:
        pass
a, b = s.socketpair()
a.send(b'pair works')
print(b.recv(100).decode())
END";
    let (said, asked) = print(&mediated(&place, script));
    assert_eq!(said, "pair works\n");
    assert_eq!(asked, []);
}

#[test]
fn addresses_that_make_no_sense_are_refused_unheard() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let script = "python3 - <<'END'
import ctypes, socket, os
libc = ctypes.CDLL(None, use_errno=True)
s = socket.socket()
for address, length in [(None, 16), (1, 16), (ctypes.create_string_buffer(2), 1),
        (ctypes.create_string_buffer(b'\\2\\0', 300), 300), (None, -1)]:
    print(libc.connect(s.fileno(), address, length), os.strerror(ctypes.get_errno()))
END";
    let (said, asked) = print(&mediated(&place, script));
    let wanted = "-1 Bad address\n-1 Bad address\n-1 Invalid argument\n-1 Invalid argument\n-1 Invalid argument\n";
    assert_eq!(said, wanted);
    assert_eq!(asked, []);
}

#[test]
fn a_server_is_on_the_loopback_and_one_s_own() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let script = "python3 - <<'END'
import os, socket as s, threading
def echo(server):
    peer, _ = server.accept()
    peer.send(peer.recv(9))
def started(family, address):
    server = s.socket(family)
    server.setsockopt(s.SOL_SOCKET, s.SO_REUSEADDR, 1)
    if address: server.bind(address)
    server.listen()
    threading.Thread(target=echo, args=[server], daemon=True).start()
    return server.getsockname()[:2]
for family, address in [
    (s.AF_INET, ('127.0.0.1', 0)),
    (s.AF_INET, ('0.0.0.0', 0)),
    (s.AF_INET, None),
    (s.AF_INET6, ('::', 0)),
]:
    host, port = started(family, address)
    client = s.create_connection((host, port), 5)
    client.send(b'echo')
    print(host, client.recv(9).decode())
for address in [('127.0.0.1', 80), ('192.0.2.1', 8080)]:
    try:
        s.socket().bind(address)
        print('bound', address)
    except OSError as error:
        print(error.strerror)
u = s.socket(s.AF_UNIX)
u.bind('named')
u.listen()
print(os.path.exists('named'))
END";
    let (said, _) = print(&mediated(&place, script));
    let local = "127.0.0.1 echo\n".repeat(3) + "::ffff:127.0.0.1 echo\n";
    let refused = "Permission denied\nCannot assign requested address\n";
    assert_eq!(said, format!("{local}{refused}True\n"));
}

#[test]
fn many_at_once_get_each_their_own() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let script = "python3 - <<'END'
import threading, socket
def one(i):
    s = socket.create_connection(('127.0.0.1', 3128), 10)
    s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
    assert s.makefile().read().endswith('hello')
threads = [threading.Thread(target=one, args=[i]) for i in range(50)]
for t in threads: t.start()
for t in threads: t.join()
print('all')
END";
    let (said, asked) = print(&mediated(&place, script));
    assert_eq!((said.as_str(), asked.len()), ("all\n", 50));
}

#[test]
fn without_anybody_who_listens_no_connection_is_made() {
    let place = Place::new();
    if !installed("python3") {
        return;
    }
    let script = "read line; python3 -c '
import socket
print(socket.socket().connect_ex((\"127.0.0.1\", 3128)))'";
    let Running { child, mut link } = start(&mediated(&place, script));
    drop(Listener::receive(&link).unwrap());
    link.write_all(b"go\n").unwrap();
    let ended = Running { child, link }.end();
    assert_eq!(ended.stdout, format!("{}\n", libc::ENOSYS), "{ended:?}");
}

#[test]
fn a_jail_that_fails_hands_over_no_listener() {
    let place = Place::new();
    let spec = JailSpec {
        cwd: "/nowhere".into(),
        ..mediated(&place, "true")
    };
    let running = start(&spec);
    assert!(Listener::receive(&running.link).is_err());
    assert_eq!(running.end().code(), 125);
}

#[test]
fn a_program_s_own_bytes_are_left_on_the_link() {
    let place = Place::new();
    let mut running = start(&mediated(&place, "echo to you >&0; read line; echo $line"));
    let _listener = Listener::receive(&running.link).unwrap();
    let mut said = [0; 7];
    running
        .link
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    running.link.read_exact(&mut said).unwrap();
    running.link.write_all(b"to me\n").unwrap();
    assert_eq!(
        (&said, running.end().stdout.as_str()),
        (b"to you\n", "to me\n")
    );
}

#[test]
fn root_serves_a_tool_that_is_somebody_else() {
    let Some(place) = Place::somebody_s(4242) else {
        return;
    };
    if !installed("curl") {
        return;
    }
    let spec = mediated(
        &place,
        "id -u; curl -sS -x http://127.0.0.1:3128 http://anything.example/",
    );
    let (said, _) = print(&spec);
    assert_eq!(said, "4242\nhello");
}

#[test]
fn an_ordinary_user_s_tools_are_served_too() {
    let Some(place) = Place::somebody_s(4242) else {
        return;
    };
    if !installed("curl") {
        return;
    }
    let spec = mediated(
        &place,
        "curl -sS -x http://127.0.0.1:3128 http://anything.example/",
    );
    let mut command = as_somebody(4242, place.folder.path());
    let heard = mediate(&spec, &mut command);
    assert_eq!(heard.ended.stdout, "hello", "{:?}", heard.ended);
}
