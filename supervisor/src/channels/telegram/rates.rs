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

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;
use tokio::time::Instant;

/// A little more than the second that the server counts: the way there presses together what left
/// evenly.
const OVERALL: Duration = Duration::from_millis(1_010);
/// Messages and edits in [`OVERALL`].
const ALL: usize = 30;
/// Of these, what may be growing text.
const LIVE: usize = 20;
/// Messages and edits at once in one chat.
const BURST: f64 = 4.0;
/// What of that growing text leaves for an answer.
const SPARE: f64 = 2.0;
/// A little more than the minute that the server counts.
const MINUTE: Duration = Duration::from_millis(60_500);
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

/// Something that waits to be said; `T` is whom to tell.
#[derive(Debug)]
struct Waiting<T> {
    chat: i64,
    who: T,
}

/// What was said lately, and what waits.
#[derive(Debug)]
pub(crate) struct Rates<T> {
    all: VecDeque<Instant>,
    chats: HashMap<i64, Chat>,
    waiting: BTreeMap<(Urgency, u64), Waiting<T>>,
    next: u64,
}

/// What was said lately in one chat.
#[derive(Debug)]
struct Chat {
    minute: VecDeque<Instant>,
    spent: f64,
    as_of: Instant,
    held: Option<Instant>,
}

impl<T> Rates<T> {
    /// Nothing was said yet.
    pub(crate) fn new() -> Self {
        Self {
            all: VecDeque::new(),
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

    /// Who of those that wait may speak now; each counts as having spoken. `gone` says of whom
    /// that nobody waits any more.
    pub(crate) fn grant(&mut self, now: Instant, gone: impl Fn(&T) -> bool) -> Vec<T> {
        self.forget(now);
        let mut granted = Vec::new();
        let mut key = self.waiting.keys().next().copied();
        while let Some(this) = key {
            // Of a thousand that wait, nobody is looked at when nobody may speak.
            if self.all_free_at(this.0).is_some_and(|at| at > now) {
                break;
            }
            key = self.after(this);
            if let Some(who) = self.take(this, now, &gone) {
                granted.push(who);
            }
        }
        granted
    }

    /// When to look for the next of those that wait: no later than when it may speak.
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
    fn take(&mut self, key: (Urgency, u64), now: Instant, gone: impl Fn(&T) -> bool) -> Option<T> {
        let waiting = self.waiting.get(&key)?;
        if gone(&waiting.who) {
            self.waiting.remove(&key);
            return None;
        }
        let chat = waiting.chat;
        if self.ready_at(chat, key.0, now) > now {
            return None;
        }
        self.count(chat, now);
        self.waiting.remove(&key).map(|waiting| waiting.who)
    }

    fn chat(&mut self, chat: i64, now: Instant) -> &mut Chat {
        self.chats.entry(chat).or_insert_with(|| Chat {
            minute: VecDeque::new(),
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
        free_at(&self.all, at_once, OVERALL)
    }

    fn count(&mut self, chat: i64, now: Instant) {
        self.all.push_back(now);
        if chat == NOWHERE {
            return;
        }
        let said = self.chat(chat, now);
        said.spent = said.spent_at(now) + 1.0;
        said.as_of = now;
        if is_group(chat) {
            said.minute.push_back(now);
        }
    }

    /// What no window reaches back to any more.
    fn forget(&mut self, now: Instant) {
        forget(&mut self.all, now, OVERALL);
        self.chats.retain(|_, chat| {
            forget(&mut chat.minute, now, MINUTE);
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
        free_at(&self.minute, at_once, MINUTE)
    }
}

/// When fewer than `at_once` of `said` will be within `window`; `None` for: they are.
fn free_at(said: &VecDeque<Instant>, at_once: usize, window: Duration) -> Option<Instant> {
    let last_to_leave = said.len().checked_sub(at_once)?;
    said.get(last_to_leave).map(|at| *at + window)
}

fn forget(said: &mut VecDeque<Instant>, now: Instant, window: Duration) {
    while said.front().is_some_and(|at| *at + window <= now) {
        said.pop_front();
    }
}

/// Telegram's own way to number chats: people above zero.
fn is_group(chat: i64) -> bool {
    chat < 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is asked for, by milliseconds after the begin.
    #[derive(Debug, Clone)]
    struct Ask {
        at: u64,
        chat: i64,
        urgency: Urgency,
    }

    fn asks() -> impl Strategy<Value = Vec<Ask>> {
        let urgency = prop_oneof![3 => Just(Urgency::Whole), 1 => Just(Urgency::Live)];
        let chat = prop_oneof![Just(1_i64), Just(2), Just(-1), 10..40_i64];
        let ask = (0..4_000_u64, chat, urgency);
        let ask = ask.prop_map(|(at, chat, urgency)| Ask { at, chat, urgency });
        prop::collection::vec(ask, 1..160).prop_map(|mut asks| {
            asks.sort_by_key(|ask| ask.at);
            asks
        })
    }

    /// Lets time run until all was said: who spoke when, in milliseconds.
    fn run(asks: &[Ask], holds: &[(u64, i64, u64)]) -> Vec<(u64, usize)> {
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut rates = Rates::new();
        let mut said = Vec::new();
        let mut now = begin;
        let mut asked = asks.iter().enumerate().peekable();
        let mut holds = holds.iter().peekable();
        loop {
            while let Some((ms, chat, for_ms)) = holds.next_if(|(ms, ..)| at(*ms) <= now) {
                rates.hold(*chat, at(*ms), Duration::from_millis(*for_ms));
            }
            while let Some((n, ask)) = asked.next_if(|(_, ask)| at(ask.at) <= now) {
                rates.ask(ask.chat, ask.urgency, n);
            }
            for n in rates.grant(now, |_| false) {
                let ms = now.duration_since(begin).as_millis();
                said.push((u64::try_from(ms).unwrap(), n));
            }
            let next = [
                rates.wake_at(now),
                asked.peek().map(|(_, ask)| at(ask.at)),
                holds.peek().map(|(ms, ..)| at(*ms)),
            ];
            match next.into_iter().flatten().min() {
                Some(next) => now = next.max(now + Duration::from_millis(1)),
                None => return said,
            }
        }
    }

    fn most_within(times: &[u64], window: u64) -> usize {
        let within = |from: &u64| {
            let until = *from + window;
            times
                .iter()
                .filter(|at| (*from..until).contains(*at))
                .count()
        };
        times.iter().map(within).max().unwrap_or(0)
    }

    fn of_chat(said: &[(u64, usize)], asks: &[Ask], chat: i64) -> Vec<u64> {
        let mine = said.iter().filter(|(_, n)| asks[*n].chat == chat);
        mine.map(|(at, _)| *at).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_window_is_ever_exceeded_and_all_is_said(asks in asks()) {
            let said = run(&asks, &[]);
            prop_assert_eq!(said.len(), asks.len());
            let all: Vec<u64> = said.iter().map(|(at, _)| *at).collect();
            prop_assert!(most_within(&all, 1_000) <= ALL);
            prop_assert!(most_within(&of_chat(&said, &asks, -1), 60_000) <= GROUP);
            for chat in [1, 2, -1] {
                // A burst, and one more for each second of the window.
                prop_assert!(most_within(&of_chat(&said, &asks, chat), 2_000) <= 6);
            }
        }

        #[test]
        fn what_is_alone_never_waits(chat in -50..50_i64) {
            let ask = |urgency| Ask { at: 0, chat, urgency };
            for urgency in [Urgency::Whole, Urgency::Live] {
                prop_assert_eq!(run(&[ask(urgency)], &[]), vec![(0, 0)]);
            }
        }

        #[test]
        fn a_chat_that_must_wait_delays_no_other(asks in asks()) {
            let whole = |ask| Ask { urgency: Urgency::Whole, ..ask };
            let asks: Vec<Ask> = asks.into_iter().map(whole).collect();
            let held = |said: &[(u64, usize)]| -> Vec<(u64, usize)> {
                said.iter().copied().filter(|(_, n)| asks[*n].chat != 1).collect()
            };
            let free = run(&asks, &[]);
            let slow = run(&asks, &[(0, 1, 30_000)]);
            for (at, n) in held(&slow) {
                let before = free.iter().find(|(_, other)| *other == n).unwrap().0;
                prop_assert!(at <= before, "{n} at {at}, not {before}");
            }
            for at in of_chat(&slow, &asks, 1) {
                prop_assert!(at >= 30_000);
            }
        }
    }

    #[test]
    fn a_thousand_chats_are_answered_at_thirty_a_second() {
        let asks: Vec<Ask> = (1..=1_000)
            .map(|chat| Ask {
                at: 0,
                chat,
                urgency: Urgency::Whole,
            })
            .collect();
        let said = run(&asks, &[]);
        assert_eq!(said.len(), 1_000);
        let last = said.iter().map(|(at, _)| *at).max().unwrap();
        assert!(last <= 33_334 + 1_000, "{last} ms");
        assert!(
            said.windows(2).all(|pair| pair[0].1 < pair[1].1),
            "in order"
        );
    }

    #[test]
    fn growing_text_leaves_room_for_answers() {
        let live = (0..40).map(|chat| Ask {
            at: 0,
            chat: 100 + chat,
            urgency: Urgency::Live,
        });
        let mut asks: Vec<Ask> = live.collect();
        asks.push(Ask {
            at: 10,
            chat: 7,
            urgency: Urgency::Whole,
        });
        asks.push(Ask {
            at: 11,
            chat: 100,
            urgency: Urgency::Whole,
        });
        let said = run(&asks, &[]);
        assert!(
            said.contains(&(10, 40)) && said.contains(&(11, 41)),
            "{said:?}"
        );
    }

    #[test]
    fn answers_go_before_growing_text_that_came_first() {
        let mut asks: Vec<Ask> = (0..30)
            .map(|chat| Ask {
                at: 0,
                chat: 100 + chat,
                urgency: Urgency::Whole,
            })
            .collect();
        asks.push(Ask {
            at: 1,
            chat: 7,
            urgency: Urgency::Live,
        });
        asks.extend((0..30).map(|chat| Ask {
            at: 2,
            chat: 200 + chat,
            urgency: Urgency::Whole,
        }));
        let said = run(&asks, &[]);
        assert_eq!(said.last().unwrap().1, 30);
    }

    #[test]
    fn a_chat_of_long_ago_is_forgotten() {
        let begin = Instant::now();
        let mut rates = Rates::new();
        for chat in -50..50 {
            rates.ask(chat, Urgency::Whole, ());
        }
        let mut now = begin;
        while rates.waiting() > 0 {
            rates.grant(now, |()| false);
            now += Duration::from_millis(100);
        }
        rates.grant(now + Duration::from_secs(120), |()| false);
        assert_eq!(rates.chats(), 0);
    }
}
