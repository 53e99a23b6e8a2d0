//! What follows a failure. Pure: no clock, no network, no dice of its own.
//!
//! ```text
//!   failed ─┬─ context too long ────────────▶ ContextFull: the caller compacts
//!           ├─ 400, 404 ────────────────────▶ OtherModel, nothing rests
//!           ├─ 401, purse, plan ────────────▶ OtherProfile | OtherModel, the profile rests
//!           ├─ 429 ── wait short ───────────▶ Retry after what it asks
//!           │        └ wait long ───────────▶ OtherProfile | OtherModel, the profile rests
//!           └─ 5xx, network, cut stream ────▶ Retry with jitter, then OtherModel, the profile rests
//! ```

use super::error::ModelError;
use super::fare::Rest;
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
    OtherProfile { rest: Rest },
    /// The next model.
    OtherModel { rest: Rest },
    /// Say so.
    GiveUp { rest: Rest },
    /// Compact, then ask once more.
    ContextFull,
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
        Next::OtherProfile { rest }
    } else {
        model(at, rest)
    }
}

fn model(at: &Standing, rest: Rest) -> Next {
    if at.other_model {
        Next::OtherModel { rest }
    } else {
        Next::GiveUp { rest }
    }
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
                Next::OtherProfile { .. } => {
                    (profile, tries, renewed) = (profile + 1, 0, false);
                }
                Next::OtherModel { .. } => {
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
                Next::OtherProfile { rest } | Next::OtherModel { rest } | Next::GiveUp { rest } =>
                    prop_assert_eq!(rest, Rest::AtLeast(Duration::from_millis(ms))),
                Next::Renew | Next::ContextFull => prop_assert!(false),
            }
        }
    }
}
