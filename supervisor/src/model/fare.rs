//! How a profile fares: when it served, how often it failed, how long it rests. Pure.

use crate::config::Cooldowns;
use std::time::Duration;

/// How the profile that failed rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Not at all: it was not its fault.
    None,
    /// 1, 5, 25, 60 minutes, by how often it failed.
    Step,
    /// At least this long.
    AtLeast(Duration),
    /// Hours, doubling.
    Billing,
    /// Until a time it said, in seconds since 1970.
    Until(i64),
}

/// How a profile has fared; times in milliseconds since 1970, 0 for never.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fare {
    /// When it served last.
    pub(super) last_used: i64,
    /// Until when it rests.
    pub(super) rests_until: i64,
    /// Until when it rests because the purse or plan is empty.
    pub(super) disabled_until: i64,
    /// Failures in a row.
    pub(super) errors: u32,
    /// Of them, billing failures.
    pub(super) billing_errors: u32,
    /// When it failed last.
    pub(super) last_failure: i64,
}

impl Fare {
    /// Until when it rests, if it does.
    pub(super) fn resting(&self, now: i64) -> Option<i64> {
        Some(self.rests_until.max(self.disabled_until)).filter(|until| *until > now)
    }

    /// Whether it rests for a reason that waiting alone does not cure within minutes.
    pub(super) fn is_disabled(&self, now: i64) -> bool {
        self.disabled_until > now
    }

    /// After an answer.
    pub(super) fn served(&self, now: i64) -> Self {
        Self {
            last_used: now,
            ..Self::default()
        }
    }

    /// After a failure that makes it rest as `rest` says.
    pub(super) fn failed(&self, rest: Rest, rules: &Cooldowns, provider: &str, now: i64) -> Self {
        if rest == Rest::None {
            return self.clone();
        }
        let mut fare = self.clone();
        if now - fare.last_failure > millis(rules.failure_window) {
            (fare.errors, fare.billing_errors) = (0, 0);
        }
        fare.last_failure = now;
        fare.errors += 1;
        match rest {
            Rest::None => {}
            Rest::Step => fare.rests_until = fare.rests_until.max(now + step(fare.errors)),
            Rest::AtLeast(wait) => {
                fare.rests_until = fare.rests_until.max(now + millis(wait));
            }
            Rest::Until(second) => {
                // A stranger's clock may be wrong: a week is the longest plan there is.
                let most = now + 7 * 24 * 3_600_000;
                fare.disabled_until = second.saturating_mul(1000).clamp(now + step(1), most);
            }
            Rest::Billing => {
                fare.billing_errors += 1;
                let rest = billing(fare.billing_errors, rules, provider);
                fare.disabled_until = fare.disabled_until.max(now + rest);
            }
        }
        fare
    }
}

/// 1, 5, 25, 60 minutes.
fn step(errors: u32) -> i64 {
    const MINUTE: i64 = 60_000;
    (MINUTE * 5i64.pow(errors.saturating_sub(1).min(3))).min(60 * MINUTE)
}

fn billing(errors: u32, rules: &Cooldowns, provider: &str) -> i64 {
    let base = rules
        .billing_backoff_by_provider
        .get(provider)
        .unwrap_or(&rules.billing_backoff);
    let doubled = millis(*base).saturating_mul(1 << errors.saturating_sub(1).min(16));
    doubled.min(millis(rules.billing_max))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rest_begins_now_and_ends_within_a_week(
            errors in proptest::collection::vec((0u8..4, 0i64..40_000_000, any::<i64>()), 1..30),
        ) {
            let mut fare = Fare::default();
            let mut now = 1_700_000_000_000;
            for (kind, later, when) in errors {
                now += later;
                let rest = [Rest::Step, Rest::Billing, Rest::Until(when), Rest::AtLeast(Duration::from_secs(3))][usize::from(kind)];
                fare = fare.failed(rest, &Cooldowns::default(), "p", now);
                let until = fare.resting(now).unwrap();
                prop_assert!(until > now && until <= now + 7 * 24 * 3_600_000);
            }
        }
    }

    #[test]
    fn rests_grow_as_documented() {
        let rules = Cooldowns::default();
        let lengths = |rest| {
            let mut fare = Fare::default();
            std::iter::repeat_with(|| {
                fare = fare.failed(rest, &rules, "p", 1_000_000_000_000);
                (fare.resting(1_000_000_000_000).unwrap() - 1_000_000_000_000) / 60_000
            })
            .take(5)
            .collect::<Vec<_>>()
        };
        assert_eq!(lengths(Rest::Step), [1, 5, 25, 60, 60]);
        assert_eq!(lengths(Rest::Billing), [300, 600, 1200, 1440, 1440]);
    }

    #[test]
    fn an_answer_ends_every_rest() {
        let failed = Fare::default().failed(Rest::Billing, &Cooldowns::default(), "p", 5);
        assert_eq!(
            failed.served(9),
            Fare {
                last_used: 9,
                ..Fare::default()
            }
        );
    }

    #[test]
    fn old_failures_are_forgotten() {
        let rules = Cooldowns::default();
        let day = 24 * 3_600_000;
        let mut fare = Fare::default();
        for _ in 0..4 {
            fare = fare.failed(Rest::Step, &rules, "p", day);
        }
        let later = 3 * day;
        fare = fare.failed(Rest::Step, &rules, "p", later);
        assert_eq!(fare.resting(later), Some(later + 60_000));
    }
}
