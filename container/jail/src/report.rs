//! How a process of the jail says how it went: to the one outside over the link between them, to the
//! person on stderr, and to whoever waits for its end by its exit code.

use crate::error::JailError;
use crate::namespaces;
use std::fs::File;
use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, OwnedFd};

/// The exit code of a jail that could not be built.
pub(crate) const FAILED: u8 = 125;

/// What the keeper tells its parent when the program has been started.
pub(crate) const STARTED: &[u8] = b"+";
/// First byte of a report of a wall that this machine lacks, and of any other failure.
const LACKS: u8 = b'?';
const FAILS: u8 = b'!';

/// Tells the outer process how it went, and returns the exit code.
pub(crate) fn report(link: &OwnedFd, result: Result<u8, JailError>) -> u8 {
    match result {
        Ok(code) => {
            namespaces::tell(link, STARTED);
            code
        }
        Err(error) => {
            let lacks = matches!(error, JailError::Missing { .. });
            let mut report = vec![if lacks { LACKS } else { FAILS }];
            report.extend_from_slice(error.to_string().as_bytes());
            namespaces::tell(link, &report);
            FAILED
        }
    }
}

/// What a report says went wrong.
pub(crate) fn complaint(report: &[u8]) -> Option<JailError> {
    let (kind, text) = report.split_first()?;
    let text = String::from_utf8_lossy(text).into_owned();
    match *kind {
        LACKS => Some(JailError::Lacking(text)),
        FAILS => Some(JailError::Failed(text)),
        _ => None,
    }
}

/// The exit code for how a process of the jail ended; an error is said on stderr.
pub(crate) fn finish(result: Result<u8, JailError>) -> u8 {
    result.unwrap_or_else(|error| {
        say(&error.to_string());
        FAILED
    })
}

/// One line on stderr; nobody is there to be told when that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "openclaw-jail: {line}");
}

/// Stdin, unbuffered, and left open.
#[expect(unsafe_code, reason = "std gives no unbuffered stdin")]
pub(crate) fn stdin() -> ManuallyDrop<File> {
    // SAFETY: descriptor 0 is stdin for the life of the process; never closed by this handle.
    ManuallyDrop::new(unsafe { File::from_raw_fd(0) })
}
