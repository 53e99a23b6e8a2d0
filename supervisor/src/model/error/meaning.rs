//! What a failure means: names first, then words, then the status.

use super::ModelError;
use super::complaint::Complaint;
use super::wording::{hinted_wait, is_overflow, speaks_of_money};
use std::time::Duration;

/// What an answer with an error status means. `retry_after` is from its headers.
pub(in crate::model) fn of_answer(
    status: u16,
    retry_after: Option<Duration>,
    said: Complaint,
) -> ModelError {
    let retry_after = retry_after.or_else(|| hinted_wait(&said.message.to_ascii_lowercase()));
    let meaning = told(&said, retry_after).unwrap_or_else(|| of_status(status));
    error(meaning, status, retry_after, said)
}

/// What an error inside a stream means.
pub(in crate::model) fn of_event(said: Complaint) -> ModelError {
    let retry_after = hinted_wait(&said.message.to_ascii_lowercase());
    let status = said.code.parse().unwrap_or(0);
    let meaning = told(&said, retry_after).unwrap_or_else(|| match status {
        400..=599 => of_status(status),
        _ if said.is(&["invalid_request_error", "invalid_prompt"]) => Meaning::Rejected,
        // A stream that fails after a good start, without saying why in words we know, may well
        // succeed the next time.
        _ => Meaning::Overloaded,
    });
    error(meaning, status, retry_after, said)
}

#[derive(Debug, Clone, Copy)]
enum Meaning {
    RateLimited,
    Billing,
    UsageLimit,
    Auth,
    ContextFull,
    Overloaded,
    Rejected,
    NotFound,
}

/// Codes and types that mean the same whatever the status.
const NAMES: [(&str, Meaning); 19] = [
    ("usage_limit_reached", Meaning::UsageLimit),
    ("usage_not_included", Meaning::UsageLimit),
    ("insufficient_quota", Meaning::Billing),
    ("insufficient_credits", Meaning::Billing),
    ("billing_hard_limit_reached", Meaning::Billing),
    ("billing_not_active", Meaning::Billing),
    ("billing_error", Meaning::Billing),
    ("context_length_exceeded", Meaning::ContextFull),
    ("exceed_context_size_error", Meaning::ContextFull),
    ("request_too_large", Meaning::ContextFull),
    ("rate_limit_exceeded", Meaning::RateLimited),
    ("rate_limit_error", Meaning::RateLimited),
    ("invalid_api_key", Meaning::Auth),
    ("authentication_error", Meaning::Auth),
    ("permission_error", Meaning::Auth),
    ("model_not_found", Meaning::NotFound),
    ("not_found_error", Meaning::NotFound),
    ("server_is_overloaded", Meaning::Overloaded),
    ("slow_down", Meaning::Overloaded),
];

/// What its names or words say, if they say anything. Money that comes back within a time it tells is
/// a rate limit.
fn told(said: &Complaint, retry_after: Option<Duration>) -> Option<Meaning> {
    let named = NAMES.iter().find(|(name, _)| said.is(&[name]));
    let lower = said.message.to_ascii_lowercase();
    match named {
        Some((_, meaning)) => Some(*meaning),
        None if is_overflow(&lower) => Some(Meaning::ContextFull),
        None if speaks_of_money(&lower) && retry_after.is_none() => Some(Meaning::Billing),
        None => None,
    }
}

fn of_status(status: u16) -> Meaning {
    match status {
        401 | 403 => Meaning::Auth,
        402 => Meaning::Billing,
        404 => Meaning::NotFound,
        429 => Meaning::RateLimited,
        408 | 425 | 500..=599 => Meaning::Overloaded,
        _ => Meaning::Rejected,
    }
}

fn error(
    meaning: Meaning,
    status: u16,
    retry_after: Option<Duration>,
    said: Complaint,
) -> ModelError {
    let Complaint {
        message, resets_at, ..
    } = said;
    match meaning {
        Meaning::RateLimited => ModelError::RateLimited {
            retry_after,
            message,
        },
        Meaning::Billing => ModelError::Billing { message },
        Meaning::UsageLimit => ModelError::UsageLimit { resets_at, message },
        Meaning::Auth => ModelError::Auth { message },
        Meaning::ContextFull => ModelError::ContextFull { message },
        // It says when it will be there again: to ask sooner is rude.
        Meaning::Overloaded if retry_after.is_some() => ModelError::RateLimited {
            retry_after,
            message,
        },
        Meaning::Overloaded if status >= 400 => ModelError::Overloaded {
            message: format!("{status} {message}"),
        },
        Meaning::Overloaded => ModelError::Overloaded { message },
        Meaning::Rejected => ModelError::Rejected { status, message },
        Meaning::NotFound => ModelError::NotFound { message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(status: u16, body: Value) -> ModelError {
        let said = Complaint::of_body(body.to_string().as_bytes());
        of_answer(status, None, said)
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
    fn a_spent_quota_that_comes_back_by_itself_is_a_rate_limit() {
        let words =
            "You exceeded your current quota, please check your plan. Please retry in 34.5s.";
        let error = of(
            429,
            json!({"error": {"code": 429, "message": words, "status": "RESOURCE_EXHAUSTED"}}),
        );
        let ModelError::RateLimited { retry_after, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(retry_after, Some(Duration::from_millis(34_500)));
        let spent = of(403, json!({"error": "insufficient credits"}));
        assert!(matches!(spent, ModelError::Billing { .. }));
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_without_panic(body: Vec<u8>, status: u16) {
            let _ = of_answer(status, None, Complaint::of_body(&body)).to_string();
        }

        #[test]
        fn any_numbers_are_read_without_panic(at: i64, after: i64, code: i64) {
            let body = json!({"error": {"type": "usage_limit_reached", "code": code, "resets_at": at}});
            let _ = of(429, body).to_string();
            let body = json!({"error": {"type": "usage_limit_reached", "resets_in_seconds": after}});
            let _ = of(429, body).to_string();
        }
    }
}
