//! Agents: `agents.list[]` over `agents.defaults`.

use super::mention::MentionPattern;
use super::paths::Paths;
use super::provider::ModelRef;
use super::runtime::Loops;
use super::tools::ToolPolicy;
use ipc::id::AgentId;
use std::path::PathBuf;
use std::time::Duration;

/// The manual every agent reads first.
pub const MAIN_MANUAL: &str = "AGENTS.md";

/// One agent, with everything the defaults say filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id: `main`, `backend-dev`.
    pub id: AgentId,
    /// For people; the id where no name is given.
    pub name: String,
    /// Whether it is meant when none is named.
    pub is_default: bool,
    /// Its folder; absolute. Where tools work and manuals are.
    pub workspace: PathBuf,
    /// File name, in the workspace, of its own manual, read after [`MAIN_MANUAL`]:
    /// `backend-dev-AGENTS.md`. The same as [`MAIN_MANUAL`] for `main`. May be missing on disk.
    pub manual: String,
    /// Models, the one to try first in front.
    pub model: ModelChain,
    /// How long models think; the provider's own default when absent.
    pub thinking: Option<Thinking>,
    /// `timeoutSeconds`: a turn's time.
    pub timeout: Duration,
    /// `bootstrapMaxChars`: how much of one manual is read, in characters.
    pub bootstrap_max_chars: u32,
    /// `bootstrapTotalMaxChars`: how much of all manuals together.
    pub bootstrap_total_max_chars: u32,
    /// `contextTokens`: less context than the model has, in tokens.
    pub context_tokens: Option<u32>,
    /// `userTimezone`, as an IANA name; the machine's when absent.
    pub timezone: Option<String>,
    /// `groupChat.mentionPatterns`: what names it in a group, besides the bot's @name; those of
    /// `messages.groupChat` where it has none of its own.
    pub mention_patterns: Vec<MentionPattern>,
    /// When and how history is folded.
    pub compaction: Compaction,
    /// Its tools.
    pub tools: ToolPolicy,
    /// `tools.loopDetection`, its own over the global one.
    pub loops: Loops,
    /// The specialists it may spawn.
    pub subagents: Subagents,
}

impl Agent {
    /// The agent there is where nothing is configured.
    #[must_use]
    pub fn main(paths: &Paths) -> Self {
        Self {
            id: AgentId::from("main"),
            name: "main".into(),
            is_default: true,
            workspace: paths.workspace(),
            manual: MAIN_MANUAL.into(),
            model: ModelChain::default(),
            thinking: None,
            timeout: Duration::from_secs(600),
            bootstrap_max_chars: 20_000,
            bootstrap_total_max_chars: 150_000,
            context_tokens: None,
            timezone: None,
            mention_patterns: Vec::new(),
            compaction: Compaction::default(),
            tools: ToolPolicy::default(),
            loops: Loops::default(),
            subagents: Subagents::default(),
        }
    }
}

/// Models in the order they are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelChain {
    /// The first; what is found on the machine when absent.
    pub primary: Option<ModelRef>,
    /// The next ones.
    pub fallbacks: Vec<ModelRef>,
}

impl ModelChain {
    /// All of them, the first one in front.
    pub fn iter(&self) -> impl Iterator<Item = &ModelRef> {
        self.primary.iter().chain(&self.fallbacks)
    }
}

/// How long a model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thinking {
    /// Not at all.
    Off,
    /// `minimal`.
    Minimal,
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `xhigh`.
    Xhigh,
}

/// When and how history is folded into a summary. All in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    /// `reserveTokensFloor`: kept free for the answer.
    pub reserve_tokens: u32,
    /// `memoryFlush.softThresholdTokens`: how long before that the memory flush comes.
    pub flush_margin: u32,
    /// `memoryFlush.enabled`: whether the agent writes its memory before history is folded.
    pub memory_flush: bool,
    /// `memoryFlush.prompt`: other words than the built-in ones.
    pub flush_prompt: Option<String>,
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            reserve_tokens: 20_000,
            flush_margin: 4_000,
            memory_flush: true,
            flush_prompt: None,
        }
    }
}

/// `subagents`: what an agent may spawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subagents {
    /// How many may run at once, over all sessions.
    pub max_concurrent: u32,
    /// How deep specialists may spawn specialists.
    pub max_spawn_depth: u32,
    /// How many one session may have.
    pub max_children: u32,
    /// When a finished one is put away.
    pub archive_after: Duration,
    /// How long one may run; `None` is as long as it takes.
    pub run_timeout: Option<Duration>,
    /// The model they use; the agent's own when absent.
    pub model: Option<ModelChain>,
    /// How long they think; as the agent does when absent.
    pub thinking: Option<Thinking>,
    /// Whom it may spawn besides itself; `*` is anyone.
    pub allow_agents: Vec<String>,
}

impl Default for Subagents {
    fn default() -> Self {
        Self {
            max_concurrent: 8,
            max_spawn_depth: 1,
            max_children: 5,
            archive_after: Duration::from_secs(60 * 60),
            run_timeout: None,
            model: None,
            thinking: None,
            allow_agents: Vec::new(),
        }
    }
}
