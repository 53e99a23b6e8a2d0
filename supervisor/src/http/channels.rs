//! What channels count, for whoever watches many gateways.

use super::Pages;
use super::prometheus::{Figures, Kind};
use crate::channels::telegram::Told;
use ipc::control::ChannelStatus;

/// One account's part of a page.
type Account = (ChannelStatus, Told);

/// Every figure of every account.
pub(super) async fn figures(figures: &mut Figures, pages: &Pages) {
    let accounts = pages.channels.figures().await;
    if accounts.is_empty() {
        return;
    }
    for (name, kind, about, value) in FIGURES {
        let name = format!("channel_{name}");
        figures.family(&name, *kind, about);
        for account in &accounts {
            if let Some(value) = value(account) {
                figures.labels(&name, &whose(&account.0), value);
            }
        }
    }
    let about = "Requests to the channel's server that had no result, by why; too_many is 429.";
    figures.family("channel_failures_total", Kind::Counter, about);
    for (status, told) in &accounts {
        let [channel, account] = whose(status);
        for (kind, count) in told.failures() {
            let labels = [channel, account, ("kind", kind)];
            figures.labels("channel_failures_total", &labels, count);
        }
    }
}

fn whose(status: &ChannelStatus) -> [(&str, &str); 2] {
    [("channel", &status.channel), ("account", &status.account)]
}

/// A figure's name, what it is, and its value where an account has one.
type Figure = (
    &'static str,
    Kind,
    &'static str,
    fn(&Account) -> Option<f64>,
);

#[rustfmt::skip] // a table reads by the line
const FIGURES: &[Figure] = &[
    ("up", Kind::Gauge, "Whether the account works.", |(status, _)| Some(f64::from(u8::from(status.ok)))),
    ("updates_total", Kind::Counter, "Updates that were taken in.", |(_, told)| Some(told.updates as f64)),
    ("unreadable_total", Kind::Counter, "Of those, what could not be read.", |(_, told)| Some(told.unreadable as f64)),
    ("sent_total", Kind::Counter, "Messages that were sent.", |(_, told)| Some(told.sent as f64)),
    ("edits_total", Kind::Counter, "Messages that were edited.", |(_, told)| Some(told.edits as f64)),
    ("waiting", Kind::Gauge, "Messages that wait to be handled.", |(status, _)| Some(status.waiting as f64)),
    ("held", Kind::Gauge, "Messages of people who ask to be let in.", |(status, _)| Some(status.held as f64)),
    ("unsent", Kind::Gauge, "What waits to be sent.", |(status, _)| Some(status.unsent as f64)),
    ("undelivered_total", Kind::Counter, "What could never be sent.", |(status, _)| Some(status.undelivered as f64)),
    ("lag_seconds", Kind::Gauge, "Age of the oldest message that waits to be handled.", |(status, _)| Some(status.lag_ms as f64 / 1000.0)),
    ("poll_age_seconds", Kind::Gauge, "Since the server last answered a look for messages.", |(status, _)| {
        let age = jiff::Timestamp::now().as_millisecond().saturating_sub(status.polled_at?);
        Some(age.max(0) as f64 / 1000.0)
    }),
];
