//! Whose key: the profiles that can serve a provider, in the order they are tried, and how they fare.
//!
//! Profiles come from the agent's `auth-profiles.json` (the main agent's stands in for what it lacks),
//! the configuration, the environment, and codex's own sign-in. Sign-ins go before keys, the one that
//! rested longest first; `auth.order` of the configuration, or `order` of the file, replaces that.

use super::catalog::{self, CODEX, Model, OPENAI};
use super::codex_login::{Claims, CodexLogin, Login, Tokens};
use super::error::ModelError;
use super::failover::{Fare, Rest};
use crate::config::{self, Api, Config, Env, ModelRef, Paths, Provider};
use crate::store::auth_profiles::{self, AuthFile, Credential, Entry, Oauth, Stamp, Usage};
use ipc::id::AgentId;
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a profile's use is written down while nothing else about it changes.
const USE_NOTED_EVERY_MS: i64 = 60_000;
/// Failures of this kind are counted in `failureCounts` under OpenClaw's names.
const BILLING: &str = "billing";

/// A credential and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    /// `openai:default`, `openai:env`.
    pub(super) id: String,
    /// Provider id.
    pub(super) provider: String,
    /// What it is.
    pub(super) kind: Kind,
    /// Where it is from.
    pub(super) source: Source,
    /// The credential; absent where none is needed, or where it can not be had (see `expires`).
    pub(super) secret: Option<SecretString>,
    /// ChatGPT account.
    pub(super) account_id: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub(super) expires: Option<i64>,
    /// How to make a new one, where that is ours to do.
    pub(super) refresh: Option<SecretString>,
}

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A sign-in.
    Oauth,
    /// A token that was made for us.
    Token,
    /// A key.
    ApiKey,
    /// None is needed.
    Nothing,
}

/// Where a credential is from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    /// An `auth-profiles.json`.
    File(PathBuf),
    /// `models.providers.ID.apiKey`.
    Config,
    /// An environment variable.
    Env(String),
    /// codex's own `auth.json`.
    CodexLogin(PathBuf),
    /// Nowhere: the provider is local.
    Nowhere,
}

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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<PathBuf, (Stamp, Arc<AuthFile>)>,
    fares: HashMap<(Source, String), Known>,
}

#[derive(Debug, Default, Clone)]
struct Known {
    fare: Fare,
    /// When it was written to its file, in milliseconds since 1970.
    noted: i64,
}

impl Auth {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            rules: config.auth.clone(),
            providers: config.providers.clone(),
            env: config.env.clone(),
            paths: config.paths.clone(),
            codex: CodexLogin::new(&config.env),
            state: Mutex::default(),
        }
    }

    pub(super) fn providers(&self) -> &BTreeMap<String, Provider> {
        &self.providers
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
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

    /// A provider's profiles in the order they are tried.
    pub(super) fn profiles(&self, agent: &AgentId, provider: &str) -> Vec<Profile> {
        let (mut stored, order, last_good) = self.stored(agent, provider);
        let order = self.rules.order.get(provider).cloned().or(order);
        let listed: Vec<_> = match order {
            Some(order) => order
                .iter()
                .filter_map(|id| stored.iter().find(|p| p.id == *id).cloned())
                .collect(),
            None => {
                self.keep_configured(provider, &mut stored);
                let state = self.state();
                let rank = |p: &Profile| {
                    let good = last_good.as_deref() != Some(p.id.as_str());
                    (p.kind, state.fare(p).last_used, good, p.id.clone())
                };
                stored.sort_by_cached_key(rank);
                stored
            }
        };
        listed
            .into_iter()
            .chain(self.codex_profile(provider))
            .chain(self.config_profile(provider))
            .chain(self.env_profile(provider))
            .collect()
    }

    /// `auth.profiles` of the configuration, where it names any of these, leaves the others out.
    fn keep_configured(&self, provider: &str, stored: &mut Vec<Profile>) {
        let is_named = |p: &Profile| {
            self.rules
                .profiles
                .get(&p.id)
                .is_some_and(|named| named.provider == provider)
        };
        if stored.iter().any(is_named) {
            stored.retain(is_named);
        }
    }

    /// What the agent's file and the main agent's hold for a provider, with the agent's own order.
    #[expect(clippy::type_complexity, reason = "private, and read in one place")]
    fn stored(
        &self,
        agent: &AgentId,
        provider: &str,
    ) -> (Vec<Profile>, Option<Vec<String>>, Option<String>) {
        let main = AgentId::from("main");
        let mut found: Vec<Profile> = Vec::new();
        let (mut order, mut last_good) = (None, None);
        let agents = [Some(agent), Some(&main).filter(|main| *main != agent)];
        for path in agents
            .into_iter()
            .flatten()
            .map(|a| self.paths.auth_profiles(a))
        {
            let Some(file) = self.file(&path) else {
                continue;
            };
            for (id, entry) in file.profiles.iter().filter(|(_, e)| e.provider == provider) {
                if !found.iter().any(|p| p.id == *id) {
                    found.push(self.of_entry(id, entry, &path));
                }
            }
            order = order.or_else(|| file.order.get(provider).cloned());
            last_good = last_good.or_else(|| file.last_good.get(provider).cloned());
        }
        (found, order, last_good)
    }

    fn of_entry(&self, id: &str, entry: &Entry, path: &std::path::Path) -> Profile {
        let mut profile = Profile {
            id: id.to_owned(),
            provider: entry.provider.clone(),
            kind: Kind::ApiKey,
            source: Source::File(path.to_owned()),
            secret: None,
            account_id: None,
            expires: None,
            refresh: None,
        };
        match &entry.credential {
            Credential::ApiKey(key) => profile.secret = Some(key.clone()),
            Credential::KeyInEnv(name) => profile.secret = self.env.secret(name),
            Credential::Token { token, expires } => {
                profile.kind = Kind::Token;
                profile.secret = Some(token.clone());
                profile.expires = *expires;
            }
            Credential::Oauth(oauth) => self.fill_oauth(&mut profile, oauth),
        }
        profile
    }

    fn fill_oauth(&self, profile: &mut Profile, oauth: &Oauth) {
        use secrecy::ExposeSecret;
        let claims = Claims::of(oauth.access.expose_secret());
        profile.kind = Kind::Oauth;
        profile.secret = Some(oauth.access.clone());
        profile.account_id = oauth.account_id.clone().or(claims.account_id);
        profile.expires = claims.expires.or(oauth.expires);
        // A sign-in that was copied from codex's own file is codex's to refresh: see codex_login.
        let is_ours = profile.provider == CODEX;
        let is_codexs = |refresh: &SecretString| match self.codex.read() {
            Some(Ok(login)) => matches!(&*login, Login::ChatGpt(own) if own.owns(refresh)),
            Some(Err(_)) | None => false,
        };
        profile.refresh = oauth.refresh.clone().filter(|r| is_ours && !is_codexs(r));
    }

    fn codex_profile(&self, provider: &str) -> Option<Profile> {
        if provider != CODEX {
            return None;
        }
        let source = Source::CodexLogin(self.codex.path()?.to_owned());
        let login = self.codex.read()?.ok()?;
        let profile = plain("openai-codex:codex-cli", provider, source);
        Some(match &*login {
            Login::Key(key) => with_key(profile, key.clone()),
            Login::ChatGpt(tokens) => with_tokens(profile, tokens),
        })
    }

    fn config_profile(&self, provider: &str) -> Option<Profile> {
        let key = self.providers.get(provider)?.api_key.clone()?;
        let profile = plain(&format!("{provider}:config"), provider, Source::Config);
        Some(with_key(profile, key))
    }

    fn env_profile(&self, provider: &str) -> Option<Profile> {
        let (name, key) = catalog::env_names(provider)
            .iter()
            .find_map(|name| Some((*name, self.env.secret(name)?)))?;
        let source = Source::Env(name.to_owned());
        Some(with_key(
            plain(&format!("{provider}:env"), provider, source),
            key,
        ))
    }

    /// The newest form of a profile, where it is another one than `old`: its file was changed.
    pub(super) fn reread(&self, agent: &AgentId, old: &Profile) -> Option<Profile> {
        use secrecy::ExposeSecret;
        let secret = |p: &Profile| p.secret.as_ref().map(|s| s.expose_secret().to_owned());
        self.profiles(agent, &old.provider).into_iter().find(|p| {
            p.id == old.id
                && p.source == old.source
                && (old.account_id.is_none() || p.account_id == old.account_id)
                && secret(p) != secret(old)
        })
    }

    /// A file's content, read when it changes. Its own account of how profiles fare replaces ours
    /// then.
    fn file(&self, path: &std::path::Path) -> Option<Arc<AuthFile>> {
        let now = auth_profiles::stamp(path)?;
        let mut state = self.state();
        if let Some((stamp, file)) = state.files.get(path)
            && *stamp == now
        {
            return Some(Arc::clone(file));
        }
        let file = match auth_profiles::read(path) {
            Ok(file) => Arc::new(file.unwrap_or_default()),
            Err(error) => {
                tracing::warn!("credentials are not used: {error}");
                Arc::default()
            }
        };
        for problem in &file.problems {
            tracing::warn!("{}: {problem}", path.display());
        }
        let source = Source::File(path.to_owned());
        for (id, usage) in &file.usage {
            let known = Known {
                fare: fare_of(usage),
                noted: usage.last_used,
            };
            state.fares.insert((source.clone(), id.clone()), known);
        }
        state
            .files
            .insert(path.to_owned(), (now, Arc::clone(&file)));
        Some(file)
    }

    /// How a profile fares.
    pub(super) fn fare(&self, profile: &Profile) -> Fare {
        self.state().fare(profile)
    }

    /// A profile served an answer.
    pub(super) fn served(self: &Arc<Self>, profile: &Profile) {
        let now = now_ms();
        let mut state = self.state();
        let known = state.fares.entry(key(profile)).or_default();
        let was_failing = known.fare.errors > 0 || known.fare.rests_until > 0;
        known.fare = known.fare.served(now);
        if was_failing || now - known.noted > USE_NOTED_EVERY_MS {
            known.noted = now;
            let fare = known.fare.clone();
            drop(state);
            self.note(profile, fare, true);
        }
    }

    /// A profile failed, and rests as `rest` says.
    pub(super) fn failed(self: &Arc<Self>, profile: &Profile, rest: Rest) {
        if rest == Rest::None {
            return;
        }
        let now = now_ms();
        let mut state = self.state();
        let known = state.fares.entry(key(profile)).or_default();
        known.fare = known
            .fare
            .failed(rest, &self.rules.cooldowns, &profile.provider, now);
        known.noted = now;
        let fare = known.fare.clone();
        drop(state);
        if let Some(until) = fare.resting(now) {
            tracing::warn!(profile = %profile.id, "profile rests for {}", span(until - now));
        }
        self.note(profile, fare, false);
    }

    /// Writes it down where the profile's file is, off this thread. A file that can not be written
    /// (a read-only mount) costs a warning, not the answer.
    fn note(self: &Arc<Self>, profile: &Profile, fare: Fare, good: bool) {
        let Source::File(path) = &profile.source else {
            return;
        };
        let (path, id, provider) = (path.clone(), profile.id.clone(), profile.provider.clone());
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let written = auth_profiles::update(&path, |root| {
                auth_profiles::set_usage(root, &id, &usage_of(&fare));
                if good {
                    auth_profiles::set_last_good(root, &provider, &id);
                }
            });
            match written {
                Ok(()) => this.adopt(&path),
                Err(error) => tracing::warn!("usage is not written down: {error}"),
            }
        });
    }

    /// Reads what was just written, so that it does not count as somebody else's change.
    fn adopt(&self, path: &std::path::Path) {
        let (Some(stamp), Ok(Some(file))) = (auth_profiles::stamp(path), auth_profiles::read(path))
        else {
            return;
        };
        let file = (stamp, Arc::new(file));
        self.state().files.insert(path.to_owned(), file);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fare(&self, profile: &Profile) -> Fare {
        let known = self.fares.get(&key(profile));
        known.map(|known| known.fare.clone()).unwrap_or_default()
    }
}

fn key(profile: &Profile) -> (Source, String) {
    (profile.source.clone(), profile.id.clone())
}

fn plain(id: &str, provider: &str, source: Source) -> Profile {
    Profile {
        id: id.to_owned(),
        provider: provider.to_owned(),
        kind: Kind::Nothing,
        source,
        secret: None,
        account_id: None,
        expires: None,
        refresh: None,
    }
}

fn nothing(provider: &str) -> Profile {
    plain(&format!("{provider}:local"), provider, Source::Nowhere)
}

fn with_key(profile: Profile, key: SecretString) -> Profile {
    Profile {
        kind: Kind::ApiKey,
        secret: Some(key),
        ..profile
    }
}

fn with_tokens(profile: Profile, tokens: &Tokens) -> Profile {
    Profile {
        kind: Kind::Oauth,
        secret: Some(tokens.access.clone()),
        account_id: tokens.account_id.clone(),
        expires: tokens.expires,
        ..profile
    }
}

impl Profile {
    /// Why it can not be used now, and the mend; `None` where it can.
    pub(super) fn unusable(&self, now: i64) -> Option<ModelError> {
        if self.kind != Kind::Nothing && self.secret.is_none() {
            return Some(ModelError::NoCredential {
                message: format!(
                    "profile {} names an environment variable that is not set",
                    self.id
                ),
            });
        }
        let expired = self
            .expires
            .filter(|at| *at <= now && self.refresh.is_none())?;
        let mend = if self.provider == CODEX {
            "run codex on the machine it was signed in on, which renews it"
        } else {
            "put a new one into auth-profiles.json"
        };
        Some(ModelError::Auth {
            message: format!(
                "profile {} expired {} ago; {mend}",
                self.id,
                span(now - expired)
            ),
        })
    }

    /// Whether a newer credential might be had where this one is refused.
    pub(super) fn is_renewable(&self) -> bool {
        self.kind == Kind::Oauth
    }

    /// Where it is from, for people.
    pub(super) fn source_text(&self) -> String {
        match &self.source {
            Source::File(path) | Source::CodexLogin(path) => path.display().to_string(),
            Source::Config => format!("models.providers.{}.apiKey", self.provider),
            Source::Env(name) => format!("environment variable {name}"),
            Source::Nowhere => "none needed".to_owned(),
        }
    }
}

/// Whether Codex has the model too.
fn is_served_by_codex(model: &str) -> bool {
    model.starts_with("gpt-5") || model.contains("codex")
}

fn fare_of(usage: &Usage) -> Fare {
    Fare {
        last_used: usage.last_used,
        rests_until: usage.cooldown_until,
        disabled_until: usage.disabled_until,
        errors: usage.error_count,
        billing_errors: usage.failure_counts.get(BILLING).copied().unwrap_or(0),
        last_failure: usage.last_failure_at,
    }
}

fn usage_of(fare: &Fare) -> Usage {
    let billing = (fare.billing_errors > 0).then(|| (BILLING.to_owned(), fare.billing_errors));
    Usage {
        last_used: fare.last_used,
        cooldown_until: fare.rests_until,
        disabled_until: fare.disabled_until,
        disabled_reason: (fare.disabled_until > 0).then(|| BILLING.to_owned()),
        error_count: fare.errors,
        failure_counts: billing.into_iter().collect(),
        last_failure_at: fare.last_failure,
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A span of milliseconds for people: `9 d`, `5 min`.
pub(super) fn span(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        172_800.. => format!("{} d", seconds / 86_400),
        7_200.. => format!("{} h", seconds / 3_600),
        90.. => format!("{} min", (seconds + 59) / 60),
        seconds => format!("{} s", seconds.max(1)),
    }
}
