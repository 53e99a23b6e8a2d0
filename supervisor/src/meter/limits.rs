//! What is over a limit, how soon to look again, and the words for it. Pure.

use crate::config::Limits;
use std::time::Duration;

/// The longest time between two looks at what runs.
pub(super) const RELAXED: Duration = Duration::from_secs(1);
/// The shortest.
const TENSE: Duration = Duration::from_millis(50);
/// How fast a program can take memory; two of them fill any gap twice as fast as one.
const MEMORY_A_SECOND: u64 = 2 << 30;
/// How fast a program can fill a disk.
const DISK_A_SECOND: u64 = 1 << 30;
/// With this part of its processes a session is looked at more often.
const CROWDED: u64 = 2;

/// What a session's tools use of what is limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Charge {
    /// Memory that stays until they end, `/tmp` included; never less than it is.
    pub(super) memory: u64,
    /// Processes and threads.
    pub(super) threads: u64,
    /// Bytes they added to the disk, as far as that is known.
    pub(super) disk: u64,
}

/// Which limit `charge` is over, as the user reads it. A session may have as many processes as its
/// limit says; it is over it when it wants more for a while, which `crowded` tells.
pub(super) fn exceeded(limits: &Limits, charge: Charge, crowded: bool) -> Option<String> {
    if limits.memory.is_some_and(|limit| charge.memory > limit) {
        return limits.memory.map(memory_limit);
    }
    let over = |limit: u64| charge.threads > limit || crowded;
    if limits.processes.is_some_and(over) {
        return limits.processes.map(process_limit);
    }
    if limits.disk.is_some_and(|limit| charge.disk > limit) {
        return limits
            .disk
            .map(|limit| format!("{} disk limit", words(limit)));
    }
    None
}

/// How soon to look again, so that not much more than the limit is used in between.
pub(super) fn next_look(limits: &Limits, charge: Charge) -> Duration {
    let until = |limit: Option<u64>, now: u64, speed: u64| {
        limit.map_or(RELAXED, |limit| fill_time(limit.saturating_sub(now), speed))
    };
    let crowd = match limits.processes {
        Some(limit) if charge.threads > limit / CROWDED => RELAXED / 5,
        Some(_) | None => RELAXED,
    };
    until(limits.memory, charge.memory, MEMORY_A_SECOND)
        .min(until(limits.disk, charge.disk, DISK_A_SECOND))
        .min(crowd)
}

/// How soon a gap can be filled, within reason.
pub(super) fn fill_time(gap: u64, speed: u64) -> Duration {
    let millis = u128::from(gap) * 1000 / u128::from(speed);
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    Duration::from_millis(millis).clamp(TENSE, RELAXED)
}

/// How soon the machine's memory can be gone.
pub(super) fn memory_gone(available: u64) -> Duration {
    fill_time(available, MEMORY_A_SECOND)
}

pub(super) fn memory_limit(limit: u64) -> String {
    format!("{} memory limit", words(limit))
}

pub(super) fn process_limit(limit: u64) -> String {
    format!("limit of {limit} processes")
}

pub(super) fn time_limit(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match (seconds / 3600, seconds % 3600, seconds % 60) {
        (hours, 0, _) if hours > 0 => format!("{hours} h time limit"),
        (_, _, 0) if seconds > 0 => format!("{} min time limit", seconds / 60),
        (_, _, _) => format!("{seconds} s time limit"),
    }
}

/// A number of bytes as people read it: `2.0 GiB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "for people, to one decimal")]
pub fn words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024.0 is one of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!(
        "{value:.1} {}",
        UNITS.get(unit).copied().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn limits() -> Limits {
        Limits {
            memory: Some(2048 * MIB),
            processes: Some(100),
            disk: Some(1024 * MIB),
            ..Limits::default()
        }
    }

    #[test]
    fn what_is_at_its_limit_is_not_over_it() {
        let charge = Charge {
            memory: 2048 * MIB,
            threads: 100,
            disk: 1024 * MIB,
        };
        assert_eq!(exceeded(&limits(), charge, false), None);
    }

    #[test]
    fn each_limit_has_its_words() {
        let over = |memory, threads, disk, crowded| {
            let charge = Charge {
                memory,
                threads,
                disk,
            };
            exceeded(&limits(), charge, crowded).unwrap_or_default()
        };
        assert_eq!(over(2049 * MIB, 1, 0, false), "2.0 GiB memory limit");
        assert_eq!(over(0, 100, 0, true), "limit of 100 processes");
        assert_eq!(over(0, 101, 0, false), "limit of 100 processes");
        assert_eq!(over(0, 1, 1025 * MIB, false), "1.0 GiB disk limit");
        assert_eq!(over(0, 1, 0, false), "");
        assert_eq!(time_limit(Duration::from_secs(7200)), "2 h time limit");
        assert_eq!(time_limit(Duration::from_secs(90)), "90 s time limit");
        assert_eq!(time_limit(Duration::from_secs(120)), "2 min time limit");
    }

    #[test]
    fn bytes_are_said_to_one_decimal() {
        for (bytes, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (MIB - 1, "1.0 MiB"),
            (1536 * MIB, "1.5 GiB"),
            (2048 * MIB, "2.0 GiB"),
        ] {
            assert_eq!(words(bytes), said);
        }
    }

    #[test]
    fn without_limits_there_is_time() {
        let none = Limits {
            memory: None,
            processes: None,
            disk: None,
            ..Limits::default()
        };
        let much = Charge {
            memory: u64::MAX,
            threads: u64::MAX,
            disk: u64::MAX,
        };
        assert_eq!(next_look(&none, much), RELAXED);
        assert_eq!(exceeded(&none, much, true), None);
    }

    proptest! {
        #[test]
        fn the_nearer_the_limit_the_sooner(a in 0..4096u64, b in 0..4096u64) {
            let at = |mib: u64| next_look(&limits(), Charge { memory: mib * MIB, ..Charge::default() });
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(at(more) <= at(less));
            prop_assert!(at(more) >= TENSE && at(less) <= RELAXED);
        }

        #[test]
        fn any_number_of_bytes_has_words(bytes: u64) {
            prop_assert!(words(bytes).len() <= 12);
        }
    }
}
