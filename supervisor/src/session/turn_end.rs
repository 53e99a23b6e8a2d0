//! How turns end: once their calls have, with a reply in the outbox.

use super::driver::Driver;
use super::recovery;
use super::state::Input;
use super::turn_begin::Unread;
use crate::message::{Final, Outbound};
use crate::process::ExitReason;
use crate::store::{FinishedTurn, StoreError};
use ipc::agent::TurnOutcome;
use ipc::id::{InputId, TurnId};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool::{Capture, ToolOutcome};
use ipc::transcript::TranscriptItem;

impl Driver {
    /// Goes on with what had to wait until every call had ended: a resumption, or the turn's end.
    pub(super) async fn end_when_quiet(&mut self) -> Result<(), StoreError> {
        if !self.calls.is_empty() {
            return Ok(());
        }
        let is_ending = self.turn.as_ref().is_some_and(|turn| turn.ending.is_some());
        if std::mem::take(&mut self.resume) && !is_ending {
            self.resume().await?;
        }
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.ending.is_some()) else {
            return Ok(());
        };
        let Some(outcome) = turn.ending.clone() else {
            return Ok(());
        };
        let id = turn.id;
        self.close_open_calls(id).await?;
        self.note_unfinished(&outcome).await?;
        self.finish(outcome).await
    }

    /// Of an answer that was stopped the agent knows what the person saw of it.
    async fn note_unfinished(&mut self, outcome: &TurnOutcome) -> Result<(), StoreError> {
        let Some(turn) = self
            .turn
            .as_ref()
            .filter(|_| *outcome == TurnOutcome::Cancelled)
        else {
            return Ok(());
        };
        let unfinished = turn.unfinished(self.publisher.draft());
        if unfinished.is_empty() {
            return Ok(());
        }
        let text = format!(
            "The person stopped you here. They saw this of what you were writing:\n\n{unfinished}"
        );
        let note = TranscriptItem::Note { text };
        self.transcript
            .append_one(turn.id, note, None)
            .await
            .map(drop)
    }

    /// Calls nobody made, because the turn was stopped before: the transcript says so.
    async fn close_open_calls(&mut self, turn: TurnId) -> Result<(), StoreError> {
        let begun = self.begun_calls().await?;
        let plan = recovery::plan(self.transcript.context(), &begun);
        let open = plan.open.into_iter().map(|open| TranscriptItem::Outcome {
            call: open.request,
            tool: open.call.name,
            outcome: ToolOutcome::Cancelled {
                output: Capture::default(),
            },
            behind: None,
        });
        let items: Vec<_> = open.collect();
        for item in plan.interrupted {
            if let TranscriptItem::Outcome { call, .. } = &item {
                let call = *call;
                self.transcript.end_call(turn, call, item).await?;
            }
        }
        self.transcript.append(turn, items, Vec::new(), None).await
    }

    async fn finish(&mut self, outcome: TurnOutcome) -> Result<(), StoreError> {
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let reply = turn.reply(&outcome, &self.key, self.publisher.draft());
        let finished = FinishedTurn {
            outcome,
            reply: reply.clone(),
            channel: turn.channel.clone(),
            target: turn.target.clone(),
        };
        let session = self.transcript.session().clone();
        let outbox = self
            .services
            .store
            .finish_turn(&session, turn.id, finished)
            .await?;
        let inputs = turn.inputs.clone();
        self.services
            .outgoing
            .send_modify(|finished| *finished += 1);
        self.note_uses();
        self.turn = None;
        self.standing.turn = None;
        self.standing.open.clear();
        self.publisher.publish(Outbound::Final(Final {
            outbox,
            inputs,
            reply,
        }));
        if self.is_due_anew() {
            // Before what waits becomes the next turn.
            self.begin_anew().await;
        }
        self.apply_done().await;
        Ok(())
    }

    /// The state hears that the turn is over.
    pub(super) async fn apply_done(&mut self) {
        // Boxed: a turn's end may begin the next one.
        Box::pin(self.apply(Input::TurnDone)).await;
    }

    /// The turn is over without an agent.
    pub(super) fn end_cancelled(&mut self) {
        self.resume = false;
        if let Some(turn) = &mut self.turn {
            turn.cancel.cancel();
            turn.ending = Some(TurnOutcome::Cancelled);
        }
    }

    /// The agent process died again and again: the person is told why.
    pub(super) async fn give_up(
        &mut self,
        reason: &ExitReason,
        without: Vec<InputId>,
    ) -> Result<(), StoreError> {
        let message = format!(
            "the agent process {reason}, and so did every new one; look at the gateway's log, then send \
             the message again"
        );
        self.end_fold(&message).await;
        if self.turn.is_none() && !without.is_empty() {
            self.open_turn(without, Unread::No).await?;
        }
        if let Some(turn) = &mut self.turn {
            turn.cancel.cancel();
            let reason = Refusal::new(RefusalKind::Unavailable, message);
            turn.ending = Some(TurnOutcome::Failed { reason });
        }
        Ok(())
    }
}
