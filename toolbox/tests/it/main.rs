//! The toolbox as the supervisor sees it: the real program over a socketpair, with real shells,
//! terminals and files.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test starts programs, and fails by panicking on whatever is not what it waits for"
)]

mod harness;

mod changes;
mod exec;
mod files;
mod link;
mod process;
