//! Laws of a turn, whatever its supervisor answers.

use super::*;
use crate::transcript::Transcript;
use ipc::agent::ContextLimits;
use ipc::model::Usage;
use ipc::tool_args::ToolArgs;
use ipc::transcript::ToolRequest;
use proptest::prelude::*;

/// What a supervisor may do next.
#[derive(Debug, Clone)]
enum Move {
    /// Answer one of the open asks; `pick` says which.
    Answer { pick: usize, words: Words },
    /// Refuse one of the open asks.
    Refuse { pick: usize, kind: RefusalKind },
    /// Say that input waits, and have it taken by the next answer or not.
    Steer { taken: bool },
    /// Something that is no answer to an open ask.
    Stray,
    /// Abandon the turn.
    Cancel,
}

/// What the model answers, when it is the model that answers.
#[derive(Debug, Clone, Default)]
struct Words {
    text: &'static str,
    /// Of each call, whether it can be asked.
    calls: Vec<bool>,
    tokens: u32,
    stop: Option<StopReason>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    Model,
    Tool(CallRef),
    Note,
    Summary(ItemId),
}

/// A supervisor that keeps the real store and holds the turn to its manners.
struct World {
    turn: TurnState,
    transcript: Transcript,
    open: Vec<Asked>,
    /// Every item, and of an outcome the answer it belongs to.
    stored: Vec<(ItemOutline, Option<ItemId>)>,
    /// Stored, and not told yet.
    untold: Vec<ItemOutline>,
    folded: ItemId,
    ends: Vec<TurnOutcome>,
    asked: BTreeSet<CallRef>,
    effects: usize,
}

impl World {
    fn new(limits: ContextLimits, history: u64) -> Self {
        let mut stored = Vec::new();
        for id in 1..=history {
            let kind = [ItemKind::User, ItemKind::Answer, ItemKind::Outcome][(id % 3) as usize];
            let owner = (kind == ItemKind::Outcome).then(|| ItemId(id - 1));
            stored.push((outline(id, kind, 100), owner));
        }
        stored.push((outline(history + 1, ItemKind::User, 50), None));
        let items = stored.iter().map(|(item, _)| *item).collect();
        let mut transcript = Transcript::new(items, limits, 100);
        let (turn, effects) = TurnState::begin(Vec::new(), &mut transcript);
        let mut world = Self {
            turn,
            transcript,
            open: Vec::new(),
            stored,
            untold: Vec::new(),
            folded: ItemId(0),
            ends: Vec::new(),
            asked: BTreeSet::new(),
            effects: 0,
        };
        world.obey(effects);
        world
    }

    fn store(&mut self, kind: ItemKind, tokens: u32, owner: Option<ItemId>) -> ItemOutline {
        let item = outline(self.stored.len() as u64 + 1, kind, tokens);
        self.stored.push((item, owner));
        item
    }

    fn step(&mut self, input: Input) {
        let was_done = self.turn.is_done();
        let effects = self.turn.step(input, &mut self.transcript);
        assert!(
            !was_done || effects.is_empty(),
            "a turn that is over is over"
        );
        self.obey(effects);
    }

    fn obey(&mut self, effects: Vec<Effect>) {
        self.effects += effects.len();
        for effect in effects {
            match effect {
                Effect::AskModel => self.open_alone(Asked::Model),
                Effect::Note { .. } => self.open_alone(Asked::Note),
                Effect::Summarize { through } => {
                    self.check_cut(through);
                    self.open_alone(Asked::Summary(through));
                }
                Effect::AskTool(call) => {
                    assert!(self.asked.insert(call.request), "a call is asked once");
                    self.open.push(Asked::Tool(call.request));
                }
                Effect::Reject { request, .. } => {
                    assert!(self.asked.insert(request), "a call is asked once");
                    let item = self.store(ItemKind::Outcome, 30, Some(request.item));
                    self.untold.push(item);
                }
                Effect::End(outcome) => {
                    self.ends.push(outcome);
                    self.open.clear();
                }
            }
        }
        assert!(self.ends.len() <= 1, "a turn ends once");
        assert_eq!(self.turn.is_done(), !self.ends.is_empty());
        assert!(self.turn.is_done() || !self.open.is_empty(), "never stuck");
    }

    fn open_alone(&mut self, asked: Asked) {
        assert!(self.open.is_empty(), "{asked:?} while {:?}", self.open);
        self.open.push(asked);
    }

    fn check_cut(&self, through: ItemId) {
        for (item, owner) in &self.stored {
            if let Some(owner) = owner {
                assert_eq!(
                    item.id <= through,
                    *owner <= through,
                    "an answer parted from {item:?}"
                );
            }
        }
        let news = self.stored.iter().any(|(item, _)| {
            item.kind != ItemKind::Summary && item.id > self.folded && item.id <= through
        });
        assert!(news, "a fold folds something new");
    }

    fn make(&mut self, next: &Move) {
        match next {
            Move::Answer { pick, words } => {
                if let Some(asked) = self.take(*pick) {
                    self.answer(asked, words);
                }
            }
            Move::Refuse { pick, kind } => {
                if let Some(asked) = self.take(*pick) {
                    self.refuse(asked, *kind);
                }
            }
            Move::Steer { taken } => {
                if *taken {
                    let item = self.store(ItemKind::User, 40, None);
                    self.untold.push(item);
                }
                self.step(Input::Steer);
            }
            Move::Stray => self.stray(),
            Move::Cancel => self.step(Input::Cancel),
        }
    }

    fn take(&mut self, pick: usize) -> Option<Asked> {
        let count = self.open.len();
        (count > 0).then(|| self.open.remove(pick % count))
    }

    fn answer(&mut self, asked: Asked, words: &Words) {
        let input = match asked {
            Asked::Model => self.model_answer(words),
            Asked::Tool(request) => Input::CallEnded {
                request,
                item: self.store(ItemKind::Outcome, words.tokens, Some(request.item)),
            },
            Asked::Note => Input::Noted {
                item: self.store(ItemKind::Note, 20, None),
            },
            Asked::Summary(through) => {
                self.folded = self.folded.max(through);
                Input::Folded {
                    through,
                    item: self.store(ItemKind::Summary, words.tokens, None),
                }
            }
        };
        self.step(input);
    }

    fn model_answer(&mut self, words: &Words) -> Input {
        let taken = std::mem::take(&mut self.untold);
        let item = self.store(ItemKind::Answer, words.tokens, None);
        let calls = (0..).zip(&words.calls).map(|(index, good)| {
            let request = CallRef {
                item: item.id,
                index,
            };
            if *good {
                let args = ToolArgs::AgentsList(ipc::tool_args::AgentsListArgs {});
                Call::Run(ToolCall { request, args })
            } else {
                let reason = "bad".to_owned();
                Call::Reject { request, reason }
            }
        });
        let request = ToolRequest {
            id: "x".into(),
            name: "agents_list".into(),
            arguments: String::new(),
        };
        Input::Answered {
            calls: calls.collect(),
            answer: Box::new(Answer {
                item,
                taken,
                text: words.text.to_owned(),
                tool_calls: vec![request; words.calls.len()],
                stop: words.stop.unwrap_or(StopReason::End),
                usage: Usage {
                    input: words.tokens.into(),
                    ..Usage::default()
                },
            }),
        }
    }

    fn refuse(&mut self, asked: Asked, kind: RefusalKind) {
        let refusal = Refusal::new(kind, "no");
        let input = match asked {
            Asked::Tool(request) => {
                if kind != RefusalKind::Cancelled {
                    let item = self.store(ItemKind::Outcome, 30, Some(request.item));
                    self.untold.push(item);
                }
                Input::CallRefused { request, refusal }
            }
            Asked::Model | Asked::Note | Asked::Summary(_) => Input::Refused { refusal },
        };
        self.step(input);
    }

    /// The end of a call that was never asked.
    fn stray(&mut self) {
        let before = self.effects;
        let request = CallRef {
            item: ItemId(u64::MAX),
            index: 0,
        };
        let item = self.stored[0].0;
        self.step(Input::CallEnded { request, item });
        assert_eq!(self.effects, before, "a stray reply does nothing");
    }
}

fn outline(id: u64, kind: ItemKind, tokens: u32) -> ItemOutline {
    ItemOutline {
        id: ItemId(id),
        kind,
        tokens,
    }
}

const KINDS: [RefusalKind; 7] = [
    RefusalKind::Denied,
    RefusalKind::Invalid,
    RefusalKind::NotFound,
    RefusalKind::OverBudget,
    RefusalKind::ContextFull,
    RefusalKind::Unavailable,
    RefusalKind::Cancelled,
];

fn words() -> impl Strategy<Value = Words> {
    let text = prop::sample::select(vec!["", " ", "NO_REPLY", "done"]);
    let stop = prop::sample::select(vec![
        None,
        Some(StopReason::Length),
        Some(StopReason::Filtered),
    ]);
    let calls = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<bool>(), 0..4),];
    (text, calls, 0..3000u32, stop).prop_map(|(text, calls, tokens, stop)| Words {
        text,
        calls,
        tokens,
        stop,
    })
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let pick = 0..8usize;
    let one = prop_oneof![
        12 => (pick.clone(), words()).prop_map(|(pick, words)| Move::Answer { pick, words }),
        3 => (pick, prop::sample::select(KINDS.to_vec()))
            .prop_map(|(pick, kind)| Move::Refuse { pick, kind }),
        2 => any::<bool>().prop_map(|taken| Move::Steer { taken }),
        1 => Just(Move::Stray),
    ];
    prop::collection::vec(one, 0..60)
}

fn limits() -> impl Strategy<Value = ContextLimits> {
    (0..6000u32, 0..3000u32, 0..1000u32, any::<bool>()).prop_map(
        |(window, reserve, flush_margin, memory_flush)| ContextLimits {
            window,
            reserve,
            flush_margin,
            memory_flush,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_turn_is_never_stuck_and_ends_once(limits in limits(), history in 0..30u64, moves in moves()) {
        let mut world = World::new(limits, history);
        for next in &moves {
            world.make(next);
        }
    }

    #[test]
    fn a_turn_ends_soon_once_the_model_stops_calling(
        limits in limits(), history in 0..30u64, moves in moves(),
    ) {
        let mut world = World::new(limits, history);
        for next in &moves {
            world.make(next);
        }
        let last = Words { text: "done", ..Words::default() };
        for _ in 0..40 {
            world.make(&Move::Answer { pick: 0, words: last.clone() });
        }
        prop_assert!(world.turn.is_done(), "{:?}", world.turn);
    }

    #[test]
    fn a_turn_ends_soon_when_all_is_refused(
        limits in limits(), history in 0..30u64, moves in moves(),
    ) {
        let mut world = World::new(limits, history);
        for next in &moves {
            world.make(next);
        }
        for _ in 0..40 {
            world.make(&Move::Refuse { pick: 0, kind: RefusalKind::ContextFull });
        }
        prop_assert!(world.turn.is_done(), "{:?}", world.turn);
    }

    #[test]
    fn a_cancelled_turn_ends_at_once(limits in limits(), history in 0..30u64, moves in moves()) {
        let mut world = World::new(limits, history);
        for next in &moves {
            world.make(next);
        }
        let was_done = world.turn.is_done();
        world.make(&Move::Cancel);
        prop_assert!(world.turn.is_done());
        prop_assert!(was_done || world.ends == [TurnOutcome::Cancelled]);
    }
}

// === the arrows of the picture ===

const ROOMY: ContextLimits = ContextLimits {
    window: 100_000,
    reserve: 1000,
    flush_margin: 1000,
    memory_flush: true,
};

const TIGHT: ContextLimits = ContextLimits {
    window: 1000,
    reserve: 100,
    flush_margin: 50,
    memory_flush: false,
};

fn says(text: &'static str) -> Move {
    calls_and_says(&[], text)
}

fn calls(calls: &[bool]) -> Move {
    calls_and_says(calls, "")
}

fn calls_and_says(calls: &[bool], text: &'static str) -> Move {
    let words = Words {
        text,
        calls: calls.to_vec(),
        tokens: 10,
        stop: None,
    };
    Move::Answer { pick: 0, words }
}

fn refuses(kind: RefusalKind) -> Move {
    Move::Refuse { pick: 0, kind }
}

/// Plays `moves` after a turn's begin; the asks that are open then, and the end.
fn check(limits: ContextLimits, history: u64, moves: &[Move]) -> (Vec<Asked>, Vec<TurnOutcome>) {
    let mut world = World::new(limits, history);
    moves.iter().for_each(|next| world.make(next));
    (world.open, world.ends)
}

fn end_of(moves: &[Move]) -> TurnOutcome {
    let (_, ends) = check(ROOMY, 3, moves);
    ends.into_iter().next().unwrap()
}

#[test]
fn an_answer_without_calls_ends_the_turn() {
    assert_eq!(end_of(&[says("done")]), TurnOutcome::Answered);
    assert_eq!(end_of(&[says(" NO_REPLY\n")]), TurnOutcome::Silent);
}

#[test]
fn all_calls_are_asked_at_once_and_the_model_again_when_all_have_ended() {
    let two = calls(&[true, true]);
    let (open, _) = check(ROOMY, 0, std::slice::from_ref(&two));
    assert!(matches!(open[..], [Asked::Tool(_), Asked::Tool(_)]));
    let (open, _) = check(ROOMY, 0, &[two.clone(), says("")]);
    assert!(matches!(open[..], [Asked::Tool(_)]));
    let (open, _) = check(ROOMY, 0, &[two, says(""), refuses(RefusalKind::Denied)]);
    assert_eq!(open, [Asked::Model]);
}

#[test]
fn of_very_many_calls_a_few_are_asked_at_a_time_and_none_is_forgotten() {
    let many = calls(&[true; CALLS_AT_ONCE * 3]);
    let mut moves = vec![many];
    for _ in 0..=CALLS_AT_ONCE * 2 {
        let (open, _) = check(ROOMY, 0, &moves);
        assert_eq!(open.len(), CALLS_AT_ONCE);
        moves.push(says(""));
    }
    for left in (1..CALLS_AT_ONCE).rev() {
        let (open, _) = check(ROOMY, 0, &moves);
        assert_eq!(open.len(), left);
        moves.push(says(""));
    }
    let (open, _) = check(ROOMY, 0, &moves);
    assert_eq!(open, [Asked::Model]);
}

#[test]
fn an_answer_of_bad_calls_only_goes_back_to_the_model() {
    let (open, _) = check(ROOMY, 0, &[calls(&[false, false])]);
    assert_eq!(open, [Asked::Model]);
}

#[test]
fn a_steered_turn_asks_the_model_once_more_and_only_once() {
    let untaken = Move::Steer { taken: false };
    let taken = Move::Steer { taken: true };
    let (open, _) = check(ROOMY, 0, &[untaken.clone(), says("one")]);
    assert_eq!(open, [Asked::Model]);
    assert_eq!(
        end_of(&[untaken, says("one"), says("two")]),
        TurnOutcome::Answered
    );
    assert_eq!(end_of(&[taken, says("one")]), TurnOutcome::Answered);
}

#[test]
fn an_empty_answer_is_asked_again_once() {
    let (open, _) = check(ROOMY, 0, &[says(" ")]);
    assert_eq!(open, [Asked::Note]);
    let end = end_of(&[says(" "), says("noted"), says("")]);
    assert!(matches!(end, TurnOutcome::Failed { .. }));
}

#[test]
fn a_context_that_is_full_is_folded_once_and_then_fails() {
    let full = refuses(RefusalKind::ContextFull);
    let (open, _) = check(ROOMY, 6, std::slice::from_ref(&full));
    assert!(matches!(open[..], [Asked::Summary(_)]));
    let (open, _) = check(ROOMY, 6, &[full.clone(), says("summary")]);
    assert_eq!(open, [Asked::Model]);
    let (_, ends) = check(ROOMY, 6, &[full.clone(), says("summary"), full]);
    let [TurnOutcome::Failed { reason }] = &ends[..] else {
        panic!("{ends:?}");
    };
    assert_eq!(reason.kind, RefusalKind::ContextFull);
}

#[test]
fn a_refused_model_ends_the_turn_with_its_reason() {
    for kind in [
        RefusalKind::OverBudget,
        RefusalKind::Unavailable,
        RefusalKind::Denied,
    ] {
        let reason = Refusal::new(kind, "no");
        assert_eq!(end_of(&[refuses(kind)]), TurnOutcome::Failed { reason });
    }
    assert_eq!(
        end_of(&[refuses(RefusalKind::Cancelled)]),
        TurnOutcome::Cancelled
    );
}

#[test]
fn a_long_history_is_folded_before_the_model_is_asked() {
    let (open, _) = check(TIGHT, 12, &[]);
    assert!(matches!(open[..], [Asked::Summary(_)]));
}

#[test]
fn a_fold_that_fails_does_not_fail_the_turn() {
    let (open, _) = check(TIGHT, 12, &[refuses(RefusalKind::Unavailable)]);
    assert_eq!(open, [Asked::Model]);
}

#[test]
fn memory_is_flushed_unseen_then_history_folded_then_the_turn_goes_on() {
    let limits = ContextLimits {
        memory_flush: true,
        ..TIGHT
    };
    // 9 items of 100, the input and what is guessed for the rest: over the flush mark.
    let mut world = World::new(limits, 7);
    assert_eq!(world.open, [Asked::Note]);
    for next in [says("noted"), calls(&[true])] {
        world.make(&next);
        assert!(!world.turn.is_shown());
    }
    world.make(&says("written"));
    assert_eq!(world.open, [Asked::Model]);
    world.make(&says("NO_REPLY"));
    assert_eq!(world.open, [Asked::Note]);
    world.make(&says("noted"));
    assert!(matches!(world.open[..], [Asked::Summary(_)]));
    world.make(&says("summary"));
    assert_eq!(world.open, [Asked::Model]);
    assert!(world.turn.is_shown());
}

#[test]
fn a_turn_cut_off_after_its_last_answer_has_only_to_end() {
    let items = vec![
        outline(1, ItemKind::User, 9),
        outline(2, ItemKind::Answer, 9),
    ];
    let mut transcript = Transcript::new(items, ROOMY, 0);
    let (_, effects) = TurnState::begin(Vec::new(), &mut transcript);
    assert_eq!(effects, [Effect::End(TurnOutcome::Answered)]);
}
