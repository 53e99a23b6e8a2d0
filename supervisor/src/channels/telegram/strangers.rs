//! Who speaks, as the configuration, the pairing desk and what was said there have it; and strangers,
//! from their first word to the day they are let in.
//!
//! What a stranger says is kept until then and answered after it, or dropped: when they are sent
//! away, or after a day. [`keep`] sees to that whenever the desk changed, also by hand or by a
//! program that is gone: it needs nothing but what is on disk.

use super::admission::{Activation, Admission, Room, Speaking, admit};
use super::bot::Bot;
use super::convert::{ChatKind, Incoming, Person, Tap};
use super::routing::{self, Route, Spot};
use super::{Place, commands};
use crate::channels::pairing::{self, Desk, Standing, Who};
use crate::channels::telegram::chat::Notice;
use crate::message::Said;
use crate::store::{NewNotice, StoreError};
use ipc::id::SessionKey;
use std::sync::Arc;
use std::time::Duration;

/// The setting that says when the bot answers in a group.
const ACTIVATION: &str = "activation";
/// The setting that says which number a group had before it became a supergroup.
const FORMERLY: &str = "formerly";
/// How often it is looked whether somebody was let in by hand.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// What a stranger said is kept for this long, in milliseconds.
const KEPT_FOR: i64 = 24 * 60 * 60 * 1000;

/// What becomes of a stranger's message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// What they are told. Its key makes it one, however often it is said.
    pub(crate) notice: Option<NewNotice>,
    /// Whether the message is kept until they are let in.
    pub(crate) hold: bool,
}

/// What may be done about a message.
///
/// # Errors
/// Only what the disk says.
pub(crate) async fn admission(bot: &Bot, said: &Incoming) -> Result<Admission, StoreError> {
    let group = said.chat != ChatKind::Private;
    let route = route(bot, &said.place, said.from.id, group).await?;
    let config = Arc::clone(&bot.services.live.load().config);
    let agent = config.agent(&route.agent);
    let patterns = agent.map_or(&[][..], |agent| &agent.mention_patterns[..]);
    let named = said.mentions_us
        || said.replies_to_us
        || patterns.iter().any(|pattern| pattern.is_in(&said.text))
        || commands::is_command(&said.text);
    // What was kept of them comes first: this is kept for a moment as well.
    if !group
        && bot
            .pairing
            .is_fresh(&bot.account.id, &said.from.id.to_string())
    {
        let is_in = standing(bot, said.from.id).is_some_and(|standing| standing.paired);
        if is_in {
            return Ok(Admission::Pair);
        }
    }
    let room = room(bot, &said.place, group).await?;
    let activation = match room {
        Room::Private => None,
        Room::Group { .. } => {
            let set = bot.services.store.setting(&route.session, ACTIVATION);
            set.await?.as_deref().and_then(Activation::parse)
        }
    };
    Ok(weigh(bot, &said.from, room, |speaking| Speaking {
        named,
        activation,
        elsewhere: said.elsewhere,
        ..speaking
    }))
}

/// What may be done about a tap on a button of ours: whoever taps it speaks to the bot.
///
/// # Errors
/// Only what the disk says.
pub(crate) async fn admission_of_tap(bot: &Bot, tap: &Tap) -> Result<Admission, StoreError> {
    let room = room(bot, &tap.place, tap.place.chat < 0).await?;
    Ok(weigh(bot, &tap.from, room, |speaking| speaking))
}

/// What somebody may do who speaks to the bot.
fn weigh<'a>(
    bot: &'a Bot,
    who: &Person,
    room: Room,
    as_said: impl FnOnce(Speaking<'a>) -> Speaking<'a>,
) -> Admission {
    // Where nobody knows, nobody was approved.
    let standing = standing(bot, who.id).unwrap_or_default();
    admit(&as_said(Speaking {
        account: &bot.account,
        sender: who.id,
        is_bot: who.is_bot,
        room,
        named: true,
        elsewhere: false,
        standing,
        activation: None,
    }))
}

fn standing(bot: &Bot, sender: i64) -> Option<Standing> {
    let known = bot.pairing.standing(&bot.account.id, &sender.to_string());
    known
        .inspect_err(|error| tracing::error!("nobody counts as paired: failed to {error}"))
        .ok()
}

async fn room(bot: &Bot, place: &Place, group: bool) -> Result<Room, StoreError> {
    if !group {
        return Ok(Room::Private);
    }
    Ok(Room::Group {
        chat: place.chat,
        formerly: formerly(bot, place.chat).await?,
        thread: place.thread,
    })
}

/// Who answers, and in which session.
///
/// # Errors
/// Only what the disk says.
pub(crate) async fn route(
    bot: &Bot,
    place: &Place,
    sender: i64,
    group: bool,
) -> Result<Route, StoreError> {
    let formerly = if group {
        formerly(bot, place.chat).await?
    } else {
        None
    };
    let spot = Spot {
        chat: place.chat,
        formerly,
        thread: place.thread,
        group,
        sender,
    };
    let config = Arc::clone(&bot.services.live.load().config);
    Ok(routing::route(&config, &bot.account, &spot))
}

/// A group became a supergroup: under its new number it is still the same one.
///
/// # Errors
/// Only what the disk says.
pub(crate) async fn migrated(bot: &Bot, from: i64, to: i64) -> Result<(), StoreError> {
    let first = formerly(bot, from).await?.unwrap_or(from);
    let store = &bot.services.store;
    store
        .set(&chat_key(to), FORMERLY, Some(first.to_string()))
        .await
}

async fn formerly(bot: &Bot, chat: i64) -> Result<Option<i64>, StoreError> {
    let set = bot
        .services
        .store
        .setting(&chat_key(chat), FORMERLY)
        .await?;
    Ok(set.and_then(|chat| chat.parse().ok()))
}

/// What is set for a chat, and for no session of it.
fn chat_key(chat: i64) -> SessionKey {
    SessionKey(format!("telegram:chat:{chat}"))
}

/// A stranger wrote in private.
pub(crate) async fn ask(bot: &Bot, said: &Incoming) -> Asked {
    let desk = Arc::clone(&bot.pairing);
    let (account, from) = (bot.account.id.clone(), said.from.clone());
    let asked = tokio::task::spawn_blocking(move || {
        desk.ask(Who {
            account: &account,
            sender: &from.id.to_string(),
            name: &from.name,
            username: from.username.as_deref(),
        })
    });
    let asked = asked
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let say = |key: &str, text: String| {
        let key = format!("{key}:{}:{}", bot.id, said.from.id);
        notice(&said.place, Some(said.message), &key, text)
    };
    match asked {
        Ok(pairing::Asked::Has(request)) => {
            let text = welcome(&bot.me().username, &request, &bot.pairing);
            Asked {
                notice: Some(say(&format!("pairing:{}", request.asked_at), text)),
                // That says nothing but that they are there.
                hold: !is_start(&said.text),
            }
        }
        Ok(pairing::Asked::Full { tell }) => Asked {
            notice: tell.map(|hour| say(&format!("full:{hour}"), FULL.to_owned())),
            hold: false,
        },
        Ok(pairing::Asked::Away) => Asked {
            notice: None,
            hold: false,
        },
        // What was kept of them is released in a moment, and this behind it.
        Ok(pairing::Asked::In) => Asked {
            notice: None,
            hold: true,
        },
        Err(error) => {
            tracing::error!("a stranger got no code: failed to {error}");
            // It may be somebody who was let in.
            Asked {
                notice: None,
                hold: true,
            }
        }
    }
}

fn is_start(text: &str) -> bool {
    text.split_whitespace().next() == Some("/start")
}

/// What a stranger is told who asks while too many others do.
const FULL: &str = "I do not know you, and others are asking to be let in right now. Please write \
                    again in an hour.";

/// What a stranger is told.
fn welcome(bot: &str, request: &pairing::Request, desk: &Desk) -> String {
    let code = request.code.as_str();
    let link = desk.link(&request.code);
    let link = link.map_or_else(String::new, |link| {
        format!("Whoever runs it can let you in on this page:\n{link}\n\nor with:\n")
    });
    let link = if link.is_empty() {
        "Whoever runs it can let you in with:\n".to_owned()
    } else {
        link
    };
    format!(
        "Hello! I am @{bot}, somebody's own assistant, and I do not know you yet.\n\n\
         Your Telegram user id: `{}`\nPairing code: `{code}`\n\n\
         {link}```\nopenclaw pairing approve {code}\n```\n\
         The code is good for an hour. What you write until then is kept and answered once you are \
         in.",
        request.sender
    )
}

fn notice(place: &Place, reply_to: Option<i32>, key: &str, text: String) -> NewNotice {
    Notice::said(place.clone(), reply_to, Said::text(text)).to_new(key)
}

/// Answers what was kept of strangers who are let in, drops what was kept of those who are not, for
/// as long as the bot runs.
pub(crate) async fn keep(bot: Arc<Bot>) {
    let mut changes = bot.pairing.changes();
    loop {
        if let Err(error) = settle(&bot).await {
            tracing::error!("strangers wait: failed to {error}");
        }
        tokio::select! {
            moved = changes.changed() => if moved.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn settle(bot: &Bot) -> Result<(), StoreError> {
    let store = &bot.services.store;
    // Who was let in is answered also where it can not be told any more who asked.
    let settled = bot.pairing.settled(&bot.account.id);
    let settled = settled.unwrap_or_else(|error| {
        tracing::error!("nobody is told that they are in: failed to {error}");
        Vec::new()
    });
    for request in &settled {
        let Ok(chat) = request.sender.parse() else {
            continue;
        };
        let place = Place {
            account: bot.account.id.clone(),
            chat,
            thread: None,
        };
        let key = format!("paired:{}:{}:{chat}", request.asked_at, bot.id);
        if store
            .notice(notice(&place, None, &key, IN.to_owned()))
            .await?
        {
            bot.services.outgoing.send_modify(|count| *count += 1);
        }
    }
    for sender in store.held_senders(bot.id).await? {
        settle_one(bot, sender).await?;
    }
    let now = jiff::Timestamp::now().as_millisecond();
    store.drop_held_before(bot.id, now - KEPT_FOR).await?;
    for request in settled {
        let desk = Arc::clone(&bot.pairing);
        let forgotten = tokio::task::spawn_blocking(move || desk.forget(&request));
        forgotten
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    }
    Ok(())
}

/// What somebody is told who was let in.
const IN: &str = "You are in.";

async fn settle_one(bot: &Bot, sender: i64) -> Result<(), StoreError> {
    let store = &bot.services.store;
    let standing = bot.pairing.standing(&bot.account.id, &sender.to_string())?;
    let admission = admit(&Speaking {
        account: &bot.account,
        sender,
        is_bot: false,
        room: Room::Private,
        named: true,
        elsewhere: false,
        standing,
        activation: None,
    });
    let is_in = match admission {
        Admission::Admit { .. } => true,
        Admission::Pair | Admission::Hear | Admission::Ignore(_) => false,
    };
    if is_in {
        // Before, or it would be kept once more.
        bot.pairing.releases(&bot.account.id, &sender.to_string());
        for chat in store.release_held(bot.id, sender).await? {
            bot.intake.poke(chat).await;
        }
    } else if bot.pairing.is_away(&bot.account.id, &sender.to_string())? {
        store.drop_held(bot.id, sender).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_start_is_nothing_to_be_kept() {
        assert!(is_start("/start") && is_start(" /start abc"));
        assert!(!is_start("/started") && !is_start("start") && !is_start(""));
    }
}
