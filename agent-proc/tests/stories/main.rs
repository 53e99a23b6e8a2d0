//! Stories of an agent and a supervisor at the two ends of a socketpair.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a story that can not go on has failed"
)]

mod broken;
mod folding;
mod sealed;
mod supervisor;
mod turns;
