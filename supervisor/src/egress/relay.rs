//! Bytes from one connection to the other.
//!
//! The first of them are copied; a connection that has more to say is moved within the kernel, from
//! socket to pipe to socket, without passing through us (`splice`). Short exchanges, which most are,
//! so cost no pipe.

use super::counts::Flow;
use nix::fcntl::{OFlag, SpliceFFlags, splice};
use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Copied before a pipe is made, in bytes.
const COPIED: usize = 64 * 1024;
/// Copied at once.
const BUFFER: usize = 16 * 1024;
/// Asked for in a pipe; the system may give less.
const PIPE: usize = 512 * 1024;
/// Held in the sockets of a tool's connection, in bytes; the kernel doubles it.
const QUEUE: usize = 128 * 1024;
/// A connection over which nothing went for this long is ended.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the tool.
    Out,
    /// To the tool.
    In,
}

/// How a relay ends that is not just over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// One of the two connections broke.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// Nothing was said for too long.
    #[error("nothing was said for 15 minutes")]
    Idle,
    /// The session has used up its bytes.
    #[error("the session has used up its bytes")]
    UsedUp,
}

/// Readies a tool's connection, which never leaves this machine: there is nothing to wait for, and
/// a short queue stays in the processor's cache, which makes the long streams half as fast again.
pub(super) fn ready_tool(tool: &TcpStream) {
    // Slower without, and that is all.
    let _ = tool.set_nodelay(true);
    let _ = setsockopt(tool, sockopt::SndBuf, &QUEUE);
    let _ = setsockopt(tool, sockopt::RcvBuf, &QUEUE);
}

/// Relays both ways until both have ended; each end is passed on as it comes.
pub(super) async fn both(tool: &TcpStream, server: &TcpStream, flow: &Flow) -> Result<(), Broken> {
    let moved = AtomicU64::new(0);
    let out = pump(tool, server, Way::Out, flow, &moved);
    let back = pump(server, tool, Way::In, flow, &moved);
    tokio::select! {
        ended = async { tokio::try_join!(out, back) } => ended.map(|_| ()),
        idle = idle(&moved) => Err(idle),
    }
}

/// Relays one way until it ends. `moved` also counts what goes the other way, if somebody sees to
/// that: a connection is idle when nothing goes either way.
pub(super) async fn one(
    from: &TcpStream,
    to: &TcpStream,
    way: Way,
    flow: &Flow,
    moved: &AtomicU64,
) -> Result<(), Broken> {
    tokio::select! {
        ended = pump(from, to, way, flow, moved) => ended,
        idle = idle(moved) => Err(idle),
    }
}

/// Sends all of `bytes`.
pub(super) async fn send(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads what is there; 0 at the end.
pub(super) async fn receive(from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            ended => return ended,
        }
    }
}

/// Says that nothing more comes. The other side may have gone already.
pub(super) fn finish(to: &TcpStream) {
    let _ = shutdown(to.as_raw_fd(), Shutdown::Write);
}

async fn pump(
    from: &TcpStream,
    to: &TcpStream,
    way: Way,
    flow: &Flow,
    moved: &AtomicU64,
) -> Result<(), Broken> {
    let count = |bytes: usize| {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        moved.fetch_add(bytes, Relaxed);
        let within = match way {
            Way::Out => flow.sent(bytes),
            Way::In => flow.received(bytes),
        };
        if within { Ok(()) } else { Err(Broken::UsedUp) }
    };
    if !copy(from, to, COPIED, &count).await? {
        match Pipe::new() {
            Ok(pipe) => pipe.splice(from, to, &count).await?,
            // As many pipes as may be are open: slower, then.
            Err(_) => while copy(from, to, usize::MAX, &count).await? {},
        }
    }
    finish(to);
    Ok(())
}

/// Copies about `most` bytes; true when there was an end to them.
async fn copy(
    from: &TcpStream,
    to: &TcpStream,
    most: usize,
    count: &impl Fn(usize) -> Result<(), Broken>,
) -> Result<bool, Broken> {
    let mut copied = 0_usize;
    while copied < most {
        // Nothing is kept for a connection that waits, as most do most of the time.
        from.readable().await?;
        let mut buffer = vec![0; BUFFER];
        let read = match from.try_read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        };
        count(read)?;
        send(to, &buffer[..read]).await?;
        copied = copied.saturating_add(read);
    }
    Ok(false)
}

/// Ends when nothing was moved between two looks.
async fn idle(moved: &AtomicU64) -> Broken {
    let mut before = None;
    loop {
        let now = moved.load(Relaxed);
        if before == Some(now) {
            return Broken::Idle;
        }
        before = Some(now);
        tokio::time::sleep(IDLE).await;
    }
}

/// What bytes are moved through.
#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    fn new() -> nix::Result<Self> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let size = nix::libc::c_int::try_from(PIPE).unwrap_or(nix::libc::c_int::MAX);
        // Who has many pipes gets no larger ones; it works with those.
        let _ = nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETPIPE_SZ(size));
        Ok(Self { read, write })
    }

    /// Moves everything until the end. The pipe is empty before each read, so it is never the pipe
    /// that has no room.
    async fn splice(
        &self,
        from: &TcpStream,
        to: &TcpStream,
        count: &impl Fn(usize) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let flags = SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK;
        loop {
            let filled = ready(from, Interest::READABLE, || {
                splice(from, None, &self.write, None, PIPE, flags)
            });
            let mut left = filled.await?;
            if left == 0 {
                return Ok(());
            }
            count(left)?;
            while left > 0 {
                let emptied = ready(to, Interest::WRITABLE, || {
                    splice(&self.read, None, to, None, left, flags)
                });
                match emptied.await? {
                    0 => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                    moved => left -= moved,
                }
            }
        }
    }
}

/// Does `what` when `stream` is ready for it, as often as it takes.
async fn ready(
    stream: &TcpStream,
    interest: Interest,
    what: impl Fn() -> nix::Result<usize>,
) -> io::Result<usize> {
    stream
        .async_io(interest, || what().map_err(io::Error::from))
        .await
}
