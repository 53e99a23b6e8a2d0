//! Which frame an agent process may send when. A known frame at the wrong time is not answered with
//! an error: the process is killed, since our own agent never sends one.

use ipc::agent::{Ask, FromAgent, TurnOutcome};
use ipc::id::{CallId, CallRef, TurnId};
use ipc::tool_args::ToolArgs;
use ipc::transcript::ToolRequest;
use std::collections::BTreeMap;

/// What the permit table looks at.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The process has said hello.
    pub(super) greeted: bool,
    /// The turn that runs.
    pub(super) turn: Option<TurnId>,
    /// The turn was told to end.
    pub(super) cancelled: bool,
    /// The last ask's number.
    pub(super) last_call: Option<CallId>,
    /// A model call is under way.
    pub(super) model_asked: bool,
    /// Tool calls under way.
    pub(super) tools_asked: usize,
    /// Calls of the last answer that were neither asked nor rejected yet, as the model made them.
    pub(super) open: BTreeMap<CallRef, ToolRequest>,
}

/// Most tool calls of one answer that run side by side.
const MAX_TOOLS_AT_ONCE: usize = 64;

impl Standing {
    /// Whether `frame` may come now; the reason is for the log and the exit record.
    pub(super) fn permits(&self, frame: &FromAgent) -> Result<(), &'static str> {
        let in_turn = |turn: TurnId| {
            ok(
                self.turn == Some(turn),
                "a frame of a turn that does not run",
            )
        };
        match frame {
            FromAgent::Hello(_) => ok(!self.greeted, "a second hello"),
            _ if !self.greeted => Err("a frame before the hello"),
            FromAgent::Ask { call, ask } => {
                ok(self.turn.is_some(), "an ask outside a turn")?;
                ok(
                    self.last_call.is_none_or(|last| last < *call),
                    "an ask whose number was used",
                )?;
                self.permits_ask(ask)
            }
            FromAgent::Reject { request, .. } => {
                ok(self.turn.is_some(), "a rejection outside a turn")?;
                ok(
                    self.open.contains_key(request),
                    "a rejection of a call that is not open",
                )
            }
            FromAgent::Delta { turn, .. } | FromAgent::Undelta { turn } => in_turn(*turn),
            FromAgent::TurnDone { turn, outcome } => {
                in_turn(*turn)?;
                let busy = self.model_asked || self.tools_asked > 0;
                ok(
                    !busy || self.cancelled,
                    "the end of a turn that still waits for replies",
                )?;
                ok(
                    self.cancelled || *outcome != TurnOutcome::Cancelled,
                    "a cancelled turn that nobody cancelled",
                )
            }
        }
    }

    fn permits_ask(&self, ask: &Ask) -> Result<(), &'static str> {
        match ask {
            Ask::Model(_) => {
                ok(!self.model_asked, "a second model call at once")?;
                ok(
                    self.tools_asked == 0,
                    "a model call before its tools have ended",
                )?;
                ok(
                    self.open.is_empty(),
                    "a model call that leaves tool calls open",
                )
            }
            Ask::Tool(call) => {
                let asked = self.open.get(&call.request);
                let asked = asked.ok_or("a tool call that no answer asked for")?;
                ok(
                    is_read_from(&call.args, asked),
                    "a tool call with other arguments than the model gave",
                )?;
                ok(
                    self.tools_asked < MAX_TOOLS_AT_ONCE,
                    "too many tool calls at once",
                )
            }
            Ask::Note { .. } => {
                ok(
                    !self.model_asked && self.tools_asked == 0,
                    "a note in the middle of a call",
                )?;
                ok(self.open.is_empty(), "a note that leaves tool calls open")
            }
        }
    }

    /// The calls of a new answer are open.
    pub(super) fn opens(&mut self, item: ipc::id::ItemId, calls: &[ToolRequest]) {
        self.open = (0_u32..)
            .zip(calls)
            .map(|(index, call)| (CallRef { item, index }, call.clone()))
            .collect();
    }
}

/// Whether the arguments are what our own agent reads in the model's call: an agent chooses which
/// calls run, never what they do.
fn is_read_from(args: &ToolArgs, request: &ToolRequest) -> bool {
    ToolArgs::parse(&request.name, &request.arguments).is_ok_and(|asked| asked == *args)
}

fn ok(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::agent::ToolCall;
    use ipc::hello::Hello;
    use ipc::id::ItemId;
    use ipc::model::{ModelRequest, Purpose};
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
}
