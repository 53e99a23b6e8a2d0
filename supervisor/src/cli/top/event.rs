//! What happens to the table, and what it wants done.

use ipc::id::{JobId, SessionKey};
use ipc::meter::{SessionInspect, UsageReport};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Pasted(String),
    /// The terminal has this size now.
    Resized(Size),
    /// Something was heard of the gateway.
    Heard(Heard),
    /// A second went by.
    Tick,
}

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    /// With the control key held.
    Control(char),
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    Tab,
}

/// Of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u16,
    pub(super) height: u16,
}

/// News of the gateway.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// What all sessions use.
    Report(Box<UsageReport>),
    /// One session, closer.
    Inspected(Box<SessionInspect>),
    /// It can not be told more of.
    NotInspected { session: SessionKey, why: String },
    /// The gateway does not answer.
    Lost { why: String },
    /// What was wanted is done.
    Done { words: String },
    /// What was wanted is not done.
    NotDone { why: String },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Tell more of this session from now on, or of none.
    Watch(Option<SessionKey>),
    /// The person wants this, and has said so twice.
    Do(Deed),
    /// Draw everything anew.
    Redraw,
    /// Give the terminal back until the shell says so.
    Suspend,
    /// End.
    Leave,
}

/// What a person may do to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Stop its turn.
    Stop { session: SessionKey },
    /// End its tools and its agent process.
    Kill { session: SessionKey },
    /// End one tool.
    KillJob { session: SessionKey, job: JobId },
}

impl Deed {
    /// To whom.
    pub(super) fn session(&self) -> &SessionKey {
        match self {
            Self::Stop { session } | Self::Kill { session } | Self::KillJob { session, .. } => {
                session
            }
        }
    }
}
