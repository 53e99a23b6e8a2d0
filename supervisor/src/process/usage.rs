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

use std::sync::LazyLock;
use std::time::Duration;

/// Clock ticks a second, as `/proc` counts them.
static TICKS: LazyLock<u64> = LazyLock::new(rustix::param::clock_ticks_per_second);

/// A number of clock ticks as time.
#[must_use]
pub fn ticks(count: u64) -> Duration {
    Duration::from_millis(count.saturating_mul(1000) / (*TICKS).max(1))
}

/// Bytes in a page.
#[must_use]
pub fn page() -> u64 {
    u64::try_from(rustix::param::page_size()).unwrap_or(4096)
}
