//! Where in Telegram something is said, and by whom.

use serde::{Deserialize, Serialize};

/// Where something is said. One task speaks there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Place {
    /// Which of our bots.
    pub(crate) account: String,
    /// The chat: positive for a person, negative for a group.
    pub(crate) chat: i64,
    /// The topic of a forum; `None` for the general one, and where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<i32>,
}

/// Where a message came from: what is stored with an input, and comes back with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Origin {
    /// Where it was said.
    #[serde(flatten)]
    pub(crate) place: Place,
    /// The message.
    pub(crate) message: i32,
    /// Who said it: the user's number.
    pub(crate) sender: String,
    /// What they call themselves.
    pub(crate) name: String,
    /// Without the `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// Whether others read along.
    #[serde(default)]
    pub(crate) group: bool,
    /// Whether they may do what only the owner of the gateway may. Admission says so, nobody else.
    #[serde(default)]
    pub(crate) owner: bool,
}
