//! A message whose sending was cut off: is it there? The server can not be asked for a chat's
//! messages, but it tells, of each number, whether that is one of ours.
//!
//! Numbers only grow. So it is among the first after the newest that was known before it was sent,
//! if it is there: those are asked about one by one, with an edit that changes nothing.

use std::collections::BTreeSet;

/// Numbers that are asked about. What lies further on is not found: a chat (or, where chats share
/// their numbers, a bot) that got more messages in the moment of the crash.
const MOST: usize = 40;
/// So many numbers in a row that nobody has: the end of the chat.
const NOBODY: usize = 20;

/// What the server says about one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// A message of ours.
    Ours,
    /// Somebody else's.
    Theirs,
    /// There is none.
    Nobodys,
}

/// The numbers to be asked about, one after the other.
#[derive(Debug)]
pub(super) struct Search {
    next: i64,
    asked: usize,
    nobodys: usize,
    known: BTreeSet<i64>,
}

impl Search {
    /// For a message that is newer than `after` and none of `known`.
    pub(super) fn new(after: i64, known: impl IntoIterator<Item = i64>) -> Self {
        Self {
            next: after + 1,
            asked: 0,
            nobodys: 0,
            known: known.into_iter().collect(),
        }
    }

    /// The number to ask about now; `None` when it is not there.
    pub(super) fn candidate(&mut self) -> Option<i64> {
        while self.known.contains(&self.next) {
            self.next += 1;
            // Whatever came before it, the chat goes on.
            self.nobodys = 0;
        }
        (self.asked < MOST && self.nobodys < NOBODY).then_some(self.next)
    }

    /// What the server said about it; whether it is the one.
    pub(super) fn heard(&mut self, whose: Whose) -> bool {
        self.asked += 1;
        self.next += 1;
        match whose {
            Whose::Ours => return true,
            Whose::Theirs => self.nobodys = 0,
            Whose::Nobodys => self.nobodys += 1,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn search(after: i64, known: &[i64], chat: &BTreeMap<i64, Whose>) -> (Option<i64>, usize) {
        let mut search = Search::new(after, known.iter().copied());
        let mut asked = 0;
        while let Some(candidate) = search.candidate() {
            asked += 1;
            let whose = chat.get(&candidate).copied().unwrap_or(Whose::Nobodys);
            if search.heard(whose) {
                return (Some(candidate), asked);
            }
        }
        (None, asked)
    }

    #[test]
    fn an_empty_chat_is_asked_twenty_times() {
        assert_eq!(search(7, &[], &BTreeMap::new()), (None, NOBODY));
    }

    #[test]
    fn a_busy_chat_is_asked_forty_times() {
        let chat = (0..100).map(|n| (n, Whose::Theirs)).collect();
        assert_eq!(search(7, &[], &chat), (None, MOST));
    }

    proptest! {
        #[test]
        fn what_is_near_is_found_and_what_is_known_is_not_taken_for_it(
            ours in 1..20_i64, known in prop::collection::btree_set(1..40_i64, 0..10),
        ) {
            let known: Vec<i64> = known.into_iter().filter(|id| *id != ours).collect();
            let mut chat: BTreeMap<i64, Whose> =
                known.iter().map(|id| (*id, Whose::Ours)).collect();
            chat.insert(ours, Whose::Ours);
            let (found, _) = search(0, &known, &chat);
            prop_assert_eq!(found, Some(ours));
            chat.remove(&ours);
            prop_assert_eq!(search(0, &known, &chat).0, None);
        }
    }
}
