//! What a process may do because of who it is, and what it was born with.

use super::{Expect, Outcome, Row, Targets, Wall, raw};
use crate::sys;
use Expect::Refused;
use nix::sys::prctl;

pub(super) const ROWS: &[Row] = &[row("hold privilege", &[], |_| privilege())];

const fn row(name: &'static str, errnos: &'static [i32], run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Privileges,
        at_start: true,
        full: Refused(errnos),
        plain: Refused(errnos),
        run,
    }
}

fn privilege() -> Outcome {
    let held = sys::capabilities().unwrap_or(u64::MAX);
    let bounding = raw::bounding();
    let no_new = prctl::get_no_new_privs().unwrap_or(false);
    if held == 0 && no_new {
        return Outcome::Failed(format!(
            "no capability, {bounding} in the bounding set, no_new_privs"
        ));
    }
    Outcome::Worked(format!("capabilities {held:#x}, no_new_privs {no_new}"))
}
