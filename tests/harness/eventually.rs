//! Waiting for conditions, never for time.

use std::time::Duration;

/// Longer than anything here takes on a busy machine; only a failure reaches it.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at a condition.
pub const LOOK_EVERY: Duration = Duration::from_millis(4);

/// Waits until a condition holds; looks every few milliseconds, and fails with the condition's own
/// words (and more, where they are given) when it does not come true within [`PATIENCE`].
#[macro_export]
macro_rules! eventually {
    ($condition:expr) => {
        $crate::eventually!($condition, "it never came true")
    };
    ($condition:expr, $($more:tt)+) => {{
        let began = ::std::time::Instant::now();
        while !$condition {
            assert!(
                began.elapsed() < $crate::eventually::PATIENCE,
                "{}: {}",
                stringify!($condition),
                format_args!($($more)+)
            );
            ::tokio::time::sleep($crate::eventually::LOOK_EVERY).await;
        }
    }};
}
