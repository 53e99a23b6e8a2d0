//! What turns and tools run in: walls, budgets, processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// `sandbox`: the walls around tools. Ours; OpenClaw's Docker sandbox is `agents.defaults.sandbox`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// What network tools have.
    pub network: Network,
    /// Refuse to run tools below this level of walls, 0 to 4; when absent, 3 on a host and 2 in a
    /// container.
    pub minimum: Option<u8>,
    /// Paths tools see read-only besides the system's and the workspace; absolute.
    pub read_paths: Vec<PathBuf>,
    /// Paths tools may write besides the workspace; absolute.
    pub write_paths: Vec<PathBuf>,
    /// Whether kernel namespaces are used.
    pub namespaces: Namespaces,
    /// Names beneath each writable path that stay as they are, there or not: `.git/hooks`.
    pub protect: Vec<String>,
    /// What one session's tools may use.
    pub limits: Limits,
}

/// What a later program of the person, not of the session, would run or obey. Folders end in a slash.
pub(super) const PROTECTED: [&str; 21] = [
    ".git/hooks/",
    ".git/config",
    ".gitmodules",
    ".gitconfig",
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".profile",
    ".zshrc",
    ".zprofile",
    ".zshenv",
    ".zlogin",
    ".ripgreprc",
    ".mcp.json",
    ".vscode/",
    ".idea/",
    ".cursor/",
    ".claude/",
    ".codex/",
    ".husky/",
];

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            network: Network::default(),
            minimum: None,
            read_paths: Vec::new(),
            write_paths: Vec::new(),
            namespaces: Namespaces::default(),
            protect: PROTECTED.map(str::to_owned).to_vec(),
            limits: Limits::default(),
        }
    }
}

/// What network tools have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// None.
    None,
    /// One of its own, which reaches whom `tools.egress` allows through the gateway's proxy.
    #[default]
    Proxy,
    /// The machine's.
    Host,
}

impl Network {
    /// The word for it in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Proxy => "proxy",
            Self::Host => "host",
        }
    }
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

/// What the tools of one session may use together; `None` is no limit of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory, `/tmp` included, in bytes; no single process may have more either.
    pub memory: Option<u64>,
    /// CPU, in thousandths of a core.
    pub cpu: Option<u32>,
    /// What they may add to the disk, in bytes.
    pub disk: Option<u64>,
    /// Largest file, in bytes.
    pub file_size: Option<u64>,
    /// Open files of one process.
    pub open_files: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// `/tmp`, in bytes.
    pub tmp: Option<u64>,
    /// How long one command may run, in the background too.
    pub wall: Option<Duration>,
}

const MIB: u64 = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: Some(4096 * MIB),
            cpu: None,
            disk: Some(20 * 1024 * MIB),
            file_size: Some(4096 * MIB),
            open_files: Some(4096),
            processes: Some(1024),
            tmp: Some(1024 * MIB),
            wall: Some(Duration::from_secs(24 * 60 * 60)),
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
