//! Calls into the kernel that no tool needs.

use super::{Expect, Outcome, Row, Targets, Wall, asked, raw, tried};
use Expect::Refused;
use libc::{ENOSYS, EPERM};
use nix::sched::{CloneFlags, unshare};

pub(super) const ROWS: &[Row] = &[
    row("make namespace", &[EPERM], |_| {
        tried(unshare(CloneFlags::CLONE_NEWUSER))
    }),
    row("trace", &[EPERM], |_| asked(raw::trace_me())),
    row("use io_uring", &[ENOSYS], |_| asked(raw::io_uring())),
    row("use keyring", &[EPERM], |_| asked(raw::keyring())),
];

/// The filter is the same with namespaces and without.
const fn row(name: &'static str, errnos: &'static [i32], run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Syscalls,
        at_start: true,
        full: Refused(errnos),
        plain: Refused(errnos),
        run,
    }
}
