//! The one way out.

pub mod policy;
pub mod presets;
pub mod rule;
pub mod name;
pub mod address;
