//! What can happen to a session, and what can be done about it.

use crate::config::QueueMode;
use crate::process::{ExitReason, KillStep};
use ipc::id::InputId;
use std::time::Duration;

/// How the session is set up; constant over a process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Settings {
    /// What a message does that arrives during a turn.
    pub mode: QueueMode,
    /// How long to wait for more before collected messages become a turn.
    pub debounce: Duration,
    /// How long an idle process lives.
    pub idle: Duration,
}

/// Where a message came from, as a number: two of them are the same where one answer reaches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Whence(pub(in super::super) u64);

/// A phase's name, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseName {
    /// No process.
    Cold,
    /// Spawned, not ready.
    Starting,
    /// Ready.
    Idle,
    /// A turn runs.
    InTurn,
    /// Being ended.
    Stopping,
    /// Waiting to try again.
    Backoff,
}

impl PhaseName {
    /// In words: `in turn`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::InTurn => "in turn",
            Self::Stopping => "stopping",
            Self::Backoff => "backoff",
        }
    }
}

/// What can happen to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Input {
    /// A message, stored already.
    Arrived(InputId, Whence),
    /// On disk there is a turn that was cut off; its answer goes there.
    Unfinished(Whence),
    /// The process is sealed and ready.
    Hello,
    /// A waiting message was read by the running turn.
    Taken(InputId),
    /// The turn's end is stored; or history is folded, where that was asked for.
    TurnDone,
    /// A person wants history folded.
    Fold,
    /// The process must go: it broke a rule.
    Broken(ExitReason),
    /// The store failed: what is remembered here may not be what is on disk.
    StoreFailed,
    /// What is on disk was read again; messages that wait there arrive anew.
    Reloaded {
        /// A turn that no process is working on.
        unfinished: bool,
        /// That turn is over, and only its end is to be stored.
        ending: bool,
    },
    /// The process has left.
    Exited(ExitReason),
    /// A person wants the turn stopped.
    Stop,
    /// The process must be a new one before the next turn (configuration, manuals).
    Renew,
    /// A person wants the process gone; the next message starts another.
    Leave,
    /// The gateway is going down; turns are taken up by the next one.
    Drain,
    /// Time has passed.
    Tick,
}

/// What is to be done about it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Effect {
    /// Start a process.
    Spawn,
    /// Tell the new process who it is.
    Start,
    /// Begin a turn on these messages.
    BeginTurn(Vec<InputId>),
    /// Take up the turn that was cut off.
    ResumeTurn,
    /// Tell the agent that a message waits.
    Steer,
    /// Tell the agent and the tools to abandon the turn.
    Cancel,
    /// Tell the agent to fold its history; what [`Input::TurnDone`] ends as well.
    Fold,
    /// Ask the process to exit.
    AskToExit,
    /// A signal for the process.
    Kill(KillStep),
    /// The turn is over without the agent: stopped while no process had it.
    EndCancelled,
    /// The turn is given up; without one, so is what would have been the next: these messages.
    GiveUp(ExitReason, Vec<InputId>),
    /// Read what is on disk again.
    Reload,
    /// For the person: the process died and the turn goes on.
    TellRestart(ExitReason),
}
