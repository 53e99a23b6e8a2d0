//! The wire, held still: one snapshot per variant of everything that can be said, so that a change
//! of the language is a diff somebody reads, and a build that stops when a variant has none.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use ipc::agent::{
    Ask, ContextLimits, FromAgent, Manual, OpenCall, Reply, SessionStart, ToAgent, ToolCall,
    ToolSummary, TurnOutcome, TurnStart,
};
use ipc::approval::{ApprovalDecision, ApprovalEnd, ApprovalRequest};
use ipc::control::{
    Activity, ChannelStatus, FinalReply, FromSupervisor, HealthReport, ModelStatus, ModelsReport,
    Paired, PairingRequest, PartHealth, ProfileStatus, ReplyStatus, SessionDetail, SessionSummary,
    Stay, Submit, ToSupervisor, WallsReport,
};
use ipc::frame::{self, FrameError};
use ipc::hello::Hello;
use ipc::id::{AgentId, CallId, CallRef, InputId, ItemId, JobId, SessionKey, TurnId};
use ipc::meter::{
    DayUsage, Destination, Precision, ProcessUsage, RunningTool, SessionInspect, SessionUsage,
    UsageReport,
};
use ipc::model::{Answer, ModelEvent, ModelRequest, Purpose, StopReason, Usage};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool::{Capture, ExecDefaults, FromTool, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::{
    AgentsListArgs, ApplyPatchArgs, EditArgs, ExecArgs, ExecAsk, ExecSecurity, LsArgs,
    ProcessAction, ProcessArgs, ReadArgs, Replacement, SessionStatusArgs, ToolArgs, WriteArgs,
};
use ipc::transcript::{Carried, Image, ItemKind, ItemOutline, ToolRequest, TranscriptItem};
use ipc::walls::{Behind, LayerDetail, WallsDetail};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// One test an enum: every variant has its snapshot, is read back as it was, and fits a frame.
/// Without an example of each variant this does not compile.
macro_rules! snapshots {
    ($test:ident: $kind:ident { $($variant:ident => $example:expr,)+ }) => {
        #[test]
        fn $test() {
            for (name, example) in [$((stringify!($variant), $example)),+] {
                let is_called = match &example {
                    $($kind::$variant { .. } => stringify!($variant),)+
                };
                assert_eq!(is_called, name);
                hold_still(&format!("{}_{name}", stringify!($kind)), &example);
            }
        }
    };
}

fn hold_still<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, message: &T) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(name, message);
    });
    let mut bytes = Vec::new();
    frame::encode(message, &mut bytes).unwrap();
    assert_eq!(&read::<T>(&bytes).unwrap(), message);
}

fn read<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, FrameError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(frame::read(&mut bytes))
}

// === agent ===

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

// === model ===

snapshots!(what_streams: ModelEvent {
    Text => ModelEvent::Text { delta: "It ".into() },
    Restart => ModelEvent::Restart { reason: "the stream was cut".into() },
});

snapshots!(what_a_model_is_asked_for: Purpose {
    Answer => Purpose::Answer,
    Summarize => Purpose::Summarize { through: ItemId(6), prompt: "Sum up.".into() },
});

snapshots!(why_a_model_stops: StopReason {
    End => StopReason::End,
    ToolCalls => StopReason::ToolCalls,
    Length => StopReason::Length,
    Filtered => StopReason::Filtered,
});

// === transcript ===

snapshots!(what_is_stored: TranscriptItem {
    User => TranscriptItem::User {
        input: InputId(4),
        text: "run echo hi".into(),
        images: vec![Image {
            blob: "1f0e.jpg".into(),
            mime: "image/jpeg".into(),
            bytes: 48_000,
        }],
    },
    Answer => TranscriptItem::Answer {
        text: "On it.".into(),
        tool_calls: vec![request()],
        model: "openai/gpt-4o".into(),
        usage: usage(),
        carried: Some(Carried { api: "openai-responses".into(), items: vec![json!({ "type": "reasoning" })] }),
    },
    Outcome => TranscriptItem::Outcome {
        call: call_ref(),
        tool: "exec".into(),
        outcome: ToolOutcome::Exited { code: 0, output: Capture::whole("hi\n") },
        behind: Some(Behind { level: 3, walls: "exec".into() }),
    },
    Note => TranscriptItem::Note { text: "a fallback was taken".into() },
    Summary => TranscriptItem::Summary { through: ItemId(6), text: "So far …".into() },
});

snapshots!(kinds_of_items: ItemKind {
    User => ItemKind::User,
    Answer => ItemKind::Answer,
    Outcome => ItemKind::Outcome,
    Note => ItemKind::Note,
    Summary => ItemKind::Summary,
});

snapshots!(kinds_of_no: RefusalKind {
    Denied => RefusalKind::Denied,
    Invalid => RefusalKind::Invalid,
    NotFound => RefusalKind::NotFound,
    OverBudget => RefusalKind::OverBudget,
    ContextFull => RefusalKind::ContextFull,
    Unavailable => RefusalKind::Unavailable,
    Cancelled => RefusalKind::Cancelled,
});

// === tool ===

snapshots!(what_a_toolbox_hears: ToTool {
    Start => ToTool::Start(ToolStart {
        workspace: "/home/me/.openclaw/workspace".into(),
        env: [("HOME".to_owned(), "/home/me".to_owned())].into(),
        job: JobId::from("job-1"),
        exec: ExecDefaults { yield_ms: 10_000, timeout_ms: 1_800_000, output_bytes: 200_000, shows_all: false },
        files_anywhere: false,
    }),
    Run => ToTool::Run { call: CallId(1), args: ToolArgs::AgentsList(AgentsListArgs {}) },
    Cancel => ToTool::Cancel { call: CallId(1) },
});

snapshots!(what_a_toolbox_says: FromTool {
    Hello => FromTool::Hello(hello()),
    Output => FromTool::Output { call: CallId(1), text: "hi\n".into() },
    Done => FromTool::Done { call: CallId(1), outcome: ToolOutcome::Interrupted },
    JobEnded => FromTool::JobEnded {
        outcome: ToolOutcome::Exited { code: 0, output: Capture::default() },
    },
});

snapshots!(how_a_call_ends: ToolOutcome {
    Exited => ToolOutcome::Exited { code: 1, output: Capture::whole("no such file\n") },
    Signaled => ToolOutcome::Signaled { signal: 9, output: Capture::default() },
    TimedOut => ToolOutcome::TimedOut { after_ms: 2_000, output: Capture::whole("1\n") },
    Running => ToolOutcome::Running { job: JobId::from("job-1"), output: Capture::whole("1\n") },
    Text => ToolOutcome::Text { text: "line 1".into() },
    Denied => ToolOutcome::Denied { reason: "exec is off".into() },
    Stopped => ToolOutcome::Stopped {
        reason: "2.0 GiB memory limit".into(),
        output: Capture::whole("1\n"),
    },
    Cancelled => ToolOutcome::Cancelled {
        output: Capture { head: "a".into(), dropped: 7, tail: "z".into() },
    },
    Interrupted => ToolOutcome::Interrupted,
    Failed => ToolOutcome::Failed { reason: "no such file".into() },
});

snapshots!(what_tools_take: ToolArgs {
    Exec => ToolArgs::Exec(ExecArgs {
        command: "echo hi".into(),
        workdir: Some("src".into()),
        env: [("A".to_owned(), "1".to_owned())].into(),
        yield_ms: Some(500),
        background: true,
        timeout: Some(60),
        pty: true,
        security: Some(ExecSecurity::Allowlist),
        ask: Some(ExecAsk::OnMiss),
        elevated: true,
    }),
    Process => ToolArgs::Process(process(ProcessAction::SendKeys)),
    Read => ToolArgs::Read(ReadArgs { path: "a.txt".into(), offset: Some(2), limit: Some(3) }),
    Write => ToolArgs::Write(WriteArgs { path: "a.txt".into(), content: "x\n".into() }),
    Edit => ToolArgs::Edit(EditArgs {
        path: "a.txt".into(),
        old_text: Some("x".into()),
        new_text: Some("y".into()),
        edits: vec![Replacement { old_text: "a".into(), new_text: "b".into() }],
    }),
    ApplyPatch => ToolArgs::ApplyPatch(ApplyPatchArgs { input: "*** Begin Patch".into() }),
    Ls => ToolArgs::Ls(LsArgs { path: Some("src".into()), limit: Some(5), after: Some("a".into()) }),
    SessionStatus => ToolArgs::SessionStatus(SessionStatusArgs {
        session_key: Some("agent:main:main".into()),
        model: Some("openai/gpt-4o".into()),
    }),
    AgentsList => ToolArgs::AgentsList(AgentsListArgs {}),
});

snapshots!(what_process_does: ProcessAction {
    List => ProcessAction::List,
    Poll => ProcessAction::Poll,
    Log => ProcessAction::Log,
    Write => ProcessAction::Write,
    SendKeys => ProcessAction::SendKeys,
    Submit => ProcessAction::Submit,
    Paste => ProcessAction::Paste,
    Kill => ProcessAction::Kill,
    Clear => ProcessAction::Clear,
    Remove => ProcessAction::Remove,
});

snapshots!(what_exec_may: ExecSecurity {
    Deny => ExecSecurity::Deny,
    Allowlist => ExecSecurity::Allowlist,
    Full => ExecSecurity::Full,
});

snapshots!(when_exec_asks: ExecAsk {
    Off => ExecAsk::Off,
    OnMiss => ExecAsk::OnMiss,
    Always => ExecAsk::Always,
});

// === control ===

fn channel() -> ChannelStatus {
    ChannelStatus {
        channel: "telegram".into(),
        account: "default".into(),
        ok: true,
        name: "@our_bot".into(),
        mode: "polling".into(),
        detail: "ok".into(),
        polled_at: Some(1_760_000_000_000),
        lag_ms: 0,
        waiting: 0,
        held: 1,
        unreadable: 0,
        unsent: 2,
        last_error: Some((1_760_000_000_000, "502 Bad Gateway".into())),
    }
}

snapshots!(what_a_client_says: ToSupervisor {
    Hello => ToSupervisor::Hello(hello()),
    Submit => ToSupervisor::Submit(Submit {
        key: "9f1c".into(),
        agent: Some(AgentId::from("main")),
        session: Some(session()),
        text: "run echo hi".into(),
    }),
    Place => ToSupervisor::Place { agent: Some(AgentId::from("main")), session: None },
    Attach => ToSupervisor::Attach { session: session() },
    Stop => ToSupervisor::Stop { session: session() },
    Health => ToSupervisor::Health,
    Models => ToSupervisor::Models,
    SessionsList => ToSupervisor::SessionsList,
    SessionsShow => ToSupervisor::SessionsShow { session: session(), limit: Some(20) },
    SessionsReset => ToSupervisor::SessionsReset { session: session() },
    Kill => ToSupervisor::Kill { session: session(), job: Some(JobId::from("job-1")) },
    Approvals => ToSupervisor::Approvals,
    Approve => ToSupervisor::Approve {
        id: "k7f2".into(),
        decision: ApprovalDecision::AllowOnce,
    },
    Walls => ToSupervisor::Walls { session: Some(session()) },
    Run => ToSupervisor::Run { session: None, command: vec!["ls".into(), "-l".into()] },
    Usage => ToSupervisor::Usage,
    Inspect => ToSupervisor::Inspect { session: session() },
    Stats => ToSupervisor::Stats { days: 7 },
    Channels => ToSupervisor::Channels { probe: true },
    Pairings => ToSupervisor::Pairings,
    Pair => ToSupervisor::Pair { code: "K7F2M9QX".into(), approve: true },
    Unpair => ToSupervisor::Unpair {
        channel: "telegram".into(),
        account: None,
        sender: "4217".into(),
    },
    Reload => ToSupervisor::Reload,
    Shutdown => ToSupervisor::Shutdown,
});

snapshots!(what_a_client_hears: FromSupervisor {
    Hello => FromSupervisor::Hello(hello()),
    Placed => FromSupervisor::Placed { session: session(), stay: Stay::Service },
    Accepted => FromSupervisor::Accepted { input: InputId(4), session: session(), again: false },
    Delta => FromSupervisor::Delta { text: "It ".into() },
    Undelta => FromSupervisor::Undelta,
    Activity => FromSupervisor::Activity(Activity::Notice { text: "a fallback was taken".into() }),
    Final => FromSupervisor::Final(FinalReply {
        text: "It printed hi.".into(),
        input: InputId(4),
        session: session(),
        status: ReplyStatus::Ok,
        model: "openai/gpt-4o".into(),
        usage: usage(),
    }),
    Health => FromSupervisor::Health(health()),
    Models => FromSupervisor::Models(models()),
    Sessions => FromSupervisor::Sessions { sessions: vec![summary()] },
    Session => FromSupervisor::Session(SessionDetail {
        summary: summary(),
        items: vec![json!({ "id": 1, "turn": 1 })],
    }),
    Approvals => FromSupervisor::Approvals { pending: vec![approval()] },
    Walls => FromSupervisor::Walls(Box::new(walls())),
    Channels => FromSupervisor::Channels { channels: vec![channel()] },
    Pairings => FromSupervisor::Pairings {
        pending: vec![PairingRequest {
            channel: "telegram".into(),
            account: "default".into(),
            sender: "4217".into(),
            name: "Ada (@ada)".into(),
            code: "K7F2M9QX".into(),
            asked_at: 1_760_000_000_000,
            expires_at: 1_760_003_600_000,
        }],
        paired: vec![Paired {
            channel: "telegram".into(),
            account: "default".into(),
            sender: "99".into(),
            owner: true,
        }],
    },
    Output => FromSupervisor::Output { text: "hi\n".into() },
    Exited => FromSupervisor::Exited { code: 137, reason: Some("2.0 GiB memory limit".into()) },
    Usage => FromSupervisor::Usage(Box::new(used())),
    Inspected => FromSupervisor::Inspected(Box::new(SessionInspect {
        usage: session_usage(),
        tree: vec![process_usage()],
        jobs: vec![JobId::from("job-1")],
        destinations: vec![Destination {
            host: "example.org:443".into(),
            connections: 2,
            bytes: 4096,
            denied: 0,
        }],
        events: vec!["exec was denied".into()],
    })),
    Stats => FromSupervisor::Stats { days: vec![day()] },
    Done => FromSupervisor::Done { message: "stopping".into() },
    Refused => FromSupervisor::Refused(refusal()),
});

snapshots!(how_long_a_gateway_stays: Stay {
    Service => Stay::Service,
    Command => Stay::Command,
});

snapshots!(what_an_agent_does_besides: Activity {
    ToolBegan => Activity::ToolBegan { tool: "exec".into(), detail: "echo hi".into() },
    ToolEnded => Activity::ToolEnded { tool: "exec".into(), verdict: "ok".into() },
    ApprovalAsked => Activity::ApprovalAsked(approval()),
    ApprovalEnded => Activity::ApprovalEnded(ApprovalEnd {
        id: "k7f2".into(),
        decision: Some(ApprovalDecision::Deny),
        by: "cli".into(),
    }),
    Notice => Activity::Notice { text: "a fallback was taken".into() },
});

snapshots!(what_a_person_decides: ApprovalDecision {
    AllowOnce => ApprovalDecision::AllowOnce,
    AllowAlways => ApprovalDecision::AllowAlways,
    Deny => ApprovalDecision::Deny,
});

snapshots!(how_figures_are_known: Precision {
    Exact => Precision::Exact,
    Sampled => Precision::Sampled,
});

snapshots!(how_a_reply_is_meant: ReplyStatus {
    Ok => ReplyStatus::Ok,
    Cancelled => ReplyStatus::Cancelled,
    Failed => ReplyStatus::Failed,
});

// === what no wire may do ===

proptest! {
    /// Bytes of any kind, framed or not, are an error or a message: never a panic.
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>, framed: bool) {
        let bytes = if framed { framed_bytes(&bytes) } else { bytes };
        read_as_anything(&bytes);
    }

    /// Nor does JSON that is nearly right.
    #[test]
    fn nearly_right_json_never_panics(
        kind in "(ask|hello|reply|turn|submit|run|done|start|tool|model|exited|[a-z_]{0,6})",
        inner in "(ask|call|text|args|turn|result|Ok|Err|[a-z]{0,4})",
        value in prop_oneof![Just(json!(null)), any::<i64>().prop_map(|n| json!(n)), ".{0,8}".prop_map(|s| json!(s))],
    ) {
        let body = json!({ "type": kind, inner.clone(): { "type": kind, inner: value } });
        read_as_anything(&framed_bytes(body.to_string().as_bytes()));
    }
}

fn framed_bytes(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len())
        .expect("it is short")
        .to_le_bytes();
    [&length, body].concat()
}

fn read_as_anything(bytes: &[u8]) {
    let _ = read::<ToAgent>(bytes);
    let _ = read::<FromAgent>(bytes);
    let _ = read::<ToTool>(bytes);
    let _ = read::<FromTool>(bytes);
    let _ = read::<ToSupervisor>(bytes);
    let _ = read::<FromSupervisor>(bytes);
}

// === examples ===

fn hello() -> Hello {
    Hello {
        protocol: 1,
        version: "0.1.0".into(),
    }
}

fn session() -> SessionKey {
    SessionKey::from("agent:main:main")
}

fn usage() -> Usage {
    Usage {
        input: 100,
        output: 20,
        cached: 80,
    }
}

fn refusal() -> Refusal {
    Refusal::new(RefusalKind::Unavailable, "no model could answer")
}

fn call_ref() -> CallRef {
    CallRef {
        item: ItemId(8),
        index: 0,
    }
}

fn request() -> ToolRequest {
    ToolRequest {
        id: "call_1".into(),
        name: "exec".into(),
        arguments: r#"{"command":"echo hi"}"#.into(),
    }
}

fn outline(id: u64, kind: ItemKind) -> ItemOutline {
    ItemOutline {
        id: ItemId(id),
        kind,
        tokens: 11,
    }
}

fn process(action: ProcessAction) -> ProcessArgs {
    ProcessArgs {
        action,
        session_id: Some("job-1".into()),
        data: Some("y\n".into()),
        keys: vec!["C-c".into()],
        hex: vec!["1b".into()],
        literal: Some("q".into()),
        text: Some("pasted".into()),
        bracketed: Some(true),
        eof: true,
        offset: Some(0),
        limit: Some(200),
        timeout: Some(1000),
    }
}

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

fn health() -> HealthReport {
    let part = |name: &str| PartHealth {
        name: name.into(),
        ok: true,
        detail: "ok".into(),
    };
    HealthReport {
        ok: true,
        version: "0.1.0".into(),
        pid: 1,
        uptime_ms: 1_000,
        state_dir: "/home/me/.openclaw".into(),
        channels: vec![part("cli")],
        agents: vec![AgentId::from("main")],
        models: vec!["openai/gpt-4o".into()],
        walls: WallsReport {
            level: Some(3),
            layers: vec![part("landlock")],
            network: "none".into(),
            minimum: 3,
            limits: "sampled".into(),
        },
        live_agents: 1,
        sessions: 2,
        notices: vec!["a key is not known".into()],
    }
}

fn models() -> ModelsReport {
    ModelsReport {
        chain: vec![ModelStatus {
            model: "openai/gpt-4o".into(),
            usable: true,
            detail: "ok".into(),
            context_window: 128_000,
        }],
        agents: vec![(AgentId::from("backend-dev"), vec!["openai/o3-mini".into()])],
        profiles: vec![ProfileStatus {
            id: "openai:default".into(),
            provider: "openai".into(),
            kind: "api_key".into(),
            source: "OPENAI_API_KEY".into(),
            status: "ok".into(),
            usable: true,
        }],
    }
}

fn summary() -> SessionSummary {
    SessionSummary {
        session: session(),
        agent: AgentId::from("main"),
        state: "idle".into(),
        updated_at: 1_790_000_000_000,
        items: 4,
        usage: usage(),
        pid: Some(40),
    }
}

fn approval() -> ApprovalRequest {
    ApprovalRequest {
        id: "k7f2".into(),
        session: session(),
        command: "make install".into(),
        workdir: "src".into(),
        reason: "tools.exec.ask is always".into(),
        elevated: false,
        program: Some("/usr/bin/make".into()),
        asked_at: 1_790_000_000_000,
        expires_at: 1_790_000_120_000,
    }
}

fn walls() -> WallsDetail {
    WallsDetail {
        session: session(),
        level: Some(3),
        minimum: 3,
        layers: vec![LayerDetail {
            name: "private root".into(),
            asked: true,
            holds: true,
            proof: "read outside: no such file".into(),
            mend: None,
        }],
        missing: Some("cgroup limits".into()),
        read: vec!["/usr".into()],
        write: vec!["/home/me/.openclaw/workspace".into()],
        protect: vec!["/home/me/.openclaw/workspace/.git/hooks".into()],
        user: "uid 1000, the workspace's owner".into(),
        network: "public internet through the proxy".into(),
        limits: vec!["memory: 4 GiB, sampled".into()],
        exec: "any command".into(),
        elevated: None,
    }
}

fn process_usage() -> ProcessUsage {
    ProcessUsage {
        pid: 59,
        parent: 58,
        title: "openclaw-toolbox".into(),
        state: "S".into(),
        cpu: 1500,
        cpu_ms: 20,
        memory: 1 << 20,
        age_ms: 2_000,
    }
}

fn session_usage() -> SessionUsage {
    SessionUsage {
        session: session(),
        agent: AgentId::from("main"),
        state: "in turn".into(),
        tool: Some(RunningTool {
            name: "exec".into(),
            job: Some(JobId::from("job-1")),
            age_ms: 500,
        }),
        processes: 4,
        cpu: 900,
        cpu_ms: 1_200,
        memory: 9 << 20,
        memory_peak: 12 << 20,
        read: 1,
        written: 2,
        received: 3,
        sent: 4,
        connections: 5,
        denied: 6,
        model_calls: 7,
        tokens_in: 8,
        tokens_out: 9,
        cost: Some(0.5),
        age_ms: 10_000,
        level: Some(3),
        precision: Precision::Sampled,
        history: vec![0, 900],
    }
}

fn used() -> UsageReport {
    UsageReport {
        at: 1_790_000_000_000,
        cores: 2,
        memory_total: 24 << 30,
        memory_available: 20 << 30,
        gateway: process_usage(),
        limits: Precision::Exact,
        sessions: vec![session_usage()],
    }
}

fn day() -> DayUsage {
    DayUsage {
        day: "2026-11-22".into(),
        agent: AgentId::from("main"),
        sessions: 2,
        cpu_ms: 60_000,
        memory_peak: 12 << 20,
        received: 1,
        sent: 2,
        model_calls: 3,
        tokens_in: 4,
        tokens_out: 5,
        cost: None,
    }
}
