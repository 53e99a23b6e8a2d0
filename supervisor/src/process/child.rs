//! A running child: waiting for it, and ending it step by step.

use super::usage::final_cpu;
use crate::audit::SpawnRecord;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::task::AbortHandle;

/// The longest log line taken from a child, in bytes; the rest of a longer one is a line of its own.
const MAX_LOG_LINE: u64 = 4096;

/// A child process, the leader of its own process group. Dropping it kills the group.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: i32,
    label: String,
    /// Readable when it has ended and was not waited for yet.
    end: Option<AsyncFd<OwnedFd>>,
    cpu: Option<Duration>,
    log: Option<AbortHandle>,
    last_words: LastWords,
    role: &'static str,
    record: SpawnRecord,
}

/// The last line a child said on its standard error: what people want to read when it failed.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<String>>);

impl LastWords {
    pub(super) fn set(&self, line: &str) {
        if let Ok(mut words) = self.0.lock() {
            line.clone_into(&mut words);
        }
    }
}

/// One rung of the kill ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillStep {
    /// SIGTERM to the group.
    Term,
    /// SIGKILL to the group.
    Kill,
}

/// How a child left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// Exit code 0.
    Clean,
    /// Another exit code.
    Code(i32),
    /// A signal nobody of ours sent.
    Signal(i32),
    /// No confined child could be made.
    JailFailed(String),
    /// It said no hello in time.
    NoHello,
    /// It was silent though it had nothing to wait for.
    Hung,
    /// It said what it may not say, and was killed for it.
    Forbidden(&'static str),
    /// It sent a frame that is none, and was killed for it.
    BadFrame(String),
    /// We stopped it.
    Stopped,
}

impl Child {
    pub(super) fn new(
        mut process: tokio::process::Child,
        label: String,
        role: &'static str,
        record: SpawnRecord,
    ) -> Self {
        let pid = process
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or(0);
        let last_words = LastWords::default();
        let log = process.stderr.take().map(|log| {
            let task = pass_log(log, label.clone(), last_words.clone());
            #[expect(
                clippy::disallowed_methods,
                reason = "aborted when the child is dropped"
            )]
            tokio::spawn(task).abort_handle()
        });
        Self {
            process,
            pid,
            label,
            end: watch(pid),
            cpu: None,
            log,
            last_words,
            role,
            record,
        }
    }

    /// Puts on record that it did not become what it was started for: its walls could not be built.
    pub fn was_not_confined(&self, reason: &str) {
        self.record.failed(self.role, reason);
    }

    /// The last line it said on its standard error; empty when it said nothing.
    #[must_use]
    pub fn last_words(&self) -> String {
        self.last_words
            .0
            .lock()
            .map(|words| words.clone())
            .unwrap_or_default()
    }

    /// The process id; also the process group's.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until it has left. Cancel-safe.
    pub async fn wait(&mut self) -> ExitReason {
        if let Some(end) = &self.end {
            let _ = end.readable().await;
            self.cpu = self.cpu.or_else(|| final_cpu(self.pid));
        }
        match self.process.wait().await {
            Ok(status) => ExitReason::from(status),
            Err(error) => ExitReason::JailFailed(format!("waiting for {}: {error}", self.label)),
        }
    }

    /// All CPU time of it and of those it waited for; known once it was waited for.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.cpu
    }

    /// Sends a step's signal to the whole group. A group that is gone already is fine.
    pub fn kill(&self, step: KillStep) {
        let signal = match step {
            KillStep::Term => Signal::SIGTERM,
            KillStep::Kill => Signal::SIGKILL,
        };
        if self.pid > 1 && self.process.id().is_some() {
            let _ = killpg(Pid::from_raw(self.pid), signal);
        }
    }
}

fn watch(pid: i32) -> Option<AsyncFd<OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    #[expect(
        deprecated,
        reason = "sound for a descriptor that it owns and nobody replaces; the other way is unsafe"
    )]
    AsyncFd::with_interest(handle, tokio::io::Interest::READABLE).ok()
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill(KillStep::Kill);
        if let Some(log) = &self.log {
            log.abort();
        }
    }
}

impl From<ExitStatus> for ExitReason {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Clean,
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Stopped,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("exited"),
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::JailFailed(reason) => write!(f, "could not be confined: {reason}"),
            Self::NoHello => f.write_str("did not answer in time after its start"),
            Self::Hung => f.write_str("hung and was killed"),
            Self::Forbidden(what) => write!(f, "was killed for saying what it may not: {what}"),
            Self::BadFrame(reason) => write!(f, "was killed for a broken frame: {reason}"),
            Self::Stopped => f.write_str("was stopped"),
        }
    }
}

/// A child's standard error is log lines; ours get its label.
async fn pass_log(log: tokio::process::ChildStderr, label: String, last: LastWords) {
    let mut log = BufReader::with_capacity(512, log);
    let mut line = Vec::new();
    loop {
        let room = MAX_LOG_LINE - line.len() as u64;
        match (&mut log).take(room).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) if line.is_empty() => return,
            Ok(_) | Err(_) => {
                let rest = line.split_off(end_of_piece(&line));
                let text = String::from_utf8_lossy(&line);
                last.set(text.trim_end());
                tracing::info!(child = %label, "{}", text.trim_end());
                line = rest;
            }
        }
    }
}

/// Where a line is cut that is too long: between words, so that a secret in it stays whole and is
/// known for one.
fn end_of_piece(line: &[u8]) -> usize {
    let is_cut = line.len() as u64 >= MAX_LOG_LINE && !line.ends_with(b"\n");
    let gap = line.iter().rposition(u8::is_ascii_whitespace);
    match gap {
        Some(at) if is_cut && at > 0 => at,
        Some(_) | None => line.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut_between_words() {
        let most = usize::try_from(MAX_LOG_LINE).unwrap();
        let long = format!("a {}", "b".repeat(most - 2));
        assert_eq!(end_of_piece(long.as_bytes()), 1);
        assert_eq!(end_of_piece("b".repeat(most).as_bytes()), most);
        assert_eq!(end_of_piece(b"a short one"), 11);
        assert_eq!(end_of_piece(b"a short one\n"), 12);
    }
}
