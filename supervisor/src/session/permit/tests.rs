//! Laws of what an agent may send, and when.

use super::*;
use ipc::agent::ToolCall;
use ipc::hello::Hello;
use ipc::id::ItemId;
use ipc::tool_args::ExecArgs;

const TURN: TurnId = TurnId(3);
const CALL: CallRef = CallRef {
    item: ItemId(7),
    index: 0,
};

fn in_turn() -> Standing {
    Standing {
        greeted: true,
        turn: Some(TURN),
        ..Standing::default()
    }
}

fn ask(ask: Ask) -> FromAgent {
    FromAgent::Ask {
        call: CallId(1),
        ask,
    }
}

fn model() -> FromAgent {
    ask(Ask::Model(ModelRequest {
        instructions: None,
        last: ItemId(7),
        purpose: Purpose::Answer,
    }))
}

fn tool() -> FromAgent {
    ask(Ask::Tool(ToolCall {
        request: CALL,
        args: ToolArgs::Exec(ExecArgs::default()),
    }))
}

fn request(arguments: &str) -> ToolRequest {
    ToolRequest {
        id: "call_1".into(),
        name: "exec".into(),
        arguments: arguments.into(),
    }
}

fn done(outcome: TurnOutcome) -> FromAgent {
    FromAgent::TurnDone {
        turn: TURN,
        outcome,
    }
}

#[test]
fn nothing_is_heard_before_the_hello_and_no_second_one() {
    assert!(Standing::default().permits(&model()).is_err());
    assert!(
        Standing::default()
            .permits(&FromAgent::Hello(Hello::ours()))
            .is_ok()
    );
    assert!(in_turn().permits(&FromAgent::Hello(Hello::ours())).is_err());
}

#[test]
fn an_idle_agent_may_say_nothing() {
    let idle = Standing {
        greeted: true,
        ..Standing::default()
    };
    for frame in [model(), tool(), done(TurnOutcome::Answered)] {
        assert!(idle.permits(&frame).is_err(), "{frame:?}");
    }
}

#[test]
fn an_agent_that_was_told_to_fold_may_ask_for_a_summary_and_nothing_else() {
    let folding = Standing {
        greeted: true,
        folding: true,
        ..Standing::default()
    };
    let summary = ask(Ask::Model(ModelRequest {
        instructions: None,
        last: ItemId(7),
        purpose: Purpose::Summarize {
            through: ItemId(6),
            prompt: "Fold.".into(),
        },
    }));
    let folded = FromAgent::Compacted { outcome: Ok(true) };
    assert!(folding.permits(&summary).is_ok());
    assert!(folding.permits(&folded).is_ok());
    assert!(in_turn().permits(&folded).is_err());
    for frame in [model(), tool(), done(TurnOutcome::Answered), delta(1)] {
        assert!(folding.permits(&frame).is_err(), "{frame:?}");
    }
    let asked = Standing {
        model_asked: true,
        ..folding
    };
    assert!(asked.permits(&summary).is_err() && asked.permits(&folded).is_err());
}

#[test]
fn a_tool_runs_only_when_the_model_asked_for_it_and_only_once() {
    let mut standing = in_turn();
    assert!(standing.permits(&tool()).is_err());
    standing.open.insert(CALL, request(r#"{"command":""}"#));
    assert!(standing.permits(&tool()).is_ok());
    standing.open.remove(&CALL);
    assert!(standing.permits(&tool()).is_err());
}

#[test]
fn a_tool_runs_only_as_the_model_asked_for_it() {
    let mut standing = in_turn();
    for other in [r#"{"command":"rm -rf ."}"#, "{}", "no JSON"] {
        standing.open.insert(CALL, request(other));
        assert!(standing.permits(&tool()).is_err(), "{other}");
    }
}

#[test]
fn the_model_is_asked_only_when_every_call_has_ended() {
    assert!(in_turn().permits(&model()).is_ok());
    let open = Standing {
        open: [(CALL, request("{}"))].into(),
        ..in_turn()
    };
    assert!(open.permits(&model()).is_err());
    let running = Standing {
        tools_asked: 1,
        ..in_turn()
    };
    assert!(running.permits(&model()).is_err());
    let asked = Standing {
        model_asked: true,
        ..in_turn()
    };
    assert!(asked.permits(&model()).is_err());
}

#[test]
fn a_turn_ends_when_every_call_has_ended() {
    let open = Standing {
        open: [(CALL, request("{}"))].into(),
        ..in_turn()
    };
    assert!(open.permits(&done(TurnOutcome::Answered)).is_err());
    let cancelled = Standing {
        cancelled: true,
        ..open
    };
    assert!(cancelled.permits(&done(TurnOutcome::Cancelled)).is_ok());
}

#[test]
fn an_ask_number_is_used_once() {
    let standing = Standing {
        last_call: Some(CallId(1)),
        ..in_turn()
    };
    assert!(standing.permits(&model()).is_err());
}

#[test]
fn a_turn_ends_when_nothing_is_awaited_or_it_was_cancelled() {
    let waiting = Standing {
        model_asked: true,
        ..in_turn()
    };
    assert!(waiting.permits(&done(TurnOutcome::Answered)).is_err());
    let cancelled = Standing {
        cancelled: true,
        ..waiting
    };
    assert!(cancelled.permits(&done(TurnOutcome::Cancelled)).is_ok());
    assert!(in_turn().permits(&done(TurnOutcome::Cancelled)).is_err());
    assert!(
        in_turn()
            .permits(&FromAgent::TurnDone {
                turn: TurnId(9),
                outcome: TurnOutcome::Answered
            })
            .is_err()
    );
}

fn delta(bytes: usize) -> FromAgent {
    FromAgent::Delta {
        turn: TURN,
        text: "x".repeat(bytes),
    }
}

/// How many of these are permitted, one after the other.
fn how_many(mut standing: Standing, frames: impl Iterator<Item = FromAgent>) -> usize {
    let permitted = |frame: &FromAgent| {
        let holds = standing.permits(frame).is_ok();
        standing.count(frame);
        holds
    };
    frames.take_while(permitted).count()
}

#[test]
fn what_a_turn_shows_has_a_bound() {
    let quarters = (0..100).map(|_| delta(MAX_SAID / 4));
    assert_eq!(how_many(in_turn(), quarters), 4);
    assert!(in_turn().permits(&delta(MAX_SAID + 1)).is_err());
    let mut standing = in_turn();
    standing.count(&delta(MAX_SAID));
    standing.count(&FromAgent::Undelta { turn: TURN });
    standing.count(&model());
    assert!(standing.permits(&delta(1)).is_err());
}

#[test]
fn the_pieces_of_an_answer_have_a_bound() {
    let undelta = || FromAgent::Undelta { turn: TURN };
    let flood = (0..MAX_PIECES * 4).map(|n| if n % 2 == 0 { delta(9) } else { undelta() });
    assert_eq!(how_many(in_turn(), flood), MAX_PIECES as usize * 2);
    let mut standing = Standing {
        pieces: MAX_PIECES,
        ..in_turn()
    };
    assert!(standing.permits(&delta(1)).is_err());
    standing.count(&model());
    assert!(standing.permits(&delta(1)).is_ok());
}

#[test]
fn only_what_was_shown_is_taken_back_and_only_once() {
    let undelta = FromAgent::Undelta { turn: TURN };
    let mut standing = in_turn();
    assert!(standing.permits(&undelta).is_err());
    standing.count(&delta(1));
    assert!(standing.permits(&undelta).is_ok());
    standing.count(&undelta);
    assert!(standing.permits(&undelta).is_err());
}

#[test]
fn notes_prompts_and_rejections_have_bounds() {
    let note = |bytes| {
        ask(Ask::Note {
            text: "x".repeat(bytes),
        })
    };
    assert!(in_turn().permits(&note(MAX_NOTE + 1)).is_err());
    let standing = Standing {
        notes: MAX_NOTES,
        ..in_turn()
    };
    assert!(standing.permits(&note(1)).is_err());
    let prompt = |instructions: usize, wish: usize| {
        ask(Ask::Model(ModelRequest {
            instructions: Some("x".repeat(instructions)),
            last: ItemId(7),
            purpose: Purpose::Summarize {
                through: ItemId(3),
                prompt: "x".repeat(wish),
            },
        }))
    };
    assert!(in_turn().permits(&prompt(MAX_PROMPT, MAX_PROMPT)).is_ok());
    assert!(in_turn().permits(&prompt(MAX_PROMPT + 1, 1)).is_err());
    assert!(in_turn().permits(&prompt(1, MAX_PROMPT + 1)).is_err());
    let mut standing = in_turn();
    standing.open.insert(CALL, request("{}"));
    let reject = |bytes| FromAgent::Reject {
        request: CALL,
        reason: "x".repeat(bytes),
    };
    assert!(standing.permits(&reject(MAX_NOTE)).is_ok());
    assert!(standing.permits(&reject(MAX_NOTE + 1)).is_err());
}

#[test]
fn a_spent_budget_is_told_and_not_discussed() {
    let mut standing = in_turn();
    for _ in 0..MAX_REFUSED {
        assert!(standing.permits(&model()).is_ok());
        standing.refuses();
    }
    assert!(standing.permits(&model()).is_err());
    standing.begins(TURN, BTreeMap::new());
    assert!(standing.permits(&model()).is_ok());
}
