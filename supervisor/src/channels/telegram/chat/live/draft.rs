//! The server's own draft, in which an answer grows before it is said.

use super::super::desk::Desk;
use super::super::letter::{Form, Letter};
use super::super::say::Next;
use super::Live;
use crate::channels::telegram::Place;
use crate::channels::telegram::api::Kind;
use ipc::id::TurnId;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

impl Desk {
    /// The server's own draft; `None` where it has none, and is not asked again.
    pub(super) async fn draft(
        &self,
        live: &mut Live,
        place: &Place,
        turn: TurnId,
        letter: &Letter,
    ) -> Option<Next> {
        let form = live.form();
        let asked = draft_of(place, turn, letter, form);
        let Err(error) = self.bot.api.call_named("sendMessageDraft", &asked).await else {
            live.drafting = true;
            return Some(Next::Done);
        };
        live.drafting = false;
        if error.kind() == Some(&Kind::NoMethod) {
            tracing::info!(account = %self.bot.account.id, "no native drafts, so messages are edited: {error}");
            self.no_drafts.store(true, Ordering::Relaxed);
            live.shown = None;
            live.letter = None;
            return None;
        }
        Some(self.failed(place, &error, form))
    }
}

/// A draft as the server is told of it. Without a word it says that there will be some.
fn draft_of(place: &Place, turn: TurnId, letter: &Letter, form: Form) -> Value {
    let (text, mode) = match form {
        Form::Html => (&letter.words.html, Some("HTML")),
        Form::Plain => (&letter.words.plain, None),
    };
    let mut asked = json!({
        "chat_id": place.chat,
        // Never 0; what comes under the same number replaces what was there.
        "draft_id": turn.0 % 1_000_000_000 + 1,
        "text": text,
    });
    if let Some(mode) = mode.filter(|_| !text.is_empty()) {
        asked["parse_mode"] = mode.into();
    }
    if let Some(thread) = place.thread {
        asked["message_thread_id"] = thread.into();
    }
    asked
}
