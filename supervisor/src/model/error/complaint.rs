//! What a provider says of a failure, in any of the usual shapes.

use super::tidy::tidy;
use serde::Deserialize;
use serde_json::Value;

/// A provider's own account of a failure.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct Complaint {
    /// `error.code`.
    pub(in crate::model) code: String,
    /// `error.type`.
    pub(in crate::model) kind: String,
    /// Its words.
    pub(in crate::model) message: String,
    /// Whether it is told as an error at all.
    pub(in crate::model) is_error: bool,
    /// When a usage limit ends, in seconds since 1970.
    pub(in crate::model) resets_at: Option<i64>,
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
    pub(in crate::model) fn of_body(body: &[u8]) -> Self {
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
    pub(in crate::model) fn of_value(value: &Value) -> Self {
        let told = value.get("error").or(value.get("detail"));
        Self {
            is_error: told.is_some_and(|told| !told.is_null()),
            ..Self::read(value)
        }
    }

    fn read(value: &Value) -> Self {
        if let Some(first) = value.as_array().and_then(|list| list.first()) {
            return Self::read(first);
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
        let in_seconds = said
            .resets_in_seconds
            .map(|s| now_seconds().saturating_add(s));
        Self {
            code: plain(&said.code),
            kind: plain(&said.kind),
            message: tidy(said.message.as_str().unwrap_or(&value.to_string())),
            resets_at: said.resets_at.or(in_seconds),
            ..Self::default()
        }
    }

    /// Whether its code or type is one of `names`.
    pub(super) fn is(&self, names: &[&str]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
}
