//! Makes the attempts: the program that `openclaw-jail --probe-child` is. It reports what happened,
//! and judges nothing: [`crate::probe`] does.

use super::{Outcome, Outcomes, Row, Targets, raw, rows};
use crate::room;
use crate::sys::{self, Side};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getppid, pipe2};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;

/// How long one attempt may take, in milliseconds.
const PATIENCE: u16 = 5000;

/// The longest report of one attempt, in bytes.
const LONGEST: u64 = 4096;

/// What the child is to do; its one argument, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// What there is to be reached.
    pub targets: Targets,
    /// The rows of the self-test only, or all.
    pub only_at_start: bool,
}

/// Makes the attempts and prints [`Outcomes`] on stdout, as JSON.
///
/// # Errors
/// When `errand` is not JSON of [`Errand`], or stdout is closed.
pub(crate) fn report(errand: &str) -> io::Result<()> {
    let errand: Errand = serde_json::from_str(errand)?;
    let targets = Targets {
        keeper: keeper(getppid().as_raw()),
        ..errand.targets
    };
    let mine = targets.workspace.join(format!("written-{}", targets.mark));
    let wanted = |row: &&Row| row.at_start || !errand.only_at_start;
    // Closed again before anything is tried, lest an attempt inherits it.
    let reached_the_door = TcpStream::connect(room::PROXY).is_ok();
    let outcomes = Outcomes {
        landlock: raw::landlock_version(),
        alive: fs::write(mine, "x").is_ok(),
        reached_the_door,
        rows: rows()
            .filter(wanted)
            .map(|row| (row.name.to_owned(), apart(row, &targets)))
            .collect(),
    };
    writeln!(io::stdout(), "{}", serde_json::to_string(&outcomes)?)
}

/// Makes one attempt in a process of its own, so that none changes what the next one finds.
fn apart(row: &Row, targets: &Targets) -> Outcome {
    in_child(row, targets).unwrap_or_else(|error| Outcome::Absent(format!("no process: {error}")))
}

fn in_child(row: &Row, targets: &Targets) -> io::Result<Outcome> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    match sys::fork_into(0)? {
        Side::Child => {
            drop(ours);
            let outcome = (row.run)(targets);
            // The last thing it does; whoever reads says when nothing comes.
            if let Ok(text) = serde_json::to_vec(&outcome) {
                let _ = File::from(theirs).write_all(&text);
            }
            raw::end()
        }
        Side::Parent(child) => {
            drop(theirs);
            let ended = hear(File::from(ours));
            let _ = kill(child, Signal::SIGKILL);
            let status = waitpid(child, None);
            Ok(ended.unwrap_or_else(|| silent(status.map_err(Errno::desc))))
        }
    }
}

/// What the child says in time, and whole.
fn hear(pipe: File) -> Option<Outcome> {
    let mut polled = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    let heard = poll(&mut polled, PollTimeout::from(PATIENCE)).is_ok_and(|count| count > 0);
    let mut text = Vec::new();
    let read = heard && pipe.take(LONGEST).read_to_end(&mut text).is_ok();
    read.then(|| serde_json::from_slice(&text).ok()).flatten()
}

/// An attempt that ended its own process, or hung, has got nowhere.
fn silent(status: impl std::fmt::Debug) -> Outcome {
    Outcome::Failed(format!("it never came back: {status:?}"))
}

/// The nearest ancestor that is an `openclaw-jail`; a toolbox and a shell may stand between.
fn keeper(parent: i32) -> i32 {
    let mut pid = parent;
    while let Some((name, above)) = name_and_parent(pid) {
        if name == KEEPER {
            return pid;
        }
        pid = above;
    }
    parent
}

/// What the kernel calls the keeper: its program, cut to 15 bytes.
const KEEPER: &str = "openclaw-jail";

/// A process's name and its parent, where it is to be seen and has one.
fn name_and_parent(pid: i32) -> Option<(String, i32)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name| {
        status
            .lines()
            .find_map(|line: &str| line.strip_prefix(name))
    };
    let parent = field("PPid:")?.trim().parse().ok()?;
    (pid > 0).then(|| (field("Name:").unwrap_or_default().trim().to_owned(), parent))
}

/// Whether `pid` is that of a process which has a part in this: this one, or what stands between it
/// and its keeper.
pub(super) fn is_own(pid: Pid, keeper: i32) -> bool {
    let mut own = nix::unistd::getpid().as_raw();
    while own != pid.as_raw() {
        if own == keeper {
            return false;
        }
        match name_and_parent(own) {
            Some((_, parent)) => own = parent,
            None => return false,
        }
    }
    true
}
