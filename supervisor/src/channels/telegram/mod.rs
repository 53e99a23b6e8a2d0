//! Telegram: bots that people write to, alone or in groups.
//!
//! ```text
//!   getUpdates ──┐                                          ┌─▶ a session's input
//!   webhook ─────┴─▶ store: updates ─▶ intake, a worker ────┼─▶ a command ─▶ notice
//!                    (then confirmed)   for each chat       └─▶ held, heard, ignored
//!
//!   store: outbox, notices ─▶ desk ─▶ a task for each place ─▶ rates ─▶ sendMessage, edit…
//!   a session's live text  ─────────▶      (posts)
//! ```

mod report;
mod account;
mod poll;
mod webhook;
mod intake;
mod glance;
mod strangers;
mod commands;
mod chat;
mod media;
mod bot;
mod status;
mod backoff;
mod routing;
mod admission;
mod counts;
mod rates;
mod upload;
mod api;
mod convert;
mod outgoing;
mod format;
mod place;

pub(crate) use account::{Account, is_same};
pub(crate) use api::ApiError;
pub(crate) use bot::{Bot, Parts};
pub(crate) use counts::Told;
pub(crate) use place::{Origin, Place};
pub(crate) use report::{failed, status};
