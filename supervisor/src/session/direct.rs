//! What a person says to the session itself rather than to its model, and who may.

use super::compact::Reply;
use super::directive::{self, Directive};
use super::driver::Driver;
use super::manual;
use super::rules::{self, Speaker};
use crate::broker::approvals::Word;
use crate::message::Said;
use crate::store::StoreError;
use ipc::approval::ApprovalDecision;
use serde_json::Value;

/// A message that may be for the session itself.
#[derive(Debug)]
pub(super) struct Directed {
    /// The words.
    pub(super) text: String,
    /// By which channel they came.
    pub(super) channel: String,
    /// From where in it.
    pub(super) origin: Value,
}

/// Whether a message may be for the session itself.
pub(crate) fn is_directive(text: &str) -> bool {
    directive::read(text).is_some()
}

/// What becomes of such a message.
enum Answer {
    /// It is for the model after all.
    None,
    /// This is said to it.
    Said(Said),
    /// What is said to it comes when history is folded, by whoever asks for that.
    Folded(String),
}

impl From<Option<String>> for Answer {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::None, |text| Self::Said(Said::text(text)))
    }
}

impl Driver {
    /// Answers a message that may be for the session itself: at once, or when what it wants is done.
    pub(super) async fn direct(&mut self, said: &Directed, reply: Reply) {
        let speaker = rules::speaker(&said.channel, &said.origin);
        let answer = match self.answer_to(&speaker, &said.text).await {
            Ok(answer) => answer,
            Err(error) => Answer::Said(Said::text(format!("failed to {error}"))),
        };
        match answer {
            Answer::None => drop(reply.send(None)),
            Answer::Said(said) => drop(reply.send(Some(said))),
            Answer::Folded(wishes) => self.want_fold(wishes, reply).await,
        }
    }

    async fn answer_to(&mut self, speaker: &Speaker, text: &str) -> Result<Answer, StoreError> {
        let Some(directive) = directive::read(text) else {
            return Ok(Answer::None);
        };
        let commands = &self.services.live.load().config.commands;
        if !rules::may_command(commands, speaker) {
            return Ok(Answer::None);
        }
        let sender = &speaker.sender;
        Ok(match directive {
            Directive::Approve { id, decision } => {
                Answer::Said(Said::text(self.approve(speaker, id, decision)))
            }
            Directive::ApproveHow => {
                let waiting = self.services.approvals.waiting(Some(&self.key));
                // Where nothing waits, these are words like others.
                Answer::from((!waiting.is_empty()).then(|| directive::APPROVE_HOW.to_owned()))
            }
            Directive::Elevate(mode) => match self.admitted(sender) {
                Some(()) => Answer::from(Some(self.elevate(sender, mode).await?)),
                None => Answer::None,
            },
            Directive::ElevateHere(_) => {
                // The turn reads it again; here it is only told why it will do nothing.
                let _ = self.admitted(sender);
                Answer::None
            }
            Directive::Elevated => {
                let admitted = self.admitted(sender);
                Answer::from(admitted.map(|()| self.elevated_in_words()))
            }
            Directive::ElevateHow => {
                let admitted = self.admitted(sender);
                Answer::from(admitted.map(|()| directive::ELEVATE_HOW.to_owned()))
            }
            Directive::Status => Answer::Said(self.status().await),
            Directive::Context => Answer::Said(self.context_in_words().await),
            Directive::Usage => Answer::Said(self.usage_in_words(speaker).await?),
            Directive::Subagents => Answer::Said(self.subagents().await?),
            Directive::Help => Answer::Said(Said::text(manual::list(&manual::KNOWN))),
            Directive::Stop { all } => Answer::Said(self.stop(speaker, all).await?),
            Directive::Abort if self.is_busy() => Answer::Said(self.stop(speaker, false).await?),
            // Where nothing runs, it is a word like others.
            Directive::Abort => Answer::None,
            Directive::Model(choice) => Answer::Said(self.choose_model(choice).await?),
            Directive::Models(provider) => Answer::Said(self.models(provider).await),
            Directive::Think(choice) => Answer::Said(self.choose_thinking(choice).await?),
            Directive::Queue(choice) => Answer::Said(self.choose_queue(choice).await?),
            Directive::Compact(wishes) => Answer::Folded(wishes.to_owned()),
            Directive::Kill(what) => Answer::Said(self.kill(speaker, what).await),
        })
    }

    fn approve(&mut self, speaker: &Speaker, id: &str, decision: ApprovalDecision) -> String {
        if !rules::may_approve(speaker) {
            return "Only the owner of this gateway gives approvals.".to_owned();
        }
        let by = speaker.by.clone();
        let word = Word { decision, by };
        let answered = self.services.approvals.answer(id, Some(&self.key), &word);
        match answered {
            Ok(request) => format!("{}: {}", in_words(decision), request.command),
            Err(error) => error.to_string(),
        }
    }
}

/// A word on a question, as whoever gave it reads it back.
fn in_words(decision: ApprovalDecision) -> &'static str {
    match decision {
        ApprovalDecision::AllowOnce => "allowed once",
        ApprovalDecision::AllowAlways => "allowed always",
        ApprovalDecision::Deny => "denied",
    }
}
