//! How fast we may speak: pure, with the time handed in.
//!
//! ```text
//!   over all   30 in any window of OVERALL, of which growing text may take LIVE
//!   a chat     BURST at once, of which one comes back every second
//!   a group    20 in any window of MINUTE besides
//! ```
//!
//! What waits goes in the order it came, answers and notices before growing text. Growing text is
//! said only where room is left that nobody waits for. A chat that the server tells to wait holds
//! nobody else up. Chat actions and answers to taps are not counted, by the server either.
//!
//! Windows are kept as the server sees them, however long each message is on its way ([`window`]).
//! A chat's burst counts from when a message leaves: one call at a time is under way in a chat, so
//! one is late at most, and the server takes one more than BURST.

mod window;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::Duration;
use tokio::time::Instant;
use window::Window;

/// A thousandth more than the second that the server counts: its clock is not ours.
const OVERALL: Duration = Duration::from_millis(1_001);
/// Messages and edits in [`OVERALL`].
const ALL: usize = 30;
/// Of these, what may be growing text.
const LIVE: usize = 20;
/// Messages and edits at once in one chat.
const BURST: f64 = 4.0;
/// What of that growing text leaves for an answer.
const SPARE: f64 = 2.0;
/// A thousandth more than the minute that the server counts.
const MINUTE: Duration = Duration::from_millis(60_060);
/// Messages and edits in a group in [`MINUTE`].
const GROUP: usize = 20;
/// Of these, what may be growing text.
const GROUP_LIVE: usize = 12;

/// A question about a message instead of one: it counts over all, and in no chat.
pub(crate) const NOWHERE: i64 = 0;

/// How much what is to be said matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Urgency {
    /// An answer or a notice: it goes as soon as the server takes it.
    Whole,
    /// Text that still grows: a newer one replaces it anyway.
    Live,
}

/// A message that may leave, and is under way until [`Rates::answered`] hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    chat: i64,
    left: Instant,
}

/// Something that waits to be said; `T` is whom to tell.
#[derive(Debug)]
struct Waiting<T> {
    chat: i64,
    who: T,
}

/// What was said lately, and what waits.
#[derive(Debug)]
pub(crate) struct Rates<T> {
    all: Window,
    chats: HashMap<i64, Chat>,
    waiting: BTreeMap<(Urgency, u64), Waiting<T>>,
    next: u64,
}

/// What was said lately in one chat.
#[derive(Debug)]
struct Chat {
    minute: Window,
    spent: f64,
    as_of: Instant,
    held: Option<Instant>,
}

impl<T> Rates<T> {
    /// Nothing was said yet.
    pub(crate) fn new() -> Self {
        Self {
            all: Window::new(OVERALL),
            chats: HashMap::new(),
            waiting: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes a place at the end of the queue.
    pub(crate) fn ask(&mut self, chat: i64, urgency: Urgency, who: T) {
        let waiting = Waiting { chat, who };
        self.waiting.insert((urgency, self.next), waiting);
        self.next += 1;
    }

    /// Who of those that wait may speak now; each counts as speaking. `gone` says of whom that
    /// nobody waits any more.
    pub(crate) fn grant(&mut self, now: Instant, gone: impl Fn(&T) -> bool) -> Vec<(T, Call)> {
        self.forget(now);
        let mut granted = Vec::new();
        let mut key = self.waiting.keys().next().copied();
        while let Some(this) = key {
            // Of a thousand that wait, nobody is looked at when nobody may speak.
            if self.all_free_at(this.0).is_some_and(|at| at > now) {
                break;
            }
            key = self.after(this);
            granted.extend(self.take(this, now, &gone));
        }
        granted
    }

    /// The server answered, or never will, or the call was not made after all.
    pub(crate) fn answered(&mut self, call: Call, now: Instant) {
        self.all.answered(call.left, now);
        if is_group(call.chat) {
            let chat = self.chat(call.chat, now);
            chat.minute.answered(call.left, now);
        }
    }

    /// When to look for the next of those that wait: no later than when it may speak. Sooner once
    /// something is asked or answered.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let ((most, _), _) = self.waiting.first_key_value()?;
        if let Some(at) = self.all_free_at(*most).filter(|at| *at > now) {
            return Some(at);
        }
        let ready = |((urgency, _), waiting): (&(Urgency, u64), &Waiting<T>)| {
            self.ready_at(waiting.chat, *urgency, now)
        };
        self.waiting.iter().map(ready).min()
    }

    /// The server asks this chat to wait.
    pub(crate) fn hold(&mut self, chat: i64, now: Instant, after: Duration) {
        let until = now + after;
        let chat = self.chat(chat, now);
        chat.held = Some(chat.held.map_or(until, |held| held.max(until)));
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many chats are remembered.
    #[cfg(test)]
    fn chats(&self) -> usize {
        self.chats.len()
    }

    fn after(&self, key: (Urgency, u64)) -> Option<(Urgency, u64)> {
        let later = (Bound::Excluded(key), Bound::Unbounded);
        self.waiting.range(later).next().map(|(key, _)| *key)
    }

    /// Takes the one at `key` out of the queue if it may speak, or is gone.
    fn take(
        &mut self,
        key: (Urgency, u64),
        now: Instant,
        gone: impl Fn(&T) -> bool,
    ) -> Option<(T, Call)> {
        let waiting = self.waiting.get(&key)?;
        if gone(&waiting.who) {
            self.waiting.remove(&key);
            return None;
        }
        let chat = waiting.chat;
        if self.ready_at(chat, key.0, now) > now {
            return None;
        }
        let waiting = self.waiting.remove(&key)?;
        Some((waiting.who, self.leaves(chat, now)))
    }

    fn chat(&mut self, chat: i64, now: Instant) -> &mut Chat {
        self.chats.entry(chat).or_insert_with(|| Chat {
            minute: Window::new(MINUTE),
            spent: 0.0,
            as_of: now,
            held: None,
        })
    }

    /// The earliest time at which this may be said, if nothing else is said until then.
    fn ready_at(&self, chat: i64, urgency: Urgency, now: Instant) -> Instant {
        let all = self.all_free_at(urgency).unwrap_or(now);
        let of_chat = self.chats.get(&chat).map(|said| {
            let group = is_group(chat)
                .then(|| said.minute_free_at(urgency))
                .flatten();
            let held = said.held.into_iter();
            held.chain(group).fold(said.burst_at(urgency), Instant::max)
        });
        of_chat.into_iter().fold(all.max(now), Instant::max)
    }

    fn all_free_at(&self, urgency: Urgency) -> Option<Instant> {
        let at_once = match urgency {
            Urgency::Whole => ALL,
            Urgency::Live => LIVE,
        };
        self.all.free_at(at_once)
    }

    fn leaves(&mut self, chat: i64, now: Instant) -> Call {
        self.all.leaves(now);
        if chat != NOWHERE {
            let said = self.chat(chat, now);
            said.spent = said.spent_at(now) + 1.0;
            said.as_of = now;
            if is_group(chat) {
                said.minute.leaves(now);
            }
        }
        Call { chat, left: now }
    }

    /// What no window reaches back to any more.
    fn forget(&mut self, now: Instant) {
        self.all.forget(now);
        self.chats.retain(|_, chat| {
            chat.minute.forget(now);
            let held = chat.held.is_some_and(|until| until > now);
            held || !chat.minute.is_empty() || chat.spent_at(now) > 0.0
        });
    }
}

impl Chat {
    fn spent_at(&self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.as_of).as_secs_f64();
        (self.spent - since).max(0.0)
    }

    fn burst_at(&self, urgency: Urgency) -> Instant {
        let room = match urgency {
            Urgency::Whole => BURST,
            Urgency::Live => BURST - SPARE,
        };
        let over = (self.spent + 1.0 - room).max(0.0);
        self.as_of + Duration::from_secs_f64(over)
    }

    fn minute_free_at(&self, urgency: Urgency) -> Option<Instant> {
        let at_once = match urgency {
            Urgency::Whole => GROUP,
            Urgency::Live => GROUP_LIVE,
        };
        self.minute.free_at(at_once)
    }
}

/// Telegram's own way to number chats: people above zero.
fn is_group(chat: i64) -> bool {
    chat < 0
}

#[cfg(test)]
mod tests;
