//! Sessions, queue, gateway, walls, budgets and processes.

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `session`: whose messages meet in one session, and when it begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whether senders share a session.
    pub scope: Scope,
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

/// `gateway`: the gateway itself.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// TCP port.
    pub port: u16,
    /// Where it listens.
    pub bind: Bind,
    /// Who may speak to it.
    pub auth: GatewayAuth,
    /// How a changed configuration takes effect.
    pub reload: Reload,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            port: 18_789,
            bind: Bind::Loopback,
            auth: GatewayAuth::Unset,
            reload: Reload::default(),
        }
    }
}

/// Where the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    /// This machine alone.
    Loopback,
    /// Every interface.
    Lan,
}

/// Who may speak to the gateway over TCP.
#[derive(Debug, Clone)]
pub enum GatewayAuth {
    /// Nothing is configured: nobody, once there is a TCP door.
    Unset,
    /// Anyone; said in so many words.
    Open,
    /// Who has the token.
    Token(SecretString),
    /// Who has the password.
    Password(SecretString),
}

/// `gateway.reload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// What is done about a change.
    pub mode: ReloadMode,
    /// How long the file must be quiet.
    pub debounce: Duration,
}

impl Default for Reload {
    fn default() -> Self {
        Self {
            mode: ReloadMode::Hybrid,
            debounce: Duration::from_millis(300),
        }
    }
}

/// What is done about a changed configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadMode {
    /// Applied where it can be, restarted for the rest.
    Hybrid,
    /// Applied where it can be, the rest is named and waits for a restart.
    Hot,
    /// Always a restart.
    Restart,
    /// Nothing.
    Off,
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
            bash_foreground: Duration::from_secs(2),
            allow_from: None,
        }
    }
}

/// `sandbox`: the walls around tools. Ours; OpenClaw's Docker sandbox is `agents.defaults.sandbox`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sandbox {
    /// What network tools have.
    pub network: Network,
    /// Refuse to run tools below this level of walls, 0 to 4; any level when absent.
    pub minimum: Option<u8>,
    /// Paths tools see read-only besides the system's and the workspace; absolute.
    pub read_paths: Vec<PathBuf>,
    /// Paths tools may write besides the workspace; absolute.
    pub write_paths: Vec<PathBuf>,
    /// Whether kernel namespaces are used.
    pub namespaces: Namespaces,
    /// What one tool process may use.
    pub limits: Limits,
}

/// What network tools have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// None.
    #[default]
    None,
    /// The machine's.
    Host,
}

/// Whether kernel namespaces are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Namespaces {
    /// Those that work.
    #[default]
    Auto,
    /// All, or no tool runs.
    Require,
    /// None.
    Off,
}

/// What one tool process may use; `None` is no limit of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of its own, in bytes.
    pub memory: Option<u64>,
    /// Largest file, in bytes.
    pub file_size: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// `/tmp`, in bytes.
    pub tmp: Option<u64>,
}

const MIB: u64 = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: Some(4096 * MIB),
            file_size: Some(4096 * MIB),
            open_files: Some(4096),
            processes: Some(1024),
            tmp: Some(1024 * MIB),
        }
    }
}

/// `budget`: what one turn may use; kept by the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// `modelCallsPerTurn`.
    pub model_calls: u32,
    /// `tokensPerTurn`: in and out together.
    pub tokens: u64,
    /// `secondsPerTurn`; the agent's `timeoutSeconds` when absent.
    pub time: Option<Duration>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            model_calls: 200,
            tokens: 2_000_000,
            time: None,
        }
    }
}

/// `tools.loopDetection`: when an agent counts as going in circles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loops {
    /// On unless said otherwise.
    pub enabled: bool,
    /// How many calls are looked back on.
    pub history_size: u32,
    /// Repeats that warn.
    pub warning_threshold: u32,
    /// Repeats that block.
    pub critical_threshold: u32,
    /// The same call with the same result, this often, blocks whatever the call.
    pub global_breaker_threshold: u32,
    /// The same tool with the same arguments; only warns.
    pub generic_repeat: bool,
    /// Polling that brings nothing new.
    pub known_poll_no_progress: bool,
    /// Two calls in turns with unchanging results.
    pub ping_pong: bool,
}

impl Default for Loops {
    fn default() -> Self {
        Self {
            enabled: true,
            history_size: 30,
            warning_threshold: 10,
            critical_threshold: 20,
            global_breaker_threshold: 30,
            generic_repeat: true,
            known_poll_no_progress: true,
            ping_pong: true,
        }
    }
}

/// `agents.defaults.process`: the processes themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// `idleSeconds`: an agent process that idles this long exits; it comes back with the next
    /// message.
    pub idle: Duration,
    /// `maxConcurrent` of `agents.defaults`: turns at once, over all sessions.
    pub max_turns: u32,
    /// `programs`: where the programs are that the supervisor starts.
    pub programs: Programs,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(300),
            max_turns: 256,
            programs: Programs::default(),
        }
    }
}

/// Where the programs are that the supervisor starts; absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// `openclaw-agent`.
    pub agent: PathBuf,
    /// `openclaw-toolbox`.
    pub toolbox: PathBuf,
    /// `openclaw-jail`.
    pub jail: PathBuf,
}

impl Programs {
    /// All three in one folder, under their usual names.
    #[must_use]
    pub fn beside(folder: &Path) -> Self {
        Self {
            agent: folder.join("openclaw-agent"),
            toolbox: folder.join("openclaw-toolbox"),
            jail: folder.join("openclaw-jail"),
        }
    }
}

/// Beside the running program.
impl Default for Programs {
    fn default() -> Self {
        let program = std::env::current_exe().unwrap_or_default();
        Self::beside(program.parent().unwrap_or(Path::new("")))
    }
}

/// `logging`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logging {
    /// How much is logged.
    pub level: LogLevel,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Nothing.
    Silent,
    /// What stops the gateway, and errors.
    Error,
    /// What a person should know.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}
