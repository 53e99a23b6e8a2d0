//! The task that owns one toolbox process: says what is ordered, hears what it says, and knows how it
//! left.

use super::room::Ground;
use super::said::Said;
use super::{JobEnded, failed};
use crate::meter::{Guard, words};
use crate::process::{Child, ExitReason, KillStep};
use ipc::id::{CallId, JobId};
use ipc::link::{Link, LinkReceiver, LinkSender};
use ipc::tool::{FromTool, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::ToolArgs;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// How long a process may take to leave after its link was closed.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);
/// Messages a toolbox may leave unread; one with more is hung.
const UNREAD: usize = 64;
/// Frames that may wait for us; a toolbox that says more waits. Each may be as long as a frame can
/// be, so they are few.
const UNHEARD: usize = 8;
/// What `openclaw-jail` exits with when the walls could not be built.
const JAIL_FAILED: i32 = 125;

/// What a process is to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Make a call.
    Run {
        args: Box<ToolArgs>,
        reply: oneshot::Sender<ToolOutcome>,
        /// Told the call's number.
        call: oneshot::Sender<CallId>,
        /// Told its output as it comes; who is slow holds the process up.
        output: Option<mpsc::Sender<String>>,
    },
    /// Abandon a call.
    Cancel(CallId),
    /// Be gone; calls under way end as stopped, for this reason, or as interrupted.
    Kill(Option<String>),
}

/// A call that has no end yet.
struct Pending {
    reply: oneshot::Sender<ToolOutcome>,
    output: Option<mpsc::Sender<String>>,
    /// The last of what it said, for an end that does not come from itself.
    said: Said,
}

/// Owns the process.
pub(super) struct Owner {
    child: Child,
    guard: Guard,
    /// What is to be said; closing it closes the link.
    to: Option<mpsc::Sender<ToTool>>,
    pending: BTreeMap<CallId, Pending>,
    last_call: CallId,
    /// A call went to the background: its end is news.
    background: bool,
    job: JobId,
    ended: mpsc::UnboundedSender<JobEnded>,
    /// Why it was killed, where we did it.
    stopped: Option<String>,
    /// The room stays as long as somebody is in it.
    ground: Ground,
}

impl Owner {
    pub(super) fn new(
        child: Child,
        guard: Guard,
        job: JobId,
        ended: mpsc::UnboundedSender<JobEnded>,
        ground: Ground,
    ) -> Self {
        Self {
            child,
            guard,
            to: None,
            pending: BTreeMap::new(),
            last_call: CallId(0),
            background: false,
            job,
            ended,
            stopped: None,
            ground,
        }
    }

    pub(super) async fn serve(
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
                    Some(frame) => self.hear(frame).await,
                    // It says no more, so no call of it will ever end.
                    None => break self.leave().await,
                },
                exit = self.child.wait() => break exit,
            }
        };
        // What it said before it left still counts. A process it left behind may hold the link open.
        let rest = async {
            while let Some(frame) = heard.recv().await {
                self.hear(frame).await;
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
            Order::Run {
                args,
                reply,
                call,
                output,
            } => {
                self.last_call = self.last_call.next();
                let number = self.last_call;
                let said = Said::default();
                let pending = Pending {
                    reply,
                    output,
                    said,
                };
                self.pending.insert(number, pending);
                let _ = call.send(number);
                self.say(ToTool::Run {
                    call: number,
                    args: *args,
                });
            }
            Order::Cancel(call) => self.say(ToTool::Cancel { call }),
            Order::Kill(reason) => {
                self.stopped = self.stopped.take().or(reason);
                self.child.kill(KillStep::Kill);
            }
        }
    }

    async fn hear(&mut self, frame: FromTool) {
        match frame {
            FromTool::Hello(hello) => {
                if let Err(wrong) = hello.check() {
                    tracing::error!(job = %self.job, "{wrong}");
                    self.child.kill(KillStep::Kill);
                }
            }
            FromTool::Output { call, text } => {
                if let Some(pending) = self.pending.get_mut(&call) {
                    pending.said.add(&text);
                    if let Some(output) = &pending.output {
                        // Whoever left cancels the call as well.
                        let _ = output.send(text).await;
                    }
                }
            }
            FromTool::Done { call, outcome } => {
                if let Some(pending) = self.pending.remove(&call) {
                    self.background |= matches!(outcome, ToolOutcome::Running { .. });
                    let _ = pending.reply.send(outcome);
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

    /// The process has left: calls that had no end were stopped or interrupted, or it never could
    /// begin.
    fn report(&mut self, exit: ExitReason) {
        let limit = self.guard.ended(self.child.cpu());
        self.stopped = limit.map(|limit| self.told(limit)).or(self.stopped.take());
        if exit == ExitReason::Code(JAIL_FAILED) && self.stopped.is_none() {
            self.child.was_not_confined(&self.child.last_words());
        }
        for (_, pending) in std::mem::take(&mut self.pending) {
            let outcome = self.end_of(&exit, pending.said);
            let _ = pending.reply.send(outcome);
        }
        let outcome = self.end_of(&exit, Said::default());
        self.tell_end(outcome);
    }

    fn end_of(&self, exit: &ExitReason, said: Said) -> ToolOutcome {
        if let Some(reason) = &self.stopped {
            return ToolOutcome::Stopped {
                reason: reason.clone(),
                output: said.into_capture(),
            };
        }
        if *exit != ExitReason::Code(JAIL_FAILED) {
            return ToolOutcome::Interrupted;
        }
        let words = self.child.last_words();
        failed(format!(
            "the walls around the tool could not be built, so it was not run: {words}"
        ))
    }

    /// The limit it was over, and what that means for the calls to come.
    fn told(&self, limit: String) -> String {
        let memory = limit.contains("memory");
        match memory.then(|| self.ground.spoil()).flatten() {
            Some(held) => format!("{limit}; /tmp held {} of it and was emptied", words(held)),
            None => limit,
        }
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
