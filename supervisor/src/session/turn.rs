//! A turn in progress, as the supervisor keeps it: it outlives the agent process that works on it.

use crate::policy::TurnBudget;
use ipc::agent::TurnOutcome;
use ipc::control::{FinalReply, ReplyStatus};
use ipc::id::{InputId, SessionKey, TurnId};
use ipc::model::Usage;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A turn in progress.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) id: TurnId,
    /// The messages it answers.
    pub(super) inputs: Vec<InputId>,
    /// Where its answer goes.
    pub(super) channel: String,
    pub(super) target: Value,
    pub(super) budget: TurnBudget,
    pub(super) begun: Instant,
    /// Ends its calls.
    pub(super) cancel: CancellationToken,
    /// Set when it is over and only its last calls are waited for.
    pub(super) ending: Option<TurnOutcome>,
    /// The last answer's words.
    pub(super) text: String,
    pub(super) model: String,
    pub(super) usage: Usage,
    pub(super) model_calls: u32,
    /// Notes that wait until all tool calls have ended: nothing may stand between those.
    pub(super) notes: Vec<String>,
}

impl Turn {
    /// How long it has taken so far; the time a gateway was down does not count.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The reply its end makes.
    pub(super) fn reply(&self, outcome: &TurnOutcome, session: &SessionKey) -> FinalReply {
        let (status, text) = match outcome {
            TurnOutcome::Answered => (ReplyStatus::Ok, self.text.clone()),
            TurnOutcome::Silent => (ReplyStatus::Ok, String::new()),
            TurnOutcome::Cancelled => (ReplyStatus::Cancelled, "Stopped.".to_owned()),
            TurnOutcome::Failed { reason } => (
                ReplyStatus::Failed,
                format!("I could not go on: {}", reason.message),
            ),
        };
        FinalReply {
            text,
            input: self.inputs.last().copied().unwrap_or_default(),
            session: session.clone(),
            status,
            model: self.model.clone(),
            usage: self.usage,
        }
    }
}
