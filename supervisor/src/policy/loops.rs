//! Notices an agent going in circles, by OpenClaw's four detectors.
//!
//! ```text
//!   genericRepeat          the same call, again and again          warns
//!   knownPollNoProgress    a poll that brings nothing new          warns, then blocks
//!   pingPong               A B A B with unchanging results         warns, then blocks
//!   global breaker         any call with the same result each time blocks
//! ```
//! A call is the same when tool and arguments are, a result when how it ended and what it printed
//! are. A threshold of N lets N such calls run: the one after them is warned of or blocked. Any new
//! result starts the count anew.

use crate::config::Loops;
use ipc::tool::{Capture, ToolOutcome};
use ipc::tool_args::{ProcessAction, ToolArgs};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};

/// Watches one session's tool calls. Kept by the supervisor, so that no agent process can switch
/// it off.
#[derive(Debug)]
pub struct LoopGuard {
    rules: Loops,
    /// Oldest first; at most [`Self::capacity`].
    past: VecDeque<Past>,
    /// Calls that run now: a model may ask for many of the same at once.
    open: HashMap<CallHash, usize>,
}

/// What is to be done about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may run.
    Go,
    /// It may not: it goes in circles.
    Block {
        /// For the model.
        reason: String,
    },
}

#[derive(Debug, Clone, Copy)]
struct Past {
    call: CallHash,
    result: ResultHash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CallHash([u8; 16]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ResultHash([u8; 16]);

impl LoopGuard {
    /// A guard with nothing seen yet.
    #[must_use]
    pub fn new(rules: &Loops) -> Self {
        Self {
            rules: *rules,
            past: VecDeque::new(),
            open: HashMap::new(),
        }
    }

    /// Asked before a call runs. Every [`Verdict::Go`] is to be followed by one [`Self::after`].
    pub fn before(&mut self, args: &ToolArgs) -> Verdict {
        if !self.rules.enabled {
            return Verdict::Go;
        }
        let call = CallHash::of(args);
        if let Some(reason) = self.objection(call, args) {
            return Verdict::Block { reason };
        }
        *self.open.entry(call).or_default() += 1;
        Verdict::Go
    }

    /// Told how a call ended. What it gives is to be noted for the model.
    pub fn after(&mut self, args: &ToolArgs, outcome: &ToolOutcome) -> Option<String> {
        if !self.rules.enabled {
            return None;
        }
        let call = CallHash::of(args);
        self.close(call);
        let repeats = self.repeats(call);
        self.remember(Past {
            call,
            result: ResultHash::of(outcome),
        });
        // In a full window the count stands still; only a count that has grown is news.
        let grown = self.repeats(call) > repeats;
        self.warning(call, args, grown)
    }

    /// Forgets everything: a person has spoken, what comes is a new attempt.
    pub fn reset(&mut self) {
        self.past.clear();
        self.open.clear();
    }

    fn objection(&self, call: CallHash, args: &ToolArgs) -> Option<String> {
        let tool = args.name();
        let rules = &self.rules;
        let still = self.unchanged(call) + self.open.get(&call).copied().unwrap_or(0);
        if still >= at(rules.global_breaker_threshold) {
            return Some(blocked(
                tool,
                &format!("was called {still} times with the same arguments and the same result"),
                "globalCircuitBreakerThreshold",
            ));
        }
        if rules.known_poll_no_progress && is_poll(args) && still >= at(rules.critical_threshold) {
            return Some(blocked(
                tool,
                &format!("was polled {still} times and there was nothing new"),
                "criticalThreshold",
            ));
        }
        let turns = self.ping_pong();
        let goes_on = self.past.iter().nth_back(1).is_some_and(|p| p.call == call);
        if rules.ping_pong && goes_on && turns >= at(rules.critical_threshold) {
            return Some(blocked(
                tool,
                &format!(
                    "takes turns with another call, {turns} calls so far, and nothing changes"
                ),
                "criticalThreshold",
            ));
        }
        None
    }

    fn warning(&self, call: CallHash, args: &ToolArgs, grown: bool) -> Option<String> {
        let rules = &self.rules;
        let due = |count: usize| count > 0 && count.is_multiple_of(at(rules.warning_threshold));
        let still = self.unchanged(call);
        let turns = self.ping_pong();
        let repeats = self.repeats(call);
        let found = if rules.known_poll_no_progress && is_poll(args) && due(still) {
            format!("was polled {still} times and there was nothing new")
        } else if rules.ping_pong && due(turns) {
            format!("takes turns with another call, {turns} calls so far, and nothing changes")
        } else if rules.generic_repeat && !is_poll(args) && grown && due(repeats) {
            format!("was called {repeats} times with the same arguments")
        } else {
            return None;
        };
        Some(format!(
            "{} {found}. If this does not lead on, try something else or tell the person what is \
             in the way; going on like this will be blocked.",
            args.name()
        ))
    }

    /// How often in a row this call brought the result it brought last. Other calls between do not
    /// count.
    fn unchanged(&self, call: CallHash) -> usize {
        let mut same = self.past.iter().rev().filter(|p| p.call == call);
        let Some(last) = same.next() else { return 0 };
        1 + same.take_while(|p| p.result == last.result).count()
    }

    /// How often this call stands in the window.
    fn repeats(&self, call: CallHash) -> usize {
        self.past.iter().filter(|p| p.call == call).count()
    }

    /// How many of the last calls are two in turns, each with its own unchanging result.
    fn ping_pong(&self) -> usize {
        let mut back = self.past.iter().rev();
        let (Some(one), Some(other)) = (back.next(), back.next()) else {
            return 0;
        };
        if one.call == other.call {
            return 0;
        }
        let pair = [one, other];
        let turns = self.past.iter().rev().enumerate();
        turns
            .take_while(|(i, p)| p.call == pair[i % 2].call && p.result == pair[i % 2].result)
            .count()
    }

    fn remember(&mut self, past: Past) {
        self.past.push_back(past);
        while self.past.len() > self.capacity() {
            self.past.pop_front();
        }
    }

    /// A window shorter than a threshold would switch its detector off, unseen.
    fn capacity(&self) -> usize {
        let rules = &self.rules;
        let longest = rules
            .history_size
            .max(rules.warning_threshold)
            .max(rules.critical_threshold)
            .max(rules.global_breaker_threshold);
        at(longest)
    }

    fn close(&mut self, call: CallHash) {
        if let Some(count) = self.open.get_mut(&call) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&call);
            }
        }
    }
}

/// A threshold as a count. Zero would block what was never called, so it counts as one.
fn at(threshold: u32) -> usize {
    usize::try_from(threshold.max(1)).unwrap_or(usize::MAX)
}

fn is_poll(args: &ToolArgs) -> bool {
    match args {
        ToolArgs::Process(p) => matches!(p.action, ProcessAction::Poll | ProcessAction::Log),
        ToolArgs::Exec(_)
        | ToolArgs::Read(_)
        | ToolArgs::Write(_)
        | ToolArgs::Edit(_)
        | ToolArgs::ApplyPatch(_)
        | ToolArgs::Ls(_)
        | ToolArgs::SessionStatus(_)
        | ToolArgs::AgentsList(_) => false,
    }
}

fn blocked(tool: &str, found: &str, key: &str) -> String {
    format!(
        "this call of {tool} goes in circles: it {found}. Other calls are allowed: do something \
         different, or tell the person what is in the way. (`tools.loopDetection.{key}` decides)"
    )
}

impl CallHash {
    /// Arguments are typed, so their keys always come in the same order.
    fn of(args: &ToolArgs) -> Self {
        Self(hash(args))
    }
}

impl ResultHash {
    /// Job names and durations are left out: they differ although nothing has changed.
    fn of(outcome: &ToolOutcome) -> Self {
        let bare: fn(&'static str, &Capture) -> [u8; 16] = |kind, output| hash(&(kind, output));
        Self(match outcome {
            ToolOutcome::Running { output, .. } => bare("running", output),
            ToolOutcome::TimedOut { output, .. } => bare("timed_out", output),
            ToolOutcome::Exited { .. }
            | ToolOutcome::Signaled { .. }
            | ToolOutcome::Text { .. }
            | ToolOutcome::Denied { .. }
            | ToolOutcome::Cancelled { .. }
            | ToolOutcome::Stopped { .. }
            | ToolOutcome::Interrupted
            | ToolOutcome::Failed { .. } => hash(outcome),
        })
    }
}

fn hash(value: &impl Serialize) -> [u8; 16] {
    let mut sha = Sha256::new();
    // Plain data with text keys always serializes, and a hasher takes every byte.
    let written = serde_json::to_writer(&mut sha, value);
    debug_assert!(written.is_ok());
    let mut short = [0; 16];
    short.copy_from_slice(&sha.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests;
