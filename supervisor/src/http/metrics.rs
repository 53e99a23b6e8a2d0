//! What the gateway counts, for whoever watches many of them.

use super::Pages;
use super::prometheus::{Figures, Kind};
use crate::audit::Kind as Recorded;
use crate::egress;
use crate::session::PhaseName;
use std::collections::BTreeMap;

/// Every state is told, also that nobody is in it.
const PHASES: [PhaseName; 6] = [
    PhaseName::Cold,
    PhaseName::Starting,
    PhaseName::Idle,
    PhaseName::InTurn,
    PhaseName::Stopping,
    PhaseName::Backoff,
];

/// The whole page.
pub(super) async fn page(pages: &Pages) -> String {
    let mut figures = Figures::default();
    gateway(&mut figures, pages);
    sessions(&mut figures, pages).await;
    work(&mut figures, pages);
    usage(&mut figures, pages);
    network(&mut figures);
    record(&mut figures, pages);
    store(&mut figures, pages).await;
    super::channels::figures(&mut figures, pages).await;
    figures.finish()
}

fn gateway(figures: &mut Figures, pages: &Pages) {
    let version = env!("CARGO_PKG_VERSION");
    figures.family("build_info", Kind::Gauge, "The gateway's version.");
    figures.labelled("build_info", "version", version, 1);
    let uptime = pages.began.elapsed().as_secs_f64();
    figures.one(
        "uptime_seconds",
        Kind::Gauge,
        "Since the gateway started.",
        uptime,
    );
    if let Some((resident, shared)) = memory() {
        let about = "Memory of the gateway's own process that is resident.";
        figures.one(
            "process_resident_memory_bytes",
            Kind::Gauge,
            about,
            resident,
        );
        let about = "Of that, what is of files and shared.";
        figures.one("process_shared_memory_bytes", Kind::Gauge, about, shared);
    }
    if let Some(level) = pages.services.level() {
        let about = "The level of the walls around tools that was proven, 0 to 4.";
        figures.one("walls_level", Kind::Gauge, about, level);
    }
    let complains = u8::from(pages.services.complaint().is_some());
    let about = "Whether the configuration on disk is wrong and an older one in force.";
    figures.one("config_complaint", Kind::Gauge, about, complains);
}

async fn sessions(figures: &mut Figures, pages: &Pages) {
    let views = pages.router.views().await;
    let mut by_state: BTreeMap<&str, u64> = PHASES.map(|phase| (phase.as_str(), 0)).into();
    for view in views.values() {
        *by_state.entry(view.phase.as_str()).or_default() += 1;
    }
    let about = "Sessions in memory, by what they do.";
    figures.each(("sessions", Kind::Gauge, about), "state", by_state);
    let agents = views.values().filter(|view| view.pid.is_some()).count();
    figures.one("agents", Kind::Gauge, "Agent processes that live.", agents);
    let waiting: usize = views.values().map(|view| view.waiting).sum();
    let about = "Messages that wait for a turn.";
    figures.one("messages_waiting", Kind::Gauge, about, waiting);
}

fn work(figures: &mut Figures, pages: &Pages) {
    let counts = pages.services.store.counts();
    let about = "Turns that ended, by how.";
    figures.each(
        ("turns_total", Kind::Counter, about),
        "outcome",
        counts.turns(),
    );
    let about = "Tool calls that ended, by how.";
    figures.each(
        ("tool_calls_total", Kind::Counter, about),
        "outcome",
        counts.calls(),
    );
    let about = "Answers of models.";
    figures.one(
        "model_calls_total",
        Kind::Counter,
        about,
        counts.model_calls(),
    );
    let used = counts.usage();
    let tokens = [
        ("input", used.input),
        ("output", used.output),
        ("cached", used.cached),
    ];
    let about = "Tokens of models; cached ones are part of the input.";
    figures.each(("tokens_total", Kind::Counter, about), "kind", tokens);
}

/// What live sessions use, by agent: their keys may name people, and there is no end of them.
fn usage(figures: &mut Figures, pages: &Pages) {
    let report = pages.services.meter.report();
    let seconds = report.gateway.cpu_ms as f64 / 1000.0;
    let about = "CPU time of the gateway's own process.";
    figures.one("process_cpu_seconds_total", Kind::Counter, about, seconds);
    let mut by_agent: BTreeMap<&str, Used> = BTreeMap::new();
    for session in &report.sessions {
        let used = by_agent.entry(session.agent.as_str()).or_default();
        used.processes += u64::from(session.processes);
        used.memory += session.memory;
        used.thousandths += u64::from(session.cpu);
    }
    let processes = by_agent
        .iter()
        .map(|(agent, used)| (*agent, used.processes));
    let about = "Processes of an agent's live sessions, their tools' included.";
    figures.each(("agent_processes", Kind::Gauge, about), "agent", processes);
    let memory = by_agent.iter().map(|(agent, used)| (*agent, used.memory));
    let about = "Memory of those.";
    figures.each(("agent_memory_bytes", Kind::Gauge, about), "agent", memory);
    figures.family(
        "agent_cpu_cores",
        Kind::Gauge,
        "Cores that those keep busy.",
    );
    for (agent, used) in &by_agent {
        let cores = used.thousandths as f64 / 1000.0;
        figures.labelled("agent_cpu_cores", "agent", agent, cores);
    }
}

#[derive(Debug, Default)]
struct Used {
    processes: u64,
    memory: u64,
    thousandths: u64,
}

fn network(figures: &mut Figures) {
    let totals = egress::totals();
    let bytes = [("received", totals.received), ("sent", totals.sent)];
    let about = "Bytes between tools and the world.";
    figures.each(
        ("egress_bytes_total", Kind::Counter, about),
        "direction",
        bytes,
    );
    let about = "Connections that tools made.";
    figures.one(
        "egress_connections_total",
        Kind::Counter,
        about,
        totals.connections,
    );
    let about = "Connections and look-ups that the egress policy denied.";
    figures.one("egress_denied_total", Kind::Counter, about, totals.denied);
}

fn record(figures: &mut Figures, pages: &Pages) {
    let tally = pages.services.audit.tally();
    let counted = [
        (
            "spawns_total",
            "Child processes that were started.",
            Recorded::Spawn,
        ),
        (
            "spawn_failures_total",
            "Child processes that could not be started.",
            Recorded::NotSpawned,
        ),
        (
            "denials_total",
            "Tool calls that were denied.",
            Recorded::Refused,
        ),
        (
            "limit_hits_total",
            "Sessions that went over a limit.",
            Recorded::Limit,
        ),
    ];
    for (name, about, what) in counted {
        figures.one(name, Kind::Counter, about, tally.of(what));
    }
    let about = "Lines that the audit log lost.";
    figures.one("audit_lost_total", Kind::Counter, about, tally.lost());
}

async fn store(figures: &mut Figures, pages: &Pages) {
    let store = &pages.services.store;
    // Before the next line's own job.
    let ((jobs, took), failures) = (store.counts().jobs(), store.counts().failures());
    if let Ok(depth) = store.outbox_depth().await {
        figures.one(
            "outbox_depth",
            Kind::Gauge,
            "Replies that were not sent yet.",
            depth,
        );
    }
    let about = "Jobs of the store, and the seconds from asking to the answer.";
    figures.family("store_seconds", Kind::Summary, about);
    figures.sample("store_seconds_sum", took.as_secs_f64());
    figures.sample("store_seconds_count", jobs);
    let about = "Jobs of the store that failed.";
    figures.one("store_failures_total", Kind::Counter, about, failures);
    let about = "Transactions that changed something.";
    figures.one("store_commits_total", Kind::Counter, about, store.commits());
}

/// Resident memory of this process and the shared part of it, in bytes.
fn memory() -> Option<(u64, u64)> {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    let page = u64::try_from(page).ok()?;
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split(' ').skip(1);
    let mut next = || Some(pages.next()?.parse::<u64>().ok()?.saturating_mul(page));
    Some((next()?, next()?))
}
