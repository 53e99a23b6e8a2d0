//! Processes that are to leave.

use super::*;

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
