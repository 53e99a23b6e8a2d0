//! When memory that sessions used is given back. Decides only, with the time handed in.

use std::time::Duration;
use tokio::time::Instant;

/// The start of the gateway is over by then.
const START: Duration = Duration::from_secs(3);
/// What listened to a session, and the minute in which it used something, are over so long after it.
const AFTERWARDS: Duration = Duration::from_secs(70);
/// How often it is looked for while sessions live.
const LOOK: Duration = Duration::from_secs(5);
/// So many gone sessions are worth the trouble.
const MANY: usize = 64;

/// How many sessions live, over time.
#[derive(Debug)]
pub(super) struct Tide {
    /// The most since memory was given back.
    most: usize,
    again: Option<Instant>,
}

impl Tide {
    /// The gateway starts.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            most: 0,
            again: Some(now + START),
        }
    }

    /// So many live now: whether memory is to be given back. It is when many are gone, when all are,
    /// and once more when what listened to them is gone as well.
    pub(super) fn ebbs(&mut self, live: usize, now: Instant) -> bool {
        self.most = self.most.max(live);
        if self.most >= live + MANY || (live == 0 && self.most > 0) {
            self.most = live;
            self.again = Some(now + AFTERWARDS);
            return true;
        }
        self.again.take_if(|again| *again <= now).is_some()
    }

    /// When to look again; `None`: when a session begins.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let look = (self.most > 0).then_some(now + LOOK);
        look.into_iter().chain(self.again).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When memory is given back, in seconds, where so many sessions live from these seconds on.
    fn given_back(live: &[(u64, usize)]) -> Vec<u64> {
        let begin = Instant::now();
        let mut tide = Tide::new(begin);
        let mut found = Vec::new();
        let mut now = begin;
        let mut next = live.iter().peekable();
        let mut live = 0;
        loop {
            while let Some((_, many)) =
                next.next_if(|(at, _)| begin + Duration::from_secs(*at) <= now)
            {
                live = *many;
            }
            if tide.ebbs(live, now) {
                found.push(now.duration_since(begin).as_secs());
            }
            let begins = next.peek().map(|(at, _)| begin + Duration::from_secs(*at));
            match tide.next(now).into_iter().chain(begins).min() {
                Some(at) => now = at,
                None => return found,
            }
        }
    }

    #[test]
    fn nobody_wakes_a_gateway_that_rests() {
        assert_eq!(given_back(&[]), [3]);
    }

    #[test]
    fn what_all_used_is_given_back_when_the_last_is_gone_and_once_more() {
        assert_eq!(given_back(&[(10, 1), (20, 0)]), [3, 20, 90]);
    }

    #[test]
    fn many_that_go_are_noticed_while_others_stay() {
        let given = given_back(&[(10, 1_000), (20, 970), (30, 930), (40, 925), (100, 0)]);
        assert_eq!(given, [3, 30, 100, 170]);
    }

    #[test]
    fn a_few_that_come_and_go_are_no_trouble() {
        let live: Vec<_> = (0..60_usize).map(|n| (10 + n as u64, 1 + n % 50)).collect();
        let given = given_back(&[live, vec![(100, 0)]].concat());
        assert_eq!(given, [3, 100, 170]);
    }
}
