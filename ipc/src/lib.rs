//! The language between the processes: serde types and framing, no policy.
//!
//! | who | to whom | says |
//! |---|---|---|
//! | supervisor | agent | [`agent::ToAgent`] |
//! | agent | supervisor | [`agent::FromAgent`], its whole power |
//! | supervisor | toolbox | [`tool::ToTool`] |
//! | toolbox | supervisor | [`tool::FromTool`] |
//! | CLI | supervisor | [`control::ToSupervisor`] |
//! | supervisor | CLI | [`control::FromSupervisor`] |
//!
//! A module uses only modules declared below it.

pub mod agent;
pub mod control;
pub mod meter;
pub mod approval;
pub mod model;
pub mod transcript;
pub mod tool;
pub mod tool_args;
pub mod link;
pub mod frame;
pub mod hello;
pub mod refusal;
pub mod walls;
pub mod usage;
pub mod id;
