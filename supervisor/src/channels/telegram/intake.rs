//! From what the server said to what is done about it: stored first, then one worker for each chat
//! where something waits, and none where nothing does.
//!
//! ```text
//!   an answer of the server ─▶ take ─▶ store ─▶ poke ─▶ dispatch ──┬─▶ a worker for the chat: in order
//!                                                                  └─▶ what stops something: at once
//! ```
//!
//! Nothing is in memory that is not on disk: a poke that is lost is only late.

mod worker;
mod group;
mod handle;
mod submit;

use super::bot::Bot;
use super::glance::{Glance, glance};
use crate::store::StoreError;
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinSet};

/// Chats that have a worker at a time. The others wait on disk.
const WORKERS: usize = 1024;

/// Updates that are handled at a time, of those that wait in order.
const AT_WORK: usize = 32;

/// Updates that stop something and are handled at a time.
const URGENT: usize = 16;

/// Pokes that may wait; who brings one more waits.
const POKES: usize = 1024;

/// Where it is said that something waits.
#[derive(Debug)]
pub(crate) struct Intake {
    pokes: mpsc::Sender<Poke>,
    /// What is handled out of order right now: no worker touches it.
    claimed: Arc<Mutex<HashSet<i64>>>,
}

/// That something waits.
#[derive(Debug)]
pub(super) enum Poke {
    /// In this chat.
    Chat(i64),
    /// This, which does not wait behind the others of its chat.
    Urgent { chat: i64, claim: Claim },
    /// Anywhere.
    Anywhere,
}

/// An update that is handled out of order, until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    id: i64,
    claimed: Arc<Mutex<HashSet<i64>>>,
}

impl Intake {
    /// With the other end, for [`dispatch`].
    pub(super) fn new() -> (Self, mpsc::Receiver<Poke>) {
        let (pokes, poked) = mpsc::channel(POKES);
        let claimed = Arc::default();
        (Self { pokes, claimed }, poked)
    }

    /// Says that something waits in a chat.
    pub(crate) async fn poke(&self, chat: i64) {
        // An error: the bot is being stopped, and the next start looks everywhere.
        let _ = self.pokes.send(Poke::Chat(chat)).await;
    }

    /// Says that something may wait anywhere.
    pub(super) async fn poke_all(&self) {
        let _ = self.pokes.send(Poke::Anywhere).await;
    }

    fn claim(&self, id: i64) -> Claim {
        lock(&self.claimed).insert(id);
        let claimed = Arc::clone(&self.claimed);
        Claim { id, claimed }
    }

    /// What no worker may touch.
    fn claimed(&self) -> HashSet<i64> {
        lock(&self.claimed).clone()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.claimed).remove(&self.id);
    }
}

/// Numbers alone: whoever panicked holding them left them whole.
fn lock(claimed: &Mutex<HashSet<i64>>) -> MutexGuard<'_, HashSet<i64>> {
    claimed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why an answer of the server was not taken in: it reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    /// It is no list of updates.
    #[error("read the updates: {0}")]
    Shape(#[from] serde_json::Error),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the updates in an answer, on disk for good before this returns, and pokes whoever handles
/// them. The highest number.
///
/// # Errors
/// [`TakeError`]: then none was taken, and the server must say them again.
pub(super) async fn take(bot: &Bot, answer: &RawValue) -> Result<Option<i64>, TakeError> {
    let bodies: Vec<&RawValue> = serde_json::from_str(answer.get())?;
    if bodies.is_empty() {
        return Ok(None);
    }
    let glances: Vec<_> = bodies
        .iter()
        .filter_map(|body| glance(body.get()))
        .collect();
    let numberless = bodies.len() - glances.len();
    if numberless > 0 {
        // Such a one can neither be told from others nor confirmed; it goes with its neighbours.
        tracing::warn!(
            account = bot.account.id,
            "{numberless} updates have no number"
        );
        bot.board.unreadable(numberless as u64);
    }
    let newest = glances.iter().map(|glance| glance.update.id).max();
    store(bot, glances).await?;
    Ok(newest)
}

/// Stores looked-at updates and pokes whoever handles them.
///
/// # Errors
/// When they could not be stored: then none was.
pub(super) async fn store(bot: &Bot, glances: Vec<Glance>) -> Result<(), StoreError> {
    let mut chats = BTreeSet::new();
    let mut urgent = HashMap::new();
    let mut unreadable = HashSet::new();
    let mut updates = Vec::with_capacity(glances.len());
    let desk = bot.desk();
    for Glance {
        update,
        message,
        urgent: now,
    } in glances
    {
        // Not only when it is handled, which may be long from now: what we say meanwhile would be
        // looked for among too small numbers.
        if let (Some(desk), Some(chat), Some(message)) = (&desk, update.chat, message) {
            desk.saw(chat, message);
        }
        match update.chat {
            // Claimed before it is stored: no worker can find it unclaimed.
            Some(chat) if now => {
                let claim = bot.intake.claim(update.id);
                urgent.insert(update.id, (chat, claim));
            }
            Some(chat) => drop(chats.insert(chat)),
            None if !update.readable => drop(unreadable.insert(update.id)),
            None => {}
        }
        updates.push(update);
    }
    let new = bot.services.store.take_updates(bot.id, updates).await?;
    let strange = new.iter().filter(|id| unreadable.contains(id)).count() as u64;
    bot.api.counts().taken(new.len() as u64, strange);
    if strange > 0 {
        tracing::warn!(
            account = bot.account.id,
            "{strange} updates can not be read"
        );
        bot.board.unreadable(strange);
    }
    for id in new {
        if let Some((chat, claim)) = urgent.remove(&id) {
            let _ = bot.intake.pokes.send(Poke::Urgent { chat, claim }).await;
        }
    }
    for chat in chats {
        bot.intake.poke(chat).await;
    }
    Ok(())
}

/// Has everything handled that waits, and everything that comes, until it is dropped.
pub(super) async fn dispatch(bot: Arc<Bot>, mut poked: mpsc::Receiver<Poke>) {
    let room = Arc::new(Semaphore::new(AT_WORK));
    let mut workers = Workers {
        bot: Arc::clone(&bot),
        room,
        tasks: JoinSet::new(),
        chats: HashMap::new(),
        busy: HashMap::new(),
        more: false,
    };
    let urgent_room = Arc::new(Semaphore::new(URGENT));
    let mut urgent = JoinSet::new();
    workers.look().await;
    loop {
        tokio::select! {
            poke = poked.recv() => match poke {
                Some(Poke::Chat(chat)) => workers.begin(chat),
                Some(Poke::Anywhere) => workers.look().await,
                Some(Poke::Urgent { chat, claim }) => {
                    let room = Arc::clone(&urgent_room).acquire_owned().await;
                    let bot = Arc::clone(&bot);
                    urgent.spawn(async move {
                        worker::out_of_order(&bot, claim.id).await;
                        // Where that failed it is one of its chat's.
                        drop(claim);
                        drop(room);
                        bot.intake.poke(chat).await;
                    });
                }
                None => return,
            },
            Some(ended) = workers.tasks.join_next_with_id() => {
                workers.ended(ended.map_or_else(|error| error.id(), |(id, ())| id)).await;
            }
            Some(_) = urgent.join_next() => {}
        }
    }
}

/// The workers there are.
struct Workers {
    bot: Arc<Bot>,
    room: Arc<Semaphore>,
    tasks: JoinSet<()>,
    /// The chats that have one.
    chats: HashMap<Id, i64>,
    /// The same, and whether something came there since it began.
    busy: HashMap<i64, bool>,
    /// Whether chats wait that have none because there are enough.
    more: bool,
}

impl Workers {
    fn begin(&mut self, chat: i64) {
        if let Some(again) = self.busy.get_mut(&chat) {
            *again = true;
        } else if self.busy.len() < WORKERS {
            self.busy.insert(chat, false);
            let (bot, room) = (Arc::clone(&self.bot), Arc::clone(&self.room));
            let task = self
                .tasks
                .spawn(async move { worker::serve(&bot, chat, &room).await });
            self.chats.insert(task.id(), chat);
        } else {
            self.more = true;
        }
    }

    /// A worker found nothing more. (One that panicked did not look; what waits there is handled
    /// when something comes.)
    async fn ended(&mut self, task: Id) {
        let chat = self.chats.remove(&task);
        let again = chat.and_then(|chat| self.busy.remove(&chat));
        // It may have looked before that came.
        if let (Some(chat), Some(true)) = (chat, again) {
            self.begin(chat);
        }
        if self.more && self.busy.len() <= WORKERS / 2 {
            self.look().await;
        }
    }

    /// Begins with every chat where something waits.
    async fn look(&mut self) {
        self.more = false;
        match self.bot.services.store.chats_with_new(self.bot.id).await {
            Ok(chats) => {
                for chat in chats {
                    self.begin(chat);
                }
            }
            Err(error) => {
                tracing::error!(account = self.bot.account.id, "failed to {error}");
                self.more = true;
            }
        }
    }
}
