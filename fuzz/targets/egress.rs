//! The pure parts of the egress proxy, as they are. Included, not linked: the supervisor with all it
//! stands on takes minutes to build with instrumentation, and these few files take seconds.

#[path = "../../supervisor/src/egress/head.rs"]
pub mod head;
#[path = "../../supervisor/src/egress/chunks.rs"]
pub mod chunks;
#[path = "../../supervisor/src/egress/socks.rs"]
pub mod socks;
#[path = "../../supervisor/src/egress/dns.rs"]
pub mod dns;
#[path = "../../supervisor/src/egress/rule.rs"]
pub mod rule;
#[path = "../../supervisor/src/egress/name.rs"]
pub mod name;
#[path = "../../supervisor/src/egress/address.rs"]
pub mod address;
