//! Sessions, and how messages get into them.

use std::collections::BTreeMap;
use std::time::Duration;

/// `session`: whose messages meet in one session, and when it begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whether senders share a session.
    pub scope: Scope,
    /// `dmScope`: which private chats share a session.
    pub dm_scope: DmScope,
    /// `identityLinks`: senders that are one person, as `telegram:123`, by the name they share.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// Last part of the main session's key: `agent:main:<main_key>`.
    pub main_key: String,
    /// When a session begins anew by itself, evaluated at the next message.
    pub reset: Reset,
    /// Messages that begin a session anew.
    pub reset_triggers: Vec<String>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            scope: Scope::PerSender,
            dm_scope: DmScope::Main,
            identity_links: BTreeMap::new(),
            main_key: "main".into(),
            reset: Reset::default(),
            reset_triggers: vec!["/new".into(), "/reset".into()],
        }
    }
}

/// Whether senders share a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each its own.
    PerSender,
    /// One for all.
    Global,
}

/// Which private chats share a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DmScope {
    /// All of them: the agent's main session.
    #[default]
    Main,
    /// Those with one person, whatever the channel.
    PerPeer,
    /// Those with one person in one channel.
    PerChannelPeer,
    /// Those with one person and one account of a channel.
    PerAccountChannelPeer,
}

/// When a session begins anew by itself. Whichever comes first; `None` never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Daily at this hour of the machine's time, 0 to 23.
    pub at_hour: Option<u8>,
    /// After this long without a message.
    pub idle: Option<Duration>,
}

impl Default for Reset {
    fn default() -> Self {
        Self {
            at_hour: Some(4),
            idle: None,
        }
    }
}

/// `messages.queue`: what happens to messages that arrive during a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// What becomes of them.
    pub mode: QueueMode,
    /// What becomes of those of one channel, by channel name.
    pub by_channel: BTreeMap<String, QueueMode>,
    /// How long to wait for more before a turn begins on what was collected.
    pub debounce: Duration,
    /// How many wait at most.
    pub cap: u32,
    /// What gives way when more than that arrive.
    pub drop: Overflow,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            mode: QueueMode::Collect,
            by_channel: BTreeMap::new(),
            debounce: Duration::from_secs(1),
            cap: 20,
            drop: Overflow::Summarize,
        }
    }
}

/// What becomes of a message that arrives during a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueMode {
    /// All that wait become one turn after this one.
    Collect,
    /// Each becomes a turn of its own after this one.
    Followup,
    /// It is read before this turn's next model call.
    Steer,
    /// This turn is stopped for it.
    Interrupt,
}

/// What gives way when a queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest.
    Old,
    /// The newcomer.
    New,
    /// The oldest, with a line that says what they were.
    Summarize,
}

/// `commands`: what may be done by chat command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Whether `/…` in a message is a command.
    pub text: bool,
    /// `! cmd`.
    pub bash: bool,
    /// `/config`.
    pub config: bool,
    /// `/debug`.
    pub debug: bool,
    /// `/restart`.
    pub restart: bool,
    /// `native`: whether commands are shown in a channel's own menu, where it has one.
    pub native: bool,
    /// `ownerAllowFrom`: who owns the gateway, as written: `telegram:123`, `tg:123` or `123`. What it
    /// says of Telegram is in [`super::TelegramAccount::owners`]. `None` when nothing is said.
    pub owners: Option<Vec<String>>,
    /// How long `! cmd` stays in the foreground.
    pub bash_foreground: Duration,
    /// Senders by channel who may command; `None` when nothing is said.
    pub allow_from: Option<BTreeMap<String, Vec<String>>>,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            text: true,
            bash: false,
            config: false,
            debug: false,
            restart: true,
            native: true,
            owners: None,
            bash_foreground: Duration::from_secs(2),
            allow_from: None,
        }
    }
}
