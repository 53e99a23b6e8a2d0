//! What can go wrong with a call, by what is to be done about it.

use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Longest text of a provider kept in an error, in characters.
const MAX_TEXT: usize = 400;

/// Why a model did not answer. The message is the provider's own, without secrets, cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Too many requests; it asks to wait.
    #[error("rate limited: {message}{}", wait(.retry_after))]
    RateLimited {
        /// How long, where it says.
        retry_after: Option<Duration>,
        /// Its words.
        message: String,
    },
    /// The purse is empty: waiting seconds does not help.
    #[error("out of credit: {message}; add credit with the provider, or another key")]
    Billing {
        /// Its words.
        message: String,
    },
    /// The plan's share for now is used up.
    #[error("usage limit reached: {message}{}", until(.resets_at))]
    UsageLimit {
        /// When it is there again, in seconds since 1970, where it says.
        resets_at: Option<i64>,
        /// Its words.
        message: String,
    },
    /// It does not take the credential.
    #[error("credential refused: {message}")]
    Auth {
        /// Its words, and the mend.
        message: String,
    },
    /// There is no credential to call it with, or none that may be used now.
    #[error("{message}")]
    NoCredential {
        /// What is missing, and the mend.
        message: String,
    },
    /// The context is longer than it takes.
    #[error("context too long: {message}")]
    ContextFull {
        /// Its words.
        message: String,
    },
    /// It is there, and can not answer now.
    #[error("overloaded: {message}")]
    Overloaded {
        /// Its words.
        message: String,
    },
    /// It could not be reached, or the connection was lost.
    #[error("not reachable: {message}")]
    Network {
        /// What happened.
        message: String,
    },
    /// The answer was cut short or is not in the form it should have.
    #[error("broken answer: {message}")]
    Broken {
        /// What is wrong with it.
        message: String,
    },
    /// It said nothing for too long.
    #[error("no answer for {} s", .after.as_secs_f32().ceil())]
    Silent {
        /// How long.
        after: Duration,
    },
    /// It does not take the request as it is.
    #[error("refused the request ({status}): {message}")]
    Rejected {
        /// HTTP status; 0 inside a stream.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It does not know the model.
    #[error("no such model: {message}")]
    NotFound {
        /// Its words.
        message: String,
    },
}

fn wait(after: &Option<Duration>) -> String {
    after.map_or_else(String::new, |after| {
        format!(" (try again in {} s)", after.as_secs_f32().ceil())
    })
}

fn until(resets_at: &Option<i64>) -> String {
    let at = resets_at.and_then(|at| jiff::Timestamp::from_second(at).ok());
    at.map_or_else(String::new, |at| format!(" (until {at})"))
}

/// What a provider says of a failure, in any of the usual shapes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    /// `error.code`.
    pub(super) code: String,
    /// `error.type`.
    pub(super) kind: String,
    /// Its words.
    pub(super) message: String,
    /// When a usage limit ends, in seconds since 1970.
    pub(super) resets_at: Option<i64>,
}

/// The object under `error`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    code: Value,
    #[serde(rename = "type")]
    kind: Value,
    message: Value,
    resets_at: Option<i64>,
    resets_in_seconds: Option<i64>,
}

impl Complaint {
    /// Reads an answer's body.
    pub(super) fn of_body(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::of_value(&value),
            Err(_) => Self {
                message: tidy(&String::from_utf8_lossy(body)),
                ..Self::default()
            },
        }
    }

    /// Reads `{"error":{…}}`, `{"error":"…"}`, `{"detail":…}`, `{"message":…}`, or the inner object
    /// itself; a list is read by its first entry.
    pub(super) fn of_value(value: &Value) -> Self {
        if let Some(first) = value.as_array().and_then(|list| list.first()) {
            return Self::of_value(first);
        }
        match (value.get("error"), value.get("detail")) {
            (Some(error @ Value::Object(_)), _) => Self::of_object(error),
            (Some(Value::String(text)), _) => Self {
                code: text.clone(),
                message: tidy(
                    text_of(value.get("error_description").or(value.get("message")))
                        .unwrap_or(text),
                ),
                ..Self::default()
            },
            (_, Some(Value::String(text))) => Self {
                message: tidy(text),
                ..Self::default()
            },
            (_, Some(detail @ Value::Object(_))) => Self::of_object(detail),
            (_, Some(detail)) => Self {
                message: tidy(&detail.to_string()),
                ..Self::default()
            },
            (_, None) => Self::of_object(value),
        }
    }

    fn of_object(value: &Value) -> Self {
        let said = Said::deserialize(value).unwrap_or_default();
        let in_seconds = said.resets_in_seconds.map(|s| now_seconds() + s);
        Self {
            code: plain(&said.code),
            kind: plain(&said.kind),
            message: tidy(said.message.as_str().unwrap_or(&value.to_string())),
            resets_at: said.resets_at.or(in_seconds),
        }
    }

    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.code.as_str()) || names.contains(&self.kind.as_str())
    }
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn now_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// What an answer with an error status means. `retry_after` is from its headers.
pub(super) fn of_answer(status: u16, retry_after: Option<Duration>, said: Complaint) -> ModelError {
    of_name(&said, retry_after).unwrap_or_else(|| of_status(status, retry_after, said.message))
}

/// What an error inside a stream means.
pub(super) fn of_event(said: Complaint) -> ModelError {
    let status = said.code.parse().unwrap_or(0);
    match of_name(&said, None) {
        Some(error) => error,
        None if status >= 400 => of_status(status, None, said.message),
        // A stream that fails after a good start, without saying why in words we know, may well
        // succeed the next time.
        None => ModelError::Overloaded {
            message: said.message,
        },
    }
}

fn of_name(said: &Complaint, retry_after: Option<Duration>) -> Option<ModelError> {
    let message = said.message.clone();
    let lower = message.to_ascii_lowercase();
    if said.is(&["usage_limit_reached", "usage_not_included"]) {
        let resets_at = said.resets_at;
        return Some(ModelError::UsageLimit { resets_at, message });
    }
    if said.is(&[
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "insufficient_credits",
    ]) || BILLING.iter().any(|words| lower.contains(words))
    {
        return Some(ModelError::Billing { message });
    }
    if said.is(&["context_length_exceeded", "exceed_context_size_error"]) || is_overflow(&lower) {
        return Some(ModelError::ContextFull { message });
    }
    if said.is(&[
        "rate_limit_exceeded",
        "rate_limit_error",
        "too_many_requests",
    ]) {
        let retry_after = retry_after.or_else(|| hinted_wait(&lower));
        return Some(ModelError::RateLimited {
            retry_after,
            message,
        });
    }
    if said.is(&[
        "invalid_api_key",
        "authentication_error",
        "permission_error",
    ]) {
        return Some(ModelError::Auth { message });
    }
    if said.is(&["model_not_found", "not_found_error"]) {
        return Some(ModelError::NotFound { message });
    }
    if said.is(&[
        "server_is_overloaded",
        "slow_down",
        "overloaded_error",
        "server_error",
        "api_error",
        "internal_server_error",
    ]) {
        return Some(ModelError::Overloaded { message });
    }
    said.is(&["invalid_request_error", "invalid_prompt"])
        .then_some(ModelError::Rejected {
            status: 400,
            message,
        })
}

fn of_status(status: u16, retry_after: Option<Duration>, message: String) -> ModelError {
    match status {
        401 | 403 => ModelError::Auth { message },
        402 => ModelError::Billing { message },
        404 => ModelError::NotFound { message },
        429 => ModelError::RateLimited {
            retry_after: retry_after.or_else(|| hinted_wait(&message.to_ascii_lowercase())),
            message,
        },
        408 | 425 | 500..=599 => ModelError::Overloaded {
            message: format!("{status} {message}"),
        },
        status => ModelError::Rejected { status, message },
    }
}

/// Words by which providers say that the purse is empty, whatever the status.
const BILLING: [&str; 5] = [
    "credit balance is too low",
    "insufficient credits",
    "insufficient balance",
    "exceeded your current quota",
    "payment required",
];

/// Words by which providers say that the context is too long. Each entry is a list of pieces that
/// all must stand in the message, lower case.
const OVERFLOW: [&[&str]; 20] = [
    &["exceeds the context window"],         // OpenAI Responses, Codex
    &["maximum context length"],             // OpenAI, OpenRouter, vLLM, Mistral
    &["context length", "exceed"],           // DeepSeek, LM Studio
    &["exceeds the available context size"], // llama.cpp
    &["context size has been exceeded"],     // llama.cpp
    &["greater than the context length"],    // LM Studio
    &["prompt is too long"],                 // Anthropic
    &["input is too long"],                  // Bedrock
    &["request_too_large"],                  // Anthropic, over 32 MB
    &["input token count", "exceeds the maximum"], // Gemini
    &["maximum prompt length"],              // xAI
    &["reduce the length of the messages"],  // Groq
    &["exceeds the limit of", "token"],      // GitHub Copilot
    &["exceeded model token limit"],         // Moonshot
    &["context window exceeds limit"],       // MiniMax
    &["too large for model with", "maximum"], // Mistral
    &["prompt has", "tokens", "context size is"], // various gateways
    &["context window", "too long"],
    &["prompt too long", "context"], // Ollama
    &["context_length_exceeded"],
];

fn is_overflow(lower: &str) -> bool {
    let speaks_of_rate = lower.contains("per min") || lower.contains("rate limit");
    !speaks_of_rate
        && OVERFLOW
            .iter()
            .any(|pieces| pieces.iter().all(|piece| lower.contains(piece)))
}

/// "try again in 1.2s", "retry in 6m0s", "try again in 20 seconds": how long, from words.
fn hinted_wait(lower: &str) -> Option<Duration> {
    let at = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|lead| lower.find(lead).map(|at| at + lead.len()))?;
    let mut rest = &lower[at..];
    let mut seconds = 0.0;
    loop {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let Ok(number) = rest[..digits].trim_end_matches('.').parse::<f64>() else {
            break;
        };
        rest = rest[digits..].trim_start_matches(' ');
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        seconds += number * unit(&rest[..letters])?;
        rest = &rest[letters..];
    }
    (seconds > 0.0 && seconds < 1e9).then(|| Duration::from_secs_f64(seconds))
}

fn unit(letters: &str) -> Option<f64> {
    match letters {
        "ms" | "millisecond" | "milliseconds" => Some(0.001),
        "s" | "sec" | "secs" | "second" | "seconds" | "" => Some(1.0),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60.0),
        "h" | "hour" | "hours" => Some(3600.0),
        "d" | "day" | "days" => Some(86_400.0),
        _ => None,
    }
}

/// A stranger's text, fit for a log line: one line, bounded, nothing in it that looks like a secret.
pub(super) fn tidy(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() >= MAX_TEXT {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(masked(word).chars().take(MAX_TEXT));
    }
    line.retain(|c| !c.is_control());
    line
}

/// The word with everything in it that is shaped like a key or token left out.
fn masked(word: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
    let mut out = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        out.push_str(if looks_secret(piece) {
            "[hidden]"
        } else {
            piece
        });
        let mark = after.chars().next().map_or(0, char::len_utf8);
        out.push_str(&after[..mark]);
        rest = &after[mark..];
    }
    out
}

fn looks_secret(piece: &str) -> bool {
    const LEADS: [&str; 9] = [
        "sk-", "sk_", "eyJ", "AIza", "gsk_", "xai-", "rt_", "ghp_", "key-",
    ];
    let long = piece.len() >= 12 && LEADS.iter().any(|lead| piece.starts_with(lead));
    let mixed = piece.len() >= 40
        && piece.bytes().any(|b| b.is_ascii_digit())
        && piece.bytes().any(|b| b.is_ascii_uppercase())
        && piece.bytes().any(|b| b.is_ascii_lowercase());
    long || mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(status: u16, body: Value) -> ModelError {
        of_answer(
            status,
            None,
            Complaint::of_body(body.to_string().as_bytes()),
        )
    }

    #[test]
    fn every_usual_shape_gives_its_words() {
        for body in [
            json!({"error": {"message": "no"}}),
            json!({"error": "no"}),
            json!({"detail": "no"}),
            json!({"message": "no"}),
            json!([{"error": {"message": "no"}}]),
            json!({"type": "error", "error": {"type": "x", "message": "no"}}),
        ] {
            assert_eq!(
                Complaint::of_body(body.to_string().as_bytes()).message,
                "no",
                "{body}"
            );
        }
        assert_eq!(
            Complaint::of_body(b"<html>\n502 </html>").message,
            "<html> 502 </html>"
        );
    }

    #[test]
    fn what_is_to_be_done_follows_from_code_type_and_status() {
        let m = || "m".to_owned();
        let err = |status, code: &str| of(status, json!({"error": {"message": "m", "code": code}}));
        assert_eq!(
            err(429, "insufficient_quota"),
            ModelError::Billing { message: m() }
        );
        assert_eq!(
            err(401, "invalid_api_key"),
            ModelError::Auth { message: m() }
        );
        assert_eq!(
            err(404, "model_not_found"),
            ModelError::NotFound { message: m() }
        );
        assert_eq!(
            err(400, "context_length_exceeded"),
            ModelError::ContextFull { message: m() }
        );
        assert_eq!(
            err(418, "x"),
            ModelError::Rejected {
                status: 418,
                message: m()
            }
        );
        for status in [500, 502, 503, 504, 529] {
            assert!(matches!(err(status, "x"), ModelError::Overloaded { .. }));
        }
        assert_eq!(
            of(
                429,
                json!({"error": {"type": "usage_limit_reached", "message": "m", "resets_at": 7}})
            ),
            ModelError::UsageLimit {
                resets_at: Some(7),
                message: m()
            }
        );
    }

    #[test]
    fn an_overflow_is_known_by_its_wording_whoever_words_it() {
        for words in [
            "Your input exceeds the context window of this model.",
            "This model's maximum context length is 8192 tokens. However, you requested 9000",
            "the request exceeds the available context size, try increasing it",
            "prompt is too long: 210000 tokens > 200000 maximum",
            "The input token count (1200000) exceeds the maximum number of tokens allowed",
            "Please reduce the length of the messages or completion.",
        ] {
            let error = of(400, json!({"error": {"message": words}}));
            assert!(matches!(error, ModelError::ContextFull { .. }), "{words}");
        }
        let rate = of(
            429,
            json!({"error": {"message":
            "Rate limit reached: maximum context length tokens per min"}}),
        );
        assert!(matches!(rate, ModelError::RateLimited { .. }));
    }

    #[test]
    fn a_wait_hidden_in_words_is_found() {
        let ms = |text: &str| hinted_wait(text).map(|d| d.as_millis());
        assert_eq!(ms("please try again in 1.2s."), Some(1200));
        assert_eq!(ms("try again in 86ms. visit"), Some(86));
        assert_eq!(ms("try again in 6m0.5s"), Some(360_500));
        assert_eq!(ms("retry in 20 seconds"), Some(20_000));
        assert_eq!(ms("try again in a while"), None);
        assert_eq!(ms("try again"), None);
    }

    #[test]
    fn a_secret_in_a_providers_words_is_hidden() {
        let text = tidy("Incorrect API key provided: sk-proj-abc123456789. See\n\thttps://x");
        assert_eq!(text, "Incorrect API key provided: [hidden] See https://x");
        assert!(!tidy("token=eyJhbGciOiJIUzI1NiJ9.e30.x9").contains("eyJ"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_made_one_short_line(text in ".*") {
            let line = tidy(&text);
            proptest::prop_assert!(line.chars().count() <= 2 * MAX_TEXT + 2);
            proptest::prop_assert!(!line.contains('\n'));
        }

        #[test]
        fn any_body_is_read_without_panic(body: Vec<u8>, status: u16) {
            let _ = of_answer(status, None, Complaint::of_body(&body)).to_string();
        }
    }
}
