//! The stored and spoken history of a session.
//!
//! The supervisor alone writes items and numbers them. An agent process refers to them by id and
//! knows of each only its [`ItemOutline`]: so a turn costs the same however much was said before,
//! and no agent can rewrite its own past.

use crate::id::{CallRef, InputId, ItemId};
use crate::tool::ToolOutcome;
use crate::usage::Usage;
use crate::walls::Behind;
use serde::{Deserialize, Serialize};

/// One stored fact of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TranscriptItem {
    /// What a person said.
    User {
        /// The accepted input it came from.
        input: InputId,
        /// The words.
        text: String,
        /// Pictures that came with them, for models that can see.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<Image>,
    },
    /// What the model answered.
    Answer {
        /// The words; may be empty when it only calls tools.
        text: String,
        /// The tools it asks for, in order.
        tool_calls: Vec<ToolRequest>,
        /// `provider/model` that answered.
        model: String,
        /// What it cost.
        usage: Usage,
        /// Provider-made state that must be sent back with the answer (such as Responses'
        /// encrypted reasoning items), as the provider gave it; `api` says whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carried: Option<Carried>,
    },
    /// How a tool call ended.
    Outcome {
        /// Which call.
        call: CallRef,
        /// The tool's name as the model gave it.
        tool: String,
        /// How it ended.
        outcome: ToolOutcome,
        /// The walls it ran behind; `None` where it needed none, or did not run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<Behind>,
    },
    /// Something the system tells the model: a memory flush, a fallback taken, a warning.
    Note {
        /// The words.
        text: String,
    },
    /// Replaces every item up to and including `through` in the model's context.
    Summary {
        /// The last item folded in.
        through: ItemId,
        /// The summary.
        text: String,
    },
}

/// What a picture counts for in a context, in bytes of text: about what providers take for one of
/// the size that phones send.
const PICTURE: usize = 4 * 1_500;

/// A picture somebody sent. Its bytes are the supervisor's alone; an agent knows that there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Name of the file in the state directory's `media` folder.
    pub blob: String,
    /// `image/jpeg`, `image/png`, `image/webp` or `image/gif`.
    pub mime: String,
    /// Its size.
    pub bytes: u64,
}

/// A tool call as the model made it, before its arguments were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRequest {
    /// The provider's id of the call (`call_id`, `tool_use_id`); unique within its answer.
    pub id: String,
    /// The tool's name as the model gave it.
    pub name: String,
    /// The arguments: JSON text as the model gave it, read by the agent process.
    pub arguments: String,
}

/// Opaque provider state of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The protocol it belongs to; another protocol leaves it out.
    pub api: String,
    /// The provider's own items.
    pub items: Vec<serde_json::Value>,
}

/// What an agent process knows of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOutline {
    /// The item.
    pub id: ItemId,
    /// Its kind.
    pub kind: ItemKind,
    /// How many tokens it takes in the context, estimated.
    pub tokens: u32,
}

/// The kinds of [`TranscriptItem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// [`TranscriptItem::User`].
    User,
    /// [`TranscriptItem::Answer`].
    Answer,
    /// [`TranscriptItem::Outcome`].
    Outcome,
    /// [`TranscriptItem::Note`].
    Note,
    /// [`TranscriptItem::Summary`].
    Summary,
}

impl TranscriptItem {
    /// The item's kind.
    #[must_use]
    pub fn kind(&self) -> ItemKind {
        match self {
            Self::User { .. } => ItemKind::User,
            Self::Answer { .. } => ItemKind::Answer,
            Self::Outcome { .. } => ItemKind::Outcome,
            Self::Note { .. } => ItemKind::Note,
            Self::Summary { .. } => ItemKind::Summary,
        }
    }

    /// The item's outline under `id`.
    #[must_use]
    pub fn outline(&self, id: ItemId) -> ItemOutline {
        ItemOutline {
            id,
            kind: self.kind(),
            tokens: self.tokens(),
        }
    }

    /// Tokens it takes in a context, estimated from its length (about four bytes a token, and a few
    /// for the frame around it). Providers' own counts come with [`Usage`] and are truer.
    #[must_use]
    pub fn tokens(&self) -> u32 {
        let bytes = match self {
            Self::User { text, images, .. } => text.len() + images.len() * PICTURE,
            Self::Note { text } | Self::Summary { text, .. } => text.len(),
            Self::Answer {
                text, tool_calls, ..
            } => {
                text.len()
                    + tool_calls
                        .iter()
                        .map(|c| c.name.len() + c.arguments.len() + 16)
                        .sum::<usize>()
            }
            Self::Outcome { outcome, .. } => outcome.text_len(),
        };
        u32::try_from(bytes / 4 + 8).unwrap_or(u32::MAX)
    }
}
