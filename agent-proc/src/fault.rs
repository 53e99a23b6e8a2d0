//! Why an agent process ends other than by request, and the exit code that tells its supervisor.
//!
//! | code | means |
//! |---|---|
//! | 0 | told to shut down, or the link was closed between two frames |
//! | 64 | started by hand: stdin is not a link |
//! | 65 | the supervisor sent a frame that is no message, or one that has no place now |
//! | 66 | the link broke |
//! | 71 | no runtime could be made |
//! | 77 | the process could not be sealed; nothing was read |

use ipc::frame::FrameError;
use std::io;

/// Why the process can not go on. Messages fit after "failed to go on: ".
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Stdin is not one end of a socketpair.
    #[error("stdin is not a link; this program is started by the gateway: {0}")]
    NotALink(#[source] io::Error),
    /// The supervisor speaks another language.
    #[error("misheard the supervisor: {0}")]
    Garbled(#[source] FrameError),
    /// A frame that is a message, at a time when it means nothing.
    #[error("the supervisor sent {0}")]
    OutOfPlace(&'static str),
    /// The link broke while speaking or in the middle of a frame.
    #[error("lost the supervisor: {0}")]
    Broken(#[source] FrameError),
    /// The async runtime could not be made.
    #[error("no runtime: {0}")]
    Runtime(#[source] io::Error),
    /// The walls do not hold.
    #[error("not sealed: {0}")]
    Seal(String),
}

impl Fault {
    /// The process's exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::NotALink(_) => 64,
            Self::Garbled(_) | Self::OutOfPlace(_) => 65,
            Self::Broken(_) => 66,
            Self::Runtime(_) => 71,
            Self::Seal(_) => 77,
        }
    }
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Garbled(_) | FrameError::TooLarge(_) => Self::Garbled(error),
            FrameError::Closed | FrameError::Cut | FrameError::Io(_) => Self::Broken(error),
        }
    }
}
