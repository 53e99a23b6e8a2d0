//! Laws of [`super`]: what a session does next, told by a clock of the test's own.

mod messages;
mod folds;
mod deaths;
mod storage;
mod leaving;
mod laws;

use super::deaths::{MAX_BACKOFF, MAX_FAILURES};
use super::*;

fn settings(mode: QueueMode) -> Settings {
    Settings {
        mode,
        debounce: Duration::from_secs(1),
        idle: Duration::from_secs(300),
    }
}

/// A session and a clock.
struct Play {
    state: State,
    now: Instant,
}

impl Play {
    fn new(mode: QueueMode) -> Self {
        Self {
            state: State::new(settings(mode)),
            now: Instant::now(),
        }
    }

    fn hears(&mut self, input: Input) -> Vec<Effect> {
        let (state, effects) = self.state.clone().step(input, self.now);
        self.state = state;
        effects
    }

    fn passes(&mut self, time: Duration) -> Vec<Effect> {
        self.now += time;
        self.hears(Input::Tick)
    }

    fn in_turn(mode: QueueMode) -> Self {
        let mut play = Self::new(mode);
        play.hears(arrives(1));
        play.hears(Input::Hello);
        assert_eq!(play.state.phase(), PhaseName::InTurn);
        play
    }
}

const HERE: Whence = Whence(1);
const THERE: Whence = Whence(2);

fn arrives(id: u64) -> Input {
    Input::Arrived(InputId(id), HERE)
}

fn begins(ids: &[u64]) -> Effect {
    Effect::BeginTurn(ids.iter().copied().map(InputId).collect())
}

fn reloaded(unfinished: bool, ending: bool) -> Input {
    Input::Reloaded { unfinished, ending }
}
