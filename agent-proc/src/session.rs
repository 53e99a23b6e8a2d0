//! Hears what the supervisor says, one frame after the other, until told to go.
//!
//! ```text
//!                Turn                     Compact
//!          ┌───────────────┐       ┌────────────────────┐
//!          ▼               │       │                    ▼
//!       InTurn ─────────▶ Idle ────┘                 Folding ──┐ Turn: waits
//!                 done     ▲                            │  ▲───┘
//!                          └────────────────────────────┘
//!                             folded, or refused for good: Compacted
//! ```
//! A `Compact` during a turn waits for its end, a `Shutdown` too.
//!
//! All that can wake this process is a frame on its link, so the loop has no `select!`.

use crate::broker::{Broker, Heard};
use crate::compaction::{self, Why};
use crate::fault::Fault;
use crate::prompt;
use crate::tool_calls::Offer;
use crate::transcript::Transcript;
use crate::turn_loop::{Mind, Turn};
use ipc::agent::{FromAgent, Reply, SessionStart, ToAgent, TurnOutcome, TurnStart};
use ipc::frame::FrameError;
use ipc::id::{CallId, ItemId, TurnId};
use ipc::link::{Link, LinkReceiver};
use ipc::model::ModelEvent;
use ipc::refusal::{Refusal, RefusalKind};

/// Serves one session until [`ToAgent::Shutdown`], or until the link is closed between two frames.
///
/// # Errors
/// Any [`Fault`]: the link broke, or the supervisor said something that has no place.
pub async fn serve(link: Link<FromAgent, ToAgent>) -> Result<(), Fault> {
    let Link {
        sender,
        mut receiver,
    } = link;
    let mut broker = Broker::new(sender);
    broker.hello().await?;
    let Some(first) = hear(&mut receiver).await? else {
        return Ok(());
    };
    let ToAgent::Start(start) = first else {
        return Err(Fault::OutOfPlace("a frame before start"));
    };
    let mut session = Session::new(broker, start);
    while !session.is_over() {
        match hear(&mut receiver).await? {
            Some(message) => session.take(message).await?,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// One frame; `None` at an orderly end.
async fn hear(receiver: &mut LinkReceiver<ToAgent>) -> Result<Option<ToAgent>, Fault> {
    match receiver.recv().await {
        Ok(message) => Ok(Some(message)),
        Err(FrameError::Closed) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

struct Session {
    mind: Mind,
    state: State,
    /// Fold when the turn has ended, with these wishes.
    compact: Option<String>,
    leaving: bool,
}

enum State {
    Idle,
    /// A summary is awaited; a turn that comes meanwhile waits for it.
    Folding {
        through: ItemId,
        wishes: String,
        waiting: Option<TurnStart>,
    },
    InTurn(Turn),
}

impl Session {
    fn new(mut broker: Broker, start: SessionStart) -> Self {
        let offer = Offer::new(&start.tools);
        let instructions = prompt::instructions(&start);
        let overhead = overhead_tokens(&instructions, start.tools.len());
        broker.instruct(instructions);
        let mut limits = start.context;
        // Memory is written with tools.
        limits.memory_flush &= offer.has_any(&["write", "edit", "apply_patch", "exec"]);
        Self {
            mind: Mind {
                broker,
                transcript: Transcript::new(start.outline, limits, overhead),
                offer,
            },
            state: State::Idle,
            compact: None,
            leaving: false,
        }
    }

    /// Told to go, and nothing under way that would be lost: a fold can be made again.
    fn is_over(&self) -> bool {
        self.leaving
            && match &self.state {
                State::Idle => true,
                State::Folding { waiting, .. } => waiting.is_none(),
                State::InTurn(_) => false,
            }
    }

    async fn take(&mut self, message: ToAgent) -> Result<(), Fault> {
        match message {
            ToAgent::Start(_) => return Err(Fault::OutOfPlace("a second start")),
            ToAgent::Turn(start) => self.turn(start).await?,
            ToAgent::Steer { turn } => self.steer(turn).await?,
            ToAgent::Model { call, event } => self.stream(call, event).await?,
            ToAgent::Reply { call, result } => self.reply(call, result).await?,
            ToAgent::Compact { instructions } => self.compact = Some(instructions),
            ToAgent::Cancel { turn } => self.cancel(turn).await?,
            ToAgent::Shutdown => self.leaving = true,
        }
        self.settle().await
    }

    async fn turn(&mut self, start: TurnStart) -> Result<(), Fault> {
        match &mut self.state {
            State::Idle => {
                self.state = State::InTurn(Turn::begin(start, &mut self.mind).await?);
                Ok(())
            }
            State::Folding { waiting, .. } if waiting.is_none() => {
                *waiting = Some(start);
                Ok(())
            }
            State::Folding { .. } | State::InTurn(_) => {
                Err(Fault::OutOfPlace("a turn during a turn"))
            }
        }
    }

    async fn steer(&mut self, id: TurnId) -> Result<(), Fault> {
        match &mut self.state {
            State::InTurn(turn) if turn.id() == id => turn.steer(&mut self.mind).await,
            // Its turn has ended, or its first model call is still to come and will take it in.
            State::InTurn(_) | State::Idle | State::Folding { .. } => Ok(()),
        }
    }

    async fn cancel(&mut self, id: TurnId) -> Result<(), Fault> {
        match &mut self.state {
            State::InTurn(turn) if turn.id() == id => turn.cancel(&mut self.mind).await,
            State::Folding { waiting, .. } if waiting.as_ref().is_some_and(|w| w.turn == id) => {
                for item in waiting.take().into_iter().flat_map(|start| start.new_items) {
                    self.mind.transcript.learn(item);
                }
                let broker = &mut self.mind.broker;
                broker.turn_done(id, TurnOutcome::Cancelled).await
            }
            State::InTurn(_) | State::Idle | State::Folding { .. } => Ok(()),
        }
    }

    async fn stream(&mut self, call: CallId, event: ModelEvent) -> Result<(), Fault> {
        match &mut self.state {
            State::InTurn(turn) if self.mind.broker.is_answering(call) => {
                turn.stream(event, &mut self.mind).await
            }
            // Late, or of a summary.
            State::InTurn(_) | State::Idle | State::Folding { .. } => Ok(()),
        }
    }

    async fn reply(&mut self, call: CallId, result: Result<Reply, Refusal>) -> Result<(), Fault> {
        let heard = self.mind.broker.hear(call, result)?;
        match &mut self.state {
            State::InTurn(turn) => turn.hear(heard, &mut self.mind).await,
            State::Idle | State::Folding { .. } => self.fold_ended(heard).await,
        }
    }

    /// Between turns the only open ask is a fold's; all else is late.
    async fn fold_ended(&mut self, heard: Heard) -> Result<(), Fault> {
        let outcome = match heard {
            Heard::Late(item) => {
                item.into_iter()
                    .for_each(|item| self.mind.transcript.learn(item));
                return Ok(());
            }
            Heard::Summary { through, item } => {
                self.mind.transcript.fold(through, item);
                Ok(true)
            }
            Heard::Refused(refusal) => Err(refusal),
            Heard::Answer(_)
            | Heard::Outcome { .. }
            | Heard::OutcomeRefused { .. }
            | Heard::Note(_) => Ok(false),
        };
        let state = std::mem::replace(&mut self.state, State::Idle);
        let State::Folding {
            through,
            wishes,
            waiting,
        } = state
        else {
            return Ok(());
        };
        let too_long = |refusal: &Refusal| refusal.kind == RefusalKind::ContextFull;
        if outcome.as_ref().is_err_and(too_long)
            && let Some(nearer) = compaction::smaller_cut(&self.mind.transcript, through)
        {
            return self.fold(nearer, wishes, waiting).await;
        }
        self.mind.broker.compacted(outcome).await?;
        match waiting {
            Some(start) => self.turn(start).await,
            None => Ok(()),
        }
    }

    async fn fold(
        &mut self,
        through: ItemId,
        wishes: String,
        waiting: Option<TurnStart>,
    ) -> Result<(), Fault> {
        let last = self.mind.transcript.last();
        let prompt = prompt::summary(&wishes);
        self.mind.broker.summary(last, through, prompt).await?;
        self.state = State::Folding {
            through,
            wishes,
            waiting,
        };
        Ok(())
    }

    /// A turn that is done leaves the session idle, and an idle session folds if it was asked to.
    async fn settle(&mut self) -> Result<(), Fault> {
        if matches!(&self.state, State::InTurn(turn) if turn.is_done()) {
            self.state = State::Idle;
        }
        if matches!(self.state, State::Idle)
            && !self.leaving
            && let Some(wishes) = self.compact.take()
        {
            match compaction::cut(&self.mind.transcript, Why::Requested) {
                Some(through) => self.fold(through, wishes, None).await?,
                None => self.mind.broker.compacted(Ok(false)).await?,
            }
        }
        Ok(())
    }
}

/// A guess at what instructions and tool schemas take, until a provider has counted: four bytes a
/// token, and a schema of ordinary size a tool.
fn overhead_tokens(instructions: &str, tools: usize) -> u32 {
    u32::try_from(instructions.len() / 4 + tools * 250).unwrap_or(u32::MAX)
}
