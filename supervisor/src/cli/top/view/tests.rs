use super::super::columns::{ALL, Column, fit};
use super::super::event::{Event, Heard, Key, Size};
use super::super::order::Order;
use super::super::samples::{busy, inspect, report};
use super::super::state::State;
use super::*;
use ipc::id::JobId;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use std::time::Duration;

const BY_CPU: Order = Order {
    column: Column::Cpu,
    reversed: false,
};
const PLAIN: Look = Look { has_colours: false };

fn state(width: u16, height: u16) -> State {
    let size = Size { width, height };
    State::new(size, report(), BY_CPU, String::new())
}

fn press(state: &mut State, keys: &str) {
    for key in keys.chars() {
        let key = if key == '\n' {
            Key::Enter
        } else {
            Key::Char(key)
        };
        state.update(Duration::ZERO, Event::Key(key));
    }
}

fn hear(state: &mut State, heard: Heard) {
    state.update(Duration::ZERO, Event::Heard(heard));
}

fn drawn(state: &State, look: Look) -> TestBackend {
    let mut terminal =
        Terminal::new(TestBackend::new(state.size.width, state.size.height)).unwrap();
    terminal.draw(|frame| draw(frame, state, look)).unwrap();
    terminal.backend().clone()
}

fn opened(width: u16, height: u16) -> State {
    let mut state = state(width, height);
    press(&mut state, "\n");
    let told = inspect("agent:backend-dev:subagent:3f0c");
    hear(&mut state, Heard::Inspected(Box::new(told)));
    state
}

#[test]
fn a_wide_screen_shows_every_column() {
    insta::assert_snapshot!(drawn(&state(190, 10), PLAIN));
}

#[test]
fn a_usual_screen_shows_what_matters() {
    insta::assert_snapshot!(drawn(&state(80, 12), PLAIN));
}

#[test]
fn a_small_screen_shows_what_matters_most() {
    insta::assert_snapshot!(drawn(&state(40, 10), PLAIN));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    insta::assert_snapshot!(drawn(&state(39, 5), PLAIN));
}

#[test]
fn the_pane_shows_one_session_closer() {
    insta::assert_snapshot!(drawn(&opened(100, 44), PLAIN));
}

#[test]
fn a_wide_pane_has_two_columns() {
    let mut state = opened(150, 36);
    state.update(Duration::ZERO, Event::Key(Key::Tab));
    insta::assert_snapshot!(drawn(&state, PLAIN));
}

#[test]
fn a_pane_takes_all_where_there_is_little() {
    insta::assert_snapshot!(drawn(&opened(60, 14), PLAIN));
}

#[test]
fn a_question_stands_before_everything() {
    let mut state = state(80, 14);
    press(&mut state, "K");
    insta::assert_snapshot!(drawn(&state, PLAIN));
}

#[test]
fn the_help_names_every_key() {
    let mut state = state(80, 24);
    press(&mut state, "?");
    insta::assert_snapshot!(drawn(&state, PLAIN));
}

#[test]
fn a_gateway_that_went_and_a_filter_are_shown() {
    let mut state = state(100, 10);
    press(&mut state, "/main:m\n");
    let why = "no gateway answers".to_owned();
    state.update(Duration::from_secs(7), Event::Heard(Heard::Lost { why }));
    insta::assert_snapshot!(drawn(&state, PLAIN));
    press(&mut state, "/");
    let last = drawn(&state, PLAIN).to_string();
    assert!(last.contains("filter: main:m"), "{last}");
}

#[test]
fn nobody_being_there_is_said() {
    let mut state = state(60, 10);
    let mut nobody = report();
    nobody.sessions.clear();
    hear(&mut state, Heard::Report(Box::new(nobody)));
    insta::assert_snapshot!(drawn(&state, PLAIN));
}

#[test]
fn without_colours_there_is_none_and_with_them_some() {
    let is_coloured = |look| {
        let cells = drawn(&opened(100, 44), look).buffer().content.clone();
        cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(!is_coloured(PLAIN));
    assert!(is_coloured(Look { has_colours: true }));
}

#[test]
fn the_row_chosen_is_always_on_the_screen() {
    let mut all = report();
    all.sessions = (0..100)
        .map(|at| busy(&format!("agent:main:row-{at:02}.")))
        .collect();
    for height in [10, 11, 24] {
        let mut state = state(80, height);
        hear(&mut state, Heard::Report(Box::new(all.clone())));
        for _ in 0..100 {
            let name = state.chosen.clone().unwrap().to_string();
            let name = name.rsplit(':').next().unwrap();
            let screen = drawn(&state, PLAIN).to_string();
            assert!(screen.contains(name), "{name} is not in\n{screen}");
            press(&mut state, "j");
        }
    }
}

#[test]
fn what_steers_a_terminal_is_not_drawn() {
    let evil = "a\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\n\tb";
    let mut all = report();
    let mut told = inspect(evil);
    told.usage.state = evil.to_owned();
    told.usage.tool.as_mut().unwrap().name = evil.to_owned();
    told.tree[0].title = evil.to_owned();
    told.tree[0].state = evil.to_owned();
    told.jobs[0] = JobId::from(evil);
    told.destinations[0].host = evil.to_owned();
    told.events[0] = evil.to_owned();
    all.sessions = vec![told.usage.clone()];
    for keys in ["", "\n", "s", "K", "t", "\nt", "/"] {
        let mut state = state(150, 50);
        hear(&mut state, Heard::Report(Box::new(all.clone())));
        press(&mut state, keys);
        hear(&mut state, Heard::Inspected(Box::new(told.clone())));
        hear(
            &mut state,
            Heard::NotDone {
                why: evil.to_owned(),
            },
        );
        hear(
            &mut state,
            Heard::Lost {
                why: evil.to_owned(),
            },
        );
        state.update(Duration::ZERO, Event::Pasted(evil.to_owned()));
        let screen = drawn(&state, PLAIN);
        let steers = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        for cell in &screen.buffer().content {
            assert!(
                !cell.symbol().contains(steers),
                "{keys:?}: {:?}",
                cell.symbol()
            );
        }
    }
}

proptest! {
    #[test]
    fn anything_is_drawn_on_any_screen(
        events in proptest::collection::vec(super::super::state::tests::any_event(), 0..30),
        width in 0_u16..220,
        height in 0_u16..70,
    ) {
        let mut state = state(80, 24);
        for event in events {
            state.update(Duration::ZERO, event);
            drawn(&state, PLAIN);
        }
        state.update(Duration::ZERO, Event::Resized(Size { width, height }));
        drawn(&state, PLAIN);
    }

    #[test]
    fn a_wider_screen_shows_no_fewer_columns_and_never_more_than_fit(
        width in 40_usize..250,
        name in 0_usize..80,
        sorted in 0..ALL.len(),
    ) {
        let narrow = fit(width, ALL[sorted], name);
        let wide = fit(width + 1, ALL[sorted], name);
        let taken: usize = narrow.iter().map(|(_, width)| width + 1).sum();
        prop_assert!(taken <= width + 1);
        for (column, _) in &narrow {
            prop_assert!(wide.iter().any(|(other, _)| other == column));
        }
        prop_assert!(narrow.iter().any(|(column, _)| *column == Column::Session));
        prop_assert!(narrow.iter().any(|(column, _)| *column == ALL[sorted]));
    }
}
