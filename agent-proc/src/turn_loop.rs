//! The loop of a turn: ask the model → run its tool calls → ask again, until it is done.
//!
//! [`crate::turn`] decides, [`crate::broker`] speaks; here the two are joined. A frame goes in, the
//! inputs it means are stepped through the state, and the effects go out, in order. Never touches
//! the network or the disk.

use crate::broker::{Broker, Heard};
use crate::draft::{Change, Draft};
use crate::fault::Fault;
use crate::prompt;
use crate::tool_calls::Offer;
use crate::transcript::Transcript;
use crate::turn::{Effect, Input, TurnState};
use ipc::agent::TurnStart;
use ipc::id::TurnId;
use ipc::model::{Answer, ModelEvent};

/// What a session keeps from turn to turn.
#[expect(missing_debug_implementations, reason = "the broker's link has none")]
pub struct Mind {
    /// Asks and says.
    pub broker: Broker,
    /// What is in the context.
    pub transcript: Transcript,
    /// The tools on offer.
    pub offer: Offer,
}

/// A turn under way.
#[derive(Debug)]
pub struct Turn {
    id: TurnId,
    state: TurnState,
    draft: Draft,
}

impl Turn {
    /// Begins a turn, or takes up one that was cut off.
    ///
    /// # Errors
    /// The link broke; so for all below.
    pub async fn begin(start: TurnStart, mind: &mut Mind) -> Result<Self, Fault> {
        for item in &start.new_items {
            mind.transcript.learn(*item);
        }
        mind.transcript.caught_up();
        let open = mind.offer.read_open(&start.open_calls);
        let (state, effects) = TurnState::begin(open, &mut mind.transcript);
        let turn = Self {
            id: start.turn,
            state,
            draft: Draft::default(),
        };
        turn.perform(effects, mind).await?;
        Ok(turn)
    }

    /// Which turn.
    #[must_use]
    pub fn id(&self) -> TurnId {
        self.id
    }

    /// Whether it is over, and its end was said.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state.is_done()
    }

    /// More input waits.
    ///
    /// # Errors
    /// The link broke.
    pub async fn steer(&mut self, mind: &mut Mind) -> Result<(), Fault> {
        self.step(Input::Steer, mind).await
    }

    /// Abandons the turn.
    ///
    /// # Errors
    /// The link broke.
    pub async fn cancel(&mut self, mind: &mut Mind) -> Result<(), Fault> {
        self.step(Input::Cancel, mind).await
    }

    /// A piece of the answer that is being written.
    ///
    /// # Errors
    /// The link broke.
    pub async fn stream(&mut self, event: ModelEvent, mind: &mut Mind) -> Result<(), Fault> {
        if !self.state.is_shown() {
            return Ok(());
        }
        let change = match event {
            ModelEvent::Text { delta } => self.draft.grow(&delta),
            ModelEvent::Restart { .. } => self.draft.restart(),
        };
        self.show(change, mind).await
    }

    /// What came of an ask.
    ///
    /// # Errors
    /// The link broke.
    pub async fn hear(&mut self, heard: Heard, mind: &mut Mind) -> Result<(), Fault> {
        let input = match heard {
            Heard::Answer(answer) => {
                self.show_rest(&answer, mind).await?;
                let calls = mind.offer.read_answer(&answer);
                Input::Answered { answer, calls }
            }
            Heard::Summary { through, item } => Input::Folded { through, item },
            Heard::Outcome { request, item } => Input::CallEnded { request, item },
            Heard::OutcomeRefused { request, refusal } => Input::CallRefused { request, refusal },
            Heard::Note(item) => Input::Noted { item },
            Heard::Refused(refusal) => {
                // Half an answer is no answer.
                let change = self.draft.restart();
                self.show(change, mind).await?;
                Input::Refused { refusal }
            }
            Heard::Late(item) => {
                item.into_iter()
                    .for_each(|item| mind.transcript.learn(item));
                return Ok(());
            }
        };
        self.step(input, mind).await
    }

    async fn step(&mut self, input: Input, mind: &mut Mind) -> Result<(), Fault> {
        let effects = self.state.step(input, &mut mind.transcript);
        self.perform(effects, mind).await
    }

    async fn perform(&self, effects: Vec<Effect>, mind: &mut Mind) -> Result<(), Fault> {
        let last = mind.transcript.last();
        let broker = &mut mind.broker;
        for effect in effects {
            match effect {
                Effect::AskModel => broker.model(last).await?,
                Effect::AskTool(call) => broker.tool(call).await?,
                Effect::Reject { request, reason } => broker.reject(request, reason).await?,
                Effect::Note { text } => broker.note(text).await?,
                Effect::Summarize { through } => {
                    broker.summary(last, through, prompt::summary("")).await?;
                }
                Effect::End(outcome) => {
                    broker.abandon();
                    broker.turn_done(self.id, outcome).await?;
                }
            }
        }
        Ok(())
    }

    async fn show_rest(&mut self, answer: &Answer, mind: &mut Mind) -> Result<(), Fault> {
        if !self.state.is_shown() {
            return Ok(());
        }
        let change = self.draft.finish(&answer.text);
        self.show(change, mind).await
    }

    async fn show(&self, change: Change, mind: &mut Mind) -> Result<(), Fault> {
        if change.undo {
            mind.broker.undelta(self.id).await?;
        }
        if !change.add.is_empty() {
            mind.broker.delta(self.id, change.add).await?;
        }
        Ok(())
    }
}
