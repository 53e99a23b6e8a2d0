//! What sessions use: the figures `openclaw top`, `sessions stats` and `/metrics` show.
//!
//! Bytes are bytes, times milliseconds unless a name says otherwise. CPU as a share is in thousandths
//! of one core: 1500 is a core and a half.

use crate::id::{AgentId, JobId, SessionKey};
use serde::{Deserialize, Serialize};

/// How a figure is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Counted by the kernel for the whole group (cgroup).
    Exact,
    /// Read from `/proc` once a second: what lives shorter may be missed.
    #[default]
    Sampled,
}

/// All sessions that have processes, and the gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageReport {
    /// When it was taken, milliseconds since 1970.
    pub at: i64,
    /// Processors of the machine.
    pub cores: u32,
    /// Memory of the machine.
    pub memory_total: u64,
    /// Memory of the machine that could be had now.
    pub memory_available: u64,
    /// The gateway's own process.
    pub gateway: ProcessUsage,
    /// How limits hold: `enforced` by cgroup, or `sampled`.
    pub limits: Precision,
    /// Each live session; no order is promised.
    pub sessions: Vec<SessionUsage>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProcessUsage {
    /// Its id, as the gateway sees it.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// What `ps` shows.
    pub title: String,
    /// The kernel's letter: `R`, `S`, `D`, `Z`, `T`.
    pub state: String,
    /// Share of a core over the last second, in thousandths.
    pub cpu: u32,
    /// CPU time since its start.
    pub cpu_ms: u64,
    /// Its share of memory (PSS); resident size where that could not be read.
    pub memory: u64,
    /// Since its start.
    pub age_ms: u64,
}

/// What one session uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionUsage {
    /// Which.
    pub session: SessionKey,
    /// Whose.
    pub agent: AgentId,
    /// `starting`, `idle`, `in turn`, …
    pub state: String,
    /// The tool that runs now, and for how long.
    pub tool: Option<RunningTool>,
    /// Processes of it, agent and tools together.
    pub processes: u32,
    /// Share of a core over the last second, in thousandths.
    pub cpu: u32,
    /// CPU time in all, ended processes included.
    pub cpu_ms: u64,
    /// Memory now (PSS).
    pub memory: u64,
    /// The most memory it had at once since its first process.
    pub memory_peak: u64,
    /// Bytes read from disk.
    pub read: u64,
    /// Bytes written to disk.
    pub written: u64,
    /// Bytes that came to it from the network.
    pub received: u64,
    /// Bytes that it sent to the network.
    pub sent: u64,
    /// Connections it made through the proxy.
    pub connections: u64,
    /// Connections the egress policy denied.
    pub denied: u64,
    /// Model calls.
    pub model_calls: u64,
    /// Tokens it sent to models.
    pub tokens_in: u64,
    /// Tokens that came back.
    pub tokens_out: u64,
    /// What that cost in US dollars, where the price is known.
    pub cost: Option<f64>,
    /// Since its first process started.
    pub age_ms: u64,
    /// The level of its walls.
    pub level: Option<u8>,
    /// How CPU and memory are known.
    pub precision: Precision,
    /// CPU share of the last seconds, oldest first, in thousandths of a core; at most 120.
    pub history: Vec<u32>,
}

/// A tool that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTool {
    /// Its name.
    pub name: String,
    /// Its job, where it has a process of its own.
    pub job: Option<JobId>,
    /// Since it began.
    pub age_ms: u64,
}

/// One session, closer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionInspect {
    /// Its figures.
    pub usage: SessionUsage,
    /// Its processes, each after its parent.
    pub tree: Vec<ProcessUsage>,
    /// Its jobs that run.
    pub jobs: Vec<JobId>,
    /// Whom it spoke to, most bytes first; at most 50.
    pub destinations: Vec<Destination>,
    /// What last happened to it, oldest first: lines of the audit log in words; at most 20.
    pub events: Vec<String>,
}

/// Somebody a session's tools spoke to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// `host:port`.
    pub host: String,
    /// Connections made.
    pub connections: u64,
    /// Bytes both ways.
    pub bytes: u64,
    /// Connections denied.
    pub denied: u64,
}

/// What was used on one day by one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayUsage {
    /// `2026-11-22`, UTC.
    pub day: String,
    /// Whose.
    pub agent: AgentId,
    /// Sessions that did something.
    pub sessions: u64,
    /// CPU time.
    pub cpu_ms: u64,
    /// The most memory one session had at once.
    pub memory_peak: u64,
    /// Bytes from the network.
    pub received: u64,
    /// Bytes to the network.
    pub sent: u64,
    /// Model calls.
    pub model_calls: u64,
    /// Tokens to models.
    pub tokens_in: u64,
    /// Tokens from models.
    pub tokens_out: u64,
    /// US dollars, where prices are known.
    pub cost: Option<f64>,
}
