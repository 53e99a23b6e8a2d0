//! What was stored since the database was opened, counted for metrics: turns and calls by how they
//! ended, model calls, tokens, and how long the store takes.

use ipc::agent::TurnOutcome;
use ipc::model::Usage;
use ipc::tool::ToolOutcome;
use ipc::transcript::TranscriptItem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The ends of turns.
const TURNS: [&str; 4] = ["answered", "silent", "cancelled", "failed"];
/// The ends of calls.
const CALLS: [&str; 10] = [
    "ok",
    "exit_code",
    "signal",
    "timeout",
    "background",
    "denied",
    "stopped",
    "cancelled",
    "interrupted",
    "failed",
];

/// The counts.
#[derive(Debug, Default)]
pub struct Counts {
    turns: [AtomicU64; TURNS.len()],
    calls: [AtomicU64; CALLS.len()],
    model_calls: AtomicU64,
    input: AtomicU64,
    output: AtomicU64,
    cached: AtomicU64,
    jobs: AtomicU64,
    micros: AtomicU64,
    failures: AtomicU64,
}

impl Counts {
    pub(super) fn turn(&self, outcome: &TurnOutcome) {
        let at = match outcome {
            TurnOutcome::Answered => 0,
            TurnOutcome::Silent => 1,
            TurnOutcome::Cancelled => 2,
            TurnOutcome::Failed { .. } => 3,
        };
        self.turns[at].fetch_add(1, Relaxed);
    }

    pub(super) fn item(&self, item: &TranscriptItem) {
        if let TranscriptItem::Outcome { outcome, .. } = item {
            self.calls[end_of(outcome)].fetch_add(1, Relaxed);
        }
    }

    pub(super) fn model_call(&self, used: Usage) {
        self.model_calls.fetch_add(1, Relaxed);
        self.input.fetch_add(used.input, Relaxed);
        self.output.fetch_add(used.output, Relaxed);
        self.cached.fetch_add(used.cached, Relaxed);
    }

    pub(super) fn job(&self, took: Duration, well: bool) {
        self.jobs.fetch_add(1, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Relaxed);
        if !well {
            self.failures.fetch_add(1, Relaxed);
        }
    }

    /// Finished turns, by how they ended.
    pub fn turns(&self) -> impl Iterator<Item = (&'static str, u64)> {
        TURNS
            .into_iter()
            .zip(self.turns.iter().map(|n| n.load(Relaxed)))
    }

    /// Ended tool calls, by how.
    pub fn calls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CALLS
            .into_iter()
            .zip(self.calls.iter().map(|n| n.load(Relaxed)))
    }

    /// Answers of models.
    #[must_use]
    pub fn model_calls(&self) -> u64 {
        self.model_calls.load(Relaxed)
    }

    /// What those used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            input: self.input.load(Relaxed),
            output: self.output.load(Relaxed),
            cached: self.cached.load(Relaxed),
        }
    }

    /// Jobs that were answered, and the time from asking to the answer, all together.
    #[must_use]
    pub fn jobs(&self) -> (u64, Duration) {
        let took = Duration::from_micros(self.micros.load(Relaxed));
        (self.jobs.load(Relaxed), took)
    }

    /// Jobs that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }
}

fn end_of(outcome: &ToolOutcome) -> usize {
    match outcome {
        ToolOutcome::Exited { code: 0, .. } | ToolOutcome::Text { .. } => 0,
        ToolOutcome::Exited { .. } => 1,
        ToolOutcome::Signaled { .. } => 2,
        ToolOutcome::TimedOut { .. } => 3,
        ToolOutcome::Running { .. } => 4,
        ToolOutcome::Denied { .. } => 5,
        ToolOutcome::Stopped { .. } => 6,
        ToolOutcome::Cancelled { .. } => 7,
        ToolOutcome::Interrupted => 8,
        ToolOutcome::Failed { .. } => 9,
    }
}
