//! Does what [`super::state`] decides: processes come and go, turns begin and end.

use super::driver::Driver;
use super::permit::Standing;
use super::process::AgentProcess;
use super::rules;
use super::state::{Effect, Input};
use crate::config::Agent;
use crate::message::Outbound;
use crate::policy::LoopGuard;
use crate::process::{ExitReason, KillStep};
use crate::store::StoreError;
use ipc::agent::ToAgent;
use ipc::control::Activity;
use std::sync::Arc;
use std::time::Instant;

/// What an agent process exits with that could not seal itself.
const NOT_SEALED: i32 = 77;

impl Driver {
    pub(super) async fn exited(&mut self, reason: ExitReason) {
        let Some(process) = self.process.take() else {
            return;
        };
        let said = process.last_words();
        // What it said last is the truer reason; of any other end it is in the log.
        let reason = if reason == ExitReason::Code(NOT_SEALED) && !said.is_empty() {
            ExitReason::JailFailed(said)
        } else {
            reason
        };
        tracing::debug!(session = %self.key, "agent process {reason}");
        self.standing = Standing::default();
        // An answer and tools go on, and the next process finds what came of them.
        self.folding.cancel();
        if self.is_folding() {
            self.end_fold(&format!(
                "History is as it was: the agent process {reason}."
            ))
            .await;
        }
        self.publisher.take_back();
        self.apply(Input::Exited(reason)).await;
        if self.process.is_none() {
            self.tools.rest();
        }
    }

    /// Lets the process go that broke a rule.
    pub(super) async fn broken(&mut self, reason: ExitReason) {
        tracing::warn!(session = %self.key, "agent process {reason}");
        self.apply(Input::Broken(reason)).await;
    }

    /// A store that fails takes the process with it, and all that is under way: nothing of that
    /// could be stored. The turn goes on from disk when that works again.
    pub(super) async fn check(&mut self, stored: Result<(), StoreError>) {
        if let Err(error) = stored {
            tracing::error!(session = %self.key, "failed to {error}");
            self.tell(Activity::Notice {
                text: format!("failed to {error}; the turn goes on when that works again"),
            });
            self.calls.abort_all();
            self.end_fold(&format!("History is as it was: failed to {error}."))
                .await;
            // Boxed: what follows can fail as well.
            Box::pin(self.apply(Input::StoreFailed)).await;
        }
    }

    pub(super) async fn apply(&mut self, input: Input) {
        let state = self.state.clone();
        let (state, effects) = state.step(input, Instant::now());
        self.state = state;
        for effect in effects {
            let done = self.perform(effect).await;
            self.check(done).await;
        }
    }

    async fn perform(&mut self, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Spawn => self.spawn(),
            Effect::Start => self.introduce().await,
            Effect::BeginTurn(inputs) => return self.begin_turn(inputs).await,
            Effect::ResumeTurn => self.resume = true,
            Effect::Steer => {
                if let Some(turn) = &self.turn {
                    let turn = turn.id;
                    self.say(ToAgent::Steer { turn });
                }
            }
            Effect::Cancel => self.cancel(),
            Effect::AskToExit => self.say(ToAgent::Shutdown),
            Effect::Kill(step) => {
                if let Some(process) = &self.process {
                    process.kill(step);
                }
            }
            Effect::EndCancelled => self.end_cancelled(),
            Effect::Fold => self.begin_fold(),
            Effect::GiveUp(reason, without) => return self.give_up(&reason, without).await,
            Effect::Reload => return self.reload().await,
            Effect::TellRestart(reason) => {
                let text = format!("the agent process {reason}; the turn goes on in a new one");
                self.tell(Activity::Notice { text });
            }
        }
        Ok(())
    }

    fn spawn(&mut self) {
        self.renew();
        self.standing = Standing::default();
        let walls = self
            .services
            .walls
            .borrow()
            .as_ref()
            .map(|walls| walls.level);
        let record = self.services.audit.of_session(&self.key, "sealed");
        let record = record.at_level(walls);
        let program = &self.services.programs.agent;
        match AgentProcess::spawn(program, &self.key, &self.meter, &record) {
            Ok(process) => self.process = Some(process),
            Err(error) => {
                tracing::error!(session = %self.key, "{error}");
                self.process = Some(AgentProcess::failed(error.to_string()));
            }
        }
    }

    /// Says something to the agent. One that does not listen is hung: its queue is full, and it goes.
    pub(super) fn say(&mut self, message: ToAgent) {
        if let Some(process) = &self.process
            && !process.say(message)
        {
            process.kill(KillStep::Kill);
        }
    }

    pub(super) fn tell(&mut self, activity: Activity) {
        self.publisher.publish(Outbound::Activity(activity));
    }

    /// The newest configuration, for the next process or turn.
    pub(super) fn renew(&mut self) {
        let newest = self.services.live.load_full();
        if Arc::ptr_eq(&newest, &self.live) {
            return;
        }
        self.live = newest;
        let config = rules::configured(&self.live, &self.agent);
        self.approvals = self.live.approvals.load_full();
        self.policy = rules::policy(&self.live, &config, &self.key);
        for warning in self.policy.warnings() {
            tracing::warn!(session = %self.key, "{warning}");
        }
        self.loops = LoopGuard::new(&config.loops);
        let limits = &self.live.config.sandbox.limits;
        self.meter.configure(limits, &config.workspace);
        self.set_settings();
    }

    /// The agent as configured now.
    pub(super) fn config(&self) -> Agent {
        rules::configured(&self.live, &self.agent)
    }
}
