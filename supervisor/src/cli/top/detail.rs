//! One session, closer, as lines of text: the pane below the table.

use crate::cli::{figures, out};
use ipc::id::JobId;
use ipc::meter::{Destination, Precision, ProcessUsage, SessionInspect, SessionUsage};
use std::collections::HashMap;

/// A screen this wide has room for two columns.
const TWO_FROM: u16 = 110;
/// How many figures of the past are shown.
const PAST: usize = 42;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Heading,
    Plain,
    /// The person picked it.
    Picked,
    /// Something that was not allowed.
    Denied,
}

/// How many lines there are to scroll through on a screen of this width.
pub(super) fn length(told: &SessionInspect, screen: u16) -> usize {
    let columns = columns(told, screen, None);
    columns.iter().map(Vec::len).max().unwrap_or(0)
}

/// All that is known, in the columns that a screen of this width has room for.
pub(super) fn columns(
    told: &SessionInspect,
    screen: u16,
    picked: Option<&JobId>,
) -> Vec<Vec<Line>> {
    let mut left = figures_of(&told.usage);
    left.extend(processes(&told.tree));
    left.extend(jobs(&told.jobs, picked));
    let mut right = destinations(&told.destinations);
    right.extend(events(&told.events));
    for line in left.iter_mut().chain(&mut right) {
        line.text = without_key(&line.text, told.usage.session.as_str());
    }
    if screen >= TWO_FROM {
        // There is nothing above it to stand apart from.
        right.remove(0);
        return vec![left, right];
    }
    left.append(&mut right);
    vec![left]
}

/// Its figures, those that gave way in the table as well.
fn figures_of(usage: &SessionUsage) -> Vec<Line> {
    use figures::{bytes, count};
    let precision = match usage.precision {
        Precision::Exact => "exact",
        Precision::Sampled => "sampled",
    };
    let state = format!(
        "{}, level {}, for {}, figures {precision}",
        usage.state,
        usage
            .level
            .map_or(figures::UNKNOWN.to_owned(), |level| level.to_string()),
        figures::time(usage.age_ms),
    );
    let cpu = format!(
        "CPU      {}% now, {} in all",
        figures::percent(usage.cpu),
        figures::cpu_time(usage.cpu_ms)
    );
    let memory = format!(
        "memory   {} now, {} at most",
        bytes(usage.memory),
        bytes(usage.memory_peak)
    );
    let disk = format!(
        "disk     {} read, {} written",
        bytes(usage.read),
        bytes(usage.written)
    );
    let network = format!(
        "network  {} in, {} out, {} connections, {} denied",
        bytes(usage.received),
        bytes(usage.sent),
        count(usage.connections),
        count(usage.denied)
    );
    let model = format!(
        "model    {} calls, {} tokens in, {} out, {}",
        count(usage.model_calls),
        count(usage.tokens_in),
        count(usage.tokens_out),
        figures::cost(usage.cost)
    );
    let past = format!("past     {}", figures::sparkline(&usage.history, PAST, 100));
    let lines = [state, cpu, memory, disk, network, model, past];
    lines.map(|line| plain(&line)).into()
}

/// The processes, each under its parent.
fn processes(tree: &[ProcessUsage]) -> Vec<Line> {
    let mut depths: HashMap<i32, usize> = HashMap::new();
    let mut lines = section(
        "    PID S  CPU%   MEM    AGE PROCESSES",
        "PROCESSES",
        tree.is_empty(),
    );
    for process in tree {
        let depth = depths.get(&process.parent).map_or(0, |depth| depth + 1);
        depths.insert(process.pid, depth);
        let text = format!(
            "{:>7} {:.1} {:>5} {:>5} {:>6} {}{}",
            process.pid,
            process.state,
            figures::percent(process.cpu),
            figures::bytes(process.memory),
            figures::time(process.age_ms),
            "  ".repeat(depth.min(20)),
            process.title
        );
        lines.push(plain(&text));
    }
    lines
}

fn jobs(jobs: &[JobId], picked: Option<&JobId>) -> Vec<Line> {
    let mut lines = section("JOBS (Tab picks one, t kills it)", "JOBS", jobs.is_empty());
    for job in jobs {
        let is_picked = picked == Some(job);
        let mark = if is_picked { '>' } else { ' ' };
        let mut line = plain(&format!("{mark} {job}"));
        if is_picked {
            line.kind = Kind::Picked;
        }
        lines.push(line);
    }
    lines
}

fn destinations(destinations: &[Destination]) -> Vec<Line> {
    let mut lines = section(
        "CONN BYTES DENIED DESTINATIONS",
        "DESTINATIONS",
        destinations.is_empty(),
    );
    for destination in destinations {
        let mut line = plain(&format!(
            "{:>4} {:>5} {:>6} {}",
            figures::count(destination.connections),
            figures::bytes(destination.bytes),
            figures::count(destination.denied),
            destination.host
        ));
        if destination.denied > 0 {
            line.kind = Kind::Denied;
        }
        lines.push(line);
    }
    lines
}

/// The newest first: what is looked for is mostly what was last.
fn events(events: &[String]) -> Vec<Line> {
    let mut lines = section("EVENTS (the newest first)", "EVENTS", events.is_empty());
    lines.extend(events.iter().rev().map(|event| plain(event)));
    lines
}

/// Titles carry the key of their session, which stands above all of them.
fn without_key(text: &str, key: &str) -> String {
    let key = out::one_line(key);
    let text = text.replace(&format!("[{key} "), "[");
    text.replace(&format!(" [{key}]"), "")
}

/// A heading, after a blank line; what is empty says so.
fn section(heading: &str, name: &str, is_empty: bool) -> Vec<Line> {
    let text = if is_empty {
        format!("{name}: none")
    } else {
        heading.to_owned()
    };
    let kind = Kind::Heading;
    vec![plain(""), Line { kind, text }]
}

fn plain(text: &str) -> Line {
    Line {
        kind: Kind::Plain,
        text: out::one_line(text).into_owned(),
    }
}
