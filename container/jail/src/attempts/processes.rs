//! Processes that are not the session's.

use super::{Expect, Outcome, Row, Targets, Wall, run, tried};
use Expect::{Open, Refused, Since};
use libc::{EACCES, EPERM, ESRCH};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};

const OLD_SCOPE: &str =
    "before Landlock 6 (Linux 6.12) a process may signal whatever else its user runs";

pub(super) const ROWS: &[Row] = &[
    row(
        "see processes",
        Refused(&[]),
        Open("without a pid namespace /proc lists everybody's processes and their command lines"),
        |targets| foreign_processes(targets.keeper),
    ),
    row(
        "read environment",
        Refused(&[libc::ENOENT]),
        Refused(&[EACCES]),
        |targets| tried(fs::read(file_of(targets.pid, "environ"))),
    ),
    row(
        "signal gateway",
        Refused(&[ESRCH]),
        Since {
            landlock: 6,
            errnos: &[EPERM],
            otherwise: OLD_SCOPE,
        },
        |targets| tried(kill(Pid::from_raw(targets.pid), None)),
    ),
    row(
        "signal keeper",
        Since {
            landlock: 6,
            errnos: &[EPERM],
            otherwise: OLD_SCOPE,
        },
        Since {
            landlock: 6,
            errnos: &[EPERM],
            otherwise: OLD_SCOPE,
        },
        |targets| tried(kill(Pid::from_raw(targets.keeper), None)),
    ),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Processes,
        at_start: true,
        full,
        plain,
        run,
    }
}

fn file_of(pid: i32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// Whether others than the keeper and this attempt are to be seen.
fn foreign_processes(keeper: i32) -> Outcome {
    let foreign = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        (!run::is_own(Pid::from_raw(pid), keeper)).then_some(pid)
    };
    match fs::read_dir("/proc") {
        Err(error) => super::failed(&error),
        Ok(entries) => match entries.flatten().filter_map(foreign).count() {
            0 => Outcome::Failed("none but its own are visible".to_owned()),
            count => Outcome::Worked(format!("{count} processes visible")),
        },
    }
}
