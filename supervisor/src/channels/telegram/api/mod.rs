//! The Bot API: requests out, what the server says back. Decides nothing about when to ask again:
//! whoever asked knows what waiting costs, and every error says what it must know for that.
//!
//! The bot's token stands in every address. No error, log line or `Debug` here carries one.

mod answer;
mod client;
mod error;
mod file;

pub(crate) use client::client;
#[cfg(test)]
pub(crate) use error::Refused;
pub(crate) use error::{ApiError, Conflict, Kind};
pub(crate) use file::FileError;

use super::counts::Counts;
use crate::config::TelegramAccount;
use arc_swap::ArcSwap;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::Form;
use reqwest::{Body, Client, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use teloxide_core::requests::Payload;

/// How long a request may take that the server answers at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long sending a file may take.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(180);

/// What a request may take longer than it said it would: the way there and back.
const MARGIN: Duration = Duration::from_secs(15);

/// Largest answer that is read, in bytes: a hundred updates are far less.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// One bot's way to its server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    client: Arc<ArcSwap<Client>>,
    root: Url,
    token: SecretString,
    counts: Arc<Counts>,
}

impl Api {
    /// A bot at the server at `root`; `token` is `NUMBER:SECRET`.
    pub(crate) fn new(client: Client, root: &Url, token: SecretString) -> Self {
        Self {
            client: Arc::new(ArcSwap::from_pointee(client)),
            root: root.clone(),
            token,
            counts: Arc::default(),
        }
    }

    /// The bot of an account, with a client made as the account says.
    ///
    /// # Errors
    /// [`ApiError::Network`] where the system's certificates can not be read or the proxy is none.
    pub(crate) fn of(account: &TelegramAccount) -> Result<Self, ApiError> {
        let client = client(&account.api_root, account.proxy.as_ref())?;
        Ok(Self::new(client, &account.api_root, account.token.clone()))
    }

    /// Begins with new connections; requests on their way keep theirs.
    ///
    /// # Errors
    /// As [`Self::of`]; then the old ones stay.
    pub(crate) fn reconnect(&self, account: &TelegramAccount) -> Result<(), ApiError> {
        let client = client(&account.api_root, account.proxy.as_ref())?;
        self.client.store(Arc::new(client));
        Ok(())
    }

    /// What was asked since the bot began.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The bot's own user id: what stands before the colon of its token. `None` where that is no
    /// number.
    pub(crate) fn bot(&self) -> Option<i64> {
        let (number, _) = self.token.expose_secret().split_once(':')?;
        number.parse().ok()
    }

    /// Says `payload`; the result as the server gave it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn call<P>(&self, payload: &P) -> Result<Value, ApiError>
    where
        P: Payload + Serialize + Sync,
    {
        let patience = payload.timeout_hint().map_or(PATIENCE, |t| t + MARGIN);
        let raw = self.json(P::NAME, payload, patience).await?;
        answer::value(&raw)
    }

    /// Says `payload` to a method that has no type of its own in `teloxide_core`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn call_named<P>(&self, method: &str, payload: &P) -> Result<Value, ApiError>
    where
        P: Serialize + Sync,
    {
        let raw = self.json(method, payload, PATIENCE).await?;
        answer::value(&raw)
    }

    /// As [`Self::call_named`], with the result as it was written; the server answers within
    /// `takes`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn call_raw<P>(
        &self,
        method: &str,
        payload: &P,
        takes: Duration,
    ) -> Result<Box<RawValue>, ApiError>
    where
        P: Serialize + Sync,
    {
        self.json(method, payload, takes + MARGIN).await
    }

    /// Sends files: `form` holds the method's parameters as text, structured ones as JSON, and the
    /// files as parts.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn upload(&self, method: &str, form: Form) -> Result<Value, ApiError> {
        let request = self.client().post(self.address(method)?).multipart(form);
        let raw = self.answer_of(method, request, UPLOAD_PATIENCE).await?;
        answer::value(&raw)
    }

    async fn json<P>(
        &self,
        method: &str,
        payload: &P,
        patience: Duration,
    ) -> Result<Box<RawValue>, ApiError>
    where
        P: Serialize + Sync,
    {
        let body = serde_json::to_vec(payload).map_err(|error| {
            // Only a payload of ours with a key that is no text; nothing was sent.
            ApiError::unsent(format!("{method} can not be written as JSON: {error}"))
        })?;
        let request = self
            .client()
            .post(self.address(method)?)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body));
        self.answer_of(method, request, patience).await
    }

    /// Cheap to clone: a handle to the connections.
    fn client(&self) -> Client {
        Client::clone(&self.client.load())
    }

    async fn answer_of(
        &self,
        method: &str,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Box<RawValue>, ApiError> {
        let answer = self.exchange(method, request, patience).await;
        self.counts.answered(method, &answer);
        answer
    }

    async fn exchange(
        &self,
        method: &str,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Box<RawValue>, ApiError> {
        let answered = request.timeout(patience).send().await;
        let response = answered.map_err(|error| self.network(error))?;
        let status = response.status().as_u16();
        let body = self.body(response).await?;
        answer::read_raw(method, status, &body)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.network(e))? {
            if body.len() + piece.len() > MAX_ANSWER {
                let why = "the server's answer is too long; see channels.telegram.apiRoot";
                return Err(ApiError::in_doubt(why.to_owned()));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn network(&self, error: reqwest::Error) -> ApiError {
        client::network(error, self.token.expose_secret())
    }

    fn address(&self, method: &str) -> Result<Url, ApiError> {
        let token = self.token.expose_secret();
        self.under(&format!("bot{token}"), method)
    }

    fn file_address(&self, path: &str) -> Result<Url, ApiError> {
        let token = self.token.expose_secret();
        self.under(&format!("file/bot{token}"), path)
    }

    /// `root/first/rest`; a slash divides, all else that has a meaning in addresses is escaped.
    fn under(&self, first: &str, rest: &str) -> Result<Url, ApiError> {
        let mut url = self.root.clone();
        url.path_segments_mut()
            .map_err(|()| ApiError::unsent("channels.telegram.apiRoot is no address".to_owned()))?
            .pop_if_empty()
            .extend(first.split('/'))
            .extend(rest.split('/').filter(|part| !part.is_empty()));
        Ok(url)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("root", &self.root.as_str())
            .field("bot", &self.bot())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(root: &str) -> Api {
        let root = Url::parse(root).unwrap();
        let client = client(&root, None).unwrap();
        Api::new(client, &root, SecretString::from("123:SECRET"))
    }

    #[test]
    fn an_address_is_the_root_the_token_and_the_method() {
        for (root, is) in [
            (
                "http://localhost:1",
                "http://localhost:1/bot123:SECRET/getMe",
            ),
            (
                "http://localhost:1/a/",
                "http://localhost:1/a/bot123:SECRET/getMe",
            ),
            (
                "http://localhost:1/a",
                "http://localhost:1/a/bot123:SECRET/getMe",
            ),
        ] {
            assert_eq!(api(root).address("getMe").unwrap().as_str(), is);
        }
        assert_eq!(
            api("http://localhost:1")
                .file_address("photos/a b?#.jpg")
                .unwrap()
                .as_str(),
            "http://localhost:1/file/bot123:SECRET/photos/a%20b%3F%23.jpg"
        );
    }

    #[test]
    fn the_token_is_not_in_what_is_printed() {
        let api = api("http://localhost:1");
        assert!(!format!("{api:?}").contains("SECRET"));
        assert_eq!(api.bot(), Some(123));
    }

    #[tokio::test]
    async fn what_no_server_heard_was_not_sent_and_says_no_token() {
        // A port that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let error = api(&root)
            .call_named("getMe", &serde_json::json!({}))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ApiError::Network { sent: false, .. }),
            "{error:?}"
        );
        assert!(!format!("{error:?} {error}").contains("SECRET"));
    }
}
