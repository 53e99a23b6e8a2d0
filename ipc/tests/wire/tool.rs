//! What the gateway and a toolbox say to each other, and what tools take.

use crate::examples::hello;
use crate::still::snapshots;
use ipc::id::{CallId, JobId};
use ipc::tool::{Capture, ExecDefaults, FromTool, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::{
    AgentsListArgs, ApplyPatchArgs, EditArgs, ExecArgs, ExecAsk, ExecSecurity, LsArgs,
    ProcessAction, ProcessArgs, ReadArgs, Replacement, SessionStatusArgs, ToolArgs, WriteArgs,
};

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
