//! What processes cost, from `/proc`.

use std::time::Duration;

/// A process and all below it.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut tree = vec![root];
    let mut at = 0;
    while at < tree.len() {
        let pid = tree[at];
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        for task in tasks {
            let children =
                std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            tree.extend(
                children
                    .split_whitespace()
                    .filter_map(|child| child.parse::<u32>().ok()),
            );
        }
        at += 1;
    }
    tree
}

/// Proportional set size of a process, in bytes.
pub(crate) fn pss(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|n| n.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Proportional set size of a process and all below it, in bytes.
pub(crate) fn tree_pss(root: u32) -> u64 {
    tree(root).into_iter().map(pss).sum()
}

/// CPU time of a process and all below it, ended children that were waited for included.
pub(crate) fn tree_cpu(root: u32) -> Duration {
    let ticks: u64 = tree(root).into_iter().map(cpu_ticks).sum();
    // USER_HZ is 100 on every Linux we run on.
    Duration::from_millis(ticks * 10)
}

/// CPU time of one process, without its children's.
pub(crate) fn cpu(pid: u32) -> Duration {
    Duration::from_millis(ticks(pid, 2) * 10)
}

fn cpu_ticks(pid: u32) -> u64 {
    ticks(pid, 4)
}

/// The first `fields` of utime, stime, cutime, cstime, together.
fn ticks(pid: u32, fields: usize) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    // utime, stime, cutime, cstime are fields 14 to 17; the state behind the name is field 3.
    after_name
        .split_whitespace()
        .skip(11)
        .take(fields)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum()
}
