//! Figures for tests.

use ipc::id::{AgentId, JobId, SessionKey};
use ipc::meter::{
    Destination, Precision, ProcessUsage, RunningTool, SessionInspect, SessionUsage, UsageReport,
};

/// A session that does nothing.
pub(super) fn idle(name: &str) -> SessionUsage {
    SessionUsage {
        session: SessionKey::from(name),
        agent: AgentId::from("main"),
        state: "idle".to_owned(),
        tool: None,
        processes: 1,
        cpu: 0,
        cpu_ms: 120,
        memory: 2 << 20,
        memory_peak: 3 << 20,
        read: 0,
        written: 4096,
        received: 0,
        sent: 0,
        connections: 0,
        denied: 0,
        model_calls: 2,
        tokens_in: 3_400,
        tokens_out: 210,
        cost: None,
        age_ms: 90_000,
        level: Some(3),
        precision: Precision::Sampled,
        history: vec![0; 30],
    }
}

/// A session that builds something.
pub(super) fn busy(name: &str) -> SessionUsage {
    SessionUsage {
        state: "in turn".to_owned(),
        tool: Some(RunningTool {
            name: "exec".to_owned(),
            job: Some(JobId::from("job-3")),
            age_ms: 12_400,
        }),
        processes: 9,
        cpu: 1730,
        cpu_ms: 754_000,
        memory: 612 << 20,
        memory_peak: 900 << 20,
        read: 33 << 20,
        written: 210 << 20,
        received: 120 << 20,
        sent: 1 << 20,
        connections: 41,
        denied: 2,
        model_calls: 14,
        tokens_in: 182_000,
        tokens_out: 6_100,
        cost: Some(0.4213),
        age_ms: 4_020_000,
        history: (0..120).map(|at| at * 17 % 2000).collect(),
        ..idle(name)
    }
}

/// Three sessions on a small machine.
pub(super) fn report() -> UsageReport {
    UsageReport {
        at: 1_795_000_000_000,
        cores: 8,
        memory_total: 32 << 30,
        memory_available: 20 << 30,
        gateway: ProcessUsage {
            pid: 1,
            parent: 0,
            title: "openclaw gateway".to_owned(),
            state: "S".to_owned(),
            cpu: 4,
            cpu_ms: 9_000,
            memory: 21 << 20,
            age_ms: 360_000_000,
        },
        limits: Precision::Sampled,
        sessions: vec![
            idle("agent:main:main"),
            busy("agent:backend-dev:subagent:3f0c"),
            idle("agent:main:telegram:group:-100123456"),
        ],
    }
}

fn process(pid: i32, parent: i32, title: &str) -> ProcessUsage {
    ProcessUsage {
        pid,
        parent,
        title: title.to_owned(),
        state: "S".to_owned(),
        cpu: 5,
        cpu_ms: 300,
        memory: 5 << 20,
        age_ms: 12_400,
    }
}

/// The busy one, closer.
pub(super) fn inspect(name: &str) -> SessionInspect {
    SessionInspect {
        usage: busy(name),
        tree: vec![
            process(40, 1, "openclaw-agent [agent:backend-dev:subagent:3f0c]"),
            process(
                57,
                1,
                "openclaw-jail [agent:backend-dev:subagent:3f0c job-3]",
            ),
            process(
                58,
                57,
                "openclaw-toolbox [agent:backend-dev:subagent:3f0c job-3] exec",
            ),
            process(59, 58, "bash -c cargo test"),
            process(60, 59, "cargo test"),
        ],
        jobs: vec![JobId::from("job-2"), JobId::from("job-3")],
        destinations: vec![
            Destination {
                host: "static.crates.io:443".to_owned(),
                connections: 40,
                bytes: 121 << 20,
                denied: 0,
            },
            Destination {
                host: "169.254.169.254:80".to_owned(),
                connections: 0,
                bytes: 0,
                denied: 2,
            },
        ],
        events: vec![
            "18:02:11 spawned openclaw-toolbox at level 3".to_owned(),
            "18:02:13 denied by egress policy: 169.254.169.254".to_owned(),
        ],
    }
}
