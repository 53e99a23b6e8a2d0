//! The actions of `process` on the command of this toolbox.

use super::job::Job;
use super::life::Cause;
use super::{Driver, Next, keys};
use crate::capture;
use ipc::id::CallId;
use ipc::tool::ToolOutcome;
use ipc::tool_args::{ProcessAction, ProcessArgs};
use std::time::{Duration, Instant};

/// The longest a poll waits for news, in milliseconds.
const MAX_POLL: u64 = 120_000;
/// How long a poll gathers output after the first news.
const GATHER: Duration = Duration::from_millis(100);
/// Lines that `log` shows where the call names no number.
const LOG_LINES: u64 = 200;
/// The most bytes one `log` shows.
const LOG_BYTES: usize = 50 * 1024;
/// How much of a command a state line repeats, in characters.
const COMMAND_SHOWN: usize = 80;

/// A call that waits for something.
#[derive(Debug)]
pub(super) struct Wait {
    call: CallId,
    until: Instant,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// News, or its time.
    News,
    /// The end of the command.
    End,
    /// The end of the command, which is then forgotten.
    Removal,
}

/// What a call comes to at once.
enum Answer {
    Now(Result<String, String>),
    Later(Wait),
}

impl Wait {
    /// When there is something to look at again.
    pub(super) fn due(&self) -> Instant {
        self.until
    }

    /// Whether `call` is this one and may be given up without an effect.
    pub(super) fn is_given_up_by(&self, call: CallId) -> bool {
        self.call == call && self.what == What::News
    }
}

impl Driver {
    /// Does what a `process` call asks.
    pub(super) async fn process(&mut self, call: CallId, args: &ProcessArgs, now: Instant) -> Next {
        let answer = match self.job_of(args) {
            Ok(job) => act(job, call, args, now),
            Err(reason) => Answer::Now(Err(reason)),
        };
        match answer {
            Answer::Now(Ok(text)) => self.outbox.done(call, ToolOutcome::Text { text }).await,
            Answer::Now(Err(reason)) => {
                self.outbox.done(call, ToolOutcome::Failed { reason }).await;
            }
            Answer::Later(wait) => self.waits.push(wait),
        }
        self.settle(now).await
    }

    /// Answers the calls whose time has come.
    pub(super) async fn settle(&mut self, now: Instant) -> Next {
        let Some(job) = &mut self.job else {
            return Next::Go;
        };
        let mut removed = false;
        for mut wait in std::mem::take(&mut self.waits) {
            let Some(text) = wait.answer(job, now) else {
                self.waits.push(wait);
                continue;
            };
            removed |= wait.what == What::Removal;
            self.outbox
                .done(wait.call, ToolOutcome::Text { text })
                .await;
        }
        if removed {
            Next::Stop(Ok(()))
        } else {
            Next::Go
        }
    }

    fn job_of(&mut self, args: &ProcessArgs) -> Result<&mut Job, String> {
        let ours = &self.start.job;
        let Some(job) = &mut self.job else {
            return Err("no command was started yet".to_owned());
        };
        match &args.session_id {
            Some(asked) if asked == ours.as_str() => Ok(job),
            Some(asked) => Err(format!("there is no command {asked}; this one is {ours}")),
            None if args.action == ProcessAction::List => Ok(job),
            None => Err(format!("sessionId is missing: name the command, {ours}")),
        }
    }
}

impl Wait {
    fn answer(&mut self, job: &mut Job, now: Instant) -> Option<String> {
        let over = job.verdict().is_some();
        match self.what {
            What::News => {
                if !over && !job.unread.is_empty() {
                    self.until = self.until.min(now + GATHER);
                }
                (over || now >= self.until).then(|| polled(job, now))
            }
            What::End => over.then(|| job.state(now)),
            What::Removal => over.then(|| format!("{} and forgotten", job.state(now))),
        }
    }
}

fn act(job: &mut Job, call: CallId, args: &ProcessArgs, now: Instant) -> Answer {
    let later = |what, until| Answer::Later(Wait { call, until, what });
    let said = match args.action {
        ProcessAction::List => Ok(format!("{}: {}", shorten(&job.command), job.state(now))),
        ProcessAction::Poll => {
            let wait = args.timeout.unwrap_or(0).min(MAX_POLL);
            return later(What::News, now + Duration::from_millis(wait));
        }
        ProcessAction::Log => log(job, args, now),
        ProcessAction::Write => match (&args.data, args.eof) {
            (None, false) => Err("write needs data, or eof: true".to_owned()),
            (data, eof) => write(job, data.as_deref().unwrap_or_default().as_bytes(), eof),
        },
        ProcessAction::SendKeys => {
            keys::sequence(args, job.streams.is_tty()).and_then(|bytes| write(job, &bytes, false))
        }
        ProcessAction::Submit => write(job, keys::enter(job.streams.is_tty()), false),
        ProcessAction::Paste => match &args.text {
            None => Err("paste needs text".to_owned()),
            Some(text) => {
                let marked = args.bracketed.unwrap_or(true);
                write(job, &keys::paste(text, marked, job.streams.is_tty()), false)
            }
        },
        ProcessAction::Kill => return end(job, now, later(What::End, far(now))),
        ProcessAction::Remove => return end(job, now, later(What::Removal, far(now))),
        ProcessAction::Clear => {
            job.kept.clear();
            job.unread.clear();
            Ok("its output so far is forgotten".to_owned())
        }
    };
    Answer::Now(said)
}

/// Ends the command, and what it left behind when it had ended already.
fn end(job: &mut Job, now: Instant, answer: Answer) -> Answer {
    if job.verdict().is_some() {
        job.destroy();
    }
    // Its end is heard of like any other.
    let _ = job.end(Cause::Kill, now);
    answer
}

fn far(now: Instant) -> Instant {
    now + Duration::from_secs(3600)
}

fn write(job: &mut Job, bytes: &[u8], eof: bool) -> Result<String, String> {
    if job.verdict().is_some() {
        return Err("it has ended; nothing can be written to it any more".to_owned());
    }
    let waiting = job.streams.write(bytes, eof)?;
    let closed = if eof { ", and the end of input" } else { "" };
    let waiting = match waiting {
        0 => String::new(),
        waiting => format!("; {waiting} bytes wait until it reads"),
    };
    Ok(format!("wrote {} bytes{closed}{waiting}", bytes.len()))
}

fn polled(job: &mut Job, now: Instant) -> String {
    let over = job.verdict().is_some();
    let fresh = if over {
        job.unread.capture()
    } else {
        job.unread.take()
    };
    if over {
        job.unread.clear(); // also half a character, whose rest never comes
    }
    let fresh = capture::to_text(&fresh);
    let none = if fresh.is_empty() {
        "no new output; "
    } else {
        ""
    };
    with_note(fresh, &format!("{none}{}", job.state(now)))
}

/// Lines of the output that is kept; a line tells of what was dropped in the middle.
fn log(job: &Job, args: &ProcessArgs, now: Instant) -> Result<String, String> {
    let kept = capture::to_text(&job.kept.capture());
    let total = kept.lines().count() as u64;
    let limit = args.limit.unwrap_or(LOG_LINES).max(1);
    let first = args.offset.unwrap_or_else(|| total.saturating_sub(limit));
    if total == 0 {
        return Ok(with_note(
            String::new(),
            &format!("no output; {}", job.state(now)),
        ));
    }
    if first >= total {
        return Err(format!(
            "its output has {total} lines; offset {first} is after its end"
        ));
    }
    let mut text = String::new();
    let mut last = first;
    for line in kept.lines().skip(first as usize).take(limit as usize) {
        if !text.is_empty() && text.len() + line.len() > LOG_BYTES {
            break;
        }
        text.push_str(line);
        text.push('\n');
        last += 1;
    }
    let note = format!(
        "lines {first} to {} of {total}; {}",
        last - 1,
        job.state(now)
    );
    Ok(with_note(text, &note))
}

fn with_note(mut text: String, note: &str) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("[{note}]"));
    text
}

fn shorten(command: &str) -> String {
    let mut line = command.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = line.char_indices().nth(COMMAND_SHOWN) {
        line.truncate(at);
        line.push('…');
    }
    line
}
