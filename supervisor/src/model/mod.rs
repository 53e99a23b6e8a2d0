//! Talking to models, whoever provides them: one answer in, one answer out, fallbacks taken.
//!
//! ```text
//!   stack     which models there are; what is told of them
//!   answer    the chain, tried in order
//!     │ failover decides (pure) what follows a failure
//!     ▼
//!   attempt   one call of one model with one credential
//!     ├── auth, codex_login   whose key
//!     ├── openai, responses, codex, anthropic   one wire each: body out, events in
//!     ├── render   transcript items → the wire's messages, rendered once
//!     └── sse, http   bytes
//!   sight     which pictures of a conversation are shown
//!   speech    recordings, as words
//!   offline   the built-in responder: no network at all
//! ```
//!
//! An answer is whole or it is none: a stream that is cut short, silent or malformed is a
//! [`ModelError`]. No secret is in any error, log line or `Debug` text of this module.

mod speech;
mod stack;
mod report;
mod answer;
mod attempt;
mod anthropic;
mod codex;
mod openai;
mod responses;
mod text_calls;
mod offline;
mod discovery;
mod refresh;
mod auth;
mod codex_login;
mod failover;
mod fare;
mod catalog;
mod http;
mod reader;
mod render;
mod sse;
mod wire;
mod sight;
mod error;
mod clock;

pub(crate) use catalog::OFFLINE;
pub use catalog::price;
pub use error::ModelError;
pub use render::RenderCache;
pub use speech::{Recording, Unheard};
pub use stack::ModelStack;

use crate::config::{ModelRef, Thinking};
use ipc::id::{ItemId, SessionKey};
use ipc::model::{StopReason, Usage};
use ipc::tool_args::ToolSpec;
use ipc::transcript::{Carried, ToolRequest, TranscriptItem};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One wish for a model's next words.
#[derive(Debug, Clone, Copy)]
pub struct ModelCall<'a> {
    /// The models to try, in order; from [`ModelStack::chain`].
    pub chain: &'a [ModelRef],
    /// Whose conversation; names the agent whose credentials are used.
    pub session: &'a SessionKey,
    /// The system prompt.
    pub instructions: &'a str,
    /// The tools on offer.
    pub tools: &'a [ToolSpec],
    /// What was said before.
    pub context: &'a Context,
    /// One last message in the user's place that is not stored: how to summarise.
    pub closing: Option<&'a str>,
    /// How long to think; the provider's own default when absent.
    pub thinking: Option<Thinking>,
    /// No answer at all for this long is a failure. A stream that has begun must also not be silent
    /// for long.
    pub timeout: Duration,
}

/// What is in a model's context, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Changes whenever anything but an append happened: compaction, reset.
    pub generation: u64,
    /// The items.
    pub items: Vec<(ItemId, Arc<TranscriptItem>)>,
}

/// What happens on the way to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The next words.
    Text(String),
    /// What was streamed so far is void: another attempt starts over.
    Restart {
        /// Why.
        reason: String,
    },
    /// Another model is asked instead.
    Fallback {
        /// `provider/model` that could not answer.
        from: String,
        /// `provider/model` that is asked now.
        to: String,
        /// Why.
        reason: String,
    },
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The words; may be empty where there are tool calls.
    pub text: String,
    /// The tools asked for, in order; ids are unique among them.
    pub tool_calls: Vec<ToolRequest>,
    /// Why the model stopped.
    pub stop: StopReason,
    /// What it cost.
    pub usage: Usage,
    /// Who answered.
    pub model: ModelRef,
    /// Provider state to be stored with the answer.
    pub carried: Option<Carried>,
}

/// No model answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelFailure {
    /// The context is longer than the model takes: compact, and ask once more.
    #[error("{model}: the conversation is longer than the model takes")]
    ContextFull {
        /// Which model said so.
        model: ModelRef,
    },
    /// Every model of the chain was tried.
    #[error("{}", Attempts(.attempts))]
    Exhausted {
        /// The last failure of each attempt, in order.
        attempts: Vec<(ModelRef, ModelError)>,
    },
}

struct Attempts<'a>(&'a [(ModelRef, ModelError)]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no model could answer")?;
        for (i, (model, error)) in self.0.iter().enumerate() {
            let lead = if i == 0 { ": " } else { "; " };
            write!(f, "{lead}{model}: {error}")?;
        }
        if self.0.is_empty() {
            f.write_str(": no model is configured (set agents.defaults.model.primary)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
