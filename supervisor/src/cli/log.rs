//! Log lines, on standard error.

use crate::config::LogLevel;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Begins logging: `OPENCLAW_LOG` first, then the configured level.
pub(super) fn start(level: LogLevel) {
    let filter =
        EnvFilter::try_from_env("OPENCLAW_LOG").unwrap_or_else(|_| EnvFilter::new(name(level)));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second start in one process keeps the first.
    let _ = subscriber.try_init();
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Silent => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}
