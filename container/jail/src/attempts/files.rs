//! Files that are not the session's.

use super::{Expect, Outcome, Row, Targets, Wall, tried};
use Expect::{Open, Refused};
use libc::{EACCES, ENOENT, EROFS};
use std::fs::{self, OpenOptions};

const NAMES: &str = "Landlock keeps files from being opened, not names from being asked for";

pub(super) const ROWS: &[Row] = &[
    row("see outside", Refused(&[ENOENT]), Open(NAMES), |targets| {
        tried(fs::metadata(&targets.canary))
    }),
    row(
        "read outside",
        Refused(&[ENOENT]),
        Refused(&[EACCES]),
        |targets| tried(fs::read(&targets.canary)),
    ),
    row(
        "write outside",
        Refused(&[ENOENT]),
        Refused(&[EACCES]),
        |targets| tried(OpenOptions::new().append(true).open(&targets.canary)),
    ),
    row(
        "write system",
        Refused(&[EROFS, EACCES]),
        Refused(&[EACCES]),
        |_| tried(fs::write("/usr/openclaw-probe", "x")),
    ),
    row(
        "read gateway state",
        Refused(&[ENOENT]),
        Refused(&[EACCES]),
        |targets| tried(fs::read(targets.state.join("state.db"))),
    ),
    row(
        "read another workspace",
        Refused(&[ENOENT]),
        Refused(&[EACCES]),
        |targets| tried(fs::read(targets.other_workspace.join("theirs"))),
    ),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Files,
        at_start: true,
        full,
        plain,
        run,
    }
}
