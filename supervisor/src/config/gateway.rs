//! The gateway itself.

use super::paths::Paths;
use reqwest::Url;
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

/// `gateway`: the gateway itself.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// TCP port; 0 is any free one.
    pub port: u16,
    /// Where it listens.
    pub bind: Bind,
    /// Who may speak to it.
    pub auth: GatewayAuth,
    /// `publicUrl`: where people reach it from elsewhere, with the path it is found under there
    /// and without a slash at its end; loopback alone where nothing is said. Ours.
    pub public_url: Option<Url>,
    /// How a changed configuration takes effect.
    pub reload: Reload,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            port: 18_789,
            bind: Bind::Loopback,
            auth: GatewayAuth::Unset,
            public_url: None,
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

/// `logging`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// How much is logged.
    pub level: LogLevel,
    /// The log file; absolute.
    pub file: PathBuf,
    /// It is rotated at this size.
    pub max_file_bytes: u64,
    /// Whether what looks like a secret is kept out of it. Known secrets always are.
    pub redact_shapes: bool,
}

impl Logging {
    /// What holds where nothing is configured.
    #[must_use]
    pub fn of(paths: &Paths) -> Self {
        Self {
            level: LogLevel::default(),
            file: paths.log_file(),
            max_file_bytes: 16 << 20,
            redact_shapes: true,
        }
    }
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
