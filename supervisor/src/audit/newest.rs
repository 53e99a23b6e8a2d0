//! The newest lines, in memory: for those who look every second. The log itself is for everyone else.

use super::Line;
use ipc::id::SessionKey;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Lines of all sessions together. Each is a handful of texts that live long among what comes and
/// goes, and hold more memory than they are.
const MOST: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Newest {
    lines: Mutex<VecDeque<Line>>,
}

impl Newest {
    pub(super) fn add(&self, line: Line) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The last `most` lines about a session, oldest first.
    pub(super) fn of(&self, session: &SessionKey, most: usize) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let about = lines.iter().rev();
        let about = about.filter(|line| line.event.session() == Some(session));
        let mut found: Vec<Line> = about.take(most).cloned().collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    fn limit(session: &str, what: usize) -> Event {
        Event::Limit {
            session: session.into(),
            what: what.to_string(),
        }
    }

    #[test]
    fn the_newest_of_a_session_are_kept_in_order() {
        let newest = Newest::default();
        for at in 0..MOST + 10 {
            newest.add(Line::now(limit(
                if at % 2 == 0 { "even" } else { "odd" },
                at,
            )));
        }
        let words = |session: &str, most| -> Vec<String> {
            let lines = newest.of(&session.into(), most);
            lines.iter().map(|line| line.event.in_words()).collect()
        };
        assert_eq!(words("even", 2), ["stopped: 518", "stopped: 520"]);
        assert_eq!(words("odd", 1), ["stopped: 521"]);
        assert_eq!(words("odd", MOST).len(), MOST / 2);
        assert_eq!(words("nobody", 5), Vec::<String>::new());
    }
}
