//! Finds out which walls hold on this machine: a throw-away child tries the forbidden, and the
//! level is what it could not do.
//!
//! | level | what holds |
//! |---|---|
//! | 4 | as 3, and limits by cgroup |
//! | 3 | namespaces, private root, Landlock, syscall filter, no privileges |
//! | 2 | as 3 without Landlock, or as 1 with connections that are decided one by one |
//! | 1 | Landlock and syscall filter, and no sockets |
//! | 0 | less than that |

mod bait;
mod child;
mod judge;

use crate::attempts::{Outcome, Row, Verdict, Walls, rows};
use bait::Bait;
use child::{Heard, hear_out};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Which walls hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// 0 to 4.
    pub level: u8,
    /// Each wall, and how it is known to hold.
    pub layers: Vec<Layer>,
    /// What the next level lacks, and what mends it.
    pub missing: Option<String>,
}

/// One wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name: `private root`.
    pub name: String,
    /// Whether it held.
    pub holds: bool,
    /// What was tried, and what came of it.
    pub proof: String,
}

/// Runs two throw-away children in the jail that `jail_program` builds, one with every wall and one
/// without namespaces, and judges what they could do: the rows of the escape table that are
/// [`Row::at_start`]. `folder` is where they find what they must not touch: any writable folder that
/// no jail is to see, such as the state directory; what is made there is removed again. Takes some
/// 20 ms.
///
/// # Errors
/// When the children can not be started or `folder` can not be written: nothing is known then.
pub fn probe(jail_program: &Path, folder: &Path) -> io::Result<Report> {
    let bait = Bait::lay(folder)?;
    let start = |walls| child::start(jail_program, &bait, walls, true);
    let full = start(Walls::Full)?;
    let plain = start(Walls::Plain)?;
    let full = hear_out(full, || start(Walls::Full))?;
    let plain = hear_out(plain, || start(Walls::Plain))?;
    let arrived = bait.arrived();
    let settled = |heard: Heard, walls| heard.settled(bait::mark(walls), &arrived);
    Ok(judge::judge(
        &settled(full, Walls::Full),
        &settled(plain, Walls::Plain),
    ))
}

/// What came of one row of the escape table.
#[derive(Debug, Clone)]
pub struct Tried {
    /// Which.
    pub row: &'static Row,
    /// How it ended; `None` when the child never said.
    pub outcome: Option<Outcome>,
    /// What that means.
    pub verdict: Verdict,
}

/// Runs the whole escape table behind walls of this kind. As [`probe`], else.
///
/// # Errors
/// When the child can not be started, `folder` can not be written, or the walls could not be built:
/// the error says why.
pub fn escape(jail_program: &Path, folder: &Path, walls: Walls) -> io::Result<Vec<Tried>> {
    let bait = Bait::lay(folder)?;
    let start = || child::start(jail_program, &bait, walls, false);
    let heard = hear_out(start()?, start)?;
    let heard = heard.settled(bait::mark(walls), &bait.arrived());
    if !heard.outcomes.alive {
        return Err(io::Error::other(heard.complaint));
    }
    let judged = |row: &'static Row| {
        let outcome = heard.outcomes.rows.get(row.name);
        Tried {
            row,
            outcome: outcome.cloned(),
            verdict: row.judge(walls, heard.outcomes.landlock, outcome),
        }
    };
    Ok(rows().map(judged).collect())
}
