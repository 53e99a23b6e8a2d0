//! What the person configured: `openclaw.json` and the environment in, a checked [`Config`] out.
//!
//! Inside [`Config`] nothing is missing that should be there: every default is filled in, every
//! reference resolved, every value within its bounds. What the file says beyond that is kept in
//! [`Config::raw`] and told as a [`Warning`]; what it says wrongly is a [`ConfigError`] that names
//! file, line, key, what was found and what is meant.
//!
//! ```text
//!   openclaw.json ─ scan ─▶ node ─ include ─ substitute ─ check ─ build ─▶ Config
//!                                                          ▲
//!                                           keys: the table of all we know
//! ```
//!
//! Never touches sessions, credentials of `auth-profiles.json`, or the network.

// Noticing, showing, describing, comparing, changing.

mod watch;
mod redact;
mod schema;
mod diff;
mod edit;

// From files to a checked configuration.

mod load;
mod build;
mod private_file;
mod check;
mod secrets;
mod include;
mod substitute;
mod findings;
mod view;
mod size;
mod nearest;
mod keys;
mod scan;
mod node;
mod key_path;

// What a checked configuration holds.

mod telegram;
mod messages;
mod mention;
mod agent;
mod tools;
mod runtime;
mod egress;
mod session;
mod gateway;
mod provider;
mod env;
mod paths;
mod error;
mod mend;

pub use agent::{Agent, Compaction, MAIN_MANUAL, ModelChain, Subagents, Thinking};
pub use diff::{Changes, Plan, plan};
pub use edit::{EditError, Edited, get, parse_value, set, unset};
pub use egress::{Egress, EgressMode, Preset};
pub use env::Env;
pub use error::{ConfigError, ConfigErrors, Place, Warning};
pub use gateway::{Bind, Gateway, GatewayAuth, LogLevel, Logging, Reload, ReloadMode};
pub use key_path::{BadKeyPath, KeyPath, Step};
pub use load::Source;
pub use mend::mend;
pub use mention::MentionPattern;
pub use messages::{
    AckScope, Audio, AudioModel, Binding, BoundAccount, BoundPeer, Messages, PeerKind,
};
pub use paths::Paths;
pub use private_file::replace_private_file;
pub use provider::{
    Api, Auth, AuthMode, AuthProfile, BadModelRef, Cooldowns, Cost, ModelEntry, ModelRef, Provider,
};
pub use redact::{SECRET, redact, secrets};
pub use runtime::{Budget, Limits, Loops, Namespaces, Network, Process, Programs, Sandbox};
pub use schema::schema;
pub use session::{Commands, DmScope, Overflow, Queue, QueueMode, Reset, Scope, Session};
pub use telegram::{
    Chunk, CustomCommand, DEFAULT_ACCOUNT, DmPolicy, GroupPolicy, GroupRules, InlineButtons,
    ProxyUrl, ReactionLevel, ReactionNotifications, ReplyMode, Retry, Streaming, TelegramAccount,
    TopicRules, Webhook,
};
pub use tools::{
    Elevated, ElevatedMode, ElevatedWalls, ExecPolicy, Profile, ToolPolicy, ToolRules,
};
pub use watch::Watch;

use ipc::id::AgentId;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Everything configured, checked, with defaults filled in.
#[derive(Clone)]
pub struct Config {
    /// Where everything is.
    pub paths: Paths,
    /// The environment settings may come from: the process's, then `<state>/.env`, then `env` of
    /// the file. Provider keys are looked up here.
    pub env: Env,
    /// `agents.defaults.workspace`: the folder of agents that have none of their own, whose
    /// `<id>-AGENTS.md` files are agents; absolute.
    pub workspace: PathBuf,
    /// All agents, the default one first; never empty.
    pub agents: Vec<Agent>,
    /// `agents.defaults.models`: short names for models, by alias.
    pub aliases: BTreeMap<String, ModelRef>,
    /// `agents.defaults.models`: the models a session may choose; any when empty.
    pub choices: Vec<ModelRef>,
    /// `models.providers`, by provider id. Only what the file says; what is known of a provider
    /// without any configuration is the model module's business.
    pub providers: BTreeMap<String, Provider>,
    /// How credentials are chosen and rested.
    pub auth: Auth,
    /// When sessions begin anew.
    pub session: Session,
    /// What happens to messages that arrive during a turn.
    pub queue: Queue,
    /// What surrounds a conversation.
    pub messages: Messages,
    /// Whose messages go to which agent, in the order of the file; the default agent's otherwise.
    pub bindings: Vec<Binding>,
    /// `channels.telegram`: the bots that are to run, the default one first; none is no Telegram.
    pub telegram: Vec<TelegramAccount>,
    /// How speech becomes text.
    pub audio: Audio,
    /// The gateway itself.
    pub gateway: Gateway,
    /// Chat commands.
    pub commands: Commands,
    /// The walls around tools.
    pub sandbox: Sandbox,
    /// What one turn may use.
    pub budget: Budget,
    /// When an agent counts as going in circles. Per-agent overrides: [`Agent::loops`].
    pub loops: Loops,
    /// The processes themselves.
    pub process: Process,
    /// What is logged.
    pub logging: Logging,
    /// The file as read: includes merged, `${VAR}` left as written, every unknown key kept.
    pub raw: Value,
    /// The file with every variable and secret in its place; never to be shown.
    pub resolved: Value,
    /// What is worth telling the person.
    pub warnings: Vec<Warning>,
}

impl Config {
    /// The agent that is meant when none is named.
    #[must_use]
    pub fn default_agent(&self) -> &Agent {
        &self.agents[0]
    }

    /// The agent of that id.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| &agent.id == id)
    }

    /// What holds where nothing is configured: one agent, `main`.
    #[must_use]
    pub fn defaults(paths: Paths) -> Self {
        Self {
            workspace: paths.workspace(),
            agents: vec![Agent::main(&paths)],
            logging: Logging::of(&paths),
            paths,
            env: Env::default(),
            aliases: BTreeMap::new(),
            choices: Vec::new(),
            providers: BTreeMap::new(),
            auth: Auth::default(),
            session: Session::default(),
            queue: Queue::default(),
            messages: Messages::default(),
            bindings: Vec::new(),
            telegram: Vec::new(),
            audio: Audio::default(),
            gateway: Gateway::default(),
            commands: Commands::default(),
            sandbox: Sandbox::default(),
            budget: Budget::default(),
            loops: Loops::default(),
            process: Process::default(),
            raw: Value::Object(serde_json::Map::new()),
            resolved: Value::Object(serde_json::Map::new()),
            warnings: Vec::new(),
        }
    }
}

// `raw` and `resolved` may hold secrets in clear, so they are left out.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("paths", &self.paths)
            .field("workspace", &self.workspace)
            .field("agents", &self.agents)
            .field("providers", &self.providers)
            .field("auth", &self.auth)
            .field("session", &self.session)
            .field("queue", &self.queue)
            .field("messages", &self.messages)
            .field("bindings", &self.bindings)
            .field("telegram", &self.telegram)
            .field("audio", &self.audio)
            .field("gateway", &self.gateway)
            .field("commands", &self.commands)
            .field("sandbox", &self.sandbox)
            .field("budget", &self.budget)
            .field("loops", &self.loops)
            .field("process", &self.process)
            .field("logging", &self.logging)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
