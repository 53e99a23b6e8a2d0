//! What is done about one thing that happened. Everything here may be done a second time: a kill may
//! come before the update is finished.

use super::super::bot::Bot;
use super::super::chat::Notice;
use super::super::convert::{self, ChatKind, Happening, Incoming, Us};
use super::super::{Origin, Place};
use crate::message::Inbound;
use crate::router::Awaited;
use crate::store::{NewNotice, StoreError, StoredUpdate, UpdateState};
use ipc::id::{AgentId, SessionKey};
use std::sync::Arc;

/// Why something is not handled yet.
#[derive(Debug)]
pub(super) enum Blocked {
    /// As many wait in its session as may.
    Full {
        /// Which session.
        session: SessionKey,
        /// Whose.
        agent: AgentId,
    },
    /// The disk.
    Store(StoreError),
}

impl From<StoreError> for Blocked {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What becomes of updates, and what is said for that.
struct End {
    state: UpdateState,
    notices: Vec<NewNotice>,
    /// What was told along, and is to be told no more.
    told: Vec<i64>,
}

impl End {
    fn plain(state: UpdateState) -> Self {
        Self {
            state,
            notices: Vec::new(),
            told: Vec::new(),
        }
    }
}

/// Does what is to be done about updates that are one, and finishes them.
///
/// # Errors
/// [`Blocked`]: then they wait as before.
pub(super) async fn handle(
    bot: &Arc<Bot>,
    mut ids: Vec<i64>,
    happening: Happening,
) -> Result<(), Blocked> {
    let end = match happening {
        Happening::Message(message) => said(bot, *message).await?,
        Happening::Tap(_)
        | Happening::Reaction(_)
        | Happening::Migrated { .. }
        | Happening::Other => End::plain(UpdateState::Done),
    };
    ids.extend(end.told);
    let store = &bot.services.store;
    let any = store
        .finish_updates(bot.id, ids, end.state, end.notices)
        .await?;
    if any {
        bot.services.outgoing.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// Somebody said something.
async fn said(bot: &Arc<Bot>, message: Incoming) -> Result<End, Blocked> {
    if let Some(desk) = bot.desk() {
        desk.saw(message.place.chat, message.message);
    }
    let Some(owner) = thin::admit(bot, &message) else {
        return Ok(End::plain(UpdateState::Done));
    };
    let Some((agent, session)) = thin::route(bot) else {
        return Ok(End::plain(UpdateState::Done));
    };
    submit(bot, &message, owner, (agent, session)).await
}

/// Gives a message to its session.
async fn submit(
    bot: &Arc<Bot>,
    message: &Incoming,
    owner: bool,
    (agent, session): (AgentId, SessionKey),
) -> Result<End, Blocked> {
    let store = &bot.services.store;
    let chat = message.place.chat;
    let heard = store.heard(bot.id, chat, bot.account.history_limit).await?;
    let heard = lines(bot, &heard, &message.place);
    let (told, lines): (Vec<_>, Vec<_>) = heard.into_iter().unzip();
    let inbound = Inbound {
        key: format!("telegram:{}:{}", bot.id, message.update),
        session: session.clone(),
        agent: agent.clone(),
        channel: "telegram".to_owned(),
        origin: serde_json::to_value(origin(message, owner)).unwrap_or_default(),
        text: convert::words(message, &lines, &[]),
        images: Vec::new(),
    };
    let submitted = match bot.router.submit(inbound).await {
        Err(StoreError::QueueFull { .. }) => return Err(Blocked::Full { session, agent }),
        other => other?,
    };
    let mut notices = Vec::new();
    match submitted.answer {
        // Nothing to say: what was asked for says so itself.
        Awaited::Said(said) if said.text.is_empty() => {}
        Awaited::Said(said) => {
            let key = format!("said:{}:{}", bot.id, message.update);
            let notice = Notice::said(message.place.clone(), Some(message.message), said);
            notices.push(notice.to_new(key));
        }
        // It is in the outbox, or was sent.
        Awaited::Given(_) => {}
        Awaited::Coming(_) => {
            if let Some(desk) = bot.desk() {
                desk.expect(&message.place, &session, &agent);
            }
        }
    }
    Ok(End {
        state: UpdateState::Done,
        notices,
        told,
    })
}

/// What was said there to others, each with the line that tells of it. In a topic: there.
fn lines(bot: &Bot, heard: &[StoredUpdate], place: &Place) -> Vec<(i64, String)> {
    let me = bot.me();
    let us = Us {
        account: &bot.account.id,
        id: me.id,
        username: &me.username,
        media_max: bot.account.media_max,
    };
    let line = |update: &StoredUpdate| {
        let happening = convert::read(&us, &update.body).ok()?;
        let is_here = match &happening {
            Happening::Message(message) => message.place == *place,
            Happening::Reaction(reaction) => reaction.place.chat == place.chat,
            Happening::Tap(_) | Happening::Migrated { .. } | Happening::Other => false,
        };
        let line = is_here
            .then(|| convert::heard(&happening, None))
            .flatten()?;
        Some((update.id, line))
    };
    heard.iter().filter_map(line).collect()
}

/// Where an answer goes.
fn origin(message: &Incoming, owner: bool) -> Origin {
    Origin {
        place: message.place.clone(),
        message: message.message,
        sender: message.from.id.to_string(),
        name: message.from.name.clone(),
        username: message.from.username.clone(),
        group: match message.chat {
            ChatKind::Private => false,
            ChatKind::Group { .. } => true,
        },
        owner,
    }
}

/// Private chats that are open, or of people who are listed; the agent's main session.
mod thin {
    use super::{AgentId, Bot, ChatKind, Incoming, SessionKey};
    use crate::config::DmPolicy;

    pub(super) fn admit(bot: &Bot, message: &Incoming) -> Option<bool> {
        let sender = message.from.id.to_string();
        let is_private = message.chat == ChatKind::Private && !message.from.is_bot;
        let listed = bot.account.allow_from.contains(&sender);
        let open = bot.account.dm_policy == DmPolicy::Open;
        let anyone = open && bot.account.allow_from.iter().any(|id| id == "*");
        let disabled = bot.account.dm_policy == DmPolicy::Disabled;
        (is_private && !disabled && (listed || anyone)).then_some(listed)
    }

    pub(super) fn route(bot: &Bot) -> Option<(AgentId, SessionKey)> {
        bot.router.place(None, None).ok()
    }
}
