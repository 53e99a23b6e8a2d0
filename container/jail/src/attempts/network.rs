//! The network, and whoever listens on this machine.

use super::{Expect, Outcome, Row, Targets, Wall, failed, tried};
use Expect::Refused;
use libc::{EACCES, ECONNREFUSED, ENETUNREACH, ENOENT, EPERM};
use std::io;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};

pub(super) const ROWS: &[Row] = &[
    row(
        "connect",
        Refused(&[ECONNREFUSED]),
        Refused(&[EACCES, EPERM]),
        |targets| tried(TcpStream::connect((Ipv4Addr::LOCALHOST, targets.port))),
    ),
    row(
        "connect to metadata",
        Refused(&[ENETUNREACH]),
        Refused(&[EACCES, EPERM]),
        |_| tried(TcpStream::connect((Ipv4Addr::new(169, 254, 169, 254), 80))),
    ),
    row(
        "send datagram",
        Refused(&[ECONNREFUSED]),
        Refused(&[EACCES, EPERM]),
        |targets| sent(send_datagram(targets, "send datagram")),
    ),
    row(
        "call service",
        Refused(&[ENOENT]),
        Refused(&[EACCES, EPERM]),
        |targets| tried(UnixStream::connect(&targets.socket)),
    ),
    row(
        "call control socket",
        Refused(&[ENOENT]),
        Refused(&[EACCES, EPERM]),
        |targets| tried(UnixStream::connect(&targets.control)),
    ),
    row(
        "call abstract service",
        Refused(&[ECONNREFUSED]),
        Refused(&[EACCES, EPERM]),
        |targets| tried(call_abstract(&targets.abstract_socket)),
    ),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Network,
        at_start: true,
        full,
        plain,
        run,
    }
}

/// Sent is not yet arrived: whoever listens knows.
fn sent(result: io::Result<usize>) -> Outcome {
    match result {
        Ok(_) => Outcome::Sent,
        Err(error) => failed(&error),
    }
}

fn send_datagram(targets: &Targets, row: &str) -> io::Result<usize> {
    let text = format!("{}\n{row}", targets.mark);
    let target = (Ipv4Addr::LOCALHOST, targets.port);
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(text.as_bytes(), target)
}

fn call_abstract(name: &str) -> io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}
