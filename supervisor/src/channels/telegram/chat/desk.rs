//! What the tasks of an account's chats have in common, and its door.

use super::follow::Line;
use super::pacer::Pacer;
use super::say::Unsaid;
use super::task::{Chat, Mail};
use super::{CHANNEL, Overhears};
use crate::channels::telegram::Place;
use crate::channels::telegram::bot::Bot;
use crate::store::{Store, StoreError};
use ipc::id::{AgentId, SessionKey};
use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Chats from here down are supergroups and channels. Each counts its own messages; all others of a
/// bot have one count together.
const SUPERGROUPS: i64 = -1_000_000_000_000;

/// How long what is on its way may take to arrive when the desk closes.
const CLOSES_WITHIN: Duration = Duration::from_secs(3);

/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Where everything is said that one account says.
pub(crate) struct Desk {
    pub(super) bot: Arc<Bot>,
    pub(super) overhears: Arc<dyn Overhears>,
    pub(super) pacer: Arc<Pacer>,
    /// Rows that wait in memory.
    queued: AtomicUsize,
    /// The server has no native drafts.
    pub(super) no_drafts: AtomicBool,
    chats: Mutex<HashMap<i64, Arc<Chat>>>,
    /// How much of what was written is with the chats, as `outgoing` counts it; nothing yet at first.
    pub(super) read: watch::Sender<Option<u64>>,
    /// The newest message that is known, by what counts it; as many as there are groups.
    newest: Mutex<HashMap<i64, Newest>>,
    /// Groups that became other ones in our time.
    moved: Mutex<HashMap<i64, i64>>,
    room: Notify,
    pub(super) tasks: TaskTracker,
    closing: CancellationToken,
    end: CancellationToken,
}

/// The newest message of a count.
#[derive(Debug, Default, Clone, Copy)]
struct Newest {
    message: i64,
    /// What earlier gateways sent was looked up.
    is_sure: bool,
}

impl Desk {
    /// Begins: says what is waiting, shows what grows.
    pub(crate) fn start(bot: Arc<Bot>, overhears: Arc<dyn Overhears>) -> Arc<Self> {
        let desk = Arc::new(Self {
            bot,
            overhears,
            pacer: Pacer::new(),
            queued: AtomicUsize::new(0),
            no_drafts: AtomicBool::new(false),
            chats: Mutex::default(),
            read: watch::Sender::new(None),
            newest: Mutex::default(),
            moved: Mutex::default(),
            room: Notify::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            end: CancellationToken::new(),
        });
        let pacer = Arc::clone(&desk.pacer);
        desk.spawn_until_closing(async move {
            pacer.run().await;
        });
        let pump = Arc::clone(&desk);
        desk.spawn_until_closing(async move {
            // First: an answer whose text grew before the restart finds what was shown of it.
            pump.follow_unanswered().await;
            pump.pump().await;
        });
        desk
    }

    /// Ends: what is on its way arrives, within a few seconds; the rest is on disk.
    pub(crate) async fn stop(&self) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(CLOSES_WITHIN, self.tasks.wait())
            .await
            .is_err()
        {
            self.end.cancel();
            self.tasks.wait().await;
        }
    }

    /// A message was given to a session: its answer will grow at this place.
    pub(crate) fn expect(self: &Arc<Self>, place: &Place, session: &SessionKey, agent: &AgentId) {
        if self.closing.is_cancelled() {
            return;
        }
        let chat = self.chat(place.chat);
        if let Some(line) = chat.expect(place, session) {
            self.follow(chat, line, agent.clone());
        }
    }

    /// A message is in a chat: whatever we send there from now on has a greater number.
    pub(crate) fn saw(&self, chat: i64, message: i32) {
        let mut newest = lock(&self.newest);
        let known = newest.entry(counted_with(chat)).or_default();
        known.message = known.message.max(i64::from(message));
    }

    /// Replies and notices that wait to be said.
    pub(crate) fn waiting(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Lets a chat's task say something.
    pub(super) fn put(self: &Arc<Self>, place: &Place, mail: Mail) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let chat = lock(&self.moved).get(&place.chat).copied();
        self.chat(chat.unwrap_or(place.chat)).put(mail);
    }

    /// A row is done with.
    pub(super) fn is_done(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.room.notify_one();
    }

    pub(super) async fn wait_for_room(&self, most: usize) {
        while self.queued.load(Ordering::Relaxed) >= most {
            self.room.notified().await;
        }
    }

    /// The task of a chat, which begins if there is none.
    fn chat(self: &Arc<Self>, number: i64) -> Arc<Chat> {
        let mut chats = lock(&self.chats);
        if let Some(chat) = chats.get(&number).filter(|chat| chat.stays()) {
            return Arc::clone(chat);
        }
        let chat = Arc::new(Chat::new(number));
        chats.insert(number, Arc::clone(&chat));
        let desk = Arc::clone(self);
        let attended = Arc::clone(&chat);
        let end = self.end.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = desk.attend(&attended) => {}
                () = end.cancelled() => {}
            }
        });
        chat
    }

    /// A chat's task leaves, if nothing came meanwhile.
    pub(super) fn leave(&self, chat: &Arc<Chat>) -> bool {
        let mut chats = lock(&self.chats);
        if !chat.leaves() {
            return false;
        }
        if chats
            .get(&chat.number)
            .is_some_and(|other| Arc::ptr_eq(other, chat))
        {
            chats.remove(&chat.number);
        }
        if chats.capacity() > 64 && chats.len() < chats.capacity() / 4 {
            chats.shrink_to_fit();
        }
        true
    }

    /// Sessions whose answers were growing, or will, when the last gateway ended.
    async fn follow_unanswered(self: &Arc<Self>) {
        let unanswered = match self.bot.services.store.unanswered(CHANNEL).await {
            Ok(unanswered) => unanswered,
            Err(error) => return tracing::warn!("failed to look for who waits: {error}"),
        };
        for (session, agent, origin) in unanswered {
            match serde_json::from_value::<Place>(origin) {
                Ok(place) if place.account == self.bot.account.id => {
                    self.expect(&place, &session, &agent);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%session, "nobody knows who waits there: {error}"),
            }
        }
    }

    /// The newest message known among those counted with this chat's.
    pub(super) async fn newest(&self, chat: i64) -> Result<i64, Unsaid> {
        let known = lock(&self.newest).get(&counted_with(chat)).copied();
        if let Some(known) = known.filter(|known| known.is_sure) {
            return Ok(known.message);
        }
        let stored = self
            .stored(|store| {
                let account = self.bot.account.id.clone();
                async move { store.newest_post(CHANNEL, &account, counted(chat)).await }
            })
            .await?;
        let mut newest = lock(&self.newest);
        let known = newest.entry(counted_with(chat)).or_default();
        known.message = known.message.max(stored);
        known.is_sure = true;
        Ok(known.message)
    }

    /// A group became another one.
    pub(super) fn moved(&self, from: i64, to: i64) {
        tracing::info!(from, to, "a group was upgraded");
        lock(&self.moved).insert(from, to);
    }

    /// A place as it is now.
    pub(super) fn now_at(&self, place: &Place) -> Place {
        let chat = lock(&self.moved).get(&place.chat).copied();
        Place {
            chat: chat.unwrap_or(place.chat),
            ..place.clone()
        }
    }

    /// Asks the store for as long as it takes.
    pub(super) async fn stored<T, F>(&self, job: impl Fn(Store) -> F) -> Result<T, Unsaid>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            // Never cut off: a job that was begun is done, and somebody must know.
            match job(self.bot.services.store.clone()).await {
                Ok(done) => return Ok(done),
                Err(error) => tracing::warn!("failed to {error}; tried again"),
            }
            self.unless_closing(tokio::time::sleep(PAUSE)).await?;
        }
    }

    pub(super) async fn unless_closing<F: Future>(&self, what: F) -> Result<F::Output, Unsaid> {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(Unsaid::Closing),
            done = what => Ok(done),
        }
    }

    pub(super) fn spawn_until_closing(&self, what: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = what => {}
                () = closing.cancelled() => {}
            }
        });
    }

    /// A session that is followed; [`Self::expect`] made the line.
    fn follow(self: &Arc<Self>, chat: Arc<Chat>, line: Arc<Line>, agent: AgentId) {
        let desk = Arc::clone(self);
        self.spawn_until_closing(async move { desk.listen(&chat, &line, &agent).await });
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("account", &self.bot.account.id)
            .finish_non_exhaustive()
    }
}

/// Which count a chat's messages are of.
fn counted_with(chat: i64) -> i64 {
    if chat < SUPERGROUPS { chat } else { 0 }
}

/// The chats whose messages are counted with this one's.
fn counted(chat: i64) -> RangeInclusive<i64> {
    if chat < SUPERGROUPS {
        chat..=chat
    } else {
        SUPERGROUPS..=i64::MAX
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_small_groups_share_a_count() {
        assert_eq!(counted_with(7), counted_with(-4_000));
        assert_ne!(counted_with(7), counted_with(-1_002_345_678_901));
        assert!(counted(7).contains(&-4_000));
        assert!(!counted(7).contains(&-1_002_345_678_901));
    }
}
