//! A person's word on who asks: let in, sent away, or put out again.

use super::requests::{Request, bare};
use super::{Code, Desk, Source, now_ms};
use crate::store::StoreError;
use std::time::Duration;

/// Why a word has no effect.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum WordError {
    /// Nobody has this code.
    #[error(
        "nobody waits under this code: it was used, or is older than an hour, or was mistyped; see \
         openclaw pairing list"
    )]
    Unknown,
    /// There were too many wrong tries.
    #[error("too many wrong tries; nothing is heard for {} more", in_words(*.0))]
    Locked(Duration),
    /// Nobody was let in by that name.
    #[error("{0} was not let in; see openclaw pairing list")]
    NotPaired(String),
    /// The desk's files.
    #[error("failed to {0}")]
    Store(#[from] StoreError),
}

/// `5 minutes`.
fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..=90 => format!("{} seconds", seconds + 1),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

impl Desk {
    /// Finds whose code was typed at the command line; a wrong one counts as a try.
    ///
    /// # Errors
    /// [`WordError::Unknown`], [`WordError::Locked`], or that it can not be read.
    pub(crate) fn named(&self, source: Source, typed: &str) -> Result<Request, WordError> {
        self.hears(source)?;
        let code = Code::parse(typed);
        let found = code.map(|code| self.whose(&code)).transpose()?.flatten();
        found.ok_or_else(|| {
            self.wrong(source);
            WordError::Unknown
        })
    }

    /// Lets somebody in, if they still ask; whether they own the gateway now. Writes the disk.
    ///
    /// # Errors
    /// [`WordError::Unknown`] when somebody was faster, or that it can not be kept.
    pub(crate) fn approve(&self, request: &Request, by: &str) -> Result<bool, WordError> {
        let (account, sender) = (&request.account, &request.sender);
        let owner = {
            let mut shelf = self.shelf();
            let pending = shelf.pending(now_ms())?;
            if !pending.iter().any(|other| is_same(other, request)) {
                return Err(WordError::Unknown);
            }
            // Before the other: a kill between the two makes nobody else the owner.
            let owner = self.takes_owner(account)
                && shelf
                    .make_owner(account, sender, &jiff::Timestamp::now().to_string())
                    .unwrap_or_else(|error| {
                        tracing::error!("nobody was made the owner: failed to {error}");
                        false
                    });
            shelf.let_in(account, sender)?;
            owner
        };
        let what = if owner {
            "approved as owner"
        } else {
            "approved"
        };
        self.record(account, sender, what, by);
        self.moved();
        Ok(owner)
    }

    /// Sends somebody away. Writes the disk.
    ///
    /// # Errors
    /// That it can not be kept.
    pub(crate) fn reject(&self, request: &Request, by: &str) -> Result<(), WordError> {
        let (account, sender) = (&request.account, &request.sender);
        let mut shelf = self.shelf();
        if !shelf.is_approved(account, sender)? {
            shelf.send_away(account, sender, now_ms())?;
            // What a killed approval may have left.
            let _ = shelf.unmake_owner(sender);
        }
        drop(shelf);
        self.record(account, sender, "rejected", by);
        self.moved();
        Ok(())
    }

    /// Puts somebody out who was let in, of one account or all; of which. Writes the disk.
    ///
    /// # Errors
    /// [`WordError::NotPaired`], or that it can not be kept.
    pub(crate) fn revoke(
        &self,
        account: Option<&str>,
        sender: &str,
        by: &str,
    ) -> Result<Vec<String>, WordError> {
        let config = self.config();
        let all = config.telegram.iter().map(|account| account.id.as_str());
        let meant: Vec<&str> = account.map_or_else(|| all.collect(), |account| vec![account]);
        let sender = bare(sender);
        let mut shelf = self.shelf();
        let mut put_out = Vec::new();
        for account in meant {
            if shelf.take_out(account, sender)? {
                // The code they were let in by is not good once more.
                shelf.forget(account, sender)?;
                put_out.push(account.to_owned());
            }
        }
        if put_out.is_empty() {
            return Err(WordError::NotPaired(sender.to_owned()));
        }
        let mut accounts = config.telegram.iter();
        let is_in_elsewhere =
            accounts.any(|account| shelf.is_approved(&account.id, sender).unwrap_or(true));
        if !is_in_elsewhere && let Err(error) = shelf.unmake_owner(sender) {
            tracing::error!("{sender} may still be named as the owner: failed to {error}");
        }
        drop(shelf);
        for account in &put_out {
            self.record(account, sender, "revoked", by);
        }
        self.moved();
        Ok(put_out)
    }
}

/// The same request, whatever was written since.
fn is_same(one: &Request, other: &Request) -> bool {
    one.account == other.account && one.sender == other.sender && one.code == other.code
}
