//! Codex's own sign-in, `auth.json` under `$CODEX_HOME` or `~/.codex`. Only ever read: a refresh token
//! works once, so whoever refreshes it here logs the person out there. A file that has grown old is
//! read again; `codex` itself renews it.

use crate::audit::redact;
use crate::config::Env;
use crate::store::auth_profiles::{Stamp, stamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Without an expiry in the token, it counts as old after this long.
const OLD_AFTER_MS: i64 = 8 * 24 * 3_600_000;
/// Where the claims of ours are in a token.
const AUTH_CLAIM: &str = "https://api.openai.com/auth";

/// What the file holds.
#[derive(Debug, Clone)]
pub(super) enum Login {
    /// An API key of OpenAI.
    Key(SecretString),
    /// A ChatGPT sign-in.
    ChatGpt(Tokens),
}

/// A ChatGPT sign-in.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    /// The access token.
    pub(super) access: SecretString,
    /// Compared with ours, never used.
    pub(super) refresh: Option<SecretString>,
    /// Whose account.
    pub(super) account_id: Option<String>,
    /// When `access` ends, in milliseconds since 1970.
    pub(super) expires: Option<i64>,
}

/// What was found in the file, or what is wrong with it.
type Found = Result<Arc<Login>, String>;

/// The file, read when it changes.
#[derive(Debug)]
pub(super) struct CodexLogin {
    path: Option<PathBuf>,
    kept: Mutex<Option<(Stamp, Found)>>,
}

impl CodexLogin {
    /// The file `env` points to.
    pub(super) fn new(env: &Env) -> Self {
        let home = env.get("CODEX_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(Path::new(env.get("HOME")?).join(".codex")));
        Self {
            path: home.map(|home| home.join("auth.json")),
            kept: Mutex::default(),
        }
    }

    /// Where it is or would be.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What the file says now; `None` where there is none.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub(super) fn read(&self) -> Option<Found> {
        let path = self.path.as_deref()?;
        let now = stamp(path)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(stamp, _)| *stamp != now) {
            *kept = Some((now, load(path).map(Arc::new)));
        }
        kept.as_ref().map(|(_, login)| login.clone())
    }
}

#[derive(Deserialize)]
struct FileContent {
    auth_mode: Option<String>,
    #[serde(rename = "OPENAI_API_KEY")]
    key: Option<String>,
    tokens: Option<FileTokens>,
    last_refresh: Option<String>,
}

#[derive(Deserialize)]
struct FileTokens {
    id_token: Option<String>,
    access_token: String,
    refresh_token: Option<String>,
    account_id: Option<String>,
}

fn load(path: &Path) -> Result<Login, String> {
    let named = |reason: String| format!("{}: {reason}", path.display());
    let text = std::fs::read(path).map_err(|error| named(error.to_string()))?;
    let content: FileContent = serde_json::from_slice(&text).map_err(|error| {
        named(format!(
            "not a sign-in of codex (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let tokens = content.tokens.iter();
    let tokens = tokens.flat_map(|all| [Some(&all.access_token), all.refresh_token.as_ref()]);
    redact::know(tokens.chain([content.key.as_ref()]).flatten());
    login(content).ok_or_else(|| named("holds no sign-in; run codex login".to_owned()))
}

fn login(content: FileContent) -> Option<Login> {
    let key = content.key.filter(|key| !key.trim().is_empty());
    let by_key = match content.auth_mode.as_deref() {
        Some(mode) => mode.eq_ignore_ascii_case("apikey"),
        None => key.is_some(),
    };
    if by_key {
        return key.map(|key| Login::Key(key.trim().into()));
    }
    let tokens = content.tokens?;
    let claims = Claims::of(&tokens.access_token);
    let from_id = tokens
        .id_token
        .as_deref()
        .and_then(|t| Claims::of(t).account_id);
    let refreshed = content
        .last_refresh
        .and_then(|at| at.parse::<jiff::Timestamp>().ok());
    Some(Login::ChatGpt(Tokens {
        account_id: tokens.account_id.or(claims.account_id).or(from_id),
        expires: claims
            .expires
            .or_else(|| Some(refreshed?.as_millisecond() + OLD_AFTER_MS)),
        access: tokens.access_token.into(),
        refresh: tokens.refresh_token.map(SecretString::from),
    }))
}

impl Tokens {
    /// Whether `refresh` is this sign-in's own.
    pub(super) fn owns(&self, refresh: &SecretString) -> bool {
        self.refresh
            .as_ref()
            .is_some_and(|own| own.expose_secret() == refresh.expose_secret())
    }
}

/// What a token says of itself. Not verified: the provider does that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// `exp`, in milliseconds since 1970.
    pub(super) expires: Option<i64>,
    /// `chatgpt_account_id`.
    pub(super) account_id: Option<String>,
}

impl Claims {
    /// Reads a token's middle part; nothing where it has none.
    pub(super) fn of(token: &str) -> Self {
        let claims = token
            .split('.')
            .nth(1)
            .and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok())
            .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        let Some(claims) = claims else {
            return Self::default();
        };
        let account = claims
            .get(AUTH_CLAIM)
            .and_then(|auth| auth.get("chatgpt_account_id"));
        Self {
            expires: claims
                .get("exp")
                .and_then(serde_json::Value::as_i64)
                .and_then(|s| s.checked_mul(1000)),
            account_id: account.and_then(|id| id.as_str()).map(str::to_owned),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A token that says `claims`.
    pub(in super::super) fn token(claims: &Value) -> String {
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        format!("{}.{}.sig", part(&json!({"alg": "none"})), part(claims))
    }

    fn of(content: Value) -> Option<Login> {
        login(serde_json::from_value(content).unwrap())
    }

    #[test]
    fn a_chatgpt_sign_in_is_read_with_its_claims() {
        let access = token(&json!({"exp": 7, (AUTH_CLAIM): {"chatgpt_account_id": "acc"}}));
        let login = of(json!({"OPENAI_API_KEY": null, "tokens": {
            "id_token": "x", "access_token": access, "refresh_token": "r"}}));
        let Some(Login::ChatGpt(tokens)) = login else {
            panic!("{login:?}")
        };
        assert_eq!(tokens.expires, Some(7000));
        assert_eq!(tokens.account_id.as_deref(), Some("acc"));
        assert!(tokens.owns(&"r".into()) && !tokens.owns(&"s".into()));
    }

    #[test]
    fn without_an_expiry_the_last_refresh_counts() {
        let login = of(
            json!({"auth_mode": "chatgpt", "last_refresh": "1970-01-02T00:00:00Z",
            "tokens": {"access_token": "opaque", "account_id": "a"}}),
        );
        let Some(Login::ChatGpt(tokens)) = login else {
            panic!("{login:?}")
        };
        assert_eq!(tokens.expires, Some(9 * 24 * 3_600_000));
    }

    #[test]
    fn the_mode_decides_between_key_and_sign_in() {
        let both = |mode: Value| {
            json!({"auth_mode": mode, "OPENAI_API_KEY": "sk-1",
            "tokens": {"access_token": "a"}})
        };
        assert!(matches!(of(both(Value::Null)), Some(Login::Key(_))));
        assert!(matches!(
            of(both("chatgpt".into())),
            Some(Login::ChatGpt(_))
        ));
        assert!(matches!(of(both("apikey".into())), Some(Login::Key(_))));
        assert!(of(json!({})).is_none());
    }

    #[test]
    fn nonsense_is_a_token_without_claims() {
        for text in ["", "a", "a.b", "a.!!.c", "a.e30.c"] {
            assert_eq!(Claims::of(text), Claims::default(), "{text}");
        }
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let env: Env = [("CODEX_HOME", dir.path().to_str().unwrap())]
            .into_iter()
            .collect();
        let codex = CodexLogin::new(&env);
        assert!(codex.read().is_none());
        let write = |key: &str| {
            std::fs::write(
                dir.path().join("auth.json"),
                json!({"OPENAI_API_KEY": key}).to_string(),
            )
            .unwrap();
        };
        for key in ["sk-1", "sk-other"] {
            write(key);
            let login = codex.read().unwrap().unwrap();
            let Login::Key(found) = &*login else { panic!() };
            assert_eq!(found.expose_secret(), key);
        }
        std::fs::write(dir.path().join("auth.json"), "{").unwrap();
        assert!(codex.read().unwrap().unwrap_err().contains("auth.json"));
    }
}
