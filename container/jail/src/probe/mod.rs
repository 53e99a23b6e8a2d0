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
//!
//! The child is started as a tool is: it joins a room, or, where no namespaces are to be had, has its
//! connections made for it.

mod bait;
mod child;
mod judge;
mod shared;

use crate::attempts::{Outcome, Row, Verdict, Walls, rows};
pub use bait::Bait;

use child::{Heard, Nursery, Setting};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Which walls hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// 0 to 4.
    pub level: u8,
    /// Which kind of walls tools are to be put behind: rooms, or jails without namespaces. `None`
    /// where neither holds.
    pub walls: Option<Walls>,
    /// The level without namespaces, 0 to 2: for whoever does without them.
    pub plain: u8,
    /// Whether tools without namespaces can have a network, each connection decided on.
    pub mediated: bool,
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
    /// Whether tools are to be put behind it.
    pub asked: bool,
    /// Whether it held.
    pub holds: bool,
    /// What was tried, and what came of it.
    pub proof: String,
    /// The flag, setting or package that mends it, where it does not hold.
    pub mend: Option<String>,
}

impl Report {
    /// The report of walls that could not be tried: none holds.
    #[must_use]
    pub fn of_nothing(why: &io::Error) -> Self {
        Self {
            level: 0,
            walls: None,
            plain: 0,
            mediated: false,
            layers: Vec::new(),
            missing: Some(format!("the walls could not be tried: {why}")),
        }
    }

    /// With what is known of limits by cgroup: how they were proven, or what mends that they can not
    /// be had.
    #[must_use]
    pub fn with_cgroups(mut self, proof: Result<String, String>) -> Self {
        let holds = proof.is_ok();
        let (proof, mend) = match proof {
            Ok(proof) => (proof, None),
            Err(mend) => ("limits are sampled once a second".to_owned(), Some(mend)),
        };
        if self.level == 3 && holds {
            (self.level, self.missing) = (4, None);
        } else if self.level == 3 {
            self.missing = mend
                .as_ref()
                .map(|mend| format!("limits by cgroup: {mend}"));
        }
        self.layers.retain(|layer| layer.name != judge::CGROUPS);
        self.layers.push(Layer {
            name: judge::CGROUPS.to_owned(),
            asked: true,
            holds,
            proof,
            mend,
        });
        self
    }
}

/// Runs throw-away children in the jail that `jail_program` builds, one with every wall and one
/// without namespaces, and judges what they could do: the rows of the escape table that are
/// [`Row::at_start`]. `folder` is where they find what they must not touch: any writable folder that
/// no jail is to see, such as the state directory; what is made there is removed again. Takes some
/// 30 ms.
///
/// # Errors
/// When the children can not be started or `folder` can not be written: nothing is known then.
pub fn probe(jail_program: &Path, folder: &Path) -> io::Result<Report> {
    let bait = Bait::lay_for_start(folder)?;
    let nursery = Nursery {
        jail_program,
        bait: &bait,
        only_at_start: true,
    };
    let (full, plain) = std::thread::scope(|scope| {
        let full = scope.spawn(|| nursery.hear_out(Setting::Room));
        let plain = nursery.hear_out(Setting::Mediated);
        let died = |_| Err(io::Error::other("the thread that heard it died"));
        (full.join().unwrap_or_else(died), plain)
    });
    let (full, plain) = (full?, plain?);
    let mediated = plain.outcomes.alive && plain.came_to_the_door;
    let plain = if mediated {
        plain
    } else {
        let sealed = nursery.hear_out(Setting::Sealed)?;
        sealed.after(plain)
    };
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
    let nursery = Nursery {
        jail_program,
        bait: &bait,
        only_at_start: false,
    };
    let heard = match walls {
        Walls::Full => nursery.hear_out(Setting::Room)?,
        Walls::Plain => match nursery.hear_out(Setting::Mediated)? {
            mediated if mediated.outcomes.alive => mediated,
            mediated => nursery.hear_out(Setting::Sealed)?.after(mediated),
        },
    };
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
