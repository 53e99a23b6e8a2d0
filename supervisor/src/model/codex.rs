//! Codex through ChatGPT's sign-in: Responses with rules of its own. `instructions` must say
//! something, `store` must be false, `stream` true, and `max_output_tokens` must not be there.

use super::ModelCall;
use super::catalog::{self, Model};
use super::error::ModelError;
use super::http;
use super::render::RenderCache;
use super::responses::{self, Reasoning, Rest, Verbosity};
use crate::config::Thinking;
use reqwest::Url;

/// Said where there are no instructions, since it insists on some.
const INSTRUCTIONS: &str = "You are a helpful assistant.";
/// Who asks.
const ORIGINATOR: &str = "openclaw";

/// Where to call: the base may stop at any of its parts.
pub(super) fn url(base: &str) -> Result<Url, ModelError> {
    let base = base.trim_end_matches('/');
    let path = if base.ends_with("/codex/responses") {
        ""
    } else if base.ends_with("/codex") {
        "/responses"
    } else {
        "/codex/responses"
    };
    http::url(base, path)
}

/// Headers besides the bearer token.
pub(super) fn headers(
    account_id: Option<&str>,
    call: &ModelCall<'_>,
) -> Vec<(&'static str, String)> {
    let session = responses::cache_key(call);
    let mut headers = vec![
        ("originator", ORIGINATOR.to_owned()),
        ("openai-beta", "responses=experimental".to_owned()),
        ("session_id", session.clone()),
        ("x-client-request-id", session),
    ];
    headers.extend(account_id.map(|id| ("chatgpt-account-id", id.to_owned())));
    headers
}

/// The request's body.
pub(super) fn body(
    model: &Model,
    call: &ModelCall<'_>,
    thinking: Option<Thinking>,
    cache: &mut RenderCache,
) -> Vec<u8> {
    let instructions = Some(call.instructions).filter(|text| !text.trim().is_empty());
    let rest = Rest {
        model: &model.name.model,
        instructions: instructions.or(Some(INSTRUCTIONS)),
        store: false,
        stream: true,
        tools: responses::tools(call.tools),
        parallel_tool_calls: Some(true),
        include: Some(["reasoning.encrypted_content"]),
        reasoning: catalog::effort(model, thinking).map(Reasoning::of),
        text: Some(Verbosity {
            verbosity: "medium",
        }),
        prompt_cache_key: Some(responses::cache_key(call)),
        ..Rest::default()
    };
    responses::write(model, call, cache, &rest)
}
