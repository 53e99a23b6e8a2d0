//! When history is folded.

use super::*;

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
