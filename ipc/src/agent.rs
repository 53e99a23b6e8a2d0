//! What a supervisor and an agent process say to each other.

use crate::hello::Hello;
use crate::id::{AgentId, CallId, CallRef, SessionKey, TurnId};
use crate::model::{Answer, ModelEvent, ModelRequest};
use crate::refusal::Refusal;
use crate::tool::ToolOutcome;
use crate::tool_args::ToolArgs;
use crate::transcript::{ItemOutline, ToolRequest};
use serde::{Deserialize, Serialize};

/// What the supervisor tells an agent process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// First frame after the agent's hello: who it is, what it may use, what was said so far.
    Start(SessionStart),
    /// Begin a turn, or take up one that was cut off. Sent only while the agent is idle.
    Turn(TurnStart),
    /// More input waits; it is read by the next model call of this turn. An agent that was about to
    /// end the turn asks the model once more.
    Steer {
        /// The turn it belongs to.
        turn: TurnId,
    },
    /// A piece of the streamed answer to an [`Ask::Model`].
    Model {
        /// Which ask.
        call: CallId,
        /// The piece.
        event: ModelEvent,
    },
    /// The end of a call, whatever was asked. Every ask gets exactly one.
    Reply {
        /// Which ask.
        call: CallId,
        /// What came of it.
        result: Result<Reply, Refusal>,
    },
    /// Fold the history now, or as soon as the turn has ended (`/compact`); answered by
    /// [`FromAgent::Compacted`].
    Compact {
        /// Extra instructions for the summary; may be empty.
        instructions: String,
    },
    /// Abandon the turn; answered by [`FromAgent::TurnDone`].
    Cancel {
        /// Which turn; another turn's cancel is ignored.
        turn: TurnId,
    },
    /// Exit 0 when idle.
    Shutdown,
}

/// What an agent process may say. This enum is the whole of its power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    /// Speaks our version, is sealed, and is ready for [`ToAgent::Start`].
    Hello(Hello),
    /// Wants something only the supervisor can do.
    Ask {
        /// The ask's name in the reply.
        call: CallId,
        /// What it wants.
        ask: Ask,
    },
    /// A tool call of the last answer that was never asked, and why: bad arguments, no such tool.
    /// Stored before anything acts on it.
    Reject {
        /// Which call.
        request: CallRef,
        /// For the model.
        reason: String,
    },
    /// Text the user may watch grow.
    Delta {
        /// Which turn.
        turn: TurnId,
        /// What is new.
        text: String,
    },
    /// What was shown of the current answer so far is void.
    Undelta {
        /// Which turn.
        turn: TurnId,
    },
    /// What [`ToAgent::Compact`] came to; the agent is idle.
    Compacted {
        /// Whether there was something to fold, or why it could not be folded.
        outcome: Result<bool, Refusal>,
    },
    /// The turn ended; the agent is idle.
    TurnDone {
        /// Which turn.
        turn: TurnId,
        /// How it ended.
        outcome: TurnOutcome,
    },
}

/// Things an agent can ask for. Adding a variant widens an agent's power: it needs a row in
/// `permit.rs`, an arm in `broker`, and an e2e test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Ask {
    /// The model's next words.
    Model(ModelRequest),
    /// A tool, run for it.
    Tool(ToolCall),
    /// A note for the model, stored as a `Note` item (the memory flush's instructions).
    Note {
        /// The words.
        text: String,
    },
}

/// A tool call whose arguments have been read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Which call of which answer.
    pub request: CallRef,
    /// The tool and its arguments.
    pub args: ToolArgs,
}

/// Answers to asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Ask::Model`].
    Answer(Answer),
    /// To [`Ask::Tool`]: how the call ended. It is stored already.
    Tool {
        /// The stored outcome.
        item: ItemOutline,
        /// How it ended; captured output is left out, it is in the item.
        outcome: ToolOutcome,
    },
    /// To [`Ask::Note`].
    Stored {
        /// The stored item.
        item: ItemOutline,
    },
}

/// Who an agent process is, and what it has to work with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionStart {
    /// Whose conversation.
    pub session: SessionKey,
    /// Which agent.
    pub agent: AgentId,
    /// The manuals, in the order they are to be read: `AGENTS.md`, then the specialist's.
    pub manuals: Vec<Manual>,
    /// Facts for the prompt, one a line: date, workspace path, model, walls.
    pub facts: Vec<String>,
    /// Names and one-line descriptions of the tools on offer.
    pub tools: Vec<ToolSummary>,
    /// How much fits.
    pub context: ContextLimits,
    /// What is in the context now, oldest first; a `Summary` comes first where there is one.
    pub outline: Vec<ItemOutline>,
}

/// One manual from the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    /// File name: `AGENTS.md`.
    pub name: String,
    /// Its text, cut at the configured length.
    pub text: String,
}

/// A tool on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSummary {
    /// The name the model calls it by.
    pub name: String,
    /// One line for the prompt.
    pub summary: String,
}

/// When history must be folded. All in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLimits {
    /// The model's context window.
    pub window: u32,
    /// Kept free for the answer (`compaction.reserveTokensFloor`).
    pub reserve: u32,
    /// How long before that the memory flush comes (`compaction.memoryFlush.softThresholdTokens`).
    pub flush_margin: u32,
    /// Whether the agent writes its memory before history is folded.
    pub memory_flush: bool,
}

/// Begin a turn, or take one up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnStart {
    /// The turn.
    pub turn: TurnId,
    /// Items stored since the agent last heard: the turn's input, notes, recovered outcomes.
    pub new_items: Vec<ItemOutline>,
    /// Calls of the last answer that were never begun: the turn was cut off before them.
    pub open_calls: Vec<OpenCall>,
}

/// A tool call that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCall {
    /// Which call.
    pub request: CallRef,
    /// The call as the model made it.
    pub call: ToolRequest,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The last answer's text is the reply.
    Answered,
    /// The agent has nothing to say (`NO_REPLY`).
    Silent,
    /// Cancelled by request.
    Cancelled,
    /// It could not go on.
    Failed {
        /// Why, in words for the person.
        reason: Refusal,
    },
}
