//! How long to wait after one failure, and after many. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);
const GROWTH: f64 = 1.8;
/// How much a pause may differ from that, as a part of it: many bots must not come back at once.
const JITTER: f64 = 0.25;

/// Pauses between tries: 2 s, then 1.8 times as long each time up to 30 s, each a quarter longer or
/// shorter.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    next: Duration,
    seed: u64,
}

impl Backoff {
    /// The same seed makes the same pauses.
    pub(super) fn new(seed: u64) -> Self {
        Self { next: FIRST, seed }
    }

    /// What is to be waited now.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self
            .next
            .mul_f64(1.0 + JITTER * (2.0 * self.random() - 1.0));
        self.next = self.next.mul_f64(GROWTH).min(LONGEST);
        pause
    }

    /// It worked: the next pause is a short one.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Evenly from 0 to 1. (The generator is `splitmix64`: nothing here is a secret.)
    fn random(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bits = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(bits) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(7);
        for wanted in [2.0, 3.6, 6.48, 11.66, 21.0, 30.0, 30.0] {
            let pause = backoff.pause().as_secs_f64();
            assert!((wanted * 0.74..=wanted * 1.26).contains(&pause), "{pause}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(2500));
    }

    #[test]
    fn two_bots_do_not_come_back_together() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            [backoff.pause(), backoff.pause()]
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
