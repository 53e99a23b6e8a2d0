//! How the server says no.

use serde_json::{Value, json};

/// A no.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) parameters: Option<Value>,
    /// A client that behaves never hears it.
    pub(super) is_rude: bool,
}

impl Refusal {
    /// A no with its status; the description is the whole one.
    pub(super) fn new(code: u16, description: &str) -> Self {
        Self {
            code,
            description: description.to_owned(),
            parameters: None,
            is_rude: false,
        }
    }

    /// A bad request that anybody may make: the world is not as the client thought.
    pub(super) fn bad(description: &str) -> Self {
        Self::new(400, &format!("Bad Request: {description}"))
    }

    /// A bad request of a client that does not know the rules.
    pub(super) fn rude(description: &str) -> Self {
        Self {
            is_rude: true,
            ..Self::bad(description)
        }
    }

    /// Not now.
    pub(super) fn too_many(seconds: u64) -> Self {
        Self {
            parameters: Some(json!({ "retry_after": seconds })),
            ..Self::new(429, &format!("Too Many Requests: retry after {seconds}"))
        }
    }

    pub(super) fn envelope(&self) -> Value {
        let mut envelope =
            json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let Some(parameters) = &self.parameters {
            envelope["parameters"] = parameters.clone();
        }
        envelope
    }
}
