//! Whoever listens on this machine, or beyond it.

use super::call::{Word, call, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, failed, tried};
use Expect::{Refused, Since};
use libc::{EACCES, EADDRNOTAVAIL, ECONNREFUSED, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOENT, EPERM};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(300);

const NO_SOCKET: Expect = Refused(&[EPERM, EACCES]);
const NOBODY: Expect = Refused(&[ECONNREFUSED]);
const NOWHERE: Expect = Refused(&[ENETUNREACH, EADDRNOTAVAIL, EHOSTUNREACH]);
const NOT_THERE: Expect = Refused(&[ENOENT]);

const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

pub(super) const ROWS: &[Row] = &[
    // === by path and by name ===
    row(
        "call control socket through a link",
        NOT_THERE,
        NO_SOCKET,
        |to| {
            let link = to.workspace.join("control");
            let _ = fs::remove_file(&link);
            let linked = symlink(&to.control, &link);
            let outcome = tried(linked.and_then(|()| UnixStream::connect(&link)));
            let _ = fs::remove_file(&link);
            outcome
        },
    ),
    row(
        "call control socket by the gateway's root",
        NOT_THERE,
        NO_SOCKET,
        |to| {
            let path = to.control.strip_prefix("/").unwrap_or(&to.control);
            tried(UnixStream::connect(
                Path::new(&format!("/proc/{}/root", to.pid)).join(path),
            ))
        },
    ),
    row(
        "call control socket from its folder",
        NOT_THERE,
        NO_SOCKET,
        |to| {
            let folder = to.control.parent().unwrap_or(Path::new("/"));
            let name = to.control.strip_prefix(folder).unwrap_or(&to.control);
            tried(std::env::set_current_dir(folder).and_then(|()| UnixStream::connect(name)))
        },
    ),
    row("send a datagram to a service", NOT_THERE, NO_SOCKET, |to| {
        tried(UnixDatagram::unbound().and_then(|socket| socket.send_to(b"x", to.datagrams())))
    }),
    row("send a datagram from a pair", NOT_THERE, NO_SOCKET, |to| {
        tried(UnixDatagram::pair().and_then(|(socket, _)| socket.send_to(b"x", to.datagrams())))
    }),
    row(
        "connect one of a pair to a service",
        NOT_THERE,
        NO_SOCKET,
        |to| tried(UnixDatagram::pair().and_then(|(socket, _)| socket.connect(to.datagrams()))),
    ),
    row(
        "connect one of a pair of streams to a service",
        Refused(&[ENOENT, libc::EISCONN]),
        Refused(&[EPERM, EACCES, libc::EISCONN]),
        |to| {
            let pair = UnixStream::pair().map(|(one, _)| one);
            tried(pair.and_then(|socket| connect(&socket.into(), &to.socket)))
        },
    ),
    row(
        "send a datagram to an abstract service",
        NOBODY,
        NO_SOCKET,
        |to| {
            let name = format!("{}-datagrams", to.abstract_socket);
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name);
            let sent = |address| UnixDatagram::unbound()?.send_to_addr(b"x", &address);
            tried(address.and_then(sent))
        },
    ),
    row(
        "send a datagram from a pair to an abstract service",
        NOBODY,
        NO_SOCKET,
        |to| {
            let name = format!("{}-datagrams", to.abstract_socket);
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name);
            let sent = |address| UnixDatagram::pair()?.0.send_to_addr(b"x", &address);
            tried(address.and_then(sent))
        },
    ),
    row(
        "hand over a file to a service",
        NOT_THERE,
        NO_SOCKET,
        |to| tried(UnixStream::connect(&to.socket).and_then(|socket| give(&socket))),
    ),
    row("call Docker", NOT_THERE, NO_SOCKET, |_| {
        tried(UnixStream::connect("/run/docker.sock"))
    }),
    row("call Docker by its old name", NOT_THERE, NO_SOCKET, |_| {
        tried(UnixStream::connect("/var/run/docker.sock"))
    }),
    row("call containerd", NOT_THERE, NO_SOCKET, |_| {
        tried(UnixStream::connect("/run/containerd/containerd.sock"))
    }),
    row("call the system's bus", NOT_THERE, NO_SOCKET, |_| {
        tried(UnixStream::connect("/run/dbus/system_bus_socket"))
    }),
    row(
        "call the system's first process",
        NOT_THERE,
        NO_SOCKET,
        |_| tried(UnixStream::connect("/run/systemd/private")),
    ),
    row("write the system's log", NOT_THERE, NO_SOCKET, |_| {
        tried(UnixDatagram::unbound().and_then(|socket| socket.connect("/dev/log")))
    }),
    row(
        "call the screen",
        Refused(&[ENOENT, ECONNREFUSED]),
        NO_SOCKET,
        |_| tried(UnixStream::connect("/tmp/.X11-unix/X0")),
    ),
    row(
        "look names up with the machine's help",
        NOT_THERE,
        NO_SOCKET,
        |_| tried(UnixStream::connect("/run/nscd/socket")),
    ),
    // === by address ===
    row(
        "connect by version 6",
        Refused(&[ECONNREFUSED, EADDRNOTAVAIL, ENETUNREACH]),
        NO_SOCKET,
        |to| connected(IpAddr::V6(Ipv6Addr::LOCALHOST), to.port),
    ),
    row("connect by a mapped address", NOBODY, NO_SOCKET, |to| {
        connected(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()), to.port)
    }),
    row("connect by no address", NOBODY, NO_SOCKET, |to| {
        connected(Ipv4Addr::UNSPECIFIED.into(), to.port)
    }),
    row(
        "connect by sending",
        Refused(&[ECONNREFUSED, libc::EPIPE]),
        NO_SOCKET,
        |to| fast_open(to.port),
    ),
    row("connect to a name server", NOWHERE, NO_SOCKET, |_| {
        connected(NAME_SERVER.into(), 53)
    }),
    row("connect to the internet", NOWHERE, NO_SOCKET, |_| {
        connected(Ipv4Addr::new(1, 1, 1, 1).into(), 443)
    }),
    row(
        "connect to the internet by version 6",
        NOWHERE,
        NO_SOCKET,
        |_| {
            connected(
                Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111).into(),
                443,
            )
        },
    ),
    row(
        "connect to metadata by version 6",
        NOWHERE,
        NO_SOCKET,
        |_| {
            connected(
                Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254).into(),
                80,
            )
        },
    ),
    row("connect to a private network", NOWHERE, NO_SOCKET, |_| {
        connected(Ipv4Addr::new(10, 0, 0, 1).into(), 80)
    }),
    row("connect to a container's host", NOWHERE, NO_SOCKET, |_| {
        connected(Ipv4Addr::new(172, 17, 0, 1).into(), 2375)
    }),
    row(
        "connect to a neighbour on the link",
        Refused(&[ENETUNREACH, EINVAL, EADDRNOTAVAIL]),
        NO_SOCKET,
        |_| connected(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(), 80),
    ),
    row("ask a name server", NOWHERE, NO_SOCKET, |_| {
        datagram(NAME_SERVER.into(), 53)
    }),
    row("ask a name server by version 6", NOWHERE, NO_SOCKET, |_| {
        datagram(
            Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888).into(),
            53,
        )
    }),
    row("ask metadata by datagram", NOWHERE, NO_SOCKET, |_| {
        datagram(METADATA.into(), 53)
    }),
    row(
        "speak to all on the link",
        Refused(&[ENETUNREACH, EADDRNOTAVAIL]),
        NO_SOCKET,
        |_| datagram(Ipv4Addr::new(224, 0, 0, 251).into(), 5353),
    ),
    row(
        "speak to everybody",
        Refused(&[ENETUNREACH, EADDRNOTAVAIL, EACCES]),
        NO_SOCKET,
        |_| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
            let loud = |socket: UdpSocket| socket.set_broadcast(true).map(|()| socket);
            tried(
                socket
                    .and_then(loud)
                    .and_then(|socket| socket.send_to(b"x", (Ipv4Addr::BROADCAST, 9))),
            )
        },
    ),
    row(
        "echo far away",
        Refused(&[ENETUNREACH, EACCES, EPERM, libc::EPROTONOSUPPORT]),
        NO_SOCKET,
        |_| ping(NAME_SERVER),
    ),
    row(
        "carry words in names",
        Refused(&[ECONNREFUSED, ENETUNREACH]),
        NO_SOCKET,
        |_| tunnel(),
    ),
    row(
        "carry words to the machine's own resolver",
        Refused(&[ECONNREFUSED, ENETUNREACH]),
        NO_SOCKET,
        |_| resolved(Ipv4Addr::new(127, 0, 0, 53)),
    ),
    row(
        "have the proxy call this machine",
        NOBODY,
        NO_SOCKET,
        |to| proxied(&format!("127.0.0.1:{}", to.port)),
    ),
    row(
        "have the proxy call this machine by name",
        NOBODY,
        NO_SOCKET,
        |to| proxied(&format!("localhost:{}", to.port)),
    ),
    row(
        "have the proxy call this machine by number",
        NOBODY,
        NO_SOCKET,
        |to| proxied(&format!("2130706433:{}", to.port)),
    ),
    row(
        "have the proxy call this machine by version 6",
        NOBODY,
        NO_SOCKET,
        |to| proxied(&format!("[::ffff:127.0.0.1]:{}", to.port)),
    ),
    row("have the proxy call metadata", NOBODY, NO_SOCKET, |_| {
        proxied("169.254.169.254:80")
    }),
    row(
        "have the proxy call a private network",
        NOBODY,
        NO_SOCKET,
        |_| proxied("10.0.0.1:80"),
    ),
    row(
        "listen without a port of its own",
        NOBODY,
        NO_SOCKET,
        |_| {
            let any = [number(libc::AF_INET), number(libc::SOCK_STREAM), number(0)];
            let socket = descriptor(libc::SYS_socket, any);
            let listen =
                |socket: &OwnedFd| call(libc::SYS_listen, [number(socket.as_raw_fd()), number(1)]);
            only_here(socket.and_then(|socket| listen(&socket).map(|()| TcpListener::from(socket))))
        },
    ),
    row(
        "listen where others can call",
        NOBODY,
        Since {
            landlock: 4,
            errnos: &[EACCES, EPERM],
            otherwise: "before Landlock 4 (Linux 6.7) a server that a tool starts is on the machine's own network",
        },
        |_| listen_to_others(),
    ),
    row(
        "listen as the web's server",
        Refused(&[EACCES, libc::EADDRINUSE]),
        NO_SOCKET,
        |_| tried(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80))),
    ),
    row(
        "tie a socket to a device",
        Refused(&[EPERM, libc::ENODEV, ENOENT]),
        NO_SOCKET,
        |_| bind_device(),
    ),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Network,
        at_start: false,
        full,
        plain,
        run,
    }
}

fn connected(address: IpAddr, port: u16) -> Outcome {
    tried(TcpStream::connect_timeout(
        &SocketAddr::new(address, port),
        PATIENCE,
    ))
}

fn datagram(address: IpAddr, port: u16) -> Outcome {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    tried(UdpSocket::bind((any, 0)).and_then(|socket| socket.send_to(b"x", (address, port))))
}

/// An address of a Unix socket, as the kernel takes it.
fn address_of(path: &Path) -> Vec<u8> {
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend_from_slice(path.as_os_str().as_encoded_bytes());
    address.push(0);
    address
}

fn connect(socket: &OwnedFd, path: &Path) -> io::Result<()> {
    let mut address = address_of(path);
    let length = number(address.len() as i64);
    let words = [number(socket.as_raw_fd()), Word::Room(&mut address), length];
    Ok(call(libc::SYS_connect, words)?)
}

/// Sends stdin along.
fn give(socket: &UnixStream) -> io::Result<()> {
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    let (text, files) = ([io::IoSlice::new(b"x")], [0]);
    let files = [ControlMessage::ScmRights(&files)];
    sendmsg::<()>(
        socket.as_raw_fd(),
        &text,
        &files,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?;
    Ok(())
}

fn fast_open(port: u16) -> Outcome {
    let socket = descriptor(
        libc::SYS_socket,
        [number(libc::AF_INET), number(libc::SOCK_STREAM), number(0)],
    );
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => return tried::<(), _>(Err(error)),
    };
    let mut address = (libc::AF_INET as u16).to_ne_bytes().to_vec();
    address.extend_from_slice(&port.to_be_bytes());
    address.extend_from_slice(&[127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let flags = number(libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL);
    let mut text = *b"x";
    tried(call(
        libc::SYS_sendto,
        [
            number(socket.as_raw_fd()),
            Word::Room(&mut text),
            number(1),
            flags,
            Word::Room(&mut address),
            number(16),
        ],
    ))
}

fn ping(address: Ipv4Addr) -> Outcome {
    let kind = [
        number(libc::AF_INET),
        number(libc::SOCK_DGRAM),
        number(libc::IPPROTO_ICMP),
    ];
    let socket = match descriptor(libc::SYS_socket, kind) {
        Ok(socket) => UdpSocket::from(socket),
        Err(error) => return tried::<(), _>(Err(error)),
    };
    tried(socket.send_to(&[8, 0, 0, 0, 0, 0, 0, 0], (address, 0)))
}

/// Asks the name server that programs are told to ask for a text that only a far one has.
fn tunnel() -> Outcome {
    let settings = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let server = settings
        .lines()
        .find_map(|line| line.strip_prefix("nameserver ")?.trim().parse().ok());
    resolved(server.unwrap_or(Ipv4Addr::LOCALHOST))
}

/// Asks for the TXT records of `google.com`. Names that are answered without asking anybody far away
/// carry no words there.
fn resolved(server: Ipv4Addr) -> Outcome {
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend_from_slice(b"\x06google\x03com\x00\x00\x10\x00\x01");
    let ask = || -> io::Result<u8> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((server, 53))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send(&question)?;
        let mut answer = [0; 1500];
        socket.recv(&mut answer)?;
        Ok(answer[7])
    };
    match ask() {
        Ok(0) => Outcome::Failed("nothing came back but an empty answer".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Outcome::Failed("nobody answered".to_owned())
        }
        result => tried(result),
    }
}

/// Asks the proxy that programs are told to use for a connection.
fn proxied(target: &str) -> Outcome {
    let ask = || -> io::Result<String> {
        let mut proxy = TcpStream::connect((Ipv4Addr::LOCALHOST, 3128))?;
        proxy.set_read_timeout(Some(PATIENCE))?;
        write!(proxy, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")?;
        let mut answer = [0; 12];
        proxy.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    match ask() {
        Ok(answer) if answer.ends_with("200") => Outcome::Worked(answer),
        Ok(answer) => Outcome::Failed(format!("the proxy says {answer}")),
        // Somebody is there, and gives no connection.
        Err(error) if CLOSED.contains(&error.kind()) => {
            Outcome::Failed(format!("the proxy gives none: {error}"))
        }
        Err(error) => failed(&error),
    }
}

const CLOSED: [io::ErrorKind; 4] = [
    io::ErrorKind::WouldBlock,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::UnexpectedEof,
];

/// Listens on every address.
fn listen_to_others() -> Outcome {
    only_here(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))
}

/// Of something that listens: whether others than this machine's own programs can call it.
fn only_here<E: Into<io::Error>>(listening: Result<TcpListener, E>) -> Outcome {
    let interfaces = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = interfaces.lines().filter_map(|line| line.split_once(':'));
    let others = names.filter(|(name, _)| name.trim() != "lo").count();
    let address = |listening: TcpListener| listening.local_addr();
    match listening.map_err(Into::into).and_then(address) {
        Ok(address) if address.ip().is_loopback() => {
            Outcome::Failed(format!("it listens at {address}"))
        }
        Ok(_) if others == 0 => Outcome::Failed("none but the loopback is here".to_owned()),
        listening => tried(listening),
    }
}

fn bind_device() -> Outcome {
    let bound = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        let mut name = *b"eth0\0";
        call(
            libc::SYS_setsockopt,
            [
                number(socket.as_raw_fd()),
                number(libc::SOL_SOCKET),
                number(libc::SO_BINDTODEVICE),
                Word::Room(&mut name),
                number(5),
            ],
        )?;
        Ok(())
    });
    tried(bound)
}
