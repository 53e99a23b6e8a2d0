//! A typed link to another process: frames over one end of a socketpair, or over a named socket.

use crate::frame::{self, FrameError};
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

/// The byte stream under a link.
type Reader = BufReader<Box<dyn AsyncRead + Send + Sync + Unpin>>;
type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// Both directions of a link: says `Out`, hears `In`.
#[expect(missing_debug_implementations, reason = "the stream under it has none")]
pub struct Link<Out, In> {
    /// The saying half.
    pub sender: LinkSender<Out>,
    /// The hearing half.
    pub receiver: LinkReceiver<In>,
}

/// The half that says.
#[expect(missing_debug_implementations, reason = "the stream under it has none")]
pub struct LinkSender<Out> {
    stream: Writer,
    buffer: Vec<u8>,
    says: PhantomData<fn(Out)>,
}

/// The half that hears. [`LinkReceiver::recv`] is not cancel-safe: give it a task of its own.
#[expect(missing_debug_implementations, reason = "the stream under it has none")]
pub struct LinkReceiver<In> {
    stream: Reader,
    hears: PhantomData<fn() -> In>,
}

impl<Out: Serialize, In: DeserializeOwned> Link<Out, In> {
    /// A link over any byte stream.
    pub fn new(
        reader: impl AsyncRead + Send + Sync + Unpin + 'static,
        writer: impl AsyncWrite + Send + Sync + Unpin + 'static,
    ) -> Self {
        Self {
            sender: LinkSender {
                stream: Box::new(writer),
                buffer: Vec::new(),
                says: PhantomData,
            },
            receiver: LinkReceiver {
                stream: BufReader::new(Box::new(reader)),
                hears: PhantomData,
            },
        }
    }

    /// A link over a connected Unix stream socket, such as one end of a socketpair. Needs a tokio
    /// runtime with I/O.
    ///
    /// # Errors
    /// When the descriptor is not a socket or can not be made non-blocking.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let stream = std::os::unix::net::UnixStream::from(fd);
        stream.set_nonblocking(true)?;
        // The owned halves shut their direction down when dropped: a dropped sender is an end that
        // the peer hears.
        let (reader, writer) = tokio::net::UnixStream::from_std(stream)?.into_split();
        Ok(Self::new(reader, writer))
    }
}

impl<Out: Serialize> LinkSender<Out> {
    /// Says one message.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] (nothing was sent), or the peer is gone.
    pub async fn send(&mut self, message: &Out) -> Result<(), FrameError> {
        self.buffer.clear();
        frame::encode(message, &mut self.buffer)?;
        self.stream.write_all(&self.buffer).await?;
        self.buffer.shrink_to(64 * 1024);
        Ok(())
    }
}

impl<In: DeserializeOwned> LinkReceiver<In> {
    /// Hears one message.
    ///
    /// # Errors
    /// [`FrameError::Closed`] at the peer's orderly end; any other error means a broken peer.
    pub async fn recv(&mut self) -> Result<In, FrameError> {
        frame::read(&mut self.stream).await
    }
}
