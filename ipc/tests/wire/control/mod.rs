//! What the gateway and its clients say to each other.

mod reports;
mod figures;

use crate::examples::{hello, refusal, session, usage};
use crate::still::snapshots;
use figures::{day, process_usage, session_usage, used};
use ipc::approval::{ApprovalDecision, ApprovalEnd};
use ipc::control::{
    Activity, FinalReply, FromSupervisor, Paired, PairingRequest, ReplyStatus, SessionDetail, Stay,
    Submit, ToSupervisor,
};
use ipc::id::{AgentId, InputId, JobId};
use ipc::meter::{Destination, Precision, SessionInspect};
use reports::{approval, channel, health, models, summary, walls};
use serde_json::json;

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
