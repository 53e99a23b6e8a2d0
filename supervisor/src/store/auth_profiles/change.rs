//! Changing the file.

use super::{AuthFileError, Oauth, Usage, io_error, raw};
use crate::audit::redact;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    let secrets = [Some(&oauth.access), oauth.refresh.as_ref()];
    redact::know(
        secrets
            .into_iter()
            .flatten()
            .map(ExposeSecret::expose_secret),
    );
    let entry = object(object(root, "profiles"), profile);
    set(entry, "access", Some(oauth.access.expose_secret().into()));
    let refresh = oauth.refresh.as_ref().map(|r| r.expose_secret().into());
    set(entry, "refresh", refresh);
    set(entry, "expires", oauth.expires.map(Value::from));
    if let Some(account) = &oauth.account_id {
        set(entry, "accountId", Some(account.as_str().into()));
    }
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
