//! Whose key: the profiles that can serve a provider, in the order they are tried, and how they fare.
//!
//! Profiles come from the agent's `auth-profiles.json` (the main agent's stands in for what it lacks),
//! the configuration, the environment, and codex's own sign-in. Sign-ins go before keys, the one that
//! rested longest first; `auth.order` of the configuration, or `order` of the file, replaces that.

mod sources;
mod ledger;
mod profile;

pub(super) use profile::{Kind, Profile, Source};

use crate::config::{self, Api, Config, Env, ModelRef, Paths, Provider};
use crate::model::catalog::{self, CODEX, Model, OPENAI};
use crate::model::codex_login::CodexLogin;
use crate::model::error::ModelError;
use crate::model::fare::{Fare, Rest};
use ipc::id::AgentId;
use ledger::Ledger;
use profile::nothing;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One model through one profile.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Position of the model in the chain.
    pub(super) at: usize,
    /// How to call it.
    pub(super) model: Model,
    /// With what.
    pub(super) profile: Profile,
}

/// The profiles of everyone, and how they fare. Shared by all calls.
#[derive(Debug)]
pub(super) struct Auth {
    rules: config::Auth,
    providers: BTreeMap<String, Provider>,
    env: Env,
    paths: Paths,
    codex: CodexLogin,
    ledger: Arc<Ledger>,
}

impl Auth {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            ledger: Arc::new(Ledger::new(config.auth.cooldowns.clone())),
            rules: config.auth.clone(),
            providers: config.providers.clone(),
            env: config.env.clone(),
            paths: config.paths.clone(),
            codex: CodexLogin::new(&config.env),
        }
    }

    pub(super) fn providers(&self) -> &BTreeMap<String, Provider> {
        &self.providers
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    /// How a profile fares.
    pub(super) fn fare(&self, profile: &Profile) -> Fare {
        self.ledger.fare(profile)
    }

    /// A profile served an answer.
    pub(super) fn served(&self, profile: &Profile) {
        self.ledger.served(profile);
    }

    /// A profile failed, and rests as `rest` says.
    pub(super) fn failed(&self, profile: &Profile, rest: Rest) {
        self.ledger.failed(profile, rest);
    }

    /// Every way to call `name`, the best first; whether they rest is another question.
    ///
    /// # Errors
    /// [`ModelError::NoCredential`] names what is missing.
    pub(super) fn routes(
        &self,
        agent: &AgentId,
        name: &ModelRef,
        at: usize,
    ) -> Result<Vec<Route>, ModelError> {
        let model = catalog::model(&self.providers, name)?;
        let mut routes = Vec::new();
        let mut add = |model: &Model, profile: Profile| {
            let model = model.clone();
            routes.push(Route { at, model, profile });
        };
        for profile in self.profiles(agent, &name.provider) {
            if model.api == Api::Codex && profile.kind == Kind::ApiKey {
                // codex was signed in with a key: that is OpenAI's own API.
                if let Some(model) = model.through(OPENAI) {
                    add(&model, profile);
                }
            } else {
                add(&model, profile);
            }
        }
        if name.provider == OPENAI && model.is_usual && is_served_by_codex(&name.model) {
            for profile in self.profiles(agent, CODEX) {
                if let Some(model) = model
                    .through(CODEX)
                    .filter(|_| profile.kind != Kind::ApiKey)
                {
                    add(&model, profile);
                }
            }
        }
        if routes.is_empty() && model.local && model.api != Api::Codex {
            let profile = nothing(&name.provider);
            routes.push(Route { at, model, profile });
        }
        if routes.is_empty() {
            return Err(self.missing(&name.provider));
        }
        Ok(routes)
    }

    fn missing(&self, provider: &str) -> ModelError {
        let mut ways = Vec::new();
        if provider == CODEX {
            let path = self.codex.path().map(|p| p.display().to_string());
            ways.push(match self.codex.read() {
                Some(Err(problem)) => problem,
                Some(Ok(_)) | None => format!(
                    "sign in with codex login ({})",
                    path.unwrap_or_else(|| "~/.codex/auth.json".to_owned())
                ),
            });
        }
        if let Some(name) = catalog::env_names(provider).first() {
            ways.push(format!("set {name}"));
        }
        ways.push(format!(
            "add a profile of provider {provider} to auth-profiles.json"
        ));
        ModelError::NoCredential {
            message: format!("no credential for {provider}: {}", ways.join(", or ")),
        }
    }
}

/// Whether Codex has the model too.
fn is_served_by_codex(model: &str) -> bool {
    model.starts_with("gpt-5") || model.contains("codex")
}
