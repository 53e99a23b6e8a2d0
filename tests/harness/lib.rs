//! What the end-to-end tests stand on: real processes in a world that is real as far as it can be
//! here. Only the models are fake, and those watch the peer's manners on every request.
//!
//! ```no_run
//! # async fn story() {
//! use serde_json::json;
//! use tests::{Gateway, turn};
//!
//! let gateway = Gateway::start().await;
//! gateway.model.script([
//!     turn().calls("exec", json!({ "command": "echo hi" })),
//!     turn().says("It printed hi."),
//! ]);
//! let alice = gateway.chat();
//! assert_eq!(alice.asks("run echo hi").await.text, "It printed hi.");
//! assert_eq!(gateway.model.request(1).tool_output("exec"), "hi\n");
//! # }
//! ```
//! No wait in here is by time: every one is for a condition, within a bound that only a failure
//! reaches.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking on whatever is not what it waits for"
)]

pub mod gateway;

pub mod cli;

pub mod terminal;

pub mod chat;

pub mod telegram;

pub mod model;

pub mod actor;

pub mod page;

pub mod procfs;

pub mod net;

pub mod eventually;

pub use chat::{Chat, Exchange};
pub use cli::Ran;
pub use eventually::PATIENCE;
pub use gateway::{Gateway, MAIN, Setup};
pub use model::{Gate, Model, Wire, turn};
pub use telegram::{Fault, Person, Shown, Telegram};
