//! `exec` and `process`: one shell command, in the foreground and then perhaps in the background.
//!
//! ```text
//!   exec ─▶ Foreground ──yield──▶ Background ──process calls──▶ …
//!               │ over                │ over
//!               ▼                     ▼
//!       Done; what it left        JobEnded; its output stays to be had
//!       behind is ended; exit     until the link ends
//! ```
//! One task owns the command and hears everything that can happen to it ([`Event`]).

mod background;

mod job;

mod command;

mod venv;

mod streams;

mod tree;

mod life;

mod keys;

use crate::outbox::Outbox;
use crate::place::Grounds;
use crate::{Broken, Heard, link_end};
use background::Wait;
use ipc::id::CallId;
use ipc::tool::{Capture, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::{ExecArgs, ToolArgs};
use job::{Job, Limits, News};
use life::{Cause, Verdict};
use std::time::{Duration, Instant};
use streams::Turn;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Bounds of `yieldMs`.
const YIELD_MS: std::ops::RangeInclusive<u64> = 10..=120_000;
/// The most output that is kept, in bytes: escaped as JSON it still fits a frame.
const MAX_OUTPUT: usize = 2 * 1024 * 1024;
/// How long processes that are just ending may take until they count as left behind.
const LEAVING: Duration = Duration::from_millis(20);
/// How long the last processes may take to go when everything is ended.
const LAST: Duration = Duration::from_secs(1);

/// All that can happen.
enum Event {
    /// The supervisor spoke, or the link ended.
    Heard(Option<Heard>),
    /// The command printed, or took input.
    Moved(Turn),
    /// A child ended.
    ChildEnded,
    /// Something is due.
    Tick,
    /// SIGTERM: the supervisor gives up on this toolbox.
    ToldToEnd,
}

/// What comes after an event.
enum Next {
    Go,
    /// The end of everything, orderly or not.
    Stop(Result<(), Broken>),
}

struct Driver {
    start: ToolStart,
    outbox: Outbox,
    children: Signal,
    terminate: Signal,
    job: Option<Job>,
    /// `process` calls that wait for something.
    waits: Vec<Wait>,
}

/// Serves one `exec` call and the `process` calls about it.
pub(crate) async fn serve(
    start: ToolStart,
    mut inbox: mpsc::Receiver<Heard>,
    outbox: Outbox,
) -> Result<(), Broken> {
    // Refused only by a kernel without it; then the command's process group is all that is ended.
    let _ = tree::adopt_orphans();
    let mut driver = Driver {
        start,
        outbox,
        children: signal(SignalKind::child()).map_err(Broken::System)?,
        terminate: signal(SignalKind::terminate()).map_err(Broken::System)?,
        job: None,
        waits: Vec::new(),
    };
    let mut buffer = vec![0; 64 * 1024];
    let end = loop {
        let event = driver.next(&mut inbox, &mut buffer).await;
        if let Next::Stop(end) = driver.handle(event, &buffer).await {
            break end;
        }
    };
    driver.end_all().await;
    end
}

impl Driver {
    async fn next(&mut self, inbox: &mut mpsc::Receiver<Heard>, buffer: &mut [u8]) -> Event {
        let due = self.job.as_ref().and_then(Job::wake_at).into_iter();
        let due = due.chain(self.waits.iter().map(Wait::due)).min();
        let moved = async {
            match &mut self.job {
                Some(job) => job.streams.turn(buffer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            heard = inbox.recv() => Event::Heard(heard),
            turn = moved => Event::Moved(turn),
            Some(()) = self.children.recv() => Event::ChildEnded,
            () = sleep_until(due) => Event::Tick,
            Some(()) = self.terminate.recv() => Event::ToldToEnd,
        }
    }

    async fn handle(&mut self, event: Event, buffer: &[u8]) -> Next {
        let now = Instant::now();
        let news = match event {
            Event::Heard(Some(Ok(ToTool::Run { call, args }))) => {
                return self.run(call, args, now).await;
            }
            Event::Heard(Some(Ok(ToTool::Cancel { call }))) => self.cancel(call, now).await,
            Event::Heard(Some(Ok(ToTool::Start(_)))) => {
                return Next::Stop(Err(Broken::SecondStart));
            }
            Event::Heard(Some(Err(end))) => return Next::Stop(link_end(Some(end))),
            Event::Heard(None) | Event::ToldToEnd => return Next::Stop(Ok(())),
            Event::Moved(Turn::Read(count)) => {
                self.with_job(|job| job.printed(&buffer[..count], now))
            }
            Event::Moved(Turn::Wrote(_)) => None,
            Event::ChildEnded => self.with_job(|job| job.reap(now)),
            Event::Tick => self.with_job(|job| job.tick(now)),
        };
        if let Some((call, text)) = self.job.as_mut().and_then(|job| job.due_output(now)) {
            self.show(call, text).await;
        }
        self.after(news, now).await
    }

    async fn show(&self, call: CallId, text: String) {
        if self.start.exec.shows_all {
            self.outbox.show_in_time(call, text).await;
        } else {
            self.outbox.show(call, text);
        }
    }

    fn with_job(&mut self, act: impl FnOnce(&mut Job) -> Option<News>) -> Option<News> {
        self.job.as_mut().and_then(act)
    }

    async fn run(&mut self, call: CallId, args: ToolArgs, now: Instant) -> Next {
        match args {
            ToolArgs::Exec(args) if self.job.is_none() => match self.begin(call, &args, now) {
                Ok(mut job) => {
                    // To the background at once, when that is asked for: before it can end.
                    let news = job.tick(now);
                    self.job = Some(job);
                    self.after(news, now).await
                }
                Err(reason) => {
                    self.outbox.done(call, ToolOutcome::Failed { reason }).await;
                    Next::Stop(Ok(()))
                }
            },
            ToolArgs::Process(args) => self.process(call, &args, now).await,
            ToolArgs::Exec(_)
            | ToolArgs::Read(_)
            | ToolArgs::Write(_)
            | ToolArgs::Edit(_)
            | ToolArgs::ApplyPatch(_)
            | ToolArgs::Ls(_)
            | ToolArgs::SessionStatus(_)
            | ToolArgs::AgentsList(_) => {
                let name = args.name();
                let reason = format!("{name} is not for this toolbox, which runs one command");
                self.outbox.done(call, ToolOutcome::Failed { reason }).await;
                Next::Go
            }
        }
    }

    fn begin(&self, call: CallId, args: &ExecArgs, now: Instant) -> Result<Job, String> {
        let workspace = self.start.workspace.display();
        let grounds = Grounds::open(&self.start)
            .map_err(|error| format!("the workspace {workspace}: {error}"))?;
        let recipe = command::recipe(args, &self.start, &grounds)?;
        let limits = limits(args, &self.start);
        Ok(Job::new(
            recipe.spawn()?,
            call,
            args.command.clone(),
            limits,
            now,
        ))
    }

    async fn cancel(&mut self, call: CallId, now: Instant) -> Option<News> {
        if let Some(job) = self.job.as_mut().filter(|job| job.call == Some(call)) {
            return job.end(Cause::Cancel, now);
        }
        let before = self.waits.len();
        self.waits.retain(|wait| !wait.is_given_up_by(call));
        if self.waits.len() < before {
            let output = Capture::default();
            self.outbox
                .done(call, ToolOutcome::Cancelled { output })
                .await;
        }
        None
    }

    /// Tells the news, and answers the calls that waited for them.
    async fn after(&mut self, news: Option<News>, now: Instant) -> Next {
        let foreground = self.job.as_ref().is_some_and(|job| job.call.is_some());
        match news {
            Some(News::Yielded) => self.yielded().await,
            Some(News::Over(verdict)) if foreground => {
                self.finish(verdict).await;
                let _ = self.settle(now).await; // whoever waits for the end, too
                return Next::Stop(Ok(()));
            }
            Some(News::Over(verdict)) => self.job_over(verdict).await,
            None => {}
        }
        self.settle(now).await
    }

    async fn yielded(&mut self) {
        let Some(job) = &mut self.job else { return };
        if let Some(call) = job.go_to_background() {
            let output = job.kept.capture();
            let job = self.start.job.clone();
            self.outbox
                .done(call, ToolOutcome::Running { job, output })
                .await;
        }
    }

    async fn finish(&mut self, verdict: Verdict) {
        self.let_leave().await;
        let Some(job) = &mut self.job else { return };
        let left = if job.is_all_gone() {
            0
        } else {
            job.left_behind()
        };
        if left > 0 && matches!(verdict, Verdict::Exited(_)) {
            job.kept.push(left_behind(left).as_bytes());
        }
        if let Some((call, text)) = job.last_output() {
            self.outbox.show_in_time(call, text).await;
        }
        if let Some(call) = job.call.take() {
            let outcome = job.outcome(verdict, job.kept.capture());
            self.outbox.done(call, outcome).await;
        }
    }

    async fn job_over(&mut self, verdict: Verdict) {
        let Some(job) = &self.job else { return };
        match verdict {
            Verdict::Exited(_) | Verdict::Ended(Cause::Timeout) => {
                let outcome = job.outcome(verdict, Capture::default());
                self.outbox.job_ended(outcome).await;
            }
            // Whoever asked for this end is answered, and knows.
            Verdict::Ended(Cause::Kill | Cause::Cancel) => {}
        }
    }

    /// Waits a moment for processes that are about to end by themselves.
    async fn let_leave(&mut self) {
        let until = Instant::now() + LEAVING;
        self.reap_until(until, |_| {}).await;
    }

    /// Ends all that is left.
    async fn end_all(&mut self) {
        let until = Instant::now() + LAST;
        self.reap_until(until, Job::destroy).await;
    }

    /// Reaps until all are gone or it is late; does `meanwhile` before each look.
    async fn reap_until(&mut self, until: Instant, meanwhile: impl Fn(&Job)) {
        let Some(job) = &mut self.job else { return };
        while !job.is_all_gone() && Instant::now() < until {
            meanwhile(job);
            let soon = (Instant::now() + Duration::from_millis(10)).min(until);
            tokio::select! {
                Some(()) = self.children.recv() => {}
                () = sleep_until(Some(soon)) => {}
            }
            job.reap(Instant::now());
        }
    }
}

fn limits(args: &ExecArgs, start: &ToolStart) -> Limits {
    let default = start.exec;
    // The default is the supervisor's own, and as it is meant.
    let asked = |ms: u64| ms.clamp(*YIELD_MS.start(), *YIELD_MS.end());
    let yield_ms = args.yield_ms.map_or(default.yield_ms, asked);
    let timeout = args.timeout.filter(|seconds| *seconds > 0);
    Limits {
        yield_after: Duration::from_millis(if args.background { 0 } else { yield_ms }),
        timeout: timeout.map_or(
            Duration::from_millis(default.timeout_ms),
            Duration::from_secs,
        ),
        output_bytes: default.output_bytes.min(MAX_OUTPUT),
        shows_all: default.shows_all,
    }
}

fn left_behind(count: usize) -> String {
    let (what, was) = if count == 1 {
        ("process", "was")
    } else {
        ("processes", "were")
    };
    format!(
        "\n[{count} {what} it left running {was} ended with it; \
         use background: true for a command that is to go on]\n"
    )
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
