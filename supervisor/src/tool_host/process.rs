//! One toolbox process: its owner task, and the handle calls are made through.

use super::room::{Ground, Ticket};
use super::{JobEnded, cancelled, failed};
use crate::config::Programs;
use crate::process::{Child, ExitReason, KillStep, Spawn, SpawnError, link, start};
use ipc::id::{CallId, JobId};
use ipc::link::{Link, LinkReceiver, LinkSender};
use ipc::tool::{FromTool, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::ToolArgs;
use jail::spec::JailSpec;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A cancelled call has this long to end in its own way; then the whole process tree is killed.
const CANCEL_WITHIN: Duration = Duration::from_millis(50);
/// How long a process may take to leave after its link was closed.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);
/// Calls that may wait to be sent; who makes more waits.
const CALLS: usize = 16;
/// Messages a toolbox may leave unread; one with more is hung.
const UNREAD: usize = 64;
/// Frames that may wait for us; a toolbox that says more waits. Each may be as long as a frame can
/// be, so they are few.
const UNHEARD: usize = 8;
/// What `openclaw-jail` exits with when the walls could not be built.
const JAIL_FAILED: i32 = 125;

/// What a toolbox process is made from.
pub(super) struct Toolbox {
    pub(super) programs: Arc<Programs>,
    pub(super) role: &'static str,
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

#[derive(Debug)]
enum Order {
    Run {
        args: Box<ToolArgs>,
        reply: oneshot::Sender<ToolOutcome>,
        call: oneshot::Sender<CallId>,
    },
    Cancel(CallId),
    Kill,
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
    pub(super) async fn call(&self, args: ToolArgs, cancel: &CancellationToken) -> ToolOutcome {
        let Some((call, mut outcome)) = self.begin(args).await else {
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
        cancel: &CancellationToken,
    ) -> ToolOutcome {
        let outcome = self.call(args, cancel).await;
        if cancel.is_cancelled() {
            self.end().await;
        }
        outcome
    }

    /// Kills the process and all it started, and waits until they are gone.
    pub(super) async fn end(&self) {
        let _ = self.orders.send(Order::Kill).await;
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }

    async fn begin(&self, args: ToolArgs) -> Option<(CallId, oneshot::Receiver<ToolOutcome>)> {
        let (reply, outcome) = oneshot::channel();
        let (call, number) = oneshot::channel();
        self.orders
            .send(Order::Run {
                args: Box::new(args),
                reply,
                call,
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
        let jail_program = &self.programs.jail;
        let failed = |error: String| SpawnError::new(jail_program, error);
        jail.program.clone_from(&self.programs.toolbox);
        jail.args = vec![self.role.to_owned()];
        jail.argv0.clone_from(&self.title);
        let frame = jail.to_frame().map_err(|error| failed(error.to_string()))?;
        let (child, mut ours) = start(&Spawn {
            program: jail_program,
            title: self.title.replacen("openclaw-toolbox", "openclaw-jail", 1),
            args: Vec::new(),
            label: self.title,
        })?;
        let told = ground.tell(&mut ours, &frame);
        told.map_err(|error| failed(error.to_string()))?;
        let owner = Owner {
            child,
            to: None,
            pending: BTreeMap::new(),
            last_call: CallId(0),
            background: false,
            job: self.job,
            ended: self.ended,
            _ground: ground,
        };
        Ok(Started {
            owner,
            link: link(jail_program, ours)?,
            start: self.start,
        })
    }
}

/// A process that was told what to build, and nothing else yet.
struct Started {
    owner: Owner,
    link: Link<ToTool, FromTool>,
    start: ToolStart,
}

impl Started {
    async fn serve(self, orders: mpsc::Receiver<Order>) {
        self.owner.serve(self.link, orders, self.start).await;
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

/// Owns the process.
struct Owner {
    child: Child,
    /// What is to be said; closing it closes the link.
    to: Option<mpsc::Sender<ToTool>>,
    pending: BTreeMap<CallId, oneshot::Sender<ToolOutcome>>,
    last_call: CallId,
    /// A call went to the background: its end is news.
    background: bool,
    job: JobId,
    ended: mpsc::UnboundedSender<JobEnded>,
    /// The room stays as long as somebody is in it.
    _ground: Ground,
}

impl Owner {
    async fn serve(
        mut self,
        link: Link<ToTool, FromTool>,
        mut orders: mpsc::Receiver<Order>,
        start: ToolStart,
    ) {
        let (frames, mut heard) = mpsc::channel(UNHEARD);
        let (to, outbox) = mpsc::channel(UNREAD);
        self.to = Some(to);
        let mut link_tasks = JoinSet::new();
        link_tasks.spawn(read(link.receiver, frames));
        link_tasks.spawn(write(link.sender, outbox));
        self.say(ToTool::Start(start));
        let exit = loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break self.leave().await,
                },
                frame = heard.recv() => match frame {
                    Some(frame) => self.hear(frame),
                    // It says no more, so no call of it will ever end.
                    None => break self.leave().await,
                },
                exit = self.child.wait() => break exit,
            }
        };
        // What it said before it left still counts. A process it left behind may hold the link open.
        let rest = async {
            while let Some(frame) = heard.recv().await {
                self.hear(frame);
            }
        };
        let _ = tokio::time::timeout(LEAVE_WITHIN, rest).await;
        self.report(exit);
    }

    /// Never waits: a toolbox that does not read must not keep us from killing it.
    fn say(&mut self, message: ToTool) {
        let Some(to) = &self.to else { return };
        match to.try_send(message) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => self.child.kill(KillStep::Kill),
            // It is leaving; its exit says why.
            Err(mpsc::error::TrySendError::Closed(_)) => self.to = None,
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Run { args, reply, call } => {
                self.last_call = self.last_call.next();
                let number = self.last_call;
                self.pending.insert(number, reply);
                let _ = call.send(number);
                self.say(ToTool::Run {
                    call: number,
                    args: *args,
                });
            }
            Order::Cancel(call) => self.say(ToTool::Cancel { call }),
            Order::Kill => self.child.kill(KillStep::Kill),
        }
    }

    fn hear(&mut self, frame: FromTool) {
        match frame {
            FromTool::Hello(hello) => {
                if let Err(wrong) = hello.check() {
                    tracing::error!(job = %self.job, "{wrong}");
                    self.child.kill(KillStep::Kill);
                }
            }
            // Nobody watches output grow yet; the outcome has it all.
            FromTool::Output { .. } => {}
            FromTool::Done { call, outcome } => {
                if let Some(reply) = self.pending.remove(&call) {
                    self.background |= matches!(outcome, ToolOutcome::Running { .. });
                    let _ = reply.send(outcome);
                }
            }
            FromTool::JobEnded { outcome } => self.tell_end(outcome),
        }
    }

    /// Closes the link, which ends the process; then makes sure of it.
    async fn leave(&mut self) -> ExitReason {
        self.to = None;
        match tokio::time::timeout(LEAVE_WITHIN, self.child.wait()).await {
            Ok(exit) => exit,
            Err(_) => {
                self.child.kill(KillStep::Kill);
                self.child.wait().await
            }
        }
    }

    /// The process has left: calls that had no end are interrupted, or it never could begin.
    fn report(&mut self, exit: ExitReason) {
        let outcome = if exit == ExitReason::Code(JAIL_FAILED) {
            let words = self.child.last_words();
            failed(format!(
                "the walls around the tool could not be built, so it was not run: {words}"
            ))
        } else {
            ToolOutcome::Interrupted
        };
        for (_, reply) in std::mem::take(&mut self.pending) {
            let _ = reply.send(outcome.clone());
        }
        self.tell_end(outcome);
    }

    fn tell_end(&mut self, outcome: ToolOutcome) {
        if std::mem::take(&mut self.background) {
            let _ = self.ended.send(JobEnded {
                job: self.job.clone(),
                outcome,
            });
        }
    }
}

async fn read(mut receiver: LinkReceiver<FromTool>, frames: mpsc::Sender<FromTool>) {
    while let Ok(frame) = receiver.recv().await {
        if frames.send(frame).await.is_err() {
            return;
        }
    }
}

async fn write(mut sender: LinkSender<ToTool>, mut outbox: mpsc::Receiver<ToTool>) {
    while let Some(message) = outbox.recv().await {
        if sender.send(&message).await.is_err() {
            return;
        }
    }
}
