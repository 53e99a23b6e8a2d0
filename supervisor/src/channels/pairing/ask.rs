//! A stranger asks to be let in.

use super::requests::Request;
use super::{Code, Desk, MOST, now_ms};
use crate::store::StoreError;
use std::sync::PoisonError;

/// A stranger who wrote again is noted this much later, in milliseconds: a flood is not written.
const NOTED_EVERY: i64 = 60_000;
/// An hour, in milliseconds.
const HOUR: i64 = 3_600_000;
/// So many messages of those who may not ask are answered in an hour.
const TOLD: u32 = 20;

/// A stranger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    /// By which account.
    pub(crate) account: &'a str,
    /// Who, as the channel knows them.
    pub(crate) sender: &'a str,
    /// What they call themselves.
    pub(crate) name: &'a str,
    /// Without the `@`.
    pub(crate) username: Option<&'a str>,
}

/// What becomes of a stranger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    /// They have a code: this one, and were perhaps told before.
    Has(Request),
    /// Too many ask already.
    Full {
        /// Whether this one is told, and in which hour since 1970: few are.
        tell: Option<i64>,
    },
    /// They were sent away.
    Away,
    /// They were let in a moment ago.
    In,
}

impl Desk {
    /// Gives a stranger a code, or finds the one they have. Reads and perhaps writes the disk.
    ///
    /// # Errors
    /// When who asks, or who was let in, can not be read or kept: then nobody gets a code.
    pub(crate) fn ask(&self, who: Who<'_>) -> Result<Asked, StoreError> {
        let now = now_ms();
        let Who {
            account, sender, ..
        } = who;
        let mut shelf = self.shelf();
        // Also where nobody asks: who was let in may be whom a broken list does not name.
        if shelf.is_approved(account, sender)? {
            drop(shelf);
            self.moved();
            return Ok(Asked::In);
        }
        if shelf.is_away(account, sender, now)? {
            return Ok(Asked::Away);
        }
        let pending = shelf.pending(now)?;
        let own = pending
            .iter()
            .find(|request| request.is_of(account, sender));
        if let Some(request) = own {
            if request.seen_at.saturating_add(NOTED_EVERY) <= now {
                shelf.touch(account, sender, now)?;
            }
            self.note(request, &pending);
            return Ok(Asked::Has(request.clone()));
        }
        let others = pending.iter().filter(|request| request.account == account);
        if others.count() >= MOST {
            drop(shelf);
            return Ok(Asked::Full {
                tell: self.tells(now),
            });
        }
        let request = Request {
            account: account.to_owned(),
            sender: sender.to_owned(),
            name: who.name.to_owned(),
            username: who.username.map(str::to_owned),
            code: unused(&shelf.requests()?)?,
            asked_at: now,
            seen_at: now,
        };
        shelf.put(&request, now)?;
        self.note(&request, &pending);
        drop(shelf);
        self.record(account, sender, "asked", sender);
        Ok(Asked::Has(request))
    }
}

impl Desk {
    /// Remembers who asks, and of the others only who still does.
    fn note(&self, request: &Request, pending: &[Request]) {
        let mut fresh = self.fresh();
        fresh.retain(|(account, sender)| pending.iter().any(|one| one.is_of(account, sender)));
        fresh.insert((request.account.clone(), request.sender.clone()));
    }

    /// The hour, if one more may be told in it that too many ask.
    fn tells(&self, now: i64) -> Option<i64> {
        let hour = now.div_euclid(HOUR);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0 != hour {
            *told = (hour, 0);
        }
        told.1 = told.1.saturating_add(1);
        (told.1 <= TOLD).then_some(hour)
    }
}

/// A code that nobody has.
fn unused(all: &[Request]) -> Result<Code, StoreError> {
    loop {
        let code = Code::new().map_err(|error| StoreError::Disk {
            file: "/dev/urandom".into(),
            cause: error.to_string(),
        })?;
        let is_used = |request: &Request| request.code == code;
        if !all.iter().any(is_used) {
            return Ok(code);
        }
    }
}
