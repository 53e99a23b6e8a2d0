//! What every wire's reader of answers shares.

use super::error::ModelError;
use super::sse::Event;
use ipc::model::{StopReason, Usage};
use ipc::transcript::ToolRequest;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest answer, words and arguments together, in bytes: it must fit a frame with room to spare,
/// and an agent that passes on three tries of it must not have said too much.
pub(super) const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Whether more is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// A sign of life, nothing of an answer.
    Idle,
    /// A piece of the answer.
    More,
    /// That was the last event.
    Done,
}

/// Reads one streamed answer.
pub(super) trait Reader: Send {
    /// Takes an event; new words are appended to `text`.
    fn read(&mut self, event: Event, text: &mut String) -> Result<Flow, ModelError>;

    /// The whole answer, once the stream has ended. An answer without its proper end is an error.
    fn finish(self: Box<Self>) -> Result<Parsed, ModelError>;
}

/// A whole answer, as a wire has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed {
    /// The words.
    pub(super) text: String,
    /// The calls; ids may be missing or repeated still.
    pub(super) calls: Vec<ToolRequest>,
    /// Why it stopped.
    pub(super) stop: StopReason,
    /// What it cost.
    pub(super) usage: Usage,
    /// Provider state to be sent back with it.
    pub(super) carried: Vec<Value>,
}

impl Parsed {
    /// The answer with every call's id its own, the stop reason that fits, and its size bounded.
    pub(super) fn checked(mut self) -> Result<Self, ModelError> {
        let arguments: usize = self.calls.iter().map(|c| c.arguments.len()).sum();
        if self.text.len() + arguments > MAX_ANSWER {
            return Err(broken(format!("it is longer than {MAX_ANSWER} bytes")));
        }
        for at in 0..self.calls.len() {
            let (before, rest) = self.calls.split_at_mut(at);
            let id = &mut rest[0].id;
            let is_taken = |id: &str| id.is_empty() || before.iter().any(|call| call.id == id);
            while is_taken(id) {
                *id = format!("{id}_{at}");
            }
        }
        if !self.calls.is_empty() && self.stop == StopReason::End {
            self.stop = StopReason::ToolCalls;
        }
        if self.calls.is_empty() && self.stop == StopReason::ToolCalls {
            self.stop = StopReason::End;
        }
        Ok(self)
    }
}

/// An answer that is not what it should be.
pub(super) fn broken(message: impl Into<String>) -> ModelError {
    ModelError::Broken {
        message: message.into(),
    }
}

/// The stream ended where it should not.
pub(super) fn cut(missing: &str) -> ModelError {
    broken(format!("the stream ended without {missing}"))
}

/// An event's data.
pub(super) fn json<T: DeserializeOwned>(data: &str) -> Result<T, ModelError> {
    serde_json::from_str(data).map_err(|error| broken(format!("a malformed event: {error}")))
}

/// Calls that arrive in pieces, by the wire's own index.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    calls: BTreeMap<u64, ToolRequest>,
}

impl Pieces {
    /// The call at `index`, begun if need be.
    pub(super) fn at(&mut self, index: u64) -> &mut ToolRequest {
        self.calls.entry(index).or_insert_with(|| ToolRequest {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
        })
    }

    /// The index after the last one.
    pub(super) fn next_index(&self) -> u64 {
        self.calls
            .last_key_value()
            .map_or(0, |(index, _)| index + 1)
    }

    /// The last index, or 0.
    pub(super) fn last_index(&self) -> u64 {
        self.next_index().saturating_sub(1)
    }

    /// Whether there is a call at `index` whose id is another one.
    pub(super) fn is_other(&self, index: u64, id: &str) -> bool {
        self.calls
            .get(&index)
            .is_some_and(|call| !call.id.is_empty() && call.id != id)
    }

    /// The calls in order.
    pub(super) fn into_calls(self) -> Result<Vec<ToolRequest>, ModelError> {
        let calls: Vec<_> = self.calls.into_values().collect();
        if calls.iter().any(|call| call.name.is_empty()) {
            return Err(broken("a tool call without a name"));
        }
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_are_unique_after_the_check(ids in proptest::collection::vec("[a_01]{0,3}", 0..6)) {
            let calls = ids.iter().map(|id| ToolRequest {
                id: id.clone(), name: "exec".into(), arguments: String::new(),
            });
            let parsed = Parsed {
                text: String::new(), calls: calls.collect(), stop: StopReason::End,
                usage: Usage::default(), carried: Vec::new(),
            };
            let calls = parsed.checked().unwrap().calls;
            for (i, call) in calls.iter().enumerate() {
                prop_assert!(!call.id.is_empty());
                prop_assert!(calls[..i].iter().all(|c| c.id != call.id));
            }
        }
    }
}
