//! One turn, from its input to its end. Pure: what it wants done it hands back as [`Effect`]s.
//!
//! ```text
//!                    too long          ┌─────────┐ folded, or could not be
//!             ┌───────────────────────▶│ Folding ├──────────────┐
//!             │                        └─────────┘              │
//!             │     all calls ended         ▲ the provider      ▼
//!  begin ────▶●◀──────────────────┐         │ says: too long
//!             │ fits         ┌────┴────┐    │              ┌────────┐
//!             ├─────────────▶│ Calling │◀───┼──────────────┤ Asking │◀── (ask the model)
//!             │  (open calls)└─────────┘ calls             └─┬──────┘
//!             │                                              │ words, and no input waits
//!             │ flush due    ┌────────┐ stored               ▼
//!             └─────────────▶│ Noting ├───────▶ ask       ┌──────┐
//!                            └────────┘                   │ Done │◀── cancelled or refused,
//!                                                         └──────┘    from anywhere
//! ```
//! ● is `go_on`. A memory flush is a detour through the same states: a note asks the
//! model to write its memory, its answers are shown to nobody, and a second note ends it; then
//! history is folded. In every state but `Done` something asked is still to be answered, so a turn
//! can not get stuck; in `Done` nothing that comes does anything.

use crate::compaction::{self, Due, Why};
use crate::draft;
use crate::prompt;
use crate::tool_calls::Call;
use crate::transcript::Transcript;
use ipc::agent::{ToolCall, TurnOutcome};
use ipc::id::{CallRef, ItemId};
use ipc::model::{Answer, StopReason};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::transcript::{ItemKind, ItemOutline};
use std::collections::{BTreeSet, VecDeque};

/// What can happen to a turn.
#[derive(Debug, Clone)]
pub enum Input {
    /// More input waits.
    Steer,
    /// The turn is to be abandoned.
    Cancel,
    /// The model answered; `calls` are the answer's calls as they were read.
    Answered {
        /// The answer.
        answer: Box<Answer>,
        /// Its calls, in order.
        calls: Vec<Call>,
    },
    /// A tool call ended.
    CallEnded {
        /// Which.
        request: CallRef,
        /// Its stored outcome.
        item: ItemOutline,
    },
    /// A tool call was refused.
    CallRefused {
        /// Which.
        request: CallRef,
        /// Why.
        refusal: Refusal,
    },
    /// The note is stored.
    Noted {
        /// As this.
        item: ItemOutline,
    },
    /// History is folded.
    Folded {
        /// The last item folded in.
        through: ItemId,
        /// The summary.
        item: ItemOutline,
    },
    /// The model, the note or the summary was refused.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

/// What a turn wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the model for the turn's next words.
    AskModel,
    /// Ask for a tool.
    AskTool(ToolCall),
    /// Say that a call was not asked, and why.
    Reject {
        /// Which call.
        request: CallRef,
        /// For the model.
        reason: String,
    },
    /// Ask for a note to be stored.
    Note {
        /// The words.
        text: String,
    },
    /// Ask for a summary of everything up to and including `through`.
    Summarize {
        /// The last item to fold in.
        through: ItemId,
    },
    /// The turn is over.
    End(TurnOutcome),
}

/// Where a turn stands.
#[derive(Debug, Clone)]
pub struct TurnState {
    phase: Phase,
    /// Model calls left to a memory flush, while there is one.
    flush: Option<u8>,
    /// Inputs that wait, as far as the supervisor said; and those it had said when the model was
    /// last asked, which that ask takes in.
    steers: u32,
    steers_asked: u32,
    /// The provider said since the last answer that the context is too long.
    was_refused: bool,
    /// Summaries asked for since the last answer.
    folds: u8,
    /// Folding under pressure failed in this turn; the next turn tries again.
    can_fold: bool,
    /// The model was told that its answer was empty.
    nudged: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Asking,
    Calling {
        open: BTreeSet<CallRef>,
        /// Calls that are asked for as others end.
        later: VecDeque<ToolCall>,
    },
    Noting {
        then: AfterNote,
    },
    Folding {
        through: ItemId,
        why: Why,
    },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterNote {
    Ask,
    Fold(Why),
}

/// Model calls one memory flush may take.
const FLUSH_CALLS: u8 = 8;
/// Tool calls that run side by side, however many the model asks for at once.
pub const CALLS_AT_ONCE: usize = 16;

impl TurnState {
    /// Begins a turn whose new items `transcript` knows. A turn that was cut off runs the calls it
    /// left `open` first; one that was cut off after its last answer has only to end.
    #[must_use]
    pub fn begin(open: Vec<Call>, transcript: &mut Transcript) -> (Self, Vec<Effect>) {
        let mut state = Self {
            phase: Phase::Asking,
            flush: None,
            steers: 0,
            steers_asked: 0,
            was_refused: false,
            folds: 0,
            can_fold: true,
            nudged: false,
        };
        let last = transcript.items().last().map(|item| item.kind);
        let effects = if !open.is_empty() {
            state.call(open, transcript)
        } else if last == Some(ItemKind::Answer) {
            state.end(TurnOutcome::Answered)
        } else {
            state.go_on(transcript)
        };
        (state, effects)
    }

    /// Whether the turn is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Whether the answer being written is for the user to see.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.phase == Phase::Asking && self.flush.is_none()
    }

    /// Takes one input in. Whatever is stored is learnt even when it changes nothing.
    pub fn step(&mut self, input: Input, transcript: &mut Transcript) -> Vec<Effect> {
        match input {
            Input::Steer => {
                self.steers = self.steers.saturating_add(1);
                Vec::new()
            }
            Input::Cancel => self.cancelled(transcript),
            Input::Answered { answer, calls } => self.answered(&answer, calls, transcript),
            Input::CallEnded { request, item } => {
                transcript.learn(item);
                self.call_ended(request, transcript)
            }
            Input::CallRefused { request, refusal } => {
                transcript.expect_unheard_outcomes();
                if refusal.kind == RefusalKind::Cancelled {
                    return self.cancelled(transcript);
                }
                self.call_ended(request, transcript)
            }
            Input::Noted { item } => {
                transcript.learn(item);
                self.noted(transcript)
            }
            Input::Folded { through, item } => {
                transcript.fold(through, item);
                self.folded(transcript)
            }
            Input::Refused { refusal } => self.refused(refusal, transcript),
        }
    }

    // === answers and calls ===

    fn answered(
        &mut self,
        answer: &Answer,
        calls: Vec<Call>,
        transcript: &mut Transcript,
    ) -> Vec<Effect> {
        transcript.answered(answer);
        if self.phase != Phase::Asking {
            return Vec::new();
        }
        self.was_refused = false;
        self.folds = 0;
        self.take_steers(answer);
        self.flush = self.flush.map(|left| left.saturating_sub(1));
        if !calls.is_empty() {
            self.call(calls, transcript)
        } else if self.flush.is_some() {
            self.end_flush(Why::Pressure)
        } else if self.steers > 0 {
            self.go_on(transcript)
        } else {
            self.conclude(answer)
        }
    }

    /// A steer that crossed the ask on its way is taken by it too, and must not cause another.
    fn take_steers(&mut self, answer: &Answer) {
        let kinds = answer.taken.iter().map(|item| item.kind);
        let taken = kinds.filter(|kind| *kind == ItemKind::User).count();
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        self.steers = self.steers.saturating_sub(taken.max(self.steers_asked));
    }

    fn conclude(&mut self, answer: &Answer) -> Vec<Effect> {
        if draft::is_silence(&answer.text) {
            self.end(TurnOutcome::Silent)
        } else if !answer.text.trim().is_empty() {
            self.end(TurnOutcome::Answered)
        } else if self.nudged || answer.stop == StopReason::Filtered {
            self.end(TurnOutcome::Failed {
                reason: nothing_said(answer.stop),
            })
        } else {
            self.nudged = true;
            self.note(prompt::nudge(), AfterNote::Ask)
        }
    }

    /// Asks for the calls, many at once; they end in any order.
    fn call(&mut self, calls: Vec<Call>, transcript: &mut Transcript) -> Vec<Effect> {
        let mut open = BTreeSet::new();
        let mut later = VecDeque::new();
        let mut effects = Vec::new();
        for call in calls {
            match call {
                Call::Run(call) if open.len() < CALLS_AT_ONCE => {
                    open.insert(call.request);
                    effects.push(Effect::AskTool(call));
                }
                Call::Run(call) => later.push_back(call),
                Call::Reject { request, reason } => {
                    transcript.expect_unheard_outcomes();
                    effects.push(Effect::Reject { request, reason });
                }
            }
        }
        let none = open.is_empty();
        self.phase = Phase::Calling { open, later };
        if none {
            effects.append(&mut self.go_on(transcript));
        }
        effects
    }

    fn call_ended(&mut self, request: CallRef, transcript: &mut Transcript) -> Vec<Effect> {
        let Phase::Calling { open, later } = &mut self.phase else {
            return Vec::new();
        };
        if !open.remove(&request) {
            return Vec::new();
        }
        if let Some(next) = later.pop_front() {
            open.insert(next.request);
            return vec![Effect::AskTool(next)];
        }
        if open.is_empty() {
            self.go_on(transcript)
        } else {
            Vec::new()
        }
    }

    // === before the model is asked ===

    fn go_on(&mut self, transcript: &mut Transcript) -> Vec<Effect> {
        match self.flush {
            Some(0) => return self.end_flush(Why::Pressure),
            Some(_) => return self.ask(),
            None => {}
        }
        match compaction::due(transcript) {
            Due::Flush if self.can_fold => {
                transcript.flushed = true;
                self.flush = Some(FLUSH_CALLS);
                self.note(prompt::flush(), AfterNote::Ask)
            }
            Due::Fold if self.can_fold => self.fold(Why::Pressure, transcript),
            Due::Nothing | Due::Flush | Due::Fold => self.ask(),
        }
    }

    fn ask(&mut self) -> Vec<Effect> {
        self.phase = Phase::Asking;
        self.steers_asked = self.steers;
        vec![Effect::AskModel]
    }

    fn note(&mut self, text: String, then: AfterNote) -> Vec<Effect> {
        self.phase = Phase::Noting { then };
        vec![Effect::Note { text }]
    }

    fn noted(&mut self, transcript: &mut Transcript) -> Vec<Effect> {
        match self.phase {
            Phase::Noting {
                then: AfterNote::Ask,
            } => self.ask(),
            Phase::Noting {
                then: AfterNote::Fold(why),
            } => self.fold(why, transcript),
            Phase::Asking | Phase::Calling { .. } | Phase::Folding { .. } | Phase::Done => {
                Vec::new()
            }
        }
    }

    fn end_flush(&mut self, then: Why) -> Vec<Effect> {
        self.flush = None;
        self.note(prompt::after_flush(), AfterNote::Fold(then))
    }

    // === refusals and the end ===

    fn refused(&mut self, refusal: Refusal, transcript: &mut Transcript) -> Vec<Effect> {
        if refusal.kind == RefusalKind::Cancelled {
            return self.cancelled(transcript);
        }
        match self.phase {
            Phase::Asking => self.model_refused(refusal, transcript),
            Phase::Noting {
                then: AfterNote::Ask,
            } if self.flush.is_some() => {
                // Without its note a flush would be an answer that nobody sees.
                self.flush = None;
                self.fold(Why::Pressure, transcript)
            }
            // Other notes are a help to the model and no condition.
            Phase::Noting { .. } => self.noted(transcript),
            Phase::Folding { through, why } => {
                self.summary_refused(through, why, refusal, transcript)
            }
            Phase::Calling { .. } | Phase::Done => Vec::new(),
        }
    }

    fn model_refused(&mut self, refusal: Refusal, transcript: &Transcript) -> Vec<Effect> {
        if refusal.kind != RefusalKind::ContextFull {
            return self.end(TurnOutcome::Failed { reason: refusal });
        }
        if self.was_refused {
            return self.end(TurnOutcome::Failed {
                reason: folding::does_not_fit(Some(refusal)),
            });
        }
        self.was_refused = true;
        if self.flush.is_some() {
            self.end_flush(Why::Refused)
        } else {
            self.fold(Why::Refused, transcript)
        }
    }

    fn cancelled(&mut self, transcript: &mut Transcript) -> Vec<Effect> {
        if matches!(self.phase, Phase::Calling { .. }) {
            transcript.expect_unheard_outcomes();
        }
        self.end(TurnOutcome::Cancelled)
    }

    fn end(&mut self, outcome: TurnOutcome) -> Vec<Effect> {
        match self.phase {
            Phase::Done => Vec::new(),
            Phase::Asking
            | Phase::Calling { .. }
            | Phase::Noting { .. }
            | Phase::Folding { .. } => {
                self.phase = Phase::Done;
                vec![Effect::End(outcome)]
            }
        }
    }
}

fn nothing_said(stop: StopReason) -> Refusal {
    let (kind, message) = match stop {
        StopReason::Filtered => (RefusalKind::Denied, "the provider withheld the answer"),
        StopReason::Length => (
            RefusalKind::Unavailable,
            "the model reached its output limit before it said a word; allow it more output tokens \
             or choose another model",
        ),
        StopReason::End | StopReason::ToolCalls => (
            RefusalKind::Unavailable,
            "the model answered with nothing, twice; ask again or choose another model",
        ),
    };
    Refusal::new(kind, message)
}

mod folding;

#[cfg(test)]
mod laws;
