//! Which tools an agent has, and what `exec` may run.

use super::egress::Egress;
use super::runtime::Network;
use ipc::tool_args::{ExecAsk, ExecSecurity};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// All that was said of an agent's tools; the policy module draws the conclusions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolPolicy {
    /// `tools.*`: for all agents.
    pub global: ToolRules,
    /// `agents.list[].tools.*`: on top, for this one. Its profile replaces the global one; its
    /// lists narrow further.
    pub agent: ToolRules,
    /// `exec`, the agent's own settings over the global ones.
    pub exec: ExecPolicy,
    /// `elevated`: both the global and the agent's own must allow.
    pub elevated: Elevated,
    /// `egress`, the agent's own settings over the global ones.
    pub egress: Egress,
    /// `fs.workspaceOnly`: file tools refuse paths outside the workspace (the jail's own read
    /// paths among them).
    pub workspace_only: bool,
}

/// One layer of rules about tools. Names are tools, `group:…`, or patterns with `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolRules {
    /// The set to begin with.
    pub profile: Option<Profile>,
    /// Only these; `None` when nothing is said.
    pub allow: Option<Vec<String>>,
    /// These as well, whatever the profile says.
    pub also_allow: Vec<String>,
    /// None of these, whatever else is said.
    pub deny: Vec<String>,
    /// The same for one provider (`openai`) or model (`openai/gpt-4o`) alone; one level deep.
    pub by_provider: BTreeMap<String, ToolRules>,
}

/// A named set of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// `minimal`: `session_status` alone.
    Minimal,
    /// `coding`: files, commands, sessions, memory.
    Coding,
    /// `messaging`: messages and sessions.
    Messaging,
    /// `full`: every tool.
    #[default]
    Full,
}

/// What `exec` may run and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPolicy {
    /// What it may run. `full` by default, because every command runs in a jail.
    pub security: ExecSecurity,
    /// When a person must approve.
    pub ask: ExecAsk,
    /// What holds when a person should approve and none is there to ask.
    pub ask_fallback: ExecSecurity,
    /// How long a command stays in the foreground unless the call says otherwise.
    pub background_after: Duration,
    /// How long a command may run unless the call says otherwise.
    pub timeout: Duration,
    /// How long a finished background command stays listed.
    pub cleanup: Duration,
    /// Whether the session hears of a background command's end by itself.
    pub notify_on_exit: bool,
    /// Folders in front of PATH.
    pub path_prepend: Vec<PathBuf>,
    /// Programs allowed without an entry in the allow-list, as long as they only filter stdin.
    pub safe_bins: Vec<String>,
    /// Whether `apply_patch` is offered.
    pub apply_patch: bool,
    /// Whether `apply_patch` keeps to the workspace.
    pub apply_patch_workspace_only: bool,
}

impl Default for ExecPolicy {
    fn default() -> Self {
        Self {
            security: ExecSecurity::Full,
            ask: ExecAsk::Off,
            ask_fallback: ExecSecurity::Deny,
            background_after: Duration::from_secs(10),
            timeout: Duration::from_secs(1800),
            cleanup: Duration::from_secs(30 * 60),
            notify_on_exit: true,
            path_prepend: Vec::new(),
            safe_bins: ["jq", "cut", "uniq", "head", "tail", "tr", "wc"]
                .map(String::from)
                .to_vec(),
            apply_patch: true,
            apply_patch_workspace_only: true,
        }
    }
}

/// Who may give a session's `exec` wider walls, and how wide they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elevated {
    /// Whether anyone may.
    pub enabled: bool,
    /// Senders by channel; `*` is any.
    pub allow_from: BTreeMap<String, Vec<String>>,
    /// The agent's own list, which must allow as well; `None` when it says nothing.
    pub agent_allow_from: Option<BTreeMap<String, Vec<String>>>,
    /// How a session begins: `elevatedDefault`.
    pub default: ElevatedMode,
    /// The wider walls.
    pub walls: ElevatedWalls,
}

/// What `/elevated` was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ElevatedMode {
    /// No command runs elevated.
    #[default]
    Off,
    /// Each elevated command waits for a person's word.
    Ask,
    /// Elevated commands run, by the `exec` policy like others.
    On,
    /// Elevated commands run without anybody being asked.
    Full,
}

/// The walls of an elevated `exec`. Keys and the gateway's state are out of their reach like of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElevatedWalls {
    /// What network it has.
    pub network: Network,
    /// Paths it sees besides what all see; absolute.
    pub read_paths: Vec<PathBuf>,
    /// Paths it may write besides what all may; absolute.
    pub write_paths: Vec<PathBuf>,
    /// How long it may run unless the call says less.
    pub timeout: Duration,
}

impl Default for ElevatedWalls {
    fn default() -> Self {
        Self {
            network: Network::Host,
            read_paths: Vec::new(),
            write_paths: Vec::new(),
            timeout: Duration::from_secs(2 * 60 * 60),
        }
    }
}
