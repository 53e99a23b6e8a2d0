//! A call that a person is asked about: nothing of it is begun until there is a word, so that what
//! dies meanwhile has changed nothing, and whoever takes the turn up asks again.

use super::driver::{CallEnd, Driver};
use super::rules;
use crate::audit::Event;
use crate::broker::Services;
use crate::broker::approvals::{Heard, Question, Word};
use crate::policy::{Decision, Place, Used};
use crate::store::StoreError;
use crate::store::exec_approvals::{self, AllowUse};
use ipc::agent::ToolCall;
use ipc::approval::{ApprovalDecision, ApprovalRequest};
use ipc::control::Activity;
use ipc::id::{AgentId, CallId};
use ipc::tool::{Capture, ToolOutcome};
use ipc::tool_args::{ExecArgs, ProcessArgs, ToolArgs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a person has to say a word; silence is a no.
const WITHIN: Duration = Duration::from_secs(120);

/// Uses of the allow-list that wait to be noted; a turn with more forgets the oldest.
const MAX_USES: usize = 256;

/// A call whose question has ended.
#[derive(Debug)]
pub(super) struct Confirmed {
    pub(super) call: CallId,
    pub(super) tool: ToolCall,
    pub(super) place: Place,
    pub(super) request: ApprovalRequest,
    pub(super) heard: Heard,
    /// What went wrong in remembering the word.
    pub(super) unwritten: Option<String>,
}

impl Driver {
    /// Asks a person about a call, and lets it wait for the word.
    pub(super) fn confirm(
        &mut self,
        call: CallId,
        tool: ToolCall,
        place: Place,
        why: (String, Option<PathBuf>),
    ) {
        let Some(turn) = &mut self.turn else {
            return;
        };
        let (reason, program) = why;
        turn.waiting.begin();
        let cancel = turn.cancel.clone();
        let (command, workdir) = command(&tool.args);
        let question = Question {
            session: self.key.clone(),
            command,
            workdir,
            reason,
            elevated: self.is_wider(&place),
            program,
            within: WITHIN,
        };
        let watchers = self.publisher.watchers();
        let asked = self.services.approvals.ask(question, watchers);
        self.services.audit.record(Event::ApprovalAsked {
            session: self.key.clone(),
            id: asked.request.id.clone(),
            command: asked.request.command.clone(),
        });
        let services = Arc::clone(&self.services);
        let agent = self.agent.clone();
        self.calls.spawn(async move {
            let request = asked.request.clone();
            let heard = asked.heard(&cancel).await;
            let unwritten = match &heard {
                Heard::Word(word) if word.decision == ApprovalDecision::AllowAlways => {
                    allow_always(&services, agent, &request).await.err()
                }
                Heard::Word(_) | Heard::Nobody | Heard::Cancelled => None,
            };
            CallEnd::Heard(Box::new(Confirmed {
                call,
                tool,
                place,
                request,
                heard,
                unwritten,
            }))
        });
    }

    /// A question has ended, with a word or without one.
    pub(super) async fn heard(&mut self, confirmed: Confirmed) -> Result<(), StoreError> {
        let Confirmed {
            call,
            tool,
            place,
            request,
            heard,
            unwritten,
        } = confirmed;
        if let Some(turn) = &mut self.turn {
            turn.waiting.end();
        }
        let (by, decision) = on_record(&heard);
        self.services.audit.record(Event::ApprovalGiven {
            session: self.key.clone(),
            id: request.id,
            by,
            decision,
        });
        if let Some(text) = unwritten {
            self.tell(Activity::Notice { text });
        }
        if let Err(outcome) = permission(&heard) {
            return self.ended(call, tool, outcome, None).await;
        }
        self.renew_approvals();
        // What was configured meanwhile holds for this call as well.
        match self.decide(&tool.args) {
            Decision::Deny { reason } => self.refuse(call, tool, reason).await,
            Decision::Allow(_) | Decision::Confirm { .. } => self.begin(call, tool, place).await,
        }
    }

    /// Takes a person's *always* into account, whoever heard it.
    pub(super) fn renew_approvals(&mut self) {
        let newest = self.live.approvals.load_full();
        if !Arc::ptr_eq(&newest, &self.approvals) {
            self.approvals = newest;
            self.policy = rules::policy(&self.live, &self.config(), &self.key);
        }
    }

    /// Remembers that a command ran, to note at the turn's end which entries of the allow-list it
    /// went by.
    pub(super) fn uses(&mut self, args: &ToolArgs) {
        let ToolArgs::Exec(args) = args else { return };
        let now = jiff::Timestamp::now().as_millisecond();
        for used in self.policy.used(args) {
            if self.uses.len() == MAX_USES {
                self.uses.remove(0);
            }
            self.uses
                .push(in_use(&self.agent, used, &args.command, now));
        }
    }

    /// Notes in the host's file what was used. Nobody waits for that.
    pub(super) fn note_uses(&mut self) {
        let uses = std::mem::take(&mut self.uses);
        if uses.is_empty() {
            return;
        }
        let file = self.live.config.paths.exec_approvals();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = exec_approvals::record_uses(&file, &uses) {
                tracing::warn!("failed to {error}; what was used is not noted there");
            }
        });
    }
}

/// What a call would run, and where.
fn command(args: &ToolArgs) -> (String, String) {
    match args {
        ToolArgs::Exec(ExecArgs {
            command, workdir, ..
        }) => (command.clone(), workdir.clone().unwrap_or_default()),
        ToolArgs::Process(process) => (spoken(process), String::new()),
        ToolArgs::Read(_)
        | ToolArgs::Write(_)
        | ToolArgs::Edit(_)
        | ToolArgs::ApplyPatch(_)
        | ToolArgs::Ls(_)
        | ToolArgs::SessionStatus(_)
        | ToolArgs::AgentsList(_) => (args.name().to_owned(), String::new()),
    }
}

/// What a background command would be told.
fn spoken(args: &ProcessArgs) -> String {
    let job = args.session_id.as_deref().unwrap_or_default();
    let texts = [&args.data, &args.literal, &args.text]
        .into_iter()
        .flatten();
    let keys = args.keys.iter().chain(&args.hex);
    let said: Vec<&str> = texts.chain(keys).map(String::as_str).collect();
    format!("(to {job}) {}", said.join(" "))
}

/// Whether the call may go on, or how it ended.
fn permission(heard: &Heard) -> Result<(), ToolOutcome> {
    let denied = |reason: String| Err(ToolOutcome::Denied { reason });
    match heard {
        Heard::Word(Word { decision, by }) => match decision {
            ApprovalDecision::AllowOnce | ApprovalDecision::AllowAlways => Ok(()),
            ApprovalDecision::Deny => denied(format!(
                "the command was not run: a person said no to it ({by}). Do not try it again in \
                 other words; ask what they would rather have"
            )),
        },
        Heard::Nobody => denied(format!(
            "the command was not run: it needs a person's approval, and nobody gave a word within \
             {} s. Do what can be done without it, and tell the person what waits for them",
            WITHIN.as_secs()
        )),
        Heard::Cancelled => Err(ToolOutcome::Cancelled {
            output: Capture::default(),
        }),
    }
}

/// Who said what, for the audit log.
fn on_record(heard: &Heard) -> (String, String) {
    let (by, decision) = match heard {
        Heard::Word(Word { decision, by }) => match decision {
            ApprovalDecision::AllowOnce => (by.as_str(), "allow-once"),
            ApprovalDecision::AllowAlways => (by.as_str(), "allow-always"),
            ApprovalDecision::Deny => (by.as_str(), "deny"),
        },
        Heard::Nobody => ("nobody", "deny"),
        Heard::Cancelled => ("nobody", "cancelled"),
    };
    (by.to_owned(), decision.to_owned())
}

fn in_use(agent: &AgentId, used: Used, command: &str, at_ms: i64) -> AllowUse {
    AllowUse {
        agent: agent.clone(),
        pattern: used.pattern,
        command: command.to_owned(),
        resolved_path: used.program.display().to_string(),
        at_ms,
    }
}

/// Writes a person's *always* into the host's file, from where every session of the agent has it.
async fn allow_always(
    services: &Arc<Services>,
    agent: AgentId,
    request: &ApprovalRequest,
) -> Result<(), String> {
    let Some(program) = request.program.clone() else {
        return Ok(());
    };
    let used = Used {
        pattern: globset::escape(&program),
        program: PathBuf::from(program),
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let used = in_use(&agent, used, &request.command, now);
    let services = Arc::clone(services);
    let written = tokio::task::spawn_blocking(move || {
        let live = services.live.load();
        let file = live.config.paths.exec_approvals();
        write(&services, &file, &used)
    });
    match written.await {
        Ok(written) => written,
        Err(error) => Err(unwritten(&error)),
    }
}

fn write(services: &Services, file: &Path, used: &AllowUse) -> Result<(), String> {
    let in_force = |says| services.live.load().approvals.store(Arc::new(says));
    exec_approvals::allow(file, used, in_force).map_err(|error| unwritten(&error))
}

fn unwritten(error: &dyn std::fmt::Display) -> String {
    format!("the command runs this once, and will be asked about again: failed to {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(decision: ApprovalDecision) -> Heard {
        Heard::Word(Word {
            decision,
            by: "cli".to_owned(),
        })
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        assert_eq!(permission(&word(ApprovalDecision::AllowOnce)), Ok(()));
        assert_eq!(permission(&word(ApprovalDecision::AllowAlways)), Ok(()));
        for (heard, words) in [
            (word(ApprovalDecision::Deny), "said no"),
            (Heard::Nobody, "nobody gave a word within 120 s"),
            (Heard::Cancelled, "cancelled"),
        ] {
            let outcome = permission(&heard).unwrap_err().to_text();
            assert!(outcome.contains(words), "{outcome}");
        }
    }

    #[test]
    fn a_word_is_on_record_with_whose_it_is() {
        let record = |heard: &Heard| {
            let (by, decision) = on_record(heard);
            format!("{decision} by {by}")
        };
        assert_eq!(
            record(&word(ApprovalDecision::AllowAlways)),
            "allow-always by cli"
        );
        assert_eq!(record(&Heard::Nobody), "deny by nobody");
    }
}
