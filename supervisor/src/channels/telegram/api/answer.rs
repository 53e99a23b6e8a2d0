//! What an answer of the server means. Pure; lenient with what is good (a field that is new must
//! not make a sent message look unsent), exact with what is not.

use super::error::{ApiError, Conflict, Kind, Refused};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;

/// What is waited for where the server asks to wait and does not say how long.
const UNTOLD_WAIT: Duration = Duration::from_secs(3);

/// Longest text of the server that is kept, in characters.
const MAX_DESCRIPTION: usize = 300;

#[derive(Deserialize)]
struct Envelope<'a> {
    ok: bool,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error_code: Option<i64>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    retry_after: Option<f64>,
    #[serde(default)]
    migrate_to_chat_id: Option<i64>,
}

/// The result in an answer to `method` with this HTTP status.
///
/// # Errors
/// What the server says instead.
pub(super) fn read_raw(method: &str, status: u16, body: &[u8]) -> Result<Box<RawValue>, ApiError> {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else {
        return Err(without_envelope(status));
    };
    match envelope {
        Envelope {
            ok: true, result, ..
        } => result
            .map(ToOwned::to_owned)
            .ok_or(ApiError::Server { status }),
        refusal => Err(read_refusal(method, status, refusal)),
    }
}

/// A result as a value.
///
/// # Errors
/// [`ApiError::Network`]: it was read as JSON before, so this is for numbers beyond all bounds.
pub(super) fn value(raw: &RawValue) -> Result<Value, ApiError> {
    serde_json::from_str(raw.get()).map_err(|error| {
        ApiError::in_doubt(format!("the server's answer can not be read: {error}"))
    })
}

/// A page for people, or half an answer: it comes from what stands before the server.
fn without_envelope(status: u16) -> ApiError {
    match status {
        401 => ApiError::Unauthorized,
        413 => ApiError::Refused(Refused {
            code: status,
            description: "Request Entity Too Large".to_owned(),
            kind: Kind::TooLong,
        }),
        429 => ApiError::TooMany { after: UNTOLD_WAIT },
        _ => ApiError::Server { status },
    }
}

fn read_refusal(method: &str, status: u16, said: Envelope<'_>) -> ApiError {
    let code = said.error_code.and_then(|code| u16::try_from(code).ok());
    let code = code.unwrap_or(status);
    let description: String = said.description.chars().take(MAX_DESCRIPTION).collect();
    let words = description.to_lowercase();
    match code {
        429 => ApiError::TooMany {
            after: wait(said.parameters.retry_after, &words),
        },
        401 => ApiError::Unauthorized,
        // The same two words are said to a token that is none and to a method that is none; there
        // is no server without these.
        404 if words == "not found" && is_everywhere(method) => ApiError::Unauthorized,
        409 => ApiError::Conflict {
            conflict: if words.contains("webhook") {
                Conflict::Webhook
            } else {
                Conflict::Poller
            },
        },
        500.. => ApiError::Server { status: code },
        _ => ApiError::Refused(Refused {
            kind: kind(code, &words, said.parameters.migrate_to_chat_id),
            code,
            description,
        }),
    }
}

fn is_everywhere(method: &str) -> bool {
    [
        "getMe",
        "getUpdates",
        "deleteWebhook",
        "setWebhook",
        "getWebhookInfo",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(method))
}

/// The time a server asks for: as a parameter, or in words (`retry after 7`).
fn wait(parameter: Option<f64>, words: &str) -> Duration {
    let told = parameter.or_else(|| {
        let (_, rest) = words.split_once("retry after ")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    told.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(UNTOLD_WAIT)
}

/// Words of the server and what they mean; the first that fits. All in lower case.
const WORDS: &[(&str, Kind)] = &[
    ("message is not modified", Kind::NotModified),
    ("can't parse entities", Kind::CantParse),
    ("can't parse message text", Kind::CantParse),
    ("can't parse caption", Kind::CantParse),
    ("unsupported start tag", Kind::CantParse),
    ("message to edit not found", Kind::NoMessage),
    ("message to delete not found", Kind::NoMessage),
    ("message to react not found", Kind::NoMessage),
    ("message_id_invalid", Kind::NoMessage),
    ("message to be replied not found", Kind::NoReply),
    ("message to reply not found", Kind::NoReply),
    ("replied message not found", Kind::NoReply),
    ("reply_message_id_invalid", Kind::NoReply),
    ("message thread not found", Kind::NoThread),
    ("topic_closed", Kind::NoThread),
    ("topic_deleted", Kind::NoThread),
    ("message can't be edited", Kind::CantEdit),
    ("message can't be deleted", Kind::CantEdit),
    ("message_edit_time_expired", Kind::CantEdit),
    ("message_author_required", Kind::CantEdit),
    ("message is too long", Kind::TooLong),
    ("message_too_long", Kind::TooLong),
    ("caption is too long", Kind::TooLong),
    ("media_caption_too_long", Kind::TooLong),
    ("file is too big", Kind::TooLong),
    ("request entity too large", Kind::TooLong),
    ("text must be non-empty", Kind::Empty),
    ("message text is empty", Kind::Empty),
    ("message must be non-empty", Kind::Empty),
    ("query is too old", Kind::QueryTooOld),
    ("query id is invalid", Kind::QueryTooOld),
    ("query_id_invalid", Kind::QueryTooOld),
    ("method not found", Kind::NoMethod),
    ("chat not found", Kind::Blocked),
    ("user not found", Kind::Blocked),
    ("peer_id_invalid", Kind::Blocked),
    ("chat_write_forbidden", Kind::Blocked),
    ("group chat was deactivated", Kind::Blocked),
    ("have no rights to send", Kind::Blocked),
    ("not enough rights to send", Kind::Blocked),
    (
        "need administrator rights in the channel chat",
        Kind::Blocked,
    ),
];

fn kind(code: u16, words: &str, migrated: Option<i64>) -> Kind {
    if let Some(chat) = migrated {
        return Kind::Migrated(chat);
    }
    // `TEXTDRAFT_PEER_INVALID` ends like the name of a chat that is none.
    if words.contains("textdraft_peer_invalid") {
        return Kind::NoMethod;
    }
    let known = WORDS.iter().find(|(part, _)| words.contains(part));
    match (known, code) {
        (Some((_, kind)), _) => kind.clone(),
        (None, 403) => Kind::Blocked,
        (None, 404) => Kind::NoMethod,
        (None, 413) => Kind::TooLong,
        (None, _) => Kind::Other,
    }
}

#[cfg(test)]
mod tests;
