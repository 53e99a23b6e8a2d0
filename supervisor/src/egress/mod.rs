//! The one way out.

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
