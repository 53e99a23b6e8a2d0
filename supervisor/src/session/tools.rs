//! A tool call of the agent: may it run, behind which walls, and where it then does.

use super::directive;
use super::driver::{CallEnd, Driver, ToolEnd};
use super::rules;
use crate::audit::Event;
use crate::broker::status::{self, SessionFacts};
use crate::policy::{Circumstances, Decision, Person, Place, Verdict, decide, level};
use crate::store::{Begun, Durability, StoreError};
use ipc::agent::ToolCall;
use ipc::control::Activity;
use ipc::id::{CallId, JobId};
use ipc::tool::ToolOutcome;
use ipc::tool_args::{SessionStatusArgs, ToolArgs};
use ipc::walls::Behind;

/// How much of a command is shown while it runs, in characters.
const DETAIL: usize = 120;
/// Background commands that are remembered to have the wider walls.
const MAX_WIDER: usize = 256;

impl Driver {
    /// The agent asks for a call that its model has made.
    pub(super) async fn ask_tool(
        &mut self,
        call: CallId,
        tool: ToolCall,
    ) -> Result<(), StoreError> {
        self.standing.open.remove(&tool.request);
        self.standing.tools_asked += 1;
        if let Verdict::Block { reason } = self.loops.before(&tool.args) {
            self.put_on_record(&tool, &reason);
            // The guard is not told of its own no: it would count as a new result.
            let outcome = ToolOutcome::Denied { reason };
            return self.call_ended(call, tool, outcome, None, None).await;
        }
        self.renew_approvals();
        self.tell(Activity::ToolBegan {
            tool: tool.args.name().to_owned(),
            detail: detail(&tool.args),
        });
        match self.decide(&tool.args) {
            Decision::Deny { reason } => self.refuse(call, tool, reason).await,
            Decision::Allow(place) => self.begin(call, tool, place).await,
            Decision::Confirm {
                place,
                reason,
                program,
            } => match self.walls_hold(&place).await {
                Ok(()) => {
                    self.confirm(call, tool, place, (reason, program));
                    Ok(())
                }
                Err(reason) => self.refuse(call, tool, reason).await,
            },
        }
    }

    /// What the policy says of a call, by whoever stands behind the turn.
    pub(super) fn decide(&self, args: &ToolArgs) -> Decision {
        let turn = self.turn.as_ref();
        let who = Circumstances {
            senders: turn.map_or(&[], |turn| turn.senders.as_slice()),
            elevated: turn.and_then(|turn| turn.elevated).or(self.elevated),
            wider: &self.wider,
            person: turn.map_or(Person::Away, |turn| rules::person(&turn.channel)),
        };
        decide(args, &self.policy, &who)
    }

    /// A call that may run begins: first on disk, then in its place.
    pub(super) async fn begin(
        &mut self,
        call: CallId,
        tool: ToolCall,
        place: Place,
    ) -> Result<(), StoreError> {
        if let Err(reason) = self.walls_hold(&place).await {
            return self.refuse(call, tool, reason).await;
        }
        if place == Place::Supervisor {
            let outcome = self.look_up(&tool.args).await?;
            return self.ended(call, tool, outcome, None).await;
        }
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let (id, cancel) = (turn.id, turn.cancel.clone());
        let durability = if tool.args.is_read_only() {
            Durability::Relaxed
        } else {
            Durability::Synced
        };
        let session = self.transcript.session().clone();
        let name = tool.args.name();
        let begun = self
            .services
            .store
            .begin_call(&session, id, tool.request, name, durability);
        if begun.await? == Begun::Again {
            return self.ended(call, tool, ToolOutcome::Interrupted, None).await;
        }
        self.uses(&tool.args);
        if place == (Place::Exec { elevated: true }) {
            self.elevated_runs(&tool.args);
        }
        let running = self
            .tools
            .run(tool.args.clone(), place.clone(), &self.policy, cancel);
        self.calls.spawn(async move {
            CallEnd::Tool(Box::new(ToolEnd {
                call,
                tool,
                place,
                ended: running.await,
            }))
        });
        Ok(())
    }

    /// A call that policy says no to.
    pub(super) async fn refuse(
        &mut self,
        call: CallId,
        tool: ToolCall,
        reason: String,
    ) -> Result<(), StoreError> {
        self.put_on_record(&tool, &reason);
        self.ended(call, tool, ToolOutcome::Denied { reason }, None)
            .await
    }

    /// A call has ended, where it ran at all.
    pub(super) async fn ended(
        &mut self,
        call: CallId,
        tool: ToolCall,
        outcome: ToolOutcome,
        place: Option<&Place>,
    ) -> Result<(), StoreError> {
        let warning = self.loops.after(&tool.args, &outcome);
        let behind = place.and_then(|place| self.behind(place, &outcome));
        self.call_ended(call, tool, outcome, warning, behind).await
    }

    fn put_on_record(&self, tool: &ToolCall, reason: &str) {
        self.services.audit.record(Event::Refused {
            session: self.key.clone(),
            tool: tool.args.name().to_owned(),
            reason: reason.to_owned(),
        });
    }

    fn elevated_runs(&self, args: &ToolArgs) {
        let senders = self.turn.iter().flat_map(|turn| &turn.senders);
        let by: Vec<_> = senders.map(rules::in_words).collect();
        let what = args.command().unwrap_or_else(|| args.name());
        self.services.audit.record(Event::Elevated {
            session: self.key.clone(),
            by: by.join(", "),
            what: what.to_owned(),
        });
    }

    /// The walls a call ran behind; `None` where it needed none.
    fn behind(&mut self, place: &Place, outcome: &ToolOutcome) -> Option<Behind> {
        let walls = match place {
            Place::Exec { .. } | Place::Job(_) if self.is_wider(place) => "elevated",
            Place::Exec { .. } | Place::Job(_) => "exec",
            Place::Files => "files",
            Place::Supervisor | Place::Jobs => return None,
        };
        if let (Place::Exec { elevated: true }, ToolOutcome::Running { job, .. }) = (place, outcome)
        {
            self.goes_on_elevated(job);
        }
        let sandbox = &self.live.config.sandbox;
        let found = self.services.walls.borrow();
        let proven = found.as_ref().map(|report| level(sandbox, report));
        Some(Behind {
            level: proven.unwrap_or_default(),
            walls: walls.to_owned(),
        })
    }

    /// Whether a call runs in the wider walls.
    pub(super) fn is_wider(&self, place: &Place) -> bool {
        match place {
            Place::Exec { elevated } => *elevated,
            Place::Job(job) => self.wider.contains(job),
            Place::Supervisor | Place::Files | Place::Jobs => false,
        }
    }

    fn goes_on_elevated(&mut self, job: &JobId) {
        self.wider.insert(job.clone());
        while self.wider.len() > MAX_WIDER {
            self.wider.pop_first();
        }
    }

    /// Tools run only behind walls as high as configured.
    async fn walls_hold(&self, place: &Place) -> Result<(), String> {
        match place {
            Place::Supervisor => Ok(()),
            Place::Files | Place::Exec { .. } | Place::Job(_) | Place::Jobs => {
                self.services.walls_hold().await.map(drop)
            }
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
            level: self.services.level(),
            network: super::start::network_name(&self.live.config),
            elevated: self
                .policy
                .can_be_elevated()
                .then(|| directive::name(self.policy.elevated_mode(self.elevated))),
        };
        Ok(status::session_status(&facts))
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
