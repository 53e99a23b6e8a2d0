//! What others ask of a session, and how it begins anew.

use super::directive;
use super::driver::Driver;
use super::fresh;
use super::handle::{Command, Operation};
use super::rules;
use super::state::Input;
use super::transcript::Transcript;
use crate::audit::Event;
use crate::store::{StoreError, StoredInput};

/// What the model reads when a session was begun anew and nothing else was said.
const NEW_SESSION: &str = "(I began a new session. Greet me in one short line.)";

/// How a tool ended that an operator has ended.
const ENDED_BY_HAND: &str = "an operator ended it";

impl Driver {
    pub(super) async fn command(&mut self, command: Command) {
        match command {
            Command::Arrived(input, taken) => {
                // Whoever brought it does not wait until its turn has begun.
                let _ = taken.send(());
                self.arrived(input).await;
            }
            Command::Direct(said, reply) => {
                self.direct(&said, reply).await;
            }
            Command::Watch(reply) => {
                let _ = reply.send(self.publisher.watch());
            }
            Command::Stop(reply) => {
                let _ = reply.send(self.is_busy());
                self.apply(Input::Stop).await;
            }
            Command::Kill(Some(job), reply) => {
                self.killed(job.as_str());
                let _ = reply.send(self.tools.kill(Some(&job), ENDED_BY_HAND));
            }
            Command::Kill(None, reply) => {
                self.killed("all");
                let _ = reply.send(self.tools.kill(None, ENDED_BY_HAND));
                self.apply(Input::Stop).await;
                // Once the turn is over, the agent process has nothing to stay for.
                self.apply(Input::Leave).await;
            }
            Command::Operate(command, cancel, reply) => {
                let begun = self.services.walls_hold().await.map(|_| {
                    let (output, running) = self.tools.operate(command, &self.policy, cancel);
                    Operation { output, running }
                });
                let _ = reply.send(begun);
            }
            Command::Reset(reply) => {
                self.reset = Some(reply);
                self.apply(Input::Stop).await;
            }
            Command::Renew => {
                self.renew();
                self.apply(Input::Renew).await;
            }
            Command::Drain => {
                self.end_fold("The gateway is going down; say it again then.")
                    .await;
                self.apply(Input::Drain).await;
                self.tools.end_all();
            }
        }
    }

    pub(super) async fn arrived(&mut self, mut input: StoredInput) {
        if !self.seen.insert(input.id) {
            return;
        }
        self.begin_anew_if_due(&mut input).await;
        // Ids only grow, so an old one is not told of again.
        while self.seen.len() > 1024 {
            self.seen.pop_first();
        }
        if self.channel != input.channel {
            self.channel.clone_from(&input.channel);
            self.set_settings();
        }
        let id = input.id;
        let from = rules::whence(&input.channel, &input.origin);
        self.inputs.insert(id, input);
        self.apply(Input::Arrived(id, from)).await;
    }

    /// A message may begin the session anew: by its words, which stop what runs, or because the last
    /// one is long past.
    async fn begin_anew_if_due(&mut self, input: &mut StoredInput) {
        let now = jiff::Zoned::now();
        let last = std::mem::replace(&mut self.updated_at, now.timestamp().as_millisecond());
        let session = &self.live.config.session;
        let speaker = rules::speaker(&input.channel, &input.origin);
        let rest = fresh::after_trigger(&input.text, &session.reset_triggers)
            .filter(|_| rules::may_command(&self.live.config.commands, &speaker));
        let Some(rest) = rest else {
            let stale = !self.transcript.context().items.is_empty()
                && fresh::is_stale(last, &now, session.reset);
            if stale && !self.is_busy() && self.inputs.is_empty() {
                self.begin_anew().await;
            }
            return;
        };
        let (model, words) = self.model_at_front(rest);
        let words = if words.is_empty() { NEW_SESSION } else { words };
        let words = words.to_owned();
        input.text = words;
        self.anew = Some(model);
        if self.is_due_anew() {
            self.begin_anew().await;
        } else {
            self.apply(Input::Stop).await;
        }
    }

    /// Whether the session is to begin anew, and nothing runs that would have to end before.
    pub(super) fn is_due_anew(&self) -> bool {
        (self.reset.is_some() || self.anew.is_some()) && !self.is_busy()
    }

    /// An operator ends processes: that is on record.
    pub(super) fn killed(&self, what: &str) {
        self.services.audit.record(Event::Killed {
            session: self.key.clone(),
            what: what.to_owned(),
        });
    }

    pub(super) async fn begin_anew(&mut self) {
        self.tools.end_all();
        self.news.clear();
        let anew = self.open_anew().await;
        if let (Ok(()), Some(reply)) = (&anew, self.reset.take()) {
            let _ = reply.send(());
        }
        self.reset = None;
        self.anew = None;
        // The process remembers what was: the next turn is a new one's.
        self.apply(Input::Renew).await;
        self.check(anew).await;
    }

    /// Reads what is on disk again, after the store had failed: what is remembered may differ. Only
    /// what can not be read there is kept: that the turn is over, and how.
    pub(super) async fn reload(&mut self) -> Result<(), StoreError> {
        let store = self.services.store.clone();
        let open = store.open_session(&self.key, &self.agent).await?;
        // Nothing is worth a model call, or a tool's, that can not be stored.
        store.pin_model(&open.id, open.model.clone()).await?;
        self.transcript = Transcript::load(store, open.id, open.next_item).await?;
        self.next_turn = open.next_turn;
        self.pinned = open.model;
        self.elevated = open.elevated.as_deref().and_then(directive::mode);
        self.usage = open.usage;
        self.resume = false;
        let before = self.turn.take();
        let unfinished = open.unfinished.is_some();
        if let Some(unfinished) = open.unfinished {
            self.take_up(unfinished);
        }
        let mut ending = false;
        if let (Some(turn), Some(before)) = (&mut self.turn, before)
            && turn.id == before.id
        {
            // What was used is used, whether it could be stored or not.
            turn.budget = before.budget;
            turn.ending = before.ending;
            ending = turn.ending.is_some();
        }
        self.inputs.clear();
        // Boxed: what is done about it can fail, and lead here again.
        Box::pin(self.apply(Input::Reloaded { unfinished, ending })).await;
        for input in open.waiting {
            self.seen.remove(&input.id);
            Box::pin(self.arrived(input)).await;
        }
        Ok(())
    }

    async fn open_anew(&mut self) -> Result<(), StoreError> {
        self.services.store.reset(&self.key).await?;
        let open = self
            .services
            .store
            .open_session(&self.key, &self.agent)
            .await?;
        self.next_turn = open.next_turn;
        self.pinned = open.model;
        self.elevated = open.elevated.as_deref().and_then(directive::mode);
        self.usage = open.usage;
        let store = self.services.store.clone();
        if let Some(model) = self.anew.take().flatten() {
            store.pin_model(&open.id, Some(model.clone())).await?;
            self.pinned = Some(model);
        }
        self.transcript = Transcript::load(store, open.id, open.next_item).await?;
        Ok(())
    }
}
