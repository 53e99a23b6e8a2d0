//! One session: a driver task that owns its agent process, its transcript and its tools.
//!
//! ```text
//!              a message            Hello                  a turn
//!    Cold ───────────────▶ Starting ──────────▶ Idle ◀──────────────▶ InTurn
//!     ▲                        │                 │        TurnDone      │  ▲
//!     │                        │ exit,           │                 stop │  │ TurnDone
//!     │                        │ no hello        │ idle long            ▼  │
//!     │                        │                 │ enough         Cancelling
//!     │ left, nothing to do    ▼                 ▼                      │
//!     └──────────────────── Stopping ◀───────────┴──────────────────────┘
//!                              │  ▲                exit, hang, forbidden frame
//!                 left, a turn │  │ spawn
//!                 to go on     ▼  │
//!                           Backoff ──▶ after too many failures the turn is given up, in words
//! ```
//!
//! - **Cold**: no process; everything is on disk.
//! - **Starting**: spawned; the hello must come within `HELLO_WITHIN`.
//! - **Idle**: sealed and ready. After `process.idleSeconds` it is asked to exit (hibernation).
//! - **InTurn**: a turn runs, or history is folded because a person said `/compact`. Messages that
//!   arrive wait, steer or interrupt, as `queue.mode` says. A turn has one answer, so it is made of
//!   messages from one place.
//! - **Cancelling**: the agent was told to abandon the turn; it has `CANCEL_WITHIN`.
//! - **Stopping**: on the kill ladder: asked, SIGTERM, SIGKILL, reaped.
//! - **Backoff**: it left with a turn unfinished; the next process takes the turn up.
//!
//! `state` decides, `driver` acts. A turn that was cut off is resumed from what is on disk by
//! `recovery`, whoever died.

mod driver;
mod commands;
mod effects;
mod direct;
mod elevate;
mod choose;
mod facts;
mod halt;
mod compact;
mod asks;
mod tools;
mod approve;
mod turn_end;
mod call_end;
mod turn_begin;
mod handle;
mod permit;
mod publish;
mod recovery;
mod fresh;
mod start;
mod rules;
mod state;
mod transcript;
mod turn;
mod directive;
mod chosen;
pub(crate) mod manual;
mod process;

pub(crate) use direct::is_directive;
pub use driver::start;
pub(crate) use fresh::begins_anew;
pub use handle::{Gone, Operation, SessionHandle, SessionView, Watch};
pub(crate) use rules::{may_command_from as may_command, policy_of};
pub use state::PhaseName;
