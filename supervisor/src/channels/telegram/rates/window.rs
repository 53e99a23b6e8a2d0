//! So many messages in any window of time, as the server counts them.
//!
//! The server counts a message at some moment between its leaving and its answer, and only these two
//! are known here. So a message takes a place from when it leaves until a whole window after its
//! answer:
//!
//! ```text
//!   leaves    the server counts it     answered               free again
//!     ├───────────────┴───────────────────┼──── the window ───────┤
//! ```
//!
//! Of any `n + 1` messages the last to leave found a place of the other `n` free: that one had been
//! answered, so counted, a whole window before this one left, so before it is counted. However long
//! each is on its way, there are never more than `n` in a window at the server.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// A message that is not answered for so long counts as answered. Few are, and most of them never
/// arrive; without a bound thirty that hang would silence a bot until their requests time out. More
/// than the server ever takes for a message when it works, and less than people are patient.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// The places that are taken.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    /// Until when each is taken, if nothing is answered before; the earliest first.
    taken: VecDeque<Instant>,
}

impl Window {
    /// All places are free.
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            taken: VecDeque::new(),
        }
    }

    /// A message leaves.
    pub(super) fn leaves(&mut self, now: Instant) {
        self.take(now + LONGEST + self.length);
    }

    /// One that left at `left` is answered. It counts from now, even if it was taken for answered
    /// long ago.
    pub(super) fn answered(&mut self, left: Instant, now: Instant) {
        // Which of several that left together is all the same.
        if let Ok(n) = self.taken.binary_search(&(left + LONGEST + self.length)) {
            self.taken.remove(n);
        }
        self.take(now + self.length);
    }

    /// When fewer than `at_once` places will be taken; `None` for: they are.
    pub(super) fn free_at(&self, at_once: usize) -> Option<Instant> {
        let last_to_leave = self.taken.len().checked_sub(at_once)?;
        self.taken.get(last_to_leave).copied()
    }

    /// What is free again is forgotten.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.taken.front().is_some_and(|until| *until <= now) {
            self.taken.pop_front();
        }
    }

    /// No place is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    fn take(&mut self, until: Instant) {
        let n = self.taken.partition_point(|other| *other <= until);
        self.taken.insert(n, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_place_is_free_a_window_after_the_answer() {
        let begin = Instant::now();
        let mut window = Window::new(SECOND);
        assert_eq!(window.free_at(1), None);
        window.leaves(begin);
        assert_eq!(window.free_at(2), None);
        window.answered(begin, begin + SECOND * 2);
        assert_eq!(window.free_at(1), Some(begin + SECOND * 3));
        window.forget(begin + SECOND * 3);
        assert!(window.is_empty());
    }

    #[test]
    fn what_hangs_counts_as_answered_and_again_when_it_is() {
        let begin = Instant::now();
        let mut window = Window::new(SECOND);
        window.leaves(begin);
        assert_eq!(window.free_at(1), Some(begin + LONGEST + SECOND));
        window.forget(begin + LONGEST + SECOND);
        assert!(window.is_empty());
        let late = begin + LONGEST * 3;
        window.answered(begin, late);
        assert_eq!(window.free_at(1), Some(late + SECOND));
    }

    #[test]
    fn each_answer_frees_one_of_those_that_left_together() {
        let begin = Instant::now();
        let mut window = Window::new(SECOND);
        window.leaves(begin);
        window.leaves(begin);
        window.answered(begin, begin);
        assert_eq!(window.free_at(2), Some(begin + SECOND));
        assert_eq!(window.free_at(1), Some(begin + LONGEST + SECOND));
    }
}
