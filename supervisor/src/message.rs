//! What channels carry: a person's words in, an agent's words out.

use ipc::control::{Activity, FinalReply};
use ipc::id::{AgentId, InputId, SessionKey, TurnId};
use ipc::transcript::Image;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A person's message, on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// Idempotency key: said twice, it is one message.
    pub key: String,
    /// Whose conversation it belongs to.
    pub session: SessionKey,
    /// Which agent answers.
    pub agent: AgentId,
    /// By which channel it came: `cli`, `telegram`.
    pub channel: String,
    /// Where in the channel an answer goes; the channel's own business.
    pub origin: Value,
    /// The words.
    pub text: String,
    /// Pictures that came with them.
    pub images: Vec<Image>,
}

/// Something to tap where a person would rather tap than type: a command that is said for whoever
/// taps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What it says: `/approve ab12 allow-once`.
    pub command: String,
}

/// What a session says to a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The words, in Markdown.
    pub text: String,
    /// What may be said next, in rows. Who has no buttons finds the commands in the words.
    pub buttons: Vec<Vec<Button>>,
}

impl Said {
    /// Words alone.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            buttons: Vec::new(),
        }
    }
}

/// A turn that has begun, and who is to see its answer grow.
#[derive(Debug, Clone, PartialEq)]
pub struct Began {
    /// The turn.
    pub turn: TurnId,
    /// The channel its answer goes out by.
    pub channel: String,
    /// Where in the channel; the channel's own business.
    pub target: Value,
}

/// What a session says, on its way out to whoever watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Outbound {
    /// A turn began, or is taken up again: what follows is about it.
    Began(Began),
    /// The draft grew.
    Delta(String),
    /// The draft is void.
    Undelta,
    /// The agent does something besides talking.
    Activity(Activity),
    /// A turn ended.
    Final(Final),
}

/// A turn's end. It is in the outbox before it is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Final {
    /// The outbox row, to be marked sent by whoever delivers it.
    pub outbox: crate::store::OutboxId,
    /// The messages it answers.
    pub inputs: Vec<InputId>,
    /// The answer.
    pub reply: FinalReply,
}
