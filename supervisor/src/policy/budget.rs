//! What one turn may use. Kept by the supervisor, so that no agent process can switch it off.

use crate::config::Budget;
use ipc::model::Usage;
use ipc::refusal::{Refusal, RefusalKind};
use std::time::Duration;

/// One turn's limits, and what it has used of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnBudget {
    limits: Budget,
    time: Duration,
    model_calls: u32,
    tokens: u64,
}

/// What a model call counts for: new tokens in, and tokens out. What the provider read from its
/// cache was counted when it was new; counting it again would end a long session's turn after a
/// handful of calls.
#[must_use]
pub fn tokens(usage: &Usage) -> u64 {
    usage.input.saturating_sub(usage.cached) + usage.output
}

impl TurnBudget {
    /// A turn that has used nothing. `timeout` is the agent's own (`timeoutSeconds`); it holds
    /// where the budget names no time.
    #[must_use]
    pub fn new(limits: &Budget, timeout: Duration) -> Self {
        Self {
            limits: *limits,
            time: limits.time.unwrap_or(timeout),
            model_calls: 0,
            tokens: 0,
        }
    }

    /// Books what the turn used before it was cut off, as it was stored: a turn that is taken up
    /// again does not begin at zero. `used` are tokens by [`tokens`].
    pub fn spent(&mut self, model_calls: u32, used: u64) {
        self.model_calls = self.model_calls.saturating_add(model_calls);
        self.tokens = self.tokens.saturating_add(used);
    }

    /// Whether one more model call may be made, `elapsed` after the turn began.
    ///
    /// # Errors
    /// An [`RefusalKind::OverBudget`] that says what is used up and which key decides.
    pub fn check(&self, elapsed: Duration) -> Result<(), Refusal> {
        if self.model_calls >= self.limits.model_calls {
            let limit = self.limits.model_calls;
            return Err(over(
                &format!("{limit} model calls"),
                "budget.modelCallsPerTurn",
            ));
        }
        if self.tokens >= self.limits.tokens {
            let limit = self.limits.tokens;
            return Err(over(&format!("{limit} tokens"), "budget.tokensPerTurn"));
        }
        if elapsed >= self.time {
            return Err(self.late());
        }
        Ok(())
    }

    /// Books one model call. One that failed is booked with nothing used.
    pub fn spend(&mut self, usage: Usage) {
        self.spent(1, tokens(&usage));
    }

    /// How long the turn may take in all.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }

    fn late(&self) -> Refusal {
        let key = match self.limits.time {
            Some(_) => "budget.secondsPerTurn",
            None => "agents.defaults.timeoutSeconds",
        };
        over(&format!("{} s", self.time.as_secs()), key)
    }
}

fn over(limit: &str, key: &str) -> Refusal {
    Refusal::new(
        RefusalKind::OverBudget,
        format!(
            "this turn has used up its budget of {limit} (`{key}`); a new message begins a new turn"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn used(input: u64, output: u64, cached: u64) -> Usage {
        Usage {
            input,
            output,
            cached,
        }
    }

    fn budget(model_calls: u32, tokens: u64, seconds: Option<u64>) -> Budget {
        Budget {
            model_calls,
            tokens,
            time: seconds.map(Duration::from_secs),
        }
    }

    #[test]
    fn what_was_read_from_the_cache_is_not_counted_again() {
        assert_eq!(tokens(&used(150_000, 500, 149_000)), 1_500);
        assert_eq!(tokens(&used(1, 2, 3)), 2, "a provider that counts oddly");
    }

    #[test]
    fn the_refusal_names_the_key_that_decides() {
        let timeout = Duration::from_secs(600);
        let refusal = |budget: &Budget, seconds| {
            let mut turn = TurnBudget::new(budget, timeout);
            turn.spent(3, 50);
            turn.check(Duration::from_secs(seconds)).unwrap_err()
        };
        for (refusal, key) in [
            (refusal(&budget(3, 100, None), 0), "modelCallsPerTurn"),
            (refusal(&budget(9, 50, None), 0), "tokensPerTurn"),
            (refusal(&budget(9, 100, Some(5)), 5), "secondsPerTurn"),
            (refusal(&budget(9, 100, None), 600), "timeoutSeconds"),
        ] {
            assert_eq!(refusal.kind, RefusalKind::OverBudget);
            assert!(refusal.message.contains(key), "{refusal}");
        }
    }

    proptest! {
        #[test]
        fn the_calls_that_fit_are_made_and_no_more(limit in 0_u32..50) {
            let mut turn = TurnBudget::new(&budget(limit, u64::MAX, None), Duration::MAX);
            let mut made = 0;
            while turn.check(Duration::ZERO).is_ok() {
                turn.spend(used(10, 1, 0));
                made += 1;
            }
            prop_assert_eq!(made, limit);
        }

        #[test]
        fn a_turn_taken_up_again_has_what_it_had_left(before in 0_u32..20, limit in 20_u32..40) {
            let mut turn = TurnBudget::new(&budget(limit, 1, None), Duration::MAX);
            turn.spent(before, 0);
            for _ in before..limit {
                prop_assert!(turn.check(Duration::ZERO).is_ok());
                turn.spend(Usage::default());
            }
            prop_assert!(turn.check(Duration::ZERO).is_err());
        }
    }
}
