//! Calling the model, whoever provides it.

use crate::id::ItemId;
use crate::transcript::{ItemOutline, ToolRequest};
pub use crate::usage::Usage;
use serde::{Deserialize, Serialize};

/// An agent's wish for the model's next words. It names what was said before by item id; the
/// supervisor has the items on disk and the rendered prefix in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// The system prompt, when it is new; the supervisor keeps the last one of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The last item the agent knows of.
    pub last: ItemId,
    /// What the words are for.
    pub purpose: Purpose,
}

/// What a model call is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Purpose {
    /// The turn's next answer: stored as an `Answer` item. Inputs that wait to steer the turn are
    /// stored as `User` items first and come back in [`Answer::taken`].
    Answer,
    /// A summary of the items up to and including `through`: stored as a `Summary` item. No tools
    /// are offered.
    Summarize {
        /// The last item to fold in.
        through: ItemId,
        /// How to summarise, in words for the model.
        prompt: String,
    },
}

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ModelEvent {
    /// The next words.
    Text {
        /// To be appended to what came before.
        delta: String,
    },
    /// What was streamed for this call so far is void: another attempt or model starts over.
    Restart {
        /// Why, for the log and the session.
        reason: String,
    },
}

/// A whole answer, stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The stored item: an `Answer`, or a `Summary`.
    pub item: ItemOutline,
    /// Items the supervisor stored before it: steered inputs, notes on fallbacks.
    pub taken: Vec<ItemOutline>,
    /// The words.
    pub text: String,
    /// The tools asked for, in order.
    pub tool_calls: Vec<ToolRequest>,
    /// Why the model stopped.
    pub stop: StopReason,
    /// What it cost; `input` is the provider's own count of the context.
    pub usage: Usage,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It had said all.
    End,
    /// It waits for its tool calls.
    ToolCalls,
    /// It reached its output limit.
    Length,
    /// The provider withheld the rest.
    Filtered,
}
