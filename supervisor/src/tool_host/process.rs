//! One toolbox process: how it is started, and the handle calls are made through.

use super::owner::{Order, Owner};
use super::room::Ticket;
use super::{Equipment, JobEnded, cancelled, failed};
use crate::egress::Mediator;
use crate::meter::Kind;
use crate::process::{Spawn, SpawnError, link, start};
use ipc::id::{CallId, JobId};
use ipc::link::Link;
use ipc::tool::{FromTool, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::ToolArgs;
use jail::notify::Listener;
use jail::spec::JailSpec;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A cancelled call has this long to end in its own way; then the whole process tree is killed.
const CANCEL_WITHIN: Duration = Duration::from_millis(50);
/// Calls that may wait to be sent; who makes more waits.
const CALLS: usize = 16;
/// What a toolbox process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One command.
    Exec,
    /// Every file call of the session.
    Files,
}

impl Role {
    /// The program's own word for it.
    fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Files => "files",
        }
    }
}

/// What a toolbox process is made from.
pub(super) struct Toolbox {
    pub(super) equipment: Equipment,
    pub(super) role: Role,
    /// The name of its walls, for the record.
    pub(super) profile: &'static str,
    pub(super) title: String,
    pub(super) jail: JailSpec,
    /// Its place among walls.
    pub(super) ticket: Ticket,
    pub(super) start: ToolStart,
    pub(super) job: JobId,
    pub(super) ended: mpsc::UnboundedSender<JobEnded>,
}

/// A handle to a toolbox process. Dropping the last one ends the process and all it started.
#[derive(Debug)]
pub(super) struct ToolProcess {
    orders: mpsc::Sender<Order>,
    gone: watch::Receiver<bool>,
    _owner: JoinSet<()>,
}

impl ToolProcess {
    /// Starts the process behind its walls. Where that fails, every call says why.
    pub(super) fn spawn(toolbox: Toolbox) -> Self {
        let (orders, inbox) = mpsc::channel(CALLS);
        let (alive, gone) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            match toolbox.start().await {
                Ok(started) => {
                    started.serve(inbox).await;
                    let _ = alive.send(true);
                }
                Err(error) => {
                    let _ = alive.send(true);
                    refuse(inbox, &error).await;
                }
            }
        });
        Self {
            orders,
            gone,
            _owner: tasks,
        }
    }

    /// Whether the process has not left.
    pub(super) fn is_alive(&self) -> bool {
        !*self.gone.borrow() && !self.orders.is_closed()
    }

    /// Makes a call; a cancelled one is abandoned and its process goes on.
    pub(super) async fn call(
        &self,
        args: ToolArgs,
        output: Option<mpsc::Sender<String>>,
        cancel: &CancellationToken,
    ) -> ToolOutcome {
        let Some((call, mut outcome)) = self.begin(args, output).await else {
            return ToolOutcome::Interrupted;
        };
        tokio::select! {
            biased;
            outcome = &mut outcome => outcome.unwrap_or(ToolOutcome::Interrupted),
            () = cancel.cancelled() => {
                let _ = self.orders.send(Order::Cancel(call)).await;
                match tokio::time::timeout(CANCEL_WITHIN, outcome).await {
                    Ok(outcome) => outcome.unwrap_or(ToolOutcome::Interrupted),
                    Err(_) => cancelled(),
                }
            }
        }
    }

    /// Makes a call whose process ends with it, unless it goes to the background; a cancelled one
    /// takes its whole process tree with it.
    pub(super) async fn call_or_kill(
        &self,
        args: ToolArgs,
        output: Option<mpsc::Sender<String>>,
        cancel: &CancellationToken,
    ) -> ToolOutcome {
        let outcome = self.call(args, output, cancel).await;
        if cancel.is_cancelled() {
            self.end(None).await;
        }
        outcome
    }

    /// Kills the process and all it started, and waits until they are gone. Calls under way end as
    /// stopped for `reason`.
    pub(super) async fn end(&self, reason: Option<String>) {
        let _ = self.orders.send(Order::Kill(reason)).await;
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }

    /// As [`Self::end`], without waiting. One that has too much to do to hear of it is being ended
    /// already.
    pub(super) fn stop(&self, reason: &str) {
        let _ = self.orders.try_send(Order::Kill(Some(reason.to_owned())));
    }

    async fn begin(
        &self,
        args: ToolArgs,
        output: Option<mpsc::Sender<String>>,
    ) -> Option<(CallId, oneshot::Receiver<ToolOutcome>)> {
        let (reply, outcome) = oneshot::channel();
        let (call, number) = oneshot::channel();
        self.orders
            .send(Order::Run {
                args: Box::new(args),
                reply,
                call,
                output,
            })
            .await
            .ok()?;
        Some((number.await.ok()?, outcome))
    }
}

impl Toolbox {
    async fn start(self) -> Result<Started, SpawnError> {
        let ground = self.ticket.redeem(self.jail.namespaces).await?;
        let mut jail = ground.spec(self.jail);
        let programs = &self.equipment.programs;
        let jail_program = &programs.jail;
        let failed = |error: String| SpawnError::new(jail_program, error);
        jail.user = self.ticket.user();
        jail.program.clone_from(&programs.toolbox);
        jail.args = vec![self.role.name().to_owned()];
        jail.argv0.clone_from(&self.title);
        let frame = jail.to_frame().map_err(|error| failed(error.to_string()))?;
        let kind = match self.role {
            Role::Exec => Kind::Tool {
                name: self.role.name().to_owned(),
                job: self.job.clone(),
            },
            Role::Files => Kind::Files,
        };
        let (child, mut ours) = start(&Spawn {
            program: jail_program,
            title: self.title.replacen("openclaw-toolbox", "openclaw-jail", 1),
            args: Vec::new(),
            label: self.title,
            role: self.role.name(),
            record: &self.equipment.record(self.profile),
        })?;
        // Before it is told anything, so that nothing of it escapes its group.
        let guard = self.equipment.meter.process_started(child.pid(), kind);
        let told = ground.tell(&mut ours, &frame);
        told.map_err(|error| failed(error.to_string()))?;
        let (ours, mediated) = match ground.mediator(&jail) {
            None => (ours, None),
            Some(mediator) => {
                let (ours, listener) = take_listener(ours).await.map_err(failed)?;
                (ours, Some((mediator, listener)))
            }
        };
        let owner = Owner::new(child, guard, self.job, self.ended, ground);
        Ok(Started {
            owner,
            link: link(jail_program, ours)?,
            mediated,
            start: self.start,
        })
    }
}

/// A process that was told what to build, and nothing else yet.
struct Started {
    owner: Owner,
    link: Link<ToTool, FromTool>,
    mediated: Option<(Mediator, Listener)>,
    start: ToolStart,
}

impl Started {
    async fn serve(self, orders: mpsc::Receiver<Order>) {
        // Its connections end with it.
        let mut mediating = JoinSet::new();
        if let Some((mediator, listener)) = self.mediated {
            mediating.spawn(async move {
                if let Err(error) = mediator.serve(listener).await {
                    tracing::error!("the connections of a tool are not served: {error}");
                }
            });
        }
        self.owner.serve(self.link, orders, self.start).await;
    }
}

/// What a jail sends before its program begins: on what its connections are asked for. Blocks for
/// milliseconds, so elsewhere.
async fn take_listener(ours: UnixStream) -> Result<(UnixStream, Listener), String> {
    let taken = tokio::task::spawn_blocking(move || {
        let listener = Listener::receive(&ours);
        listener.map(|listener| (ours, listener))
    });
    match taken.await {
        Ok(Ok(taken)) => Ok(taken),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Answers for a process that never came to be.
async fn refuse(mut orders: mpsc::Receiver<Order>, error: &SpawnError) {
    while let Some(order) = orders.recv().await {
        if let Order::Run { reply, call, .. } = order {
            let _ = call.send(CallId(0));
            let _ = reply.send(failed(error.to_string()));
        }
    }
}
