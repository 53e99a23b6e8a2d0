//! A newtype for every id, so that a turn can not be passed where a call is meant.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The id after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }
    };
}

number_id! {
    /// One turn of a session; counts up over the session's life.
    TurnId
}
number_id! {
    /// One ask of an agent process; chosen by the agent, counts up over the process's life.
    CallId
}
number_id! {
    /// One item of a session's transcript; chosen by the supervisor, counts up from 1 without gaps.
    ItemId
}
number_id! {
    /// One accepted message of a person, unique in a state directory.
    InputId
}
text_id! {
    /// Whose conversation it is, in OpenClaw's own form: `agent:main:main`,
    /// `agent:main:telegram:group:-100…`.
    SessionKey
}
text_id! {
    /// One life of a session key, from reset to reset (a UUID).
    SessionId
}
text_id! {
    /// An agent's id as configured: `main`, `backend-dev`.
    AgentId
}
text_id! {
    /// A background job of `exec`, as the model and `process` name it.
    JobId
}

/// One tool call of one answer: which transcript item asked, and which of its calls.
///
/// Unique within a session whatever ids the model gives its calls (small models repeat them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallRef {
    /// The answer that asks for the call.
    pub item: ItemId,
    /// Position among that answer's calls, from 0.
    pub index: u32,
}

impl fmt::Display for CallRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.item, self.index)
    }
}
