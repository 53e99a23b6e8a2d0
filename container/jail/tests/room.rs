//! Rooms: walls that several programs share.

mod common;

use common::{Place, installed, open, print_in, start_in};
use jail::spec::{JailSpec, Network};
use std::io::Write;
use std::net::TcpStream;

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
