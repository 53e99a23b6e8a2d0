//! What others hold of a session: say something, stop it, watch it.

use super::compact::Reply;
use super::direct::Directed;
use super::state::PhaseName;
use crate::message::{Began, Outbound, Said};
use crate::store::StoredInput;
use crate::tool_host::Running;
use ipc::id::JobId;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// How many commands a driver may be behind; who sends more waits.
pub(super) const COMMANDS: usize = 64;

/// What can be asked of a driver.
#[derive(Debug)]
pub(super) enum Command {
    /// A message, stored already; answered when it is in this driver's hands.
    Arrived(StoredInput, oneshot::Sender<()>),
    /// A message that may be for the session itself; answered with what the session says to it, if
    /// it is.
    Direct(Directed, Reply),
    /// What is said of the current answer so far, and what is said from now on.
    Watch(oneshot::Sender<Watch>),
    /// Stop the turn; says whether there was one.
    Stop(oneshot::Sender<bool>),
    /// End a running tool, or the session's processes altogether; says how many tools there were.
    Kill(Option<JobId>, oneshot::Sender<usize>),
    /// Run a command of the operator's in the session's walls.
    Operate(
        String,
        CancellationToken,
        oneshot::Sender<Result<Operation, String>>,
    ),
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
    /// The turn that runs.
    pub began: Option<Began>,
    /// What was said of the current answer so far.
    pub draft: String,
    /// What is said from now on.
    pub events: broadcast::Receiver<Arc<Outbound>>,
}

/// A command that an operator runs. Dropping it ends the command.
pub struct Operation {
    /// What it prints, as it comes.
    pub output: mpsc::Receiver<String>,
    /// Its end.
    pub running: Running,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
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

    /// Says something that may be for the session itself, such as `/elevated on`. `None` when it is
    /// for the model after all.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn direct(
        &self,
        text: &str,
        channel: &str,
        origin: &Value,
    ) -> Result<Option<Said>, Gone> {
        let (sender, receiver) = oneshot::channel();
        let said = Directed {
            text: text.to_owned(),
            channel: channel.to_owned(),
            origin: origin.clone(),
        };
        self.send(Command::Direct(said, sender)).await?;
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

    /// Runs a shell command in the session's walls, for whoever operates the gateway; it goes to
    /// no transcript. `Err` says why it may not run.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn operate(
        &self,
        command: String,
        cancel: CancellationToken,
    ) -> Result<Result<Operation, String>, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Operate(command, cancel, sender)).await?;
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
