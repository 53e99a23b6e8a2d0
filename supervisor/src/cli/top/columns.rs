//! The columns of the table: what each shows, how wide it is, how it sorts, and when it gives way.

use crate::cli::{figures, out};
use ipc::meter::{RunningTool, SessionUsage};
use std::cmp::Ordering;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(super) enum Column {
    /// Its key.
    Session,
    /// What it is at.
    State,
    /// The tool that runs now.
    Tool,
    /// How many processes it has.
    Processes,
    /// Share of a core over the last second.
    Cpu,
    /// CPU time in all.
    Time,
    /// Memory now.
    Memory,
    /// The most memory at once.
    Peak,
    /// Bytes from disk.
    Read,
    /// Bytes to disk.
    Written,
    /// Bytes from the network.
    Received,
    /// Bytes to the network.
    Sent,
    /// Model calls.
    Calls,
    /// Tokens to models.
    In,
    /// Tokens from models.
    Out,
    /// US dollars.
    Cost,
    /// Since its first process started.
    Age,
    /// Level of its walls.
    Level,
    /// CPU share of the last two minutes.
    History,
}

/// All of them, as they stand on the screen.
pub(super) const ALL: [Column; 19] = [
    Column::Session,
    Column::State,
    Column::Tool,
    Column::Processes,
    Column::Cpu,
    Column::Time,
    Column::Memory,
    Column::Peak,
    Column::Read,
    Column::Written,
    Column::Received,
    Column::Sent,
    Column::Calls,
    Column::In,
    Column::Out,
    Column::Cost,
    Column::Age,
    Column::Level,
    Column::History,
];

/// The same, the last to give way first.
const BY_WORTH: [Column; 19] = [
    Column::Session,
    Column::Cpu,
    Column::Memory,
    Column::State,
    Column::Tool,
    Column::Out,
    Column::History,
    Column::Cost,
    Column::Age,
    Column::Processes,
    Column::Time,
    Column::In,
    Column::Received,
    Column::Sent,
    Column::Level,
    Column::Peak,
    Column::Calls,
    Column::Read,
    Column::Written,
];

/// A session's name is not shown longer than this.
const LONGEST_NAME: usize = 60;
/// A tool's name and its age, as a rule.
const LONGEST_TOOL: usize = 18;
/// The gateway tells no more of the past.
const LONGEST_HISTORY: usize = 120;

impl Column {
    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Session => "SESSION",
            Self::State => "STATE",
            Self::Tool => "TOOL",
            Self::Processes => "PROC",
            Self::Cpu => "CPU%",
            Self::Time => "TIME",
            Self::Memory => "MEM",
            Self::Peak => "PEAK",
            Self::Read => "READ",
            Self::Written => "WRITE",
            Self::Received => "RECV",
            Self::Sent => "SENT",
            Self::Calls => "CALLS",
            Self::In => "IN",
            Self::Out => "OUT",
            Self::Cost => "COST",
            Self::Age => "AGE",
            Self::Level => "LVL",
            Self::History => "CPU HISTORY",
        }
    }

    /// The key that sorts by it.
    pub(super) fn key(self) -> Option<char> {
        match self {
            Self::Session => Some('e'),
            Self::Processes => Some('p'),
            Self::Cpu => Some('c'),
            Self::Time => Some('i'),
            Self::Memory => Some('m'),
            Self::Received => Some('n'),
            Self::Written => Some('w'),
            Self::Out => Some('o'),
            Self::Cost => Some('d'),
            Self::Age => Some('a'),
            Self::State
            | Self::Tool
            | Self::Peak
            | Self::Read
            | Self::Sent
            | Self::Calls
            | Self::In
            | Self::Level
            | Self::History => None,
        }
    }

    /// Columns of the terminal it takes at least.
    fn width(self) -> usize {
        match self {
            Self::Session => 20,
            Self::Tool => 12,
            Self::State => 8,
            Self::History => 11,
            Self::Cost => 7,
            Self::Time | Self::Age => 6,
            Self::Processes => 4,
            Self::Level => 3,
            Self::Cpu
            | Self::Memory
            | Self::Peak
            | Self::Read
            | Self::Written
            | Self::Received
            | Self::Sent
            | Self::Calls
            | Self::In
            | Self::Out => 5,
        }
    }

    /// Whether it is text, which stands left and sorts from A; a number stands right, and the
    /// greatest is first.
    pub(super) fn is_text(self) -> bool {
        matches!(
            self,
            Self::Session | Self::State | Self::Tool | Self::History
        )
    }

    /// What it says of a session, for people; `room` is for what has no end of its own.
    pub(super) fn cell(self, of: &SessionUsage, room: usize) -> String {
        match self {
            Self::Session => out::one_line(of.session.as_str()).into_owned(),
            Self::State => out::one_line(&of.state).into_owned(),
            Self::Tool => of.tool.as_ref().map(tool).unwrap_or_default(),
            Self::Processes => of.processes.to_string(),
            Self::Cpu => figures::percent(of.cpu),
            Self::Time => figures::cpu_time(of.cpu_ms),
            Self::Memory => figures::bytes(of.memory),
            Self::Peak => figures::bytes(of.memory_peak),
            Self::Read => figures::bytes(of.read),
            Self::Written => figures::bytes(of.written),
            Self::Received => figures::bytes(of.received),
            Self::Sent => figures::bytes(of.sent),
            Self::Calls => figures::count(of.model_calls),
            Self::In => figures::count(of.tokens_in),
            Self::Out => figures::count(of.tokens_out),
            Self::Cost => figures::cost(of.cost),
            Self::Age => figures::time(of.age_ms),
            Self::Level => of
                .level
                .map_or(figures::UNKNOWN.to_owned(), |level| level.to_string()),
            // A session that does next to nothing does not look busy.
            Self::History => figures::sparkline(&of.history, room, 100),
        }
    }

    /// How two sessions stand to each other in it, the smaller first.
    pub(super) fn compare(self, one: &SessionUsage, other: &SessionUsage) -> Ordering {
        match self {
            Self::Session => one.session.cmp(&other.session),
            Self::State => one.state.cmp(&other.state),
            // Those without a tool come after those with one.
            Self::Tool => {
                let name = |of: &SessionUsage| of.tool.as_ref().map(|tool| tool.name.clone());
                let (one, other) = (name(one), name(other));
                (one.is_none(), one).cmp(&(other.is_none(), other))
            }
            Self::Processes => one.processes.cmp(&other.processes),
            Self::Cpu => one.cpu.cmp(&other.cpu),
            Self::Time => one.cpu_ms.cmp(&other.cpu_ms),
            Self::Memory => one.memory.cmp(&other.memory),
            Self::Peak => one.memory_peak.cmp(&other.memory_peak),
            Self::Read => one.read.cmp(&other.read),
            Self::Written => one.written.cmp(&other.written),
            Self::Received => one.received.cmp(&other.received),
            Self::Sent => one.sent.cmp(&other.sent),
            Self::Calls => one.model_calls.cmp(&other.model_calls),
            Self::In => one.tokens_in.cmp(&other.tokens_in),
            Self::Out => one.tokens_out.cmp(&other.tokens_out),
            // Less than nothing where it is not known.
            Self::Cost => {
                let dollars = |of: &SessionUsage| of.cost.unwrap_or(-1.0);
                dollars(one).total_cmp(&dollars(other))
            }
            Self::Age => one.age_ms.cmp(&other.age_ms),
            Self::Level => one.level.cmp(&other.level),
            // The busiest of the last two minutes first.
            Self::History => busy(other).cmp(&busy(one)),
        }
    }
}

fn tool(tool: &RunningTool) -> String {
    let name = out::one_line(&tool.name);
    format!("{name} {}", figures::time(tool.age_ms))
}

fn busy(of: &SessionUsage) -> u64 {
    of.history.iter().copied().map(u64::from).sum()
}

/// Which columns stand on a screen of this width, and how wide each is, one blank between them.
/// The less worthy give way; `sorted` does not.
pub(super) fn fit(screen: usize, sorted: Column, longest_name: usize) -> Vec<(Column, usize)> {
    let worth = BY_WORTH.into_iter().filter(|column| *column != sorted);
    let mut left = screen + 1;
    let mut kept = Vec::new();
    for column in [Column::Session, sorted].into_iter().chain(worth) {
        if kept.contains(&column) {
            continue;
        }
        let Some(rest) = left.checked_sub(column.width() + 1) else {
            break;
        };
        left = rest;
        kept.push(column);
    }
    let mut shown: Vec<_> = ALL
        .into_iter()
        .filter(|column| kept.contains(column))
        .map(|column| (column, column.width()))
        .collect();
    // Names are worth more than the past.
    let longest_name = longest_name.min(LONGEST_NAME);
    grow(&mut shown, &mut left, Column::Session, longest_name);
    grow(&mut shown, &mut left, Column::Tool, LONGEST_TOOL);
    grow(&mut shown, &mut left, Column::History, LONGEST_HISTORY);
    shown
}

fn grow(shown: &mut [(Column, usize)], left: &mut usize, which: Column, most: usize) {
    for (column, width) in shown {
        if *column == which {
            let more = most.saturating_sub(*width).min(*left);
            *width += more;
            *left -= more;
        }
    }
}
