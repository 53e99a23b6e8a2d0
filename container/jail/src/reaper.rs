//! Waits for a child, passes signals on to it, and ends as it ends.
//!
//! ```text
//! supervisor ── openclaw-jail ── keeper (pid 1 inside) ── program ── …
//!                 mirror            keep
//! ```
//! The keeper reaps what the program leaves behind. It ends everything when the program ends, when
//! its own parent is gone, or when the far end of stdin is closed: the supervisor is gone.

use crate::error::{During, JailError};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{SFlag, fstat};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What a program that is ended with its jail ends as: killed.
const KILLED: u8 = 128 + 9;

/// Signals that are passed on.
const PASSED_ON: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// How far a keeper's reach goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is pid 1: with its end the kernel ends everyone.
    PidNamespace,
    /// It adopts orphans, and has to find and end them.
    Descendants,
}

/// Holds back the signals that [`mirror`] and [`keep`] wait for. Inherited by children.
pub(crate) fn hold_signals() -> Result<(), JailError> {
    awaited().thread_block().during("block signals")
}

/// Lets all signals through again.
pub(crate) fn release_signals() -> Result<(), JailError> {
    SigSet::all().thread_unblock().during("unblock signals")
}

/// Waits until `child` ends and returns its exit code.
pub(crate) fn mirror(child: Pid) -> Result<u8, JailError> {
    let awaited = awaited();
    loop {
        if let Some(code) = reap(child)? {
            return Ok(code);
        }
        pass_on(child, awaited.wait().during("wait for a signal")?);
    }
}

/// Waits until `child` ends, or the jail is to end, and returns its exit code; then nothing is left
/// of it and of what it started, or (with [`Reach::PidNamespace`]) will be left when this process
/// ends. `link` leads to this process's parent.
pub(crate) fn keep(child: Pid, link: &OwnedFd, reach: Reach) -> Result<u8, JailError> {
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let signals = SignalFd::with_flags(&awaited(), flags).during("watch signals")?;
    let stdin = io::stdin();
    let code = loop {
        if let Some(code) = reap(child)? {
            break code;
        }
        if hung_up(&signals, link, stdin.as_fd())? {
            break KILLED;
        }
        while let Ok(Some(signal)) = signals.read_signal() {
            if let Ok(signal) = Signal::try_from(signal.ssi_signo.cast_signed()) {
                pass_on(child, signal);
            }
        }
    };
    match reach {
        Reach::PidNamespace => {}
        Reach::Descendants => sweep()?,
    }
    Ok(code)
}

/// Waits for anything to happen. Returns whether it is the end of the parent or the supervisor.
/// Only the end of both directions counts: a supervisor that has said all may still listen.
fn hung_up(signals: &SignalFd, link: &OwnedFd, stdin: BorrowedFd<'_>) -> Result<bool, JailError> {
    let mut watched = vec![
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        PollFd::new(link.as_fd(), PollFlags::empty()),
    ];
    if is_socket(stdin) {
        watched.push(PollFd::new(stdin, PollFlags::empty()));
    }
    match poll(&mut watched, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error).during("watch its link"),
    }
    let ended = |fd: &PollFd<'_>| {
        fd.revents()
            .is_some_and(|seen| seen.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
    };
    Ok(watched[1..].iter().any(ended))
}

/// On any other kind of stdin a hang-up is just the end of input.
fn is_socket(fd: BorrowedFd<'_>) -> bool {
    fstat(fd).is_ok_and(|stat| stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFSOCK.bits())
}

/// Reaps whoever has ended. Returns the exit code of `child` if it is among them.
fn reap(child: Pid) -> Result<Option<u8>, JailError> {
    let mut code = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(code),
            Ok(status) if status.pid() == Some(child) => code = code.or(exit_code(status)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).during("wait for a child"),
        }
    }
}

/// A program's exit code, or 128 and its signal, as shells have it.
fn exit_code(status: WaitStatus) -> Option<u8> {
    match status {
        WaitStatus::Exited(_, code) => u8::try_from(code & 0xff).ok(),
        WaitStatus::Signaled(_, signal, _) => u8::try_from(128 + signal as i32).ok(),
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => None,
    }
}

fn pass_on(child: Pid, signal: Signal) {
    if PASSED_ON.contains(&signal) {
        // It may have ended just now.
        let _ = kill(child, signal);
    }
}

fn awaited() -> SigSet {
    let mut set = SigSet::from_iter(PASSED_ON);
    set.add(Signal::SIGCHLD);
    set
}

/// Kills everything that descends from this process until nothing does.
fn sweep() -> Result<(), JailError> {
    // Mostly there is nobody left, and looking for them is dear.
    let mut wait = Some(WaitPidFlag::WNOHANG);
    loop {
        match waitpid(None, wait) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(error) => return Err(error).during("wait for a child"),
        }
        for pid in descendants() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        wait = None;
    }
}

/// Every process that descends from this one, by `/proc`.
fn descendants() -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&getpid().as_raw()).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found.into_iter().map(Pid::from_raw).collect()
}

/// The parent's pid in a `/proc/PID/stat` line: second after the name, which is in parentheses and
/// may hold any.
fn parent(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "what is tested is how processes start and end"
)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_whatever_the_name_is() {
        assert_eq!(parent("7 (sh) S 3 7 7"), Some(3));
        assert_eq!(parent("7 (a) S 1 (b) R 42 7"), Some(42));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn ends_are_told_as_shells_tell_them() {
        let pid = Pid::from_raw(7);
        assert_eq!(exit_code(WaitStatus::Exited(pid, 3)), Some(3));
        let killed = WaitStatus::Signaled(pid, Signal::SIGKILL, false);
        assert_eq!(exit_code(killed), Some(KILLED));
        assert_eq!(exit_code(WaitStatus::Continued(pid)), None);
    }

    #[test]
    fn a_child_is_a_descendant() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        assert!(descendants().contains(&pid));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
