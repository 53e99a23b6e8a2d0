//! `channels.telegram`: bots, who may speak to them, and how they answer.

use ipc::id::AgentId;
use reqwest::Url;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The account that is meant where none is named, and that the keys of `channels.telegram` itself
/// make.
pub const DEFAULT_ACCOUNT: &str = "default";

/// One bot: `channels.telegram`, with `channels.telegram.accounts.<id>` on top.
#[derive(Debug, Clone)]
pub struct TelegramAccount {
    /// Its id: `default`, or its key in `accounts`, in lower case.
    pub id: String,
    /// For people; the id where no name is given.
    pub name: String,
    /// Whether it is meant where none is named (`defaultAccount`).
    pub is_default: bool,
    /// `NUMBER:SECRET`, of the shape Telegram gives out. The number is the bot's user id.
    pub token: SecretString,
    /// The Bot API server; a path of it has no slash at its end, but no path is the path `/`.
    pub api_root: Url,
    /// The proxy the server is reached through.
    pub proxy: Option<ProxyUrl>,
    /// Who may speak to it in private.
    pub dm_policy: DmPolicy,
    /// User ids (digits) or `*` that may speak to it in private, and in groups where
    /// [`Self::group_allow_from`] says nothing.
    pub allow_from: Vec<String>,
    /// In which groups, and to whom, it listens.
    pub group_policy: GroupPolicy,
    /// User ids or `*` that may speak to it in groups; `allow_from` where nothing is said.
    pub group_allow_from: Option<Vec<String>>,
    /// By chat id (`-100123`) or `*`. Where anything is said these are the groups it listens in.
    pub groups: BTreeMap<String, GroupRules>,
    /// How an answer shows while it grows.
    pub streaming: Streaming,
    /// Whether native drafts show it in private chats, where the server has them.
    pub drafts: bool,
    /// Longest message, in UTF-16 units; at most 4096.
    pub text_limit: usize,
    /// Where a longer text is cut.
    pub chunk: Chunk,
    /// Whether links show a preview.
    pub link_preview: bool,
    /// Which messages of an answer quote what they answer; where nothing is said, the first in
    /// groups, and none in private.
    pub reply_mode: Option<ReplyMode>,
    /// Which reactions of people the agent hears of.
    pub reaction_notifications: ReactionNotifications,
    /// How the agent may react itself.
    pub reaction_level: ReactionLevel,
    /// Largest file taken in, in bytes.
    pub media_max: u64,
    /// How often a failed send is tried again, and when.
    pub retry: Retry,
    /// How updates are pushed; they are polled for where nothing is said.
    pub webhook: Option<Webhook>,
    /// Where buttons are offered.
    pub inline_buttons: InlineButtons,
    /// Whether the bot's commands are shown in Telegram's own menu.
    pub commands_native: bool,
    /// Further lines of that menu.
    pub custom_commands: Vec<CustomCommand>,
    /// User ids that may approve commands: `execApprovals.approvers`.
    pub approvers: Vec<String>,
    /// User ids that own the bot: what `commands.ownerAllowFrom` says of Telegram.
    pub owners: Vec<String>,
    /// How many messages of a group, said since the last answer, the agent is told of.
    pub history_limit: u32,
    /// The reaction that says "read", unless there is none; its own over `messages.ackReaction`.
    pub ack_reaction: Option<String>,
    /// What stands in front of answers; its own over `messages.responsePrefix`.
    pub response_prefix: Option<String>,
    /// How long one `getUpdates` waits.
    pub poll_timeout: Duration,
    /// Polling begins anew when `getUpdates` was silent for this long.
    pub stall_after: Duration,
}

/// A proxy's address, whose name and password are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(pub Url);

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        let port = self.0.port_or_known_default().unwrap_or_default();
        write!(f, "{}://{host}:{port}", self.0.scheme())
    }
}

/// Who may speak to a bot in private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DmPolicy {
    /// Who was approved, and who is listed. Others get a code.
    #[default]
    Pairing,
    /// Who is listed. Others are not answered.
    Allowlist,
    /// Anyone.
    Open,
    /// Nobody.
    Disabled,
}

/// In which groups, and to whom, a bot listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupPolicy {
    /// To anyone, in every group (or every listed one).
    Open,
    /// To who is listed for groups.
    #[default]
    Allowlist,
    /// To nobody.
    Disabled,
}

/// What holds in one group; `None` is as the account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRules {
    /// Whether the bot listens at all; yes where nothing is said.
    pub enabled: bool,
    /// Whether it answers only who names it; yes where nothing is said.
    pub require_mention: Option<bool>,
    /// User ids or `*` that may speak to it here.
    pub allow_from: Option<Vec<String>>,
    /// To whom it listens here.
    pub group_policy: Option<GroupPolicy>,
    /// What the agent is told besides its manuals.
    pub system_prompt: Option<String>,
    /// Who answers here.
    pub agent: Option<AgentId>,
    /// By topic id, or `*`.
    pub topics: BTreeMap<String, TopicRules>,
}

impl Default for GroupRules {
    fn default() -> Self {
        Self {
            enabled: true,
            require_mention: None,
            allow_from: None,
            group_policy: None,
            system_prompt: None,
            agent: None,
            topics: BTreeMap::new(),
        }
    }
}

/// What holds in one topic of a group; `None` is as the group has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRules {
    /// Whether the bot listens at all; yes where nothing is said.
    pub enabled: bool,
    /// Whether it answers only who names it.
    pub require_mention: Option<bool>,
    /// User ids or `*` that may speak to it here.
    pub allow_from: Option<Vec<String>>,
    /// To whom it listens here.
    pub group_policy: Option<GroupPolicy>,
    /// What the agent is told besides its manuals and what the group says.
    pub system_prompt: Option<String>,
    /// Who answers here.
    pub agent: Option<AgentId>,
}

impl Default for TopicRules {
    fn default() -> Self {
        Self {
            enabled: true,
            require_mention: None,
            allow_from: None,
            group_policy: None,
            system_prompt: None,
            agent: None,
        }
    }
}

/// How an answer shows while it grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streaming {
    /// Not before it is whole.
    Off,
    /// As one message that is edited as it grows.
    #[default]
    Partial,
    /// As one message that grows by whole blocks.
    Block,
    /// As a message that says what is being done; the answer replaces it.
    Progress,
}

/// Where a text too long for one message is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chunk {
    /// At its length.
    #[default]
    Length,
    /// At empty lines first.
    Newline,
}

/// Which messages of an answer quote what they answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// None.
    Off,
    /// The first.
    First,
    /// Each.
    All,
}

/// Which reactions of people the agent hears of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReactionNotifications {
    /// None.
    Off,
    /// Those to the bot's own messages.
    #[default]
    Own,
    /// All.
    All,
}

/// How the agent may react itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReactionLevel {
    /// Not at all; nor is a message acknowledged by a reaction.
    Off,
    /// A message is acknowledged by a reaction; the agent has none of its own.
    Ack,
    /// Seldom.
    #[default]
    Minimal,
    /// As it likes.
    Extensive,
}

/// Where buttons are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InlineButtons {
    /// Nowhere.
    Off,
    /// In private chats.
    Dm,
    /// In groups.
    Group,
    /// Everywhere.
    All,
    /// Everywhere, to who may speak.
    #[default]
    Allowlist,
}

/// How often a failed send is tried again, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries in all, the first one counted; at least 1.
    pub attempts: u32,
    /// The first pause; it doubles.
    pub min: Duration,
    /// The longest pause.
    pub max: Duration,
    /// How much a pause may differ from that, as a part of it: 0 to 1.
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            min: Duration::from_millis(400),
            max: Duration::from_secs(30),
            jitter: 0.1,
        }
    }
}

/// How updates are pushed to the gateway.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// What the server is told to call.
    pub url: Url,
    /// What it shows with each call; 1 to 256 of `[A-Za-z0-9_-]`.
    pub secret: SecretString,
    /// The path listened on; begins with a slash.
    pub path: String,
    /// The address listened on.
    pub host: String,
    /// The port listened on.
    pub port: u16,
}

/// A line of Telegram's menu of commands that the agent is to understand by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomCommand {
    /// 1 to 32 of `[a-z0-9_]`, without the slash.
    pub command: String,
    /// 1 to 256 characters.
    pub description: String,
}
