//! What a person chose for one session by command, and the names of what can be chosen. It outlives
//! a reset.

use crate::config::{QueueMode, Thinking};
use crate::store::{Store, StoreError};
use ipc::id::SessionKey;

/// What is stored of `/queue`.
pub(super) const QUEUE: &str = "queue";
/// What is stored of `/think`.
pub(super) const THINKING: &str = "thinking";
/// A fold that waits for the turn to end; its value is what was asked of the summary.
pub(super) const COMPACT: &str = "compact";

/// What was chosen; `None` where the configuration speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    /// What becomes of messages that arrive during a turn.
    pub(super) queue: Option<QueueMode>,
    /// How long the model thinks.
    pub(super) thinking: Option<Thinking>,
}

impl Chosen {
    /// What was chosen for `session`.
    pub(super) async fn read(store: &Store, session: &SessionKey) -> Result<Self, StoreError> {
        let queue = store.setting(session, QUEUE).await?;
        let thinking = store.setting(session, THINKING).await?;
        Ok(Self {
            queue: queue.as_deref().and_then(queue_mode),
            thinking: thinking.as_deref().and_then(thinking_level),
        })
    }
}

/// Every mode of a queue.
pub(super) const QUEUE_MODES: [QueueMode; 4] = [
    QueueMode::Collect,
    QueueMode::Followup,
    QueueMode::Steer,
    QueueMode::Interrupt,
];

/// Every level of thinking, the shortest first.
pub(super) const LEVELS: [Thinking; 6] = [
    Thinking::Off,
    Thinking::Minimal,
    Thinking::Low,
    Thinking::Medium,
    Thinking::High,
    Thinking::Xhigh,
];

/// The mode of that name.
pub(super) fn queue_mode(name: &str) -> Option<QueueMode> {
    QUEUE_MODES
        .into_iter()
        .find(|mode| queue_name(*mode) == name)
}

/// The name of a mode.
pub(super) fn queue_name(mode: QueueMode) -> &'static str {
    match mode {
        QueueMode::Collect => "collect",
        QueueMode::Followup => "followup",
        QueueMode::Steer => "steer",
        QueueMode::Interrupt => "interrupt",
    }
}

/// The level of that name.
pub(super) fn thinking_level(name: &str) -> Option<Thinking> {
    LEVELS
        .into_iter()
        .find(|level| thinking_name(*level) == name)
}

/// The name of a level.
pub(super) fn thinking_name(level: Thinking) -> &'static str {
    match level {
        Thinking::Off => "off",
        Thinking::Minimal => "minimal",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
        Thinking::Xhigh => "xhigh",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_chosen_is_read_by_its_name() {
        for mode in QUEUE_MODES {
            assert_eq!(queue_mode(queue_name(mode)), Some(mode));
        }
        for level in LEVELS {
            assert_eq!(thinking_level(thinking_name(level)), Some(level));
        }
        assert_eq!((queue_mode("default"), thinking_level("max")), (None, None));
    }
}
