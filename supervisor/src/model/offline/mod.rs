//! The built-in offline responder: `offline/responder`.
//!
//! Serves where no model is configured, so that a newcomer sees everything but the model work. It
//! understands a few plain commands ([`commands`]) and makes of each a tool call, which then runs
//! through the very same loop, policy and jail as a model's. One call a round, in the order they were
//! written; a command after "and then" waits for the success of the one before it. When the outcomes
//! are in it says in plain words what came of them ([`words`]).
//!
//! A pure function of the context: it keeps nothing and calls nobody.

mod words;
mod parse;
mod commands;

use super::catalog::OFFLINE;
use super::{Completion, Context};
use crate::config::ModelRef;
use commands::Command;
use ipc::model::{StopReason, Usage};
use ipc::tool::ToolOutcome;
use ipc::tool_args::ToolSpec;
use ipc::transcript::{ToolRequest, TranscriptItem};
use parse::Parsed;

/// What the ids of its calls begin with; the rest is the task's number.
const CALL_ID: &str = "offline_";

/// The responder's name.
pub(super) fn name() -> ModelRef {
    ModelRef {
        provider: OFFLINE.to_owned(),
        model: "responder".to_owned(),
    }
}

/// Its answer to what is in the context; with `closing`, a digest of it. `why` is told in the first
/// answer: what is wrong with the model that should have answered, or nothing.
pub(super) fn respond(
    context: &Context,
    tools: &[ToolSpec],
    closing: Option<&str>,
    why: &str,
) -> Completion {
    if closing.is_some() {
        return completion(words::digest(context), None);
    }
    let round = Round::of(context);
    let offered = |name: &str| tools.iter().any(|tool| tool.name == name);
    match round.next(offered) {
        Some(call) => completion(String::new(), Some(call)),
        None => {
            let first = is_first(context).then_some(why);
            completion(round.told(offered, first), None)
        }
    }
}

fn completion(text: String, call: Option<ToolRequest>) -> Completion {
    Completion {
        text,
        stop: if call.is_some() {
            StopReason::ToolCalls
        } else {
            StopReason::End
        },
        tool_calls: call.into_iter().collect(),
        usage: Usage::default(),
        model: name(),
        carried: None,
    }
}

/// Whether nothing was answered before. A summary tells of answers that were.
fn is_first(context: &Context) -> bool {
    !context.items.iter().any(|(_, item)| match &**item {
        TranscriptItem::Answer { tool_calls, .. } => tool_calls.is_empty(),
        TranscriptItem::Summary { .. } => true,
        TranscriptItem::User { .. }
        | TranscriptItem::Outcome { .. }
        | TranscriptItem::Note { .. } => false,
    })
}

/// One line of what a person wrote, and how far it got.
struct Task<'a> {
    parsed: Parsed,
    /// `None` until its call has ended.
    outcome: Option<&'a ToolOutcome>,
}

/// What was asked since the last whole answer.
struct Round<'a> {
    tasks: Vec<Task<'a>>,
    heard_someone: bool,
    /// Something came that it can not look at.
    was_shown: bool,
}

impl<'a> Round<'a> {
    fn of(context: &'a Context) -> Self {
        let mut round = Self {
            tasks: Vec::new(),
            heard_someone: false,
            was_shown: false,
        };
        // Which answers called for which task, until the outcome is in.
        let mut called = Vec::new();
        for (id, item) in since_last_answer(context) {
            match &**item {
                TranscriptItem::User { text, images, .. } => round.hear(text, !images.is_empty()),
                TranscriptItem::Answer { tool_calls, .. } => {
                    let task = tool_calls.first().and_then(|call| task_of(&call.id));
                    called.extend(
                        task.filter(|at| *at < round.tasks.len())
                            .map(|at| (*id, at)),
                    );
                }
                TranscriptItem::Outcome { call, outcome, .. } => {
                    if let Some(which) = called.iter().position(|(item, _)| *item == call.item) {
                        round.end(called.remove(which).1, outcome);
                    }
                }
                TranscriptItem::Note { .. } | TranscriptItem::Summary { .. } => {}
            }
        }
        // A call without an outcome is never made again.
        for (_, at) in called {
            round.end(at, &ToolOutcome::Interrupted);
        }
        round
    }

    fn hear(&mut self, text: &str, pictures: bool) {
        self.heard_someone = true;
        let said = parse::spoken(text);
        let silent = said.trim().is_empty() && !text.trim().is_empty();
        self.was_shown |= pictures || silent;
        if self.was_shown && said.trim().is_empty() {
            return;
        }
        let new = parse::parse(&said).into_iter().map(|parsed| Task {
            parsed,
            outcome: None,
        });
        self.tasks.extend(new);
    }

    fn end(&mut self, at: usize, outcome: &'a ToolOutcome) {
        if let Some(task) = self.tasks.get_mut(at) {
            task.outcome = Some(outcome);
        }
        if matches!(outcome, ToolOutcome::Cancelled { .. }) {
            // Whoever stops a turn does not want the rest of it.
            self.tasks.truncate(at + 1);
        }
    }

    /// A step after "and then" runs if the one before it succeeded.
    fn may_run(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| &self.tasks[before]);
        match before {
            Some(before) if self.tasks[at].parsed.after_success => {
                before.outcome.is_some_and(words::is_success)
                    || before.parsed.command == Command::Help
            }
            Some(_) | None => true,
        }
    }

    fn next(&self, offered: impl Fn(&str) -> bool) -> Option<ToolRequest> {
        (0..self.tasks.len()).find_map(|at| {
            let task = &self.tasks[at];
            let (tool, arguments) = task.parsed.command.call()?;
            let runs = task.outcome.is_none() && offered(tool) && self.may_run(at);
            runs.then(|| ToolRequest {
                id: format!("{CALL_ID}{at}"),
                name: tool.to_owned(),
                arguments: arguments.to_string(),
            })
        })
    }

    fn told(&self, offered: impl Fn(&str) -> bool, first: Option<&str>) -> String {
        let mut parts: Vec<String> = self
            .tasks
            .iter()
            .map(|task| told_of(task, &offered, first.is_some()))
            .collect();
        if !self.heard_someone {
            // Only the system spoke: nobody waits for words.
            return "NO_REPLY".to_owned();
        }
        if self.was_shown {
            parts.insert(0, words::blind());
        }
        if let Some(why) = first {
            if !self
                .tasks
                .iter()
                .any(|t| t.parsed.command.tells_who_it_is())
            {
                parts.insert(0, words::who(why));
            } else if !why.is_empty() {
                parts.insert(0, why.to_owned());
            }
        }
        parts.join("\n\n")
    }
}

fn told_of(task: &Task<'_>, offered: &impl Fn(&str) -> bool, first: bool) -> String {
    match (&task.parsed.command, task.outcome) {
        (Command::Help, _) => words::help(),
        (Command::Unknown, _) => words::unknown(first),
        (Command::Incomplete { usage }, _) => format!("That is not complete: {usage}"),
        (command, Some(outcome)) => words::of_outcome(command, outcome),
        (command, None) => match command.call() {
            Some((tool, _)) if !offered(tool) => format!(
                "I can not do that: this session has no tool named {tool} (tools.profile, tools.allow and \
                     tools.deny of the configuration decide)."
            ),
            Some(_) | None => {
                format!(
                    "Not done, because the step before it failed: {}",
                    command.shown()
                )
            }
        },
    }
}

/// The items after the last answer that called no tool.
fn since_last_answer(context: &Context) -> &[(ipc::id::ItemId, std::sync::Arc<TranscriptItem>)] {
    let ended = context.items.iter().rposition(|(_, item)| {
        matches!(&**item, TranscriptItem::Answer { tool_calls, .. } if tool_calls.is_empty())
    });
    &context.items[ended.map_or(0, |at| at + 1)..]
}

/// The task a call was made for.
fn task_of(call_id: &str) -> Option<usize> {
    call_id.strip_prefix(CALL_ID)?.parse().ok()
}

#[cfg(test)]
mod tests;
