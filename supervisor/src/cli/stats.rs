//! `openclaw sessions stats`: what was used per day and agent.

use super::{CliError, ExitCode, figures, out};
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::meter::DayUsage;

/// What was used per day (UTC) and agent.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The last so many days, today included.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// What the gateway is asked.
    pub(super) fn asks(&self) -> ToSupervisor {
        ToSupervisor::Stats { days: self.days }
    }

    /// Prints its answer.
    ///
    /// # Errors
    /// When it is none, or nobody hears it.
    pub(super) fn print(&self, answer: &FromSupervisor) -> Result<ExitCode, CliError> {
        let FromSupervisor::Stats { days } = answer else {
            return Err(CliError::unexpected(answer));
        };
        if self.json {
            out::line(&super::json(days)?)?;
        } else if days.is_empty() {
            out::line("nothing was used in these days")?;
        } else {
            out::print(&table(days))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

const TITLES: [&str; 11] = [
    "DAY", "AGENT", "SESSIONS", "CPU", "MEM PEAK", "RECV", "SENT", "CALLS", "IN", "OUT", "COST",
];
/// The first so many columns are text, and stand left.
const TEXT: usize = 2;
const SESSIONS: usize = 2;

fn table(days: &[DayUsage]) -> String {
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(days.iter().map(row));
    if days.len() > 1 {
        let mut all = row(&total(days));
        // A session that was used on two days would count as two.
        all[SESSIONS].clear();
        rows.push(all);
    }
    let width = |at: usize| rows.iter().map(|row| figures::width(&row[at])).max();
    let widths: Vec<_> = (0..TITLES.len()).map(|at| width(at).unwrap_or(0)).collect();
    let line = |row: &[String; TITLES.len()]| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (text, width))| figures::padded(text, *width, at >= TEXT));
        let cells: Vec<String> = cells.collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn row(day: &DayUsage) -> [String; TITLES.len()] {
    [
        out::one_line(&day.day).into_owned(),
        out::one_line(day.agent.as_str()).into_owned(),
        day.sessions.to_string(),
        figures::cpu_time(day.cpu_ms),
        figures::bytes(day.memory_peak),
        figures::bytes(day.received),
        figures::bytes(day.sent),
        figures::count(day.model_calls),
        figures::count(day.tokens_in),
        figures::count(day.tokens_out),
        figures::cost(day.cost),
    ]
}

/// All of them together; a cost is known where any is.
fn total(days: &[DayUsage]) -> DayUsage {
    let sum = |of: fn(&DayUsage) -> u64| days.iter().map(of).fold(0, u64::saturating_add);
    DayUsage {
        day: "all".to_owned(),
        agent: "".into(),
        sessions: sum(|day| day.sessions),
        cpu_ms: sum(|day| day.cpu_ms),
        memory_peak: days.iter().map(|day| day.memory_peak).max().unwrap_or(0),
        received: sum(|day| day.received),
        sent: sum(|day| day.sent),
        model_calls: sum(|day| day.model_calls),
        tokens_in: sum(|day| day.tokens_in),
        tokens_out: sum(|day| day.tokens_out),
        cost: days.iter().filter_map(|day| day.cost).reduce(|a, b| a + b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: &str, agent: &str, cost: Option<f64>) -> DayUsage {
        DayUsage {
            day: day.to_owned(),
            agent: agent.into(),
            sessions: 3,
            cpu_ms: 754_000,
            memory_peak: 900 << 20,
            received: 120 << 20,
            sent: 1 << 20,
            model_calls: 1_414,
            tokens_in: 1_820_000,
            tokens_out: 61_000,
            cost,
        }
    }

    #[test]
    fn days_stand_in_columns_with_their_sum_below() {
        let days = [
            day("2026-11-22", "main", Some(1.5)),
            day("2026-11-22", "backend-dev", None),
            day("2026-11-21", "main", Some(0.25)),
        ];
        insta::assert_snapshot!(table(&days));
        assert_eq!(table(&days[..1]).lines().count(), 2);
    }

    #[test]
    fn what_is_not_known_of_any_day_is_not_known() {
        let unknown = day("2026-11-22", "main", None);
        assert_eq!(total(&[unknown.clone(), unknown]).cost, None);
    }
}
