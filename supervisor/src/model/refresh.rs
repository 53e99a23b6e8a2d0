//! Makes a new access token out of a sign-in that is ours: one that stands in `auth-profiles.json` and
//! that codex itself does not hold. A refresh token works once, so one refresh runs at a time, under
//! the file's lock, and the new token is on disk before it is used.

use super::auth::{Auth, Kind, Profile, Source};
use super::clock::now_ms;
use super::codex_login::Claims;
use super::error::{Complaint, ModelError};
use super::http::{self, Http};
use crate::store::auth_profiles::{self, Credential, Lock, Oauth};
use ipc::id::AgentId;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Handle;

const URL: &str = "https://auth.openai.com/oauth/token";
/// Another address, for tests and proxies.
const URL_OVERRIDE: &str = "CODEX_REFRESH_TOKEN_URL_OVERRIDE";
/// Whom the sign-in was made for.
const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const TIMEOUT: Duration = Duration::from_secs(30);

/// Refreshes one at a time.
#[derive(Debug, Default)]
pub(super) struct Refresher {
    one: tokio::sync::Mutex<()>,
}

#[derive(Deserialize)]
struct Fresh {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<i64>,
}

impl Refresher {
    /// A profile that is good now: itself, or a new one where it has expired.
    pub(super) async fn current(
        &self,
        auth: &Auth,
        http: &Http,
        agent: &AgentId,
        profile: Profile,
    ) -> Result<Profile, ModelError> {
        if profile.expires.is_none_or(|at| at > now_ms()) {
            return Ok(profile);
        }
        self.renew(auth, http, agent, &profile).await
    }

    /// A newer credential than `old`, which was refused or has expired.
    ///
    /// # Errors
    /// [`ModelError::Auth`] with the mend, where there is none to be had.
    pub(super) async fn renew(
        &self,
        auth: &Auth,
        http: &Http,
        agent: &AgentId,
        old: &Profile,
    ) -> Result<Profile, ModelError> {
        let _one = self.one.lock().await;
        let is_good = |p: &Profile| p.expires.is_none_or(|at| at > now_ms());
        if let Some(newer) = auth.reread(agent, old).filter(is_good) {
            return Ok(newer);
        }
        let (Some(refresh), Source::File(path)) = (&old.refresh, &old.source) else {
            return Err(old.unusable(now_ms()).unwrap_or_else(|| refused(old)));
        };
        let lock = locked(path.clone()).await?;
        // Whoever held the lock may have done it.
        if let Some(newer) = auth.reread(agent, old).filter(is_good) {
            return Ok(newer);
        }
        let asking = ask(auth, http, refresh)?;
        let (path, id) = (path.clone(), old.id.clone());
        // A task of its own: once the old token is used up, the new one must reach the disk, even if
        // whoever waits for it goes away.
        let kept = Handle::current()
            .spawn(async move { keep(path, lock, id, fresh(asking).await?).await });
        kept.await.map_err(|error| ModelError::Auth {
            message: format!("the sign-in could not be renewed: {error}"),
        })??;
        auth.reread(agent, old).ok_or_else(|| refused(old))
    }
}

fn refused(profile: &Profile) -> ModelError {
    let mend = match (profile.kind, &profile.source) {
        (Kind::Oauth, Source::CodexLogin(path)) => format!(
            "run codex on the machine it was signed in on, which renews {}",
            path.display()
        ),
        (Kind::Oauth | Kind::Token | Kind::ApiKey | Kind::Nothing, _) => "sign in again".to_owned(),
    };
    ModelError::Auth {
        message: format!("profile {} is refused; {mend}", profile.id),
    }
}

async fn locked(path: PathBuf) -> Result<Lock, ModelError> {
    off_thread(move || auth_profiles::lock(&path)).await
}

/// Writes the new tokens before anybody uses them.
async fn keep(path: PathBuf, lock: Lock, id: String, fresh: Fresh) -> Result<(), ModelError> {
    off_thread(move || {
        auth_profiles::update_locked(&path, &lock, |root| {
            let old = match auth_profiles::parse(root).profiles.remove(&id) {
                Some(entry) => entry.credential,
                None => return,
            };
            if let Credential::Oauth(old) = old {
                auth_profiles::set_oauth(root, &id, &renewed(old, fresh));
            }
        })
    })
    .await
}

fn renewed(old: Oauth, fresh: Fresh) -> Oauth {
    let access = fresh
        .access_token
        .map_or_else(|| old.access.clone(), SecretString::from);
    let claims = Claims::of(access.expose_secret());
    let in_seconds = fresh.expires_in.map(|s| now_ms() + s * 1000);
    Oauth {
        expires: claims.expires.or(in_seconds),
        account_id: old.account_id.or(claims.account_id),
        refresh: fresh.refresh_token.map(SecretString::from).or(old.refresh),
        access,
        email: old.email,
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, auth_profiles::AuthFileError> + Send + 'static,
) -> Result<T, ModelError> {
    let failed = |message: String| ModelError::Auth { message };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(format!("the new sign-in can not be kept: {error}")))
}

fn ask(auth: &Auth, http: &Http, refresh: &SecretString) -> Result<RequestBuilder, ModelError> {
    let url = http::url(auth.env().get(URL_OVERRIDE).unwrap_or(URL), "")?;
    let body = json!({
        "client_id": CLIENT_ID,
        "grant_type": "refresh_token",
        "refresh_token": refresh.expose_secret(),
    });
    let client = http.client(&url)?;
    let request = client.post(url).header(CONTENT_TYPE, "application/json");
    Ok(request.timeout(TIMEOUT).body(body.to_string()))
}

async fn fresh(asking: RequestBuilder) -> Result<Fresh, ModelError> {
    let response = asking.send().await.map_err(|error| http::network(&error))?;
    let status = response.status();
    let body = http::bounded_body(response).await;
    if !status.is_success() {
        return Err(failed(status.as_u16(), &body));
    }
    serde_json::from_slice(&body).map_err(|_| ModelError::Auth {
        message: "the sign-in service gave no token".to_owned(),
    })
}

/// What is worth trying again, and what needs a person.
fn failed(status: u16, body: &[u8]) -> ModelError {
    const FOR_GOOD: [&str; 3] = [
        "refresh_token_expired",
        "refresh_token_reused",
        "refresh_token_invalidated",
    ];
    let said = Complaint::of_body(body);
    let message = format!(
        "the sign-in could not be renewed: {} {}",
        said.code, said.message
    );
    let for_good = FOR_GOOD.contains(&said.code.as_str());
    if for_good || (400..500).contains(&status) && status != 429 {
        let message = format!("{message}; sign in again (openai-codex in auth-profiles.json)");
        ModelError::Auth { message }
    } else {
        ModelError::Overloaded { message }
    }
}
