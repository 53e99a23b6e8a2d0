//! `auth-profiles.json`: one agent's credentials, in OpenClaw's format.
//!
//! The file is the person's as much as ours: every field we do not know is kept, one entry that makes
//! no sense does not spoil the others, and a change is written whole or not at all (a new file with
//! mode 0600 in the place of the old one, under a lock).

mod change;

pub use change::{Lock, lock, set_last_good, set_oauth, set_usage, update, update_locked};

use crate::audit::redact;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the file holds.
#[derive(Debug, Default)]
pub struct AuthFile {
    /// Credentials by profile id (`openai:default`).
    pub profiles: BTreeMap<String, Entry>,
    /// `order`: profile ids by provider.
    pub order: BTreeMap<String, Vec<String>>,
    /// `lastGood`: the profile that served last, by provider.
    pub last_good: BTreeMap<String, String>,
    /// `usageStats`, by profile id.
    pub usage: BTreeMap<String, Usage>,
    /// Entries that make no sense, each with the reason.
    pub problems: Vec<String>,
}

/// One credential.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Provider id.
    pub provider: String,
    /// The credential itself.
    pub credential: Credential,
}

/// The kinds of credential. Times in milliseconds since 1970.
#[derive(Debug, Clone)]
pub enum Credential {
    /// `api_key` with its `key`.
    ApiKey(SecretString),
    /// `api_key` with a `keyRef` of source `env`: the variable's name.
    KeyInEnv(String),
    /// `token`.
    Token {
        /// The token.
        token: SecretString,
        /// When it ends.
        expires: Option<i64>,
    },
    /// `oauth`.
    Oauth(Oauth),
}

/// A sign-in. Times in milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct Oauth {
    /// The access token.
    pub access: SecretString,
    /// The refresh token; it changes with every use.
    pub refresh: Option<SecretString>,
    /// When `access` ends.
    pub expires: Option<i64>,
    /// `accountId`.
    pub account_id: Option<String>,
    /// Whose it is, for people.
    pub email: Option<String>,
}

/// `usageStats` of one profile. Times in milliseconds since 1970, 0 for never.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Usage {
    /// When it was used last.
    pub last_used: i64,
    /// Until when it rests.
    pub cooldown_until: i64,
    /// Until when it rests because the purse is empty.
    pub disabled_until: i64,
    /// Why: `billing`.
    pub disabled_reason: Option<String>,
    /// Failures in a row.
    pub error_count: u32,
    /// Failures by kind.
    pub failure_counts: BTreeMap<String, u32>,
    /// When it failed last.
    pub last_failure_at: i64,
}

impl AuthFile {
    /// Everything in it that is to stay between us and the provider.
    fn secrets(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for entry in self.profiles.values() {
            match &entry.credential {
                Credential::ApiKey(secret) | Credential::Token { token: secret, .. } => {
                    found.push(secret.expose_secret());
                }
                Credential::KeyInEnv(_) => {}
                Credential::Oauth(oauth) => {
                    found.push(oauth.access.expose_secret());
                    found.extend(oauth.refresh.as_ref().map(|secret| secret.expose_secret()));
                }
            }
        }
        found
    }
}

/// A file that can not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuthFileError {
    /// The operating system says no.
    #[error("{what} {}: {cause}", .path.display())]
    Io {
        /// `read`, `write`, `lock`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is no JSON object.
    #[error("{} is not valid: {reason}; mend it or move it away", .path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Line and column, never content.
        reason: String,
    },
}

/// Tells one version of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// The version of the file that is there now; `None` where there is none.
#[must_use]
pub fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some(Stamp {
        inode: meta.ino(),
        size: meta.size(),
        modified: (meta.mtime(), meta.mtime_nsec()),
    })
}

/// Reads the file; `None` where there is none.
///
/// # Errors
/// [`AuthFileError`] names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Option<AuthFile>, AuthFileError> {
    let file = raw(path)?.map(|root| parse(&root));
    if let Some(file) = &file {
        redact::know(file.secrets());
    }
    Ok(file)
}

/// The file's content as it is to be understood.
#[must_use]
pub fn parse(root: &Map<String, Value>) -> AuthFile {
    let mut file = AuthFile {
        order: lenient(root, "order"),
        last_good: lenient(root, "lastGood"),
        usage: lenient(root, "usageStats"),
        ..AuthFile::default()
    };
    for (id, value) in root
        .get("profiles")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match entry(id, value) {
            Ok(entry) => {
                file.profiles.insert(id.clone(), entry);
            }
            Err(reason) => file.problems.push(format!("profile {id}: {reason}")),
        }
    }
    file
}

/// A map of which only the entries that make sense are taken.
fn lenient<T: for<'de> Deserialize<'de>>(
    root: &Map<String, Value>,
    key: &str,
) -> BTreeMap<String, T> {
    let entries = root
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    entries
        .filter_map(|(id, value)| Some((id.clone(), T::deserialize(value).ok()?)))
        .collect()
}

fn entry(id: &str, value: &Value) -> Result<Entry, String> {
    let text = |name: &str| {
        let text = value.get(name).and_then(Value::as_str)?.trim();
        (!text.is_empty()).then_some(text)
    };
    let secret = |name: &str| text(name).map(SecretString::from);
    let needs = |name: &str| format!("{name} is missing");
    let expires = value
        .get("expires")
        .and_then(Value::as_i64)
        .filter(|at| *at > 0);
    // Older files say `mode` where newer ones say `type`.
    let kind = text("type")
        .or_else(|| text("mode"))
        .ok_or_else(|| needs("type"))?;
    let credential = match kind {
        "api_key" => match secret("key").or_else(|| secret("apiKey")) {
            Some(key) => Credential::ApiKey(key),
            None => Credential::KeyInEnv(key_ref(value)?),
        },
        "token" => Credential::Token {
            token: secret("token").ok_or_else(|| needs("token"))?,
            expires,
        },
        "oauth" => Credential::Oauth(Oauth {
            access: secret("access").ok_or_else(|| needs("access"))?,
            refresh: secret("refresh"),
            expires,
            account_id: text("accountId").map(str::to_owned),
            email: text("email").map(str::to_owned),
        }),
        other => {
            return Err(format!("type {other:?} is none of api_key, token, oauth"));
        }
    };
    let provider = text("provider").or_else(|| id.split_once(':').map(|(provider, _)| provider));
    Ok(Entry {
        provider: provider
            .ok_or_else(|| needs("provider"))?
            .to_ascii_lowercase(),
        credential,
    })
}

fn key_ref(value: &Value) -> Result<String, String> {
    let Some(reference) = value.get("keyRef") else {
        return Err("key is missing".to_owned());
    };
    let part = |name: &str| reference.get(name).and_then(Value::as_str);
    match (part("source"), part("id")) {
        (Some("env"), Some(name)) => Ok(name.to_owned()),
        (Some("env"), None) => Err("keyRef.id is missing: the variable's name".to_owned()),
        (source, _) => Err(format!(
            "keyRef.source {source:?} is not supported; use env, or put the key into key"
        )),
    }
}

fn raw(path: &Path) -> Result<Option<Map<String, Value>>, AuthFileError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io_error("read", path, cause)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| AuthFileError::Invalid {
            path: path.to_owned(),
            reason: format!("line {}, column {}", error.line(), error.column()),
        })
}

fn io_error(what: &'static str, path: &Path, cause: io::Error) -> AuthFileError {
    AuthFileError::Io {
        what,
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests;
