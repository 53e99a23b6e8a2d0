//! The escape table: everything a jailed program is known to try, one row each, and how the walls
//! answer.
//!
//! Rows are run from inside by `openclaw-jail --probe-child` (`run.rs`), each in a process of its
//! own, and judged from outside by [`crate::probe`] and by the tests. A row of the start-up self-test
//! ([`Row::at_start`]) is run each time a gateway starts: it must take well under a millisecond.
//!
//! To add a row: write it in the file of its wall, with `tried` for a call that can really work,
//! and `asked` for one that is made with senseless arguments to see whether the kernel looks at
//! them. What it needs outside goes into [`Targets`], and is laid by `probe.rs`.

pub(crate) mod run;

pub use run::Errand;

mod files;
mod outside;
mod ways;
pub(crate) mod protected;
mod devices;

mod processes;
mod proc_files;
mod signals;

mod network;
mod services;
mod sockets;

mod syscalls;
mod kernel;
mod namespaces;

mod privileges;
mod own;

mod call;
mod raw;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Every row, in the order of the files that hold them.
pub const TABLE: &[&[Row]] = &[
    files::ROWS,
    outside::ROWS,
    ways::ROWS,
    protected::ROWS,
    devices::ROWS,
    processes::ROWS,
    proc_files::ROWS,
    signals::ROWS,
    network::ROWS,
    services::ROWS,
    sockets::ROWS,
    syscalls::ROWS,
    kernel::ROWS,
    namespaces::ROWS,
    privileges::ROWS,
    own::ROWS,
];

/// Every row of [`TABLE`].
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().copied().flatten()
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What is tried, as a verb and what it is done to: `read outside`. No two rows have the same.
    pub name: &'static str,
    /// Which wall is to prevent it.
    pub wall: Wall,
    /// Whether it is part of the self-test at start.
    pub at_start: bool,
    /// How it ends at levels 3 and 4: with namespaces and a private root.
    pub full: Expect,
    /// How it ends at levels 1 and 2: with Landlock and a syscall filter alone.
    pub plain: Expect,
    /// Makes the attempt, in a process of its own that ends with it.
    pub run: fn(&Targets) -> Outcome,
}

/// Which wall a row tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wall {
    /// Files that are not the session's: the private root, or Landlock.
    Files,
    /// Other processes: the pid namespace, or Landlock's scopes.
    Processes,
    /// The network, and Unix sockets of both kinds.
    Network,
    /// The syscall filter.
    Syscalls,
    /// Capabilities, `no_new_privs`, inherited descriptors.
    Privileges,
}

/// How an attempt is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It fails, with one of these error numbers or without any ([`Outcome::Failed`]).
    Refused(&'static [i32]),
    /// It fails as [`Expect::Refused`] does where Landlock is of this version or newer; elsewhere it
    /// works, for the reason given.
    Since {
        /// The first version of Landlock that prevents it.
        landlock: i32,
        /// Error numbers.
        errnos: &'static [i32],
        /// Why it works with an older one.
        otherwise: &'static str,
    },
    /// It may work, and this is why that is so: told to whoever reads the README.
    Open(&'static str),
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It worked; what was found.
    Worked(String),
    /// The kernel refused it.
    Refused {
        /// The error number.
        errno: i32,
        /// What that means.
        said: String,
    },
    /// It failed otherwise: what was looked for is not there.
    Failed(String),
    /// A datagram went out to [`Targets::port`], with [`Targets::mark`] and a line feed and the row's
    /// name in it: whether it arrived is known outside.
    Sent,
    /// This machine has not got what it takes to try.
    Absent(String),
}

/// What there is to be reached outside; the child's one argument, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// A file that must not be seen, and holds [`Targets::SECRET`]. Beside it lie `spare`, which may
    /// be spoilt, `program`, which can be run, and `link`, which leads to it.
    pub canary: PathBuf,
    /// The session's own workspace: a folder that must be writable, for a jail in which all fails
    /// proves nothing.
    pub workspace: PathBuf,
    /// Another session's workspace, with a file `theirs` in it.
    pub other_workspace: PathBuf,
    /// The gateway's state directory, or one like it, with a file `state.db` in it.
    pub state: PathBuf,
    /// The gateway's control socket, or one like it: somebody listens.
    pub control: PathBuf,
    /// A Unix socket that somebody listens on, in a folder that everyone may enter. Beside it is
    /// `datagrams`, another for datagrams.
    pub socket: PathBuf,
    /// An abstract Unix socket that somebody listens on; with `-datagrams` after it another for
    /// datagrams.
    pub abstract_socket: String,
    /// A port of 127.0.0.1 that somebody listens on, TCP and UDP.
    pub port: u16,
    /// First line of every datagram sent to `port`.
    pub mark: String,
    /// A process outside that must not be touched; it has [`Targets::SECRET`] in its environment.
    pub pid: i32,
    /// The process that keeps this jail (its pid 1 where it has a pid namespace); found inside.
    #[serde(default)]
    pub keeper: i32,
    /// What somebody outside shares by other means than files.
    pub shared: Shared,
}

/// What processes share without a file of the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// A System V segment of memory, by its id; `None` where there is no such thing.
    pub segment: Option<i32>,
    /// A System V queue of messages, by its id.
    pub queue: Option<i32>,
    /// A System V set of semaphores, by its id.
    pub semaphores: Option<i32>,
    /// The name of a file in `/dev/shm`, of another in `/tmp`, and of a POSIX queue of messages.
    pub name: String,
    /// Whether there is such a queue.
    pub has_queue: bool,
    /// The path of a terminal.
    pub terminal: String,
}

impl Targets {
    /// What nobody inside may get to read.
    pub const SECRET: &'static str = "openclaw-probe-canary";

    /// The folder of the canary.
    fn outside(&self) -> PathBuf {
        self.canary.parent().unwrap_or(Path::new("/")).to_owned()
    }

    /// What lies beside the canary.
    fn beside(&self, name: &str) -> PathBuf {
        self.canary.with_file_name(name)
    }

    /// The socket for datagrams.
    fn datagrams(&self) -> PathBuf {
        self.socket.with_file_name("datagrams")
    }
}

/// What a child says of all its attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// The Landlock version of its kernel, 0 for none.
    pub landlock: i32,
    /// Whether its own workspace could be written: else it was dead rather than walled in.
    pub alive: bool,
    /// Whether it could connect to the proxy's address.
    #[serde(default)]
    pub reached_the_door: bool,
    /// How each row ended, by its name.
    pub rows: BTreeMap<String, Outcome>,
}

/// Which kind of walls an attempt was made behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Walls {
    /// Namespaces and all.
    Full,
    /// Landlock and the syscall filter.
    Plain,
}

/// What an outcome means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was prevented, as it is to be.
    Held,
    /// It was prevented, but not by what is to prevent it: another error number.
    Odd,
    /// It worked, or may have, and is known to: the reason.
    Open(&'static str),
    /// This machine has not got what it takes to try.
    Absent,
    /// It worked, or nobody tried.
    Fell,
}

impl Row {
    /// What `outcome` means behind these walls, on a kernel with this version of Landlock.
    #[must_use]
    pub fn judge(&self, walls: Walls, landlock: i32, outcome: Option<&Outcome>) -> Verdict {
        let expect = match walls {
            Walls::Full => self.full,
            Walls::Plain => self.plain,
        };
        let (errnos, open) = match expect {
            Expect::Refused(errnos) => (errnos, None),
            Expect::Since {
                landlock: first,
                errnos,
                otherwise,
            } => (errnos, (landlock < first).then_some(otherwise)),
            Expect::Open(reason) => (&[][..], Some(reason)),
        };
        match (outcome, open) {
            (Some(Outcome::Absent(_)), _) => Verdict::Absent,
            (_, Some(reason)) => Verdict::Open(reason),
            (Some(Outcome::Failed(_)), None) => Verdict::Held,
            (Some(Outcome::Refused { errno, .. }), None) if errnos.contains(errno) => Verdict::Held,
            (Some(Outcome::Refused { .. }), None) => Verdict::Odd,
            (Some(Outcome::Worked(_) | Outcome::Sent) | None, None) => Verdict::Fell,
        }
    }
}

// === for the rows ===

/// The outcome of something that can really work.
fn tried<T, E: Into<io::Error>>(result: Result<T, E>) -> Outcome {
    match result {
        Ok(_) => Outcome::Worked("it worked".to_owned()),
        Err(error) => failed(&error.into()),
    }
}

/// The outcome of a syscall made with senseless arguments: any other error than a refusal means that
/// the kernel has looked at them.
fn asked(result: Result<(), Errno>) -> Outcome {
    match result {
        Err(
            Errno::EPERM | Errno::ENOSYS | Errno::EACCES | Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP,
        ) => tried(result),
        Ok(()) => Outcome::Worked("it worked".to_owned()),
        Err(error) => Outcome::Worked(format!("the kernel listened: {error}")),
    }
}

/// A path for the kernel; one with a NUL in it is none.
fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

fn failed(error: &io::Error) -> Outcome {
    match error.raw_os_error() {
        Some(errno) => Outcome::Refused {
            errno,
            said: Errno::from_raw(errno).desc().to_owned(),
        },
        None => Outcome::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_rows_have_the_same_name() {
        let names: BTreeSet<_> = rows().map(|row| row.name).collect();
        assert_eq!(names.len(), rows().count());
    }

    #[test]
    fn what_is_open_says_why() {
        for row in rows() {
            for expect in [row.full, row.plain] {
                match expect {
                    Expect::Refused(errnos) => assert!(errnos.len() <= 10, "{}", row.name),
                    Expect::Since { otherwise, .. } => assert!(otherwise.len() > 20),
                    Expect::Open(reason) => assert!(reason.len() > 20, "{}", row.name),
                }
            }
        }
    }

    const ROW: Row = Row {
        name: "try",
        wall: Wall::Files,
        at_start: false,
        full: Expect::Refused(&[libc::ENOENT]),
        plain: Expect::Since {
            landlock: 6,
            errnos: &[libc::EPERM],
            otherwise: "older kernels do not",
        },
        run: |_| Outcome::Sent,
    };

    fn refused(errno: i32) -> Outcome {
        failed(&io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn an_attempt_has_to_fail_as_it_is_to() {
        let full = |outcome: &Outcome| ROW.judge(Walls::Full, 7, Some(outcome));
        assert_eq!(full(&refused(libc::ENOENT)), Verdict::Held);
        assert_eq!(full(&refused(libc::EPERM)), Verdict::Odd);
        assert_eq!(full(&Outcome::Failed("none seen".into())), Verdict::Held);
        assert_eq!(full(&Outcome::Worked("oh".into())), Verdict::Fell);
        assert_eq!(full(&Outcome::Absent("no docker".into())), Verdict::Absent);
        assert_eq!(ROW.judge(Walls::Full, 7, None), Verdict::Fell);
    }

    #[test]
    fn an_old_kernel_is_held_to_what_it_has() {
        let worked = Outcome::Worked("oh".into());
        let plain = |version| ROW.judge(Walls::Plain, version, Some(&worked));
        assert_eq!(plain(5), Verdict::Open("older kernels do not"));
        assert_eq!(plain(6), Verdict::Fell);
    }

    #[test]
    fn a_call_that_the_kernel_looks_at_was_not_refused() {
        assert!(matches!(asked(Err(Errno::EFAULT)), Outcome::Worked(_)));
        assert!(matches!(asked(Err(Errno::ENOSYS)), Outcome::Refused { .. }));
    }
}
