//! Chat commands and what is tapped: what the channel answers itself, what it asks sessions for
//! people, and questions with buttons.
//!
//! ```text
//!   /whoami, /activation …  ─▶ handle ─┬─▶ own, activation        ─▶ a notice
//!   /status, /stop, /model … ─▶        └─▶ the session says it    ─▶ a notice, with buttons
//!   a button ─▶ tapped: the command on it, said for whoever taps; answered at once, always
//!   a session asks for approval ─▶ Questions ─▶ a notice with buttons, edited when it ends
//! ```
//!
//! A button carries its command as it is typed, so it holds no power that its words would not have:
//! whoever forges one says something that they could have typed. Everything here may be done twice.

mod tap;
mod questions;
mod activation;
mod menu;
mod own;

pub(crate) use menu::register;
pub(crate) use questions::{Questions, void_stale};
pub(crate) use tap::tapped;

use super::bot::Bot;
use super::chat::{CHANNEL, Notice};
use super::convert::{ChatKind, Incoming, Person};
use super::{Origin, Place};
use crate::message::Said;
use crate::session;
use crate::store::{NewNotice, StoreError};
use ipc::id::{AgentId, SessionKey};
use own::Own;
use serde_json::Value;

/// What became of a message that may be a command.
#[derive(Debug, PartialEq)]
pub(crate) enum Handled {
    /// It was one, and this is said to it.
    Done(Vec<NewNotice>),
    /// It was `/restart`: once its update is finished, the gateway begins again.
    Restart(Vec<NewNotice>),
    /// It is for the session as it was typed, without anything told along: `/new …`.
    Bare,
    /// It is a message like others.
    NotACommand,
}

/// Whether these words are a command, here or of a session: in a group they name the bot.
pub(crate) fn is_command(text: &str) -> bool {
    let text = text.trim();
    let is_new = |word: &str| matches!(word, "/new" | "/reset");
    let word = text.split_whitespace().next().unwrap_or_default();
    text.starts_with('/')
        && (Own::read(text).is_some()
            || session::is_directive(text)
            || is_new(&word.to_ascii_lowercase()))
}

/// Somebody who speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaks<'a> {
    /// Whether they may do what only the owner of the gateway may.
    pub(crate) owner: bool,
    /// The agent that answers them.
    pub(crate) agent: &'a AgentId,
    /// The session that is theirs.
    pub(crate) session: &'a SessionKey,
}

/// Answers a message that may be a command.
///
/// # Errors
/// Only what the disk says; then it is to be done again.
pub(crate) async fn handle(
    bot: &Bot,
    message: &Incoming,
    speaks: Speaks<'_>,
) -> Result<Handled, StoreError> {
    let config = std::sync::Arc::clone(&bot.services.live.load().config);
    let typed = !message.edited && message.forward.is_none() && message.media.is_empty();
    let origin = origin(message, speaks.owner);
    let from = value(&origin);
    if !typed || message.elsewhere || !session::may_command(&config.commands, CHANNEL, &from) {
        return Ok(Handled::NotACommand);
    }
    let me = bot.me();
    let text = message.spoken(&me.username);
    let said = match Own::read(text) {
        Some(Own::Restart) if own::may_restart(&config.commands, &origin) => {
            let said = Said::text("The gateway begins again.");
            return Ok(Handled::Restart(notices(bot, message, &origin, said)));
        }
        Some(Own::Restart) => Said::text(own::NO_RESTART),
        Some(Own::Activation(word)) => {
            activation::said(bot, &origin, message.from.id, speaks.session, word).await?
        }
        Some(other) => own::said(bot, &origin, speaks, other),
        None => match say(bot, speaks, text, &from).await? {
            Some(said) => said,
            None if session::is_directive(text) => return Ok(Handled::Bare),
            None if session::begins_anew(text, &config.session.reset_triggers) => {
                return Ok(Handled::Bare);
            }
            None => return Ok(Handled::NotACommand),
        },
    };
    Ok(Handled::Done(notices(bot, message, &origin, said)))
}

/// Says something to a session; what it says to that, where it is for the session itself.
async fn say(
    bot: &Bot,
    speaks: Speaks<'_>,
    text: &str,
    origin: &Value,
) -> Result<Option<Said>, StoreError> {
    let Speaks { agent, session, .. } = speaks;
    bot.router
        .direct(session, agent, text, CHANNEL, origin)
        .await
}

/// What is said to a command; nothing where something else says it.
fn notices(bot: &Bot, message: &Incoming, origin: &Origin, said: Said) -> Vec<NewNotice> {
    if said.text.is_empty() {
        return Vec::new();
    }
    // Among many, people want to see whom it answers.
    let reply_to = origin.group.then_some(message.message);
    let key = format!("said:{}:{}", bot.id, message.update);
    vec![Notice::said(origin.place.clone(), reply_to, said).to_new(key)]
}

/// Where a message came from.
pub(crate) fn origin(message: &Incoming, owner: bool) -> Origin {
    let group = match message.chat {
        ChatKind::Private => false,
        ChatKind::Group { .. } => true,
    };
    origin_of(
        &message.from,
        &message.place,
        (message.message, group),
        owner,
    )
}

fn origin_of(from: &Person, place: &Place, (message, group): (i32, bool), owner: bool) -> Origin {
    Origin {
        place: place.clone(),
        message,
        sender: from.id.to_string(),
        name: from.name.clone(),
        username: from.username.clone(),
        group,
        owner,
    }
}

fn value(origin: &Origin) -> Value {
    // Texts and numbers alone: it can be written as JSON.
    serde_json::to_value(origin).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_bot_and_a_sentence_does_not() {
        for text in [
            "/status",
            " /Stop all",
            "/new do it",
            "/whoami",
            "/help",
            "/start x",
        ] {
            assert!(is_command(text), "{text}");
        }
        for text in [
            "stop",
            "/etc/passwd",
            "/status of it",
            "hello /status",
            "/newer",
            "",
        ] {
            assert!(!is_command(text), "{text}");
        }
    }
}
