//! A store that fails, and what is made of it when it works again.

use super::*;

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
