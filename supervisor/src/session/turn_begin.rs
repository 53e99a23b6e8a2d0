//! How turns begin: on messages that wait, or where a turn was cut off.

use super::asks::said;
use super::driver::Driver;
use super::recovery;
use super::rules;
use super::turn::{Turn, Waiting};
use crate::message::{Began, Outbound};
use crate::policy::TurnBudget;
use crate::store::{StoreError, Unfinished};
use ipc::agent::{OpenCall, ToAgent, TurnOutcome, TurnStart};
use ipc::id::{CallRef, InputId, TurnId};
use ipc::model::Usage;
use ipc::transcript::TranscriptItem;
use std::collections::BTreeSet;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Whether a model never reads the messages of a turn, since whoever wrote them took them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    No,
    Yes,
}

impl Driver {
    /// Begins a turn on messages that wait.
    pub(super) async fn begin_turn(&mut self, inputs: Vec<InputId>) -> Result<(), StoreError> {
        self.open_turn(inputs, Unread::No).await?;
        self.loops.reset();
        if let Some(turn) = &self.turn {
            self.send_turn(turn.id, Vec::new());
        }
        Ok(())
    }

    /// Opens a turn on messages that wait, without telling the agent.
    pub(super) async fn open_turn(
        &mut self,
        inputs: Vec<InputId>,
        unread: Unread,
    ) -> Result<(), StoreError> {
        let messages: Vec<_> = inputs
            .iter()
            .filter_map(|id| self.inputs.get(id))
            .cloned()
            .collect();
        let id = self.next_turn;
        let news = std::mem::take(&mut self.news)
            .into_iter()
            .map(|text| TranscriptItem::Note { text });
        let read = messages.iter().filter(|_| unread == Unread::No);
        let items = news.chain(read.map(said)).collect();
        self.transcript
            .begin_turn(id, inputs.clone(), items)
            .await?;
        self.next_turn = id.next();
        self.inputs.retain(|id, _| !inputs.contains(id));
        let last = messages.last();
        let mut turn = self.new_turn(id, inputs);
        for input in &messages {
            turn.hears(rules::sender(&input.channel, &input.origin), &input.text);
        }
        turn.channel = last.map(|input| input.channel.clone()).unwrap_or_default();
        turn.target = last.map(|input| input.origin.clone()).unwrap_or_default();
        self.turn = Some(turn);
        self.tell_began();
        Ok(())
    }

    /// A turn that was cut off before this driver began.
    pub(super) fn take_up(&mut self, unfinished: Unfinished) {
        let mut turn = self.new_turn(unfinished.turn, Vec::new());
        turn.inputs = unfinished.inputs;
        for (channel, origin) in &unfinished.origins {
            turn.hears(rules::sender(channel, origin), "");
        }
        turn.channel = unfinished.channel;
        turn.target = unfinished.origin;
        turn.model_calls = unfinished.model_calls;
        turn.budget.spent(unfinished.model_calls, unfinished.tokens);
        for (_, item) in &self.transcript.context().items {
            match item.as_ref() {
                TranscriptItem::Answer { text, model, .. } => {
                    turn.text.clone_from(text);
                    turn.model.clone_from(model);
                }
                TranscriptItem::User { input, text, .. } if turn.inputs.contains(input) => {
                    turn.reads(text);
                }
                TranscriptItem::User { .. }
                | TranscriptItem::Outcome { .. }
                | TranscriptItem::Note { .. }
                | TranscriptItem::Summary { .. } => {}
            }
        }
        self.turn = Some(turn);
        self.tell_began();
    }

    /// Who watches is told whose answer it is that will grow now.
    fn tell_began(&mut self) {
        if let Some(turn) = &self.turn {
            let began = Began {
                turn: turn.id,
                channel: turn.channel.clone(),
                target: turn.target.clone(),
            };
            self.publisher.publish(Outbound::Began(began));
        }
    }

    fn new_turn(&self, id: TurnId, inputs: Vec<InputId>) -> Turn {
        let config = self.config();
        Turn {
            id,
            inputs,
            senders: Vec::new(),
            elevated: None,
            channel: String::new(),
            target: serde_json::Value::Null,
            budget: TurnBudget::new(&self.live.config.budget, config.timeout),
            begun: Instant::now(),
            waiting: Waiting::default(),
            cancel: CancellationToken::new(),
            ending: None,
            text: String::new(),
            model: String::new(),
            usage: Usage::default(),
            model_calls: 0,
            notes: Vec::new(),
        }
    }

    fn send_turn(&mut self, turn: TurnId, open_calls: Vec<OpenCall>) {
        let open = open_calls
            .iter()
            .map(|open| (open.request, open.call.clone()));
        self.standing.begins(turn, open.collect());
        self.heard_at = Instant::now();
        let new_items = self.transcript.take_unheard();
        self.say(ToAgent::Turn(TurnStart {
            turn,
            new_items,
            open_calls,
        }));
    }

    /// Takes the turn up where it was cut off.
    pub(super) async fn resume(&mut self) -> Result<(), StoreError> {
        let Some(Turn { id, cancel, .. }) = &self.turn else {
            self.apply_done().await;
            return Ok(());
        };
        if cancel.is_cancelled() {
            // Stopped while what the last process had begun was waited for.
            self.end_cancelled();
            return Ok(());
        }
        let turn = *id;
        let begun = self.begun_calls().await?;
        let plan = recovery::plan(self.transcript.context(), &begun);
        for item in plan.interrupted {
            if let TranscriptItem::Outcome { call, .. } = &item {
                let call = *call;
                self.transcript.end_call(turn, call, item).await?;
            }
        }
        if plan.answered {
            if let Some(turn) = &mut self.turn {
                turn.ending = Some(recovered_outcome(&turn.text));
            }
            return Ok(());
        }
        if plan.open.is_empty() && self.transcript.ends_with_answer() {
            // An answer that ends no turn: without a word after it, the agent would take it for one.
            let text =
                "The work was cut off here and is taken up again. Go on with the person's last message.".to_owned();
            let note = TranscriptItem::Note { text };
            self.transcript
                .append(turn, vec![note], Vec::new(), None)
                .await?;
        }
        self.send_turn(turn, plan.open);
        Ok(())
    }

    /// The last answer's calls that were begun.
    pub(super) async fn begun_calls(&self) -> Result<BTreeSet<CallRef>, StoreError> {
        let Some((item, _)) = recovery::last_answer(self.transcript.context()) else {
            return Ok(BTreeSet::new());
        };
        let session = self.transcript.session();
        let calls = self.services.store.calls_of(session, item).await?;
        Ok(calls
            .into_iter()
            .map(|(index, _)| CallRef { item, index })
            .collect())
    }
}

/// How a turn ended whose last answer was stored and whose end was not.
fn recovered_outcome(text: &str) -> TurnOutcome {
    if text.trim() == "NO_REPLY" {
        TurnOutcome::Silent
    } else {
        TurnOutcome::Answered
    }
}
