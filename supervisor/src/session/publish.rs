//! The only place where what a session says becomes visible.

use super::handle::Watch;
use crate::message::{Began, Outbound};
use std::sync::Arc;
use tokio::sync::broadcast;

/// How many events a watcher may lag behind; then it misses drafts, never the final answer's text,
/// which it can always read from the outbox. Every live session has so many places in memory, of
/// four words each.
const LAG: usize = 512;
/// What is kept of a long draft for somebody who comes later, in bytes: the end of it.
const MAX_DRAFT: usize = 1024 * 1024;

/// What a session says, as it says it.
#[derive(Debug)]
pub(super) struct Publisher {
    sender: broadcast::Sender<Arc<Outbound>>,
    began: Option<Began>,
    draft: String,
}

impl Publisher {
    pub(super) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(LAG),
            began: None,
            draft: String::new(),
        }
    }

    /// The turn that runs, what was said of its answer so far, and everything from now on.
    pub(super) fn watch(&self) -> Watch {
        Watch {
            began: self.began.clone(),
            draft: self.draft.clone(),
            events: self.sender.subscribe(),
        }
    }

    /// For the tasks of calls, which tell of activity alone.
    pub(super) fn watchers(&self) -> broadcast::Sender<Arc<Outbound>> {
        self.sender.clone()
    }

    /// What is shown of the answer that grows.
    pub(super) fn draft(&self) -> &str {
        &self.draft
    }

    fn shorten(&mut self) {
        // Not for every piece: what is kept is moved.
        if self.draft.len() > 2 * MAX_DRAFT {
            let at = self.draft.ceil_char_boundary(self.draft.len() - MAX_DRAFT);
            self.draft.drain(..at);
            self.draft.shrink_to_fit();
        }
    }

    /// What was shown of an answer that will not go on is void.
    pub(super) fn take_back(&mut self) {
        if !self.draft.is_empty() {
            self.publish(Outbound::Undelta);
        }
    }

    /// Publishes; a session nobody watches is fine.
    pub(super) fn publish(&mut self, outbound: Outbound) {
        match &outbound {
            Outbound::Delta(text) => {
                self.draft.push_str(text);
                self.shorten();
            }
            Outbound::Undelta => self.draft.clear(),
            Outbound::Began(began) => self.began = Some(began.clone()),
            Outbound::Final(_) => {
                self.draft.clear();
                self.began = None;
            }
            Outbound::Activity(_) => {}
        }
        let _ = self.sender.send(Arc::new(outbound));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_draft_without_end_the_end_is_kept() {
        let mut publisher = Publisher::new();
        for _ in 0..100 {
            publisher.publish(Outbound::Delta("é".repeat(50_001)));
        }
        publisher.publish(Outbound::Delta("end".to_owned()));
        let draft = publisher.watch().draft;
        assert!(draft.len() <= 2 * MAX_DRAFT && draft.ends_with("éend"));
    }
}
