//! What follows a failure. Pure: no clock, no network, no dice of its own.
//!
//! ```text
//!   failed ─┬─ context too long ────────────▶ ContextFull: the caller compacts
//!           ├─ 400, 404, unknown ───────────▶ NextModel, nothing rests
//!           ├─ 401, purse, plan ────────────▶ NextProfile | NextModel, the profile rests
//!           ├─ 429 ── wait short ───────────▶ Retry after what it asks
//!           │        └ wait long ───────────▶ NextProfile | NextModel, the profile rests
//!           └─ 5xx, network, cut stream ────▶ Retry with jitter, then NextModel, the profile rests
//! ```

use super::error::ModelError;
use crate::config::Cooldowns;
use std::time::Duration;

/// Tries of one model with one profile, the first included.
pub(super) const MAX_TRIES: u32 = 3;
/// Longest a rate limit is waited for where something else could be tried instead.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest it is waited for where nothing else could.
const LAST_PATIENCE: Duration = Duration::from_secs(60);
/// Longest all waits of one answer together.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(120);

/// Where an answer stands when an attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How often this model was tried with this profile, the failure included; from 1.
    pub(super) tries: u32,
    /// All that was waited so far.
    pub(super) waited: Duration,
    /// The profile's credential may be read or made anew, and was not yet in this answer.
    pub(super) renewable: bool,
    /// Another profile can serve this model.
    pub(super) other_profile: bool,
    /// Another model can be asked.
    pub(super) other_model: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The same again, later.
    Retry { after: Duration },
    /// The same with a newer credential of the same profile, if there is one.
    Renew,
    /// The same model with the next profile.
    NextProfile { rest: Rest },
    /// The next model.
    NextModel { rest: Rest },
    /// Say so.
    GiveUp { rest: Rest },
    /// Compact, then ask once more.
    ContextFull,
}

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

/// What follows `error`. `dice` is a random number from 0 to 1.
pub(super) fn decide(error: &ModelError, at: &Standing, dice: f64) -> Next {
    match error {
        ModelError::ContextFull { .. } => Next::ContextFull,
        ModelError::Rejected { .. } | ModelError::NotFound { .. } => model(at, Rest::None),
        ModelError::NoCredential { .. } => model(at, Rest::None),
        ModelError::Auth { .. } if at.renewable => Next::Renew,
        ModelError::Auth { .. } => profile(at, Rest::Step),
        ModelError::Billing { .. } => profile(at, Rest::Billing),
        ModelError::UsageLimit { resets_at, .. } => {
            profile(at, resets_at.map_or(Rest::Step, Rest::Until))
        }
        ModelError::RateLimited { retry_after, .. } => rate_limited(*retry_after, at, dice),
        // It took the whole time that was allowed: to wait as long again helps nobody.
        ModelError::Silent { .. } => model(at, Rest::Step),
        ModelError::Overloaded { .. } | ModelError::Network { .. } | ModelError::Broken { .. } => {
            let after = backoff(at.tries, dice);
            if at.tries < MAX_TRIES && at.waited + after <= MAX_WAIT {
                Next::Retry { after }
            } else {
                model(at, Rest::Step)
            }
        }
    }
}

fn rate_limited(retry_after: Option<Duration>, at: &Standing, dice: f64) -> Next {
    let after = retry_after.unwrap_or_else(|| backoff(at.tries, dice) * 2);
    let rest = retry_after.map_or(Rest::Step, Rest::AtLeast);
    if at.other_profile {
        return profile(at, rest);
    }
    let patience = if at.other_model {
        PATIENCE
    } else {
        LAST_PATIENCE
    };
    if at.tries < MAX_TRIES && after <= patience && at.waited + after <= MAX_WAIT {
        Next::Retry { after }
    } else {
        model(at, rest)
    }
}

/// Half a second, two seconds, …: between half of it and all.
fn backoff(tries: u32, dice: f64) -> Duration {
    let full = Duration::from_millis(500 * 4u64.pow(tries.saturating_sub(1).min(4)));
    full.mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)
}

fn profile(at: &Standing, rest: Rest) -> Next {
    if at.other_profile {
        Next::NextProfile { rest }
    } else {
        model(at, rest)
    }
}

fn model(at: &Standing, rest: Rest) -> Next {
    if at.other_model {
        Next::NextModel { rest }
    } else {
        Next::GiveUp { rest }
    }
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

    fn any_error() -> impl Strategy<Value = ModelError> {
        let m = || "m".to_owned();
        prop_oneof![
            proptest::option::of(0u64..200_000).prop_map(move |ms| ModelError::RateLimited {
                retry_after: ms.map(Duration::from_millis),
                message: m()
            }),
            Just(ModelError::Billing { message: m() }),
            proptest::option::of(any::<i64>()).prop_map(move |resets_at| ModelError::UsageLimit {
                resets_at,
                message: m()
            }),
            Just(ModelError::Auth { message: m() }),
            Just(ModelError::NoCredential { message: m() }),
            Just(ModelError::ContextFull { message: m() }),
            Just(ModelError::Overloaded { message: m() }),
            Just(ModelError::Network { message: m() }),
            Just(ModelError::Broken { message: m() }),
            Just(ModelError::Silent {
                after: Duration::from_secs(1)
            }),
            Just(ModelError::Rejected {
                status: 400,
                message: m()
            }),
            Just(ModelError::NotFound { message: m() }),
        ]
    }

    /// Plays a whole answer out of failures alone; gives the tries of each model and profile.
    fn play(errors: &[ModelError], models: u32, profiles: u32, dice: f64) -> Vec<(u32, u32, u32)> {
        let mut errors = errors.iter().cycle();
        let mut all = Vec::new();
        let (mut waited, mut model, mut profile, mut tries) = (Duration::ZERO, 0, 0, 0);
        let mut renewed = false;
        loop {
            tries += 1;
            assert!(all.len() < 10_000, "it never ends");
            let at = Standing {
                tries,
                waited,
                renewable: !renewed,
                other_profile: profile + 1 < profiles,
                other_model: model + 1 < models,
            };
            let next = decide(errors.next().unwrap(), &at, dice);
            all.push((model, profile, tries));
            match next {
                Next::Retry { after } => waited += after,
                Next::Renew => renewed = true,
                Next::NextProfile { .. } => {
                    (profile, tries, renewed) = (profile + 1, 0, false);
                }
                Next::NextModel { .. } => {
                    (model, profile, tries, renewed) = (model + 1, 0, 0, false);
                }
                Next::GiveUp { .. } | Next::ContextFull => {
                    assert!(waited <= MAX_WAIT);
                    return all;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn an_answer_ends_after_a_bounded_number_of_tries(
            errors in proptest::collection::vec(any_error(), 1..20),
            models in 1u32..5, profiles in 1u32..5, dice in 0.0..1.0f64,
        ) {
            let tries = play(&errors, models, profiles, dice);
            // One more than MAX_TRIES where a credential is renewed.
            prop_assert!(tries.len() as u32 <= models * profiles * (MAX_TRIES + 1));
        }

        #[test]
        fn what_trying_again_can_not_cure_is_never_tried_again(
            error in any_error(), tries in 1u32..5, other_profile: bool, other_model: bool, dice in 0.0..1.0f64,
        ) {
            let at = Standing { tries, waited: Duration::ZERO, renewable: false, other_profile, other_model };
            let cured_by_time = matches!(error, ModelError::RateLimited { .. } | ModelError::Overloaded { .. }
                | ModelError::Network { .. } | ModelError::Broken { .. });
            if !cured_by_time {
                let again = matches!(decide(&error, &at, dice), Next::Retry { .. } | Next::Renew);
                prop_assert!(!again);
            }
        }

        #[test]
        fn a_wait_that_was_asked_for_is_kept_or_not_begun(
            ms in 0u64..200_000, tries in 1u32..5, other_profile: bool, other_model: bool, dice in 0.0..1.0f64,
        ) {
            let retry_after = Some(Duration::from_millis(ms));
            let error = ModelError::RateLimited { retry_after, message: String::new() };
            let at = Standing { tries, waited: Duration::ZERO, renewable: true, other_profile, other_model };
            match decide(&error, &at, dice) {
                Next::Retry { after } => prop_assert_eq!(Some(after), retry_after),
                Next::NextProfile { rest } | Next::NextModel { rest } | Next::GiveUp { rest } =>
                    prop_assert_eq!(rest, Rest::AtLeast(Duration::from_millis(ms))),
                Next::Renew | Next::ContextFull => prop_assert!(false),
            }
        }

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
