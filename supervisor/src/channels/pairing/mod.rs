//! The desk where strangers ask to be let in, and where it is kept who was.
//!
//! ```text
//!   a stranger writes ─▶ ask ──▶ a code, an hour long ──▶ page or command line
//!                         │                                  │
//!                     (requests)            approve ─────────┴───────── reject
//!                                              │                           │
//!                                         (allowFrom)                 (rejected)
//!                                              └───── changed ─────────────┘
//!                                                        ▼
//!                            the channel answers what was kept of them, or drops it
//! ```
//!
//! The files are OpenClaw's own and are read again when somebody else changed them; what they say
//! besides stays. A file that can not be read lets nobody in, and nobody new ask. Which update is
//! whose is the channel's business: it looks at [`Desk::settled`] and [`Desk::standing`] whenever
//! [`Desk::changes`] moves, and so also after a crash between the two.
//!
//! | file in `credentials/` | holds |
//! |---|---|
//! | `telegram-pairing.json` | who asks; ours besides: `rejected`, who was sent away within a day |
//! | `telegram-allowFrom.json` | who was let in by the default account |
//! | `telegram-ACCOUNT-allowFrom.json` | who was by another one (and, as newer OpenClaw has it, `telegram-default-allowFrom.json`) |
//! | `telegram-owner.json` | ours: who was let in first, and so owns the gateway where nobody is configured |

mod desk;
mod ask;
mod word;
mod attempts;
mod shelf;
mod rights;
mod approved;
mod owner;
mod requests;
mod file;
mod code;

pub(crate) use ask::{Asked, Who};
pub(crate) use attempts::Source;
pub(crate) use code::Code;
pub(crate) use desk::Desk;
pub(crate) use requests::Request;
pub(crate) use rights::is_owner;
pub(crate) use word::WordError;

use std::time::Duration;

/// The only channel that has strangers yet.
pub(crate) const CHANNEL: &str = "telegram";
/// A code is good for this long; who asks again within it is told nothing new.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
/// So many may ask at a time, by each account.
pub(crate) const MOST: usize = 3;
/// Who was sent away is not heard for this long.
pub(crate) const AWAY_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What the desk knows of somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether they were approved for this account.
    pub(crate) paired: bool,
    /// Whether they were the first to be, of all.
    pub(crate) first: bool,
}

/// Now, in milliseconds since 1970.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A duration in milliseconds, as times are counted here.
fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
