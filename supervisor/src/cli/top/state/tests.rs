use super::*;
use crate::cli::top::columns::Column;
use crate::cli::top::samples::{busy, idle, inspect, report};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SIZE: Size = Size {
    width: 100,
    height: 30,
};
const BY_CPU: Order = Order {
    column: Column::Cpu,
    reversed: false,
};

fn state() -> State {
    State::new(SIZE, report(), BY_CPU, String::new())
}

fn press(state: &mut State, keys: impl IntoIterator<Item = Key>) -> Vec<Effect> {
    let pressed = |key| state.update(Duration::ZERO, Event::Key(key));
    keys.into_iter().flat_map(pressed).collect()
}

fn type_in(state: &mut State, keys: &str) -> Vec<Effect> {
    press(state, keys.chars().map(Key::Char))
}

fn hear(state: &mut State, heard: Heard) -> Vec<Effect> {
    state.update(Duration::ZERO, Event::Heard(heard))
}

fn names(state: &State) -> Vec<String> {
    let rows = state.rows().into_iter();
    rows.map(|row| row.session.to_string()).collect()
}

fn chosen(state: &State) -> &str {
    state.chosen.as_ref().map_or("", SessionKey::as_str)
}

const BUSY: &str = "agent:backend-dev:subagent:3f0c";
const MAIN: &str = "agent:main:main";
const GROUP: &str = "agent:main:telegram:group:-100123456";

#[test]
fn the_busiest_is_first_and_chosen() {
    let state = state();
    assert_eq!(names(&state), [BUSY, MAIN, GROUP]);
    assert_eq!(chosen(&state), BUSY);
}

#[test]
fn the_session_chosen_is_the_same_wherever_its_row_goes() {
    let mut state = state();
    press(&mut state, [Key::Down]);
    assert_eq!(chosen(&state), MAIN);
    let mut changed = report();
    changed.sessions[0].cpu = 5000;
    hear(&mut state, Heard::Report(Box::new(changed)));
    assert_eq!((chosen(&state), state.row()), (MAIN, 0));
    type_in(&mut state, "e");
    assert_eq!((chosen(&state), state.row()), (MAIN, 1));
    // It has gone: its place is taken by the next.
    let mut changed = report();
    changed.sessions.remove(0);
    hear(&mut state, Heard::Report(Box::new(changed)));
    assert_eq!((chosen(&state), state.row()), (GROUP, 1));
    let mut nothing = report();
    nothing.sessions.clear();
    hear(&mut state, Heard::Report(Box::new(nothing)));
    assert_eq!(state.chosen, None);
    assert_eq!(type_in(&mut state, "sKty"), []);
}

#[test]
fn a_deed_is_done_after_a_yes_and_to_whom_it_was_asked_about() {
    let session = || SessionKey::from(BUSY);
    let deeds = [
        ('s', Deed::Stop { session: session() }),
        ('K', Deed::Kill { session: session() }),
        (
            't',
            Deed::KillJob {
                session: session(),
                job: JobId::from("job-3"),
            },
        ),
    ];
    for (key, deed) in deeds {
        let mut state = state();
        assert_eq!(type_in(&mut state, &key.to_string()), []);
        assert_eq!(state.front, Front::Asking(deed.clone()));
        let mut changed = report();
        changed.sessions.remove(1);
        hear(&mut state, Heard::Report(Box::new(changed)));
        assert_eq!(type_in(&mut state, "y"), [Effect::Do(deed)]);
        for no in [Key::Char('n'), Key::Enter, Key::Escape, Key::Char(' ')] {
            let mut state = self::state();
            type_in(&mut state, &key.to_string());
            assert_eq!(press(&mut state, [no]), []);
            assert_eq!(type_in(&mut state, "y"), []);
        }
    }
}

#[test]
fn a_tool_without_a_process_can_not_be_killed_alone() {
    let mut state = state();
    let mut changed = report();
    changed.sessions[1].tool.as_mut().unwrap().job = None;
    hear(&mut state, Heard::Report(Box::new(changed)));
    assert_eq!(type_in(&mut state, "ty"), []);
    let notice = state.notice.clone().unwrap();
    assert!(
        notice.is_bad && notice.words.contains("no process"),
        "{notice:?}"
    );
    press(&mut state, [Key::Down]);
    assert_eq!(type_in(&mut state, "ty"), []);
    assert_eq!(state.notice.unwrap().words, "no tool runs there");
}

#[test]
fn the_job_that_was_picked_is_killed_while_it_is_there() {
    let mut state = state();
    let watch = press(&mut state, [Key::Enter]);
    assert_eq!(watch, [Effect::Watch(Some(SessionKey::from(BUSY)))]);
    hear(&mut state, Heard::Inspected(Box::new(inspect(BUSY))));
    press(&mut state, [Key::Tab]);
    let killed = type_in(&mut state, "ty");
    let deed = |job: &str| {
        Effect::Do(Deed::KillJob {
            session: SessionKey::from(BUSY),
            job: JobId::from(job),
        })
    };
    assert_eq!(killed, [deed("job-2")]);
    let mut gone = inspect(BUSY);
    gone.jobs.remove(0);
    hear(&mut state, Heard::Inspected(Box::new(gone)));
    assert_eq!(type_in(&mut state, "ty"), [deed("job-3")]);
}

#[test]
fn the_pane_is_of_the_session_chosen() {
    let mut state = state();
    press(&mut state, [Key::Enter]);
    hear(&mut state, Heard::Inspected(Box::new(inspect(BUSY))));
    assert!(state.told().is_some());
    let watch = press(&mut state, [Key::Down]);
    assert_eq!(watch, [Effect::Watch(Some(SessionKey::from(MAIN)))]);
    assert_eq!(state.told(), None);
    // What was asked for before comes too late.
    hear(&mut state, Heard::Inspected(Box::new(inspect(BUSY))));
    assert_eq!(state.told(), None);
    let why = "there is no session".to_owned();
    let session = SessionKey::from(MAIN);
    hear(&mut state, Heard::NotInspected { session, why });
    assert!(state.pane.as_ref().unwrap().untold.is_some());
    assert_eq!(press(&mut state, [Key::Escape]), [Effect::Watch(None)]);
}

#[test]
fn a_pane_scrolls_no_further_than_there_are_lines() {
    let mut state = state();
    press(&mut state, [Key::Enter]);
    hear(&mut state, Heard::Inspected(Box::new(inspect(BUSY))));
    press(&mut state, [Key::PageDown; 20]);
    let scroll = state.pane.as_ref().unwrap().scroll;
    assert_eq!(scroll, detail::length(&inspect(BUSY), SIZE.width) - 1);
    press(&mut state, [Key::PageUp; 20]);
    assert_eq!(state.pane.unwrap().scroll, 0);
}

#[test]
fn the_filter_is_there_while_it_is_written_and_given_back_on_escape() {
    let mut state = state();
    type_in(&mut state, "/TELE");
    assert_eq!(names(&state), [GROUP]);
    press(&mut state, [Key::Enter]);
    type_in(&mut state, "/x");
    assert_eq!(names(&state), Vec::<String>::new());
    press(&mut state, [Key::Escape]);
    assert_eq!(names(&state), [GROUP]);
    press(&mut state, [Key::Escape]);
    assert_eq!(names(&state).len(), 3);
    type_in(&mut state, "/exec");
    assert_eq!(names(&state), [BUSY]);
    press(&mut state, [Key::Control('u'), Key::Enter]);
    type_in(&mut state, "/in turn");
    assert_eq!(names(&state), [BUSY]);
}

#[test]
fn what_is_pasted_is_no_key() {
    let mut state = state();
    let paste = |state: &mut State, text: &str| {
        state.update(Duration::ZERO, Event::Pasted(text.to_owned()))
    };
    assert_eq!(paste(&mut state, "Ky"), []);
    assert_eq!(state.front, Front::Table);
    type_in(&mut state, "/");
    paste(&mut state, &"a\n\u{1b}".repeat(200));
    assert_eq!(state.filter, "a".repeat(LONGEST_FILTER));
}

#[test]
fn a_gateway_that_went_is_told_of_and_one_that_came_back_is_not() {
    let mut state = state();
    assert_eq!(state.trouble(), None);
    let tick = |state: &mut State, s| state.update(Duration::from_secs(s), Event::Tick);
    tick(&mut state, 3);
    assert_eq!(state.trouble(), None);
    tick(&mut state, 4);
    assert_eq!(state.trouble(), Some(("it says nothing", QUIET_AFTER)));
    let why = "no gateway".to_owned();
    state.update(Duration::from_secs(5), Event::Heard(Heard::Lost { why }));
    assert_eq!(state.trouble().unwrap().0, "no gateway");
    // The last figures stay.
    assert_eq!(names(&state).len(), 3);
    let heard = Event::Heard(Heard::Report(Box::new(report())));
    state.update(Duration::from_secs(9), heard);
    assert_eq!(state.trouble(), None);
}

#[test]
fn a_word_goes_after_a_while() {
    let mut state = state();
    let words = "stopping".to_owned();
    hear(&mut state, Heard::Done { words });
    state.update(NOTICE_FOR - Duration::from_millis(1), Event::Tick);
    assert!(state.notice.is_some());
    state.update(NOTICE_FOR, Event::Tick);
    assert_eq!(state.notice, None);
}

#[test]
fn arrows_reach_every_column_and_come_back() {
    let mut state = state();
    let mut seen = BTreeSet::new();
    for _ in ALL {
        press(&mut state, [Key::Right]);
        seen.insert(format!("{:?}", state.order.column));
    }
    assert_eq!((seen.len(), state.order), (ALL.len(), BY_CPU));
    press(&mut state, [Key::Left, Key::Right]);
    assert_eq!(state.order, BY_CPU);
}

#[test]
fn keys_sort_and_say_so_again_to_reverse() {
    for column in ALL {
        let Some(key) = column.key() else { continue };
        let mut state = state();
        let other = if column == Column::Cpu { 'm' } else { 'c' };
        type_in(&mut state, &format!("{other}{key}"));
        assert_eq!((state.order.column, state.order.reversed), (column, false));
        let once = names(&state);
        type_in(&mut state, &key.to_string());
        assert!(state.order.reversed, "{column:?}");
        type_in(&mut state, "r");
        assert_eq!(names(&state), once, "{column:?}");
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => proptest::char::any().prop_map(Key::Char),
        12 => proptest::sample::select("qhjkgGr?/sKtyncmoad <>".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        1 => proptest::sample::select(vec!['c', 'z', 'l', 'u', 'w']).prop_map(Key::Control),
        12 => proptest::sample::select(vec![
            Key::Up, Key::Down, Key::Left, Key::Right, Key::PageUp, Key::PageDown, Key::Home,
            Key::End, Key::Enter, Key::Escape, Key::Backspace, Key::Tab,
        ]),
    ]
}

fn any_session() -> impl Strategy<Value = SessionUsage> {
    ("[a-d]{1,2}", any::<bool>(), any::<u32>(), any::<u64>()).prop_map(|(name, is_busy, cpu, n)| {
        let one = if is_busy { busy(&name) } else { idle(&name) };
        SessionUsage {
            cpu,
            memory: n,
            cost: (n % 3 == 0).then_some(f64::from(cpu)),
            ..one
        }
    })
}

fn any_report() -> impl Strategy<Value = UsageReport> {
    proptest::collection::vec(any_session(), 0..6).prop_map(|sessions| {
        let mut report = report();
        report.sessions = sessions;
        report
    })
}

pub(in crate::cli::top) fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => any_key().prop_map(Event::Key),
        1 => ".{0,10}".prop_map(Event::Pasted),
        2 => (0_u16..200, 0_u16..60).prop_map(|(width, height)| Event::Resized(Size { width, height })),
        4 => any_report().prop_map(|report| Event::Heard(Heard::Report(Box::new(report)))),
        3 => "[a-d]{1,2}".prop_map(|name| Event::Heard(Heard::Inspected(Box::new(inspect(&name))))),
        1 => ".{0,20}".prop_map(|why| Event::Heard(Heard::Lost { why })),
        1 => ".{0,20}".prop_map(|why| Event::Heard(Heard::NotDone { why })),
        1 => Just(Event::Tick),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_row_is_chosen_where_there_are_rows(
        events in proptest::collection::vec(any_event(), 0..60),
    ) {
        let mut state = state();
        for (at, event) in (0..).zip(events) {
            state.update(Duration::from_secs(at), event);
            let rows = state.rows();
            let row = rows.get(state.row()).map(|row| &row.session);
            prop_assert_eq!(row, state.chosen.as_ref());
            prop_assert_eq!(row.is_none(), rows.is_empty());
        }
    }

    #[test]
    fn nothing_is_done_that_was_not_asked_about_on_a_screen_that_shows_it(
        events in proptest::collection::vec(any_event(), 0..80),
    ) {
        let mut state = state();
        for event in events {
            let (before, key) = (state.front.clone(), event.clone());
            let is_seen = !state.is_too_small();
            for effect in state.update(Duration::ZERO, event) {
                if let Effect::Do(deed) = effect {
                    prop_assert!(is_seen);
                    prop_assert_eq!(before.clone(), Front::Asking(deed));
                    prop_assert!(matches!(key, Event::Key(Key::Char('y' | 'Y'))));
                }
            }
        }
    }

    #[test]
    fn three_escapes_and_a_q_leave_from_anywhere(
        events in proptest::collection::vec(any_event(), 0..40),
    ) {
        let mut state = state();
        for event in events {
            state.update(Duration::ZERO, event);
        }
        let keys = [Key::Escape, Key::Escape, Key::Escape, Key::Char('q')];
        prop_assert!(press(&mut state, keys).contains(&Effect::Leave));
    }

    #[test]
    fn rows_are_the_matches_in_order(report in any_report(), column in 0..ALL.len(), reversed: bool, filter in "[a-d]?") {
        let order = Order { column: ALL[column], reversed };
        let rows = order.rows(&report.sessions, &filter);
        for pair in rows.windows(2) {
            let by = order.column.compare(pair[0], pair[1]);
            let by = if order.rises() { by } else { by.reverse() };
            prop_assert!(by.is_le());
        }
        let matching = report.sessions.iter().filter(|one| {
            one.session.as_str().contains(&filter) || one.state.contains(&filter)
                || one.tool.as_ref().is_some_and(|tool| tool.name.contains(&filter))
        });
        prop_assert_eq!(rows.len(), matching.count());
    }
}
