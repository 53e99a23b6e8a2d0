//! Figures as people read them: short, and never wider than said.

use std::borrow::Cow;
use unicode_width::UnicodeWidthStr as _;

/// What is not known.
pub(super) const UNKNOWN: &str = "–";

/// Bytes in steps of 1024, at most 5 wide: `999`, `1.5K`, `15K`, `2.0G`.
pub(super) fn bytes(bytes: u64) -> String {
    stepped(bytes, 1024.0, ["", "K", "M", "G", "T", "P", "E"])
}

/// A number in steps of 1000, at most 5 wide: `999`, `1.5k`, `15k`, `2.0M`.
pub(super) fn count(count: u64) -> String {
    stepped(count, 1000.0, ["", "k", "M", "G", "T", "P", "E"])
}

fn stepped(number: u64, step: f64, units: [&str; 7]) -> String {
    if number < 1000 {
        return number.to_string();
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut left = number as f64;
    let mut units = units.into_iter();
    let mut unit = units.next().unwrap_or_default();
    // What would be shown with four digits is shown in the next unit.
    while left >= 999.5 {
        left /= step;
        unit = units.next().unwrap_or(unit);
    }
    if left < 9.95 {
        format!("{left:.1}{unit}")
    } else {
        format!("{left:.0}{unit}")
    }
}

/// A share of a core, given in thousandths, in percent: `0.0`, `12.3`, `150`.
pub(super) fn percent(thousandths: u32) -> String {
    if thousandths < 1000 {
        format!("{}.{}", thousandths / 10, thousandths % 10)
    } else {
        (thousandths / 10).to_string()
    }
}

/// A time, given in milliseconds, in its two largest units, at most 6 wide up to 270 years: `42s`,
/// `12m05`, `3h07m`, `4d07h`, `123d`.
pub(super) fn time(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}", seconds % 60),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        (1..100, _, _) => format!("{days}d{:02}h", hours % 24),
        (_, _, _) => format!("{days}d"),
    }
}

/// CPU time, given in milliseconds; with tenths while it is short.
pub(super) fn cpu_time(ms: u64) -> String {
    if ms < 60_000 {
        format!("{}.{}s", ms / 1000, ms % 1000 / 100)
    } else {
        time(ms)
    }
}

/// US dollars, where they are known: `$0.0042`, `$1.23`, `$123`.
pub(super) fn cost(dollars: Option<f64>) -> String {
    match dollars {
        Some(dollars) if dollars.is_finite() && dollars >= 0.0 => {
            if dollars > 0.0 && dollars < 0.01 {
                format!("${dollars:.4}")
            } else if dollars < 100.0 {
                format!("${dollars:.2}")
            } else {
                format!("${dollars:.0}")
            }
        }
        Some(_) | None => UNKNOWN.to_owned(),
    }
}

/// The newest `width` figures as a line of blocks, on a scale from 0 to the highest among them, at
/// least to `full`.
pub(super) fn sparkline(history: &[u32], width: usize, full: u32) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let newest = &history[history.len().saturating_sub(width)..];
    let top = u64::from(newest.iter().copied().max().unwrap_or(0).max(full).max(1));
    let block = |figure: &u32| {
        let step = u64::from(*figure) * 7 / top;
        BLOCKS[usize::try_from(step).unwrap_or(0).min(7)]
    };
    newest.iter().map(block).collect()
}

/// How many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `room` columns; what is too long loses its middle, since names differ at
/// both ends.
pub(super) fn fitted(text: &str, room: usize) -> Cow<'_, str> {
    if text.width() <= room {
        return Cow::Borrowed(text);
    }
    let Some(room) = room.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let end = taken(text.chars().rev(), room / 2);
    let end: String = end.chars().rev().collect();
    let begin = taken(text.chars(), room - end.width());
    let both = format!("{begin}…{end}");
    // Characters may join into wider ones.
    if both.width() > room + 1 {
        return Cow::Borrowed("…");
    }
    Cow::Owned(both)
}

/// As many of the characters as have room; no crowd of those that take none.
fn taken(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut taken = String::new();
    for c in chars.take(room * 4) {
        let before = taken.len();
        taken.push(c);
        if taken.width() > room {
            taken.truncate(before);
            break;
        }
    }
    taken
}

/// The text, and blanks up to `room` columns: after it, or before it.
pub(super) fn padded(text: &str, room: usize, right: bool) -> String {
    let blanks = " ".repeat(room.saturating_sub(text.width()));
    if right {
        blanks + text
    } else {
        text.to_owned() + &blanks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_read_well() {
        let read = [0, 999, 1000, 1023, 1536, 10_188, 1 << 20, 5 << 30, u64::MAX].map(bytes);
        let words = [
            "0", "999", "1.0K", "1.0K", "1.5K", "9.9K", "1.0M", "5.0G", "16E",
        ];
        assert_eq!(read, words);
        assert_eq!([999, 1000, 1_234_567].map(count), ["999", "1.0k", "1.2M"]);
        assert_eq!(
            [0, 7, 123, 999, 1500].map(percent),
            ["0.0", "0.7", "12.3", "99.9", "150"]
        );
        let minute = 60_000;
        let read = [0, 59_999, minute, 59 * minute, 187 * minute, 6200 * minute].map(time);
        assert_eq!(read, ["0s", "59s", "1m00", "59m00", "3h07m", "4d07h"]);
        assert_eq!(
            [0, 1234, 59_999, 61_000].map(cpu_time),
            ["0.0s", "1.2s", "59.9s", "1m01"]
        );
        let read = [Some(0.0), Some(0.0042), Some(1.234), Some(123.4), None].map(cost);
        assert_eq!(read, ["$0.00", "$0.0042", "$1.23", "$123", UNKNOWN]);
    }

    #[test]
    fn a_line_of_blocks_shows_the_newest() {
        assert_eq!(sparkline(&[0, 500, 1000], 10, 100), "▁▄█");
        assert_eq!(sparkline(&[1000, 0, 50], 2, 100), "▁▄");
        assert_eq!(sparkline(&[], 5, 100), "");
        assert_eq!(sparkline(&[0, u32::MAX], 5, 0), "▁█");
    }

    #[test]
    fn what_is_too_long_keeps_both_ends() {
        assert_eq!(fitted("agent:main:main", 15), "agent:main:main");
        assert_eq!(fitted("agent:main:main", 9), "agen…main");
        assert_eq!(fitted("agent", 1), "…");
        assert_eq!(fitted("agent", 0), "");
    }

    proptest! {
        #[test]
        fn figures_keep_their_width(number: u64) {
            prop_assert!(bytes(number).len() <= 5);
            prop_assert!(count(number).len() <= 5);
            prop_assert!(time(number % 8_000_000_000_000).len() <= 6);
            prop_assert!(cpu_time(number % 8_000_000_000_000).len() <= 6);
        }

        #[test]
        fn what_is_fitted_fits(text in ".{0,40}", room in 0_usize..30) {
            prop_assert!(width(&fitted(&text, room)) <= room);
            let all = padded(&fitted(&text, room), room, true);
            prop_assert!(all.contains(&*fitted(&text, room)));
        }
    }
}
