//! What goes to the supervisor: a bounded queue and the task that empties it.

use ipc::frame::FrameError;
use ipc::id::CallId;
use ipc::link::LinkSender;
use ipc::tool::{FromTool, ToolOutcome};
use std::future::Future;
use tokio::sync::mpsc;

/// Messages that may wait to be sent. When full, answers wait and shown output is dropped.
const QUEUE: usize = 64;

/// The way to the supervisor; drop every copy to end it.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<FromTool>,
}

/// An outbox over `sender`, and the task that pours it out until the outbox or the link ends.
pub(crate) fn open(sender: LinkSender<FromTool>) -> (Outbox, impl Future<Output = ()>) {
    let (queue, messages) = mpsc::channel(QUEUE);
    (Outbox { queue }, pour(messages, sender))
}

impl Outbox {
    /// Answers a call. Waits while the queue is full; a link that is gone is not an error here, as
    /// whoever listens hears that end by itself.
    pub(crate) async fn done(&self, call: CallId, outcome: ToolOutcome) {
        let _ = self.queue.send(FromTool::Done { call, outcome }).await;
    }

    /// Tells that the background job ended.
    pub(crate) async fn job_ended(&self, outcome: ToolOutcome) {
        let _ = self.queue.send(FromTool::JobEnded { outcome }).await;
    }

    /// Shows output to whoever watches, and waits while the queue is full.
    pub(crate) async fn show_in_time(&self, call: CallId, text: String) {
        let _ = self.queue.send(FromTool::Output { call, text }).await;
    }

    /// Shows output to whoever watches; dropped when the queue is full, as the outcome has it too.
    pub(crate) fn show(&self, call: CallId, text: String) {
        let _ = self.queue.try_send(FromTool::Output { call, text });
    }
}

async fn pour(mut messages: mpsc::Receiver<FromTool>, mut sender: LinkSender<FromTool>) {
    while let Some(message) = messages.recv().await {
        let sent = match sender.send(&message).await {
            Err(FrameError::TooLarge(bytes)) => match too_large(message, bytes) {
                Some(instead) => sender.send(&instead).await,
                None => Ok(()),
            },
            other => other,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// An answer that fits no frame is still an answer.
fn too_large(message: FromTool, bytes: usize) -> Option<FromTool> {
    match message {
        FromTool::Done { call, .. } => Some(FromTool::Done {
            call,
            outcome: ToolOutcome::Failed {
                reason: format!("the answer of {bytes} bytes does not fit a message; ask for less"),
            },
        }),
        FromTool::Hello(_) | FromTool::Output { .. } | FromTool::JobEnded { .. } => None,
    }
}
