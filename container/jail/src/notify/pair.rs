//! Two ends of one TCP connection on the loopback. No port is left open: each listens for one
//! connection, and takes that from the one peer it knows.

use super::raw;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollTimeout;
use nix::sys::socket::{SockaddrStorage, getsockname};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// How long a connection on the loopback may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connects `socket`, which somebody else made, to a new one.
pub(super) fn connect(socket: &OwnedFd) -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    match nix::sys::socket::connect(socket.as_raw_fd(), &loopback(socket, port)?) {
        // One that does not block is connected by now all the same.
        Ok(()) | Err(Errno::EINPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    accept(&listener, local(socket)?.port())
}

/// A port of the loopback, as `socket`, which has to be one of TCP, speaks of it.
pub(super) fn loopback(socket: &OwnedFd, port: u16) -> io::Result<SockaddrStorage> {
    let property = |name| raw::property(socket.as_fd(), name);
    let kind = (property(libc::SO_TYPE)?, property(libc::SO_PROTOCOL)?);
    if kind != (libc::SOCK_STREAM, libc::IPPROTO_TCP) {
        return Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT));
    }
    let address = if property(libc::SO_DOMAIN)? == libc::AF_INET6 {
        SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port))
    } else {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    };
    Ok(address.into())
}

/// The address that a socket of TCP has.
pub(super) fn local(socket: &OwnedFd) -> io::Result<SocketAddr> {
    let local: SockaddrStorage = getsockname(socket.as_raw_fd())?;
    let v4 = local
        .as_sockaddr_in()
        .map(|local| SocketAddr::from((local.ip(), local.port())));
    let v6 = local
        .as_sockaddr_in6()
        .map(|local| SocketAddr::new(local.ip().to_canonical(), local.port()));
    v4.or(v6)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
}

/// Two new ends.
pub(super) fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let theirs = TcpStream::connect(listener.local_addr()?)?;
    let ours = accept(&listener, theirs.local_addr()?.port())?;
    Ok((ours, theirs))
}

/// Accepts the connection that comes from `port`, and no other.
fn accept(listener: &TcpListener, port: u16) -> io::Result<TcpStream> {
    let until = Instant::now() + PATIENCE;
    let expected = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        if super::ready(listener, left)?.is_empty() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (stream, peer) = listener.accept()?;
        if peer == expected {
            return Ok(stream);
        }
    }
}

/// Whether a socket that could not be connected, or not even be taken, may be put aside for another:
/// this process lacks the right to take it, or it is of IPv6 alone.
pub(super) fn may_be_replaced(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EPERM
                | libc::EACCES
                | libc::ENOSYS
                | libc::EBADF
                | libc::ESRCH
                | libc::ENETUNREACH
                | libc::EADDRNOTAVAIL
        )
    )
}

/// Sets whether a descriptor blocks.
pub(super) fn set_nonblocking(fd: &OwnedFd, on: bool) -> io::Result<()> {
    let mut flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, on);
    fcntl(fd, FcntlArg::F_SETFL(flags))?;
    Ok(())
}
