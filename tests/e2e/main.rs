//! The whole system, in stories. One module a feature: this list is the list of features.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a story that can not go on has failed"
)]

mod flow;
mod streaming;
mod steering;
mod cancel;
mod compaction;
mod failover;
mod supervision;
mod cli;
mod places;
mod config;
mod import;
mod protocol;
mod tools;
mod terminal;
mod approvals;
mod elevated;
mod audit;
mod http;
mod crowd;
mod isolation;
mod limits;
mod egress;
mod sandbox;
mod hibernate;
mod telegram;
mod tidy;
