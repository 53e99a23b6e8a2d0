//! The only place where what a session says becomes visible.

use crate::message::Outbound;
use tokio::sync::broadcast;

/// How many events a watcher may lag behind; then it misses drafts, never the final answer's text,
/// which it can always read from the outbox.
const LAG: usize = 1024;

/// What a session says, as it says it.
#[derive(Debug)]
pub(super) struct Publisher {
    sender: broadcast::Sender<Outbound>,
    draft: String,
}

impl Publisher {
    pub(super) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(LAG),
            draft: String::new(),
        }
    }

    /// What was said of the current answer so far, and everything from now on.
    pub(super) fn watch(&self) -> (String, broadcast::Receiver<Outbound>) {
        (self.draft.clone(), self.sender.subscribe())
    }

    /// For the tasks of calls, which tell of activity alone.
    pub(super) fn watchers(&self) -> broadcast::Sender<Outbound> {
        self.sender.clone()
    }

    /// Publishes; a session nobody watches is fine.
    pub(super) fn publish(&mut self, outbound: Outbound) {
        match &outbound {
            Outbound::Delta(text) => self.draft.push_str(text),
            Outbound::Undelta | Outbound::Final(_) => self.draft.clear(),
            Outbound::Activity(_) => {}
        }
        let _ = self.sender.send(outbound);
    }
}
