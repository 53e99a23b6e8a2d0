//! Time, for stamps and for people.

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A span of milliseconds for people: `9 d`, `5 min`.
pub(super) fn span(ms: i64) -> String {
    let seconds = (ms + 999) / 1000;
    match seconds {
        172_800.. => format!("{} d", seconds / 86_400),
        7_200.. => format!("{} h", seconds / 3_600),
        60.. => format!("{} min", (seconds + 59) / 60),
        seconds => format!("{} s", seconds.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_own_unit() {
        let minute = 60_000;
        for (ms, text) in [
            (0, "1 s"),
            (59_000, "59 s"),
            (5 * minute, "5 min"),
            (5 * minute - 1, "5 min"),
            (5 * 60 * minute, "5 h"),
            (9 * 24 * 60 * minute + 1, "9 d"),
        ] {
            assert_eq!(span(ms), text);
        }
    }
}
