//! The machine and the gateway, in three lines.

use crate::cli::figures;
use ipc::meter::{Precision, UsageReport};

/// Three lines: all sessions together, the machine, the gateway.
pub(super) fn lines(report: &UsageReport) -> [String; 3] {
    [sessions(report), machine(report), gateway(report)]
}

fn sessions(report: &UsageReport) -> String {
    let sessions = &report.sessions;
    let working = sessions.iter().filter(|one| one.tool.is_some()).count();
    let processes: u64 = sessions.iter().map(|one| u64::from(one.processes)).sum();
    let memory = sessions
        .iter()
        .map(|one| one.memory)
        .fold(0, u64::saturating_add);
    format!(
        "sessions  {} live, {working} with a tool, {processes} processes, CPU {}%, memory {}",
        sessions.len(),
        figures::percent(cpu(report)),
        figures::bytes(memory),
    )
}

fn machine(report: &UsageReport) -> String {
    let used = report.memory_total.saturating_sub(report.memory_available);
    format!(
        "machine   {} cores, memory {} of {} used",
        report.cores,
        figures::bytes(used),
        figures::bytes(report.memory_total),
    )
}

fn gateway(report: &UsageReport) -> String {
    let gateway = &report.gateway;
    let limits = match report.limits {
        Precision::Exact => "enforced",
        Precision::Sampled => "sampled",
    };
    format!(
        "gateway   pid {}, CPU {}%, memory {}, up {}; figures {}, limits {limits}",
        gateway.pid,
        figures::percent(gateway.cpu),
        figures::bytes(gateway.memory),
        figures::time(gateway.age_ms),
        known(report),
    )
}

/// How the figures of all sessions are known.
fn known(report: &UsageReport) -> &'static str {
    let exact = |of: &&ipc::meter::SessionUsage| match of.precision {
        Precision::Exact => true,
        Precision::Sampled => false,
    };
    let sessions = report.sessions.len();
    match report.sessions.iter().filter(exact).count() {
        0 if sessions > 0 => "sampled",
        all if all == sessions && sessions > 0 => "exact",
        0 => match report.limits {
            Precision::Exact => "exact",
            Precision::Sampled => "sampled",
        },
        _ => "some exact, some sampled",
    }
}

fn cpu(report: &UsageReport) -> u32 {
    let shares = report.sessions.iter().map(|one| one.cpu);
    shares.fold(0, u32::saturating_add)
}
