//! What others hold of a session: say something, stop it, watch it.

use super::state::PhaseName;
use crate::message::Outbound;
use crate::store::StoredInput;
use ipc::id::JobId;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// How many commands a driver may be behind; who sends more waits.
pub(super) const COMMANDS: usize = 64;

/// What can be asked of a driver.
#[derive(Debug)]
pub(super) enum Command {
    /// A message, stored already; answered when it is in this driver's hands.
    Arrived(StoredInput, oneshot::Sender<()>),
    /// What is said of the current answer so far, and what is said from now on.
    Watch(oneshot::Sender<Watch>),
    /// Stop the turn; says whether there was one.
    Stop(oneshot::Sender<bool>),
    /// End a running tool, or the session's processes altogether; says how many tools there were.
    Kill(Option<JobId>, oneshot::Sender<usize>),
    /// Begin the session anew.
    Reset(oneshot::Sender<()>),
    /// The configuration changed.
    Renew,
    /// The gateway is going down.
    Drain,
}

/// A watched session.
#[derive(Debug)]
pub struct Watch {
    /// What was said of the current answer so far.
    pub draft: String,
    /// What is said from now on.
    pub events: broadcast::Receiver<Outbound>,
}

/// What can be seen of a session from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionView {
    /// Where it is in its life.
    pub phase: PhaseName,
    /// Its agent process.
    pub pid: Option<i32>,
    /// Messages that wait for a turn.
    pub waiting: usize,
}

/// The driver has ended: the session is cold. Whatever was to be said to it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// A session, from outside. Its driver owns everything else.
#[derive(Debug, Clone)]
pub struct SessionHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) view: watch::Receiver<SessionView>,
}

impl SessionHandle {
    /// Tells the session of a stored message.
    ///
    /// # Errors
    /// [`Gone`]; a new driver finds the message on disk.
    pub async fn arrived(&self, input: StoredInput) -> Result<(), Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Arrived(input, sender)).await?;
        receiver.await.map_err(|_| Gone)
    }

    /// Watches what the session says.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn watch(&self) -> Result<Watch, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Watch(sender)).await?;
        receiver.await.map_err(|_| Gone)
    }

    /// Stops the session's turn; `false` when none runs.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn stop(&self) -> Result<bool, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Stop(sender)).await?;
        receiver.await.map_err(|_| Gone)
    }

    /// Ends a running tool, or without one every process of the session, its turn too. Returns how
    /// many tools ended.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn kill(&self, job: Option<JobId>) -> Result<usize, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Kill(job, sender)).await?;
        receiver.await.map_err(|_| Gone)
    }

    /// Begins the session anew; its past stays on disk.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn reset(&self) -> Result<(), Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Reset(sender)).await?;
        receiver.await.map_err(|_| Gone)
    }

    /// Tells the session that the configuration changed.
    pub async fn renew(&self) {
        let _ = self.send(Command::Renew).await;
    }

    /// Tells the session that the gateway is going down.
    pub async fn drain(&self) {
        let _ = self.send(Command::Drain).await;
    }

    /// Whether its driver runs.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.commands.is_closed()
    }

    /// What can be seen of it now.
    #[must_use]
    pub fn view(&self) -> SessionView {
        *self.view.borrow()
    }

    async fn send(&self, command: Command) -> Result<(), Gone> {
        self.commands.send(command).await.map_err(|_| Gone)
    }
}
