//! A turn in progress, as the supervisor keeps it: it outlives the agent process that works on it.

use super::directive::{self, Directive};
use super::rules;
use super::state::Whence;
use crate::config::ElevatedMode;
use crate::policy::{Sender, TurnBudget};
use ipc::agent::TurnOutcome;
use ipc::control::{FinalReply, ReplyStatus};
use ipc::id::{InputId, SessionKey, TurnId};
use ipc::model::Usage;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A turn in progress.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) id: TurnId,
    /// The messages it answers.
    pub(super) inputs: Vec<InputId>,
    /// Whose they are.
    pub(super) senders: Vec<Sender>,
    /// What one of them said with `/elevated` for this turn alone.
    pub(super) elevated: Option<ElevatedMode>,
    /// Where its answer goes.
    pub(super) channel: String,
    pub(super) target: Value,
    pub(super) budget: TurnBudget,
    pub(super) begun: Instant,
    /// The time it waited for a person's word.
    pub(super) waiting: Waiting,
    /// Ends its calls.
    pub(super) cancel: CancellationToken,
    /// Set when it is over and only its last calls are waited for.
    pub(super) ending: Option<TurnOutcome>,
    /// The last answer's words.
    pub(super) text: String,
    pub(super) model: String,
    pub(super) usage: Usage,
    pub(super) model_calls: u32,
    /// Notes that wait until all tool calls have ended: nothing may stand between those.
    pub(super) notes: Vec<String>,
}

/// Time in which somebody was waited for, however many questions there were at once.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    questions: usize,
    since: Option<Instant>,
    before: Duration,
}

impl Waiting {
    /// One more question waits.
    pub(super) fn begin(&mut self) {
        self.questions += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    /// One less does.
    pub(super) fn end(&mut self) {
        self.questions = self.questions.saturating_sub(1);
        if self.questions == 0
            && let Some(since) = self.since.take()
        {
            self.before += since.elapsed();
        }
    }

    fn total(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Turn {
    /// How long it has taken so far. The time a gateway was down does not count, nor does the time
    /// people took to answer.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed().saturating_sub(self.waiting.total())
    }

    /// Where its answer goes.
    pub(super) fn whence(&self) -> Whence {
        rules::whence(&self.channel, &self.target)
    }

    /// Somebody's message is part of it.
    pub(super) fn hears(&mut self, sender: Sender, text: &str) {
        if !self.senders.contains(&sender) {
            self.senders.push(sender);
        }
        self.reads(text);
    }

    /// Takes what a message says to the session itself.
    pub(super) fn reads(&mut self, text: &str) {
        if let Some(Directive::ElevateHere(mode)) = directive::read(text) {
            self.elevated = Some(mode);
        }
    }

    /// What was shown of an answer that never became whole, of all that was shown.
    pub(super) fn unfinished<'a>(&self, shown: &'a str) -> &'a str {
        let whole = shown.rfind(&self.text).filter(|_| !self.text.is_empty());
        let begin = whole.map_or(0, |at| at + self.text.len());
        shown[begin..].trim()
    }

    /// The reply its end makes. What was `shown` before it broke off stays.
    pub(super) fn reply(
        &self,
        outcome: &TurnOutcome,
        session: &SessionKey,
        shown: &str,
    ) -> FinalReply {
        let (status, text) = match outcome {
            TurnOutcome::Answered => (ReplyStatus::Ok, self.text.clone()),
            TurnOutcome::Silent => (ReplyStatus::Ok, String::new()),
            TurnOutcome::Cancelled => (ReplyStatus::Cancelled, behind(shown, "Stopped.")),
            TurnOutcome::Failed { reason } => (
                ReplyStatus::Failed,
                behind(shown, &format!("I could not go on: {}", reason.message)),
            ),
        };
        FinalReply {
            text,
            input: self.inputs.last().copied().unwrap_or_default(),
            session: session.clone(),
            status,
            model: self.model.clone(),
            usage: self.usage,
        }
    }
}

/// Words behind what was shown, in which a block of code may be open.
fn behind(shown: &str, words: &str) -> String {
    let shown = shown.trim_end();
    if shown.trim_start().is_empty() {
        return words.to_owned();
    }
    let fences = shown
        .lines()
        .filter(|line| line.trim_start().starts_with("```"));
    let close = if fences.count() % 2 == 1 { "\n```" } else { "" };
    format!("{shown}{close}\n\n{words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_stays_and_no_code_is_left_open() {
        assert_eq!(behind(" \n", "Stopped."), "Stopped.");
        assert_eq!(behind("One\n", "Stopped."), "One\n\nStopped.");
        let code = "So:\n```sh\nls";
        assert_eq!(behind(code, "Stopped."), format!("{code}\n```\n\nStopped."));
        let whole = "So:\n```sh\nls\n```";
        assert_eq!(behind(whole, "Stopped."), format!("{whole}\n\nStopped."));
    }

    #[test]
    fn waiting_for_several_at_once_counts_once() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.total(), Duration::ZERO);
        let began = Instant::now();
        waiting.begin();
        waiting.begin();
        while waiting.total() < Duration::from_millis(2) {}
        waiting.end();
        let still = waiting.total();
        while waiting.total() == still {}
        waiting.end();
        let total = waiting.total();
        assert!(total <= began.elapsed() && waiting.total() == total);
        waiting.end();
        assert_eq!(waiting.total(), total);
    }
}
