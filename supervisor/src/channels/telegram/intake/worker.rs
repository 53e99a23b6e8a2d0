//! One chat, in order, until nothing waits there.

use super::super::backoff::Backoff;
use super::super::bot::Bot;
use super::super::convert::{self, Happening, Incoming};
use super::super::status::now_ms;
use super::group::{self, Kind, Waiting};
use super::handle::{self, Blocked};
use crate::message::Outbound;
use crate::store::{StoreError, StoredUpdate, UpdateState};
use ipc::id::{AgentId, SessionKey};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;

/// Updates that are looked at together: an album has at most ten.
const AHEAD: u32 = 16;

/// A session that takes no more is asked again after this time at the latest.
const REST: Duration = Duration::from_secs(5);

/// An update, read.
struct Read {
    stored: StoredUpdate,
    happening: Happening,
}

/// Handles what waits in a chat.
pub(super) async fn serve(bot: &Arc<Bot>, chat: i64, room: &Semaphore) {
    let mut backoff = Backoff::new(chat.unsigned_abs());
    loop {
        // What waits for its turn waits on disk. (Never an error: nobody closes it.)
        let place = room.acquire().await;
        // On the heap: those that wait for their turn are many, and small.
        let step = Box::pin(step(bot, chat)).await;
        drop(place);
        let blocked = match step {
            Ok(Step::Done) => return,
            Ok(Step::On) => {
                backoff.reset();
                continue;
            }
            Ok(Step::Wait(pause)) => {
                tokio::time::sleep(pause).await;
                continue;
            }
            Err(blocked) => blocked,
        };
        match blocked {
            Blocked::Full { session, agent } => rest(bot, &session, &agent).await,
            Blocked::Store(error) => {
                tracing::error!(account = bot.account.id, chat, "failed to {error}");
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}

/// One that does not wait behind the others of its chat. What fails is left to those who do.
pub(super) async fn out_of_order(bot: &Arc<Bot>, id: i64) {
    let found = bot.services.store.waiting_update(bot.id, id).await;
    let done = match found {
        Ok(Some(stored)) => match read(bot, vec![stored], &HashSet::new()).await {
            Ok(mut read) => match read.pop() {
                Some(read) => {
                    Box::pin(handle::handle(bot, vec![read.stored.id], read.happening)).await
                }
                None => Ok(()),
            },
            Err(error) => Err(Blocked::Store(error)),
        },
        Ok(None) => Ok(()),
        Err(error) => Err(Blocked::Store(error)),
    };
    if let Err(blocked) = done {
        tracing::debug!(
            account = bot.account.id,
            "an urgent update waits: {blocked:?}"
        );
    }
}

enum Step {
    On,
    Wait(Duration),
    Done,
}

async fn step(bot: &Arc<Bot>, chat: i64) -> Result<Step, Blocked> {
    let claimed = bot.intake.claimed();
    let stored = bot.services.store.next_updates(bot.id, chat, AHEAD).await?;
    if stored.is_empty() {
        return Ok(Step::Done);
    }
    let mut read = read(bot, stored, &claimed).await?;
    if read.is_empty() {
        // What could not be read is finished; what is claimed is somebody else's.
        return match claimed.is_empty() {
            true => Ok(Step::On),
            false => Ok(Step::Done),
        };
    }
    let waiting: Vec<_> = read.iter().map(waiting).collect();
    let debounce = bot.services.live.load().config.messages.debounce;
    match group::next(&waiting, now_ms(), debounce) {
        group::Next::Nothing => Ok(Step::Done),
        group::Next::Wait(pause) => Ok(Step::Wait(pause)),
        group::Next::Take(pieces) => {
            let mut index = 0;
            read.retain(|_| {
                index += 1;
                pieces.contains(&(index - 1))
            });
            let (ids, happening) = whole(read);
            Box::pin(handle::handle(bot, ids, happening)).await?;
            Ok(Step::On)
        }
    }
}

/// Reads updates; those that can not be read are finished as such, those that are claimed left out.
async fn read(
    bot: &Bot,
    stored: Vec<StoredUpdate>,
    claimed: &HashSet<i64>,
) -> Result<Vec<Read>, StoreError> {
    let me = bot.me();
    let us = convert::Us {
        account: &bot.account.id,
        id: me.id,
        username: &me.username,
        media_max: bot.account.media_max,
    };
    let mut all = Vec::with_capacity(stored.len());
    let mut unreadable = Vec::new();
    for stored in stored
        .into_iter()
        .filter(|stored| !claimed.contains(&stored.id))
    {
        match convert::read(&us, &stored.body) {
            Ok(happening) => all.push(Read { stored, happening }),
            Err(error) => {
                tracing::warn!(account = bot.account.id, update = stored.id, "{error}");
                unreadable.push(stored.id);
            }
        }
    }
    if !unreadable.is_empty() {
        bot.board.unreadable(unreadable.len() as u64);
        let state = UpdateState::Unreadable;
        let store = &bot.services.store;
        store
            .finish_updates(bot.id, unreadable, state, Vec::new())
            .await?;
    }
    Ok(all)
}

fn waiting(read: &Read) -> Waiting {
    let alone = |sender| Waiting {
        at: read.stored.at,
        sender,
        thread: None,
        kind: Kind::Alone,
    };
    match &read.happening {
        Happening::Message(message) => Waiting {
            thread: message.place.thread,
            kind: kind(message),
            ..alone(message.from.id)
        },
        Happening::Tap(_)
        | Happening::Reaction(_)
        | Happening::Migrated { .. }
        | Happening::Other => alone(0),
    }
}

fn kind(message: &Incoming) -> Kind {
    if let Some(album) = &message.album {
        return Kind::Album(album.clone());
    }
    let bare = !message.edited
        && message.media.is_empty()
        && message.folded.is_empty()
        && message.forward.is_none()
        && !message.text.starts_with('/');
    match bare {
        true => Kind::Words(message.text.encode_utf16().count()),
        false => Kind::Alone,
    }
}

/// Several messages as one; anything else is alone.
fn whole(read: Vec<Read>) -> (Vec<i64>, Happening) {
    let ids = read.iter().map(|read| read.stored.id).collect();
    let mut happenings: Vec<_> = read.into_iter().map(|read| read.happening).collect();
    if happenings.len() == 1 {
        return (ids, happenings.remove(0));
    }
    let messages = happenings
        .into_iter()
        .filter_map(|happening| match happening {
            Happening::Message(message) => Some(*message),
            Happening::Tap(_)
            | Happening::Reaction(_)
            | Happening::Migrated { .. }
            | Happening::Other => None,
        });
    let whole = convert::join(messages.collect());
    let whole = whole.map_or(Happening::Other, |whole| {
        Happening::Message(Box::new(whole))
    });
    (ids, whole)
}

/// Waits until the session's turn has ended: then there is room for what waits.
async fn rest(bot: &Bot, session: &SessionKey, agent: &AgentId) {
    let ended = async {
        let mut watch = bot.router.watch(session, agent).await.ok()?;
        // Between two turns; the next one takes what waits.
        watch.began.as_ref()?;
        loop {
            match watch.events.recv().await {
                Ok(said) if matches!(*said, Outbound::Final(_)) => return Some(()),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    };
    if tokio::time::timeout(REST, ended).await == Ok(None) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
