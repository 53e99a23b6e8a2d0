//! What an agent process says, and what is done about it.

use super::driver::{CallEnd, Driver};
use super::rules;
use super::state::Input;
use super::turn::Turn;
use crate::audit::Event;
use crate::broker::model::{self, ModelAsk};
use crate::config::QueueMode;
use crate::message::Outbound;
use crate::process::ExitReason;
use crate::store::{StoreError, StoredInput};
use ipc::agent::{Ask, FromAgent, Reply, ToAgent};
use ipc::id::{CallId, CallRef, InputId};
use ipc::model::{ModelRequest, Purpose};
use ipc::refusal::Refusal;
use ipc::tool::ToolOutcome;
use ipc::transcript::TranscriptItem;
use std::sync::Arc;

impl Driver {
    /// One frame of the agent.
    pub(super) async fn frame(&mut self, frame: FromAgent) {
        if !self.state.listens() {
            return;
        }
        if let Err(what) = self.standing.permits(&frame) {
            self.broken(ExitReason::Forbidden(what)).await;
            return;
        }
        self.standing.count(&frame);
        let stored = match frame {
            FromAgent::Hello(hello) => {
                if let Err(wrong) = hello.check() {
                    self.broken(ExitReason::BadFrame(wrong.to_string())).await;
                    return;
                }
                self.standing.greeted = true;
                self.apply(Input::Hello).await;
                Ok(())
            }
            FromAgent::Ask { call, ask } => self.answer(call, ask).await,
            FromAgent::Reject { request, reason } => self.reject(request, reason).await,
            FromAgent::Delta { text, .. } => {
                self.publisher.publish(Outbound::Delta(text));
                Ok(())
            }
            FromAgent::Undelta { .. } => {
                self.publisher.publish(Outbound::Undelta);
                Ok(())
            }
            FromAgent::Compacted { outcome } => {
                self.folded(outcome).await;
                Ok(())
            }
            FromAgent::TurnDone { outcome, .. } => {
                if let Some(turn) = &mut self.turn {
                    turn.ending = Some(outcome);
                }
                Ok(())
            }
        };
        self.check(stored).await;
    }

    async fn answer(&mut self, call: CallId, ask: Ask) -> Result<(), StoreError> {
        match ask {
            Ask::Model(request) => self.ask_model(call, request).await,
            Ask::Tool(tool) => self.ask_tool(call, tool).await,
            Ask::Note { text } => {
                let Some(turn) = self.turn.as_ref().map(|turn| turn.id) else {
                    return Ok(());
                };
                let note = TranscriptItem::Note { text };
                let item = self.transcript.append_one(turn, note, None).await?;
                self.reply(call, Ok(Reply::Stored { item }));
                Ok(())
            }
        }
    }

    /// Answers an ask. When the process that asked is gone its successor does not hear the reply:
    /// it is told of what was stored with its turn.
    pub(super) fn reply(&mut self, call: CallId, result: Result<Reply, Refusal>) {
        if self.standing.turn.is_none() && !self.standing.folding {
            return;
        }
        match &result {
            Ok(Reply::Tool { item, .. } | Reply::Stored { item }) => {
                self.transcript.heard(item.id);
            }
            Ok(Reply::Answer(_)) | Err(_) => {}
        }
        self.say(ToAgent::Reply { call, result });
    }

    async fn ask_model(&mut self, call: CallId, request: ModelRequest) -> Result<(), StoreError> {
        if let Some(instructions) = request.instructions {
            self.instructions = instructions.into();
        }
        let (turn, cancel) = match (&self.turn, &self.fold) {
            (Some(turn), _) => {
                if let Err(refusal) = turn.budget.check(turn.elapsed()) {
                    self.standing.refuses();
                    self.reply(call, Err(refusal));
                    return Ok(());
                }
                (Some(turn.id), turn.cancel.child_token())
            }
            (None, Some(fold)) => (None, fold.cancel.child_token()),
            (None, None) => return Ok(()),
        };
        if let Purpose::Summarize { through, .. } = &request.purpose
            && !self.transcript.holds(*through)
        {
            // What is said later would count as folded too.
            let what = "a summary of what is not in the context";
            self.broken(ExitReason::Forbidden(what)).await;
            return Ok(());
        }
        if request.purpose != Purpose::Answer {
            self.folding = cancel.clone();
        }
        if let Some(turn) = turn {
            self.store_notes(turn).await?;
            if request.purpose == Purpose::Answer {
                self.take_steering(turn).await?;
            }
        }
        let Some(process) = &self.process else {
            return Ok(());
        };
        let config = self.config();
        let ask = ModelAsk {
            call,
            purpose: request.purpose,
            chain: self
                .live
                .models
                .chain(&self.agent, self.pinned_model().as_ref())
                .await,
            session: self.key.clone(),
            instructions: Arc::clone(&self.instructions),
            tools: self.policy.offered(),
            context: self.transcript.context().clone(),
            cache: std::mem::take(&mut self.transcript.cache),
            timeout: config.timeout,
            thinking: self.said.thinking.or(config.thinking),
            cancel,
            agent: process.queue(),
            watchers: self.publisher.watchers(),
        };
        self.standing.model_asked = true;
        let live = Arc::clone(&self.live);
        self.calls
            .spawn(async move { CallEnd::Model(Box::new(model::ask(live, ask).await)) });
        Ok(())
    }

    /// The model chosen for this session alone.
    pub(super) fn pinned_model(&self) -> Option<crate::config::ModelRef> {
        self.pinned.as_deref().and_then(|model| model.parse().ok())
    }

    /// Notes that had to wait for the last tool call.
    async fn store_notes(&mut self, turn: ipc::id::TurnId) -> Result<(), StoreError> {
        let notes = self
            .turn
            .as_mut()
            .map(|turn| std::mem::take(&mut turn.notes))
            .unwrap_or_default();
        let items = notes
            .into_iter()
            .map(|text| TranscriptItem::Note { text })
            .collect();
        self.transcript.append(turn, items, Vec::new(), None).await
    }

    /// Messages that wait become part of the running turn, where they steer.
    async fn take_steering(&mut self, turn: ipc::id::TurnId) -> Result<(), StoreError> {
        let Some(at) = self
            .turn
            .as_ref()
            .filter(|turn| !turn.cancel.is_cancelled())
            .map(Turn::whence)
        else {
            return Ok(());
        };
        // Those alone who hear this turn's answer.
        let steers = |input: &&StoredInput| rules::whence(&input.channel, &input.origin) == at;
        let steering: Vec<&StoredInput> = self.inputs.values().filter(steers).collect();
        if self.queue_mode() != QueueMode::Steer || steering.is_empty() {
            return Ok(());
        }
        let taken: Vec<InputId> = steering.iter().map(|input| input.id).collect();
        let items = steering.into_iter().map(said).collect();
        self.transcript
            .append(turn, items, taken.clone(), None)
            .await?;
        let heard = taken
            .iter()
            .filter_map(|id| self.inputs.remove(id))
            .collect::<Vec<_>>();
        if let Some(turn) = &mut self.turn {
            turn.inputs.extend(&taken);
            for input in &heard {
                turn.hears(rules::sender(&input.channel, &input.origin), &input.text);
            }
        }
        for input in taken {
            let (state, _) = self
                .state
                .clone()
                .step(Input::Taken(input), std::time::Instant::now());
            self.state = state;
        }
        Ok(())
    }

    async fn reject(&mut self, request: CallRef, reason: String) -> Result<(), StoreError> {
        self.standing.open.remove(&request);
        let Some(turn) = self.turn.as_ref().map(|turn| turn.id) else {
            return Ok(());
        };
        let tool = self.tool_name(request);
        if !self.policy.offered().iter().any(|spec| spec.name == tool) {
            // What is not on offer is refused; what makes no sense is not.
            self.services.audit.record(Event::Refused {
                session: self.key.clone(),
                tool: tool.clone(),
                reason: reason.clone(),
            });
        }
        let outcome = ToolOutcome::Failed { reason };
        let item = TranscriptItem::Outcome {
            call: request,
            tool,
            outcome,
            behind: None,
        };
        self.transcript
            .append(turn, vec![item], Vec::new(), None)
            .await
    }

    /// The name the model gave a call.
    fn tool_name(&self, request: CallRef) -> String {
        let calls = super::recovery::last_answer(self.transcript.context());
        let call = calls
            .filter(|(item, _)| *item == request.item)
            .and_then(|(_, calls)| {
                usize::try_from(request.index)
                    .ok()
                    .and_then(|index| calls.get(index))
            });
        call.map(|call| call.name.clone()).unwrap_or_default()
    }

    /// Tells the agent and everything under way to abandon the turn.
    pub(super) fn cancel(&mut self) {
        self.standing.cancelled = true;
        if let Some(Turn { id, cancel, .. }) = &self.turn {
            cancel.cancel();
            let turn = *id;
            self.say(ToAgent::Cancel { turn });
        } else if let Some(fold) = &self.fold {
            // Its summary is refused, and the agent says that nothing was folded.
            fold.cancel.cancel();
        }
    }
}

/// A message as it stands in the transcript.
pub(super) fn said(input: &StoredInput) -> TranscriptItem {
    TranscriptItem::User {
        input: input.id,
        text: input.text.clone(),
        images: input.images.clone(),
    }
}
