//! A gate: who comes to it waits until the test opens it, and the test can wait until somebody has.

use std::sync::Arc;
use tokio::sync::watch;

/// A gate. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    reached: Arc<watch::Sender<u32>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self {
            open: Arc::new(watch::Sender::new(false)),
            reached: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until somebody has come to it.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until it was come to `times` times.
    pub async fn reached_by(&self, times: u32) {
        let mut reached = self.reached.subscribe();
        let waiting = reached.wait_for(|count| *count >= times);
        let came = tokio::time::timeout(crate::PATIENCE, waiting).await;
        assert!(came.is_ok(), "nobody came to the gate");
    }

    /// Comes to it, and waits until it is open.
    pub(crate) async fn pass(&self) {
        self.reached.send_modify(|count| *count += 1);
        // The sender lives as long as this gate.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}
