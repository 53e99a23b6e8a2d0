//! A command's two streams: what it prints (both outputs in one, in the order they came) and what
//! it is told. Pipes, or one terminal.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use tokio::net::unix::pipe::{Receiver, Sender};

/// Bytes that may wait for a command that does not read.
const MAX_WAITING: usize = 1024 * 1024;
/// Bytes read in one last look at what was printed.
const LAST_LOOK: usize = 4 * 1024 * 1024;

/// Our ends of a command's streams. Must be made and used within a tokio runtime.
#[derive(Debug)]
pub(super) struct Streams {
    output: Option<Receiver>,
    input: Option<Sender>,
    waiting: VecDeque<u8>,
    close_input: bool,
    tty: bool,
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// So many bytes were printed; 0 is the end, told once.
    Read(usize),
    /// So many bytes that waited were written; 0 when nobody reads them.
    Wrote(usize),
}

impl Streams {
    /// Streams over pipes: `output` to read, `input` to write where there is one.
    pub(super) fn pipes(output: OwnedFd, input: Option<OwnedFd>) -> io::Result<Self> {
        Ok(Self {
            output: Some(Receiver::from_owned_fd_unchecked(nonblocking(output)?)?),
            input: input.map(sender).transpose()?,
            waiting: VecDeque::new(),
            close_input: false,
            tty: false,
        })
    }

    /// Streams over a terminal's master end.
    pub(super) fn tty(master: OwnedFd) -> io::Result<Self> {
        let input = master.try_clone()?;
        Ok(Self {
            tty: true,
            ..Self::pipes(master, Some(input))?
        })
    }

    /// Whether the command has a terminal.
    pub(super) fn is_tty(&self) -> bool {
        self.tty
    }

    /// Waits until something was read into `buffer`, or something that waited was written. Pending
    /// for ever when there is nothing to read or write any more. Cancel-safe.
    pub(super) async fn turn(&mut self, buffer: &mut [u8]) -> Turn {
        let waiting = self.waiting.as_slices().0;
        let turn = tokio::select! {
            count = read(self.output.as_ref(), buffer) => Turn::Read(count),
            written = write(self.input.as_ref(), waiting) => Turn::Wrote(written),
        };
        match turn {
            Turn::Read(0) => {
                self.output = None;
                if self.tty {
                    self.close();
                }
            }
            Turn::Read(_) => {}
            Turn::Wrote(0) => self.close(),
            Turn::Wrote(count) => {
                self.waiting.drain(..count);
                self.close_if_asked();
            }
        }
        turn
    }

    /// Reads what is there without waiting.
    pub(super) fn read_rest(&mut self, mut sink: impl FnMut(&[u8])) {
        let Some(output) = &self.output else { return };
        let mut buffer = vec![0; 64 * 1024];
        let mut sum = 0;
        while sum < LAST_LOOK {
            match nix::unistd::read(output, &mut buffer) {
                Ok(count @ 1..) => {
                    sink(&buffer[..count]);
                    sum += count;
                }
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Tells the command `bytes`, at once or when it reads; with `eof`, that there is no more. How
    /// many bytes still wait.
    pub(super) fn write(&mut self, bytes: &[u8], eof: bool) -> Result<usize, String> {
        if self.input.is_none() || self.close_input {
            return Err(
                "its standard input is closed; exec with background: true (or pty: true) \
                        starts a command that can be written to"
                    .to_owned(),
            );
        }
        if self.waiting.len() + bytes.len() > MAX_WAITING {
            let waiting = self.waiting.len();
            return Err(format!(
                "it does not read: {waiting} bytes wait for it already"
            ));
        }
        self.waiting.extend(bytes);
        if eof && self.tty {
            self.waiting.push_back(4); // Ctrl-D; a terminal is not closed while it is in use
        } else {
            self.close_input = eof;
        }
        self.flush()?;
        Ok(self.waiting.len())
    }

    fn flush(&mut self) -> Result<(), String> {
        while let (Some(input), false) = (&self.input, self.waiting.is_empty()) {
            match nix::unistd::write(input, self.waiting.as_slices().0) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EPIPE | Errno::EIO) => {
                    self.close();
                    return Err("it has closed its standard input".to_owned());
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        self.close_if_asked();
        Ok(())
    }

    fn close_if_asked(&mut self) {
        if self.close_input && self.waiting.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        self.waiting.clear();
        self.input = None;
    }
}

/// Reads once; 0 at the end. A terminal whose last process is gone ends with EIO.
async fn read(output: Option<&Receiver>, buffer: &mut [u8]) -> usize {
    let Some(output) = output else {
        return std::future::pending().await;
    };
    loop {
        match output
            .readable()
            .await
            .and_then(|()| output.try_read(buffer))
        {
            Ok(count) => return count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return 0,
        }
    }
}

/// Writes once; 0 when nobody reads any more.
async fn write(input: Option<&Sender>, bytes: &[u8]) -> usize {
    let Some(input) = input.filter(|_| !bytes.is_empty()) else {
        return std::future::pending().await;
    };
    loop {
        match input.writable().await.and_then(|()| input.try_write(bytes)) {
            Ok(count) => return count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return 0,
        }
    }
}

// Unchecked, here and above, as a terminal is no pipe; it is read and written like one.
fn sender(fd: OwnedFd) -> io::Result<Sender> {
    Sender::from_owned_fd_unchecked(nonblocking(fd)?)
}

fn nonblocking(fd: OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(fd)
}
