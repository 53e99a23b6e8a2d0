//! What holds in every channel: what surrounds a conversation, who answers whom, how speech becomes
//! text.

use super::mention::MentionPattern;
use ipc::id::AgentId;
use std::time::Duration;

/// `messages`, less its queue: what surrounds a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Messages {
    /// `responsePrefix`: what stands in front of answers.
    pub response_prefix: Option<String>,
    /// `ackReaction`: the reaction that says "read"; none where it is empty.
    pub ack_reaction: Option<String>,
    /// `ackReactionScope`: which messages get it.
    pub ack_scope: AckScope,
    /// `removeAckAfterReply`.
    pub remove_ack: bool,
    /// `groupChat.historyLimit`.
    pub history_limit: u32,
    /// `groupChat.mentionPatterns`: what names the bot in a group, besides its @name. Agents with
    /// patterns of their own have those instead: [`super::Agent::mention_patterns`].
    pub mention_patterns: Vec<MentionPattern>,
    /// `inbound.debounceMs`: messages one sender sends within this long are read as one.
    pub debounce: Duration,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            response_prefix: None,
            ack_reaction: Some("👀".into()),
            ack_scope: AckScope::GroupMentions,
            remove_ack: false,
            history_limit: 50,
            mention_patterns: Vec::new(),
            debounce: Duration::ZERO,
        }
    }
}

/// Which messages are acknowledged by a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckScope {
    /// Those of groups that name the bot.
    GroupMentions,
    /// All of groups.
    GroupAll,
    /// Private ones.
    Direct,
    /// All.
    All,
    /// None.
    Off,
}

/// One entry of `bindings`: whose messages go to which agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Who answers.
    pub agent: AgentId,
    /// `telegram`, in lower case.
    pub channel: String,
    /// Which accounts of the channel.
    pub account: BoundAccount,
    /// Which chat; any where nothing is said.
    pub peer: Option<BoundPeer>,
}

/// Which accounts a binding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundAccount {
    /// The default one: nothing is said.
    Default,
    /// Any: `*`.
    Any,
    /// The one of this id, in lower case.
    Named(String),
}

/// The chat a binding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundPeer {
    /// What kind of chat.
    pub kind: PeerKind,
    /// A person's or a chat's id; of a forum's topic, `CHAT:topic:THREAD`. `*` is any of the kind.
    pub id: String,
}

/// What kind of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// A person (`direct`, formerly `dm`).
    Direct,
    /// A group.
    Group,
    /// A channel.
    Channel,
}

/// `tools.media.audio`: how speech becomes text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// Whether it does, where there is a provider.
    pub enabled: bool,
    /// Largest recording, in bytes.
    pub max_bytes: u64,
    /// The language spoken, such as `de`; found out where nothing is said.
    pub language: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whom to ask, in order; whichever provider has a key where nothing is said.
    pub models: Vec<AudioModel>,
}

impl Default for Audio {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 20 << 20,
            language: None,
            timeout: Duration::from_secs(60),
            models: Vec::new(),
        }
    }
}

/// Whom to ask what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioModel {
    /// Provider id, in lower case.
    pub provider: String,
    /// The model; the provider's usual one where nothing is said.
    pub model: Option<String>,
}
