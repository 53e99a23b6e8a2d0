//! The one command of an `exec` toolbox: its processes, its streams, its life and what it printed.

use super::life::{Cause, Effect, Exit, Input, Life, Verdict};
use super::streams::Streams;
use super::tree::Tree;
use crate::capture::{Recorder, unfinished};
use ipc::id::CallId;
use ipc::tool::{Capture, ToolOutcome};
use jail::child::Signal;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long output to show is gathered before it is sent.
const GATHER: Duration = Duration::from_millis(100);
/// Bytes of output shown at once; what came before them is not shown.
const SHOWN: usize = 16 * 1024;
/// Bytes one poll answers with.
pub(super) const POLLED: usize = 30_000;

/// A command that was started.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) streams: Streams,
    pub(super) command: String,
    /// All of its output, within the bound that the start named.
    pub(super) kept: Recorder,
    /// What no poll has told yet.
    pub(super) unread: Recorder,
    /// The `exec` call, while it is not answered.
    pub(super) call: Option<CallId>,
    life: Life,
    tree: Tree,
    all_gone: bool,
    began: Instant,
    ended: Option<Instant>,
    timeout: Duration,
    to_show: Vec<u8>,
    shows_all: bool,
    show_at: Option<Instant>,
}

/// How long a command may run, in the foreground and at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) yield_after: Duration,
    pub(super) timeout: Duration,
    pub(super) output_bytes: usize,
    pub(super) shows_all: bool,
}

/// What the driver has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It goes on in the background.
    Yielded,
    /// It is over.
    Over(Verdict),
}

impl Job {
    /// Looks after `child`, which was started for `call`.
    pub(super) fn new(
        (child, streams): (Child, Streams),
        call: CallId,
        command: String,
        limits: Limits,
        now: Instant,
    ) -> Self {
        Self {
            streams,
            command,
            kept: Recorder::new(limits.output_bytes),
            unread: Recorder::new(POLLED),
            call: Some(call),
            life: Life::new(now, limits.yield_after, limits.timeout),
            tree: Tree::new(child),
            all_gone: false,
            began: now,
            ended: None,
            timeout: limits.timeout,
            to_show: Vec::new(),
            shows_all: limits.shows_all,
            show_at: None,
        }
    }

    /// When [`Self::tick`] is due.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.life.wake_at().into_iter().chain(self.show_at).min()
    }

    /// It printed `bytes`; none are the end of its output.
    pub(super) fn printed(&mut self, bytes: &[u8], now: Instant) -> Option<News> {
        if bytes.is_empty() {
            return self.step(Input::OutputEnded, now);
        }
        self.record(bytes, now);
        self.step(Input::OutputCame, now)
    }

    /// Children have ended.
    pub(super) fn reap(&mut self, now: Instant) -> Option<News> {
        let reaped = self.tree.reap();
        self.all_gone = reaped.all_gone;
        let exit = reaped
            .exit
            .and_then(|exit| self.step(Input::Exited(exit), now));
        let gone = reaped.all_gone.then(|| self.step(Input::AllGone, now));
        exit.or(gone.flatten())
    }

    /// It is to end.
    pub(super) fn end(&mut self, cause: Cause, now: Instant) -> Option<News> {
        self.step(Input::End(cause), now)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Option<News> {
        self.step(Input::Tick, now)
    }

    /// Output to show now, when it is due and somebody may watch.
    pub(super) fn due_output(&mut self, now: Instant) -> Option<(CallId, String)> {
        let call = self.call?;
        self.show_at.filter(|at| now >= *at)?;
        self.show_at = None;
        let whole = self.to_show.len() - unfinished(&self.to_show);
        let text: Vec<u8> = self.to_show.drain(..whole).collect();
        Some((call, String::from_utf8_lossy(&text).into_owned()))
    }

    /// What is left to show, when all of it is to be.
    pub(super) fn last_output(&mut self) -> Option<(CallId, String)> {
        let text = std::mem::take(&mut self.to_show);
        let some = self.shows_all && !text.is_empty();
        let call = self.call.filter(|_| some)?;
        Some((call, String::from_utf8_lossy(&text).into_owned()))
    }

    /// It went to the background: the call is answered, and from here on polls tell what is new.
    pub(super) fn go_to_background(&mut self) -> Option<CallId> {
        self.unread.clear();
        self.to_show.clear();
        self.show_at = None;
        self.call.take()
    }

    /// How it ended, when it has.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.life.verdict()
    }

    /// How it ended, for the supervisor.
    pub(super) fn outcome(&self, verdict: Verdict, output: Capture) -> ToolOutcome {
        match verdict {
            Verdict::Exited(Exit::Code(code)) => ToolOutcome::Exited { code, output },
            Verdict::Exited(Exit::Signal(signal)) => ToolOutcome::Signaled { signal, output },
            Verdict::Ended(Cause::Timeout) => {
                let after_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
                ToolOutcome::TimedOut { after_ms, output }
            }
            Verdict::Ended(Cause::Cancel) => ToolOutcome::Cancelled { output },
            Verdict::Ended(Cause::Kill) => ToolOutcome::Signaled {
                signal: Signal::SIGKILL as i32,
                output,
            },
        }
    }

    /// Its state in words: `running for 3 s`.
    pub(super) fn state(&self, now: Instant) -> String {
        let lasted = self
            .ended
            .unwrap_or(now)
            .duration_since(self.began)
            .as_secs();
        match self.verdict() {
            None => format!("running for {lasted} s, process id {}", self.tree.pid()),
            Some(Verdict::Exited(Exit::Code(code))) => {
                format!("ended after {lasted} s with exit code {code}")
            }
            Some(Verdict::Exited(Exit::Signal(signal))) => {
                format!("ended after {lasted} s by signal {signal}")
            }
            Some(Verdict::Ended(Cause::Timeout)) => {
                format!("killed after its timeout of {} s", self.timeout.as_secs())
            }
            Some(Verdict::Ended(Cause::Cancel)) => format!("cancelled after {lasted} s"),
            Some(Verdict::Ended(Cause::Kill)) => format!("killed after {lasted} s"),
        }
    }

    /// Whether nothing it started is left, as of the last [`Self::reap`].
    pub(super) fn is_all_gone(&self) -> bool {
        self.all_gone
    }

    /// How many processes it left behind, as far as can be seen.
    pub(super) fn left_behind(&self) -> usize {
        self.tree.count()
    }

    /// Kills all that is left.
    pub(super) fn destroy(&self) {
        self.tree.signal(Signal::SIGKILL);
    }

    fn step(&mut self, input: Input, now: Instant) -> Option<News> {
        match self.life.step(input, now)? {
            Effect::Yield => Some(News::Yielded),
            Effect::Terminate => {
                self.tree.signal(Signal::SIGTERM);
                None
            }
            Effect::Destroy => {
                self.destroy();
                None
            }
            Effect::Over(verdict) => {
                self.ended = Some(now);
                let (kept, unread) = (&mut self.kept, &mut self.unread);
                self.streams.read_rest(|bytes| {
                    kept.push(bytes);
                    unread.push(bytes);
                });
                Some(News::Over(verdict))
            }
        }
    }

    fn record(&mut self, bytes: &[u8], now: Instant) {
        self.kept.push(bytes);
        if self.call.is_none() {
            self.unread.push(bytes);
            return;
        }
        if self.shows_all {
            self.to_show.extend_from_slice(bytes);
            let due = if self.to_show.len() < SHOWN {
                now + GATHER
            } else {
                now
            };
            self.show_at = Some(self.show_at.map_or(due, |at| at.min(due)));
            return;
        }
        let bytes = &bytes[bytes.len().saturating_sub(SHOWN)..];
        let over = (self.to_show.len() + bytes.len()).saturating_sub(SHOWN);
        self.to_show.drain(..over);
        self.to_show.extend_from_slice(bytes);
        self.show_at = self.show_at.or(Some(now + GATHER));
    }
}
