//! Everything that is said in Telegram: once, in order, at the server's pace.
//!
//! ```text
//!   outbox ──┐                      ┌───────────── one task a chat ─────────────┐
//!            ├─ pump ─▶ queue ─────▶│ deliver: parts ─▶ say ─▶ pacer ─▶ the API │
//!   notices ─┘                      │    ▲ begun, arrived: posts; doubt         │
//!   a session ─ follow ─▶ Preview ─▶│ live: what grows, typing                  │
//!                                   └───────────────────────────────────────────┘
//! ```
//!
//! A chat has one task, so what is said there is in order, and at most one message of a chat is ever
//! in doubt. The task ends when nothing is to be said. Never decides what is said.

mod desk;
mod pump;
mod task;
mod live;
mod deliver;
mod undelivered;
mod files;
mod reaction;
mod say;
mod follow;
mod preview;
mod blocks;
mod doubt;
mod quote;
mod words;
mod letter;
mod pacer;

pub(crate) use desk::Desk;
pub(crate) use follow::Overhears;

use super::Place;
use crate::message::{Button, Said};
use crate::store::NewNotice;
use serde::{Deserialize, Serialize};

/// The name of this channel in the store.
pub(crate) const CHANNEL: &str = "telegram";

/// Something to be said that is no turn's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notice {
    /// Where.
    pub(crate) place: Place,
    /// The message it answers, which it quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<i32>,
    /// The words, in Markdown.
    pub(crate) text: String,
    /// What may be tapped below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) buttons: Vec<Vec<Button>>,
    /// Put it into this message of ours instead of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edit: Option<i32>,
    /// Put it into the message that the notice of this key became; where there is none, nothing is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instead_of: Option<String>,
}

impl Notice {
    /// What a session, or a command, says at a place.
    pub(crate) fn said(place: Place, reply_to: Option<i32>, said: Said) -> Self {
        let Said { text, buttons } = said;
        Self {
            place,
            reply_to,
            text,
            buttons,
            edit: None,
            instead_of: None,
        }
    }

    /// As the store keeps it; said twice under one key, it is said once.
    pub(crate) fn to_new(&self, key: impl Into<String>) -> NewNotice {
        // Both are made of texts and numbers alone: they can be written as JSON.
        let json = |value: serde_json::Result<serde_json::Value>| value.unwrap_or_default();
        NewNotice {
            key: key.into(),
            channel: CHANNEL.to_owned(),
            target: json(serde_json::to_value(&self.place)),
            body: json(serde_json::to_value(self)),
        }
    }
}
