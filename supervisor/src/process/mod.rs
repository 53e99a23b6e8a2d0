//! Child processes: how they are started, spoken to and ended.
//!
//! Every child is started with a plain `posix_spawn` (nothing runs between fork and exec, so a spawn
//! costs the same however large the supervisor is), has an empty environment, and has one end of a
//! socketpair as its standard input. Closing our end is always a stop: a child whose link ends exits
//! by itself, so a killed supervisor leaves no process behind.

mod child;
mod spawn;
mod open_files;
pub mod cgroup;
pub mod usage;

pub use child::{Child, ExitReason, KillStep};
pub use open_files::raise_open_files;
pub use spawn::{Spawn, SpawnError, link, spawn, start};
