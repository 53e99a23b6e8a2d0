//! How often each kind of event happened, for metrics.

use super::event::Kind;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts by [`Kind`], since the gateway began.
#[derive(Debug, Default)]
pub struct Tally {
    recorded: [AtomicU64; Kind::ALL.len()],
    lost: AtomicU64,
}

impl Tally {
    pub(super) fn count(&self, kind: Kind) {
        self.recorded[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_lost(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// How many events of a kind there were, also those whose line was lost.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.recorded[kind as usize].load(Ordering::Relaxed)
    }

    /// How many lines were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
