//! Servers of a jail without a network namespace: on the loopback, and known, so that they can be told
//! from everybody else's there.

use super::{Attempt, Destination, Listener, Wish, pair, raw};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Backlog, bind, connect, listen};
use nix::sys::stat::fstat;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

/// How long one's own server may take to answer, in milliseconds.
const PATIENCE: u16 = 1000;

/// Ports that only root may have.
const PRIVILEGED: std::ops::Range<u16> = 1..1024;

/// A server that a program of the jail has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// Its port of 127.0.0.1.
    pub port: u16,
    /// The number of its socket in `/proc/net/tcp`: as long as that listens there it is this one.
    pub inode: u64,
}

impl Listener {
    /// Answers a [`Wish::Bind`]: a TCP socket gets the port it asked for, on the loopback. Ports
    /// below 1024 and addresses that are neither the loopback's nor all are refused.
    pub fn bind(&self, attempt: &Attempt) {
        match self.try_bind(attempt) {
            Ok(true) => self.answer(attempt.id, 0),
            // A name in the file system: its own rights decide, and Landlock.
            Ok(false) => {
                let _ = raw::go_on(self.as_fd(), attempt.id);
            }
            Err(error) => self.fail(attempt, &error),
        }
    }

    fn try_bind(&self, attempt: &Attempt) -> io::Result<bool> {
        let socket = self.socket(attempt)?;
        if domain(&socket)? == libc::AF_UNIX {
            return Ok(false);
        }
        let refused = |errno| Err(io::Error::from_raw_os_error(errno));
        let Wish::Bind(Destination::Inet(address)) = attempt.wish else {
            return refused(libc::EAFNOSUPPORT);
        };
        if PRIVILEGED.contains(&address.port()) {
            return refused(libc::EACCES);
        }
        if !address.ip().is_unspecified() && !address.ip().is_loopback() {
            return refused(libc::EADDRNOTAVAIL);
        }
        let place = pair::loopback(&socket, address.port())?;
        bind(socket.as_raw_fd(), &place)?;
        Ok(true)
    }

    /// Answers a [`Wish::Listen`]. Returns the server, if it is one of TCP and listens now.
    pub fn listen(&self, attempt: &Attempt) -> Option<Server> {
        match self.try_listen(attempt) {
            Ok(server) => {
                self.answer(attempt.id, 0);
                server
            }
            Err(error) => {
                self.fail(attempt, &error);
                None
            }
        }
    }

    fn try_listen(&self, attempt: &Attempt) -> io::Result<Option<Server>> {
        let Wish::Listen(waiting) = attempt.wish else {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        };
        // More than the system takes is as much as it takes.
        let backlog = Backlog::new(waiting).unwrap_or(Backlog::MAXCONN);
        let socket = self.socket(attempt)?;
        if domain(&socket)? == libc::AF_UNIX {
            listen(&socket, backlog)?;
            return Ok(None);
        }
        if pair::local(&socket)?.port() == 0 {
            bind(socket.as_raw_fd(), &pair::loopback(&socket, 0)?)?;
        }
        let local = pair::local(&socket)?;
        if !local.ip().is_loopback() {
            return Err(io::Error::from_raw_os_error(libc::EACCES));
        }
        listen(&socket, backlog)?;
        let inode = fstat(&socket)?.st_ino;
        Ok(Some(Server {
            port: local.port(),
            inode,
        }))
    }

    /// Connects the attempt's socket to a server of its own jail, on this port of the loopback. May
    /// wait up to a second.
    pub fn connect_own(&self, attempt: &Attempt, port: u16) {
        match self.socket(attempt).and_then(|socket| reach(&socket, port)) {
            Ok(()) => self.answer(attempt.id, 0),
            Err(error) => self.fail(attempt, &error),
        }
    }

    fn fail(&self, attempt: &Attempt, error: &io::Error) {
        self.answer(attempt.id, error.raw_os_error().unwrap_or(libc::EACCES));
    }
}

/// Connects, without waiting for longer than it is worth: a server may have stopped to answer. A
/// socket that does not block is told to go on waiting by itself.
fn reach(socket: &OwnedFd, port: u16) -> io::Result<()> {
    let place = pair::loopback(socket, port)?;
    let flags = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL)?);
    if flags.contains(OFlag::O_NONBLOCK) {
        return Ok(connect(socket.as_raw_fd(), &place)?);
    }
    pair::set_nonblocking(socket, true)?;
    let connected = match connect(socket.as_raw_fd(), &place) {
        Err(Errno::EINPROGRESS) => wait(socket),
        other => Ok(other?),
    };
    pair::set_nonblocking(socket, false)?;
    connected
}

fn wait(socket: &OwnedFd) -> io::Result<()> {
    let mut polled = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut polled, PollTimeout::from(PATIENCE))? == 0 {
        return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
    }
    match raw::property(socket.as_fd(), libc::SO_ERROR)? {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

fn domain(socket: &OwnedFd) -> io::Result<i32> {
    Ok(raw::property(socket.as_fd(), libc::SO_DOMAIN)?)
}
