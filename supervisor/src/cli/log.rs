//! How a command logs.

use crate::audit::log::{Console, start};
use crate::config::LogLevel;

/// The gateway in the foreground: its log is on standard error, too.
pub(super) fn of_gateway(level: LogLevel) {
    start(level, Console::Follows);
}

/// A command with a gateway of its own: a person reads, and is shown errors alone.
pub(super) fn of_command() {
    start(LogLevel::Error, Console::Stays);
}
