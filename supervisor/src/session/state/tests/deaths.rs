//! Processes that die, and turns that outlive them.

use super::*;

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

#[test]
fn an_agent_that_does_not_abandon_its_turn_is_killed_and_the_turn_is_over() {
    let mut play = Play::in_turn(QueueMode::Collect);
    play.hears(Input::Stop);
    assert_eq!(play.passes(CANCEL_WITHIN), [Effect::Kill(KillStep::Kill)]);
    let effects = play.hears(Input::Exited(ExitReason::Signal(9)));
    assert!(effects.contains(&Effect::EndCancelled), "{effects:?}");
}
