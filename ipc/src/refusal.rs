//! A no with a reason: the only error that crosses the wire.

use serde::{Deserialize, Serialize};

/// Why something asked for was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of no; decides what the asker does next.
    pub kind: RefusalKind,
    /// For a person or the model: a lowercase fragment that names the thing and, where there is one,
    /// the mend.
    pub message: String,
}

/// The kinds of no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// Policy says no; asking again gives the same answer.
    Denied,
    /// The ask makes no sense as it stands.
    Invalid,
    /// What it names does not exist.
    NotFound,
    /// The turn's or session's budget is used up.
    OverBudget,
    /// The context is longer than the model takes; compact and ask once more.
    ContextFull,
    /// Whoever would have answered can not now; every fallback has been tried.
    Unavailable,
    /// The turn was cancelled meanwhile.
    Cancelled,
}

impl Refusal {
    /// A refusal of `kind` that says `message`.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}
