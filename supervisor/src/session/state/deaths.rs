//! What becomes of a session whose process died or was broken, and of one whose store failed.

use super::words::{Effect, PhaseName};
use super::{Phase, Rung, State};
use crate::process::{ExitReason, KillStep};
use std::time::{Duration, Instant};

/// After this many deaths in one turn, the turn is given up.
pub(super) const MAX_FAILURES: u32 = 5;
/// A process that had to be waited for in vain counts as so many deaths: people wait with us.
const HANG: u32 = 3;
/// The longest wait between two tries.
pub(super) const MAX_BACKOFF: Duration = Duration::from_secs(30);

impl State {
    pub(super) fn broken(&mut self, reason: ExitReason, now: Instant, effects: &mut Vec<Effect>) {
        if !self.listens() {
            return;
        }
        self.hold_turn();
        self.broken = Some(reason);
        self.phase = Phase::Stopping {
            next: Rung::Reaped,
            deadline: now,
        };
        effects.push(Effect::Kill(KillStep::Kill));
    }

    /// The turn of a process that is going belongs to the next one.
    pub(super) fn hold_turn(&mut self) {
        if self.phase() == PhaseName::InTurn {
            // A fold is not taken up: whoever asked for it asks again.
            self.unfinished = !std::mem::take(&mut self.folding);
        }
    }

    pub(super) fn exited(&mut self, reason: ExitReason, now: Instant, effects: &mut Vec<Effect>) {
        self.hold_turn();
        let asked = matches!(self.phase, Phase::Stopping { .. }) && self.broken.is_none();
        let reason = self.broken.take().unwrap_or(reason);
        self.phase = Phase::Cold;
        if self.is_lost() {
            return self.wait_for_store(now);
        }
        if self.stop_wanted {
            self.end_stopped(effects);
        }
        if !self.is_wanted() {
            // Nobody waits for it, or what was waited for is over.
            self.failures = 0;
        }
        if self.draining || !self.is_wanted() || (asked && !self.unfinished) {
            return self.go_on(now, effects);
        }
        self.failures += weight(&reason);
        if self.failures > MAX_FAILURES {
            return self.give_up(reason, effects);
        }
        if self.unfinished {
            effects.push(Effect::TellRestart(reason));
        }
        self.phase = Phase::Backoff {
            until: now + backoff(self.failures),
        };
        self.tick(now, effects);
    }

    /// The turn is given up, and what waits behind it has its chance. Without a turn, what would have
    /// been the next would meet the same fate: it is answered with the reason.
    fn give_up(&mut self, reason: ExitReason, effects: &mut Vec<Effect>) {
        self.failures = 0;
        self.fold = false;
        let without = if self.unfinished {
            Vec::new()
        } else {
            self.take_next()
        };
        self.ending = self.unfinished || !without.is_empty();
        self.unfinished = false;
        effects.push(Effect::GiveUp(reason, without));
    }

    pub(super) fn store_failed(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.lost = true;
        // Whoever wanted that is told that it failed.
        (self.fold, self.folding) = (false, false);
        if self.listens() {
            self.phase = Phase::Stopping {
                next: Rung::Reaped,
                deadline: now,
            };
            effects.push(Effect::Kill(KillStep::Kill));
        } else if self.phase() != PhaseName::Stopping {
            self.wait_for_store(now);
        }
    }

    fn wait_for_store(&mut self, now: Instant) {
        self.broken = None;
        self.store_failures += 1;
        let wait = backoff(self.store_failures + 1);
        self.phase = match self.draining {
            true => Phase::Cold,
            false => Phase::Backoff { until: now + wait },
        };
    }

    pub(super) fn reloaded(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.lost = false;
        self.waiting.clear();
        self.collected_at = None;
        self.phase = Phase::Cold;
        if std::mem::take(&mut self.stop_wanted) {
            self.end_stopped(effects);
        }
        self.go_on(now, effects);
    }
}

fn weight(reason: &ExitReason) -> u32 {
    match reason {
        ExitReason::Hung | ExitReason::NoHello => HANG,
        ExitReason::Clean
        | ExitReason::Code(_)
        | ExitReason::Signal(_)
        | ExitReason::JailFailed(_)
        | ExitReason::Forbidden(_)
        | ExitReason::BadFrame(_)
        | ExitReason::Stopped => 1,
    }
}

/// The wait before try number `failures + 1`: none at first, then doubling from a quarter second.
fn backoff(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        n => (Duration::from_millis(250) * 2_u32.saturating_pow(n - 2)).min(MAX_BACKOFF),
    }
}
