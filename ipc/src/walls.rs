//! What holds around a session's tools, layer by layer.

use crate::id::SessionKey;
use serde::{Deserialize, Serialize};

/// A session's walls, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallsDetail {
    /// Whose; the default agent's main session where none was named.
    pub session: SessionKey,
    /// 0 to 4; `None` until the probe has run.
    pub level: Option<u8>,
    /// The level below which no tool runs.
    pub minimum: u8,
    /// Each layer.
    pub layers: Vec<LayerDetail>,
    /// What the next level lacks, and what mends it.
    pub missing: Option<String>,
    /// Paths that tools can read and run.
    pub read: Vec<String>,
    /// Paths that they can change.
    pub write: Vec<String>,
    /// Paths among those that stay as they are.
    pub protect: Vec<String>,
    /// Whose files and processes they are, in words: `uid 1000, the workspace's owner`.
    pub user: String,
    /// What network they have, in words: `public internet through the proxy`.
    pub network: String,
    /// Each limit and how it holds: `memory: 4 GiB, enforced`.
    pub limits: Vec<String>,
    /// What `exec` may run and when a person is asked, in words.
    pub exec: String,
    /// The wider walls of an elevated `exec`; `None` where nobody can have them.
    pub elevated: Option<String>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerDetail {
    /// Its name: `private root`.
    pub name: String,
    /// Whether it was asked for.
    pub asked: bool,
    /// Whether it was proven to hold.
    pub holds: bool,
    /// What was tried, and what came of it.
    pub proof: String,
    /// The flag, setting or package that mends it, where it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// The walls one call ran behind; part of its outcome's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The level that was proven, 0 to 4.
    pub level: u8,
    /// Which set of walls: `exec`, `files`, `elevated`.
    pub walls: String,
}
