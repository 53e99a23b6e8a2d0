//! What is said in a recording, in words: `POST /audio/transcriptions`, as OpenAI has it and others
//! after it.

use super::answer::Means;
use super::auth::{Kind, Route};
use super::catalog::CODEX;
use super::error::ModelError;
use super::http;
use super::stack::ModelStack;
use crate::config::{Api, Audio, AudioModel, ModelRef};
use ipc::id::AgentId;
use reqwest::Response;
use reqwest::multipart::{Form, Part};
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Path after the base address.
const PATH: &str = "/audio/transcriptions";
/// Most of an answer that is read, in bytes: a day of talking.
const MAX_ANSWER: usize = 1 << 20;

/// Whose models hear, where the configuration names none: the first that has a key.
const HEARING: [(&str, &str); 4] = [
    ("openai", "gpt-4o-mini-transcribe"),
    ("groq", "whisper-large-v3-turbo"),
    ("mistral", "voxtral-mini-latest"),
    ("fireworks", "whisper-v3-turbo"),
];
/// The model that is asked for where nothing better is known.
const USUAL: &str = "whisper-1";

/// A recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// A file name; servers tell its kind by the ending.
    pub name: String,
    /// Its content.
    pub bytes: Arc<[u8]>,
}

/// Why a recording has no words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unheard {
    /// It is switched off.
    #[error("tools.media.audio is off")]
    Off,
    /// Nobody is there who could.
    #[error("no provider that hears has a key (tools.media.audio.models names one)")]
    Nobody,
    /// It is more than may be sent.
    #[error("it is larger than tools.media.audio.maxBytes allows")]
    TooLarge,
    /// Everybody who was asked failed; the last failure.
    #[error("{0}")]
    Failed(ModelError),
}

impl ModelStack {
    /// What is said in a recording: whoever is configured is asked in order, each within the
    /// configured time.
    ///
    /// # Errors
    /// Why nobody could tell.
    pub async fn transcribe(
        &self,
        agent: &AgentId,
        audio: &Audio,
        recording: &Recording,
    ) -> Result<String, Unheard> {
        if !audio.enabled {
            return Err(Unheard::Off);
        }
        if recording.bytes.len() as u64 > audio.max_bytes {
            return Err(Unheard::TooLarge);
        }
        let mut last = Unheard::Nobody;
        for name in Self::hearing(audio) {
            let Ok(routes) = self.means.auth.routes(agent, &name, 0) else {
                continue;
            };
            for route in routes.into_iter().filter(is_fit) {
                let asked = ask(&self.means, &route, audio, recording);
                let came = tokio::time::timeout(audio.timeout, asked).await;
                match came.unwrap_or_else(|_| Err(late(audio.timeout))) {
                    Ok(words) => return Ok(words),
                    Err(error) => {
                        tracing::warn!("{name} did not hear: {error}");
                        last = Unheard::Failed(error);
                    }
                }
            }
        }
        Err(last)
    }

    /// Whom to ask, in order: who is configured; else whoever is known to hear.
    fn hearing(audio: &Audio) -> Vec<ModelRef> {
        let of = |provider: &str, model: Option<&str>| {
            let usual = HEARING.iter().find(|(id, _)| *id == provider);
            let usual = usual.map_or(USUAL, |(_, model)| *model);
            ModelRef {
                provider: provider.to_owned(),
                model: model.unwrap_or(usual).to_owned(),
            }
        };
        if !audio.models.is_empty() {
            let named = |model: &AudioModel| of(&model.provider, model.model.as_deref());
            return audio.models.iter().map(named).collect();
        }
        HEARING.iter().map(|(id, _)| of(id, None)).collect()
    }
}

fn late(after: Duration) -> ModelError {
    ModelError::Silent { after }
}

/// A sign-in to ChatGPT is of no use here, nor is a credential that is not there.
fn is_fit(route: &Route) -> bool {
    let speaks = match route.model.api {
        Api::OpenAiCompletions | Api::OpenAiResponses => true,
        Api::Codex | Api::AnthropicMessages => false,
    };
    let has_key = route.profile.secret.is_some() || route.profile.kind == Kind::Nothing;
    speaks && has_key && route.model.name.provider != CODEX
}

/// The whole answer.
async fn body(mut response: Response) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|e| http::network(&e))? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Err(ModelError::Broken {
                message: "the server's answer is too long".to_owned(),
            });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[derive(Deserialize)]
struct Heard {
    text: String,
}

async fn ask(
    means: &Means,
    route: &Route,
    audio: &Audio,
    recording: &Recording,
) -> Result<String, ModelError> {
    let url = http::url(&route.model.base_url, PATH)?;
    let file = Part::bytes(recording.bytes.to_vec()).file_name(recording.name.clone());
    let mut form = Form::new()
        .text("model", route.model.name.model.clone())
        .text("response_format", "json");
    if let Some(language) = &audio.language {
        form = form.text("language", language.clone());
    }
    let mut request = means
        .http
        .client(&url)?
        .post(url)
        .multipart(form.part("file", file));
    if let Some(secret) = &route.profile.secret {
        request = request.bearer_auth(secret.expose_secret());
    }
    for (name, value) in &route.model.headers {
        request = request.header(name, value.expose_secret());
    }
    let response = request
        .send()
        .await
        .map_err(|error| http::network(&error))?;
    if !response.status().is_success() {
        return Err(http::refusal(response).await);
    }
    let body = body(response).await?;
    let heard: Heard = serde_json::from_slice(&body).map_err(|_| ModelError::Broken {
        message: "the server's answer has no text; see that baseUrl is the API's".to_owned(),
    })?;
    Ok(heard.text)
}
