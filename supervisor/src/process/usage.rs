//! What processes use, as `/proc` tells it: pure readers of its files, and [`Tree`], one process with
//! everything it has started.
//!
//! The kernel hands the CPU time and the disk traffic of a process that ended to the parent that
//! waited for it. So the sum over the living of "own and of waited-for children" is the use of the
//! whole tree, the dead included: nothing is lost between two looks, as long as the root stands.

mod proc;
mod tree;

pub use proc::{Io, Memory, Rollup, Stat};
pub use tree::{Depth, Tree, TreeUse, final_cpu, rate};

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::LazyLock;
use std::time::Duration;

/// Clock ticks a second as `/proc` counts them: a constant of Linux, whatever its own clock does.
const TICKS: u64 = 100;

/// Bytes in a page. Not asked of the auxiliary vector: before Linux 6.4 a process that nobody may
/// look into can not read its own.
static PAGE: LazyLock<u64> = LazyLock::new(|| own_page().unwrap_or(4096));

/// A number of clock ticks as time.
#[must_use]
pub fn ticks(count: u64) -> Duration {
    Duration::from_millis(count.saturating_mul(1000 / TICKS))
}

/// Bytes in a page.
#[must_use]
pub fn page() -> u64 {
    *PAGE
}

/// The page size of this process's first mapping.
fn own_page() -> Option<u64> {
    let lines = BufReader::new(File::open("/proc/self/smaps").ok()?).lines();
    let line = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("KernelPageSize:"))?;
    let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
