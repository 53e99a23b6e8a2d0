//! The wire, held still: one snapshot per variant of everything that can be said, so that a change
//! of the language is a diff somebody reads, and a build that stops when a variant has none.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod agent;
mod model;
mod transcript;
mod tool;
mod control;
mod noise;
mod examples;
mod still;
