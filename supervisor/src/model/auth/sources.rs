//! Where profiles are found.

use super::Auth;
use super::profile::{Kind, Profile, Source, plain, with_key, with_tokens};
use crate::model::catalog::{self, CODEX};
use crate::model::codex_login::{Claims, Login};
use crate::store::auth_profiles::{Credential, Entry, Oauth};
use ipc::id::AgentId;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// What the files say of one provider.
#[derive(Debug, Default)]
struct Stored {
    profiles: Vec<Profile>,
    order: Option<Vec<String>>,
    last_good: Option<String>,
}

impl Auth {
    /// A provider's profiles in the order they are tried.
    pub(in crate::model) fn profiles(&self, agent: &AgentId, provider: &str) -> Vec<Profile> {
        let stored = self.stored(agent, provider);
        let order = self.rules.order.get(provider).or(stored.order.as_ref());
        let stored = match order {
            Some(order) => order
                .iter()
                .filter_map(|id| stored.profiles.iter().find(|p| p.id == *id).cloned())
                .collect(),
            None => self.ranked(provider, stored),
        };
        stored
            .into_iter()
            .chain(self.codex_profile(provider))
            .chain(self.config_profile(provider))
            .chain(self.env_profile(provider))
            .collect()
    }

    /// Sign-ins before keys, the one that rested longest first, among equals the one that served last.
    fn ranked(&self, provider: &str, stored: Stored) -> Vec<Profile> {
        let Stored {
            mut profiles,
            last_good,
            ..
        } = stored;
        self.keep_configured(provider, &mut profiles);
        profiles.sort_by_cached_key(|p| {
            let is_other = last_good.as_ref() != Some(&p.id);
            (
                p.kind,
                self.ledger.fare(p).last_used,
                is_other,
                p.id.clone(),
            )
        });
        profiles
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
    fn stored(&self, agent: &AgentId, provider: &str) -> Stored {
        let main = AgentId::from("main");
        let mut all = Stored::default();
        let agents = [Some(agent), Some(&main).filter(|main| *main != agent)];
        for agent in agents.into_iter().flatten() {
            let path = self.paths.auth_profiles(agent);
            let Some(file) = self.ledger.file(&path) else {
                continue;
            };
            for (id, entry) in file.profiles.iter().filter(|(_, e)| e.provider == provider) {
                if !all.profiles.iter().any(|p| p.id == *id) {
                    all.profiles.push(self.of_entry(id, entry, &path));
                }
            }
            let (order, good) = (file.order.get(provider), file.last_good.get(provider));
            all.order = all.order.or_else(|| order.cloned());
            all.last_good = all.last_good.or_else(|| good.cloned());
        }
        all
    }

    fn of_entry(&self, id: &str, entry: &Entry, path: &Path) -> Profile {
        let mut profile = plain(id, &entry.provider, Source::File(path.to_owned()));
        profile.kind = Kind::ApiKey;
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
    pub(in crate::model) fn reread(&self, agent: &AgentId, old: &Profile) -> Option<Profile> {
        let secret = |p: &Profile| p.secret.as_ref().map(|s| s.expose_secret().to_owned());
        self.profiles(agent, &old.provider).into_iter().find(|p| {
            p.id == old.id
                && p.source == old.source
                && (old.account_id.is_none() || p.account_id == old.account_id)
                && secret(p) != secret(old)
        })
    }
}
