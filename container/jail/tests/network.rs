//! Which network a jailed program sees.

mod common;

use common::{Place, installed, print};
use jail::spec::{JailSpec, Network};
use std::fs::{self};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

#[test]
fn without_a_network_there_is_only_oneself() {
    let Some(place) = Place::private() else {
        return;
    };
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
    for spec in place.shells(&script) {
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
