//! Which frame an agent process may send when, and how much of it. A known frame at the wrong time is
//! not answered with an error: the process is killed, since our own agent never sends one.

use ipc::agent::{Ask, FromAgent, TurnOutcome};
use ipc::id::{CallId, CallRef, TurnId};
use ipc::model::{ModelRequest, Purpose};
use ipc::tool_args::ToolArgs;
use ipc::transcript::ToolRequest;
use std::collections::BTreeMap;

/// What the permit table looks at.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The process has said hello.
    pub(super) greeted: bool,
    /// The turn that runs.
    pub(super) turn: Option<TurnId>,
    /// The turn was told to end.
    pub(super) cancelled: bool,
    /// The last ask's number.
    pub(super) last_call: Option<CallId>,
    /// It was told to fold its history, between turns.
    pub(super) folding: bool,
    /// A model call is under way.
    pub(super) model_asked: bool,
    /// Tool calls under way.
    pub(super) tools_asked: usize,
    /// Calls of the last answer that were neither asked nor rejected yet, as the model made them.
    pub(super) open: BTreeMap<CallRef, ToolRequest>,
    /// Bytes the turn has shown, taken back or not.
    said: usize,
    /// Bytes of the current answer that are shown, and the pieces they came in.
    shown: usize,
    pieces: u32,
    /// Notes of the turn.
    notes: u32,
    /// Model calls of the turn that its budget refused.
    refused: u32,
}

/// Most tool calls of one answer that run side by side.
const MAX_TOOLS_AT_ONCE: usize = 64;
/// Most text of one turn that is shown as it grows, in bytes: two of the longest answers.
const MAX_SAID: usize = 16 * 1024 * 1024;
/// Most pieces one answer comes in: twice the tokens of the longest there are.
const MAX_PIECES: u32 = 256 * 1024;
/// Most notes of one turn; our own agent makes a handful.
const MAX_NOTES: u32 = 64;
/// The longest note, and the longest reason of a rejection, in bytes.
const MAX_NOTE: usize = 64 * 1024;
/// The longest system prompt, and the longest wish for a summary, in bytes.
const MAX_PROMPT: usize = 2 * 1024 * 1024;
/// How often a turn may ask for the model once its budget is spent; to be told of it takes one.
const MAX_REFUSED: u32 = 8;

impl Standing {
    /// Whether `frame` may come now; the reason is for the log and the exit record.
    pub(super) fn permits(&self, frame: &FromAgent) -> Result<(), &'static str> {
        let in_turn = |turn: TurnId| {
            ok(
                self.turn == Some(turn),
                "a frame of a turn that does not run",
            )
        };
        match frame {
            FromAgent::Hello(_) => ok(!self.greeted, "a second hello"),
            _ if !self.greeted => Err("a frame before the hello"),
            FromAgent::Ask { call, ask } => {
                let folds = self.folding && is_summary(ask);
                ok(self.turn.is_some() || folds, "an ask outside a turn")?;
                ok(
                    self.last_call.is_none_or(|last| last < *call),
                    "an ask whose number was used",
                )?;
                self.permits_ask(ask)
            }
            FromAgent::Reject { request, reason } => {
                ok(self.turn.is_some(), "a rejection outside a turn")?;
                ok(
                    self.open.contains_key(request),
                    "a rejection of a call that is not open",
                )?;
                ok(reason.len() <= MAX_NOTE, "a rejection that is too long")
            }
            FromAgent::Delta { turn, text } => {
                in_turn(*turn)?;
                let fits = self.said + text.len() <= MAX_SAID && self.pieces < MAX_PIECES;
                ok(fits, "more text than answers have")
            }
            FromAgent::Undelta { turn } => {
                in_turn(*turn)?;
                ok(self.shown > 0, "taking back what was not shown")
            }
            FromAgent::Compacted { .. } => ok(
                self.folding && !self.model_asked,
                "the end of a fold that nobody asked for",
            ),
            FromAgent::TurnDone { turn, outcome } => {
                in_turn(*turn)?;
                let busy = self.model_asked || self.tools_asked > 0;
                ok(
                    !busy || self.cancelled,
                    "the end of a turn that still waits for replies",
                )?;
                ok(
                    self.open.is_empty() || self.cancelled,
                    "the end of a turn that leaves tool calls open",
                )?;
                ok(
                    self.cancelled || *outcome != TurnOutcome::Cancelled,
                    "a cancelled turn that nobody cancelled",
                )
            }
        }
    }

    fn permits_ask(&self, ask: &Ask) -> Result<(), &'static str> {
        match ask {
            Ask::Model(request) => {
                ok(!self.model_asked, "a second model call at once")?;
                ok(fits(request), "a model call with too long a prompt")?;
                ok(
                    self.refused < MAX_REFUSED,
                    "a model call, again and again, after the turn's budget was spent",
                )?;
                ok(
                    self.tools_asked == 0,
                    "a model call before its tools have ended",
                )?;
                ok(
                    self.open.is_empty(),
                    "a model call that leaves tool calls open",
                )
            }
            Ask::Tool(call) => {
                let asked = self.open.get(&call.request);
                let asked = asked.ok_or("a tool call that no answer asked for")?;
                ok(
                    is_read_from(&call.args, asked),
                    "a tool call with other arguments than the model gave",
                )?;
                ok(
                    self.tools_asked < MAX_TOOLS_AT_ONCE,
                    "too many tool calls at once",
                )
            }
            Ask::Note { text } => {
                ok(text.len() <= MAX_NOTE, "a note that is too long")?;
                ok(self.notes < MAX_NOTES, "too many notes")?;
                ok(
                    !self.model_asked && self.tools_asked == 0,
                    "a note in the middle of a call",
                )?;
                ok(self.open.is_empty(), "a note that leaves tool calls open")
            }
        }
    }

    /// Keeps count of a frame that was permitted.
    pub(super) fn count(&mut self, frame: &FromAgent) {
        match frame {
            FromAgent::Ask { call, ask } => {
                self.last_call = Some(*call);
                match ask {
                    Ask::Model(_) => (self.shown, self.pieces) = (0, 0),
                    Ask::Note { .. } => self.notes += 1,
                    Ask::Tool(_) => {}
                }
            }
            FromAgent::Delta { text, .. } => {
                self.said += text.len();
                self.shown += text.len();
                self.pieces += 1;
            }
            FromAgent::Undelta { .. } => self.shown = 0,
            FromAgent::Hello(_)
            | FromAgent::Reject { .. }
            | FromAgent::Compacted { .. }
            | FromAgent::TurnDone { .. } => {}
        }
    }

    /// The turn's budget refused a model call.
    pub(super) fn refuses(&mut self) {
        self.refused += 1;
    }

    /// A turn begins, with these calls of an earlier process left to be made.
    pub(super) fn begins(&mut self, turn: TurnId, open: BTreeMap<CallRef, ToolRequest>) {
        self.turn = Some(turn);
        self.cancelled = false;
        self.open = open;
        (self.said, self.shown, self.pieces) = (0, 0, 0);
        (self.notes, self.refused) = (0, 0);
    }

    /// The calls of a new answer are open.
    pub(super) fn opens(&mut self, item: ipc::id::ItemId, calls: &[ToolRequest]) {
        self.open = (0_u32..)
            .zip(calls)
            .map(|(index, call)| (CallRef { item, index }, call.clone()))
            .collect();
    }
}

/// Whether the arguments are what our own agent reads in the model's call: an agent chooses which
/// calls run, never what they do.
fn is_read_from(args: &ToolArgs, request: &ToolRequest) -> bool {
    ToolArgs::parse(&request.name, &request.arguments).is_ok_and(|asked| asked == *args)
}

fn is_summary(ask: &Ask) -> bool {
    match ask {
        Ask::Model(request) => request.purpose != Purpose::Answer,
        Ask::Tool(_) | Ask::Note { .. } => false,
    }
}

fn fits(request: &ModelRequest) -> bool {
    let wish = match &request.purpose {
        Purpose::Answer => 0,
        Purpose::Summarize { prompt, .. } => prompt.len(),
    };
    let instructions = request.instructions.as_ref().map_or(0, String::len);
    instructions.max(wish) <= MAX_PROMPT
}

fn ok(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests;
