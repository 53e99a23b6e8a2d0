//! What goes over a jail's stdin besides a program's own bytes: descriptors with a spec's frame, and
//! the answer to an order to open a room.

use crate::error::JailError;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// As many descriptors as one frame carries: a room's namespaces, its doors and its workspaces. The
/// kernel takes no more.
const MOST_DESCRIPTORS: usize = 253;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// What became of an order to open a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It stands. With this come its namespaces (user, mount, ipc, uts, and network if it has its
    /// own) and then its doors (proxy, http, tls, dns) if it has any.
    Opened {
        /// How many descriptors are namespaces. After them comes the room's `/tmp`.
        namespaces: usize,
        /// Whether doors come after them.
        doors: bool,
        /// What stands where a protected path is missing, in each workspace. The last descriptors
        /// are these workspaces' folders.
        placeholders: Vec<Vec<PathBuf>>,
    },
    /// This machine lacks a wall; which, and what mends it.
    Lacking(String),
    /// It could not be built; why.
    Failed(String),
}

impl Answer {
    /// Says it over `link`.
    pub(crate) fn send(&self, link: &impl AsFd, with: &[BorrowedFd<'_>]) -> io::Result<()> {
        let body = serde_json::to_vec(self)?;
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        let mut frame = length.to_le_bytes().to_vec();
        frame.extend_from_slice(&body);
        send_all(link, &frame, with)
    }

    /// Waits for one on `link`, at most `within`, with the descriptors that come with it.
    pub(crate) fn receive(
        link: &impl AsFd,
        within: Duration,
    ) -> Result<(Self, Vec<OwnedFd>), JailError> {
        let mut reader = Reader {
            link: link.as_fd(),
            until: Instant::now() + within,
            descriptors: Vec::new(),
        };
        let mut length = [0; 4];
        reader.fill(&mut length).map_err(JailError::NoAnswer)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_ANSWER {
            let error = format!("it announces {length} bytes, over the limit of {MAX_ANSWER}");
            return Err(JailError::NoAnswer(io::Error::other(error)));
        }
        let mut body = vec![0; length];
        reader.fill(&mut body).map_err(JailError::NoAnswer)?;
        let answer = serde_json::from_slice(&body)
            .map_err(|error| JailError::NoAnswer(io::Error::other(error)))?;
        Ok((answer, reader.descriptors))
    }
}

/// Sends all of `bytes`, the descriptors with the first of them. A link that is full is waited for.
pub(crate) fn send_all(
    link: &impl AsFd,
    mut bytes: &[u8],
    with: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let numbers: Vec<RawFd> = with.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let mut rights = if numbers.is_empty() { &[][..] } else { &rights };
    let link = link.as_fd();
    while !bytes.is_empty() {
        let part = [IoSlice::new(bytes)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        match sendmsg::<UnixAddr>(link.as_raw_fd(), &part, rights, flags, None) {
            Ok(count) => {
                bytes = &bytes[count..];
                rights = &[];
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(link, PollFlags::POLLOUT, PollTimeout::NONE)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads exactly `buffer` from stdin, and takes the descriptors that come with its first bytes.
/// Nothing past it is read. Not a socket: there are none.
pub(crate) fn receive_first(stdin: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Vec<OwnedFd>> {
    let mut descriptors = Vec::new();
    let mut filled = 0;
    while filled < buffer.len() {
        match receive_some(
            stdin,
            &mut buffer[filled..],
            &mut descriptors,
            MsgFlags::empty(),
        ) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(stdin, PollFlags::POLLIN, PollTimeout::NONE)?,
            Err(Errno::ENOTSOCK) => match nix::unistd::read(stdin, &mut buffer[filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(descriptors)
}

struct Reader<'a> {
    link: BorrowedFd<'a>,
    until: Instant,
    descriptors: Vec<OwnedFd>,
}

impl Reader<'_> {
    fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            wait(
                self.link,
                PollFlags::POLLIN,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
            )?;
            let flags = MsgFlags::MSG_DONTWAIT;
            match receive_some(self.link, buffer, &mut self.descriptors, flags) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => buffer = &mut buffer[count..],
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn receive_some(
    link: BorrowedFd<'_>,
    buffer: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
    flags: MsgFlags,
) -> Result<usize, Errno> {
    let mut space = cmsg_space!([RawFd; MOST_DESCRIPTORS]);
    let mut part = [IoSliceMut::new(buffer)];
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(link.as_raw_fd(), &mut part, Some(&mut space), flags)?;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            descriptors.extend(numbers.into_iter().map(own));
        }
    }
    Ok(message.bytes)
}

#[expect(unsafe_code, reason = "a number from the kernel becomes a descriptor")]
fn own(number: RawFd) -> OwnedFd {
    use std::os::fd::FromRawFd as _;
    // SAFETY: the kernel has just put it into this process, with a message that is read once.
    unsafe { OwnedFd::from_raw_fd(number) }
}

fn wait(fd: BorrowedFd<'_>, what: PollFlags, within: PollTimeout) -> io::Result<()> {
    match poll(&mut [PollFd::new(fd, what)], within) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
