//! The body of OpenClaw: everything that touches the world. Secrets, network, disk and policy are
//! here, and this is the only process that spawns. It runs no model output: only jailed children do.
//!
//! A module uses only modules declared below it.

pub mod cli;
pub mod app;
pub mod http;
pub mod control;
pub mod channels;
pub mod router;
pub mod session;
pub mod broker;
pub mod message;
pub mod tool_host;
pub mod egress;
pub mod meter;
pub mod policy;
pub mod model;
pub mod process;
pub mod workspace;
pub mod store;
pub mod audit;
pub mod config;
