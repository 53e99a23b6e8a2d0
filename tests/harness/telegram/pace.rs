//! How much may be said: over all, in a group, in a chat. Sends and edits count, nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// What the server takes. Where it publishes no number, what clients have found to hold.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Messages in any second, over all chats: the 30 that are published, and not one more.
    pub overall: usize,
    /// Messages in any minute in a group.
    pub group: usize,
    /// Messages at once in one chat, of which one comes back every second.
    pub burst: usize,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            overall: 30,
            group: 20,
            burst: 5,
        }
    }
}

impl Rates {
    /// No bounds at all.
    #[must_use]
    pub fn none() -> Self {
        let all = usize::MAX;
        Self {
            overall: all,
            group: all,
            burst: all,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Who said how much, and who is to wait.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) rates: Rates,
    overall: VecDeque<Instant>,
    chats: BTreeMap<i64, Said>,
    all_wait: Option<Instant>,
}

#[derive(Debug, Default)]
struct Said {
    minute: VecDeque<Instant>,
    edits: VecDeque<Instant>,
    spent: f64,
    as_of: Option<Instant>,
    waits: Option<Instant>,
}

/// What is thought of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    /// Too much: wait so many seconds.
    Wait(u64),
    /// Too much, and the client did not wait although it was told to.
    Again(u64),
}

impl Pace {
    /// Says that somebody was told to wait by a fault of the test's.
    pub(super) fn told(&mut self, chat: Option<i64>, seconds: u64, at: Instant) {
        let until = Some(at + Duration::from_secs(seconds));
        match chat {
            Some(chat) => self.chats.entry(chat).or_default().waits = until,
            None => self.all_wait = until,
        }
    }

    /// One more message in a chat.
    pub(super) fn say(&mut self, chat: i64, is_group: bool, at: Instant) -> Verdict {
        let rates = self.rates;
        let waits = self.chats.entry(chat).or_default().waits;
        let waits = [waits, self.all_wait].into_iter().flatten().max();
        if let Some(until) = waits
            && until > at
        {
            return Verdict::Again(seconds(until - at));
        }
        forget(&mut self.overall, at, SECOND);
        if self.overall.len() >= rates.overall {
            self.all_wait = Some(at + SECOND);
            return Verdict::Wait(1);
        }
        let said = self.chats.entry(chat).or_default();
        if let Some(wait) = said.too_much(rates, is_group, at) {
            said.waits = Some(at + Duration::from_secs(wait));
            return Verdict::Wait(wait);
        }
        said.minute.push_back(at);
        said.spent += 1.0;
        self.overall.push_back(at);
        Verdict::Go
    }

    /// Edits in a chat within the last second, this one with them.
    pub(super) fn edits(&mut self, chat: i64, at: Instant) -> usize {
        let edits = &mut self.chats.entry(chat).or_default().edits;
        forget(edits, at, SECOND);
        edits.push_back(at);
        edits.len()
    }
}

impl Said {
    fn too_much(&mut self, rates: Rates, is_group: bool, at: Instant) -> Option<u64> {
        forget(&mut self.minute, at, MINUTE);
        if is_group && self.minute.len() >= rates.group {
            let oldest = *self.minute.front()?;
            return Some(seconds(oldest + MINUTE - at));
        }
        let since = self.as_of.map_or(SECOND, |as_of| at - as_of);
        self.as_of = Some(at);
        self.spent = (self.spent - since.as_secs_f64()).max(0.0);
        #[expect(clippy::cast_precision_loss, reason = "a small number, or no bound")]
        let burst = rates.burst as f64;
        (self.spent + 1.0 > burst).then_some(1)
    }
}

fn forget(times: &mut VecDeque<Instant>, at: Instant, window: Duration) {
    while times.front().is_some_and(|first| at - *first >= window) {
        times.pop_front();
    }
}

fn seconds(left: Duration) -> u64 {
    left.as_millis().div_ceil(1000).try_into().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_takes_a_burst_and_then_one_a_second() {
        let mut pace = Pace::default();
        let begin = Instant::now();
        for _ in 0..5 {
            assert_eq!(pace.say(1, false, begin), Verdict::Go);
        }
        assert_eq!(pace.say(1, false, begin), Verdict::Wait(1));
        assert_eq!(pace.say(2, false, begin), Verdict::Go);
        assert_eq!(pace.say(1, false, begin + SECOND / 2), Verdict::Again(1));
        for later in 1..60 {
            assert_eq!(pace.say(1, false, begin + SECOND * later), Verdict::Go);
        }
    }

    #[test]
    fn a_group_takes_twenty_a_minute() {
        let mut pace = Pace::default();
        let begin = Instant::now();
        for n in 0..20 {
            assert_eq!(pace.say(-1, true, begin + SECOND * n), Verdict::Go);
        }
        assert_eq!(pace.say(-1, true, begin + SECOND * 20), Verdict::Wait(40));
        assert_eq!(pace.say(-1, true, begin + MINUTE), Verdict::Go);
    }

    #[test]
    fn all_chats_together_take_thirty_a_second() {
        let mut pace = Pace::default();
        let begin = Instant::now();
        for n in 0..30 {
            assert_eq!(pace.say(n, false, begin), Verdict::Go);
        }
        assert_eq!(pace.say(99, false, begin), Verdict::Wait(1));
        assert_eq!(pace.say(100, false, begin + SECOND / 2), Verdict::Again(1));
        assert_eq!(pace.say(101, false, begin + SECOND), Verdict::Go);
    }
}
