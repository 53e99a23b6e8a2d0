//! The one way out: whatever a session's tools want of the world passes here.
//!
//! A session's network is empty but for four doors, sockets that listen inside of it and are
//! answered from here. No process of ours is in there, no question about a name leaves the machine
//! before policy has heard it, and whose door it was is who is asking: there is no token to steal.
//!
//! ```text
//!   in the session's own network          here                                      the world
//!   ┌─────────────────────────┐
//!   │ curl, pip: 127.0.0.1:3128 ──▶ proxy    HTTP, SOCKS5 ─┐
//!   │ node:      198.18.x.y:80  ──▶ capture  which name? ──┼▶ gate: decide(name, port)
//!   │            198.18.x.y:443 ──▶ capture  which name? ──┘   ▶ look up ▶ judge(addresses)
//!   │ anyone:    127.0.0.1:53   ──▶ dns: 198.18.x.y            ▶ connect ▶ relay, count ──▶ server
//!   └─────────────────────────┘
//! ```
//!
//! Decides by name and by address, in [`policy`]; the bytes of a tunnel are not looked into. Keys
//! never pass here: models are called by the supervisor itself.

mod doors;
mod thread;
mod mediated;
mod capture;
mod proxy;
mod forward;
mod answer;
mod gate;
mod record;
mod relay;
mod connect;
mod own;
pub mod resolve;
pub mod counts;
pub mod head;
pub mod chunks;
pub mod socks;
pub mod dns;
mod pool;
pub mod policy;
pub mod presets;
pub mod rule;
pub mod name;
pub mod address;

pub use counts::{Counts, Totals, totals};
pub use doors::Egress;
pub use mediated::Mediator;
pub use policy::{Denial, EgressPolicy};
pub use resolve::{Resolve, System};

#[cfg(test)]
mod tests;
