//! What a model call used.

use serde::{Deserialize, Serialize};

/// What a model call used, in the provider's own tokens; zero where it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens in, cached ones included.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Of `input`, read from the provider's cache.
    pub cached: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cached += other.cached;
    }
}
