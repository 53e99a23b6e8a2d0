//! What a person says to the session itself: words on questions, and `/elevated`.

use super::directive::{self, Directive};
use super::driver::Driver;
use super::rules;
use crate::audit::Event;
use crate::broker::approvals::Word;
use crate::config::{ElevatedMode, ElevatedWalls};
use crate::policy::Sender;
use crate::store::StoreError;
use ipc::approval::ApprovalDecision;
use ipc::control::Activity;
use serde_json::Value;

/// Why an elevated background command ended.
const SWITCHED_OFF: &str = "elevated commands were switched off";

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

impl Driver {
    /// What the session says to a message that is for it; `None` where it is for the model after all.
    pub(super) async fn direct(&mut self, said: &Directed) -> Option<String> {
        let sender = rules::sender(&said.channel, &said.origin);
        match directive::read(&said.text)? {
            Directive::Approve { id, decision } => self.approve(&sender, id, decision),
            Directive::ApproveHow => {
                let waiting = self.services.approvals.waiting(Some(&self.key));
                // Where nothing waits, these are words like others.
                (!waiting.is_empty()).then(|| directive::APPROVE_HOW.to_owned())
            }
            Directive::Elevate(mode) => {
                self.admitted(&sender)?;
                let told = self.elevate(&sender, mode).await;
                Some(told.unwrap_or_else(|error| format!("failed to {error}")))
            }
            Directive::ElevateHere(_) => {
                // The turn reads it again; here it is only told why it will do nothing.
                self.admitted(&sender)?;
                None
            }
            Directive::Elevated => {
                self.admitted(&sender)?;
                Some(self.elevated_in_words())
            }
            Directive::ElevateHow => {
                self.admitted(&sender)?;
                Some(directive::ELEVATE_HOW.to_owned())
            }
        }
    }

    fn approve(&mut self, sender: &Sender, id: &str, decision: ApprovalDecision) -> Option<String> {
        if !rules::may_approve(sender) {
            let text = "only whoever operates this gateway gives approvals here".to_owned();
            self.tell(Activity::Notice { text });
            return None;
        }
        let by = sender.channel.clone();
        let word = Word { decision, by };
        let answered = self.services.approvals.answer(id, Some(&self.key), &word);
        Some(match answered {
            Ok(request) => format!("{}: {}", in_words(decision), request.command),
            Err(error) => error.to_string(),
        })
    }

    /// Tells whoever may not switch wider walls on that they may not: their words are words.
    fn admitted(&mut self, sender: &Sender) -> Option<()> {
        let Err(why) = self.policy.may_elevate(sender) else {
            return Some(());
        };
        let text = format!("elevated commands are not yours to switch on or off: {why}");
        self.services.audit.record(Event::Refused {
            session: self.key.clone(),
            tool: "/elevated".to_owned(),
            reason: text.clone(),
        });
        self.tell(Activity::Notice { text });
        None
    }

    async fn elevate(&mut self, sender: &Sender, mode: ElevatedMode) -> Result<String, StoreError> {
        let name = directive::name(mode);
        self.services
            .store
            .set_elevated(self.transcript.session(), name)
            .await?;
        let before = self.policy.elevated_mode(self.elevated);
        self.elevated = Some(mode);
        self.services.audit.record(Event::Elevated {
            session: self.key.clone(),
            by: rules::in_words(sender),
            what: name.to_owned(),
        });
        if mode == ElevatedMode::Off {
            // What still runs there could be told what to do.
            for job in &self.wider {
                self.tools.kill(Some(job), SWITCHED_OFF);
            }
        }
        if before != mode {
            self.news.push(news(mode));
        }
        Ok(self.elevated_in_words())
    }

    fn elevated_in_words(&self) -> String {
        let mode = self.policy.elevated_mode(self.elevated);
        let walls = &self.config().tools.elevated.walls;
        let text = format!("Elevated commands: {}.", directive::name(mode));
        match mode {
            ElevatedMode::Off => format!("{text} Every command runs in the session's own walls."),
            ElevatedMode::Ask | ElevatedMode::On | ElevatedMode::Full => {
                format!("{text} {} {}", meaning(mode), wider(walls))
            }
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

fn meaning(mode: ElevatedMode) -> &'static str {
    match mode {
        ElevatedMode::Off => "None runs.",
        ElevatedMode::Ask => "Each one waits for your word.",
        ElevatedMode::On => "They go by the exec policy, as others do.",
        ElevatedMode::Full => "They run without anybody being asked.",
    }
}

/// What the wider walls are.
fn wider(walls: &ElevatedWalls) -> String {
    let list = |paths: &[std::path::PathBuf]| {
        let shown: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
        shown.join(", ")
    };
    let mut text = format!("Their network is {}", walls.network.name());
    if !walls.read_paths.is_empty() {
        text.push_str(&format!("; they read {}", list(&walls.read_paths)));
    }
    if !walls.write_paths.is_empty() {
        text.push_str(&format!("; they write {}", list(&walls.write_paths)));
    }
    text.push_str(". Keys and the gateway's state stay out of reach.");
    text
}

/// What the model is to know with the next turn.
fn news(mode: ElevatedMode) -> String {
    match mode {
        ElevatedMode::Off => {
            "The person switched elevated commands off: exec with `elevated` is denied now."
                .to_owned()
        }
        ElevatedMode::Ask | ElevatedMode::On | ElevatedMode::Full => format!(
            "The person switched elevated commands to {}: exec with `elevated: true` runs in wider walls \
             now. Use it only for what needs them.",
            directive::name(mode)
        ),
    }
}
