//! The lifecycle of a session, as a pure function: no clock, no I/O, no async.

mod deaths;
mod words;

pub use words::PhaseName;
pub(super) use words::{Effect, Input, Settings, Whence};

use crate::config::QueueMode;
use crate::process::{ExitReason, KillStep};
use ipc::id::InputId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A child that says no hello in this time is killed.
pub(super) const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// An agent told to abandon its turn has this long; then it is killed.
pub(super) const CANCEL_WITHIN: Duration = Duration::from_secs(2);
/// Between asking to exit, SIGTERM and SIGKILL.
const RUNG: Duration = Duration::from_secs(2);

/// Where a session is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Cold,
    Starting { deadline: Instant },
    Idle { until: Instant },
    InTurn,
    Cancelling { deadline: Instant },
    Stopping { next: Rung, deadline: Instant },
    Backoff { until: Instant },
}

/// What comes next on the kill ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Term,
    Kill,
    /// SIGKILL was sent; only the kernel can be waited for.
    Reaped,
}

/// A session's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    settings: Settings,
    phase: Phase,
    waiting: VecDeque<(InputId, Whence)>,
    /// Where the answer of the turn goes that runs, or is unfinished.
    at: Option<Whence>,
    /// History is to be folded, as soon as no turn runs.
    fold: bool,
    /// What runs is no turn: history is being folded.
    folding: bool,
    /// When the last message arrived that had to wait for a turn's end.
    collected_at: Option<Instant>,
    /// A turn is on disk that no process is working on.
    unfinished: bool,
    /// A turn is over without a process, and its end is yet to be stored.
    ending: bool,
    /// The store failed, and what is on disk has to be read again.
    lost: bool,
    /// Deaths, and failures of the store, since a turn last ended.
    failures: u32,
    store_failures: u32,
    broken: Option<ExitReason>,
    stop_wanted: bool,
    renew: bool,
    leave: bool,
    draining: bool,
}

impl State {
    /// A cold session with nothing to do.
    #[must_use]
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Cold,
            waiting: VecDeque::new(),
            at: None,
            fold: false,
            folding: false,
            collected_at: None,
            unfinished: false,
            ending: false,
            lost: false,
            failures: 0,
            store_failures: 0,
            broken: None,
            stop_wanted: false,
            renew: false,
            leave: false,
            draining: false,
        }
    }

    /// Other settings from now on.
    pub(super) fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Where it is.
    #[must_use]
    pub(super) fn phase(&self) -> PhaseName {
        match self.phase {
            Phase::Cold => PhaseName::Cold,
            Phase::Starting { .. } => PhaseName::Starting,
            Phase::Idle { .. } => PhaseName::Idle,
            Phase::InTurn | Phase::Cancelling { .. } => PhaseName::InTurn,
            Phase::Stopping { .. } => PhaseName::Stopping,
            Phase::Backoff { .. } => PhaseName::Backoff,
        }
    }

    /// Whether frames of the agent are heard: it has not been given up.
    #[must_use]
    pub(super) fn listens(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Stopping { .. } | Phase::Cold | Phase::Backoff { .. }
        )
    }

    /// Whether nothing is to be done until a message comes.
    #[must_use]
    pub(super) fn is_at_rest(&self) -> bool {
        self.phase == Phase::Cold && (self.draining || !(self.is_wanted() || self.ending))
    }

    /// Whether there is something to do for a process.
    fn is_wanted(&self) -> bool {
        !self.ending && (self.unfinished || self.fold || !self.waiting.is_empty())
    }

    /// Whether what is on disk is to be read again before anything else is done.
    #[must_use]
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Messages that wait for a turn.
    #[must_use]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// When [`Input::Tick`] is due.
    #[must_use]
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Cold | Phase::InTurn => None,
            Phase::Stopping {
                next: Rung::Reaped, ..
            } => None,
            Phase::Idle { until } => {
                let due = self.due().filter(|_| !self.ending);
                Some(due.unwrap_or(until))
            }
            Phase::Starting { deadline }
            | Phase::Cancelling { deadline }
            | Phase::Stopping { deadline, .. } => Some(deadline),
            Phase::Backoff { until } => Some(until),
        }
    }

    /// The next state, and what is to be done.
    #[must_use]
    pub(super) fn step(mut self, input: Input, now: Instant) -> (Self, Vec<Effect>) {
        let mut effects = Vec::new();
        match input {
            Input::Arrived(id, from) => self.arrived(id, from, now, &mut effects),
            Input::Unfinished(at) => {
                self.unfinished = true;
                self.at = Some(at);
                self.go_on(now, &mut effects);
            }
            Input::Hello => {
                if matches!(self.phase, Phase::Starting { .. }) {
                    effects.push(Effect::Start);
                    self.phase = Phase::Idle {
                        until: now + self.settings.idle,
                    };
                    self.go_on(now, &mut effects);
                }
            }
            Input::Taken(id) => self.waiting.retain(|(waiting, _)| *waiting != id),
            Input::Fold => {
                self.fold = true;
                self.go_on(now, &mut effects);
            }
            Input::TurnDone => self.turn_done(now, &mut effects),
            Input::Broken(reason) => self.broken(reason, now, &mut effects),
            Input::StoreFailed => self.store_failed(now, &mut effects),
            Input::Reloaded { unfinished, ending } => {
                self.unfinished = unfinished && !ending;
                self.ending = ending;
                self.reloaded(now, &mut effects);
            }
            Input::Exited(reason) => self.exited(reason, now, &mut effects),
            Input::Stop => self.stop(now, &mut effects),
            Input::Renew => {
                self.renew = true;
                self.go_on(now, &mut effects);
            }
            Input::Leave => {
                self.leave = true;
                self.go_on(now, &mut effects);
            }
            Input::Drain => self.drain(now, &mut effects),
            Input::Tick => self.tick(now, &mut effects),
        }
        (self, effects)
    }

    fn arrived(&mut self, id: InputId, from: Whence, now: Instant, effects: &mut Vec<Effect>) {
        if self.waiting.iter().any(|(waiting, _)| *waiting == id) {
            return;
        }
        self.waiting.push_back((id, from));
        if self.phase() == PhaseName::InTurn {
            self.collected_at = Some(now);
            // A turn is steered, or ended, by those alone who hear its answer.
            let hears = self.at == Some(from) && !self.folding;
            match self.settings.mode {
                QueueMode::Steer if hears => effects.push(Effect::Steer),
                QueueMode::Interrupt if hears => {
                    self.collected_at = None;
                    self.cancel(now, effects);
                }
                QueueMode::Collect
                | QueueMode::Followup
                | QueueMode::Steer
                | QueueMode::Interrupt => {}
            }
        }
        self.go_on(now, effects);
    }

    /// Takes the messages of the next turn out of those that wait: as many of the first as came from
    /// the same place, since a turn has one answer.
    fn take_next(&mut self) -> Vec<InputId> {
        let first = self.waiting.front().map(|(_, from)| *from);
        let many = match self.settings.mode {
            QueueMode::Followup => first.iter().count(),
            QueueMode::Collect | QueueMode::Steer | QueueMode::Interrupt => {
                let same = |(_, from): &&(InputId, Whence)| Some(*from) == first;
                self.waiting.iter().take_while(same).count()
            }
        };
        self.at = first;
        self.waiting.drain(..many).map(|(id, _)| id).collect()
    }

    /// Begins what can be begun.
    fn go_on(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Cold if self.is_wanted() && !self.draining => self.spawn(now, effects),
            Phase::Idle { .. } if self.draining || self.leave => self.ask_to_exit(now, effects),
            Phase::Idle { .. } if self.renew && self.has_work(now) => {
                self.ask_to_exit(now, effects);
            }
            Phase::Idle { .. } if self.unfinished => {
                self.unfinished = false;
                self.phase = Phase::InTurn;
                effects.push(Effect::ResumeTurn);
            }
            Phase::Idle { .. } if self.fold && !self.ending => {
                self.fold = false;
                self.folding = true;
                self.phase = Phase::InTurn;
                effects.push(Effect::Fold);
            }
            Phase::Idle { .. } if self.has_work(now) => {
                self.collected_at = None;
                self.phase = Phase::InTurn;
                effects.push(Effect::BeginTurn(self.take_next()));
            }
            Phase::Cold
            | Phase::Idle { .. }
            | Phase::Starting { .. }
            | Phase::InTurn
            | Phase::Cancelling { .. }
            | Phase::Stopping { .. }
            | Phase::Backoff { .. } => {}
        }
    }

    /// When collected messages may become a turn; `None` when nothing has to be waited for.
    fn due(&self) -> Option<Instant> {
        let debounced = self.settings.mode == QueueMode::Collect && !self.waiting.is_empty();
        self.collected_at
            .filter(|_| debounced)
            .map(|at| at + self.settings.debounce)
    }

    fn has_work(&self, now: Instant) -> bool {
        let ripe = self.due().is_none_or(|due| due <= now);
        !self.ending && (self.unfinished || self.fold || (ripe && !self.waiting.is_empty()))
    }

    fn spawn(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.phase = Phase::Starting {
            deadline: now + HELLO_WITHIN,
        };
        self.renew = false;
        self.leave = false;
        self.broken = None;
        effects.push(Effect::Spawn);
    }

    fn turn_done(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.failures = 0;
        self.store_failures = 0;
        self.stop_wanted = false;
        self.unfinished = false;
        self.ending = false;
        self.folding = false;
        if self.phase() == PhaseName::InTurn {
            self.phase = Phase::Idle {
                until: now + self.settings.idle,
            };
        }
        self.go_on(now, effects);
    }

    fn cancel(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.phase == Phase::InTurn {
            self.phase = Phase::Cancelling {
                deadline: now + CANCEL_WITHIN,
            };
            self.stop_wanted = true;
            effects.push(Effect::Cancel);
        }
    }

    fn stop(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        // Whether there is a turn is known when what is on disk was read again.
        self.stop_wanted |= self.is_lost();
        self.end_stopped(effects);
        self.cancel(now, effects);
    }

    /// A turn that nobody works on is over at once when it is stopped.
    fn end_stopped(&mut self, effects: &mut Vec<Effect>) {
        if self.unfinished && !self.is_lost() {
            self.stop_wanted = false;
            self.unfinished = false;
            self.ending = true;
            effects.push(Effect::EndCancelled);
        }
    }

    fn ask_to_exit(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.phase = Phase::Stopping {
            next: Rung::Term,
            deadline: now + RUNG,
        };
        effects.push(Effect::AskToExit);
    }

    fn drain(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.draining = true;
        match self.phase {
            Phase::Cold | Phase::Stopping { .. } => {}
            Phase::Backoff { .. } => self.phase = Phase::Cold,
            Phase::Starting { .. } | Phase::Idle { .. } => self.ask_to_exit(now, effects),
            // The turn is on disk; the next gateway takes it up.
            Phase::InTurn | Phase::Cancelling { .. } => {
                self.hold_turn();
                self.phase = Phase::Stopping {
                    next: Rung::Reaped,
                    deadline: now,
                };
                effects.push(Effect::Kill(KillStep::Kill));
            }
        }
    }

    fn tick(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Starting { deadline } if now >= deadline => {
                self.broken(ExitReason::NoHello, now, effects);
            }
            Phase::Cancelling { deadline } if now >= deadline => {
                self.broken(ExitReason::Hung, now, effects);
            }
            Phase::Stopping { next, deadline } if now >= deadline => match next {
                Rung::Term => {
                    self.phase = Phase::Stopping {
                        next: Rung::Kill,
                        deadline: now + RUNG,
                    };
                    effects.push(Effect::Kill(KillStep::Term));
                }
                Rung::Kill => {
                    self.phase = Phase::Stopping {
                        next: Rung::Reaped,
                        deadline: now,
                    };
                    effects.push(Effect::Kill(KillStep::Kill));
                }
                Rung::Reaped => {}
            },
            Phase::Backoff { until } if now >= until && self.is_lost() => {
                effects.push(Effect::Reload);
            }
            Phase::Backoff { until } if now >= until => {
                self.phase = Phase::Cold;
                self.go_on(now, effects);
            }
            Phase::Idle { until } => {
                if self.has_work(now) {
                    self.go_on(now, effects);
                } else if now >= until && self.waiting.is_empty() {
                    self.ask_to_exit(now, effects);
                }
            }
            Phase::Cold
            | Phase::InTurn
            | Phase::Starting { .. }
            | Phase::Cancelling { .. }
            | Phase::Stopping { .. }
            | Phase::Backoff { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
