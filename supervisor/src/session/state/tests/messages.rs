//! How messages become turns.

use super::*;

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
