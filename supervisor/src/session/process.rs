//! The agent process of a session: its child, what is said to it and what it says.

use crate::audit::SpawnRecord;
use crate::meter::{Guard, Kind, SessionMeter};
use crate::process::{Child, ExitReason, KillStep, Spawn, SpawnError, spawn};
use ipc::agent::{FromAgent, ToAgent};
use ipc::frame::FrameError;
use ipc::id::SessionKey;
use ipc::link::{LinkReceiver, LinkSender};
use std::path::Path;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Messages that may wait for the agent to read them; an agent with more unread is hung.
const UNREAD: usize = 512;
/// Frames that may wait for us; an agent that says more waits. Each may be as long as a frame can
/// be, so they are few.
const UNHEARD: usize = 8;

/// A live agent process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct AgentProcess {
    child: Option<Child>,
    guard: Option<Guard>,
    failed: Option<String>,
    to: mpsc::Sender<ToAgent>,
    from: mpsc::Receiver<Result<FromAgent, FrameError>>,
    exit: Option<ExitReason>,
    closed: bool,
    _tasks: JoinSet<()>,
}

/// What comes from an agent process.
#[derive(Debug)]
pub(super) enum News {
    /// It said something, or can not any more.
    Frame(Result<FromAgent, FrameError>),
    /// It has left.
    Left(ExitReason),
}

impl AgentProcess {
    /// Starts one; it seals itself and says hello.
    pub(super) fn spawn(
        program: &Path,
        session: &SessionKey,
        meter: &SessionMeter,
        record: &SpawnRecord,
    ) -> Result<Self, SpawnError> {
        let title = format!("openclaw-agent [{session}]");
        let (child, link) = spawn(&Spawn {
            program,
            label: title.clone(),
            title,
            args: Vec::new(),
            role: "agent",
            record,
        })?;
        let guard = meter.process_started(child.pid(), Kind::Agent);
        let (to, outbox) = mpsc::channel(UNREAD);
        let (inbox, from) = mpsc::channel(UNHEARD);
        let mut tasks = JoinSet::new();
        tasks.spawn(write(link.sender, outbox));
        tasks.spawn(read(link.receiver, inbox));
        let process = Self {
            child: Some(child),
            guard: Some(guard),
            failed: None,
            to,
            from,
            exit: None,
            closed: false,
            _tasks: tasks,
        };
        Ok(process)
    }

    /// One that never came to be; waiting for it says why.
    pub(super) fn failed(reason: String) -> Self {
        let (to, _) = mpsc::channel(1);
        let (_, from) = mpsc::channel(1);
        let tasks = JoinSet::new();
        Self {
            child: None,
            guard: None,
            failed: Some(reason),
            to,
            from,
            exit: None,
            closed: true,
            _tasks: tasks,
        }
    }

    /// Queues a message; `false` when the agent does not read.
    pub(super) fn say(&self, message: ToAgent) -> bool {
        match self.to.try_send(message) {
            // A closed queue is a process that is leaving, not one that hangs.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(_)) => false,
        }
    }

    /// The queue itself, for the pieces of a streamed answer.
    pub(super) fn queue(&self) -> mpsc::Sender<ToAgent> {
        self.to.clone()
    }

    /// What it says next, or that it has left and everything it said was heard. Cancel-safe.
    pub(super) async fn next(&mut self) -> News {
        let Some(child) = &mut self.child else {
            return News::Left(ExitReason::JailFailed(
                self.failed.clone().unwrap_or_default(),
            ));
        };
        loop {
            if let Some(exit) = self.exit.as_ref().filter(|_| self.closed) {
                return News::Left(exit.clone());
            }
            tokio::select! {
                biased;
                frame = self.from.recv(), if !self.closed => {
                    if !matches!(frame, Some(Ok(_))) {
                        self.closed = true;
                        // Without a link it is of no use, and it knows nothing to wait for.
                        child.kill(KillStep::Kill);
                    }
                    if let Some(frame) = frame {
                        return News::Frame(frame);
                    }
                }
                exit = child.wait(), if self.exit.is_none() => {
                    if let Some(guard) = self.guard.take() {
                        // Its memory is bounded by its own limits, not by the tools'.
                        let _ = guard.ended(child.cpu());
                    }
                    self.exit = Some(exit);
                }
            }
        }
    }

    /// Its process id, once it exists.
    pub(super) fn pid(&self) -> Option<i32> {
        self.child.as_ref().map(Child::pid)
    }

    /// What it said last on its standard error.
    pub(super) fn last_words(&self) -> String {
        self.child
            .as_ref()
            .map(Child::last_words)
            .unwrap_or_default()
    }

    /// A signal for it.
    pub(super) fn kill(&self, step: KillStep) {
        if let Some(child) = &self.child {
            child.kill(step);
        }
    }
}

async fn write(mut sender: LinkSender<ToAgent>, mut outbox: mpsc::Receiver<ToAgent>) {
    while let Some(message) = outbox.recv().await {
        if let Err(error) = sender.send(&message).await {
            // The reader hears the same end, and tells of it.
            tracing::debug!("an agent process hears no more: {error}");
            return;
        }
    }
}

async fn read(
    mut receiver: LinkReceiver<FromAgent>,
    inbox: mpsc::Sender<Result<FromAgent, FrameError>>,
) {
    loop {
        let frame = receiver.recv().await;
        let last = frame.is_err();
        if inbox.send(frame).await.is_err() || last {
            return;
        }
    }
}
