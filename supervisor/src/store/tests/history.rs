//! What was used is kept by the minute for a day, by the hour for a week, and then forgotten.

use super::{agent, open, run, session};
use crate::store::{Durability, HistoryRow, Store, history};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
/// Some whole hour.
const NOW: i64 = 500_000 * HOUR;

fn row(at_ms: i64, cpu_ms: u64) -> HistoryRow {
    HistoryRow {
        at_ms,
        minutes: 1,
        cpu_ms,
        memory_peak: cpu_ms * 2,
        processes_peak: 3,
        received: 1,
        ..HistoryRow::default()
    }
}

async fn add(store: &Store, name: &str, rows: &[HistoryRow]) {
    let named = |row: &HistoryRow| (session(name), agent(), row.clone());
    store
        .add_history(rows.iter().map(named).collect())
        .await
        .unwrap();
}

async fn thin(store: &Store) -> usize {
    store
        .run(Durability::Relaxed, |connection| {
            Ok(history::thin(connection, NOW)?)
        })
        .await
        .unwrap()
}

#[test]
fn minutes_of_an_earlier_day_become_hours() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        let old = NOW - 30 * HOUR;
        add(
            &store,
            "a",
            &[row(old, 5), row(old + MINUTE, 7), row(old + HOUR, 1)],
        )
        .await;
        add(&store, "a", &[row(NOW - HOUR, 2)]).await;
        add(&store, "b", &[row(old, 100)]).await;
        while thin(&store).await > 0 {}
        let kept = store.history(&session("a"), 0).await.unwrap();
        let said: Vec<_> = kept
            .iter()
            .map(|r| (r.at_ms, r.minutes, r.cpu_ms))
            .collect();
        assert_eq!(
            said,
            [(old, 60, 12), (old + HOUR, 60, 1), (NOW - HOUR, 1, 2)]
        );
        assert_eq!((kept[0].memory_peak, kept[0].received), (14, 2));
        // One that comes late finds its hour.
        add(&store, "a", &[row(old + 2 * MINUTE, 3)]).await;
        while thin(&store).await > 0 {}
        assert_eq!(store.history(&session("a"), 0).await.unwrap()[0].cpu_ms, 15);
        let b = store.history(&session("b"), 0).await.unwrap();
        assert_eq!((b.len(), b[0].cpu_ms), (1, 100));
    });
}

#[test]
fn more_than_a_step_is_thinned_without_loss() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        let old = NOW - 30 * HOUR;
        for name in ["a", "b", "c"] {
            let rows: Vec<_> = (0..300).map(|n| row(old + n * MINUTE, 1)).collect();
            add(&store, name, &rows).await;
        }
        while thin(&store).await > 0 {}
        for name in ["a", "b", "c"] {
            let kept = store.history(&session(name), 0).await.unwrap();
            assert_eq!(kept.len(), 5);
            assert_eq!(kept.iter().map(|row| row.cpu_ms).sum::<u64>(), 300);
        }
    });
}

#[test]
fn after_a_week_nothing_is_left() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        let week = NOW - 7 * 24 * HOUR;
        add(&store, "a", &[row(week - MINUTE, 5), row(week + HOUR, 6)]).await;
        while thin(&store).await > 0 {}
        let kept = store.history(&session("a"), 0).await.unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].cpu_ms, 6);
    });
}

#[test]
fn a_day_has_its_sums_by_agent() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        add(
            &store,
            "a",
            &[row(NOW, 5), row(NOW + MINUTE, 9), row(NOW + HOUR, 1)],
        )
        .await;
        add(&store, "b", &[row(NOW, 1)]).await;
        // The same minute again, as after a restart within it.
        add(&store, "b", &[row(NOW, 2)]).await;
        let days = store.history_between(NOW, NOW + HOUR).await.unwrap();
        assert_eq!(days.len(), 1);
        assert_eq!((days[0].sessions, days[0].used.cpu_ms), (2, 17));
        assert_eq!(days[0].used.memory_peak, 18);
        assert_eq!(days[0].agent, agent());
    });
}
