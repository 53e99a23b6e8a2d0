//! Brings what is to be said from the store to the chats, in the order it was written.

use super::CHANNEL;
use super::desk::Desk;
use super::say::Unsaid;
use super::task::{Chat, Mail};
use crate::channels::telegram::Place;
use crate::store::{NoticeId, OutboxId, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Rows of each kind that are fetched at once.
const BATCH: u32 = 64;

/// Rows that may wait in memory for their chats to be told. More stay on disk for now.
const MOST: usize = 4096;

/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the store was read.
#[derive(Debug, Default)]
struct Read {
    outbox: OutboxId,
    notices: NoticeId,
}

impl Desk {
    /// Reads for as long as this is polled: all there is, then whatever comes.
    pub(super) async fn pump(self: &Arc<Self>) {
        let mut outgoing = self.bot.services.outgoing.subscribe();
        let mut read = Read::default();
        loop {
            // Seen first: what is written while we read wakes us again.
            let written = *outgoing.borrow_and_update();
            match self.fetch(&mut read).await {
                Ok(true) => continue,
                Ok(false) => {
                    self.read.send_replace(Some(written));
                }
                Err(error) => {
                    tracing::warn!(account = %self.bot.account.id, "what is to be said can not be read: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            if outgoing.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until what was written up to now is with the chats, or there is mail for this one: an
    /// answer that waits to be said comes before the next one that grows.
    pub(super) async fn all_is_read(&self, chat: &Chat) -> Result<(), Unsaid> {
        let written = *self.bot.services.outgoing.borrow();
        let mut read = self.read.subscribe();
        let all = async {
            tokio::select! {
                biased;
                () = chat.mail_comes() => {}
                // Never an error: the desk holds the other end.
                _ = read.wait_for(|read| *read >= Some(written)) => {}
            }
        };
        self.unless_closing(all).await
    }

    /// One batch; whether there may be more.
    async fn fetch(self: &Arc<Self>, read: &mut Read) -> Result<bool, StoreError> {
        let account = &self.bot.account.id;
        let store = &self.bot.services.store;
        let (replies, notices) = tokio::try_join!(
            store.unsent(CHANNEL, account, read.outbox, BATCH),
            store.unsaid(CHANNEL, account, read.notices, BATCH),
        )?;
        let full = |found: usize| u32::try_from(found).is_ok_and(|found| found == BATCH);
        let more = full(replies.len()) || full(notices.len());
        if let Some(last) = replies.last() {
            read.outbox = last.id;
        }
        if let Some(last) = notices.last() {
            read.notices = last.id;
        }
        let replies = replies
            .into_iter()
            .map(|row| (row.at, Mail::Reply(Box::new(row))));
        let notices = notices
            .into_iter()
            .map(|row| (row.at, Mail::Notice(Box::new(row))));
        let mut mail: Vec<_> = replies.chain(notices).collect();
        mail.sort_by_key(|(at, _)| *at);
        for (_, mail) in mail {
            match serde_json::from_value::<Place>(mail.target().clone()) {
                Ok(place) => self.put(&place, mail),
                Err(error) => self.unreadable(&mail, &error).await,
            }
        }
        self.wait_for_room(MOST).await;
        Ok(more)
    }

    /// A row whose place can not be read is nobody's; it must not be met at each start.
    async fn unreadable(&self, mail: &Mail, error: &serde_json::Error) {
        let store = &self.bot.services.store;
        let marked = match mail {
            Mail::Reply(row) => store.mark_sent(row.id).await,
            Mail::Notice(row) => store.mark_said(row.id).await,
        };
        match marked {
            Ok(()) => {
                let reason = format!("nobody knows where this was to be said: {error}");
                self.can_not_deliver(mail, None, &reason);
            }
            Err(error) => tracing::warn!("failed to {error}"),
        }
    }
}
