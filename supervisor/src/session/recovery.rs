//! What is left to do of a turn that was cut off, from what is on disk. Pure.
//!
//! - A call that was begun and has no outcome is **interrupted**: the model is told, and it is never
//!   run again.
//! - A call that was never begun is **open**: the agent runs it.
//! - An answer without calls ends the turn, unless it answered a note of ours (the memory flush).

use crate::model::Context;
use ipc::agent::OpenCall;
use ipc::id::{CallRef, ItemId};
use ipc::tool::ToolOutcome;
use ipc::transcript::{ToolRequest, TranscriptItem};
use std::collections::BTreeSet;

/// What is left to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recovery {
    /// Outcomes to store for calls that were begun and never ended.
    pub(super) interrupted: Vec<TranscriptItem>,
    /// Calls to run.
    pub(super) open: Vec<OpenCall>,
    /// The last answer ends the turn: nothing is left but to send it.
    pub(super) answered: bool,
}

/// The answer whose calls may be unfinished: the last one in the context.
pub(super) fn last_answer(context: &Context) -> Option<(ItemId, &[ToolRequest])> {
    context
        .items
        .iter()
        .rev()
        .find_map(|(id, item)| match item.as_ref() {
            TranscriptItem::Answer { tool_calls, .. } => Some((*id, tool_calls.as_slice())),
            TranscriptItem::User { .. }
            | TranscriptItem::Outcome { .. }
            | TranscriptItem::Note { .. }
            | TranscriptItem::Summary { .. } => None,
        })
}

/// What is left of the turn; `begun` are the calls of the last answer that were begun.
pub(super) fn plan(context: &Context, begun: &BTreeSet<CallRef>) -> Recovery {
    let mut plan = Recovery {
        interrupted: Vec::new(),
        open: Vec::new(),
        answered: false,
    };
    let Some((item, calls)) = last_answer(context) else {
        return plan;
    };
    let after: Vec<_> = context.items.iter().filter(|(id, _)| *id > item).collect();
    let ended: BTreeSet<CallRef> = after
        .iter()
        .filter_map(|(_, item)| match item.as_ref() {
            TranscriptItem::Outcome { call, .. } => Some(*call),
            TranscriptItem::User { .. }
            | TranscriptItem::Answer { .. }
            | TranscriptItem::Note { .. }
            | TranscriptItem::Summary { .. } => None,
        })
        .collect();
    for (index, call) in (0_u32..).zip(calls) {
        let request = CallRef { item, index };
        if ended.contains(&request) {
            continue;
        }
        if begun.contains(&request) {
            plan.interrupted.push(TranscriptItem::Outcome {
                call: request,
                tool: call.name.clone(),
                outcome: ToolOutcome::Interrupted,
                behind: None,
            });
        } else {
            plan.open.push(OpenCall {
                request,
                call: call.clone(),
            });
        }
    }
    plan.answered = calls.is_empty() && after.is_empty() && !answers_a_note(context);
    plan
}

/// Whether the last thing said to the model before its last answers was a note of ours.
fn answers_a_note(context: &Context) -> bool {
    let said = context
        .items
        .iter()
        .rev()
        .find_map(|(_, item)| match item.as_ref() {
            TranscriptItem::User { .. } => Some(false),
            TranscriptItem::Note { .. } => Some(true),
            TranscriptItem::Answer { .. }
            | TranscriptItem::Outcome { .. }
            | TranscriptItem::Summary { .. } => None,
        });
    said.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::id::InputId;
    use ipc::model::Usage;
    use std::sync::Arc;

    fn context(items: Vec<TranscriptItem>) -> Context {
        let items = (1..)
            .map(ItemId)
            .zip(items.into_iter().map(Arc::new))
            .collect();
        Context {
            generation: 0,
            items,
        }
    }

    fn user() -> TranscriptItem {
        TranscriptItem::User {
            input: InputId(1),
            text: "do".into(),
            images: Vec::new(),
        }
    }

    fn answer(calls: &[&str]) -> TranscriptItem {
        let call = |name: &&str| ToolRequest {
            id: "x".into(),
            name: (*name).into(),
            arguments: "{}".into(),
        };
        TranscriptItem::Answer {
            text: String::new(),
            tool_calls: calls.iter().map(call).collect(),
            model: "a/b".into(),
            usage: Usage::default(),
            carried: None,
        }
    }

    fn outcome(item: u64, index: u32) -> TranscriptItem {
        TranscriptItem::Outcome {
            call: CallRef {
                item: ItemId(item),
                index,
            },
            tool: "exec".into(),
            outcome: ToolOutcome::Interrupted,
            behind: None,
        }
    }

    #[test]
    fn a_begun_call_is_interrupted_and_an_unbegun_one_is_open() {
        let context = context(vec![user(), answer(&["exec", "read", "ls"]), outcome(2, 0)]);
        let begun = [0, 1]
            .map(|index| CallRef {
                item: ItemId(2),
                index,
            })
            .into();
        let plan = plan(&context, &begun);
        assert_eq!(
            plan.interrupted,
            [TranscriptItem::Outcome {
                call: CallRef {
                    item: ItemId(2),
                    index: 1
                },
                tool: "read".into(),
                outcome: ToolOutcome::Interrupted,
                behind: None,
            }]
        );
        assert_eq!(plan.open.len(), 1);
        assert_eq!(plan.open[0].request.index, 2);
        assert!(!plan.answered);
    }

    #[test]
    fn an_answer_without_calls_ends_the_turn() {
        assert!(plan(&context(vec![user(), answer(&[])]), &BTreeSet::new()).answered);
    }

    #[test]
    fn an_answer_to_a_note_or_before_a_message_does_not_end_it() {
        let note = TranscriptItem::Note {
            text: "flush".into(),
        };
        assert!(!plan(&context(vec![user(), note, answer(&[])]), &BTreeSet::new()).answered);
        assert!(!plan(&context(vec![answer(&[]), user()]), &BTreeSet::new()).answered);
        assert!(!plan(&context(vec![user()]), &BTreeSet::new()).answered);
    }
}
