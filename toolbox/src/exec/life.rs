//! The life of a command, decided without a clock or a process: events in, effects out.
//!
//! ```text
//!             it exits                     its output ends, or is quiet
//!   Running ───────────▶ Draining ─────────────────────────────────▶ Over(Exited)
//!      │ timeout, cancel, kill
//!      ▼            grace over                  given up
//!   Ending ─────────────────────▶ Destroying ───────────▶ Over(why it was ended)
//!      └── all gone ──────────────────┴─── all gone ────▶ Over(why it was ended)
//! ```
//! Ending sends SIGTERM once; Destroying sends SIGKILL until nobody is left.

use std::time::{Duration, Instant};

/// After the exit, output is read until it was quiet for this long: a program it left behind may
/// hold the other end for ever.
const QUIET: Duration = Duration::from_millis(50);
/// And no longer than this, however much the one left behind has to say.
const LONGEST_DRAIN: Duration = Duration::from_secs(1);
/// From SIGTERM to SIGKILL for a command that ran too long or is killed.
const GRACE: Duration = Duration::from_secs(2);
/// The same for a cancelled one, which a person waits for: enough to drop a lock file.
const SHORT_GRACE: Duration = Duration::from_millis(50);
/// Between two SIGKILLs: a process forked meanwhile may have been missed.
const AGAIN: Duration = Duration::from_millis(10);
/// What does not go within this is not waited for.
const GIVE_UP: Duration = Duration::from_secs(1);

/// How a process ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
}

/// Why a command is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Timeout,
    Cancel,
    Kill,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Exited(Exit),
    Ended(Cause),
}

/// What happens to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The shell is gone.
    Exited(Exit),
    /// Nothing that it started is left.
    AllGone,
    /// It, or one it left behind, printed.
    OutputCame,
    /// Nobody holds its output any more.
    OutputEnded,
    /// It is to end.
    End(Cause),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It went to the background: answer the call.
    Yield,
    /// SIGTERM to all.
    Terminate,
    /// SIGKILL to all.
    Destroy,
    /// It is over; said once.
    Over(Verdict),
}

/// A command's life.
#[derive(Debug, Clone)]
pub(super) struct Life {
    phase: Phase,
    output_ended: bool,
    yield_at: Option<Instant>,
    timeout_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Draining {
        exit: Exit,
        until: Instant,
        at_most: Instant,
    },
    Ending {
        cause: Cause,
        destroy_at: Instant,
    },
    Destroying {
        cause: Cause,
        again_at: Instant,
        give_up_at: Instant,
    },
    Over(Verdict),
}

impl Life {
    /// A command that was started `now`.
    pub(super) fn new(now: Instant, yield_after: Duration, timeout: Duration) -> Self {
        Self {
            phase: Phase::Running,
            output_ended: false,
            yield_at: now.checked_add(yield_after),
            // A timeout beyond what a clock can hold is as good as a year.
            timeout_at: now
                .checked_add(timeout)
                .unwrap_or(now + Duration::from_secs(31_536_000)),
        }
    }

    /// How it ended, when it has.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match self.phase {
            Phase::Over(verdict) => Some(verdict),
            Phase::Running
            | Phase::Draining { .. }
            | Phase::Ending { .. }
            | Phase::Destroying { .. } => None,
        }
    }

    /// When the next [`Input::Tick`] is due.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running => self.yield_at.into_iter().chain([self.timeout_at]).min(),
            Phase::Draining { until, .. } => Some(until),
            Phase::Ending { destroy_at, .. } => Some(destroy_at),
            Phase::Destroying { again_at, .. } => Some(again_at),
            Phase::Over(_) => None,
        }
    }

    /// The next state, and what is to be done for it.
    pub(super) fn step(&mut self, input: Input, now: Instant) -> Option<Effect> {
        self.output_ended |= input == Input::OutputEnded;
        match self.phase {
            Phase::Running => self.running(input, now),
            Phase::Draining {
                exit,
                until,
                at_most,
            } => self.draining(exit, until, at_most, input, now),
            Phase::Ending { cause, destroy_at } => self.ending(cause, destroy_at, input, now),
            Phase::Destroying {
                cause,
                again_at,
                give_up_at,
            } => match input {
                Input::AllGone => self.over(Verdict::Ended(cause)),
                Input::Tick if now >= give_up_at => self.over(Verdict::Ended(cause)),
                Input::Tick if now >= again_at => self.destroy(cause, now, give_up_at),
                Input::Tick
                | Input::Exited(_)
                | Input::End(_)
                | Input::OutputCame
                | Input::OutputEnded => None,
            },
            Phase::Over(_) => None,
        }
    }

    fn draining(
        &mut self,
        exit: Exit,
        until: Instant,
        at_most: Instant,
        input: Input,
        now: Instant,
    ) -> Option<Effect> {
        match input {
            Input::OutputCame => {
                let until = (now + QUIET).min(at_most);
                self.phase = Phase::Draining {
                    exit,
                    until,
                    at_most,
                };
                None
            }
            Input::Tick if now < until => None,
            Input::Exited(_) => None,
            Input::Tick | Input::OutputEnded | Input::AllGone | Input::End(_) => {
                self.over(Verdict::Exited(exit))
            }
        }
    }

    fn ending(
        &mut self,
        cause: Cause,
        destroy_at: Instant,
        input: Input,
        now: Instant,
    ) -> Option<Effect> {
        match input {
            Input::AllGone => self.over(Verdict::Ended(cause)),
            Input::End(sooner) => {
                let destroy_at = destroy_at.min(now + grace(sooner));
                self.phase = Phase::Ending { cause, destroy_at };
                None
            }
            Input::Tick if now >= destroy_at => self.destroy(cause, now, now + GIVE_UP),
            Input::Tick | Input::Exited(_) | Input::OutputCame | Input::OutputEnded => None,
        }
    }

    fn running(&mut self, input: Input, now: Instant) -> Option<Effect> {
        match input {
            Input::Exited(exit) if self.output_ended => self.over(Verdict::Exited(exit)),
            Input::Exited(exit) => {
                self.phase = Phase::Draining {
                    exit,
                    until: now + QUIET,
                    at_most: now + LONGEST_DRAIN,
                };
                None
            }
            Input::End(cause) => self.end(cause, now),
            Input::Tick if now >= self.timeout_at => self.end(Cause::Timeout, now),
            Input::Tick if self.yield_at.is_some_and(|at| now >= at) => {
                self.yield_at = None;
                Some(Effect::Yield)
            }
            // All can not be gone before the exit is known.
            Input::Tick | Input::AllGone | Input::OutputCame | Input::OutputEnded => None,
        }
    }

    fn end(&mut self, cause: Cause, now: Instant) -> Option<Effect> {
        let destroy_at = now + grace(cause);
        self.phase = Phase::Ending { cause, destroy_at };
        Some(Effect::Terminate)
    }

    fn destroy(&mut self, cause: Cause, now: Instant, give_up_at: Instant) -> Option<Effect> {
        let again_at = now + AGAIN;
        self.phase = Phase::Destroying {
            cause,
            again_at,
            give_up_at,
        };
        Some(Effect::Destroy)
    }

    fn over(&mut self, verdict: Verdict) -> Option<Effect> {
        self.phase = Phase::Over(verdict);
        Some(Effect::Over(verdict))
    }
}

fn grace(cause: Cause) -> Duration {
    match cause {
        Cause::Timeout | Cause::Kill => GRACE,
        Cause::Cancel => SHORT_GRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const YIELD: Duration = Duration::from_secs(10);
    const TIMEOUT: Duration = Duration::from_secs(100);

    fn life() -> (Life, Instant) {
        let now = Instant::now();
        (Life::new(now, YIELD, TIMEOUT), now)
    }

    #[test]
    fn an_exit_with_its_output_read_is_over_at_once() {
        let (mut life, now) = life();
        assert_eq!(life.step(Input::OutputEnded, now), None);
        let over = Effect::Over(Verdict::Exited(Exit::Code(3)));
        assert_eq!(life.step(Input::Exited(Exit::Code(3)), now), Some(over));
    }

    #[test]
    fn output_held_open_by_another_is_waited_for_only_while_it_talks() {
        let (mut life, now) = life();
        life.step(Input::Exited(Exit::Code(0)), now);
        life.step(Input::OutputCame, now + QUIET / 2);
        assert_eq!(life.step(Input::Tick, now + QUIET), None);
        let over = life.step(Input::Tick, now + QUIET * 2);
        assert_eq!(over, Some(Effect::Over(Verdict::Exited(Exit::Code(0)))));
    }

    #[test]
    fn a_timeout_terminates_then_destroys() {
        let (mut life, now) = life();
        let late = now + TIMEOUT;
        assert_eq!(life.step(Input::Tick, late), Some(Effect::Terminate));
        assert_eq!(life.step(Input::Tick, late + GRACE / 2), None);
        assert_eq!(life.step(Input::Tick, late + GRACE), Some(Effect::Destroy));
        let over = Effect::Over(Verdict::Ended(Cause::Timeout));
        assert_eq!(life.step(Input::AllGone, late + GRACE), Some(over));
    }

    #[test]
    fn a_cancel_makes_a_kill_hurry() {
        let (mut life, now) = life();
        life.step(Input::End(Cause::Kill), now);
        life.step(Input::End(Cause::Cancel), now);
        assert_eq!(
            life.step(Input::Tick, now + SHORT_GRACE),
            Some(Effect::Destroy)
        );
    }

    fn inputs() -> impl Strategy<Value = Vec<(Input, u64)>> {
        let input = prop_oneof![
            Just(Input::Exited(Exit::Code(0))),
            Just(Input::AllGone),
            Just(Input::OutputCame),
            Just(Input::OutputEnded),
            Just(Input::End(Cause::Cancel)),
            Just(Input::End(Cause::Kill)),
            Just(Input::Tick),
        ];
        proptest::collection::vec((input, 0_u64..3_000), 0..30)
    }

    proptest! {
        #[test]
        fn it_is_over_once_and_yields_once(inputs in inputs()) {
            let (mut life, mut now) = life();
            let (mut over, mut yields) = (0, 0);
            for (input, wait) in inputs {
                now += Duration::from_millis(wait);
                let was_over = life.verdict().is_some();
                let effect = life.step(input, now);
                prop_assert!(!was_over || effect.is_none());
                over += usize::from(matches!(effect, Some(Effect::Over(_))));
                yields += usize::from(effect == Some(Effect::Yield));
            }
            prop_assert!(over <= 1 && yields <= 1);
            prop_assert_eq!(over == 1, life.verdict().is_some());
        }

        #[test]
        fn time_alone_ends_every_life(inputs in inputs()) {
            let (mut life, mut now) = life();
            for (input, wait) in inputs {
                now += Duration::from_millis(wait);
                life.step(input, now);
            }
            let mut ticks = 0;
            while let Some(at) = life.wake_at() {
                now = now.max(at);
                life.step(Input::Tick, now);
                ticks += 1;
                prop_assert!(ticks < 200);
            }
            prop_assert!(life.verdict().is_some());
        }
    }
}
