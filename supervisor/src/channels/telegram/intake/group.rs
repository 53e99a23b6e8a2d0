//! Which of the updates that wait in a chat are one: an album comes in pieces, and so does a text
//! that is too long for one message. Pure.

use std::time::Duration;

/// The pieces of an album follow each other within this time.
const ALBUM: Duration = Duration::from_millis(600);

/// The next piece of a long text follows within this time.
const LONG: Duration = Duration::from_millis(1500);

/// From so many UTF-16 units on a text may have been cut: clients cut at 4,096, or a little before.
const CUT_AT: usize = 4000;

/// What is known of an update that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// When it was stored, milliseconds since 1970.
    pub(super) at: i64,
    /// Who did it.
    pub(super) sender: i64,
    /// In which topic.
    pub(super) thread: Option<i32>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What an update is, as far as it may be one with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A piece of this album.
    Album(String),
    /// Words of so many UTF-16 units, and nothing else.
    Words(usize),
    /// What stands for itself.
    Alone,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing waits.
    Nothing,
    /// More may come that belongs to the first one.
    Wait(Duration),
    /// These, in this order, are one.
    Take(Vec<usize>),
}

/// What is done next with what waits in a chat, oldest first. `debounce`: words that one person
/// says within this time are one.
pub(super) fn next(waiting: &[Waiting], now_ms: i64, debounce: Duration) -> Next {
    let Some(first) = waiting.first() else {
        return Next::Nothing;
    };
    let (pieces, patience) = match &first.kind {
        Kind::Alone => return Next::Take(vec![0]),
        Kind::Album(_) => (album(waiting, first), ALBUM),
        Kind::Words(_) => words(waiting, first, debounce),
    };
    let newest = pieces
        .iter()
        .filter_map(|&i| waiting.get(i))
        .map(|piece| piece.at)
        .max();
    let age = now_ms.saturating_sub(newest.unwrap_or(now_ms));
    // A clock that was set back makes nobody wait longer.
    let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
    match patience.checked_sub(age) {
        Some(left) if !left.is_zero() => Next::Wait(left),
        _ => Next::Take(pieces),
    }
}

fn album(waiting: &[Waiting], first: &Waiting) -> Vec<usize> {
    let all = waiting.iter().enumerate();
    all.filter(|(_, piece)| piece.kind == first.kind && piece.sender == first.sender)
        .map(|(i, _)| i)
        .collect()
}

/// The pieces of a text, and how long the next one is waited for. What others say in between does
/// not part them.
fn words(waiting: &[Waiting], first: &Waiting, debounce: Duration) -> (Vec<usize>, Duration) {
    let mut pieces = Vec::new();
    let mut last: Option<&Waiting> = None;
    for (i, piece) in waiting.iter().enumerate() {
        if piece.sender != first.sender || piece.thread != first.thread {
            continue;
        }
        let Kind::Words(_) = piece.kind else {
            return (pieces, Duration::ZERO);
        };
        if let Some(before) = last {
            let gap = Duration::from_millis(u64::try_from(piece.at - before.at).unwrap_or(0));
            let patience = patience(before, debounce);
            if patience.is_zero() || gap > patience {
                return (pieces, Duration::ZERO);
            }
        }
        pieces.push(i);
        last = Some(piece);
    }
    let patience = last.map_or(Duration::ZERO, |last| patience(last, debounce));
    (pieces, patience)
}

/// How long more of this may come. None at all for what is whole: then what comes next stands for
/// itself, however soon.
fn patience(piece: &Waiting, debounce: Duration) -> Duration {
    match piece.kind {
        Kind::Words(units) if units >= CUT_AT => LONG.max(debounce),
        Kind::Words(_) => debounce,
        Kind::Album(_) | Kind::Alone => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: i64, kind: Kind) -> Waiting {
        Waiting {
            at,
            sender: 1,
            thread: None,
            kind,
        }
    }

    fn now(waiting: &[Waiting], now_ms: i64) -> Next {
        next(waiting, now_ms, Duration::ZERO)
    }

    const SHORT: Kind = Kind::Words(10);
    const CUT: Kind = Kind::Words(4096);

    fn piece(name: &str) -> Kind {
        Kind::Album(name.to_owned())
    }

    #[test]
    fn what_is_whole_waits_for_nothing() {
        assert_eq!(now(&[], 0), Next::Nothing);
        assert_eq!(now(&[at(0, SHORT), at(0, SHORT)], 0), Next::Take(vec![0]));
        assert_eq!(
            now(&[at(0, Kind::Alone), at(0, CUT)], 0),
            Next::Take(vec![0])
        );
    }

    #[test]
    fn an_album_is_one_when_it_is_quiet() {
        let mut other = at(300, SHORT);
        other.sender = 2;
        let waiting = [
            at(0, piece("a")),
            other,
            at(400, piece("a")),
            at(500, piece("b")),
        ];
        assert_eq!(now(&waiting, 500), Next::Wait(Duration::from_millis(500)));
        assert_eq!(now(&waiting, 1000), Next::Take(vec![0, 2]));
    }

    #[test]
    fn a_long_text_is_one_when_its_last_piece_is_short() {
        let waiting = [at(0, CUT)];
        assert_eq!(now(&waiting, 100), Next::Wait(Duration::from_millis(1400)));
        assert_eq!(now(&waiting, 1500), Next::Take(vec![0]));
        let waiting = [at(0, CUT), at(900, CUT), at(1000, SHORT), at(1001, SHORT)];
        assert_eq!(now(&waiting, 1001), Next::Take(vec![0, 1, 2]));
        let waiting = [at(0, CUT), at(9000, SHORT)];
        assert_eq!(now(&waiting, 9000), Next::Take(vec![0]));
        let waiting = [at(0, CUT), at(10, Kind::Alone)];
        assert_eq!(now(&waiting, 10), Next::Take(vec![0]));
    }

    #[test]
    fn words_of_others_and_of_other_topics_are_their_own() {
        let mut other = at(1, SHORT);
        other.sender = 2;
        let mut topic = at(2, SHORT);
        topic.thread = Some(7);
        let waiting = [at(0, CUT), other, topic, at(3, SHORT)];
        assert_eq!(now(&waiting, 3), Next::Take(vec![0, 3]));
    }

    #[test]
    fn with_a_debounce_what_is_said_in_haste_is_one() {
        let debounce = Duration::from_millis(300);
        let waiting = [at(0, SHORT), at(250, SHORT), at(900, SHORT)];
        assert_eq!(
            next(&waiting[..2], 300, debounce),
            Next::Wait(Duration::from_millis(250))
        );
        assert_eq!(next(&waiting, 900, debounce), Next::Take(vec![0, 1]));
    }

    #[test]
    fn what_waited_over_night_is_not_waited_for() {
        let night = 8 * 3600 * 1000;
        for kind in [CUT, SHORT, piece("a"), Kind::Alone] {
            assert_eq!(now(&[at(0, kind)], night), Next::Take(vec![0]));
        }
    }
}
