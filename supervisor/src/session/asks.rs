//! What an agent process says, and what is done about it.

use super::driver::{CallEnd, Driver, ToolEnd};
use super::rules;
use super::state::Input;
use super::turn::Turn;
use crate::broker::model::{self, ModelAsk};
use crate::broker::status::{self, SessionFacts};
use crate::config::QueueMode;
use crate::message::Outbound;
use crate::policy::{Circumstances, Decision, Person, Place, Verdict, decide};
use crate::process::ExitReason;
use crate::store::{Begun, Durability, StoreError, StoredInput};
use ipc::agent::{Ask, FromAgent, Reply, ToAgent, ToolCall};
use ipc::control::Activity;
use ipc::id::{CallId, CallRef, InputId};
use ipc::model::{ModelRequest, Purpose};
use ipc::refusal::Refusal;
use ipc::tool::ToolOutcome;
use ipc::tool_args::{SessionStatusArgs, ToolArgs};
use ipc::transcript::TranscriptItem;
use std::sync::Arc;

/// How much of a command is shown while it runs, in characters.
const DETAIL: usize = 120;

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
        if self.standing.turn.is_none() {
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
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        if let Err(refusal) = turn.budget.check(turn.elapsed()) {
            self.standing.refuses();
            self.reply(call, Err(refusal));
            return Ok(());
        }
        let id = turn.id;
        let cancel = turn.cancel.child_token();
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
        self.store_notes(id).await?;
        if request.purpose == Purpose::Answer {
            self.take_steering(id).await?;
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
        if rules::mode(&self.live.config, &self.channel) != QueueMode::Steer
            || self.inputs.is_empty()
        {
            return Ok(());
        }
        let taken: Vec<InputId> = self.inputs.keys().copied().collect();
        let items = self.inputs.values().map(said).collect();
        self.transcript
            .append(turn, items, taken.clone(), None)
            .await?;
        self.inputs.clear();
        if let Some(turn) = &mut self.turn {
            turn.inputs.extend(&taken);
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
        let outcome = ToolOutcome::Failed { reason };
        let tool = self.tool_name(request);
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

    async fn ask_tool(&mut self, call: CallId, tool: ToolCall) -> Result<(), StoreError> {
        self.standing.open.remove(&tool.request);
        self.standing.tools_asked += 1;
        if let Verdict::Block { reason } = self.loops.before(&tool.args) {
            // The guard is not told of its own no: it would count as a new result.
            return self
                .call_ended(call, tool, ToolOutcome::Denied { reason }, None)
                .await;
        }
        let who = Circumstances {
            senders: &[],
            elevated: None,
            person: Person::Away,
        };
        let place = match decide(&tool.args, &self.policy, &who) {
            Decision::Deny { reason } | Decision::Confirm { reason, .. } => {
                Err(ToolOutcome::Denied { reason })
            }
            Decision::Allow(place) => self.walls_hold(place),
        };
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let (id, cancel) = (turn.id, turn.cancel.clone());
        self.tell(Activity::ToolBegan {
            tool: tool.args.name().to_owned(),
            detail: detail(&tool.args),
        });
        let outcome = match place {
            Err(outcome) => outcome,
            Ok(Place::Supervisor) => self.look_up(&tool.args).await?,
            Ok(place) => {
                let durability = if tool.args.is_read_only() {
                    Durability::Relaxed
                } else {
                    Durability::Synced
                };
                let session = self.transcript.session().clone();
                let name = tool.args.name();
                match self
                    .services
                    .store
                    .begin_call(&session, id, tool.request, name, durability)
                    .await?
                {
                    Begun::Again => ToolOutcome::Interrupted,
                    Begun::Fresh => {
                        let running =
                            self.tools
                                .run(tool.args.clone(), place, &self.policy, cancel);
                        self.calls.spawn(async move {
                            CallEnd::Tool(Box::new(ToolEnd {
                                call,
                                tool,
                                ended: running.await,
                            }))
                        });
                        return Ok(());
                    }
                }
            }
        };
        let warning = self.loops.after(&tool.args, &outcome);
        self.call_ended(call, tool, outcome, warning).await
    }

    /// Tools run only behind walls as high as configured.
    fn walls_hold(&self, place: Place) -> Result<Place, ToolOutcome> {
        let wanted = self.live.config.sandbox.minimum.unwrap_or(1);
        let walls = self.services.walls.borrow();
        match walls.as_ref() {
            Some(report) if report.level < wanted && place != Place::Supervisor => {
                let level = report.level;
                let mend = report.missing.as_deref().unwrap_or("see openclaw health");
                Err(ToolOutcome::Denied {
                    reason: format!(
                        "the walls on this machine are of level {level}, and sandbox.minimum is {wanted}: {mend}"
                    ),
                })
            }
            // Not probed yet: the jail itself fails closed, and the probe takes milliseconds.
            Some(_) | None => Ok(place),
        }
    }

    async fn look_up(&mut self, args: &ToolArgs) -> Result<ToolOutcome, StoreError> {
        match args {
            ToolArgs::AgentsList(_) => Ok(status::agents_list(&self.live.config)),
            ToolArgs::SessionStatus(args) => self.session_status(args).await,
            ToolArgs::Exec(_)
            | ToolArgs::Process(_)
            | ToolArgs::Read(_)
            | ToolArgs::Write(_)
            | ToolArgs::Edit(_)
            | ToolArgs::ApplyPatch(_)
            | ToolArgs::Ls(_) => Ok(ToolOutcome::Failed {
                reason: format!("{} needs a process of its own", args.name()),
            }),
        }
    }

    async fn session_status(
        &mut self,
        args: &SessionStatusArgs,
    ) -> Result<ToolOutcome, StoreError> {
        if args
            .session_key
            .as_ref()
            .is_some_and(|key| key != self.key.as_str())
        {
            let reason = format!(
                "only this session, {}, can be looked at from here",
                self.key
            );
            return Ok(ToolOutcome::Denied { reason });
        }
        if let Some(model) = &args.model {
            let pin = (model != "default").then(|| model.clone());
            if let Some(wrong) = pin
                .as_ref()
                .and_then(|m| m.parse::<crate::config::ModelRef>().err())
            {
                return Ok(ToolOutcome::Failed {
                    reason: wrong.to_string(),
                });
            }
            self.services
                .store
                .pin_model(self.transcript.session(), pin.clone())
                .await?;
            self.pinned = pin;
        }
        let chain = self
            .live
            .models
            .chain(&self.agent, self.pinned_model().as_ref())
            .await;
        let context = self.transcript.context();
        let facts = SessionFacts {
            session: self.key.as_str(),
            agent: self.agent.as_str(),
            context_window: chain
                .first()
                .map_or(0, |model| self.live.models.context_window(model)),
            chain: chain.iter().map(ToString::to_string).collect(),
            pinned: self.pinned.is_some(),
            context_tokens: context
                .items
                .iter()
                .map(|(_, item)| u64::from(item.tokens()))
                .sum(),
            usage: self.usage,
            model_calls: (
                self.turn.as_ref().map_or(0, |turn| turn.model_calls),
                self.live.config.budget.model_calls,
            ),
            level: self
                .services
                .walls
                .borrow()
                .as_ref()
                .map(|report| report.level),
            network: super::start::network_name(&self.live.config),
        };
        Ok(status::session_status(&facts))
    }

    /// Tells the agent and everything under way to abandon the turn.
    pub(super) fn cancel(&mut self) {
        self.standing.cancelled = true;
        if let Some(Turn { id, cancel, .. }) = &self.turn {
            cancel.cancel();
            let turn = *id;
            self.say(ToAgent::Cancel { turn });
        }
    }
}

/// A message as it stands in the transcript.
pub(super) fn said(input: &StoredInput) -> TranscriptItem {
    TranscriptItem::User {
        input: input.id,
        text: input.text.clone(),
    }
}

/// What a call does, in a few words.
fn detail(args: &ToolArgs) -> String {
    let whole = match args {
        ToolArgs::Exec(args) => args.command.clone(),
        ToolArgs::Process(args) => args.session_id.clone().unwrap_or_default(),
        ToolArgs::Read(args) => args.path.clone(),
        ToolArgs::Write(args) => args.path.clone(),
        ToolArgs::Edit(args) => args.path.clone(),
        ToolArgs::Ls(args) => args.path.clone().unwrap_or_default(),
        ToolArgs::ApplyPatch(_) | ToolArgs::SessionStatus(_) | ToolArgs::AgentsList(_) => {
            String::new()
        }
    };
    let line = whole.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(DETAIL).collect();
    if short.len() < whole.len() {
        short.push('…');
    }
    short
}
