//! Log lines: to standard error and, once the state directory is ours, to the log file. Secrets are
//! taken out on the way to either.
//!
//! A line is written by whoever says it, at once and in one piece, so that the last words of a gateway
//! that dies are there. What is said before the file is open waits, up to a bound, and is written
//! first.

use super::redact;
use super::rotate::{Place, Rotating};
use crate::config::LogLevel;
use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

/// So many rotated files are kept.
const KEPT: u32 = 3;
/// What is said before the file is open waits up to so many bytes; more of it is on standard error
/// alone.
const WAITING: usize = 64 * 1024;

/// The log file of this process.
static FILE: Mutex<File> = Mutex::new(File::Waiting(Vec::new()));
static LEVELS: OnceLock<Levels> = OnceLock::new();

#[derive(Debug)]
enum File {
    /// It is not known yet where it is.
    Waiting(Vec<u8>),
    Open(Box<Rotating>),
}

/// What can be changed of a log that was begun.
#[derive(Debug)]
struct Levels {
    file: reload::Handle<EnvFilter, Registry>,
    /// Where standard error is a gateway's own, as loud as the file.
    console: Option<reload::Handle<EnvFilter, Registry>>,
}

/// Whether standard error is as loud as the log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// It is.
    Follows,
    /// It stays as it was begun: somebody reads a command's output there.
    Stays,
}

/// Where the log file is, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its path.
    pub path: PathBuf,
    /// It is rotated before it grows beyond this, in bytes; three rotated files are kept.
    pub max_bytes: u64,
}

/// Begins logging: `OPENCLAW_LOG` first, then this level. A second start in one process keeps the
/// first.
pub fn start(level: LogLevel, console: Console) {
    let (file_level, file) = reload::Layer::new(filter(level));
    let (console_level, terminal) = reload::Layer::new(filter(level));
    let to_console = fmt::layer()
        .with_writer(ToStandardError)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_filter(console_level);
    let to_file = fmt::layer()
        .with_writer(ToFile)
        .with_ansi(false)
        .with_target(false)
        .with_filter(file_level);
    let layers = vec![to_console.boxed(), to_file.boxed()];
    let begun = tracing_subscriber::registry().with(layers).try_init();
    if begun.is_ok() {
        let console = (console == Console::Follows).then_some(terminal);
        let _ = LEVELS.set(Levels { file, console });
    }
}

/// Logs at this level from now on, unless `OPENCLAW_LOG` says otherwise.
pub fn at_level(level: LogLevel) {
    let Some(Levels { file, console }) = LEVELS.get() else {
        return;
    };
    for handle in [Some(file), console.as_ref()].into_iter().flatten() {
        // It fails only where nothing logs any more.
        let _ = handle.reload(filter(level));
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::try_from_env("OPENCLAW_LOG").unwrap_or_else(|_| EnvFilter::new(name(level)))
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Silent => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

/// Writes the log to this file from now on, and first what was said before there was one.
///
/// # Errors
/// What the system says; the log is where it was, and on standard error.
pub fn write_to(LogFile { path, max_bytes }: LogFile) -> io::Result<()> {
    let kept = KEPT;
    let mut log = Box::new(Rotating::open(Place {
        path,
        max_bytes,
        kept,
    })?);
    let mut current = lock();
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

/// What was said in several lines is still one entry: those after the first are set in, so that no
/// word of others looks like an entry of ours.
fn one_entry(text: Cow<'_, str>) -> Cow<'_, str> {
    let said = text.strip_suffix('\n').unwrap_or(&text);
    if said.contains(['\n', '\r']) {
        let said = said.replace("\r\n", "\n").replace('\r', "\n");
        return Cow::Owned(said.replace('\n', "\n  ") + "\n");
    }
    text
}

// `tracing` hands over each entry whole, in one call.
impl Write for ToFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let shown = one_entry(redact::log_line(&text));
        match &mut *lock() {
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
        let shown = one_entry(redact::log_line(&text));
        io::stderr().lock().write_all(shown.as_bytes())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_are_one_entry() {
        let entry = |text: &'static str| one_entry(Cow::Borrowed(text)).into_owned();
        assert_eq!(entry("one\n"), "one\n");
        assert_eq!(
            entry("one\n2026 INFO two\r\nthree\rfour\n"),
            "one\n  2026 INFO two\n  three\n  four\n"
        );
    }
}
