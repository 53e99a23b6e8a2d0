//! Sockets that listen in a room and are answered from outside it, and addresses that lead to them.

use crate::error::{During, JailError};
use crate::room::{CAPTURED, DNS, PROXY};
use crate::sys;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

/// Binds the doors in this process's network namespace, which is new: the proxy, http, tls, dns.
/// Needs all capabilities in it.
pub(crate) fn open() -> Result<Vec<OwnedFd>, JailError> {
    capture()?;
    let any = Ipv4Addr::UNSPECIFIED;
    let listen = |at: (Ipv4Addr, u16)| -> Result<OwnedFd, JailError> {
        let door = TcpListener::bind(at).during("listen in the room")?;
        door.set_nonblocking(true).during("listen in the room")?;
        Ok(door.into())
    };
    let mut doors = vec![listen(PROXY)?, listen((any, 80))?, listen((any, 443))?];
    let names = UdpSocket::bind(DNS).during("listen in the room")?;
    names.set_nonblocking(true).during("listen in the room")?;
    doors.push(names.into());
    Ok(doors)
}

/// Whether this process's network namespace has doors: the addresses that lead to them are its own.
pub(crate) fn are_here() -> bool {
    UdpSocket::bind((first_captured(), 0)).is_ok()
}

fn first_captured() -> Ipv4Addr {
    Ipv4Addr::from_bits(CAPTURED.0.to_bits() + 1)
}

/// Makes every address of [`CAPTURED`] this machine's own, so that connections to them end here.
fn capture() -> Result<(), JailError> {
    let none = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, none, None)
        .during("open a socket for the loopback")?;
    sys::add_to_loopback(&socket, first_captured(), CAPTURED.1).during("capture addresses")
}
