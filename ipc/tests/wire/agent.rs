//! What the gateway and an agent say to each other.

use crate::examples::{call_ref, hello, outline, refusal, request, session, usage};
use crate::still::snapshots;
use ipc::agent::{
    Ask, ContextLimits, FromAgent, Manual, OpenCall, Reply, SessionStart, ToAgent, ToolCall,
    ToolSummary, TurnOutcome, TurnStart,
};
use ipc::id::{AgentId, CallId, ItemId, TurnId};
use ipc::model::{Answer, ModelEvent, ModelRequest, Purpose, StopReason};
use ipc::tool::{Capture, ToolOutcome};
use ipc::tool_args::{LsArgs, ToolArgs};
use ipc::transcript::ItemKind;

snapshots!(what_an_agent_hears: ToAgent {
    Start => ToAgent::Start(session_start()),
    Turn => ToAgent::Turn(TurnStart {
        turn: TurnId(3),
        new_items: vec![outline(7, ItemKind::User)],
        open_calls: vec![OpenCall { request: call_ref(), call: request() }],
    }),
    Steer => ToAgent::Steer { turn: TurnId(3) },
    Model => ToAgent::Model { call: CallId(5), event: ModelEvent::Text { delta: "It ".into() } },
    Reply => ToAgent::Reply { call: CallId(5), result: Err(refusal()) },
    Compact => ToAgent::Compact { instructions: "keep the names".into() },
    Cancel => ToAgent::Cancel { turn: TurnId(3) },
    Shutdown => ToAgent::Shutdown,
});

snapshots!(what_an_agent_says: FromAgent {
    Hello => FromAgent::Hello(hello()),
    Ask => FromAgent::Ask { call: CallId(5), ask: Ask::Note { text: "flush".into() } },
    Reject => FromAgent::Reject { request: call_ref(), reason: "there is no tool named \"rm\"".into() },
    Delta => FromAgent::Delta { turn: TurnId(3), text: "It ".into() },
    Undelta => FromAgent::Undelta { turn: TurnId(3) },
    Compacted => FromAgent::Compacted { outcome: Ok(true) },
    TurnDone => FromAgent::TurnDone { turn: TurnId(3), outcome: TurnOutcome::Answered },
});

snapshots!(what_an_agent_asks: Ask {
    Model => Ask::Model(ModelRequest {
        instructions: Some("You are …".into()),
        last: ItemId(7),
        purpose: Purpose::Answer,
    }),
    Tool => Ask::Tool(ToolCall { request: call_ref(), args: ToolArgs::Ls(LsArgs::default()) }),
    Note => Ask::Note { text: "flush".into() },
});

snapshots!(what_an_agent_is_answered: Reply {
    Answer => Reply::Answer(Answer {
        item: outline(8, ItemKind::Answer),
        taken: vec![outline(7, ItemKind::User)],
        text: "On it.".into(),
        tool_calls: vec![request()],
        stop: StopReason::ToolCalls,
        usage: usage(),
    }),
    Tool => Reply::Tool {
        item: outline(9, ItemKind::Outcome),
        outcome: ToolOutcome::Exited { code: 0, output: Capture::default() },
    },
    Stored => Reply::Stored { item: outline(9, ItemKind::Note) },
});

snapshots!(how_a_turn_ends: TurnOutcome {
    Answered => TurnOutcome::Answered,
    Silent => TurnOutcome::Silent,
    Cancelled => TurnOutcome::Cancelled,
    Failed => TurnOutcome::Failed { reason: refusal() },
});

fn session_start() -> SessionStart {
    SessionStart {
        session: session(),
        agent: AgentId::from("main"),
        manuals: vec![Manual {
            name: "AGENTS.md".into(),
            text: "# Manual".into(),
        }],
        facts: vec!["Date: today".into()],
        tools: vec![ToolSummary {
            name: "exec".into(),
            summary: "Run a shell command.".into(),
        }],
        context: ContextLimits {
            window: 128_000,
            reserve: 20_000,
            flush_margin: 4_000,
            memory_flush: true,
        },
        outline: vec![outline(6, ItemKind::Summary)],
    }
}
