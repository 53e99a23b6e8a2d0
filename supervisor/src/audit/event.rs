//! What is put on record, and the line it becomes.

use super::{Audit, redact};
use ipc::id::SessionKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The longest text in a line, in bytes; more of it is cut off.
const MAX_TEXT: usize = 4096;

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
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Gateway,
        Self::Spawn,
        Self::NotSpawned,
        Self::Refused,
        Self::Approval,
        Self::Elevated,
        Self::Limit,
        Self::Egress,
        Self::Killed,
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
        }
    }

    /// The session it is about.
    #[must_use]
    pub fn session(&self) -> Option<&SessionKey> {
        match self {
            Self::Spawn { session, .. } | Self::NotSpawned { session, .. } => session.as_ref(),
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

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it happened: `2026-11-22T17:49:40.123Z`.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Line {
    /// An event of now, as it may be kept.
    #[must_use]
    pub(super) fn now(event: Event) -> Self {
        Self {
            at: format!("{:.3}", Timestamp::now()),
            event: event.fit(),
        }
    }

    /// The line as it is written: JSON, and a newline.
    #[must_use]
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
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

/// Puts children on record: whoever starts one must have this.
#[derive(Debug, Clone)]
pub struct SpawnRecord {
    pub(super) audit: Audit,
    pub(super) session: Option<SessionKey>,
    pub(super) profile: String,
    pub(super) level: Option<u8>,
}

impl SpawnRecord {
    /// The same with the walls' level as it is now.
    #[must_use]
    pub fn at_level(mut self, level: Option<u8>) -> Self {
        self.level = level;
        self
    }

    /// A child came to be.
    pub fn spawned(&self, role: &str, title: &str, pid: i32) {
        self.audit.record(Event::Spawn {
            session: self.session.clone(),
            role: role.to_owned(),
            title: title.to_owned(),
            pid,
            level: self.level,
            profile: self.profile.clone(),
        });
    }

    /// A child could not be made.
    pub fn failed(&self, role: &str, reason: &str) {
        self.audit.record(Event::NotSpawned {
            session: self.session.clone(),
            role: role.to_owned(),
            reason: reason.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn refused(reason: &str) -> Line {
        let session = SessionKey::from("agent:main:main");
        Line::now(Event::Refused {
            session,
            tool: "exec".into(),
            reason: reason.into(),
        })
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let bytes = refused("no").to_bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches('\n').count(), 1);
        let read: Line = serde_json::from_str(&text).unwrap();
        assert_eq!(read.event, refused("no").event);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["event"], "refused");
        assert!(json["at"].as_str().unwrap().ends_with('Z'), "{json}");
    }

    #[test]
    fn whatever_is_said_is_one_line_of_bounded_length() {
        let bytes = refused(&"a\n\"b".repeat(1 << 20)).to_bytes();
        assert!(bytes.len() < 4 * MAX_TEXT);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(serde_json::from_slice::<Line>(&bytes).is_ok());
    }

    #[test]
    fn secrets_do_not_become_part_of_a_line() {
        let bytes = refused("curl -H 'Authorization: Bearer abcdef0123456789'").to_bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("abcdef0123456789"), "{text}");
        assert!(serde_json::from_str::<Line>(&text).is_ok(), "{text}");
    }

    #[test]
    fn a_secret_is_not_cut_in_two() {
        redact::know(["cut-in-the-middle"]);
        let filler = "x ".repeat(MAX_TEXT / 2 - 4);
        let kept = refused(&format!("{filler}cut-in-the-middle")).to_bytes();
        let kept = String::from_utf8(kept).unwrap();
        assert!(!kept.contains("cut-in") && kept.contains('…'), "{kept}");
    }

    #[test]
    fn every_kind_is_counted_in_its_own_place() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
    }
}
