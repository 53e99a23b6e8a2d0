//! The kernel's walls around a process: `openclaw-jail` builds them around a tool, `openclaw-agent`
//! seals itself with them.
//!
//! A spec is plain data; this crate turns it into kernel objects and knows neither agents nor
//! tools. It is single-threaded, knows no async runtime, and holds all `unsafe` of the workspace.
//!
//! A module uses only modules declared below it.

pub mod probe;

pub mod enter;

mod inside;

mod root;
mod target;

mod report;

pub mod attempts;

mod doors;

pub mod room;

mod handover;

mod ownership;

mod namespaces;
mod reaper;

pub mod seal;

mod landlock;

pub mod notify;

mod mounts;

mod plan;

mod placeholders;

mod filter;
mod limits;
mod privileges;
mod syscalls;

pub mod child;
pub mod memory;
mod sys;

pub mod spec;

mod error;

pub use error::JailError;
pub use limits::harden;
