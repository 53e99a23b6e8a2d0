//! How things are: examples.

use crate::examples::{session, usage};
use ipc::approval::ApprovalRequest;
use ipc::control::{
    ChannelStatus, HealthReport, ModelStatus, ModelsReport, PartHealth, ProfileStatus,
    SessionSummary, WallsReport,
};
use ipc::id::AgentId;
use ipc::walls::{LayerDetail, WallsDetail};

pub(super) fn channel() -> ChannelStatus {
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
        undelivered: 1,
        last_undelivered: Some((
            1_760_000_000_000,
            "Forbidden: bot was blocked by the user".into(),
        )),
    }
}

pub(super) fn health() -> HealthReport {
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

pub(super) fn models() -> ModelsReport {
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

pub(super) fn summary() -> SessionSummary {
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

pub(super) fn approval() -> ApprovalRequest {
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

pub(super) fn walls() -> WallsDetail {
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
