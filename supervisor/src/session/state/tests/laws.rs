//! What holds whatever happens, in any order.

use super::*;
use proptest::prelude::*;

/// Messages come from three places.
fn place_of(id: InputId) -> Whence {
    Whence(id.0 % 3)
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => (1..20_u64).prop_map(|id| Input::Arrived(InputId(id), place_of(InputId(id)))),
        1 => Just(Input::Unfinished(HERE)),
        4 => Just(Input::Hello),
        4 => Just(Input::TurnDone),
        1 => Just(Input::Broken(ExitReason::Hung)),
        1 => Just(Input::StoreFailed),
        2 => Just(Input::Exited(ExitReason::Signal(9))),
        1 => Just(Input::Exited(ExitReason::Clean)),
        1 => Just(Input::Stop),
        1 => Just(Input::Fold),
        1 => Just(Input::Renew),
        1 => Just(Input::Leave),
        3 => Just(Input::Tick),
    ]
}

fn any_mode() -> impl Strategy<Value = QueueMode> {
    prop_oneof![
        Just(QueueMode::Collect),
        Just(QueueMode::Followup),
        Just(QueueMode::Steer),
        Just(QueueMode::Interrupt),
    ]
}

/// What the world would really say next: a process leaves only when there is one, and so on.
#[derive(Default)]
struct World {
    process: bool,
    turn: bool,
}

impl World {
    fn allows(&self, input: &Input, state: &State) -> bool {
        match input {
            Input::Hello => self.process && state.phase() == PhaseName::Starting,
            Input::TurnDone => state.phase() == PhaseName::InTurn && (self.turn || state.folding),
            Input::Exited(_) | Input::Broken(_) => self.process,
            Input::Unfinished(_) => !self.turn && state.phase() == PhaseName::Cold,
            Input::Arrived(..)
            | Input::Fold
            | Input::StoreFailed
            | Input::Reloaded { .. }
            | Input::Taken(_)
            | Input::Stop
            | Input::Renew
            | Input::Leave
            | Input::Drain
            | Input::Tick => true,
        }
    }
}

proptest! {
    /// Whatever happens: one process at a time, one turn at a time, and once the world behaves every
    /// message is answered.
    #[test]
    fn a_session_is_never_stuck(
        mode in any_mode(),
        inputs in prop::collection::vec((any_input(), 0..400_u64), 1..80),
    ) {
        let mut play = Play::new(mode);
        let mut world = World::default();
        let mut told = std::collections::BTreeSet::new();
        let mut answered = std::collections::BTreeSet::new();
        let mut turn: Vec<InputId> = Vec::new();
        let mut run = |play: &mut Play, world: &mut World, input: Input| {
            if !world.allows(&input, &play.state) {
                return Ok(());
            }
            if let Input::Arrived(id, _) = input
                && !told.insert(id)
            {
                return Ok(());
            }
            if matches!(input, Input::Exited(_)) {
                world.process = false;
            }
            if input == Input::Unfinished(HERE) {
                world.turn = true;
            }
            let mut inputs = vec![input];
            while let Some(input) = inputs.pop() {
                if input == Input::TurnDone {
                    answered.extend(turn.drain(..));
                    world.turn = false;
                }
                for effect in play.hears(input) {
                    match effect {
                        Effect::Spawn => {
                            prop_assert!(!world.process, "two processes");
                            world.process = true;
                        }
                        Effect::BeginTurn(ids) => {
                            prop_assert!(!world.turn, "two turns");
                            prop_assert!(!ids.is_empty());
                            let first = place_of(ids[0]);
                            prop_assert!(ids.iter().all(|id| place_of(*id) == first), "two places");
                            world.turn = true;
                            turn.extend(ids);
                        }
                        Effect::ResumeTurn => prop_assert!(world.turn, "nothing to take up"),
                        Effect::EndCancelled => inputs.push(Input::TurnDone),
                        Effect::GiveUp(_, without) => {
                            if world.turn || !without.is_empty() {
                                inputs.push(Input::TurnDone);
                            }
                            // The driver answers what would have been the next turn.
                            answered.extend(without);
                        }
                        Effect::Fold => {
                            prop_assert!(!world.turn, "a fold in a turn");
                            prop_assert!(world.process);
                        }
                        Effect::Reload => {
                            let waits = |id: &&InputId| !answered.contains(id) && !turn.contains(id);
                            let again = told.iter().filter(waits).copied();
                            inputs.extend(again.map(|id| Input::Arrived(id, place_of(id))));
                            inputs.push(reloaded(world.turn, false));
                        }
                        Effect::Start
                        | Effect::Steer
                        | Effect::Cancel
                        | Effect::AskToExit
                        | Effect::Kill(_)
                        | Effect::TellRestart(_) => {}
                    }
                }
            }
            Ok(())
        };
        for (input, seconds) in inputs {
            play.now += Duration::from_secs(seconds);
            run(&mut play, &mut world, input)?;
        }
        // From here on the world behaves.
        for _ in 0..200 {
            play.now += Duration::from_secs(1);
            let next = match play.state.phase() {
                PhaseName::Starting => Input::Hello,
                PhaseName::InTurn => Input::TurnDone,
                PhaseName::Stopping => Input::Exited(ExitReason::Clean),
                PhaseName::Cold | PhaseName::Idle | PhaseName::Backoff => Input::Tick,
            };
            run(&mut play, &mut world, next)?;
        }
        prop_assert!(matches!(play.state.phase(), PhaseName::Idle | PhaseName::Cold));
        prop_assert_eq!(answered, told);
    }
}
