//! What channels carry: a person's words in, an agent's words out.

use ipc::control::{Activity, FinalReply};
use ipc::id::{AgentId, InputId, SessionKey};
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
    /// By which channel it came: `cli`.
    pub channel: String,
    /// Where in the channel an answer goes; the channel's own business.
    pub origin: Value,
    /// The words.
    pub text: String,
}

/// What a session says, on its way out to whoever watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Outbound {
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
