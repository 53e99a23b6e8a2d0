//! `auth-profiles.json`: one agent's credentials, in OpenClaw's format.
//!
//! The file is the person's as much as ours: every field we do not know is kept, one entry that makes
//! no sense does not spoil the others, and a change is written whole or not at all (a new file with
//! mode 0600 in the place of the old one, under a lock).

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
    Ok(raw(path)?.map(|root| parse(&root)))
}

/// Changes the file under its lock: `change` sees its newest content, and what it leaves is written.
/// A file that does not exist is made.
///
/// # Errors
/// [`AuthFileError`]; the file is then as it was.
pub fn update<T>(
    path: &Path,
    change: impl FnOnce(&mut Map<String, Value>) -> T,
) -> Result<T, AuthFileError> {
    let lock = lock(path)?;
    let result = update_locked(path, &lock, change);
    drop(lock);
    result
}

/// The right to change a file; ends when dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held open")] File);

/// Waits for the right to change `path`. Blocks; never call it where others wait for the thread.
///
/// # Errors
/// [`AuthFileError::Io`] where the folder can not be written.
pub fn lock(path: &Path) -> Result<Lock, AuthFileError> {
    let beside = beside(path, "lock");
    let failed = |cause| io_error("lock", &beside, cause);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(Lock(file))
}

/// [`update`] by one who holds the lock.
///
/// # Errors
/// [`AuthFileError`]; the file is then as it was.
pub fn update_locked<T>(
    path: &Path,
    _lock: &Lock,
    change: impl FnOnce(&mut Map<String, Value>) -> T,
) -> Result<T, AuthFileError> {
    let mut root = raw(path)?.unwrap_or_default();
    let result = change(&mut root);
    root.entry("version").or_insert_with(|| 1.into());
    replace(path, &Value::Object(root))?;
    Ok(result)
}

/// Writes a profile's usage into the file's content; what else is said of it stays.
pub fn set_usage(root: &mut Map<String, Value>, profile: &str, usage: &Usage) {
    let stats = object(object(root, "usageStats"), profile);
    for (name, at) in [
        ("lastUsed", usage.last_used),
        ("cooldownUntil", usage.cooldown_until),
        ("disabledUntil", usage.disabled_until),
        ("lastFailureAt", usage.last_failure_at),
    ] {
        set(stats, name, (at > 0).then(|| at.into()));
    }
    set(stats, "errorCount", Some(usage.error_count.into()));
    set(
        stats,
        "disabledReason",
        usage.disabled_reason.clone().map(Value::from),
    );
    let counts =
        (!usage.failure_counts.is_empty()).then(|| serde_json::json!(usage.failure_counts));
    set(stats, "failureCounts", counts);
}

/// Notes in the file's content which profile served a provider last.
pub fn set_last_good(root: &mut Map<String, Value>, provider: &str, profile: &str) {
    object(root, "lastGood").insert(provider.to_owned(), profile.into());
}

/// Puts new tokens into a sign-in of the file's content; what else is said of it stays.
pub fn set_oauth(root: &mut Map<String, Value>, profile: &str, oauth: &Oauth) {
    let entry = object(object(root, "profiles"), profile);
    set(entry, "access", Some(oauth.access.expose_secret().into()));
    let refresh = oauth.refresh.as_ref().map(|r| r.expose_secret().into());
    set(entry, "refresh", refresh);
    set(entry, "expires", oauth.expires.map(Value::from));
    if let Some(account) = &oauth.account_id {
        set(entry, "accountId", Some(account.as_str().into()));
    }
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

fn replace(path: &Path, root: &Value) -> Result<(), AuthFileError> {
    let new = beside(path, "new");
    let write = || {
        let _ = fs::remove_file(&new);
        let mut options = OpenOptions::new();
        let mut file = options
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(format!("{root:#}\n").as_bytes())?;
        // A refresh token that was used up must not come back after a power cut.
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|cause| io_error("write", path, cause))
}

/// `.auth-profiles.json.EXTENSION` in the same folder.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{extension}"))
}

fn io_error(what: &'static str, path: &Path, cause: io::Error) -> AuthFileError {
    AuthFileError::Io {
        what,
        path: path.to_owned(),
        cause,
    }
}

fn object<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("it was just made an object")
        }
    }
}

fn set(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn root(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn file_with(content: &Value) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth-profiles.json");
        fs::write(&path, content.to_string()).unwrap();
        (dir, path)
    }

    #[test]
    fn every_kind_is_read_and_nonsense_spoils_only_itself() {
        let file = parse(&root(json!({
            "version": 1,
            "profiles": {
                "openai:default": {"type": "api_key", "provider": "OpenAI", "key": " sk-1 "},
                "groq:env": {"type": "api_key", "provider": "groq", "keyRef": {"source": "env", "id": "K"}},
                "anthropic:t": {"type": "token", "token": "t", "expires": 5},
                "openai-codex:default": {"type": "oauth", "access": "a", "refresh": "r", "expires": 9, "accountId": "x"},
                "x:1": {"type": "api_key", "provider": "x"},
                "x:2": {"type": "api_key", "provider": "x", "keyRef": {"source": "exec", "id": "rm"}},
                "x:3": {"type": "magic"},
                "x:4": 7,
            },
            "order": {"openai": ["openai:default"], "bad": 1},
            "lastGood": {"openai": "openai:default"},
            "usageStats": {"openai:default": {"lastUsed": 3, "errorCount": 2, "other": true}},
        })));
        let ids: Vec<_> = file.profiles.keys().map(String::as_str).collect();
        assert_eq!(
            ids,
            [
                "anthropic:t",
                "groq:env",
                "openai-codex:default",
                "openai:default"
            ]
        );
        assert_eq!(file.profiles["openai:default"].provider, "openai");
        assert_eq!(file.problems.len(), 4, "{:?}", file.problems);
        assert_eq!(file.order["openai"], ["openai:default"]);
        assert_eq!(file.usage["openai:default"].error_count, 2);
    }

    #[test]
    fn a_change_keeps_what_we_do_not_know() {
        let (_dir, path) = file_with(&json!({
            "version": 1, "future": {"a": 1},
            "profiles": {"o:1": {"type": "oauth", "access": "a", "refresh": "r", "note": "mine"}},
            "usageStats": {"o:1": {"cooldownUntil": 5, "more": "x"}},
        }));
        let usage = Usage {
            last_used: 7,
            ..Usage::default()
        };
        let oauth = Oauth {
            access: "b".into(),
            refresh: Some("s".into()),
            expires: Some(9),
            account_id: None,
            email: None,
        };
        update(&path, |root| {
            set_usage(root, "o:1", &usage);
            set_last_good(root, "o", "o:1");
            set_oauth(root, "o:1", &oauth);
        })
        .unwrap();
        let after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            after,
            json!({
                "version": 1, "future": {"a": 1},
                "profiles": {"o:1": {"type": "oauth", "access": "b", "refresh": "s", "expires": 9, "note": "mine"}},
                "lastGood": {"o": "o:1"},
                "usageStats": {"o:1": {"lastUsed": 7, "errorCount": 0, "more": "x"}},
            })
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(parse(&root(after)).usage["o:1"], usage);
    }

    #[test]
    fn a_broken_file_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth-profiles.json");
        assert!(read(&path).unwrap().is_none());
        fs::write(&path, "{\"key\": \"sk-secret\"").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains("auth-profiles.json") && !error.contains("sk-secret"),
            "{error}"
        );
        assert!(update(&path, |_| ()).is_err());
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"key\": \"sk-secret\""
        );
    }

    #[test]
    fn no_secret_is_in_its_debug_text() {
        let file = parse(&root(json!({"profiles": {
            "a:1": {"type": "api_key", "key": "sk-secret"},
            "a:2": {"type": "oauth", "access": "sk-secret", "refresh": "sk-secret"},
        }})));
        assert!(!format!("{file:?}").contains("sk-secret"));
    }

    #[test]
    fn writers_wait_for_each_other() {
        let (_dir, path) = file_with(&json!({"n": 0}));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    update(&path, |root| {
                        let n = root["n"].as_i64().unwrap();
                        root.insert("n".into(), (n + 1).into());
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(raw(&path).unwrap().unwrap()["n"], 8);
    }
}
