//! What is used: examples.

use crate::examples::session;
use ipc::id::{AgentId, JobId};
use ipc::meter::{DayUsage, Precision, ProcessUsage, RunningTool, SessionUsage, UsageReport};

pub(super) fn process_usage() -> ProcessUsage {
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

pub(super) fn session_usage() -> SessionUsage {
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

pub(super) fn used() -> UsageReport {
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

pub(super) fn day() -> DayUsage {
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
