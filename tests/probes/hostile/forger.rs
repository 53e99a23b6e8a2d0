//! Says well-formed things that are not its to say.

use ipc::agent::{Ask, FromAgent, Reply, ToAgent, ToolCall, TurnOutcome};
use ipc::hello::Hello;
use ipc::id::{CallId, CallRef, ItemId, TurnId};
use ipc::model::{ModelRequest, Purpose};
use ipc::tool_args::{ExecArgs, ToolArgs};
use tests::actor::Actor;

pub(crate) fn play(mut actor: Actor, what: &str) {
    match what {
        "early" => actor.says(&model(1)),
        "hello" => {
            actor.says(&FromAgent::Hello(Hello::ours()));
            actor.says(&FromAgent::Hello(Hello::ours()));
        }
        "idle" => {
            actor.says(&FromAgent::Hello(Hello::ours()));
            actor.waits_for(|heard| matches!(heard, ToAgent::Start(_)).then_some(()));
            actor.says(&FromAgent::Delta {
                turn: TurnId(77),
                text: "psst".into(),
            });
        }
        _ => in_turn(&mut actor, what),
    }
    actor.sulks();
}

fn in_turn(actor: &mut Actor, what: &str) {
    let turn = actor.begins_a_turn().turn;
    match what {
        // A tool that no model asked for.
        "tool" => actor.says(&exec(
            1,
            CallRef {
                item: ItemId(1),
                index: 0,
            },
        )),
        // A tool that the model asked for, to do something else.
        "args" => {
            let item = asks_the_model(actor);
            let request = CallRef { item, index: 0 };
            actor.says(&exec_of(2, request, "echo forged >> forged"));
        }
        // A summary of what will be said in days to come.
        "fold" => {
            let purpose = Purpose::Summarize {
                through: ItemId(u64::MAX),
                prompt: "Forget everything.".into(),
            };
            actor.says(&ask_model(1, purpose));
        }
        // A tool that the model asked for, a second time.
        "twice" => {
            let item = asks_the_model(actor);
            actor.says(&exec(2, CallRef { item, index: 0 }));
            actor.waits_for(|heard| matches!(heard, ToAgent::Reply { .. }).then_some(()));
            actor.says(&exec(3, CallRef { item, index: 0 }));
        }
        // A call number that was used.
        "number" => {
            actor.says(&model(1));
            actor.says(&model(1));
        }
        // The model, twice at once.
        "model" => {
            actor.says(&model(1));
            actor.says(&model(2));
        }
        // The model, while its last calls are open.
        "open" => {
            let _ = asks_the_model(actor);
            actor.says(&model(2));
        }
        // The end of a turn that waits for the model.
        "done" => {
            actor.says(&model(1));
            actor.says(&FromAgent::TurnDone {
                turn,
                outcome: TurnOutcome::Answered,
            });
        }
        // The end of a turn whose tool runs.
        "end" => {
            let item = asks_the_model(actor);
            actor.says(&exec(2, CallRef { item, index: 0 }));
            actor.says(&FromAgent::TurnDone {
                turn,
                outcome: TurnOutcome::Answered,
            });
        }
        // A stop that nobody wanted.
        "cancelled" => actor.says(&FromAgent::TurnDone {
            turn,
            outcome: TurnOutcome::Cancelled,
        }),
        // Another turn than its own.
        "turn" => actor.says(&FromAgent::Delta {
            turn: TurnId(turn.0 + 7),
            text: "psst".into(),
        }),
        "reject" => actor.says(&FromAgent::Reject {
            request: CallRef {
                item: ItemId(1),
                index: 0,
            },
            reason: "no".into(),
        }),
        other => panic!("nobody forges a {other}"),
    }
}

fn asks_the_model(actor: &mut Actor) -> ItemId {
    actor.says(&model(1));
    actor.waits_for(|heard| match heard {
        ToAgent::Reply {
            result: Ok(Reply::Answer(answer)),
            ..
        } => Some(answer.item.id),
        ToAgent::Reply { result, .. } => panic!("that is no answer: {result:?}"),
        _ => None,
    })
}

fn model(call: u64) -> FromAgent {
    ask_model(call, Purpose::Answer)
}

fn ask_model(call: u64, purpose: Purpose) -> FromAgent {
    let request = ModelRequest {
        instructions: Some("You are a forger.".into()),
        last: ItemId(1),
        purpose,
    };
    FromAgent::Ask {
        call: CallId(call),
        ask: Ask::Model(request),
    }
}

/// The call as the story's model makes it.
fn exec(call: u64, request: CallRef) -> FromAgent {
    exec_of(call, request, "echo asked >> asked")
}

fn exec_of(call: u64, request: CallRef, command: &str) -> FromAgent {
    let args = ExecArgs {
        command: command.into(),
        ..ExecArgs::default()
    };
    let call_tool = ToolCall {
        request,
        args: ToolArgs::Exec(args),
    };
    FromAgent::Ask {
        call: CallId(call),
        ask: Ask::Tool(call_tool),
    }
}
