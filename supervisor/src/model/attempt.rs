//! One call of one model with one credential: an answer, or why there is none.

use super::auth::{Kind, Profile, Route};
use super::error::ModelError;
use super::http::{self, Http};
use super::reader::{Flow, MAX_ANSWER, Parsed, Reader, broken};
use super::render::RenderCache;
use super::sse::{Decoder, Event};
use super::{ModelCall, anthropic, codex, openai, responses, text_calls};
use crate::config::{Api, Thinking};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest silence inside a stream that has begun. Models that think long may say nothing meanwhile.
const MAX_SILENCE: Duration = Duration::from_secs(300);
/// Most bytes of one streamed answer. Servers wrap every few letters in a few hundred bytes.
const MAX_STREAM: usize = 128 * 1024 * 1024;

/// Longest wait for a stream's end after its last event.
const DRAIN: Duration = Duration::from_millis(5);

/// Makes the call. `tell` gets the words as they come.
pub(super) async fn run(
    http: &Http,
    route: &Route,
    call: &ModelCall<'_>,
    thinking: Option<Thinking>,
    cache: &mut RenderCache,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Parsed, ModelError> {
    let request = request(route, call, thinking, cache)?;
    let begun = Instant::now();
    let deadline = begun + call.timeout;
    let response = exchange(http, request, deadline, begun).await?;
    let reader = reader(route.model.api);
    if route.model.local {
        let mut gate = text_calls::Gate::new(call.tools);
        let mut parsed = stream(response, reader, call.timeout, &mut |piece| {
            let shown = gate.push(piece);
            if !shown.is_empty() {
                tell(&shown);
            }
        })
        .await?;
        let rest = gate.settle(&mut parsed);
        if !rest.is_empty() {
            tell(&rest);
        }
        return parsed.checked();
    }
    stream(response, reader, call.timeout, tell)
        .await?
        .checked()
}

struct Request {
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn request(
    route: &Route,
    call: &ModelCall<'_>,
    thinking: Option<Thinking>,
    cache: &mut RenderCache,
) -> Result<Request, ModelError> {
    let (model, profile) = (&route.model, &route.profile);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let (url, body) = match model.api {
        Api::OpenAiCompletions => {
            bearer(&mut headers, profile)?;
            let body = openai::body(model, call, thinking, cache);
            (http::url(&model.base_url, openai::PATH)?, body)
        }
        Api::OpenAiResponses => {
            bearer(&mut headers, profile)?;
            let body = responses::body(model, call, thinking, cache);
            (http::url(&model.base_url, responses::PATH)?, body)
        }
        Api::Codex => {
            bearer(&mut headers, profile)?;
            for (name, value) in codex::headers(profile.account_id.as_deref(), call) {
                add(&mut headers, name, &value.into())?;
            }
            let body = codex::body(model, call, thinking, cache);
            (codex::url(&model.base_url)?, body)
        }
        Api::AnthropicMessages => {
            anthropic_auth(&mut headers, profile)?;
            let body = anthropic::body(model, call, thinking, cache);
            (anthropic::url(&model.base_url)?, body)
        }
    };
    // What the person configured has the last word.
    for (name, value) in &model.headers {
        add(&mut headers, name, value)?;
    }
    Ok(Request { url, headers, body })
}

fn bearer(headers: &mut HeaderMap, profile: &Profile) -> Result<(), ModelError> {
    if let Some(secret) = &profile.secret {
        let value = SecretString::from(format!("Bearer {}", secret.expose_secret()));
        add(headers, AUTHORIZATION.as_str(), &value)?;
    }
    Ok(())
}

fn anthropic_auth(headers: &mut HeaderMap, profile: &Profile) -> Result<(), ModelError> {
    headers.insert(
        "anthropic-version",
        HeaderValue::from_static(anthropic::VERSION),
    );
    match (&profile.secret, profile.kind) {
        (Some(key), Kind::ApiKey) if !anthropic::is_token(key.expose_secret()) => {
            add(headers, "x-api-key", key)
        }
        (Some(_), Kind::Oauth | Kind::Token | Kind::ApiKey | Kind::Nothing) => {
            headers.insert(
                "anthropic-beta",
                HeaderValue::from_static(anthropic::TOKEN_BETA),
            );
            bearer(headers, profile)
        }
        (None, _) => Ok(()),
    }
}

fn add(headers: &mut HeaderMap, name: &str, value: &SecretString) -> Result<(), ModelError> {
    let rejected = |what: &str| ModelError::Rejected {
        status: 0,
        message: format!("header {name}: its {what} can not be sent"),
    };
    let header = HeaderName::try_from(name).map_err(|_| rejected("name"))?;
    let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| rejected("value"))?;
    // Left out of any Debug text.
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

async fn exchange(
    http: &Http,
    request: Request,
    deadline: Instant,
    begun: Instant,
) -> Result<Response, ModelError> {
    let client = http.client(&request.url)?;
    let sending = client
        .post(request.url)
        .headers(request.headers)
        .body(request.body)
        .send();
    let silent = |_| ModelError::Silent {
        after: begun.elapsed(),
    };
    let response = timeout_at(deadline, sending)
        .await
        .map_err(silent)?
        .map_err(|error| http::network(&error))?;
    let failure = match response.status().is_success() {
        true if !http::is_document(&response) => return Ok(response),
        true => timeout_at(deadline, http::no_stream(response)).await,
        false => timeout_at(deadline, http::refusal(response)).await,
    };
    failure.map_or_else(|elapsed| Err(silent(elapsed)), Err)
}

fn reader(api: Api) -> Box<dyn Reader> {
    match api {
        Api::OpenAiCompletions => Box::new(openai::ChatReader::default()),
        Api::OpenAiResponses | Api::Codex => Box::new(responses::ResponsesReader::default()),
        Api::AnthropicMessages => Box::new(anthropic::MessagesReader::default()),
    }
}

/// Reads the stream to its end. Two clocks run: one for bytes, one (`patience`) for pieces of the
/// answer, since a server may send signs of life for ever.
async fn stream(
    mut response: Response,
    reader: Box<dyn Reader>,
    patience: Duration,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Parsed, ModelError> {
    let mut reading = Reading {
        decoder: Decoder::default(),
        reader,
        text: String::new(),
        size: 0,
        told: 0,
    };
    let mut piece_by = Instant::now() + patience;
    while let Some(chunk) = next_chunk(&mut response, piece_by).await? {
        match reading.take(&chunk, tell)? {
            Flow::Idle => {}
            Flow::More => piece_by = Instant::now() + patience,
            // What a server sends after its last event is its own affair.
            Flow::Done => {
                drain(response).await;
                return reading.reader.finish();
            }
        }
    }
    reading.end(tell)
}

async fn next_chunk(
    response: &mut Response,
    piece_by: Instant,
) -> Result<Option<Bytes>, ModelError> {
    let begun = Instant::now();
    let by = piece_by.min(begun + MAX_SILENCE);
    match timeout_at(by, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| cut_off(&error)),
        Err(_) => Err(ModelError::Silent {
            after: begun.elapsed(),
        }),
    }
}

/// A stream on its way through decoder and reader.
struct Reading {
    decoder: Decoder,
    reader: Box<dyn Reader>,
    text: String,
    size: usize,
    told: usize,
}

impl Reading {
    /// Takes the next bytes; the liveliest flow of the events in them.
    fn take(
        &mut self,
        chunk: &[u8],
        tell: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Flow, ModelError> {
        self.size += chunk.len();
        if self.size > MAX_STREAM {
            return Err(broken(format!("it is longer than {MAX_STREAM} bytes")));
        }
        self.decoder.push(chunk);
        let mut liveliest = Flow::Idle;
        while let Some(event) = self
            .decoder
            .next()
            .map_err(|error| broken(error.to_string()))?
        {
            match self.read(event, tell)? {
                Flow::Idle => {}
                Flow::More => liveliest = Flow::More,
                Flow::Done => return Ok(Flow::Done),
            }
        }
        Ok(liveliest)
    }

    fn read(
        &mut self,
        event: Event,
        tell: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Flow, ModelError> {
        let flow = self.reader.read(event, &mut self.text)?;
        if !self.text.is_empty() {
            self.told += self.text.len();
            if self.told > MAX_ANSWER {
                return Err(broken(format!("it is longer than {MAX_ANSWER} bytes")));
            }
            tell(&self.text);
            self.text.clear();
        }
        Ok(flow)
    }

    /// The connection has ended.
    fn end(mut self, tell: &mut (dyn FnMut(&str) + Send)) -> Result<Parsed, ModelError> {
        let last = self
            .decoder
            .finish()
            .map_err(|error| broken(error.to_string()))?;
        if let Some(event) = last {
            self.read(event, tell)?;
        }
        self.reader.finish()
    }
}

fn cut_off(error: &reqwest::Error) -> ModelError {
    broken(format!("the connection was lost: {}", http::causes(error)))
}

/// Reads what is left of a body that has said all, so that the connection can be used again.
async fn drain(mut response: Response) {
    let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
    let _ = tokio::time::timeout(DRAIN, rest).await;
}
