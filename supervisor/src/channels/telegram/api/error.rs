//! What the server may say instead of a result, sorted by who must do what.

use std::time::Duration;

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// Too much was asked: nothing was done, and it may be asked again after this time.
    #[error("Telegram asks to wait {} s", after.as_secs())]
    TooMany {
        /// From now.
        after: Duration,
    },
    /// Somebody else takes this bot's updates.
    #[error("{}", match conflict {
        Conflict::Poller => "another program polls this token; stop it, or give it a bot of its own",
        Conflict::Webhook => "a webhook is set for this bot",
    })]
    Conflict {
        /// Who.
        conflict: Conflict,
    },
    /// The token is none, or is not any more.
    #[error(
        "the bot token is refused; get a new one from @BotFather and set channels.telegram.botToken"
    )]
    Unauthorized,
    /// The server, or what stands before it, is out of order. What was asked may have been done.
    #[error(
        "the server answers {status} without a word of the Bot API; see channels.telegram.apiRoot if that stays so"
    )]
    Server {
        /// HTTP's word.
        status: u16,
    },
    /// The way to the server failed.
    #[error("{why}")]
    Network {
        /// Whether the request may have arrived, and been done.
        sent: bool,
        /// In a few words, without the address.
        why: String,
    },
    /// The server understood, and will not. Asking the same again is of no use.
    #[error(transparent)]
    Refused(Refused),
}

impl ApiError {
    /// The way failed before anything went out.
    pub(crate) fn unsent(why: String) -> Self {
        Self::Network { sent: false, why }
    }

    /// The way failed, and nobody knows when.
    pub(crate) fn in_doubt(why: String) -> Self {
        Self::Network { sent: true, why }
    }

    /// What kind of no it is, where it is one.
    pub(crate) fn kind(&self) -> Option<&Kind> {
        match self {
            Self::Refused(refused) => Some(&refused.kind),
            Self::TooMany { .. }
            | Self::Conflict { .. }
            | Self::Unauthorized
            | Self::Server { .. }
            | Self::Network { .. } => None,
        }
    }
}

/// Who else takes a bot's updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Another `getUpdates`.
    Poller,
    /// A webhook.
    Webhook,
}

/// A no of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Telegram says: {description}")]
pub(crate) struct Refused {
    /// The Bot API's number, mostly 400 or 403.
    pub(crate) code: u16,
    /// The server's words.
    pub(crate) description: String,
    /// What they mean.
    pub(crate) kind: Kind,
}

/// What a no means for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The edit would change nothing: it is as it should be.
    NotModified,
    /// The markup can not be read.
    CantParse,
    /// The message to edit, delete or react to is not there.
    NoMessage,
    /// The message to be quoted is not there.
    NoReply,
    /// The topic is not there, or is closed.
    NoThread,
    /// The message is there and may not be edited: it is not ours, or too old.
    CantEdit,
    /// We may not speak there (any more): blocked, kicked, deactivated, no such chat, no rights.
    Blocked,
    /// The text, or the file, is too long.
    TooLong,
    /// The text is empty.
    Empty,
    /// The group is now another chat, with this id.
    Migrated(i64),
    /// The tap is too old to be answered.
    QueryTooOld,
    /// The server has no such method.
    NoMethod,
    /// Something else.
    Other,
}
