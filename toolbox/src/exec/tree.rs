//! The processes a command started: who is left of them, and signals to all.
//!
//! The toolbox is the reaper of its descendants, so a daemon that left the command's group and
//! session is still found. Where `/proc` is not this process's own, only the group is.

use super::life::Exit;
use jail::child::{Signal, kill_group};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::{fs, io};

/// A started command and its descendants.
#[derive(Debug)]
pub(super) struct Tree {
    leader: Child,
    group: i32,
    exited: bool,
}

/// What a look at the children found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reaped {
    /// The shell's end, told once.
    pub(super) exit: Option<Exit>,
    /// Nobody is left.
    pub(super) all_gone: bool,
}

/// Makes this process the reaper of all that its commands start.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

impl Tree {
    /// The tree that grows from `leader`, which leads its own process group.
    pub(super) fn new(leader: Child) -> Self {
        let group = i32::try_from(leader.id()).unwrap_or(-1); // which no signal goes to
        Self {
            leader,
            group,
            exited: false,
        }
    }

    /// The shell's process id.
    pub(super) fn pid(&self) -> u32 {
        self.leader.id()
    }

    /// Reaps all that have ended. To be called when a child has, by SIGCHLD.
    pub(super) fn reap(&mut self) -> Reaped {
        let mut exit = None;
        if !self.exited {
            // std first: it knows every signal's number, which nix's reading of the status does not.
            exit = match self.leader.try_wait() {
                Ok(Some(status)) => {
                    let code = status.code().map(Exit::Code);
                    code.or_else(|| status.signal().map(Exit::Signal))
                }
                Ok(None) => None,
                // Reaped by the second look of an earlier call, by a signal without a name.
                Err(_) => Some(Exit::Signal(0)),
            };
        }
        let all_gone = loop {
            match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break false,
                Ok(status) => exit = exit.or(self.of_leader(status)),
                Err(Errno::ECHILD) => break true,
                // EINTR, or an end by a signal that nix has no name for: reaped all the same.
                Err(_) => {}
            }
        };
        if all_gone && !self.exited && exit.is_none() {
            exit = Some(Exit::Signal(0)); // gone between the looks, by a signal without a name
        }
        self.exited |= exit.is_some();
        Reaped { exit, all_gone }
    }

    /// The leader's end, should it have come after the first look.
    fn of_leader(&self, status: WaitStatus) -> Option<Exit> {
        match status {
            WaitStatus::Exited(pid, code) if pid.as_raw() == self.group => Some(Exit::Code(code)),
            WaitStatus::Signaled(pid, signal, _) if pid.as_raw() == self.group => {
                Some(Exit::Signal(signal as i32))
            }
            WaitStatus::Exited(..)
            | WaitStatus::Signaled(..)
            | WaitStatus::Stopped(..)
            | WaitStatus::PtraceEvent(..)
            | WaitStatus::PtraceSyscall(_)
            | WaitStatus::Continued(_)
            | WaitStatus::StillAlive => None,
        }
    }

    /// Sends `signal` to everyone in the tree; who has ended meanwhile is no error.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = kill_group(self.group, signal);
        for pid in descendants() {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// How many processes of the tree still run, as far as that can be seen.
    pub(super) fn count(&self) -> usize {
        descendants().len()
    }
}

/// The pids of all that descend from this process and have not ended.
fn descendants() -> Vec<i32> {
    let own = std::process::id();
    // The /proc of another pid namespace has other numbers: using them would hit strangers.
    let is_ours =
        fs::read_link("/proc/self").is_ok_and(|p| p.as_os_str() == own.to_string().as_str());
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    if !is_ours {
        return Vec::new();
    }
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in entries.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some((parent, ended)) = parent(&stat) {
            // An ended process has no children: they have gone to their reaper.
            if !ended {
                children.entry(parent).or_default().push(pid);
            }
        }
    }
    let mut found = children.remove(&own.cast_signed()).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        let more = children.remove(pid).unwrap_or_default();
        found.extend(more);
        next += 1;
    }
    found
}

/// The parent in a line of `/proc/PID/stat`, and whether the process has ended. The name before
/// it is in parentheses and may hold any byte, also parentheses.
fn parent(stat: &str) -> Option<(i32, bool)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((parent, matches!(state, "Z" | "X")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_hides_no_parent() {
        assert_eq!(parent("12 (a) Z 9 (b) S 7 12 12"), Some((7, false)));
        assert_eq!(parent("12 (x) Z 7 12"), Some((7, true)));
        assert_eq!(parent("12"), None);
    }
}
