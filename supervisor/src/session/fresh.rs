//! When a session begins anew by itself, and by which words. Pure.

use crate::config::Reset;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// Whether a session last used at `last` (milliseconds since 1970) is over at `now`.
pub(super) fn is_stale(last: i64, now: &Zoned, reset: Reset) -> bool {
    let Ok(last) = Timestamp::from_millisecond(last) else {
        return false;
    };
    let idle = now.timestamp().duration_since(last);
    let too_idle = reset
        .idle
        .is_some_and(|most| std::time::Duration::try_from(idle).is_ok_and(|idle| idle > most));
    too_idle
        || reset
            .at_hour
            .and_then(|hour| last_time_at(hour, now))
            .is_some_and(|at| last < at)
}

/// The last time it was `hour` o'clock. A day on which that hour does not exist has the next one.
fn last_time_at(hour: u8, now: &Zoned) -> Option<Timestamp> {
    let hour = i8::try_from(hour).ok()?;
    let today = now
        .date()
        .at(hour, 0, 0, 0)
        .to_zoned(now.time_zone().clone())
        .ok()?;
    if today <= *now {
        return Some(today.timestamp());
    }
    let yesterday = now.date().checked_sub(1.day()).ok()?;
    Some(
        yesterday
            .at(hour, 0, 0, 0)
            .to_zoned(now.time_zone().clone())
            .ok()?
            .timestamp(),
    )
}

/// Whether a message begins its session anew.
pub(crate) fn begins_anew(text: &str, triggers: &[String]) -> bool {
    after_trigger(text, triggers).is_some()
}

/// What is left of a message that begins with one of the words that begin a session anew; `None`
/// when it does not.
pub(super) fn after_trigger<'a>(text: &'a str, triggers: &[String]) -> Option<&'a str> {
    let text = text.trim();
    triggers.iter().find_map(|trigger| {
        let (word, rest) = (text.get(..trigger.len())?, text.get(trigger.len()..)?);
        let whole = rest.is_empty() || rest.starts_with(char::is_whitespace);
        (whole && word.eq_ignore_ascii_case(trigger)).then(|| rest.trim_start())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    fn stale(last: &str, now: &str, at_hour: Option<u8>, idle: Option<u64>) -> bool {
        let reset = Reset {
            at_hour,
            idle: idle.map(Duration::from_secs),
        };
        is_stale(at(last).timestamp().as_millisecond(), &at(now), reset)
    }

    #[test]
    fn a_session_is_over_when_its_hour_has_struck() {
        let zone = "[Europe/Berlin]";
        let t = |time: &str| format!("{time}{zone}");
        assert!(stale(
            &t("2026-11-21T23:00:00"),
            &t("2026-11-22T04:00:00"),
            Some(4),
            None
        ));
        assert!(!stale(
            &t("2026-11-22T04:00:00"),
            &t("2026-11-22T23:59:00"),
            Some(4),
            None
        ));
        assert!(!stale(
            &t("2026-11-21T23:00:00"),
            &t("2026-11-22T03:59:59"),
            Some(4),
            None
        ));
        assert!(stale(
            &t("2026-11-20T23:00:00"),
            &t("2026-11-22T03:00:00"),
            Some(4),
            None
        ));
    }

    #[test]
    fn a_session_is_over_when_it_idled_too_long() {
        let (last, now) = ("2026-11-22T10:00:00[UTC]", "2026-11-22T10:10:01[UTC]");
        assert!(stale(last, now, None, Some(600)));
        assert!(!stale(last, now, None, Some(602)));
        assert!(!stale(last, now, None, None));
    }

    #[test]
    fn an_hour_the_clock_skips_still_ends_the_day() {
        // Berlin goes from 02:00 to 03:00 on 2026-03-29.
        let (last, now) = (
            "2026-03-28T20:00:00[Europe/Berlin]",
            "2026-03-29T09:00:00[Europe/Berlin]",
        );
        assert!(stale(last, now, Some(2), None));
    }

    #[test]
    fn a_trigger_is_a_word_of_its_own() {
        let triggers = ["/new".to_owned(), "/reset".to_owned()];
        assert_eq!(after_trigger(" /new ", &triggers), Some(""));
        assert_eq!(after_trigger("/NEW do it", &triggers), Some("do it"));
        assert_eq!(after_trigger("/newer", &triggers), None);
        assert_eq!(after_trigger("say /new", &triggers), None);
        assert_eq!(after_trigger("é", &triggers), None);
    }
}
