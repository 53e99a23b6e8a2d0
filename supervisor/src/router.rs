//! From a message to the session it belongs to: stored first, then told to the session's driver.

mod tide;

use crate::broker::Services;
use crate::message::{Final, Inbound, Said};
use crate::session::{self, Gone, SessionHandle, SessionView, Watch};
use crate::store::{NewInput, StoreError, StoredInput};
use ipc::control::FinalReply;
use ipc::id::{AgentId, InputId, SessionKey};
use ipc::refusal::{Refusal, RefusalKind};
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use tide::Tide;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

/// Finds and starts sessions.
#[derive(Debug)]
pub struct Router {
    services: Arc<Services>,
    sessions: Mutex<HashMap<SessionKey, SessionHandle>>,
    drivers: TaskTracker,
    /// A session begins.
    begins: Notify,
    /// Sessions are opened once what came before us has been taken over.
    open: watch::Sender<bool>,
}

/// A message that is on disk.
#[derive(Debug)]
pub struct Submitted {
    /// The stored message.
    pub input: InputId,
    /// Its session.
    pub session: SessionKey,
    /// Whether the same idempotency key had been stored before.
    pub again: bool,
    /// How its answer comes.
    pub answer: Awaited,
}

/// An answer, or where it will appear.
#[derive(Debug)]
pub enum Awaited {
    /// It was for the session itself, and this is what that says. Nothing was stored.
    Said(Said),
    /// It was given before.
    Given(FinalReply),
    /// It is on its way.
    Coming(Watch),
}

impl Router {
    /// No session yet.
    #[must_use]
    pub fn new(services: Arc<Services>) -> Self {
        Self {
            services,
            sessions: Mutex::default(),
            drivers: TaskTracker::new(),
            begins: Notify::new(),
            open: watch::Sender::new(false),
        }
    }

    /// Which session a message is for: what it names, or the agent's main one.
    ///
    /// # Errors
    /// `NotFound` for an agent that is not configured, `Invalid` for a key that is none or is
    /// another agent's.
    pub fn place(
        &self,
        agent: Option<AgentId>,
        session: Option<SessionKey>,
    ) -> Result<(AgentId, SessionKey), Refusal> {
        let config = &self.services.live.load().config;
        let named = session.as_ref().map(agent_of).transpose()?;
        if let (Some(agent), Some(named)) = (&agent, &named)
            && agent != named
        {
            let text = format!(
                "session {} belongs to agent {named}, not to {agent}",
                display(&session)
            );
            return Err(Refusal::new(RefusalKind::Invalid, text));
        }
        let agent = agent
            .or(named)
            .unwrap_or_else(|| config.default_agent().id.clone());
        if config.agent(&agent).is_none() {
            let known: Vec<&str> = config
                .agents
                .iter()
                .map(|agent| agent.id.as_str())
                .collect();
            let text = format!("there is no agent {agent}; there are: {}", known.join(", "));
            return Err(Refusal::new(RefusalKind::NotFound, text));
        }
        let session = session
            .unwrap_or_else(|| SessionKey(format!("agent:{agent}:{}", config.session.main_key)));
        Ok((agent, session))
    }

    /// Stores a message and gives it to its session.
    ///
    /// # Errors
    /// When it could not be stored: then it was not accepted.
    pub async fn submit(&self, inbound: Inbound) -> Result<Submitted, StoreError> {
        let Inbound {
            key,
            session,
            agent,
            channel,
            origin,
            text,
            images,
        } = inbound;
        loop {
            // Watching comes first, so that no answer falls between.
            let handle = self.session(&session, &agent).await?;
            let Ok(watch) = handle.watch().await else {
                continue;
            };
            if session::is_directive(&text) {
                match handle.direct(&text, &channel, &origin).await {
                    Ok(Some(said)) => return Ok(directed(session, said)),
                    Ok(None) => {}
                    Err(Gone) => continue,
                }
            }
            let input = NewInput {
                key: key.clone(),
                session: session.clone(),
                agent: agent.clone(),
                channel: channel.clone(),
                origin: origin.clone(),
                text: text.clone(),
                images: images.clone(),
                cap: self.services.live.load().config.queue.cap,
            };
            let accepted = self.services.store.accept(input).await?;
            let (input, again) = (accepted.input, accepted.again);
            if let Some(reply) = accepted.reply {
                let answer = Awaited::Given(reply);
                return Ok(Submitted {
                    input,
                    session: accepted.session,
                    again,
                    answer,
                });
            }
            if again && accepted.session != session {
                let watch = self.watch(&accepted.session, &agent).await?;
                let answer = Awaited::Coming(watch);
                return Ok(Submitted {
                    input,
                    session: accepted.session,
                    again,
                    answer,
                });
            }
            let stored = StoredInput {
                id: input,
                text: text.clone(),
                images: images.clone(),
                channel: channel.clone(),
                origin: origin.clone(),
            };
            // A driver that left in between is followed by one that finds the message on disk; the
            // same holds for a message stored earlier.
            if again || handle.arrived(stored).await.is_ok() {
                let answer = Awaited::Coming(watch);
                return Ok(Submitted {
                    input,
                    session,
                    again,
                    answer,
                });
            }
        }
    }

    /// Says something to a session that is for the session itself, such as `/status`; what that says
    /// to it. `None` when it is for the model after all: nothing has happened then.
    ///
    /// # Errors
    /// When the session can not be read from disk.
    pub async fn direct(
        &self,
        key: &SessionKey,
        agent: &AgentId,
        text: &str,
        channel: &str,
        origin: &Value,
    ) -> Result<Option<Said>, StoreError> {
        if !session::is_directive(text) {
            return Ok(None);
        }
        loop {
            let handle = self.session(key, agent).await?;
            if let Ok(said) = handle.direct(text, channel, origin).await {
                return Ok(said);
            }
        }
    }

    /// Watches a session.
    ///
    /// # Errors
    /// When it can not be read from disk.
    pub async fn watch(&self, key: &SessionKey, agent: &AgentId) -> Result<Watch, StoreError> {
        loop {
            let handle = self.session(key, agent).await?;
            if let Ok(watch) = handle.watch().await {
                return Ok(watch);
            }
        }
    }

    /// A live session's handle; its driver is started if it has none.
    ///
    /// # Errors
    /// When the session can not be read from disk.
    pub async fn session(
        &self,
        key: &SessionKey,
        agent: &AgentId,
    ) -> Result<SessionHandle, StoreError> {
        // Never an error: the sender is ours.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        let mut sessions = self.sessions.lock().await;
        if let Some(handle) = sessions.get(key).filter(|handle| handle.is_live()) {
            return Ok(handle.clone());
        }
        sessions.retain(|_, handle| handle.is_live());
        let services = Arc::clone(&self.services);
        let handle = session::start(services, key.clone(), agent.clone(), &self.drivers).await?;
        sessions.insert(key.clone(), handle.clone());
        self.begins.notify_one();
        Ok(handle)
    }

    /// The handle of a session whose driver runs.
    pub async fn find(&self, key: &SessionKey) -> Option<SessionHandle> {
        self.sessions
            .lock()
            .await
            .get(key)
            .filter(|handle| handle.is_live())
            .cloned()
    }

    /// From now on sessions may be opened.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Takes up everything that was cut off. One session that can not be read does not keep the
    /// others from it.
    pub async fn resume(&self) {
        let unfinished = match self.services.store.unfinished_sessions().await {
            Ok(unfinished) => unfinished,
            Err(error) => return tracing::error!("failed to look for unfinished turns: {error}"),
        };
        for (key, agent) in unfinished {
            tracing::info!(session = %key, "going on with what was cut off");
            if let Err(error) = self.session(&key, &agent).await {
                tracing::error!(session = %key, "failed to go on: {error}");
            }
        }
    }

    /// What can be seen of every session whose driver runs.
    pub async fn views(&self) -> HashMap<SessionKey, SessionView> {
        let sessions = self.sessions.lock().await;
        let live = sessions.iter().filter(|(_, handle)| handle.is_live());
        live.map(|(key, handle)| (key.clone(), handle.view()))
            .collect()
    }

    /// Gives back the memory of sessions that are gone, for as long as this is polled. The allocator
    /// would keep it: a thousand of them leave holes everywhere.
    pub async fn tidy(&self) -> Infallible {
        let mut tide = Tide::new(Instant::now());
        loop {
            if tide.ebbs(self.drivers.len(), Instant::now()) {
                let mut sessions = self.sessions.lock().await;
                sessions.retain(|_, handle| handle.is_live());
                sessions.shrink_to_fit();
                drop(sessions);
                // It ends in any case, and returns nothing.
                let _ = tokio::task::spawn_blocking(jail::memory::give_back).await;
            }
            match tide.next(Instant::now()) {
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.begins.notified() => {}
                },
                None => self.begins.notified().await,
            }
        }
    }

    /// Tells every session that the configuration changed.
    pub async fn renew(&self) {
        let handles: Vec<_> = self.sessions.lock().await.values().cloned().collect();
        for handle in handles {
            handle.renew().await;
        }
    }

    /// Ends every process. Turns that run are on disk; the next gateway takes them up.
    pub async fn drain(&self) {
        let handles: Vec<_> = self
            .sessions
            .lock()
            .await
            .drain()
            .map(|(_, handle)| handle)
            .collect();
        for handle in handles {
            handle.drain().await;
        }
        self.drivers.close();
        self.drivers.wait().await;
    }
}

/// What was for the session itself is answered at once, and no message of the conversation.
fn directed(session: SessionKey, said: Said) -> Submitted {
    Submitted {
        input: InputId::default(),
        session,
        again: false,
        answer: Awaited::Said(said),
    }
}

/// Whether `last` answers `input`.
#[must_use]
pub fn answers(last: &Final, input: InputId) -> bool {
    last.inputs.contains(&input)
}

fn display(session: &Option<SessionKey>) -> String {
    session
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The agent a key names: `agent:ID:…`.
fn agent_of(key: &SessionKey) -> Result<AgentId, Refusal> {
    let mut parts = key.as_str().splitn(3, ':');
    let id = match (parts.next(), parts.next(), parts.next()) {
        (Some("agent"), Some(id), Some(rest)) if !id.is_empty() && !rest.is_empty() => id,
        (_, _, _) => {
            let text = format!(
                "{key:?} is no session key; one looks like agent:main:main",
                key = key.as_str()
            );
            return Err(Refusal::new(RefusalKind::Invalid, text));
        }
    };
    let printable = key.as_str().chars().all(|c| !c.is_control());
    if !printable || key.as_str().len() > 512 {
        let text = "a session key has at most 512 bytes and no control characters";
        return Err(Refusal::new(RefusalKind::Invalid, text));
    }
    Ok(AgentId::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_key_names_its_agent() {
        let agent = |key: &str| agent_of(&SessionKey::from(key)).map(|agent| agent.0);
        assert_eq!(agent("agent:main:main").unwrap(), "main");
        assert_eq!(agent("agent:dev:telegram:group:-100").unwrap(), "dev");
        for bad in [
            "",
            "main",
            "agent:main",
            "agent::x",
            "agent:main:",
            "other:main:main",
            "agent:a:\n",
        ] {
            assert!(agent(bad).is_err(), "{bad:?}");
        }
    }
}
