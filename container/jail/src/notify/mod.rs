//! A network without a network namespace: each `connect` of a jailed program waits for the
//! supervisor, which decides on a copy of the address and makes the connection itself. So do `bind`
//! and `listen`: a server is put on the loopback, whatever address it asked for.
//!
//! ```text
//! program ── connect(fd, address) ──▶ kernel ──▶ Listener::next ── policy ──┬─▶ refuse: EACCES
//!    ▲                                                                      └─▶ take_over
//!    └──── its socket, connected to one of ours on the loopback ◀────────────────┘
//! ```
//! The address is copied once, and the kernel is never told to go on with such a call: what a program
//! changes in its memory meanwhile, nobody looks at. (It is told to with one that gives a Unix socket
//! a name. Who puts another socket there gets it bound, and can not listen on it all the same.)

mod address;
mod pair;
mod serve;
mod raw;
mod reach;

pub use address::Destination;
pub use serve::Server;

use crate::error::{During, JailError};
use libc::sock_filter;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The byte that a listener is sent with.
const MARKER: u8 = b'n';

/// How long a jail may take until it stands, in milliseconds.
const PATIENCE: u16 = 5000;

const MEND: &str = "a kernel of 5.14 or later is needed, and nobody outside who listens already";

/// Installs a syscall filter on this process, for good, and sends its listener over `link`.
///
/// # Errors
/// [`JailError::Missing`] when the machine does not permit a listener.
pub(crate) fn install(filter: &[sock_filter], link: BorrowedFd<'_>) -> Result<(), JailError> {
    let listener = raw::install(filter).map_err(|error| JailError::Missing {
        what: "syscall notifications",
        cause: error.into(),
        mend: MEND,
    })?;
    let rights = [listener.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&rights)];
    let marker = [IoSlice::new(&[MARKER])];
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<UnixAddr>(link.as_raw_fd(), &marker, &rights, flags, None)
        .during("hand over the syscall listener")
        .map(drop)
}

/// Hears of each `connect` in one jail. Dropped, every further one fails with `ENOSYS`.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
}

/// A call that waits for an answer. Without one it waits as long as the [`Listener`] lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The thread that makes it.
    pub pid: i32,
    /// The number of its socket.
    pub fd: i32,
    /// What it wants.
    pub wish: Wish,
    id: u64,
}

/// What a program wants of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// To connect it: [`Listener::take_over`], [`Listener::connect_own`] or [`Listener::refuse`].
    Connect(Destination),
    /// To give it an address: [`Listener::bind`].
    Bind(Destination),
    /// To listen on it, with as many connections waiting: [`Listener::listen`].
    Listen(i32),
}

impl AsFd for Listener {
    /// Readable when an attempt waits, or nobody is left.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Listener {
    /// Takes what a jail without namespaces sends over `link`, the far end of its stdin, before its
    /// program runs: waits for it at most 5 s. Exactly the marker's one byte is read.
    ///
    /// # Errors
    /// [`JailError::NoListener`] when the jail ends first, says something else, or takes too long.
    pub fn receive(link: &UnixStream) -> Result<Self, JailError> {
        receive(link)
            .map(|fd| Self { fd })
            .map_err(JailError::NoListener)
    }

    /// The next attempt, or `None` when none waits now. One that makes no sense is answered, and
    /// left out.
    ///
    /// # Errors
    /// `UnexpectedEof` when no process of the jail is left, and whatever the kernel says.
    pub fn next(&self) -> io::Result<Option<Attempt>> {
        loop {
            match ready(&self.fd, PollTimeout::ZERO)? {
                flags if flags.contains(PollFlags::POLLIN) => {}
                flags if flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                _ => return Ok(None),
            }
            let notice = match raw::receive(self.as_fd()) {
                Ok(notice) => notice,
                // It was killed before it was heard.
                Err(Errno::ENOENT | Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            match self.understand(&notice) {
                Ok(attempt) => return Ok(Some(attempt)),
                Err(errno) => self.answer(notice.id, errno),
            }
        }
    }

    /// As [`Listener::next`], but waits for a tenth of a second.
    ///
    /// # Errors
    /// As [`Listener::next`].
    pub fn wait(&self) -> io::Result<Option<Attempt>> {
        ready(&self.fd, PollTimeout::from(100_u8))?;
        self.next()
    }

    /// Copies the address, and makes sure that it was the caller's memory that was copied.
    fn understand(&self, notice: &libc::seccomp_notif) -> Result<Attempt, i32> {
        let [fd, second, third, ..] = notice.data.args;
        let attempt = |wish| Attempt {
            pid: notice.pid.cast_signed(),
            // An int to the kernel, which drops the rest too.
            fd: fd as i32,
            wish,
            id: notice.id,
        };
        let number = i64::from(notice.data.nr);
        if number == libc::SYS_listen {
            return Ok(attempt(Wish::Listen(second as i32)));
        }
        let address = self.address(notice, second, third as i32)?;
        match number {
            libc::SYS_connect => Ok(attempt(Wish::Connect(address))),
            libc::SYS_bind => Ok(attempt(Wish::Bind(address))),
            _ => Err(libc::EACCES),
        }
    }

    fn address(
        &self,
        notice: &libc::seccomp_notif,
        place: u64,
        length: i32,
    ) -> Result<Destination, i32> {
        let pid = notice.pid.cast_signed();
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= address::LONGEST)
            .ok_or(libc::EINVAL)?;
        let bytes =
            reach::copy(pid, place, length).map_err(|error| match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => libc::EACCES,
                _ => libc::EFAULT,
            })?;
        if !raw::is_valid(self.as_fd(), notice.id) {
            return Err(libc::EACCES);
        }
        address::read(&bytes).ok_or(libc::EINVAL)
    }

    /// Has the attempt fail with an error number.
    pub fn refuse(&self, attempt: &Attempt, errno: i32) {
        self.answer(attempt.id, errno);
    }

    /// Puts `fd` in the place of the attempt's socket and has it succeed. What the program had set
    /// on its own socket is lost, but for whether that blocks.
    ///
    /// # Errors
    /// What the kernel says; the attempt has failed then.
    pub fn give(&self, attempt: &Attempt, fd: &OwnedFd) -> io::Result<()> {
        let flags = reach::flags(attempt.pid, attempt.fd).unwrap_or(libc::O_CLOEXEC);
        let place = attempt.fd.cast_unsigned();
        let close_on_exec = flags & libc::O_CLOEXEC != 0;
        pair::set_nonblocking(fd, flags & libc::O_NONBLOCK != 0)?;
        let given = raw::replace(self.as_fd(), attempt.id, fd.as_fd(), place, close_on_exec);
        self.answer(attempt.id, given.err().map_or(0, |errno| errno as i32));
        Ok(given?)
    }

    /// Has the attempt succeed: its socket, a TCP one, is connected to a new one of ours, which is
    /// returned. May wait up to a second for a socket of an odd kind.
    ///
    /// # Errors
    /// What the kernel says of the program's socket: the attempt has failed with the same.
    pub fn take_over(&self, attempt: &Attempt) -> io::Result<TcpStream> {
        let taken = self.join_socket(attempt).or_else(|error| {
            if !pair::may_be_replaced(&error) {
                return Err(error);
            }
            let (ours, theirs) = pair::pair()?;
            self.give(attempt, &theirs.into())?;
            Ok(ours)
        });
        if let Err(error) = &taken {
            let errno = error.raw_os_error().unwrap_or(libc::ECONNREFUSED);
            // Where it is answered already, this goes nowhere.
            self.answer(attempt.id, errno);
        }
        taken
    }

    /// Connects the program's own socket.
    fn join_socket(&self, attempt: &Attempt) -> io::Result<TcpStream> {
        let socket = self.socket(attempt)?;
        let ours = pair::connect(&socket)?;
        self.answer(attempt.id, 0);
        Ok(ours)
    }

    /// The program's own socket.
    fn socket(&self, attempt: &Attempt) -> io::Result<OwnedFd> {
        let socket = reach::socket(attempt.pid, attempt.fd)?;
        if !raw::is_valid(self.as_fd(), attempt.id) {
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        Ok(socket)
    }

    /// Nobody waits any more for an answer that can not be given.
    fn answer(&self, id: u64, errno: i32) {
        let _ = raw::answer(self.as_fd(), id, errno);
    }
}

fn ready(fd: &impl AsFd, patience: PollTimeout) -> io::Result<PollFlags> {
    let mut polled = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    match poll(&mut polled, patience) {
        Ok(_) => Ok(polled[0].revents().unwrap_or(PollFlags::empty())),
        Err(Errno::EINTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}

fn receive(link: &UnixStream) -> io::Result<OwnedFd> {
    if ready(link, PollTimeout::from(PATIENCE))?.is_empty() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let (mut marker, mut space) = ([0], cmsg_space!([i32; 1]));
    let mut parts = [IoSliceMut::new(&mut marker)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(link.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let rights = message.cmsgs()?.find_map(|control| {
        if let ControlMessageOwned::ScmRights(rights) = control {
            return rights.first().copied();
        }
        None
    });
    let heard = message.bytes;
    let fd = rights.map(raw::own);
    match (heard, marker, fd) {
        (1, [MARKER], Some(fd)) => Ok(fd),
        (0, _, _) => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
