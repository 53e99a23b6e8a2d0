//! A message on its way to its session: with its files, and with what was said there to others.

use super::super::bot::Bot;
use super::super::chat::{CHANNEL, Notice};
use super::super::convert::{self, ChatKind, Happening, Incoming, Us};
use super::super::routing::Route;
use super::super::{Place, commands, media};
use super::handle::{Blocked, End};
use crate::message::{Inbound, Said};
use crate::router::Awaited;
use crate::store::{NewNotice, StoreError, StoredUpdate, UpdateState};
use ipc::transcript::Image;
use std::sync::Arc;

/// Gives a message to its session as it was typed.
///
/// # Errors
/// [`Blocked`]: then it was not taken.
pub(super) async fn bare(
    bot: &Arc<Bot>,
    message: &Incoming,
    owner: bool,
    route: Route,
) -> Result<End, Blocked> {
    let text = message.spoken(&bot.me().username).to_owned();
    let notices = submit(bot, message, owner, route, (text, Vec::new())).await?;
    Ok(End::of(UpdateState::Done, notices))
}

/// Gives a message to its session with all that belongs to it.
///
/// # Errors
/// [`Blocked`]: then it was not taken.
pub(super) async fn whole(
    bot: &Arc<Bot>,
    message: &Incoming,
    owner: bool,
    route: Route,
) -> Result<End, Blocked> {
    acknowledge(bot, message);
    let limit = bot.account.history_limit;
    let store = &bot.services.store;
    let heard = store.heard(bot.id, message.place.chat, limit).await?;
    let lines = lines(bot, &heard, &message.place).await?;
    let (told, heard): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let files = media::fetch(bot, &route.agent, message).await;
    let text = convert::words(message, &heard, &files.lines);
    let mut notices: Vec<_> = files
        .said
        .map(|said| notice(bot, message, "file", Said::text(said)))
        .into_iter()
        .collect();
    notices.extend(submit(bot, message, owner, route, (text, files.images)).await?);
    Ok(End {
        told,
        ..End::of(UpdateState::Done, notices)
    })
}

/// Shows that it was read, where that is wanted.
fn acknowledge(bot: &Bot, message: &Incoming) {
    if let Some(desk) = bot.desk() {
        let named = message.mentions_us || message.replies_to_us;
        let is_group = message.chat != ChatKind::Private;
        desk.acknowledge(&message.place, message.message, is_group, named);
    }
}

async fn submit(
    bot: &Arc<Bot>,
    message: &Incoming,
    owner: bool,
    Route { agent, session }: Route,
    (text, images): (String, Vec<Image>),
) -> Result<Vec<NewNotice>, Blocked> {
    let origin = commands::origin(message, owner);
    let inbound = Inbound {
        // The server says an update again until it is confirmed, and so do we until it is finished.
        key: format!("telegram:{}:{}", bot.id, message.update),
        session: session.clone(),
        agent: agent.clone(),
        channel: CHANNEL.to_owned(),
        // Texts and numbers alone: it can be written as JSON.
        origin: serde_json::to_value(origin).unwrap_or_default(),
        text,
        images,
    };
    let submitted = match bot.router.submit(inbound).await {
        Err(StoreError::QueueFull { .. }) => return Err(Blocked::Full { session, agent }),
        other => other?,
    };
    match submitted.answer {
        // Nothing to say: what was asked for says so itself.
        Awaited::Said(said) if said.text.is_empty() => Ok(Vec::new()),
        Awaited::Said(said) => Ok(vec![notice(bot, message, "said", said)]),
        // It is in the outbox, or was sent.
        Awaited::Given(_) => Ok(Vec::new()),
        Awaited::Coming(_) => {
            if let Some(desk) = bot.desk() {
                desk.expect(&message.place, &session, &agent);
            }
            Ok(Vec::new())
        }
    }
}

fn notice(bot: &Bot, message: &Incoming, key: &str, said: Said) -> NewNotice {
    let key = format!("{key}:{}:{}", bot.id, message.update);
    // Among many, people want to see whom it answers.
    let reply_to = (message.chat != ChatKind::Private).then_some(message.message);
    Notice::said(message.place.clone(), reply_to, said).to_new(key)
}

/// What was said there to others, each with the line that tells of it. In a topic: there.
async fn lines(
    bot: &Bot,
    heard: &[StoredUpdate],
    place: &Place,
) -> Result<Vec<(i64, String)>, StoreError> {
    let me = bot.me();
    let us = Us {
        account: &bot.account.id,
        id: me.id,
        username: &me.username,
        media_max: bot.account.media_max,
    };
    let mut lines = Vec::new();
    for update in heard {
        let Ok(happening) = convert::read(&us, &update.body) else {
            continue;
        };
        let about = match &happening {
            Happening::Message(message) if message.place == *place => None,
            // The server does not say in which topic.
            Happening::Reaction(reaction) if reaction.place.chat == place.chat => {
                let message = i64::from(reaction.message);
                let store = &bot.services.store;
                store
                    .said_in(CHANNEL, &place.account, place.chat, message)
                    .await?
            }
            Happening::Message(_)
            | Happening::Reaction(_)
            | Happening::Tap(_)
            | Happening::Migrated { .. }
            | Happening::Other => continue,
        };
        let line = convert::heard(&happening, about.as_deref());
        lines.extend(line.map(|line| (update.id, line)));
    }
    Ok(lines)
}
