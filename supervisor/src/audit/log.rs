//! Log lines: to standard error and, once the state directory is ours, to the log file. Secrets are
//! taken out on the way to either.
//!
//! A line is written by whoever says it, at once and in one piece, so that the last words of a gateway
//! that dies are there. What is said before the file is open waits, up to a bound, and is written
//! first.

use super::redact;
use super::rotate::{Place, Rotating};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// So many rotated files are kept.
const KEPT: u32 = 3;
/// What is said before the file is open waits up to so many bytes; more of it is on standard error
/// alone.
const WAITING: usize = 64 * 1024;

/// The log file of this process.
static FILE: Mutex<File> = Mutex::new(File::Waiting(Vec::new()));

#[derive(Debug)]
enum File {
    /// It is not known yet where it is.
    Waiting(Vec<u8>),
    Open(Box<Rotating>),
    /// There is none.
    Off,
}

/// Where the log file is, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its path.
    pub path: PathBuf,
    /// It is rotated before it grows beyond this, in bytes; three rotated files are kept.
    pub max_bytes: u64,
}

/// Writes the log to this file from now on, or to none.
///
/// # Errors
/// What the system says; the log is then on standard error alone.
pub fn write_to(file: Option<LogFile>) -> io::Result<()> {
    let opened = file.map(|LogFile { path, max_bytes }| {
        Rotating::open(Place {
            path,
            max_bytes,
            kept: KEPT,
        })
    });
    let mut current = lock();
    let Some(opened) = opened.transpose()? else {
        *current = File::Off;
        return Ok(());
    };
    let mut log = Box::new(opened);
    if let File::Waiting(lines) = &*current {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            log.append(line)?;
        }
    }
    *current = File::Open(log);
    Ok(())
}

fn lock() -> MutexGuard<'static, File> {
    FILE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The log file, as `tracing` writes to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToFile;

/// Standard error, as `tracing` writes to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToStandardError;

// `tracing` hands over each line whole, in one call.
impl Write for ToFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let shown = redact::log_line(&text);
        match &mut *lock() {
            File::Off => {}
            File::Waiting(lines) => {
                if lines.len() + shown.len() <= WAITING {
                    lines.extend_from_slice(shown.as_bytes());
                }
            }
            // A log that can not be written is told of nowhere else than on standard error, where
            // this line is, too.
            File::Open(log) => drop(log.append(shown.as_bytes())),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for ToStandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr()
            .lock()
            .write_all(redact::log_line(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for ToFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl<'a> MakeWriter<'a> for ToStandardError {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}
