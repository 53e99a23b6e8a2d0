//! One credential: what it is, where it is from, whether it can be used.

use crate::model::catalog::CODEX;
use crate::model::clock::span;
use crate::model::codex_login::Tokens;
use crate::model::error::ModelError;
use secrecy::SecretString;
use std::path::PathBuf;

/// A credential and where it comes from.
#[derive(Debug, Clone)]
pub(in crate::model) struct Profile {
    /// `openai:default`, `openai:env`.
    pub(in crate::model) id: String,
    /// Provider id.
    pub(in crate::model) provider: String,
    /// What it is.
    pub(in crate::model) kind: Kind,
    /// Where it is from.
    pub(in crate::model) source: Source,
    /// The credential; absent where none is needed, or where it can not be had (see `expires`).
    pub(in crate::model) secret: Option<SecretString>,
    /// ChatGPT account.
    pub(in crate::model) account_id: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub(in crate::model) expires: Option<i64>,
    /// How to make a new one, where that is ours to do.
    pub(in crate::model) refresh: Option<SecretString>,
}

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum Kind {
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
pub(in crate::model) enum Source {
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

impl Profile {
    /// Why it can not be used now, and the mend; `None` where it can.
    pub(in crate::model) fn unusable(&self, now: i64) -> Option<ModelError> {
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
    pub(in crate::model) fn is_renewable(&self) -> bool {
        self.kind == Kind::Oauth
    }

    /// Where it is from, for people.
    pub(in crate::model) fn source_text(&self) -> String {
        match &self.source {
            Source::File(path) | Source::CodexLogin(path) => path.display().to_string(),
            Source::Config => format!("models.providers.{}.apiKey", self.provider),
            Source::Env(name) => format!("environment variable {name}"),
            Source::Nowhere => "none needed".to_owned(),
        }
    }
}

pub(super) fn plain(id: &str, provider: &str, source: Source) -> Profile {
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

pub(super) fn nothing(provider: &str) -> Profile {
    plain(&format!("{provider}:local"), provider, Source::Nowhere)
}

pub(super) fn with_key(profile: Profile, key: SecretString) -> Profile {
    Profile {
        kind: Kind::ApiKey,
        secret: Some(key),
        ..profile
    }
}

pub(super) fn with_tokens(profile: Profile, tokens: &Tokens) -> Profile {
    Profile {
        kind: Kind::Oauth,
        secret: Some(tokens.access.clone()),
        account_id: tokens.account_id.clone(),
        expires: tokens.expires,
        ..profile
    }
}
