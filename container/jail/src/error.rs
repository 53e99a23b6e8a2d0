//! Why a wall could not be built, and what mends it.

use std::io;
use std::path::PathBuf;

/// A wall could not be built; nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// The spec is wrong.
    #[error("bad jail spec: {0}")]
    Spec(String),
    /// The spec did not arrive.
    #[error("no jail spec on stdin: {0}")]
    NoSpec(io::Error),
    /// A room's descriptors did not arrive.
    #[error("openclaw-jail handed over no room: {0}")]
    NoAnswer(io::Error),
    /// A jail whose connections are made for it did not say where they are heard.
    #[error("openclaw-jail handed over no syscall listener: {0}")]
    NoListener(io::Error),
    /// The kernel or the container gives no namespaces of one's own.
    #[error("no {what} here ({cause}); {mend}")]
    Missing {
        /// Which wall.
        what: &'static str,
        /// What the kernel said.
        cause: io::Error,
        /// What to do about it.
        mend: &'static str,
    },
    /// As [`JailError::Missing`], told by the process that found it out.
    #[error("{0}")]
    Lacking(String),
    /// Any other failure, told by the process it happened in.
    #[error("{0}")]
    Failed(String),
    /// A path of the spec can not be shown inside.
    #[error("can not show {path:?} inside the jail: {cause}")]
    Path {
        /// Which path.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// A step failed that should work wherever its wall does.
    #[error("can not {step}: {cause}")]
    Step {
        /// Which step, as a verb.
        step: &'static str,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The program can not be run inside.
    #[error("can not run {program:?} inside the jail: {cause}")]
    Exec {
        /// Which program.
        program: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
}

/// Names the step that failed.
pub(crate) trait During<T> {
    /// Turns the failure into [`JailError::Step`].
    fn during(self, step: &'static str) -> Result<T, JailError>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: &'static str) -> Result<T, JailError> {
        self.map_err(|error| JailError::Step {
            step,
            cause: error.into(),
        })
    }
}
