//! The version handshake: always the first frame of a child, and its shape never changes.

use serde::{Deserialize, Serialize};

/// The version of the language in this crate. Raised with every change that an older peer
/// would misread; supervisor and children come from one build, so there is nothing to negotiate.
pub const PROTOCOL: u32 = 1;

/// The first frame in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the sender.
    pub protocol: u32,
    /// The sender's program version, for people: `0.1.0`.
    pub version: String,
}

impl Hello {
    /// This build's hello.
    #[must_use]
    pub fn ours() -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Whether the peer speaks our language.
    ///
    /// # Errors
    /// Names both versions when it does not.
    pub fn check(&self) -> Result<(), WrongVersion> {
        if self.protocol == PROTOCOL {
            Ok(())
        } else {
            Err(WrongVersion {
                found: self.protocol,
                version: self.version.clone(),
            })
        }
    }
}

/// The peer speaks another version of the language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "peer {version} speaks protocol {found}, this program speaks {PROTOCOL}; \
     run programs of one build (restart the gateway after an update)"
)]
pub struct WrongVersion {
    /// The peer's protocol number.
    pub found: u32,
    /// The peer's program version.
    pub version: String,
}
