//! How turns begin, how calls end, and how turns end.

use super::asks::said;
use super::driver::{Driver, ToolEnd};
use super::recovery;
use super::rules;
use super::state::Input;
use super::turn::{Turn, Waiting};
use crate::broker::model::ModelEnd;
use crate::message::{Began, Final, Outbound};
use crate::model::Completion;
use crate::policy::TurnBudget;
use crate::process::ExitReason;
use crate::store::{FinishedTurn, StoreError, Unfinished};
use ipc::agent::{Reply, ToAgent, ToolCall, TurnOutcome, TurnStart};
use ipc::control::Activity;
use ipc::id::{CallId, CallRef, InputId, TurnId};
use ipc::model::{Answer, Purpose, Usage};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool::{Capture, ToolOutcome};
use ipc::transcript::TranscriptItem;
use ipc::walls::Behind;
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

    fn send_turn(&mut self, turn: TurnId, open_calls: Vec<ipc::agent::OpenCall>) {
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
    async fn resume(&mut self) -> Result<(), StoreError> {
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

    async fn begun_calls(&self) -> Result<BTreeSet<CallRef>, StoreError> {
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

    /// A model call has ended.
    pub(super) async fn model_ended(&mut self, end: ModelEnd) -> Result<(), StoreError> {
        let ModelEnd {
            call,
            purpose,
            cache,
            result,
            fallbacks,
        } = end;
        if let Some(cache) = cache {
            self.transcript.cache = cache;
        }
        self.standing.model_asked = false;
        if self.is_folding() {
            let end = ModelEnd {
                call,
                purpose,
                cache: None,
                result,
                fallbacks,
            };
            return self.summary_ended(end).await;
        }
        let Some(turn) = self
            .turn
            .as_mut()
            .filter(|turn| !turn.cancel.is_cancelled())
        else {
            return Ok(());
        };
        let is_orphan = self.standing.turn.is_none();
        if is_orphan && purpose != Purpose::Answer {
            // The next process knows the items that this would fold; it asks anew.
            return Ok(());
        }
        let id = turn.id;
        let completion = match result.and_then(|completion| fit_for(&purpose, completion)) {
            Ok(completion) => completion,
            Err(refusal) => {
                turn.budget.spend(Usage::default());
                self.reply(call, Err(refusal));
                return Ok(());
            }
        };
        let model = completion.model.to_string();
        turn.model.clone_from(&model);
        turn.usage += completion.usage;
        turn.model_calls += 1;
        turn.budget.spend(completion.usage);
        let cost = self.live.models.price(&completion.model, completion.usage);
        self.meter.model_called(completion.usage, cost);
        let item = match purpose {
            Purpose::Answer => {
                turn.text.clone_from(&completion.text);
                TranscriptItem::Answer {
                    text: completion.text.clone(),
                    tool_calls: completion.tool_calls.clone(),
                    model: model.clone(),
                    usage: completion.usage,
                    carried: completion.carried,
                }
            }
            Purpose::Summarize { through, .. } => TranscriptItem::Summary {
                through,
                text: completion.text.clone(),
            },
        };
        self.usage += completion.usage;
        let notes = fallbacks
            .into_iter()
            .map(|text| TranscriptItem::Note { text })
            .collect();
        self.transcript.append(id, notes, Vec::new(), None).await?;
        let usage = Some((model, completion.usage));
        let item = self.transcript.append_one(id, item, usage).await?;
        self.standing.opens(item.id, &completion.tool_calls);
        if is_orphan {
            // Who asked is gone. The next process is told with its turn.
            return Ok(());
        }
        self.transcript.heard(item.id);
        let answer = Answer {
            item,
            taken: self.transcript.take_unheard(),
            text: completion.text,
            tool_calls: completion.tool_calls,
            stop: completion.stop,
            usage: completion.usage,
        };
        self.reply(call, Ok(Reply::Answer(answer)));
        Ok(())
    }

    /// A tool's process is done with a call, or leaves it in the background.
    pub(super) async fn tool_ended(&mut self, end: ToolEnd) -> Result<(), StoreError> {
        let ToolEnd {
            call,
            tool,
            place,
            ended,
        } = end;
        let outcome = self.tools.keep(ended);
        self.ended(call, tool, outcome, Some(&place)).await
    }

    /// A call's outcome is stored, then told; `warning` is for the model, when all calls have ended.
    pub(super) async fn call_ended(
        &mut self,
        call: CallId,
        tool: ToolCall,
        outcome: ToolOutcome,
        warning: Option<String>,
        behind: Option<Behind>,
    ) -> Result<(), StoreError> {
        self.standing.tools_asked = self.standing.tools_asked.saturating_sub(1);
        let ToolCall { request, args } = tool;
        let verdict = verdict(&outcome);
        self.tell(Activity::ToolEnded {
            tool: args.name().to_owned(),
            verdict,
        });
        if let ToolOutcome::Stopped { reason, .. } = &outcome {
            // Whoever does not watch the tools is told as well.
            let text = format!("{} was stopped: {reason}", args.name());
            self.tell(Activity::Notice { text });
        }
        let Some(turn) = &mut self.turn else {
            return Ok(());
        };
        turn.notes.extend(warning);
        let id = turn.id;
        let short = outcome.without_output();
        let tool = args.name().to_owned();
        let item = TranscriptItem::Outcome {
            call: request,
            tool,
            outcome,
            behind,
        };
        let item = self.transcript.end_call(id, request, item).await?;
        self.reply(
            call,
            Ok(Reply::Tool {
                item,
                outcome: short,
            }),
        );
        Ok(())
    }

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

    async fn apply_done(&mut self) {
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

/// A summary is words: tools were not on offer, so calls in it are noise, and without a word it
/// would replace the past by nothing.
fn fit_for(purpose: &Purpose, completion: Completion) -> Result<Completion, Refusal> {
    match purpose {
        Purpose::Answer => Ok(completion),
        Purpose::Summarize { .. } => words_of(completion),
    }
}

/// A summary's words.
pub(super) fn words_of(mut completion: Completion) -> Result<Completion, Refusal> {
    if completion.text.trim().is_empty() {
        let text = format!(
            "{} was asked for a summary and wrote none",
            completion.model
        );
        return Err(Refusal::new(RefusalKind::Unavailable, text));
    }
    completion.tool_calls.clear();
    Ok(completion)
}

/// How a turn ended whose last answer was stored and whose end was not.
fn recovered_outcome(text: &str) -> TurnOutcome {
    if text.trim() == "NO_REPLY" {
        TurnOutcome::Silent
    } else {
        TurnOutcome::Answered
    }
}

/// How a call ended, in a few words.
fn verdict(outcome: &ToolOutcome) -> String {
    match outcome {
        ToolOutcome::Exited { code: 0, .. } | ToolOutcome::Text { .. } => "ok".into(),
        ToolOutcome::Exited { .. }
        | ToolOutcome::Signaled { .. }
        | ToolOutcome::TimedOut { .. }
        | ToolOutcome::Running { .. }
        | ToolOutcome::Denied { .. }
        | ToolOutcome::Cancelled { .. }
        | ToolOutcome::Stopped { .. }
        | ToolOutcome::Interrupted
        | ToolOutcome::Failed { .. } => {
            let text = outcome.without_output().to_text();
            text.trim_matches(['[', ']']).chars().take(200).collect()
        }
    }
}
