use super::*;
use proptest::prelude::*;

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

#[test]
fn a_message_wakes_a_cold_session() {
    let mut play = Play::new(QueueMode::Collect);
    assert_eq!(play.hears(arrives(1)), [Effect::Spawn]);
    assert_eq!(play.hears(Input::Hello), [Effect::Start, begins(&[1])]);
    assert_eq!(play.hears(Input::TurnDone), []);
    assert_eq!(play.state.phase(), PhaseName::Idle);
}

#[test]
fn a_message_to_an_idle_session_begins_at_once() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::TurnDone);
    assert_eq!(play.hears(arrives(2)), [begins(&[2])]);
}

#[test]
fn collected_messages_become_one_turn_when_they_have_settled() {
    let mut play = Play::in_turn(QueueMode::Collect);
    assert_eq!(play.hears(arrives(2)), []);
    assert_eq!(play.hears(arrives(3)), []);
    assert_eq!(play.hears(Input::TurnDone), []);
    assert_eq!(
        play.state.wake_at(),
        Some(play.now + Duration::from_secs(1))
    );
    assert_eq!(play.passes(Duration::from_secs(1)), [begins(&[2, 3])]);
}

#[test]
fn followups_become_a_turn_each() {
    let mut play = Play::in_turn(QueueMode::Followup);
    play.hears(arrives(2));
    play.hears(arrives(3));
    assert_eq!(play.hears(Input::TurnDone), [begins(&[2])]);
    assert_eq!(play.hears(Input::TurnDone), [begins(&[3])]);
}

#[test]
fn a_steering_message_is_told_and_left_over_ones_become_a_turn() {
    let mut play = Play::in_turn(QueueMode::Steer);
    assert_eq!(play.hears(arrives(2)), [Effect::Steer]);
    assert_eq!(play.hears(arrives(3)), [Effect::Steer]);
    play.hears(Input::Taken(InputId(2)));
    assert_eq!(play.hears(Input::TurnDone), [begins(&[3])]);
}

#[test]
fn an_interrupting_message_stops_the_turn_and_begins_its_own() {
    let mut play = Play::in_turn(QueueMode::Interrupt);
    assert_eq!(play.hears(arrives(2)), [Effect::Cancel]);
    assert_eq!(play.hears(Input::TurnDone), [begins(&[2])]);
}

#[test]
fn nobodys_message_is_answered_elsewhere() {
    let elsewhere = |id| Input::Arrived(InputId(id), THERE);
    let mut play = Play::in_turn(QueueMode::Collect);
    for input in [arrives(2), arrives(3), elsewhere(4), arrives(5)] {
        play.hears(input);
    }
    play.hears(Input::TurnDone);
    assert_eq!(play.passes(Duration::from_secs(1)), [begins(&[2, 3])]);
    assert_eq!(play.hears(Input::TurnDone), [begins(&[4])]);
    assert_eq!(play.hears(Input::TurnDone), [begins(&[5])]);
}

#[test]
fn a_turn_is_steered_or_interrupted_by_those_who_hear_its_answer() {
    for mode in [QueueMode::Steer, QueueMode::Interrupt] {
        let mut play = Play::in_turn(mode);
        assert_eq!(play.hears(Input::Arrived(InputId(2), THERE)), []);
        assert_ne!(play.hears(arrives(3)), []);
    }
    let mut play = Play::new(QueueMode::Steer);
    play.hears(Input::Unfinished(THERE));
    play.hears(Input::Hello);
    assert_eq!(play.hears(arrives(1)), []);
    assert_eq!(
        play.hears(Input::Arrived(InputId(2), THERE)),
        [Effect::Steer]
    );
}

#[test]
fn history_is_folded_between_turns() {
    let mut play = Play::in_turn(QueueMode::Collect);
    assert_eq!(play.hears(Input::Fold), []);
    play.hears(arrives(2));
    assert_eq!(play.hears(Input::TurnDone), [Effect::Fold]);
    play.passes(Duration::from_secs(1));
    assert_eq!(play.hears(Input::TurnDone), [begins(&[2])]);
}

#[test]
fn a_cold_session_is_woken_to_fold_its_history() {
    let mut play = Play::new(QueueMode::Collect);
    assert_eq!(play.hears(Input::Fold), [Effect::Spawn]);
    assert_eq!(play.hears(Input::Hello), [Effect::Start, Effect::Fold]);
    assert_eq!(play.hears(Input::Stop), [Effect::Cancel]);
    assert_eq!(play.hears(Input::TurnDone), []);
    assert_eq!(play.state.phase(), PhaseName::Idle);
}

#[test]
fn a_fold_whose_process_died_is_not_taken_up() {
    let mut play = Play::new(QueueMode::Collect);
    play.hears(Input::Fold);
    play.hears(Input::Hello);
    assert_eq!(play.hears(Input::Exited(ExitReason::Signal(9))), []);
    assert!(play.state.is_at_rest());
}

#[test]
fn a_message_told_twice_is_one_message() {
    let mut play = Play::in_turn(QueueMode::Followup);
    play.hears(arrives(2));
    play.hears(arrives(2));
    assert_eq!(play.state.waiting(), 1);
}

#[test]
fn stopping_twice_is_stopping_once() {
    let mut play = Play::in_turn(QueueMode::Collect);
    assert_eq!(play.hears(Input::Stop), [Effect::Cancel]);
    assert_eq!(play.hears(Input::Stop), []);
}

#[test]
fn a_turn_outlives_its_process() {
    let mut play = Play::in_turn(QueueMode::Collect);
    let died = ExitReason::Signal(9);
    let effects = play.hears(Input::Exited(died.clone()));
    assert_eq!(effects, [Effect::TellRestart(died), Effect::Spawn]);
    assert_eq!(
        play.hears(Input::Hello),
        [Effect::Start, Effect::ResumeTurn]
    );
}

#[test]
fn a_turn_whose_every_process_dies_is_given_up_and_the_session_lives_on() {
    let mut play = Play::in_turn(QueueMode::Collect);
    let mut given_up = false;
    for _ in 0..=MAX_FAILURES {
        let effects = play.hears(Input::Exited(ExitReason::Code(1)));
        given_up |= effects
            .iter()
            .any(|effect| matches!(effect, Effect::GiveUp(..)));
        play.passes(MAX_BACKOFF);
    }
    assert!(given_up);
    assert_eq!(play.hears(Input::TurnDone), []);
    assert!(play.state.is_at_rest());
    assert_eq!(play.hears(arrives(9)), [Effect::Spawn]);
}

#[test]
fn a_process_that_says_no_hello_is_killed() {
    let mut play = Play::new(QueueMode::Collect);
    play.hears(arrives(1));
    assert_eq!(play.passes(HELLO_WITHIN), [Effect::Kill(KillStep::Kill)]);
    assert_eq!(play.hears(Input::Exited(ExitReason::Signal(9))), []);
    assert_eq!(play.passes(MAX_BACKOFF), [Effect::Spawn]);
}

#[test]
fn a_session_whose_processes_hang_is_given_up_sooner() {
    let mut play = Play::new(QueueMode::Collect);
    play.hears(arrives(1));
    for given_up in [false, true] {
        play.passes(HELLO_WITHIN);
        let effects = play.hears(Input::Exited(ExitReason::Signal(9)));
        assert_eq!(
            effects.contains(&Effect::GiveUp(ExitReason::NoHello, vec![InputId(1)])),
            given_up,
            "{effects:?}"
        );
        play.passes(MAX_BACKOFF);
    }
}

/// Lets the process of the turn die until the turn is given up.
fn dies_until_given_up(play: &mut Play) {
    let mut effects = Vec::new();
    while !effects
        .iter()
        .any(|effect| matches!(effect, Effect::GiveUp(..)))
    {
        play.passes(MAX_BACKOFF);
        effects = play.hears(Input::Exited(ExitReason::Code(1)));
    }
}

#[test]
fn what_waits_behind_a_turn_that_is_given_up_has_its_chance() {
    let mut play = Play::in_turn(QueueMode::Followup);
    play.hears(arrives(2));
    dies_until_given_up(&mut play);
    assert_eq!(play.hears(Input::TurnDone), [Effect::Spawn]);
    assert_eq!(play.hears(Input::Hello), [Effect::Start, begins(&[2])]);
}

#[test]
fn no_turn_begins_before_the_end_of_the_last_one_is_stored() {
    let mut play = Play::in_turn(QueueMode::Followup);
    dies_until_given_up(&mut play);
    assert_eq!(play.hears(arrives(2)), []);
    assert!(!play.state.is_at_rest());
    assert_eq!(play.hears(Input::TurnDone), [Effect::Spawn]);
}

#[test]
fn deaths_that_nobody_waited_for_are_forgotten() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::TurnDone);
    for _ in 0..9 {
        play.hears(Input::Exited(ExitReason::Signal(9)));
        play.hears(Input::Renew);
    }
    let effects = play.hears(arrives(2));
    assert_eq!(effects, [Effect::Spawn]);
    let effects = play.hears(Input::Exited(ExitReason::Signal(9)));
    assert_eq!(effects, [Effect::Spawn]);
}

fn reloaded(unfinished: bool, ending: bool) -> Input {
    Input::Reloaded { unfinished, ending }
}

#[test]
fn a_turn_goes_on_when_the_store_works_again() {
    let mut play = Play::in_turn(QueueMode::Followup);
    play.hears(arrives(2));
    assert_eq!(
        play.hears(Input::StoreFailed),
        [Effect::Kill(KillStep::Kill)]
    );
    assert_eq!(play.hears(Input::Exited(ExitReason::Signal(9))), []);
    // However long it takes, nothing is given up.
    for _ in 0..100 {
        assert_eq!(play.passes(MAX_BACKOFF), [Effect::Reload]);
        assert_eq!(play.hears(Input::StoreFailed), []);
    }
    assert_eq!(play.passes(MAX_BACKOFF), [Effect::Reload]);
    assert_eq!(play.hears(reloaded(true, false)), [Effect::Spawn]);
    assert_eq!(play.hears(arrives(2)), []);
    assert_eq!(
        play.hears(Input::Hello),
        [Effect::Start, Effect::ResumeTurn]
    );
    assert_eq!(play.hears(Input::TurnDone), [begins(&[2])]);
}

#[test]
fn messages_whose_turn_could_not_be_stored_wait_again() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::StoreFailed);
    play.hears(Input::Exited(ExitReason::Signal(9)));
    play.passes(MAX_BACKOFF);
    assert_eq!(play.hears(reloaded(false, false)), []);
    assert_eq!(play.hears(arrives(1)), [Effect::Spawn]);
    assert_eq!(play.hears(Input::Hello), [Effect::Start, begins(&[1])]);
}

#[test]
fn a_stop_is_remembered_until_the_store_works_again() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::StoreFailed);
    assert_eq!(play.hears(Input::Stop), []);
    play.hears(Input::Exited(ExitReason::Signal(9)));
    play.passes(MAX_BACKOFF);
    let effects = play.hears(reloaded(true, false));
    assert_eq!(effects, [Effect::EndCancelled]);
    assert_eq!(play.hears(Input::TurnDone), []);
    assert!(play.state.is_at_rest());
}

#[test]
fn an_end_that_could_not_be_stored_needs_no_process() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::StoreFailed);
    play.hears(Input::Exited(ExitReason::Signal(9)));
    play.passes(MAX_BACKOFF);
    assert_eq!(play.hears(reloaded(true, true)), []);
    assert!(!play.state.is_at_rest());
    assert_eq!(play.hears(Input::TurnDone), []);
    assert!(play.state.is_at_rest());
}

#[test]
fn an_agent_that_does_not_abandon_its_turn_is_killed_and_the_turn_is_over() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::Stop);
    assert_eq!(play.passes(CANCEL_WITHIN), [Effect::Kill(KillStep::Kill)]);
    let effects = play.hears(Input::Exited(ExitReason::Signal(9)));
    assert!(effects.contains(&Effect::EndCancelled), "{effects:?}");
}

#[test]
fn an_idle_process_hibernates_by_way_of_the_ladder() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::TurnDone);
    assert_eq!(play.passes(Duration::from_secs(300)), [Effect::AskToExit]);
    assert_eq!(play.passes(RUNG), [Effect::Kill(KillStep::Term)]);
    assert_eq!(play.passes(RUNG), [Effect::Kill(KillStep::Kill)]);
    assert_eq!(play.state.wake_at(), None);
    assert_eq!(play.hears(Input::Exited(ExitReason::Clean)), []);
    assert!(play.state.is_at_rest());
}

#[test]
fn a_message_that_meets_a_hibernating_process_wakes_the_next_one() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::TurnDone);
    play.passes(Duration::from_secs(300));
    assert_eq!(play.hears(arrives(2)), []);
    assert_eq!(
        play.hears(Input::Exited(ExitReason::Clean)),
        [Effect::Spawn]
    );
}

#[test]
fn a_changed_configuration_meets_the_next_turn_in_a_new_process() {
    let mut play = Play::in_turn(QueueMode::Collect);
    assert_eq!(play.hears(Input::Renew), []);
    play.hears(Input::TurnDone);
    assert_eq!(play.hears(arrives(2)), [Effect::AskToExit]);
    assert_eq!(
        play.hears(Input::Exited(ExitReason::Clean)),
        [Effect::Spawn]
    );
    assert_eq!(play.hears(Input::Hello), [Effect::Start, begins(&[2])]);
}

#[test]
fn a_process_that_is_to_leave_does_when_its_turn_is_over() {
    let mut play = Play::in_turn(QueueMode::Collect);
    assert_eq!(play.hears(Input::Stop), [Effect::Cancel]);
    assert_eq!(play.hears(Input::Leave), []);
    assert_eq!(play.hears(Input::TurnDone), [Effect::AskToExit]);
    assert_eq!(play.hears(Input::Exited(ExitReason::Clean)), []);
    assert!(play.state.is_at_rest());
    let effects = play.hears(arrives(2));
    assert_eq!(effects, [Effect::Spawn]);
    assert_eq!(play.hears(Input::Hello), [Effect::Start, begins(&[2])]);
}

#[test]
fn a_draining_session_leaves_its_turn_to_the_next_gateway() {
    let mut play = Play::in_turn(QueueMode::Collect);
    assert_eq!(play.hears(Input::Drain), [Effect::Kill(KillStep::Kill)]);
    assert_eq!(play.hears(Input::Exited(ExitReason::Signal(9))), []);
    assert!(play.state.is_at_rest());
}

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
