//! What is done about one thing that happened. Everything here may be done a second time: a kill may
//! come before the update is finished.

use super::super::admission::Admission;
use super::super::bot::Bot;
use super::super::chat::CHANNEL;
use super::super::commands::{self, Handled, Speaks};
use super::super::convert::{ChatKind, Happening, Incoming, Reaction, Tap};
use super::super::routing::Route;
use super::super::strangers;
use super::submit;
use crate::config::ReactionNotifications;
use crate::store::{NewNotice, StoreError, UpdateState};
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
#[derive(Debug)]
pub(super) struct End {
    pub(super) state: UpdateState,
    pub(super) notices: Vec<NewNotice>,
    /// What was told along, and is to be told no more.
    pub(super) told: Vec<i64>,
    /// Whether the gateway begins anew once that is on disk.
    pub(super) restart: bool,
}

impl End {
    pub(super) fn of(state: UpdateState, notices: Vec<NewNotice>) -> Self {
        Self {
            state,
            notices,
            told: Vec::new(),
            restart: false,
        }
    }

    fn plain(state: UpdateState) -> Self {
        Self::of(state, Vec::new())
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
        Happening::Tap(tap) => tapped(bot, &tap).await?,
        Happening::Reaction(reaction) => reacted(bot, reaction).await?,
        Happening::Migrated { from, to } => {
            strangers::migrated(bot, from, to).await?;
            End::plain(UpdateState::Done)
        }
        Happening::Other => End::plain(UpdateState::Done),
    };
    ids.extend(end.told);
    let store = &bot.services.store;
    let any = store
        .finish_updates(bot.id, ids, end.state, end.notices)
        .await?;
    if any {
        bot.services.outgoing.send_modify(|count| *count += 1);
    }
    if end.restart {
        (bot.again)();
    }
    Ok(())
}

/// Somebody said something.
async fn said(bot: &Arc<Bot>, message: Incoming) -> Result<End, Blocked> {
    let owner = match strangers::admission(bot, &message).await? {
        Admission::Admit { owner } => owner,
        Admission::Pair => {
            let asked = strangers::ask(bot, &message).await;
            let state = match asked.hold {
                true => UpdateState::Held,
                false => UpdateState::Done,
            };
            return Ok(End::of(state, asked.notice.into_iter().collect()));
        }
        Admission::Hear => return Ok(End::plain(UpdateState::Heard)),
        Admission::Ignore(why) => {
            tracing::debug!(account = bot.account.id, "not answered: {why}");
            return Ok(End::plain(UpdateState::Done));
        }
    };
    let is_group = message.chat != ChatKind::Private;
    let route = strangers::route(bot, &message.place, message.from.id, is_group).await?;
    let speaks = Speaks {
        owner,
        agent: &route.agent,
        session: &route.session,
    };
    match commands::handle(bot, &message, speaks).await? {
        Handled::Done(notices) => Ok(End::of(UpdateState::Done, notices)),
        Handled::Restart(notices) => Ok(End {
            restart: true,
            ..End::of(UpdateState::Done, notices)
        }),
        Handled::Bare => submit::bare(bot, &message, owner, route).await,
        Handled::NotACommand => submit::whole(bot, &message, owner, route).await,
    }
}

/// Somebody tapped a button.
async fn tapped(bot: &Arc<Bot>, tap: &Tap) -> Result<End, Blocked> {
    let admission = strangers::admission_of_tap(bot, tap).await?;
    let is_group = tap.place.chat < 0;
    let Route { agent, session } = strangers::route(bot, &tap.place, tap.from.id, is_group).await?;
    let said = Box::pin(commands::tapped(bot, tap, admission, (&agent, &session))).await?;
    Ok(End::of(UpdateState::Done, said))
}

/// Somebody reacted to a message: told along with the next one, where people want that.
async fn reacted(bot: &Arc<Bot>, reaction: Reaction) -> Result<End, Blocked> {
    let wanted = match bot.account.reaction_notifications {
        ReactionNotifications::Off => false,
        ReactionNotifications::Own => is_ours(bot, &reaction).await?,
        ReactionNotifications::All => true,
    };
    if !wanted {
        return Ok(End::plain(UpdateState::Done));
    }
    // Who may not tap a button may not be heard by a reaction either.
    let as_tap = Tap {
        id: String::new(),
        from: reaction.from,
        place: reaction.place,
        message: reaction.message,
        data: String::new(),
    };
    Ok(match strangers::admission_of_tap(bot, &as_tap).await? {
        Admission::Admit { .. } => End::plain(UpdateState::Heard),
        Admission::Pair | Admission::Hear | Admission::Ignore(_) => End::plain(UpdateState::Done),
    })
}

async fn is_ours(bot: &Bot, reaction: &Reaction) -> Result<bool, StoreError> {
    let message = i64::from(reaction.message);
    let (account, chat) = (&bot.account.id, reaction.place.chat);
    let store = &bot.services.store;
    let ours = store
        .known_messages(CHANNEL, account, chat, message - 1)
        .await?;
    Ok(ours.contains(&message))
}
