//! The models there are, by the configuration, the credentials and what runs on this machine.

use super::answer::{self, Means, Whose};
use super::auth::Auth;
use super::discovery::Discovery;
use super::http::Http;
use super::refresh::Refresher;
use super::render::RenderCache;
use super::sight::Pictures;
use super::{Completion, ModelCall, ModelFailure, Progress, catalog, offline, report};
use crate::config::{Config, ModelChain, ModelRef};
use ipc::control::ModelsReport;
use ipc::id::{AgentId, SessionKey};
use ipc::usage::Usage;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything models are called with. Cheap to make: nothing is read or connected before the first
/// call.
#[derive(Debug)]
pub struct ModelStack {
    pub(super) means: Means,
    pub(super) discovery: Discovery,
    pub(super) agents: BTreeMap<AgentId, Wish>,
    /// Where pictures are.
    media: PathBuf,
    pub(super) default: AgentId,
}

/// What an agent is configured to use.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) chain: ModelChain,
}

impl ModelStack {
    /// The stack a configuration describes.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let agents = config.agents.iter().map(|agent| {
            let wish = Wish {
                chain: agent.model.clone(),
            };
            (agent.id.clone(), wish)
        });
        Self {
            means: Means {
                http: Http::default(),
                auth: Auth::new(config),
                refresher: Refresher::default(),
            },
            discovery: Discovery::new(config),
            agents: agents.collect(),
            media: config.paths.media(),
            default: config.default_agent().id.clone(),
        }
    }

    /// The models an agent really uses, in order: `pinned`, then those configured, as far as there is
    /// a credential for them; if there is none, a model server found on this machine; if there is
    /// none either, the offline responder. Never empty. May take 300 ms where it has to look.
    pub async fn chain(&self, agent: &AgentId, pinned: Option<&ModelRef>) -> Vec<ModelRef> {
        let mut chain: Vec<ModelRef> = Vec::new();
        for name in pinned.into_iter().chain(self.wish(agent).chain.iter()) {
            if !chain.contains(name) && self.is_callable(agent, name) {
                chain.push(name.clone());
            }
        }
        if chain.is_empty() {
            let found = self.discovery.find(&self.means.http).await;
            chain.push(found.map_or_else(offline::name, |local| local.name));
        }
        chain
    }

    /// The model's context window in tokens.
    #[must_use]
    pub fn context_window(&self, model: &ModelRef) -> u32 {
        let found = self.discovery.known().filter(|local| local.name == *model);
        found
            .and_then(|local| local.window)
            .unwrap_or_else(|| catalog::window(self.means.auth.providers(), model))
    }

    /// What a call cost in US dollars; `None` where the configuration names no price
    /// (`models.providers.*.models[].cost`).
    #[must_use]
    pub fn price(&self, model: &ModelRef, usage: Usage) -> Option<f64> {
        catalog::price(self.means.auth.providers(), model, usage)
    }

    /// One answer, taking fallbacks. `cache` belongs to the session. Dropping the future cancels the
    /// call.
    ///
    /// # Errors
    /// [`ModelFailure::ContextFull`] asks for compaction; otherwise every model was tried.
    pub async fn answer(
        &self,
        call: ModelCall<'_>,
        cache: &mut RenderCache,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Completion, ModelFailure> {
        let agent = agent_of(call.session);
        let why = self.why_offline(&agent, call.chain);
        let whose = Whose {
            agent: &agent,
            thinking: call.thinking,
            why_offline: &why,
        };
        let lent = Lent(cache);
        lent.0.pictures = Pictures::load(&self.media, call.context).await;
        answer::answer(&self.means, whose, call, &mut *lent.0, progress).await
    }

    /// Models and credentials, for people.
    pub async fn report(&self) -> ModelsReport {
        report::report(self).await
    }

    /// Why a model can not be called now; `None` where it could be.
    #[must_use]
    pub fn why_not(&self, agent: &AgentId, model: &ModelRef) -> Option<String> {
        if model.provider == catalog::OFFLINE {
            return None;
        }
        let routes = self.means.auth.routes(agent, model, 0);
        routes.err().map(|error| error.to_string())
    }

    pub(super) fn wish(&self, agent: &AgentId) -> &Wish {
        // An agent that was removed while a session of it lived is served like the default one, which
        // is always there.
        &self.agents[if self.agents.contains_key(agent) {
            agent
        } else {
            &self.default
        }]
    }

    fn is_callable(&self, agent: &AgentId, name: &ModelRef) -> bool {
        name.provider == catalog::OFFLINE || self.means.auth.routes(agent, name, 0).is_ok()
    }

    /// What is wrong with the first configured model, where the responder stands in for it.
    fn why_offline(&self, agent: &AgentId, chain: &[ModelRef]) -> String {
        if chain.iter().any(|name| name.provider != catalog::OFFLINE) {
            return String::new();
        }
        let wished = self.wish(agent).chain.iter().next();
        let wrong = wished.and_then(|name| {
            let error = self.means.auth.routes(agent, name, 0).err()?;
            Some(format!("{name} can not be used: {error}"))
        });
        wrong.unwrap_or_default()
    }
}

/// A cache with the pictures of one call, which go when it has ended, however it does.
struct Lent<'c>(&'c mut RenderCache);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.pictures = Pictures::default();
    }
}

/// The agent a session key names: `agent:ID:…`.
fn agent_of(session: &SessionKey) -> AgentId {
    let mut parts = session.as_str().split(':');
    match (parts.next(), parts.next()) {
        (Some("agent"), Some(id)) if !id.is_empty() => AgentId::from(id),
        _ => AgentId::from("main"),
    }
}
