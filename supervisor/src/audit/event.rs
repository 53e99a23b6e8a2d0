//! What is put on record.

use super::redact;
use ipc::id::SessionKey;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The longest text in a line, in bytes; more of it is cut off.
pub(super) const MAX_TEXT: usize = 4096;

/// Something that is put on record. Texts may hold secrets: they are taken out as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The gateway began.
    Started {
        /// Its version.
        version: String,
        /// Its process id.
        pid: u32,
    },
    /// The gateway ended in an orderly way. Where this is missing, it was killed.
    Stopped,
    /// What the probe of the walls found.
    Walls {
        /// The level that really holds, 0 to 4.
        level: u8,
        /// What the next level lacks.
        missing: Option<String>,
    },
    /// Another configuration is in force.
    Configured {
        /// The keys that changed.
        keys: Vec<String>,
    },
    /// A child process was started.
    Spawn {
        /// For which session; none for what is the gateway's own.
        session: Option<SessionKey>,
        /// What it is: `agent`, `exec`, `files`, `room`.
        role: String,
        /// What `ps` shows.
        title: String,
        /// Its process id as the gateway sees it.
        pid: i32,
        /// The level of the walls at that time; `None` until they were probed.
        level: Option<u8>,
        /// The named set of walls or tools: `coding`, `sealed`, `elevated`.
        profile: String,
    },
    /// A child process could not be started: its walls could not be built, or nothing could.
    NotSpawned {
        /// For which session.
        session: Option<SessionKey>,
        /// What it was to be.
        role: String,
        /// Why not.
        reason: String,
    },
    /// A tool call was denied by policy, walls, budget or loop guard.
    Refused {
        /// In which session.
        session: SessionKey,
        /// Which tool.
        tool: String,
        /// Why, as the model was told.
        reason: String,
    },
    /// A person is asked whether a command may run.
    ApprovalAsked {
        /// In which session.
        session: SessionKey,
        /// The request.
        id: String,
        /// What wants to run.
        command: String,
    },
    /// A request was answered, or expired.
    ApprovalGiven {
        /// In which session.
        session: SessionKey,
        /// The request.
        id: String,
        /// Who said so: a sender, `cli`, or `nobody` for one that expired.
        by: String,
        /// `allow-once`, `allow-always`, `deny`.
        decision: String,
    },
    /// A session's wider walls were switched on, asked for or off, or were used.
    Elevated {
        /// In which session.
        session: SessionKey,
        /// Who said so.
        by: String,
        /// What was done: `on`, `ask`, `full`, `off`, or the command that ran.
        what: String,
    },
    /// A session went over a limit.
    Limit {
        /// Which session.
        session: SessionKey,
        /// The limit: `2.0 GiB memory limit`.
        what: String,
    },
    /// The egress policy denied a connection.
    Egress {
        /// Whose.
        session: SessionKey,
        /// Where to.
        host: String,
        /// The port.
        port: u16,
        /// Why not.
        reason: String,
    },
    /// A person ended a session's processes.
    Killed {
        /// Which session.
        session: SessionKey,
        /// What: a job, or `all`.
        what: String,
    },
    /// Somebody asked to be let in by a channel, or a person said what becomes of them.
    Pairing {
        /// By which channel: `telegram`.
        channel: String,
        /// Which of its accounts; empty when it is about none.
        account: String,
        /// Who, as the channel knows them; an address, when it is locked out.
        sender: String,
        /// What happened: `asked`, `approved`, `approved as owner`, `rejected`, `revoked`,
        /// `locked out`.
        what: String,
        /// Who said so: the sender, `the command line`, or the page, where it was opened and by
        /// whose token.
        by: String,
    },
    /// An answer, or something else we had to say, that a channel can never deliver. None of its
    /// words are told.
    Undelivered {
        /// By which channel: `telegram`.
        channel: String,
        /// By which of its accounts.
        account: String,
        /// To which chat, as the channel numbers it; empty when nobody knows any more.
        chat: String,
        /// Whose answer it was; none for what is no session's.
        session: Option<SessionKey>,
        /// Why not, mostly as the channel's server says.
        reason: String,
    },
    /// Lines that could not be written, and so are missing before this one.
    Lost {
        /// How many of each kind.
        lines: BTreeMap<Kind, u64>,
    },
}

/// The kinds of [`Event`], by which they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Event::Started`], [`Event::Stopped`], [`Event::Walls`], [`Event::Configured`], [`Event::Lost`].
    Gateway,
    /// [`Event::Spawn`].
    Spawn,
    /// [`Event::NotSpawned`].
    NotSpawned,
    /// [`Event::Refused`].
    Refused,
    /// [`Event::ApprovalAsked`] and [`Event::ApprovalGiven`].
    Approval,
    /// [`Event::Elevated`].
    Elevated,
    /// [`Event::Limit`].
    Limit,
    /// [`Event::Egress`].
    Egress,
    /// [`Event::Killed`].
    Killed,
    /// [`Event::Pairing`].
    Pairing,
    /// [`Event::Undelivered`].
    Undelivered,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Gateway,
        Self::Spawn,
        Self::NotSpawned,
        Self::Refused,
        Self::Approval,
        Self::Elevated,
        Self::Limit,
        Self::Egress,
        Self::Killed,
        Self::Pairing,
        Self::Undelivered,
    ];

    /// Its name in the log and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Spawn => "spawn",
            Self::NotSpawned => "not_spawned",
            Self::Refused => "refused",
            Self::Approval => "approval",
            Self::Elevated => "elevated",
            Self::Limit => "limit",
            Self::Egress => "egress",
            Self::Killed => "killed",
            Self::Pairing => "pairing",
            Self::Undelivered => "undelivered",
        }
    }
}

impl Event {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Started { .. }
            | Self::Stopped
            | Self::Walls { .. }
            | Self::Configured { .. }
            | Self::Lost { .. } => Kind::Gateway,
            Self::Spawn { .. } => Kind::Spawn,
            Self::NotSpawned { .. } => Kind::NotSpawned,
            Self::Refused { .. } => Kind::Refused,
            Self::ApprovalAsked { .. } | Self::ApprovalGiven { .. } => Kind::Approval,
            Self::Elevated { .. } => Kind::Elevated,
            Self::Limit { .. } => Kind::Limit,
            Self::Egress { .. } => Kind::Egress,
            Self::Killed { .. } => Kind::Killed,
            Self::Pairing { .. } => Kind::Pairing,
            Self::Undelivered { .. } => Kind::Undelivered,
        }
    }

    /// The session it is about.
    #[must_use]
    pub fn session(&self) -> Option<&SessionKey> {
        match self {
            Self::Spawn { session, .. }
            | Self::NotSpawned { session, .. }
            | Self::Undelivered { session, .. } => session.as_ref(),
            Self::Refused { session, .. }
            | Self::ApprovalAsked { session, .. }
            | Self::ApprovalGiven { session, .. }
            | Self::Elevated { session, .. }
            | Self::Limit { session, .. }
            | Self::Egress { session, .. }
            | Self::Killed { session, .. } => Some(session),
            Self::Started { .. }
            | Self::Stopped
            | Self::Walls { .. }
            | Self::Configured { .. }
            | Self::Pairing { .. }
            | Self::Lost { .. } => None,
        }
    }

    /// The event as it may be kept: no text is too long, or holds a secret.
    #[must_use]
    pub(super) fn fit(mut self) -> Self {
        for text in self.texts() {
            fit(text);
        }
        self
    }

    fn texts(&mut self) -> Vec<&mut String> {
        fn key(session: &mut Option<SessionKey>) -> Option<&mut String> {
            session.as_mut().map(|key| &mut key.0)
        }
        match self {
            Self::Started { version, .. } => vec![version],
            Self::Walls { missing, .. } => missing.iter_mut().collect(),
            Self::Configured { keys } => keys.iter_mut().collect(),
            Self::Spawn {
                session,
                role,
                title,
                profile,
                ..
            } => [role, title, profile]
                .into_iter()
                .chain(key(session))
                .collect(),
            Self::NotSpawned {
                session,
                role,
                reason,
            } => [role, reason].into_iter().chain(key(session)).collect(),
            Self::Refused {
                session,
                tool,
                reason,
            } => vec![&mut session.0, tool, reason],
            Self::ApprovalAsked {
                session,
                id,
                command,
            } => vec![&mut session.0, id, command],
            Self::ApprovalGiven {
                session,
                id,
                by,
                decision,
            } => vec![&mut session.0, id, by, decision],
            Self::Elevated { session, by, what } => vec![&mut session.0, by, what],
            Self::Limit { session, what } | Self::Killed { session, what } => {
                vec![&mut session.0, what]
            }
            Self::Egress {
                session,
                host,
                reason,
                ..
            } => vec![&mut session.0, host, reason],
            Self::Pairing {
                channel,
                account,
                sender,
                what,
                by,
            } => vec![channel, account, sender, what, by],
            Self::Undelivered {
                channel,
                account,
                chat,
                session,
                reason,
            } => [channel, account, chat, reason]
                .into_iter()
                .chain(key(session))
                .collect(),
            Self::Stopped | Self::Lost { .. } => Vec::new(),
        }
    }

    /// What happened, in a line for people, without when and in which session.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Started { version, pid } => format!("gateway {version} started, pid {pid}"),
            Self::Stopped => "gateway stopped".to_owned(),
            Self::Walls { level, missing } => match missing {
                Some(missing) => format!("walls proven at level {level}; in the way: {missing}"),
                None => format!("walls proven at level {level}"),
            },
            Self::Configured { keys } => format!("another configuration: {}", keys.join(", ")),
            Self::Spawn {
                role,
                title,
                pid,
                level,
                profile,
                ..
            } => {
                let level = level.map_or_else(|| "unproven".to_owned(), |l| format!("level {l}"));
                format!("{role} process {pid} started, {level}, {profile}: {title}")
            }
            Self::NotSpawned { role, reason, .. } => {
                format!("{role} process could not be started: {reason}")
            }
            Self::Refused { tool, reason, .. } => format!("{tool} refused: {reason}"),
            Self::ApprovalAsked { id, command, .. } => format!("approval {id} asked: {command}"),
            Self::ApprovalGiven {
                id, by, decision, ..
            } => format!("approval {id}: {decision}, by {by}"),
            Self::Elevated { by, what, .. } => format!("elevated by {by}: {what}"),
            Self::Limit { what, .. } => format!("stopped: {what}"),
            Self::Egress {
                host, port, reason, ..
            } => format!("connection to {host}:{port} denied: {reason}"),
            Self::Killed { what, .. } => format!("killed by a person: {what}"),
            Self::Pairing {
                channel,
                account,
                sender,
                what,
                by,
            } => {
                let at = if account.is_empty() { "" } else { ", account " };
                format!("pairing by {channel}{at}{account}: {sender} {what}, by {by}")
            }
            Self::Undelivered {
                channel,
                account,
                chat,
                reason,
                ..
            } => {
                let to = match chat.as_str() {
                    "" => "a place nobody knows".to_owned(),
                    chat => format!("chat {chat}"),
                };
                format!("not delivered by {channel}, account {account}, to {to}: {reason}")
            }
            Self::Lost { lines } => {
                let each = lines
                    .iter()
                    .map(|(kind, n)| format!("{n} {}", kind.as_str()));
                let each: Vec<String> = each.collect();
                format!("lines lost before this one: {}", each.join(", "))
            }
        }
    }
}

/// A text as it may be kept: not too long, and without secrets.
fn fit(text: &mut String) {
    if text.len() > MAX_TEXT {
        let end = text.floor_char_boundary(MAX_TEXT);
        // Between words, so that a secret is there whole and is known for one, or is not there.
        let gap = text[..end].rfind(char::is_whitespace);
        text.truncate(gap.filter(|at| *at > 0).unwrap_or(end));
        text.push('…');
    }
    if let Cow::Owned(shown) = redact::text(text) {
        *text = shown;
    }
}
