//! What was used per day and agent, from what the models and what the machine gave. Days are UTC
//! days: the use of models is kept by those alone.

use crate::config::ModelRef;
use crate::store::{DayRow, Store, StoreError, UsageRow};
use ipc::control::FromSupervisor;
use ipc::id::{AgentId, SessionKey};
use ipc::meter::DayUsage;
use ipc::model::Usage;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

const DAY_MS: i64 = 86_400_000;
/// What the machine gave is kept for a week, which touches so many days.
const HISTORY_DAYS: i64 = 8;

/// What was used on the last so many days, today included.
pub(crate) async fn told(
    store: &Store,
    days: u32,
    price: impl Fn(&ModelRef, Usage) -> Option<f64>,
) -> Result<FromSupervisor, StoreError> {
    let span = Span::until(Timestamp::now(), days);
    let models = store.usage_since(span.began_ms()).await?;
    let mut machine = Vec::new();
    for day in span.with_history() {
        let (from, until) = bounds(day);
        let rows = store.history_between(from, until).await?;
        machine.extend(rows.into_iter().map(|row| (day, row)));
    }
    let days = merge(models, machine, |model, usage| {
        price(&model.parse().ok()?, usage)
    });
    Ok(FromSupervisor::Stats { days })
}

/// Days since 1970, the first and the last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span(RangeInclusive<i64>);

impl Span {
    /// So many days, the one of `now` included.
    fn until(now: Timestamp, days: u32) -> Self {
        let last = now.as_millisecond().div_euclid(DAY_MS);
        Self(last - (i64::from(days) - 1).max(0)..=last)
    }

    /// When it began, milliseconds since 1970.
    fn began_ms(&self) -> i64 {
        bounds(*self.0.start()).0
    }

    /// The days of which it is known what the machine gave.
    fn with_history(&self) -> RangeInclusive<i64> {
        let oldest = self.0.end() - HISTORY_DAYS + 1;
        oldest.max(*self.0.start())..=*self.0.end()
    }
}

/// A day's first instant, and the next day's, milliseconds since 1970.
fn bounds(day: i64) -> (i64, i64) {
    (day * DAY_MS, (day + 1) * DAY_MS)
}

/// Both together, the newest day first, then by agent. A cost is known where the price of any model
/// is.
fn merge(
    models: Vec<UsageRow>,
    machine: Vec<(i64, DayRow)>,
    price: impl Fn(&str, Usage) -> Option<f64>,
) -> Vec<DayUsage> {
    let mut days: BTreeMap<(Reverse<i64>, AgentId), Sum> = BTreeMap::new();
    for row in models {
        let cost = price(&row.model, row.usage);
        let sum = days.entry((Reverse(row.day), row.agent)).or_default();
        sum.talked.insert(row.session);
        sum.calls += row.calls;
        sum.usage += row.usage;
        sum.cost = sum.cost.into_iter().chain(cost).reduce(|a, b| a + b);
    }
    for (day, row) in machine {
        let sum = days.entry((Reverse(day), row.agent.clone())).or_default();
        sum.machine = Some(row);
    }
    let summed = |((Reverse(day), agent), sum)| summed(day, agent, sum);
    days.into_iter().map(summed).collect()
}

#[derive(Debug, Default)]
struct Sum {
    talked: BTreeSet<SessionKey>,
    calls: u64,
    usage: Usage,
    cost: Option<f64>,
    machine: Option<DayRow>,
}

fn summed(day: i64, agent: AgentId, sum: Sum) -> DayUsage {
    let talked = u64::try_from(sum.talked.len()).unwrap_or(u64::MAX);
    let (worked, used) = sum
        .machine
        .map(|row| (row.sessions, row.used))
        .unwrap_or_default();
    DayUsage {
        day: name(day),
        agent,
        // Whoever talked has worked, mostly; which of them did both is not known.
        sessions: talked.max(worked),
        cpu_ms: used.cpu_ms,
        memory_peak: used.memory_peak,
        received: used.received,
        sent: used.sent,
        model_calls: sum.calls,
        tokens_in: sum.usage.input,
        tokens_out: sum.usage.output,
        cost: sum.cost,
    }
}

fn name(day: i64) -> String {
    let at = Timestamp::from_millisecond(bounds(day).0).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::HistoryRow;

    fn model(day: i64, agent: &str, session: &str, model: &str) -> UsageRow {
        UsageRow {
            day,
            agent: agent.into(),
            session: session.into(),
            model: model.into(),
            calls: 2,
            usage: Usage {
                input: 100,
                output: 10,
                ..Usage::default()
            },
        }
    }

    fn machine(agent: &str, sessions: u64) -> DayRow {
        DayRow {
            agent: agent.into(),
            sessions,
            used: HistoryRow {
                cpu_ms: 700,
                memory_peak: 5,
                ..HistoryRow::default()
            },
        }
    }

    #[test]
    fn days_are_told_once_for_each_agent_the_newest_first() {
        let models = vec![
            model(20_000, "main", "a", "known/x"),
            model(20_001, "main", "a", "known/x"),
            model(20_001, "main", "b", "free/y"),
            model(20_001, "dev", "c", "free/y"),
        ];
        let machine = vec![(20_001, machine("main", 1)), (20_001, machine("ops", 3))];
        let price = |model: &str, usage: Usage| {
            let dollars = f64::from(u32::try_from(usage.input).unwrap());
            model.starts_with("known").then_some(dollars)
        };
        let days = merge(models, machine, price);
        let told: Vec<_> = days
            .iter()
            .map(|day| (day.day.as_str(), day.agent.as_str(), day.sessions, day.cost))
            .collect();
        assert_eq!(
            told,
            [
                ("2024-10-05", "dev", 1, None),
                ("2024-10-05", "main", 2, Some(100.0)),
                ("2024-10-05", "ops", 3, None),
                ("2024-10-04", "main", 1, Some(100.0)),
            ]
        );
        assert_eq!((days[1].model_calls, days[1].tokens_in), (4, 200));
        assert_eq!((days[1].cpu_ms, days[2].cpu_ms), (700, 700));
    }

    #[test]
    fn today_is_one_of_the_days() {
        let now = "2026-11-22T23:59:59Z".parse().unwrap();
        let span = |days| Span::until(now, days);
        let today = span(1).began_ms();
        assert_eq!(name(today / DAY_MS), "2026-11-22");
        assert_eq!(span(0), span(1));
        assert_eq!(span(3).began_ms(), today - 2 * DAY_MS);
        assert_eq!(span(3).with_history().count(), 3);
        assert_eq!(span(3660).with_history().count(), 8);
    }
}
